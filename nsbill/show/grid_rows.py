"""The rows behind a grid: filter, sort and cut pages out of a frame, in Arrow, without a loop over rows.

Everything leaves here as text: amounts are exact and grouped, never JSON numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from nsbill.errors import SchemaError
from nsbill.money import MONEY, format_money
from nsbill.show.names import code_text, column_title, shorten, visible

__all__ = ["GridColumn", "GridRows", "grid_column"]

_CODES = frozenset({"record_type", "status", "reason", "outcome", "exception_class", "event_class", "line_kind"})
_LONGEST_CELL = 300  # characters; what is longer is cut in its middle
_NARROWEST, _WIDEST = 6, 60
_ARROW = 3  # the heading's bold letters, and the arrow of the sorted column


@dataclass(frozen=True)
class GridColumn:
    """One column of a grid: its name in the frame, its heading, and the words for its codes.

    ``marked``: its cells begin with ✓ (good), ✗ (wrong) or ? (cannot be told), and are coloured so.
    """

    name: str
    title: str
    words: Mapping[str, str] | None = None
    widest: int = _WIDEST
    marked: bool = False


def grid_column(
    name: str,
    *,
    title: str = "",
    words: Mapping[str, str] | None = None,
    widest: int = _WIDEST,
    marked: bool = False,
) -> GridColumn:
    """Describe a column; ``words`` turns codes into words, ``widest`` is its largest width in characters."""
    return GridColumn(name, title or column_title(name), words, widest, marked)


class GridRows:
    """A frame as a grid shows it: the same text is shown, filtered and, but for numbers and dates, sorted.

    ``key`` names the column that identifies a row; amounts are in the currency of the row's ``currency`` column.

    Raises
    ------
    SchemaError
        When the frame lacks a column, or two rows have the same key.
    """

    def __init__(self, frame: pd.DataFrame, columns: Sequence[GridColumn], *, key: str) -> None:
        names = [column.name for column in columns]
        missing = [name for name in (*names, key) if name not in frame.columns]
        if missing:
            raise SchemaError("grid", "lacks " + ", ".join(missing), present=[str(c) for c in frame.columns])
        needed = list(dict.fromkeys([*names, key, *(["currency"] if "currency" in frame.columns else [])]))
        self.columns = tuple(columns)
        self._table = pa.Table.from_pandas(frame[needed], preserve_index=False).combine_chunks()
        self.keys = self._table[key].cast(pa.string())
        if pc.count_distinct(self.keys, mode="all").as_py() != len(self.keys):
            raise SchemaError("grid", f"has two rows with the same {key}")
        self._texts = {column.name: _texts(self._table[column.name], column) for column in columns}

    def __len__(self) -> int:
        return int(self._table.num_rows)

    def is_number(self, name: str) -> bool:
        """Whether the column stands to the right."""
        kind = self._table.schema.field(name).type
        return bool(pa.types.is_integer(kind) or pa.types.is_decimal(kind))

    def width(self, column: GridColumn) -> int:
        """How many characters wide the column needs to be, within its limits."""
        longest = pc.max(pc.utf8_length(self._texts[column.name])).as_py() or 0
        if self._is_money(column.name):
            longest += longest // 3  # room for the grouping
        return min(column.widest, max(_NARROWEST, longest, len(column.title) + _ARROW))

    def view(self, *, query: str = "", filters: Mapping[str, str] | None = None, sort: tuple[str, bool]) -> pa.Array:
        """Return the row numbers that pass, in order.

        ``query`` must stand in any column, each of ``filters`` in its own; upper and lower case are the same.
        ``sort``: column name (empty: as they came) and whether ascending; equal rows keep their order.
        """
        passes: Any = None
        if query.strip():
            passes = _any([self._contains(column.name, query) for column in self.columns])
        for name, text in (filters or {}).items():
            if text.strip():
                found = self._contains(name, text)
                passes = found if passes is None else pc.and_(passes, found)
        numbers = pa.array(range(len(self)), pa.int64())
        if passes is not None:
            numbers = numbers.filter(passes.combine_chunks())
        name, ascending = sort
        return self._sorted(numbers, name, ascending=ascending) if name else numbers

    def page(self, numbers: pa.Array) -> list[list[str]]:
        """Return the cells of these rows as text; control and text-direction characters are written out."""
        rows = self._table.take(numbers)
        currencies = rows["currency"].to_pylist() if "currency" in rows.column_names else [""] * len(numbers)
        cells = []
        for column in self.columns:
            if self._is_money(column.name):
                values = [
                    format_money(amount, currency or "").removesuffix(currency or "").rstrip()
                    for amount, currency in zip(rows[column.name].to_pylist(), currencies, strict=True)
                ]
            else:
                values = [
                    shorten(visible(text or ""), _LONGEST_CELL)
                    for text in self._texts[column.name].take(numbers).to_pylist()
                ]
            cells.append(values)
        return [list(row) for row in zip(*cells, strict=True)]

    def _is_money(self, name: str) -> bool:
        return bool(self._table.schema.field(name).type == MONEY)

    def _contains(self, name: str, text: str) -> Any:
        wanted = text.strip()
        if self.is_number(name):
            wanted = wanted.replace(",", "")  # amounts are shown grouped, and searched with or without
        found = pc.match_substring(self._texts[name], wanted, ignore_case=True)
        return pc.fill_null(found, False)

    def _sorted(self, numbers: pa.Array, name: str, *, ascending: bool) -> pa.Array:
        natural = self.is_number(name) or pa.types.is_date(self._table.schema.field(name).type)
        values = (self._table[name] if natural else pc.utf8_lower(self._texts[name])).take(numbers)
        order = pc.sort_indices(
            pa.table({"value": values, "row": numbers}),
            sort_keys=[("value", "ascending" if ascending else "descending"), ("row", "ascending")],
        )
        return numbers.take(order)


def _texts(values: pa.ChunkedArray, column: GridColumn) -> pa.ChunkedArray:
    """The column as people read it; codes are put into words once per distinct code."""
    if pa.types.is_timestamp(values.type):  # to the second is enough to look at
        values = values.cast(pa.timestamp("s", values.type.tz), safe=False)
    text = values.cast(pa.string())
    if column.words is None and column.name not in _CODES:
        return text
    codes = pc.unique(text)
    words = [None if code is None else _word(code, column) for code in codes.to_pylist()]
    return pa.chunked_array([pa.array(words, pa.string()).take(pc.index_in(text, codes).combine_chunks())])


def _word(code: str, column: GridColumn) -> str:
    return column.words.get(code, code) if column.words is not None else code_text(code)


def _any(found: list[Any]) -> Any:
    passes = found[0]
    for other in found[1:]:
        passes = pc.or_(passes, other)
    return passes
