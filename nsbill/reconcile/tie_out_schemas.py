"""The frames of the tie-out chain: one row per settlement and step, and one per month and currency."""

from __future__ import annotations

from enum import StrEnum

from nsbill.money import MONEY
from nsbill.reconcile.tie_out_sums import PARTS
from nsbill.schemas import COUNT, FLAG, TEXT, Column, Schema

__all__ = ["TIE_OUT", "TIE_OUT_MONTHS", "TieStep"]


class TieStep(StrEnum):
    """The steps from the lines of a settlement to the bank and the books, in this order (domain reference 2.3)."""

    LINES = "lines as they were read"
    PARTS = "parts give the sum"
    ORDERS = "orders reach the statement"
    TOTAL = "lines sum to total"
    RESERVE = "reserve rolls forward"
    BALANCE = "negative balance carried"
    PERIODS = "periods chain"
    DEPOSIT = "deposit in bank"
    CLEARING = "clearing account"

    @property
    def place(self) -> int:
        """Its place in the chain, from 1."""
        return list(TieStep).index(self) + 1


TIE_OUT = Schema(
    "tie-out",
    (
        Column("seller_account", TEXT, "seller account"),
        Column("settlement_id", TEXT, "Amazon settlement id"),
        Column("month", TEXT, "UTC month in which its period closed, YYYY-MM; empty when it states no dates", True),
        Column("currency", TEXT, "ISO 4217 code of the amounts"),
        Column("place", COUNT, "place of the step in the chain, from 1"),
        Column("step", TEXT, "TieStep, such as 'lines sum to total'"),
        Column("expected", MONEY, "what the amount should be", nullable=True),
        Column("found", MONEY, "what it is", nullable=True),
        Column("residual", MONEY, "found − expected; empty when one of them is not known", nullable=True),
        Column("holds", FLAG, "empty: cannot be told", nullable=True),
        Column("explanation", TEXT, "one sentence: why, and what to do"),
    ),
)
"""The tie-out chain; grain: one row per settlement and step, settlements by the end of their period."""

TIE_OUT_MONTHS = Schema(
    "tie-out by month",
    (
        Column("seller_account", TEXT, "seller account"),
        Column("month", TEXT, "UTC month in which the settlements' periods closed, YYYY-MM", nullable=True),
        Column("currency", TEXT, "ISO 4217 code of the amounts"),
        Column("settlements", COUNT, "number of settlements"),
        *(Column(name, MONEY, f"Σ {meaning}") for name, meaning in PARTS.items()),
        Column("payout", MONEY, "Σ of the columns before it: all lines"),
        Column("stated_total", MONEY, "Σ of the totals that the files state; empty when one states none", True),
        Column("foot_residual", MONEY, "payout − stated_total", nullable=True),
        Column("deposited", MONEY, "Σ of the deposits found in the bank; empty when no statement was given", True),
        Column(
            "residual",
            MONEY,
            "Σ |residual| over settlements and steps that can be told: nothing cancels, so 0 means all are 0",
        ),
        Column("breaks", COUNT, "steps that do not hold"),
        Column("cannot_be_told", COUNT, "steps that cannot be told"),
        Column("explanation", TEXT, "one sentence"),
    ),
)
"""The chain by month; grain: one row per seller account, month and currency."""
