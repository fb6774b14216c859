"""Write one frame as one Excel sheet: real numbers, real dates, live formulas, and text that stays text.

Excel keeps 15 significant digits of a number. Amounts of 10¹³ and more (with two decimals: 16 digits) are therefore
written as text, and formulas that would need them as values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from typing import Any

import pandas as pd
import pyarrow as pa

from nsbill.errors import WorkspaceError
from nsbill.money import MONEY, minor_units
from nsbill.schemas import Schema
from nsbill.show.files import looks_like_a_formula
from nsbill.show.names import column_title

__all__ = ["Formats", "Formula", "column_letter", "too_long_for_excel", "write_frame", "write_text"]

EXCEL_ROWS = 1_048_576
_LONGEST_TEXT = 32_000
_BEYOND_EXCEL = Decimal(10) ** 13
_CHUNK = 10_000
_WIDTHS = {
    "amazon_order_id": 22, "explanation": 70, "evidence": 60, "action": 45, "message": 60, "source_name": 32,
    "source_digest": 20, "status": 24, "exception_class": 30, "billing_records": 18, "marketplace": 16,
    "settlement_id": 16, "external_id": 26, "customer": 28, "reason": 26, "aging_bucket": 16, "currency": 9,
}  # fmt: skip


@dataclass(frozen=True)
class Formula:
    """An Excel formula of one row: ``template`` names columns in braces; every one of them must be there as a number."""

    template: str
    inputs: tuple[str, ...]


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

    def amount(self, value: Decimal, currency: str) -> Any:
        """Return the number format of an amount: no decimals for yen, unless a fraction has to stay visible."""
        whole = minor_units(currency) == 0 and value == value.to_integral_value()
        return self.whole if whole else self.cents

    @cached_property
    def whole(self) -> Any:
        """The format of amounts without decimals."""
        return self.get(num_format="#,##0;[Red]-#,##0")

    @cached_property
    def cents(self) -> Any:
        """The format of amounts with two decimals."""
        return self.get(num_format="#,##0.00;[Red]-#,##0.00")

    @cached_property
    def plain(self) -> Any:
        """The format of text."""
        return self.get()

    @cached_property
    def quoted(self) -> Any:
        """The format of text that must not become a formula when its cell is edited."""
        return self.get(quote_prefix=True)

    @cached_property
    def header(self) -> Any:
        """The format of column headings."""
        return self.get(bold=True, text_wrap=True, bg_color="#DCE6F1", bottom=1)


def write_frame(
    book: Any,
    name: str,
    frame: pd.DataFrame,
    *,
    schema: Schema,
    formats: Formats,
    formulas: Mapping[str, Formula] | None = None,
    frozen_columns: int = 1,
) -> None:
    """Add a sheet with the schema's columns: heading row frozen and filtered, set up for landscape print.

    Raises
    ------
    WorkspaceError
        When the frame has more rows than a sheet can hold.
    """
    if len(frame) >= EXCEL_ROWS:
        raise WorkspaceError(
            f"sheet {name}",
            f"{len(frame):,} rows do not fit into an Excel sheet",
            "Export Parquet, or a shorter period.",
        )
    sheet = book.add_worksheet(name)
    table = pa.Table.from_pandas(frame[schema.names], preserve_index=False)
    for index, column in enumerate(schema.columns):
        sheet.set_column(index, index, _WIDTHS.get(column.name, 13))
    _set_up_page(sheet, rows=len(frame), columns=len(schema.columns), frozen_columns=frozen_columns)
    for index, column in enumerate(schema.columns):
        sheet.write_string(0, index, column_title(column.name), formats.header)
    writers = [_writer(sheet, formats, index, column.type) for index, column in enumerate(schema.columns)]
    live = _live_columns(schema, formulas or {})
    for start in range(0, table.num_rows, _CHUNK):
        for offset, row in enumerate(table.slice(start, _CHUNK).to_pylist()):
            _write_row(sheet, start + offset + 1, row, names=schema.names, writers=writers, live=live, formats=formats)


def write_text(sheet: Any, row: int, column: int, text: str, formats: Formats, **properties: Any) -> None:
    """Write text as text, whatever it looks like; marked so that editing the cell does not make it a formula."""
    if len(text) > _LONGEST_TEXT:
        text = f"{text[:_LONGEST_TEXT]}… (cut: {len(text):,} characters are more than a cell can hold)"
    risky = looks_like_a_formula(text)
    shape = formats.get(quote_prefix=risky, **properties) if properties else formats.quoted if risky else formats.plain
    sheet.write_string(row, column, text, shape)


def column_letter(index: int) -> str:
    """Return Excel's name of a zero-based column: 0 is A, 26 is AA."""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def too_long_for_excel(value: Decimal | None) -> bool:
    """Say whether an amount has more digits than Excel keeps."""
    return value is not None and abs(value) >= _BEYOND_EXCEL


