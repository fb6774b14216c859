"""nsbill.billing.plan: every order of the search is to be billed or is skipped with its reason."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pandas as pd
from billing_tables import bills, orders

from nsbill.billing.plan import Known, Plan, build_plan
from nsbill.schemas import BILLING_RECORDS, PLAN_SKIPPED
from nsbill.settings import Settings

TODAY = date(2026, 11, 1)
NONE_BILLED = BILLING_RECORDS.frame()


def plan(found: pd.DataFrame, billed: pd.DataFrame = NONE_BILLED, **more: object) -> Plan:
    chosen: dict[str, object] = {"settings": Settings(account="1_SB1"), "status_effective": ("F",), "today": TODAY}
    return build_plan(found, PLAN_SKIPPED.frame(), billed, **{**chosen, **more})  # type: ignore[arg-type]


def test_each_order_gets_the_reason_of_the_first_rule_that_holds() -> None:
    found = orders("""
        id | amazon | status | total | currency | payment
        1  | 1      | F      | 10.00 | USD      | -
        2  | -      | F      | 10.00 | USD      | -
        3  | 12-34  | F      | 10.00 | USD      | -
        4  | 4      | F      | 10.00 | USD      | -
        5  | 4      | F      | 11.00 | USD      | -
        6  | 6      | E      | 10.00 | USD      | -
        7  | 7      | G      | 10.00 | USD      | -
        8  | 8      | F      | 0.00  | USD      | -
        9  | 9      | F      | 10.00 | USD      | -
        10 | 10     | F      | 10.00 | USD      | -
        11 | 11     | F      | 10.00 | USD      | -
        12 | 12     | F      | 10.00 | USD      | -
    """)
    billed = bills("""
        id  | order | amazon | total | currency | voided
        100 | 9     | 9      | 10.00 | USD      | F
        101 | -     | 10     | 10.00 | USD      | F
        102 | 11    | 11     | 9.00  | EUR      | F
    """)
    made = plan(found, billed, exclude={"12": "buyer called"})
    assert made.to_bill["sales_order_id"].tolist() == ["1"]
    assert dict(zip(made.skipped["sales_order_id"], made.skipped["reason"], strict=True)) == {
        "2": "no_amazon_order_id",
        "3": "malformed_amazon_order_id",
        "4": "same_amazon_order_twice",
        "5": "same_amazon_order_twice",
        "6": "partially_fulfilled",
        "7": "status_not_billable",
        "8": "nothing_to_bill",
        "9": "already_billed",
        "10": "already_billed",
        "11": "already_billed",
        "12": "excluded_by_user",
    }
    told = dict(zip(made.skipped["sales_order_id"], made.skipped["explanation"], strict=True))
    assert "INV101" in told["10"]
    assert "another currency by INV102" in told["11"]
    assert "buyer called" in told["12"]


def test_the_remainder_of_a_partly_billed_order_is_billed_as_its_next_part() -> None:
    found = orders("id | amazon | status | total\n1 | 1 | F | 10.00")
    billed = bills("""
        id  | order | amazon | total | voided
        100 | 1     | 1      | 3.33  | F
        101 | 1     | 1      | 3.33  | T
    """)
    bill = plan(found, billed).to_bill.iloc[0]
    assert (bill["amount"], bill["part"], bill["external_id"]) == (Decimal("6.67"), 3, "nsbill-INV-1-3")
    skipped = plan(found, billed, settings=Settings(partially_billed="skip")).skipped
    assert skipped["reason"].tolist() == ["partially_billed"]


def test_both_flows_route_by_payment_method() -> None:
    found = orders("id | amazon | status | total | payment\n1 | 1 | F | 1.00 | Visa\n2 | 2 | F | 2.00 | -")
    made = plan(found, settings=Settings(cash_sale_flow=True))
    assert made.to_bill["external_id"].tolist() == ["nsbill-CS-1-1", "nsbill-INV-2-1"]
    only_cash = plan(found, settings=Settings(invoice_flow=False, cash_sale_flow=True))
    assert only_cash.to_bill["record_type"].tolist() == ["cashSale", "cashSale"]
    assert "1 of the orders become cash sales without having a payment method" in only_cash.notices[0]


def test_netsuites_criterion_wins_and_the_difference_is_said() -> None:
    found = orders("id | amazon | status | total\n1 | 1 | B | 10.00")
    made = plan(found, status_effective=("B",))
    assert len(made.to_bill) == 1
    assert "selects Pending Fulfillment, the setting says Pending Billing" in made.notices[0]


def test_an_order_with_an_open_create_waits() -> None:
    found = orders("id | amazon | status | total\n1 | 1 | F | 10.00")
    made = plan(found, known=Known(unresolved=frozenset({"1"})))
    assert made.skipped["reason"].tolist() == ["unresolved_outcome"]
    assert "nsbill resume" in made.skipped["explanation"].iloc[0]


def test_ship_dates_are_used_when_the_setting_says_so() -> None:
    found = orders("id | amazon | status | total\n1 | 1 | F | 10.00")
    assert plan(found).to_bill["transaction_date"].tolist() == [TODAY]
    made = plan(found, settings=Settings(transaction_date="ship-date"))
    assert made.to_bill["transaction_date"].tolist() == [date(2026, 10, 3)]


def test_the_fingerprint_changes_with_what_would_be_created_and_with_nothing_else() -> None:
    found = orders("id | amazon | status | total\n1 | 1 | F | 10.00\n2 | 2 | F | 5.00")
    first = plan(found)
    assert plan(found.iloc[::-1]).fingerprint == first.fingerprint
    assert plan(found.assign(customer="else")).fingerprint == first.fingerprint
    dearer = orders("id | amazon | status | total\n1 | 1 | F | 10.01\n2 | 2 | F | 5.00")
    assert plan(dearer).fingerprint != first.fingerprint
    assert plan(found, settings=Settings(account="2_SB1")).fingerprint != first.fingerprint
    assert plan(found, exclude={"2": "x"}).fingerprint != first.fingerprint


def test_the_callers_frames_are_not_touched() -> None:
    found = orders("id | amazon | status | total\n1 | 1 | F | 10.00")
    kept = found.copy()
    plan(found)
    pd.testing.assert_frame_equal(found, kept)


def test_no_orders_make_an_empty_plan() -> None:
    made = plan(orders("id | amazon | status | total"))
    assert (made.orders, made.totals) == (0, {})
