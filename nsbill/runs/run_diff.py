"""What changed from one run to another: counts, amounts by currency, other facts, and the rows of their lists."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from nsbill.errors import RunError
from nsbill.money import format_money
from nsbill.runs.alert_text import one_line
from nsbill.runs.history import list_runs
from nsbill.runs.run_figures import Figures, RunRecord, figures_of, read_run

__all__ = ["Change", "RowChange", "RunDiff", "diff_runs", "run_before"]

_MEASURES = frozenset({"amount", "residual", "explanation"})
"""Columns of a list's row that say how much, not what: two rows that differ only here are the same one, changed."""
_WORDS = {"exception_list": "exception", "tie_out_breaks": "tie-out break", "unclassified": "unknown label"}


@dataclass(frozen=True)
class Change:
    """A figure that differs. ``currency``: of amounts; ``None``: the run has no such figure."""

    figure: str
    currency: str | None
    before: int | Decimal | str | None
    after: int | Decimal | str | None

    @property
    def sentence(self) -> str:
        """In one line."""
        name = f"{self.figure} {self.currency}" if self.currency else self.figure
        by = ""
        if isinstance(self.before, int | Decimal) and isinstance(self.after, int | Decimal):
            more = self.after - self.before
            by = f"  ({'+' if more > 0 else ''}{self._shown(more)})"
        return one_line(f"{name}: {self._shown(self.before)} → {self._shown(self.after)}{by}")

    def _shown(self, value: int | Decimal | str | None) -> str:
        if value is None:
            return "–"
        if isinstance(value, Decimal) and self.currency:
            return format_money(value, self.currency)
        return f"{value:,}" if isinstance(value, int | Decimal) else value


@dataclass(frozen=True)
class RowChange:
    """A row of a list that is new (``opened``), gone (``closed``), or says another amount (``changed``)."""

    list: str
    kind: str
    row: Mapping[str, Any]
    before: Mapping[str, Any] | None = None

    @property
    def sentence(self) -> str:
        """In one line."""
        said = ", ".join(str(value) for name, value in self.row.items() if name not in _MEASURES | {"currency"})
        return one_line(f"{_WORDS.get(self.list, self.list)} {self.kind}: {said}{self._money()}")

    def _money(self) -> str:
        name = next((name for name in ("amount", "residual") if self.row.get(name) is not None), None)
        if name is None:
            return ""
        currency = self.row.get("currency", "")
        was = f"{self.before.get(name)} → " if self.before is not None else ""
        return f", {was}{self.row[name]} {currency}".rstrip()


@dataclass(frozen=True)
class RunDiff:
    """What differs between two runs; ``untold``: lists of which one run holds a part only, so that nobody can say."""

    before: RunRecord
    after: RunRecord
    changes: list[Change]
    rows: list[RowChange]
    untold: list[str]

    @property
    def is_empty(self) -> bool:
        """Whether nothing differs that can be compared."""
        return not (self.changes or self.rows)

    @property
    def sentences(self) -> list[str]:
        """All of it, a line each: figures, rows, and what cannot be told."""
        untold = [f"{name} is cut in one of them: see the counts, and nsbill exceptions list." for name in self.untold]
        same = ["Nothing changed."] if self.is_empty else []
        return [*(change.sentence for change in self.changes), *(row.sentence for row in self.rows), *untold, *same]


def diff_runs(before: RunRecord, after: RunRecord) -> RunDiff:
    """Compare what two runs recorded, usually of one notebook on one workspace.

    Raises
    ------
    RunError
        One of them recorded nothing, or they are of different notebooks or workspaces.
    """
    for run in (before, after):
        if not run.results:
            raise RunError(run.row["run_id"], "it recorded no figures", "Choose another run: nsbill runs list.")
    for name in ("notebook", "workspace"):
        if before.row[name] != after.row[name]:
            is_ = f"of {before.row[name]} and of {after.row[name]}"
            raise RunError(after.row["run_id"], f"the runs are {is_}", f"Compare runs of one {name}.")
    one, two = figures_of(before.results), figures_of(after.results)
    cut = one.cut | two.cut
    rows = [change for name in sorted({*one.rows, *two.rows} - cut) for change in _row_changes(name, one, two)]
    return RunDiff(before, after, [*_changes(one, two)], rows, sorted(cut))


def run_before(runs_folder: Path, after: RunRecord) -> RunRecord:
    """The run before this one that recorded figures: of the same notebook and workspace, and of the same job if it has one.

    Raises
    ------
    RunError
        There is none.
    """
    runs = list_runs(runs_folder)
    same = runs[(runs["notebook"] == after.row["notebook"]) & (runs["run_id"] < after.row["run_id"])]
    for _, row in same.iterrows():
        earlier = read_run(row)
        alike = all(earlier.row[name] == after.row[name] for name in ("workspace", "job"))
        if alike and earlier.results:
            return earlier
    raise RunError(after.row["run_id"], "no run before it recorded figures", "Name both runs: nsbill runs diff A B.")


def _changes(one: Figures, two: Figures) -> Iterator[Change]:
    for name in dict.fromkeys([*one.counts, *two.counts]):
        yield from _changed(name, None, one.counts.get(name), two.counts.get(name))
    for key in dict.fromkeys([*one.amounts, *two.amounts]):
        yield from _changed(*key, one.amounts.get(key), two.amounts.get(key))
    for name in dict.fromkeys([*one.facts, *two.facts]):
        yield from _changed(name, None, one.facts.get(name), two.facts.get(name))


def _changed(name: str, currency: str | None, before: Any, after: Any) -> Iterator[Change]:
    if before != after:
        yield Change(name, currency, before, after)


def _row_changes(name: str, one: Figures, two: Figures) -> Iterator[RowChange]:
    """Rows of a list, told apart by what they are about; equal ones are counted."""
    before, after = _by_what(one.rows.get(name, [])), _by_what(two.rows.get(name, []))
    for what in dict.fromkeys([*before, *after]):
        was, is_ = before.get(what, []), after.get(what, [])
        if len(was) == len(is_) == 1 and was != is_:
            yield RowChange(name, "changed", is_[0], was[0])
            continue
        gone, new = _without(was, is_), _without(is_, was)
        yield from (RowChange(name, "closed", row) for row in gone)
        yield from (RowChange(name, "opened", row) for row in new)


def _by_what(rows: list[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    found: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        what = json.dumps({name: value for name, value in row.items() if name not in _MEASURES}, default=str)
        found.setdefault(what, []).append(row)
    return found


def _without(rows: list[Mapping[str, Any]], others: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    left = Counter(json.dumps(row, sort_keys=True, default=str) for row in others)
    found = []
    for row in rows:
        key = json.dumps(row, sort_keys=True, default=str)
        if left[key]:
            left[key] -= 1
        else:
            found.append(row)
    return found
