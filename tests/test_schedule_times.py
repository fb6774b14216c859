"""When a job is due: in ordinary weeks, and on the days on which clocks change, in several zones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest

from nsbill.runs.schedule_times import cron_problem, times_after, times_between


def local_times(expression: str, zone: str, begin: str, hours: int) -> list[str]:
    where = ZoneInfo(zone)
    after = datetime.fromisoformat(begin).replace(tzinfo=where).astimezone(UTC)
    found = times_between(expression, where, after, after + timedelta(hours=hours))
    return [f"{instant.astimezone(where):%d %H:%M%z}" for instant in found]


SPRING, AUTUMN = "2026-03-28 22:00", "2026-10-24 22:00"  # the nights in Europe


@pytest.mark.parametrize(
    "expression, zone, begin, hours, expected",
    [
        # clocks go forward: what would have come in the gap comes at its end, once
        ("30 2 * * *", "Europe/Berlin", SPRING, 30, "29 03:00+0200 | 30 02:30+0200"),
        ("0,30 2 * * *", "Europe/Berlin", SPRING, 8, "29 03:00+0200"),
        ("15 2,3 * * *", "Europe/Berlin", SPRING, 8, "29 03:00+0200 | 29 03:15+0200"),
        ("30 1 * * *", "Europe/London", SPRING, 8, "29 02:00+0100"),
        ("30 2 * * *", "America/New_York", "2026-03-07 22:00", 8, "08 03:00-0400"),
        ("0 0 * * *", "Africa/Cairo", "2026-04-23 22:00", 30, "24 01:00+0300 | 25 00:00+0300"),
        ("0 0 * * *", "America/Santiago", "2026-09-05 22:00", 30, "06 01:00-0300 | 07 00:00-0300"),
        ("15 2 * * *", "Australia/Lord_Howe", "2026-10-03 22:00", 8, "04 02:30+1100"),
        # clocks go back: once, the first time
        ("30 2 * * *", "Europe/Berlin", AUTUMN, 30, "25 02:30+0200 | 26 02:30+0100"),
        ("30 1 * * *", "America/New_York", "2026-10-31 22:00", 30, "01 01:30-0400 | 02 01:30-0500"),
        ("30 2 * * *", "Australia/Sydney", "2026-04-04 22:00", 8, "05 02:30+1100"),
        # with a star the clock is followed: skipped times do not come, doubled ones come twice
        ("0 * * * *", "Europe/Berlin", SPRING, 6, "28 23:00+0100 | 29 00:00+0100 | 29 01:00+0100 | 29 03:00+0200 | 29 04:00+0200 | 29 05:00+0200"),
        ("*/30 2 * * *", "Europe/Berlin", SPRING, 8, ""),
        ("*/30 2 * * *", "Europe/Berlin", AUTUMN, 8, "25 02:00+0200 | 25 02:30+0200 | 25 02:00+0100 | 25 02:30+0100"),
        ("0 * * * *", "America/St_Johns", "2026-10-31 23:30", 4, "01 00:00-0230 | 01 01:00-0230 | 01 01:00-0330 | 01 02:00-0330"),
        ("*/20 2 * * *", "Australia/Lord_Howe", "2026-04-04 22:00", 8, "05 02:00+1030 | 05 02:20+1030 | 05 02:40+1030"),
        ("*/20 1 * * *", "Australia/Lord_Howe", "2026-04-04 22:00", 8, "05 01:00+1100 | 05 01:20+1100 | 05 01:40+1100 | 05 01:40+1030"),
        ("*/30 0 * * *", "Africa/Cairo", "2026-04-23 22:00", 6, ""),
        # where clocks never change
        ("30 2 * * *", "Asia/Tokyo", SPRING, 30, "29 02:30+0900 | 30 02:30+0900"),
        ("30 2 * * *", "UTC", SPRING, 30, "29 02:30+0000 | 30 02:30+0000"),
    ],
)  # fmt: skip
def test_days_on_which_clocks_change(expression: str, zone: str, begin: str, hours: int, expected: str) -> None:
    assert " | ".join(local_times(expression, zone, begin, hours)) == expected


@pytest.mark.parametrize("expression", ["*/15 * * * *", "*/20 0 * * *", "5 */2 * * *", "*/7 23 * * *", "0 * * * *", "*/10 1-2 * * *"])  # fmt: skip
@pytest.mark.parametrize(
    "zone, begin",
    [
        ("Europe/Berlin", SPRING),
        ("Europe/Berlin", AUTUMN),
        ("America/Los_Angeles", "2026-03-07 12:00"),
        ("America/Los_Angeles", "2026-10-31 12:00"),
        ("Australia/Lord_Howe", "2026-04-04 12:00"),
        ("Australia/Lord_Howe", "2026-10-03 12:00"),
        ("Africa/Cairo", "2026-04-23 12:00"),
        ("Africa/Cairo", "2026-10-29 12:00"),
        ("America/Santiago", "2026-04-04 12:00"),
        ("Asia/Kathmandu", "2026-06-01 12:00"),
    ],
)
def test_a_job_with_a_star_is_due_at_exactly_the_minutes_at_which_the_clock_shows_a_fitting_time(
    expression: str, zone: str, begin: str
) -> None:
    """Every minute of two days is looked at, on the clock of the place."""
    where = ZoneInfo(zone)
    after = datetime.fromisoformat(begin).replace(tzinfo=where).astimezone(UTC)
    minutes, hours = (fitting(field, most) for field, most in zip(expression.split(), (60, 24), strict=False))
    every = [after + timedelta(minutes=n) for n in range(1, 2881)]
    clocks = [(instant, instant.astimezone(where)) for instant in every]
    expected = [instant for instant, clock in clocks if clock.minute in minutes and clock.hour in hours]
    assert list(times_between(expression, where, after, every[-1])) == expected


def fitting(field: str, most: int) -> set[int]:
    span, _, step = field.partition("/")
    first, _, last = span.partition("-")
    if span == "*":
        numbers = range(0, most, int(step or 1))
    else:
        numbers = range(int(first), int(last or first) + 1, int(step or 1))
    return set(numbers)


def test_the_next_time_is_never_one_that_has_passed_also_within_the_hour_that_comes_twice() -> None:
    """Asked at the second 02:10, an expression for 02:30 would give the first 02:30, fifty minutes ago."""
    berlin = ZoneInfo("Europe/Berlin")
    second_ten_past_two = datetime(2026, 10, 25, 1, 10, tzinfo=UTC)
    found = next(times_after("30 2 * * *", berlin, second_ten_past_two))
    assert found == datetime(2026, 10, 26, 1, 30, tzinfo=UTC)


def test_every_time_is_found_whichever_of_them_one_begins_to_look_from() -> None:
    """A service that is restarted must find what one that ran on would have found."""
    berlin = ZoneInfo("Europe/Berlin")
    begin = datetime(2026, 10, 24, 20, tzinfo=UTC)
    for expression in ("30 2 * * *", "*/30 * * * *", "15 1-3 * * *"):
        whole = list(islice(times_after(expression, berlin, begin), 30))
        for number, instant in enumerate(whole[:-1]):
            assert next(times_after(expression, berlin, instant)) == whole[number + 1]
            assert next(times_after(expression, berlin, instant - timedelta(microseconds=1))) == instant


def test_days_of_the_week_are_counted_from_sunday_as_cron_does() -> None:
    monday = next(times_after("0 6 * * 1", ZoneInfo("UTC"), datetime(2026, 11, 28, tzinfo=UTC)))
    assert monday == datetime(2026, 11, 30, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    "expression, problem",
    [
        ("*/15 * * * *", None),
        ("0 6 1 * *", None),
        ("0 6 L * *", None),
        ("30 0 6 * * *", None),
        ("60 * * * *", "bad minute"),
        ("0 6 * *", "wrong number of fields"),
        ("@daily", "wrong number of fields"),
        ("0 6 31 2 *", "bad day-of-month"),
        ("0 6 * * MON-", "bad day-of-week"),
        ("", "wrong number of fields"),
    ],
)
def test_what_is_wrong_with_an_expression_is_said(expression: str, problem: str | None) -> None:
    assert cron_problem(expression) == problem
