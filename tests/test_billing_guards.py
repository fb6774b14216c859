"""What stands between a plan and the first create: limits, answers, dry run, edition; by the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from demo_company import Company, demo_company

from nsbill.cli import cli
from nsbill.cli.connection import announced
from nsbill.errors import BillingRefused, MoneyError
from nsbill.settings import save_settings
from nsbill.simulator import tables
from nsbill.vocabulary import LicenceEdition


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    with demo_company(tmp_path_factory.mktemp("company"), orders=60) as made, announced(made.simulator, made.workspace):
        with made.desk() as desk:
            desk.save_settings(saved_search="customsearch_nsbill_orders_to_bill")
        yield made


@pytest.fixture
def closed_month(company: Company) -> Iterator[date]:
    """The month that the settings date every record in; it is closed."""
    long_ago = datetime.now(UTC).date() - timedelta(days=99)
    save_settings(company.workspace, {"transaction_date": long_ago.replace(day=1).isoformat(), "closed_period": "ask"})
    change(company, f"UPDATE accountingperiod SET closed = 'T' WHERE startdate <= '{long_ago}'")
    yield long_ago.replace(day=1)
    save_settings(company.workspace, {"transaction_date": "today", "closed_period": "block"})


def change(company: Company, sql: str) -> None:
    books = tables.connect(company.workspace / "simulator.db")
    books.execute(sql)
    books.close()


def run(company: Company, *words: str, answers: str | None = None) -> Result:
    return CliRunner().invoke(cli, [*words, "--workspace", str(company.workspace)], input=answers)


def read(result: Result) -> dict[str, object]:
    found: dict[str, object] = json.loads(result.stdout)
    return found


@pytest.mark.parametrize(
    "words, sentence",
    [
        (["--max-orders", "1"], "orders are to bill and max_orders is 1"),
        (["--max-total", "USD=0.01"], "is to bill and max_total is 0.01 USD"),
        (["--max-total", "USD=999999.00"], "max_total names no limit for "),
        (["--max-total", "USD=999999.00", "--max-total", "EUR=0.01"], "is to bill and max_total is 0.01 EUR"),
    ],
)
def test_a_plan_beyond_a_limit_creates_nothing(company: Company, words: list[str], sentence: str) -> None:
    before = company.bills()
    result = run(company, "bill", "--yes", *words)
    assert isinstance(result.exception, BillingRefused), result.output
    assert sentence in str(result.exception)
    assert company.bills() == before


def test_a_limit_that_is_no_amount_is_refused(company: Company) -> None:
    assert isinstance(run(company, "bill", "--yes", "--max-total", "USD=lots").exception, MoneyError)
    assert isinstance(run(company, "bill", "--yes", "--max-total", "USD=1", "--max-total", "5").exception, MoneyError)


def test_orders_dated_in_a_closed_period_ask_first_and_nothing_is_billed_without_an_answer(
    company: Company, closed_month: date
) -> None:
    before = company.bills()
    shown = run(company, "plan")
    assert "To be answered before anything is billed" in shown.output
    asked = read(run(company, "plan", "--json"))
    assert (asked["to_bill"], asked["undecided"]) == (0, dict(asked["skipped_by_reason"])["closed_period"])  # type: ignore[call-overload]
    later = read(run(company, "plan", "--closed-period", "next-open", "--json"))
    assert later["to_bill"] == asked["undecided"]
    rows = later["orders_to_bill"]
    assert isinstance(rows, list)
    assert {row["transaction_date"] > closed_month.isoformat() for row in rows} == {True}
    assert f"instead of {closed_month}" in rows[0]["note"]
    refused = run(company, "bill", "--yes")
    assert "Nothing was created" in refused.stderr  # nothing else is to be billed
    declined = run(company, "bill", answers="n\n")
    assert "Use the next open one?" in declined.stderr
    accepted = run(company, "bill", answers="y\nn\n")
    assert f"Create {later['to_bill']} billing records" in accepted.stderr
    assert company.bills() == before


def test_no_answer_stops_also_the_orders_that_are_in_an_open_period(company: Company, closed_month: date) -> None:
    save_settings(company.workspace, {"transaction_date": "ship-date"})
    change(company, "UPDATE accountingperiod SET closed = 'F'")
    change(company, "UPDATE accountingperiod SET closed = 'T' WHERE enddate < date('now', '-25 days')")
    plan = read(run(company, "plan", "--json"))
    if not (plan["to_bill"] and plan["undecided"]):
        change(
            company,
            "UPDATE txn SET shipdate = date('now', '-70 days') WHERE id = (SELECT MAX(id) FROM txn WHERE type = 'SalesOrd' AND status = 'F' AND shipdate IS NOT NULL)",
        )
        plan = read(run(company, "plan", "--json"))
    assert plan["to_bill"]
    assert plan["undecided"]
    before = company.bills()
    refused = run(company, "bill", "--yes")
    assert isinstance(refused.exception, BillingRefused), refused.output
    assert "nobody said what to do" in str(refused.exception)
    with company.desk() as desk, pytest.raises(BillingRefused, match="nobody said"):
        desk.bill(desk.preview())
    assert company.bills() == before


def test_netsuites_own_reckoning_is_compared_before_billing(company: Company) -> None:
    agreed = read(run(company, "plan", "--exact", "3", "--json"))
    assert agreed["exact"] == {"checked": 3, "differences": []}
    order = read(run(company, "plan", "--json"))["orders_to_bill"][0]["sales_order_id"]  # type: ignore[index]
    change(company, f"UPDATE txnline SET amount = amount + 5 WHERE txn = {order} AND line = 1")
    before = company.bills()
    try:
        told = run(company, "plan", "--exact", "--json")
        assert len(read(told)["exact"]["differences"]) == 1  # type: ignore[index]
        refused = run(company, "bill", "--yes", "--exact", "all")
        assert isinstance(refused.exception, BillingRefused)
        assert "1 records otherwise than planned" in str(refused.exception)
    finally:
        change(company, f"UPDATE txnline SET amount = amount - 5 WHERE txn = {order} AND line = 1")
    assert company.bills() == before
    assert run(company, "plan", "--exact", "none").exit_code == 2


def test_an_edition_that_changed_since_the_plan_stops_it(company: Company) -> None:
    save_settings(company.workspace, {"cash_sale_flow": True})
    try:
        with company.desk() as desk:
            plan = desk.preview()
            assert set(plan.to_bill["record_type"]) == {"invoice", "cashSale"}
            desk.settings = desk.settings.model_copy(
                update={"edition": LicenceEdition.PREMIUM, "cash_sale_flow": False}
            )
            before = company.bills()
            with pytest.raises(BillingRefused, match="premium edition does not allow cash sales") as refused:
                desk.bill(plan)
            assert '[edition_allows] premium = ["invoice", "cashSale"]' in str(refused.value), (
                "and how to override that"
            )
            assert company.bills() == before
    finally:
        save_settings(company.workspace, {"cash_sale_flow": False})


def test_a_run_is_not_resumed_with_records_that_the_edition_no_longer_allows(company: Company) -> None:
    save_settings(company.workspace, {"cash_sale_flow": True})
    try:
        with company.desk() as desk:
            run_id = desk.journal.start_run(desk.preview(), "{}")
            before = company.bills()
            desk.settings = desk.settings.model_copy(
                update={"edition": LicenceEdition.PREMIUM, "cash_sale_flow": False}
            )
            with pytest.raises(BillingRefused, match="premium edition does not allow cash sales"):
                desk.resume(run_id)
            assert company.bills() == before
    finally:
        save_settings(company.workspace, {"cash_sale_flow": False})


def test_periods_that_the_role_may_not_see_are_said_and_do_not_stop_the_plan(company: Company) -> None:
    company.simulator.control("preferences", {"suiteql_missing_tables": "accountingperiod"})
    try:
        plan = read(run(company, "plan", "--json"))
    finally:
        company.simulator.control("preferences", {"suiteql_missing_tables": ""})
    assert plan["to_bill"]
    assert "Closed accounting periods are not looked at" in str(plan["notices"])


def test_what_routes_an_order_is_a_field_of_choice(company: Company, tmp_path: Path) -> None:
    save_settings(company.workspace, {"cash_sale_flow": True, "route_field": "terms", "route_filled": "invoice"})
    try:
        plan = read(run(company, "plan", "--json"))
    finally:
        save_settings(
            company.workspace, {"cash_sale_flow": False, "route_field": "paymentmethod", "route_filled": "cash-sale"}
        )
    assert plan["route"] == "by terms: filled becomes an invoice, empty a cash sale"


def test_orders_that_come_in_after_the_plan_wait_for_the_next_run_where_nobody_looks_at_it(company: Company) -> None:
    with company.desk() as desk:
        whole = desk.preview()
        newest = whole.to_bill["sales_order_id"].iloc[-1]
        seen = desk.preview({newest: "not there yet"})
        seen = replace(seen, skipped=seen.skipped[seen.skipped["sales_order_id"] != newest])
        before = company.bills()
        with pytest.raises(BillingRefused, match="1 new"):
            desk.bill(seen)
        gone = seen.to_bill["sales_order_id"].iloc[0]
        desk.exclude(gone, reason="disputed", author="test")
        with pytest.raises(BillingRefused, match="1 no longer to bill"):
            desk.bill(seen, newcomers_wait=True)
        desk.include(gone, author="test")
        assert company.bills() == before
        result = desk.bill(seen, newcomers_wait=True)
        assert result.count("created") == len(seen.to_bill)
        assert newest not in set(result.outcomes["sales_order_id"])
        assert newest in set(desk.preview().to_bill["sales_order_id"])
