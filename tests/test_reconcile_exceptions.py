"""Exceptions: each class from the smallest case that has it, with money, evidence and action; and what is none."""

from __future__ import annotations

import pytest
from reconcile_tables import Case, exception_row, found_exceptions, order_id, records, table

from nsbill.reconcile import Reconciliation
from nsbill.reconcile.exceptions import ACTIONS
from nsbill.vocabulary import ExceptionClass

CASE = Case(
    as_of="2026-11-30",
    orders="""
        order                 | total | status | ship       | currency
        fine                  | 10.00 | G      | 2026-10-01 | USD
        settled not billed    | 10.00 | F      | 2026-10-01 | USD
        billed not settled    | 10.00 | G      | 2026-10-01 | USD
        not yet expected      | 10.00 | G      | 2026-11-25 | USD
        credited before       | 10.00 | G      | 2026-11-20 | USD
        short                 | 10.00 | G      | 2026-10-01 | USD
        short and refunded    | 10.00 | G      | 2026-10-01 | USD
        partial and recent    | 10.00 | G      | 2026-11-10 | USD
        over                  | 10.00 | G      | 2026-10-01 | USD
        promotion             | 10.00 | G      | 2026-11-10 | USD
        promotion and short   | 10.00 | G      | 2026-10-01 | USD
        twice                 | 10.00 | G      | 2026-10-01 | USD
        twice not settled     | 10.00 | G      | 2026-10-01 | USD
        twice by parts        | 10.00 | G      | 2026-10-01 | USD
        refunded              | 10.00 | G      | 2026-10-01 | USD
        stale credit          | 10.00 | G      | 2026-10-01 | USD
        chargeback            | 10.00 | G      | 2026-10-01 | USD
        currency              | 10.00 | G      | 2026-10-01 | USD
        cancelled             | 10.00 | C      |            | USD
        refunded not billed   | 10.00 | F      | 2026-10-01 | USD
        shipped not billed    | 10.00 | F      | 2026-10-01 | USD""",
    bills="""
        order                 | number | total | date
        fine                  | I-01   | 10.00 | 2026-10-01
        billed not settled    | I-02   | 10.00 | 2026-10-01
        not yet expected      | I-03   | 10.00 | 2026-10-01
        credited before       | I-04   | 10.00 | 2026-10-01
        short                 | I-05   | 10.00 | 2026-10-01
        short and refunded    | I-06   | 10.00 | 2026-10-01
        partial and recent    | I-07   | 10.00 | 2026-11-10
        over                  | I-08   | 10.00 | 2026-10-01
        promotion             | I-09   | 10.00 | 2026-11-10
        promotion and short   | I-10   | 10.00 | 2026-10-01
        twice                 | I-11   | 10.00 | 2026-10-01
        twice                 | I-12   | 10.00 | 2026-10-02
        twice not settled     | I-13   | 10.00 | 2026-10-01
        twice not settled     | I-14   | 10.00 | 2026-10-01
        twice by parts        | I-15   | 4.00  | 2026-10-01
        twice by parts        | I-16   | 6.00  | 2026-10-01
        refunded              | I-17   | 10.00 | 2026-10-01
        stale credit          | I-18   | 10.00 | 2026-10-01
        chargeback            | I-19   | 10.00 | 2026-10-01
        currency              | I-20   | 10.00 | 2026-10-01""",
    credits="""
        order              | number | total | date
        credited before    | CM-1   | 10.00 | 2026-11-25
        stale credit       | CM-2   | 2.50  | 2026-10-30
        fine               | CM-3   | 1.00  | 2026-10-31
        chargeback         | CM-4   | 10.00 | 2026-10-30""",
    settlements="""
        settlement | end        | currency
        K          | 2026-10-14 | USD
        N          | 2026-11-28 | USD
        E          | 2026-10-14 | EUR""",
    lines="""
        settlement | type              | order               | kind           | amount | posted     | currency
        K          | Order             | fine                | PRINCIPAL      | 10.00  | 2026-10-10 | USD
        K          | Order             | settled not billed  | PRINCIPAL      | 9.00   | 2026-10-10 | USD
        K          | Order             | settled not billed  | FEE_COMMISSION | -1.00  | 2026-10-10 | USD
        K          | Order             | short               | PRINCIPAL      | 9.50   | 2026-10-10 | USD
        K          | Order             | short and refunded  | PRINCIPAL      | 9.00   | 2026-10-10 | USD
        N          | Refund            | short and refunded  | PRINCIPAL      | -2.00  | 2026-11-20 | USD
        N          | Order             | partial and recent  | PRINCIPAL      | 4.00   | 2026-11-16 | USD
        K          | Order             | over                | PRINCIPAL      | 12.00  | 2026-10-10 | USD
        N          | Order             | promotion           | PRINCIPAL      | 10.00  | 2026-11-20 | USD
        N          | Order             | promotion           | PROMOTION      | -1.50  | 2026-11-20 | USD
        K          | Order             | promotion and short | PRINCIPAL      | 9.00   | 2026-10-10 | USD
        K          | Order             | promotion and short | PROMOTION      | -1.50  | 2026-10-10 | USD
        K          | Order             | twice               | PRINCIPAL      | 10.00  | 2026-10-10 | USD
        K          | Order             | twice by parts      | PRINCIPAL      | 10.00  | 2026-10-10 | USD
        K          | Order             | refunded            | PRINCIPAL      | 10.00  | 2026-10-10 | USD
        N          | Refund            | refunded            | PRINCIPAL      | -3.00  | 2026-11-20 | USD
        K          | Order             | stale credit        | PRINCIPAL      | 10.00  | 2026-10-10 | USD
        K          | Order             | chargeback          | PRINCIPAL      | 10.00  | 2026-10-10 | USD
        N          | Chargeback Refund | chargeback          | PRINCIPAL      | -10.00 | 2026-11-20 | USD
        E          | Order             | currency            | PRINCIPAL      | 9.00   | 2026-10-10 | EUR
        K          | Order             | cancelled           | PRINCIPAL      | 7.00   | 2026-10-10 | USD
        K          | Order             | refunded not billed | PRINCIPAL      | 10.00  | 2026-10-10 | USD
        K          | Refund            | refunded not billed | PRINCIPAL      | -10.00 | 2026-10-10 | USD
        K          | Order             | unknown             | PRINCIPAL      | 6.00   | 2026-10-10 | USD
        K          | Order             | unknown, only fees  | FEE_FBA        | -0.60  | 2026-10-10 | USD""",
)

