"""Exceptions that need more than the statement: each from the smallest case that has it, and what is none."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from reconcile_tables import Case, exception_row, found_exceptions, order_id, records

from nsbill import schemas, schemas_facts
from nsbill.reconcile import Reconciliation
from nsbill.reconcile.book_facts import BookFacts
from nsbill.vocabulary import ClosedPeriod, ExceptionClass

AN_ORDER = "order | total | status | ship\nA | 10.00 | F | 2026-10-01"
A_BILL = "order | number | total | id\nA | I-1 | 10.00 | 1"


def classes(case: Case) -> list[str]:
    """Class and amount of each exception."""
    return [f"{name} {amount}" for name, _, _, amount in found_exceptions(case.run())]


def coverage(found: Reconciliation) -> dict[str, str]:
    """Why classes were not looked for."""
    return {
        str(row["exception_class"]): str(row["explanation"]) for row in records(found.coverage) if not row["looked_for"]
    }


# --- not billed -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "as_of, expected", [("2026-10-10", []), ("2026-10-11", []), ("2026-10-12", ["SHIPPED_NOT_BILLED 10.00"])]
)
def test_an_order_is_late_to_be_billed_only_after_the_unbilled_days(as_of: str, expected: list[str]) -> None:
    assert classes(Case(as_of=as_of, orders=AN_ORDER)) == expected


@pytest.mark.parametrize("status", ["A", "B", "C", "D", "G", "H"])
def test_only_orders_that_are_pending_billing_are_late_to_be_billed(status: str) -> None:
    assert classes(Case(orders=AN_ORDER.replace("| F |", f"| {status} |"))) == []


def test_an_order_without_a_ship_date_is_late_by_its_order_date() -> None:
    orders = "order | total | status | date\nA | 10.00 | F | {}"
    assert classes(Case(as_of="2026-10-12", orders=orders.format("2026-10-01"))) == ["SHIPPED_NOT_BILLED 10.00"]
    assert classes(Case(as_of="2026-10-12", orders=orders.format("2026-10-02"))) == []


def test_the_money_of_a_partly_billed_order_is_its_rest_and_the_evidence_names_what_is_billed() -> None:
    bills = "order | number | total\nA | I-1 | 4.00"
    lines = "settlement | type | order | kind | amount\nK | Order | A | PRINCIPAL | 4.00"
    row = exception_row(Case(orders=AN_ORDER, bills=bills, lines=lines).run(), "SHIPPED_NOT_BILLED")
    assert str(row["amount"]) == "6.00"
    assert row["evidence"] == "sales order SO5001, shipped 2026-10-01, total 10.00, of which 4.00 is billed: I-1"


def test_what_amazon_settled_of_an_order_without_a_bill_is_told_once() -> None:
    lines = "settlement | type | order | kind | amount\nK | Order | A | PRINCIPAL | 10.00"
    assert classes(Case(orders=AN_ORDER, lines=lines)) == ["SETTLED_NOT_BILLED 10.00"]
    partly = "order | number | total\nA | I-1 | 4.00"
    assert classes(Case(orders=AN_ORDER, bills=partly, lines=lines)) == ["OVERPAID 6.00"]


@pytest.mark.parametrize(
    "status, bills, rules, expected",
    [
        ("E", "", {"partially_shipped": "skip"}, ["PARTIALLY_BILLED_SKIPPED 10.00"]),
        ("F", "order | total\nA | 4.00", {"partially_billed": "skip"}, ["PARTIALLY_BILLED_SKIPPED 6.00"]),
        ("F", "", {"partially_billed": "skip", "partially_shipped": "skip"}, []),
        ("E", "", {}, []),
        ("F", "order | total\nA | 10.00", {"partially_billed": "skip"}, []),
    ],
)
def test_what_the_policy_skips_is_said_at_once(
    status: str, bills: str, rules: dict[str, object], expected: list[str]
) -> None:
    orders = AN_ORDER.replace("| F |", f"| {status} |")
    assert classes(Case(as_of="2026-10-05", orders=orders, bills=bills, rules=rules)) == expected


PERIODS = schemas.ACCOUNTING_PERIODS.frame(
    [
        {"period_id": "1", "name": "Q3 2026", "first": date(2026, 7, 1), "last": date(2026, 9, 30), "closed": True},
        {"period_id": "2", "name": "Sep 2026", "first": date(2026, 9, 1), "last": date(2026, 9, 30), "closed": True},
        {"period_id": "3", "name": "Oct 2026", "first": date(2026, 10, 1), "last": date(2026, 10, 31), "closed": False},
    ]
)


@pytest.mark.parametrize(
    "rules, expected",
    [
        ({"transaction_date": "2026-09-30"}, ["CLOSED_PERIOD 10.00"]),
        ({"transaction_date": "2026-09-30", "closed_period": ClosedPeriod.NEXT_OPEN}, []),
        ({"transaction_date": "ship-date"}, []),
        ({}, []),
    ],
)
def test_an_order_whose_bill_would_be_dated_in_a_closed_period_is_told_as_that(
    rules: dict[str, object], expected: list[str]
) -> None:
    facts = BookFacts(accounting_periods=PERIODS)
    assert classes(Case(as_of="2026-10-05", orders=AN_ORDER, rules=rules, facts=facts)) == expected


def test_a_document_dated_in_a_closed_period_and_posted_into_another_is_told_with_both_periods() -> None:
    row = {"record_type": "creditMemo", "currency": "USD", "total": Decimal("3.00"), "period": "Oct 2026"}
    documents = schemas_facts.POSTED_ELSEWHERE.frame(
        [
            row | {"document_id": "9", "number": "CM9", "amazon_order_id": order_id("A"), "date": date(2026, 9, 30)},
            row | {"document_id": "8", "number": "CM8", "date": date(2026, 10, 1)},
        ]
    )
    found = Case(facts=BookFacts(accounting_periods=PERIODS, posted_elsewhere=documents)).run()
    told = exception_row(found, "CLOSED_PERIOD")
    assert (told["amazon_order_id"], told["reference"], str(told["amount"])) == (order_id("A"), "CM9", "3.00")
    assert told["evidence"] == (
        "creditMemo CM9 (internal id 9) is dated 2026-09-30 in Sep 2026, which is closed, and posted into Oct 2026"
    )


def test_a_bill_of_another_subsidiary_than_its_marketplaces_is_told() -> None:
    subsidiaries = schemas_facts.BILL_SUBSIDIARIES.frame(
        [
            {"billing_record_id": number, "subsidiary": name}
            for number, name in (("1", "Inc."), ("2", "GmbH"), ("3", None))
        ]
    )
    case = Case(
        as_of="2026-10-02",
        orders="order | total | marketplace\nA | 10.00 | Amazon.com\nB | 10.00 | Amazon.com\nC | 10.00 | Amazon.de",
        bills="order | number | total | id\nA | I-1 | 4.00 | 1\nA | I-2 | 6.00 | 2\nB | I-3 | 10.00 | 3\nC | I-4 | 9.00 | 4",
        rules={"marketplace_subsidiaries": {"Amazon.com": "Inc."}},
        facts=BookFacts(bill_subsidiaries=subsidiaries),
    )
    found = case.run()
    assert found_exceptions(found) == [("SUBSIDIARY_MISMATCH", "A", "USD", "6.00")]
    evidence = "billing record I-2 is of 'GmbH', orders of Amazon.com belong to 'Inc.'"
    assert exception_row(found, "SUBSIDIARY_MISMATCH")["evidence"] == evidence
    assert "SUBSIDIARY_MISMATCH" in coverage(case.with_(rules={}).run())


# --- kinds ------------------------------------------------------------------------------------------------------------


def kinds(text: str) -> BookFacts:
    """What bill 1 bills of each kind: ``principal 8.00, shipping 2.00``."""
    parts = [part.rsplit(" ", 1) for part in text.split(", ")]
    rows: list[dict[str, object]] = [
        {"billing_record_id": "1", "kind": kind, "amount": Decimal(amount)} for kind, amount in parts
    ]
    return BookFacts(billed_kinds=schemas_facts.BILLED_KINDS.frame(rows))


SHIPPED_FREE = """
    settlement | type  | order | kind          | amount
    K          | Order | A     | PRINCIPAL     | 10.00
    K          | Order | A     | SHIPPING      | 2.00
    K          | Order | A     | PROMOTION     | -2.00
    K          | Order | A     | TAX_PRINCIPAL | 0.80
    K          | Order | A     | TAX_WITHHELD  | -0.80"""


@pytest.mark.parametrize(
    "billed, expected",
    [
        ("principal 10.00, shipping 2.00, promotion -2.00", []),
        ("principal 10.00", ["AMOUNT_MISMATCH_PROMOTION 2.00", "AMOUNT_MISMATCH_SHIPPING -2.00"]),
        ("principal 9.20, shipping 2.00, promotion -2.00, tax 0.80", ["AMOUNT_MISMATCH_PRINCIPAL -0.80", "AMOUNT_MISMATCH_TAX 0.80"]),
        ("principal 9.00, shipping 2.00, promotion -2.00, gift wrap 1.00", ["AMOUNT_MISMATCH_GIFT_WRAP 1.00", "AMOUNT_MISMATCH_PRINCIPAL -1.00"]),
        ("principal 9.00", []),  # not all of its kinds are known: nothing can be told
    ],
)  # fmt: skip
def test_a_total_that_fits_while_its_kinds_do_not_is_told_kind_by_kind(billed: str, expected: list[str]) -> None:
    assert classes(Case(bills=A_BILL, lines=SHIPPED_FREE, facts=kinds(billed))) == expected


def test_a_total_that_does_not_fit_is_told_once_and_its_kinds_are_evidence() -> None:
    short = SHIPPED_FREE.replace("10.00", "9.50")
    found = Case(bills=A_BILL, lines=short, facts=kinds("principal 10.00, shipping 2.00, promotion -2.00")).run()
    assert found_exceptions(found) == [("SHORT_SETTLED", "A", "USD", "0.50")]
    evidence = str(exception_row(found, "SHORT_SETTLED")["evidence"])
    assert evidence.endswith("; billed less settled: principal 0.50")


def test_tax_that_is_told_as_residual_is_not_told_as_a_kind() -> None:
    kept = SHIPPED_FREE.replace("-0.80", "-0.50").replace("10.00", "9.70")
    case = Case(bills=A_BILL, lines=kept, facts=kinds("principal 10.00, shipping 2.00, promotion -2.00"))
    assert classes(case) == ["AMOUNT_MISMATCH_PRINCIPAL 0.30", "TAX_RESIDUAL 0.30"]


# --- lines ------------------------------------------------------------------------------------------------------------

LINE = "K | Order | A | PRINCIPAL | 5.00"
HEAD = "settlement | type | order | kind | amount"


def test_two_equal_blocks_of_an_order_that_was_billed_for_both_are_legitimate() -> None:
    assert classes(Case(bills=A_BILL, lines=f"{HEAD}\n{LINE}\n{LINE}")) == []


def test_equal_lines_that_the_bill_has_no_room_for_are_asked_about_and_both_count() -> None:
    case = Case(bills=A_BILL.replace("10.00", "5.00"), lines=f"{HEAD}\n{LINE}\n{LINE}")
    found = case.run()
    assert classes(case) == ["DUPLICATE_SETTLEMENT_LINE 5.00", "OVERPAID 5.00"]
    assert str(found.statement["received_gross"][0]) == "10.00"
    row = exception_row(found, "DUPLICATE_SETTLEMENT_LINE")
    assert row["evidence"] == "settlement K, lines 2–3: 1 of them stand there again, equal in every column"
    assert str(row["action"]).startswith("Keep both")


def test_equal_lines_that_are_more_than_what_is_too_much_are_not_what_is_too_much() -> None:
    lines = f"{HEAD}\n{LINE}\n{LINE}\nK | Order | A | SHIPPING | 1.00"
    assert classes(Case(bills=A_BILL, lines=lines)) == ["OVERPAID 1.00"]


def test_equal_lines_of_an_order_that_is_not_in_the_books_cannot_be_told() -> None:
    assert classes(Case(lines=f"{HEAD}\n{LINE}\n{LINE}")) == ["ORPHAN_ORDER_ID 10.00"]


def test_a_refund_that_stands_twice_is_asked_about_when_only_one_is_credited() -> None:
    back = "K | Refund | A | PRINCIPAL | -3.00"
    case = Case(bills=A_BILL, lines=f"{HEAD}\n{LINE}\n{LINE}\n{back}\n{back}", credits="order | total\nA | 3.00")
    assert classes(case) == ["DUPLICATE_SETTLEMENT_LINE 3.00", "REFUND_WITHOUT_CREDIT_MEMO 3.00"]
    assert classes(case.with_(credits="order | total\nA | 6.00")) == []


def test_equal_lines_without_an_order_have_nothing_that_explains_them() -> None:
    fee = "K | other-transaction | | SERVICE_FEE | -39.99"
    assert classes(Case(lines=f"{HEAD}\n{fee}\n{fee}")) == ["DUPLICATE_SETTLEMENT_LINE -39.99"]
    assert classes(Case(lines=f"{HEAD} | posted\n{fee} | 2026-10-10\n{fee} | 2026-10-11")) == []


REFUND = """
    settlement | type   | order | kind      | amount | item | sku
    K          | Order  | A     | PRINCIPAL | 10.00  | 11   | MUG
    K1         | Refund | A     | PRINCIPAL | -4.00  | {}   | {}"""


@pytest.mark.parametrize(
    "item, sku, words",
    [
        ("12", "MUG", "only its SKU 'MUG' is among them"),
        ("12", "POT", "neither its SKU nor its amount is that of one of them"),
    ],
)
def test_a_refund_of_an_item_that_the_order_does_not_have_is_to_be_confirmed(item: str, sku: str, words: str) -> None:
    case = Case(bills=A_BILL, lines=REFUND.format(item, sku), credits="order | total\nA | 4.00")
    row = exception_row(case.run(), "REFUND_ITEM_MISMATCH")
    assert (row["settlement_id"], row["reference"], str(row["amount"])) == ("K1", item, "4.00")
    assert str(row["evidence"]).endswith(
        f"settlement K1, line 2: the refund of item '12', which is none of the order's; {words}"
    )


@pytest.mark.parametrize("item", ["11", ""])
def test_a_refund_of_an_own_item_or_of_one_without_an_id_is_fine(item: str) -> None:
    assert classes(Case(bills=A_BILL, lines=REFUND.format(item, "MUG"), credits="order | total\nA | 4.00")) == []


def test_a_refund_before_the_sale_of_its_item_cannot_be_told() -> None:
    bills = A_BILL.replace("10.00", "14.00")
    case = Case(as_of="2026-10-30", bills=bills, lines=REFUND.format("12", "POT"), credits="order | total\nA | 4.00")
    assert "REFUND_ITEM_MISMATCH" not in {name for name, *_ in found_exceptions(case.run())}


LATE = """
    settlement | type              | order | kind           | amount
    K          | Order             | A     | PRINCIPAL      | 10.00
    K1         | {} | A     | {} | {}"""


@pytest.mark.parametrize(
    "kind, line, amount, expected",
    [
        ("Order", "FEE_COMMISSION", "-0.50", ["LATE_LINE -0.50"]),
        ("Order", "PRINCIPAL", "1.00", ["LATE_LINE 1.00", "OVERPAID 1.00"]),
        ("Order_Retrocharge", "TAX_PRINCIPAL", "-0.10", ["LATE_LINE -0.10", "SHORT_SETTLED 0.10"]),
        ("other-transaction", "ADJUSTMENT", "0.30", ["LATE_LINE 0.30"]),
        ("other-transaction", "REIMBURSEMENT", "7.00", []),
        ("Refund", "PRINCIPAL", "-1.00", ["REFUND_WITHOUT_CREDIT_MEMO 1.00"]),
    ],
)
def test_what_comes_of_a_sale_after_the_order_was_settled_is_late(
    kind: str, line: str, amount: str, expected: list[str]
) -> None:
    assert classes(Case(bills=A_BILL, lines=LATE.format(kind, line, amount))) == expected


def test_the_second_part_of_an_order_and_what_came_before_its_bill_are_not_late() -> None:
    lines = LATE.format("Order", "PRINCIPAL", "4.00")
    assert classes(Case(bills=A_BILL.replace("10.00", "14.00"), lines=lines)) == []
    billed = "order | number | total | date\nA | I-1 | 10.00 | {}"
    fee = LATE.format("Order", "FEE_COMMISSION", "-0.50")
    assert classes(Case(bills=billed.format("2026-10-27"), lines=fee)) == ["LATE_LINE -0.50"]
    assert classes(Case(bills=billed.format("2026-10-28"), lines=fee)) == []


# --- income, clearing, coverage ---------------------------------------------------------------------------------------


def test_a_reimbursement_is_unbooked_as_far_as_no_income_is_known_for_it() -> None:
    entry = {"number": "JE1", "amazon_order_id": order_id("A"), "date": date(2026, 11, 1), "currency": "USD"}
    lines = LATE.format("other-transaction", "REIMBURSEMENT", "7.00")

    def told(*amounts: str) -> list[str]:
        rows: list[dict[str, object]] = [
            entry | {"entry_id": str(place), "amount": Decimal(amount)} for place, amount in enumerate(amounts)
        ]
        facts = BookFacts(booked_income=schemas_facts.BOOKED_INCOME.frame(rows))
        return classes(Case(bills=A_BILL, lines=lines, facts=facts))

    assert told() == ["REIMBURSEMENT_UNBOOKED 7.00"]
    assert told("3.00", "2.00") == ["REIMBURSEMENT_UNBOOKED 2.00"]
    assert told("7.00") == []


def test_a_clearing_account_that_is_not_zero_is_a_step_that_breaks_and_an_exception() -> None:
    balances = schemas_facts.CLEARING_BALANCES.frame(
        [
            {"settlement_id": "K", "balance": Decimal("0.00"), "evidence": "account 1160 at JE1"},
            {"settlement_id": "K1", "balance": Decimal("-3.10"), "evidence": "account 1160 at JE2"},
        ]
    )
    found = Case(lines=LATE.format("Refund", "PRINCIPAL", "-1.00"), facts=BookFacts(clearing_balances=balances)).run()
    steps = found.tie_out[found.tie_out["step"] == "clearing account"]
    assert [(row["holds"], str(row["residual"])) for row in records(steps)] == [(True, "0.00"), (False, "-3.10")]
    row = exception_row(found, "CLEARING_NOT_ZERO")
    assert (row["settlement_id"], str(row["amount"])) == ("K1", "-3.10")
    assert row["evidence"] == "settlement K1: account 1160 at JE2 holds -3.10 after its entries"


def test_every_class_says_whether_it_was_looked_for_and_what_it_needs() -> None:
    found = Case(bills=A_BILL).run()
    assert found.coverage["exception_class"].tolist() == [name.value for name in ExceptionClass]
    missing = coverage(found)
    assert missing["AMOUNT_MISMATCH_TAX"] == "What bills bill of each kind is not known: setting 'kind_items'."
    assert missing["CLEARING_NOT_ZERO"] == "No balance of the clearing account was given."
    assert missing["DEPOSIT_MISSING"] == "No bank statement was given."
    assert {"REIMBURSEMENT_UNBOOKED", "PAYMENT_NOT_APPLIED", "CLOSED_PERIOD", "SOURCE_DISAGREEMENT"} <= missing.keys()
    assert not {"LATE_LINE", "SHIPPED_NOT_BILLED", "REFUND_ITEM_MISMATCH", "DUPLICATE_SETTLEMENT_LINE"} & missing.keys()
