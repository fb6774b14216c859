"""Which settlement comes before which, among ledgers that run side by side."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from nsbill.amazon.chains import How, Period, Place, places

DAY_0 = datetime(2026, 6, 1, tzinfo=UTC)


def period(row: str) -> Period:
    """From ``name | first day | last day | ledger | held | given back | owed | payable``; later cells may be missing."""
    cells = [cell.strip() for cell in row.split("|")] + [""] * 8
    held, given_back, owed, payable = (Decimal(cell or "0.00") for cell in cells[4:8])
    start, end = (DAY_0 + timedelta(days=float(cell)) for cell in cells[1:3])
    return Period(cells[0], start, end, cells[3] or None, held, given_back, owed, payable)


def told(table: str) -> list[str]:
    return [_told(place) for place in places(map(period, table.strip().splitlines()))]


def _told(place: Place) -> str:
    before = " ".join(sorted(one.settlement_id for one in place.before))
    return f"{place.period.settlement_id} {place.how.name}{' ' if before else ''}{before}"


def test_one_ledger_chains_whatever_the_length_of_its_periods() -> None:
    assert told("""
        A | 0  | 56
        B | 56 | 70
        C | 70 | 73
        D | 73 | 87
    """) == ["A FIRST", "B FOLLOWS A", "C FOLLOWS B", "D FOLLOWS C"]


@pytest.mark.parametrize("seconds, how", [(0, How.FOLLOWS), (1, How.FOLLOWS), (2, How.GAP)])
def test_the_next_may_start_one_second_later_and_no_more(seconds: int, how: How) -> None:
    first, second = period("A | 0 | 14"), period("B | 14 | 28")
    moved = Period(**{**vars(second), "start": second.start + timedelta(seconds=seconds)})
    assert places([first, moved])[1].how is how


def test_a_payout_on_demand_without_any_length_is_a_link_like_any_other() -> None:
    assert told("""
        A | 0  | 14
        Z | 14 | 14
        B | 14 | 28
    """) == ["A FIRST", "Z FOLLOWS A", "B FOLLOWS Z"]


def test_marketplaces_chain_apart_and_a_settlement_without_one_takes_the_place_that_is_left() -> None:
    assert told("""
        D1 | 0  | 14 | amazon.de
        F1 | 0  | 14 | amazon.fr
        X  | 14 | 28 |
        F2 | 14 | 28 | amazon.fr
        D3 | 28 | 42 | amazon.de
    """) == ["D1 FIRST", "F1 FIRST", "F2 FOLLOWS F1", "X FOLLOWS D1", "D3 FOLLOWS X"]


def test_ledgers_with_other_dates_chain_side_by_side_without_a_word() -> None:
    assert told("""
        S1 | 0  | 14
        I1 | 3  | 17
        S2 | 14 | 28
        I2 | 17 | 31
        S3 | 28 | 42
    """) == ["S1 FIRST", "I1 FIRST", "S2 FOLLOWS S1", "I2 FOLLOWS I1", "S3 FOLLOWS S2"]


def test_ledgers_with_the_same_dates_are_told_apart_by_what_is_handed_over() -> None:
    assert told("""
        S1 | 0  | 14 |  | 20.00 | 0     |        |
        I1 | 0  | 14 |  | 0     | 0     | -62.31 |
        X2 | 14 | 28 |  | 0     | 0     |        | -62.31
        Y2 | 14 | 28 |  | 0     | 20.00 |        |
    """) == ["I1 FIRST", "S1 FIRST", "X2 FOLLOWS I1", "Y2 FOLLOWS S1"]


def test_what_the_amounts_leave_over_follows_by_elimination() -> None:
    assert told("""
        A1 | 0  | 14 |  | 20.00
        B1 | 0  | 14 |  | 9.00
        A2 | 14 | 28 |  | 0 | 20.00
        B2 | 14 | 28 |  | 0 | 7.00
    """)[2:] == ["A2 FOLLOWS A1", "B2 FOLLOWS B1"]


def test_six_payment_rails_of_a_month_follow_one_of_six_and_none_is_chosen() -> None:
    rails = [f"{name}{week} | {7 * week} | {7 * week + 7}" for week in range(4) for name in "ABCDEF"]
    found = told("\n".join(rails))
    assert found[:6] == [f"{name}0 FIRST" for name in "ABCDEF"]
    assert set(found[6:]) == {
        f"{name}{week} ONE_OF {' '.join(f'{other}{week - 1}' for other in 'ABCDEF')}"
        for week in range(1, 4)
        for name in "ABCDEF"
    }


def test_more_that_start_than_end_cannot_be_told() -> None:
    assert told("""
        A | 0  | 14
        B | 14 | 28
        C | 14 | 21
    """) == ["A FIRST", "C UNCLEAR A", "B UNCLEAR A"]


def test_time_that_no_settlement_covers_is_a_gap() -> None:
    assert told("""
        A | 0  | 14
        B | 20 | 34
        C | 40 | 54
    """) == ["A FIRST", "B GAP A", "C GAP B"]


def test_a_gap_in_one_marketplace_is_one_although_another_goes_on() -> None:
    assert told("""
        D1 | 0  | 14 | amazon.de
        F1 | 0  | 14 | amazon.fr
        F2 | 14 | 28 | amazon.fr
        D3 | 28 | 42 | amazon.de
        F3 | 28 | 42 | amazon.fr
    """)[3:] == ["D3 GAP D1", "F3 FOLLOWS F2"]


def test_a_hole_in_one_of_two_ledgers_that_look_alike_cannot_be_told_from_a_new_ledger() -> None:
    assert told("""
        S1 | 0  | 14
        I1 | 3  | 17
        S2 | 14 | 28
        S3 | 28 | 42
        I3 | 31 | 45
    """)[2:] == ["S2 FOLLOWS S1", "S3 FOLLOWS S2", "I3 UNCLEAR I1"]


def test_an_overlap_is_one_only_when_amounts_show_the_same_ledger() -> None:
    proven = "A | 0 | 14 |  | 7.00\nB | 13 | 27 |  | 0 | 7.00"
    owed = "A | 0 | 14 |  |  |  | -5.00\nB | 13 | 27 |  |  |  |  | -5.00"
    alike = "A | 0 | 14\nB | 13 | 27"
    assert [told(table)[1] for table in (proven, owed, alike)] == ["B OVERLAP A", "B OVERLAP A", "B FIRST"]


def test_the_order_in_which_settlements_are_added_changes_nothing() -> None:
    rails = [f"{name}{n} | {7 * n} | {7 * n + 7} |  | {n}.00 | {n - 1}.00" for n in range(1, 9) for name in "ABC"]
    rails += ["X | 60 | 70", "Y | 80 | 90", "M | 7 | 14 | amazon.de", "N | 14 | 20 | amazon.de"]
    once = [_told(place) for place in places(map(period, rails))]
    for seed in range(20):
        random.Random(seed).shuffle(rails)
        assert [_told(place) for place in places(map(period, rails))] == once


def test_nothing_is_taken_over_twice_in_junctions_of_any_shape() -> None:
    for seed in range(60):
        choose = random.Random(seed)
        ends = [f"E{n} | {n} | 20 | {choose.choice(['', 'de', 'fr'])}" for n in range(choose.randint(1, 3))]
        starts = [f"S{n} | 20 | {21 + n} | {choose.choice(['', 'de', 'fr'])}" for n in range(choose.randint(1, 3))]
        found = places(map(period, ends + starts))
        followers = [place.before[0].settlement_id for place in found if place.how is How.FOLLOWS]
        assert len(followers) == len(set(followers))
        for place in found:
            for one in place.before:
                assert one.ledger is None or place.period.ledger is None or one.ledger == place.period.ledger
            if place.how is How.ONE_OF:
                assert len(place.before) > 1
