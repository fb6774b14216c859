"""Statement rows: which orders have one, their amounts, their status and their sentence."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pandas as pd
import pytest
from reconcile_tables import Case, order_id, records, statement_row, table

from nsbill import schemas
from nsbill.errors import ReconcileError, SchemaError
from nsbill.reconcile import Reconciliation, reconcile
from nsbill.vocabulary import TaxMode

SCENARIOS = Case(
    as_of="2026-11-30",
    orders="""
        order                | total | status | ship       | currency
        awaiting             | 10.00 | G      | 2026-11-25 | USD
        partial              | 10.00 | G      | 2026-10-01 | USD
        settled              | 10.00 | G      | 2026-10-01 | USD
        over                 | 10.00 | G      | 2026-10-01 | USD
        refunded in full     | 10.00 | G      | 2026-10-01 | USD
        refund uncredited    | 10.00 | G      | 2026-10-01 | USD
        refund in transit    | 10.00 | G      | 2026-10-01 | USD
        over and uncredited  | 10.00 | G      | 2026-10-01 | USD
        settled not billed   | 10.00 | F      | 2026-10-01 | USD
        shipped not billed   | 10.00 | F      | 2026-10-01 | USD
        partly shipped       | 10.00 | E      | 2026-10-01 | USD
        not shipped          | 10.00 | B      |            | USD
        ship date in advance | 10.00 | B      | 2026-10-01 | USD
        ships tomorrow       | 10.00 | F      | 2026-12-01 | USD
        cancelled            | 10.00 | C      | 2026-10-01 | USD
        two currencies       | 10.00 | G      | 2026-10-01 | USD
        only voided          | 10.00 | F      | 2026-10-01 | USD
        billed later         | 10.00 | G      | 2026-10-01 | USD
        zero bill            | 0.00  | G      | 2026-10-01 | USD
        yen                  | 1000.00 | G    | 2026-10-01 | JPY""",
    bills="""
        order               | total   | date       | voided | currency
        awaiting            | 10.00   | 2026-11-25 |        | USD
        partial             | 10.00   | 2026-10-01 |        | USD
        settled             | 10.00   | 2026-10-01 |        | USD
        over                | 10.00   | 2026-10-01 |        | USD
        refunded in full    | 10.00   | 2026-10-01 |        | USD
        refund uncredited   | 10.00   | 2026-10-01 |        | USD
        refund in transit   | 10.00   | 2026-10-01 |        | USD
        over and uncredited | 10.00   | 2026-10-01 |        | USD
        two currencies      | 10.00   | 2026-10-01 |        | USD
        only voided         | 10.00   | 2026-10-01 | T      | USD
        billed later        | 10.00   | 2026-12-01 |        | USD
        zero bill           | 0.00    | 2026-10-01 |        | USD
        yen                 | 1000.00 | 2026-10-01 |        | JPY""",
    credits="""
        order             | total | voided
        refunded in full  | 10.00 |
        refund in transit | 4.00  |
        settled           | 3.00  | T""",
    settlements="settlement | end        | currency\nK | 2026-10-14 | USD\nE | 2026-10-14 | EUR\nJ | 2026-10-14 | JPY",
    lines="""
        settlement | type   | order               | kind      | amount | currency
        K          | Order  | partial             | PRINCIPAL | 4.00   | USD
        K          | Order  | settled             | PRINCIPAL | 10.00  | USD
        K          | Order  | over                | PRINCIPAL | 12.00  | USD
        K          | Order  | refunded in full    | PRINCIPAL | 10.00  | USD
        K          | Refund | refunded in full    | PRINCIPAL | -10.00 | USD
        K          | Order  | refund uncredited   | PRINCIPAL | 10.00  | USD
        K          | Refund | refund uncredited   | PRINCIPAL | -3.00  | USD
        K          | Order  | refund in transit   | PRINCIPAL | 10.00  | USD
        K          | Order  | over and uncredited | PRINCIPAL | 11.00  | USD
        K          | Refund | over and uncredited | PRINCIPAL | -1.00  | USD
        K          | Order  | settled not billed  | PRINCIPAL | 10.00  | USD
        K          | Order  | unknown order       | PRINCIPAL | 5.00   | USD
        E          | Order  | two currencies      | PRINCIPAL | 9.00   | EUR
        J          | Order  | yen                 | PRINCIPAL | 400    | JPY""",
)

VERDICTS = table("""
    order               | currency | status             | due    | explanation
    awaiting            | USD      | AWAITING_SETTLEMENT | 10.00 | Billed 10.00 USD on 2026-11-25; Amazon has settled nothing of it, 10.00 is still to come, expected by 2026-12-09.
    partial             | USD      | PARTIALLY_SETTLED  | 6.00   | Billed 10.00 USD on 2026-10-01; Amazon has settled 4.00 of it, 6.00 is missing though everything must have been posted, expected by 2026-10-14, 47 days ago.
    settled             | USD      | SETTLED            | 0.00   | Billed 10.00 USD on 2026-10-01; Amazon has settled it in full (last on 2026-10-10); nothing is due.
    over                | USD      | OVERPAID           | -2.00  | Billed 10.00 USD on 2026-10-01; Amazon has settled 12.00 for it (last on 2026-10-10), which is 2.00 more than was billed.
    refunded in full    | USD      | REFUNDED_FULL      | 0.00   | Billed 10.00 USD on 2026-10-01; Amazon has settled it in full and taken all of it back for refunds (last on 2026-10-10), which is credited; nothing is due.
    refund uncredited   | USD      | REFUND_UNCREDITED  | 0.00   | Amazon took 3.00 USD for refunds (last on 2026-10-10) and 0.00 is credited, so 3.00 lacks a credit memo; the sale of 10.00 is settled in full.
    refund in transit   | USD      | REFUND_IN_TRANSIT  | -4.00  | Credited 4.00 USD, of which Amazon has taken 0.00, so 4.00 is still to be taken; the sale of 10.00 is settled in full; -4.00 is due in all.
    over and uncredited | USD      | OVERPAID           | -1.00  |
    settled not billed  | USD      | NOT_BILLED         | -10.00 | Amazon has settled 10.00 USD (last on 2026-10-10), but sales order SO5009 has no invoice or cash sale on 2026-11-30.
    shipped not billed  | USD      | NOT_BILLED         | 0.00   | Shipped on 2026-10-01 for 10.00 USD, but sales order SO5010 has no invoice or cash sale on 2026-11-30.
    partly shipped      | USD      | NOT_BILLED         | 0.00   |
    only voided         | USD      | NOT_BILLED         | 0.00   |
    billed later        | USD      | NOT_BILLED         | 0.00   |
    unknown order       | USD      | NOT_BILLED         | -5.00  | Amazon has settled 5.00 USD (last on 2026-10-10), but no sales order and no billing record with this Amazon order id is known on 2026-11-30.
    two currencies      | USD      | CURRENCY_CONFLICT  | 10.00  | This order is billed in one currency and settled in another (EUR and USD): billed 10.00 USD, settled 0.00 USD; two currencies are never netted.
    two currencies      | EUR      | CURRENCY_CONFLICT  | -9.00  |
    zero bill           | USD      | SETTLED            | 0.00   | Billed 0.00 USD on 2026-10-01; nothing is to come and nothing is due.
    yen                 | JPY      | PARTIALLY_SETTLED  | 600.00 | Billed 1000 JPY on 2026-10-01; Amazon has settled 400 of it, 600 is missing though everything must have been posted, expected by 2026-10-14, 47 days ago.
    """)
NO_ROW = ("not shipped", "ship date in advance", "ships tomorrow", "cancelled")


@pytest.fixture(scope="module")
def scenarios() -> Reconciliation:
    return SCENARIOS.run()


@pytest.mark.parametrize("verdict", VERDICTS, ids=[f"{row['order']} {row['currency']}" for row in VERDICTS])
def test_each_order_gets_the_first_status_that_holds(scenarios: Reconciliation, verdict: dict[str, str | None]) -> None:
    row = statement_row(scenarios, str(verdict["order"]), str(verdict["currency"]))
    assert (row["status"], str(row["due"])) == (verdict["status"], verdict["due"])
    if verdict["explanation"]:
        assert row["explanation"] == verdict["explanation"]


def test_orders_that_are_neither_shipped_nor_billed_have_no_row(scenarios: Reconciliation) -> None:
    present = set(scenarios.statement["amazon_order_id"])
    assert present.isdisjoint({order_id(name) for name in NO_ROW})
    assert len(scenarios.statement) == len(VERDICTS)


def test_the_statement_is_sorted_by_currency_then_due_from_high_to_low_then_order(scenarios: Reconciliation) -> None:
    rows = records(scenarios.statement)
    keys = [(row["currency"], -Decimal(str(row["due"])), row["amazon_order_id"]) for row in rows]
    assert keys == sorted(keys)


def test_every_frame_fits_its_schema(scenarios: Reconciliation) -> None:
    for schema, frame in (
        (schemas.STATEMENT, scenarios.statement),
        (schemas.EXCEPTIONS, scenarios.exceptions),
        (schemas.SETTLEMENTS, scenarios.settlements),
        (schemas.TOTALS, scenarios.totals),
    ):
        assert list(schema.check(frame).columns) == schema.names


def test_totals_are_the_sums_of_the_statement_per_currency(scenarios: Reconciliation) -> None:
    rows, wrong = records(scenarios.statement), records(scenarios.exceptions)
    totals = records(scenarios.totals)
    assert [row["currency"] for row in totals] == ["EUR", "JPY", "USD"]
    for total in totals:
        own = [row for row in rows if row["currency"] == total["currency"]]
        assert total["orders"] == len(own)
        assert total["exceptions"] == sum(row["currency"] == total["currency"] for row in wrong)
        for name in schemas.TOTALS.money:
            assert total[name] == sum((Decimal(str(row[name])) for row in own), Decimal("0.00"))


KINDS = Case(
    bills="order | total\nA | 10.00",
    lines="""
        settlement | type                 | order | kind          | amount
        K          | Order                | A     | PRINCIPAL     | 10.00
        K          | Order                | A     | TAX_PRINCIPAL | 1.00
        K          | Order                | A     | TAX_WITHHELD  | -0.80
        K          | Order_Retrocharge    | A     | TAX_PRINCIPAL | -0.30
        K          | Order_Retrocharge    | A     | TAX_WITHHELD  | 0.10
        K          | Order                | A     | FEE_COMMISSION| -1.50
        K          | Refund               | A     | FEE_COMMISSION| 0.40
        K          | SAFE-T Reimbursement | A     | REIMBURSEMENT | 2.00
        K          | SAFE-T Reimbursement | A     | UNCLASSIFIED  | 0.07
        K          | other-transaction    | A     | ADJUSTMENT    | -0.05
        K          | other-transaction    | A     | PRINCIPAL     | 0.03
        K          | other-transaction    | A     | TAX_WITHHELD  | -0.02
        K          | Order                | A     | UNCLASSIFIED  | 0.11""",
)


@pytest.mark.parametrize(
    "mode, received_gross, adjustments", [(TaxMode.EXCLUDE, "10.00", "0.07"), (TaxMode.INCLUDE, "10.70", "0.09")]
)
def test_every_line_kind_under_every_event_lands_in_one_amount(
    mode: TaxMode, received_gross: str, adjustments: str
) -> None:
    row = statement_row(KINDS.with_(rules={"tax_mode": mode}).run())
    assert {
        name: str(row[name])
        for name in (
            "received_gross", "fee_withheld", "tax_collected", "tax_withheld", "reimbursed", "adjustments", "net_cash",
        )
    } == {
        "received_gross": received_gross,
        "fee_withheld": "1.10",
        "tax_collected": "0.70",
        "tax_withheld": "0.72",
        "reimbursed": "2.07",
        "adjustments": adjustments,
        "net_cash": "11.04",
    }  # fmt: skip


def test_a_bill_without_an_amazon_id_is_found_through_its_sales_order() -> None:
    case = Case(
        orders="order | id | total\nA | 42 | 10.00",
        bills="sales_order | total | date       | number\n42 | 6.00 | 2026-10-02 | INV-B\n42 | 4.00 | 2026-10-01 | INV-A",
    )
    row = statement_row(case.run())
    assert (str(row["billed_gross"]), row["billing_records"]) == ("10.00", "INV-A, INV-B")


def test_many_bills_are_cut_short_with_their_number() -> None:
    bills = "order | total | number\n" + "\n".join(f"A | 1.00 | INV-{n:02d}" for n in range(1, 16))
    row = statement_row(Case(bills=bills).run())
    assert str(row["billing_records"]).endswith("INV-11, INV-12 and 3 more")
    assert str(row["billed_gross"]) == "15.00"


def test_of_two_sales_orders_for_one_amazon_order_the_one_not_cancelled_is_shown() -> None:
    case = Case(
        orders="order | id | total | status\nA | 1 | 10.00 | C\nA | 3 | 10.00 | G\nA | 2 | 10.00 | G",
        bills="order | total\nA | 10.00",
    )
    row = statement_row(case.run())
    assert (row["sales_order_id"], row["order_status"]) == ("2", "G")


def test_a_settlement_counts_from_the_day_its_period_closes_and_one_without_a_period_by_posted_day() -> None:
    case = Case(
        bills="order | total\nA | 10.00\nB | 10.00",
        settlements="settlement | end\nK | 2026-10-14\nN |",
        lines="""
            settlement | type  | order | kind      | amount | posted
            K          | Order | A     | PRINCIPAL | 10.00  | 2026-10-01
            N          | Order | B     | PRINCIPAL | 3.00   | 2026-10-13
            N          | Order | B     | PRINCIPAL | 7.00   | 2026-10-14""",
    )
    before, on_the_day = case.with_(as_of="2026-10-13").run(), case.with_(as_of="2026-10-14").run()
    assert [str(statement_row(before, name)["received_gross"]) for name in "AB"] == ["0.00", "3.00"]
    assert [str(statement_row(on_the_day, name)["received_gross"]) for name in "AB"] == ["10.00", "10.00"]
    assert list(before.settlements["settlement_id"]) == ["N"]


def test_the_period_end_is_read_as_a_utc_day_and_a_line_without_a_posted_day_still_counts() -> None:
    case = Case(
        bills="order | total\nA | 10.00",
        lines="settlement | type | order | kind | amount | posted\nK | Order | A | PRINCIPAL | 10.00 |",
    )
    row = statement_row(case.run())
    assert (str(row["received_gross"]), row["last_posted"], row["status"]) == ("10.00", None, "SETTLED")
    assert row["explanation"] == "Billed 10.00 USD on 2026-10-01; Amazon has settled it in full; nothing is due."


def test_nothing_at_all_gives_empty_frames() -> None:
    result = Case(settlements="").run()
    assert [len(frame) for frame in (result.statement, result.exceptions, result.settlements, result.totals)] == [0] * 4


LINES = "settlement | type | order | kind | amount\nK | Order | A | PRINCIPAL | 10.00"


@pytest.mark.parametrize(
    "case, sentence",
    [
        (Case(orders="order | id | total\nA | 1 | 1.00\nB | 1 | 1.00"), "sales_order_id '1' 2 times"),
        (Case(bills="order | id | total\nA | 1 | 1.00\nB | 1 | 1.00"), "billing_record_id '1' 2 times"),
        (Case(credits="order | id | total\nA | 1 | 1.00\nB | 1 | 1.00"), "credit_id '1' 2 times"),
        (Case(settlements="settlement | end\nK | 2026-10-14\nK | 2026-10-14"), "settlement_id 'K' 2 times"),
        (Case(credits="order | number | total\nA | CM-9 | -1.00"), "credit CM-9 has the total -1.00"),
        (Case(lines=LINES, settlements=""), "settlement K has lines but is not among the settlements"),
        (Case(settlements="settlement | end | seller\nK | 2026-10-14 | other"), "seller account 'other'"),
        (Case(lines=LINES, settlements="settlement | end | currency\nK | 2026-10-14 | EUR"), "lines of the currency 'USD'"),
        (
            Case(lines=LINES + "\nN | Order | A | PRINCIPAL | 1.00", settlements="settlement | end\nK | 2026-10-14\nN |")
            .with_(lines="settlement | type | order | kind | amount | posted\nN | Order | A | PRINCIPAL | 1.00 |"),
            "without any date",
        ),
        (
            Case(lines="settlement | type | order | kind | amount | event\nK | Order | A | PRINCIPAL | 10.00 | NEW"),
            "add up to 10.00 USD, but their parts to 0.00",
        ),
        (
            Case(bills="order | total\nA | 9999999999999999.99\nA | 0.01"),
            "Look for an absurd amount",
        ),
    ],
)  # fmt: skip
def test_inputs_that_contradict_themselves_are_refused(case: Case, sentence: str) -> None:
    with pytest.raises(ReconcileError, match="Cannot reconcile") as error:
        case.run()
    assert sentence in str(error.value)


def test_lines_that_are_missing_or_changed_are_refused() -> None:
    frames: dict[str, Any] = dict(Case(lines=LINES + "\nK | Order | A | FEE_FBA | -1.00").frames())
    rules = Case().reconcile_rules()
    with pytest.raises(ReconcileError, match="K has 1 lines that add up to 10\\.00, and 2 lines"):
        reconcile(**{**frames, "lines": frames["lines"].iloc[:1]}, rules=rules)
    with pytest.raises(ReconcileError, match="the lines of settlement K are missing"):
        reconcile(**{**frames, "lines": frames["lines"].iloc[:0]}, rules=rules)


def test_a_frame_of_another_shape_is_refused_by_name() -> None:
    frames: dict[str, Any] = dict(Case().frames())
    with pytest.raises(SchemaError, match="'orders' lacks total"):
        reconcile(**{**frames, "orders": frames["orders"].drop(columns="total")}, rules=Case().reconcile_rules())
    floats = frames["billing_records"].assign(total=pd.Series([], dtype="float64"))
    with pytest.raises(SchemaError, match="total is float64"):
        reconcile(**{**frames, "billing_records": floats}, rules=Case().reconcile_rules())
