"""The exception queue in a panel: the list, one exception's story, and what can be done with the chosen ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets as widgets

from nsbill.money import format_money
from nsbill.show.grid import Grid, grid_column
from nsbill.show.names import code_text
from nsbill.show.panel_parts import Worker, alert, button, paragraph, sentences, text_box
from nsbill.show.queue_state import LISTED, QueueState
from nsbill.vocabulary import ExceptionState

__all__ = ["QueueView"]

_COLUMNS = [
    grid_column("exception_id", title="No."),
    grid_column("exception_class", widest=26),
    grid_column("amount"),
    grid_column("currency", title="Cur.", widest=6),
    grid_column("amazon_order_id", widest=20),
    grid_column("settlement_id", widest=14),
    grid_column("state", widest=12),
    grid_column("owner", widest=16),
    grid_column("note", title="Latest note", widest=30),
    grid_column("first_seen", title="First seen"),
    grid_column("evidence", widest=90),
]
_SHORT = {"description_width": "initial"}
_BY_HAND = [state.value for state in ExceptionState if state is not ExceptionState.RESOLVED]


class QueueView(widgets.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """View of a ``QueueState``; part of a panel."""

    def __init__(self, state: QueueState) -> None:
        self.state, self.worker = state, Worker(state.fail)
        self._shown: tuple[object, str] = (None, "")
        self._told: tuple[object, tuple[str, ...]] = (None, ())
        self._sentence = text_box("queue-sentence")
        self.listed = widgets.Dropdown(
            options=LISTED, value=state.listed, description="Show", style=_SHORT, layout={"width": "190px"}
        )
        self.grid = Grid(state.rows, _COLUMNS, key="exception_id", label="Exceptions", choose="many", height=330)
        self.grid.add_class("nsbill-queue")
        self._one = text_box("exception")
        self.by = _text("Your name", state.by, width="220px", name="by")
        self.owner = _text("Owner", "", width="220px", name="owner")
        self.note = _text("Note", "", width="460px", name="note")
        self.target = widgets.Dropdown(
            options=_BY_HAND, value=state.target, description="State", style=_SHORT, layout={"width": "190px"}
        )
        self.take = button("Take it", "take", style="primary", tooltip="You take care of the chosen ones")
        self.assign = button("Give to owner", "assign", tooltip="Somebody else takes care of the chosen ones")
        self.add_note = button("Add note", "add-note", tooltip="The note stays in their history")
        self.mark = button("Set state", "mark", tooltip="The note is the reason")
        self._blockers, self._error, self._done = text_box("blockers"), text_box("queue-error"), text_box("queue-done")
        wrapped = {"flex_flow": "row wrap"}
        rows = [
            widgets.HBox([self.by, self.take, self.owner, self.assign], layout=wrapped),
            widgets.HBox([self.note, self.add_note, self.target, self.mark], layout=wrapped),
        ]
        head = widgets.HBox([self.listed, self._sentence], layout=wrapped)
        super().__init__([head, self.grid, *rows, self._blockers, self._error, self._done, self._one])
        self._connect()
        self.refresh()

    def refresh(self, _: object = None) -> None:
        """Show the state."""
        state = self.state
        for pressed, blockers in self._actions():
            pressed.disabled = bool(blockers)
        self._blockers.value = sentences(self._hints(), kind="blockers")
        self._error.value = alert(state.error)
        self._done.value = paragraph(state.done, kind="saved")
        self._sentence.value = paragraph(state.sentence)
        self.note.value = state.note
        if state.busy:
            return
        if self._shown[0] is not state.queue or self._shown[1] != state.listed:
            self._shown = (state.queue, state.listed)
            self.grid.set_frame(state.rows)
        if self._told[0] is not state.queue or self._told[1] != state.chosen:
            self._told = (state.queue, state.chosen)
            self._one.value = self._story()

    def _actions(self) -> list[tuple[widgets.Button, list[str]]]:
        state = self.state
        return [
            (self.take, state.take_blockers),
            (self.assign, state.assign_blockers),
            (self.add_note, state.note_blockers),
            (self.mark, state.mark_blockers),
        ]

    def _hints(self) -> list[str]:
        """What keeps buttons disabled, each sentence once."""
        return list(dict.fromkeys(sentence for _, blockers in self._actions() for sentence in blockers))

    def _story(self) -> str:
        row = self.state.one
        if row is None:
            number = len(self.state.chosen)
            return paragraph(f"{number:,} exceptions are chosen." if number else "")
        amount = format_money(row["amount"], str(row["currency"]))  # type: ignore[arg-type]  # a Decimal
        title = f"{row['exception_id']}  {code_text(str(row['exception_class']))}  {amount}"
        told = [f"Evidence: {row['evidence']}", f"To do: {row['action']}", *self.state.story]
        return paragraph(title, kind="sum") + sentences(told, kind="story")

    def _connect(self) -> None:
        state = self.state
        names = ["busy", "error", "queue", "listed", "chosen", "by", "owner", "note", "target", "done"]
        state.observe(self.refresh, names)
        self.grid.observe(lambda change: state.choose(change["new"]), "chosen")
        for widget, name in ((self.by, "by"), (self.owner, "owner"), (self.note, "note"), (self.target, "target")):
            widget.observe(_into(state, name), "value")
        self.listed.observe(self._list, "value")
        for pressed, action in (
            (self.take, state.take),
            (self.assign, state.assign),
            (self.add_note, state.add_note),
            (self.mark, state.mark),
        ):
            pressed.on_click(self._starter(action))

    def _starter(self, action: Callable[[], object]) -> Callable[[object], None]:
        return lambda _: self.worker.start(action)

    def _list(self, change: dict[str, Any]) -> None:
        self.state.listed = change["new"]
        self.state.choose(self.state.chosen)


def _into(state: QueueState, name: str) -> Callable[[dict[str, Any]], None]:
    return lambda change: state.set_trait(name, change["new"])


def _text(words: str, value: str, *, width: str, name: str) -> widgets.Text:
    made = widgets.Text(value=value, description=words, style=_SHORT, layout={"width": width})
    made.add_class(f"nsbill-{name}")
    return made
