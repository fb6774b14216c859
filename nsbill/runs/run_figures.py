"""The figures that a run recorded, flat and with their units: for showing one run, and for comparing two.

Counts are whole numbers; amounts are exact, each of one currency; rows are what a list holds. Nothing is added up here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd

from nsbill.errors import MoneyError, RunError
from nsbill.money import exact, format_totals
from nsbill.runs.folders import RECORD
from nsbill.runs.history import list_runs

__all__ = ["Figures", "RunRecord", "figures_of", "find_run", "headline", "read_run"]

_CURRENCY = re.compile(r"[A-Z]{3}")
_TOO_FINE = frozenset({"due_by_days"})
"""Figures that say the same as another one, in more detail than anybody reads."""


@dataclass(frozen=True)
class RunRecord:
    """One run: its row in the list of runs (schema RUNS), and its whole ``run.json``; empty when it has none."""

    row: Mapping[str, Any]
    record: Mapping[str, Any]

    @property
    def results(self) -> Mapping[str, Any]:
        """What its notebook recorded."""
        found = self.record.get("results")
        return found if isinstance(found, dict) else {}


@dataclass(frozen=True)
class Figures:
    """What a run recorded. ``amounts``: name and currency to amount; ``rows``: name to the rows of a list.

    ``facts``: whatever else it says, as text. ``cut``: names of lists that hold only a part of their rows.
    """

    counts: Mapping[str, int]
    amounts: Mapping[tuple[str, str], Decimal]
    facts: Mapping[str, str]
    rows: Mapping[str, list[Mapping[str, Any]]]
    cut: frozenset[str]


def find_run(runs_folder: Path, name: str) -> RunRecord:
    """Find one run: by its id or the beginning of it, its folder, or the newest of a notebook or of a schedule's job.

    Raises
    ------
    RunError
        No run fits, or several.
    """
    runs = list_runs(runs_folder)
    wanted = name.rstrip("/")
    exactly = runs[(runs["run_id"] == wanted) | (runs["folder"] == str(Path(wanted).resolve()))]
    begins = runs[runs["run_id"].str.startswith(wanted)] if wanted else runs[:0]
    newest = runs[(runs["notebook"] == wanted) | (runs["job"] == wanted)][:1]
    for fitting in (exactly, newest, begins):
        if len(fitting) == 1:
            return read_run(fitting.iloc[0])
    if len(begins):
        several = ", ".join(begins["run_id"].head(5))
        raise RunError(repr(name), f"{len(begins)} runs begin so: {several}", "Write more of the run's id.")
    raise RunError(repr(name), f"no run in {runs_folder} has this id, notebook or job", "See nsbill runs list.")


def read_run(row: pd.Series[Any]) -> RunRecord:
    """Read the record of a run of the list; empty when it has none that can be read, as its row then says."""
    values = {str(key): None if pd.isna(value) else value for key, value in row.items()}
    try:
        record = json.loads((Path(str(values["folder"])) / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        record = {}
    return RunRecord(values, record if isinstance(record, dict) else {})


def figures_of(results: Mapping[str, Any]) -> Figures:
    """Take apart what a run recorded."""
    counts: dict[str, int] = {}
    amounts: dict[tuple[str, str], Decimal] = {}
    facts: dict[str, str] = {}
    rows: dict[str, list[Mapping[str, Any]]] = {}
    for path, value in _leaves(results):
        name = ".".join(path)
        currency = next((part for part in path if _CURRENCY.fullmatch(part)), None)
        if path[0] in _TOO_FINE:
            continue
        if isinstance(value, list):
            rows[name] = [row for row in value if isinstance(row, dict)]
        elif isinstance(value, int) and not isinstance(value, bool):
            counts[name] = value
        elif currency is not None and (amount := _amount(value)) is not None:
            amounts[".".join(part for part in path if part != currency), currency] = amount
        elif value is not None:
            facts[name] = str(value)
    cut = frozenset(name for name in rows if f"{name}_in_all" in counts)
    return Figures(counts, amounts, facts, rows, cut)


def headline(results: Mapping[str, Any]) -> str:
    """What a run found in a few words: created, due, exceptions; empty when it recorded none of these."""
    figures = figures_of(results)
    said = [
        f"{figures.counts[name]:,} {word}"
        for name, word in (("created", "created"), ("rejected", "refused"), ("unknown", "unknown"))
        if name in figures.counts and (figures.counts[name] or name == "created")
    ]
    due = {currency: amount for (name, currency), amount in figures.amounts.items() if name == "due" and amount}
    if due or any(name == "due" for name, _ in figures.amounts):
        said.append(f"due {format_totals(due)}")
    if "exceptions" in figures.counts:
        said.append(f"{figures.counts['exceptions']:,} exceptions")
    return ", ".join(said)


def _leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _leaves(part, (*path, str(key)))
    elif path:
        yield path, value


def _amount(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        return None
    try:
        return exact(value)
    except MoneyError:
        return None
