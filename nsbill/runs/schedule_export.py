"""The schedule in other schedulers' words: a crontab, systemd units, Kubernetes CronJobs; each calls ``run-now``.

What one of them cannot say exactly is refused with a sentence, never said nearly.
"""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cronsim import CronSim

from nsbill import __version__
from nsbill.errors import ScheduleError
from nsbill.runs.schedule_file import Job, Schedule
from nsbill.runs.schedule_times import ANY_DAY

__all__ = ["KINDS", "exported"]

KINDS = ("crontab", "systemd", "kubernetes")
_WEEKDAYS = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")
_MARGIN_MINUTES = 5
"""How much longer than the run's own limit the process may take, to write down how it ended."""


@dataclass(frozen=True)
class _Fields:
    """A cron expression taken apart; an empty tuple is any."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[int, ...]
    months: tuple[int, ...]
    weekdays: tuple[int, ...]
    both_days: bool
    """Whether day of month and day of week have to fit both; else one of them is enough."""


def exported(schedule: Schedule, jobs: Iterable[Job], kind: str) -> dict[str, str]:
    """The jobs as files of the other scheduler: name to text. Paused jobs are left out.

    Raises
    ------
    ScheduleError
        A job's times cannot be said there.
    """
    wanted = [job for job in jobs if not job.paused]
    if kind == "crontab":
        return {"crontab": _crontab(schedule, wanted)}
    if kind == "systemd":
        return {name: text for job in wanted for name, text in _units(schedule, job).items()}
    return {f"{_dns_name(job)}.yaml": _cron_job(schedule, job) for job in wanted}


def _crontab(schedule: Schedule, jobs: list[Job]) -> str:
    lines = [
        f"# Made by nsbill {__version__} from {schedule.path}. Install it: crontab FILE",
        "# CRON_TZ is understood by cronie and others, not by Debian's cron: there the machine's zone counts.",
    ]
    for job in jobs:
        _fields(schedule, job, "a crontab")
        command = shlex.join(_command(schedule, job)).replace("%", r"\%")
        lines += ["", f"# {job.name}", f"CRON_TZ={job.zone.key}", f"{job.cron} {command}"]
    return "\n".join(lines) + "\n"


def _units(schedule: Schedule, job: Job) -> dict[str, str]:
    fields = _fields(schedule, job, "a systemd timer")
    command = " ".join(_systemd_quoted(part) for part in _command(schedule, job))
    service = f"""\
# Made by nsbill {__version__} from {schedule.path}.
[Unit]
Description=nsbill job {job.name}
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
WorkingDirectory={str(schedule.path.parent).replace("%", "%%")}
# secrets, as NSBILL_TOKEN_SECRET=...; readable by root only
EnvironmentFile=-/etc/nsbill/environment
ExecStart={command}
# 1: nothing was run, since the job was running or the slot was dealt with
SuccessExitStatus=1
TimeoutStartSec={job.timeout_minutes + _MARGIN_MINUTES}min
NoNewPrivileges=yes
"""
    calendars = "\n".join(f"OnCalendar={text} {job.zone.key}" for text in _calendars(fields))
    timer = f"""\
# Made by nsbill {__version__} from {schedule.path}. Several OnCalendar lines: any of them.
[Unit]
Description=Times of nsbill job {job.name}

[Timer]
{calendars}
AccuracySec=1s
Persistent={"true" if job.missed == "catch-up" else "false"}

