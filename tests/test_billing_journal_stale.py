"""What one process found absent says nothing about what another one has written since."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from test_billing_journal import small_plan

from nsbill.billing.journal import Entry, Journal
from nsbill.vocabulary import Outcome


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    book = Journal.in_workspace(tmp_path)
    yield book
    book.close()


def first(journal: Journal, run_id: str) -> Entry:
    return journal.entries(run_id)[0]


def test_an_absence_is_written_when_nothing_has_happened_since_the_look_up(journal: Journal) -> None:
    run_id = journal.start_run(small_plan(), "{}")
    bill = first(journal, run_id).bill
    journal.intend(run_id, bill)
    seen = first(journal, run_id)
    assert journal.record(run_id, bill.external_id, Outcome.ABSENT, only_after=seen.event_id) == "absent"
    assert first(journal, run_id).state == "absent"


@pytest.mark.parametrize("outcome", [None, Outcome.CREATED])
def test_an_absence_is_not_written_over_a_newer_intent_or_record_of_another_process(
    journal: Journal, outcome: Outcome | None
) -> None:
    run_id = journal.start_run(small_plan(), "{}")
    bill = first(journal, run_id).bill
    journal.intend(run_id, bill)
    seen = first(journal, run_id)
    journal.record(run_id, bill.external_id, Outcome.ABSENT)
    assert journal.intend(run_id, bill) == "absent"
    if outcome is not None:
        journal.record(run_id, bill.external_id, outcome, "77")
    newest = "intent" if outcome is None else outcome.value
    assert journal.record(run_id, bill.external_id, Outcome.ABSENT, only_after=seen.event_id) == newest
    assert journal.intend(run_id, bill) == newest  # so nothing is sent


def test_what_was_never_tried_has_no_event_and_may_be_found_absent(journal: Journal) -> None:
    run_id = journal.start_run(small_plan(), "{}")
    entry = first(journal, run_id)
    assert entry.event_id == 0
    written = journal.record(run_id, entry.bill.external_id, Outcome.ABSENT, only_after=entry.event_id)
    assert written == "absent"


def test_an_intent_holds_until_anything_is_written_after_it(journal: Journal) -> None:
    run_id = journal.start_run(small_plan(), "{}")
    bill = first(journal, run_id).bill
    assert not journal.intends(run_id, bill.external_id), "it was never written"
    journal.intend(run_id, bill)
    assert journal.intends(run_id, bill.external_id)
    other = journal.start_run(small_plan(), "{}")
    assert not journal.intends(other, bill.external_id), "it is another run's"
    assert not journal.intends(run_id, bill.external_id, fence=0), (
        "it is of the same run, carried out by another process"
    )
    journal.record(other, bill.external_id, Outcome.ABSENT)
    assert not journal.intends(run_id, bill.external_id)


def test_only_an_intent_of_ones_own_is_withdrawn(journal: Journal) -> None:
    run_id, other = (journal.start_run(small_plan(), "{}") for _ in range(2))
    bill = first(journal, run_id).bill
    journal.intend(run_id, bill)
    journal.withdraw(other, bill.external_id, "not sent")
    assert first(journal, run_id).state == "intent"
    journal.withdraw(run_id, bill.external_id, "not sent")
    assert (first(journal, run_id).state, first(journal, run_id).detail) == ("absent", "not sent")
    journal.intend(other, bill)
    journal.withdraw(run_id, bill.external_id, "not sent")
    assert first(journal, other).state == "intent"
