"""The group ``nsbill schedule`` with check and next; what runs something is in ``scheduling_runs``."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import click

from nsbill.cli import scheduling_runs
from nsbill.cli.common import echo_json, json_option
from nsbill.cli.scheduling_common import alerts_sentence, file_option, local, open_schedule
from nsbill.errors import ScheduleError
from nsbill.runs.schedule_export import KINDS, exported
from nsbill.runs.schedule_file import Job, Schedule
from nsbill.runs.schedule_times import times_after
from nsbill.settings import load_settings

__all__ = ["COMMANDS"]


@click.group()
def schedule() -> None:
    """Run notebooks on a schedule: jobs, times and alerts stand in papermill_runs/schedule.toml."""


@schedule.command()
@file_option
@json_option
def check(file: Path | None, as_json: bool) -> None:
    """Check the file with all that it names, and show when each job runs next; runs nothing."""
    found = open_schedule(file)
    for job in found.jobs.values():
        _check_workspace(found, job)
    now = datetime.now(UTC)
    if as_json:
        echo_json({"file": found.path, "jobs": [_as_json(job, now) for job in found.jobs.values()]})
        return
    for job in found.jobs.values():
        click.echo(_job_sentence(job, now))
    click.echo(f"{found.path} is in order: {len(found.jobs)} jobs, {len(found.alerts)} alerts.")
    click.echo(alerts_sentence(found))


@schedule.command("next")
@click.argument("job", required=False)
@click.option("-n", "count", type=click.IntRange(1, 1000), default=10, show_default=True, help="How many times.")
@file_option
@json_option
def next_times(job: str | None, count: int, file: Path | None, as_json: bool) -> None:
    """Show the next times at which jobs are due, in their own time zone and in UTC."""
    found = open_schedule(file)
    jobs = [found.job(job)] if job else [one for one in found.jobs.values() if not one.paused]
    now = datetime.now(UTC)
    times = [(at, one) for one in jobs for at in islice(times_after(one.cron, one.zone, now), count)]
    times = sorted(times, key=lambda item: (item[0], item[1].name))[:count]
    if as_json:
        echo_json({"next": [{"job": one.name, "at": at, "local": local(at, one)} for at, one in times]})
        return
    width = max((len(one.name) for _, one in times), default=0)
    for at, one in times:
        click.echo(f"{one.name:{width}}  {local(at, one)}  {at:%Y-%m-%d %H:%M:%S} UTC")


@schedule.command()
@click.argument("kind", type=click.Choice(KINDS))
@click.argument("job", required=False)
@click.option("--to", type=click.Path(file_okay=False, path_type=Path), help="Write files into this folder.")
@file_option
def export(kind: str, job: str | None, to: Path | None, file: Path | None) -> None:
    """Say the schedule in the words of cron, systemd or Kubernetes, which then call run-now; all jobs, or JOB."""
    found = open_schedule(file)
    files = exported(found, [found.job(job)] if job else found.jobs.values(), kind)
    if to is not None:
        to.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        if to is None:
            click.echo(f"# --- {name}\n{text}" if len(files) > 1 else text)
        else:
            (to / name).write_text(text, encoding="utf-8")
            click.echo(f"Written: {to / name}")


def _check_workspace(found: Schedule, job: Job) -> None:
    """The workspace has to be there, and of the profile that the job is meant for."""
    key = f"jobs.{job.name}"
    if not job.workspace.is_dir():
        raise ScheduleError(
            found.path,
            f"{key}.workspace",
            found=f"{job.workspace}, which is no folder",
            expected="a workspace (relative paths begin at the file's folder)",
            remedy="Correct it, or make the workspace: nsbill settings set.",
        )
    is_ = load_settings(job.workspace).profile
    if job.profile is not None and job.profile != is_:
        raise ScheduleError(
            found.path,
            f"{key}.profile",
            found=f"'{job.profile}', while the workspace's profile is '{is_}'",
            expected="the same",
            remedy="Give the job the workspace that is meant.",
        )


def _job_sentence(job: Job, now: datetime) -> str:
    when = "paused" if job.paused else f"next {local(job.next_slot(now), job)}"
    limit = f"limit {job.timeout_minutes} min"
    return f"{job.name}: {job.notebook.stem} on {job.workspace}, '{job.cron}', {when}, {limit}, missed: {job.missed}"


def _as_json(job: Job, now: datetime) -> dict[str, object]:
    return {
        "name": job.name,
        "cron": job.cron,
        "time_zone": job.zone.key,
        "notebook": job.notebook.stem,
        "workspace": job.workspace,
        "profile": job.profile,
        "parameters": dict(job.parameters),
        "timeout_minutes": job.timeout_minutes,
        "missed": job.missed,
        "grace_minutes": job.grace_minutes,
        "paused": job.paused,
        "next": None if job.paused else job.next_slot(now),
    }


for _command in scheduling_runs.COMMANDS:
    schedule.add_command(_command)

COMMANDS = (schedule,)
