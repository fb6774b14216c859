"""nsbill.billing.journal: append-only, an intent once, states across runs, one lease an account."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
import sqlalchemy as sa
from billing_tables import orders

from nsbill.billing.journal import Journal
from nsbill.billing.plan import Plan, build_plan
from nsbill.billing.story import run_sentence, story
from nsbill.errors import JournalError
from nsbill.schemas import BILLING_RECORDS, PLAN_SKIPPED
from nsbill.settings import Settings
from nsbill.vocabulary import Outcome


def small_plan() -> Plan:
    return build_plan(
        orders("id | amazon | status | total\n1 | 1 | F | 10.00\n2 | 2 | F | 5.00"),
        PLAN_SKIPPED.frame(),
        BILLING_RECORDS.frame(),
        settings=Settings(account="1_SB1"),
        status_effective=("F",),
        today=date(2026, 11, 1),
    )


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    book = Journal.in_workspace(tmp_path)
    yield book
    book.close()


def test_a_run_keeps_everything_that_it_is_going_to_create(journal: Journal) -> None:
    plan = small_plan()
    run_id = journal.start_run(plan, "{}")
    entries = journal.entries(run_id)
    assert [e.bill.external_id for e in entries] == plan.to_bill["external_id"].tolist()
    assert [e.bill.amount for e in entries] == plan.to_bill["amount"].tolist()
    assert [e.state for e in entries] == [None, None]
    assert journal.last_run("1_SB1") == run_id
    assert journal.last_run("other") is None


def test_a_run_without_anything_to_create_hides_no_interrupted_one_from_resume(journal: Journal) -> None:
    plan = small_plan()
    interrupted = journal.start_run(plan, "{}")
    empty = journal.start_run(replace(plan, to_bill=plan.to_bill.head(0)), "{}")
    assert journal.last_run("1_SB1") == interrupted
    assert empty in [run["run_id"] for run in journal.runs()], "it still stands in the list of runs"


@pytest.mark.parametrize(
    "outcome, may_create_again",
    [
        (Outcome.CREATED, False),
        (Outcome.EXISTS, False),
        (Outcome.UNKNOWN, False),
        (Outcome.REJECTED, True),
        (Outcome.ABSENT, True),
    ],
)
def test_only_what_certainly_does_not_exist_may_be_tried_again(
    journal: Journal, outcome: Outcome, *, may_create_again: bool
) -> None:
    run_id = journal.start_run(small_plan(), "{}")
    bill = journal.entries(run_id)[0].bill
    assert journal.intend(run_id, bill) is None
    assert journal.intend(run_id, bill) == "intent"
    journal.record(run_id, bill.external_id, outcome, "77", "why")
    second = journal.start_run(small_plan(), "{}")
    assert journal.intend(second, bill) == outcome.value
    assert (journal.entries(second)[0].state == "intent") is may_create_again


def test_open_creates_are_found_across_runs_and_accounts_are_kept_apart(journal: Journal) -> None:
    run_id = journal.start_run(small_plan(), "{}")
    first, second = (e.bill for e in journal.entries(run_id))
    journal.intend(run_id, first)
    journal.intend(run_id, second)
    journal.record(run_id, second.external_id, Outcome.UNKNOWN)
    journal.start_run(small_plan(), "{}")
    assert {e.bill.external_id: e.state for e in journal.open_entries("1_SB1")} == {
        first.external_id: "intent",
        second.external_id: "unknown",
    }
    assert journal.open_entries("2") == []
    journal.record(run_id, first.external_id, Outcome.CREATED, "9")
    assert len(journal.open_entries("1_SB1")) == 1


def test_the_story_of_an_order_is_told_in_sentences(journal: Journal) -> None:
    run_id = journal.start_run(small_plan(), "{}")
    bill = journal.entries(run_id)[0].bill
    journal.intend(run_id, bill)
    journal.record(run_id, bill.external_id, Outcome.CREATED, "77")
    told = story(journal.events(order=bill.amazon_order_id))
    assert "about to create the invoice over 10.00 USD (nsbill-INV-1-1)" in told[0]
    assert "exists in NetSuite with internal id 77" in told[1]
    assert "1 created, 0 there already, 0 rejected, 0 unknown, 1 not started. Next: nsbill resume" in run_sentence(
        journal.runs()[0]
    )


def test_a_second_holder_is_told_who_has_the_account(journal: Journal) -> None:
    with journal.lease("1_SB1"):
        with (
            pytest.raises(JournalError, match=r"process \d+ on .* has been billing account 1_SB1 since"),
            journal.lease("1_SB1"),
        ):
            pass
        with journal.lease("2"):
            pass
    with journal.lease("1_SB1"):
        pass


def _take_and_die(workspace: Path) -> None:
    journal = Journal.in_workspace(workspace)
    journal.lease("1_SB1").__enter__()


def test_the_lease_of_a_dead_process_on_this_machine_is_free_at_once(journal: Journal, tmp_path: Path) -> None:
    child = multiprocessing.get_context("spawn").Process(target=_take_and_die, args=(tmp_path,))
    child.start()
    child.join()
    assert child.exitcode == 0
    with journal.lease("1_SB1") as lease:
        assert lease.token == 2


def test_a_lost_lease_is_noticed_when_renewed(journal: Journal) -> None:
    with journal.lease("1_SB1", seconds=-1) as lost, journal.lease("1_SB1") as taken:
        taken.renew()
        with pytest.raises(JournalError, match="another run has taken over"):
            lost.renew()


def test_a_newer_journal_is_refused(tmp_path: Path) -> None:
    Journal.in_workspace(tmp_path).close()
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'journal.db'}")
    with engine.begin() as db:
        db.execute(sa.text("UPDATE journal_meta SET version = 99"))
    engine.dispose()
    with pytest.raises(JournalError, match="newer than this nsbill"):
        Journal.in_workspace(tmp_path)


def test_a_file_that_is_no_journal_is_named(tmp_path: Path) -> None:
    (tmp_path / "journal.db").write_text("not a database, only text " * 100)
    with pytest.raises(JournalError, match="cannot be opened"):
        Journal.in_workspace(tmp_path)
