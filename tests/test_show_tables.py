from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import csv, parquet
from show_samples import (
    FORMULA,
    HOSTILE,
    LONG,
    SCRIPT,
    order_row,
    sample_reconciliation,
    sample_statement,
    statement_of,
)

from nsbill.billing.plan import Plan
from nsbill.errors import WorkspaceError
from nsbill.schemas import EXCEPTIONS, OUTCOMES, PLAN_SKIPPED, PLAN_TO_BILL, STATEMENT
from nsbill.show.files import export_frame, looks_like_a_formula, writing_aside
from nsbill.show.names import code_text, column_title, shorten, visible
from nsbill.show.tables import (
    exceptions_summary,
    exceptions_table,
    money_table,
    outcomes_table,
    plan_tables,
    settlements_table,
    statement_table,
    text_table,
    totals_table,
)
from nsbill.vocabulary import BillingMode, BillingStatus, SkipReason


def test_a_text_table_is_aligned_and_writes_amounts_as_their_currency_wants() -> None:
    rows = [order_row("A1", "USD", billed="1234.5", age=3), order_row("B22", "JPY", billed="98765", age=3)]
    text = text_table(statement_of(rows), ["amazon_order_id", "due", "currency"], caption="Due")
    assert text.splitlines() == [
        "Due",
        "  Amazon order       Due  Currency",
        "  ────────────  ────────  ────────",
        "  A1            1,234.50  USD",
        "  B22             98,765  JPY",
    ]


def test_what_is_not_shown_is_counted_and_summed_per_currency() -> None:
    rows = [order_row(f"U{n}", "USD", billed="10.01") for n in range(5)]
    rows += [order_row(f"J{n}", "JPY", billed="7") for n in range(2)]
    table = money_table(statement_of(rows), ["amazon_order_id", "billed_gross", "currency"], caption="x", limit=2)
    assert table.rest == (("… and 2 more", "14", "JPY"), ("… and 3 more", "30.03", "USD"))
    assert "… and 3 more" in table.text()
    assert '<tr class="rest">' in table.html()
    assert not money_table(statement_of(rows), ["amazon_order_id"], caption="x", limit=None).rest


def test_a_table_of_amounts_alone_still_says_how_many_are_left_out() -> None:
    table = money_table(
        statement_of([order_row("A", billed="1"), order_row("B", billed="2")]), ["due"], caption="x", limit=1
    )
    assert table.rest == (("… and 1 more: 2.00",),)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_names_appear_as_text(hostile: str) -> None:
    table = statement_table(statement_of([order_row(hostile, billed="1", marketplace=hostile, explanation=hostile)]))
    html = table.html()
    assert "<script" not in html
    assert "<b>bold" not in html
    assert "\u202e" not in html + table.text()
    assert "\t" not in table.text()
    cells = re.findall(r"<td[^>]*>(.*?)</td>", html)
    assert "<" not in "".join(cells)
    assert all(len(line) < 400 for line in table.text().splitlines())


def test_a_caption_from_outside_is_escaped() -> None:
    assert SCRIPT not in money_table(STATEMENT.frame(), ["due"], caption=SCRIPT).html()


def test_an_empty_table_says_so() -> None:
    table = statement_table(STATEMENT.frame())
    assert "no Amazon orders" in table.html()
    assert table.text().splitlines()[1].strip() == "no Amazon orders"


def test_the_statement_comes_by_due_and_of_one_currency_when_asked() -> None:
    statement = sample_statement(60)
    table = statement_table(statement, currency="JPY", limit=None)
    mine = statement[statement["currency"] == "JPY"].sort_values("due", ascending=False, kind="stable")
    assert [row[0] for row in table.rows][:2] == list(mine["amazon_order_id"])[:2]
    assert len(table.rows) == len(mine)
    assert "Currency" not in table.headers
    assert "Explanation" in table.headers


def test_exceptions_come_with_the_largest_amount_first_and_in_words() -> None:
    reconciliation = sample_reconciliation()
    table = exceptions_table(reconciliation.exceptions, currency="USD")
    assert [row[0] for row in table.rows[:2]] == ["Amount mismatch shipping", "Short settled"]
    summary = exceptions_summary(reconciliation.exceptions)
    assert ("Orphan order ID", "9", "-13.50 USD") in summary.rows
    assert exceptions_summary(EXCEPTIONS.frame()).text().endswith("no exceptions")


def test_settlements_say_whether_they_tie() -> None:
    table = settlements_table(sample_reconciliation().settlements)
    at = table.headers.index("Ties out")
    assert [row[at] for row in table.rows] == ["yes", "no", "no stated total"]
    assert [row[table.headers.index("Difference")] for row in table.rows] == ["0.00", "-0.01", "–"]


def test_totals_stand_side_by_side_and_are_those_of_the_frame() -> None:
    totals = sample_reconciliation().totals
    table = totals_table(totals)
    assert table.headers == ("", "EUR", "GBP", "JPY", "USD")
    due = next(row for row in table.rows if row[0] == "Due")
    assert due[3] == f"{totals.set_index('currency')['due']['JPY']:,.0f} JPY"


