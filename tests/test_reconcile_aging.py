"""Ageing: when the money was expected, by day numbers, and the bucket of what is late."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from reconcile_tables import Case, records, statement_row, table

from nsbill.reconcile.aging import BUCKETS, expected_settled_day
from nsbill.reconcile.rules import EPOCH


def day(text: str) -> int:
    return (date.fromisoformat(text) - EPOCH).days


CYCLES = table("""
    release    | known ends            | expected   | why
    2026-10-10 | 2026-10-14 2026-10-28 | 2026-10-14 | inside the first known period
    2026-10-14 | 2026-10-14 2026-10-28 | 2026-10-14 | on the last day of a period
    2026-10-15 | 2026-10-14 2026-10-28 | 2026-10-28 | on the first day of the next
    2026-10-29 | 2026-10-14 2026-10-28 | 2026-11-11 | the period after the last known
    2026-11-11 | 2026-10-14 2026-10-28 | 2026-11-11 | on the last day of that
    2026-11-12 | 2026-10-14 2026-10-28 | 2026-11-25 | two periods after
    2026-01-01 | 2026-10-14            | 2026-10-14 | long before the first known end
    2026-10-10 |                       | 2026-10-24 | no settlement known: at the latest one cycle later
    """)


@pytest.mark.parametrize("row", CYCLES, ids=[str(row["why"]) for row in CYCLES])
def test_the_expected_settlement_is_the_end_of_the_cycle_that_contains_the_release(row: dict[str, str | None]) -> None:
    ends = [day(text) for text in (row["known ends"] or "").split()]
    found = expected_settled_day(day(str(row["release"])), ends, 14)
    assert EPOCH + timedelta(days=found) == date.fromisoformat(str(row["expected"]))


def test_a_settlement_that_is_expected_never_comes_before_the_release_nor_more_than_a_cycle_after_the_last_end() -> (
    None
):
    ends = [day("2026-10-14")]
    for release in range(ends[0], ends[0] + 100):
        found = expected_settled_day(release, ends, 14)
        assert release <= found < release + 14
        assert (found - ends[0]) % 14 == 0


BASES = Case(
    as_of="2026-10-20",
    settlements="settlement | end\nK | 2026-10-14\nK1 | 2026-10-28",
    orders="""
        order    | total | date       | ship
        shipped  | 10.00 | 2026-09-01 | 2026-09-30
        ordered  | 10.00 | 2026-10-03 |""",
    bills="""
        order    | total | date
        shipped  | 10.00 | 2026-10-05
        ordered  | 10.00 | 2026-10-05
        no order | 10.00 | 2026-10-01
        no order | 10.00 | 2026-10-09""",
)


def test_the_days_run_from_shipping_else_from_the_order_else_from_the_first_bill() -> None:
    result = BASES.run()
    found = {
        name: (row["expected_settled"], row["age_days"], row["aging_bucket"])
        for name in ("shipped", "ordered", "no order")
        for row in [statement_row(result, name)]
    }
    assert found == {
        "shipped": (date(2026, 10, 14), 6, "1–7"),
        "ordered": (date(2026, 10, 28), -8, "not yet expected"),  # released on 15 October, a day too late for K
        "no order": (date(2026, 10, 14), 6, "1–7"),
    }


def test_settlements_that_close_after_the_as_of_date_are_not_known_yet() -> None:
    case = BASES.with_(settlements="settlement | end\nK | 2026-10-14\nK1 | 2026-10-27")
    assert statement_row(case.run(), "ordered")["expected_settled"] == date(2026, 10, 28)
    assert statement_row(case.with_(as_of="2026-10-27").run(), "ordered")["expected_settled"] == date(2026, 10, 27)


def test_each_currency_has_its_own_cycle() -> None:
    case = Case(
        as_of="2026-10-30",
        settlements="settlement | end | currency\nK | 2026-10-14 | USD\nE | 2026-10-17 | EUR",
        bills="""
            order | total | date       | currency
            A     | 10.00 | 2026-10-01 | USD
            B     | 10.00 | 2026-10-01 | EUR
            C     | 10.00 | 2026-10-01 | CAD""",
    )
    result = case.run()
    found = [statement_row(result, *key)["expected_settled"] for key in (("A", "USD"), ("B", "EUR"), ("C", "CAD"))]
    assert found == [date(2026, 10, 14), date(2026, 10, 17), date(2026, 10, 27)]


def test_the_waiting_days_are_the_rules() -> None:
    case = Case(
        as_of="2026-10-30",
        settlements="",
        bills="order | total | date\nA | 10.00 | 2026-10-01",
        rules={"delivery_days": 2, "hold_days": 3, "cycle_days": 7},
    )
    assert statement_row(case.run())["expected_settled"] == date(2026, 10, 13)


AGES = table("""
    age | bucket
    -1  | not yet expected
    0   | not yet expected
    1   | 1–7
    7   | 1–7
    8   | 8–14
    14  | 8–14
    15  | 15–30
    30  | 15–30
    31  | 31–60
    60  | 31–60
    61  | 61–90
    90  | 61–90
    91  | over 90
    """)


def test_each_age_falls_into_its_bucket() -> None:
    as_of = date(2026, 10, 30)
    lines = [f"age {row['age']} | 1.00 | {as_of - timedelta(days=int(row['age'] or 0) + 26)}" for row in AGES]
    case = Case(as_of=as_of.isoformat(), settlements="", bills="order | total | date\n" + "\n".join(lines))
    result = case.run()
    for row in AGES:
        found = statement_row(result, f"age {row['age']}")
        assert (str(found["age_days"]), found["aging_bucket"]) == (row["age"], row["bucket"])
    assert len(BUCKETS) == 6


def test_a_row_that_is_not_due_has_no_bucket_and_one_without_any_date_no_age() -> None:
    case = Case(
        bills="order | total\nA | 10.00",
        lines="""
            settlement | type  | order | kind      | amount
            K          | Order | A     | PRINCIPAL | 10.00
            K          | Order | B     | PRINCIPAL | 10.00""",
    )
    by_order = {row["amazon_order_id"]: row for row in records(case.run().statement)}
    assert [row["aging_bucket"] for row in by_order.values()] == [None, None]
    assert sum(row["expected_settled"] is None and row["age_days"] is None for row in by_order.values()) == 1
