"""The sheet of one frame: headings, widths, filter, frozen panes, print set-up, and the styles that its rows use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from itertools import accumulate
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from nsbill.errors import WorkspaceError
from nsbill.money import minor_units
from nsbill.schema import Schema
from nsbill.show.files import looks_like_a_formula
from nsbill.show.names import column_title
from nsbill.show.workbook_formulas import Formula, check_formulas, formulas_of
from nsbill.show.workbook_rows import BEYOND_EXCEL, STYLES, cell_text, column_letter

__all__ = ["Formats", "FrameSheet", "add_sheet", "frame_sheet", "set_up_print", "too_long_for_excel", "write_text"]

EXCEL_ROWS = 1_048_576
_PAPER_A4 = 9
_PAGE_WIDTH = 230
"""Characters across one landscape A4 page at about two thirds of the size, the least that is read with ease."""
_MOST_PAGES = 3
_WRAPPED_ROWS = 2_000
_HEADING_HEIGHT = 32
_LONG_TEXT = 46
_LONGEST_TEXT = 70
_MONEY = "#,##0.00_ ;[Red]-#,##0.00_ "  # "_ " keeps a number off the text beside it
_PROPERTIES: dict[str, dict[str, Any]] = {
    "plain": {},
    "quoted": {"quote_prefix": True},
    "cents": {"num_format": _MONEY},
    "whole": {"num_format": "#,##0_ ;[Red]-#,##0_ "},
    "rate": {"num_format": "#,##0.00####_ ;[Red]-#,##0.00####_ "},
    "exact": {"align": "right", "italic": True},
    "day": {"num_format": "yyyy-mm-dd", "align": "left"},
    "instant": {"num_format": "yyyy-mm-dd hh:mm:ss", "align": "left"},
    "count": {"num_format": "#,##0_ "},
}


@dataclass(frozen=True, eq=False)
class FrameSheet:
    """A frame on its way into a sheet: its name there, its rows, and the formulas that stay live."""

    name: str
    table: pa.Table
    schema: Schema
    formulas: Mapping[str, Formula]
    frozen_columns: int = 0

    @cached_property
    def widths(self) -> dict[str, int]:
        """The width of each column, in characters."""
        return {name: _width(self.table[name], column_title(name)) for name in self.schema.names}

    @property
    def wrapped(self) -> dict[str, int] | None:
        """The widths when texts are wrapped; a viewer takes minutes to lay out very many wrapped rows."""
        return self.widths if self.table.num_rows <= _WRAPPED_ROWS else None

    def cells(self, column: str) -> str:
        """Name the cells of a column for a formula on another sheet."""
        letter = column_letter(self.schema.names.index(column))
        quoted = self.name.replace("'", "''")
        return f"'{quoted}'!${letter}$2:${letter}${max(self.table.num_rows, 1) + 1}"


@dataclass
class Formats:
    """The cell formats of a workbook, each made once."""

    book: Any
    _made: dict[tuple[tuple[str, Any], ...], Any] = field(default_factory=dict)

    def get(self, **properties: Any) -> Any:
        """Return the format with these XlsxWriter properties."""
        key = tuple(sorted(properties.items()))
        if key not in self._made:
            self._made[key] = self.book.add_format({"valign": "top", **properties})
        return self._made[key]

    def style(self, name: str, **properties: Any) -> Any:
        """Return the format of one of ``STYLES``."""
        return self.get(**_PROPERTIES[name], **properties)

    def amount(self, value: Decimal, currency: str, **properties: Any) -> Any:
        """Return the number format of an amount: no decimals for yen, unless a fraction has to stay visible."""
        whole = minor_units(currency) == 0 and value == value.to_integral_value()
        return self.style("whole" if whole else "cents", **properties)

    @cached_property
    def header(self) -> Any:
        """The format of column headings."""
        return self.heading()

    def heading(self, *, live: bool = False, right: bool = False) -> Any:
        """Return the format of a column's heading: of another colour for live formulas, to the right for numbers."""
        colour, side = "#FCE9C8" if live else "#DCE6F1", "right" if right else "left"
        return self.get(bold=True, text_wrap=True, bg_color=colour, bottom=1, align=side)


