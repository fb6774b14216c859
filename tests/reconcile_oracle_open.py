"""The oracle of money that is posted and in no settlement yet: which rows of Amazon's answers speak, and for what.

Plain Python, from the domain reference (2.2, basis of "received") alone; shares no code with ``nsbill.reconcile``.
"""

from __future__ import annotations

import json
from datetime import date
from typing import Any

__all__ = ["divided", "open_rows"]

Row = dict[str, Any]


def open_rows(activity: list[Row], settlements: list[Row], as_of: date) -> list[Row]:
    """The rows of ``activity`` (answers of the Finances API) that no settlement closed by ``as_of`` holds.

    Each with ``state``: deferred or released, and the day on which it ``matures`` when it is deferred.
    """
    files = list(dict.fromkeys(row["source_digest"] for row in activity))
    told = [row for row in activity if _day(row["posted_at"]) <= as_of]
    last: dict[str, int] = {}
    for row in told:
        name = row["transaction_id"]
        last[name] = max(last.get(name, 0), files.index(row["source_digest"]))
    spoken = [row for row in told if files.index(row["source_digest"]) == last[row["transaction_id"]]]
    gone = {_released_by(row) for row in spoken}
    to_come = {_released_by(row) for row in activity if _day(row["posted_at"]) > as_of}
    closed = [row for row in settlements if (_end(row) or row["deposit_date"] or date.max) <= as_of]
    found = []
    for row in spoken:
        if row["transaction_id"] in gone:
            continue
        released = row["released_at"] and row["released_at"].date()
        later = (released is not None and released > as_of) or row["transaction_id"] in to_come
        deferred = row["transaction_status"] == "DEFERRED" or later
        if deferred or not _is_in(row, released or _day(row["posted_at"]), closed):
            matures = (row["maturity_at"] and row["maturity_at"].date()) or released
            state = "deferred" if deferred else "released"
            found.append({**row, "state": state, "matures": matures if deferred else None})
    return found


def divided(
    settled: list[Row], unsettled: list[Row], basis: str, deposited: tuple[str, ...] | None
) -> tuple[list[Row], list[Row]]:
    """What counts as received on a basis, and what waits."""
    if basis == "settled":
        return settled, unsettled
    if basis == "deposited":
        assert deposited is not None
        at_bank = [row for row in settled if row["settlement_id"] in deposited]
        return at_bank, [row for row in settled if row["settlement_id"] not in deposited] + unsettled
    if basis == "released":
        released = [row for row in unsettled if row["state"] == "released"]
        return settled + released, [row for row in unsettled if row["state"] == "deferred"]
    return settled + unsettled, []


def _is_in(row: Row, day: date, closed: list[Row]) -> bool:
    """In the settlement that the row names; where it names none, in the one whose period holds the day."""
    if row["settlement_id"] is not None:
        return any(other["settlement_id"] == row["settlement_id"] for other in closed)
    return any(
        other["currency"] == row["currency"] and other["period_start"].date() <= day <= other["period_end"].date()
        for other in closed
        if other["period_start"] is not None and other["period_end"] is not None
    )


def _released_by(row: Row) -> str | None:
    """The deferred transaction that this one releases."""
    return json.loads(row["extra"])["DEFERRED_TRANSACTION_ID"] if row["extra"] else None


def _day(instant: Any) -> date:
    day: date = instant.date()
    return day


def _end(row: Row) -> date | None:
    return row["period_end"].date() if row["period_end"] else None
