"""What Amazon has posted and not settled: parts of due, the basis of "received", maturity; and each transaction once."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pytest
from reconcile_tables import SELLER, Case, order_id, records, statement_row, table

from nsbill import schemas
from nsbill.errors import ReconcileError
from nsbill.reconcile import ReconcileRules, Reconciliation, reconcile
from nsbill.reconcile.activity import each_once
from nsbill.vocabulary import ReceiptBasis, TaxMode

PARTS = ("due_deferred", "due_released_open", "due_unposted", "due_short")
BOOKS = Case(
    as_of="2026-11-05",
    orders="order | total | ship\nA | 100.00 | 2026-10-20\nB | 10.00 | 2026-10-20",
    bills="order | total | date\nA | 100.00 | 2026-10-20\nB | 10.00 | 2026-10-20",
    lines="""
        settlement | type  | order | kind           | amount | posted
        K1         | Order | A     | PRINCIPAL      | 40.00  | 2026-10-22
        K1         | Order | A     | FEE_COMMISSION | -6.00  | 2026-10-22""",
    settlements="settlement | start | end\nK1 | 2026-10-14 | 2026-10-28",
)
ACTIVITY = """
    file | id | status   | order | kind           | amount | posted     | released   | matures    | reason | settlement
    f    | t1 | RELEASED | A     | PRINCIPAL      | 40.00  | 2026-10-21 | 2026-10-22 |            |        |
    f    | t2 | RELEASED | A     | PRINCIPAL      | 25.00  | 2026-10-29 | 2026-10-30 |            |        |
    f    | t2 | RELEASED | A     | FEE_COMMISSION | -3.00  | 2026-10-29 | 2026-10-30 |            |        |
    f    | t3 | DEFERRED | A     | PRINCIPAL      | 20.00  | 2026-11-01 |            | 2026-11-12 | DD7    |
    f    | t3 | DEFERRED | A     | TAX_PRINCIPAL  | 1.00   | 2026-11-01 |            | 2026-11-12 | DD7    |
    f    | t3 | DEFERRED | A     | TAX_WITHHELD   | -1.00  | 2026-11-01 |            | 2026-11-12 | DD7    |
    f    | t4 | DEFERRED | B     | PRINCIPAL      | 10.00  | 2026-11-02 |            | 2026-11-13 | DD7    |"""


def activity_frame(text: str) -> pd.DataFrame:
    """ACTIVITY of a text table; ``file`` is the source file, in the order of adding."""
    return schemas.ACTIVITY.frame(
        [
            {
                "settlement_id": row.get("settlement"),
                "seller_account": SELLER,
                "source_digest": (row["file"] or "") * 8,
                "source_line": place,
                "event_class": row.get("event") or "SALE",
                "line_kind": row["kind"],
                "transaction_type": "Shipment",
                "amount_type": "any",
                "amount_description": row["kind"],
                "amount": Decimal(row["amount"] or ""),
                "currency": "USD",
                "order_route": "amazon_order",
                "order_reference": order_id(row["order"] or ""),
                "amazon_order_id": order_id(row["order"] or ""),
                "posted_at": _instant(row["posted"]),
                "posted_day": (date.fromisoformat(row["posted"] or "") - date(1970, 1, 1)).days,
                "marketplace": "Amazon.com",
                "source_format": row.get("format") or "FINANCES_TRANSACTIONS",
                "transaction_id": row.get("id"),
                "transaction_status": row["status"],
                "released_at": _instant(row.get("released")),
                "maturity_at": _instant(row.get("matures")),
                "deferral_reason": row.get("reason"),
                "extra": row.get("extra"),
            }
            for place, row in enumerate(table(text), start=2)
        ]
    )


def _instant(day: str | None) -> datetime | None:
    return datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC).replace(hour=3) if day else None


def run(case: Case = BOOKS, activity: str | None = ACTIVITY, **rules: object) -> Reconciliation:
    given = None if activity is None else activity_frame(activity)
    named = {"as_of": date.fromisoformat(case.as_of), "seller_account": SELLER, **rules}
    return reconcile(**case.frames(), activity=given, rules=ReconcileRules(**named))  # type: ignore[arg-type]


def parts(row: dict[str, object]) -> list[str | None]:
    return [None if row[name] is None else str(row[name]) for name in PARTS]


def test_what_is_still_to_come_is_divided_by_what_amazon_says_of_it() -> None:
    row = statement_row(run())
    assert (str(row["sale_leg"]), row["status"]) == ("60.00", "PARTIALLY_SETTLED")
    assert parts(row) == ["20.00", "25.00", "15.00", "0.00"]
    assert (row["maturity_date"], row["deferral_reason"]) == (date(2026, 11, 12), "DD7")
    assert "60.00 is still to come, of which 20.00 is deferred until 2026-11-12 (DD7)" in str(row["explanation"])
    assert ", of which 25.00 is released, not settled" in str(row["explanation"])


def test_an_order_of_which_all_is_deferred_is_deferred_and_not_late_before_it_matures() -> None:
    row = statement_row(run(), "B")
    assert row["status"] == "DEFERRED"
    assert parts(row) == ["10.00", "0.00", "0.00", "0.00"]
    assert row["expected_settled"] == date(2026, 11, 25), (
        "the end of the cycle of 12 November plus none after 28 October"
    )
    assert "Amazon has posted it and defers 10.00 until 2026-11-13 (DD7)" in str(row["explanation"])


def test_without_activity_it_is_not_known_what_is_deferred_and_nothing_is_taken_for_zero() -> None:
    row = statement_row(run(activity=None))
    assert parts(row) == [None, None, "60.00", "0.00"]
    late = statement_row(run(BOOKS.with_(as_of="2026-12-20"), activity=None))
    assert parts(late) == [None, None, "0.00", "60.00"]
    assert "60.00 is missing though everything must have been posted, expected by" in str(late["explanation"])


@pytest.mark.parametrize(
    "basis, received, left, fees",
    [
        ("settled", "40.00", ["20.00", "25.00", "15.00", "0.00"], "6.00"),
        ("released", "65.00", ["20.00", "0.00", "15.00", "0.00"], "9.00"),
        ("posted", "85.00", ["0.00", "0.00", "15.00", "0.00"], "9.00"),
    ],
)
def test_each_basis_holds_the_next_and_its_parts_add_up_to_the_sale_leg(
    basis: str, received: str, left: list[str], fees: str
) -> None:
    row = statement_row(run(basis=ReceiptBasis(basis)))
    assert [str(row["received_gross"]), parts(row), str(row["fee_withheld"])] == [received, left, fees]
    assert sum(Decimal(str(row[name])) for name in PARTS) == row["sale_leg"]


@pytest.mark.parametrize(
    "basis, activity, sentence",
    [
        ("posted", None, "what is posted cannot be told: nothing is known of money outside of settlements"),
        ("deposited", ACTIVITY, "what is deposited cannot be told: no bank statement was given"),
    ],
)
def test_a_basis_of_which_nothing_is_known_is_refused(basis: str, activity: str | None, sentence: str) -> None:
    with pytest.raises(ReconcileError, match=sentence):
        run(activity=activity, basis=ReceiptBasis(basis))


def test_money_released_within_a_closed_settlement_or_named_by_it_is_not_open() -> None:
    told = ACTIVITY.replace("t2 | RELEASED | A     | PRINCIPAL      | 25.00  | 2026-10-29 | 2026-10-30 |            |        |",
                            "t2 | RELEASED | A     | PRINCIPAL      | 25.00  | 2026-10-29 | 2026-10-30 |            |        | K1")  # fmt: skip
    assert parts(statement_row(run(activity=told)))[1] == "0.00"


def test_what_was_released_after_the_day_was_deferred_on_it() -> None:
    before = statement_row(run(BOOKS.with_(as_of="2026-10-29")))
    assert parts(before) == ["25.00", "0.00", "35.00", "0.00"]
    assert before["maturity_date"] == date(2026, 10, 30)


def test_deferred_money_past_its_maturity_is_an_exception_until_it_is_released() -> None:
    def overdue(day: str) -> list[tuple[str, str]]:
        found = records(run(BOOKS.with_(as_of=day)).exceptions)
        return [
            (str(r["amazon_order_id"]), str(r["amount"])) for r in found if r["exception_class"] == "DEFERRED_OVERDUE"
        ]

    assert overdue("2026-11-12") == []
    assert overdue("2026-11-13") == [(order_id("A"), "20.00")]
    assert sorted(overdue("2026-11-14")) == sorted([(order_id("A"), "20.00"), (order_id("B"), "10.00")])


def test_more_posted_than_billed_is_no_part_of_due() -> None:
    generous = ACTIVITY.replace("| 20.00  |", "| 200.00 |")
    assert parts(statement_row(run(activity=generous))) == ["60.00", "0.00", "0.00", "0.00"]


@pytest.mark.parametrize(
    "mode, billed, wanted",
    [
        (TaxMode.DETECT, "107.00", ("include", "107.00")),
        (TaxMode.DETECT, "100.00", ("exclude", "100.00")),
        (TaxMode.DETECT, "103.00", ("exclude", "100.00")),
        (TaxMode.EXCLUDE, "107.00", ("exclude", "100.00")),
    ],
)
def test_the_tax_mode_is_told_by_what_was_billed(mode: TaxMode, billed: str, wanted: tuple[str, str]) -> None:
    case = Case(
        bills=f"order | total\nA | {billed}",
        lines="""
            settlement | type  | order | kind          | amount
            K          | Order | A     | PRINCIPAL     | 100.00
            K          | Order | A     | TAX_PRINCIPAL | 7.00
            K          | Order | A     | TAX_WITHHELD  | -7.00""",
    )
    row = statement_row(case.with_(rules={"tax_mode": mode}).run())
    assert (row["tax_mode"], str(row["received_gross"])) == wanted


def test_a_marketplace_may_have_a_tax_mode_of_its_own() -> None:
    case = Case(
        orders="order | total | marketplace\nA | 107.00 | Amazon.com.au\nB | 100.00 | Amazon.com",
        bills="order | total\nA | 107.00\nB | 100.00",
        lines="\n".join(
            ["settlement | type | order | kind | amount"]
            + [
                f"K | Order | {order} | {kind} | {amount}"
                for order in "AB"
                for kind, amount in (("PRINCIPAL", "100.00"), ("TAX_PRINCIPAL", "7.00"), ("TAX_WITHHELD", "-7.00"))
            ]
        ),
        rules={"tax_modes": {"Amazon.com.au": TaxMode.INCLUDE}},
    )
    result = case.run()
    assert [(r["tax_mode"], str(r["due"])) for r in (statement_row(result, o) for o in "AB")] == [
        ("include", "0.00"),
        ("exclude", "0.00"),
    ]


def once(text: str) -> list[tuple[str, str]]:
    frame = each_once(pa.Table.from_pandas(activity_frame(text), schema=schemas.ACTIVITY.arrow, preserve_index=False))
    kept = records(frame.to_pandas(types_mapper=pd.ArrowDtype))
    return sorted((str(row["transaction_status"]), str(row["amount"])) for row in kept)


def test_the_file_added_last_has_the_last_word_on_a_transaction() -> None:
    text = """
        file | id | status   | order | kind      | amount | posted
        a    | t1 | DEFERRED | A     | PRINCIPAL | 5.00   | 2026-11-01
        a    | t1 | DEFERRED | A     | PRINCIPAL | 5.00   | 2026-11-01
        a    | t2 | DEFERRED | A     | PRINCIPAL | 9.00   | 2026-11-01
        b    | t1 | RELEASED | A     | PRINCIPAL | 5.00   | 2026-11-01
        b    | t1 | RELEASED | A     | PRINCIPAL | 5.00   | 2026-11-01"""
    assert once(text) == [("DEFERRED", "9.00"), ("RELEASED", "5.00"), ("RELEASED", "5.00")]


def test_a_deferred_transaction_gives_way_to_its_successor_where_that_is_there() -> None:
    names = json.dumps({"DEFERRED_TRANSACTION_ID": "t1"})
    text = f"""
        file | id | status            | order | kind      | amount | posted     | extra
        a    | t1 | DEFERRED_RELEASED | A     | PRINCIPAL | 5.00   | 2026-11-01 |
        a    | t2 | RELEASED          | A     | PRINCIPAL | 5.00   | 2026-11-08 | {names}
        a    | t3 | DEFERRED_RELEASED | A     | PRINCIPAL | 7.00   | 2026-11-01 |"""
    assert once(text) == [("DEFERRED_RELEASED", "7.00"), ("RELEASED", "5.00")]
    assert once(text.replace("DEFERRED_RELEASED | A     | PRINCIPAL | 5.00", "DEFERRED | A | PRINCIPAL | 5.00")) == [
        ("DEFERRED_RELEASED", "7.00"),
        ("RELEASED", "5.00"),
    ], "a file that was fetched before the release"


def test_before_its_release_a_transaction_is_deferred_although_its_file_says_more() -> None:
    names = json.dumps({"DEFERRED_TRANSACTION_ID": "t1"})
    told = f"""
        file | id | status            | order | kind      | amount | posted     | extra
        a    | t1 | DEFERRED_RELEASED | B     | PRINCIPAL | 10.00  | 2026-11-01 |
        a    | t2 | RELEASED          | B     | PRINCIPAL | 10.00  | 2026-11-08 | {names}"""
    before, after = (statement_row(run(BOOKS.with_(as_of=day), told), "B") for day in ("2026-11-07", "2026-11-08"))
    assert (before["status"], parts(before)) == ("DEFERRED", ["10.00", "0.00", "0.00", "0.00"])
    assert (after["status"], parts(after)) == ("AWAITING_SETTLEMENT", ["0.00", "10.00", "0.00", "0.00"])


def test_of_reports_that_overlap_the_one_added_last_counts_for_the_time_that_it_covers() -> None:
    text = """
        file | status   | order | kind      | amount | posted     | format
        a    | DEFERRED | A     | PRINCIPAL | 1.00   | 2026-11-01 | PAYMENTS_CSV
        a    | DEFERRED | A     | PRINCIPAL | 2.00   | 2026-11-05 | PAYMENTS_CSV
        a    | DEFERRED | A     | PRINCIPAL | 2.00   | 2026-11-05 | PAYMENTS_CSV
        b    | RELEASED | A     | PRINCIPAL | 2.00   | 2026-11-05 | PAYMENTS_CSV
        b    | RELEASED | A     | PRINCIPAL | 2.00   | 2026-11-05 | PAYMENTS_CSV
        b    | RELEASED | A     | PRINCIPAL | 3.00   | 2026-11-09 | PAYMENTS_CSV"""
    assert once(text) == [("DEFERRED", "1.00"), ("RELEASED", "2.00"), ("RELEASED", "2.00"), ("RELEASED", "3.00")]
