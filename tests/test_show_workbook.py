from __future__ import annotations

import re
import time
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pytest
from show_samples import FORMULA, HOSTILE, LONG, SCRIPT, order_row, sample_reconciliation, statement_of
from test_show_tables import sample_plan

from nsbill.errors import ReconcileError, WorkspaceError
from nsbill.reconcile import Reconciliation
from nsbill.schemas import OUTCOMES, STATEMENT, TOTALS
from nsbill.show import workbook_sheet
from nsbill.show.names import code_text, column_title
from nsbill.show.workbook import write_workbook
from nsbill.show.workbook_rows import column_letter


def written(path: Path, reconciliation: Reconciliation, **options: Any) -> tuple[Any, Any]:
    """The workbook as formulas, and as the values that are kept beside them."""
    write_workbook(path, reconciliation, **options)
    return openpyxl.load_workbook(path), openpyxl.load_workbook(path, data_only=True)


def column(sheet: Any, name: str) -> list[Any]:
    """The cells below a heading."""
    for cells in sheet.iter_cols():
        if cells[0].value == column_title(name):
            return list(cells[1:])
    raise AssertionError(name)


def amount(value: Any) -> Decimal:
    """What a reader sees: a double, shown with two decimals."""
    return Decimal(str(value)).quantize(Decimal("0.01"))


def summary_columns(sheet: Any) -> dict[str, dict[str, Any]]:
    """The cells of the totals, by currency and heading."""
    rows = list(sheet.iter_rows())
    head = next(i for i, row in enumerate(rows) if row[0].value == "Per currency")
    found: dict[str, dict[str, Any]] = {cell.value: {} for cell in rows[head][1:-1]}
    for row in rows[head + 1 :]:
        if row[0].value is None:
            break
        for cell, currency in zip(row[1:-1], found, strict=True):
            found[currency][row[0].value] = cell
    return found


def class_sheets(book: Any) -> list[Any]:
    """The sheets of exception classes."""
    others = {"Exceptions", "What was looked for"}
    return [sheet for sheet in book if sheet["A1"].value == "Exception" and sheet.title not in others]


def recomputed(formula: str, sheet: Any) -> Decimal:
    """Compute ``=ROUND(A-B,2)`` and ``=ROUND(A-MAX(B,0),2)`` from the cells they name."""
    cells = [Decimal(str(sheet[name].value)) for name in re.findall(r"[A-Z]+\d+", formula)]
    second = max(cells[1], Decimal(0)) if "MAX" in formula else cells[1]
    return (cells[0] - second).quantize(Decimal("0.01"))


def test_every_amount_comes_back_exactly(tmp_path: Path) -> None:
    reconciliation = sample_reconciliation(120)
    _, values = written(tmp_path / "w.xlsx", reconciliation)
    for name in STATEMENT.money:
        cells = column(values["Statement"], name)
        known = reconciliation.statement[name].astype(object)
        assert [None if cell.value is None else amount(cell.value) for cell in cells] == list(
            known.where(known.notna(), None)
        )


@pytest.mark.parametrize("name", ["sale_leg", "refund_leg", "due"])
def test_the_legs_and_the_due_are_live_formulas_with_their_values(tmp_path: Path, name: str) -> None:
    reconciliation = sample_reconciliation(60)
    formulas, values = written(tmp_path / "w.xlsx", reconciliation)
    for cell, expected in zip(column(formulas["Statement"], name), reconciliation.statement[name], strict=True):
        assert cell.value.startswith("=ROUND(")
        assert recomputed(cell.value, values["Statement"]) == expected


def test_the_summary_sums_are_live_and_equal_the_totals(tmp_path: Path) -> None:
    reconciliation = sample_reconciliation(120)
    formulas, values = written(tmp_path / "w.xlsx", reconciliation)
    live, kept = summary_columns(formulas["Summary"]), summary_columns(values["Summary"])
    for row in reconciliation.totals.to_dict("records"):
        for name in TOTALS.names[1:]:
            formula = live[row["currency"]][column_title(name)].value
            assert re.match(
                r"=ROUND\(SUMIFS\('Statement'!" if name in TOTALS.money else r"=COUNTIFS\(|=SUMIFS\(Exceptions!",
                formula,
            )
            assert amount(kept[row["currency"]][column_title(name)].value) == row[name]
    letter = column_letter(STATEMENT.names.index("due"))
    assert f"'Statement'!${letter}$2:${letter}${len(reconciliation.statement) + 1}" in live["USD"]["Due"].value