[Install]
WantedBy=timers.target
"""
    return {f"nsbill-{job.name}.service": service, f"nsbill-{job.name}.timer": timer}


def _calendars(fields: _Fields) -> list[str]:
    """``OnCalendar`` texts, without the zone; two where cron takes a day of the month or of the week."""
    time = f"{_listed(fields.hours)}:{_listed(fields.minutes)}:00"
    months, days = _listed(fields.months), _listed(fields.days)
    weekdays = ",".join(_WEEKDAYS[day] for day in fields.weekdays)
    if not weekdays or not fields.days or fields.both_days:
        return [f"{weekdays} *-{months}-{days} {time}".strip()]
    return [f"*-{months}-{days} {time}", f"{weekdays} *-{months}-* {time}"]


def _cron_job(schedule: Schedule, job: Job) -> str:
    fields = _fields(schedule, job, "a Kubernetes CronJob")
    parts = job.cron.split()
    if fields.both_days and fields.days and fields.weekdays:
        raise _cannot(schedule, job, "a Kubernetes CronJob", "a day of the month and a day of the week that both fit")
    parts[4] = ",".join(map(str, fields.weekdays)) or "*"  # 7 is not known there
    command = ["nsbill", *_command(schedule, job)[1:]]
    deadline = "" if job.missed == "catch-up" else f"\n  startingDeadlineSeconds: {max(job.grace_minutes * 60, 10)}"
    name = _dns_name(job)
    return f"""\
# Made by nsbill {__version__} from {schedule.path}.
# Set image, secret and claim. The claim holds checkout, schedule and workspace; a journal on PostgreSQL
# (NSBILL_JOURNAL_URL in the secret) lets pods on several nodes share it.
apiVersion: batch/v1
kind: CronJob
metadata:
  name: {name}
spec:
  schedule: {json.dumps(" ".join(parts))}
  timeZone: {json.dumps(job.zone.key)}
  concurrencyPolicy: Forbid{deadline}
  jobTemplate:
    spec:
      backoffLimit: 0
      activeDeadlineSeconds: {(job.timeout_minutes + _MARGIN_MINUTES) * 60}
      template:
        spec:
          restartPolicy: Never
          containers:
            - name: nsbill
              image: nsbill:{__version__}
              command: {json.dumps(command)}
              envFrom:
                - secretRef:
                    name: nsbill
              volumeMounts:
                - name: nsbill
                  mountPath: {json.dumps(str(_root(schedule)))}
          volumes:
            - name: nsbill
              persistentVolumeClaim:
                claimName: nsbill
"""


def _fields(schedule: Schedule, job: Job, where: str) -> _Fields:
    """Take the expression apart; refuse what only nsbill's own service understands."""
    if len(job.cron.split()) != 5:
        raise _cannot(schedule, job, where, "seconds")
    found = CronSim(job.cron, ANY_DAY)
    if any(day < 0 for day in found.days):
        raise _cannot(schedule, job, where, "the last day of a month (L)")
    if any(isinstance(day, tuple) for day in found.weekdays):
        raise _cannot(schedule, job, where, "a certain weekday of a month (# or L)")
    weekdays: Any = {day % 7 for day in found.weekdays if isinstance(day, int)}
    return _Fields(
        _chosen(found.minutes, 60),
        _chosen(found.hours, 24),
        _chosen(found.days, 31),
        _chosen(found.months, 12),
        _chosen(weekdays, 7),
        found.day_and,
    )


def _chosen(numbers: set[int], of: int) -> tuple[int, ...]:
    return () if len(numbers) == of else tuple(sorted(numbers))


def _listed(numbers: tuple[int, ...]) -> str:
    return ",".join(f"{number:02d}" for number in numbers) or "*"


def _command(schedule: Schedule, job: Job) -> list[str]:
    nsbill = Path(sys.executable).with_name("nsbill")
    return [str(nsbill), "schedule", "run-now", job.name, "--file", str(schedule.path)]


def _systemd_quoted(part: str) -> str:
    text = part.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{text}"' if text != part or " " in part else part


def _dns_name(job: Job) -> str:
    return f"nsbill-{job.name.lower().replace('_', '-')}".strip("-")


def _root(schedule: Schedule) -> Path:
    return schedule.path.parent.parent


def _cannot(schedule: Schedule, job: Job, where: str, what: str) -> ScheduleError:
    return ScheduleError(
        schedule.path,
        f"jobs.{job.name}.cron",
        found=f"{job.cron!r}, which asks for {what}",
        expected=f"what {where} can say",
        remedy="Let nsbill's own service run this job: nsbill schedule start.",
    )
