"""nsbill.billing.periods and routes: the date of a record, its period, and what an order becomes."""

from __future__ import annotations

from datetime import date

import pytest
from billing_tables import orders

from nsbill.billing.periods import Periods
from nsbill.billing.plan import Known, Plan, build_plan
from nsbill.billing.routes import record_types, route_words
from nsbill.errors import SettingsError
from nsbill.schemas import ACCOUNTING_PERIODS, BILLING_RECORDS, PLAN_SKIPPED
from nsbill.settings import Settings, validated

YEAR = """
    FY 2026  | 2026-01-01 | 2026-12-31 | F
    Q3 2026  | 2026-07-01 | 2026-09-30 | T
    Aug 2026 | 2026-08-01 | 2026-08-31 | T
    Sep 2026 | 2026-09-01 | 2026-09-30 | T
    Q4 2026  | 2026-10-01 | 2026-12-31 | F
    Oct 2026 | 2026-10-01 | 2026-10-31 | T
    Nov 2026 | 2026-11-01 | 2026-11-30 | F
    Dec 2026 | 2026-12-01 | 2026-12-31 | F
"""


def periods(text: str = YEAR) -> Periods:
    rows = [[cell.strip() for cell in line.split("|")] for line in text.strip().splitlines()]
    return Periods(
        ACCOUNTING_PERIODS.frame(
            [
                {
                    "period_id": str(number),
                    "name": name,
                    "first": date.fromisoformat(first),
                    "last": date.fromisoformat(last),
                    "closed": closed == "T",
                }
                for number, (name, first, last, closed) in enumerate(rows)
            ]
        )
    )


def plan(text: str, **settings: object) -> Plan:
    return build_plan(
        orders(text),
        PLAN_SKIPPED.frame(),
        BILLING_RECORDS.frame(),
        settings=Settings(account="1_SB1", **settings),  # type: ignore[arg-type]
        status_effective=("F",),
        today=date(2026, 11, 15),
        known=Known(periods=periods().frame),
    )


ONE = "id | amazon | status | total\n1 | 1 | F | 10.00"


@pytest.mark.parametrize(
    "day, name, is_open",
    [
        ("2026-11-15", "Nov 2026", True),
        ("2026-10-15", "Oct 2026", False),  # the month is closed, its quarter is not
        ("2026-09-30", "Sep 2026", False),
        ("2026-07-04", "Q3 2026", False),  # no month is set up there, and its quarter is closed
        ("2026-02-01", "FY 2026", True),
        ("2027-01-01", None, False),
    ],
)
def test_a_day_is_open_when_no_period_around_it_is_closed(day: str, name: str | None, *, is_open: bool) -> None:
    assert periods().around(date.fromisoformat(day)) == (name, is_open)


def test_the_next_open_period_is_the_first_whose_days_are_open() -> None:
    assert periods().next_open(date(2026, 8, 10)) == date(2026, 11, 1)
    assert periods().next_open(date(2026, 11, 10)) == date(2026, 12, 1)
    assert periods().next_open(date(2026, 12, 10)) is None


def test_every_record_says_its_period_and_a_closed_one_follows_the_policy() -> None:
    assert plan(ONE).to_bill["period"].tolist() == ["Nov 2026"]
    late = {"transaction_date": "2026-10-15"}
    blocked = plan(ONE, **late)
    [why] = blocked.skipped["explanation"]
    assert why.startswith("It would be dated 2026-10-15, but Oct 2026 is closed. Open the period in NetSuite")
    moved = plan(ONE, **late, closed_period="next-open").to_bill.iloc[0]
    assert (moved["transaction_date"], moved["period"]) == (date(2026, 11, 1), "Nov 2026")
    assert moved["note"] == "Dated 2026-11-01 instead of 2026-10-15: Oct 2026 is closed."
    assert plan(ONE, **late, closed_period="ask").undecided == 1


def test_without_a_later_open_period_the_order_waits_whatever_the_policy() -> None:
    for policy in ("block", "next-open", "ask"):
        [why] = plan(ONE, transaction_date="2027-01-01", closed_period=policy).skipped["explanation"]
        assert "there is no accounting period around it, and no later period is open" in why


def test_an_order_without_a_ship_date_is_dated_today_and_says_so() -> None:
    unshipped = orders(ONE).assign(ship_date=None)
    made = build_plan(
        unshipped,
        PLAN_SKIPPED.frame(),
        BILLING_RECORDS.frame(),
        settings=Settings(account="1_SB1", transaction_date="ship-date"),
        status_effective=("F",),
        today=date(2026, 11, 15),
    )
    row = made.to_bill.iloc[0]
    assert (row["transaction_date"], row["note"]) == (
        date(2026, 11, 15),
        "It has no ship date, so it is dated today, 2026-11-15.",
    )


@pytest.mark.parametrize("text", ["tomorrow", "2026-02-30", "20260201", "01.02.2026"])
def test_a_date_that_is_none_is_refused_by_the_settings(text: str) -> None:
    with pytest.raises(SettingsError, match="Use today, ship-date, or a date"):
        validated({"transaction_date": text})


@pytest.mark.parametrize(
    "settings, becomes, words",
    [
        ({}, ["invoice", "invoice"], "every order becomes an invoice"),
        ({"invoice_flow": False, "cash_sale_flow": True}, ["cashSale"] * 2, "every order becomes a cash sale"),
        (
            {"cash_sale_flow": True},
            ["cashSale", "invoice"],
            "by payment method: filled becomes a cash sale, empty an invoice",
        ),
        (
            {"cash_sale_flow": True, "route_field": "terms", "route_filled": "invoice"},
            ["invoice", "cashSale"],
            "by terms: filled becomes an invoice, empty a cash sale",
        ),
    ],
)
def test_what_an_order_becomes(settings: dict[str, object], becomes: list[str], words: str) -> None:
    found = orders("id | amazon | status | total | payment\n1 | 1 | F | 1.00 | 4\n2 | 2 | F | 1.00 | -")
    chosen = Settings(account="1_SB1", **settings)  # type: ignore[arg-type]
    assert record_types(found, chosen).tolist() == becomes
    assert route_words(chosen) == words
