"""Columns of texts from NetSuite to typed Arrow columns, vectorised and exact; what does not fit becomes null."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from nsbill.errors import NetSuiteError
from nsbill.money import MONEY

__all__ = ["amounts", "blank_to_null", "dates", "demand", "mapped", "text_columns"]

_AMOUNT = r"^-?\d{1,16}(\.\d{1,2}0*)?$"
_DATE = r"^\d{4}-\d{2}-\d{2}$"


def text_columns(rows: Iterable[Mapping[str, str]], names: Iterable[str]) -> dict[str, Any]:
    """Turn row mappings into one Arrow text column a name; absent keys become null."""
    kept = list(rows)
    return {name: pa.array([row.get(name) for row in kept], pa.string()) for name in names}


def demand(what: str, name: str, typed: Any, found: Any) -> Any:
    """Return ``typed`` when every value that was there could be typed, else raise naming the first that could not."""
    lost = pc.and_(pc.is_null(typed), pc.is_valid(found))
    if pc.any(lost).as_py():
        value = pc.filter(found, lost)[0].as_py()
        raise NetSuiteError(
            what,
            status=200,
            code="UNREADABLE_VALUE",
            detail=f"the {name} {value!r} cannot be read",
            remedy="Correct it in NetSuite, or report it with this text.",
        )
    return typed


def blank_to_null(column: Any) -> Any:
    """Trim texts; an empty one becomes null."""
    trimmed = pc.utf8_trim_whitespace(column)
    return pc.if_else(pc.equal(trimmed, ""), pa.scalar(None, pa.string()), trimmed)


def mapped(column: Any, mapping: dict[str, str]) -> Any:
    """Look each value up in ``mapping``; what is not there becomes null."""
    place = pc.index_in(column, value_set=pa.array(list(mapping), pa.string()))
    return pc.take(pa.array(list(mapping.values()), pa.string()), place)


def amounts(column: Any) -> Any:
    """Type plain decimals exactly; anything else, also a third decimal, becomes null."""
    plain = pc.fill_null(pc.match_substring_regex(column, _AMOUNT), False)
    usable = pc.if_else(plain, column, pa.scalar(None, pa.string()))
    return pc.cast(pc.cast(usable, pa.decimal128(38, 10)), MONEY)


def dates(column: Any) -> Any:
    """Type ISO dates; anything else becomes null."""
    iso = pc.fill_null(pc.match_substring_regex(column, _DATE), False)
    usable = pc.if_else(iso, column, pa.scalar(None, pa.string()))
    day = pc.strptime(usable, format="%Y-%m-%d", unit="s", error_is_null=True)
    real = pc.equal(pc.strftime(day, format="%Y-%m-%d"), usable)  # 31 February parses as 3 March
    return pc.cast(pc.if_else(pc.fill_null(real, False), day, pa.scalar(None, day.type)), pa.date32())
