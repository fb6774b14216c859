"""What the panel of runs knows: the last runs with what each found, and what changed since the run before. No widgets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import pandas as pd
import traitlets

from nsbill.money import MONEY
from nsbill.schema import COUNT, INSTANT, TEXT, Column, Schema
from nsbill.show.state import PanelState

__all__ = ["RUN_DUE", "RUN_OVERVIEW", "RunsSource", "RunsState"]

RUN_OVERVIEW = Schema(
    "run_overview",
    (
        Column("run_id", TEXT, "UTC time and a random part"),
        Column("name", TEXT, "the schedule's job that it was run for; else the notebook"),
        Column("started_at", INSTANT, "when it started", nullable=True),
        Column("status", TEXT, "succeeded, failed, running, interrupted or broken"),
        Column("seconds", COUNT, "how long it took, whole seconds", nullable=True),
        Column("created", COUNT, "billing records that it created", nullable=True),
        Column("refused", COUNT, "creates that NetSuite refused", nullable=True),
        Column("unknown", COUNT, "creates without a clear outcome", nullable=True),
        Column("due", TEXT, "what is still due, by currency", nullable=True),
        Column("exceptions", COUNT, "exceptions found", nullable=True),
        Column("trend", TEXT, "due and exceptions against the run before of the same name", nullable=True),
        Column("problem", TEXT, "why it failed or cannot be read", nullable=True),
        Column("folder", TEXT, "where its files are"),
    ),
)
"""Runs for people; grain: one row per run, newest first."""

RUN_DUE = Schema(
    "run_due",
    (
        Column("run_id", TEXT, "run"),
        Column("name", TEXT, "job, or notebook"),
        Column("started_at", INSTANT, "when it started"),
        Column("currency", TEXT, "ISO 4217 code"),
        Column("due", MONEY, "what was still due"),
    ),
)
"""Due money over time; grain: one row per run that recorded it, and currency; oldest first."""


class RunsSource(Protocol):
    """Where runs are read."""

    def overview(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """The last runs (``RUN_OVERVIEW``), and due money over time (``RUN_DUE``)."""

    def changes(self, run_id: str) -> Sequence[str]:
        """What changed since the run before it, in sentences; the first says which run that is."""


class RunsState(PanelState):
    """The runs of a folder. ``name``: whose runs are shown, empty for all; ``run_id``: the run that is looked at."""

    runs = traitlets.Any()
    """Schema ``RUN_OVERVIEW``."""
    due = traitlets.Any()
    """Schema ``RUN_DUE``."""
    name = traitlets.Unicode()
    run_id = traitlets.Unicode()
    changes = traitlets.Tuple()

    def __init__(self, source: RunsSource) -> None:
        super().__init__(runs=RUN_OVERVIEW.frame(), due=RUN_DUE.frame())
        self.source = source

    def load(self) -> None:
        """Read the runs, and what changed by the newest one."""
        with self.doing("Reading the runs"):
            self.runs, self.due = self.source.overview()
            self.name = self.name if self.name in self.names else ""
            self._look_at_newest()

    def choose(self, name: str) -> None:
        """Show the runs of one job or notebook, or of all."""
        with self.doing("Comparing"):
            self.name = name
            self._look_at_newest()

    def look_at(self, run_id: str) -> None:
        """Say what changed since the run before this one."""
        with self.doing("Comparing"):
            self.run_id, self.changes = run_id, tuple(self.source.changes(run_id))

    @property
    def figures(self) -> dict[str, object]:
        """What a run record keeps: how many runs are shown, and whose there are."""
        return {"runs": len(self.shown), "names": self.names}

    @property
    def names(self) -> tuple[str, ...]:
        """Jobs and notebooks that have runs."""
        return tuple(sorted(self.runs["name"].unique()))

    @property
    def shown(self) -> pd.DataFrame:
        """The runs of the chosen name."""
        return _named(self.runs, self.name)

    @property
    def shown_due(self) -> pd.DataFrame:
        """Due money of the chosen name."""
        return _named(self.due, self.name)

    @property
    def currencies(self) -> tuple[str, ...]:
        """Currencies in which something was due in the runs shown."""
        return tuple(sorted(self.shown_due["currency"].unique()))

    @property
    def headline(self) -> tuple[tuple[str, str], ...]:
        """How many runs there are, how many did not succeed, and when the last good one was."""
        runs = self.shown
        good = runs[runs["status"] == "succeeded"]
        last = f"{good['started_at'].iloc[0]:%Y-%m-%d %H:%M} UTC" if len(good) else "none"
        bad = int((~runs["status"].isin(["succeeded", "running"])).sum())
        return (("Runs", f"{len(runs):,}"), ("Not succeeded", f"{bad:,}"), ("Last good run", last))

    def _look_at_newest(self) -> None:
        done = self.shown[self.shown["status"].isin(["succeeded", "failed"])]
        self.run_id = str(done["run_id"].iloc[0]) if len(done) else ""
        self.changes = tuple(self.source.changes(self.run_id)) if self.run_id else ()


def _named(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    return frame[frame["name"] == name] if name else frame
