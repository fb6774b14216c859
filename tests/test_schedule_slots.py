"""Slots in the journal: one claim each, one run of a job at a time, and everything that happens to a slot is kept."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from postgres_server import OF_THE_SERVER

from nsbill.billing.journal import Journal
from nsbill.billing.journal_lease import Lease
from nsbill.billing.journal_schedule import Claim, JobKey, ScheduleBook, SlotRefused
from nsbill.billing.journal_tables import VERSION
from nsbill.errors import LeaseLost

pytest_plugins = ("journal_databases",)
pytestmark = [*OF_THE_SERVER]

KEY = JobKey("1_SB1", "main", "billing")
TEN = datetime(2026, 11, 30, 10, tzinfo=UTC)
QUARTER = timedelta(minutes=15)


@pytest.fixture
def book(journal: Journal) -> ScheduleBook:
    return journal.schedule


def end(book: ScheduleBook, claim: Claim, status: str = "succeeded") -> None:
    book.ended(claim, status=status, run_id="r-1", folder="/runs/r-1", detail=None)


def kinds(book: ScheduleBook, slot: datetime = TEN) -> list[str]:
    return [event["kind"] for event in book.history(KEY, slot)]


def test_a_slot_is_claimed_started_and_ended_and_then_the_job_is_free(book: ScheduleBook) -> None:
    claim = book.claim(KEY, TEN, origin="schedule")
    book.started(claim, run_id="r-1", folder="/runs/.partial-r-1")
    end(book, claim)
    assert kinds(book) == ["claimed", "started", "ended"]
    (row,) = book.slots(KEY)
    assert (row["slot"], row["kind"], row["status"], row["run_id"], row["origin"]) == (TEN, "ended", "succeeded", "r-1", "schedule")  # fmt: skip
    end(book, book.claim(KEY, TEN + QUARTER, origin="schedule"))


def test_a_slot_that_was_dealt_with_is_refused_with_who_and_when(book: ScheduleBook) -> None:
    end(book, book.claim(KEY, TEN, origin="schedule"))
    with pytest.raises(SlotRefused, match=rf"slot 2026-11-30 10:00:00 UTC of job billing \(1_SB1, main\) was dealt with: ended \(succeeded\) by process {os.getpid()} on .* Nothing was run again") as refused:  # fmt: skip
        book.claim(KEY, TEN, origin="by hand", again=True)
    assert refused.value.kind == "taken"
    assert kinds(book) == ["claimed", "ended"]


def test_a_slot_whose_job_is_running_is_overlapped_and_says_who_runs(book: ScheduleBook) -> None:
    claim = book.claim(KEY, TEN, origin="schedule")
    with pytest.raises(
        SlotRefused, match=r"process \d+ on .* has been running job billing \(1_SB1, main\) since"
    ) as no:
        book.claim(KEY, TEN + QUARTER, origin="schedule")
    assert no.value.kind == "overlapped"
    assert kinds(book, TEN + QUARTER) == ["overlapped"]
    end(book, claim)
    with pytest.raises(SlotRefused, match="was dealt with: overlapped"):
        book.claim(KEY, TEN + QUARTER, origin="schedule")
    assert book.claim(KEY, TEN + QUARTER, origin="by hand", again=True).slot == TEN + QUARTER


def test_jobs_of_other_names_accounts_and_seller_accounts_do_not_stand_in_each_other_s_way(book: ScheduleBook) -> None:
    for key in (
        KEY,
        JobKey("1_SB1", "main", "report"),
        JobKey("1_SB1", "eu", "billing"),
        JobKey("2", "main", "billing"),
    ):
        assert book.claim(key, TEN, origin="schedule").lease.token == 1
        assert len(book.slots(key)) == 1


@pytest.mark.parametrize("status", ["failed", "not-started"])
def test_a_slot_that_failed_may_be_run_again_when_asked_for(book: ScheduleBook, status: str) -> None:
    end(book, book.claim(KEY, TEN, origin="schedule"), status)
    with pytest.raises(SlotRefused, match="--again"):
        book.claim(KEY, TEN, origin="by hand")
    end(book, book.claim(KEY, TEN, origin="by hand", again=True))
    assert kinds(book) == ["claimed", "ended", "claimed", "ended"]


def test_a_missed_slot_is_written_down_once_and_only_when_nobody_dealt_with_it(book: ScheduleBook) -> None:
    assert book.pass_over(KEY, [TEN], "missed", "the service was not running") == [TEN]
    assert book.pass_over(KEY, [TEN], "missed", "again") == []
    end(book, book.claim(KEY, TEN + QUARTER, origin="schedule"))
    assert book.pass_over(KEY, [TEN + QUARTER], "missed", "too late") == []
    assert (kinds(book), kinds(book, TEN + QUARTER)) == (["missed"], ["claimed", "ended"])


def test_a_lost_lease_makes_the_slot_lost_for_the_next_holder_and_the_end_is_still_written(book: ScheduleBook) -> None:
    claim = book.claim(KEY, TEN, origin="schedule", seconds=-1)
    book.started(claim, run_id="r-1", folder="/runs/.partial-r-1")
    after = book.claim(KEY, TEN + QUARTER, origin="schedule")
    assert kinds(book) == ["claimed", "started", "lost"]
    (row,) = [row for row in book.slots(KEY) if row["slot"] == TEN]
    assert (row["run_id"], row["folder"]) == ("r-1", "/runs/.partial-r-1")
    with pytest.raises(LeaseLost, match=r"taken over job billing \(1_SB1, main\)"):
        claim.lease.renew()
    end(book, claim, "failed")
    assert kinds(book)[-1] == "ended", "what is known is never dropped"
    after.lease.renew()  # and the next holder keeps the job


def claim_and_wait(url: str, claimed: Callable[[], None]) -> None:
    Journal.open(url).schedule.claim(KEY, TEN, origin="schedule")
    claimed()
    signal.pause()


def test_the_slot_of_a_killed_process_is_lost_at_once_and_the_job_is_free(url: str, book: ScheduleBook) -> None:
    context = multiprocessing.get_context("spawn")
    claimed = context.Event()
    child = context.Process(target=claim_and_wait, args=(url, claimed.set))
    child.start()
    assert claimed.wait(60)
    assert book.lose_open(KEY) == [], "it lives"
    assert child.pid is not None
    os.kill(child.pid, signal.SIGKILL)
    child.join()
    assert book.lose_open(KEY) == [TEN]
    assert book.lose_open(KEY) == []
    assert kinds(book) == ["claimed", "lost"]
    assert f"process {child.pid} on" in str(book.history(KEY, TEN)[-1]["detail"])
    end(book, book.claim(KEY, TEN, origin="by hand", again=True))


def test_of_many_that_claim_one_slot_at_once_exactly_one_gets_it(url: str, book: ScheduleBook) -> None:
    claims: list[Claim] = []
    refused: list[str] = []
    ready = threading.Barrier(8)

    def attempt() -> None:
        journal = Journal.open(url)
        ready.wait()
        try:
            claims.append(journal.schedule.claim(KEY, TEN, origin="schedule"))
        except SlotRefused as error:
            refused.append(error.kind)
        finally:
            journal.close()

    threads = [threading.Thread(target=attempt) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(claims) == 1
    assert refused == ["taken"] * 7
    assert kinds(book) == ["claimed"]


def test_of_many_that_claim_different_slots_of_a_job_at_once_one_runs_and_the_others_are_overlapped(
    url: str, book: ScheduleBook
) -> None:
    ready = threading.Barrier(6)
    outcomes: list[str] = []

    def attempt(number: int) -> None:
        journal = Journal.open(url)
        ready.wait()
        try:
            journal.schedule.claim(KEY, TEN + number * QUARTER, origin="schedule")
            outcomes.append("claimed")
        except SlotRefused as error:
            outcomes.append(error.kind)
        finally:
            journal.close()

    threads = [threading.Thread(target=attempt, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["claimed", *["overlapped"] * 5]
    assert sorted(row["kind"] for row in book.slots(KEY)) == ["claimed", *["overlapped"] * 5]


def test_a_service_goes_on_after_the_newest_slot_that_a_service_dealt_with(book: ScheduleBook) -> None:
    assert (book.anchor(KEY).timing, book.anchor(KEY).counts_from) == (None, None)
    book.note(KEY, "known", TEN, who="service", detail="*/15 * * * * | UTC")
    assert (book.anchor(KEY).timing, book.anchor(KEY).counts_from) == ("*/15 * * * * | UTC", TEN)
    end(book, book.claim(KEY, TEN + QUARTER, origin="schedule"))
    end(book, book.claim(KEY, TEN + 9 * QUARTER, origin="by hand"))
    assert book.anchor(KEY).counts_from == TEN + QUARTER, "a run by hand of a later slot hides none"
    book.pass_over(KEY, [TEN + 2 * QUARTER], "missed", "why")
    assert book.anchor(KEY).counts_from == TEN + 2 * QUARTER
    assert book.jobs("1_SB1", "main") == ["billing"]


def test_a_pause_moves_the_beginning_and_names_who_paused(book: ScheduleBook) -> None:
    book.note(KEY, "known", TEN, who="service", detail="x")
    book.note(KEY, "paused", TEN + QUARTER, who="ada", detail="stocktaking")
    assert book.anchor(KEY).paused_by == "ada"
    book.note(KEY, "unpaused", TEN + 8 * QUARTER, who="ada")
    anchor = book.anchor(KEY)
    assert (anchor.paused_by, anchor.counts_from, anchor.timing) == (None, TEN + 8 * QUARTER, "x")
    book.note(KEY, "removed", TEN + 9 * QUARTER, who="service")
    assert book.anchor(KEY).timing is None
    assert book.jobs("1_SB1", "main") == []


def test_no_row_can_be_changed_or_removed(journal: Journal) -> None:
    end(journal.schedule, journal.schedule.claim(KEY, TEN, origin="schedule"))
    journal.schedule.note(KEY, "paused", TEN, who="ada")
    for statement in (
        "UPDATE slot_event SET kind = 'missed'",
        "DELETE FROM slot_event",
        "UPDATE job_event SET kind = 'unpaused'",
        "DELETE FROM job_event",
    ):
        with pytest.raises(sa.exc.DBAPIError, match="append-only"), journal._engine.begin() as db:
            db.execute(sa.text(statement))


def test_a_journal_of_version_3_gets_the_schedule_and_keeps_every_word(url: str) -> None:
    old = Journal.open(url)
    with old._engine.begin() as db:
        for table in ("sending_event", "incident_event", "alert_look", "slot_event", "job_event"):
            db.execute(sa.text(f"DROP TABLE {table}"))
        db.execute(sa.text("UPDATE journal_meta SET version = 3"))
    with old.lease("1_SB1"):
        pass
    old.close()
    new = Journal.open(url)
    end(new.schedule, new.schedule.claim(KEY, TEN, origin="schedule"))
    with new._engine.begin() as db:
        assert db.execute(sa.text("SELECT version FROM journal_meta")).scalar_one() == VERSION
        assert db.execute(sa.text("SELECT count(*) FROM holding WHERE account = '1_SB1'")).scalar_one() == 2
    new.close()


def test_a_lease_is_renewed_on_the_journal_s_clock(book: ScheduleBook) -> None:
    claim = book.claim(KEY, TEN, origin="schedule", seconds=1)
    Lease(claim.lease.engine, claim.lease.account, claim.lease.token, 600).renew()
    with pytest.raises(SlotRefused, match="its lease lasts until"):
        book.claim(KEY, TEN + QUARTER, origin="schedule")
