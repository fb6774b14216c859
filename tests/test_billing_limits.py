"""The guard of billing without a person, and the figures that such a run records."""

from __future__ import annotations

from decimal import Decimal

import pytest
from fake_desk import FakeDesk, fake

from nsbill.billing.limits import check_limits, check_set_limits, limit_sentences, run_figures
from nsbill.billing.plan import Plan
from nsbill.errors import BillingRefused, MoneyError, SettingsError
from nsbill.settings import Settings
from nsbill.show.billing_state import BillingState

__all__ = ["fake"]  # pytest finds the fixture by its name here


@pytest.fixture
def plan(fake: FakeDesk) -> Plan:
    """Four orders: 9.99 EUR and 121.50 USD."""
    return fake.preview()


@pytest.mark.parametrize(
    "max_orders, max_total, beyond",
    [
        (4, "121.50", []),
        (5, "1000000", []),
        (3, "121.50", ["4 orders are to bill and max_orders is 3"]),
        (4, "121.49", ["121.50 USD is to bill and max_total is 121.49 USD"]),
        (0, "9.98", ["max_orders is 0", "9.99 EUR is to bill and max_total is 9.98 EUR", "121.50 USD is to bill"]),
    ],
)
def test_a_plan_beyond_a_limit_is_refused_with_every_figure(
    plan: Plan, max_orders: int, max_total: str, beyond: list[str]
) -> None:
    if not beyond:
        check_limits(plan, max_orders=max_orders, max_total=max_total)
        return
    with pytest.raises(BillingRefused) as refused:
        check_limits(plan, max_orders=max_orders, max_total=max_total)
    assert str(refused.value).startswith("Nothing was billed: the plan is beyond the limits of this run: ")
    assert all(words in str(refused.value) for words in beyond)


@pytest.mark.parametrize(
    "max_total, beyond",
    [
        ("USD=121.50, EUR=9.99", ""),
        ("USD=121.49,EUR=9.99", "121.50 USD is to bill and max_total is 121.49 USD"),
        ("USD=121.50", "9.99 EUR is to bill and max_total names no limit for EUR"),
        ({"USD": Decimal("121.50"), "EUR": Decimal("9.98")}, "9.99 EUR is to bill and max_total is 9.98 EUR"),
        (None, ""),
    ],
)
def test_a_limit_by_currency_holds_for_that_one_and_one_that_is_not_named_is_not_billed(
    plan: Plan, max_total: str | dict[str, Decimal] | None, beyond: str
) -> None:
    if not beyond:
        check_limits(plan, max_total=max_total)
        return
    with pytest.raises(BillingRefused, match=beyond):
        check_limits(plan, max_total=max_total)


def test_currencies_are_never_added_to_reach_a_limit(plan: Plan) -> None:
    check_limits(plan, max_orders=4, max_total="125.00")


@pytest.mark.parametrize("max_total", ["lots", "1e3", "100,000.00", "0.001", "USD=1,USD=2", "USD=", "=5", "USD=1,5"])
def test_a_limit_that_is_not_an_exact_amount_is_refused(plan: Plan, max_total: str) -> None:
    with pytest.raises(MoneyError):
        check_limits(plan, max_orders=4, max_total=max_total)


def test_an_empty_plan_passes_any_limit(fake: FakeDesk) -> None:
    fake.orders = {}
    check_limits(fake.preview(), max_orders=0, max_total="0")


def test_a_dry_run_records_the_plan_and_that_nothing_was_created(plan: Plan) -> None:
    assert run_figures(plan) == {
        "to_bill": 4,
        "skipped": 2,
        "created": 0,
        "existing": 0,
        "rejected": 0,
        "unknown": 0,
        "not_started": 0,
        "differences": [],
        "totals": {"EUR": Decimal("9.99"), "USD": Decimal("121.50")},
        "run_id": "",
    }


def test_a_run_records_its_outcomes_and_the_totals_of_what_was_created(plan: Plan, fake: FakeDesk) -> None:
    fake.outcomes = {"5001": "rejected", "5002": "unknown", "5003": "exists"}
    figures = run_figures(plan, fake.bill(plan))
    assert (figures["created"], figures["existing"], figures["rejected"], figures["unknown"]) == (1, 1, 1, 1)
    assert figures["totals"] == {"USD": Decimal("1.00")}
    assert figures["run_id"] == "run-1"


def test_limits_in_the_settings_hold_for_every_run_and_none_are_set_by_default(plan: Plan) -> None:
    check_set_limits(plan, Settings())
    check_set_limits(plan, Settings(max_orders=4, max_total="USD=121.50, EUR=9.99"))
    beyond = Settings(max_orders=3, max_total="USD=121.50")
    assert limit_sentences(plan, beyond) == [
        "4 orders are to bill and max_orders is 3",
        "9.99 EUR is to bill and max_total names no limit for EUR",
    ]
    with pytest.raises(BillingRefused, match="beyond the limits in the settings: 4 orders are to bill"):
        check_set_limits(plan, beyond)


@pytest.mark.parametrize("text", ["many", "USD=1, USD=2", "1.2345e3", "-1", "usd=1.00"])
def test_a_limit_in_the_settings_that_is_no_amount_is_one_sentence(text: str) -> None:
    with pytest.raises(SettingsError, match=r"Use 1000\.00, or USD=1000\.00, EUR=500\.00"):
        Settings(max_total=text)


def test_the_panel_says_that_a_plan_is_beyond_the_settings_limits(fake: FakeDesk) -> None:
    fake.settings = fake.settings.model_copy(update={"max_orders": 3})
    state = BillingState(fake.as_desk())
    state.preview()
    assert state.blockers == [
        "4 orders are to bill and max_orders is 3. Leave orders out, or raise the limit in notebook 01."
    ]
    state.exclude(["5001"])
    state.preview()
    assert state.blockers == ["Tick the box to confirm."]