def test_a_total_within_fifteen_digits_but_risky_in_doubles_uses_cents(tmp_path: Path) -> None:
    statement = statement_of([order_row(f"A{n}", billed="99999999999.99") for n in range(60)])
    formulas, values = written(tmp_path / "w.xlsx", sample_reconciliation(statement=statement))
    assert summary_columns(formulas["Summary"])["USD"]["Billed"].value.startswith("=SUMPRODUCT(")
    assert amount(summary_columns(values["Summary"])["USD"]["Billed"].value) == Decimal("5999999999999.40")


def test_amounts_beyond_fifteen_digits_are_text_with_a_note(tmp_path: Path) -> None:
    rows = [
        order_row("big", billed="10000000000000.01", received_gross="1"),
        order_row("small", billed="9999999999999.99"),
    ]
    formulas, values = written(tmp_path / "w.xlsx", sample_reconciliation(statement=statement_of(rows)))
    billed, due, leg = (column(formulas["Statement"], name) for name in ("billed_gross", "due", "sale_leg"))
    assert (billed[0].data_type, billed[0].value) == ("s", "10,000,000,000,000.01")
    assert amount(billed[1].value) == Decimal("9999999999999.99")
    assert amount(leg[0].value) == Decimal("9999999999999.01")  # a value: its formula would need the text
    assert due[0].value.startswith("=ROUND(")  # over the value of the leg
    assert due[1].value.startswith("=ROUND(")
    summary = summary_columns(values["Summary"])["USD"]["Billed"]
    assert (summary.data_type, summary.value) == ("s", "20,000,000,000,000.00")
    notes = [cell.value for cell in values["Summary"]["A"] if cell.value and "15 digits" in str(cell.value)]
    assert "Billed in USD is text: an amount behind it is beyond the 15 digits that Excel keeps." in notes


@pytest.mark.parametrize("hostile", HOSTILE)
def test_text_from_outside_is_never_a_formula(tmp_path: Path, hostile: str) -> None:
    formulas, _ = written(tmp_path / "w.xlsx", sample_reconciliation(3), sources={hostile: hostile})
    cells = [
        cell
        for name in ("seller_account", "amazon_order_id", "evidence")
        for cell in column(next(s for s in class_sheets(formulas) if s.title == "Orphan order ID"), name)
    ]
    mine = [cell for cell in cells if cell.value == hostile]
    assert len(mine) == 3
    assert {cell.data_type for cell in mine} == {"s"}
    risky = hostile.startswith(("=", "+", "-", "@", "\t"))
    assert {bool(cell.quotePrefix) for cell in mine} == {risky}
    assert hostile in {cell.value for cell in formulas["Summary"]["A"]}


def test_only_our_own_formulas_stand_in_the_workbook(tmp_path: Path) -> None:
    formulas, _ = written(tmp_path / "w.xlsx", sample_reconciliation(30))
    live = {cell.value for sheet in formulas for row in sheet.iter_rows() for cell in row if cell.data_type == "f"}
    assert live
    assert all(re.match(r"=(ROUND|COUNTIFS|SUMIFS|SUMPRODUCT)\(", formula) for formula in live)
    assert not any("HYPERLINK" in formula for formula in live)


def test_control_characters_and_too_long_texts_do_not_break_the_file(tmp_path: Path) -> None:
    odd = "a\x07b\ufffe" + "x" * 40_000
    statement = statement_of([order_row("A", billed="1", explanation=odd)])
    _, values = written(tmp_path / "w.xlsx", sample_reconciliation(statement=statement))
    text = column(values["Statement"], "explanation")[0].value
    assert "cut: 40,004 characters" in text


def test_dates_are_dates_and_numbers_have_the_format_of_their_currency(tmp_path: Path) -> None:
    statement = statement_of([order_row("A", "JPY", billed="1234"), order_row("B", "USD", billed="5")])
    odd = statement_of([order_row("C", "JPY", billed="1.50")])  # a fault that must stay visible
    formulas, _ = written(tmp_path / "w.xlsx", sample_reconciliation(statement=statement))
    sheet = formulas["Statement"]
    assert column(sheet, "order_date")[0].value.date() == date(2026, 9, 21)
    assert column(sheet, "order_date")[0].is_date
    assert [cell.number_format for cell in column(sheet, "billed_gross")] == [
        "#,##0_ ;[Red]-#,##0_ ",
        "#,##0.00_ ;[Red]-#,##0.00_ ",
    ]
    formulas, _ = written(tmp_path / "w.xlsx", sample_reconciliation(statement=odd))
    assert column(formulas["Statement"], "billed_gross")[0].number_format == "#,##0.00_ ;[Red]-#,##0.00_ "


