"""Incidents in the journal: each opens once, closes once, and is told once by each route, whichever processes look at it.

What an end of a slot showed, the incidents that this opened and closed, and the tellings that are due because of it are
written in one transaction: after a kill either all of it is there, or the next look does it all.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from nsbill.billing import journal_alert_tables as a
from nsbill.billing.journal_lease import clock
from nsbill.billing.journal_schedule import JobKey
from nsbill.billing.journal_schedule_tables import job_event, of_job, slot_event
from nsbill.billing.journal_writer import Transaction, Writer

__all__ = ["AlertBook", "Finding", "Verdict"]

_OUT_OF_ORDER = 1000
"""On a server an event may become visible after one with a higher number; never after so many."""


@dataclass(frozen=True)
class Finding:
    """What an alert found about one subject: a sentence, figures beside their names, and what to do next."""

    subject: str
    sentence: str
    facts: Mapping[str, str] = field(default_factory=dict)
    next_step: str = ""


@dataclass(frozen=True)
class Verdict:
    """How things stand for one alert by one look. ``job`` is empty when it is about the account.

    ``holding``: what it found; of ``subjects`` (``None``: all of this alert and job) what it did not find is over, unless
    ``complete`` is false. ``routes`` are told when it opens, ``routes_when_over`` when it closes.
    """

    alert: str
    rule: str
    job: str
    holding: Sequence[Finding]
    seen_by: str
    folder: str | None = None
    subjects: frozenset[str] | None = None
    complete: bool = True
    over: str = "It is over."
    routes: Sequence[str] = ()
    routes_when_over: Sequence[str] = ()

    def concerns(self, subject: str) -> bool:
        """Whether it says something about a subject by not naming it."""
        return self.complete and (self.subjects is None or subject in self.subjects)


class AlertBook:
    """The incidents of all jobs in one journal."""

    def __init__(self, reading: sa.Engine, writer: Writer) -> None:
        self._reading, self._writer = reading, writer

    def unseen(self, key: JobKey) -> list[Mapping[str, Any]]:
        """The ends of the job's slots that nobody has looked at, oldest first; at the first look only the newest one."""
        with self._reading.connect() as db:
            mine = of_job(a.alert_look, **key.values)
            edges = sa.select(sa.func.min(a.alert_look.c.slot_event_id), sa.func.max(a.alert_look.c.slot_event_id))
            oldest, newest = db.execute(edges.where(mine)).one()
            if newest is None:
                return self._first_look(db, key)
            after = max(oldest, newest - _OUT_OF_ORDER)
            return [dict(row) for row in db.execute(a.unseen_ends_query(**key.values, after=after)).mappings()]

    @staticmethod
    def _first_look(db: sa.Connection, key: JobKey) -> list[Mapping[str, Any]]:
        """The newest run's end with what was missed after it: what was before is history, not news."""
        mine = of_job(slot_event, **key.values)
        ran = sa.select(sa.func.max(slot_event.c.event_id)).where(mine, slot_event.c.kind.in_(("ended", "lost")))
        newest = db.execute(ran).scalar() or 0
        return [dict(row) for row in db.execute(a.unseen_ends_query(**key.values, after=newest - 1)).mappings()]

    def newest_look(self, key: JobKey) -> Sequence[str]:
        """Names of the alerts that the job's newest end was held against."""
        query = sa.select(a.alert_look.c.alerts).where(of_job(a.alert_look, **key.values))
        with self._reading.connect() as db:
            found = db.execute(query.order_by(a.alert_look.c.slot_event_id.desc()).limit(1)).scalar()
        names: list[str] = json.loads(found) if found else []
        return names

    def ends(self, key: JobKey, *, before: int | None = None, limit: int = 50) -> list[Mapping[str, Any]]:
        """The job's runs that ended, the newest first; ``before``: only those before this event."""
        query = sa.select(slot_event).where(of_job(slot_event, **key.values), slot_event.c.kind.in_(("ended", "lost")))
        if before is not None:
            query = query.where(slot_event.c.event_id < before)
        with self._reading.connect() as db:
            found = db.execute(query.order_by(slot_event.c.event_id.desc()).limit(limit)).mappings()
            return [dict(row) for row in found]

    def good_since(self, key: JobKey) -> datetime | None:
        """The latest of: the slot of the last good run, the time from which the job is known or was unpaused."""
        good = sa.select(sa.func.max(slot_event.c.slot)).where(
            of_job(slot_event, **key.values), slot_event.c.kind == "ended", slot_event.c.status == "succeeded"
        )
        known = sa.select(sa.func.max(job_event.c.counts_from)).where(
            of_job(job_event, **key.values), job_event.c.kind.in_(("known", "unpaused"))
        )
        with self._reading.connect() as db:
            return max(filter(None, (db.execute(good).scalar(), db.execute(known).scalar())), default=None)

    def is_paused(self, key: JobKey) -> bool:
        """Whether somebody has paused the job."""
        query = sa.select(job_event.c.kind).where(
            of_job(job_event, **key.values), job_event.c.kind.in_(("paused", "unpaused"))
        )
        with self._reading.connect() as db:
            return db.execute(query.order_by(job_event.c.event_id.desc()).limit(1)).scalar() == "paused"

    def write(
        self, key: JobKey, looked: Sequence[int], names: Collection[str], verdicts: Sequence[Verdict]
    ) -> list[Mapping[str, Any]] | None:
        """Write down what a look found: incidents that open and close by it, and what is to be told because of that.

        ``looked``: the events that were looked at, against the alerts ``names``. Returns the new events of incidents;
        ``None``: another process has looked at one of them meanwhile, and nothing was written.
        """

        def step(to: Transaction) -> list[Mapping[str, Any]] | None:
            seen = sa.select(sa.func.count()).where(a.alert_look.c.slot_event_id.in_(looked))
            if looked and _number(to.db, seen):
                return None
            now = clock(to.db)
            who = {"at": now, "host": platform.node(), "pid": os.getpid()}
            for number in looked:
                row = {**key.values, "slot_event_id": number, "alerts": json.dumps(sorted(names)), **who}
                to.db.execute(a.alert_look.insert(), row)
            return [row for verdict in verdicts for row in _apply(to.db, key, verdict, now)]

        if not looked and not self._would_change(key, verdicts):
            return []
        return self._writer.write_alone(step)

    def _would_change(self, key: JobKey, verdicts: Sequence[Verdict]) -> bool:
        """Whether a look that saw no new end has anything to write; most have not, and take no write lock."""
        with self._reading.connect() as db:
            return any(any(_changes(_standing(db, key, verdict), verdict)) for verdict in verdicts)

    def incidents(self, account: str, seller_account: str, *, closed: bool = False) -> list[Mapping[str, Any]]:
        """The incidents that are open, as their opening says them; with ``closed`` every one, as it stands."""
        mine = (
            a.incident_event.c.account == account,
            a.incident_event.c.seller_account == seller_account,
        )
        with self._reading.connect() as db:
            rows: list[Mapping[str, Any]] = [
                dict(row) for row in db.execute(a.newest_incident_events_query(*mine)).mappings()
            ]
        return rows if closed else [row for row in rows if row["kind"] == "opened"]