_Writer = Callable[[int, Any, str], None]


def _write_row(
    sheet: Any,
    at: int,
    row: dict[str, Any],
    *,
    names: Sequence[str],
    writers: Sequence[_Writer],
    live: Mapping[str, tuple[int, str, tuple[str, ...]]],
    formats: Formats,
) -> None:
    currency = row.get("currency") or ""
    for name, writer in zip(names, writers, strict=True):
        value = row[name]
        if value is None:
            continue
        if name in live:
            column, template, inputs = live[name]
            if not too_long_for_excel(value) and not any(row[i] is None or too_long_for_excel(row[i]) for i in inputs):
                formula = template.replace("{row}", str(at + 1))
                sheet.write_formula(at, column, formula, formats.amount(value, currency), value)
                continue
        writer(at, value, currency)


def _live_columns(schema: Schema, formulas: Mapping[str, Formula]) -> dict[str, tuple[int, str, tuple[str, ...]]]:
    """Resolve column names to letters once; only the row number is left to fill in."""
    cells = {name: f"{column_letter(index)}{{row}}" for index, name in enumerate(schema.names)}
    return {
        name: (schema.names.index(name), formula.template.format(**cells), formula.inputs)
        for name, formula in formulas.items()
    }


def _writer(sheet: Any, formats: Formats, column: int, kind: pa.DataType) -> _Writer:
    """Return the function that writes one cell of a column of this type."""
    days = formats.get(num_format="yyyy-mm-dd", align="left")
    instants = formats.get(num_format="yyyy-mm-dd hh:mm", align="left")
    counts = formats.get(num_format="#,##0")

    def money(at: int, value: Decimal, currency: str) -> None:
        if too_long_for_excel(value):
            sheet.write_string(at, column, f"{value:,f}", formats.get(align="right", italic=True))
        else:
            sheet.write_number(at, column, value, formats.amount(value, currency))

    def day(at: int, value: date, currency: str) -> None:
        sheet.write_datetime(at, column, value, days)

    def instant(at: int, value: datetime, currency: str) -> None:
        plain = value.replace(tzinfo=None)  # Excel knows no time zones; the heading says UTC
        sheet.write_datetime(at, column, plain, instants)

    def count(at: int, value: int, currency: str) -> None:
        sheet.write_number(at, column, value, counts)

    def flag(at: int, value: bool, currency: str) -> None:  # noqa: FBT001
        sheet.write_boolean(at, column, value)

    def text(at: int, value: str, currency: str) -> None:
        write_text(sheet, at, column, value, formats)

    if kind == MONEY:
        return money
    if pa.types.is_date(kind):
        return day
    if pa.types.is_timestamp(kind):
        return instant
    if pa.types.is_boolean(kind):
        return flag
    return count if pa.types.is_integer(kind) else text


def _set_up_page(sheet: Any, *, rows: int, columns: int, frozen_columns: int) -> None:
    sheet.freeze_panes(1, frozen_columns)
    sheet.autofilter(0, 0, rows, columns - 1)
    sheet.ignore_errors({"number_stored_as_text": f"A1:{column_letter(columns - 1)}{rows + 1}"})
    sheet.set_landscape()
    sheet.set_paper(9)  # A4
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0)
    sheet.set_footer("&L&A&RPage &P of &N")