def test_sheets_are_filtered_frozen_and_explained(tmp_path: Path) -> None:
    reconciliation = sample_reconciliation(30)
    formulas, _ = written(tmp_path / "w.xlsx", reconciliation, sources={"Account": "9000001_SB1"})
    classes = [sheet.title for sheet in class_sheets(formulas)]
    names = [name for name in formulas.sheetnames if name not in classes]
    assert names[:4] == ["Summary", "Statement", "Exceptions", "Settlements"]
    assert names[-1] == "Columns"
    assert classes == sorted(code_text(code) for code in set(reconciliation.exceptions["exception_class"]))
    sheet = formulas["Statement"]
    assert sheet.freeze_panes == "D2"
    assert sheet.auto_filter.ref == f"A1:{column_letter(len(STATEMENT.names) - 1)}{len(reconciliation.statement) + 1}"
    meanings = {(row[0], row[2]): row[5] for row in formulas["Columns"].iter_rows(min_row=2, values_only=True)}
    assert meanings["Statement", "due"] == "sale_leg − max(refund_leg, 0)"
    assert {name for sheet_name, name in meanings if sheet_name == "Statement"} == set(STATEMENT.names)
    facts = {row[0]: row[1] for row in formulas["Summary"].iter_rows(max_row=7, values_only=True)}
    assert facts["As of"] == "2026-10-31"
    assert facts["Tax mode"].startswith("exclude")
    assert facts["Account"] == "9000001_SB1"


def test_settlements_tie_out_with_a_live_difference(tmp_path: Path) -> None:
    formulas, values = written(tmp_path / "w.xlsx", sample_reconciliation(3))
    differences = [cell.value for cell in column(formulas["Settlements"], "residual")]
    assert [bool(value and value.startswith("=ROUND(")) for value in differences] == [True, True, False]
    assert [cell.value for cell in column(values["Settlements"], "residual")] == [0, -0.01, None]


def test_plan_and_outcomes_get_sheets_of_their_own(tmp_path: Path) -> None:
    formulas, _ = written(tmp_path / "w.xlsx", sample_reconciliation(3), plan=sample_plan(), outcomes=OUTCOMES.frame())
    assert formulas.sheetnames[-4:] == ["To bill", "Skipped", "Outcomes", "Columns"]
    assert formulas["To bill"].max_row == 4


def test_an_empty_reconciliation_gives_an_empty_workbook(tmp_path: Path) -> None:
    empty = sample_reconciliation(statement=STATEMENT.frame())
    empty = replace(
        empty, exceptions=empty.exceptions.iloc[:0], totals=TOTALS.frame(), settlements=empty.settlements.iloc[:0]
    )
    formulas, _ = written(tmp_path / "w.xlsx", empty)
    assert formulas["Statement"].max_row == 1


def test_totals_that_are_not_the_sums_are_refused(tmp_path: Path) -> None:
    reconciliation = sample_reconciliation(30)
    rows = reconciliation.totals.to_dict("records")
    rows[0]["due"] += Decimal("0.01")
    wrong = replace(reconciliation, totals=TOTALS.frame(rows))  # type: ignore[arg-type]
    with pytest.raises(ReconcileError, match="the total of due in EUR"):
        write_workbook(tmp_path / "w.xlsx", wrong)
    assert not list(tmp_path.iterdir())


def test_more_rows_than_excel_has_are_refused_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workbook_sheet, "EXCEL_ROWS", 10)
    with pytest.raises(WorkspaceError, match="do not fit into an Excel sheet"):
        write_workbook(tmp_path / "w.xlsx", sample_reconciliation(30))
    assert not list(tmp_path.iterdir())


def test_a_failed_write_keeps_the_old_workbook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "w.xlsx"
    path.write_bytes(b"old")
    monkeypatch.setattr(workbook_sheet, "EXCEL_ROWS", 10)
    with pytest.raises(WorkspaceError):
        write_workbook(path, sample_reconciliation(30))
    assert path.read_bytes() == b"old"


def test_five_thousand_orders_take_a_few_seconds(tmp_path: Path) -> None:
    reconciliation = sample_reconciliation(5000)
    started = time.process_time()
    write_workbook(tmp_path / "w.xlsx", reconciliation)
    assert time.process_time() - started < 20  # about 2 s


def test_columns_have_excel_names() -> None:
    assert [column_letter(index) for index in (0, 25, 26, 51, 52, 701, 702)] == [
        "A",
        "Z",
        "AA",
        "AZ",
        "BA",
        "ZZ",
        "AAA",
    ]


def test_the_inputs_are_left_as_they_were(tmp_path: Path) -> None:
    reconciliation = sample_reconciliation(30)
    before = pa.Table.from_pandas(reconciliation.statement)
    write_workbook(tmp_path / "w.xlsx", reconciliation)
    assert pa.Table.from_pandas(reconciliation.statement).equals(before)
    assert {FORMULA, SCRIPT, LONG} <= set(reconciliation.statement["amazon_order_id"])
