"""The functions that compiled SuiteQL calls on SQLite: dates in Oracle's formats, and values as text."""

from __future__ import annotations

import hashlib
import re
import sqlite3
from datetime import UTC, datetime
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from zoneinfo import ZoneInfo

from nsbill.simulator import suiteql_texts
from nsbill.simulator.suiteql_kinds import Kind, render
from nsbill.simulator.suiteql_views import STATUS_NAMES, TYPE_NAMES

__all__ = ["in_base_currency", "install", "parse_date"]

_PYTHON_FORMATS = {
    "YYYY": "%Y",
    "YY": "%y",
    "MONTH": "%B",
    "MON": "%b",
    "MM": "%m",
    "DD": "%d",
    "DY": "%a",
    "HH24": "%H",
    "HH12": "%I",
    "HH": "%I",
    "MI": "%M",
    "SS": "%S",
    "AM": "%p",
    "PM": "%p",
    "Q": "quarter",
}
_TOKEN = re.compile(r'YYYY|YY|MONTH|MON|MM|DD|DY|HH24|HH12|HH|MI|SS|AM|PM|Q|"[^"]*"|[^A-Za-z"]', re.IGNORECASE)


def install(connection: sqlite3.Connection) -> None:
    """Register the functions on a connection."""
    connection.create_function("ns_text", 3, _text, deterministic=True)
    connection.create_function("ns_to_char", 2, _to_char, deterministic=True)
    connection.create_function("ns_to_date", 2, parse_date, deterministic=True)
    connection.create_function("ns_instant_text", 3, _instant_text, deterministic=True)
    connection.create_function("ns_instant", 3, _instant, deterministic=True)
    connection.create_function("ns_hash", 3, _hash, deterministic=True)
    connection.create_function("ns_round", 4, _round, deterministic=True)
    connection.create_function("ns_status_text", 3, _status_text, deterministic=True)
    connection.create_function("ns_base", 2, in_base_currency, deterministic=True)
    suiteql_texts.install(connection)


def parse_date(text: str | None, pattern: str) -> str | None:
    """Read a date or instant in one of Oracle's formats; an unreadable one is an error, as in Oracle."""
    if text is None:
        return None
    instant = datetime.strptime(text, _python_format(pattern))  # noqa: DTZ007 - the books keep UTC
    if any(part in pattern.upper() for part in ("HH", "MI", "SS")):
        return instant.strftime("%Y-%m-%dT%H:%M:%SZ")
    return instant.date().isoformat()


def _text(value: object, name: str, scale: int) -> str | None:
    return render(value, Kind(name, scale))


def _to_char(value: str | None, pattern: str) -> str | None:
    if value is None:
        return None
    instant = datetime.fromisoformat(value)
    if _python_format(pattern) == "quarter":
        return str((instant.month + 2) // 3)
    return instant.strftime(_python_format(pattern))


def _instant_text(value: str | None, pattern: str, zone: str) -> str | None:
    """Write an instant of the books, which is UTC, on the clock of the caller's time zone (netsuite 6.1)."""
    if value is None:
        return None
    local = datetime.fromisoformat(value).astimezone(ZoneInfo(zone))
    return _to_char(local.replace(tzinfo=None).isoformat(), pattern)


def _instant(text: str | None, pattern: str, zone: str) -> str | None:
    """Read a date with a time on the clock of a time zone; where clocks are put back, it is the earlier hour."""
    found = parse_date(text, pattern)
    if found is None:
        return None
    local = datetime.fromisoformat(found.removesuffix("Z")).replace(tzinfo=ZoneInfo(zone))
    return local.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _hash(value: str | None, most: int, seed: int) -> int:
    """Stand in for ORA_HASH, of which Oracle tells only that equal values give equal numbers from 0 to ``most``."""
    key = seed.to_bytes(8, "big")
    digest = hashlib.blake2b(("" if value is None else value).encode(), digest_size=8, key=key).digest()
    return int.from_bytes(digest, "big") % (most + 1)


def in_base_currency(hundredths: int | None, rate: str) -> int | None:
    """Convert an amount to the subsidiary's currency at a document's exchange rate, rounded half away from zero."""
    if hundredths is None:
        return None
    return int((hundredths * Decimal(rate)).quantize(Decimal(1), ROUND_HALF_UP))


_ROUNDINGS = {"ROUND": ROUND_HALF_UP, "TRUNC": ROUND_DOWN, "FLOOR": ROUND_FLOOR, "CEIL": ROUND_CEILING}


def _round(value: object, scale: int, digits: int, mode: str) -> int | None:
    """Round as Oracle does (half away from zero) to an integer of ``10**-digits`` units."""
    if value is None:
        return None
    number = Decimal(str(value)).scaleb(digits - scale)
    return int(number.quantize(Decimal(1), _ROUNDINGS[mode]))


def _python_format(pattern: str) -> str:
    parts, end = [], 0
    for found in _TOKEN.finditer(pattern):
        if found.start() != end:
            raise ValueError(f"unknown date format {pattern}")
        token = found[0]
        parts.append(_PYTHON_FORMATS.get(token.upper(), token.strip('"').replace("%", "%%")))
        end = found.end()
    if end != len(pattern):
        raise ValueError(f"unknown date format {pattern}")
    return "".join(parts)


def _status_text(kind: str, status: str, style: str) -> str:
    name = STATUS_NAMES.get(kind, {}).get(status, status)
    return f"{TYPE_NAMES[kind][1]} : {name}" if style == "with_type" and kind in TYPE_NAMES else name
