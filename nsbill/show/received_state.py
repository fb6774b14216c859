"""The state of the received panel: as-of date, currency, the reconciliation and one order of it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pandas as pd
import traitlets

from nsbill.desk import Desk
from nsbill.errors import ReconcileError
from nsbill.money import format_money
from nsbill.show.state import PanelState

if TYPE_CHECKING:
    from nsbill.reconcile import Reconciliation

__all__ = ["ReceivedState", "received_figures"]

_OFFERED = 200
_HEADLINE = (
    ("billed_gross", "Billed"),
    ("received", "Received"),
    ("due", "Due"),
    ("overpaid", "Overpaid"),
    ("fee_withheld", "Fees withheld"),
    ("net_cash", "Net cash"),
)


class ReceivedState(PanelState):
    """Received versus due as of a day, one currency at a time."""

    as_of = traitlets.Instance(date)
    currency = traitlets.Unicode()
    order = traitlets.Unicode()
    reconciliation = traitlets.Any()
    """A ``Reconciliation``, once there is one."""

    def __init__(self, desk: Desk, *, as_of: date | None = None) -> None:
        super().__init__(as_of=as_of or desk.today())
        self.desk = desk

    def reconcile(self) -> None:
        """Read NetSuite's books and the stored settlements, and compare them as of the day."""
        with self.doing("Reading the books and comparing them with the settlements"):
            found = self.desk.reconcile(self.as_of)
            self.reconciliation = found
            if self.currency not in set(found.totals["currency"]):
                self.currency = _most_orders(found.totals)
            self.order = self.orders[0] if self.orders else ""

    def choose_currency(self, currency: str) -> None:
        """Look at another currency; its order with the largest due is chosen."""
        self.currency = currency
        self.order = self.orders[0] if self.orders else ""

    @property
    def blockers(self) -> list[str]:
        """Why no reconciliation can start now."""
        return [f"{self.busy}…"] if self.busy else []

    @property
    def order_blockers(self) -> list[str]:
        """Why the chosen order cannot be drawn."""
        if self.reconciliation is None:
            return ["Nothing is reconciled yet: press Reconcile."]
        if not self.order:
            return ["Choose an Amazon order."]
        if self.order not in set(self.statement["amazon_order_id"]):
            return [f"There is no Amazon order {self.order} in {self.currency} as of {self.as_of}."]
        return []

    @property
    def currencies(self) -> list[str]:
        """The currencies that have orders or exceptions."""
        return [] if self.reconciliation is None else list(self.reconciliation.totals["currency"])

    @property
    def statement(self) -> pd.DataFrame:
        """The statement's rows in the chosen currency; STATEMENT, largest due first."""
        return _of_currency(self._found.statement, self.currency)

    @property
    def exceptions(self) -> pd.DataFrame:
        """The exceptions in the chosen currency; EXCEPTIONS."""
        return _of_currency(self._found.exceptions, self.currency)

    @property
    def orders(self) -> list[str]:
        """The Amazon orders with the largest due, to choose from."""
        return [] if self.reconciliation is None else list(self.statement["amazon_order_id"].head(_OFFERED).unique())

    @property
    def headline(self) -> list[tuple[str, str]]:
        """The figures of the chosen currency: what they are, and the amounts."""
        totals = self._totals
        if totals is None:
            return []
        amounts: list[tuple[str, Decimal]] = [(words, totals[name]) for name, words in _HEADLINE]
        counts = [("Orders", f"{totals['orders']:,}"), ("Exceptions", f"{totals['exceptions']:,}")]
        return [*((words, format_money(amount, self.currency)) for words, amount in amounts), *counts]

    @property
    def figures(self) -> dict[str, object]:
        """What a run record keeps; empty while nothing is reconciled."""
        return {} if self.reconciliation is None else received_figures(self.reconciliation)

    @property
    def settlements_sentence(self) -> str:
        """What the figures rest on."""
        if self.reconciliation is None:
            return ""
        found = self.reconciliation
        if found.settlements.empty:
            return f"As of {found.as_of}, no closed Amazon settlement is stored. Add files with: nsbill settlements add FILE."
        return f"As of {found.as_of}, by {len(found.settlements):,} closed settlements (basis: settled)."

    @property
    def _found(self) -> Reconciliation:
        if self.reconciliation is None:
            raise ReconcileError("nothing was read yet", "Press Reconcile first.")
        found: Reconciliation = self.reconciliation
        return found

    @property
    def _totals(self) -> dict[str, Any] | None:
        if self.reconciliation is None:
            return None
        rows = self.reconciliation.totals.to_dict("records")
        return next((row for row in rows if row["currency"] == self.currency), None)


def received_figures(found: Reconciliation) -> dict[str, object]:
    """Return what a run record keeps: amounts per currency, and the number of exceptions."""
    totals = found.totals
    amounts = {
        name: dict(zip(totals["currency"], totals[name], strict=True)) for name in ("billed_gross", "received", "due")
    }
    return {"as_of": found.as_of, "orders": len(found.statement), **amounts, "exceptions": len(found.exceptions)}


def _of_currency(frame: pd.DataFrame, currency: str) -> pd.DataFrame:
    return frame[frame["currency"] == currency]


def _most_orders(totals: pd.DataFrame) -> str:
    return "" if totals.empty else str(totals.sort_values("orders", ascending=False, kind="stable")["currency"].iloc[0])
