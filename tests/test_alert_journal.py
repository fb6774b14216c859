"""Incidents in the journal: opened once, closed once, told once by each route; on SQLite and on PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from nsbill.billing.journal import Journal
from nsbill.billing.journal_alert_tables import ALERT_TABLES
from nsbill.billing.journal_alerts import Finding, Verdict
from nsbill.billing.journal_schedule import JobKey
from nsbill.billing.journal_sendings import Sending
from nsbill.billing.journal_tables import VERSION

pytest_plugins = ("journal_databases",)

KEY = JobKey("1_SB1", "main", "work")
TEN = datetime(2026, 11, 30, 10, tzinfo=UTC)
MAIL = ["mail"]


def run(journal: Journal, minutes: int = 0, status: str = "succeeded", detail: str | None = None) -> None:
    claim = journal.schedule.claim(KEY, TEN + timedelta(minutes=minutes), origin="schedule")
    journal.schedule.ended(claim, status=status, run_id="r", folder="/runs/r", detail=detail)


def verdict(*subjects: str, routes: Sequence[str] = MAIL, over: Sequence[str] = (), **more: Any) -> Verdict:
    holding = [Finding(subject, f"{subject} is wrong.", {"Due": "1.00 EUR"}, "Look.") for subject in subjects]
    return Verdict("late", "due-older-than", "work", holding, "work", routes=routes, routes_when_over=over, **more)


def look(journal: Journal, *verdicts: Verdict) -> list[tuple[str, str]] | None:
    numbers = [row["event_id"] for row in journal.alerts.unseen(KEY)]
    written = journal.alerts.write(KEY, numbers, ["late"], verdicts)
    return None if written is None else [(row["kind"], row["subject"]) for row in written]


def open_subjects(journal: Journal) -> list[str]:
    return [row["subject"] for row in journal.alerts.incidents("1_SB1", "main")]


def kinds(journal: Journal) -> list[str]:
    with journal._engine.connect() as db:
        return list(db.execute(sa.text("SELECT kind FROM sending_event ORDER BY sending_id")).scalars())


def taken(journal: Journal, **options: Any) -> Sending:
    found = journal.sendings.take(MAIL, **options)
    assert found is not None
    return found


def test_an_incident_opens_once_closes_once_and_may_open_again(journal: Journal) -> None:
    told = []
    for minutes, subjects in enumerate((["EUR"], ["EUR", "USD"], ["USD"], [], ["EUR"])):
        run(journal, minutes)
        told.append(look(journal, verdict(*subjects)))
    assert told == [
        [("opened", "EUR")],
        [("opened", "USD")],
        [("closed", "EUR")],
        [("closed", "USD")],
        [("opened", "EUR")],
    ]
    assert open_subjects(journal) == ["EUR"]
    assert kinds(journal) == ["due"] * 3  # nobody asked to hear that it is over


def test_what_a_partial_list_does_not_name_is_not_over(journal: Journal) -> None:
    run(journal)
    look(journal, verdict("EUR", "USD"))
    assert look(journal, verdict("USD", complete=False)) == []
    assert look(journal, verdict(subjects=frozenset({"USD"}))) == [("closed", "USD")]
    assert open_subjects(journal) == ["EUR"]


def test_an_end_is_looked_at_once_and_the_first_look_takes_the_newest_only(journal: Journal) -> None:
    for minutes in range(3):
        run(journal, minutes)
    assert [row["slot"] for row in journal.alerts.unseen(KEY)] == [TEN + timedelta(minutes=2)]
    assert look(journal, verdict()) == []
    assert journal.alerts.unseen(KEY) == []
    assert journal.alerts.newest_look(KEY) == ["late"]
    run(journal, 3, "failed")
    journal.schedule.pass_over(KEY, [TEN + timedelta(minutes=4)], "missed", "asleep")
    journal.schedule.pass_over(KEY, [TEN + timedelta(minutes=5)], "overlapped", "busy")
    assert [row["kind"] for row in journal.alerts.unseen(KEY)] == ["ended", "missed"]


def test_whoever_comes_second_with_the_same_end_writes_nothing(journal: Journal) -> None:
    run(journal)
    numbers = [row["event_id"] for row in journal.alerts.unseen(KEY)]
    assert journal.alerts.write(KEY, numbers, ["late"], [verdict("EUR")]) is not None
    assert journal.alerts.write(KEY, numbers, ["late"], [verdict("USD")]) is None
    assert open_subjects(journal) == ["EUR"]


def test_processes_that_look_at_once_open_one_incident_and_take_one_message(url: str, journal: Journal) -> None:
    run(journal)
    books = [Journal.open(url) for _ in range(4)]
    gate = threading.Barrier(4)
    found: list[Any] = []

    def work(book: Journal) -> None:
        gate.wait()
        book.alerts.write(KEY, [], [], [verdict("EUR", "USD")])
        found.append(book.sendings.take(MAIL))

    threads = [threading.Thread(target=work, args=(book,)) for book in books]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for book in books:
        book.close()
    messages = [one for one in found if one is not None]
    assert sorted(row["subject"] for one in messages for row in one.events) == ["EUR", "USD"]
    assert sorted(open_subjects(journal)) == ["EUR", "USD"]


def test_what_opened_together_is_one_message_and_is_sent_once(journal: Journal) -> None:
    run(journal)
    look(journal, verdict("EUR", "USD"))
    sending = taken(journal)
    assert [row["subject"] for row in sending.events] == ["EUR", "USD"]
    assert journal.sendings.take(MAIL) is None  # it is being sent
    journal.sendings.done(sending, sent=True, detail=None)
    assert journal.sendings.take(MAIL, now_too=True) is None
    assert [(row["kind"], row["tries"]) for row in journal.sendings.of([1, 2])] == [("sent", 1), ("sent", 1)]


def test_a_route_that_nobody_has_here_is_left_to_others(journal: Journal) -> None:
    run(journal)
    look(journal, verdict("EUR", routes=["mail", "slack"]))
    assert journal.sendings.take(["pager"]) is None
    assert taken(journal).route == "mail"
    assert [(row["route"], row["kind"]) for row in journal.sendings.waiting()] == [
        ("mail", "sending"),
        ("slack", "due"),
    ]


def test_what_failed_is_tried_again_later_with_the_same_number(journal: Journal) -> None:
    run(journal)
    look(journal, verdict("EUR"))
    first = taken(journal)
    journal.sendings.done(first, sent=False, detail="refused")
    assert journal.sendings.take(MAIL) is None  # a minute has to pass
    assert journal.sendings.take(MAIL, now_too=True, but=[first.number]) is None
    again = taken(journal, now_too=True)
    assert (again.number, again.repeats) == (first.number, False)
    journal.sendings.done(again, sent=True, detail=None)
    assert kinds(journal) == ["due", "sending", "failed", "sending", "sent"]


def leave(journal: Journal) -> None:
    """Make what is being sent a matter of a process that is gone."""
    with journal._engine.begin() as db:
        for doing in ("update", "delete"):
            on = " ON sending_event" if db.dialect.name == "postgresql" else ""
            db.execute(sa.text(f"DROP TRIGGER IF EXISTS sending_event_refuses_{doing}{on}"))
        db.execute(sa.text("UPDATE sending_event SET pid = 999999999 WHERE kind = 'sending'"))


def test_a_process_that_ended_while_sending_leaves_it_to_be_sent_once_more_saying_so(journal: Journal) -> None:
    run(journal)
    look(journal, verdict("EUR"))
    first = taken(journal)
    leave(journal)
    again = taken(journal)
    assert (again.number, again.repeats) == (first.number, True)
    leave(journal)
    assert journal.sendings.take(MAIL) is None
    assert [row["kind"] for row in journal.sendings.waiting()] == ["uncertain"]
    assert journal.sendings.take(MAIL, now_too=True) is None


def test_failures_before_do_not_count_as_processes_that_ended(journal: Journal) -> None:
    run(journal)
    look(journal, verdict("EUR"))
    journal.sendings.done(taken(journal), sent=False, detail="refused")
    taken(journal, now_too=True)
    leave(journal)
    assert taken(journal).repeats


def test_messages_that_it_is_over_go_by_the_routes_that_ask_for_them(journal: Journal) -> None:
    run(journal)
    look(journal, verdict("EUR"))
    journal.sendings.done(taken(journal), sent=True, detail=None)
    look(journal, verdict(over=MAIL))
    told = taken(journal)
    assert [(row["kind"], row["sentence"]) for row in told.events] == [("closed", "It is over.")]


def test_good_since_is_the_last_good_slot_or_when_the_job_became_known_or_was_unpaused(journal: Journal) -> None:
    assert journal.alerts.good_since(KEY) is None
    journal.schedule.note(KEY, "known", TEN - timedelta(hours=5), who="t", detail="x")
    assert journal.alerts.good_since(KEY) == TEN - timedelta(hours=5)
    run(journal)
    run(journal, 15, "failed")
    assert journal.alerts.good_since(KEY) == TEN
    journal.schedule.note(KEY, "paused", TEN + timedelta(hours=1), who="t")
    assert journal.alerts.is_paused(KEY)
    journal.schedule.note(KEY, "unpaused", TEN + timedelta(hours=2), who="t")
    assert (journal.alerts.good_since(KEY), journal.alerts.is_paused(KEY)) == (TEN + timedelta(hours=2), False)


def test_incidents_and_tellings_cannot_be_changed(journal: Journal) -> None:
    run(journal)
    look(journal, verdict("EUR"))
    for table in ("incident_event", "sending_event", "alert_look"):
        with pytest.raises(sa.exc.DBAPIError, match="append-only"), journal._engine.begin() as db:
            db.execute(sa.text(f"DELETE FROM {table}"))


def test_a_journal_of_version_4_gets_alerts_and_keeps_every_word(url: str) -> None:
    old = Journal.open(url)
    run(old)
    with old._engine.begin() as db:
        for table in reversed(ALERT_TABLES):
            db.execute(sa.text(f"DROP TABLE {table.name}"))
        db.execute(sa.text("UPDATE journal_meta SET version = 4"))
    old.close()
    new = Journal.open(url)
    assert look(new, verdict("EUR")) == [("opened", "EUR")]
    assert [row["kind"] for row in new.schedule.history(KEY)] == ["claimed", "ended"]
    with new._engine.begin() as db:
        assert db.execute(sa.text("SELECT version FROM journal_meta")).scalar_one() == VERSION
    new.close()
