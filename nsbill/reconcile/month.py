"""What happened in a month: the totals at its end, less those at the end of the month before, per currency and figure.

Both are complete reconciliations, so a difference is exact: what was received by the end less what was received by the
beginning is what was received in between, late lines and corrections included.
"""

from __future__ import annotations

import calendar
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import pandas as pd
import pyarrow as pa

from nsbill.errors import ReconcileError
from nsbill.money import MONEY, ZERO
from nsbill.reconcile.result import Reconciliation
from nsbill.schemas import STATEMENT, TEXT, TOTALS, Column, Schema

__all__ = ["MONTH", "Month", "month_rows"]

MONTH = Schema(
    "month",
    (
        Column("currency", TEXT, "ISO 4217 code of the amounts"),
        Column("figure", TEXT, "column of the totals or of the statement"),
        Column("at_begin", MONEY, "the figure at the end of the month before"),
        Column("in_month", MONEY, "at_end − at_begin"),
        Column("at_end", MONEY, "the figure on the as-of day"),
        Column("meaning", TEXT, "what in_month is"),
    ),
)
"""A month; grain: one row per currency and figure."""

_FLOWS = {
    "billed_gross": "invoices and cash sales dated in the month",
    "credited": "credit memos and cash refunds dated in the month",
    "received_gross": "what sales brought in the month, before refunds and fees",
    "refunded": "what refunds, chargebacks and claims took in the month",
    "received": "what sales brought in the month, less refunds",
    "fee_withheld": "fees that Amazon kept in the month",
    "tax_collected": "tax lines of the month",
    "tax_withheld": "tax that Amazon kept back in the month, to remit it",
    "reimbursed": "reimbursements of the month that name an order",
    "adjustments": "other money of the month that names an order",
    "net_cash": "all lines of orders that came to count in the month",
}
"""The figures that add up over time, in the words of a month; of all others the change is shown."""


@dataclass(frozen=True)
class Month:
    """A calendar month, and the day up to which it is looked at."""

    year: int
    number: int
    as_of: date

    @classmethod
    def parse(cls, text: str) -> Month:
        """Read ``YYYY-MM``; looked at up to its last day.

        Raises
        ------
        ValueError
            For another text.
        """
        first = date.fromisoformat(f"{text}-01")
        if f"{first:%Y-%m}" != text:
            raise ValueError(text)
        return cls(first.year, first.month, _last_day(first))

    @property
    def name(self) -> str:
        """``YYYY-MM``."""
        return f"{self.year:04d}-{self.number:02d}"

    @property
    def first(self) -> date:
        """Its first day."""
        return date(self.year, self.number, 1)

    @property
    def last(self) -> date:
        """Its last day."""
        return _last_day(self.first)

    @property
    def begin(self) -> date:
        """The last day of the month before: what counts by then is no part of this month."""
        return self.first - timedelta(days=1)

    @property
    def whole(self) -> bool:
        """Whether it is looked at to its end."""
        return self.as_of == self.last

    @property
    def sentence(self) -> str:
        """The month in words, with how far it is looked at."""
        if self.whole:
            return f"month {self.name}"
        return f"month {self.name} up to {self.as_of}: it is not over"


def month_rows(begin: Reconciliation, end: Reconciliation) -> pd.DataFrame:
    """Compare two reconciliations of the same books; returns a frame of ``MONTH``.

    Raises
    ------
    ReconcileError
        When the two go by different rules, or not in this order.
    """
    for name in ("tax_mode", "basis"):
        first, second = getattr(begin, name, None), getattr(end, name, None)
        if first != second:
            raise ReconcileError(
                f"the month begins with {name.replace('_', ' ')} {first} and ends with {second}",
                "Reconcile both days by the same rules.",
            )
    if begin.as_of >= end.as_of:
        raise ReconcileError(f"{begin.as_of} is not before {end.as_of}", "Reconcile the end of the month before first.")
    names = [name for name in _known(begin.statement) if name in _known(end.statement)]
    at_begin, at_end = _sums(begin.statement, names), _sums(end.statement, names)
    rows: list[dict[str, object]] = []
    for currency in sorted({*at_begin, *at_end}):
        before, after = at_begin.get(currency, {}), at_end.get(currency, {})  # no order in a currency: zero of all
        for name in names:
            first, last = before.get(name, ZERO), after.get(name, ZERO)
            told = _FLOWS.get(name, f"change of: {_meaning(name)}")
            amounts = {"at_begin": first, "in_month": last - first, "at_end": last}
            rows.append({"currency": currency, "figure": name, **amounts, "meaning": told})
    return MONTH.frame(rows)


def _known(statement: pd.DataFrame) -> list[str]:
    """The figures that every row of the statement knows: what is not known is not taken for zero."""
    wanted = [c.name for c in STATEMENT.columns if c.type == MONEY and (c.name in _FLOWS or c.name in TOTALS.names)]
    return [name for name in wanted if not bool(statement[name].isna().any())]


def _sums(statement: pd.DataFrame, names: Sequence[str]) -> dict[str, dict[str, Decimal]]:
    """The sums of the statement by currency and figure."""
    table = pa.Table.from_pandas(statement[["currency", *names]], preserve_index=False)
    sums = table.group_by("currency").aggregate([(name, "sum") for name in names]).to_pylist()
    return {row["currency"]: {name: Decimal(row[f"{name}_sum"]) for name in names} for row in sums}


def _meaning(name: str) -> str:
    return next((column.meaning for column in STATEMENT.columns if column.name == name), name)


def _last_day(day: date) -> date:
    return day.replace(day=calendar.monthrange(day.year, day.month)[1])
