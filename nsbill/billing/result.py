"""How a run went, by the journal: one outcome for each planned order, and a sentence for whatever is not as planned."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

import pandas as pd

from nsbill.billing.journal import OPEN_STATES, Entry
from nsbill.money import sum_by_currency
from nsbill.schemas import OUTCOMES
from nsbill.vocabulary import Outcome

__all__ = ["DONE", "NOT_STARTED", "RunResult", "outcomes_of"]

NOT_STARTED = "not started"
DONE = frozenset({Outcome.CREATED.value, Outcome.EXISTS.value})
"""Outcomes that mean: the order has its record."""


@dataclass(frozen=True)
class RunResult:
    """How a run went: one outcome for each planned order (schema OUTCOMES).

    ``differences``: a sentence for each record that is not what was planned. ``left_out``: a sentence for each planned
    order that was not tried, and why.
    """

    run_id: str
    outcomes: pd.DataFrame
    differences: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """Number of orders per outcome."""
        return dict(Counter(self.outcomes["outcome"]))

    @property
    def totals(self) -> dict[str, Decimal]:
        """Σ amount of the created records per currency."""
        made = self.outcomes[self.outcomes["outcome"] == Outcome.CREATED.value]
        return sum_by_currency(zip(made["currency"], made["amount"], strict=True))

    @property
    def complete(self) -> bool:
        """Whether every planned order has its record."""
        return all(outcome in DONE for outcome in self.outcomes["outcome"])

    @property
    def clean(self) -> bool:
        """Whether every planned order has its record, and every record is what was planned."""
        return self.complete and not self.differences

    def count(self, outcome: Outcome | str) -> int:
        """Number of orders with this outcome."""
        return self.counts.get(str(outcome), 0)


def outcomes_of(entries: Iterable[Entry]) -> pd.DataFrame:
    """Turn a run's entries into its outcomes (schema OUTCOMES)."""
    rows: list[dict[str, object]] = [
        {
            "sales_order_id": e.bill.sales_order_id,
            "sales_order_number": e.bill.sales_order_number,
            "amazon_order_id": e.bill.amazon_order_id,
            "record_type": e.bill.record_type.value,
            "external_id": e.bill.external_id,
            "currency": e.bill.currency,
            "amount": e.bill.amount,
            "outcome": _outcome(e.state),
            "record_id": e.record_id,
            "message": e.detail,
        }
        for e in entries
    ]
    return OUTCOMES.frame(rows)


def _outcome(state: str | None) -> str:
    if state in OPEN_STATES:
        return Outcome.UNKNOWN.value
    return NOT_STARTED if state in {None, Outcome.ABSENT.value} else str(state)