def frame_sheet(name: str, frame: pd.DataFrame, schema: Schema, *, frozen_columns: int = 0) -> FrameSheet:
    """Take the schema's columns out of a frame, and its formulas, and check both.

    Raises
    ------
    ReconcileError
        When a column is not what its formula gives.
    WorkspaceError
        When the frame has more rows than a sheet can hold.
    """
    if len(frame) >= EXCEL_ROWS:
        raise WorkspaceError(
            f"sheet {name}",
            f"{len(frame):,} rows do not fit into an Excel sheet",
            "Export Parquet, or a shorter period.",
        )
    table = pa.Table.from_pandas(frame[schema.names], preserve_index=False)
    formulas = formulas_of(schema)
    check_formulas(table, formulas, what=schema.name)
    return FrameSheet(name, table, schema, formulas, frozen_columns)


def add_sheet(book: Any, sheet: FrameSheet, formats: Formats, *, title: str) -> Any:
    """Add the sheet with everything but its rows; the row below the heading holds one empty cell per style."""
    page = book.add_worksheet(sheet.name)
    columns, rows = len(sheet.schema.columns), sheet.table.num_rows
    page.set_row(0, _HEADING_HEIGHT)
    for index, column in enumerate(sheet.schema.columns):
        page.set_column(index, index, sheet.widths[column.name])
        numeric = pa.types.is_decimal(column.type) or pa.types.is_integer(column.type)
        shape = formats.heading(live=column.name in sheet.formulas, right=numeric)
        page.write_string(0, index, column_title(column.name), shape)
    wrapped = {"text_wrap": True} if sheet.wrapped else {}
    for index, name in enumerate(STYLES):
        page.write_blank(1, index, None, formats.style(name, **(wrapped if name in {"plain", "quoted"} else {})))
    page.freeze_panes(1, sheet.frozen_columns)
    page.autofilter(0, 0, max(rows, 1), columns - 1)
    page.ignore_errors({"number_stored_as_text": f"A1:{column_letter(columns - 1)}{rows + 1}"})
    set_up_print(page, title=title, widths=list(sheet.widths.values()), repeated_columns=sheet.frozen_columns)
    page.repeat_rows(0)
    return page


def set_up_print(page: Any, *, title: str, widths: list[int], repeated_columns: int = 0) -> None:
    """Landscape A4, as wide as readable pages need; title, sheet name and page numbers on each."""
    pages = min(_MOST_PAGES, max(1, -(-sum(widths) // _PAGE_WIDTH)))
    page.set_landscape()
    page.set_paper(_PAPER_A4)
    page.set_margins(left=0.4, right=0.4, top=0.7, bottom=0.6)
    page.fit_to_pages(pages, 0)
    if pages > 1 and repeated_columns:
        page.repeat_columns(0, repeated_columns - 1)
    page.set_header(f"&L&B{title.replace('&', '&&')}&R&A")
    page.set_footer("&L&F&RPage &P of &N")


def write_text(page: Any, row: int, column: int, text: str, formats: Formats, **properties: Any) -> None:
    """Write text as text, whatever it looks like; marked so that editing the cell does not make it a formula."""
    style = "quoted" if looks_like_a_formula(text) else "plain"
    page.write_string(row, column, cell_text(text), formats.style(style, **properties))


def too_long_for_excel(value: Decimal | None) -> bool:
    """Say whether an amount has more digits than Excel keeps."""
    return value is not None and abs(value) >= BEYOND_EXCEL


def _width(column: pa.ChunkedArray, title: str) -> int:
    """Wide enough for every number and date, for most texts, and for the words of the heading with its filter arrow."""
    kind = column.type
    if pa.types.is_decimal(kind) or pa.types.is_integer(kind):
        ends = [value for value in pc.min_max(column).as_py().values() if value is not None]
        content = max((len(f"{value:,}") for value in ends), default=0) + 2
    elif pa.types.is_timestamp(kind):
        content = 19
    elif pa.types.is_date(kind):
        content = 11
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind):
        lengths = pc.utf8_length(column)
        longest = pc.max(lengths).as_py() or 0
        content = longest + 1 if longest <= _LONG_TEXT else _usual(lengths)
    else:
        content = 8
    return max(content, _heading_width(title), 7)


def _usual(lengths: pa.ChunkedArray) -> int:
    """The length that nine of ten texts have, within limits: a few very long ones do not widen a column."""
    usual = pc.quantile(lengths, q=0.9)[0].as_py() or 0
    return min(_LONGEST_TEXT, int(usual) + 1)


def _heading_width(title: str) -> int:
    """Room for the heading in at most two lines, with the filter's arrow in the last one."""
    words = [len(word) for word in title.split()]
    breaks = [
        max(before, len(title) - before - 1) for before in accumulate(words, lambda total, word: total + 1 + word)
    ]
    return max(words[-1] + 3, *words, min(breaks, default=0) + 2)
