"""The filters of the received panel: marketplace, period and statuses, and what they leave out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ipywidgets as widgets

from nsbill.show.names import code_text, shorten, visible
from nsbill.show.panel_parts import button, paragraph, text_box, visibility
from nsbill.show.received_filter import PERIOD_DAYS
from nsbill.show.received_state import ReceivedState
from nsbill.vocabulary import StatementStatus

__all__ = ["FilterView"]

_SHORT = {"description_width": "initial"}
_NAME_WIDTH = 40
_ALL: tuple[str, ...] = ()
"""The value of all marketplaces, beside ``(name,)`` of one: to a dropdown, ``None`` is an empty box."""


class FilterView(widgets.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """View of a ``ReceivedState``'s filter; part of a panel, which calls ``refresh``."""

    def __init__(self, state: ReceivedState) -> None:
        self.state = state
        self._filling = False
        self.marketplace = widgets.Dropdown(description="Marketplace", style=_SHORT, layout={"width": "260px"})
        self.marketplace.add_class("nsbill-marketplace")
        days = [(words[:1].upper() + words[1:], day) for day, words in PERIOD_DAYS.items()]
        self.day = widgets.Dropdown(
            options=days, value=state.filter.day, description="Period", style=_SHORT, layout={"width": "250px"}
        )
        self.day.add_class("nsbill-period")
        self.begin, self.end = _date("from", "begin"), _date("to", "end")
        self.everything = button("Show all", "show-all", tooltip="Leave no order out")
        self.statuses = {status.value: _box(status) for status in StatementStatus}
        self._left_out = text_box("left-out")
        wrapped = {"flex_flow": "row wrap"}
        ticks = widgets.HBox([widgets.Label("Status"), *self.statuses.values()], layout=wrapped)
        ticks.add_class("nsbill-statuses")
        first = widgets.HBox([self.marketplace, self.day, self.begin, self.end, self.everything], layout=wrapped)
        super().__init__([first, ticks, self._left_out])
        self.add_class("nsbill-filters")
        for part in (self.marketplace, self.day, self.begin, self.end, *self.statuses.values()):
            part.observe(self._take, "value")
        self.everything.on_click(lambda _: state.show_all())

    def refresh(self) -> None:
        """Show the filter, and what there is to choose from in the currency."""
        state, chosen = self.state, self.state.filter
        known = state.marketplaces
        kept = [] if chosen.marketplace is None or chosen.marketplace in known else [chosen.marketplace]
        named = [(shorten(visible(name), _NAME_WIDTH) or "not known", (name,)) for name in (*known, *kept)]
        counts = dict(state.status_counts)
        with self._filled():
            options = [("all", _ALL), *named]
            if tuple(self.marketplace.options) != tuple(options):
                self.marketplace.options = options
            self.marketplace.value = _ALL if chosen.marketplace is None else (chosen.marketplace,)
            self.day.value, self.begin.value, self.end.value = chosen.day, chosen.begin, chosen.end
            for status, box in self.statuses.items():
                box.value = status in chosen.statuses
                box.description = f"{code_text(status)} ({counts.get(status, 0):,})"
                visibility(box, status in counts or status in chosen.statuses)
        self.everything.disabled = chosen.is_open
        self._left_out.value = paragraph(state.left_out, kind="notice")

    @contextmanager
    def _filled(self) -> Iterator[None]:
        """While boxes are filled from the state, they tell it nothing."""
        self._filling = True
        try:
            yield
        finally:
            self._filling = False

    def _take(self, _: dict[str, Any]) -> None:
        if self._filling:
            return
        place = next(iter(self.marketplace.value or _ALL), None)
        ticked = frozenset(status for status, box in self.statuses.items() if box.value)
        self.state.narrow(
            marketplace=place, statuses=ticked, day=self.day.value, begin=self.begin.value, end=self.end.value
        )  # fmt: skip


def _date(text: str, name: str) -> widgets.DatePicker:
    made = widgets.DatePicker(description=text, style=_SHORT, layout={"width": "180px"})
    made.add_class(f"nsbill-period-{name}")
    return made


def _box(status: StatementStatus) -> widgets.Checkbox:
    made = widgets.Checkbox(description=code_text(status.value), indent=False, layout={"width": "auto"})
    made.add_class(f"nsbill-status-{status.value.lower().replace('_', '-')}")
    return made
