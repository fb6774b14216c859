"""LibreOffice computes every formula of a workbook anew, and finds what was written beside it, to the cent."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import openpyxl
import pyarrow as pa
import pytest
from conftest import find_office, requires
from show_samples import order_row, sample_reconciliation, sample_statement, statement_of, totals_of

from nsbill.reconcile import Reconciliation
from nsbill.schemas import STATEMENT, TOTALS
from nsbill.show.names import column_title
from nsbill.show.workbook import write_workbook
from nsbill.show.workbook_formulas import formulas_of

WRONG = "987654321.25"
"""Stands beside every formula before LibreOffice computes it: whoever trusts it shows it."""

# 0 is "always"; a fresh profile never recalculates what says that Excel wrote it
ALWAYS_RECALCULATE = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry" xmlns:xs="http://www.w3.org/2001/XMLSchema">
<item oor:path="/org.openoffice.Office.Calc/Formula/Load">
<prop oor:name="OOXMLRecalcMode" oor:op="fuse"><value>0</value></prop></item>
</oor:items>
"""

pytestmark = [pytest.mark.office, pytest.mark.timeout(400)]


def reconciliation() -> Reconciliation:
    """Many ordinary orders, amounts as large as Excel can hold, fractions of a yen, and a column that adds up in cents."""
    odd = [
        order_row("large", billed="9999999999999.99", received_gross="0.01"),
        order_row("beyond", "GBP", billed="10000000000000.01", received_gross="1"),
        order_row("sen", "JPY", billed="100.50", received_gross="0.25"),
        *(order_row(f"many{n}", "EUR", billed="79999999999.99", received_gross="79999999999.98") for n in range(60)),
    ]
    statement = statement_of([*sample_statement(400).to_dict("records"), *odd])  # type: ignore[list-item]
    found = sample_reconciliation(statement=statement)
    return replace(found, totals=totals_of(statement, found.exceptions))


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any, Any]:
    """The workbook's formulas, the values that were written beside them, and those that LibreOffice computed."""
    requires("office")
    folder = tmp_path_factory.mktemp("recalculated")
    written = write_workbook(folder / "written.xlsx", reconciliation())
    spoiled = spoil(written, folder / "spoiled.xlsx")
    computed = recalculate(spoiled, folder)
    return openpyxl.load_workbook(written), *(openpyxl.load_workbook(p, data_only=True) for p in (written, computed))


def spoil(source: Path, target: Path) -> Path:
    """Copy a workbook with a wrong value beside every formula."""
    with ZipFile(source) as old, ZipFile(target, "w", ZIP_DEFLATED) as new:
        for entry in old.infolist():
            content = old.read(entry)
            if entry.filename.startswith("xl/worksheets/"):
                content = re.sub(rb"</f><v>[^<]*</v>", b"</f><v>" + WRONG.encode() + b"</v>", content)
            new.writestr(entry, content)
    return target


def recalculate(source: Path, folder: Path) -> Path:
    """Let LibreOffice open a workbook, compute all of it, and save it again."""
    profile = folder / "profile"
    (profile / "user").mkdir(parents=True)
    (profile / "user" / "registrymodifications.xcu").write_text(ALWAYS_RECALCULATE, encoding="utf-8")
    office = find_office()
    assert office
    command = [office, "--headless", f"-env:UserInstallation={profile.as_uri()}", "--convert-to", "xlsx"]
    done = subprocess.run(
        [*command, "--outdir", folder / "out", source], capture_output=True, text=True, timeout=300, check=False
    )
    made = folder / "out" / source.name
    assert made.exists(), done.stdout + done.stderr
    shutil.rmtree(profile)
    return made


def cents(value: Any) -> Decimal:
    """What a reader sees of a double."""
    return Decimal(repr(value)).quantize(Decimal("0.01"))


def test_every_formula_computes_to_the_value_that_was_written_beside_it(books: tuple[Any, Any, Any]) -> None:
    formulas, written, computed = books
    compared = 0
    for sheet in formulas:
        for row in sheet.iter_rows():
            for cell in row:
                if cell.data_type == "f":
                    place = written[sheet.title][cell.coordinate], computed[sheet.title][cell.coordinate]
                    kept, found = (cents(there.value) for there in place)
                    assert (sheet.title, cell.coordinate, cell.value, found) == (
                        sheet.title,
                        cell.coordinate,
                        cell.value,
                        kept,
                    )
                    compared += 1
    assert compared > 400 * 7


def test_the_wrong_values_were_there_so_it_did_compute(books: tuple[Any, Any, Any]) -> None:
    """What LibreOffice trusts it copies: no formula may still show what was written beside it."""
    formulas, _, computed = books
    for sheet in formulas:
        for row in sheet.iter_rows():
            for cell in row:
                if cell.data_type == "f":
                    assert computed[sheet.title][cell.coordinate].value != Decimal(WRONG)


def test_every_amount_of_the_statement_is_ours_after_recalculation(books: tuple[Any, Any, Any]) -> None:
    formulas, _, computed = books
    found = reconciliation()
    sheet = computed["Statement"]
    headings = {cell.value: cell.column for cell in sheet[1]}
    assert {"received", "sale_leg", "refund_leg", "due", "overpaid"} <= set(formulas_of(STATEMENT))
    table = pa.Table.from_pandas(found.statement, preserve_index=False)
    for name in STATEMENT.money:
        for at, amount in enumerate(table[name].to_pylist(), start=2):
            value = sheet.cell(at, headings[column_title(name)]).value
            if amount is None:
                assert value is None
            elif isinstance(value, str):  # more digits than Excel keeps
                assert Decimal(value.replace(",", "")) == amount
            else:
                assert cents(value) == amount
    live = sum(cell.data_type == "f" for row in formulas["Statement"].iter_rows() for cell in row)
    assert live >= 7 * (len(found.statement) - 2)


def test_the_sums_per_currency_are_ours_after_recalculation(books: tuple[Any, Any, Any]) -> None:
    formulas, _, computed = books
    kinds = set()
    rows = list(computed["Summary"].iter_rows())
    head = next(at for at, row in enumerate(rows) if row[0].value == "Per currency")
    place = {cell.value: cell.column for cell in rows[head]}
    lines = {row[0].value: row[0].row for row in rows[head + 1 :] if row[0].value}
    for total in reconciliation().totals.to_dict("records"):
        for name in TOTALS.names[1:]:
            cell = computed["Summary"].cell(lines[column_title(name)], place[total["currency"]])
            formula = formulas["Summary"][cell.coordinate].value
            kinds.add(re.sub(r"\(.*", "", str(formula)) if str(formula).startswith("=") else "text")
            value = Decimal(cell.value.replace(",", "")) if isinstance(cell.value, str) else cents(cell.value)
            assert (total["currency"], name, value) == (total["currency"], name, total[name])
    assert kinds == {"=ROUND", "=SUMPRODUCT", "=COUNTIFS", "=SUMIFS", "text"}


def test_the_tie_out_of_settlements_is_ours_after_recalculation(books: tuple[Any, Any, Any]) -> None:
    formulas, _, computed = books
    sheet = computed["Settlements"]
    column = next(cell.column for cell in sheet[1] if cell.value == column_title("residual"))
    values = [sheet.cell(row, column).value for row in range(2, sheet.max_row + 1)]
    assert [None if value is None else cents(value) for value in values] == [Decimal("0.00"), Decimal("-0.01"), None]
    assert formulas["Settlements"].cell(3, column).value.startswith("=ROUND(")