def sample_plan() -> Plan:
    bill: dict[str, object] = {
        "sales_order_id": "1",
        "sales_order_number": "SO1",
        "amazon_order_id": "111-0000000-0000001",
        "part": 1,
    }
    bill |= {"record_type": "invoice", "external_id": "x", "currency": "USD", "amount": Decimal("10.10"), "status": "F"}
    day = pd.Timestamp("2026-10-31").date()
    to_bill = PLAN_TO_BILL.frame([bill | {"transaction_date": day, "order_date": day} for _ in range(3)])
    skip: dict[str, object] = {
        "sales_order_id": "2",
        "sales_order_number": "SO2",
        "reason": SkipReason.BAD_ROW.value,
        "explanation": "?",
    }
    already = skip | {"reason": "already_billed", "currency": "USD", "amount": Decimal(5)}
    return Plan(
        "9000001_SB1", BillingMode.INVOICE, BillingStatus.PENDING_BILLING, ("SalesOrd:F",), to_bill,
        PLAN_SKIPPED.frame([skip, already]), (), "f" * 64,
    )  # fmt: skip


def test_a_plan_is_shown_as_totals_reasons_and_orders() -> None:
    summary, reasons, orders, skipped = plan_tables(sample_plan(), limit=2)
    assert summary.caption == "To bill: 30.30 USD"
    assert summary.rows == (("invoice", "3", "30.30 USD"),)
    assert reasons.rows == (("Already billed", "1", "5.00 USD"), ("Bad row", "1", "–"))
    assert orders.rest[0][0] == "… and 1 more"
    assert skipped.rows[0][2] == "–"  # an amount that is not known is not zero


def test_outcomes_are_shown() -> None:
    row: dict[str, object] = {
        "sales_order_id": "1",
        "sales_order_number": "SO1",
        "amazon_order_id": "A",
        "record_type": "cashSale",
    }
    row |= {"external_id": "x", "currency": "USD", "amount": Decimal(1), "outcome": "created", "record_id": "77"}
    assert outcomes_table(OUTCOMES.frame([row])).rows[0][:5] == ("SO1", "A", "cash sale", "Created", "77")


@pytest.mark.parametrize(
    "code, words",
    [
        ("AWAITING_SETTLEMENT", "Awaiting settlement"),
        ("ORPHAN_ORDER_ID", "Orphan order ID"),
        ("F", "Pending Billing"),
        ("does_not_tie", "no"),
        (FORMULA, FORMULA),
    ],
)
def test_codes_are_put_in_words(code: str, words: str) -> None:
    assert code_text(code) == words


def test_titles_text_and_shortening() -> None:
    assert [column_title(name) for name in ("billed_gross", "ship_date")] == ["Billed", "Ship date"]
    assert visible("a\u202eb\x1b[31m é 日本 \u00a0") == "a\\u202eb\\u001b[31m é 日本 \u00a0"
    assert shorten(LONG, 9) == "LLLL…LLLL"
    assert shorten("short", 9) == "short"


def test_wide_characters_keep_the_columns_aligned() -> None:
    rows = [order_row("日本", billed="1"), order_row("ab", billed="1")]
    lines = text_table(statement_of(rows), ["amazon_order_id", "due"], caption="x").splitlines()
    assert lines[3:] == ["  日本          1.00", "  ab            1.00"]


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@x", "\tx", "\rx", "\nx", "  =1", "＝1"])
def test_what_a_spreadsheet_would_run_is_recognised(text: str) -> None:
    assert looks_like_a_formula(text)
    assert not looks_like_a_formula("111-1234567-1234567")
    assert not looks_like_a_formula("")


def test_csv_is_guarded_exact_and_readable_by_excel(tmp_path: Path) -> None:
    exceptions = sample_reconciliation().exceptions
    path = export_frame(exceptions, tmp_path / "exceptions.csv")
    raw = path.read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    options = csv.ConvertOptions(column_types={name: pa.string() for name in EXCEPTIONS.names})
    rows = csv.read_csv(path, convert_options=options, parse_options=csv.ParseOptions(newlines_in_values=True))
    evidence = rows["evidence"].to_pylist()
    assert f"'{FORMULA}" in evidence
    assert not any(looks_like_a_formula(text) for text in evidence)
    assert SCRIPT in evidence  # harmless in a spreadsheet, so untouched
    amounts = rows["amount"].to_pylist()
    assert "-1.50" in amounts  # a negative amount is a number and gets no apostrophe
    assert sorted(map(Decimal, amounts)) == sorted(exceptions["amount"])


def test_parquet_keeps_every_text_and_type(tmp_path: Path) -> None:
    exceptions = sample_reconciliation().exceptions
    path = export_frame(exceptions, tmp_path / "exceptions.parquet")
    assert EXCEPTIONS.from_arrow(parquet.read_table(path)).equals(exceptions)


def test_another_suffix_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match=r"neither \.csv nor \.parquet"):
        export_frame(STATEMENT.frame(), tmp_path / "x.xls")
    assert not list(tmp_path.iterdir())


def _write_half(path: Path) -> None:
    with writing_aside(path) as aside:
        aside.write_text("half")
        raise RuntimeError("half way")


def test_a_failed_write_keeps_the_old_file_and_leaves_no_part(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError, match="half way"):
        _write_half(path)
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["a.txt"]


def test_a_file_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(WorkspaceError, match="cannot be written"):
        export_frame(STATEMENT.frame(), tmp_path / "file" / "x.csv")
