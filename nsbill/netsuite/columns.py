"""Values from NetSuite to typed Arrow columns: the one place where texts become amounts, dates, flags and numbers.

NetSuite sends nearly everything as text, also numbers (netsuite 6.1), and nobody knows whether always: JSON numbers
and booleans are taken too. Conversions are vectorised and exact; a value that does not fit becomes null, and
``typed`` then names the row and the column.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from nsbill.errors import NetSuiteError
from nsbill.money import MONEY

__all__ = [
    "AMOUNT",
    "DATE",
    "DATETIME",
    "FLAG",
    "ID",
    "TEXT",
    "WHOLE",
    "Kind",
    "amounts",
    "as_text",
    "blank_to_null",
    "dates",
    "datetimes",
    "demand",
    "flags",
    "mapped",
    "text_array",
    "text_table",
    "typed",
    "wholes",
]

_AMOUNT = r"^-?(\d{1,16}(\.\d{0,2}0*)?|\.\d{1,2}0*)$"
_DATE = r"^\d{4}-\d{2}-\d{2}$"
_DATETIME = r"^\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}:\d{2}Z?$"
_WHOLE = r"^-?\d{1,18}$"
_ID = r"^-?\d{1,18}$"


def as_text(value: object) -> str | None:
    """Write a JSON value as NetSuite writes it as text: ``T``/``F``, plain decimals; null stays null."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "T" if value else "F"
    if isinstance(value, Decimal):
        return format(value, "f")
    return str(value) if isinstance(value, int) else json.dumps(value, default=str)


def text_array(values: Sequence[object]) -> pa.Array:
    """Turn JSON values into one Arrow column of texts."""
    try:
        return pa.array(values, pa.string())  # the common case, all texts, without a loop in Python
    except (pa.ArrowTypeError, pa.ArrowInvalid):
        return pa.array([as_text(value) for value in values], pa.string())


def text_table(rows: Sequence[Mapping[str, object]], names: Iterable[str]) -> pa.Table:
    """Turn row mappings into a table of texts; absent keys become null (netsuite 6.1)."""
    return pa.table({name: text_array([row.get(name) for row in rows]) for name in names})


def blank_to_null(column: Any) -> Any:
    """Trim texts; an empty one becomes null."""
    trimmed = pc.utf8_trim_whitespace(column)
    return pc.if_else(pc.equal(trimmed, ""), pa.scalar(None, pa.string()), trimmed)


def mapped(column: Any, mapping: Mapping[str, str]) -> Any:
    """Look each value up in ``mapping``; what is not there becomes null."""
    place = pc.index_in(column, value_set=pa.array(list(mapping), pa.string()))
    return pc.take(pa.array(list(mapping.values()), pa.string()), place)


def amounts(column: Any) -> Any:
    """Type plain decimals exactly; anything else, also a third decimal, becomes null."""
    usable = _fitting(column, _AMOUNT)
    return pc.cast(pc.cast(usable, pa.decimal128(38, 10)), MONEY)


def dates(column: Any) -> Any:
    """Type ISO dates; anything else becomes null."""
    return pc.cast(_instants(_fitting(column, _DATE), "%Y-%m-%d"), pa.date32())


def datetimes(column: Any) -> Any:
    """Type ``YYYY-MM-DD HH:MM:SS`` (or with ``T``, or ``Z``), in the zone that NetSuite gave; others become null."""
    plain = pc.replace_substring(pc.utf8_rtrim(_fitting(column, _DATETIME), "Z"), "T", " ")
    return pc.cast(_instants(plain, "%Y-%m-%d %H:%M:%S"), pa.timestamp("us"))


def flags(column: Any) -> Any:
    """Type ``T`` and ``F`` (or true and false); anything else becomes null."""
    letter = pc.utf8_upper(column)
    yes, no = (pc.is_in(letter, value_set=pa.array(words)) for words in (["T", "TRUE"], ["F", "FALSE"]))
    return pc.if_else(pc.or_(yes, no), yes, pa.scalar(None, pa.bool_()))


def wholes(column: Any) -> Any:
    """Type whole numbers; anything else becomes null."""
    return pc.cast(_fitting(column, _WHOLE), pa.int64())


def _ids(column: Any) -> Any:
    return _fitting(column, _ID)


def _fitting(column: Any, pattern: str) -> Any:
    fits = pc.fill_null(pc.match_substring_regex(column, pattern), False)
    return pc.if_else(fits, column, pa.scalar(None, pa.string()))


def _instants(column: Any, form: str) -> Any:
    """Parse, and refuse what only looks right: 31 February parses as 3 March."""
    moment = pc.strptime(column, format=form, unit="s", error_is_null=True)
    real = pc.fill_null(pc.equal(pc.strftime(moment, format=form), column), False)
    return pc.if_else(real, moment, pa.scalar(None, moment.type))


@dataclass(frozen=True)
class Kind:
    """What a column holds: how a text becomes it, and how people call it."""

    words: str
    convert: Callable[[Any], Any]


TEXT = Kind("a text", blank_to_null)
ID = Kind("an internal id", _ids)
"""Stays a text of digits: internal ids are names, not numbers to reckon with."""
WHOLE = Kind("a whole number", wholes)
AMOUNT = Kind("an amount with at most two decimals", amounts)
DATE = Kind("a date such as 2026-01-31", dates)
DATETIME = Kind("a date with a time such as 2026-01-31 12:00:00", datetimes)
FLAG = Kind("a flag, T or F", flags)


def typed(what: str, table: pa.Table, kinds: Mapping[str, Kind], *, key: str = "id") -> pa.Table:
    """Type every column of a table of texts; empty texts become null.

    Raises
    ------
    NetSuiteError
        A value cannot be read as its column's kind; names the row by ``key``, the column and the value.
    """
    columns = {}
    for name, kind in kinds.items():
        found = blank_to_null(table[name])
        columns[name] = demand(what, name, kind.convert(found), found, rows=table[key], words=kind.words)
    return pa.table(columns)


def demand(what: str, name: str, made: Any, found: Any, *, rows: Any = None, words: str = "") -> Any:
    """Return ``made`` when every value that was there could be read, else raise naming the first that could not."""
    lost = pc.and_(pc.is_null(made), pc.is_valid(found))
    if not pc.any(lost).as_py():
        return made
    value = pc.filter(found, lost)[0].as_py()
    row = f"row {pc.filter(rows, lost)[0].as_py()}: " if rows is not None else ""
    expected = f"; expected {words}" if words else ""
    raise NetSuiteError(
        what,
        status=200,
        code="UNREADABLE_VALUE",
        detail=f"{row}the {name} {value!r} cannot be read{expected}",
        remedy="Correct it in NetSuite, or report it with this text.",
    )
