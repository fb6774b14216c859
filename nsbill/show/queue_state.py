"""The state of the exception queue in a panel: what is listed, what is chosen, and what may be done with it."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Iterable

import pandas as pd
import traitlets

from nsbill.desk import Desk
from nsbill.errors import JournalError
from nsbill.exception_queue import Handled
from nsbill.exception_queue.listing import OPEN_STATES, chosen, put_aside
from nsbill.schemas import EXCEPTION_QUEUE
from nsbill.show.state import PanelState
from nsbill.vocabulary import ExceptionState

__all__ = ["LISTED", "QueueState"]

_TO_DO, _ALL = "to do", "all"
LISTED = (_TO_DO, *(state.value for state in ExceptionState), _ALL)
"""What can be listed: what somebody still has to do something about, one state, or all."""

_CHOOSE = "Choose one or more exceptions in the table."


class QueueState(PanelState):
    """The queue of a workspace. Everything that is done says who did it."""

    queue = traitlets.Instance(pd.DataFrame, allow_none=True)
    """EXCEPTION_QUEUE, all of it."""
    listed = traitlets.Unicode(_TO_DO)
    chosen = traitlets.Tuple()
    """Names such as E-1042."""
    by = traitlets.Unicode()
    owner = traitlets.Unicode()
    note = traitlets.Unicode()
    target = traitlets.Unicode(ExceptionState.IN_PROGRESS.value)
    """The state that 'Set state' gives."""
    done = traitlets.Unicode()
    """What the last action did."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk
        self.by = _login_name()
        self._seen = 0  # the latest event of the queue that ``queue`` knows of
        self._listed: tuple[object, str, pd.DataFrame] = (None, "", EXCEPTION_QUEUE.frame())

    def load(self) -> None:
        """Read the queue; needs no NetSuite."""
        with self.doing("Reading the queue"):
            self._read()

    def choose(self, exceptions: Iterable[str]) -> None:
        """Choose exceptions of those that are listed."""
        listed = self.rows["exception_id"]
        self.chosen = tuple(sorted(listed[listed.isin(list(exceptions))], key=lambda name: int(name[2:])))

    def take(self) -> None:
        """Make the chosen ones one's own."""
        self._do(self.take_blockers, lambda: self.desk.exceptions.assign(self.chosen, owner=self.by, by=self.by))

    def assign(self) -> None:
        """Give the chosen ones to ``owner``."""
        self._do(self.assign_blockers, lambda: self.desk.exceptions.assign(self.chosen, owner=self.owner, by=self.by))

    def add_note(self) -> None:
        """Add ``note`` to the chosen ones."""
        self._do(self.note_blockers, lambda: self.desk.exceptions.note(self.chosen, text=self.note, by=self.by))

    def mark(self) -> None:
        """Set the state of the chosen ones to ``target``, with ``note`` as the reason."""
        state = ExceptionState(self.target)
        self._do(
            self.mark_blockers,
            lambda: self.desk.exceptions.mark(self.chosen, state, by=self.by, reason=self.note),
        )

    @property
    def rows(self) -> pd.DataFrame:
        """What is listed, EXCEPTION_QUEUE, the largest amounts of each currency first."""
        if self.queue is None:
            return EXCEPTION_QUEUE.frame()
        if self._listed[0] is self.queue and self._listed[1] == self.listed:
            return self._listed[2]
        states = {_TO_DO: OPEN_STATES, _ALL: None}.get(self.listed, frozenset({self.listed}))
        self._listed = (self.queue, self.listed, chosen(self.queue, states=states))
        return self._listed[2]

    @property
    def take_blockers(self) -> list[str]:
        """Why the chosen ones cannot be taken."""
        if self.busy:
            return [f"{self.busy}…"]
        return [*([] if self.chosen else [_CHOOSE]), *([] if self.by.strip() else ["Write your name."])]

    @property
    def assign_blockers(self) -> list[str]:
        """Why the chosen ones cannot be given to somebody."""
        return self.take_blockers or ([] if self.owner.strip() else ["To give them to somebody, write the owner."])

    @property
    def note_blockers(self) -> list[str]:
        """Why no note can be added."""
        return self.take_blockers or ([] if self.note.strip() else ["To add a note, write it."])

    @property
    def mark_blockers(self) -> list[str]:
        """Why the state cannot be set."""
        if self.take_blockers or self.note.strip() or ExceptionState(self.target).is_open:
            return self.take_blockers
        return [f"To set the state to '{self.target}', write the reason as the note."]

    @property
    def story(self) -> list[str]:
        """What happened to the one chosen exception, in sentences; nothing when there is not exactly one."""
        if len(self.chosen) != 1:
            return []
        return self.desk.exceptions.history(self.chosen[0])[1]

    @property
    def one(self) -> dict[str, object] | None:
        """The one chosen exception, a row of EXCEPTION_QUEUE."""
        if self.queue is None or len(self.chosen) != 1:
            return None
        rows = self.queue[self.queue["exception_id"] == self.chosen[0]]
        found: dict[str, object] = rows.astype(object).where(rows.notna(), None).to_dict("records")[0]
        return found

    @property
    def sentence(self) -> str:
        """How many there are to do, of whom, and what was put aside."""
        if self.queue is None:
            return ""
        to_do = self.queue[self.queue["state"].isin(OPEN_STATES)]
        nobodys = int((to_do["owner"].fillna("") == "").sum())
        aside = put_aside(self.queue)
        words = f"{len(to_do):,} to do, {nobodys:,} of them without an owner."
        return words + (f" {aside:,} closed or accepted ones are found all the same." if aside else "")

    def _do(self, blockers: list[str], work: Callable[[], list[Handled]]) -> None:
        self.done = ""
        with self.doing("Writing to the queue"):
            if blockers:
                raise JournalError(blockers[0].rstrip("."), "Nothing was written.")
            handled = work()
            self.note = ""
            self._read_since()
            self.done = _told(handled)

    def _read(self) -> None:
        self._seen = (
            self.desk.exceptions.newest_event()
        )  # before the rows: what comes in between is read twice, not never
        self.queue = self.desk.exception_queue()
        self.choose(self.chosen)

    def _read_since(self) -> None:
        """Read what happened since the last reading, here and elsewhere, instead of the whole queue."""
        if self.queue is None:
            self._read()
            return
        newest = self.desk.exceptions.newest_event()
        fresh = self.desk.exceptions.frame_since(self._seen)
        kept = self.queue[~self.queue["exception_id"].isin(fresh["exception_id"].tolist())]
        self._seen, self.queue = newest, pd.concat([kept, fresh], ignore_index=True)
        self.choose(self.chosen)


def _told(handled: list[Handled]) -> str:
    if len(handled) == 1:
        return f"{handled[0].exception_id} {handled[0].sentence}."
    changed = [one for one in handled if one.changed]
    if not changed:
        return f"Nothing changed: each of the {len(handled):,} {handled[0].sentence}."
    unchanged = len(handled) - len(changed)
    return f"{len(changed):,} exceptions: each {changed[0].sentence}." + (
        f" {unchanged:,} were so already." if unchanged else ""
    )


def _login_name() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container may run as a number that has no name
        return ""
