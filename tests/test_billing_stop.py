"""Ctrl-C and SIGTERM on a real process: what is in flight is finished, the exit code is 130, and resume does the rest."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from demo_company import Company, demo_company

from nsbill.billing.journal import OPEN_STATES, Journal
from nsbill.cli.connection import announced

SEARCH = "customsearch_nsbill_orders_to_bill"
_MAIN = "from nsbill.cli import main; main()"


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Company]:
    with demo_company(tmp_path, orders=60) as made, announced(made.simulator, made.workspace):
        with made.desk() as desk:
            desk.save_settings(saved_search=SEARCH)
        yield made


def nsbill(company: Company, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", _MAIN, *words, "--workspace", str(company.workspace)]
    environment = {**os.environ, **company.environment}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ours(company: Company) -> tuple[int, int, int]:
    """How many records nsbill made, of how many orders, with how many external ids; by the simulator's own books."""
    with closing(sqlite3.connect(company.workspace / "simulator.db")) as books:
        row: tuple[int, int, int] = books.execute(
            "SELECT COUNT(*), COUNT(DISTINCT createdfrom), COUNT(DISTINCT externalid) FROM txn "
            "WHERE externalid LIKE 'nsbill%'"
        ).fetchone()
    return row


def wait_for(what: Callable[[], bool], child: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 60
    while not what():
        assert child.poll() is None, child.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_run_finishes_what_is_in_flight_and_resume_does_the_rest(
    company: Company, number: signal.Signals
) -> None:
    company.simulator.control("latency", {"latency_ms": 100})
    child = nsbill(company, "bill", "--yes")
    wait_for(lambda: ours(company)[0] >= 3, child)
    child.send_signal(number)
    output, told = child.communicate(timeout=60)
    assert child.returncode == 130, told
    assert "Stopping: finishing what is in flight." in told
    assert "Next: nsbill resume" in output

    journal = Journal.in_workspace(company.workspace)
    run_id = journal.last_run("9000001_SB1")
    assert run_id is not None
    states = [entry.state for entry in journal.entries(run_id)]
    journal.close()
    made = ours(company)
    assert not OPEN_STATES & {*states}, "nothing is left without an outcome"
    assert states.count("created") == made[0] < len(states)
    assert {*states} <= {"created", "absent", None}, "what waited for its slot was not sent, and the journal says so"

    company.simulator.control("latency", {"latency_ms": 0})
    again = nsbill(company, "resume")
    output, told = again.communicate(timeout=120)
    assert again.returncode == 0, told
    assert f"{len(states)} created" in output
    assert ours(company) == (len(states), len(states), len(states))


def test_a_signal_while_the_plan_is_made_creates_nothing(company: Company) -> None:
    company.simulator.control("latency", {"latency_ms": 300})

    def asked() -> bool:
        counted = company.simulator.control("statistics")["requests"]
        assert isinstance(counted, dict)
        return int(counted.get("restlet", 0)) > 0

    company.simulator.control("statistics", {"reset": True})
    child = nsbill(company, "bill", "--yes")
    wait_for(asked, child)
    child.send_signal(signal.SIGTERM)
    _, told = child.communicate(timeout=60)
    assert child.returncode == 130, told
    assert "Nothing was created." in told
    assert ours(company) == (0, 0, 0)