EXPECTED = table("""
    order               | exception                  | amount | currency | evidence
    settled not billed  | SETTLED_NOT_BILLED         | 9.00   | USD      | sales order SO5002; settlement K, lines 3–4
    refunded not billed | SETTLED_NOT_BILLED         | 10.00  | USD      | sales order SO5020; settlement K, line 16
    billed not settled  | BILLED_NOT_SETTLED         | 10.00  | USD      | sales order SO5003; billing records I-02
    short               | SHORT_SETTLED              | 0.50   | USD      | sales order SO5006; billing records I-05; settlement K, line 5
    short and refunded  | SHORT_SETTLED              | 1.00   | USD      |
    short and refunded  | REFUND_WITHOUT_CREDIT_MEMO | 2.00   | USD      | sales order SO5007; billing records I-06; settlement N, line 2
    over                | OVERPAID                   | 2.00   | USD      |
    promotion           | PROMOTION_NOT_BILLED       | 1.50   | USD      | sales order SO5010; billing records I-09; settlement N, lines 4–5
    promotion and short | SHORT_SETTLED              | 2.50   | USD      |
    twice               | DUPLICATE_BILLING          | 10.00  | USD      | sales order SO5012; billing records I-11, I-12; settlement K, line 10
    twice not settled   | DUPLICATE_BILLING          | 10.00  | USD      | sales order SO5013; billing records I-13, I-14
    refunded            | REFUND_WITHOUT_CREDIT_MEMO | 3.00   | USD      |
    stale credit        | CREDIT_MEMO_WITHOUT_REFUND | 2.50   | USD      | sales order SO5016; billing records I-18; credits CM-2
    chargeback          | CHARGEBACK_OR_CLAIM        | 10.00  | USD      | sales order SO5017; billing records I-19; credits CM-4; settlement N, line 7
    currency            | CURRENCY_MISMATCH          | 10.00  | USD      | sales order SO5018; billing records I-20; settlement E, line 2 (EUR)
    cancelled           | CANCELLED_BUT_SETTLED      | 7.00   | USD      |
    shipped not billed  | SHIPPED_NOT_BILLED         | 10.00  | USD      | sales order SO5021, shipped 2026-10-01, total 10.00
    unknown             | ORPHAN_ORDER_ID            | 6.00   | USD      | settlement K, line 18
    unknown, only fees  | ORPHAN_ORDER_ID            | -0.60  | USD      | settlement K, line 19
    """)
NAMES = {str(row["order"]) for row in EXPECTED} | {"fine", "not yet expected", "credited before", "partial and recent"}


@pytest.fixture(scope="module")
def result() -> Reconciliation:
    return CASE.run()


def test_every_planted_exception_is_found_and_nothing_else(result: Reconciliation) -> None:
    expected = sorted(
        (str(row["exception"]), str(row["order"]), str(row["currency"]), str(row["amount"])) for row in EXPECTED
    )
    assert found_exceptions(result, *NAMES) == expected


@pytest.mark.parametrize(
    "expected",
    [row for row in EXPECTED if row["evidence"]],
    ids=lambda row: f"{row['exception']} of {row['order']}",
)
def test_the_evidence_names_documents_settlements_and_file_lines(
    result: Reconciliation, expected: dict[str, str | None]
) -> None:
    (row,) = [
        row
        for row in records(result.exceptions)
        if (row["exception_class"], row["amazon_order_id"]) == (expected["exception"], order_id(str(expected["order"])))
    ]
    assert row["evidence"] == expected["evidence"]


def test_every_exception_has_the_default_action_of_its_class(result: Reconciliation) -> None:
    for row in records(result.exceptions):
        assert row["action"] == ACTIONS[ExceptionClass(str(row["exception_class"]))]


