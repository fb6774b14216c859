"""The journal under attack, on SQLite and on a real PostgreSQL: many processes, kills, lost leases, clocks, wrong files."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from billing_tables import orders
from postgres_server import OF_THE_SERVER, fresh_database

from nsbill.billing import journal as journal_module
from nsbill.billing import journal_entries, journal_lease
from nsbill.billing.journal import Journal
from nsbill.billing.journal_opening import journal_url
from nsbill.billing.plan import Plan, build_plan
from nsbill.billing.story import told
from nsbill.errors import JournalError, LeaseLost, SettingsError
from nsbill.schemas import BILLING_RECORDS, PLAN_SKIPPED
from nsbill.settings import Settings, save_settings
from nsbill.vocabulary import Outcome

pytest_plugins = ("journal_databases",)
pytestmark = [*OF_THE_SERVER]

CHILD = Path(__file__).with_name("journal_child.py")
ACCOUNT = "1_SB1"


def plan_of(number: int) -> Plan:
    lines = [f"{i} | {i} | F | 10.00" for i in range(1, number + 1)]
    return build_plan(
        orders("\n".join(["id | amazon | status | total", *lines])),
        PLAN_SKIPPED.frame(),
        BILLING_RECORDS.frame(),
        settings=Settings(account=ACCOUNT),
        status_effective=("F",),
        today=date(2026, 11, 1),
    )


def child(what: str, url: str, run_id: str = "") -> subprocess.Popen[str]:
    command = [sys.executable, str(CHILD), what, url, run_id]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_of_processes_that_intend_the_same_records_at_once_exactly_one_gets_each(url: str, journal: Journal) -> None:
    run_id = journal.start_run(plan_of(40), "{}")
    children = [child("intend_all", url, run_id) for _ in range(4)]
    for one in children:
        assert one.stdout is not None
        assert one.stdout.readline() == "ready\n"
    for one in children:
        assert one.stdin is not None
        one.stdin.write("go\n")
        one.stdin.flush()
    answers = [one.communicate(timeout=60) for one in children]
    assert [one.returncode for one in children] == [0, 0, 0, 0], answers
    got = [line for out, _ in answers for line in out.split()]
    assert sorted(got) == sorted(entry.bill.external_id for entry in journal.entries(run_id))
    assert [event["kind"] for event in journal.events()] == ["intent"] * 40


def test_processes_that_open_a_new_journal_at_once_all_find_it_whole(url: str) -> None:
    children = [child("open", url) for _ in range(4)]
    told_by = [one.communicate(timeout=60)[1] for one in children]
    assert [one.returncode for one in children] == [0, 0, 0, 0], told_by
    book = Journal.open(url)
    assert book.runs() == []
    book.close()


def test_a_process_killed_in_the_middle_of_a_transaction_leaves_nothing_behind(url: str, journal: Journal) -> None:
    run_id = journal.start_run(plan_of(1), "{}")
    with child("hang", url, run_id) as killed:
        assert killed.stdout is not None
        assert killed.stdout.readline() == "written\n"
        killed.send_signal(signal.SIGKILL)
    bill = journal.entries(run_id)[0].bill
    assert bill.external_id == "nsbill-INV-1-1"
    assert journal.intend(run_id, bill) is None, "its intent was never committed"
    assert journal.intend(run_id, bill) == "intent"
    assert len(journal.events()) == 1


def test_a_run_that_lost_its_lease_intends_nothing_more_and_its_outcomes_are_written(journal: Journal) -> None:
    with journal.lease(ACCOUNT, seconds=-1) as old:
        run_id = journal.start_run(plan_of(2), "{}", fence=old.token)
        first, second = (entry.bill for entry in journal.entries(run_id))
        assert journal.intend(run_id, first, fence=old.token) is None
        with journal.lease(ACCOUNT) as new:
            assert new.token == old.token + 1
            with pytest.raises(LeaseLost, match=rf"taken over account {ACCOUNT} \(process \d+ on .*nsbill resume"):
                journal.intend(run_id, second, fence=old.token)
            with pytest.raises(LeaseLost):
                journal.start_run(plan_of(1), "{}", fence=old.token)
            with pytest.raises(LeaseLost):
                old.renew()
            journal.record(run_id, first.external_id, Outcome.UNKNOWN, fence=new.token)
            journal.record(run_id, first.external_id, Outcome.CREATED, "77", fence=old.token)
            assert journal.intend(run_id, second, fence=new.token) is None
    states = {e.bill.external_id: (e.state, e.fence, e.record_id) for e in journal.entries(run_id)}
    assert states[first.external_id] == ("created", old.token, "77")
    assert states[second.external_id] == ("intent", new.token, None)
    story = "\n".join(told(journal.history(order=first.sales_order_id)))
    assert f"took account {ACCOUNT} over (lease {new.token}) from process" in story
    assert f"[late: its run held lease {old.token}, and lease {new.token} was in force]" in story


def test_the_lease_of_a_run_that_works_on_is_refused_to_a_second_one_in_words(journal: Journal) -> None:
    with journal.lease(ACCOUNT) as lease:
        lease.renew()
        with (
            pytest.raises(
                JournalError, match=r"since .* UTC; its lease lasts until .* plan, journal and reconcile work"
            ),
            journal.lease(ACCOUNT),
        ):
            pass
    with journal.lease(ACCOUNT) as later:
        assert later.token == lease.token + 1
        assert journal.intend(journal.start_run(plan_of(1), "{}"), plan_bill(journal), fence=later.token) is None


def plan_bill(journal: Journal) -> journal_module.PlannedBill:
    run_id = journal.last_run(ACCOUNT)
    assert run_id is not None
    return journal.entries(run_id)[0].bill


def test_threads_that_write_at_once_each_get_their_own_answer(journal: Journal) -> None:
    with journal.lease(ACCOUNT, seconds=-1) as old, journal.lease(ACCOUNT) as new:
        run_id = journal.start_run(plan_of(30), "{}", fence=new.token)
        bills = [entry.bill for entry in journal.entries(run_id)] * 2

        def work(job: tuple[int, journal_module.PlannedBill]) -> str:
            index, bill = job
            try:
                before = journal.intend(run_id, bill, fence=old.token if index % 5 == 0 else new.token)
            except LeaseLost:
                return "lost"
            return before or "got"

        with ThreadPoolExecutor(12) as pool:
            answers = list(pool.map(work, enumerate(bills)))
    assert answers.count("lost") == 12, "each fifth held an old lease; nobody else suffers from it"
    intended = {bill.external_id for bill, answer in zip(bills, answers, strict=True) if answer == "got"}
    assert answers.count("got") == len(intended) == len(journal.events())
    may = {bill.external_id for index, bill in enumerate(bills) if index % 5}
    assert intended == may


def test_the_database_itself_refuses_to_change_or_remove_what_was_written(url: str, journal: Journal) -> None:
    run_id = journal.start_run(plan_of(1), "{}")
    journal.intend(run_id, plan_bill(journal))
    journal.decide(ACCOUNT, "1", "exclude", reason="x", author="ann")
    with journal.lease(ACCOUNT):
        pass
    for statement in (
        "UPDATE event SET kind = 'created'",
        "DELETE FROM event",
        "UPDATE run SET account = 'x'",
        "DELETE FROM planned",
        "DELETE FROM decision",
        "UPDATE holding SET kind = 'x'",
    ):
        with pytest.raises(sa.exc.DBAPIError, match="append-only"), journal._engine.begin() as db:
            db.execute(sa.text(statement))


def test_two_events_cannot_follow_the_same_one_whoever_writes_them(journal: Journal) -> None:
    """The last line of defence, should reading and writing ever come apart."""
    run_id = journal.start_run(plan_of(1), "{}")
    journal.intend(run_id, plan_bill(journal))
    external_id = plan_bill(journal).external_id
    with pytest.raises(sa.exc.IntegrityError), journal._engine.begin() as db:
        journal._append(db, run_id=run_id, external_id=external_id, kind="intent", follows=0)


def test_a_refusal_keeps_what_may_be_done_and_netsuites_word(journal: Journal) -> None:
    run_id = journal.start_run(plan_of(1), "{}")
    bill = plan_bill(journal)
    journal.intend(run_id, bill)
    journal.record(run_id, bill.external_id, Outcome.REJECTED, None, "locked", fix="retry", code="RCRD_LOCKED")
    entry = journal.entries(run_id)[0]
    assert (entry.fix, entry.code) == ("retry", "RCRD_LOCKED")
    assert "nsbill retry --failed" in told(journal.history(run_id=run_id))[-1]


@pytest.mark.postgres
def test_on_postgres_the_servers_clock_counts(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with fresh_database(server) as url:
        book = Journal.open(url)
        true_now = book.now()

        class Wrong(datetime):
            @classmethod
            def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
                return datetime(2001, 1, 1, tzinfo=UTC)

        monkeypatch.setattr(journal_lease, "datetime", Wrong)
        assert abs(book.now() - true_now) < timedelta(seconds=30)
        run_id = book.start_run(plan_of(1), "{}")
        book.intend(run_id, plan_bill(book))
        assert book.events()[0]["at"] >= true_now
        book.close()


def test_a_clock_that_is_set_back_neither_hides_the_newest_run_nor_holds_a_lease_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = Journal.open(tmp_path)
    now = datetime.now(UTC)
    times = {"now": now + timedelta(days=3)}
    monkeypatch.setattr(journal_lease, "clock", lambda _: times["now"])
    monkeypatch.setattr(journal_module, "clock", lambda _: times["now"])
    held = book.lease(ACCOUNT)
    held.__enter__()
    before = book.start_run(plan_of(1), "{}")
    times["now"] = now  # the clock is put right
    after = book.start_run(plan_of(1), "{}")
    assert book.last_run(ACCOUNT) == after
    assert [run["run_id"] for run in book.runs()] == [after, before]
    runs = [h.row["run_id"] for h in book.history(order="1") if h.what == "run"]
    assert runs == [before, after], "the order in which they were written, not the clock's"
    with book.lease(ACCOUNT) as taken:
        assert taken.token == 2
    changes = [h for h in book.history(run_id=book.start_run(plan_of(1), "{}", fence=2)) if h.what == "holding"]
    assert "a clock was set back" in str(changes[0].row["detail"])
    book.close()


VERSION_1 = """
CREATE TABLE journal_meta (version INTEGER NOT NULL);
CREATE TABLE run (run_id VARCHAR NOT NULL, account VARCHAR NOT NULL, started_at DATETIME NOT NULL,
  fingerprint VARCHAR NOT NULL, settings TEXT NOT NULL, who VARCHAR NOT NULL, PRIMARY KEY (run_id));
