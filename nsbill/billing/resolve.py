"""Find out what became of a create: look the record up, check that it is ours, never create."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd

from nsbill.billing.journal import INTENT, Entry, PlannedBill
from nsbill.errors import NetSuiteError, NoAnswer
from nsbill.money import format_money
from nsbill.netsuite.books import load_billing_records
from nsbill.netsuite.client import Client
from nsbill.netsuite.records import FoundRecord, find_by_external_id, find_carrier
from nsbill.vocabulary import Outcome

__all__ = ["TAKEN", "Resolution", "explain_refusal", "holding_time", "look_up", "resolve_open", "waiting_time"]

TAKEN = "EXTERNAL_ID_TAKEN"
"""Code of a rejected create whose external id is on a record that does not bill the order."""


@dataclass(frozen=True)
class Resolution:
    """What a look-up showed, or a refusal meant; ``fix`` and ``code`` are those of a refusal."""

    outcome: Outcome
    record_id: str | None = None
    detail: str | None = None
    fix: str | None = None
    code: str | None = None


def resolve_open(client: Client, currencies: dict[str, str], entry: Entry, *, now: datetime) -> Resolution:
    """Resolve an intent or an unknown into created, exists, rejected, absent, or still unknown.

    Absence counts only when its waiting time is over: until then the server may still be at work. ``now`` is by the
    journal's clock, which has dated the entry.
    """
    found = look_up(client, currencies, entry.bill, found_as=Outcome.CREATED)
    if found:
        return found
    if entry.at is not None and now >= entry.at + waiting_time(entry, client.settings.unknown_wait):
        return Resolution(
            Outcome.ABSENT,
            detail="looked up by external id and by the order's links: not there. To create it: nsbill resume",
        )
    return Resolution(Outcome.UNKNOWN)


def waiting_time(entry: Entry, unknown_wait: int) -> timedelta:
    """How long after its latest event an open create may still turn up.

    ``unknown_wait`` covers the server's own limit. An intent without an outcome, of a process that died, waits a third
    longer (310 s by default): it was sent within its ``holding_time`` (10 s), and a blocked create is sent again for up
    to ``CREATE_PATIENCE`` (300 s).
    """
    return timedelta(seconds=unknown_wait) * (4 if entry.state == INTENT else 3) / 3


def holding_time(unknown_wait: int) -> float:
    """How many seconds an intent may wait for its slot before it must be written anew; a part of its ``waiting_time``."""
    return min(10.0, unknown_wait / 6)


def look_up(client: Client, currencies: dict[str, str], bill: PlannedBill, *, found_as: Outcome) -> Resolution | None:
    """Look for the bill's record by external id, then by the order's own billing records; ``None``: not there.

    The second way covers accounts in which the external id of a transform is not kept (netsuite.md 13, question 3).
    """
    found = find_by_external_id(client, bill.record_type, bill.external_id)
    if found:
        return _judge(bill, found, found_as)
    linked = load_billing_records(client, currencies, where=f"m.createdfrom = {int(bill.sales_order_id)}")
    posted = linked[~linked["voided"]]
    if len(linked) < bill.part or posted.empty:
        return None
    newest = posted.iloc[pd.to_numeric(posted["billing_record_id"]).argmax()]
    note = f"found as {newest['number']} by the order's links, without the external id {bill.external_id}"
    if newest["total"] != bill.amount:
        note += f"; it bills {format_money(newest['total'], bill.currency)}, planned {_planned(bill)}"
    return Resolution(Outcome.EXISTS, str(newest["billing_record_id"]), note)


def explain_refusal(client: Client, currencies: dict[str, str], bill: PlannedBill, error: NetSuiteError) -> Resolution:
    """Say what a clear refusal means; this request created nothing, but the record may be there from another one.

    Looked up after any refusal: a bill that is there already is refused as a duplicate, or for the order's state.
    """
    refused = Resolution(Outcome.REJECTED, detail=str(error), fix=error.advice.fix, code=error.code)
    try:
        found = look_up(client, currencies, bill, found_as=Outcome.EXISTS)
        if found is None and error.advice.fix == "never":
            carrier = find_carrier(client, bill.external_id)
            found = _taken(bill, carrier) if carrier else None
    except (NoAnswer, NetSuiteError):
        found = None  # the refusal itself was clear
    return found or refused


def _judge(bill: PlannedBill, found: FoundRecord, found_as: Outcome) -> Resolution:
    """A record with our external id: ours when it comes from the same order; its amount must fit."""
    if found.sales_order_id != bill.sales_order_id:
        return _taken(bill, found.number)
    if found.total != bill.amount:
        return Resolution(
            Outcome.EXISTS,
            found.record_id,
            f"{found.number} bills {format_money(found.total, bill.currency)}, planned {_planned(bill)}. "
            f"Compare it with the order.",
        )
    return Resolution(found_as, found.record_id, f"found as {found.number}")


def _taken(bill: PlannedBill, by: str) -> Resolution:
    detail = (
        f"The external id {bill.external_id} of {bill.sales_order_number} is taken by {by}, which does not bill this order; "
        f"nothing was created. Clear it there, then: nsbill retry --failed --fixed."
    )
    return Resolution(Outcome.REJECTED, detail=detail, fix="fix-first", code=TAKEN)


def _planned(bill: PlannedBill) -> str:
    return format_money(bill.amount, bill.currency)
