"""One slot of a job is run: whatever happens to it is written down, and a job never runs twice at once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from schedule_homes import FakeExecute, job_text, make_home, read_home

from nsbill.billing.journal import Journal
from nsbill.billing.journal_schedule import JobKey, ScheduleBook, SlotRefused
from nsbill.cli import cli
from nsbill.errors import NoAnswer, SettingsError
from nsbill.runs.schedule_file import load_schedule
from nsbill.runs.schedule_job import job_key, run_job

TEN = datetime(2026, 11, 30, 10, tzinfo=UTC)


def events(folder: Path, slot: datetime | None = None, job: str = "work") -> list[Any]:
    with closing(Journal.in_workspace(folder / "workspace")) as journal:
        return list(journal.schedule.history(JobKey("", "main", job), slot))


def kinds(folder: Path, slot: datetime | None = None) -> list[str]:
    return [event["kind"] for event in events(folder, slot)]


def test_a_run_is_claimed_started_and_ended_with_its_folder(tmp_path: Path) -> None:
    schedule, job = read_home(tmp_path)
    done = run_job(schedule, job, TEN, origin="schedule", execute=FakeExecute())
    assert done.succeeded
    last = events(tmp_path, TEN)[-1]
    assert kinds(tmp_path) == ["claimed", "started", "ended"]
    assert (last["status"], last["run_id"], last["folder"]) == ("succeeded", "r-1", str(schedule.runs_folder / "r-1"))


def test_a_run_that_fails_says_why_and_leaves_the_job_free(tmp_path: Path) -> None:
    schedule, job = read_home(tmp_path)
    assert not run_job(schedule, job, TEN, execute=FakeExecute(problem="Cell 2 raised.")).succeeded
    assert (events(tmp_path)[-1]["status"], events(tmp_path)[-1]["detail"]) == ("failed", "Cell 2 raised.")
    with pytest.raises(SlotRefused, match="--again"):
        run_job(schedule, job, TEN, execute=FakeExecute())
    assert run_job(schedule, job, TEN, again=True, execute=FakeExecute()).succeeded


@pytest.mark.parametrize(
    "error", [NoAnswer("Signing in", "host", "timed out"), SettingsError("account", "is not set", "Set it.")]
)
def test_what_keeps_a_run_from_starting_is_an_end_too(tmp_path: Path, error: Exception) -> None:
    schedule, job = read_home(tmp_path)
    done = run_job(schedule, job, TEN, execute=FakeExecute(raises=error))
    assert (done.status, done.sentence) == ("not-started", str(error))
    assert events(tmp_path)[-1]["detail"] == str(error)


def test_a_fault_of_the_program_ends_the_slot_and_is_not_hidden(tmp_path: Path) -> None:
    schedule, job = read_home(tmp_path)
    with pytest.raises(ZeroDivisionError):
        run_job(schedule, job, TEN, execute=FakeExecute(raises=ZeroDivisionError("oh")))
    assert (events(tmp_path)[-1]["status"], events(tmp_path)[-1]["detail"]) == ("failed", "ZeroDivisionError: oh")
    assert run_job(schedule, job, TEN, again=True, execute=FakeExecute()).succeeded


def test_a_job_for_another_profile_is_not_started(tmp_path: Path) -> None:
    schedule, job = read_home(tmp_path, job_text(more='profile = "production"'))
    execute = FakeExecute()
    done = run_job(schedule, job, TEN, execute=execute)
    assert done.status == "not-started"
    assert "is for the profile production, and its workspace is of simulator" in str(done.sentence)
    assert execute.slots == []


def test_alerts_that_fail_change_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    schedule, job = read_home(tmp_path)
    told = []

    faults = [NoAnswer("Sending", "mail", "refused"), ZeroDivisionError("a fault of the program")]

    def after(_schedule: object, done: Any) -> None:
        told.append(done.status)
        raise faults[len(told) - 1]

    for slot in (TEN, TEN + timedelta(minutes=15)):
        assert run_job(schedule, job, slot, execute=FakeExecute(), after=after).succeeded
    assert told == ["succeeded", "succeeded"]
    err = capsys.readouterr().err
    assert "The alerts of work could not be seen to: NoAnswer: Sending" in err
    assert "ZeroDivisionError: a fault of the program" in err


def test_the_lease_is_renewed_while_a_run_lasts_and_a_run_that_lost_it_is_told_to_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule, job = read_home(tmp_path)
    reasons: list[str] = []

    def execute(schedule: Any, job: Any, slot: datetime, *, begun: Any, halt: Any) -> Any:
        time.sleep(2.5)  # longer than the lease
        with pytest.raises(SlotRefused, match="has been running job work"):
            run_job(schedule, job, slot.replace(hour=11), execute=FakeExecute())
        with closing(Journal.in_workspace(tmp_path / "workspace")) as journal, journal._engine.begin() as db:
            db.exec_driver_sql("UPDATE lease SET token = token + 1")  # another machine has taken it
        until = time.monotonic() + 30
        while not halt.is_given() and time.monotonic() < until:
            time.sleep(0.05)
        reasons.append(halt.reason)
        return FakeExecute(problem="stopped")(schedule, job, slot, begun=begun, halt=halt)

    monkeypatch.setattr(ScheduleBook, "claim", with_options(ScheduleBook.claim, seconds=1))
    run_job(schedule, job, TEN, execute=execute)
    assert "another run has taken over job work" in reasons[0]


def with_options(function: Any, **more: Any) -> Any:
    def method(self: Any, *args: Any, **options: Any) -> Any:
        return function(self, *args, **{**more, **options})

    return method


def start(path: Path, *arguments: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "NSBILL_BASE_URL": "http://127.0.0.1:9", "NSBILL_ACCOUNT": ""}
    command = [sys.executable, "-m", "nsbill.cli", "schedule", "run-now", *arguments, "--file", str(path)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def wait_for(path: Path, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < until, f"{path} did not come"
        time.sleep(0.05)


def test_run_now_runs_the_notebook_and_ends_with_0_or_2(tmp_path: Path) -> None:
    path = make_home(tmp_path, job_text("good") + job_text("bad", more="parameters = { fails = true }"))
    good, bad = start(path, "good", "--slot", "2026-11-30T11:00:00+01:00"), start(path, "bad", "--json")
    said, told = good.communicate(timeout=120)[0], bad.communicate(timeout=120)[0]
    assert (good.returncode, bad.returncode) == (0, 2), (said, told)
    assert said.splitlines()[-1].startswith("succeeded: ")
    ended = events(tmp_path, TEN, "good")[-1]
    record = json.loads((Path(ended["folder"]) / "run.json").read_text())
    assert record["run_id"] == ended["run_id"]
    assert record["scheduled"] == {"job": "good", "slot": "2026-11-30T10:00:00+00:00"}
    assert "AssertionError: as it was told" in json.loads(told.splitlines()[-1])["problem"]


def test_a_killed_run_is_lost_and_reported_and_the_next_one_goes_on(tmp_path: Path) -> None:
    path = make_home(tmp_path, job_text(more="parameters = { seconds = 60.0 }"))
    child = start(path, "work", "--slot", "2026-11-30T10:00:00Z")
    wait_for(tmp_path / "workspace" / "begun")
    overlapping = start(path, "work", "--slot", "2026-11-30T10:15:00Z")
    said = overlapping.communicate(timeout=60)[0]
    assert overlapping.returncode == 1
    assert f"overlapped: Journal: process {child.pid} on" in said
    child.kill()
    child.communicate()
    shown = CliRunner().invoke(cli, ["schedule", "status", "--file", str(path)], catch_exceptions=False)
    assert shown.exit_code == 1
    assert "2026-11-30 10:00:00 UTC  lost  (by hand)" in shown.output
    assert "2026-11-30 10:15:00 UTC  overlapped" in shown.output
    assert kinds(tmp_path, TEN) == ["claimed", "started", "lost"]
    path.write_text(job_text())
    once_more = start(path, "work", "--slot", "2026-11-30T10:00:00Z", "--again")
    said = once_more.communicate(timeout=120)[0]
    assert once_more.returncode == 0, said


def test_sigterm_ends_a_run_in_order_and_its_slot_says_so(tmp_path: Path) -> None:
    path = make_home(tmp_path, job_text(more="parameters = { seconds = 60.0 }"))
    child = start(path, "work", "--slot", "2026-11-30T10:00:00Z")
    wait_for(tmp_path / "workspace" / "begun")
    child.send_signal(signal.SIGTERM)
    said = child.communicate(timeout=60)[0]
    assert child.returncode == 130, said
    ended = events(tmp_path, TEN)[-1]
    assert (ended["kind"], ended["status"], ended["detail"]) == ("ended", "failed", "The run was stopped: by SIGTERM.")


def test_pause_and_unpause_are_kept_with_name_and_reason(tmp_path: Path) -> None:
    path = make_home(tmp_path, job_text())

    def command(*arguments: str) -> Any:
        return CliRunner().invoke(cli, ["schedule", *arguments, "--file", str(path)], catch_exceptions=False)

    assert command("unpause", "work", "--author", "ada").exit_code == 1
    assert command("pause", "work", "--reason", "stocktaking", "--author", "ada").exit_code == 0
    assert "work: paused by ada" in command("status").output
    assert command("unpause", "work", "--author", "ada").exit_code == 0
    assert "work: next" in command("status").output
    assert job_key(load_schedule(path).jobs["work"]) == JobKey("", "main", "work")


@pytest.mark.parametrize("slot", ["2026-11-30T10:00:00", "tomorrow"])
def test_a_slot_without_a_zone_is_refused(tmp_path: Path, slot: str) -> None:
    path = make_home(tmp_path, job_text())
    done = CliRunner().invoke(cli, ["schedule", "run-now", "work", "--slot", slot, "--file", str(path)])
    assert done.exit_code == 2
    assert "2026-11-30T06:00:00+01:00" in done.output
