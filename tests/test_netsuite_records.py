"""nsbill.netsuite.records: what counts as there, as not there, and as not known. By a stand-in for the client."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any, cast

import pytest

from nsbill.errors import NetSuiteError, NoAnswer
from nsbill.netsuite.client import Call, Client
from nsbill.netsuite.records import FoundRecord, find_by_external_id, transform_order
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
    with pytest.raises(NetSuiteError, match="no record with an 'id' and a 'total'"):
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
