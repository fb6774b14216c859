"""Which orders the received panel shows: marketplace, statuses and a period; what is left out is counted and said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from types import MappingProxyType

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from nsbill.money import ZERO, format_money
from nsbill.schemas import DATE
from nsbill.show.names import code_text
from nsbill.vocabulary import StatementStatus

__all__ = ["PERIOD_DAYS", "ReceivedFilter", "ShownOrders", "shown_orders", "sum_of"]

PERIOD_DAYS: Mapping[str, str] = MappingProxyType(
    {
        "order_date": "ordered",
        "first_billed": "first billed",
        "last_posted": "last posted by Amazon",
        "expected_settled": "settlement expected",
    }
)
"""The days of a statement row by which a period may be chosen, in words."""

_READ = ("amazon_order_id", "marketplace", "status", *PERIOD_DAYS)


@dataclass(frozen=True)
class ReceivedFilter:
    """What an order must fulfil to be shown; by itself nothing is left out.

    ``marketplace``: ``None`` for all of them, an empty text for orders whose marketplace is not known. ``statuses``: of
    StatementStatus, none for all. ``begin`` and ``end``: first and last day of the period, each may be open; ``day``: one
    of ``PERIOD_DAYS``, the day that must lie in it.
    """

    marketplace: str | None = None
    statuses: frozenset[str] = frozenset()
    day: str = "order_date"
    begin: date | None = None
    end: date | None = None

    @property
    def is_open(self) -> bool:
        """Whether every order is shown."""
        return self.marketplace is None and not self.statuses and not self.has_period

    @property
    def has_period(self) -> bool:
        """Whether an order needs a day to be shown."""
        return self.begin is not None or self.end is not None

    @property
    def problem(self) -> str:
        """What is impossible about it, as a sentence; empty when nothing is."""
        if self.begin and self.end and self.end < self.begin:
            return f"The period ends on {self.end}, before it begins on {self.begin}: no order can lie in it."
        return ""

    @property
    def words(self) -> str:
        """What is asked for, in words."""
        parts = []
        if self.marketplace is not None:
            parts.append(f"marketplace {self.marketplace or 'not known'}")
        if self.statuses:
            ladder = [status.value for status in StatementStatus if status.value in self.statuses]
            others = sorted(self.statuses.difference(ladder))
            parts.append(f"status {' or '.join(code_text(status) for status in (*ladder, *others))}")
        if self.has_period:
            since = f" from {self.begin}" if self.begin else ""
            until = f" up to {self.end}" if self.end else ""
            parts.append(f"{PERIOD_DAYS[self.day]}{since}{until}")
        return "; ".join(parts)

    def passes(self, rows: pa.Table) -> pa.ChunkedArray:
        """Return for each row whether it is shown; columns of STATEMENT."""
        found = pa.chunked_array([pa.repeat(pa.scalar(True), rows.num_rows)])
        if self.marketplace is not None:
            found = pc.and_(found, pc.equal(pc.fill_null(rows["marketplace"], ""), self.marketplace))
        if self.statuses:
            found = pc.and_(found, pc.is_in(rows["status"], value_set=pa.array(sorted(self.statuses))))
        if self.begin is not None:
            found = pc.and_(found, pc.greater_equal(rows[self.day], pa.scalar(self.begin, DATE)))
        if self.end is not None:
            found = pc.and_(found, pc.less_equal(rows[self.day], pa.scalar(self.end, DATE)))
        return pc.fill_null(found, False)  # an order without that day lies in no period


@dataclass(frozen=True)
class ShownOrders:
    """What a filter shows of one currency, and in a sentence what it leaves out."""

    statement: pd.DataFrame
    exceptions: pd.DataFrame
    sentence: str = ""


def shown_orders(
    statement: pd.DataFrame, exceptions: pd.DataFrame, chosen: ReceivedFilter, *, currency: str
) -> ShownOrders:
    """Return the rows of one currency that pass, in their order; columns of STATEMENT and EXCEPTIONS.

    An exception is shown with its order; one that names no order only while nothing is left out.
    """
    mine = statement[statement["currency"] == currency]
    wrong = exceptions[exceptions["currency"] == currency]
    if chosen.is_open:
        return ShownOrders(mine, wrong)
    rows = pa.Table.from_pandas(mine[list(_READ)], preserve_index=False)
    passes = chosen.passes(rows)
    kept = mine[passes.to_numpy()]
    of_orders = pa.Table.from_pandas(wrong[["amazon_order_id"]], preserve_index=False)["amazon_order_id"]
    on_them = pc.is_in(of_orders, value_set=rows["amazon_order_id"].filter(passes).combine_chunks().drop_null())
    kept_wrong = wrong[on_them.to_numpy()]
    aside = mine[pc.invert(passes).to_numpy()]
    undated = pc.sum(pc.is_null(rows[chosen.day])).as_py() if chosen.has_period else 0
    words = [chosen.problem] if chosen.problem else []
    words += [
        f"Shown: {len(kept):,} of {_count(len(mine), 'order')} in {currency} ({chosen.words}).",
        f"Left out: {_count(len(aside), 'order')} with {format_money(sum_of(aside, 'due'), currency)} due in all.",
    ]
    if undated:
        words.append(f"{_count(undated, 'order')} of the currency {'has' if undated == 1 else 'have'} no such day.")
    words.append(_exceptions_sentence(of_orders, shown=len(kept_wrong)))
    return ShownOrders(kept, kept_wrong, " ".join(words))


def sum_of(rows: pd.DataFrame, column: str) -> Decimal:
    """Return the exact sum of an amount column of one currency; zero for no rows."""
    found: Decimal | None = pc.sum(pa.Table.from_pandas(rows[[column]], preserve_index=False)[column]).as_py()
    return ZERO if found is None else found


def _exceptions_sentence(of_orders: pa.ChunkedArray, *, shown: int) -> str:
    nameless = of_orders.null_count
    left_out = len(of_orders) - shown
    if not left_out:
        return f"Exceptions: all {shown:,}."
    about = f", {nameless:,} of them about no single order" if nameless else ""
    return f"Exceptions: {shown:,} of {len(of_orders):,}, those of these orders; {left_out:,} are left out{about}."


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
