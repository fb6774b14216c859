"""What happened to an exception, in sentences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from nsbill.billing.journal_queue_tables import FOUND_KINDS, GONE
from nsbill.money import format_money
from nsbill.vocabulary import ExceptionState

__all__ = ["told"]

Event = Mapping[str, Any]


def told(events: Iterable[Event], currency: str) -> list[str]:
    """One sentence for each event, oldest first; amounts are in ``currency``."""
    sentences = []
    before: dict[str, Any] = {"amount": None, "evidence": None, "state": None, "kind": None}
    for event in events:
        by_reconciliation = event["taking_id"] is not None
        words = _reconciled(event, before, currency) if by_reconciliation else _worked(event)
        sentences.append(f"{event['at']:%Y-%m-%d %H:%M:%S} UTC  {words}")
        if by_reconciliation:
            before["kind"] = event["kind"]
        before |= {name: event[name] for name in ("amount", "evidence", "state") if event[name] is not None}
    return sentences


def _reconciled(event: Event, before: Mapping[str, Any], currency: str) -> str:
    day = f"as of {event['as_of']}"
    if event["kind"] == GONE:
        ended = event["state"] or before["state"]
        return f"not found any more {day}: " + ("resolved" if event["state"] else f"it stays {ended}")
    if event["kind"] not in FOUND_KINDS:
        return f"{event['kind']} {day}"
    amount = format_money(Decimal(event["amount"]), currency)
    if event["kind"] == "seen":
        return f"first found {day}: {amount}; {event['evidence']}"
    if before["kind"] == GONE:
        return f"found again {day}, so it is open again: {amount}; {event['evidence']}"
    was = format_money(Decimal(before["amount"]), currency)
    if event["kind"] == "re-opened":
        late = f"the amount changed from {was} to {amount} after it was {before['state']}"
        return f"{late}, so it is open again, {day}; {event['evidence']}"
    if was != amount:
        return f"the amount changed from {was} to {amount}, {day}; {event['evidence']}"
    return f"the evidence changed, {day}, still {amount}; {event['evidence']}"


def _worked(event: Event) -> str:
    who, said = event["who"], f": {event['note']}" if event["note"] else ""
    if event["kind"] == "assigned":
        if not event["owner"]:
            return f"{who} left it without an owner"
        return f"{who} took it" if event["owner"] == who else f"{who} gave it to {event['owner']}"
    if event["kind"] == "state":
        again = event["state"] == ExceptionState.OPEN.value
        return f"{who} opened it again{said}" if again else f"{who} set it to {event['state']}{said}"
    return f"{who} noted{said}"
