"""The panel of runs: the last runs of the scheduled notebooks, what each found, and what changed since the run before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from nsbill.show.charts_runs import due_over_runs, seconds_of_runs
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
from nsbill.show.runs_state import RunsSource, RunsState
from nsbill.show.table import money_table

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["RunsPanel", "runs_panel"]

_ALWAYS = ("started_at", "name", "status", "seconds")
_WHERE_KNOWN = ("created", "refused", "unknown", "due", "exceptions", "trend", "problem")
_ROWS = 30
_CHANGES = 40
_SHORT = {"description_width": "initial"}


def runs_panel(source: RunsSource) -> RunsPanel:
    """Return the panel of the runs that a source has; show it with ``.show()``."""
    return RunsPanel(RunsState(source))


class RunsPanel(Panel):
    """View of a ``RunsState``; it reads only."""

    state: RunsState

    def __init__(self, state: RunsState) -> None:
        self._filling = False
        self.name = widgets.Dropdown(description="Job or notebook", style=_SHORT, layout={"width": "360px"})
        self.name.add_class("nsbill-runs-name")
        self.again = button("Look again", "look-again", tooltip="Read the folder of runs again")
        self.run = widgets.Dropdown(
            description="What changed by run", style=_SHORT, layout={"width": "min(620px, 98%)"}
        )
        self.run.add_class("nsbill-runs-run")
        self._busy, self._error = text_box("busy"), text_box("error")
        self._table, self._changes = text_box("runs"), text_box("changes")
        self._charts = widgets.VBox([])
        self._charts.add_class("nsbill-charts")
        controls = widgets.HBox([self.name, self.again, self._busy], layout={"flex_flow": "row wrap"})
        parts = [controls, self._error, self._table, self.run, self._changes, self._charts]
        super().__init__(state, parts, name="runs")
        state.observe(self.refresh, ["busy", "error", "runs", "name", "run_id", "changes"])
        self.name.observe(self._take_name, "value")
        self.run.observe(self._take_run, "value")
        self.again.on_click(lambda _: self.worker.start(state.load))
        self.refresh()

    def prepare(self) -> None:
        """Read the runs."""
        self.state.load()

    def static(self) -> str:
        """Return the runs, and what changed by the newest, as HTML."""
        return self._runs_html() + self._changes_html()

    def figures(self) -> list[go.Figure]:
        """Return due money over time for each currency, and how long runs took."""
        state = self.state
        money = [due_over_runs(state.shown_due, currency=currency) for currency in state.currencies]
        return [*money, seconds_of_runs(state.shown)] if len(state.shown) else []

    def refresh(self, _: object = None) -> None:
        """Show the state."""
        state = self.state
        self._busy.value = paragraph(f"{state.busy}…" if state.busy else "")
        self._error.value = alert(state.error)
        self.again.disabled = bool(state.busy)
        if state.busy:
            return
        ended = state.shown[state.shown["status"].isin(["succeeded", "failed"])].head(_ROWS)
        self._filling = True
        try:
            self.name.options = [("all", ""), *((name, name) for name in state.names)]
            self.name.value = state.name if state.name in state.names else ""
            labels = [f"{run_id}  {name}" for run_id, name in zip(ended["run_id"], ended["name"], strict=True)]
            self.run.options = list(zip(labels, ended["run_id"], strict=True))
            self.run.value = state.run_id if state.run_id in set(ended["run_id"]) else None
        finally:
            self._filling = False
        self._table.value, self._changes.value = self._runs_html(), self._changes_html()
        visibility(self.run, len(ended) > 0)
        self._charts.children = tuple(_drawn(figure) for figure in self.figures())

    def _runs_html(self) -> str:
        runs = self.state.shown
        columns = [*_ALWAYS, *(name for name in _WHERE_KNOWN if runs[name].notna().any())]
        table = money_table(runs, columns, caption="Runs, newest first", limit=_ROWS, empty_note="no run yet")
        return tiles(self.state.headline) + table.html()

    def _changes_html(self) -> str:
        said = self.state.changes
        more = (
            [f"… and {len(said) - _CHANGES} more: nsbill runs diff {self.state.run_id}"] if len(said) > _CHANGES else []
        )
        return heading("What changed") + sentences([*said[:_CHANGES], *more], kind="changes") if said else ""

    def _take_name(self, change: dict[str, Any]) -> None:
        if not self._filling:
            self.worker.start(lambda: self.state.choose(change["new"]))

    def _take_run(self, change: dict[str, Any]) -> None:
        if not self._filling and change["new"]:
            self.worker.start(lambda: self.state.look_at(change["new"]))


def _drawn(figure: go.Figure) -> widgets.Output:
    shown = {"output_type": "display_data", "data": figure_bundle(figure), "metadata": {}}
    return widgets.Output(outputs=(shown,))
