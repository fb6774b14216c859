"""The sheets around the frames: the summary with live sums, the exceptions by class, and what every column means."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from nsbill.errors import ReconcileError
from nsbill.money import MONEY, ZERO
from nsbill.schema import Column, Schema
from nsbill.show.frames import NamedFrame
from nsbill.show.names import code_text, column_title
from nsbill.show.workbook_rows import column_letter
from nsbill.show.workbook_sheet import Formats, FrameSheet, set_up_print, too_long_for_excel, write_text

__all__ = ["Counted", "check_totals", "count_exceptions", "write_columns", "write_exceptions", "write_summary"]

_SUM = re.compile(r"Σ ([a-z][a-z0-9_]*) of the statement")
_SAFE_FOR_SUM = Decimal(2) ** 53 / 200
"""Rows times sum of sizes, below which a sum of doubles is off by less than half a cent in the worst case."""
_EXCEPTIONS = "Exceptions"
_FIRST = 3
"""Row of the first class on the sheet of exceptions, counted from 1."""


@dataclass(frozen=True)
class Counted:
    """The exceptions of one class in one currency, and the sheet that lists them."""

    sheet: FrameSheet
    exception_class: str
    currency: str
    cases: int
    amount: Decimal
    action: str


def check_totals(statement: pa.Table, totals: NamedFrame) -> None:
    """Compare the totals with the sums of the statement: a workbook whose sums change must not be written.

    Raises
    ------
    ReconcileError
        When a total is not the sum of its column.
    """
    summed = {name: column for name, column in _summed(totals.schema).items() if column in statement.column_names}
    sums = statement.group_by("currency").aggregate([(column, "sum") for column in summed.values()])
    found = {row["currency"]: row for row in sums.to_pylist()}
    stated = {row["currency"]: row for row in _rows(totals)}
    for currency in sorted({*found, *stated}):
        for name, column in summed.items():
            sum_ = found.get(currency, {}).get(f"{column}_sum") or ZERO
            total = stated.get(currency, {}).get(name) or ZERO
            if sum_ != total:
                raise ReconcileError(
                    f"the total of {name} in {currency} is {total}, but the statement adds up to {sum_}",
                    "Reconcile again; if it stays, report it as a fault of nsbill.",
                )


def count_exceptions(sheets: Sequence[FrameSheet]) -> list[Counted]:
    """Count the rows of the sheets of exception classes per currency."""
    found = []
    for sheet in sheets:
        groups = sheet.table.group_by(["exception_class", "currency", "action"]).aggregate(
            [("amount", "sum"), ([], "count_all")]
        )
        by_currency: dict[str, list[dict[str, Any]]] = {}
        for row in groups.to_pylist():
            by_currency.setdefault(row["currency"], []).append(row)
        found += [
            Counted(
                sheet,
                rows[0]["exception_class"],
                currency,
                sum(row["count_all"] for row in rows),
                sum((row["amount_sum"] or ZERO for row in rows), ZERO),
                " / ".join(sorted({row["action"] or "" for row in rows})),
            )
            for currency, rows in sorted(by_currency.items())
        ]
    return found


def write_summary(
    page: Any,
    *,
    title: str,
    facts: Mapping[str, str],
    statement: FrameSheet,
    totals: NamedFrame,
    counted: Sequence[Counted],
    formats: Formats,
) -> int:
    """Write title, facts and one column of live sums per currency; return the next free row."""
    rows = _rows(totals)
    notes = ["Amounts are per currency and are never added across currencies. Sums are live formulas over the sheets."]
    widths = [26, *(18 for _ in rows), 60]
    for index, width in enumerate(widths):
        page.set_column(index, index, width)
    set_up_print(page, title=title, widths=widths)
    write_text(page, 0, 0, title, formats, bold=True, font_size=14)
    for at, (name, value) in enumerate(facts.items(), start=1):
        write_text(page, at, 0, name, formats, bold=True)
        write_text(page, at, 1, value, formats)
    head = len(facts) + 2
    for index, text in enumerate(("Per currency", *(row["currency"] for row in rows), "What it is")):
        side = "left" if index in {0, len(rows) + 1} else "right"
        shape = formats.get(bold=True, bg_color="#DCE6F1", bottom=1, align=side, indent=int(index > len(rows)))
        page.write_string(head, index, text, shape)
    measures = [column for column in totals.schema.columns if column.name != "currency"]
    for at, column in enumerate(measures, start=head + 1):
        write_text(page, at, 0, column_title(column.name), formats, bold=True)
        told = _meaning(column, statement.schema)
        write_text(page, at, len(rows) + 1, told, formats, font_color="#555555", indent=1)
        for index, row in enumerate(rows, start=1):
            total = _Total(page, at, index, f"{column_letter(index)}${head + 1}", row, formats)
            notes += total.write(column.name, column.meaning, statement=statement, counted=counted)
    at = head + len(measures) + 2
    for note in notes:
        write_text(page, at, 0, note, formats, italic=True)
        at += 1
    page.freeze_panes(head + 1, 1)
    return at


def _meaning(column: Column, statement: Schema) -> str:
    """What a total means: for a sum, what its column of the statement does."""
    match = _SUM.match(column.meaning)
    meanings = {c.name: c.meaning for c in statement.columns}
    return f"sum of: {meanings[match[1]]}" if match and match[1] in meanings else column.meaning


@dataclass(frozen=True)
class _Total:
    """One cell of the totals: where it stands, and its currency's row."""

    page: Any
    at: int
    index: int
    currency_cell: str
    row: Mapping[str, Any]
    formats: Formats

    def write(self, name: str, meaning: str, *, statement: FrameSheet, counted: Sequence[Counted]) -> list[str]:
        """Write it as a live formula where that is exact; return what has to be said of it."""
        value = self.row[name]
        if value is None:
            return []
        if not isinstance(value, Decimal):
            self._count(name, value, statement, counted)
            return []
        column = _SUM.match(meaning)
        if column is None or column[1] not in statement.schema.names:
            return self._value(name, value, reason="" if not too_long_for_excel(value) else _BEYOND)
        mine = statement.table.filter(pc.equal(statement.table["currency"], self.row["currency"]))[column[1]]
        lossy = _lossy(mine)
        behind = statement.table[column[1]] if lossy else mine
        if too_long_for_excel(value) or too_long_for_excel(pc.max(pc.abs(behind)).as_py()):
            return self._value(name, value, reason=_BEYOND)
        amounts, currencies = statement.cells(column[1]), statement.cells("currency")
        formula = (  # in whole cents where doubles could lose one
            f"=SUMPRODUCT(({currencies}={self.currency_cell})*ROUND({amounts}*100,0))/100"
            if lossy
            else f"=ROUND(SUMIFS({amounts},{currencies},{self.currency_cell}),2)"
        )
        shape = self.formats.amount(value, self.row["currency"])
        self.page.write_formula(self.at, self.index, formula, shape, value)
        return []

    def _value(self, name: str, value: Decimal, *, reason: str) -> list[str]:
        currency = self.row["currency"]
        if not reason:
            self.page.write_number(self.at, self.index, value, self.formats.amount(value, currency))
            return []
        self.page.write_string(self.at, self.index, f"{value:,f}", self.formats.style("exact"))
        return [f"{column_title(name)} in {currency} is text: {reason}"]

    def _count(self, name: str, value: int, statement: FrameSheet, counted: Sequence[Counted]) -> None:
        shape = self.formats.style("count")
        if name == "orders":
            formula = f"=COUNTIFS({statement.cells('currency')},{self.currency_cell})"
        elif name == "exceptions" and counted:
            first, last = _FIRST, _FIRST + len(counted) - 1
            formula = (
                f"=SUMIFS({_EXCEPTIONS}!$C${first}:$C${last},{_EXCEPTIONS}!$B${first}:$B${last},{self.currency_cell})"
            )
        else:
            self.page.write_number(self.at, self.index, value, shape)
            return
        self.page.write_formula(self.at, self.index, formula, shape, value)


