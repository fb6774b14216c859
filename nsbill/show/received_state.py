"""The state of the received panel: as-of date, currency, filters, the reconciliation and one order of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import traitlets

from nsbill.desk import Desk
from nsbill.errors import ReconcileError
from nsbill.money import format_money
from nsbill.show.received_filter import ReceivedFilter, ShownOrders, shown_orders, sum_of
from nsbill.show.state import PanelState
from nsbill.vocabulary import StatementStatus

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
    """Received versus due as of a day, one currency at a time; ``filter`` says which of its orders are shown."""

    as_of = traitlets.Instance(date)
    currency = traitlets.Unicode()
    filter = traitlets.Instance(ReceivedFilter, ())
    order = traitlets.Unicode()
    reconciliation = traitlets.Any()
    """A ``Reconciliation``, once there is one."""

    def __init__(self, desk: Desk, *, as_of: date | None = None) -> None:
        super().__init__(as_of=as_of or desk.today())
        self.desk = desk
        self._seen: tuple[object, str, ReceivedFilter, ShownOrders] | None = None

    def reconcile(self) -> None:
        """Read NetSuite's books and the stored settlements, and compare them as of the day."""
        with self.doing("Reading the books and comparing them with the settlements"):
            found = self.desk.reconcile(self.as_of)
            self.reconciliation = found
            if self.currency not in set(found.totals["currency"]):
                self.currency = _most_orders(found.totals)
            self._keep_order()

    def choose_currency(self, currency: str) -> None:
        """Look at another currency; its order with the largest due is chosen. A marketplace it does not have is let go."""
        with self.hold_trait_notifications():
            self.currency = currency
            if self.filter.marketplace is not None and self.filter.marketplace not in self.marketplaces:
                self.filter = replace(self.filter, marketplace=None)
            self._choose_order()

    def narrow(self, **changes: Any) -> None:
        """Change fields of the filter; the chosen order stays while it is shown."""
        wanted = replace(self.filter, **changes)
        with self.hold_trait_notifications():
            self.filter = wanted
            if self.reconciliation is not None:
                self._keep_order()

    def show_all(self) -> None:
        """Leave no order out; the kind of day stays chosen."""
        self.filter = ReceivedFilter(day=self.filter.day)

    @property
    def blockers(self) -> list[str]:
        """Why no reconciliation can start now."""
        return [f"{self.busy}…"] if self.busy else []

    @property
    def order_blockers(self) -> list[str]:
        """Why the chosen order cannot be drawn. An order that the filter leaves out can be."""
        if self.reconciliation is None:
            return ["Nothing is reconciled yet: press Reconcile."]
        if not self.order:
            return ["Choose an Amazon order."]
        if not len(self.order_rows):
            return [f"There is no Amazon order {self.order} in {self.currency} as of {self.as_of}."]
        return []

    @property
    def currencies(self) -> list[str]:
        """The currencies that have orders or exceptions."""
        return [] if self.reconciliation is None else list(self.reconciliation.totals["currency"])

    @property
    def marketplaces(self) -> list[str]:
        """The marketplaces of the currency's orders; an empty text when some order's is not known."""
        return sorted(pc.unique(pc.fill_null(self._column("marketplace"), "")).to_pylist())

    @property
    def status_counts(self) -> list[tuple[str, int]]:
        """Each StatementStatus with the number of the currency's orders in it; those without orders are left out."""
        counts = {row["values"]: row["counts"] for row in pc.value_counts(self._column("status")).to_pylist()}
        return [(status.value, counts[status.value]) for status in StatementStatus if status.value in counts]

    @property
    def statement(self) -> pd.DataFrame:
        """The statement's rows that are shown; STATEMENT, largest due first."""
        return self._shown.statement

    @property
    def exceptions(self) -> pd.DataFrame:
        """The exceptions that are shown; EXCEPTIONS."""
        return self._shown.exceptions

    @property
    def left_out(self) -> str:
        """What the filter leaves out; empty when nothing is."""
        return "" if self.reconciliation is None else self._shown.sentence

    @property
    def orders(self) -> list[str]:
        """The shown Amazon orders with the largest due, to choose from."""
        return [] if self.reconciliation is None else list(self.statement["amazon_order_id"].head(_OFFERED).unique())

    @property
    def order_rows(self) -> pd.DataFrame:
        """The chosen order's row of the statement, in the chosen currency."""
        rows = self._found.statement
        return rows[(rows["amazon_order_id"] == self.order) & (rows["currency"] == self.currency)]

    @property
    def headline(self) -> list[tuple[str, str]]:
        """The figures of the shown orders: what they are, and the amounts."""
        if self.reconciliation is None or not self.currency:
            return []
        shown = self._shown
        amounts = [(words, sum_of(shown.statement, name)) for name, words in _HEADLINE]
        counts = [("Orders", f"{len(shown.statement):,}"), ("Exceptions", f"{len(shown.exceptions):,}")]
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
    def _shown(self) -> ShownOrders:
        """What the filter shows; computed once for each reconciliation, currency and filter."""
        found, currency, wanted, seen = self._found, self.currency, self.filter, self._seen
        if seen is not None and seen[0] is found and seen[1:3] == (currency, wanted):
            return seen[3]
        view = shown_orders(found.statement, found.exceptions, wanted, currency=currency)
        self._seen = (found, currency, wanted, view)
        return view

    def _column(self, name: str) -> pa.ChunkedArray:
        """A text column of the chosen currency's orders."""
        if self.reconciliation is None:
            return pa.chunked_array([[]], pa.string())
        rows = self._found.statement
        table = pa.Table.from_pandas(rows.loc[rows["currency"] == self.currency, [name]], preserve_index=False)
        return table[name]

    def _keep_order(self) -> None:
        """Keep the chosen order while it is shown."""
        if self.order not in set(self.statement["amazon_order_id"]):
            self._choose_order()

    def _choose_order(self) -> None:
        self.order = next(iter(self.orders), "")


def received_figures(found: Reconciliation) -> dict[str, object]:
    """Return what a run record keeps: amounts per currency, and the number of exceptions."""
    totals = found.totals
    amounts = {
        name: dict(zip(totals["currency"], totals[name], strict=True)) for name in ("billed_gross", "received", "due")
    }
    return {"as_of": found.as_of, "orders": len(found.statement), **amounts, "exceptions": len(found.exceptions)}


def _most_orders(totals: pd.DataFrame) -> str:
    return "" if totals.empty else str(totals.sort_values("orders", ascending=False, kind="stable")["currency"].iloc[0])
