"""How alerts stand: incidents, open or all, beside who was told of them; and what each rule says of the newest runs."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nsbill.billing.journal_alerts import Verdict
from nsbill.errors import ScheduleError
from nsbill.runs.alert_facts import read_end
from nsbill.runs.alert_text import one_line
from nsbill.runs.alert_watch import alerts_of, verdicts_by
from nsbill.runs.schedule_file import Job, Schedule
from nsbill.runs.schedule_job import job_key, open_journal

__all__ = ["Incident", "alert_names", "incidents_of", "said_of_newest_runs"]


@dataclass(frozen=True)
class Incident:
    """An incident as it stands, with the latest of each telling of its latest event.

    ``known``: its alert and its job are in the file; otherwise no look will ever close it. ``routes``: those of the file.
    """

    event: Mapping[str, Any]
    sendings: Sequence[Mapping[str, Any]]
    known: bool
    routes: Collection[str]

    @property
    def is_open(self) -> bool:
        """Whether it is still so."""
        return bool(self.event["kind"] == "opened")

    @property
    def is_told(self) -> bool:
        """Whether everybody who is to know was told, by the routes that the file has."""
        return all(row["kind"] == "sent" or row["route"] not in self.routes for row in self.sendings)

    @property
    def needs_somebody(self) -> bool:
        """Whether it is open or was not told; what is over and may have been told once or twice needs nobody."""
        untold = any(row["kind"] not in {"sent", "uncertain"} and row["route"] in self.routes for row in self.sendings)
        return self.known and (self.is_open or untold)

    @property
    def lines(self) -> list[str]:
        """It in words."""
        row = self.event
        job = f"job {row['job']}" if row["job"] else "account"
        head = f"{row['kind']} {row['at']:%Y-%m-%d %H:%M} UTC  {row['alert']} ({row['rule']}), {job}, {row['subject']}"
        lines = [one_line(head), f"    {one_line(row['sentence'])}"]
        lines += [f"    {name}: {one_line(value)}" for name, value in json.loads(row["facts"]).items()]
        lines += [f"    To do: {one_line(row['next_step'])}"] if row["next_step"] and self.is_open else []
        lines += [f"    Run: {row['folder']}"] if row["folder"] else []
        lines += [] if self.known else ["    The schedule's file has no such alert or job any more."]
        return lines + [f"    {_told(sending)}" for sending in self.sendings]

    def as_json(self) -> dict[str, Any]:
        """What ``--json`` shows."""
        names = ("alert", "rule", "job", "subject", "kind", "at", "sentence", "next_step", "folder", "account")
        told = [{name: row[name] for name in ("route", "kind", "at", "tries", "detail")} for row in self.sendings]
        return {**{name: self.event[name] for name in names}, "facts": json.loads(self.event["facts"]), "told": told}


def incidents_of(schedule: Schedule, *, closed: bool = False) -> list[Incident]:
    """The incidents in the journals of the schedule's jobs: open ones and those not told of yet; ``closed``: all.

    What an alert or a job has left that is not in the file any more is among all only.

    Raises
    ------
    JournalError
        A journal cannot be read.
    """
    found = []
    for job in _one_of_each_account(schedule):
        key = job_key(job)
        with closing(open_journal(job)) as journal:
            rows = journal.alerts.incidents(key.account, key.seller_account, closed=True)
            told = journal.sendings.of([row["event_id"] for row in rows])
        for row in rows:
            sendings = [one for one in told if one["event_id"] == row["event_id"]]
            known = row["alert"] in schedule.alerts and row["job"] in {"", *schedule.jobs}
            incident = Incident(row, sendings, known, schedule.routes.keys())
            if closed or incident.needs_somebody:
                found.append(incident)
    return found


def alert_names(schedule: Schedule, name: str | None) -> list[str]:
    """The alert of that name, or all.

    Raises
    ------
    ScheduleError
        There is none; says which there are.
    """
    if name is None:
        return list(schedule.alerts)
    if name in schedule.alerts:
        return [name]
    raise ScheduleError(
        schedule.path,
        "alerts",
        found=f"no alert '{name}'",
        expected=f"one of {', '.join(schedule.alerts) or 'none, since the file has no [alerts.NAME]'}",
        remedy="Correct the name.",
    )


def said_of_newest_runs(schedule: Schedule, names: Sequence[str]) -> Iterator[tuple[str, Job, Verdict | None]]:
    """What alerts say of each job's newest run that ended; ``None``: it has no run, or none of the alert's figures.

    Nothing is written and nothing is sent.
    """
    for job in schedule.jobs.values():
        alerts = [alert for alert in alerts_of(schedule, job) if alert.name in names]
        with closing(open_journal(job)) as journal:
            key = job_key(job)
            ends = [read_end(row) for row in journal.alerts.ends(key, limit=1)]
            verdicts = {v.alert: v for end in ends for v in verdicts_by(alerts, end, key, journal.alerts)}
        for alert in alerts:
            yield alert.name, job, verdicts.get(alert.name)


def _one_of_each_account(schedule: Schedule) -> list[Job]:
    seen: dict[tuple[Path, str, str], Job] = {}
    for job in schedule.jobs.values():
        key = job_key(job)
        seen.setdefault((job.workspace, key.account, key.seller_account), job)
    return list(seen.values())


def _told(row: Mapping[str, Any]) -> str:
    """What became of telling it by one route."""
    why = f": {row['detail']}" if row["detail"] else ""
    if row["kind"] == "due":
        return f"{row['route']}: not sent yet"
    if row["kind"] == "failed":
        return (
            f"{row['route']}: could not be sent, tried {row['tries']} times, last {row['at']:%Y-%m-%d %H:%M} UTC{why}"
        )
    if row["kind"] == "sending":
        return f"{row['route']}: being sent since {row['at']:%Y-%m-%d %H:%M:%S} UTC by process {row['pid']} on {row['host']}"
    return f"{row['route']}: {row['kind']} {row['at']:%Y-%m-%d %H:%M} UTC{why}"
