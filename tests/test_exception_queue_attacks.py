"""The exception queue under attack, on SQLite and on a real PostgreSQL: processes at once, kills, older journals, size."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa
from postgres_server import OF_THE_SERVER, fresh_database
from queue_tables import ACCOUNT, TODAY, day, order_number, stands, take

from nsbill.billing.journal import Journal
from nsbill.billing.journal_opening import journal_url
from nsbill.billing.journal_queue_tables import QUEUE_TABLES
from nsbill.billing.journal_tables import VERSION
from nsbill.errors import JournalError
from nsbill.exception_queue import ExceptionQueue
from nsbill.schemas import EXCEPTIONS
from nsbill.vocabulary import ExceptionState

pytest_plugins = ("journal_databases",)
pytestmark = [*OF_THE_SERVER]

CHILD = Path(__file__).with_name("queue_child.py")


@pytest.fixture
def queue(journal: Journal) -> ExceptionQueue:
    return ExceptionQueue(journal, account=ACCOUNT, seller_account="main")


def child(what: str, url: str) -> subprocess.Popen[str]:
    command = [sys.executable, str(CHILD), what, url]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def at_once(*children: subprocess.Popen[str]) -> list[str]:
    """Let children begin at the same moment; what each printed."""
    for one in children:
        assert one.stdout is not None
        assert one.stdout.readline() == "ready\n"
    for one in children:
        assert one.stdin is not None
        one.stdin.write("go\n")
        one.stdin.flush()
    answers = [one.communicate(timeout=120) for one in children]
    assert [one.returncode for one in children] == [0] * len(children), answers
    return [out for out, _ in answers]


def rows_of(journal: Journal) -> dict[str, int]:
    """How many rows each table of the queue has."""
    with journal._engine.connect() as db:
        return {t.name: db.execute(sa.select(sa.func.count()).select_from(t)).scalar_one() for t in QUEUE_TABLES}


def test_processes_that_take_the_same_in_at_once_write_every_event_once(
    url: str, journal: Journal, queue: ExceptionQueue
) -> None:
    seen = at_once(*(child("take", url) for _ in range(3)))
    assert sorted(map(int, seen)) == [0, 0, 200]
    assert rows_of(journal) == {"queue_taking": 3, "queue_item": 200, "queue_event": 200}
    assert len(queue.frame()) == 200


def test_people_and_reconciliations_at_once_lose_nothing(url: str, journal: Journal, queue: ExceptionQueue) -> None:
    take(queue, "11-01", "\n".join(f"short {number} 1.00" for number in range(1, 201)))
    at_once(child("assign", url), child("take", url), child("assign", url))
    frame = queue.frame()
    assert frame["owner"].notna().sum() == 50
    assert list(frame["amount"]) == [Decimal(f"{number}.00") for number in range(1, 201)]
    # amount of the first is the same; each of fifty is assigned once, by whoever came first
    assert rows_of(journal)["queue_event"] == 200 + 199 + 50


def test_a_kill_between_batches_leaves_the_queue_as_it_was(url: str, journal: Journal, queue: ExceptionQueue) -> None:
    take(queue, "11-01", "short 1 7.00; over 1 2.00")
    before = rows_of(journal)
    with child("hang", url) as killed:
        assert killed.stdout is not None
        assert killed.stdout.readline() == "half\n"
        killed.send_signal(signal.SIGKILL)
    assert rows_of(journal) == before
    assert take(queue, "11-05", "short 1 8.00; over 3 2.00").events == {"changed": 1, "gone": 1, "seen": 1}
    assert stands(queue) == ["E-1 2.00 resolved gone", "E-2 8.00 open", "E-3 2.00 open"]


def test_the_life_of_an_exception_is_the_same_on_every_database(queue: ExceptionQueue) -> None:
    take(queue, "11-01", "short 1 10.00; odd ä/1 1.00 JPY")
    queue.assign(["E-1", "E-2"], owner="ann", by="bob")
    queue.mark(["E-1"], ExceptionState.CLOSED, by="ann", reason="€ booked")
    take(queue, "11-02", "odd ä/1 1.00 JPY")
    take(queue, "11-03", "short 1 10.00; odd ä/1 2.00 JPY")
    assert not take(queue, "11-02", "").taken
    with pytest.raises(JournalError, match="the queue has no E-3"):
        queue.note(["E-1", "E-3"], text="x", by="ann")
    assert stands(queue) == ["E-1 2.00 open", "E-2 10.00 open"]
    assert [event["kind"] for event in queue.history("E-1")[0]] == ["seen", "assigned", "state", "re-opened"]
    assert [event["kind"] for event in queue.history("E-2")[0]] == ["seen", "assigned", "gone", "re-opened"]
    row = queue.one("E-1")
    assert (row["reference"], row["note"], row["first_seen"]) == ("ä/1", "€ booked", day("11-01"))


def test_the_database_itself_refuses_to_change_or_remove_what_the_queue_says(
    journal: Journal, queue: ExceptionQueue
) -> None:
    take(queue, "11-01", "short 1 10.00")
    for statement in (
        "UPDATE queue_event SET amount = '0.00'",
        "DELETE FROM queue_event",
        "UPDATE queue_item SET currency = 'EUR'",
        "DELETE FROM queue_taking",
    ):
        with pytest.raises(sa.exc.DBAPIError, match="append-only"), journal._engine.begin() as db:
            db.execute(sa.text(statement))
    events = QUEUE_TABLES[2]
    twice = {"item_id": 1, "follows": 0, "at": journal.now(), "who": "x", "kind": "note"}
    with pytest.raises(sa.exc.IntegrityError), journal._engine.begin() as db:
        db.execute(events.insert(), twice)


def as_version_2(engine: sa.Engine) -> None:
    """Make a journal what version 2 wrote: the same without the queue."""
    with engine.begin() as db:
        for table in reversed(QUEUE_TABLES):
            db.execute(sa.text(f"DROP TABLE {table.name}"))
        db.execute(sa.text("UPDATE journal_meta SET version = 2"))


def test_a_journal_of_version_2_gets_the_queue_and_keeps_every_word(url: str) -> None:
    old = Journal.open(url)
    old.decide(ACCOUNT, "1", "exclude", reason="x", author="ann")
    as_version_2(old._engine)
    old.close()
    book = Journal.open(url)
    assert list(book.excluded(ACCOUNT)) == ["1"]
    queue = ExceptionQueue(book, account=ACCOUNT, seller_account="main")
    assert take(queue, "11-01", "short 1 10.00").events == {"seen": 1}
    for statement in ("DELETE FROM queue_event", "DELETE FROM decision"):
        with pytest.raises(sa.exc.DBAPIError, match="append-only"), book._engine.begin() as db:
            db.execute(sa.text(statement))
    with book._engine.connect() as db:
        assert db.execute(sa.text("SELECT version FROM journal_meta")).scalar_one() == VERSION
    book.close()


def test_processes_that_open_a_journal_of_version_2_at_once_all_find_the_queue(url: str) -> None:
    old = Journal.open(url)
    as_version_2(old._engine)
    old.close()
    children = [child("open", url) for _ in range(3)]
    told = [one.communicate(timeout=120)[1] for one in children]
    assert [one.returncode for one in children] == [0, 0, 0], told


def test_a_migration_that_is_cut_off_leaves_version_2_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = Journal.open(tmp_path)
    as_version_2(old._engine)
    old.close()

    def killed(db: sa.Connection) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("nsbill.billing.journal_opening._refuse_changes", killed)
        with pytest.raises(KeyboardInterrupt):
            Journal.open(tmp_path)
    with sqlite3.connect(tmp_path / "journal.db") as db:
        tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE name LIKE 'queue%'")}
        assert (tables, db.execute("SELECT version FROM journal_meta").fetchone()) == (set(), (2,))
    db.close()
    Journal.open(tmp_path).close()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_hundred_thousand_exceptions_are_taken_in_whole(journal: Journal, queue: ExceptionQueue) -> None:
    def found(amount: str, first: int) -> Iterator[dict[str, object]]:
        for number in range(first, first + 100_000):
            yield {
                "exception_class": "SHORT_SETTLED", "seller_account": "main", "amazon_order_id": order_number(number),
                "currency": "USD", "amount": Decimal(amount), "evidence": f"line {number}", "action": "Look at it.",
            }  # fmt: skip

    first = queue.take_in(EXCEPTIONS.frame(list(found("1.00", 0))), as_of=TODAY, today=TODAY)
    assert first.events == {"seen": 100_000}
    second = queue.take_in(EXCEPTIONS.frame(list(found("1.00", 30_000))), as_of=TODAY, today=TODAY)
    assert second.events == {"seen": 30_000, "gone": 30_000}
    assert rows_of(journal) == {"queue_taking": 2, "queue_item": 130_000, "queue_event": 160_000}
    assert queue.frame()["state"].value_counts().to_dict() == {"open": 100_000, "resolved": 30_000}


@pytest.mark.postgres
def test_a_queue_is_of_the_servers_clock(server: str) -> None:
    with fresh_database(server) as url:
        assert journal_url(url).get_backend_name() == "postgresql"
        book = Journal.open(url)
        queue = ExceptionQueue(book, account=ACCOUNT, seller_account="main")
        before = book.now()
        take(queue, "11-01", "short 1 10.00")
        assert before <= queue.history("E-1")[0][0]["at"] <= book.now()
        book.close()
