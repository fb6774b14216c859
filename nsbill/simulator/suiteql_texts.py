"""What compiled SuiteQL calls on SQLite for texts: regular expressions, padding, LISTAGG; and months between dates."""

from __future__ import annotations

import re
import sqlite3
from calendar import monthrange
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

__all__ = ["install", "is_number_format"]

_NUMBER_FORMAT = re.compile(r"(FM)?([90,]*)(?:\.([90]*))?", re.IGNORECASE)
_FLAGS = {"i": re.IGNORECASE, "m": re.MULTILINE, "n": re.DOTALL, "x": re.VERBOSE}


def install(connection: sqlite3.Connection) -> None:
    """Register the functions on a connection."""
    connection.create_function("ns_regexp_like", 3, _regexp_like, deterministic=True)
    connection.create_function("ns_regexp_substr", 5, _regexp_substr, deterministic=True)
    connection.create_function("ns_regexp_replace", 4, _regexp_replace, deterministic=True)
    connection.create_function("ns_pad", 4, _pad, deterministic=True)
    connection.create_function("ns_initcap", 1, _initcap, deterministic=True)
    connection.create_function("ns_number_text", 3, _number_text, deterministic=True)
    connection.create_function("ns_sign", 1, _sign, deterministic=True)
    connection.create_function("ns_power", 2, _power, deterministic=True)
    connection.create_function("ns_months_between", 2, _months_between, deterministic=True)
    connection.create_aggregate("ns_listagg", 4, _ListAgg)  # type: ignore[arg-type]  # typeshed: one argument


def is_number_format(pattern: str) -> bool:
    """Say whether ``TO_CHAR`` of a number can be written in this format: 9, 0, comma, point, FM."""
    found = _NUMBER_FORMAT.fullmatch(pattern)
    return found is not None and bool(found[2] or found[3])


def _number_text(units: int | None, scale: int, pattern: str) -> str | None:
    """Write an exact number in one of Oracle's formats; one too long for it becomes hashes, as there."""
    found = _NUMBER_FORMAT.fullmatch(pattern)
    if units is None or found is None:
        return None
    whole, decimals = found[2], found[3] or ""
    number = (Decimal(abs(units)).scaleb(-scale)).quantize(Decimal(1).scaleb(-len(decimals)), ROUND_HALF_UP)
    digits, _, fraction = format(number, "f").partition(".")
    places = whole.replace(",", "")
    least = len(places) - places.index("0") if "0" in places else 0
    digits = digits.lstrip("0").rjust(least, "0")
    if len(digits) > len(places):
        return "#" * (len(pattern) + 1)
    if "," in whole:
        digits = f"{int(digits or 0):,}" if digits else ""
    if found[1]:  # FM: no padding, and a 9 behind the point is not written when it is an idle zero
        keep = decimals.rindex("0") + 1 if "0" in decimals else 0
        fraction = fraction[:keep] + fraction[keep:].rstrip("0")
    text = ("-" if units < 0 else "") + digits + ("." + fraction if "." in pattern else "")
    return text if found[1] else text.rjust(len(pattern) + 1)


def _sign(value: float | None) -> int | None:
    return None if value is None else (value > 0) - (value < 0)


def _compiled(pattern: str, flags: str) -> re.Pattern[str]:
    """Compile Oracle's (POSIX) pattern; the character classes are spelled out, the rest is alike in Python."""
    for name, members in (("digit", "0-9"), ("alpha", "A-Za-z"), ("alnum", "A-Za-z0-9"), ("space", r"\s")):
        pattern = pattern.replace(f"[:{name}:]", members)
    options = re.NOFLAG
    for flag in flags:
        if flag != "c":
            options |= _FLAGS[flag]
    return re.compile(pattern, options)


def _regexp_like(text: str | None, pattern: str, flags: str) -> int | None:
    return None if text is None else int(_compiled(pattern, flags).search(text) is not None)


def _regexp_substr(text: str | None, pattern: str, position: int, occurrence: int, flags: str) -> str | None:
    if text is None:
        return None
    found = list(_compiled(pattern, flags).finditer(text, position - 1))
    return found[occurrence - 1][0] if 0 < occurrence <= len(found) else None


def _regexp_replace(text: str | None, pattern: str, replacement: str, flags: str) -> str | None:
    return None if text is None else _compiled(pattern, flags).sub(replacement, text)


def _pad(text: str | None, width: int, fill: str, side: str) -> str | None:
    if text is None or width < 1:
        return None
    filling = (fill * width)[: max(0, width - len(text))]
    return filling + text[:width] if side == "left" else text[:width] + filling


def _initcap(text: str | None) -> str | None:
    return None if text is None else re.sub(r"[^\W_]+", lambda word: word[0].capitalize(), text)


def _power(base: float | None, power: float | None) -> float | None:
    return None if base is None or power is None else base**power


def _months_between(later: str | None, earlier: str | None) -> float | None:
    """Count months as Oracle does: whole when both are the same day or both the last of a month, else by 31 days."""
    if later is None or earlier is None:
        return None
    end, start = date.fromisoformat(later[:10]), date.fromisoformat(earlier[:10])
    months = (end.year - start.year) * 12 + end.month - start.month
    both_last = all(day.day == monthrange(day.year, day.month)[1] for day in (end, start))
    return months + (0 if both_last else (end.day - start.day) / 31)


class _ListAgg:
    """LISTAGG: nulls are left out, rows in the order of a key, nulls of it last."""

    def __init__(self) -> None:
        self._rows: list[tuple[bool, object, str]] = []
        self._separator, self._options = "", ""

    def step(self, value: str | None, separator: str, key: object, options: str) -> None:
        """Take one row."""
        self._separator, self._options = separator, options
        if value is not None:
            self._rows.append((key is None, "" if key is None else key, value))

    def finalize(self) -> str | None:
        """Return the joined text, or null when no row had a value."""
        rows = sorted(self._rows, key=lambda row: (row[0], row[1]), reverse="desc" in self._options)
        values = [value for _, _, value in rows]
        if "distinct" in self._options:
            values = list(dict.fromkeys(values))
        return self._separator.join(values) if values else None
