"""A grid for notebooks: paged from Python, with real tick boxes, sorting and filtering; one widget, no build step.

The notebook's file holds no rows: the browser asks for the page that it shows.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import anywidget
import pandas as pd
import traitlets

from nsbill.show.grid_rows import GridColumn, GridRows, grid_column

__all__ = ["PAGE_SIZE", "Grid", "GridColumn", "grid_column"]

PAGE_SIZE = 200


class Grid(anywidget.AnyWidget):
    """Show a frame; with ``ticks`` each row has a box, and ``excluded`` holds the keys of the rows without a tick.

    ``excluded`` is known by key, so it survives sorting, filtering and a new frame. With ``choose`` (``one`` or
    ``many``) rows are chosen by mouse or keyboard, and ``chosen`` holds their keys; a row that is gone is not chosen.
    """

    _esm = Path(__file__).with_name("grid.js")
    _css = Path(__file__).with_name("grid.css")

    columns: traitlets.List[dict[str, object]] = traitlets.List().tag(sync=True)
    label = traitlets.Unicode().tag(sync=True)
    ticks = traitlets.Bool().tag(sync=True)
    choose = traitlets.Unicode().tag(sync=True)
    enabled = traitlets.Bool(default_value=True).tag(sync=True)
    height = traitlets.Int(360).tag(sync=True)
    query = traitlets.Unicode().tag(sync=True)
    filters = traitlets.Dict().tag(sync=True)
    sort = traitlets.List(["", True]).tag(sync=True)
    version = traitlets.Int(0).tag(sync=True)
    excluded = traitlets.Any(frozenset())
    chosen = traitlets.Any(frozenset())

    def __init__(
        self,
        frame: pd.DataFrame,
        columns: Sequence[GridColumn],
        *,
        key: str,
        label: str,
        ticks: bool = False,
        choose: str = "",
        height: int = 360,
    ) -> None:
        self._lock = threading.RLock()  # a preview in a thread may set the frame while the browser asks for rows
        self._key = key
        self._rows = GridRows(frame, columns, key=key)
        self._view = self._rows.view(sort=("", True))
        super().__init__(label=label, ticks=ticks, choose=choose, height=height, columns=self._described())
        self.on_msg(self._on_message)
        self.observe(self._look_again, ["query", "filters", "sort"])
        self.observe(self._redraw, ["excluded", "chosen"])

    @property
    def shown(self) -> int:
        """How many rows pass the filters."""
        return len(self._view)

    @property
    def status(self) -> str:
        """The status line: how many rows there are, pass the filters, and are excluded."""
        total, shown = len(self._rows), self.shown
        words = f"{total:,} row{'' if total == 1 else 's'}" if shown == total else f"{shown:,} of {total:,} rows"
        if self.choose == "many" and self.chosen:
            return f"{words}, {len(self.chosen):,} chosen"
        return f"{words}, {len(self.excluded):,} excluded" if self.ticks else words

    def set_frame(self, frame: pd.DataFrame) -> None:
        """Show another frame of the same columns; filters, order and ticks stay."""
        rows = GridRows(frame, self._rows.columns, key=self._key)
        with self._lock:
            self._rows = rows
        self.columns = self._described()
        self._look_again()
        if self.chosen:
            self.chosen = self.chosen & frozenset(rows.keys.to_pylist())

    def tick(self, keys: Iterable[str], *, on: bool) -> None:
        """Tick or untick rows by key."""
        known = frozenset(keys)
        self.excluded = self.excluded - known if on else self.excluded | known

    def tick_shown(self, *, on: bool) -> None:
        """Tick or untick every row that passes the filters."""
        self.tick(self._rows.keys.take(self._view).to_pylist(), on=on)

    def choose_row(self, key: str, *, more: bool = False) -> None:
        """Choose this row; ``more``: beside the others, or no longer when it was chosen."""
        self.chosen = self.chosen ^ {key} if more and self.choose == "many" else frozenset({key})

    def choose_shown(self, *, on: bool) -> None:
        """Choose every row that passes the filters, or none at all."""
        self.chosen = frozenset(self._rows.keys.take(self._view).to_pylist()) if on else frozenset()

    def page(self, start: int, size: int = PAGE_SIZE) -> list[list[object]]:
        """Return rows from ``start`` on: key, whether ticked, then the cells as text."""
        with self._lock:
            numbers = self._view.slice(max(0, start), size)
            keys = self._rows.keys.take(numbers).to_pylist()
            return [
                [key, key not in self.excluded, *cells]
                for key, cells in zip(keys, self._rows.page(numbers), strict=True)
            ]

    def _described(self) -> list[dict[str, object]]:
        rows = self._rows
        return [
            {
                "name": c.name,
                "title": c.title,
                "number": c.marked or rows.is_number(c.name),
                "marked": c.marked,
                "width": rows.width(c),
            }
            for c in rows.columns
        ]

    def _look_again(self, _: object = None) -> None:
        name, ascending = str(self.sort[0]), bool(self.sort[1])
        with self._lock:
            self._view = self._rows.view(query=self.query, filters=self.filters, sort=(name, ascending))
        self._redraw()

    def _redraw(self, _: object = None) -> None:
        self.version += 1

    def _on_message(self, _: object, content: dict[str, Any], buffers: object) -> None:
        if content["op"] == "rows":
            self._send_rows(content)
        elif content["op"] == "choose" and self.choose:
            self.choose_row(str(content["key"]), more=bool(content["more"]))
        elif content["op"] == "choose_shown" and self.choose == "many":
            self.choose_shown(on=bool(content["on"]))
        elif not (self.ticks and self.enabled):
            return
        elif content["op"] == "tick":
            self.tick([str(content["key"])], on=bool(content["on"]))
        elif content["op"] == "tick_shown":
            self.tick_shown(on=bool(content["on"]))

    def _send_rows(self, asked: dict[str, Any]) -> None:
        start = int(asked["start"])
        with self._lock:
            rows, total, status = self.page(start), self.shown, self.status
        answer = {"op": "rows", "view": asked["view"], "seq": asked["seq"], "start": start}
        chosen = [row[0] for row in rows if row[0] in self.chosen]
        self.send({**answer, "total": total, "status": status, "rows": rows, "chosen": chosen})
