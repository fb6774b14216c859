"""How the schedule stands: each job's next time, its latest slots in sentences, and whether anything is wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from nsbill.runs.schedule_file import Job, Schedule
from nsbill.runs.schedule_job import job_key, open_journal

__all__ = ["JobStatus", "job_status", "slot_sentence"]

_WRONG = frozenset({"missed", "overlapped", "lost"})


@dataclass(frozen=True)
class JobStatus:
    """One job as it stands. ``paused_by``: who paused it, or ``the file``; ``slots``: the latest, the newest first."""

    job: Job
    next_slot: datetime | None
    paused_by: str | None
    known_to_a_service: bool
    slots: Sequence[Mapping[str, Any]]

    @property
    def clean(self) -> bool:
        """Whether none of the slots shown was missed, overlapped or lost, and the last run succeeded."""
        last = next((row for row in self.slots if row["kind"] == "ended"), None)
        return not any(row["kind"] in _WRONG for row in self.slots) and (last is None or last["status"] == "succeeded")

    @property
    def sentence(self) -> str:
        """The job in one line."""
        if self.paused_by is not None:
            return f"{self.job.name}: paused by {self.paused_by}"
        assert self.next_slot is not None
        unknown = "" if self.known_to_a_service else "; no service has seen it yet: nsbill schedule start"
        return f"{self.job.name}: next {self.next_slot.astimezone(self.job.zone):%Y-%m-%d %H:%M %Z}{unknown}"

    def as_json(self) -> dict[str, object]:
        """What ``--json`` shows."""
        names = ("slot", "kind", "origin", "status", "run_id", "folder", "detail", "at")
        slots = [{name: row[name] for name in names} for row in self.slots]
        return {"job": self.job.name, "next": self.next_slot, "paused_by": self.paused_by, "slots": slots}


def job_status(schedule: Schedule, job: Job, now: datetime, *, count: int) -> JobStatus:
    """Look up how a job stands; slots whose process is gone are marked as lost first."""
    key = job_key(job)
    with closing(open_journal(job)) as journal:
        journal.schedule.lose_open(key)
        anchor = journal.schedule.anchor(key)
        slots = journal.schedule.slots(key, limit=count)
    paused = "the file" if job.paused else anchor.paused_by
    next_slot = None if paused else job.next_slot(now)
    return JobStatus(job, next_slot, paused, anchor.timing is not None, slots)


def slot_sentence(row: Mapping[str, Any]) -> str:
    """What became of a slot, in one line."""
    what = row["kind"] if row["kind"] != "ended" else row["status"]
    if row["kind"] in {"claimed", "started"}:
        what = f"running since {row['at']:%H:%M:%S} UTC in process {row['pid']} on {row['host']}"
    parts = [f"{row['slot']:%Y-%m-%d %H:%M:%S} UTC  {what}"]
    parts += [f"({row['origin']})"] if row["origin"] != "schedule" else []
    parts += [str(row["detail"])] if row["detail"] else []
    parts += [str(row["folder"])] if row["folder"] else []
    return "  ".join(parts)