def test_a_stale_credit_is_an_exception_only_after_the_stale_days() -> None:
    stale = "CREDIT_MEMO_WITHOUT_REFUND"
    case = Case(bills="order | total\nA | 10.00", credits="order | total | date\nA | 10.00 | 2026-10-01")
    at_thirty, after = case.with_(as_of="2026-10-31").run(), case.with_(as_of="2026-11-01").run()
    assert stale not in {name for name, *_ in found_exceptions(at_thirty)}
    assert (stale, "A", "USD", "10.00") in found_exceptions(after)


def test_a_partly_settled_order_is_short_only_when_its_last_sale_is_older_than_a_cycle() -> None:
    case = Case(
        bills="order | total\nA | 10.00",
        lines="settlement | type | order | kind | amount | posted\nK | Order | A | PRINCIPAL | 4.00 | 2026-10-10",
    )
    assert found_exceptions(case.with_(as_of="2026-10-24").run()) == []
    assert found_exceptions(case.with_(as_of="2026-10-25").run()) == [("SHORT_SETTLED", "A", "USD", "6.00")]


def test_a_promotion_with_its_tax_is_named_where_the_bill_carries_the_tax() -> None:
    case = Case(
        bills="order | total\nA | 19.95",
        lines="""
            settlement | type  | order | kind          | amount | amount type
            K          | Order | A     | PRINCIPAL     | 16.76  | ItemPrice
            K          | Order | A     | TAX_PRINCIPAL | 3.19   | ItemPrice
            K          | Order | A     | PROMOTION     | -1.68  | Promotion
            K          | Order | A     | TAX_OTHER     | -0.32  | Promotion
        """,
    )
    assert found_exceptions(case.run()) == [("PROMOTION_NOT_BILLED", "A", "USD", "2.00")]


ODD_LINES = Case(
    settlements="settlement | end        | states\nK | 2026-10-14 | 12.00\nK1 | 2026-10-28 |\nL | 2026-12-28 | 9.00",
    lines="""
        settlement | type              | reference | kind         | amount | description
        K          | Order             | 111-22-3  | PRINCIPAL    | 5.00   |
        K          | Order             | 111-22-3  | FEE_FBA      | -1.00  |
        K          | Order             | ORDER 7   | PRINCIPAL    | 2.00   |
        K1         | Order             | 111-22-3  | PRINCIPAL    | 3.00   |
        K          | other-transaction |           | UNCLASSIFIED | -0.75  | Novelty
        K          | other-transaction |           | RESERVE      | 7.00   |
        K          | other-transaction |           | UNCLASSIFIED | -0.25  | Novelty
        K          | other-transaction |           | UNCLASSIFIED | 0.50   | Other novelty
        L          | other-transaction |           | UNCLASSIFIED | 0.50   | Later novelty""",
)


def test_malformed_ids_unknown_labels_and_settlements_that_do_not_foot_keep_their_money() -> None:
    rows = records(ODD_LINES.run().exceptions)
    found = [(row["exception_class"], row["settlement_id"], str(row["amount"]), row["evidence"]) for row in rows]
    novelty = "'other-transaction' / 'ItemPrice' /"
    assert found == [
        ("MALFORMED_ORDER_ID", "K", "4.00", "settlement K, lines 2–3: order id '111-22-3'"),
        ("MALFORMED_ORDER_ID", "K1", "3.00", "settlement K1, line 2: order id '111-22-3'"),
        ("MALFORMED_ORDER_ID", "K", "2.00", "settlement K, line 4: order id 'ORDER 7'"),
        ("SETTLEMENT_DOES_NOT_FOOT", "K", "0.50", "settlement K: 7 lines add up to 12.50, the file K.txt states 12.00"),
        ("UNCLASSIFIED_LINE", "K", "0.50", f"settlement K, line 8: {novelty} 'Other novelty'"),
        ("UNCLASSIFIED_LINE", "K", "-1.00", f"settlement K, 2 lines between 5 and 7: {novelty} 'Novelty'"),
    ]
    assert {row["amazon_order_id"] for row in rows} == {None}


def test_exceptions_of_a_currency_without_orders_have_a_row_in_the_totals() -> None:
    (totals,) = records(ODD_LINES.run().totals)
    assert (totals["currency"], totals["orders"], totals["exceptions"], str(totals["due"])) == ("USD", 0, 6, "0.00")


def test_an_order_seen_in_many_settlements_shows_the_first_places_and_how_many_more() -> None:
    names = [f"S{n}" for n in range(1, 8)]
    case = Case(
        settlements="settlement | end\n" + "\n".join(f"{name} | 2026-10-14" for name in names),
        lines="settlement | type | order | kind | amount\n"
        + "\n".join(f"{name} | Order | A | PRINCIPAL | 1.00" for name in names),
    )
    row = exception_row(case.run(), "ORPHAN_ORDER_ID")
    assert row["evidence"] == (
        "settlement S1, line 2; settlement S2, line 2; settlement S3, line 2; settlement S4, line 2 and 3 more"
    )