_BEYOND = "an amount behind it is beyond the 15 digits that Excel keeps."


def write_exceptions(book: Any, counted: Sequence[Counted], formats: Formats, *, title: str) -> Any:
    """Add the sheet that counts and sums the exceptions by class and currency, live over the sheets of the classes."""
    page = book.add_worksheet(_EXCEPTIONS)
    widths = [34, 10, 9, 18, 80]
    for index, width in enumerate(widths):
        page.set_column(index, index, width)
    set_up_print(page, title=title, widths=widths)
    told = "Each class has a sheet of its own." if counted else "There are no exceptions."
    write_text(page, 0, 0, told, formats, italic=True)
    for index, text in enumerate(("Exception", "Currency", "Cases", "Amount", "What to do")):
        page.write_string(_FIRST - 2, index, text, formats.header)
    page.freeze_panes(_FIRST - 1, 1)
    page.repeat_rows(_FIRST - 2)
    for at, found in enumerate(counted, start=_FIRST - 1):
        _write_counted(page, at, found, formats)
    if counted:
        page.autofilter(_FIRST - 2, 0, _FIRST - 2 + len(counted), len(widths) - 1)
    return page


def _write_counted(page: Any, at: int, found: Counted, formats: Formats) -> None:
    sheet = found.sheet
    link = formats.get(font_color="#0563C1", underline=1)
    page.write_url(at, 0, f"internal:'{sheet.name}'!A1", link, code_text(found.exception_class))
    write_text(page, at, 1, found.currency, formats)
    currencies = sheet.cells("currency")
    page.write_formula(at, 2, f"=COUNTIFS({currencies},B{at + 1})", formats.style("count"), found.cases)
    amounts = sheet.table.filter(pc.equal(sheet.table["currency"], found.currency))["amount"]
    if _lossy(amounts) or too_long_for_excel(found.amount):
        page.write_string(at, 3, f"{found.amount:,f}", formats.style("exact"))
    else:
        formula = f"=ROUND(SUMIFS({sheet.cells('amount')},{currencies},B{at + 1}),2)"
        page.write_formula(at, 3, formula, formats.amount(found.amount, found.currency), found.amount)
    write_text(page, at, 4, found.action, formats, text_wrap=True)


