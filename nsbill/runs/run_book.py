"""The runs of a folder as the panel of runs shows them: figures beside each other, the trend, and what changed by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path

import pandas as pd

from nsbill.errors import RunError
from nsbill.money import ZERO, format_money, format_totals
from nsbill.runs.history import list_runs
from nsbill.runs.run_diff import diff_runs, run_before
from nsbill.runs.run_figures import Figures, RunRecord, figures_of, find_run, read_run
from nsbill.show.runs_state import RUN_DUE, RUN_OVERVIEW

__all__ = ["RunBook"]

_NEWEST = 200
_COUNTS = {"created": "created", "rejected": "refused", "unknown": "unknown", "exceptions": "exceptions"}
"""Counts that a run records, and their columns."""

Due = Mapping[str, Decimal]


class RunBook:
    """The newest runs of a folder, of one workspace or of all; a ``RunsSource``."""

    def __init__(self, folder: Path, *, workspace: str = "", newest: int = _NEWEST) -> None:
        self._folder, self._newest = folder, newest
        self._workspace = str(Path(workspace).resolve()) if workspace else ""

    def overview(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """The newest runs (``RUN_OVERVIEW``), and due money over time (``RUN_DUE``)."""
        runs = list_runs(self._folder)
        if self._workspace:
            runs = runs[runs["workspace"].fillna("") == self._workspace]
        records = [read_run(row) for _, row in runs.head(self._newest).iterrows()]
        rows: list[dict[str, object]] = []
        money: list[dict[str, object]] = []
        before: dict[tuple[object, ...], Figures] = {}
        for record in reversed(records):  # oldest first: each is compared with the one before of its name
            figures = figures_of(record.results)
            key = tuple(record.row[name] for name in ("job", "notebook", "workspace"))
            rows.append(_row(record, figures, before.get(key)))
            money += _due_rows(record, figures)
            if record.results:
                before[key] = figures
        return RUN_OVERVIEW.frame(rows[::-1]), RUN_DUE.frame(money)

    def changes(self, run_id: str) -> Sequence[str]:
        """What changed since the run before, in sentences; when they cannot be compared, why."""
        try:
            after = find_run(self._folder, run_id)
            found = diff_runs(run_before(self._folder, after), after)
        except RunError as error:
            return [str(error)]
        head = f"Since {found.before.row['run_id']} ({found.before.row['status']}):"
        return [head, *found.sentences]


def _name(record: RunRecord) -> str:
    return str(record.row["job"] or record.row["notebook"])


def _due(figures: Figures) -> dict[str, Decimal] | None:
    """What was due, by currency; ``None``: the run does not say."""
    found = {currency: amount for (name, currency), amount in figures.amounts.items() if name == "due"}
    return found or None


def _row(record: RunRecord, figures: Figures, before: Figures | None) -> dict[str, object]:
    row, due = record.row, _due(figures)
    names = ("run_id", "started_at", "status", "problem", "folder")
    return {
        **{name: row[name] for name in names},
        **{column: figures.counts.get(name) for name, column in _COUNTS.items()},
        "name": _name(record),
        "seconds": None if row["seconds"] is None else round(row["seconds"]),
        "due": None if due is None else format_totals({code: amount for code, amount in due.items() if amount}),
        "trend": _trend(figures, before),
    }


def _trend(now: Figures, before: Figures | None) -> str | None:
    """What became more or less, in words; ``None``: there is nothing to compare."""
    if before is None:
        return None
    after, earlier = _due(now), _due(before)
    said = []
    if after is not None and earlier is not None:
        changes = {code: after.get(code, ZERO) - earlier.get(code, ZERO) for code in sorted({*after, *earlier})}
        said = [
            f"due {'+' if amount > 0 else ''}{format_money(amount, code)}" for code, amount in changes.items() if amount
        ]
    one, two = now.counts.get("exceptions"), before.counts.get("exceptions")
    if one is not None and two is not None and one != two:
        said.append(f"exceptions {one - two:+,}")
    if not said and (after is None or earlier is None) and (one is None or two is None):
        return None
    return ", ".join(said) or "as before"


def _due_rows(record: RunRecord, figures: Figures) -> list[dict[str, object]]:
    due, row = _due(figures), record.row
    if due is None or row["started_at"] is None:
        return []
    base = {"run_id": row["run_id"], "name": _name(record), "started_at": row["started_at"]}
    return [{**base, "currency": currency, "due": amount} for currency, amount in sorted(due.items())]
