"""A run that is really killed (SIGKILL) and resumed bills each order once; judged by the simulator's own books."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from demo_company import Company, demo_company

SEARCH = "customsearch_nsbill_orders_to_bill"
_CHILD = """
import sys
from nsbill.desk import Desk
with Desk.open(sys.argv[1]) as desk:
    desk.bill(desk.preview())
"""


def ours(company: Company) -> tuple[int, int, int]:
    """How many records nsbill made, of how many orders, with how many external ids."""
    with closing(sqlite3.connect(company.workspace / "simulator.db")) as books:
        row: tuple[int, int, int] = books.execute(
            "SELECT COUNT(*), COUNT(DISTINCT createdfrom), COUNT(DISTINCT externalid) FROM txn "
            "WHERE externalid LIKE 'nsbill%'"
        ).fetchone()
    return row


def kill_after(company: Company, records: int, environment: dict[str, str]) -> None:
    """Start a billing run in another process and kill it when NetSuite has so many of its records."""
    child = subprocess.Popen([sys.executable, "-c", _CHILD, str(company.workspace)], env={**os.environ, **environment})
    deadline = time.monotonic() + 60
    while ours(company)[0] < records and child.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    assert child.poll() is None, "the run ended before it was killed"
    child.send_signal(signal.SIGKILL)
    child.wait()


@pytest.mark.slow
@pytest.mark.parametrize("fault", [None, "drop_after_commit"])
def test_killed_in_the_middle_and_resumed_every_order_is_billed_once(
    tmp_path: Path, fault: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NSBILL_UNKNOWN_WAIT", "1")
    with demo_company(tmp_path, orders=100, latency_ms=20) as company:
        with company.desk() as desk:
            desk.save_settings(saved_search=SEARCH)
            planned = len(desk.preview().to_bill)
        if fault:
            rule = {"where": "transform", "kind": fault, "rate": 0.2}
            company.simulator.control("faults", {"faults": [rule], "seed": 5})
        kill_after(company, 7, {**company.environment, "NSBILL_UNKNOWN_WAIT": "1"})
        time.sleep(0.5)  # what the server had begun, it finishes
        company.simulator.control("faults", {"faults": [], "seed": 1})
        with company.desk() as desk:
            before = ours(company)[0]
            assert 7 <= before < planned
            result = desk.resume()
            assert result.complete
            assert result.differences == ()
            assert ours(company) == (planned, planned, planned)
            assert len(desk.preview().to_bill) == 0
            assert desk.resume().complete  # resuming what is finished does nothing
            assert ours(company) == (planned, planned, planned)


@pytest.mark.slow
def test_two_runs_at_once_bill_each_order_once(tmp_path: Path) -> None:
    with demo_company(tmp_path, orders=100, latency_ms=5) as company:
        with company.desk() as desk:
            desk.save_settings(saved_search=SEARCH)
            planned = len(desk.preview().to_bill)
        command = [sys.executable, "-c", _CHILD, str(company.workspace)]
        environment = {**os.environ, **company.environment}
        both = [subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) for _ in range(2)]
        told = [child.communicate(timeout=120)[1] for child in both]
        assert ours(company) == (planned, planned, planned)
        for child, text in zip(both, told, strict=True):
            assert child.returncode == 0 or "has been billing account" in text or "Nothing was billed" in text
