"""The campaign of faults and kills: a small one each time, the larger ones on both kinds of journal; and that its judge can say no."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from postgres_server import fresh_database, running_postgres

from benchmarks.campaign import Campaign, run_campaign
from benchmarks.campaign_account import fault_rules
from benchmarks.campaign_books import CampaignBooks, make_books
from benchmarks.campaign_judge import judge
from nsbill.billing.journal import Journal

ACCOUNT = "7000001_SB1"


def test_three_hundred_orders_are_billed_once_each_through_faults_and_kills(tmp_path: Path) -> None:
    totals = run_campaign(Campaign(300, 1, 5, 3, "", "careful", unknown_wait=3), tmp_path)
    assert totals.crashed == []
    verdict = totals.verdict
    assert (verdict.doubled, verdict.lost, verdict.unaccounted, verdict.wrong_amount) == ([], [], [], [])
    assert (verdict.creates, verdict.unknown_left, verdict.refused_left) == (300, 0, 0)
    assert totals.kills == 5
    assert totals.faults["transform drop_after_commit"] > 0


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def journal_url(request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "sqlite":
        yield ""
        return
    with running_postgres() as server, fresh_database(server) as url:
        yield url.replace("postgresql://", "postgresql+psycopg://", 1)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_thousand_orders_are_billed_once_each_in_careful_and_careless_accounts(
    tmp_path: Path, journal_url: str
) -> None:
    totals = run_campaign(Campaign(2000, 2, 20, 3, journal_url, "both"), tmp_path)
    assert totals.clean, (totals.verdict, totals.crashed)
    assert (totals.verdict.creates, totals.verdict.unknown_left, totals.kills) == (2000, 0, 20)


def test_the_stated_rates_of_faults_are_at_least_what_is_promised() -> None:
    rates = {str(rule["kind"]): float(str(rule["rate"])) for rule in fault_rules() if rule["where"] == "transform"}
    assert rates["drop_after_commit"] >= 0.02
    assert rates["error_500_before"] >= 0.02
    assert rates["429"] >= 0.03
    assert rates["drop_before"] >= 0.01
    assert rates["slow_before"] + rates["slow_after_commit"] >= 0.01
    assert rates["401"] >= 0.005
    assert rates["locked"] >= 0.005


# The judge reads the books' and the journal's tables itself; these cases show that it finds what it looks for.


@pytest.fixture
def books(tmp_path: Path) -> CampaignBooks:
    return make_books(tmp_path / "books.db", account=ACCOUNT, orders=3, first_id=5001, seed=1, careless=True)


def bill(books: CampaignBooks, order: int, *, total: int | None = None) -> int:
    """Put a bill into the books, as if NetSuite had made it."""
    with closing(sqlite3.connect(books.path)) as connection, connection:
        cursor = connection.execute(
            "INSERT INTO txn (type, tranid, status, subsidiary, currency, trandate, createddate, lastmodifieddate, "
            "createdfrom, total) VALUES ('CustInvc', 'X', 'A', 1, 1, '2026-01-01', '2026-01-01', '2026-01-01', ?, ?)",
            (order, books.due[order] if total is None else total),
        )
        return int(cursor.lastrowid or 0)


def journal_with(folder: Path, states: dict[int, tuple[str, int | None]]) -> str:
    """A journal whose only run planned these orders, each with one event; returns its URL."""
    Journal.in_workspace(folder).close()
    with closing(sqlite3.connect(folder / "journal.db")) as db, db:
        db.execute("PRAGMA foreign_keys = OFF")
        run = {
            "run_id": "r",
            "account": ACCOUNT,
            "started_at": "2026-01-01 00:00:00",
            "fingerprint": "",
            "settings": "",
        }
        _insert(db, "run", {**run, "who": "", "number": 1})
        for position, (order, (kind, record)) in enumerate(states.items()):
            external_id = f"nsbill-INV-{order}-1"
            names = {"run_id": "r", "account": ACCOUNT, "external_id": external_id}
            planned = {"sales_order_id": str(order), "sales_order_number": "", "amazon_order_id": "", "part": 1}
            money = {"transaction_date": "2026-01-01", "currency": "USD", "amount": "1.00"}
            _insert(db, "planned", {**names, **planned, **money, "position": position, "record_type": "invoice"})
            found = None if record is None else str(record)
            _insert(db, "event", {**names, "at": "2026-01-01 00:00:00", "kind": kind, "record_id": found})
    return f"sqlite:///{folder / 'journal.db'}"


def _insert(db: sqlite3.Connection, table: str, values: dict[str, object]) -> None:
    marks = ", ".join("?" for _ in values)
    db.execute(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks})", tuple(values.values()))


def test_books_and_journal_that_agree_are_clean(books: CampaignBooks, tmp_path: Path) -> None:
    url = journal_with(tmp_path, {order: ("created", bill(books, order)) for order in books.due})
    verdict = judge(books, url)
    assert verdict.clean
    assert verdict.creates == 3


def test_a_second_bill_is_doubled_and_the_record_that_the_journal_does_not_know_unaccounted(
    books: CampaignBooks, tmp_path: Path
) -> None:
    url = journal_with(tmp_path, {order: ("created", bill(books, order)) for order in books.due})
    order = min(books.due)
    second = bill(books, order)
    verdict = judge(books, url)
    assert [text.split(" is billed")[0] for text in verdict.doubled] == [f"order {order}"]
    assert verdict.unaccounted == [f"record {second} of order {order}"]


def test_an_order_without_a_record_is_lost_unless_the_journal_says_why(books: CampaignBooks, tmp_path: Path) -> None:
    first, second, third = books.due
    verdict = judge(books, journal_with(tmp_path, {first: ("rejected", None), second: ("unknown", None)}))
    assert verdict.lost == [f"order {third} has no record, and the journal says nothing"]
    assert (verdict.refused_left, verdict.unknown_left, verdict.refused) == (1, 1, 1)


def test_a_record_that_only_the_journal_has_is_lost(books: CampaignBooks, tmp_path: Path) -> None:
    url = journal_with(tmp_path, dict.fromkeys(books.due, ("created", 999999)))
    assert len(judge(books, url).lost) == 3


def test_another_amount_and_an_order_in_no_table_are_found(books: CampaignBooks, tmp_path: Path) -> None:
    url = journal_with(tmp_path, {order: ("created", bill(books, order, total=1)) for order in books.due})
    verdict = judge(books, url, listed=["5001", "5002"], shown=["5001"])
    assert len(verdict.wrong_amount) == 3
    assert verdict.unaccounted == ["order 5002 is in no table"]
    assert not verdict.clean
