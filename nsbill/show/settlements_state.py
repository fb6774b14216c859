"""The state of the settlements panel: files added, the tie-out chain, one settlement's lines, and the queue."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import traitlets

from nsbill.desk import Desk
from nsbill.errors import SourceFileError
from nsbill.exception_queue.listing import OPEN_STATES
from nsbill.schemas import LINES
from nsbill.show.queue_state import QueueState
from nsbill.show.state import PanelState
from nsbill.show.tie_chain import CHAIN, chain_of, steps_of

if TYPE_CHECKING:
    from nsbill.amazon.bank_shelf import BankShelf
    from nsbill.amazon.store import AddResult
    from nsbill.reconcile import Reconciliation

__all__ = ["SettlementsState"]

_COMPARING = "Comparing the settlements with the books"


class SettlementsState(PanelState):
    """Add files, look whether every settlement ties, and hand what is wrong to the queue."""

    added = traitlets.Tuple()
    """``AddResult`` of each file of the last drop, of Amazon's or a bank's."""
    unreadable = traitlets.Tuple()
    """Names of what the browser could not read."""
    keep_untied = traitlets.Bool()
    stored = traitlets.Int()
    """How many settlements the workspace holds."""
    statements = traitlets.Int()
    """How many bank statements it keeps."""
    reconciliation = traitlets.Any()
    """A ``Reconciliation`` as of today, once there is one."""
    taken = traitlets.Unicode()
    """What the queue says about taking the reconciliation in."""
    settlement = traitlets.Unicode()
    """The settlement that is looked into."""
    lines = traitlets.Instance(pd.DataFrame, allow_none=True)
    """LINES of that settlement."""

    def __init__(self, desk: Desk, *, bank: Sequence[Path] = ()) -> None:
        super().__init__()
        self.desk, self.bank = desk, tuple(bank)
        self.queue = QueueState(desk)
        self._one_at_a_time = threading.Lock()

    def look(self) -> None:
        """Compare the stored settlements with the books as of today, and take what is wrong into the queue."""
        with self._one_at_a_time, self.doing(_COMPARING):
            self._look()

    def add(self, paths: Sequence[Path], unreadable: Sequence[str] = ()) -> None:
        """Add Amazon's files and bank statements to the workspace, then look again; a refused file stops no other."""
        with self._one_at_a_time, self.doing("Reading the files"):
            self.added, self.unreadable = (), tuple(unreadable)
            self.added = tuple(self._added(paths))
            if any(one.state == "added" for one in self.added):
                self.busy = _COMPARING
                self._look()

    def look_into(self, settlement: str) -> None:
        """Show the steps and the lines of one settlement; an empty name: of none."""
        with self.doing("Reading the lines"):
            self.lines = self.desk.store.lines_of(settlement) if settlement else None
            self.settlement = settlement

    @property
    def blockers(self) -> list[str]:
        """Why nothing can be added or compared now."""
        return [f"{self.busy}…"] if self.busy else []

    @property
    def chain(self) -> pd.DataFrame:
        """The tie-out chain, CHAIN: one row per settlement, what is wrong first."""
        return CHAIN.frame() if self.reconciliation is None else chain_of(self.reconciliation.tie_out)

    @property
    def steps(self) -> pd.DataFrame | None:
        """The steps of the settlement that is looked into, TIE_OUT and ``mark``."""
        if self.reconciliation is None or not self.settlement:
            return None
        return steps_of(self.reconciliation.tie_out, self.settlement)

    @property
    def shown_lines(self) -> pd.DataFrame:
        """The lines of the settlement that is looked into, LINES."""
        return LINES.frame() if self.lines is None else self.lines

    @property
    def headline(self) -> list[tuple[str, str]]:
        """The panel's figures."""
        figures = [("Settlements stored", f"{self.stored:,}"), ("Bank statements kept", f"{self.statements:,}")]
        if self.reconciliation is not None:
            broken = self._broken
            figures += [
                ("Tie as far as can be told", f"{self._compared - broken:,}"),
                ("With a residual", f"{broken:,}"),
            ]
        return figures

    @property
    def added_sentence(self) -> str:
        """How many files were added, were there, and were refused."""
        if not self.added:
            return ""
        counted = Counter(one.state for one in self.added)
        states = ("added", "already there", "refused")
        number = len(self.added)
        return f"{number:,} file{'' if number == 1 else 's'}: " + ", ".join(
            f"{counted[state]:,} {state}" for state in states if counted[state]
        )

    @property
    def added_lines(self) -> list[tuple[bool, str]]:
        """For each file of the last drop: whether it is there now, and a sentence."""
        results: tuple[AddResult, ...] = self.added
        told = [(one.state != "refused", _told(one)) for one in results]
        return told + [
            (False, f"{name}: the browser could not read it. Drop files, not folders.") for name in self.unreadable
        ]

    @property
    def figures(self) -> dict[str, object]:
        """What a run record keeps; empty while nothing is compared."""
        if self.reconciliation is None:
            return {}
        found: Reconciliation = self.reconciliation
        queue = self.queue.queue
        return {
            "as_of": found.as_of,
            "settlements": self.stored,
            "settlements_off": self._broken,
            "exceptions": len(found.exceptions),
            "to_do": 0 if queue is None else int(queue["state"].isin(OPEN_STATES).sum()),
        }

    @property
    def _compared(self) -> int:
        return int(self.reconciliation.tie_out["settlement_id"].nunique())

    @property
    def _broken(self) -> int:
        steps = self.reconciliation.tie_out
        return int(steps[(~steps["holds"]).fillna(value=False)]["settlement_id"].nunique())

    def _look(self) -> None:
        store = self.desk.store
        self.stored, self.statements = len(store.settlements()), len(store.bank.files())
        self.queue.load()  # what was known before shows also when NetSuite does not answer
        found = self.desk.reconcile(bank=self._statements())
        self.taken = self.desk.take_exceptions(found).sentence
        self.queue.load()
        self.queue.raise_failure()
        self.reconciliation = found
        if self.settlement not in set(found.tie_out["settlement_id"]):
            self.settlement, self.lines = "", None

    def _added(self, paths: Sequence[Path]) -> list[AddResult]:
        """Add each file: bank statements are told by their content, whatever else there is must be Amazon's."""
        from nsbill.amazon.bank_shelf import is_bank_statement

        store = self.desk.store
        of_bank = {path for path in paths if is_bank_statement(path)}
        amazons = store.add([path for path in paths if path not in of_bank], accept_untied=self.keep_untied)
        results = {one.path: one for one in amazons} | {path: _kept(store.bank, path) for path in of_bank}
        return [results[path] for path in paths]

    def _statements(self) -> list[Any]:
        from nsbill.amazon.bank import read_bank

        return [read_bank(path) for path in self.bank]


def _kept(shelf: BankShelf, path: Path) -> AddResult:
    from nsbill.amazon.store import AddResult

    try:
        new, sentence = shelf.add(path)
    except SourceFileError as error:
        return AddResult(path, (), "refused", str(error))
    return AddResult(path, (), "added" if new else "already there", sentence)


def _told(result: AddResult) -> str:
    message = result.message.replace(
        f"{result.path.parent}/", ""
    )  # a dropped file lies in a folder of its own for a moment
    return message if result.path.name in message else f"{result.path.name}: {message}"
