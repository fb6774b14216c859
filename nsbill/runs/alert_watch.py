"""Hold the alerts of a schedule against what happened: after each run, and whenever the service looks.

Both do the same: each end of a slot that nobody has looked at is looked at once, in the order in which it was written.
So a run whose process is killed before it can see to its alerts is seen to by the next one, or by the service.
"""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from nsbill.billing.journal import Journal
from nsbill.billing.journal_alerts import AlertBook, Finding, Verdict
from nsbill.billing.journal_schedule import JobKey
from nsbill.runs.alert_conditions import judge
from nsbill.runs.alert_facts import End, UnusableFigure, amounts_of, read_end
from nsbill.runs.alert_rules import Rule, RunStale
from nsbill.runs.schedule_file import Job, Schedule
from nsbill.runs.schedule_job import job_key

__all__ = ["alerts_of", "first_to_say_stale", "look_at_file", "look_at_job", "verdicts_by"]

_SLOTS, _AGE, _FILE, _RECORD = "slots", "age", "schedule", "record"
_LEFT_TO_OTHERS = timedelta(minutes=15)
"""How long the end of a run on another machine, whose folder is not here, is left to that machine."""
_TRIES = 10


@dataclass(frozen=True)
class _Alert:
    """An alert of a job: its name and rule, and the routes that it tells by."""

    name: str
    rule: Rule
    job: str
    routes: tuple[str, ...]

    def verdict(self, findings: Sequence[Finding], **more: Any) -> Verdict:
        return Verdict(
            self.name,
            self.rule.rule,  # type: ignore[attr-defined]  # each rule has it; the class they share does not
            self.job if self.rule.of_job else "",
            findings,
            self.job,
            routes=self.routes,
            routes_when_over=self.routes if self.rule.say_when_over else (),
            **more,
        )


def alerts_of(schedule: Schedule, job: Job) -> list[_Alert]:
    """The alerts that a job has: those that it names, else all."""
    names = schedule.alerts if job.alerts is None else job.alerts
    return [
        _Alert(name, schedule.alerts[name], job.name, schedule.alerts[name].routes or tuple(schedule.routes))
        for name in names
    ]


def look_at_job(schedule: Schedule, job: Job, journal: Journal, now: datetime) -> list[Mapping[str, Any]]:
    """Look at what has happened to a job since the last look; returns the incidents' events that this wrote.

    Raises
    ------
    JournalError
        The journal cannot be read or written; nothing was looked at.
    """
    alerts, key, book = alerts_of(schedule, job), job_key(job), journal.alerts
    if not alerts:
        return []
    for _ in range(_TRIES):
        rows = [row for row in book.unseen(key) if _is_for_us(row, journal.now())]
        ends = [read_end(row) for row in rows]
        verdicts = [*_of_ends(alerts, ends, key, book), *_of_age(alerts, job, key, book, now)]
        if not ends:
            verdicts = [*_of_new_alerts(alerts, key, book), *verdicts]
        written = book.write(key, [end.event_id for end in ends], [alert.name for alert in alerts], verdicts)
        if written is not None:
            return written
    return []  # others look at this job all the time, and saw what there was


def first_to_say_stale(schedule: Schedule) -> str | None:
    """The job among whose incidents a broken file is: the first that has a ``run-stale`` alert."""
    having = (
        job.name
        for job in schedule.jobs.values()
        if any(isinstance(alert.rule, RunStale) for alert in alerts_of(schedule, job))
    )
    return next(having, None)


def look_at_file(schedule: Schedule, job: Job, journal: Journal, problem: str | None) -> list[Mapping[str, Any]]:
    """Open an incident of each ``run-stale`` alert while the schedule's file cannot be used, and close it after."""
    sentence = f"The schedule's file cannot be used; what it said before stays in force. {problem}"
    step = "Mend it; see nsbill schedule check."
    findings = [Finding(_FILE, sentence, {"File": str(schedule.path)}, step)] if problem else []
    verdicts = [
        alert.verdict(findings, subjects=frozenset({_FILE}), over="The schedule's file is in order again.")
        for alert in alerts_of(schedule, job)
        if isinstance(alert.rule, RunStale)
    ]
    return journal.alerts.write(job_key(job), [], [], verdicts) or []


