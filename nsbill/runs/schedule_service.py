"""The service: a loop that starts each job at its times, and never loses sight of a slot.

What became of each slot stands in the journal, not here: a service that is killed and started again reads from it where
to go on. Slots that passed meanwhile are missed; the newest is made up for where the job says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from pathlib import Path

from nsbill.errors import JournalError, NsbillError, ScheduleError
from nsbill.runs.alert_text import one_line
from nsbill.runs.schedule_children import Child, Launch, launch_process
from nsbill.runs.schedule_clock import Clock, StopRequests, SystemClock
from nsbill.runs.schedule_file import Job, Schedule, load_schedule
from nsbill.runs.schedule_log import ServiceLog
from nsbill.runs.schedule_slots import JobBook, JobBooks

__all__ = ["Heartbeat", "Service"]

_LOOK_EVERY = timedelta(seconds=20)
"""How long a change of the file, a pause, or a lost run may go unnoticed."""
_REAP_EVERY = 1.0
_SHORTEST_WAIT = 0.02

Heartbeat = Callable[[Schedule, str | None, datetime], None]
"""Called at every look with the schedule, what is wrong with its file, and the time: for alerts and what is to be sent again."""


@dataclass(frozen=True)
class _Running:
    job: Job
    slot: datetime
    child: Child


@dataclass
class Service:
    """One service of one schedule. ``launch`` starts a run; ``heartbeat`` is called about every 20 s."""

    path: Path
    log: ServiceLog
    clock: Clock = field(default_factory=SystemClock)
    launch: Launch = launch_process
    heartbeat: Heartbeat = lambda _schedule, _problem, _now: None
    stop: StopRequests = field(default_factory=StopRequests)

    def __post_init__(self) -> None:
        self.schedule = load_schedule(self.path)
        self.problem: str | None = None
        self._running: dict[str, _Running] = {}
        self._next_look: dict[str, datetime] = {}
        self._next_heartbeat: datetime | None = None
        self._books = JobBooks()
        self._troubles: dict[str, str] = {}

    def run(self) -> int:
        """Work until asked to stop; returns the exit code: 0, or 130 when running jobs were ended."""
        self._say("started", f"The schedule is running: {', '.join(self.schedule.jobs)}. {self.path}")
        asked = 0
        try:
            while True:
                if self.stop.count > asked:
                    asked = self.stop.count
                    self._stopping(asked)
                self.turn()
                if asked and not self._running:
                    break
                self.clock.wait(self._seconds_to_wait(), self.stop.woken)
        finally:
            self._books.close()
        self._say("stopped", "The schedule has stopped.")
        return 130 if asked > 1 else 0

    def turn(self) -> None:
        """Look at everything once."""
        now = self.clock.now()
        self._reread(now)
        for running in list(self._running.values()):
            self._guarded(f"the end of {running.job.name}", partial(self._reap, running, now))
        if self.stop.count:
            return
        for job in self.schedule.jobs.values():
            if _is_time(self._next_look.get(job.name), now):
                self._guarded(f"job {job.name}", partial(self._look, job, now))
        if _is_time(self._next_heartbeat, now):
            self._next_heartbeat = now + _LOOK_EVERY
            self._guarded("alerts", lambda: self.heartbeat(self.schedule, self.problem, now))

    def _look(self, job: Job, now: datetime) -> None:
        """Deal with the slots of a job that are due."""
        self._next_look[job.name] = now + _LOOK_EVERY
        book = self._books.of(job)
        for slot in book.lose_open(except_slot=self._slot_of(job)):
            self._say("lost", f"{job.name}: the run of {_short(slot)} is lost, its process is gone", job=job, slot=slot)
        for slots, why in book.become_known(now):
            self._say_missed(job, slots, why)
        anchor = book.anchor()
        if job.paused or anchor.paused_by is not None:
            return
        if anchor.counts_from is not None and anchor.counts_from > now + _LOOK_EVERY:
            raise JournalError(
                f"its slots are dealt with up to {_short(anchor.counts_from)}, and it is {_short(now)}: a clock was set back",
                f"It runs again from then on. To let it run from now on: nsbill schedule pause {job.name}, then unpause.",
            )
        due = [slot for slot in book.due(now) if slot != self._slot_of(job)]
        if due:
            *earlier, newest = due
            why = "no service was at work when it was due, or the machine was asleep"
            self._say_missed(job, book.pass_over(earlier, "missed", why), why)
            self._deal_with(book, job, newest, now, why)
        self._next_look[job.name] = min(now + _LOOK_EVERY, job.next_slot(now))

    def _deal_with(self, book: JobBook, job: Job, slot: datetime, now: datetime, why: str) -> None:
        """Run the newest slot that is due, or say why not."""
        running = self._running.get(job.name)
        late = now - slot > timedelta(minutes=job.grace_minutes)
        if running is not None:
            why = f"the run of {_short(running.slot)} was still going (process {running.child.pid})"
            for passed in book.pass_over([slot], "overlapped", why):
                self._say("overlapped", f"{job.name}: {_short(passed)} was left out, {why}", job=job, slot=passed)
        elif late and job.missed == "report":
            self._say_missed(job, book.pass_over([slot], "missed", why), why)
        else:
            child = self.launch(self.schedule, job, slot, "catch-up" if late else "schedule")
            self._running[job.name] = _Running(job, slot, child)
            sentence = f"{job.name}: {_short(slot)} begins in process {child.pid}" + (" (caught up)" if late else "")
            self._say("launched", sentence, job=job, slot=slot, child=child.pid)

    def _reap(self, running: _Running, now: datetime) -> None:
        """See what became of a run whose process has ended."""
        code = running.child.poll()
        if code is None:
            return
        job, slot = running.job, running.slot
        book = self._books.of(job)
        latest = book.latest(slot)
        if latest is None:
            words = running.child.last_words()
            why = f"its process ended with exit code {code} before it could claim the slot" + (
                f": {words}" if words else ""
            )
            self._say_missed(job, book.pass_over([slot], "missed", why), why)
        elif latest["kind"] in {"claimed", "started"} and latest["pid"] == running.child.pid:
            book.lose_open(except_slot=None)
            self._say("lost", f"{job.name}: the run of {_short(slot)} is lost (exit code {code})", job=job, slot=slot)
        elif latest["kind"] in {"claimed", "started"}:
            whose = f"process {latest['pid']} on {latest['host']}"
            self._say("left", f"{job.name}: {_short(slot)} is run by {whose}; nothing was run here", job=job, slot=slot)
        else:
            how = latest["status"] or latest["kind"]
            detail = f": {latest['detail']}" if latest["detail"] else ""
            facts = {"status": how, "run_id": latest["run_id"], "folder": latest["folder"], "exit_code": code}
            self._say("ended", f"{job.name}: {_short(slot)} {how}{detail}", job=job, slot=slot, **facts)
        del self._running[job.name]
        self._next_look.pop(job.name, None)

    def _reread(self, now: datetime) -> None:
        """Read the file again when it has changed; a broken one is said once, and the old one stays in force."""
        try:
            read = load_schedule(self.path) if _digest(self.path) != self.schedule.digest else None
        except (ScheduleError, OSError) as error:
            if str(error) != self.problem:
                self.problem = str(error)
                self._say("broken", f"The schedule's file cannot be used; what it said before stays in force. {error}")
            return
        if self.problem is not None:
            self.problem = None
            self._say("mended", "The schedule's file is in order again.")
        if read is None:
            return
        before, self.schedule = self.schedule, read
        self._next_look.clear()
        self._say("reread", f"The schedule's file was read again: {', '.join(read.jobs)}")
        for name, job in before.jobs.items():
            if name not in read.jobs:
                self._guarded(f"job {name}", partial(self._removed, job, now))

    def _removed(self, job: Job, now: datetime) -> None:
        for slots, why in self._books.of(job).become_removed(now):
            self._say_missed(job, slots, why)
        self._say("removed", f"{job.name} is no longer in the file", job=job)

    def _slot_of(self, job: Job) -> datetime | None:
        running = self._running.get(job.name)
        return running.slot if running is not None else None

    def _seconds_to_wait(self) -> float:
        now = self.clock.now()
        dues = [self._next_look.get(name, now) for name in self.schedule.jobs] if not self.stop.count else []
        seconds = min([(due - now).total_seconds() for due in dues], default=_REAP_EVERY)
        return max(min(seconds, _REAP_EVERY if self._running else seconds), _SHORTEST_WAIT)

    def _stopping(self, asked: int) -> None:
        if asked > 1:
            for running in self._running.values():
                running.child.stop()
        names = ", ".join(self._running) or "nothing"
        doing = "ending" if asked > 1 else "no new runs; still running"
        self._say("stopping", f"Asked to stop: {doing}: {names}.")

    def _guarded(self, what: str, doing: Callable[[], None]) -> None:
        """Do it; what goes wrong is said, once for each kind, and tried again at the next look."""
        try:
            doing()
        except Exception as error:  # whatever it is, such as a database server that restarts: the other jobs go on
            known = isinstance(error, NsbillError | OSError)
            why = str(error) if known else one_line(f"{type(error).__name__}: {error}.")
            if self._troubles.get(what) != why:
                self._troubles[what] = why
                self._say("trouble", f"{what[:1].upper()}{what[1:]}: {why} It is tried again.")
        else:
            if self._troubles.pop(what, None) is not None:
                self._say("over", f"{what[:1].upper()}{what[1:]}: in order again.")

    def _say_missed(self, job: Job, slots: list[datetime], why: str) -> None:
        for slot in slots:
            self._say("missed", f"{job.name}: {_short(slot)} was missed, {why}", job=job, slot=slot)

    def _say(self, event: str, sentence: str, *, job: Job | None = None, **facts: object) -> None:
        named = {"job": job.name} if job is not None else {}
        self.log.write(event, sentence, at=self.clock.now(), **named, **facts)


def _is_time(planned: datetime | None, now: datetime) -> bool:
    """Whether it is time; also when the clock was set back, and what was planned is far away."""
    return planned is None or now >= planned or planned - now > _LOOK_EVERY


def _digest(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


def _short(slot: datetime) -> str:
    return f"{slot:%Y-%m-%d %H:%M} UTC"
