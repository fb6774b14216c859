"""The service: on time, never twice, and no slot goes unnoticed; on a clock that the tests set, and in real processes."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from schedule_homes import FakeExecute, job_text, make_home

from nsbill.billing.journal import Journal
from nsbill.billing.journal_schedule import JobKey
from nsbill.errors import ScheduleError, WorkspaceError
from nsbill.runs.schedule_file import Job, Schedule, load_schedule
from nsbill.runs.schedule_job import run_job
from nsbill.runs.schedule_lock import only_service, service_of
from nsbill.runs.schedule_log import ServiceLog
from nsbill.runs.schedule_service import Service, _Running

NINE = datetime(2026, 11, 30, 9, 7, tzinfo=UTC)


@dataclass
class SetClock:
    """A clock that stands until it is waited for."""

    time: datetime = NINE

    def now(self) -> datetime:
        return self.time

    def wait(self, seconds: float, wake: threading.Event) -> None:
        self.time += timedelta(seconds=seconds)


@dataclass
class FakeChild:
    """A run that ends when its time has come; ``claims``: whether it gets so far."""

    clock: SetClock
    ends: datetime
    finish: Callable[[], None]
    code: int = 0
    pid: int = 0
    stopped: bool = False
    done: bool = False

    def poll(self) -> int | None:
        if self.clock.now() < self.ends and not self.stopped:
            return None
        if not self.done:
            self.done = True
            self.finish()
        return self.code

    def stop(self) -> None:
        self.stopped = True

    def last_words(self) -> str:
        return "Error: it could not be"


SERVICES: list[Service] = []


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    """Close the journals and the log of every service that a test made, restarted ones too."""
    yield
    while SERVICES:
        service = SERVICES.pop()
        service._books.close()
        service.log.close()


@dataclass
class Stage:
    """A service on a set clock, with runs of a set length; the journal is a real one."""

    folder: Path
    jobs: str = field(default_factory=job_text)
    minutes: float = 1
    dies: bool = False
    launched: list[tuple[str, str, str]] = field(default_factory=list)
    clock: SetClock = field(default_factory=SetClock)

    def __post_init__(self) -> None:
        self.path = make_home(self.folder, self.jobs)
        self.service = self.started()

    def started(self) -> Service:
        log = ServiceLog(self.folder / "papermill_runs" / "schedule.log")
        SERVICES.append(Service(self.path, log, clock=self.clock, launch=self.launch))
        return SERVICES[-1]

    def launch(self, schedule: Schedule, job: Job, slot: datetime, origin: Any) -> FakeChild:
        self.launched.append((job.name, f"{slot:%H:%M}", origin))

        def finish() -> None:
            if not self.dies:
                run_job(schedule, job, slot, origin=origin, execute=FakeExecute())

        return FakeChild(
            self.clock, self.clock.now() + timedelta(minutes=self.minutes), finish, code=9 if self.dies else 0
        )

    def until(self, time: str) -> None:
        """Let the service work up to this time of the day."""
        end = self.clock.time.replace(hour=int(time[:2]), minute=int(time[3:5]), second=0)
        while self.clock.time < end:
            self.service.turn()
            seconds = min(self.service._seconds_to_wait(), (end - self.clock.time).total_seconds())
            self.clock.wait(seconds, self.service.stop.woken)
        self.service.turn()

    def restart(self) -> None:
        """Start another service; the first one is gone, as after kill -9."""
        self.service._books.close()
        self.service.log.close()
        self.service = self.started()

    def slots(self, job: str = "work") -> list[tuple[str, str, str]]:
        """Slots as they stand, the oldest first: time, kind, origin."""
        with closing(Journal.in_workspace(self.folder / "workspace")) as journal:
            rows = journal.schedule.slots(JobKey("", "main", job))
        return [(f"{row['slot']:%H:%M}", row["kind"], row["origin"]) for row in reversed(rows)]

    def log(self, event: str) -> list[dict[str, Any]]:
        text = (self.folder / "papermill_runs" / "schedule.log").read_text()
        return [line for line in map(json.loads, text.splitlines()) if line["event"] == event]


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def test_each_slot_is_run_once_at_its_time(stage: Stage) -> None:
    stage.until("10:05")
    expected = ["09:15", "09:30", "09:45", "10:00"]
    assert stage.launched == [("work", slot, "schedule") for slot in expected]
    assert stage.slots() == [(slot, "ended", "schedule") for slot in expected]
    begun = [datetime.fromisoformat(line["at"]) for line in stage.log("launched")]
    assert all(at.second < 1 and at.minute % 15 == 0 for at in begun)
    assert [line["status"] for line in stage.log("ended")] == ["succeeded"] * 4


def test_a_job_that_is_new_owes_nothing_from_before(stage: Stage) -> None:
    stage.until("09:08")
    assert stage.slots() == []


def test_after_a_standstill_the_newest_slot_is_caught_up_once_and_the_others_are_missed(stage: Stage) -> None:
    stage.until("09:20")
    stage.clock.time += timedelta(hours=1, minutes=2)  # the machine slept
    stage.until("10:50")
    assert stage.slots() == [
        ("09:15", "ended", "schedule"),
        ("09:30", "missed", "schedule"),
        ("09:45", "missed", "schedule"),
        ("10:00", "missed", "schedule"),
        ("10:15", "ended", "catch-up"),
        ("10:30", "ended", "schedule"),
        ("10:45", "ended", "schedule"),
    ]
    assert len(stage.log("missed")) == 3


def test_a_service_that_was_killed_and_started_again_goes_on_where_the_journal_says(stage: Stage) -> None:
    stage.until("09:20")
    stage.restart()
    stage.until("09:32")
    stage.clock.time += timedelta(minutes=40)  # nobody is there from 09:32 to 10:12
    stage.restart()
    stage.until("10:20")
    assert stage.slots() == [
        ("09:15", "ended", "schedule"),
        ("09:30", "ended", "schedule"),
        ("09:45", "missed", "schedule"),
        ("10:00", "ended", "catch-up"),
        ("10:15", "ended", "schedule"),
    ]


def test_a_job_that_only_reports_is_not_caught_up(tmp_path: Path) -> None:
    stage = Stage(tmp_path, job_text(more='missed = "report"\ngrace_minutes = 10'))
    stage.until("09:20")
    stage.clock.time += timedelta(minutes=25)  # 09:45: this slot is within grace
    stage.until("09:50")
    stage.clock.time += timedelta(minutes=22)  # 10:12: 10:00 is not
    stage.until("10:14")
    assert stage.slots() == [
        ("09:15", "ended", "schedule"),
        ("09:30", "missed", "schedule"),
        ("09:45", "ended", "schedule"),
        ("10:00", "missed", "schedule"),
    ]


def test_a_slot_that_comes_while_the_job_is_running_is_overlapped_and_never_runs(tmp_path: Path) -> None:
    stage = Stage(tmp_path, minutes=20)
    stage.until("10:16")
    assert stage.launched == [
        ("work", "09:15", "schedule"),
        ("work", "09:45", "schedule"),
        ("work", "10:15", "schedule"),
    ]
    assert [(slot, kind) for slot, kind, _ in stage.slots()][:3] == [
        ("09:15", "ended"),
        ("09:30", "overlapped"),
        ("09:45", "ended"),
    ]
    assert "the run of 2026-11-30 09:15 UTC was still going" in stage.log("overlapped")[0]["sentence"]


def test_a_process_that_dies_before_it_claims_its_slot_is_a_missed_slot_with_its_last_words(tmp_path: Path) -> None:
    stage = Stage(tmp_path, dies=True)
    stage.until("09:20")
    assert stage.slots() == [("09:15", "missed", "schedule")]
    assert "exit code 9 before it could claim the slot: Error: it could not be" in stage.log("missed")[0]["sentence"]


def test_a_paused_job_misses_nothing_and_goes_on_with_its_next_time(stage: Stage) -> None:
    stage.until("09:20")
    with closing(Journal.in_workspace(stage.folder / "workspace")) as journal:
        journal.schedule.note(JobKey("", "main", "work"), "paused", stage.clock.now(), who="ada")
        stage.until("10:20")
        journal.schedule.note(JobKey("", "main", "work"), "unpaused", stage.clock.now(), who="ada")
    stage.until("10:31")
    assert [slot for slot, _, _ in stage.slots()] == ["09:15", "10:30"]


def test_a_changed_file_is_read_at_once_and_a_broken_one_changes_nothing(stage: Stage) -> None:
    stage.until("09:20")
    stage.path.write_text(job_text(cron="*/10 * * * *"))
    stage.until("09:31")
    stage.path.write_text("[jobs.work\n")
    stage.until("09:41")
    stage.path.write_text(job_text(cron="*/10 * * * *"))
    stage.until("09:51")
    assert [(slot, kind) for slot, kind, _ in stage.slots()] == [
        (slot, "ended") for slot in ("09:15", "09:30", "09:40", "09:50")
    ]
    assert len(stage.log("broken")) == 1
    assert "found no TOML" in stage.log("broken")[0]["sentence"]
    assert len(stage.log("mended")) == 1


def test_times_that_were_changed_while_nobody_was_there_hide_no_missed_slot(stage: Stage) -> None:
    stage.until("09:20")
    stage.path.write_text(job_text(cron="7 * * * *"))
    stage.clock.time += timedelta(minutes=30)
    stage.restart()
    stage.until("10:08")
    assert [(slot, kind) for slot, kind, _ in stage.slots()] == [
        ("09:15", "ended"),
        ("09:30", "missed"),
        ("09:45", "missed"),
        ("10:07", "ended"),
    ]
    assert "by the job's earlier times (*/15 * * * * | UTC)" in stage.log("missed")[0]["sentence"]


def test_a_job_that_was_taken_out_and_put_back_owes_nothing_from_between(stage: Stage) -> None:
    both = job_text() + job_text("other", cron="0 * * * *")
    stage.path.write_text(both)
    stage.until("09:20")
    stage.path.write_text(job_text("other", cron="0 * * * *"))
    stage.until("10:20")
    stage.path.write_text(both)
    stage.until("10:31")
    assert [slot for slot, _, _ in stage.slots()] == ["09:15", "10:30"]
    assert len(stage.log("removed")) == 1


def test_a_clock_that_was_set_back_runs_nothing_twice_and_says_so(stage: Stage) -> None:
    stage.until("10:05")
    stage.clock.time -= timedelta(minutes=50)
    stage.until("10:20")
    assert [slot for _, slot, _ in stage.launched] == ["09:15", "09:30", "09:45", "10:00", "10:15"]
    assert "a clock was set back" in stage.log("trouble")[0]["sentence"]
    assert stage.log("over")


def test_a_run_by_somebody_else_for_the_same_slot_is_not_repeated(stage: Stage) -> None:
    stage.until("09:20")
    run_job(stage.service.schedule, stage.service.schedule.jobs["work"], NINE.replace(minute=30), execute=FakeExecute())
    stage.until("09:46")
    assert [slot for _, slot, _ in stage.launched] == ["09:15", "09:45"]


def test_asked_to_stop_it_starts_nothing_more_and_lets_what_runs_finish(stage: Stage) -> None:
    stage.until("09:15")
    stage.service.stop.ask()
    assert stage.service.run() == 0
    assert stage.slots() == [("09:15", "ended", "schedule")]
    assert stage.log("stopping")[0]["sentence"] == "Asked to stop: no new runs; still running: work."


def test_asked_twice_it_ends_what_runs(tmp_path: Path) -> None:
    stage = Stage(tmp_path, minutes=600)
    stage.until("09:15")
    stage.service.stop.ask()
    stage.service.stop.ask()
    assert stage.service.run() == 130


@pytest.mark.parametrize(
    "error, said",
    [
        (WorkspaceError("journal", "it cannot be reached", "Wait."), "it cannot be reached"),
        (RuntimeError("server closed\nthe connection"), r"RuntimeError: server closed\nthe connection."),
    ],
    ids=["known", "of the database's driver"],
)
def test_a_journal_that_cannot_be_reached_stops_nothing_and_is_said_once(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, error: Exception, said: str
) -> None:
    stage.until("09:14")

    def broken(*_: object) -> Any:
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(stage.service._books, "of", broken)
        stage.until("09:18")
    stage.until("09:20")
    assert stage.slots() == [("09:15", "ended", "schedule")], "late, but within grace"
    assert (len(stage.log("trouble")), len(stage.log("over"))) == (1, 1)
    assert said in stage.log("trouble")[0]["sentence"]


def test_a_slot_that_another_process_runs_is_not_said_to_have_ended(stage: Stage) -> None:
    schedule = load_schedule(stage.path)
    job = schedule.jobs["work"]
    stage.dies = True  # the service's own child runs nothing, as when it is refused
    stage.until("09:14")
    with closing(Journal.in_workspace(stage.folder / "workspace")) as journal:
        journal.schedule.claim(JobKey("", "main", "work"), NINE.replace(minute=15), origin="by hand")
        stage.service._running["work"] = _Running(
            job, NINE.replace(minute=15), FakeChild(stage.clock, NINE, lambda: None, code=1)
        )
        stage.until("09:16")
    assert (len(stage.log("left")), stage.log("ended")) == (1, [])
    assert "nothing was run here" in stage.log("left")[0]["sentence"]


def test_the_heartbeat_comes_and_its_failures_stop_nothing(stage: Stage) -> None:
    seen = []

    def heartbeat(schedule: Schedule, problem: str | None, now: datetime) -> None:
        seen.append((problem, now))
        raise WorkspaceError("mail", "it is down", "Wait.")

    stage.service.heartbeat = heartbeat
    stage.until("09:16")
    assert 25 <= len(seen) <= 30
    assert stage.slots() or stage.launched


def test_no_secret_gets_into_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NSBILL_TOKEN_SECRET", "very-secret-value")
    lines: list[str] = []
    with closing(ServiceLog(tmp_path / "schedule.log", echo=lines.append)) as log:
        log.write("ended", "it said very-secret-value", detail="very-secret-value")
    assert "very-secret-value" not in (tmp_path / "schedule.log").read_text() + lines[0]
    assert "[removed by nsbill]" in lines[0]


def test_two_services_of_one_schedule_are_refused_with_who_is_there(tmp_path: Path) -> None:
    path = tmp_path / "schedule.toml"
    assert service_of(path) is None
    with only_service(path):
        assert str(service_of(path)).startswith("process ")
        with pytest.raises(WorkspaceError, match=r"process \d+ on .* runs this schedule already"), only_service(path):
            pass
    assert service_of(path) is None


def test_a_service_does_not_start_on_a_broken_file(tmp_path: Path) -> None:
    path = make_home(tmp_path, "[jobs.x]\n")
    with closing(ServiceLog(tmp_path / "schedule.log")) as log, pytest.raises(ScheduleError):
        Service(path, log)


# Real processes.


@pytest.mark.slow
def test_a_real_service_runs_notebooks_survives_kill_9_and_stops_in_order(tmp_path: Path) -> None:
    path = make_home(tmp_path, job_text(cron="*/4 * * * * *", more="grace_minutes = 0"))
    first = start_service(path)
    wait_until(lambda: states(tmp_path).count("succeeded") >= 1, first)
    second = start_service(path)
    said = second.communicate(timeout=60)[0]
    assert second.returncode == 2
    assert f"process {first.pid} on" in said
    os.kill(first.pid, signal.SIGKILL)
    first.communicate()
    third = start_service(path)
    done = states(tmp_path).count("succeeded")
    wait_until(lambda: states(tmp_path).count("succeeded") >= done + 2, third)
    third.send_signal(signal.SIGTERM)
    said = third.communicate(timeout=60)[0]
    assert third.returncode == 0, said
    assert "The schedule has stopped." in said
    with closing(Journal.in_workspace(tmp_path / "workspace")) as journal:
        rows = list(reversed(journal.schedule.slots(JobKey("", "main", "work"))))
    assert {row["kind"] for row in rows} <= {"ended", "missed", "overlapped"}, "every slot has an end"
    gaps = {(after["slot"] - before["slot"]).total_seconds() for before, after in itertools.pairwise(rows)}
    assert gaps == {4.0}, "and none is left out"
    runs = [row for row in rows if row["kind"] == "ended"]
    for before, after in itertools.pairwise(runs):
        assert before["at"] <= after["began_at"], "no two at once"


def start_service(path: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "NSBILL_BASE_URL": "http://127.0.0.1:9"}
    command = [sys.executable, "-m", "nsbill.cli", "schedule", "start", "--file", str(path)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def states(folder: Path) -> list[str]:
    with closing(Journal.in_workspace(folder / "workspace")) as journal:
        return [row["status"] or row["kind"] for row in journal.schedule.slots(JobKey("", "main", "work"))]


def wait_until(true: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + 90
    while not true():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < until
        time.sleep(0.2)
