"""The journal in sentences: what happened to an order, and how a run went."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from nsbill.billing.journal_history import Happening
from nsbill.money import format_money
from nsbill.vocabulary import RecordType

if TYPE_CHECKING:
    from sqlalchemy import RowMapping

__all__ = ["how_it_stands", "run_sentence", "story", "told"]

_WORDS = {
    "intent": "nsbill is about to create the {record} over {amount} ({external_id})",
    "created": "the {record} exists in NetSuite with internal id {record_id}",
    "exists": "the {record} was there already with internal id {record_id}",
    "rejected": "NetSuite refused the {record}, nothing was created",
    "unknown": "no clear answer: NetSuite may or may not have the {record}",
    "absent": "it is certain that NetSuite does not have the {record}; it may be created",
}
_FIX = {
    "retry": "Nothing need be changed: nsbill retry --failed tries it again.",
    "fix-first": "Mend the cause, then plan again or: nsbill retry --failed --fixed.",
    "never": "Trying it again is of no use.",
}
_STANDS = {
    "intent": "It is open whether NetSuite has the {record}. Next: nsbill resume looks it up.",
    "unknown": "It is open whether NetSuite has the {record}. Next: nsbill resume looks it up.",
    "created": "It is billed: {record} with internal id {record_id}.",
    "exists": "It is billed: {record} with internal id {record_id}.",
    "rejected": "It is not billed: NetSuite refused the {record}.",
    "absent": "It is not billed; the next plan has it again.",
}


def told(happenings: Iterable[Happening]) -> list[str]:
    """One sentence for each happening, oldest first."""
    fences: dict[object, int] = {}
    sentences = []
    for happening in happenings:
        row = happening.row
        when = f"{happening.at:%Y-%m-%d %H:%M:%S} UTC"
        if happening.what == "event":
            sentences.append(_sentence(row) + _late(row, fences))
        elif happening.what == "run":
            sentences.append(f"{when}  {_began(row)}")
        elif happening.what == "decision":
            sentences.append(f"{when}  {_decided(row)}")
        else:
            sentences.append(
                f"{when}  process {row['pid']} on {row['host']} took account {row['account']} over "
                f"(lease {row['token']}) {row['detail']}"
            )
    return sentences


def story(events: Sequence[RowMapping]) -> list[str]:
    """One sentence for each event, oldest first."""
    return [_sentence(event) for event in events]


def how_it_stands(happenings: Iterable[Happening]) -> list[str]:
    """How an order stands after all that: one sentence for each of its records, one when it is left out of plans."""
    states: dict[str, dict[str, Any]] = {}
    decisions: dict[tuple[str, str], dict[str, Any]] = {}
    for happening in happenings:
        row = happening.row
        if happening.what == "decision":
            decisions[row["account"], row["sales_order_id"]] = row
        elif row.get("external_id") is not None and (happening.what == "event" or row["external_id"] not in states):
            states[row["external_id"]] = row
    sentences = []
    for external_id, row in states.items():
        words = _STANDS.get(row["kind"]) if "kind" in row else "It was planned, and nothing was sent to NetSuite."
        sentences.append(f"{external_id}: {(words or row['kind']).format(**_names(row))}")
    left_out = [row for row in decisions.values() if row["kind"] == "exclude"]
    return sentences + [
        f"{row['sales_order_number'] or row['sales_order_id']} is left out of every plan ({row['reason']}). "
        f"To lift that: nsbill include {row['sales_order_id']}"
        for row in left_out
    ]


def run_sentence(run: RowMapping) -> str:
    """One sentence about a run, with what is left to do."""
    open_ones = run["unknown"] + run["intent"]
    rest = run["planned"] - run["created"] - run["exists"] - run["rejected"] - open_ones
    text = (
        f"{run['run_id']}  {run['started_at']:%Y-%m-%d %H:%M} UTC  account {run['account']}  planned {run['planned']}: "
        f"{run['created']} created, {run['exists']} there already, {run['rejected']} rejected, {open_ones} unknown"
    )
    return f"{text}, {rest} not started. Next: nsbill resume {run['run_id']}" if rest or open_ones else text


def _sentence(event: Mapping[Any, Any]) -> str:
    when = f"{event['at']:%Y-%m-%d %H:%M:%S} UTC"
    if event["external_id"] is None:
        return f"{when}  run {event['run_id']}: {event['kind']} {event['detail'] or ''}".rstrip()
    words = _WORDS.get(event["kind"], event["kind"]).format(**_names(event))
    detail = f" ({event['detail']})" if event["detail"] else ""
    remedy = f" {_FIX[event['fix']]}" if event["fix"] in _FIX else ""
    return f"{when}  {event['sales_order_number']} / {event['amazon_order_id']}: {words}{detail}{'.' if remedy else ''}{remedy}"


def _late(event: Mapping[Any, Any], fences: dict[object, int]) -> str:
    """Say when a run wrote this that had lost the account to a later one by then."""
    newest, fence = fences.get(event["external_id"], 0), event["fence"] or 0
    fences[event["external_id"]] = max(newest, fence)
    if event["external_id"] is None or not 0 < fence < newest:
        return ""
    return f" [late: its run held lease {fence}, and lease {newest} was in force]"


def _began(run: Mapping[str, Any]) -> str:
    text = f"run {run['run_id']} began on account {run['account']}: {run['who']}"
    lease = f", lease {run['fence']}" if run["fence"] is not None else ""
    text += f"{lease}, plan {run['fingerprint'][:12]} of {run['planned']} records"
    if "external_id" not in run:
        return text
    return f"{text}, among them the {{record}} over {{amount}} for {run['sales_order_number']}".format(**_names(run))


def _decided(row: Mapping[str, Any]) -> str:
    order = " / ".join(filter(None, (row["sales_order_number"] or row["sales_order_id"], row["amazon_order_id"])))
    words = "left it out of every plan" if row["kind"] == "exclude" else "let it be billed again"
    return f"{order}: {row['author']} {words}" + (f": {row['reason']}" if row["reason"] else "")


def _names(row: Mapping[Any, Any]) -> dict[str, object]:
    return {
        "record": RecordType(row["record_type"]).title if row["record_type"] else "record",
        "amount": format_money(Decimal(row["amount"]), row["currency"]) if row["amount"] else "?",
        "external_id": row["external_id"],
        "record_id": row.get("record_id"),
    }
