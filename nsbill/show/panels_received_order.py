"""One order in the received panel: what happened when, from billed to net cash, its row, its exceptions, its lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ipywidgets as widgets
import pandas as pd

from nsbill.schemas import LINES
from nsbill.show.charts_order import order_waterfall
from nsbill.show.charts_timeline import order_timeline
from nsbill.show.grid import Grid, grid_column
from nsbill.show.order_state import OrderState
from nsbill.show.panel_parts import Worker, alert, figure_bundle, heading, paragraph, sentences, text_box, visibility

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["KEY", "OrderView", "draw", "keyed"]

KEY = "row_key"
_LINES = [
    grid_column("settlement_id", widest=16),
    grid_column("posted_at", title="Posted (UTC)", widest=20),
    grid_column("amount"),
    grid_column("event_class", title="Event", widest=18),
    grid_column("line_kind", title="Kind", widest=22),
    grid_column("transaction_type", widest=20),
    grid_column("amount_type", widest=20),
    grid_column("amount_description", title="Description", widest=30),
    grid_column("sku", title="SKU", widest=20),
    grid_column("quantity", widest=8),
    grid_column("source_line", title="Line of the file"),
]


class OrderView(widgets.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """View of an ``OrderState``; part of a panel, which calls ``refresh`` when its state changed."""

    def __init__(self, state: OrderState) -> None:
        self.state = state
        self.reader = Worker(state.fail)
        self._filling = False
        self._open: tuple[object, str, str] = (None, "", "")
        self.order = widgets.Combobox(
            description="Amazon order", ensure_option=False, continuous_update=False,
            style={"description_width": "initial"}, layout={"width": "360px"},
        )  # fmt: skip
        self.order.add_class("nsbill-order")
        self._note = text_box("order-note")
        self.timeline, self.waterfall = widgets.Output(), widgets.Output()
        self.timeline.add_class("nsbill-timeline")
        self.waterfall.add_class("nsbill-waterfall")
        charts = widgets.HBox([self.timeline, self.waterfall])
        charts.add_class("nsbill-order-charts")
        self._tables = text_box("order-tables")
        self._lines_heading = text_box("order-lines-heading")
        self.lines = Grid(keyed(LINES.frame()), _LINES, key=KEY, label="Settlement lines", height=230)
        self.lines.add_class("nsbill-order-lines")
        self._body = widgets.VBox([charts, self._tables, self._lines_heading, self.lines])
        super().__init__([widgets.HTML(heading("One order")), self.order, self._note, self._body])
        self.add_class("nsbill-one-order")
        self.order.observe(self._take_order, "value")
        state.observe(self._refresh_lines, ["busy", "error", "lines"])

    def refresh(self) -> None:
        """Show the chosen order; its lines are read in a thread of their own."""
        state, received = self.state, self.state.received
        self._filling = True
        try:
            self.order.options = received.orders
            self.order.value = received.order
        finally:
            self._filling = False
        blockers = received.order_blockers
        self._note.value = sentences(blockers, kind="blockers") or paragraph(state.hint, kind="hint")
        visibility(self._body, not blockers)
        key = state.key
        if blockers or (self._open[0] is key[0] and self._open[1:] == key[1:]):
            return
        self._open = key
        state.forget()
        draw(self.waterfall, self._waterfall())
        self._tables.value = "".join(table.html() for table in state.tables)
        self.reader = Worker(state.fail)  # an order chosen before may still be read
        self.reader.start(state.read)

    def figures(self) -> list[go.Figure]:
        """Return timeline and waterfall of the chosen order, its lines read now; nothing when none can be drawn."""
        if self.state.received.order_blockers:
            return []
        if self.state.lines is None:
            self.state.read()
        return [self._timeline(), self._waterfall()]

    def _refresh_lines(self, _: object = None) -> None:
        state = self.state
        self._lines_heading.value = alert(state.error) or heading(self._lines_title())
        if state.busy or state.received.order_blockers:
            return
        if state.lines is not None or state.error:
            draw(self.timeline, self._timeline())
        lines = LINES.frame() if state.lines is None else state.lines
        self.lines.set_frame(keyed(lines.sort_values(["posted_at", "source_line"], kind="stable")))
        visibility(self.lines, len(lines) > 0)

    def _lines_title(self) -> str:
        lines = self.state.lines
        if lines is None:
            return "Its settlement lines are being read…"
        return f"Its settlement lines: {len(lines):,}" if len(lines) else "No line of a closed settlement names it."

    def _timeline(self) -> go.Figure:
        received = self.state.received
        return order_timeline(
            self.state.events, received.order, currency=received.currency, as_of=received.reconciliation.as_of
        )

    def _waterfall(self) -> go.Figure:
        received, rows = self.state.received, self.state.received.order_rows
        seller = str(rows["seller_account"].iloc[0])
        return order_waterfall(rows, received.order, currency=received.currency, seller_account=seller)

    def _take_order(self, change: dict[str, Any]) -> None:
        if not self._filling:
            self.state.received.order = change["new"].strip()


def draw(place: widgets.Output, figure: go.Figure) -> None:
    """Draw a figure as data in a place of the panel."""
    place.outputs = ({"output_type": "display_data", "data": figure_bundle(figure), "metadata": {}},)


def keyed(frame: pd.DataFrame) -> pd.DataFrame:
    """Number the rows: a statement has no single column that identifies one."""
    return frame.assign(**{KEY: range(len(frame))})
