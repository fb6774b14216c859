"""Clicks on the bars of a chart. The figures stay plain data, drawn by JupyterLab and Voila; this only listens to them.

plotly's FigureWidget would do it too, but brings five megabytes of JavaScript into every notebook that saves its widgets.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import anywidget
import traitlets

__all__ = ["BarClicks"]


class BarClicks(anywidget.AnyWidget):
    """Tell ``clicked`` the key of each bar that is clicked: the first of its ``customdata``, as text.

    ``place``: the class of the part of the panel whose charts are listened to, those drawn later too.
    """

    _esm = Path(__file__).with_name("panel_clicks.js")

    place = traitlets.Unicode().tag(sync=True)

    def __init__(self, place: str, *, clicked: Callable[[str], object]) -> None:
        self._clicked = clicked
        super().__init__(place=place)
        self.on_msg(self._on_message)

    def look_at(self, part: str) -> None:
        """Bring the part of the panel with this class into view, and the keyboard with it."""
        self.send({"op": "look", "at": part})

    def _on_message(self, _: object, content: dict[str, Any], buffers: object) -> None:
        if content["op"] == "click":
            self._clicked(str(content["key"]))
