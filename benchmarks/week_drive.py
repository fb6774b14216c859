"""Drives a week: lets time pass from one event to the next, and does to the processes what the event says."""

from __future__ import annotations

import json
import os
import signal
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from random import Random

from benchmarks.campaign_account import FaultyAccount
from benchmarks.campaign_judge import Verdict, judge
from benchmarks.campaign_part import billing_environment, listed, shown
from benchmarks.week_account import Arrivals, Receiver
from benchmarks.week_judge import Evidence, WeekVerdict, judge_week
from benchmarks.week_service import PROCESSES, Home, flush, serve
from benchmarks.week_time import WeekTime

__all__ = ["Driver", "Event"]

_RATE, _HURRY = 20.0, 600.0
_UNKNOWN_WAIT = 3
_REFUSED_POSTS = 0.1
_LOOK_EVERY = 0.005
_LONGEST = 120.0
"""Seconds in which time has to get on."""
_AT_WORK = 0.75
"""Share of the kills of runs that come while the run is at work; the others come whenever they come."""
_HANG_MINUTES = 20
_FILE = """
time_zone = "Europe/Berlin"

[jobs.billing]
cron = "*/15 * * * *"
notebook = "10_scheduled_billing"
parameters = {{ max_orders = 2000, max_total = "100000000.00" }}

[jobs.preview]
cron = "*/15 * * * *"
notebook = "10_scheduled_billing"
parameters = {{ dry_run = true, max_orders = 2000, max_total = "100000000.00" }}
missed = "report"
alerts = ["failed", "stale"]

[alerts.failed]
rule = "run-failed"
say_when_over = true

[alerts.stale]
rule = "run-stale"
say_when_over = true

[alerts.unknown]
rule = "unknown-outcomes"
say_when_over = true

[routes.kept]
kind = "file"
path = "alerts.jsonl"

[routes.chat]
kind = "webhook"
url = "{url}"
"""


@dataclass(frozen=True)
class Event:
    """Something that happens when the week's time, in seconds since 1970, is ``at``."""

    at: float
    kind: str
    down_minutes: int = 0


