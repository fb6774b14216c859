"""What all commands of the schedule share: the file's option, and how an instant is said."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from nsbill.runs.schedule_file import Job, Schedule, load_schedule, schedule_path

__all__ = ["ALERTS_NOT_SENT", "file_option", "local", "open_schedule"]

ALERTS_NOT_SENT = (
    "Alerts are read and checked, and not sent yet by this version: look at nsbill schedule status and nsbill runs."
)

file_option = click.option(
    "--file",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    envvar="NSBILL_SCHEDULE",
    help="The schedule's file; papermill_runs/schedule.toml when left out.",
)


def open_schedule(file: Path | None) -> Schedule:
    """Read the schedule's file."""
    return load_schedule(schedule_path(file))


def local(at: datetime, job: Job) -> str:
    """An instant on the clock of the job's zone."""
    return f"{at.astimezone(job.zone):%a %Y-%m-%d %H:%M:%S %z} {job.zone.key}"
