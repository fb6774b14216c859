"""The books' money side: the nine cases of the worked example, dates, residuals, and what is wrong with payments."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from reconcile_tables import Case, exception_row, found_exceptions, order_id, records, statement_row, table

from nsbill import schemas
from nsbill.errors import ReconcileError
from nsbill.money import ZERO
from nsbill.reconcile import Reconciliation
from nsbill.reconcile.ledger import LEDGER_AMOUNTS

NINE = Case(
    orders="""
        order            | total
        no memo          | 97.00
        not posted       | 97.00
        posted           | 97.00
        memo early       | 97.00
        memo on invoice  | 100.00
        memo on second   | 97.00
        cash             | 100.00
        missing          | 97.00
        too much         | 107.00""",
    bills="""
        order            | number | total  | type
        no memo          | I-1    | 97.00  |
        not posted       | I-2    | 97.00  |
        posted           | I-3    | 97.00  |
        memo early       | I-4a   | 57.00  |
        memo early       | I-4b   | 40.00  |
        memo on invoice  | I-5    | 100.00 |
        memo on second   | I-6a   | 57.00  |
        memo on second   | I-6b   | 40.00  |
        cash             | CS-7   | 100.00 | cashSale
        missing          | I-8a   | 57.00  |
        missing          | I-8b   | 40.00  |
        too much         | I-9    | 107.00 |""",
    credits="""
        order            | number | total  | date       | type
        not posted       | M-2    | 54.00  | 2026-10-20 |
        posted           | M-3    | 54.00  | 2026-10-20 |
        memo early       | M-4    | 54.00  | 2026-11-20 |
        memo on invoice  | M-5    | 100.00 | 2026-10-20 |
        memo on second   | M-6    | 54.00  | 2026-10-20 |
        cash             | R-7    | 100.00 | 2026-10-20 | cashRefund""",
    applications="""
        number | to    | amount | type
        P-1    | I-1   | 97.00  |
        P-2    | I-2   | 97.00  |
        P-3    | I-3   | 97.00  |
        F-3    | M-3   | 54.00  | customerRefund
        P-4    | I-4a  | 57.00  |
        M-5    | I-5   | 100.00 |
        P-6    | I-6a  | 57.00  |
        M-6    | I-6b  | 40.00  |
        P-8    | I-8a  | 57.00  |
        P-9    | I-9   | 107.00 |""",
    lines="""
        settlement | type   | order           | kind      | amount
        K          | Order  | no memo         | PRINCIPAL | 97.00
        K          | Refund | no memo         | PRINCIPAL | -54.00
        K          | Order  | not posted      | PRINCIPAL | 97.00
        K          | Refund | not posted      | PRINCIPAL | -54.00
        K          | Order  | posted          | PRINCIPAL | 97.00
        K          | Refund | posted          | PRINCIPAL | -54.00
        K          | Order  | memo early      | PRINCIPAL | 57.00
        K          | Order  | memo on invoice | PRINCIPAL | 100.00
        K          | Refund | memo on invoice | PRINCIPAL | -100.00
        K          | Order  | memo on second  | PRINCIPAL | 97.00
        K          | Refund | memo on second  | PRINCIPAL | -54.00
        K          | Order  | cash            | PRINCIPAL | 100.00
        K          | Refund | cash            | PRINCIPAL | -100.00
        K          | Order  | missing         | PRINCIPAL | 97.00
        K          | Order  | too much        | PRINCIPAL | 97.00""",
)
# the figures of the worked example: PA + CS − refunds posted, gap, unposted, unexplained; ns_due from the documents
NINE_EXPECTED = table("""
    order           | ns_received | ns_due | gap    | unposted_refund | gap_unexplained | exceptions
    no memo         | 97.00       | 0.00   | 54.00  | 0.00            | 0.00            | REFUND_WITHOUT_CREDIT_MEMO 54.00
    not posted      | 97.00       | 0.00   | 54.00  | 54.00           | 0.00            | REFUND_NOT_POSTED 54.00
    posted          | 43.00       | 0.00   | 0.00   | 0.00            | 0.00            |
    memo early      | 57.00       | 40.00  | 0.00   | 0.00            | 0.00            | SHORT_SETTLED 40.00
    memo on invoice | 0.00        | 0.00   | 0.00   | 0.00            | 0.00            |
    memo on second  | 57.00       | 0.00   | 14.00  | 14.00           | 0.00            | REFUND_NOT_POSTED 14.00
    cash            | 0.00        | 0.00   | 0.00   | 0.00            | 0.00            |
    missing         | 57.00       | 40.00  | -40.00 | 0.00            | -40.00          | PAYMENT_NOT_APPLIED 40.00
    too much        | 107.00      | 0.00   | 10.00  | 0.00            | 10.00           | PAYMENT_OVER_APPLIED 10.00, SHORT_SETTLED 10.00
    """)


@pytest.fixture(scope="module")
def nine() -> Reconciliation:
    return NINE.run()


@pytest.mark.parametrize("expected", NINE_EXPECTED, ids=lambda row: str(row["order"]))
def test_the_nine_cases_of_the_worked_example(nine: Reconciliation, expected: dict[str, str | None]) -> None:
    row = statement_row(nine, str(expected["order"]))
    for name in ("ns_received", "ns_due", "gap", "unposted_refund", "gap_unexplained"):
        assert str(row[name]) == expected[name], name
    assert row["ns_residual"] == Decimal("0.00")
    found = [
        f"{wrong['exception_class']} {wrong['amount']}"
        for wrong in records(nine.exceptions)
        if wrong["amazon_order_id"] == order_id(str(expected["order"]))
    ]
    assert ", ".join(sorted(found)) == (expected["exceptions"] or "")


def test_the_open_amounts_are_those_that_netsuite_states(nine: Reconciliation) -> None:
    stated = sum((Decimal(str(row["amount_remaining"])) for row in records(NINE.frames()["billing_records"])), ZERO)
    assert sum((Decimal(str(row["ns_due"])) for row in records(nine.statement)), ZERO) == stated == Decimal("80.00")


def test_the_evidence_names_the_documents_and_the_payments(nine: Reconciliation) -> None:
    assert exception_row(nine, "PAYMENT_NOT_APPLIED")["evidence"] == (
        "sales order SO5008; billing records I-8a, I-8b; settlement K, line 15; payments P-8"
    )
    assert exception_row(nine, "PAYMENT_OVER_APPLIED")["evidence"] == (
        "sales order SO5009; billing records I-9; settlement K, line 16; payments P-9"
    )
    (posted,) = [
        row
        for row in records(nine.exceptions)
        if row["exception_class"] == "REFUND_NOT_POSTED" and str(row["amount"]) == "54.00"
    ]
    assert posted["evidence"] == "sales order SO5002; billing records I-2; credits M-2; settlement K, line 5"


def test_without_applications_the_columns_are_empty_and_nothing_is_said_about_payments() -> None:
    result = NINE.with_(applications=None).run()
    assert {row[name] for row in records(result.statement) for name in LEDGER_AMOUNTS} == {None}
    classes = {row["exception_class"] for row in records(result.exceptions)}
    assert classes == {"REFUND_WITHOUT_CREDIT_MEMO", "SHORT_SETTLED"}


def test_with_an_empty_frame_of_applications_nothing_is_applied_anywhere() -> None:
    row = statement_row(NINE.with_(applications="number | to | amount").run(), "posted")
    assert (str(row["ns_received"]), str(row["ns_due"]), str(row["gap_unexplained"])) == ("0.00", "97.00", "-97.00")


ONE = Case(
    orders="order | total\nA | 10.00",
    bills="order | number | total | date\nA | I-1 | 10.00 | 2026-10-05",
    lines="settlement | type | order | kind | amount\nK | Order | A | PRINCIPAL | 10.00",
    applications="number | to | amount | date\nP-1 | I-1 | 10.00 | 2026-10-15",
)


@pytest.mark.parametrize(
    "as_of, ns_received, ns_due, gap, exceptions",
    [
        ("2026-10-04", None, None, None, []),  # not billed yet: no row
        ("2026-10-13", "0.00", "10.00", "0.00", []),
        ("2026-10-14", "0.00", "10.00", "-10.00", []),  # settled today: nobody can have applied it
        ("2026-10-15", "10.00", "0.00", "0.00", []),
    ],
)
def test_as_of_a_day_only_what_was_applied_by_then_counts(
    as_of: str, ns_received: str | None, ns_due: str | None, gap: str | None, exceptions: list[Any]
) -> None:
    result = ONE.with_(as_of=as_of, orders="").run()
    if ns_received is None:
        assert len(result.statement) == 0
    else:
        row = statement_row(result)
        assert (str(row["ns_received"]), str(row["ns_due"]), str(row["gap"])) == (ns_received, ns_due, gap)
        assert str(row["ns_residual"]) == "0.00"
    assert found_exceptions(result) == exceptions


@pytest.mark.parametrize("as_of, days, missed", [("2026-10-14", 0, False), ("2026-10-15", 0, True), ("2026-10-21", 7, False), ("2026-10-22", 7, True)])  # fmt: skip
def test_a_payment_is_missed_from_the_day_after_the_settlement_or_later_if_the_books_have_more_days(
    as_of: str, days: int, missed: bool
) -> None:
    result = ONE.with_(as_of=as_of, applications="number | to | amount", rules={"apply_days": days}).run()
    assert found_exceptions(result) == ([("PAYMENT_NOT_APPLIED", "A", "USD", "10.00")] if missed else [])
    assert str(statement_row(result)["gap_unexplained"]) == "-10.00"


def test_a_payment_of_a_bill_that_was_written_today_is_not_missed_today() -> None:
    late = ONE.with_(
        bills="order | number | total | date\nA | I-1 | 10.00 | 2026-11-30", applications="number | to | amount"
    )
    assert found_exceptions(late.run()) == []
    assert found_exceptions(late.with_(as_of="2026-12-01").run()) == [("PAYMENT_NOT_APPLIED", "A", "USD", "10.00")]


def test_a_payment_that_is_older_than_its_invoice_counts_from_the_invoice() -> None:
    early = ONE.with_(applications="number | to | amount | date\nP-1 | I-1 | 10.00 | 2026-10-01")
    row = statement_row(early.with_(as_of="2026-10-05").run())
    assert (str(row["ns_received"]), str(row["ns_due"])) == ("10.00", "0.00")
    assert len(early.with_(as_of="2026-10-04", orders="").run().statement) == 0


def test_voided_documents_count_nowhere() -> None:
    void_payment = ONE.with_(applications="number | to | amount | voided\nP-1 | I-1 | 10.00 | T")
    assert str(statement_row(void_payment.run())["ns_received"]) == "0.00"
    void_bill = ONE.with_(bills="order | number | total | voided\nA | I-1 | 10.00 | T\nA | I-2 | 10.00 |")
    row = statement_row(void_bill.run())
    assert (str(row["ns_received"]), str(row["ns_due"]), str(row["ns_residual"])) == ("0.00", "10.00", "0.00")


def test_a_difference_between_netsuites_open_amount_and_its_documents_is_listed() -> None:
    result = ONE.with_(
        bills="order | number | total | remaining\nA | I-1 | 10.00 | 3.00", applications="number | to | amount\nP-1 | I-1 | 4.00"
    ).run()  # fmt: skip
    row = statement_row(result)
    assert (str(row["ns_due"]), str(row["ns_residual"])) == ("6.00", "-3.00")
    assert exception_row(result, "PAYMENT_NOT_APPLIED")["evidence"] == (
        "sales order SO5001; billing records I-1; settlement K, line 2; payments P-1; "
        "NetSuite states -3.00 more as open than its documents say"
    )


@pytest.mark.parametrize(
    "change, message",
    [
        ("number | to | amount\nP-1 | X-9 | 1.00", "not among the billing records and credits"),
        ("number | to | amount | currency\nP-1 | I-1 | 1.00 | EUR", "in another currency"),
        ("number | to | amount\nP-1 | I-1 | -1.00", "not positive"),
        ("number | to | amount\nP-1 | I-1 | 1.00\nP-1 | I-1 | 2.00", "2 times, where once is the rule"),
    ],
)
def test_applications_that_contradict_the_documents_are_refused(change: str, message: str) -> None:
    with pytest.raises(ReconcileError, match=message):
        ONE.with_(applications=change).run()


def test_an_application_to_no_document_or_to_two_is_refused() -> None:
    frames: dict[str, Any] = dict(ONE.frames())
    rows = records(frames["applications"])
    frames["applications"] = schemas.APPLICATIONS.frame([{**rows[0], "billing_record_id": None}])
    from nsbill.reconcile import reconcile

    with pytest.raises(ReconcileError, match="not exactly one document"):
        reconcile(**frames, rules=ONE.reconcile_rules())


EXPLAINED = Case(
    orders="""
        order               | total
        overpaid            | 10.00
        cash not settled    | 10.00
        cash early refund   | 10.00
        refund posted early | 10.00
        memo closed invoice | 10.00
        not billed          | 10.00""",
    bills="""
        order               | number | total | type
        overpaid            | I-1    | 10.00 |
        cash not settled    | CS-2   | 10.00 | cashSale
        cash early refund   | CS-3   | 10.00 | cashSale
        refund posted early | I-4    | 10.00 |
        memo closed invoice | I-5    | 10.00 |""",
    credits="""
        order               | number | total | date       | type
        cash early refund   | R-3    | 10.00 | 2026-11-20 | cashRefund
        refund posted early | M-4    | 4.00  | 2026-11-20 |
        memo closed invoice | M-5    | 4.00  | 2026-11-20 |""",
    applications="""
        number | to   | amount | type           | date
        P-1    | I-1  | 10.00  |                | 2026-10-15
        P-4    | I-4  | 10.00  |                | 2026-10-15
        F-4    | M-4  | 4.00   | customerRefund | 2026-11-21
        P-5    | I-5  | 6.00   |                | 2026-10-15
        M-5    | I-5  | 4.00   |                |""",
    lines="""
        settlement | type  | order               | kind      | amount
        K          | Order | overpaid            | PRINCIPAL | 12.00
        K          | Order | cash early refund   | PRINCIPAL | 10.00
        K          | Order | refund posted early | PRINCIPAL | 10.00
        K          | Order | memo closed invoice | PRINCIPAL | 10.00
        K          | Order | not billed          | PRINCIPAL | 10.00""",
)


def test_what_another_figure_explains_is_not_told_a_second_time() -> None:
    result = EXPLAINED.run()
    unexplained = {
        name: str(statement_row(result, name)["gap_unexplained"])
        for name in ("overpaid", "cash not settled", "cash early refund", "refund posted early", "memo closed invoice")
    }
    assert unexplained == {
        "overpaid": "-2.00",
        "cash not settled": "10.00",
        "cash early refund": "-10.00",
        "refund posted early": "-4.00",
        "memo closed invoice": "-4.00",
    }
    assert found_exceptions(result, "overpaid", "cash not settled", "not billed") == [
        ("BILLED_NOT_SETTLED", "cash not settled", "USD", "10.00"),
        ("OVERPAID", "overpaid", "USD", "2.00"),
        ("SETTLED_NOT_BILLED", "not billed", "USD", "10.00"),
    ]


WRONG = Case(
    orders="""
        order  | total | currency
        A      | 10.00 | USD
        B      | 10.00 | USD
        C      | 7.00  | USD
        D      | 7.00  | USD
        E      | 7.00  | USD
        F      | 10.00 | EUR""",
    bills="""
        order | number | total | currency
        A     | I-A    | 10.00 | USD
        B     | I-B    | 10.00 | USD
        C     | I-C    | 7.00  | USD
        D     | I-D    | 7.00  | USD
        E     | I-E    | 7.00  | USD
        F     | I-F    | 10.00 | EUR""",
    settlements="settlement | end | currency\nK | 2026-10-14 | USD\nE | 2026-10-14 | EUR\nN | 2026-11-28 | USD",
    lines="""
        settlement | type  | order | kind      | amount | currency
        K          | Order | A     | PRINCIPAL | 10.00  | USD
        K          | Order | B     | PRINCIPAL | 2.00   | USD
        K          | Order | C     | PRINCIPAL | 7.00   | USD
        K          | Order | D     | PRINCIPAL | 7.00   | USD
        E          | Order | F     | PRINCIPAL | 10.00  | EUR""",
    applications="""
        number | to  | amount
        P-A    | I-A | 2.00
        P-B    | I-B | 10.00
        P-E    | I-E | 7.00""",
)


def test_two_orders_with_opposite_gaps_are_one_payment_on_the_wrong_order() -> None:
    wrong = {"PAYMENT_WRONG_ORDER", "PAYMENT_NOT_APPLIED", "PAYMENT_OVER_APPLIED"}
    result = WRONG.run()
    found = [row for row in found_exceptions(result, "E", "F") if row[0] in wrong]
    assert found == [
        ("PAYMENT_NOT_APPLIED", "C", "USD", "7.00"),
        ("PAYMENT_NOT_APPLIED", "D", "USD", "7.00"),
        ("PAYMENT_NOT_APPLIED", "F", "EUR", "10.00"),
        ("PAYMENT_OVER_APPLIED", "E", "USD", "7.00"),
        ("PAYMENT_WRONG_ORDER", "A", "USD", "8.00"),
    ]
    pair = exception_row(result, "PAYMENT_WRONG_ORDER")
    assert pair["reference"] == order_id("B")
    assert pair["evidence"] == (
        "sales order SO5001; billing records I-A; settlement K, line 2; payments P-A, "
        f"while order {order_id('B')} has as much too much: payments P-B"
    )


def test_partners_that_are_not_certain_are_told_and_not_guessed() -> None:
    told = {
        str(row["amazon_order_id"]): str(row["evidence"])
        for row in records(WRONG.run().exceptions)
        if row["exception_class"] in ("PAYMENT_NOT_APPLIED", "PAYMENT_OVER_APPLIED")
    }
    one, many = "on 1 of the other orders", "on 2 of the other orders"
    assert f"no payment, and as much is too much applied {one}: whose it is, is not told" in told[order_id("C")]
    assert f"payments P-E, and as much is not applied {many}: whose it is, is not told" in told[order_id("E")]
    assert told[order_id("F")].endswith("; no payment")


def test_a_credit_memo_that_pays_another_order_belongs_to_its_own_refund() -> None:
    result = Case(
        orders="order | total\nA | 10.00\nB | 10.00",
        bills="order | number | total\nA | I-A | 10.00\nB | I-B | 10.00",
        credits="order | number | total\nA | M-A | 10.00",
        lines="""
            settlement | type   | order | kind      | amount
            K          | Order  | A     | PRINCIPAL | 10.00
            K          | Refund | A     | PRINCIPAL | -10.00
            K          | Order  | B     | PRINCIPAL | 10.00""",
        applications="number | to | amount\nP-A | I-A | 10.00\nM-A | I-B | 10.00",
    ).run()
    assert [str(statement_row(result, name)["ns_due"]) for name in "AB"] == ["0.00", "0.00"]
    assert [str(statement_row(result, name)["unposted_refund"]) for name in "AB"] == ["0.00", "0.00"]
    assert [str(statement_row(result, name)["gap_unexplained"]) for name in "AB"] == ["10.00", "-10.00"]
    assert found_exceptions(result) == [("PAYMENT_WRONG_ORDER", "B", "USD", "10.00")]