def verdicts_by(alerts: Sequence[_Alert], end: End, key: JobKey, book: AlertBook) -> Iterator[Verdict]:
    """What one end says to each of the alerts."""

    def earlier_reserve(of: End) -> Mapping[str, Decimal] | None:
        return _earlier_reserve(book, key, of)

    over = f"It is over, by the run of {end.slot:%Y-%m-%d %H:%M} UTC."
    more = {"folder": str(end.folder) if end.folder else None, "over": over}
    for alert in alerts:
        try:
            judged = judge(alert.rule, end, alert.job, earlier_reserve=earlier_reserve)
        except UnusableFigure as error:
            step = "See run.json in the run's folder; run it again with this version of nsbill."
            finding = Finding(_RECORD, f"The figures of a run cannot be judged: {error}.", {}, step)
            yield alert.verdict([finding], subjects=frozenset({_RECORD}), **more)
        else:
            if judged is not None:
                yield alert.verdict(judged.findings, complete=judged.complete, **more)


def _of_ends(alerts: Sequence[_Alert], ends: Sequence[End], key: JobKey, book: AlertBook) -> Iterator[Verdict]:
    """All verdicts, end by end; times that were missed one after the other are one finding."""
    missed: list[End] = []
    for end in ends:
        if end.kind == "missed":
            missed.append(end)
            continue
        yield from _of_missed(alerts, missed)
        missed = []
        yield from verdicts_by(alerts, end, key, book)
        if end.succeeded:
            yield from _stale(alerts, _SLOTS, [], f"It ran again for {end.slot:%Y-%m-%d %H:%M} UTC.")
    yield from _of_missed(alerts, missed)


def _of_missed(alerts: Sequence[_Alert], missed: Sequence[End]) -> Iterator[Verdict]:
    if missed:
        slots = sorted(end.slot for end in missed)
        first, last = (f"{slot:%Y-%m-%d %H:%M} UTC" for slot in (slots[0], slots[-1]))
        which = f"The time {first}" if len(slots) == 1 else f"{len(slots)} times, from {first} to {last},"
        sentence = f"{which} passed without a run: {missed[-1].detail or 'nobody knows why'}."
        step = "See nsbill schedule status, and whether the service runs. Nothing is billed twice by running later."
        yield from _stale(alerts, _SLOTS, [Finding(_SLOTS, sentence, {}, step)], "")


def _of_age(alerts: Sequence[_Alert], job: Job, key: JobKey, book: AlertBook, now: datetime) -> Iterator[Verdict]:
    """Whether the last good run is too long ago; a paused job grows no older."""
    limits = [alert for alert in alerts if isinstance(alert.rule, RunStale) and alert.rule.hours is not None]
    if not limits or job.paused or book.is_paused(key):
        return
    since = book.good_since(key)
    for alert in limits:
        assert isinstance(alert.rule, RunStale)
        hours = alert.rule.hours or 0
        findings = []
        if since is not None and now - since > timedelta(hours=hours):
            sentence = f"The last good run is more than {hours} hours ago: {since:%Y-%m-%d %H:%M} UTC."
            findings = [Finding(_AGE, sentence, {}, "See nsbill schedule status, and whether the service runs.")]
        yield from _stale([alert], _AGE, findings, "There was a good run again.")


def _of_new_alerts(alerts: Sequence[_Alert], key: JobKey, book: AlertBook) -> Iterator[Verdict]:
    """Hold alerts that are new in the file against the newest end, which was looked at without them.

    Not those about the account: another job may have seen something newer of it.
    """
    known = book.newest_look(key)
    new = [alert for alert in alerts if known and alert.name not in known and alert.rule.of_job]
    for row in book.ends(key, limit=1) if new else ():
        yield from verdicts_by(new, read_end(row), key, book)


def _stale(alerts: Sequence[_Alert], subject: str, findings: Sequence[Finding], over: str) -> Iterator[Verdict]:
    for alert in alerts:
        if isinstance(alert.rule, RunStale):
            yield alert.verdict(findings, subjects=frozenset({subject}), over=over)


def _is_for_us(row: Mapping[str, Any], now: datetime) -> bool:
    """Whether an end is to be looked at here: a run's figures are on the machine that it ran on."""
    here = row["host"] == platform.node() or not row["folder"] or Path(row["folder"]).exists()
    return here or now - row["at"] > _LEFT_TO_OTHERS


def _earlier_reserve(book: AlertBook, key: JobKey, end: End) -> Mapping[str, Decimal] | None:
    """The reserve that the latest run before this one recorded."""
    for row in book.ends(key, before=end.event_id):
        earlier = read_end(row)
        if "reserve" in earlier.results:
            return amounts_of(earlier.results, "reserve")
    return None
