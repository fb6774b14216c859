"""nsbill.billing.read_back_early: records are read back while others are made; only what was found equal is final."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from demo_company import Company, demo_company

from nsbill.billing import read_back_early as module
from nsbill.billing.journal import Entry, PlannedBill
from nsbill.billing.read_back import COULD_NOT, read_back
from nsbill.billing.read_back_early import EarlyReadBack
from nsbill.billing.result import outcomes_of
from nsbill.billing.run import carry_out
from nsbill.desk import Desk
from nsbill.money import exact
from nsbill.netsuite import retry
from nsbill.vocabulary import RecordType

SEARCH = "customsearch_nsbill_orders_to_bill"
Answers = Callable[[pd.DataFrame], dict[str, str]]


def entry(position: int, record: str | None, state: str = "created") -> Entry:
    bill = PlannedBill(
        sales_order_id=str(position),
        sales_order_number=f"SO{position}",
        amazon_order_id="111-0000000-0000001",
        record_type=RecordType.INVOICE,
        part=1,
        external_id=f"x{position}",
        transaction_date=date(2026, 11, 1),
        currency="USD",
        amount=exact("1.00"),
    )
    return Entry(bill, state, "R", None, record, None, position=position)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """What was compared, piece by piece, and what is said about it."""
    seen = SimpleNamespace(pieces=[], answers=[])

    def fake(_client: object, _currencies: object, outcomes: pd.DataFrame) -> dict[str, str]:
        seen.pieces.append(sorted(outcomes["external_id"]))
        return seen.answers.pop(0) if seen.answers else {}

    monkeypatch.setattr(module, "read_back", fake)
    return seen


def early(planned: int) -> EarlyReadBack:
    nothing: Any = None
    return EarlyReadBack(nothing, {}, planned)


ENTRIES = [entry(0, "70"), entry(1, "71"), entry(2, "72"), entry(3, None, "unknown")]
TABLE = """
what was said early             | entries at the end            | read at the end
all equal                       | as they were                  |
x1 differs                      | as they were                  | x1
nothing could be read           | as they were                  | x0 x1 x2
all equal                       | x2 has another record         | x2
all equal                       | x3 was found later            | x3
"""
ROWS = [[cell.strip() for cell in line.split("|")] for line in TABLE.strip().splitlines()[1:]]
SAID: dict[str, dict[str, str]] = {
    "all equal": {},
    "x1 differs": {"x1": "!"},
    "nothing could be read": {COULD_NOT: "!"},
}
ENDS = {
    "as they were": ENTRIES,
    "x2 has another record": [*ENTRIES[:2], entry(2, "99"), ENTRIES[3]],
    "x3 was found later": [*ENTRIES[:3], entry(3, "73")],
}


@pytest.mark.parametrize("said, ends, rest", ROWS, ids=[f"{row[0]}, {row[1]}" for row in ROWS])
def test_whatever_was_not_found_equal_is_read_once_more(
    asked: SimpleNamespace, said: str, ends: str, rest: str
) -> None:
    asked.answers = [SAID[said], {"x1": "at the end"}]
    with early(4) as reading:
        for one in ENTRIES[:3]:
            reading.made(one)
        reading.go_on(left=0)
        told = reading.rest(outcomes_of(ENDS[ends]))
    assert asked.pieces[0] == ["x0", "x1", "x2"]
    compared = [name for name in asked.pieces[1] if name in {e.bill.external_id for e in ENDS[ends] if e.record_id}]
    assert compared == rest.split()
    assert told == {"x1": "at the end"}, "what counts is what is said at the end"


def test_a_few_records_are_not_worth_requests_of_their_own_before_the_end(asked: SimpleNamespace) -> None:
    with early(4) as reading:
        reading.made(ENTRIES[0])
        reading.go_on(left=100)
        reading.go_on(left=10)
        assert reading.rest(outcomes_of(ENTRIES)) == {}
    assert asked.pieces == [["x0", "x1", "x2"]]


def test_an_account_that_shows_no_records_is_not_asked_again_and_again(asked: SimpleNamespace) -> None:
    asked.answers = [{COULD_NOT: "the role may not see them"}]
    with early(4) as reading:
        for one in ENTRIES[:3]:
            reading.made(one)
            reading.go_on(left=0)
            for under_way in reading._under_way:
                under_way.result()
        assert asked.pieces == [["x0"]]


def test_an_error_that_is_no_answer_of_netsuite_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> dict[str, str]:
        raise ValueError("not an internal id")

    monkeypatch.setattr(module, "read_back", broken)
    with early(1) as reading:
        reading.made(ENTRIES[0])
        reading.go_on(left=0)
        with pytest.raises(ValueError, match="not an internal id"):
            reading.rest(outcomes_of(ENTRIES[:1]))


@pytest.fixture
def company(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Company]:
    monkeypatch.setattr(retry, "FIRST_WAIT", 0.001)
    monkeypatch.setattr(module, "_ENOUGH", 5)
    with demo_company(tmp_path, orders=60) as made:
        yield made


@pytest.fixture
def desk(company: Company) -> Iterator[Desk]:
    with company.desk() as opened:
        opened.save_settings(saved_search=SEARCH)
        yield opened


def recorded(monkeypatch: pytest.MonkeyPatch, desk: Desk) -> list[tuple[int, list[str]]]:
    """Each comparison: how many records the run had made when it began, and which were compared."""
    seen: list[tuple[int, list[str]]] = []
    lock = threading.Lock()

    def watched(client: Any, currencies: dict[str, str], outcomes: pd.DataFrame) -> dict[str, str]:
        made = sum(event["kind"] == "created" for event in desk.journal.events())
        with lock:
            seen.append((made, outcomes["external_id"][outcomes["record_id"].notna()].tolist()))
        return read_back(client, currencies, outcomes)

    monkeypatch.setattr(module, "read_back", watched)
    return seen


def test_records_are_read_back_while_others_are_made_and_each_of_them_once(
    company: Company, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = desk.preview()
    desk.client.settings = desk.settings.model_copy(update={"slots": 3})
    company.simulator.control("latency", {"latency_ms": 20})
    seen = recorded(monkeypatch, desk)
    result = carry_out(plan, journal=desk.journal, client=desk.client)
    assert result.clean
    assert seen[0][0] < len(plan.to_bill) / 2, "the first were compared before half of them were made"
    assert sorted(name for _, names in seen for name in names) == sorted(plan.to_bill["external_id"])


def test_a_record_that_differs_is_told_once_although_it_was_read_twice(
    company: Company, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = desk.preview()
    amount = plan.to_bill["amount"].iloc[0]
    wrong = plan.to_bill.assign(amount=plan.to_bill["amount"].where(plan.to_bill.index != 0, amount + 1))
    desk.client.settings = desk.settings.model_copy(update={"slots": 1})
    seen = recorded(monkeypatch, desk)
    result = carry_out(replace(plan, to_bill=wrong), journal=desk.journal, client=desk.client)
    name = wrong["external_id"].iloc[0]
    assert sum(name in names for _, names in seen) == 2
    (sentence,) = result.differences
    assert "planned" in sentence
    told = [event["detail"] for event in desk.journal.events() if event["external_id"] == name and event["detail"]]
    assert told == [sentence]
    assert company.bills()[wrong["sales_order_id"].iloc[0]] == 1
