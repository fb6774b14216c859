"""Reading flat V2 settlement files: exact, by name, in every dress they come in, or refused with a reason."""

from __future__ import annotations

import gzip
import io
import json
import random
import tempfile
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from settlement_files import COLUMNS, ORDER_1, ORDER_2, line, lines, plain_rows, summary, text_of, with_commas, write

from nsbill.amazon import flat_v2 as flat_v2_module
from nsbill.amazon import text as text_module
from nsbill.amazon.flat_v2 import FlatV2
from nsbill.amazon.labels import default_vocabulary
from nsbill.amazon.sniff import SourceFormat, recognise
from nsbill.amazon.text import open_text
from nsbill.errors import SourceFileError
from nsbill.schemas import LINES

SAMPLES = Path(__file__).parents[2] / "shared" / "samples"
DATA = Path(__file__).parent / "data"


def sample(name: str) -> Path:
    path = SAMPLES / name
    if not path.exists():
        pytest.skip(f"sample files are not there: {name}")
    return path


def read(path: Path) -> tuple[FlatV2, list[dict[str, Any]]]:
    with tempfile.TemporaryDirectory() as scratch:  # never beside the file: that may be a sample
        file = FlatV2(open_text(path, Path(scratch)), "main", default_vocabulary())
        tables = [table for _, table in file.tables()]
    return file, [row for table in tables for row in table.to_pylist()]


def total(rows: list[dict[str, Any]]) -> Decimal:
    return sum((row["amount"] for row in rows), Decimal(0))


def refusal(path: Path) -> str:
    with pytest.raises(SourceFileError) as refused:
        read(path)
    text = str(refused.value)
    assert text.startswith(path.name)
    assert text.endswith("Nothing of this file was kept.")
    return text


def test_a_plain_file_gives_its_lines_with_everything_in_place(tmp_path: Path) -> None:
    file, rows = read(write(tmp_path / "s.txt", plain_rows()))
    assert total(rows) == Decimal("11.01")
    first = rows[0]
    assert {name: first[name] for name in LINES.names if name != "source_digest"} == {
        "settlement_id": "12345678901",
        "seller_account": "main",
        "source_line": 3,
        "event_class": "SALE",
        "line_kind": "PRINCIPAL",
        "transaction_type": "Order",
        "amount_type": "ItemPrice",
        "amount_description": "Principal",
        "amount": Decimal("60.00"),
        "currency": "USD",
        "order_route": "amazon_order",
        "order_reference": ORDER_1,
        "amazon_order_id": ORDER_1,
        "order_item_code": "55182930114",
        "shipment_id": "SHIP00001",
        "sku": "SKU-1",
        "quantity": 2,
        "posted_at": datetime(2026, 6, 5, 10, 11, 12, tzinfo=UTC),
        "posted_day": 20609,
        "marketplace": "Amazon.com",
        "fulfilment": "AFN",
        "adjustment_id": None,
        "extra": None,
    }
    assert rows[-1]["order_reference"] is None
    assert rows[-1]["marketplace"] is None
    stated = file.summaries["12345678901"]
    assert (stated.total_amount, stated.currency, stated.line) == (Decimal("11.01"), "USD", 2)
    assert stated.period_end == datetime(2026, 6, 15, tzinfo=UTC)


def test_the_tables_have_the_columns_and_types_of_the_line_schema(tmp_path: Path) -> None:
    path = write(tmp_path / "s.txt", plain_rows())
    ((name, table),) = FlatV2(open_text(path, tmp_path), "main", default_vocabulary()).tables()
    assert name == "12345678901"
    assert len(LINES.from_arrow(table)) == 5


def test_units_are_counted_once_per_item_though_every_line_repeats_them(tmp_path: Path) -> None:
    _, rows = read(write(tmp_path / "s.txt", plain_rows()))
    assert [row["quantity"] for row in rows] == [2, None, None, None, None]


def _gz(content: bytes, path: Path) -> None:
    path.write_bytes(gzip.compress(content))


