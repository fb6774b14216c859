"""Several billers at work on one order: threads, processes, somebody who changes it; and what a transform costs."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from threading import Thread
from time import process_time
from typing import Any

import pytest
from simulator_account import RECORD, Account, open_account, rest_error
from simulator_books import make_books

from nsbill.simulator.books import Books
from nsbill.simulator.errors import Refusal
from nsbill.simulator.request import Request
from nsbill.simulator.routes import Routes
from nsbill.simulator.server import Simulator
from nsbill.simulator.transforms import Transformation, transform


@pytest.fixture
def ns(tmp_path: Path) -> Iterator[Account]:
    with open_account(tmp_path) as account:
        yield account


def test_of_many_billers_at_once_one_wins(ns: Account) -> None:
    ns.simulator.control("preferences", {"concurrency_limit": 20})
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: ns.transform(106, body={"externalId": f"R-{number}"}), range(8)))
    assert sorted(answer.status_code for answer in answers) == [204] + [400] * 7


def copy_order(database: Path, *new: int) -> None:
    """Write order 106 again under new ids."""
    connection = sqlite3.connect(database)
    for table, key, own in (("txn", "id", ("id", "tranid", "externalid")), ("txnline", "txn", ("txn",))):
        names = [row[1] for row in connection.execute(f"PRAGMA table_info({table})") if row[1] not in own]
        rest, number = ", ".join(names), ", tranid" if "tranid" in own else ""
        for order in new:
            values = (order, f"SO{order}") if number else (order,)
            connection.execute(
                f"INSERT INTO {table} ({key}{number}, {rest}) SELECT {', '.join('?' * len(values))}, {rest} "
                f"FROM {table} WHERE {key} = 106",
                values,
            )
    connection.commit()
    connection.close()


def test_a_transform_costs_a_few_milliseconds_of_work(tmp_path: Path) -> None:
    database = make_books(tmp_path / "books.db")
    copy_order(database, *range(1000, 1100))
    books = Books(database)
    routes, took = Routes(books), []
    for order in range(1000, 1100):
        body = json.dumps({"tranDate": "2026-02-10", "externalId": f"INV-{order}"}).encode()
        target = f"{RECORD}/salesOrder/{order}/!transform/invoice"
        request = Request("POST", target, "127.0.0.1", {"content-type": "application/json"}, body)
        begun = process_time()
        assert routes.answer(request, books.preferences()).status == 204
        took.append(process_time() - begun)
    books.close()
    assert median(took) < 0.015  # under 3 ms on the machine where it was written


def test_two_processes_on_the_same_books_bill_every_order_once(tmp_path: Path) -> None:
    database = make_books(tmp_path / "books.db")
    copy_order(database, *range(1000, 1020))
    with Simulator(database) as simulator, second_process(database, tmp_path / "keys.json") as other_url:
        account = Account(simulator)
        simulator.control("preferences", {"concurrency_limit": 20})

        def bill(job: tuple[int, str]) -> int:
            order, url = job
            with account.session() as session:
                target = f"{url}{RECORD}/salesOrder/{order}/!transform/invoice"
                return session.post(target, json={"tranDate": "2026-02-10"}, timeout=30).status_code

        with ThreadPoolExecutor(6) as pool:
            jobs = [(order, url) for order in range(1000, 1020) for url in (simulator.url, other_url)]
            codes = list(pool.map(bill, jobs))
        assert sorted(codes) == [204] * 20 + [400] * 20
        query = "SELECT COUNT(*) n, COUNT(DISTINCT tranid) d FROM transaction WHERE type = 'CustInvc'"
        assert account.rows(query) == [{"n": "22", "d": "22"}]


@contextmanager
def second_process(database: Path, keys: Path) -> Iterator[str]:
    """Serve the books from a process of its own, which must end cleanly; yields its address."""
    root = Path(__file__).parents[1]
    command = [sys.executable, "-m", "nsbill.simulator", str(database), "--credentials-file", str(keys)]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root, env=environment) as process:
        try:
            assert process.stdout is not None
            assert "listens on" in process.stdout.readline()
            yield str(json.loads(keys.read_text())["base_url"])
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
        finally:
            process.kill()


@contextmanager
def other_at_work(books: Books, change: Callable[[Any], None]) -> Iterator[list[Refusal]]:
    """Hold the books, let a biller of order 106 begin, then make a change and let go: the biller finds it changed."""
    refusals: list[Refusal] = []

    def bill() -> None:
        wanted = Transformation("SalesOrd", "106", "CustInvc")
        try:
            transform(
                books, wanted, {"tranDate": "2026-02-10"}, strict_names=True, save=True, preferences=books.preferences()
            )
        except Refusal as refusal:
            refusals.append(refusal)

    with books.writing() as connection:
        biller = Thread(target=bill)
        biller.start()
        biller.join(0.3)  # it has looked at the order and waits for the books
        change(connection)
    biller.join(10)
    yield refusals


@pytest.mark.parametrize(
    "statement,expected",
    [
        (
            "UPDATE txnline SET quantitybilled = 1 WHERE txn = 106 AND line = 1",
            "This transaction has already been processed.",
        ),
        ("UPDATE txn SET memo = 'other' WHERE id = 106", "RCRD_HAS_BEEN_CHANGED: Record has been changed"),
        ("UPDATE txn SET memo = 'other' WHERE id = 107", None),
    ],
)
def test_who_comes_second_learns_that_the_order_was_processed_or_changed(
    tmp_path: Path, statement: str, expected: str | None
) -> None:
    books = Books(make_books(tmp_path / "books.db"))
    with other_at_work(books, lambda connection: connection.execute(statement)) as refusals:
        assert [str(refusal).endswith(str(expected)) for refusal in refusals] == ([True] if expected else [])
    books.close()


def test_a_changed_record_can_be_had_as_a_fault(ns: Account) -> None:
    ns.simulator.control("faults", {"faults": [{"where": "transform", "kind": "changed", "times": 1}]})
    assert rest_error(ns.transform(106))[:2] == (400, "RCRD_HAS_BEEN_CHANGED")
    assert ns.transform(106).status_code == 204
