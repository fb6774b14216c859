"""The files of the received panel: a button for each format, and what was written."""

from __future__ import annotations

import ipywidgets as widgets

from nsbill.show.export_state import ExportState
from nsbill.show.panel_parts import Worker, alert, button, heading, paragraph, sentences, text_box

__all__ = ["ExportView"]

_BUTTONS = (
    ("xlsx", "Excel workbook", "Formulas that recalculate, every frame a sheet"),
    ("html", "HTML page", "One file with charts and tables; needs no network"),
    ("csv", "CSV", "Every frame, exact amounts"),
    ("parquet", "Parquet", "Every frame, exact amounts and types"),
    ("png", "Charts (PNG)", "Each chart of each currency as a picture, for slides and letters; needs nsbill[png]"),
)


class ExportView(widgets.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """View of an ``ExportState``; part of a panel, which calls ``refresh`` when its state changed."""

    def __init__(self, state: ExportState) -> None:
        self.state = state
        self.worker = Worker(state.fail)
        self.buttons = {
            ending: button(words, f"export-{ending}", tooltip=tooltip) for ending, words, tooltip in _BUTTONS
        }
        self.replace = widgets.Checkbox(
            description="Replace files that are there", indent=False, layout={"width": "auto"}
        )
        self.replace.add_class("nsbill-replace")
        self._said = text_box("export")
        row = widgets.HBox([*self.buttons.values(), self.replace], layout={"flex_flow": "row wrap"})
        row.add_class("nsbill-export-buttons")
        about = paragraph(
            "All currencies and orders as of the day, whatever the filters show, in the workspace's folder reports.",
            kind="hint",
        )
        super().__init__([widgets.HTML(heading("Files for colleagues") + about), row, self._said])
        self.add_class("nsbill-exports")
        for ending, pressed in self.buttons.items():
            pressed.on_click(lambda _, ending=ending: self.worker.start(lambda: state.export(ending)))
        self.replace.observe(lambda change: state.set_trait("replace", change["new"]), "value")
        state.observe(self.refresh, ["busy", "error", "replace", "written"])
        self.refresh()

    def refresh(self, _: object = None) -> None:
        """Show the state."""
        state = self.state
        for ending, pressed in self.buttons.items():
            pressed.disabled = bool(state.blockers(ending))
        self.replace.value = state.replace
        self._said.value = (
            alert(state.error) + paragraph(state.sentence, kind="saved") + sentences(state.hints, kind="blockers")
        )