def _zip(content: bytes, path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("12345.txt", content)


DRESSES: dict[str, Callable[[str, Path], object]] = {
    "plain": lambda text, path: path.write_bytes(text.encode()),
    "bom": lambda text, path: path.write_bytes(text.encode("utf-8-sig")),
    "gz": lambda text, path: _gz(text.encode(), path),
    "zip": lambda text, path: _zip(text.encode(), path),
    "crlf": lambda text, path: path.write_bytes(text.replace("\n", "\r\n").encode()),
    "cr": lambda text, path: path.write_bytes(text.replace("\n", "\r").encode()),
    "mixed line ends": lambda text, path: path.write_bytes(text.replace("\n", "\r\n", 2).encode()),
    "no last line end": lambda text, path: path.write_bytes(text.rstrip("\n").encode()),
    "blank last line": lambda text, path: path.write_bytes((text + "\n").encode()),
    "spaces in the last line": lambda text, path: path.write_bytes((text + "    \n").encode()),
    "utf-8": lambda text, path: path.write_bytes(text.replace("SKU-1", "Größe-1").encode()),
    "cp1252": lambda text, path: path.write_bytes(text.replace("SKU-1", "Größe-1").encode("cp1252")),
}


@pytest.mark.parametrize("dress", DRESSES)
def test_each_dress_of_a_file_gives_the_same_lines(dress: str, tmp_path: Path) -> None:
    path = tmp_path / "s.txt"
    DRESSES[dress](text_of(plain_rows()), path)
    _, rows = read(path)
    assert total(rows) == Decimal("11.01")
    assert [row["source_line"] for row in rows] == [3, 4, 5, 6, 7]
    assert rows[0]["sku"] == ("Größe-1" if dress in {"utf-8", "cp1252"} else "SKU-1")


def test_japanese_text_is_read_as_cp932(tmp_path: Path) -> None:
    rows = [summary("1200.0", currency="JPY"), *lines(f"Order | {ORDER_1} | ItemPrice | Principal | 1200.0 | 1")]
    rows[1]["sku"] = "青い皿"
    _, found = read(write(tmp_path / "s.txt", rows, encoding="cp932"))
    assert (found[0]["sku"], found[0]["amount"], found[0]["currency"]) == ("青い皿", Decimal("1200.00"), "JPY")


def test_decimal_commas_and_dotted_dates_give_the_same_amounts_and_instants(tmp_path: Path) -> None:
    file, rows = read(write(tmp_path / "s.txt", with_commas(plain_rows())))
    assert total(rows) == Decimal("11.01")
    assert rows[0]["posted_at"] == datetime(2026, 6, 5, 10, 11, 12, tzinfo=UTC)
    assert file.summaries["12345678901"].total_amount == Decimal("11.01")
    assert file.summaries["12345678901"].deposit == datetime(2026, 6, 17, tzinfo=UTC)


def test_columns_are_found_by_name_in_any_order_and_others_may_be_missing_or_new(tmp_path: Path) -> None:
    swapped = [*COLUMNS[:-1], "a-new-column"]  # 23 known ones, without promotion-id
    random.Random(3).shuffle(swapped)
    _, rows = read(write(tmp_path / "s.txt", plain_rows(), columns=swapped))
    assert total(rows) == Decimal("11.01")
    assert rows[0]["sku"] == "SKU-1"


def test_the_adjustment_id_is_kept_and_cells_of_unknown_columns_are_kept_by_name(tmp_path: Path) -> None:
    rows = plain_rows()
    rows[1] |= {"adjustment-id": "amzn1:crow:aB+/=", 'tax "k" kind': 'a "b" \\', "zone": "  "}
    rows[2] |= {"zone": "Öst"}
    _, found = read(write(tmp_path / "s.txt", rows, columns=[*COLUMNS, 'tax "k" kind', "zone"]))
    assert [row["adjustment_id"] for row in found] == ["amzn1:crow:aB+/=", *[None] * 4]
    assert [row["extra"] and json.loads(row["extra"]) for row in found] == [
        {'tax "k" kind': 'a "b" \\'},
        {"zone": "Öst"},
        *[None] * 3,
    ]
    _, found = read(write(tmp_path / "without.txt", plain_rows(), columns=[n for n in COLUMNS if n != "adjustment-id"]))
    assert [row["adjustment_id"] for row in found] == [None] * 5


def test_the_header_is_found_below_a_preamble_and_line_numbers_stay_those_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "s.txt"
    path.write_text(text_of(plain_rows(), preamble="Amazon Payments Singapore Private Limited\n\n\n\n\n\n"))
    _, rows = read(path)
    assert [row["source_line"] for row in rows] == [9, 10, 11, 12, 13]


def test_empty_lines_in_between_are_no_rows_but_count_as_lines(tmp_path: Path) -> None:
    text = text_of(plain_rows()).splitlines()
    path = tmp_path / "s.txt"
    path.write_text("\n".join([*text[:3], "", "", *text[3:5], "", *text[5:], ""]) + "\n")
    _, rows = read(path)
    assert [row["source_line"] for row in rows] == [3, 6, 7, 9, 10]


def test_byte_identical_lines_are_all_kept(tmp_path: Path) -> None:
    twice = lines(f"Order | {ORDER_1} | ItemPrice | Principal | 5.00 | 1") * 2
    _, rows = read(write(tmp_path / "s.txt", [summary("10.00"), *twice]))
    assert [(row["amount"], row["source_line"]) for row in rows] == [(Decimal("5.00"), 3), (Decimal("5.00"), 4)]


def test_trailing_spaces_are_trimmed_and_labels_stay_untouched(tmp_path: Path) -> None:
    rows = plain_rows()
    rows[1] |= {"amount": "60.00    ", "amount-description": "Principal  ", "sku": "SKU-1 ", "order-id": f"{ORDER_1} "}
    _, found = read(write(tmp_path / "s.txt", rows))
    assert (found[0]["amount"], found[0]["amount_description"], found[0]["sku"]) == (
        Decimal("60.00"),
        "Principal  ",
        "SKU-1",
    )
    assert (found[0]["order_reference"], found[0]["amazon_order_id"]) == (f"{ORDER_1} ", ORDER_1)
    assert (found[0]["line_kind"], found[0]["quantity"]) == ("PRINCIPAL", 2)


def test_quotes_are_plain_characters(tmp_path: Path) -> None:
    rows = plain_rows()
    rows[1] |= {"sku": '"19 inch', "promotion-id": 'a "b'}
    _, found = read(write(tmp_path / "s.txt", rows))
    assert found[0]["sku"] == '"19 inch'
    assert len(found) == 5


def test_several_settlements_in_one_file_are_kept_apart_and_a_repeated_header_is_no_row(tmp_path: Path) -> None:
    path = tmp_path / "s.txt"
    german = plain_rows("11.01", "22222222222")
    german[0]["currency"] = "EUR"
    path.write_text(text_of(plain_rows("11.01", "11111111111")) + text_of(german))
    file, rows = read(path)
    assert set(file.summaries) == {"11111111111", "22222222222"}
    found = {(row["settlement_id"], row["currency"]) for row in rows}
    assert found == {("11111111111", "USD"), ("22222222222", "EUR")}
    assert [row["source_line"] for row in rows] == [3, 4, 5, 6, 7, 10, 11, 12, 13, 14]


def test_a_joined_file_whose_second_header_has_other_columns_is_refused(tmp_path: Path) -> None:
    swapped = ["sku" if name == "order-item-code" else "order-item-code" if name == "sku" else name for name in COLUMNS]
    path = tmp_path / "s.txt"
    second = text_of(plain_rows("11.01", "22222222222"), columns=swapped)
    path.write_text(text_of(plain_rows("11.01", "11111111111")) + second)
    assert "line 8" in refusal(path)


def test_interleaved_settlements_are_sorted_out(tmp_path: Path) -> None:
    one, two = plain_rows("11.01", "11111111111"), plain_rows("11.01", "22222222222")
    mixed = [row for pair in zip(one, two, strict=True) for row in pair]
    _, rows = read(write(tmp_path / "s.txt", mixed))
    for name in ("11111111111", "22222222222"):
        assert total([row for row in rows if row["settlement_id"] == name]) == Decimal("11.01")


def test_without_a_summary_row_the_lines_own_currency_counts_and_no_total_is_stated(tmp_path: Path) -> None:
    rows = lines(f"Order | {ORDER_1} | ItemPrice | Principal | 5.00 | 1", currency="CAD")
    file, found = read(write(tmp_path / "s.txt", rows))
    assert file.summaries == {}
    assert found[0]["currency"] == "CAD"


def test_a_summary_row_below_its_lines_still_gives_the_currency(tmp_path: Path) -> None:
    rows = plain_rows()
    file, found = read(write(tmp_path / "s.txt", [*rows[1:], rows[0]]))
    assert {row["currency"] for row in found} == {"USD"}
    assert file.summaries["12345678901"].line == 7


ROUTES = {
    ORDER_1: "amazon_order",
    "S01-1234567-1234567": "multi_channel",
    "FBA19ABCDEF2": "fba_shipment",
    "": "none",
    "1211397397571528200": "malformed",
    "111-000000-0000001": "malformed",
    "CONSUMER-2025821": "malformed",
}


def test_order_ids_are_routed_by_what_they_are_and_malformed_ones_stay_in_the_total(tmp_path: Path) -> None:
    rows = [line("12345678901", "Order", order, "ItemPrice", "Principal", "1.00", "1") for order in ROUTES]
    _, found = read(write(tmp_path / "s.txt", [summary("7.00"), *rows]))
    assert [row["order_route"] for row in found] == list(ROUTES.values())
    assert [row["amazon_order_id"] for row in found] == [ORDER_1, *[None] * 6]
    assert total(found) == 7


def test_unknown_labels_are_unclassified_and_stay_in_the_total(tmp_path: Path) -> None:
    rows = lines(f"Order | {ORDER_2} | ItemFees | Moon fee | -1.00 | 1")
    _, found = read(write(tmp_path / "s.txt", [summary("-1.00"), *rows]))
    assert (found[0]["event_class"], found[0]["line_kind"], found[0]["amount"]) == ("SALE", "UNCLASSIFIED", -1)


# --- read in several pieces -------------------------------------------------------------------------------------------


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces of a few lines, as only files of many megabytes have them."""
    monkeypatch.setattr(text_module, "_CHUNK", 500)
    monkeypatch.setattr(text_module, "_SPAN", 900)
    monkeypatch.setattr(flat_v2_module, "_BEGINNING", 300)


LAYOUTS: dict[str, Callable[[str], str]] = {
    "plain": lambda text: text,
    "empty lines": lambda text: text.replace("\n1", "\n\n1", 25).replace("\n\n", "\n\n\n", 5) + "\n\n",
    "lines of spaces": lambda text: text.replace("\n1", "\n  \n1", 25),
    "preamble": lambda text: "Amazon Payments\n" + "\n" * 30 + text,
    "crlf": lambda text: text.replace("\n", "\r\n"),
    "no last line end": lambda text: text.rstrip("\n"),
    "cp1252": lambda text: text.replace("SKU-1", "Größe"),
    "unknown column": lambda text: text.replace("promotion-id", "new"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_file_read_in_many_pieces_gives_the_same_as_in_one(
    layout: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    path = tmp_path / "s.txt"
    one, two = (plain_rows("110.10", name) for name in ("11111111111", "12222222222"))
    rows = [*one[1:] * 5, *(row for pair in zip(one[1:], two[1:], strict=True) for row in pair), *two[1:] * 9]
    text = LAYOUTS[layout](text_of([*rows, one[0], *one[1:] * 4, two[0]]))
    path.write_bytes(text.encode("cp1252" if layout == "cp1252" else "utf-8"))
    file, whole = read(path)
    assert (len(whole), total(whole)) == (100, Decimal("220.20"))
    assert len(file.source.spans) == 1
    request.getfixturevalue("small_pieces")
    again, pieces = read(path)
    assert len(again.source.spans) > 10
    assert sum(span.lines for span in again.source.spans) == again.source.lines
    assert sorted(pieces, key=lambda row: row["source_line"]) == sorted(whole, key=lambda row: row["source_line"])
    assert again.summaries == file.summaries
    lines_in_file = path.read_bytes().replace(b"\r\n", b"\n").split(b"\n")
    assert all(row["settlement_id"].encode() in lines_in_file[row["source_line"] - 1] for row in pieces)


@pytest.mark.usefixtures("small_pieces")
def test_the_first_fault_of_the_file_is_told_with_its_line_whatever_piece_it_is_in(tmp_path: Path) -> None:
    rows = [summary("1101.00"), *(row for _ in range(100) for row in plain_rows()[1:])]
    rows[250] |= {"amount": "-4,80"}
    rows[400] |= {"quantity-purchased": "x"}
    text = refusal(write(tmp_path / "s.txt", rows))
    assert "line 252, column 'amount': found '-4,80'" in text


@pytest.mark.usefixtures("small_pieces")
def test_the_decimal_mark_and_the_date_format_may_show_late_in_the_file(tmp_path: Path) -> None:
    whole = lines(f"Order | {ORDER_1} | ItemPrice | Principal | 5 | 1", posted="", currency="EUR")
    late = with_commas(lines(f"Order | {ORDER_1} | ItemPrice | Principal | 5.50 | 1", currency="EUR"))
    _, found = read(write(tmp_path / "s.txt", [*whole * 50, *late, *whole], columns=COLUMNS))
    assert total(found) == Decimal("260.50")


def test_what_is_no_plain_amount_is_refused_though_a_library_would_read_it(tmp_path: Path) -> None:
    for amount in (
        "1e2",
        "60.",
        ".5",
        "0x1",
        "1_000",
        "٣",
        "60.00-",
        "(60.00)",
        "−60.00",
        "+-1",
        "NaN",
        "1 000",
        "\u00a060.00",
    ):
        assert "column 'amount'" in refusal(write(tmp_path / "s.txt", spoilt(1, amount=amount)))
    for amount in ("+60.00", "060.00", "60.0", "60", "-0.00", "9999999999999999.99"):
        _, found = read(write(tmp_path / "s.txt", spoilt(1, amount=amount)))
        assert found[0]["amount"] == Decimal(amount)


# --- refused, whole, with a reason -----------------------------------------------------------------------------------


def spoilt(row: int, **cells: str) -> list[dict[str, str]]:
    rows = plain_rows()
    rows[row] |= {name.replace("_", "-"): cell for name, cell in cells.items()}
    return rows


SPOILT: dict[str, tuple[list[dict[str, str]], list[str]]] = {
    "mixed decimals": (
        spoilt(3, amount="-4,80"),
        ["line 5, column 'amount'", "found '-4,80'", "a decimal point", "mixes decimal points and decimal commas"],
    ),
    "thousands mark": (spoilt(1, amount="1,060.00"), ["line 3", "'1,060.00'", "no thousands mark"]),
    "three decimals": (spoilt(1, amount="60.000"), ["line 3", "'60.000'", "at most two decimals"]),
    "exponent": (spoilt(1, amount="6E1"), ["line 3", "'6E1'"]),
    "currency sign": (spoilt(1, amount="$60.00"), ["line 3", "'$60.00'"]),
    "total": (spoilt(0, total_amount="11.0.1"), ["line 2, column 'total-amount'", "'11.0.1'"]),
    "mixed dates": (
        spoilt(4, posted_date_time="05.06.2026 10:11:12 UTC"),
        ["line 6, column 'posted-date-time'", "05.06.2026", "YYYY-MM-DD HH:MM:SS UTC", "one date format"],
    ),
    "american date": (spoilt(1, posted_date_time="06/05/2026 10:11"), ["line 3", "06/05/2026 10:11"]),
    "30th of February": (spoilt(1, posted_date_time="2026-02-30 10:11:12 UTC"), ["line 3", "2026-02-30"]),
    "hour 24": (spoilt(1, posted_date_time="2026-06-05 24:00:00 UTC"), ["line 3", "24:00:00"]),
    "short month": (spoilt(1, posted_date_time="2026-6-5 10:11:12.12 UTC"), ["line 3", "2026-6-5"]),
    "19th century": (spoilt(1, posted_date_time="1899-12-31 00:00:00 UTC"), ["line 3", "1899-12-31"]),
    "no-break space": (spoilt(1, currency="\u00a0"), ["line 3, column 'currency'", r"'\xa0'"]),
    "impossible date": (spoilt(1, posted_date_time="2026-13-05 10:11:12 UTC"), ["line 3", "2026-13-05"]),
    "year of two digits": (spoilt(1, posted_date_time="26-06-05 10:11:12 UTC"), ["line 3", "26-06-05"]),
    "period": (spoilt(0, settlement_start_date="1 June 2026"), ["line 2, column 'settlement-start-date'"]),
    "quantity": (spoilt(1, quantity_purchased="1.5"), ["line 3, column 'quantity-purchased'", "'1.5'"]),
    "settlement id": (spoilt(2, settlement_id="1.23457E+10"), ["line 4, column 'settlement-id'", "1.23457E+10"]),
    "currency": (spoilt(0, currency="$"), ["line 2, column 'currency'", "'$'"]),
    "currency conflict": (spoilt(2, currency="EUR"), ["lines in EUR", "its currency USD throughout"]),
    "no currency": (plain_rows()[1:], ["line 2, column 'currency'", "no currency for settlement 12345678901"]),
    "no amount": (spoilt(2, amount=""), ["line 4", "neither a summary row", "nor a money row"]),
    "labels without money": (
        spoilt(0, total_amount="", order_id="111-1111111-1111111"),
        ["line 2", "neither a summary row"],
    ),
    "amount and total": (spoilt(2, total_amount="5.00"), ["line 4", "neither a summary row"]),
    "two summaries": ([summary("1.00"), *plain_rows()], ["line 3", "a second summary row of settlement 12345678901"]),
    "spaces for tabs": (
        spoilt(2, transaction_type="        Order"),
        ["line 4, column 'transaction-type'", "Tabs became spaces", "spreadsheet"],
    ),
    "header only": ([], ["no row below the header"]),
}


@pytest.mark.parametrize("case", SPOILT)
def test_a_file_that_cannot_be_trusted_is_refused_with_line_column_and_remedy(case: str, tmp_path: Path) -> None:
    rows, expected = SPOILT[case]
    text = refusal(write(tmp_path / "s.txt", rows))
    assert [part for part in expected if part not in text] == [], text


def test_a_comma_file_with_a_point_in_it_is_refused(tmp_path: Path) -> None:
    rows = with_commas(plain_rows())
    rows[4]["amount"] = "-9.00"
    assert "a decimal comma" in refusal(write(tmp_path / "s.txt", rows))


@pytest.mark.parametrize(
    "change, expected",
    [
        (lambda row: row.replace("\tPrincipal\t", "    Principal    "), ["line 3", "22 cells", "24 as in the header", "Tabs became spaces"]),
        (lambda row: row + "\tmore", ["line 3", "25 cells"]),
    ],
)  # fmt: skip
def test_a_row_with_other_cells_than_the_header_is_refused(change: Any, expected: list[str], tmp_path: Path) -> None:
    text = text_of(plain_rows()).splitlines()
    text[2] = change(text[2])
    path = tmp_path / "s.txt"
    path.write_text("\n".join(text) + "\n")
    found = refusal(path)
    assert [part for part in expected if part not in found] == [], found


def test_a_file_that_is_cut_off_in_its_last_line_says_so(tmp_path: Path) -> None:
    path = tmp_path / "s.txt"
    path.write_text(text_of(plain_rows())[:-40])
    assert "The file is cut off" in refusal(path)


def test_a_refusal_shows_control_characters_and_does_not_carry_them_out() -> None:
    error = SourceFileError("a.txt", line=1, column="\x0b\x1b[2J", found="'a\nb'", expected="b", remedy="Do c.")
    assert str(error).isprintable()
    assert "column '\\x0b\\x1b[2J': found 'a\\nb'" in str(error)


def zipped(name: str, content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(name, content)
    return file.getvalue()


OTHERS: dict[str, tuple[bytes, str]] = {
    "pdf": (b"%PDF-1.7\n1 0 obj", "a PDF document"),
    "html": (b"\n<!DOCTYPE html><html><body>Sign in</body></html>", "a web page"),
    "xml": (b"<?xml version='1.0'?><AmazonEnvelope/>", "an XML document"),
    "json": (json.dumps({"payload": {}}).encode(), "a JSON document"),
    "xls": (b"\xd0\xcf\x11\xe0\xa1\xb1", "an Excel workbook"),
    "utf-16": ("settlement-id\t".encode("utf-16"), "UTF-16 text, as a spreadsheet saves it"),
    "binary": (b"abc\0\0\1def", "binary data"),
    "nothing": (b" \n\n", "the file is empty"),
    "blanks, then words": (b"\t" * 5000 + b"words\n", "without the columns of a settlement report"),
    "prose": (b"Dear seller,\nyour report is ready.\n", "without the columns of a settlement report"),
    "csv": (text_of(plain_rows()).replace("\t", ",").encode(), "not separated by tabs"),
    "spaces": (text_of(plain_rows()).replace("\t", "    ").encode(), "not separated by tabs"),
    "zip with a nameless file": (
        b"\0bc.txt".join(zipped("abc.txt", text_of(plain_rows()).encode()).rsplit(b"abc.txt", 1)),
        "a broken archive",
    ),
    "broken gz": (gzip.compress(text_of(plain_rows()).encode())[:-20], "a broken archive"),
    "padded header": (text_of(plain_rows()).replace("\tsku", "\t     sku", 1).encode(), "5 spaces before"),
    "column twice": (text_of(plain_rows()).replace("posted-date\t", "sku\t", 1).encode(), "the column twice"),
    "column missing": (
        text_of(plain_rows()).replace("marketplace-name", "market", 1).encode(),
        "no column marketplace-name",
    ),
    "lone carriage return": (text_of(plain_rows()).replace("SKU-1", "SKU\r1").encode(), "a carriage return inside"),
}


@pytest.mark.parametrize("case", OTHERS)
def test_what_is_no_settlement_file_is_refused_and_named(case: str, tmp_path: Path) -> None:
    content, expected = OTHERS[case]
    path = tmp_path / "s.txt"
    path.write_bytes(content)
    assert expected in refusal(path)


def test_an_archive_with_two_files_and_a_workbook_are_refused(tmp_path: Path) -> None:
    two, workbook = tmp_path / "two.zip", tmp_path / "book.zip"
    for path, names in ((two, ("a.txt", "b.txt")), (workbook, ("[Content_Types].xml", "xl/workbook.xml"))):
        with zipfile.ZipFile(path, "w") as archive:
            for name in names:
                archive.writestr(name, "x")
    assert "an archive with 2 files" in refusal(two)
    assert "an Excel workbook (.xlsx)" in refusal(workbook)


@pytest.mark.parametrize(
    "name, found",
    [
        ("settlement_v1_ca/50011020300.txt", SourceFormat.FLAT_V1),
        ("payments_csv/br_2026_03_monthly.csv", SourceFormat.PAYMENTS_CSV),
        ("payments_csv/us_pre2025_resaved.csv", SourceFormat.PAYMENTS_CSV),
        ("orders/jp_all_orders.tsv", SourceFormat.ALL_ORDERS),
        ("vocabulary/fee_codes_cc_by.json", SourceFormat.JSON),
    ],
)
def test_real_files_of_other_formats_are_recognised_and_refused(name: str, found: SourceFormat, tmp_path: Path) -> None:
    path = sample(name)
    assert recognise(open_text(path, tmp_path).head()) is found
    assert found.value in refusal(path)


# --- real samples and the worked example -----------------------------------------------------------------------------


def test_the_complete_sample_ties_to_the_cent() -> None:
    file, rows = read(sample("settlement_v2/us_invented_cc_by.txt"))
    assert total(rows) == file.summaries["28471003921"].total_amount == Decimal("582.89")
    assert {row["line_kind"] for row in rows}.isdisjoint({"UNCLASSIFIED"})


def test_the_australian_excerpt_is_read_as_far_as_it_goes() -> None:
    file, rows = read(sample("settlement_v2/au_2026_excerpt.txt"))
    stated = file.summaries["12395580393"]
    assert (len(rows), total(rows)) == (37, Decimal("151.11"))
    assert (stated.total_amount, stated.currency) == (Decimal("212118.95"), "AUD")
    assert stated.period_start == datetime(2026, 7, 17, 7, 6, 34, tzinfo=UTC)


def test_the_damaged_sample_is_refused_with_the_reason() -> None:
    text = refusal(sample("settlement_v2/us_damaged_excerpt.txt"))
    assert "line 1, column 'merchant-order-id'" in text
    assert "tabs became spaces" in text
    assert "Was it saved from a spreadsheet?" in text


@pytest.mark.parametrize("name, expected", [("worked_example_k.txt", "53.49"), ("worked_example_k1.txt", "7.01")])
def test_the_worked_example_ties(name: str, expected: str) -> None:
    file, rows = read(DATA / name)
    (stated,) = file.summaries.values()
    assert total(rows) == stated.total_amount == Decimal(expected)
    assert all(row["line_kind"] != "UNCLASSIFIED" for row in rows)


def test_amounts_larger_than_a_binary_number_can_hold_stay_exact(tmp_path: Path) -> None:
    big = "9007199254740993.01"
    _, rows = read(
        write(tmp_path / "s.txt", [summary(big), *lines(f"Order | {ORDER_1} | ItemPrice | Principal | {big} | 1")])
    )
    assert rows[0]["amount"] == Decimal(big)


def test_many_batches_keep_the_order_and_the_line_numbers_of_the_file(tmp_path: Path) -> None:
    count = 300_000
    row = text_of([line("12345678901", "Order", ORDER_1, "ItemPrice", "Principal", "0.01", "1", item="ITEM")])
    header, body = row.splitlines()
    stated = text_of([summary("3000.00")]).splitlines()[1]
    path = tmp_path / "s.txt"
    path.write_text("\n".join([header, stated, *(body.replace("ITEM", str(n)) for n in range(count))]) + "\n")
    file = FlatV2(open_text(path, tmp_path), "main", default_vocabulary())
    table = pa.concat_tables([table.select(["source_line", "order_item_code"]) for _, table in file.tables()])
    assert table["order_item_code"].to_pylist() == [str(n) for n in range(count)]
    assert table["source_line"].to_pylist() == list(range(3, count + 3))


@pytest.mark.parametrize(
    "change, number, words",
    [
        (lambda data: data.replace(b"Order\t", b"Or\rder\t", 1), 3, "a carriage return inside a line"),
        (lambda data: b"\xef\xbb\xbf" + data.replace(b"Order\t", b"Ord\x80r\t", 1), 3, "no UTF-8"),
    ],
    ids=["carriage return", "byte order mark and a stray byte"],
)
def test_bytes_that_are_no_text_are_refused_with_their_line(
    tmp_path: Path, change: Callable[[bytes], bytes], number: int, words: str
) -> None:
    path = tmp_path / "odd.txt"
    path.write_bytes(change(text_of(plain_rows()).encode()))
    with pytest.raises(SourceFileError, match=words) as caught:
        open_text(path, tmp_path)
    assert caught.value.line == number
