"""When the money of an order was expected, and how late it is (domain reference 2.5), in day numbers."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

import narwhals as nw
import pyarrow as pa

from nsbill.money import ZERO
from nsbill.reconcile.rules import EPOCH, ReconcileRules
from nsbill.schemas import DATE, DAY, TEXT
from nsbill.vocabulary import AgingBucket

__all__ = ["BUCKETS", "bucket", "expected_settled_day", "expected_table"]

BUCKETS: tuple[tuple[int, AgingBucket], ...] = (
    (0, AgingBucket.NOT_YET_EXPECTED),
    (7, AgingBucket.DAYS_1_7),
    (14, AgingBucket.DAYS_8_14),
    (30, AgingBucket.DAYS_15_30),
    (60, AgingBucket.DAYS_31_60),
    (90, AgingBucket.DAYS_61_90),
)
"""The last age in days of each bucket; what is older is over 90."""


def expected_settled_day(release_day: int, period_ends: Sequence[int], cycle_days: int) -> int:
    """Return the end of the settlement cycle that contains ``release_day``.

    ``period_ends`` are the known ends in this currency, ascending: the first one not before the release counts.
    After the last one the cycles go on in steps of ``cycle_days``. Without any, a cycle that holds the release
    ends at most ``cycle_days`` after it, and nothing earlier can be promised.
    """
    at = bisect_left(period_ends, release_day)
    if at < len(period_ends):
        return period_ends[at]
    if not period_ends:
        return release_day + cycle_days
    cycles = -((period_ends[-1] - release_day) // cycle_days)
    return period_ends[-1] + cycles * cycle_days


def expected_table(
    days: Iterable[int], currencies: Iterable[str], period_ends: Mapping[str, Sequence[int]], rules: ReconcileRules
) -> pa.Table:
    """Return when money is expected: one row per ``currency`` and ``base_day`` (shipping, order or billing day)."""
    shipped = sorted(set(days))
    rows = [
        (code, day, expected_settled_day(day + rules.release_days, period_ends.get(code, ()), rules.cycle_days))
        for code in sorted(set(currencies))
        for day in shipped
    ]
    expected = pa.array([row[2] for row in rows], DAY)
    return pa.table(
        {
            "currency": pa.array([row[0] for row in rows], TEXT),
            "base_day": pa.array([row[1] for row in rows], DAY),
            "expected_settled": expected.cast(DATE),
            "expected_day": expected,
            "expected_text": pa.array([(EPOCH + timedelta(days=row[2])).isoformat() for row in rows], TEXT),
        }
    )


def bucket() -> nw.Expr:
    """The aging bucket of ``age_days``; empty unless ``due`` is positive and the age is known."""
    age = nw.col("age_days")
    expression = nw.lit(AgingBucket.OVER_90.value)
    for last, name in reversed(BUCKETS):
        expression = nw.when(age <= last).then(nw.lit(name.value)).otherwise(expression)
    return (
        nw.when((nw.col("due") > nw.lit(ZERO)) & ~age.is_null())
        .then(expression)
        .otherwise(nw.lit(None, dtype=nw.String))
    )
