"""What happened to one Amazon order, day by day: ordered, shipped, billed, posted, settled, deposited, and what is to come."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pandas as pd
import pyarrow as pa

from nsbill.money import ZERO
from nsbill.schemas import DATE, LINES
from nsbill.show.names import code_text
from nsbill.show.palette import Meaning
from nsbill.vocabulary import EventClass

__all__ = ["LANES", "OrderEvent", "order_events"]

LANES = ("ordered", "shipped", "billed", "posted", "settled", "deposited", "still due")
"""The kinds of events, in the order in which they happen."""

_REFUNDS = frozenset({EventClass.REFUND.value, EventClass.CHARGEBACK.value, EventClass.ATOZ.value})
_SALES = frozenset({EventClass.SALE.value, EventClass.RETROCHARGE.value})


@dataclass(frozen=True)
class OrderEvent:
    """One event: its lane (of ``LANES``), its day, what happened, and the amount where there is one.

    ``expected``: it has not happened by the as-of day.
    """

    lane: str
    day: date
    words: str
    meaning: Meaning = Meaning.NEUTRAL
    amount: Decimal | None = None
    expected: bool = False


def order_events(
    row: Mapping[str, Any],
    *,
    as_of: date,
    bills: pd.DataFrame,
    lines: pd.DataFrame | None,
    settlements: pd.DataFrame,
) -> list[OrderEvent]:
    """Return the events of an order in the order of ``LANES``, each lane by day.

    ``row``: its row of STATEMENT. ``bills``: its rows of ALLOCATION; ``lines``: its settlement lines (LINES) in this
    currency, ``None`` when they are not at hand; ``settlements``: those that count (SETTLEMENTS); lines of others are
    left out. What is posted, settled and deposited is the money of the lines, after fees: each adds up to ``net_cash``
    where every line has a day.
    """
    found = [*_of_order(row), *_of_bills(row, bills)]
    if lines is None:
        found += _latest(row)
    else:
        found += _of_lines(lines, settlements)
    found += _to_come(row, as_of)
    return sorted(found, key=lambda event: (LANES.index(event.lane), event.day))


def _of_order(row: Mapping[str, Any]) -> Iterator[OrderEvent]:
    if row["order_date"]:
        yield OrderEvent("ordered", row["order_date"], f"sales order {row['sales_order_number'] or ''}".strip())
    if row["ship_date"]:
        yield OrderEvent("shipped", row["ship_date"], "shipped")


def _of_bills(row: Mapping[str, Any], bills: pd.DataFrame) -> Iterator[OrderEvent]:
    """Each billing record with its total; without them, the first day with the sum."""
    records = pa.Table.from_pandas(bills[["number", "date", "billed"]], preserve_index=False).to_pylist()
    for record in records:
        yield OrderEvent("billed", record["date"], str(record["number"]), amount=record["billed"])
    if not records and row["first_billed"]:
        words = f"{row['billing_records'] or 'billed'}, first day"
        yield OrderEvent("billed", row["first_billed"], words, amount=row["billed_gross"])


def _latest(row: Mapping[str, Any]) -> Iterator[OrderEvent]:
    if row["last_posted"]:
        words = "all that is posted and counts, by its latest day"
        yield OrderEvent("posted", row["last_posted"], words, Meaning.RECEIVED, row["net_cash"])


def _of_lines(lines: pd.DataFrame, settlements: pd.DataFrame) -> Iterator[OrderEvent]:
    """What was posted, by day and kind of event; and each settlement's part, when it closed and when it was deposited."""
    table = pa.Table.from_pandas(lines[LINES.names], preserve_index=False)
    known = {
        one["settlement_id"]: one
        for one in pa.Table.from_pandas(
            settlements[["settlement_id", "period_end", "deposit_date"]], preserve_index=False
        ).to_pylist()
    }
    by = ["settlement_id", "posted_day", "event_class"]
    parts = table.group_by(by).aggregate([("amount", "sum")]).to_pylist()
    counted = [part for part in parts if part["settlement_id"] in known]
    of_settlement: dict[str, Decimal] = {}
    for part in counted:
        name, amount = part["settlement_id"], part["amount_sum"]
        of_settlement[name] = of_settlement.get(name, ZERO) + amount
        if part["posted_day"] is not None:
            words = f"{code_text(part['event_class'])}, after fees, in settlement {name}"
            yield OrderEvent("posted", _date(part["posted_day"]), words, _meaning(part["event_class"]), amount)
    for name, amount in of_settlement.items():
        end, deposited = known[name]["period_end"], known[name]["deposit_date"]
        meaning = Meaning.RECEIVED if amount >= 0 else Meaning.REFUND
        if isinstance(end, datetime):
            yield OrderEvent("settled", end.date(), f"settlement {name} closed", meaning, amount)
        if deposited:
            words = f"settlement {name}: the day of deposit that it states"
            yield OrderEvent("deposited", deposited, words, meaning, amount)


def _to_come(row: Mapping[str, Any], as_of: date) -> Iterator[OrderEvent]:
    deferred, due = row["due_deferred"] or ZERO, row["due"]
    if deferred > 0 and row["maturity_date"]:
        words = f"deferred money matures{_reason(row)}"
        yield OrderEvent("still due", row["maturity_date"], words, Meaning.DUE, deferred, row["maturity_date"] > as_of)
    if due > 0 and row["expected_settled"]:
        late = row["expected_settled"] <= as_of
        words = "settlement was expected" if late else "settlement is expected"
        yield OrderEvent("still due", row["expected_settled"], words, Meaning.DUE, due, expected=True)


def _reason(row: Mapping[str, Any]) -> str:
    return f" ({row['deferral_reason']})" if row["deferral_reason"] else ""


def _date(day: int) -> date:
    found: date = pa.scalar(day, pa.int32()).cast(DATE).as_py()
    return found


def _meaning(event_class: str) -> Meaning:
    if event_class in _SALES:
        return Meaning.RECEIVED
    return Meaning.REFUND if event_class in _REFUNDS else Meaning.OTHER
