"""nsbill.billing.read_back: each new record is compared with plan and order, line by line; against a real simulator."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import pandas as pd
import pytest
from demo_company import Company, demo_company

from nsbill.billing.journal import Journal
from nsbill.billing.read_back import COULD_NOT, read_back
from nsbill.billing.run import carry_out, resume_run
from nsbill.billing.story import story
from nsbill.desk import Desk
from nsbill.netsuite import bill_lines, retry
from nsbill.netsuite.books import load_currencies
from nsbill.simulator import tables

SEARCH = "customsearch_nsbill_orders_to_bill"


@dataclass
class Billed:
    """A company whose plan was carried out, with the outcomes and the journal of that."""

    company: Company
    desk: Desk
    currencies: dict[str, str]
    outcomes: pd.DataFrame
    journal: Journal
    run_id: str

    def different(self, outcomes: pd.DataFrame | None = None) -> dict[str, str]:
        """What differs now."""
        return read_back(self.desk.client, self.currencies, self.outcomes if outcomes is None else outcomes)

    def change(self, sql: str) -> None:
        """Change the simulator's books."""
        connection = tables.connect(self.company.workspace / "simulator.db")
        connection.execute(sql)
        connection.close()

    def row(self, number: int) -> dict[str, str]:
        """One outcome."""
        return {str(name): value for name, value in self.outcomes.iloc[number].items()}


@pytest.fixture(scope="module")
def billed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Billed]:
    with demo_company(tmp_path_factory.mktemp("company"), orders=60) as company, company.desk() as desk:
        desk.save_settings(saved_search=SEARCH)
        plan = desk.preview()
        first = plan.to_bill[(plan.to_bill["part"] == 1) & (plan.to_bill["currency"] == "USD")].reset_index(drop=True)
        journal = Journal.in_workspace(tmp_path_factory.mktemp("journal"))
        result = carry_out(replace(plan, to_bill=first), journal=journal, client=desk.client)
        assert result.clean
        yield Billed(company, desk, load_currencies(desk.client), result.outcomes, journal, result.run_id)
        journal.close()


CHANGES: dict[str, tuple[str, str]] = {
    "another quantity": (
        "UPDATE txnline SET quantity = quantity + 1 WHERE txn = {bill} AND line = 1",
        r"line 1 bills 2 × .* for .*, line 1 of the order has 1 × .* for .*Compare it with the order",
    ),
    "another item": ("UPDATE txnline SET item = 205 WHERE txn = {bill} AND line = 1", "line 1 bills .* line 1 of the order"),
    "another amount of a line": (
        "UPDATE txnline SET amount = amount - 100 WHERE txn = {bill} AND line = 1",
        "line 1 bills .* for .*, line 1 of the order has",
    ),
    "another total": ("UPDATE txn SET total = total + 1 WHERE id = {bill}", "bills .* USD of sales order .*; planned"),
    "another external id": ("UPDATE txn SET externalid = 'x{bill}' WHERE id = {bill}", "with external id x"),
    "no external id": ("UPDATE txn SET externalid = NULL WHERE id = {bill}", "with no external id"),
    "another currency": ("UPDATE txn SET currency = 2 WHERE id = {bill}", "bills .*; planned .* USD for SO"),
    "another order": ("UPDATE txn SET createdfrom = 5001 WHERE id = {bill}", "of sales order 5001 with"),
    "no line of the order": ("DELETE FROM link WHERE nextdoc = {bill}", "none of its lines comes from the order"),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_whatever_differs_from_plan_or_order_is_one_sentence(billed: Billed, name: str) -> None:
    sql, told = CHANGES[name]
    mine = billed.row(2 + list(CHANGES).index(name))
    before = billed.different()
    assert mine["external_id"] not in before
    billed.change(sql.format(bill=mine["record_id"]))
    found = billed.different()
    assert set(found) - set(before) == {mine["external_id"]}
    assert pd.Series([found[mine["external_id"]]]).str.contains(told, regex=True).all(), found[mine["external_id"]]


def test_a_record_that_is_gone_is_said(billed: Billed) -> None:
    gone = billed.outcomes.iloc[[0]].assign(record_id="999999999")
    (sentence,) = billed.different(gone).values()
    assert sentence.startswith("Record 999999999 is not to be found any more")


def test_nothing_made_is_nothing_to_compare(billed: Billed) -> None:
    assert billed.different(billed.outcomes.iloc[:0]) == {}


def test_what_cannot_be_read_is_said_and_not_taken_for_equal(billed: Billed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "FIRST_WAIT", 0.001)
    billed.company.simulator.control(
        "faults", {"faults": [{"where": "suiteql", "kind": "drop_before", "times": 99}], "seed": 1}
    )
    found = billed.different()
    billed.company.simulator.control("faults", {"faults": [], "seed": 1})
    assert "could not be read back" in found[COULD_NOT]


def test_an_account_that_shows_no_links_is_told_that_lines_were_not_compared(
    billed: Billed, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty: Callable[..., pd.DataFrame] = lambda *_: bill_lines.BILLED_LINES.frame()  # noqa: E731
    monkeypatch.setattr("nsbill.billing.read_back.load_billed_lines", empty)
    assert "the lines were not compared" in billed.different(billed.outcomes.iloc[[0]])[COULD_NOT]


def test_a_part_of_a_line_at_the_orders_price_is_no_difference(billed: Billed) -> None:
    mine = billed.row(1)
    order, bill = mine["sales_order_id"], mine["record_id"]
    billed.change(f"UPDATE txnline SET quantity = 3, amount = 3 * amount WHERE txn = {order} AND line = 1")
    assert mine["external_id"] not in billed.different(), "one of three"
    billed.change(f"UPDATE txnline SET amount = amount + 6 WHERE txn = {order} AND line = 1")
    assert mine["external_id"] not in billed.different(), "rounded by two cents"
    billed.change(f"UPDATE txnline SET amount = amount + 30 WHERE txn = {order} AND line = 1")
    assert "line 1 bills 1 × " in billed.different()[mine["external_id"]]
    assert bill in {str(record) for record in billed.outcomes["record_id"]}


def test_differences_stand_in_the_journal_once(billed: Billed) -> None:
    mine = billed.row(0)
    billed.change(f"UPDATE txn SET total = total + 7 WHERE id = {mine['record_id']}")
    for _ in range(2):
        result = resume_run(billed.run_id, journal=billed.journal, client=billed.desk.client)
        assert any(f"for {mine['sales_order_number']} as" in sentence for sentence in result.differences)
    told = [line for line in story(billed.journal.events(order=mine["sales_order_id"])) if "; planned" in line]
    assert len(told) == 1
    assert billed.journal.entries(billed.run_id)[0].state == "created"
