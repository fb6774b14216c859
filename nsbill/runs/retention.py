"""How long runs are kept: the newest ones, those that are young, and always the last good one; the others may go."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd

from nsbill.errors import WorkspaceError
from nsbill.runs.folders import PARTIAL, is_under_way, time_of
from nsbill.runs.history import list_runs

__all__ = ["Pruning", "plan_pruning", "prune"]

_GOING = ".deleting-"
_UNFINISHED = timedelta(days=1)
"""So old is an interrupted run before it may go: its process may be on a machine whose locks are not seen here."""


@dataclass(frozen=True)
class Pruning:
    """Runs that may be deleted, oldest first (schema RUNS), and how many are kept. ``folder``: the folder of runs."""

    folder: Path
    delete: pd.DataFrame
    kept: int


def plan_pruning(runs_folder: Path, *, keep: int, days: int, now: datetime) -> Pruning:
    """Say which runs may go; nothing is deleted.

    Of each notebook, workspace and job stay the newest ``keep`` runs, those younger than ``days`` days, and the last one
    that succeeded. Runs under way, interrupted ones of the last day, and folders that no run made always stay.
    """
    runs = list_runs(runs_folder)
    going = [number for group in _groups(runs) for number in _spare(group, keep=keep, days=days, now=now)]
    delete = runs.loc[sorted(going, reverse=True)]
    return Pruning(runs_folder, delete, len(runs) - len(delete))


def prune(plan: Pruning) -> list[Path]:
    """Delete the runs of a plan, each in one step; returns their folders. What an earlier, killed deletion left goes too.

    Raises
    ------
    WorkspaceError
        A folder cannot be deleted; those before it are.
    """
    gone = []
    for name in plan.delete["folder"]:
        folder = Path(name)
        if folder.name.startswith(PARTIAL) and is_under_way(folder):
            continue
        _delete(folder, folder.with_name(f"{_GOING}{folder.name.removeprefix(PARTIAL)}"))
        gone.append(folder)
    for left in plan.folder.glob(f"*/{_GOING}*"):
        _delete(left, left)
    return gone


def _delete(folder: Path, aside: Path) -> None:
    """Give it a name that no list shows, then delete it: a kill in between leaves no broken run."""
    try:
        if folder != aside:
            folder.rename(aside)
        shutil.rmtree(aside)
    except OSError as error:
        raise WorkspaceError(folder, f"cannot be deleted ({error.strerror})", "Check its permissions.") from error


def _groups(runs: pd.DataFrame) -> Iterator[pd.DataFrame]:
    for _, group in runs.groupby(["notebook", "workspace", "job"], dropna=False, sort=True):
        yield group


def _spare(group: pd.DataFrame, *, keep: int, days: int, now: datetime) -> Iterator[int]:
    """Index of the runs of a group, newest first, that nothing keeps."""
    good = group.index[group["status"] == "succeeded"][:1]
    for place, (index, row) in enumerate(group.iterrows()):
        started, folder = time_of(str(row["run_id"])), Path(row["folder"])
        if started is None or folder.is_symlink() or row["status"] == "running":
            continue
        age = now - started
        unfinished = row["status"] == "interrupted" and age < _UNFINISHED
        if place >= keep and age >= timedelta(days=days) and index not in good and not unfinished:
            assert isinstance(index, int)
            yield index
