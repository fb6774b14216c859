"""The journal in sentences: what happened to an order, and how a run went."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from nsbill.money import format_money
from nsbill.vocabulary import RecordType

if TYPE_CHECKING:
    from sqlalchemy import RowMapping

__all__ = ["run_sentence", "story"]

_WORDS = {
    "intent": "nsbill is about to create the {record} over {amount} ({external_id})",
    "created": "the {record} exists in NetSuite with internal id {record_id}",
    "exists": "the {record} was there already with internal id {record_id}",
    "rejected": "NetSuite refused the {record}, nothing was created",
    "unknown": "no clear answer: NetSuite may or may not have the {record}",
    "absent": "it is certain that NetSuite does not have the {record}; it may be created",
}


def story(events: Sequence[RowMapping]) -> list[str]:
    """One sentence for each event, oldest first."""
    return [_sentence(event) for event in events]


def run_sentence(run: RowMapping) -> str:
    """One sentence about a run, with what is left to do."""
    open_ones = run["unknown"] + run["intent"]
    rest = run["planned"] - run["created"] - run["exists"] - run["rejected"] - open_ones
    text = (
        f"{run['run_id']}  {run['started_at']:%Y-%m-%d %H:%M} UTC  account {run['account']}  planned {run['planned']}: "
        f"{run['created']} created, {run['exists']} there already, {run['rejected']} rejected, {open_ones} unknown"
    )
    return f"{text}, {rest} not started. Next: nsbill resume {run['run_id']}" if rest or open_ones else text


def _sentence(event: RowMapping) -> str:
    when = f"{event['at']:%Y-%m-%d %H:%M:%S} UTC"
    if event["external_id"] is None:
        return f"{when}  run {event['run_id']}: {event['kind']} {event['detail'] or ''}".rstrip()
    amount = format_money(Decimal(event["amount"]), event["currency"]) if event["amount"] else "?"
    record = RecordType(event["record_type"]).title if event["record_type"] else "record"
    words = _WORDS.get(event["kind"], event["kind"]).format(
        record=record, amount=amount, external_id=event["external_id"], record_id=event["record_id"]
    )
    detail = f" ({event['detail']})" if event["detail"] else ""
    return f"{when}  {event['sales_order_number']} / {event['amazon_order_id']}: {words}{detail}"