class Driver:
    """One week in one folder."""

    def __init__(self, folder: Path, *, seed: int, first: datetime, leap: float) -> None:
        for name in ("papermill_runs", "workspace"):
            (folder / name).mkdir()
        self._folder, self._seed, self._first = folder, seed, first
        self._rng = Random(seed + 1)
        self._arrivals = Arrivals(folder / "books.db", seed=seed)
        self._account = FaultyAccount(folder / "books.db", seed=seed)
        self._leap = leap
        self._kills: dict[int, float] = {}
        self.done: Counter[str] = Counter()
        self.faults: dict[str, int] = {}
        self.crashed: list[str] = []
        self.refused_posts = 0
        self.seconds = 0.0
        self.evidence: Evidence | None = None

    def run(self, events: Sequence[Event]) -> tuple[Verdict, WeekVerdict]:
        """Let everything happen, then judge."""
        began = time.monotonic()
        self._account.start()
        workspace = self._folder / "workspace"
        journal = f"sqlite:///{workspace / 'journal.db'}"
        environment = billing_environment(workspace, journal, self._account.keys, _UNKNOWN_WAIT)
        self._home = Home(self._folder, environment, self._leap)
        self._time = WeekTime(self._home.time)
        self._time.now = self._time.granted = self._first.timestamp()
        self._time.rate = _RATE
        PROCESSES.set_forkserver_preload(["benchmarks.week_service"])
        try:
            with Receiver(seed=self._seed, refusing=_REFUSED_POSTS) as self._receiver:
                self._home.schedule.write_text(_FILE.format(url=self._receiver.url), encoding="utf-8")
                self._pass(events)
                self.refused_posts = self._receiver.refused
            self._account.settle()
            seen = shown(workspace, self._account)
            billed = judge(self._arrivals.books, journal, listed=listed(self._arrivals.books), shown=seen)
        finally:
            self.faults = {name: number for name, number in self._account.stop().items() if number}
        last = datetime.fromtimestamp(events[-1].at, UTC)
        self.evidence = Evidence(self._folder, self._first, last, self._kills, self._receiver.texts)
        self.seconds = time.monotonic() - began
        return billed, judge_week(self.evidence)

    def _pass(self, events: Sequence[Event]) -> None:
        self._start()
        try:
            for event in events:
                if not self._reached(event.at):
                    return
                self._happens(event)
        finally:
            if self._service.is_alive():
                self._service.kill()
                self._service.join()

    def _happens(self, event: Event) -> None:
        match event.kind:
            case "order":
                self._arrivals.one()
            case "kill-job":
                self._kill_job(event.at)
            case "hang":
                self._hang(event.at)
            case "kill-account":
                self._child_of(event.at)
                time.sleep(self._rng.uniform(0, 0.3))
                self._account.kill()
                self._account.start()
            case "kill-service":
                self._kill_service(event)
            case "restart":
                self._stop()
                self._start()
            case "calm":
                self._account.clear()
                self._receiver.refusing = 0.0
            case "end":
                self._stop()
                self._in_process(flush)
        self.done[event.kind] += 1

    def _start(self) -> None:
        self._service = PROCESSES.Process(target=serve, args=(self._home,))
        self._service.start()

    def _stop(self) -> None:
        """Ask the service to stop; runs that are under way may end."""
        assert self._service.pid is not None
        os.kill(self._service.pid, signal.SIGTERM)
        until = time.monotonic() + _LONGEST
        while self._service.is_alive():
            self._time.granted = self._time.now + 60
            if time.monotonic() > until:
                self.crashed.append("the service does not stop")
                return
            time.sleep(_LOOK_EVERY)
        if self._service.exitcode != 0:
            self.crashed.append(f"the service stopped with {self._service.exitcode}")
        self._time.granted = self._time.now

    def _reached(self, at: float) -> bool:
        """Let time pass up to a moment; false when it does not."""
        self._time.granted = max(self._time.granted, at)
        until, before = time.monotonic() + _LONGEST, self._time.now
        while (now := self._time.now) < at:
            if now != before:
                until, before = time.monotonic() + _LONGEST, now
            if not self._service.is_alive() or time.monotonic() > until:
                when = datetime.fromtimestamp(now, UTC)
                self.crashed.append(f"the service is gone or does not get on at {when} ({self._service.exitcode})")
                return False
            time.sleep(_LOOK_EVERY)
        return True

    def _child_of(self, slot: float, *, patience: float = 3.0) -> list[int]:
        """The processes of a slot's runs, once there is one; empty when none begins."""
        text = datetime.fromtimestamp(slot, UTC).isoformat()
        until = time.monotonic() + patience
        while time.monotonic() < until:
            lines = self._home.children.read_text(encoding="utf-8").splitlines() if self._home.children.exists() else []
            found = [json.loads(line) for line in lines[-6:]]
            pids = [line["pid"] for line in found if line["slot"] == text and _is_alive(line["pid"])]
            if pids:
                return pids
            time.sleep(_LOOK_EVERY)
        return []

    def _kill_job(self, slot: float) -> None:
        pids = self._child_of(slot)
        if pids:
            pid = self._rng.choice(pids)
            if self._rng.random() < _AT_WORK:
                self._wait_for_work_of(pid)
            time.sleep(self._rng.uniform(0.0, 0.4))
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                self._kills[pid] = time.monotonic()
                self.done["kill-job that hit"] += 1

    def _wait_for_work_of(self, pid: int) -> None:
        """Wait until a run's process has claimed its slot and begun."""
        until = time.monotonic() + 5
        while _is_alive(pid) and time.monotonic() < until:
            text = self._home.spans.read_text(encoding="utf-8") if self._home.spans.exists() else ""
            if f'"pid": {pid},' in text:
                return
            time.sleep(_LOOK_EVERY)

    def _hang(self, slot: float) -> None:
        """Stop a run until its next time has passed, then let it go on."""
        pids = self._child_of(slot)
        time.sleep(self._rng.uniform(0.02, 0.2))
        for pid in pids[:1]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
                self.done["hang that hit"] += 1
                self._time.rate = _HURRY
                self._reached(slot + _HANG_MINUTES * 60)
                self._time.rate = _RATE
                os.kill(pid, signal.SIGCONT)

    def _kill_service(self, event: Event) -> None:
        self._child_of(event.at)
        time.sleep(self._rng.uniform(0.0, 1.0))
        self._service.kill()
        self._service.join()
        self._time.now = self._time.granted = self._time.now + event.down_minutes * 60
        self._start()

    def _in_process(self, what: object) -> None:
        process: ForkServerProcess = PROCESSES.Process(target=what, args=(self._home,))  # type: ignore[arg-type]
        process.start()
        process.join()


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
