"""The state of the files that a reconciliation is written to: which formats, where, and what is there already."""

from __future__ import annotations

from pathlib import Path

import traitlets

from nsbill.errors import WorkspaceError
from nsbill.reconcile.sources import source_rows
from nsbill.show.received_state import ReceivedState
from nsbill.show.report_files import FORMATS, report_places, write_report_files
from nsbill.show.state import PanelState

__all__ = ["ExportState"]

_REPLACE = "Tick 'Replace files that are there' to write them again."


class ExportState(PanelState):
    """Writes what a ``ReceivedState`` reconciled into the workspace's folder ``reports``, as ``nsbill report`` does.

    The files hold all currencies and orders, whatever the panel's filter shows.
    """

    replace = traitlets.Bool()
    """Whether files of the same day may be replaced."""
    written = traitlets.Tuple()
    """The paths that the last export wrote."""

    def __init__(self, received: ReceivedState) -> None:
        super().__init__()
        self.received = received

    @property
    def folder(self) -> Path:
        """Where the files go."""
        return self.received.desk.workspace / "reports"

    def blockers(self, ending: str) -> list[str]:
        """Why a format of ``FORMATS`` cannot be written now."""
        if self.busy:
            return [f"{self.busy}…"]
        if self.received.busy:
            return [f"{self.received.busy}… Files are written of what is reconciled then."]
        if self.received.reconciliation is None:
            return ["Nothing is reconciled yet: press Reconcile."]
        there = self._there(ending)
        if there and not self.replace:
            return [f"{_named(there)} there already. {_REPLACE}"]
        return []

    @property
    def hints(self) -> list[str]:
        """The blockers of all formats, each once."""
        return list(dict.fromkeys(blocker for ending in FORMATS for blocker in self.blockers(ending)))

    def export(self, ending: str) -> None:
        """Write one of ``FORMATS``; what is there already is replaced only when that was asked for."""
        self.written = ()
        found = self.received.reconciliation
        with self.doing(f"Writing {found.as_of} as {ending}"):
            if not self.replace and (there := self._there(ending)):
                raise WorkspaceError(there[0], "is there already", _REPLACE)
            desk = self.received.desk
            sources = None if ending == "html" else source_rows(desk.store.lines_files(), found)
            facts = {"Account": desk.settings.account, "Seller account": desk.settings.seller_account}
            files = write_report_files(self.folder, found, formats=[ending], sources=sources, facts=facts)
            self.replace = False
            self.written = tuple(files[ending])

    @property
    def sentence(self) -> str:
        """What the last export wrote."""
        if not self.written:
            return ""
        first = self.written[0]
        if len(self.written) == 1:
            return f"Written: {first}"
        names = ", ".join(path.name for path in self.written)
        return f"Written into {first.parent}: {names}"

    def _there(self, ending: str) -> list[Path]:
        return [place for place in report_places(self.folder, self.received.reconciliation, ending) if place.exists()]


def _named(paths: list[Path]) -> str:
    """The files in words: the first of them, and how many more."""
    more = len(paths) - 1
    first = f"{paths[0].parent.name}/{paths[0].name}"
    return f"{first} is" if not more else f"{first} and {more} more file{'s' if more > 1 else ''} are"
