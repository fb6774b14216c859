"""When a job is due: cron expressions in a time zone, with cron's own rules for the days on which clocks change.

A job at fixed times (neither minute nor hour begins with ``*``) runs once for each of them: when clocks go back, the
first time that the clock shows it; when clocks go forward over it, at the first moment after the gap. A job with ``*``
in minute or hour runs whenever the clock shows a time that fits: in an hour that comes twice, twice; in one that is
skipped, not at all. Debian's cron does the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

__all__ = ["ANY_DAY", "cron_problem", "times_after", "times_between"]

ANY_DAY = datetime(2026, 1, 1)  # noqa: DTZ001 -- a clock on the wall
_SECOND, _DAY = timedelta(seconds=1), timedelta(days=1)


def cron_problem(expression: str) -> str | None:
    """What is wrong with a cron expression; ``None``: it can be used."""
    try:
        next(CronSim(expression, ANY_DAY))
    except CronSimError as error:
        return str(error)[:1].lower() + str(error)[1:]
    except StopIteration:
        return "no day ever fits"
    return None


def times_after(expression: str, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    """The instants, in UTC, at which the expression is due after ``after``, the earliest first, without end."""
    fields = expression.split()
    at_fixed_times = len(fields) == 5 and not (fields[0].startswith("*") or fields[1].startswith("*"))
    after = after.astimezone(UTC)
    found = _fixed(expression, zone, after) if at_fixed_times else _by_the_clock(expression, zone, after)
    last = after
    for instant in found:
        if instant > last:  # two times of a gap fall on its end; and cronsim begins with the first pass of an hour
            yield instant
            last = instant


def times_between(expression: str, zone: ZoneInfo, after: datetime, until: datetime) -> Iterator[datetime]:
    """The instants after ``after`` up to and including ``until``."""
    for instant in times_after(expression, zone, after):
        if instant > until:
            return
        yield instant


def _fixed(expression: str, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    for local in CronSim(expression, after.astimezone(zone)):
        yield local.astimezone(UTC)


def _by_the_clock(expression: str, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    """Let the expression run on the wall clock, from one change of the clocks to the next.

    cronsim would step by whole hours across a change, and loses the first times after one of half an hour.
    """
    begin = after.astimezone(zone).replace(tzinfo=None)
    while True:
        offset = after.astimezone(zone).utcoffset()
        assert offset is not None
        for naive in CronSim(expression, begin):
            instant = (naive - offset).replace(tzinfo=UTC)
            change = _change(zone, after, instant)
            if change is not None:
                after = change
                begin = change.astimezone(zone).replace(tzinfo=None) - _SECOND
                break
            yield instant
            after = instant


def _change(zone: ZoneInfo, after: datetime, until: datetime) -> datetime | None:
    """The first instant after ``after``, up to ``until``, at which the zone's clocks show another offset."""
    before = after.astimezone(zone).utcoffset()
    low = high = after
    while low < until:
        high = min(low + _DAY, until)
        if high.astimezone(zone).utcoffset() != before:
            break
        low = high
    else:
        return None
    while high - low > _SECOND:
        middle = (low + (high - low) / 2).replace(microsecond=0)
        if middle <= low:
            middle = low + _SECOND
        if middle.astimezone(zone).utcoffset() == before:
            low = middle
        else:
            high = middle
    return high.replace(microsecond=0)
