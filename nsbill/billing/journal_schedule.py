"""Slots of the schedule in the journal: claimed once, whoever tries; ended, missed, overlapped or lost, and never silent.

A job's lease and the claim of a slot are taken in one transaction. So a job never runs twice at once, and a slot that
could not be claimed because the job was running says so.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa

from nsbill.billing import journal_schedule_tables as s
from nsbill.billing.journal_lease import Lease, clock, drop_lease, holder_in_force, take_lease
from nsbill.billing.journal_writer import Transaction, Writer
from nsbill.errors import JournalError

__all__ = ["Anchor", "Claim", "JobKey", "Origin", "ScheduleBook", "SlotRefused"]

Origin = Literal["schedule", "catch-up", "by hand"]
SECONDS = 120
"""How long a job's lease lasts unless it is renewed."""
_MAY_COME_AGAIN = frozenset({"missed", "overlapped", "lost", "ended"})
_OF_THE_SERVICE = ("schedule", "catch-up")


@dataclass(frozen=True)
class JobKey:
    """A job of one account and seller account; jobs of the same name on other accounts are others."""

    account: str
    seller_account: str
    job: str

    @property
    def lease(self) -> str:
        """The name of its lease, as sentences say it."""
        return f"job {self.job} ({', '.join(filter(None, (self.account, self.seller_account)))})"

    @property
    def values(self) -> dict[str, str]:
        """Its columns."""
        return {"account": self.account, "seller_account": self.seller_account, "job": self.job}


class SlotRefused(JournalError):
    """A slot could not be claimed. ``kind``: ``overlapped``, the job is running; ``taken``, the slot was dealt with."""

    def __init__(self, kind: Literal["overlapped", "taken"], problem: str, remedy: str) -> None:
        self.kind, self.problem = kind, problem
        super().__init__(problem, remedy)


@dataclass(frozen=True)
class Claim:
    """A claimed slot: its run may begin; the lease is to be renewed while it lasts."""

    key: JobKey
    slot: datetime
    origin: Origin
    lease: Lease


@dataclass(frozen=True)
class Anchor:
    """Where a service that looks at a job goes on. ``timing``: as it was last known; ``None``: never seen, or removed."""

    timing: str | None
    counts_from: datetime | None
    paused_by: str | None


