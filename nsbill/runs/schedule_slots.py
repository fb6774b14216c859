"""A job's slots as a service looks at them: which are due, which passed while nobody looked, when counting begins anew."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from nsbill.billing.journal import Journal
from nsbill.billing.journal_schedule import Anchor, JobKey, ScheduleBook
from nsbill.runs.schedule_file import Job
from nsbill.runs.schedule_job import job_key, open_journal
from nsbill.runs.schedule_times import times_between

__all__ = ["JobBook", "JobBooks", "missed_before_a_pause"]

_PAUSED = "paused"


@dataclass(frozen=True)
class JobBook:
    """One job in its workspace's journal."""

    job: Job
    key: JobKey
    book: ScheduleBook

    def anchor(self) -> Anchor:
        """Where to go on."""
        return self.book.anchor(self.key)

    def due(self, now: datetime) -> list[datetime]:
        """The slots up to ``now`` that nobody has dealt with, the oldest first."""
        anchor = self.anchor()
        return [] if anchor.counts_from is None else self._free(self.job.slots(anchor.counts_from, now))

    def become_known(self, now: datetime) -> Iterator[tuple[list[datetime], str]]:
        """Write down the job's times when they are new or changed; gives what was missed by the old ones, and why."""
        before = self.anchor()
        if before.timing == self.job.timing:
            return
        if before.timing is not None:
            why = f"it was due by the job's earlier times ({before.timing}), and no service was at work"
            yield self._missed(before, now, why), why
        who = f"service {platform.node()} process {os.getpid()}"
        self.book.note(self.key, "known", now, who=who, detail=self.job.timing)

    def become_removed(self, now: datetime) -> Iterator[tuple[list[datetime], str]]:
        """Write down that the job is not in the file any more."""
        before = self.anchor()
        if before.timing is None:
            return
        why = "the job was taken out of the file"
        yield self._missed(before, now, why), why
        self.book.note(self.key, "removed", now, who=f"service {platform.node()} process {os.getpid()}")

    def pass_over(self, slots: list[datetime], kind: Literal["missed", "overlapped"], why: str) -> list[datetime]:
        """Write down that slots had no run; returns those that nobody has dealt with."""
        return self.book.pass_over(self.key, slots, kind, why)

    def lose_open(self, *, except_slot: datetime | None) -> list[datetime]:
        """Mark runs as lost whose process is gone; ``except_slot``: one of an own process, whose end is seen to apart."""
        if all(row["slot"] == except_slot for row in self.book.open_slots(self.key)):
            return []
        return self.book.lose_open(self.key)

    def latest(self, slot: datetime) -> Mapping[str, Any] | None:
        """The latest event of a slot."""
        events = self.book.history(self.key, slot)
        return events[-1] if events else None

    def _missed(self, before: Anchor, now: datetime, why: str) -> list[datetime]:
        """Mark the slots by the earlier times as missed, up to now."""
        assert before.timing is not None
        assert before.counts_from is not None
        cron, zone, *rest = before.timing.split(" | ")
        if _PAUSED in rest or before.paused_by is not None:
            return []
        slots = self._free(list(times_between(cron, ZoneInfo(zone), before.counts_from, now)))
        return self.book.pass_over(self.key, slots, "missed", why)

    def _free(self, slots: list[datetime]) -> list[datetime]:
        if not slots:
            return []
        before = slots[0] - timedelta(microseconds=1)
        dealt_with = {row["slot"] for row in self.book.slots(self.key, after=before, until=slots[-1])}
        return [slot for slot in slots if slot not in dealt_with]


class JobBooks:
    """The journals of all jobs, opened once each."""

    def __init__(self) -> None:
        self._journals: dict[Path, Journal] = {}

    def of(self, job: Job) -> JobBook:
        """The job in its journal."""
        if job.workspace not in self._journals:
            self._journals[job.workspace] = open_journal(job)
        return JobBook(job, job_key(job), self._journals[job.workspace].schedule)

    def close(self) -> None:
        """Close them all."""
        for journal in self._journals.values():
            journal.close()
        self._journals.clear()


def missed_before_a_pause(book: JobBook, now: datetime) -> list[datetime]:
    """Mark slots as missed that passed before a job is paused, so that the pause does not hide them."""
    if book.anchor().timing is None or book.anchor().paused_by is not None:
        return []
    return book.pass_over(book.due(now), "missed", "no service was at work when it was due; the job was then paused")