CREATE TABLE lease (account VARCHAR NOT NULL, token INTEGER NOT NULL, host VARCHAR, pid INTEGER, since DATETIME,
  expires_at DATETIME, PRIMARY KEY (account));
CREATE TABLE planned (run_id VARCHAR NOT NULL, position INTEGER NOT NULL, account VARCHAR NOT NULL,
  sales_order_id VARCHAR NOT NULL, sales_order_number VARCHAR NOT NULL, amazon_order_id VARCHAR NOT NULL,
  record_type VARCHAR NOT NULL, part INTEGER NOT NULL, external_id VARCHAR NOT NULL, transaction_date DATE NOT NULL,
  currency VARCHAR NOT NULL, amount VARCHAR NOT NULL, PRIMARY KEY (run_id, position), UNIQUE (run_id, external_id),
  FOREIGN KEY(run_id) REFERENCES run (run_id));
CREATE INDEX ix_planned_external_id ON planned (external_id);
CREATE INDEX ix_planned_amazon_order_id ON planned (amazon_order_id);
CREATE TABLE event (event_id INTEGER NOT NULL, run_id VARCHAR NOT NULL, account VARCHAR NOT NULL, external_id VARCHAR,
  at DATETIME NOT NULL, kind VARCHAR NOT NULL, record_id VARCHAR, detail TEXT, PRIMARY KEY (event_id),
  FOREIGN KEY(run_id) REFERENCES run (run_id));
