"""Records: transform an order into a billing record, preview one without saving, look one up by external id."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from nsbill.errors import NetSuiteError, NoAnswer
from nsbill.money import ZERO, exact
from nsbill.netsuite.client import Call, Client
from nsbill.netsuite.suiteql import query_page, quoted
from nsbill.vocabulary import RecordType

__all__ = [
    "BillLine",
    "FoundRecord",
    "PreviewedBill",
    "find_by_external_id",
    "find_carrier",
    "preview_bill",
    "transform_order",
]

CREATE_FORM = "application/vnd.oracle.resource+json; type=create-form"
"""Asks for the record that a transform would make, without making it (netsuite 4.1)."""

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


@dataclass(frozen=True)
class BillLine:
    """One item line of a billing record; amounts in the record's currency, ``amount`` without tax."""

    order_line: int | None
    """The line of the sales order that it bills; ``None`` for a line of its own."""
    item_id: str
    item: str
    quantity: Decimal
    """0 for a line without a quantity, such as a charge or a discount."""
    amount: Decimal
    tax: Decimal


@dataclass(frozen=True)
class PreviewedBill:
    """The billing record that an order would get now, by NetSuite's own reckoning."""

    sales_order_id: str
    record_type: RecordType
    total: Decimal
    """With tax."""
    tax: Decimal
    currency_id: str | None
    """NetSuite's internal id of the currency (``load_currencies`` gives its code)."""
    period: str | None
    """Name of the posting period."""
    lines: tuple[BillLine, ...]


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


def preview_bill(
    client: Client, sales_order_id: str, record: RecordType, *, transaction_date: date | None = None
) -> PreviewedBill:
    """Ask what billing record an order would get now, without saving it (dry run by create-form, netsuite 4.1).

    Without ``transaction_date`` NetSuite takes today.

    Raises
    ------
    NetSuiteError
        The order cannot be billed now, the role may not create the record, or the account knows no dry run and may
        have saved the record.
    NoAnswer
        No clear answer.
    """
    call = Call(
        f"Try the {record.title} of sales order {sales_order_id} without saving it",
        "POST",
        f"{_records(client)}/salesOrder/{sales_order_id}/!transform/{record.value}",
        params={"expandSubResources": "true", "fields": "total,taxTotal,currency,postingPeriod,item"},
        json={"tranDate": transaction_date.isoformat()} if transaction_date else {},
        headers={"Accept": CREATE_FORM},
        creates=True,  # so that it is never sent twice, should a server not know the dry run
    )
    reply = client.send(call)
    if reply.status != 200:
        raise NetSuiteError(
            call.what,
            status=200,
            code="NO_DRY_RUN",
            detail=f"NetSuite answered {reply.status} where 200 was expected, so it may have saved the record "
            f"({reply.location or 'no address'})",
            remedy="Look for the record in NetSuite, and delete it there if it should not be.",
        )
    body = _record(call.what, reply.body, "total")
    period = body.get("postingPeriod")
    return PreviewedBill(
        sales_order_id,
        record,
        total=exact(body["total"]),
        tax=_amount(body, "taxTotal"),
        currency_id=_reference(body.get("currency")),
        period=str(period["refName"]) if isinstance(period, dict) and "refName" in period else None,
        lines=_lines(call.what, body),
    )


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
    body = _record(what, reply.body, "id", "total")
    return FoundRecord(
        record_id=str(body["id"]),
        number=str(body.get("tranId", "")),
        external_id=str(body.get("externalId", "")),
        sales_order_id=_reference(body.get("createdFrom")),
        total=exact(body["total"]),
    )


def find_carrier(client: Client, external_id: str) -> str | None:
    """Name the transaction of any type that carries an external id (they are one namespace), or ``None``: nobody does.

    Raises
    ------
    NetSuiteError, NoAnswer
        Nothing is known.
    """
    query = f"SELECT t.id AS id, t.tranid AS tranid, BUILTIN.DF(t.type) AS type FROM transaction t WHERE t.externalid IN ({quoted([external_id])}) ORDER BY t.id"
    rows, _ = query_page(client, f"Look for who carries '{external_id}'", query)
    return (
        f"{rows[0].get('type', 'transaction')} {rows[0].get('tranid', '')} (internal id {rows[0]['id']})"
        if rows
        else None
    )


def _lines(what: str, body: dict[str, Any]) -> tuple[BillLine, ...]:
    """Read the item lines of a record that was asked for with its sublists."""
    sublist = body.get("item")
    items = sublist.get("items", []) if isinstance(sublist, dict) else []
    return tuple(_line(what, item) for item in items)


def _line(what: str, item: object) -> BillLine:
    line = _record(what, item, "item", "amount")
    order_line, named = line.get("orderLine"), line["item"]
    return BillLine(
        order_line=int(order_line) if order_line is not None else None,
        item_id=_reference(named) or "",
        item=str(named.get("refName", "")) if isinstance(named, dict) else "",
        quantity=Decimal(line.get("quantity") or 0),
        amount=exact(line["amount"]),
        tax=_amount(line, "taxAmount" if "taxAmount" in line else "tax1Amt"),
    )


def _amount(body: dict[str, Any], name: str) -> Decimal:
    """Read an amount that NetSuite leaves out when there is none."""
    value = body.get(name)
    return ZERO if value is None else exact(value)


def _record(what: str, body: object, *names: str) -> dict[str, Any]:
    """Take an answer for a record only if it has the fields that every such one has."""
    if isinstance(body, dict) and set(names) <= set(body):
        return body
    raise NetSuiteError(
        what,
        status=200,
        code="UNEXPECTED_SHAPE",
        detail=f"the answer is no record with {' and '.join(repr(name) for name in names)}",
        remedy="Is 'base_url' in the settings a NetSuite address? May the role see totals? Run: nsbill doctor.",
    )


def _reference(value: object) -> str | None:
    """Read a reference: ``{"id": "4", …}``, or a bare id as older samples show (netsuite 3.1, 3.2)."""
    found = value.get("id") if isinstance(value, dict) else value
    return str(found) if found not in (None, "") else None


def _records(client: Client) -> str:
    return f"{client.settings.rest_url}/services/rest/record/v1"
