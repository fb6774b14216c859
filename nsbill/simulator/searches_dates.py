"""Dates in criteria of saved searches: the account's format, ISO, and NetSuite's relative dates such as ``thismonth``."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta

from nsbill.simulator.errors import Refusal

__all__ = ["date_span"]

_COUNTED = re.compile(r"(days|weeks|months|quarters|years)(ago|fromnow)(\d{1,4})")
_NAMED = {"thirtydaysago": 30, "sixtydaysago": 60, "ninetydaysago": 90}
_STEPS = {"month": 1, "quarter": 3, "year": 12}
_SHIFTS = {"last": -1, "this": 0, "next": 1}


def date_span(value: str, today: date) -> tuple[str, str]:
    """Return first and last day, ISO, that a criterion's value means; equal for a single day.

    Relative dates: ``today``, ``yesterday``, ``tomorrow``; ``last``, ``this`` or ``next`` before ``week`` (from Sunday),
    ``month``, ``quarter``, ``year``, also ``…todate``; ``daysago30`` and its like (a subset of what N/search knows).
    """
    text = value.strip().lower()
    span = _named(text, today) or _counted(text, today) or _period(text, today)
    if span is None:
        day = _written(text, value)
        span = day, day
    return span[0].isoformat(), span[1].isoformat()


def _named(text: str, today: date) -> tuple[date, date] | None:
    days = {"today": 0, "yesterday": -1, "tomorrow": 1} | {name: -days for name, days in _NAMED.items()}
    if text not in days:
        return None
    day = today + timedelta(days=days[text])
    return day, day


def _counted(text: str, today: date) -> tuple[date, date] | None:
    found = _COUNTED.fullmatch(text)
    if found is None:
        return None
    unit, number = found[1], int(found[3]) * (1 if found[2] == "fromnow" else -1)
    if unit in ("days", "weeks"):
        day = today + timedelta(days=number * (7 if unit == "weeks" else 1))
    else:
        day = _months_later(today, number * {"months": 1, "quarters": 3, "years": 12}[unit])
    return day, day


def _period(text: str, today: date) -> tuple[date, date] | None:
    to_date = text.endswith("todate")
    name = text.removesuffix("todate")
    shift, unit = _SHIFTS.get(name[:4]), name[4:]
    if shift is None or unit not in ("week", *_STEPS):
        return None
    if unit == "week":
        start = today - timedelta(days=(today.weekday() + 1) % 7) + timedelta(days=7 * shift)
        end = start + timedelta(days=6)
    else:
        step = _STEPS[unit]
        first = date(today.year, (today.month - 1) // step * step + 1, 1)
        start = _months_later(first, shift * step)
        end = _months_later(start, step) - timedelta(days=1)
    return start, min(end, today) if to_date else end


def _months_later(day: date, months: int) -> date:
    """Move by whole months; the 31st becomes the month's last day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    following = date(year + month // 11, (month + 1) % 12 + 1, 1)
    return date(year, month + 1, min(day.day, (following - timedelta(days=1)).day))


def _written(text: str, value: str) -> date:
    day = text.partition(" ")[0].partition("t")[0]
    try:
        return datetime.strptime(day, "%m/%d/%Y").date() if "/" in day else date.fromisoformat(day)  # noqa: DTZ007
    except ValueError:
        message = f"Invalid date value {value} in a search filter."
        raise Refusal(400, "SSS_INVALID_SRCH_FILTER_VAL", message) from None
