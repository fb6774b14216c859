"""A run that is really killed (SIGKILL) and resumed bills each order once; judged by the simulator's own books.

``crash_child`` holds the processes that die at a step. The account that is billed here refuses nothing: a bill can be
made a second time, and external ids are dropped, so that only the protocol keeps an order from being billed twice.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from crash_child import Crash, Crasher
from demo_company import Company, demo_company

from benchmarks.campaign_books import CampaignBooks, make_books
from benchmarks.campaign_judge import judge
from nsbill.credentials import TokenCredentials
from nsbill.desk import Desk
from nsbill.settings import load_settings, save_settings
from nsbill.simulator.server import Simulator

SEARCH = "customsearch_nsbill_orders_to_bill"
ORDERS = 8
KILLED = -9
SECRETS = ("consumer_key", "consumer_secret", "token_id", "token_secret")
LOST_ANSWERS = [{"where": "transform", "kind": "drop_after_commit", "times": 2}]
NEVER_ARRIVED = [{"where": "transform", "kind": "drop_before", "times": 2}]
LOCKED = [{"where": "transform", "kind": "locked", "times": 2}]
_CHILD = """
import sys
from nsbill.desk import Desk
with Desk.open(sys.argv[1]) as desk:
    desk.bill(desk.preview())
"""


@pytest.fixture(scope="module")
def crasher() -> Iterator[Crasher]:
    with Crasher() as running:
        yield running


@pytest.fixture(scope="module", params=["careless"])
def template(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> CampaignBooks:
    return make_books(
        tmp_path_factory.mktemp("template") / "books.db",
        account="7000001_SB1",
        orders=ORDERS,
        first_id=5001,
        seed=3,
        careless=request.param == "careless",
    )


@dataclass(frozen=True)
class Firm:
    """Books of their own for one test, an account that serves them, and a workspace."""

    books: CampaignBooks
    simulator: Simulator
    workspace: Path
    environment: dict[str, str]

    def desk(self) -> Desk:
        keys = {name: self.environment[f"NSBILL_{name.upper()}"] for name in SECRETS}
        return Desk(self.workspace, load_settings(self.workspace), TokenCredentials.of(keys))

    def fault(self, rules: list[dict[str, Any]]) -> None:
        self.simulator.control("faults", {"faults": rules, "seed": 1})

    def quiet(self) -> None:
        """Wait until the account has finished what the killed process began."""
        until = time.monotonic() + 10
        while self.simulator.control("statistics")["in_flight"] and time.monotonic() < until:
            time.sleep(0.01)

    def finish(self) -> None:
        """Do what a person does after a crash: look up, resume the run if there is one, bill what is left."""
        self.fault([])
        with self.desk() as desk:
            if desk.journal.last_run(desk.settings.account):
                desk.resume()
            desk.settle_open()
            rest = desk.preview()
            if len(rest.to_bill):
                assert desk.bill(rest).complete
            assert not desk.journal.open_entries(desk.settings.account)

    def assert_each_order_is_billed_once(self) -> None:
        verdict = judge(self.books, f"sqlite:///{self.workspace / 'journal.db'}")
        assert (verdict.doubled, verdict.lost, verdict.unaccounted, verdict.wrong_amount) == ([], [], [], [])
        assert (verdict.creates, verdict.unknown_left, verdict.refused_left) == (ORDERS, 0, 0)


@pytest.fixture
def firm(template: CampaignBooks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Firm]:
    monkeypatch.setenv("NSBILL_UNKNOWN_WAIT", "1")
    shutil.copyfile(template.path, tmp_path / "books.db")
    with Simulator(tmp_path / "books.db") as simulator:
        keys = simulator.credentials()
        plain = {name: value for name, value in keys.items() if name not in SECRETS and name != "client_id"}
        save_settings(tmp_path, {**plain, "cash_sale_flow": True})
        environment = {f"NSBILL_{name.upper()}": keys[name] for name in SECRETS} | {"NSBILL_UNKNOWN_WAIT": "1"}
        yield Firm(replace(template, path=tmp_path / "books.db"), simulator, tmp_path, environment)


STEPS = [Crash(step, number, when) for step, number in (
    ("start_run", 1), ("intend", 1), ("intend", 5), ("create", 1), ("create", 5),
    ("record", 1), ("record", 5), ("record", 8), ("note", 1), ("look", 1),
) for when in ("before", "after")]  # fmt: skip


@pytest.mark.parametrize("crash", STEPS, ids=str)
def test_killed_between_two_steps_and_finished_every_order_is_billed_once(
    firm: Firm, crasher: Crasher, crash: Crash
) -> None:
    assert crasher.run(crash, str(firm.workspace), firm.environment) == KILLED
    firm.quiet()
    firm.finish()
    firm.assert_each_order_is_billed_once()


AFTER_FAULTS = [
    # what went wrong | where the process dies: record 1 and 2 of an order without answer are unknown and what was found
    (LOST_ANSWERS, Crash("record", 1, "before")),
    (LOST_ANSWERS, Crash("record", 1, "after")),
    (LOST_ANSWERS, Crash("look", 1, "before")),
    (LOST_ANSWERS, Crash("look", 1, "after")),
    (NEVER_ARRIVED, Crash("record", 1, "after")),
    (NEVER_ARRIVED, Crash("look", 2, "after")),
    (NEVER_ARRIVED, Crash("record", 9, "before")),
    (NEVER_ARRIVED, Crash("create", 9, "after")),
    (LOCKED, Crash("look", 1, "after")),
]


@pytest.mark.parametrize("rules, crash", AFTER_FAULTS, ids=str)
def test_killed_while_an_unclear_answer_is_looked_up_every_order_is_billed_once(
    firm: Firm, crasher: Crasher, rules: list[dict[str, Any]], crash: Crash
) -> None:
    firm.fault(rules)
    assert crasher.run(crash, str(firm.workspace), firm.environment) == KILLED
    firm.quiet()
    firm.finish()
    firm.assert_each_order_is_billed_once()


IN_RESUME = [Crash(step, number, when, work="resume") for step, number in (
    ("note", 1), ("look", 1), ("record", 1), ("intend", 1), ("create", 1), ("record", 3),
) for when in ("before", "after")]  # fmt: skip


@pytest.mark.parametrize("crash", IN_RESUME, ids=str)
def test_killed_again_while_it_is_resumed_every_order_is_billed_once(
    firm: Firm, crasher: Crasher, crash: Crash
) -> None:
    one_by_one = firm.environment | {"NSBILL_SLOTS": "1"}  # so that something is left to do after the first death
    firm.fault(LOST_ANSWERS)
    assert crasher.run(Crash("create", 3, "after"), str(firm.workspace), one_by_one) == KILLED
    firm.quiet()
    assert crasher.run(crash, str(firm.workspace), one_by_one) == KILLED
    firm.quiet()
    firm.finish()
    firm.assert_each_order_is_billed_once()


@pytest.mark.parametrize("template", ["careless", "careful"], indirect=True)
@pytest.mark.parametrize("seed", range(3))
def test_killed_three_times_at_random_every_order_is_billed_once(firm: Firm, crasher: Crasher, seed: int) -> None:
    rng = Random(seed)
    firm.fault([
        {"where": "transform", "kind": kind, "rate": "0.1"} for kind in ("drop_after_commit", "drop_before", "429")
    ])  # fmt: skip
    for work in ("bill", "resume", "bill"):
        crash = Crash(seconds=rng.uniform(0.01, 0.6), work=work)
        assert crasher.run(crash, str(firm.workspace), firm.environment) in {KILLED, 0, 3}
        firm.quiet()
    firm.finish()
    firm.assert_each_order_is_billed_once()


def ours(company: Company) -> tuple[int, int, int]:
    """How many records nsbill made, of how many orders, with how many external ids."""
    with closing(sqlite3.connect(company.workspace / "simulator.db")) as books:
        row: tuple[int, int, int] = books.execute(
            "SELECT COUNT(*), COUNT(DISTINCT createdfrom), COUNT(DISTINCT externalid) FROM txn "
            "WHERE externalid LIKE 'nsbill%'"
        ).fetchone()
    return row


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
