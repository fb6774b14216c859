"""The charts of the received panel: received versus due, whose bars open their orders, and one more at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

import ipywidgets as widgets

from nsbill.show.charts import aging, due_by_reason, due_by_status, over_time, received_versus_due
from nsbill.show.panel_clicks import BarClicks
from nsbill.show.panel_parts import paragraph
from nsbill.show.panels_received_order import draw
from nsbill.show.received_state import ReceivedState

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["ChartsView"]

_MORE: Mapping[str, Callable[..., go.Figure]] = MappingProxyType(
    {"due by reason": due_by_reason, "due by age": aging, "due by status": due_by_status, "over time": over_time}
)
_MAIN = "nsbill-main-chart"


class ChartsView(widgets.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """Charts of the shown orders; part of a panel, which calls ``refresh``. ``opened`` gets the order of a clicked bar."""

    def __init__(self, state: ReceivedState, *, opened: Callable[[str], object]) -> None:
        self.state = state
        self.main, self.second = widgets.Output(), widgets.Output()
        self.main.add_class(_MAIN)
        self.second.add_class("nsbill-second-chart")
        self.clicks = BarClicks(_MAIN, clicked=opened)
        hint = paragraph("Click a bar, or choose a row of the statement, to open that order below.", kind="hint")
        self.chosen = widgets.ToggleButtons(
            options=[(f"{name[:1].upper()}{name[1:]}", name) for name in _MORE], style={"button_width": "auto"}
        )
        self.chosen.add_class("nsbill-choose-chart")
        super().__init__([self.main, widgets.HTML(hint), self.clicks, self.chosen, self.second])
        self.add_class("nsbill-charts")
        self.chosen.observe(self._draw_second, "value")

    def refresh(self) -> None:
        """Draw the shown orders of the chosen currency."""
        if self.state.currency:
            draw(self.main, received_versus_due(self.state.statement, currency=self.state.currency))
            self._draw_second()

    def _draw_second(self, _: object = None) -> None:
        state = self.state
        if state.reconciliation is not None and state.currency:
            draw(self.second, _MORE[self.chosen.value](state.statement, currency=state.currency))
