"""A checkout in small: notebooks, a folder of runs with a schedule, a workspace; and a run that needs no notebook."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from notebooks_for_tests import write_notebook

from nsbill.runs.runner import Run
from nsbill.runs.schedule_file import Job, Schedule, load_schedule
from nsbill.runs.worker import Halt

PARAMETERS = """
workspace: str = ""  # where
seconds: float = 0.0  # how long
fails: bool = False  # whether
"""
CELL = """
import pathlib, time
pathlib.Path(workspace, "begun").touch()
time.sleep(seconds)
assert not fails, "as it was told"
"""


def make_home(folder: Path, jobs: str) -> Path:
    """Make it, with these jobs; returns the schedule's file."""
    for name in ("notebooks", "papermill_runs", "workspace"):
        (folder / name).mkdir()
    write_notebook(folder / "notebooks", "work", CELL, parameters=PARAMETERS)
    path = folder / "papermill_runs" / "schedule.toml"
    path.write_text(jobs)
    return path


def job_text(name: str = "work", *, cron: str = "*/15 * * * *", more: str = "") -> str:
    """One job of the file."""
    return f'[jobs.{name}]\ncron = "{cron}"\nnotebook = "work"\n{more}\n'


def read_home(folder: Path, jobs: str | None = None) -> tuple[Schedule, Job]:
    """Make it and read it; returns the schedule and its first job."""
    schedule = load_schedule(make_home(folder, jobs or job_text()))
    return schedule, next(iter(schedule.jobs.values()))


@dataclass
class FakeExecute:
    """Stands for the runner: succeeds, or fails with a sentence, or raises."""

    problem: str | None = None
    raises: Exception | None = None
    slots: list[datetime] = field(default_factory=list)

    def __call__(self, schedule: Schedule, job: Job, slot: datetime, *, begun: Any, halt: Halt) -> Run:
        self.slots.append(slot)
        begun("r-1", schedule.runs_folder / ".partial-r-1")
        if self.raises is not None:
            raise self.raises
        folder = schedule.runs_folder / "r-1"
        status: Any = "failed" if self.problem else "succeeded"
        return Run("r-1", folder, job.notebook.stem, status, datetime.now(UTC), 0.1, None, self.problem, {})
