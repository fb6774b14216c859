"""The folders of runs: ``<runs folder>/<notebook>/<UTC time>-<id>``, and ``.partial-…`` while a run is under way.

A folder without the prefix is complete: it got its name in one step, when everything in it was written.
"""

from __future__ import annotations

import json
import re
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nsbill.errors import WorkspaceError
from nsbill.runs.results import write_atomically

__all__ = [
    "NOTEBOOK",
    "PARTIAL",
    "RECORD",
    "REPORT",
    "RunFolder",
    "is_under_way",
    "lock_file",
    "open_folder",
    "time_of",
]

PARTIAL = ".partial-"
NOTEBOOK, REPORT, RECORD = "notebook.ipynb", "report.html", "run.json"
_LOCK = ".lock"
_STAMP = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True)
class RunFolder:
    """The folder of one run, under its temporary and its final name."""

    run_id: str
    started_at: datetime
    partial: Path
    final: Path

    def write_record(self, record: dict[str, Any]) -> None:
        """Write ``run.json``."""
        write_atomically(self.partial / RECORD, json.dumps(record, indent=2, ensure_ascii=False) + "\n")

    def finish(self) -> Path:
        """Give the folder its final name."""
        (self.partial / _LOCK).unlink(missing_ok=True)
        self.partial.rename(self.final)
        return self.final


@contextmanager
def open_folder(runs_folder: Path, notebook: Path) -> Iterator[RunFolder]:
    """Make the folder of a new run and hold its lock, which the system drops when this process dies.

    Raises
    ------
    WorkspaceError
        When the folder cannot be made.
    """
    name = re.sub(r"[^\w.-]+", "-", notebook.stem).lstrip(".") or "notebook"
    started_at = datetime.now(UTC)
    run_id = f"{started_at.strftime(_STAMP)}-{secrets.token_hex(3)}"
    home = runs_folder.resolve() / name
    folder = RunFolder(run_id, started_at, home / f"{PARTIAL}{run_id}", home / run_id)
    try:
        folder.partial.mkdir(parents=True)
    except OSError as error:
        problem = f"a folder for the run cannot be made ({error.strerror})"
        raise WorkspaceError(home, problem, "Choose a runs folder that can be written to.") from error
    with (folder.partial / _LOCK).open("w") as lock:
        lock_file(lock.fileno(), wait=True)  # a reader may be trying it this very moment
        yield folder


def is_under_way(folder: Path) -> bool:
    """Say whether the process that writes this partial folder is alive on this machine."""
    try:
        with (folder / _LOCK).open("r+") as lock:
            return not lock_file(lock.fileno(), wait=False)
    except OSError:
        return False


def time_of(run_id: str) -> datetime | None:
    """The start time that a run id holds; None for a name that is no run id."""
    try:
        return datetime.strptime(run_id.removeprefix(PARTIAL).split("-")[0], _STAMP).replace(tzinfo=UTC)
    except ValueError:
        return None


def lock_file(descriptor: int, *, wait: bool) -> bool:
    """Take the lock until the file is closed; False when another process has it."""
    if sys.platform == "win32":
        import msvcrt

        try:
            msvcrt.locking(descriptor, msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
