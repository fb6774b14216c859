"""The received panel: what Amazon's settlements brought and what is still due, as of a day, per currency."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from nsbill.desk import Desk
from nsbill.schemas import EXCEPTIONS, STATEMENT
from nsbill.show.charts import currency_figures
from nsbill.show.export_state import ExportState
from nsbill.show.grid import Grid, grid_column
from nsbill.show.order_state import OrderState
from nsbill.show.panel_parts import Panel, alert, button, heading, paragraph, text_box, tiles, visibility
from nsbill.show.panels_received_charts import ChartsView
from nsbill.show.panels_received_export import ExportView
from nsbill.show.panels_received_filter import FilterView
from nsbill.show.panels_received_order import KEY, OrderView, keyed
from nsbill.show.received_filter import ReceivedFilter
from nsbill.show.received_state import ReceivedState
from nsbill.show.tables import exceptions_summary, statement_table, totals_table

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["ReceivedPanel", "received_panel"]

_STATEMENT = [  # all of one currency, which the panel names above
    grid_column("amazon_order_id"),
    grid_column("billed_gross"),
    grid_column("received_gross"),
    grid_column("refunded"),
    grid_column("credited"),
    grid_column("due"),
    grid_column("status", widest=24),
    grid_column("explanation", title="Why", widest=110),
    grid_column("aging_bucket", widest=18),
    grid_column("billing_records", widest=24),
    grid_column("marketplace", widest=18),
]
_EXCEPTIONS = [
    grid_column("exception_class", widest=30),
    grid_column("amazon_order_id"),
    grid_column("amount"),
    grid_column("action", widest=70),
    grid_column("evidence", widest=110),
    grid_column("settlement_id", widest=16),
]
_SHORT = {"description_width": "initial"}


def received_panel(desk: Desk, *, as_of: date | str = "") -> ReceivedPanel:
    """Return the panel of received versus due; ``as_of`` is a date or ISO text, empty for today."""
    day = date.fromisoformat(as_of) if isinstance(as_of, str) and as_of else as_of
    return ReceivedPanel(ReceivedState(desk, as_of=day if isinstance(day, date) else None))


class ReceivedPanel(Panel):
    """View of a ``ReceivedState``."""

    state: ReceivedState

    def __init__(self, state: ReceivedState) -> None:
        self._filling = False
        self._shown: tuple[object, str, ReceivedFilter] = (None, "", state.filter)
        self.as_of = widgets.DatePicker(description="As of", value=state.as_of, style=_SHORT, layout={"width": "210px"})
        self.as_of.add_class("nsbill-as-of")
        self.currency = widgets.Dropdown(description="Currency", style=_SHORT, layout={"width": "180px"})
        self.currency.add_class("nsbill-currency")
        self.reconcile = button(
            "Reconcile", "reconcile", style="primary", tooltip="Read books and settlements; changes nothing"
        )
        self._busy = text_box("busy")
        self._error = text_box("error")
        self.filters = FilterView(state)
        self._headline = text_box("headline")
        self.charts = ChartsView(state, opened=self._take_bar)
        self.statement = Grid(keyed(STATEMENT.frame()), _STATEMENT, key=KEY, label="Statement", choose="one")
        self.statement.add_class("nsbill-statement")
        self._exceptions_heading = text_box("exceptions-heading")
        self.exceptions = Grid(keyed(EXCEPTIONS.frame()), _EXCEPTIONS, key=KEY, label="Exceptions", height=230)
        self.one_order = OrderView(OrderState(state))
        self.exports = ExportView(ExportState(state))
        self._body = widgets.VBox(
            [
                self.filters,
                self._headline,
                self.charts,
                widgets.HTML(heading("Statement: one row per Amazon order; choose a row to see the order below")),
                self.statement,
                self._exceptions_heading,
                self.exceptions,
                self.one_order,
                self.exports,
            ]
        )
        controls = widgets.HBox(
            [self.as_of, self.currency, self.reconcile, self._busy], layout={"flex_flow": "row wrap"}
        )
        super().__init__(state, [controls, self._error, self._body], name="received")
        self._connect()
        self.refresh()

    def prepare(self) -> None:
        """Reconcile as of the day."""
        self.state.reconcile()

    def static(self) -> str:
        """Return totals, statement and exceptions as HTML."""
        found = self.state.reconciliation
        if found is None:
            return alert(self.state.error) or paragraph("Nothing is reconciled yet.")
        tables = [totals_table(found.totals), statement_table(found.statement), exceptions_summary(found.exceptions)]
        told = heading(self.state.settlements_sentence) + "".join(table.html() for table in tables)
        left_out = self.state.left_out
        return told + (paragraph(f"The charts below leave orders out. {left_out}") if left_out else "")

    def figures(self) -> list[go.Figure]:
        """Return the charts of the chosen currency, and the chosen order's timeline and waterfall."""
        state = self.state
        if state.reconciliation is None or not state.currency:
            return []
        return [*currency_figures(state.statement, currency=state.currency), *self.one_order.figures()]

    def refresh(self, _: object = None) -> None:
        """Show the state."""
        state = self.state
        self._error.value = alert(state.error)
        self.reconcile.disabled = bool(state.blockers)
        self._busy.value = paragraph(f"{state.busy}…" if state.busy else "")
        visibility(self._body, state.reconciliation is not None)
        self.exports.refresh()
        if state.busy or state.reconciliation is None:
            return
        self._filling = True
        try:
            self.currency.options = state.currencies
            self.currency.value = state.currency or None
        finally:
            self._filling = False
        if self._shown[0] is not state.reconciliation or self._shown[1:] != (state.currency, state.filter):
            self._shown = (state.reconciliation, state.currency, state.filter)
            self._refresh_shown()
        self.one_order.refresh()

    def _refresh_shown(self) -> None:
        state = self.state
        self.filters.refresh()
        self._headline.value = tiles(state.headline) + paragraph(state.settlements_sentence, kind="hint")
        self.charts.refresh()
        self.statement.set_frame(keyed(state.statement))
        self._exceptions_heading.value = heading(f"Exceptions: {len(state.exceptions):,}")
        self.exceptions.set_frame(keyed(state.exceptions))
        visibility(self.exceptions, len(state.exceptions) > 0)

    def _connect(self) -> None:
        state = self.state
        state.observe(self.refresh, ["busy", "error", "reconciliation", "currency", "filter", "order"])
        self.as_of.observe(self._take_day, "value")
        self.currency.observe(self._take_currency, "value")
        self.statement.observe(self._take_row, "chosen")
        self.reconcile.on_click(lambda _: self.worker.start(state.reconcile))

    def _take_day(self, change: dict[str, Any]) -> None:
        if change["new"] is not None:
            self.state.as_of = change["new"]

    def _take_currency(self, change: dict[str, Any]) -> None:
        if not self._filling and change["new"]:
            self.state.choose_currency(change["new"])

    def _take_row(self, change: dict[str, Any]) -> None:
        """Draw the order of the chosen row; ``row_key`` is its place in the statement."""
        for key in change["new"]:
            self.state.order = str(self.state.statement["amazon_order_id"].iloc[int(key)])

    def _take_bar(self, order: str) -> None:
        """Open the order of a clicked bar; the bar of all the other orders opens none."""
        if order in set(self.state.statement["amazon_order_id"]):
            self.state.order = order
            self.charts.clicks.look_at("nsbill-one-order")
