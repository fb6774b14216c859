"""What a careful person reads in one cell: the amount or the instant it must mean, or that nobody can know.

Written apart from nsbill's own parsing, slow and plain. It is lenient: a reader may refuse what is read here, but when it
accepts a cell it must have understood this and nothing else.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache

__all__ = ["DOTTED", "ISO", "Amount", "amount_of", "date_shape", "instant_of"]

Amount = tuple[Decimal, str]
"""The value, and the decimal mark that it was written with: ``.``, ``,`` or nothing."""

ISO, DOTTED = "iso", "dotted"

_MINUS = "−–‒⁻﹣－"
_INVISIBLE = "\u200b\u200e\u200f\u2060\ufeff"
_GAPS = " \u00a0\u202f\u2009'’"
_CURRENCY = re.compile(r"[$€£¥￥]|R\$|[A-Z]{3} ?")
_GROUPED = {mark: re.compile(rf"\d{{1,3}}(\{mark}\d{{2,3}})*\{mark}\d{{3}}") for mark in ".,"}
_LIMIT = Decimal(10) ** 16

_SHAPES = (
    (re.compile(r"\d{4}-\d\d?-\d\d? +\d\d?:\d\d?:\d\d? +UTC", re.ASCII), ISO, "%Y-%m-%d %H:%M:%S UTC"),
    (re.compile(r"\d\d?\.\d\d?\.\d{4} +\d\d?:\d\d?:\d\d? +UTC", re.ASCII), DOTTED, "%d.%m.%Y %H:%M:%S UTC"),
)


def amount_of(cell: str, *, mark: str = "") -> Amount | None:
    """Read a cell as an amount; None when it is none, or could be two. ``mark``: the decimal mark, where it is known.

    ``1,234`` alone could be 1234 or 1.234, which is no amount of money; ``1e3`` is what a spreadsheet left of a number.
    """
    text = _plain(cell)
    sign = 1
    if text.startswith("(") and text.endswith(")"):
        text, sign = text[1:-1], -1
    text = _CURRENCY.sub("", text, count=1).strip()
    if text[-1:] in {"+", "-"}:
        text = text[-1] + text[:-1]
    if text[:1] in {"+", "-"}:
        sign, text = (-sign if text[0] == "-" else sign), text[1:]
    text = _CURRENCY.sub("", text, count=1).strip(_GAPS)
    text = re.sub(rf"(?<=\d)[{_GAPS}](?=\d{{3}}(\D|$))", "", text)
    found = _number(text, mark)
    if found is None or found[0] >= _LIMIT:
        return None
    return sign * found[0], found[1]


def _number(text: str, mark: str) -> Amount | None:
    if not re.fullmatch(r"[\d.,]*\d[\d.,]*", text, re.ASCII):
        return None
    used = _decimal_mark(text, mark)
    if used is None:
        return None
    whole, _, decimals = text.rpartition(used) if used else (text, "", "")
    for other in {".", ","} & set(whole):
        if other in {used, mark} or not _GROUPED[other].fullmatch(whole):
            return None
        whole = whole.replace(other, "")
    if not (whole + decimals).isdecimal():
        return None
    return Decimal(f"{whole or '0'}.{decimals or '0'}"), used


def _decimal_mark(text: str, mark: str) -> str | None:
    """The decimal mark of a number; empty when it has none, None when that cannot be told or it has over two decimals."""
    last = text[max(text.rfind("."), text.rfind(","))] if set(text) & {".", ","} else ""
    used = mark if mark in text else ""
    if not mark:
        grouping = last and text.count(last) > 1 and not {".", ","} <= set(text)
        used = "" if grouping else last
    if not used:
        return ""
    whole, _, decimals = text.rpartition(used)
    certain = (
        mark or len(decimals) > 3 or (whole.isdecimal() and len(whole) > 3)
    )  # 5.000: five thousand? 5000.000 is not
    exact = len(decimals) <= 2 or (certain and not decimals[2:].strip("0"))
    return used if used == last and exact else None


def _plain(cell: str) -> str:
    """Digits and signs as ASCII has them, without what cannot be seen."""
    text = "".join(character for character in cell if character not in _INVISIBLE)
    out = []
    for character in text:
        digit = unicodedata.digit(character, None)
        if character in _MINUS:
            out.append("-")
        elif digit is not None and character.isdecimal():
            out.append(str(digit))
        else:
            out.append(unicodedata.normalize("NFKC", character) if ord(character) > 0xFF00 else character)
    return "".join(out).strip()


def date_shape(cell: str) -> str | None:
    """Say in which of the two ways of V2 files a cell writes an instant."""
    return next((name for shape, name, _ in _SHAPES if shape.fullmatch(cell.strip())), None)


@lru_cache(maxsize=4096)
def instant_of(cell: str) -> datetime | None:
    """Read a cell as an instant in UTC; None when it is none, or could be two (``05/06/26``)."""
    text = cell.strip()
    for shape, _, pattern in _SHAPES:
        if shape.fullmatch(text):
            try:
                return datetime.strptime(re.sub(" +", " ", text), pattern).replace(tzinfo=UTC)
            except ValueError:
                return None
    if re.fullmatch(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(Z| ?[+-]\d\d:?\d\d)", text, re.ASCII):
        try:
            return datetime.fromisoformat(text.replace(" +", "+").replace(" -", "-")).astimezone(UTC)
        except (ValueError, OverflowError):
            return None
    return None
