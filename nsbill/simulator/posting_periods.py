"""Which accounting period a transaction posts into, and when its date refuses it (netsuite 5.3, 8.4)."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from datetime import date

from nsbill.simulator.errors import Refusal, invalid_field_value, user_error

__all__ = ["OUTSIDE", "posting_period"]

OUTSIDE = "The transaction date you specified is not within the date range of your accounting period."


def posting_period(
    connection: sqlite3.Connection, day: date, today: date, preferences: Mapping[str, str], wanted: object = None
) -> tuple[int, bool]:
    """Return the period's id, and whether the date lies outside of it and the account wants a warning then.

    ``wanted`` is the period that the caller names. Without one it is the date's own, if that is open; else, where
    ``dates_outside_period`` permits it, the one that ``default_posting_period`` says. Text and code of the refusal
    are uncertain.
    """
    if wanted is not None:
        row = connection.execute("SELECT * FROM accountingperiod WHERE id = ?", (wanted,)).fetchone()
        if row is None:
            raise invalid_field_value(wanted, "postingPeriod", "postingPeriod")
        inside = row["startdate"] <= day.isoformat() <= row["enddate"]
        if row["closed"] == "T" or (not inside and preferences["dates_outside_period"] == "disallow"):
            raise _outside(preferences)
        return row["id"], not inside and preferences["dates_outside_period"] == "warn"
    rows = connection.execute(
        "SELECT id, closed FROM accountingperiod WHERE ? BETWEEN startdate AND enddate ORDER BY closed, id",
        (day.isoformat(),),
    ).fetchall()
    if rows and rows[0]["closed"] == "F":
        return rows[0]["id"], False
    if preferences["dates_outside_period"] == "disallow":
        raise _outside(preferences)
    begin = today if preferences["default_posting_period"] == "current" else day
    later = connection.execute(
        "SELECT id FROM accountingperiod WHERE closed = 'F' AND enddate >= ? ORDER BY startdate", (begin.isoformat(),)
    ).fetchone()
    if later is None:
        raise _outside(preferences)
    return later["id"], preferences["dates_outside_period"] == "warn"


def _outside(preferences: Mapping[str, str]) -> Refusal:
    if preferences["closed_period_code"] == "USER_ERROR":
        return user_error(OUTSIDE, path="tranDate")
    return Refusal(400, preferences["closed_period_code"], OUTSIDE, path="tranDate")