class ScheduleBook:
    """The schedule's tables in one journal."""

    def __init__(self, engine: sa.Engine, reading: sa.Engine, writer: Writer) -> None:
        self._engine, self._reading, self._writer = engine, reading, writer

    def claim(
        self, key: JobKey, slot: datetime, *, origin: Origin, again: bool = False, seconds: int = SECONDS
    ) -> Claim:
        """Take the job's lease and claim the slot, both or neither. ``again``: also one that did not succeed.

        Slots of the same job whose process is gone become ``lost`` with it.

        Raises
        ------
        SlotRefused
            The job is running (the slot is then overlapped), or the slot was dealt with before.
        """

        def step(to: Transaction) -> int | SlotRefused:
            before = self._dealt_with(to.db, key, slot, again=again)
            if before is not None:
                return _taken(key, slot, before)
            try:
                token = take_lease(to.db, key.lease, seconds)
            except JournalError as error:
                return self._overlap(to.db, key, slot, origin, str(error).removeprefix("Journal: "))
            before = self._dealt_with(to.db, key, slot, again=again)  # on a server another may have been faster
            if before is not None:
                drop_lease(to.db, key.lease, token)
                return _taken(key, slot, before)
            self._lose_open(to.db, key, holder=token)
            self._add(to.db, key, slot, "claimed", origin, token=token)
            return token

        found = self._writer.write_alone(step)
        if isinstance(found, SlotRefused):
            raise found
        return Claim(key, slot, origin, Lease(self._engine, key.lease, found, seconds))

    def started(self, claim: Claim, *, run_id: str, folder: str) -> None:
        """Write down that the run of a claimed slot has begun, and where."""
        self._of_claim(claim, "started", run_id=run_id, folder=folder)

    def ended(self, claim: Claim, *, status: str, run_id: str | None, folder: str | None, detail: str | None) -> None:
        """Write down how the run of a claimed slot ended, and give the job's lease back."""

        def step(to: Transaction) -> None:
            values = {"status": status, "run_id": run_id, "folder": folder, "detail": detail}
            self._add(to.db, claim.key, claim.slot, "ended", claim.origin, token=claim.lease.token, **values)
            drop_lease(to.db, claim.key.lease, claim.lease.token)

        self._writer.write_alone(step)

    def pass_over(
        self,
        key: JobKey,
        slots: Iterable[datetime],
        kind: Literal["missed", "overlapped"],
        detail: str,
    ) -> list[datetime]:
        """Write down that slots had no run, and why; returns those that nobody has dealt with, the others are left alone."""
        whole = sorted(slots)

        def step(to: Transaction) -> list[datetime]:
            free = [slot for slot in whole if self._newest(to.db, key, slot) is None]
            for slot in free:
                self._add(to.db, key, slot, kind, "schedule", detail=detail)
            return free

        return self._writer.write_alone(step) if whole else []

    def lose_open(self, key: JobKey) -> list[datetime]:
        """Mark claimed slots as lost whose process is gone, or whose lease ended; returns them."""
        if not self.open_slots(key):
            return []
        return self._writer.write_alone(
            lambda to: self._lose_open(to.db, key, holder=holder_in_force(to.db, key.lease, SECONDS))
        )

    def note(
        self,
        key: JobKey,
        kind: Literal["known", "removed", "paused", "unpaused"],
        counts_from: datetime,
        *,
        who: str,
        detail: str | None = None,
    ) -> None:
        """Write down something about the job as a whole; its slots count from ``counts_from`` on."""
        row = {**key.values, "kind": kind, "counts_from": counts_from, "who": who, "detail": detail}
        self._writer.write_alone(lambda to: to.db.execute(s.job_event.insert(), {**row, "at": clock(to.db)}))

    def anchor(self, key: JobKey) -> Anchor:
        """Where to go on with a job: after the latest slot that a service dealt with, or the latest event about the job."""
        with self._reading.connect() as db:
            of = s.of_job(s.job_event, **key.values)
            notes = db.execute(sa.select(s.job_event).where(of).order_by(s.job_event.c.event_id)).mappings().all()
            mine = s.of_job(s.slot_event, **key.values) & s.slot_event.c.origin.in_(_OF_THE_SERVICE)
            newest = sa.select(s.slot_event.c.slot, s.slot_event.c.at).where(mine)
            last = db.execute(newest.order_by(s.slot_event.c.slot.desc(), s.slot_event.c.event_id).limit(1)).first()
        known = [note for note in notes if note["kind"] in {"known", "removed"}]
        pauses = [note for note in notes if note["kind"] in {"paused", "unpaused"}]
        timing = known[-1]["detail"] if known and known[-1]["kind"] == "known" else None
        paused = pauses[-1]["who"] if pauses and pauses[-1]["kind"] == "paused" else None
        counts_from: datetime | None = notes[-1]["counts_from"] if notes else None
        if last is not None and (not notes or last.at > notes[-1]["at"]):
            counts_from = max(filter(None, (counts_from, last.slot)))
        return Anchor(timing, counts_from, paused)

    def jobs(self, account: str, seller_account: str) -> list[str]:
        """Names of the jobs that a service has known and that were not removed."""
        newest = sa.select(sa.func.max(s.job_event.c.event_id)).where(
            s.of_job(s.job_event, account, seller_account), s.job_event.c.kind.in_(("known", "removed"))
        )
        query = sa.select(s.job_event.c.job, s.job_event.c.kind).where(
            s.job_event.c.event_id.in_(newest.group_by(s.job_event.c.job))
        )
        with self._reading.connect() as db:
            return [job for job, kind in db.execute(query) if kind == "known"]

    def slots(
        self, key: JobKey, *, after: datetime | None = None, until: datetime | None = None, limit: int | None = None
    ) -> Sequence[Mapping[str, Any]]:
        """The job's slots as they stand, the newest first: the latest event of each; ``began_at``: its first one's time."""
        which = [s.of_job(s.slot_event, **key.values)]
        which += [s.slot_event.c.slot > after] if after is not None else []
        which += [s.slot_event.c.slot <= until] if until is not None else []
        with self._reading.connect() as db:
            return [dict(row) for row in db.execute(s.latest_slots_query(*which).limit(limit)).mappings()]

    def open_slots(self, key: JobKey) -> Sequence[sa.RowMapping]:
        """Slots whose run is under way, or whose process is gone."""
        with self._reading.connect() as db:
            return _open(db, key)

    def history(self, key: JobKey, slot: datetime | None = None) -> Sequence[Mapping[str, Any]]:
        """Every event of a job's slots, or of one slot, oldest first."""
        query = sa.select(s.slot_event).where(s.of_job(s.slot_event, **key.values)).order_by(s.slot_event.c.event_id)
        with self._reading.connect() as db:
            found = db.execute(query if slot is None else query.where(s.slot_event.c.slot == slot)).mappings()
            return [dict(row) for row in found]

    def _dealt_with(self, db: sa.Connection, key: JobKey, slot: datetime, *, again: bool) -> sa.RowMapping | None:
        """The latest event of a slot that may not be claimed; ``None``: it may."""
        before = self._newest(db, key, slot)
        return None if before is None or (again and _may_come_again(before)) else before

    def _overlap(self, db: sa.Connection, key: JobKey, slot: datetime, origin: str, why: str) -> SlotRefused:
        before = self._newest(db, key, slot)
        if before is not None and before["kind"] in s.OPEN_KINDS:
            return _taken(key, slot, before)
        if before is None:
            self._add(db, key, slot, "overlapped", origin, detail=why)
        return SlotRefused("overlapped", why.split(". ", maxsplit=1)[0], "Wait until it is done, or stop that process.")

    def _of_claim(self, claim: Claim, kind: str, **values: str | None) -> None:
        self._writer.write_alone(
            lambda to: self._add(to.db, claim.key, claim.slot, kind, claim.origin, token=claim.lease.token, **values)
        )

    def _lose_open(self, db: sa.Connection, key: JobKey, *, holder: int | None) -> list[datetime]:
        gone = [row for row in _open(db, key) if row["token"] != holder]
        for row in gone:
            detail = (
                f"process {row['pid']} on {row['host']} is gone, or did not renew the job's lease; it had not ended"
            )
            values = {"run_id": row["run_id"], "folder": row["folder"], "detail": detail}
            self._add(db, key, row["slot"], "lost", row["origin"], token=row["token"], **values)
        return [row["slot"] for row in gone]

    @staticmethod
    def _newest(db: sa.Connection, key: JobKey, slot: datetime) -> sa.RowMapping | None:
        return db.execute(s.newest_event_query(**key.values, slot=slot)).mappings().first()

    def _add(self, db: sa.Connection, key: JobKey, slot: datetime, kind: str, origin: str, **values: Any) -> None:
        before = self._newest(db, key, slot)
        row = dict.fromkeys(("token", "status", "run_id", "folder", "detail")) | values
        row |= {**key.values, "slot": slot, "kind": kind, "origin": origin, "at": clock(db)}
        row |= {"host": platform.node(), "pid": os.getpid(), "follows": before["event_id"] if before else 0}
        db.execute(s.slot_event.insert(), row)


