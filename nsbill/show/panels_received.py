"""The received panel: what Amazon's settlements brought and what is still due, as of a day, per currency."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from nsbill.desk import Desk
from nsbill.schemas import EXCEPTIONS, STATEMENT
from nsbill.show.charts_order import order_waterfall
from nsbill.show.grid import Grid, grid_column
from nsbill.show.panel_parts import (
    Panel,
    alert,
    button,
    figure_bundle,
    heading,
    paragraph,
    sentences,
    text_box,
    tiles,
    visibility,
)
from nsbill.show.received_state import ReceivedState
from nsbill.show.reports import currency_figures
from nsbill.show.tables import exceptions_summary, statement_table, totals_table

if TYPE_CHECKING:
    import pandas as pd
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
_KEY = "row_key"
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
        self._shown: tuple[object, str] = (None, "")
        self._drawn_order = ("", "")
        self.as_of = widgets.DatePicker(description="As of", value=state.as_of, style=_SHORT, layout={"width": "210px"})
        self.as_of.add_class("nsbill-as-of")
        self.currency = widgets.Dropdown(description="Currency", style=_SHORT, layout={"width": "180px"})
        self.currency.add_class("nsbill-currency")
        self.reconcile = button(
            "Reconcile", "reconcile", style="primary", tooltip="Read books and settlements; changes nothing"
        )
        self._busy = text_box("busy")
        self._error = text_box("error")
        self._headline = text_box("headline")
        self._charts = widgets.VBox([widgets.Output(), widgets.Output()])
        self._charts.add_class("nsbill-charts")
        self.statement = Grid(_keyed(STATEMENT.frame()), _STATEMENT, key=_KEY, label="Statement", choose="one")
        self.statement.add_class("nsbill-statement")
        self._exceptions_heading = text_box("exceptions-heading")
        self.exceptions = Grid(_keyed(EXCEPTIONS.frame()), _EXCEPTIONS, key=_KEY, label="Exceptions", height=230)
        self.order = widgets.Combobox(
            description="Amazon order", ensure_option=False, continuous_update=False,
            style=_SHORT, layout={"width": "360px"},
        )  # fmt: skip
        self.order.add_class("nsbill-order")
        self._order_note = text_box("order-note")
        self._waterfall = widgets.Output()
        self._waterfall.add_class("nsbill-waterfall")
        self._body = widgets.VBox(
            [
                self._headline,
                self._charts,
                widgets.HTML(heading("Statement: one row per Amazon order; choose a row to see the order below")),
                self.statement,
                self._exceptions_heading,
                self.exceptions,
                widgets.HTML(heading("One order")),
                self.order,
                self._order_note,
                self._waterfall,
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
        return heading(self.state.settlements_sentence) + "".join(table.html() for table in tables)

    def figures(self) -> list[go.Figure]:
        """Return the charts of the chosen currency, and the chosen order's waterfall."""
        state = self.state
        if state.reconciliation is None or not state.currency:
            return []
        waterfall = [] if state.order_blockers else [self._order_figure()]
        return [*currency_figures(state.statement, currency=state.currency), *waterfall]

    def refresh(self, _: object = None) -> None:
        """Show the state."""
        state = self.state
        self._error.value = alert(state.error)
        self.reconcile.disabled = bool(state.blockers)
        self._busy.value = paragraph(f"{state.busy}…" if state.busy else "")
        visibility(self._body, state.reconciliation is not None)
        if state.busy or state.reconciliation is None:
            return
        self._filling = True
        try:
            self.currency.options = state.currencies
            self.currency.value = state.currency or None
            self.order.options = state.orders
            self.order.value = state.order
        finally:
            self._filling = False
        if self._shown[0] is not state.reconciliation or self._shown[1] != state.currency:
            self._shown = (state.reconciliation, state.currency)
            self._drawn_order = ("", "")
            self._refresh_currency()
        self._refresh_order()

    def _refresh_currency(self) -> None:
        state = self.state
        self._headline.value = tiles(state.headline) + paragraph(state.settlements_sentence, kind="hint")
        charts = currency_figures(state.statement, currency=state.currency) if state.currency else []
        for place, figure in zip(self._charts.children, charts, strict=False):
            _draw(place, figure)
        self.statement.set_frame(_keyed(state.statement))
        self._exceptions_heading.value = heading(f"Exceptions: {len(state.exceptions):,}")
        self.exceptions.set_frame(_keyed(state.exceptions))
        visibility(self.exceptions, len(state.exceptions) > 0)

    def _refresh_order(self) -> None:
        state = self.state
        blockers = state.order_blockers
        self._order_note.value = sentences(blockers, kind="blockers")
        visibility(self._waterfall, not blockers)
        if not blockers and self._drawn_order != (state.currency, state.order):
            self._drawn_order = (state.currency, state.order)
            _draw(self._waterfall, self._order_figure())

    def _order_figure(self) -> go.Figure:
        state = self.state
        rows = state.statement[state.statement["amazon_order_id"] == state.order]
        seller = str(rows["seller_account"].iloc[0])
        return order_waterfall(rows, state.order, currency=state.currency, seller_account=seller)

    def _connect(self) -> None:
        state = self.state
        state.observe(self.refresh, ["busy", "error", "reconciliation", "currency", "order"])
        self.as_of.observe(self._take_day, "value")
        self.currency.observe(self._take_currency, "value")
        self.order.observe(self._take_order, "value")
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

    def _take_order(self, change: dict[str, Any]) -> None:
        if not self._filling:
            self.state.order = change["new"].strip()


def _draw(place: widgets.Output, figure: go.Figure) -> None:
    place.outputs = ({"output_type": "display_data", "data": figure_bundle(figure), "metadata": {}},)


def _keyed(frame: pd.DataFrame) -> pd.DataFrame:
    """Number the rows: a statement has no single column that identifies one."""
    return frame.assign(**{_KEY: range(len(frame))})
