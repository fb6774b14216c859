"""Small tables for people: one value with two views, HTML for notebooks and reports, text for the command line.

Amounts are exact and per currency; what a table does not show is counted and summed in its last rows.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from html import escape
from typing import Any

import pandas as pd
import pyarrow as pa

from nsbill.money import ZERO, format_money
from nsbill.show.names import code_text, column_title, shorten, visible

__all__ = ["Table", "money_table", "text_table"]

_CODES = frozenset({"status", "exception_class", "reason", "outcome", "ties", "record_type", "order_status"})
_TEXT_WIDTH = 60
_SHORT = 26
_NARROW = 6


@dataclass(frozen=True)
class Table:
    """Cells as plain text, not yet escaped; ``numeric`` columns are set to the right, ``rest`` rows stand apart."""

    caption: str
    headers: tuple[str, ...]
    numeric: tuple[bool, ...]
    rows: tuple[tuple[str, ...], ...]
    rest: tuple[tuple[str, ...], ...] = ()
    empty_note: str = "none"

    def html(self) -> str:
        """Return a static HTML table; every text is escaped and its control characters are written out."""
        head = "".join(
            f'<th scope="col"{_side(right)}>{_html(h)}</th>'
            for h, right in zip(self.headers, self.numeric, strict=True)
        )
        body = "".join(f"<tr>{self._html_cells(row)}</tr>" for row in self.rows)
        foot = "".join(f'<tr class="rest">{self._html_cells(row)}</tr>' for row in self.rest)
        if not self.rows:
            body = f'<tr><td colspan="{len(self.headers)}"><i>{_html(self.empty_note)}</i></td></tr>'
        return (
            f'<table class="{"nsbill narrow" if len(self.headers) <= _NARROW else "nsbill"}"><caption style="text-align:left"><b>{_html(self.caption)}</b></caption>'
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody>{f'<tfoot>{foot}</tfoot>' if foot else ''}</table>"
        )

    def text(self, *, width: int = _TEXT_WIDTH) -> str:
        """Return aligned plain text; no cell is wider than ``width``, longer ones are cut in their middle."""
        if not self.rows:
            return f"{visible(self.caption)}\n  {visible(self.empty_note)}"
        lines = [self.headers, *self.rows, *self.rest]
        cells = [[shorten(visible(cell), width) for cell in line] for line in lines]
        widths = [max(_columns(line[i]) for line in cells) for i in range(len(self.headers))]
        printed = [self._text_line(line, widths) for line in cells]
        printed.insert(1, "  " + "  ".join("─" * w for w in widths))
        return "\n".join([visible(self.caption), *printed])

    def _repr_html_(self) -> str:
        return self.html()

    def __str__(self) -> str:
        return self.text()

    def _html_cells(self, row: Sequence[str]) -> str:
        return "".join(
            f"<td{_shape(cell)}{_side(right)}>{_html(cell)}</td>" for cell, right in zip(row, self.numeric, strict=True)
        )

    def _text_line(self, line: Sequence[str], widths: Sequence[int]) -> str:
        parts = []
        for cell, width, right in zip(line, widths, self.numeric, strict=True):
            padding = " " * (width - _columns(cell))
            parts.append(padding + cell if right else cell + padding)
        return ("  " + "  ".join(parts)).rstrip()


def money_table(
    frame: pd.DataFrame,
    columns: Sequence[str] | None = None,
    *,
    caption: str,
    limit: int | None = 20,
    titles: Mapping[str, str] | None = None,
    empty_note: str = "none",
) -> Table:
    """Make a table of the first ``limit`` rows (None: all); the others are counted and summed per currency.

    Columns: any of a frame whose amounts are in its ``currency`` column's currency; codes appear in words.
    """
    names = [str(name) for name in (frame.columns if columns is None else columns)]
    needed = names if "currency" in names else [*names, *(["currency"] if "currency" in frame.columns else [])]
    table = pa.Table.from_pandas(frame[needed], preserve_index=False)
    shown, hidden = (
        (table, table.slice(table.num_rows)) if limit is None else (table.slice(0, limit), table.slice(limit))
    )
    money = frozenset(name for name in names if pa.types.is_decimal(table.schema.field(name).type))
    rows = tuple(tuple(_cell(name, row[name], row, money) for name in names) for row in shown.to_pylist())
    return Table(
        caption=caption,
        headers=tuple((titles or {}).get(name) or column_title(name) for name in names),
        numeric=tuple(_numeric(table.schema.field(name).type) for name in names),
        rows=rows,
        rest=_rest_rows(hidden, names, money),
        empty_note=empty_note,
    )


def text_table(
    frame: pd.DataFrame, columns: Sequence[str] | None = None, *, caption: str, limit: int | None = 20
) -> str:
    """Return ``money_table`` as aligned plain text for the command line."""
    return money_table(frame, columns, caption=caption, limit=limit).text()


def _rest_rows(hidden: pa.Table, names: Sequence[str], money: frozenset[str]) -> tuple[tuple[str, ...], ...]:
    """One row per currency of what is not shown: '… and 12 more' in the first text column, sums below the amounts."""
    if not hidden.num_rows:
        return ()
    if "currency" not in hidden.column_names:
        return (_rest_row(names, hidden.num_rows, "", {}),)
    sums = hidden.group_by("currency").aggregate([*((name, "sum") for name in sorted(money)), ([], "count_all")])
    rows = sorted(sums.to_pylist(), key=lambda row: row["currency"] or "")
    return tuple(
        _rest_row(names, row["count_all"], row["currency"] or "", {n: row[f"{n}_sum"] or ZERO for n in money})
        for row in rows
    )


def _rest_row(names: Sequence[str], count: int, currency: str, sums: Mapping[str, Decimal]) -> tuple[str, ...]:
    cells = [
        _amount(sums[name], currency) if name in sums else currency if name == "currency" else "" for name in names
    ]
    place = next((i for i, name in enumerate(names) if name not in sums and name != "currency"), None)
    if place is None:
        cells[0] = f"… and {count:,} more: {cells[0]}"
    else:
        cells[place] = f"… and {count:,} more"
    return tuple(cells)


def _cell(name: str, value: Any, row: Mapping[str, Any], money: frozenset[str]) -> str:
    if value is None:
        return "–" if name in money else ""
    if name in money:
        return _amount(value, row.get("currency") or "")
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M")
    text = str(value)
    return code_text(text) if name in _CODES else text


def _amount(value: Decimal, currency: str) -> str:
    """The amount with its currency's decimals; the currency itself has its own column."""
    return format_money(value, currency).removesuffix(currency).rstrip()


def _numeric(kind: pa.DataType) -> bool:
    return bool(pa.types.is_decimal(kind) or pa.types.is_integer(kind))


def _html(text: str) -> str:
    return escape(visible(text))


def _side(right: bool) -> str:  # noqa: FBT001
    return ' style="text-align:right"' if right else ' style="text-align:left"'


def _shape(cell: str) -> str:
    """Short cells (ids, dates, states) stay on one line where a style sheet says so, long ones wrap."""
    return ' class="long"' if len(cell) > _SHORT else ' class="short"'


def _columns(text: str) -> int:
    """How many columns of a terminal the text takes: East Asian wide characters take two, combining ones none."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )
