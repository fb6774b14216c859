"""The Excel workbook: summary, statement, exceptions, settlements with tie-out, and what every column means.

``due``, ``sale_leg``, ``refund_leg``, the differences of settlements and the sums are live formulas; each carries its
value too, so that readers that do not recalculate see the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

import nsbill
from nsbill.errors import ReconcileError
from nsbill.money import MONEY, ZERO
from nsbill.schemas import EXCEPTIONS, OUTCOMES, PLAN_SKIPPED, PLAN_TO_BILL, SETTLEMENTS, STATEMENT, TOTALS, Schema
from nsbill.show.files import writing_aside
from nsbill.show.names import column_title
from nsbill.show.workbook_sheet import Formats, Formula, column_letter, too_long_for_excel, write_frame, write_text

if TYPE_CHECKING:
    from nsbill.billing.plan import Plan
    from nsbill.reconcile import Reconciliation

__all__ = ["write_workbook"]

_STATEMENT_FORMULAS = {
    "sale_leg": Formula("=ROUND({billed_gross}-{received_gross},2)", ("billed_gross", "received_gross")),
    "refund_leg": Formula("=ROUND({credited}-{refunded},2)", ("credited", "refunded")),
    "due": Formula(
        "=ROUND({sale_leg}-MAX({refund_leg},0),2)",
        ("sale_leg", "refund_leg", "billed_gross", "received_gross", "credited", "refunded"),
    ),
}
_SETTLEMENT_FORMULAS = {
    "residual": Formula("=ROUND({lines_total}-{total_amount},2)", ("lines_total", "total_amount")),
}
_SAFE_FOR_SUM = Decimal(2) ** 53 / 200
"""Rows times largest sum, below which a sum of doubles is off by less than half a cent in the worst case."""


def write_workbook(
    path: Path | str,
    reconciliation: Reconciliation,
    *,
    plan: Plan | None = None,
    outcomes: pd.DataFrame | None = None,
    sources: Mapping[str, str] | None = None,
) -> Path:
    """Write the workbook and return its path; ``sources`` are lines for the summary, such as account or run id.

    Raises
    ------
    ReconcileError
        When the totals are not the sums of the statement.
    WorkspaceError
        When the file cannot be written, or a frame has more rows than Excel.
    """
    import xlsxwriter  # imported here so that reading commands start fast

    path = Path(path)
    statement = pa.Table.from_pandas(reconciliation.statement[STATEMENT.names], preserve_index=False)
    _check_totals(statement, reconciliation.totals)
    sheets = _sheets(reconciliation, plan, outcomes)
    with writing_aside(path) as aside:
        book = xlsxwriter.Workbook(str(aside), {"constant_memory": True, "strings_to_urls": False})
        try:
            _fill(book, reconciliation, statement, sheets=sheets, sources=sources or {})
        finally:
            _close(book)
    return path


def _fill(
    book: Any,
    reconciliation: Reconciliation,
    statement: pa.Table,
    *,
    sheets: Sequence[_Sheet],
    sources: Mapping[str, str],
) -> None:
    formats = Formats(book)
    _write_summary(book, reconciliation, statement, formats=formats, sources=sources)
    for name, frame, schema, formulas, frozen in sheets:
        write_frame(book, name, frame, schema=schema, formats=formats, formulas=formulas, frozen_columns=frozen)
    _write_columns(book, [(name, schema) for name, _, schema, _, _ in sheets], formats)
    book.set_properties({"title": f"Received versus due as of {reconciliation.as_of:%Y-%m-%d}"})


def _close(book: Any) -> None:
    """Write the file, or after an error only let go of the temporary ones; XlsxWriter's own error is no OSError."""
    from xlsxwriter.exceptions import FileCreateError

    try:
        book.close()
    except FileCreateError as error:
        raise OSError(str(error)) from error


_Sheet = tuple[str, pd.DataFrame, Schema, Mapping[str, Formula], int]
"""Name, rows, schema, formulas, and how many columns stay in view."""


def _sheets(reconciliation: Reconciliation, plan: Plan | None, outcomes: pd.DataFrame | None) -> list[_Sheet]:
    sheets: list[_Sheet] = [
        ("Statement", reconciliation.statement, STATEMENT, _STATEMENT_FORMULAS, 3),
        ("Exceptions", reconciliation.exceptions, EXCEPTIONS, {}, 1),
        ("Settlements", reconciliation.settlements, SETTLEMENTS, _SETTLEMENT_FORMULAS, 1),
    ]
    if plan is not None:
        sheets += [("To bill", plan.to_bill, PLAN_TO_BILL, {}, 3), ("Skipped", plan.skipped, PLAN_SKIPPED, {}, 3)]
    if outcomes is not None:
        sheets.append(("Outcomes", outcomes, OUTCOMES, {}, 3))
    return sheets


def _write_summary(
    book: Any, reconciliation: Reconciliation, statement: pa.Table, *, formats: Formats, sources: Mapping[str, str]
) -> None:
    sheet = book.add_worksheet("Summary")
    sheet.set_column(0, 0, 26)
    sheet.set_column(1, len(TOTALS.names), 15)
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    write_text(sheet, 0, 0, "Received versus due per Amazon order", formats, bold=True, font_size=14)
    facts = {
        "As of": reconciliation.as_of.isoformat(),
        "Tax mode": f"{reconciliation.tax_mode.value} (whether invoices carry facilitator-collected tax)",
        "Basis of received": "settled: in a closed settlement",
        "Made with": f"nsbill {nsbill.__version__}, pandas {version('pandas')}, XlsxWriter {version('xlsxwriter')}",
        **sources,
    }
    for at, (name, value) in enumerate(facts.items(), start=1):
        write_text(sheet, at, 0, name, formats, bold=True)
        write_text(sheet, at, 1, value, formats)
    at = len(facts) + 2
    for index, name in enumerate(TOTALS.names):
        sheet.write_string(at, index, column_title(name), formats.header)
    notes = _write_totals(sheet, at + 1, reconciliation, statement, formats)
    for index, note in enumerate(notes):
        write_text(sheet, at + len(reconciliation.totals) + 2 + index, 0, note, formats, italic=True)


def _write_totals(
    sheet: Any, first: int, reconciliation: Reconciliation, statement: pa.Table, formats: Formats
) -> list[str]:
    """Write one row of live sums per currency; return the notes that explain what is not live."""
    notes = ["Amounts are per currency and are never added across currencies. Sums are live formulas over the sheets."]
    for at, row in enumerate(_rows(reconciliation.totals), start=first):
        currency = row["currency"]
        write_text(sheet, at, 0, currency, formats, bold=True)
        mine = statement.filter(pc.equal(statement["currency"], currency))
        for index, name in enumerate(TOTALS.names[1:], start=1):
            value = row[name]
            if name not in TOTALS.money:
                frame, schema = (
                    (reconciliation.exceptions, EXCEPTIONS)
                    if name == "exceptions"
                    else (reconciliation.statement, STATEMENT)
                )
                formula = f"=COUNTIF({_cells('Exceptions' if name == 'exceptions' else 'Statement', schema, 'currency', len(frame))},$A{at + 1})"
                sheet.write_formula(at, index, formula, formats.get(num_format="#,##0"), value)
            elif _has_text_amounts(statement[name] if _lossy(mine[name]) else mine[name]) or too_long_for_excel(value):
                write_text(sheet, at, index, f"{value:,f}", formats, align="right", italic=True)
                notes.append(
                    f"{column_title(name)} in {currency} is text: an amount behind it is beyond the 15 digits that Excel keeps."
                )
            else:
                formula = _sum_formula(name, at + 1, rows=statement.num_rows, column=mine[name])
                sheet.write_formula(at, index, formula, formats.amount(value, currency), value)
    return notes


def _sum_formula(name: str, row: int, *, rows: int, column: pa.ChunkedArray) -> str:
    """Sum one column for the currency named in column A; in whole cents where doubles could lose one."""
    amounts = _cells("Statement", STATEMENT, name, rows)
    currencies = _cells("Statement", STATEMENT, "currency", rows)
    if not _lossy(column):
        return f"=ROUND(SUMIF({currencies},$A{row},{amounts}),2)"
    return f"=SUMPRODUCT(({currencies}=$A{row})*ROUND({amounts}*100,0))/100"


def _rows(totals: pd.DataFrame) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pa.Table.from_pandas(totals[TOTALS.names], preserve_index=False).to_pylist()
    return rows


def _lossy(column: pa.ChunkedArray) -> bool:
    size = pc.sum(pc.abs(column)).as_py() or ZERO
    return bool(size * len(column) >= _SAFE_FOR_SUM)


def _cells(sheet: str, schema: Schema, name: str, rows: int) -> str:
    letter = column_letter(schema.names.index(name))
    return f"{sheet}!${letter}$2:${letter}${max(rows, 1) + 1}"


def _has_text_amounts(column: pa.ChunkedArray) -> bool:
    largest = pc.max(pc.abs(column)).as_py()
    return too_long_for_excel(largest)


def _check_totals(statement: pa.Table, totals: pd.DataFrame) -> None:
    """A workbook whose sums would change on recalculation must not be written."""
    sums = statement.group_by("currency").aggregate([(name, "sum") for name in TOTALS.money])
    found = {row["currency"]: row for row in sums.to_pylist()}
    stated = {row["currency"]: row for row in _rows(totals)}
    for currency in sorted({*found, *stated}):
        for name in TOTALS.money:
            sum_, total = found.get(currency, {}).get(f"{name}_sum", ZERO), stated.get(currency, {}).get(name, ZERO)
            if sum_ != total:
                raise ReconcileError(
                    f"the total of {name} in {currency} is {total}, but the statement adds up to {sum_}",
                    "Reconcile again; if it stays, report it as a fault of nsbill.",
                )


def _write_columns(book: Any, sheets: Sequence[tuple[str, Schema]], formats: Formats) -> None:
    sheet = book.add_worksheet("Columns")
    for index, (title, width) in enumerate(
        (("Sheet", 14), ("Heading", 24), ("Name in exports", 22), ("Kind", 12), ("Meaning", 90))
    ):
        sheet.set_column(index, index, width)
        sheet.write_string(0, index, title, formats.header)
    sheet.freeze_panes(1, 0)
    at = 1
    for name, schema in sheets:
        for column in schema.columns:
            kind = "amount" if column.type == MONEY else _KINDS.get(str(column.type), "text")
            texts = (name, column_title(column.name), column.name, kind, column.meaning)
            for index, text in enumerate(texts):
                write_text(sheet, at, index, text, formats)
            at += 1
    sheet.autofilter(0, 0, at - 1, 4)


_KINDS = {
    "date32[day]": "date",
    "int64": "number",
    "int32": "number",
    "bool": "yes or no",
    "timestamp[us, tz=UTC]": "UTC time",
}
