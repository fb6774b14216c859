"""The worked example of the domain reference (2.4), row by row, in both tax modes."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from reconcile_tables import Case, found_exceptions, records, statement_row, table

from nsbill.vocabulary import TaxMode

LINES = """
settlement | type                    | order | kind                    | amount | posted
K          | Order                   | A     | PRINCIPAL               | 60.00  | 2026-10-05
K          | Order                   | A     | SHIPPING                | 5.00   | 2026-10-05
K          | Order                   | A     | GIFT_WRAP               | 3.00   | 2026-10-05
K          | Order                   | A     | TAX_PRINCIPAL           | 4.80   | 2026-10-05
K          | Order                   | A     | TAX_SHIPPING            | 0.40   | 2026-10-05
K          | Order                   | A     | TAX_GIFT_WRAP           | 0.24   | 2026-10-05
K          | Order                   | A     | PROMOTION               | -6.00  | 2026-10-05
K          | Order                   | A     | PROMOTION               | -5.00  | 2026-10-05
K          | Order                   | A     | TAX_WITHHELD            | -4.80  | 2026-10-05
K          | Order                   | A     | TAX_WITHHELD            | -0.40  | 2026-10-05
K          | Order                   | A     | TAX_WITHHELD            | -0.24  | 2026-10-05
K          | Order                   | A     | FEE_COMMISSION          | -8.55  | 2026-10-05
K          | Order                   | A     | FEE_FBA                 | -3.22  | 2026-10-05
K          | Order                   | A     | FEE_GIFTWRAP_CHARGEBACK | -3.00  | 2026-10-05
K1         | Order                   | A     | PRINCIPAL               | 40.00  | 2026-10-20
K1         | Order                   | A     | TAX_PRINCIPAL           | 3.20   | 2026-10-20
K1         | Order                   | A     | TAX_WITHHELD            | -3.20  | 2026-10-20
K1         | Order                   | A     | FEE_COMMISSION          | -6.00  | 2026-10-20
K1         | Order                   | A     | FEE_FBA                 | -3.22  | 2026-10-20
K1         | Refund                  | A     | PRINCIPAL               | -60.00 | 2026-10-22
K1         | Refund                  | A     | PROMOTION               | 6.00   | 2026-10-22
K1         | Refund                  | A     | TAX_PRINCIPAL           | -4.80  | 2026-10-22
K1         | Refund                  | A     | TAX_WITHHELD            | 4.80   | 2026-10-22
K1         | Refund                  | A     | FEE_COMMISSION          | 8.10   | 2026-10-22
K1         | Refund                  | A     | FEE_REFUND_COMMISSION   | -1.62  | 2026-10-22
K          | Order                   | B     | PRINCIPAL               | 25.00  | 2026-10-06
K          | Order                   | B     | FEE_COMMISSION          | -3.75  | 2026-10-06
K1         | A-to-z Guarantee Refund | B     | PRINCIPAL               | -25.00 | 2026-10-23
K1         | A-to-z Guarantee Refund | B     | FEE_COMMISSION          | 3.75   | 2026-10-23
K1         | SAFE-T Reimbursement    | B     | REIMBURSEMENT           | 25.00  | 2026-10-24
K          | other-transaction       |       | SERVICE_FEE             | -39.99 | 2026-10-01
K          | other-transaction       |       | RESERVE                 | 50.00  | 2026-10-01
K          | other-transaction       |       | RESERVE                 | -20.00 | 2026-10-14
K1         | other-transaction       |       | RESERVE                 | 20.00  | 2026-10-15
"""

CASE = Case(
    orders="""
        order | total | date       | ship       | marketplace
        A     | 97.00 | 2026-09-28 | 2026-10-01 | Amazon.com
        B     | 25.00 | 2026-09-29 | 2026-10-01 | Amazon.com""",
    bills="""
        order | number | date       | total
        A     | INV-1  | 2026-10-01 | 57.00
        A     | INV-2  | 2026-10-02 | 40.00
        B     | INV-3  | 2026-10-01 | 25.00""",
    lines=LINES,
)

MEMO_AFTER = "order | number | date | total\nA | CM-1 | 2026-10-29 | 54.00"
MEMO_BEFORE = "order | number | date | total\nA | CM-1 | 2026-10-10 | 54.00"

AS_OF = table(
    """
    name | as_of      | memo | billed | credited | received | refunded | fees  | net   | sale  | refund | due    | status
    t0   | 2026-10-13 |      | 97.00  | 0.00     | 0.00     | 0.00     | 0.00  | 0.00  | 97.00 | 0.00   | 97.00  | AWAITING_SETTLEMENT
    t1   | 2026-10-14 |      | 97.00  | 0.00     | 57.00    | 0.00     | 14.77 | 42.23 | 40.00 | 0.00   | 40.00  | PARTIALLY_SETTLED
    t2   | 2026-10-28 |      | 97.00  | 0.00     | 97.00    | 54.00    | 17.51 | 25.49 | 0.00  | -54.00 | 0.00   | REFUND_UNCREDITED
    t3   | 2026-10-29 | yes  | 97.00  | 54.00    | 97.00    | 54.00    | 17.51 | 25.49 | 0.00  | 0.00   | 0.00   | SETTLED
    tX   | 2026-10-20 | yes  | 97.00  | 54.00    | 57.00    | 0.00     | 14.77 | 42.23 | 40.00 | 54.00  | -14.00 | REFUND_IN_TRANSIT
    """
)
COLUMNS = {
    "billed": "billed_gross",
    "credited": "credited",
    "received": "received_gross",
    "refunded": "refunded",
    "fees": "fee_withheld",
    "net": "net_cash",
    "sale": "sale_leg",
    "refund": "refund_leg",
    "due": "due",
}


@pytest.mark.parametrize("expected", AS_OF, ids=[str(row["name"]) for row in AS_OF])
def test_order_a_is_as_the_domain_reference_says(expected: dict[str, str | None]) -> None:
    memo = MEMO_BEFORE if expected["name"] == "tX" else MEMO_AFTER if expected["memo"] else ""
    row = statement_row(CASE.with_(as_of=expected["as_of"], credits=memo).run())
    assert {name: str(row[column]) for name, column in COLUMNS.items()} == {name: expected[name] for name in COLUMNS}
    assert row["status"] == expected["status"]


INCLUDED = CASE.with_(
    bills="order | total\nA | 62.44\nA | 43.20",
    credits="order | total | date\nA | 58.80 | 2026-10-29",
    orders="",
    rules={"tax_mode": TaxMode.INCLUDE},
)
"""Order A where its bills carry the tax that Amazon collects."""


def test_order_a_in_include_mode() -> None:
    row = statement_row(INCLUDED.run())
    wanted = {
        "billed_gross": "105.64",
        "received_gross": "105.64",
        "credited": "58.80",
        "refunded": "58.80",
        "fee_withheld": "17.51",
        "tax_withheld": "3.84",
        "tax_collected": "3.84",
        "net_cash": "25.49",
        "due": "0.00",
    }
    assert {name: str(row[name]) for name in wanted} == wanted
    assert row["status"] == "SETTLED"


def test_order_b_shows_the_reimbursement_as_income_and_not_as_a_receipt() -> None:
    result = CASE.with_(credits=MEMO_AFTER).run()
    row = statement_row(result, "B")
    wanted = {
        "received_gross": "25.00",
        "refunded": "25.00",
        "received": "0.00",
        "reimbursed": "25.00",
        "net_cash": "25.00",
        "due": "0.00",
        "fee_withheld": "0.00",
    }
    assert {name: str(row[name]) for name in wanted} == wanted
    assert row["status"] == "REFUND_UNCREDITED"
    assert found_exceptions(result) == [
        ("CHARGEBACK_OR_CLAIM", "B", "USD", "25.00"),
        ("REFUND_WITHOUT_CREDIT_MEMO", "B", "USD", "25.00"),
    ]


def test_the_missing_credit_memo_of_order_a_is_an_exception_with_its_lines() -> None:
    result = CASE.with_(as_of="2026-10-28").run()
    (row,) = [
        row
        for row in records(result.exceptions)
        if row["exception_class"] == "REFUND_WITHOUT_CREDIT_MEMO" and row["amount"] == Decimal("54.00")
    ]
    assert row["evidence"] == "sales order SO5001; billing records INV-1, INV-2; settlement K1, lines 7–12"
    assert row["action"] == "Create a credit memo for the refund."


def test_the_rest_of_the_row_says_what_the_books_and_the_file_say() -> None:
    row = statement_row(CASE.with_(as_of="2026-10-14").run())
    assert row["billing_records"] == "INV-1, INV-2"
    assert (row["first_billed"], row["last_posted"]) == (date(2026, 10, 1), date(2026, 10, 5))
    assert (row["sales_order_id"], row["order_status"], row["marketplace"]) == ("5001", "G", "Amazon.com")
    assert (row["tax_collected"], row["tax_withheld"]) == (Decimal("5.44"), Decimal("5.44"))
    assert row["explanation"] == (
        "Billed 97.00 USD in 2 records from 2026-10-01; Amazon has settled 57.00 of it, 40.00 is still to come, "
        "expected by 2026-10-14."
    )


def test_order_c_in_euro_is_due_nothing_in_euro() -> None:
    case = Case(
        orders="order | total | currency\nC | 119.00 | EUR",
        bills="order | total | currency\nC | 119.00 | EUR",
        settlements="settlement | end | currency\nE | 2026-10-14 | EUR",
        lines="""
            settlement | type  | order | kind           | amount | currency
            E          | Order | C     | PRINCIPAL      | 100.00 | EUR
            E          | Order | C     | TAX_PRINCIPAL  | 19.00  | EUR
            E          | Order | C     | FEE_COMMISSION | -17.85 | EUR
            E          | Order | C     | FEE_FBA        | -4.10  | EUR""",
    )
    result = case.run()
    row = statement_row(result, "C", "EUR")
    assert (str(row["due"]), str(row["net_cash"]), row["status"]) == ("0.00", "97.05", "SETTLED")
    assert found_exceptions(result) == []


def test_the_totals_of_the_example_are_the_sums_of_its_rows() -> None:
    (totals,) = records(CASE.run().totals)
    wanted = {"billed_gross": "122.00", "received_gross": "122.00", "refunded": "79.00", "net_cash": "50.49"}
    assert {name: str(totals[name]) for name in wanted} == wanted
    assert (totals["orders"], totals["exceptions"]) == (2, 3)
