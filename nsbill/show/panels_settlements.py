"""The settlements panel: drop files, see whether every settlement ties, look into one, and work on exceptions."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

import ipywidgets as widgets

from nsbill.desk import Desk
from nsbill.schemas import EXCEPTION_QUEUE, LINES
from nsbill.show.grid import Grid, grid_column
from nsbill.show.panel_files import Drop, DropZone
from nsbill.show.panel_parts import Panel, alert, button, heading, paragraph, sentences, text_box, tiles, visibility
from nsbill.show.panels_queue import QueueView
from nsbill.show.settlements_state import SettlementsState
from nsbill.show.tables import exceptions_summary, money_table
from nsbill.show.tie_chain import CHAIN, STEP_TITLES

if TYPE_CHECKING:
    import pandas as pd

    from nsbill.show.table import Table

__all__ = ["SettlementsPanel", "settlements_panel"]

_CHAIN = [
    grid_column("settlement_id"),
    grid_column("month"),
    grid_column("currency", title="Cur.", widest=6),
    grid_column("verdict", title="Tie-out", widest=12, marked=True),
    *(grid_column(step.name.lower(), title=title, widest=18, marked=True) for step, title in STEP_TITLES.items()),
]
_LINES = [
    grid_column("source_line", title="Line"),
    grid_column("amount"),
    grid_column("event_class", title="Event", widest=18),
    grid_column("line_kind", title="Kind", widest=22),
    grid_column("transaction_type", widest=20),
    grid_column("amount_type", widest=20),
    grid_column("amount_description", title="Description", widest=30),
    grid_column("order_reference", title="Order", widest=22),
    grid_column("sku", title="SKU", widest=20),
    grid_column("posted_at", title="Posted (UTC)", widest=20),
]
_KEY = "row_key"
_STEP_COLUMNS = ("mark", "step", "expected", "found", "residual", "currency", "explanation")


def settlements_panel(desk: Desk, *, bank: str = "") -> SettlementsPanel:
    """Return the panel of settlements and exceptions; ``bank``: bank statements (CSV), several with ``;`` between them."""
    statements = [Path(part.strip()) for part in bank.split(";") if part.strip()]
    return SettlementsPanel(SettlementsState(desk, bank=statements))


class SettlementsPanel(Panel):
    """View of a ``SettlementsState``."""

    state: SettlementsState

    def __init__(self, state: SettlementsState) -> None:
        self._shown: object = None
        self._shown_lines: object = None
        self.adding: threading.Thread | None = None
        self.files = DropZone(
            "Drop files here: Amazon's settlements, payments reports, Finances answers; bank statements (CSV).",
            took=self._took,
        )
        self.keep_untied = widgets.Checkbox(
            description="Keep files whose lines do not add up to their stated total, marked so",
            indent=False, layout={"width": "auto"},
        )  # fmt: skip
        self.again = button("Compare again", "compare", style="primary", tooltip="Read books and settlements again")
        self._busy, self._added, self._error = text_box("busy"), text_box("added"), text_box("error")
        self._headline = text_box("headline")
        self.chain = Grid(CHAIN.frame(), _CHAIN, key="settlement_id", label="Tie-out chain", choose="one", height=300)
        self.chain.add_class("nsbill-chain")
        self._one = text_box("steps")
        self.lines = Grid(_keyed(LINES.frame()), _LINES, key=_KEY, label="Lines", height=300)
        self.lines.add_class("nsbill-lines")
        self.queue = QueueView(state.queue)
        self._into = widgets.VBox([self._one, widgets.HTML(heading("Its lines, as the file has them")), self.lines])
        self._body = widgets.VBox(
            [
                widgets.HTML(heading("Tie-out: from the lines of each settlement to bank and books")),
                widgets.HTML(paragraph("✓ holds, ✗ does not hold, ? cannot be told; the amount is found − expected. Choose a row to see why.", kind="hint")),
                self.chain,
                self._into,
            ]
        )  # fmt: skip
        self._queue_section = widgets.VBox([widgets.HTML(heading("Exceptions")), self.queue])
        controls = widgets.HBox([self.again, self.keep_untied, self._busy], layout={"flex_flow": "row wrap"})
        parts = [self.files, controls, self._added, self._error, self._headline, self._body, self._queue_section]
        super().__init__(state, parts, name="settlements")
        self._connect()
        self.refresh()

    def prepare(self) -> None:
        """Compare as of today."""
        self.state.look()

    def static(self) -> str:
        """Return tie-out and exceptions as HTML."""
        found = self.state.reconciliation
        if found is None:
            return alert(self.state.error) or paragraph("Nothing is compared yet.")
        queue = self.state.queue
        tables = [_chain_table(self.state.chain), exceptions_summary(found.exceptions), _queue_table(queue.rows)]
        words = paragraph(self.state.taken) + paragraph(queue.sentence)
        return tiles(self.state.headline) + words + "".join(table.html() for table in tables)

    def refresh(self, _: object = None) -> None:
        """Show the state."""
        state = self.state
        self.again.disabled = self.keep_untied.disabled = bool(state.blockers)
        self.files.enabled = not state.blockers
        self._busy.value = paragraph(f"{state.busy}…" if state.busy else "")
        self._error.value = alert(state.error)
        self._added.value = self._told()
        visibility(self._body, state.reconciliation is not None)
        visibility(self._queue_section, state.queue.queue is not None)
        if state.busy:
            return
        self._headline.value = tiles(state.headline) + paragraph(state.taken, kind="hint")
        if self._shown is not state.reconciliation:
            self._shown = state.reconciliation
            self.chain.set_frame(state.chain)
        self._refresh_one()

    def _refresh_one(self) -> None:
        state, steps = self.state, self.state.steps
        visibility(self._into, steps is not None)
        if steps is None:
            return
        self._one.value = heading(f"Settlement {state.settlement}") + _steps_table(steps).html()
        if self._shown_lines is not state.lines:
            self._shown_lines = state.lines
            self.lines.set_frame(_keyed(state.shown_lines))

    def _told(self) -> str:
        lines = self.state.added_lines
        good = sentences((words for fine, words in lines if fine), kind="saved")
        bad = sentences((words for fine, words in lines if not fine), kind="error")
        return paragraph(self.state.added_sentence) + bad + good

    def _took(self, drop: Drop) -> None:
        """Add what was dropped, in a thread of its own: a drop is never lost because something else is under way."""
        self.adding = threading.Thread(target=self._add, args=(drop,), daemon=True)
        self.adding.start()

    def _add(self, drop: Drop) -> None:
        try:
            self.state.add(drop.files, drop.unreadable)
        finally:
            drop.discard()

    def _connect(self) -> None:
        state = self.state
        state.observe(self.refresh, ["busy", "error", "added", "reconciliation", "settlement", "lines", "taken"])
        state.queue.observe(self.refresh, ["queue"])
        self.again.on_click(lambda _: self.worker.start(state.look))
        self.keep_untied.observe(lambda change: state.set_trait("keep_untied", change["new"]), "value")
        self.chain.observe(self._choose, "chosen")

    def _choose(self, change: dict[str, frozenset[str]]) -> None:
        settlement = next(iter(change["new"]), "")
        if settlement != self.state.settlement:
            self.worker.start(lambda: self.state.look_into(settlement))


def _chain_table(chain: pd.DataFrame) -> Table:
    titles = {step.name.lower(): title for step, title in STEP_TITLES.items()} | {"verdict": "Tie-out"}
    columns = ["settlement_id", "month", "currency", "verdict", *(step.name.lower() for step in STEP_TITLES)]
    return money_table(chain, columns, caption="Tie-out chain", limit=20, titles=titles, empty_note="no settlements")


def _steps_table(steps: pd.DataFrame) -> Table:
    titles = {"mark": "", "explanation": "Why"}
    return money_table(
        steps,
        _STEP_COLUMNS,
        caption="Its chain",
        limit=None,
        titles=titles,
        empty_note="no steps",
    )


def _queue_table(rows: pd.DataFrame) -> Table:
    columns = ["exception_id", "exception_class", "amazon_order_id", "settlement_id", "amount", "currency", "state", "owner", "evidence"]  # fmt: skip
    return money_table(rows[EXCEPTION_QUEUE.names], columns, caption="To do", limit=20, empty_note="nothing to do")


def _keyed(frame: pd.DataFrame) -> pd.DataFrame:
    """Number the rows: two lines of a file may be the same."""
    return frame.assign(**{_KEY: range(len(frame))})