CREATE INDEX ix_event_run_id ON event (run_id);
CREATE INDEX event_by_external_id ON event (account, external_id);
INSERT INTO journal_meta VALUES (1);
INSERT INTO lease VALUES ('1_SB1', 4, NULL, 1, '2026-10-01 10:00:00', '2026-10-01 10:02:00');
INSERT INTO run VALUES ('R1', '1_SB1', '2026-10-01 10:00:00.000000', 'abc', '{}', 'host process 1');
INSERT INTO planned VALUES ('R1', 0, '1_SB1', '1', 'SO1', '111-0000000-0000001', 'invoice', 1, 'nsbill-INV-1-1', '2026-10-01', 'USD', '10.00');
INSERT INTO planned VALUES ('R1', 1, '1_SB1', '2', 'SO2', '111-0000000-0000002', 'invoice', 1, 'nsbill-INV-2-1', '2026-10-01', 'USD', '5.00');
INSERT INTO event VALUES (1, 'R1', '1_SB1', 'nsbill-INV-1-1', '2026-10-01 10:00:01.000000', 'intent', NULL, NULL);
INSERT INTO event VALUES (2, 'R1', '1_SB1', 'nsbill-INV-1-1', '2026-10-01 10:00:02.000000', 'created', '77', NULL);
INSERT INTO event VALUES (3, 'R1', '1_SB1', 'nsbill-INV-2-1', '2026-10-01 10:00:02.000000', 'intent', NULL, NULL);
"""
"""A journal as the first version wrote it."""


def write_version_1(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.executescript(VERSION_1)
    db.close()


def test_a_journal_of_version_1_is_brought_up_to_date_and_keeps_every_word(tmp_path: Path) -> None:
    write_version_1(tmp_path / "journal.db")
    book = Journal.open(tmp_path)
    done, half = book.entries("R1")
    assert (done.state, done.record_id, half.state) == ("created", "77", "intent")
    assert book.last_run(ACCOUNT) == "R1"
    with book.lease(ACCOUNT) as lease:
        assert lease.token == 5, "the tokens go on"
        run_id = book.start_run(plan_of(3), "{}", fence=lease.token)
        assert book.last_run(ACCOUNT) == run_id
        states = [book.intend(run_id, entry.bill, fence=lease.token) for entry in book.entries(run_id)]
        assert states == ["created", "intent", None]
        book.record(run_id, half.bill.external_id, Outcome.ABSENT)
        assert book.intend(run_id, half.bill) == "absent"
    with pytest.raises(sa.exc.DBAPIError, match="append-only"), book._engine.begin() as db:
        db.execute(sa.text("DELETE FROM event"))
    book.close()
    fresh = tmp_path / "fresh"
    Journal.open(fresh).close()
    assert shape(tmp_path / "journal.db") == shape(fresh / "journal.db")


def shape(path: Path) -> dict[str, object]:
    """Tables with their columns, indexes and triggers."""
    with sqlite3.connect(path) as db:
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        found: dict[str, object] = {t: [c[1:4] for c in db.execute(f"PRAGMA table_info({t})")] for t in tables}
        others = "SELECT name FROM sqlite_master WHERE type <> 'table' AND name NOT LIKE 'sqlite_%'"
        found["others"] = sorted(db.execute(others))
    db.close()
    return found


def test_a_killed_migration_leaves_version_1_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_version_1(tmp_path / "journal.db")
    before = shape(tmp_path / "journal.db")

    def killed(db: sa.Connection) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("nsbill.billing.journal_opening._refuse_changes", killed)
        with pytest.raises(KeyboardInterrupt):
            Journal.open(tmp_path)
    assert shape(tmp_path / "journal.db") == before
    assert len(Journal.open(tmp_path).entries("R1")) == 2


def test_a_database_of_something_else_is_not_touched(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "journal.db") as db:
        db.execute("CREATE TABLE txn (id INTEGER)")
    db.close()
    with pytest.raises(JournalError, match="is no journal: it has the tables txn"):
        Journal.open(tmp_path)
    assert list(shape(tmp_path / "journal.db")) == ["txn", "others"]


def test_a_journal_that_cannot_be_written_can_be_read_and_says_so(tmp_path: Path) -> None:
    book = Journal.open(tmp_path)
    run_id = book.start_run(plan_of(1), "{}")
    bill = plan_bill(book)
    book.close()
    read_only = Journal.open(f"sqlite:///file:{tmp_path / 'journal.db'}?mode=ro&uri=true")
    assert len(read_only.entries(run_id)) == 1
    for write in (
        lambda: read_only.intend(run_id, bill),
        lambda: read_only.lease(ACCOUNT).__enter__(),
        read_only.probe,
    ):
        with pytest.raises(JournalError, match=r"cannot be written .*readonly"):
            write()
    read_only.close()


@pytest.mark.postgres
def test_a_server_that_is_not_there_is_named_without_the_password(server: str) -> None:
    with pytest.raises(JournalError, match="cannot be opened") as failed:
        Journal.open("postgresql://ann:hunter2@127.0.0.1:1/nsbill?connect_timeout=2")
    assert "hunter2" not in str(failed.value)
    assert "Check journal_url" in str(failed.value)
    with fresh_database(server) as url:
        Journal.open(url).close()


def test_only_databases_that_were_tried_are_taken() -> None:
    with pytest.raises(JournalError, match="cannot be kept in mysql"):
        Journal.open("mysql://host/db")


def test_the_password_of_the_journal_is_shown_nowhere_and_not_saved(tmp_path: Path) -> None:
    settings = Settings(account="1", journal_url="postgresql://ann:hunter2@host/nsbill")
    assert settings.journal_url == "postgresql://ann:hunter2@host/nsbill"
    for shown in (repr(settings), str(settings), str(settings.model_dump()), settings.model_dump_json()):
        assert "hunter2" not in shown
    assert settings.model_dump()["journal_url"] == "postgresql://ann:***@host/nsbill"
    for url in ("postgresql://ann:hunter2@host/nsbill", "postgresql://host/nsbill?user=ann&password=hunter2"):
        with pytest.raises(SettingsError, match="export NSBILL_JOURNAL_URL"):
            save_settings(tmp_path, {"journal_url": url})
    assert save_settings(tmp_path, {"journal_url": "postgresql://ann@host/nsbill"}).journal_url


def test_a_version_1_journal_on_postgres_would_be_brought_up_to_date_too(server: str) -> None:
    """nsbill never wrote one: version 1 knew files only. Whoever gave it a server's URL by hand is not stuck."""
    ddl = VERSION_1.replace("DATETIME", "TIMESTAMP WITH TIME ZONE").replace("event_id INTEGER", "event_id SERIAL")
    with fresh_database(server) as url:
        engine = sa.create_engine(journal_url(url))
        with engine.begin() as db:
            db.exec_driver_sql(ddl)
            db.exec_driver_sql("SELECT setval('event_event_id_seq', 3)")
        engine.dispose()
        book = Journal.open(url)
        done, half = book.entries("R1")
        assert (done.state, done.record_id, half.state) == ("created", "77", "intent")
        with book.lease(ACCOUNT) as lease:
            run_id = book.start_run(plan_of(3), "{}", fence=lease.token)
            assert [book.intend(run_id, e.bill, fence=lease.token) for e in book.entries(run_id)] == [
                "created", "intent", None,
            ]  # fmt: skip
        with pytest.raises(sa.exc.DBAPIError, match="append-only"), book._engine.begin() as db:
            db.execute(sa.text("DELETE FROM event"))
        book.close()


def test_a_long_run_is_read_in_pieces_and_each_state_is_the_one_when_it_is_reached(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_entries, "PIECE", 2)
    run_id = journal.start_run(plan_of(5), "{}")
    bills = [entry.bill for entry in journal.entries(run_id)]
    assert [bill.sales_order_id for bill in bills] == ["1", "2", "3", "4", "5"], "written in pieces, too"
    reading = journal.each_entry(run_id)
    first = next(reading)
    for bill in bills:
        journal.intend(run_id, bill)
    rest = list(reading)
    assert [first.position, *(entry.position for entry in rest)] == [0, 1, 2, 3, 4]
    assert [entry.state for entry in rest] == [None, "intent", "intent", "intent"]
    other = journal.start_run(plan_of(5), "{}")
    journal.record(run_id, bills[1].external_id, Outcome.CREATED, "7")
    journal.record(other, bills[4].external_id, Outcome.CREATED, "8")
    assert [e.position for e in journal.each_entry(run_id, states={"created"})] == [1, 4]
    assert [e.position for e in journal.each_entry(run_id, states={"absent"})] == []
    assert journal.states(run_id) == {("intent", True): 3, ("created", True): 1, ("created", False): 1}
    assert journal.states("no such run") == {}
