"""The date of each new record, the accounting period that it falls into, and what closed periods do to it. Pure.

NetSuite closes months, quarters and years one within the other, so a day is open when no period around it is closed
(netsuite 5.3). A period in which only receivables are locked is not seen here; NetSuite itself refuses it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property

import pandas as pd
import pyarrow as pa

from nsbill.settings import Settings
from nsbill.vocabulary import ClosedPeriod

__all__ = ["Periods", "joined", "wanted_dates", "with_dates"]

_TEXT = pd.ArrowDtype(pa.string())
_DATE = pd.ArrowDtype(pa.date32())


@dataclass(frozen=True)
class Periods:
    """The account's accounting periods (schema ACCOUNTING_PERIODS)."""

    frame: pd.DataFrame

    def around(self, day: date) -> tuple[str | None, bool]:
        """Return the name of the shortest period around ``day`` (a closed one, if any is), and whether the day is open.

        A day without a period is not open, and its name is ``None``.
        """
        found = [row for row in self._rows if row[1] <= day <= row[2]]
        closed = [row for row in found if row[3]]
        chosen = min(closed or found, key=lambda row: (row[2] - row[1], row[1]), default=None)
        return (chosen[0], not closed) if chosen else (None, False)

    def next_open(self, day: date) -> date | None:
        """Return the first day of the earliest open period that begins after ``day``; ``None`` when there is none."""
        starts = sorted({row[1] for row in self._rows if row[1] > day})
        return next((start for start in starts if self.around(start)[1]), None)

    @cached_property
    def _rows(self) -> list[tuple[str, date, date, bool]]:
        names = ("name", "first", "last", "closed")
        return list(zip(*(self.frame[name].tolist() for name in names), strict=True))


def wanted_dates(orders: pd.DataFrame, settings: Settings, today: date) -> pd.Series:
    """Return the date that each order's record is to carry: today, its ship date (today when it has none), or one given."""
    if settings.transaction_date == "ship-date":
        return orders["ship_date"].fillna(pd.Series(today, index=orders.index, dtype=_DATE))
    given = today if settings.transaction_date == "today" else date.fromisoformat(settings.transaction_date)
    return pd.Series(given, index=orders.index, dtype=_DATE)


def with_dates(facts: pd.DataFrame, periods: Periods | None, *, settings: Settings, today: date) -> pd.DataFrame:
    """Return ``facts`` with the date of each record and what the closed-period policy makes of it.

    Added columns: ``transaction_date`` (moved to the next open period when the policy is ``next-open``), ``period``
    (text), ``date_note`` (text: why the date is not the one wanted), ``closed_note`` (text: why nothing can be billed
    on that date; empty where it can).
    """
    wanted = wanted_dates(facts, settings, today)
    known = {day: _judge(periods, day, settings.closed_period) for day in set(wanted)}
    no_ship_date = facts["ship_date"].isna() & (settings.transaction_date == "ship-date")
    unshipped = no_ship_date.map({True: f"It has no ship date, so it is dated today, {today}.", False: None}).astype(
        _TEXT
    )

    def column(place: int, dtype: pd.ArrowDtype) -> pd.Series:
        return pd.Series([known[day][place] for day in wanted], index=facts.index, dtype=dtype)

    return facts.assign(
        transaction_date=column(0, _DATE),
        period=column(1, _TEXT),
        date_note=joined(unshipped, column(2, _TEXT)),
        closed_note=column(3, _TEXT),
    )


def joined(*notes: pd.Series) -> pd.Series:
    """Put sentences side by side; where there is none, the result is empty."""
    made = notes[0]
    for note in notes[1:]:
        both = made.notna() & note.notna()
        made = (made + " " + note).where(both, made.fillna(note))
    return made.astype(_TEXT)


def _judge(periods: Periods | None, day: date, policy: ClosedPeriod) -> tuple[date, str | None, str | None, str | None]:
    """Return date, period, note and obstacle for records wanted on ``day``."""
    if periods is None:
        return day, None, None, None
    name, is_open = periods.around(day)
    if is_open:
        return day, name, None, None
    why = f"{name} is closed" if name else "there is no accounting period around it"
    later = periods.next_open(day)
    if later is None:
        return (
            day,
            name,
            None,
            f"It would be dated {day}, but {why}, and no later period is open. Open one in NetSuite.",
        )
    if policy is ClosedPeriod.NEXT_OPEN:
        return later, periods.around(later)[0], f"Dated {later} instead of {day}: {why}.", None
    how = f"Open the period in NetSuite, or date it {later}: --closed-period next-open"
    always = "" if policy is ClosedPeriod.ASK else ", or for good: nsbill settings set closed_period=next-open"
    return day, name, None, f"It would be dated {day}, but {why}. {how}{always}."
