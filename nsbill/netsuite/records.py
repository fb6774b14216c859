"""Records: transform an order into a billing record, look one up by external id."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from nsbill.errors import NetSuiteError, NoAnswer
from nsbill.money import exact
from nsbill.netsuite.client import Call, Client
from nsbill.vocabulary import RecordType

__all__ = ["FoundRecord", "find_by_external_id", "transform_order"]

_GONE = frozenset({"NONEXISTENT_ID", "RCRD_DSNT_EXIST"})
"""Only these say that there is no such record; a 404 of a gateway or of a wrong address says nothing of the kind."""


@dataclass(frozen=True)
class FoundRecord:
    """A billing record as NetSuite has it."""

    record_id: str
    number: str
    external_id: str
    sales_order_id: str | None
    total: Decimal


def transform_order(
    client: Client, sales_order_id: str, record: RecordType, *, external_id: str, transaction_date: date
) -> str:
    """Create the billing record of an order; returns its internal id. Sent once, never repeated blindly.

    Source: netsuite.md 4.1; success is 204 with the new record's address in ``Location``.

    Raises
    ------
    NetSuiteError
        NetSuite refused; nothing was created.
    NoAnswer
        The outcome is unknown; look it up by ``external_id``.
    """
    what = f"Create the {record.title} of sales order {sales_order_id}"
    reply = client.send(
        Call(
            what,
            "POST",
            f"{_records(client)}/salesOrder/{sales_order_id}/!transform/{record.value}",
            json={"externalId": external_id, "tranDate": transaction_date.isoformat()},
            headers={"X-NetSuite-PropertyNameValidation": "error"},
            creates=True,
        )
    )
    match = re.search(r"/(\d+)$", reply.location or "")
    if reply.status != 204 or not match:
        raise NoAnswer(what, client.settings.rest_url, f"status {reply.status} without the new record's address")
    return match.group(1)


def find_by_external_id(client: Client, record: RecordType, external_id: str) -> FoundRecord | None:
    """Fetch the billing record that carries ``external_id``, or ``None`` when NetSuite says that there is none.

    Raises
    ------
    NetSuiteError
        NetSuite refused to say, or answered with something else than a record: nothing is known then.
    """
    what = f"Look up {record.title} '{external_id}'"
    try:
        reply = client.send(
            Call(
                what,
                "GET",
                f"{_records(client)}/{record.value}/eid:{external_id}",
                params={"fields": "id,externalId,tranId,createdFrom,total"},
            )
        )
    except NetSuiteError as error:
        if error.code in _GONE:
            return None
        raise
    body = _record(what, reply.body)
    return FoundRecord(
        record_id=str(body["id"]),
        number=str(body.get("tranId", "")),
        external_id=str(body.get("externalId", "")),
        sales_order_id=_reference(body.get("createdFrom")),
        total=exact(body["total"]),
    )


def _record(what: str, body: object) -> dict[str, Any]:
    if isinstance(body, dict) and {"id", "total"} <= set(body):
        return body
    raise NetSuiteError(
        what,
        status=200,
        code="UNEXPECTED_SHAPE",
        detail="the answer is no record with an 'id' and a 'total'",
        remedy="Is 'base_url' in the settings a NetSuite address? May the role see totals? Run: nsbill doctor.",
    )


def _reference(value: object) -> str | None:
    """Read a reference: ``{"id": "4", …}``, or a bare id as older samples show (netsuite 3.1, 3.2)."""
    found = value.get("id") if isinstance(value, dict) else value
    return str(found) if found not in (None, "") else None


def _records(client: Client) -> str:
    return f"{client.settings.rest_url}/services/rest/record/v1"
