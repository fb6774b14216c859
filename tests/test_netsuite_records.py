"""nsbill.netsuite.records: what counts as there, as not there, and as not known. By a stand-in for the client."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any, cast

import pytest

from nsbill.errors import NetSuiteError, NoAnswer
from nsbill.netsuite.client import Call, Client
from nsbill.netsuite.records import BillLine, FoundRecord, find_by_external_id, preview_bill, transform_order
from nsbill.netsuite.replies import Reply
from nsbill.settings import Settings
from nsbill.vocabulary import RecordType

BODY = {
    "id": "900",
    "tranId": "INV9",
    "externalId": "nsbill-5-INV-1",
    "createdFrom": {"id": "5"},
    "total": Decimal("1.5"),
}


class Account:
    def __init__(self, answer: Reply | Exception) -> None:
        self.answer, self.settings = answer, Settings(account="1_SB1")
        self.calls: list[Call] = []

    def send(self, call: Call) -> Reply:
        self.calls.append(call)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def find(answer: Reply | Exception) -> FoundRecord | None:
    return find_by_external_id(cast("Client", Account(answer)), RecordType.INVOICE, "nsbill-5-INV-1")


def refusal(status: int, code: str) -> NetSuiteError:
    return NetSuiteError("Look up", status=status, code=code, detail="No.")


def test_a_record_is_found_with_its_order_and_exact_total() -> None:
    assert find(Reply(200, BODY, None)) == FoundRecord("900", "INV9", "nsbill-5-INV-1", "5", Decimal("1.50"))


@pytest.mark.parametrize(
    "created_from, order", [({"id": "5", "refName": "SO5"}, "5"), ("5", "5"), (None, None), ({}, None)]
)
def test_both_notations_of_a_reference_are_read(created_from: Any, order: str | None) -> None:
    found = find(Reply(200, BODY | {"createdFrom": created_from}, None))
    assert found is not None
    assert found.sales_order_id == order


@pytest.mark.parametrize("code", ["NONEXISTENT_ID", "RCRD_DSNT_EXIST"])
def test_only_netsuites_own_word_counts_as_absent(code: str) -> None:
    assert find(refusal(404, code)) is None


@pytest.mark.parametrize("code", ["NO_JSON", "NO_BODY", "NOT_FOUND", "UNKNOWN_SHAPE"])
def test_a_404_of_something_between_is_not_taken_for_absent(code: str) -> None:
    """A record taken for absent may be created a second time."""
    with pytest.raises(NetSuiteError):
        find(refusal(404, code))


@pytest.mark.parametrize("body", [None, [], {"id": "900"}, {"total": 1}, "text"])
def test_an_answer_that_is_no_record_is_an_error(body: object) -> None:
    with pytest.raises(NetSuiteError, match="no record with 'id' and 'total'"):
        find(Reply(200, body, None))


@pytest.mark.parametrize(
    "answer",
    [Reply(204, None, None), Reply(204, None, "https://x/record/v1/invoice/"), Reply(200, None, "https://x/9")],
)
def test_a_create_whose_answer_names_no_record_has_an_unknown_outcome(answer: Reply) -> None:
    account = Account(answer)
    with pytest.raises(NoAnswer, match="without the new record's address"):
        transform_order(
            cast("Client", account), "5", RecordType.INVOICE, external_id="x", transaction_date=date(2026, 2, 1)
        )
    [call] = account.calls
    assert (call.creates, call.json) == (True, {"externalId": "x", "tranDate": "2026-02-01"})


DRY = {
    "total": Decimal("21.18"),
    "taxTotal": Decimal("1.2"),
    "currency": {"id": "1", "refName": "US Dollar"},
    "postingPeriod": {"id": "4", "refName": "Nov 2026"},
    "item": {
        "items": [
            {"item": {"id": "201", "refName": "BOT"}, "orderLine": 1, "quantity": 2, "amount": Decimal("19.98"),
             "taxAmount": Decimal("1.2")},
            {"item": "9", "amount": 0},
        ]
    },
}  # fmt: skip


def test_a_dry_run_is_read_with_its_lines_and_period_and_is_never_sent_twice() -> None:
    account = Account(Reply(200, DRY, None))
    seen = preview_bill(cast("Client", account), "5", RecordType.CASH_SALE, transaction_date=date(2026, 2, 1))
    assert (seen.total, seen.tax, seen.currency_id, seen.period) == (Decimal("21.18"), Decimal("1.20"), "1", "Nov 2026")
    assert seen.lines == (
        BillLine(1, "201", "BOT", Decimal(2), Decimal("19.98"), Decimal("1.20")),
        BillLine(None, "9", "", Decimal(0), Decimal("0.00"), Decimal("0.00")),
    )
    (call,) = account.calls
    assert call.creates
    assert call.url.endswith("/salesOrder/5/!transform/cashSale")
    assert call.json == {"tranDate": "2026-02-01"}
    assert call.headers["Accept"].endswith("type=create-form")


def test_an_account_that_knows_no_dry_run_is_told_what_may_have_been_saved() -> None:
    with pytest.raises(NetSuiteError, match=r"it may have saved the record .*/invoice/7"):
        preview_bill(cast("Client", Account(Reply(204, None, "/invoice/7"))), "5", RecordType.INVOICE)
