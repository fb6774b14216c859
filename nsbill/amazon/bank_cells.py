"""Amounts and dates of a bank statement: one format for all cells of a column, found or stated, never guessed."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from typing import NoReturn

from nsbill.errors import MoneyError, SourceFileError
from nsbill.money import exact

__all__ = ["DATE_FORMATS", "NUMBER_FORMATS", "Cell", "Money", "amounts", "dates"]

Cell = tuple[int, str]
"""Line number and text."""

Money = tuple[Decimal, str | None]
"""An amount and the currency code that stands beside it in its cell, if any."""

NUMBER_FORMATS = {
    "point": re.compile(r"(?:\d{1,3}(?:,\d{2,3})*,\d{3}|\d{1,3}(?:['’\s]\d{3})+|\d+)(?:\.\d{1,2}0*)?"),
    "comma": re.compile(r"(?:\d{1,3}(?:[.'’\s]\d{3})+|\d+)(?:,\d{1,2}0*)?"),
}
"""Decimal mark to what a number without its sign looks like; a third decimal can only be a zero."""

_SYMBOLS = re.compile(r"^(?P<before>[A-Z]{3}\b|[€$£¥￥₹])?\s*(?P<number>.*?)\s*(?P<after>\b[A-Z]{3}|[€$£¥￥₹])?$")
_SIGNS = re.compile(
    r"^(?P<open>\()?\s*(?P<sign>[-+−–])?\s*(?P<digits>.*?)\s*(?P<last>[-+−–]|\bCR|\bDR)?\s*(?P<close>\))?$",
    re.IGNORECASE,
)
_NEGATIVE = frozenset({"-", "−", "–", "DR"})

_TIME = r"(?:[T ,]+\d{1,2}:\d{2}.*)?"
_YMD = re.compile(rf"(\d{{4}})([-/.]?)(\d{{1,2}})\2(\d{{1,2}}){_TIME}")
_NUMERIC = re.compile(rf"(\d{{1,2}})([-/.])(\d{{1,2}})\2(\d{{4}}|\d{{2}}){_TIME}")
_DAY_MONTH = re.compile(rf"(\d{{1,2}})[-\s.]+([A-Za-z]{{3,9}})[-\s.,]+(\d{{4}}|\d{{2}}){_TIME}")
_MONTH_DAY = re.compile(rf"([A-Za-z]{{3,9}})[-\s.]+(\d{{1,2}})[-\s,]+(\d{{4}}|\d{{2}}){_TIME}")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def amounts(file: str, column: str, cells: Sequence[Cell], stated: str | None = None) -> list[Money]:
    """Read a column of amounts; ``stated``: its decimal mark, 'point' or 'comma'.

    Raises
    ------
    SourceFileError
        When no format fits all cells, or two fit and give other amounts.
    """
    split = [(line, *_split(text)) for line, text in cells]
    marks = [stated] if stated else list(NUMBER_FORMATS)
    fitting = [m for m in marks if all(NUMBER_FORMATS[m].fullmatch(digits) for _, _, digits, _ in split)]
    if not fitting:
        likely = max(marks, key=lambda m: sum(bool(NUMBER_FORMATS[m].fullmatch(digits)) for _, _, digits, _ in split))
        number = next(n for n, part in enumerate(split) if not NUMBER_FORMATS[likely].fullmatch(part[2]))
        _refuse(file, column, cells[number], f"an amount with decimal {likely}, as in the other lines")
    read = [[_number(digits, mark) for _, _, digits, _ in split] for mark in fitting]
    if len(read) > 1 and read[0] != read[1]:
        number = next(n for n in range(len(split)) if read[0][n] != read[1][n])
        _refuse(
            file,
            column,
            cells[number],
            "an amount of which one can tell the decimal mark",
            "Say it: --bank-numbers point, or comma.",
        )
    found: list[Money] = []
    for cell, (_, negative, _, code), value in zip(cells, split, read[0], strict=True):
        try:
            found.append((exact(-value if negative else value), code))
        except MoneyError:
            _refuse(file, column, cell, "an amount with two decimals")
    return found


def _split(text: str) -> tuple[bool, str, str | None]:
    """Whether it is negative, its digits with their marks, and a currency code beside them. Two signs are no number."""
    signs: list[str] = []
    codes: list[str] = []
    rest = text.strip()
    for _ in range(2):  # the sign may stand outside or inside of the symbol
        outer = _SIGNS.fullmatch(rest)
        assert outer is not None  # every part of it may be missing
        signs += [mark.upper() for mark in (outer["sign"], outer["last"]) if mark]
        signs += ["-"] if outer["open"] and outer["close"] else []
        inner = _SYMBOLS.fullmatch(outer["digits"])
        assert inner is not None
        codes += [symbol for symbol in (inner["before"], inner["after"]) if symbol]
        rest = inner["number"]
    if len(signs) > 1 or len(codes) > 1 or text.count("(") != text.count(")"):
        return False, text, None
    code = codes[0] if codes and codes[0].isalpha() else None
    return bool(signs) and signs[0] in _NEGATIVE, rest, code


def _number(digits: str, mark: str) -> Decimal:
    whole, _, part = digits.partition("." if mark == "point" else ",")
    return Decimal(f"{re.sub(r'[^0-9]', '', whole)}.{part or '0'}")


def _ymd(text: str) -> date | None:
    match = _YMD.fullmatch(text)
    return _day(match[1], match[3], match[4]) if match else None


def _dmy(text: str) -> date | None:
    match = _NUMERIC.fullmatch(text)
    return _day(match[4], match[3], match[1]) if match else None


def _mdy(text: str) -> date | None:
    match = _NUMERIC.fullmatch(text)
    # a point stands between day and month everywhere, never after a month
    return _day(match[4], match[1], match[3]) if match and match[2] != "." else None


def _words(text: str) -> date | None:
    if match := _DAY_MONTH.fullmatch(text):
        day, month, year = match.groups()
    elif match := _MONTH_DAY.fullmatch(text):
        month, day, year = match.groups()
    else:
        return None
    name = month[:3].casefold()
    return _day(year, str(_MONTHS.index(name) + 1), day) if name in _MONTHS else None


DATE_FORMATS: dict[str, Callable[[str], date | None]] = {"ymd": _ymd, "dmy": _dmy, "mdy": _mdy, "words": _words}
"""How dates are written: year first, day first, month first, or the month in English."""


def dates(file: str, column: str, cells: Sequence[Cell], stated: str | None = None) -> list[date]:
    """Read a column of dates; ``stated``: 'ymd', 'dmy' or 'mdy'.

    Raises
    ------
    SourceFileError
        When no format fits all cells, or day and month can be exchanged.
    """
    names = [stated] if stated else list(DATE_FORMATS)
    read = {name: [DATE_FORMATS[name](text.strip()) for _, text in cells] for name in names}
    whole = {name: [day for day in days if day is not None] for name, days in read.items()}
    fitting = [name for name in names if len(whole[name]) == len(cells)]
    if not fitting:
        likely = max(names, key=lambda name: len(whole[name]))
        _refuse(file, column, cells[read[likely].index(None)], "a date, written as in the other lines")
    for other in fitting[1:]:
        differing = [n for n in range(len(cells)) if whole[other][n] != whole[fitting[0]][n]]
        if differing:
            what = "a date of which one can tell day and month"
            _refuse(file, column, cells[differing[0]], what, "Say it: --bank-dates dmy, or mdy.")
    return whole[fitting[0]]


def _day(year: str, month: str, day: str) -> date | None:
    try:
        return date(int(year) + (2000 if len(year) <= len("99") else 0), int(month), int(day))
    except ValueError:
        return None


def _refuse(
    file: str, column: str, cell: Cell, expected: str, remedy: str = "Correct the cell, or export the statement again."
) -> NoReturn:
    line, text = cell
    raise SourceFileError(file, line=line, column=column, found=f"'{text}'", expected=expected, remedy=remedy)
