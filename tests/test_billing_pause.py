"""A run that is paused starts no more creates, keeps its account, and goes on, stops or dies like one that was not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from demo_company import Company, demo_company

from nsbill.billing import run as run_module
from nsbill.billing.brake import Brake, is_paused
from nsbill.billing.journal import OPEN_STATES, Journal
from nsbill.billing.journal_lease import Lease
from nsbill.billing.run import NOT_STARTED, RunResult
from nsbill.errors import JournalError
from nsbill.show.panels_state import BillingState

_ACCOUNT = "9000001_SB1"
_CHILD = """
import sys, time
from nsbill.billing.brake import Brake
from nsbill.desk import Desk
brake = Brake()
def progress(done, total, note=""):
    if done >= 3 and not brake.paused:
        brake.pause()
        print("paused", flush=True)
with Desk.open(sys.argv[1]) as desk:
    desk.bill(desk.preview(), stop=brake, progress=progress)
"""


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Company]:
    with demo_company(tmp_path, orders=60) as made:
        made.simulator.control("latency", {"latency_ms": 60})
        yield made


def wait_for(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def at_rest(company: Company) -> dict[str, int]:
    """The books, once what was begun before the pause has its outcome; nothing more may come then."""
    wait_for(lambda: not OPEN_STATES & {*states(company)})
    time.sleep(0.3)  # a create that had passed its last look at the brake may have been on its way
    wait_for(lambda: not OPEN_STATES & {*states(company)})
    before = company.bills()
    time.sleep(1)
    assert company.bills() == before, "something was created during the pause"
    return before


def states(company: Company) -> list[str | None]:
    journal = Journal.in_workspace(company.workspace)
    run_id = journal.last_run(_ACCOUNT)
    assert run_id is not None
    found = [entry.state for entry in journal.entries(run_id)]
    journal.close()
    return found


@contextmanager
def paused_run(company: Company) -> Iterator[tuple[BillingState, threading.Thread, dict[str, int]]]:
    """A run of everything that waits, paused after three creates; with the books as they were before."""
    with company.desk() as desk:
        desk.settings = desk.client.settings = desk.settings.model_copy(update={"slots": 1})
        state = BillingState(desk)
        state.preview()
        state.confirmed = True
        before = company.bills()
        state.observe(lambda change: state.pause() if change["new"] >= 3 else None, "done")
        at_work = threading.Thread(target=state.create, daemon=True)
        at_work.start()
        try:
            wait_for(lambda: state.paused)
            state.unobserve_all("done")
            yield state, at_work, before
        finally:
            state.stop()
            at_work.join(60)


def made(company: Company, before: dict[str, int]) -> dict[str, int]:
    after = company.bills()
    return {order: after[order] - before.get(order, 0) for order in after if after[order] != before.get(order, 0)}


def test_a_paused_run_creates_nothing_keeps_the_account_and_goes_on_with_the_same_plan(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_module, "_RENEW_EVERY", 0.1)
    renewed: list[float] = []
    renew = Lease.renew

    def noted(lease: Lease) -> None:
        renewed.append(time.monotonic())
        renew(lease)

    monkeypatch.setattr(Lease, "renew", noted)
    with paused_run(company) as (state, at_work, before):
        rest, since = at_rest(company), time.monotonic()
        assert 3 <= len(made(company, before)) <= 6, "one was in flight; the others that queued were not sent"
        assert not OPEN_STATES & {*states(company)}, "what was in flight has its outcome, what queued was taken back"
        assert "Paused at" in state.progress_sentence
        assert (state.creating, state.stopping) == (True, False)
        assert state.pause_blockers == ["The run is paused already."]
        wait_for(lambda: sum(when > since for when in renewed) >= 3)
        with company.desk() as another, pytest.raises(JournalError, match="has been billing account"):
            another.bill(another.preview())
        assert company.bills() == rest
        state.go_on()
        at_work.join(60)
        assert not at_work.is_alive()
        assert (state.error, state.paused) == ("", False)
        assert state.plan is not None
        assert state.result is not None
        refused = {*state.outcomes.loc[state.outcomes["outcome"] == "rejected", "sales_order_id"]}
        assert made(company, before) == dict.fromkeys({*state.plan.to_bill["sales_order_id"]} - refused, 1)
        assert state.result.complete or refused


def test_a_stop_ends_a_pause_and_finish_creates_the_rest_once(company: Company) -> None:
    with paused_run(company) as (state, at_work, before):
        at_rest(company)
        state.stop()
        at_work.join(60)
        assert (state.paused, state.stopping, state.creating) == (False, True, False)
        result: RunResult | None = state.result
        assert result is not None
        assert result.count("created") == len(made(company, before)) < len(result.outcomes)
        assert result.count(NOT_STARTED) + result.count("absent") > 0
        state.pause()
        assert not state.paused, "there is nothing to pause any more"
        state.finish()
        assert state.error == ""
        assert {*made(company, before).values()} == {1}
        assert state.result is not None
        assert len(made(company, before)) == len(result.outcomes) - state.result.count("rejected")


def test_a_process_that_is_killed_while_paused_leaves_no_open_create_and_resume_does_the_rest(company: Company) -> None:
    before = company.bills()
    child = subprocess.Popen(
        [sys.executable, "-c", _CHILD, str(company.workspace)],
        env={**os.environ, **company.environment},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "paused\n"
    at_rest(company)
    child.send_signal(signal.SIGKILL)
    child.communicate(timeout=30)
    assert {*states(company)} <= {"created", "rejected", "absent", None}
    with company.desk() as desk:
        result = desk.resume()
        assert result.count("created") == len(result.outcomes) - result.count("rejected")
    assert {*made(company, before).values()} == {1}
    assert len(made(company, before)) == result.count("created")


def test_a_brake_is_let_go_by_a_stop_and_cannot_be_pulled_after_it() -> None:
    brake = Brake()
    assert not is_paused(brake)
    assert not is_paused(threading.Event())
    brake.pause()
    assert is_paused(brake)
    waiting = threading.Thread(target=brake.wait_while_paused)
    waiting.start()
    assert waiting.is_alive()
    brake.set()
    waiting.join(10)
    assert not waiting.is_alive()
    brake.pause()
    assert (brake.paused, brake.is_set()) == (False, True)