def write_columns(book: Any, sheets: Sequence[FrameSheet], formats: Formats, *, title: str) -> None:
    """Add the sheet that says what every column means, and which are live formulas."""
    page = book.add_worksheet("Columns")
    widths = [24, 24, 22, 12, 10, 90]
    for index, (text, width) in enumerate(
        zip(("Sheet", "Heading", "Name in exports", "Kind", "Live", "Meaning"), widths, strict=True)
    ):
        page.set_column(index, index, width)
        page.write_string(0, index, text, formats.header)
    page.freeze_panes(1, 0)
    page.repeat_rows(0)
    set_up_print(page, title=title, widths=widths)
    at = 1
    for sheet in sheets:
        for column in sheet.schema.columns:
            kind = "amount" if column.type == MONEY else _KINDS.get(str(column.type), "text")
            live = "formula" if column.name in sheet.formulas else ""
            texts = (sheet.name, column_title(column.name), column.name, kind, live, column.meaning)
            for index, text in enumerate(texts):
                write_text(page, at, index, text, formats)
            at += 1
    page.autofilter(0, 0, at - 1, len(widths) - 1)


_KINDS = {
    "date32[day]": "date",
    "int64": "number",
    "int32": "number",
    "bool": "yes or no",
    "timestamp[us, tz=UTC]": "UTC time",
}


def _summed(schema: Schema) -> dict[str, str]:
    """The totals that are sums, with the column of the statement that they add up."""
    found = ((column.name, _SUM.match(column.meaning)) for column in schema.columns if column.type == MONEY)
    return {name: match[1] for name, match in found if match}


def _rows(totals: NamedFrame) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pa.Table.from_pandas(
        totals.frame[totals.schema.names], preserve_index=False
    ).to_pylist()
    return rows


def _lossy(column: pa.ChunkedArray) -> bool:
    size = pc.sum(pc.abs(column)).as_py() or ZERO
    return bool(size * len(column) >= _SAFE_FOR_SUM)
