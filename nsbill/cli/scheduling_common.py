"""What all commands of the schedule share: the file's option, and how an instant is said."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from nsbill.runs.schedule_file import Job, Schedule, load_schedule, schedule_path

__all__ = ["alerts_sentence", "file_option", "local", "open_schedule"]

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


def alerts_sentence(schedule: Schedule) -> str:
    """Whether anybody is told when something is wrong."""
    if not schedule.alerts:
        return "Nobody is told when something is wrong: the file has no [alerts.NAME]."
    told = {name for rule in schedule.alerts.values() for name in rule.routes or schedule.routes}
    if not told:
        return f"{len(schedule.alerts)} alerts are kept, and sent to nobody: the file has no [routes.NAME]. See nsbill alerts list."
    return f"{len(schedule.alerts)} alerts, told by {', '.join(sorted(told))}. To try them: nsbill alerts test"


def local(at: datetime, job: Job) -> str:
    """An instant on the clock of the job's zone."""
    return f"{at.astimezone(job.zone):%a %Y-%m-%d %H:%M:%S %z} {job.zone.key}"
