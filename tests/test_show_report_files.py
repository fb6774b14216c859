"""The files of a report: exact in every format, whole or not there, and about the month that was asked for."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest
from pyarrow import parquet
from show_samples import HOSTILE, order_row, sample_reconciliation, statement_of, totals_of

from nsbill.errors import ReconcileError, WorkspaceError
from nsbill.money import MONEY
from nsbill.reconcile import Reconciliation
from nsbill.reconcile.month import Month, month_rows
from nsbill.show.files import looks_like_a_formula, writing_aside
from nsbill.show.frames import frames_of
from nsbill.show.report_files import FORMATS, InMonth, write_report_files

SEPTEMBER, OCTOBER = date(2026, 9, 30), date(2026, 10, 31)


def reconciled(as_of: date, *rows: dict[str, object]) -> Reconciliation:
    """A reconciliation of these orders."""
    statement = statement_of(list(rows))
    found = sample_reconciliation(statement=statement)
    return replace(
        found, as_of=as_of, exceptions=found.exceptions.iloc[:0], totals=totals_of(statement, found.exceptions.iloc[:0])
    )


def october() -> tuple[Reconciliation, Reconciliation]:
    """The end of September and the end of October of one order that was paid, one that was added, and a first one in yen."""
    begin = reconciled(SEPTEMBER, order_row("A", billed="100.00", received_gross="40.00", fees="6.00"))
    end = reconciled(
        OCTOBER,
        order_row("A", billed="100.00", received_gross="100.00", refunded="25.50", fees="15.00"),
        order_row("B", billed="10.10"),
        order_row("C", "JPY", billed="3000", received_gross="3000", fees="450"),
    )
    return begin, end


def test_every_frame_is_exported_as_csv_and_parquet(tmp_path: Path) -> None:
    found = sample_reconciliation(30)
    written = write_report_files(tmp_path, found, formats=["csv", "parquet"])
    names = {named.name.replace("_", "-") for named in frames_of(found)}
    assert {"statement", "exceptions", "settlements", "totals"} <= names
    for ending in ("csv", "parquet"):
        assert {path.stem for path in written[ending]} == names
        assert all(path.suffix == f".{ending}" for path in written[ending])


def test_parquet_holds_decimals_and_every_text_untouched(tmp_path: Path) -> None:
    found = sample_reconciliation(30)
    paths = {path.stem: path for path in write_report_files(tmp_path, found, formats=["parquet"])["parquet"]}
    table = parquet.read_table(paths["statement"])
    assert table.schema.field("due").type == MONEY
    assert table["due"].to_pylist() == list(found.statement["due"])
    assert set(HOSTILE) <= set(table["amazon_order_id"].to_pylist())


def test_csv_holds_plain_decimals_and_no_formula(tmp_path: Path) -> None:
    found = sample_reconciliation(30)
    paths = {path.stem: path for path in write_report_files(tmp_path, found, formats=["csv"])["csv"]}
    with paths["statement"].open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [Decimal(row["due"]) for row in rows] == list(found.statement["due"])
    assert all("E" not in row["billed_gross"] for row in rows)
    assert not [row for row in rows if looks_like_a_formula(row["amazon_order_id"])]
    assert '\'=HYPERLINK("http://evil.example","click")' in {row["amazon_order_id"] for row in rows}


@pytest.mark.parametrize("blank", ["\u00a0", "\u2003", "\x0b", "\x1c", "\x85", "\u3000"])
def test_a_formula_behind_an_unusual_blank_is_guarded_in_csv_too(tmp_path: Path, blank: str) -> None:
    statement = statement_of([order_row(f"{blank}=1+1", billed="1")])
    found = sample_reconciliation(statement=statement)
    paths = {path.stem: path for path in write_report_files(tmp_path, found, formats=["csv"])["csv"]}
    assert f"'{blank}=1+1".encode() in paths["statement"].read_bytes()


def test_the_month_is_the_difference_of_two_reconciliations() -> None:
    rows = {(row["currency"], row["figure"]): row for row in month_rows(*october()).to_dict("records")}
    told = {
        key: (str(row["at_begin"]), str(row["in_month"]), str(row["at_end"]))
        for key, row in rows.items()
        if key[1] in {"billed_gross", "received_gross", "received", "refunded", "fee_withheld", "due"}
    }
    assert told == {
        ("USD", "billed_gross"): ("100.00", "10.10", "110.10"),
        ("USD", "received_gross"): ("40.00", "60.00", "100.00"),
        ("USD", "refunded"): ("0.00", "25.50", "25.50"),
        ("USD", "received"): ("40.00", "34.50", "74.50"),
        ("USD", "fee_withheld"): ("6.00", "9.00", "15.00"),
        ("USD", "due"): ("60.00", "-49.90", "10.10"),
        ("JPY", "billed_gross"): ("0.00", "3000.00", "3000.00"),
        ("JPY", "received_gross"): ("0.00", "3000.00", "3000.00"),
        ("JPY", "refunded"): ("0.00", "0.00", "0.00"),
        ("JPY", "received"): ("0.00", "3000.00", "3000.00"),
        ("JPY", "fee_withheld"): ("0.00", "450.00", "450.00"),
        ("JPY", "due"): ("0.00", "0.00", "0.00"),
    }
    assert rows["USD", "due"]["meaning"].startswith("change of: ")


def test_a_month_by_other_rules_or_backwards_is_refused() -> None:
    begin, end = october()
    with pytest.raises(ReconcileError, match="is not before"):
        month_rows(end, begin)
    with pytest.raises(ReconcileError, match="begins with tax mode"):
        month_rows(replace(begin, tax_mode=None), end)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text, first, last",
    [
        ("2026-02", "2026-02-01", "2026-02-28"),
        ("2028-02", "2028-02-01", "2028-02-29"),
        ("2026-12", "2026-12-01", "2026-12-31"),
    ],
)
def test_a_month_has_its_days(text: str, first: str, last: str) -> None:
    month = Month.parse(text)
    assert (month.first.isoformat(), month.last.isoformat(), month.whole) == (first, last, True)
    assert (month.first - month.begin).days == 1


@pytest.mark.parametrize("text", ["2026", "2026-13", "26-10", "2026-1", "2026-10-01", "October", "2026-W1"])
def test_another_text_is_no_month(text: str) -> None:
    with pytest.raises(ValueError):
        Month.parse(text)


def test_the_month_stands_in_page_workbook_and_exports(tmp_path: Path) -> None:
    begin, end = october()
    in_month = InMonth(Month.parse("2026-10"), month_rows(begin, end))
    written = write_report_files(tmp_path, end, formats=FORMATS, in_month=in_month)
    page = written["html"][0].read_text(encoding="utf-8")
    assert "<h2>Month 2026-10</h2>" in page
    assert "is not over" not in page
    book = openpyxl.load_workbook(written["xlsx"][0])
    assert book.sheetnames[:3] == ["Summary", "Month", "Statement"]
    assert {str(cell.value)[:7] for cell in book["Month"]["D"][1:]} == {"=ROUND("}
    assert {path.name for path in written["csv"]} >= {"month.csv", "statement.csv"}


def test_a_month_that_is_not_over_says_so_everywhere(tmp_path: Path) -> None:
    begin, end = october()
    month = Month(2026, 10, date(2026, 10, 20))
    in_month = InMonth(month, month_rows(begin, replace(end, as_of=month.as_of)))
    written = write_report_files(tmp_path, replace(end, as_of=month.as_of), in_month=in_month)
    page = written["html"][0].read_text(encoding="utf-8")
    assert "The month is not over: it is looked at up to 2026-10-20." in page
    assert "month 2026-10 up to 2026-10-20: it is not over" in str(
        openpyxl.load_workbook(written["xlsx"][0])["Summary"]["A1"].value
    )


def test_an_unknown_format_is_one_sentence_and_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="pdf: is no format"):
        write_report_files(tmp_path, sample_reconciliation(1), formats=["html", "pdf"])
    assert not list(tmp_path.iterdir())


def test_a_kill_in_the_middle_leaves_the_old_file_whole(tmp_path: Path) -> None:
    target = tmp_path / "report.html"
    target.write_text("the old one", encoding="utf-8")
    code = (
        "import sys, time; from pathlib import Path; from nsbill.show.files import writing_aside\n"
        "with writing_aside(Path(sys.argv[1])) as aside:\n"
        "    aside.write_text('half'); print('ready', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code, target], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
    assert target.read_text(encoding="utf-8") == "the old one"
    (left,) = [path for path in tmp_path.iterdir() if path != target]
    assert left.name.endswith(".part")
    os.utime(left, (time.time() - 2 * 86_400,) * 2)
    with writing_aside(target) as aside:
        aside.write_text("the new one", encoding="utf-8")
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
    assert target.read_text(encoding="utf-8") == "the new one"
