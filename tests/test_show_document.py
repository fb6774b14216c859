"""The document of a chosen order, and what can be done about a run's refused and unclear creates; no widgets."""

from __future__ import annotations

import threading
from dataclasses import replace
from decimal import Decimal

import pytest
from fake_desk import TODAY, FakeDesk, fake

from nsbill.billing.dry_run import Document
from nsbill.errors import NetSuiteError
from nsbill.netsuite.records import BillLine, PreviewedBill
from nsbill.settings import Settings
from nsbill.show.billing_state import BillingState
from nsbill.show.document_state import DocumentState, document_table
from nsbill.vocabulary import RecordType

__all__ = ["fake"]  # pytest finds the fixture by its name here

_LINE = BillLine(1, "11", "Mug <b>", Decimal("2.0"), Decimal("20.00"), Decimal("1.60"))
_BILL = PreviewedBill("5001", RecordType.INVOICE, Decimal("26.60"), Decimal("1.60"), "1", "Nov 2026", (_LINE,))
_DOCUMENT = Document(
    "5001", "SO5001", "111-0005001-0000001", RecordType.INVOICE, "nsbill-5001", TODAY, "USD", _BILL, ()
)


@pytest.fixture
def billing(fake: FakeDesk) -> BillingState:
    state = BillingState(fake.as_desk())
    state.preview()
    return state


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The orders that NetSuite was asked about; each gets the same document."""
    orders: list[str] = []

    def read(_client: object, _plan: object, order: str) -> Document:
        orders.append(order)
        return replace(_DOCUMENT, sales_order_id=order)

    monkeypatch.setattr("nsbill.show.document_state.read_document", read)
    return orders


def test_lines_tax_and_what_is_in_no_line_add_up_to_the_total() -> None:
    table = document_table(_DOCUMENT)
    assert table is not None
    assert table.rows == (("Mug <b>", "2", "1.60", "20.00"),)
    assert [(row[0], row[-1]) for row in table.rest] == [
        ("Lines without tax", "20.00"),
        ("Tax", "1.60"),
        ("In no line, such as shipping", "5.00"),
        ("Total in USD", "26.60"),
    ]
    assert "Mug &lt;b&gt;" in table.html()
    many = replace(_BILL, lines=(_LINE,) * 103, total=Decimal("2061.60"))
    long = document_table(replace(_DOCUMENT, bill=many))
    assert long is not None
    assert (len(long.rows), long.rest[0][0], long.rest[1][-1]) == (100, "… and 3 more lines", "2,060.00")
    assert "In no line, such as shipping" not in {row[0] for row in long.rest}


def test_an_order_opens_and_closes_and_one_that_is_left_out_says_why_not(
    billing: BillingState, asked: list[str]
) -> None:
    state = DocumentState(billing)
    state.choose("5002")
    state.read("5002")
    assert state.document is not None
    assert (state.document.sales_order_id, asked) == ("5002", ["5002"])
    assert "Nothing was saved" in state.sentence
    state.choose("")
    assert (state.title, state.table, state.blockers) == ("", None, [])
    billing.exclude(["5002"])
    billing.preview()
    state.choose("5002")
    state.read("5002")
    assert state.blockers == ["This order is left out of the plan: tick it and press Update plan to see its document."]
    assert (state.title, asked) == ("", ["5002"])


def test_the_row_that_was_chosen_last_wins(billing: BillingState, asked: list[str]) -> None:
    state = DocumentState(billing)
    state.choose("5001")
    state.choose("5002")
    threads = [threading.Thread(target=state.read, args=(order,)) for order in ("5001", "5002")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert asked == ["5002"]
    assert state.document is not None
    assert state.document.sales_order_id == "5002"


def test_an_account_that_may_save_what_is_tried_is_asked_once_and_never_again(
    billing: BillingState, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []

    def saved(_client: object, _plan: object, order: str) -> Document:
        calls.append(order)
        raise NetSuiteError("Try", status=200, code="NO_DRY_RUN", detail="it may have saved it", remedy="Look for it.")

    monkeypatch.setattr("nsbill.show.document_state.read_document", saved)
    state = DocumentState(billing)
    for order in ("5001", "5002"):
        state.choose(order)
        state.read(order)
    assert calls == ["5001"]
    assert state.blockers == ["This account may save what is only tried, so no document is opened in it."]


def test_only_a_run_with_refused_orders_can_be_tried_again(billing: BillingState, fake: FakeDesk) -> None:
    assert billing.retry_blockers == ["There is no run yet: press Create first."]
    fake.outcomes = {"5001": "rejected"}
    billing.confirmed = True
    billing.create()
    assert billing.retry_blockers == []
    billing.retry(fixed=True)
    assert billing.error == ""
    assert "4 created" in billing.result_sentence
    assert billing.retry_blockers == ["NetSuite refused no order of the run."]
    billing.retry()
    assert "NetSuite refused no order of the run" in billing.error
    assert [call for call in fake.calls if call.startswith("retry")] == ["retry run-1 fixed=True"]


def test_in_a_production_account_a_retry_needs_its_id_too(fake: FakeDesk) -> None:
    fake.settings = Settings(account="9000001", profile="production", saved_search="customsearch_to_bill")
    fake.outcomes = {"5001": "rejected"}
    state = BillingState(fake.as_desk())
    state.preview()
    state.production, state.confirmed = "9000001", True
    state.create()
    assert state.error == ""
    state.production = ""
    assert state.retry_blockers == ["This is a production account: type its id, 9000001, to create in it."]
    state.retry()
    assert not any(call.startswith("retry") for call in fake.calls)


def test_unclear_creates_are_counted_and_looked_up_without_creating(billing: BillingState, fake: FakeDesk) -> None:
    assert billing.resolve_blockers == ["Every create has a clear answer."]
    fake.waiting = 1
    billing.preview()
    assert billing.unresolved_sentence.startswith("1 create has no clear answer")
    assert billing.resolve_blockers == []
    billing.resolve()
    assert (billing.unresolved, billing.looked_up) == (0, "Looked up 1: 1 in NetSuite.")
    assert "bill" not in fake.calls