def _open(db: sa.Connection, key: JobKey) -> Sequence[sa.RowMapping]:
    """The latest events of slots that are under way; only what was claimed and has no end is looked at."""
    later = s.slot_event.alias("later")
    over = sa.exists().where(
        later.c.account == s.slot_event.c.account,
        later.c.seller_account == s.slot_event.c.seller_account,
        later.c.job == s.slot_event.c.job,
        later.c.slot == s.slot_event.c.slot,
        later.c.follows == s.slot_event.c.event_id,
    )
    mine = s.of_job(s.slot_event, **key.values)
    query = sa.select(s.slot_event).where(mine, s.slot_event.c.kind.in_(s.OPEN_KINDS), ~over)
    return db.execute(query.order_by(s.slot_event.c.event_id)).mappings().all()


def _may_come_again(before: sa.RowMapping) -> bool:
    return before["kind"] in _MAY_COME_AGAIN and before["status"] != "succeeded"


def _taken(key: JobKey, slot: datetime, before: sa.RowMapping) -> SlotRefused:
    how = before["kind"] if before["kind"] != "ended" else f"ended ({before['status']})"
    problem = (
        f"slot {slot:%Y-%m-%d %H:%M:%S} UTC of {key.lease} was dealt with: {how} "
        f"by process {before['pid']} on {before['host']} at {before['at']:%Y-%m-%d %H:%M:%S} UTC"
    )
    remedy = "To run one again that did not succeed: --again." if _may_come_again(before) else "Nothing was run again."
    return SlotRefused("taken", problem, remedy)