def _number(db: sa.Connection, query: sa.Select[Any]) -> int:
    return int(db.execute(query).scalar_one())


def _standing(db: sa.Connection, key: JobKey, verdict: Verdict) -> dict[str, sa.RowMapping]:
    """The latest event of each incident of the alert and job, by subject; all of it as at one moment."""
    c = a.incident_event.c
    mine = (c.account == key.account, c.seller_account == key.seller_account, c.alert == verdict.alert)
    rows = db.execute(a.newest_incident_events_query(*mine, c.job == verdict.job)).mappings()
    return {row["subject"]: row for row in rows}


def _changes(standing: Mapping[str, sa.RowMapping], verdict: Verdict) -> tuple[list[Finding], list[str]]:
    """What is to be opened, and the subjects that are to be closed."""
    open_ = {subject for subject, row in standing.items() if row["kind"] == "opened"}
    holding = {finding.subject: finding for finding in verdict.holding}
    over = [subject for subject in standing if subject in open_ - holding.keys() and verdict.concerns(subject)]
    return [finding for subject, finding in holding.items() if subject not in open_], over


def _apply(db: sa.Connection, key: JobKey, verdict: Verdict, now: datetime) -> list[Mapping[str, Any]]:
    """Open what holds and is not open, close what is over."""
    standing = _standing(db, key, verdict)
    new, over = _changes(standing, verdict)
    closing = [Finding(subject, verdict.over) for subject in over]
    written = []
    for kind, findings, routes in (("opened", new, verdict.routes), ("closed", closing, verdict.routes_when_over)):
        for finding in findings:
            before = standing.get(finding.subject)
            row = _row(key, verdict, kind, finding) | {"at": now, "follows": before["event_id"] if before else 0}
            written.append(_add(db, row, routes))
    return written


def _row(key: JobKey, verdict: Verdict, kind: str, finding: Finding) -> dict[str, Any]:
    return {
        "account": key.account,
        "seller_account": key.seller_account,
        "alert": verdict.alert,
        "rule": verdict.rule,
        "job": verdict.job,
        "subject": finding.subject,
        "kind": kind,
        "seen_by": verdict.seen_by,
        "folder": verdict.folder,
        "sentence": finding.sentence,
        "facts": json.dumps(dict(finding.facts), ensure_ascii=False),
        "next_step": finding.next_step,
    }


def _add(db: sa.Connection, row: dict[str, Any], routes: Sequence[str]) -> Mapping[str, Any]:
    """Add an incident's event, and that it is to be told by each of the routes."""
    number = db.execute(a.incident_event.insert().returning(a.incident_event.c.event_id), row).scalar_one()
    due = {"event_id": number, "kind": "due", "message": "", "follows": 0, "detail": None, "at": row["at"]}
    due |= {"host": platform.node(), "pid": os.getpid()}
    for route in dict.fromkeys(routes):
        db.execute(a.sending_event.insert(), {**due, "route": route})
    return {**row, "event_id": number}
