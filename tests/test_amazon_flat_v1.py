"""Reading flat V1 settlement files: nine amount columns, quantities in rows of their own, exact or refused."""

from __future__ import annotations

import csv
import gzip
import json
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from nsbill.amazon import flat_v1
from nsbill.amazon.flat_v1 import FlatV1
from nsbill.amazon.flat_v1_columns import amount_columns
from nsbill.amazon.labels import default_vocabulary
from nsbill.amazon.reading import reader_of
from nsbill.amazon.text import open_text
from nsbill.errors import SourceFileError
from nsbill.schemas import LINES

SAMPLES = Path(__file__).parents[2] / "shared" / "samples" / "settlement_v1_ca"
REAL = {
    "50011020300.txt": ("23874396421", 33, 3, "-321.69"),
    "50018020314.txt": ("23874397121", 36, 15, "-62.31"),
    "50034020328.txt": ("24288684721", 36, 153, "1016.08"),
    "50041020342.txt": ("24391894961", 36, 386, "2539.66"),
    "50044020356.txt": ("24495221541", 36, 575, "4630.23"),
}
"""Settlement, columns, amounts, total."""

PROMOTION = ("promotion-id", "promotion-type", "promotion-amount")
COLUMNS = (
    "settlement-id", "settlement-start-date", "settlement-end-date", "deposit-date", "total-amount", "currency",
    "transaction-type", "order-id", "merchant-order-id", "adjustment-id", "shipment-id", "marketplace-name",
    "shipment-fee-type", "shipment-fee-amount", "order-fee-type", "order-fee-amount", "fulfillment-id", "posted-date",
    "order-item-code", "merchant-order-item-id", "merchant-adjustment-item-id", "sku", "quantity-purchased", "price-type",
    "price-amount", "item-related-fee-type", "item-related-fee-amount", "misc-fee-amount", "other-fee-amount",
    "other-fee-reason-description", *PROMOTION, "direct-payment-type", "direct-payment-amount", "other-amount",
)  # fmt: skip
SETTLEMENT = "12345678901"
ORDER, OTHER = "701-0000000-0000001", "701-0000000-0000002"
POSTED = "2026-06-05T10:11:12+00:00"

Cells = dict[str, str]


def summary(total: str | None, settlement: str = SETTLEMENT, currency: str = "CAD", **cells: str) -> Cells:
    start, end, deposit = (f"2026-06-{day:02}T22:07:18+00:00" for day in (1, 15, 17))
    return {
        "settlement-id": settlement, "settlement-start-date": start, "settlement-end-date": end, "deposit-date": deposit,
        "total-amount": total or "", "currency": currency, **cells,
    }  # fmt: skip


def row(transaction_type: str, order: str = "", settlement: str = SETTLEMENT, item: str = "", **cells: str) -> Cells:
    """A row; the cells by column name with underscores."""
    of_order = {
        "order-id": order, "merchant-order-id": order, "shipment-id": "Ship00001", "marketplace-name": "Amazon.ca",
        "fulfillment-id": "AFN", "order-item-code": item or "04488191799396", "sku": "SKU-1",
    }  # fmt: skip
    return {
        "settlement-id": settlement, "transaction-type": transaction_type, "posted-date": POSTED,
        **(of_order if order else {}), **{name.replace("_", "-"): cell for name, cell in cells.items()},
    }  # fmt: skip


def units(quantity: str, order: str = ORDER, **cells: str) -> Cells:
    return row("Order", order, quantity_purchased=quantity, **cells)


def price(kind: str, amount: str, order: str = ORDER, transaction_type: str = "Order", **cells: str) -> Cells:
    return row(transaction_type, order, price_type=kind, price_amount=amount, **cells)


def fee(kind: str, amount: str, order: str = ORDER, **cells: str) -> Cells:
    return row("Order", order, item_related_fee_type=kind, item_related_fee_amount=amount, **cells)


def account(name: str, amount: str, **cells: str) -> Cells:
    return row(name, other_amount=amount, **cells)


PLAIN = (
    summary("46.41"),
    units("2"),
    price("Principal", "60.00"),
    fee("FBAPerUnitFulfillmentFee", "-8.25"),
    fee("Commission", "-9.63"),
    row("ServiceFee", item_related_fee_type="Cost of Advertising", item_related_fee_amount="-5.00",
        other_fee_amount="-0.60", other_fee_reason_description="TaxAmount"),
    account("Successful charge", "9.89    "),
)  # fmt: skip
"""Eight lines below the header; six amounts; two units."""


def text_of(rows: Iterable[Cells], columns: Sequence[str] = COLUMNS, preamble: str = "") -> str:
    table = ["\t".join(columns), *("\t".join(cells.get(name, "") for name in columns) for cells in rows)]
    return preamble + "\n".join(table) + "\n\n"


def write(path: Path, rows: Iterable[Cells], columns: Sequence[str] = COLUMNS, preamble: str = "") -> Path:
    path.write_text(text_of(rows, columns, preamble), encoding="utf-8", newline="")
    return path


def read(path: Path) -> tuple[FlatV1, list[dict[str, Any]]]:
    with tempfile.TemporaryDirectory() as scratch:  # never beside the file: that may be a sample
        file = FlatV1(open_text(path, Path(scratch)), "main", default_vocabulary())
        tables = [table for _, table in file.tables()]
    return file, [line for table in tables for line in table.to_pylist()]


def read_rows(tmp_path: Path, *rows: Cells) -> list[dict[str, Any]]:
    return read(write(tmp_path / "s.txt", (summary("0.00"), *rows)))[1]


def total(rows: Iterable[dict[str, Any]]) -> Decimal:
    return sum((line["amount"] for line in rows), Decimal(0))


def refusal(path: Path) -> str:
    with pytest.raises(SourceFileError) as refused:
        read(path)
    text = str(refused.value)
    assert text.startswith(path.name)
    assert text.endswith("Nothing of this file was kept.")
    return text


def refused_rows(tmp_path: Path, *rows: Cells) -> str:
    return refusal(write(tmp_path / "s.txt", (summary("0.00"), *rows)))


def sample(name: str) -> Path:
    path = SAMPLES / name
    if not path.exists():
        pytest.skip(f"sample files are not there: {name}")
    return path


@pytest.mark.parametrize("name", REAL)
def test_a_real_settlement_adds_up_to_its_stated_total(name: str) -> None:
    settlement, columns, amounts, stated = REAL[name]
    file, rows = read(sample(name))
    assert len(file.file.columns) == columns
    assert list(file.summaries) == [settlement]
    assert file.summaries[settlement].total_amount == total(rows) == Decimal(stated)
    assert file.summaries[settlement].currency == "CAD"
    assert len(rows) == amounts
    assert {row["line_kind"] for row in rows} & {"UNCLASSIFIED"} == set()


def plainly_read(path: Path) -> list[Cells]:
    """The same file by another way: Python's csv module and nothing of nsbill."""
    with path.open(encoding="utf-8", newline="") as file:
        table = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [{name: (cell or "").strip() for name, cell in cells.items()} for cells in table]


@pytest.mark.parametrize("name", REAL)
def test_each_order_of_a_real_settlement_has_the_units_and_the_money_that_the_file_says(name: str) -> None:
    expected: dict[str, Counter[str]] = defaultdict(Counter)
    cents: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    for cells in plainly_read(sample(name)):
        order, amounts = cells["order-id"], [n for n in cells if n.endswith("-amount") and n != "total-amount"]
        for column in amounts:
            if cells[column]:
                cents[order][cells["transaction-type"], column] += int(Decimal(cells[column]) * 100)
        if cells["quantity-purchased"] and not any(cells[column] for column in amounts):
            expected[order]["units"] += int(cells["quantity-purchased"])
        if cells["price-type"] == "Principal":
            expected[order][cells["transaction-type"]] += int(Decimal(cells["price-amount"]) * 100)
    file, rows = read(sample(name))
    families = {a.family: a.name for a in amount_columns(file.file.columns)}
    found: dict[str, Counter[str]] = defaultdict(Counter)
    found_cents: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    for line in rows:
        order = line["order_reference"] or ""
        found_cents[order][line["transaction_type"], families[line["amount_type"]]] += int(line["amount"] * 100)
        if line["quantity"] is not None:
            found[order]["units"] += line["quantity"]
            assert (line["transaction_type"], line["line_kind"]) == ("Order", "PRINCIPAL")
        if line["line_kind"] == "PRINCIPAL":
            found[order][line["transaction_type"]] += int(line["amount"] * 100)
    assert found_cents == cents
    assert found == expected


@pytest.mark.parametrize("name", REAL)
def test_the_lines_of_a_real_settlement_stand_in_file_order_under_their_line_numbers(name: str) -> None:
    path = sample(name)
    raw = path.read_text(encoding="utf-8").splitlines()
    _, rows = read(path)
    for line in rows:
        cells = raw[line["source_line"] - 1].split("\t")
        assert cells[0] == line["settlement_id"]
        assert str(line["amount"]) in [cell.strip() for cell in cells]
        assert (line["sku"] or "") in cells
    numbers = [line["source_line"] for line in rows]
    assert numbers == sorted(numbers)


def test_consecutive_real_settlements_chain_without_a_gap() -> None:
    stated = [next(iter(read(sample(name))[0].summaries.values())) for name in REAL]
    for earlier, later in pairwise(stated):
        assert later.period_start == earlier.period_end
    assert stated[0].deposit == datetime(2025, 8, 2, 22, 7, 18, tzinfo=UTC)


def test_a_plain_file_gives_its_lines_with_everything_in_place(tmp_path: Path) -> None:
    file, rows = read(write(tmp_path / "s.txt", PLAIN))
    assert total(rows) == Decimal("46.41")
    assert {name: rows[0][name] for name in LINES.names if name != "source_digest"} == {
        "settlement_id": SETTLEMENT,
        "seller_account": "main",
        "source_line": 4,
        "event_class": "SALE",
        "line_kind": "PRINCIPAL",
        "transaction_type": "Order",
        "amount_type": "ItemPrice",
        "amount_description": "Principal",
        "amount": Decimal("60.00"),
        "currency": "CAD",
        "order_route": "amazon_order",
        "order_reference": ORDER,
        "amazon_order_id": ORDER,
        "order_item_code": "04488191799396",
        "shipment_id": "Ship00001",
        "sku": "SKU-1",
        "quantity": 2,
        "posted_at": datetime(2026, 6, 5, 10, 11, 12, tzinfo=UTC),
        "posted_day": 20609,
        "marketplace": "Amazon.ca",
        "fulfilment": "AFN",
        "adjustment_id": None,
        "extra": None,
    }
    stated = file.summaries[SETTLEMENT]
    assert (stated.line, stated.total_amount, stated.currency) == (2, Decimal("46.41"), "CAD")
    assert stated.period_end == datetime(2026, 6, 15, 22, 7, 18, tzinfo=UTC)


def test_the_tables_have_the_columns_and_types_of_the_line_schema(tmp_path: Path) -> None:
    path = write(tmp_path / "s.txt", PLAIN)
    ((name, table),) = FlatV1(open_text(path, tmp_path), "main", default_vocabulary()).tables()
    assert name == SETTLEMENT
    assert len(LINES.from_arrow(table)) == 6


def test_a_row_with_two_amounts_gives_two_lines_in_the_order_of_the_columns(tmp_path: Path) -> None:
    _, rows = read(write(tmp_path / "s.txt", PLAIN))
    both = [row for row in rows if row["source_line"] == 7]
    assert [(row["amount_type"], row["amount_description"], row["amount"]) for row in both] == [
        ("ItemFees", "Cost of Advertising", Decimal("-5.00")),
        ("other-fee", "TaxAmount", Decimal("-0.60")),
    ]
    assert {row["line_kind"] for row in both} == {"SERVICE_FEE"}


LABELLED: dict[str, tuple[Cells, tuple[str, str], str, str]] = {
    "price": (price("Tax", "1.00"), ("ItemPrice", "Tax"), "SALE", "TAX_PRINCIPAL"),
    "tax withheld": (
        price("MarketplaceFacilitatorTax-Principal", "-1.00"),
        ("ItemPrice", "MarketplaceFacilitatorTax-Principal"),
        "SALE",
        "TAX_WITHHELD",
    ),
    "fee": (fee("VariableClosingFee", "-1.00"), ("ItemFees", "VariableClosingFee"), "SALE", "FEE_CLOSING"),
    "promotion": (
        row("Order", ORDER, promotion_id="P", promotion_type="Shipping", promotion_amount="-1.00"),
        ("Promotion", "Shipping"),
        "SALE",
        "PROMOTION",
    ),
    "shipment fee": (
        row("Order", "S01-0036312-1371678", shipment_fee_type="FBA transportation fee", shipment_fee_amount="-1.00"),
        ("Shipment-Fees", "FBA transportation fee"),
        "SALE",
        "FEE_FBA",
    ),
    "order fee": (
        row("Order", ORDER, order_fee_type="FixedClosingFee", order_fee_amount="-1.00"),
        ("order-fee", "FixedClosingFee"),
        "SALE",
        "FEE_CLOSING",
    ),
    "direct payment": (
        row("Order", ORDER, direct_payment_type="CashOnDelivery", direct_payment_amount="-1.00"),
        ("direct-payment", "CashOnDelivery"),
        "SALE",
        "TRANSFER",
    ),
    "misc fee": (row("Order", ORDER, misc_fee_amount="-1.00"), ("misc-fee", ""), "SALE", "FEE_OTHER"),
    "other fee": (
        row("Order", ORDER, other_fee_amount="-1.00", other_fee_reason_description="Label"),
        ("other-fee", "Label"),
        "SALE",
        "FEE_OTHER",
    ),
    "fee of the account": (
        account("Storage Fee", "-1.00"),
        ("other-transaction", "Storage Fee"),
        "ACCOUNT",
        "SERVICE_FEE",
    ),
    "reserve": (
        account("Current Reserve Amount", "-1.00"),
        ("other-transaction", "Current Reserve Amount"),
        "ACCOUNT",
        "RESERVE",
    ),
    "carried over": (
        account("Payable to Amazon", "-1.00"),
        ("other-transaction", "Payable to Amazon"),
        "ACCOUNT",
        "TRANSFER",
    ),
    "reimbursement with an order": (
        row("REVERSAL_REIMBURSEMENT", ORDER, other_amount="1.00", quantity_purchased="1"),
        ("other-transaction", "REVERSAL_REIMBURSEMENT"),
        "REIMBURSEMENT",
        "REIMBURSEMENT",
    ),
    "refund": (price("Shipping", "-1.00", transaction_type="Refund"), ("ItemPrice", "Shipping"), "REFUND", "SHIPPING"),
    "unknown": (
        account("Brand new thing", "-1.00"),
        ("other-transaction", "Brand new thing"),
        "ACCOUNT",
        "UNCLASSIFIED",
    ),
}


@pytest.mark.parametrize("case", LABELLED)
def test_each_column_of_amounts_means_what_the_same_money_means_in_v2(tmp_path: Path, case: str) -> None:
    cells, labels, event, kind = LABELLED[case]
    (line,) = read_rows(tmp_path, cells)
    assert line["transaction_type"] == cells["transaction-type"]
    assert (line["amount_type"], line["amount_description"]) == labels
    assert (line["event_class"], line["line_kind"]) == (event, kind)
    assert abs(line["amount"]) == Decimal("1.00")
    assert line["quantity"] is None


def test_labels_are_kept_as_they_are_written(tmp_path: Path) -> None:
    (line,) = read_rows(tmp_path, price(" principal ", "1.00", transaction_type="order "))
    assert (line["transaction_type"], line["amount_description"]) == ("order ", " principal ")
    assert (line["event_class"], line["line_kind"]) == ("SALE", "PRINCIPAL")


def test_columns_are_found_by_name_in_any_order(tmp_path: Path) -> None:
    _, rows = read(write(tmp_path / "s.txt", PLAIN, columns=COLUMNS[::-1]))
    assert total(rows) == Decimal("46.41")
    assert [row["quantity"] for row in rows] == [2, None, None, None, None, None]
    assert [row["amount_type"] for row in rows[3:5]] == ["other-fee", "ItemFees"], "the order of the columns"


def test_a_file_without_promotions_lacks_three_columns(tmp_path: Path) -> None:
    columns = [name for name in COLUMNS if name not in PROMOTION]
    _, rows = read(write(tmp_path / "s.txt", PLAIN, columns=columns))
    assert total(rows) == Decimal("46.41")


def test_cells_of_unknown_columns_are_kept(tmp_path: Path) -> None:
    rows = [dict(cells) for cells in PLAIN]
    rows[2] |= {"vat's rate": "20 %", "note": "seen"}
    rows[4] |= {"note": "x"}
    _, lines = read(write(tmp_path / "s.txt", rows, columns=[*COLUMNS, "vat's rate", "note"]))
    assert [None if line["extra"] is None else json.loads(line["extra"]) for line in lines[:3]] == [
        {"vat's rate": "20 %", "note": "seen"},
        None,
        {"note": "x"},
    ]


def test_money_in_a_column_that_amazon_added_is_a_line_too(tmp_path: Path) -> None:
    columns = [*COLUMNS, "climate-fee-type", "climate-fee-amount", "plain-amount"]
    new = row("Order", ORDER, climate_fee_type="Levy", climate_fee_amount="-1.50", plain_amount="-0.25")
    _, rows = read(write(tmp_path / "s.txt", (summary("-1.75"), new), columns=columns))
    assert [(line["amount_type"], line["amount_description"], line["line_kind"]) for line in rows] == [
        ("climate-fee", "Levy", "UNCLASSIFIED"),
        ("plain", "", "UNCLASSIFIED"),
    ]
    assert total(rows) == Decimal("-1.75")


def test_two_blocks_of_one_unit_with_one_item_code_are_two_units_and_no_row_is_dropped(tmp_path: Path) -> None:
    first = (units("1"), price("Principal", "10.00"), fee("Commission", "-3.00"))
    rows = read_rows(tmp_path, *first, *first[:2])
    assert [(line["amount"], line["quantity"]) for line in rows] == [
        (Decimal("10.00"), 1),
        (Decimal("-3.00"), None),
        (Decimal("10.00"), 1),
    ]


def test_quantities_and_prices_of_an_item_pair_up_in_order_wherever_they_stand(tmp_path: Path) -> None:
    rows = read_rows(
        tmp_path,
        price("Principal", "10.00"),
        price("Principal", "20.00"),
        price("Principal", "5.00", OTHER),
        units("7", OTHER),
        units("1"),
        units("2"),
    )
    assert [(line["amount"], line["quantity"]) for line in rows] == [
        (Decimal("10.00"), 1),
        (Decimal("20.00"), 2),
        (Decimal("5.00"), 7),
    ]


def test_another_item_shipment_or_event_of_the_same_order_has_its_own_quantity(tmp_path: Path) -> None:
    rows = read_rows(
        tmp_path,
        units("1", item="11111111111111"),
        units("2", item="22222222222222"),
        units("4", shipment_id="Ship00002"),
        price("Principal", "-9.00", transaction_type="Refund"),
        price("Principal", "3.00", shipment_id="Ship00002"),
        price("Principal", "2.00", item="22222222222222"),
        price("Principal", "1.00", item="11111111111111"),
    )
    assert [line["quantity"] for line in rows] == [None, 4, 2, 1]


def test_units_without_a_price_are_a_line_of_nothing_so_that_they_are_not_lost(tmp_path: Path) -> None:
    rows = read_rows(tmp_path, units("3", "S01-0036312-1371678"), units("2"), price("Principal", "1.00"), units("5"))
    assert [(line["amount_type"], line["amount"], line["quantity"], line["source_line"]) for line in rows] == [
        ("quantity-purchased", Decimal("0.00"), 3, 3),
        ("ItemPrice", Decimal("1.00"), 2, 5),
        ("quantity-purchased", Decimal("0.00"), 5, 6),
    ]
    assert {line["line_kind"] for line in rows} == {"PRINCIPAL"}
    assert rows[0]["order_route"] == "multi_channel"


def test_a_quantity_in_the_row_of_the_price_itself_counts(tmp_path: Path) -> None:
    rows = read_rows(
        tmp_path, price("Principal", "1.00", quantity_purchased="2"), fee("Commission", "-1", quantity_purchased="2")
    )
    assert [line["quantity"] for line in rows] == [2, None]


def test_a_quantity_stated_twice_must_be_the_same(tmp_path: Path) -> None:
    rows = read_rows(tmp_path, units("2"), price("Principal", "1.00", quantity_purchased="2"))
    assert [line["quantity"] for line in rows] == [2]
    said = refused_rows(tmp_path, units("2"), price("Principal", "1.00", quantity_purchased="3"))
    assert "line 4, column 'quantity-purchased'" in said


def test_identical_rows_all_count(tmp_path: Path) -> None:
    rows = read_rows(tmp_path, *[account("Micro Deposit", "-0.01")] * 3)
    assert total(rows) == Decimal("-0.03")


def test_what_the_order_id_is_decides_its_route(tmp_path: Path) -> None:
    ids = (ORDER, "S01-0036312-1371678", "FBA19CD9HGQ8", "111-1", "")
    rows = read_rows(tmp_path, *(row("Order", order, price_type="Tax", price_amount="1.00") for order in ids))
    assert [line["order_route"] for line in rows] == [
        "amazon_order",
        "multi_channel",
        "fba_shipment",
        "malformed",
        "none",
    ]
    assert [line["amazon_order_id"] for line in rows] == [ORDER, None, None, None, None]
    assert [line["order_reference"] for line in rows] == [*ids[:4], None]


def test_byte_order_mark_line_ends_packing_and_preamble_change_nothing(tmp_path: Path) -> None:
    text = text_of(PLAIN)
    dresses = {
        "bom": text.encode("utf-8-sig"),
        "crlf": text.replace("\n", "\r\n").encode(),
        "gz": gzip.compress(text.encode()),
        "no end": text.rstrip("\n").encode(),
        "preamble": ("Amazon Payments Singapore Private Limited" + "\n" * 6 + text).encode(),
    }
    expected = [
        (line["amount"], line["quantity"], line["source_line"]) for line in read(write(tmp_path / "s.txt", PLAIN))[1]
    ]
    for name, content in dresses.items():
        path = tmp_path / f"{name}.txt"
        path.write_bytes(content)
        above = 6 if name == "preamble" else 0
        found = [(line["amount"], line["quantity"], line["source_line"] - above) for line in read(path)[1]]
        assert found == expected, name


def test_blank_lines_between_rows_are_no_rows_but_count_as_lines(tmp_path: Path) -> None:
    path = tmp_path / "s.txt"
    blank = "\t" * (len(COLUMNS) - 1)
    lines = text_of(PLAIN).rstrip("\n").split("\n")
    path.write_text("\n".join([*lines[:3], "", blank, *lines[3:], "", ""]), encoding="utf-8")
    _, rows = read(path)
    assert (rows[0]["source_line"], rows[0]["quantity"], total(rows)) == (6, 2, Decimal("46.41"))


def with_commas(rows: Iterable[Cells]) -> list[Cells]:
    return [
        {name: cell.replace(".", ",") if name.endswith("-amount") else cell for name, cell in cells.items()}
        for cells in rows
    ]


def test_decimal_commas_are_read_as_such(tmp_path: Path) -> None:
    file, rows = read(write(tmp_path / "s.txt", with_commas(PLAIN)))
    assert file.summaries[SETTLEMENT].total_amount == total(rows) == Decimal("46.41")


@pytest.mark.parametrize(
    "start, posted, expected",
    [
        ("2026-06-01T00:00:00Z", "2026-06-05T10:11:12Z", "10:11:12"),
        ("2026-06-01T09:00:00+09:00", "2026-06-05T03:11:12-07:00", "10:11:12"),
        ("2026-06-01 00:00:00 UTC", "2026-06-05 10:11:12 UTC", "10:11:12"),
        ("01.06.2026 00:00:00 UTC", "05.06.2026 10:11:12 UTC", "10:11:12"),
    ],
)
def test_times_are_utc_whatever_their_dress(tmp_path: Path, start: str, posted: str, expected: str) -> None:
    dates = dict.fromkeys(("settlement-start-date", "settlement-end-date", "deposit-date"), start)
    file, rows = read(write(tmp_path / "s.txt", (summary("1.00") | dates, price("Tax", "1.00", posted_date=posted))))
    assert file.summaries[SETTLEMENT].period_start == datetime(2026, 6, 1, tzinfo=UTC)
    assert rows[0]["posted_at"].isoformat() == f"2026-06-05T{expected}+00:00"
    assert rows[0]["posted_day"] == 20609


def test_the_day_is_the_day_in_utc(tmp_path: Path) -> None:
    (line,) = read_rows(tmp_path, price("Tax", "1.00", posted_date="2026-06-04T18:00:00-07:00"))
    assert line["posted_day"] == 20609


def test_without_a_summary_row_nothing_is_stated(tmp_path: Path) -> None:
    file, rows = read(write(tmp_path / "s.txt", [cells | {"currency": "CAD"} for cells in PLAIN[1:]]))
    assert file.summaries == {}
    assert total(rows) == Decimal("46.41")
    assert "no currency for settlement" in refusal(write(tmp_path / "t.txt", PLAIN[1:]))


def test_a_summary_without_a_total_states_none(tmp_path: Path) -> None:
    file, _ = read(write(tmp_path / "s.txt", (summary(None), *PLAIN[1:])))
    assert file.summaries[SETTLEMENT].total_amount is None


def test_several_settlements_come_apart_also_with_the_header_repeated(tmp_path: Path) -> None:
    second = [summary("5.00", "99999999999", "USD"), price("Principal", "5.00", settlement="99999999999")]
    path = tmp_path / "s.txt"
    path.write_text(text_of(PLAIN) + text_of(second), encoding="utf-8")
    with tempfile.TemporaryDirectory() as scratch:
        file = FlatV1(open_text(path, Path(scratch)), "main", default_vocabulary())
        sums = {name: (total(table.to_pylist()), set(table["currency"].to_pylist())) for name, table in file.tables()}
    assert sums == {SETTLEMENT: (Decimal("46.41"), {"CAD"}), "99999999999": (Decimal("5.00"), {"USD"})}
    assert {name: stated.total_amount for name, stated in file.summaries.items()} == {
        SETTLEMENT: Decimal("46.41"),
        "99999999999": Decimal("5.00"),
    }


def test_small_pieces_give_the_same_lines_as_large_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    many = [
        cells
        for n in range(900)
        for cells in (units("1", item=f"{n:014}"), *PLAIN[5:], price("Principal", "1.00", item=f"{n:014}"))
    ]
    path = write(tmp_path / "s.txt", (*many, summary("0.00")))
    whole = read(path)[1]
    monkeypatch.setattr(flat_v1, "_BATCH", 2)
    with tempfile.TemporaryDirectory() as scratch:
        file = FlatV1(open_text(path, Path(scratch)), "main", default_vocabulary())
        tables = [table for _, table in file.tables()]
    assert len(tables) > 1
    assert pa.concat_tables(tables).to_pylist() == whole
    assert (len(whole), sum(line["quantity"] or 0 for line in whole)) == (900 * 4, 900)


def test_a_file_with_only_header_and_summary_has_no_lines(tmp_path: Path) -> None:
    file, rows = read(write(tmp_path / "s.txt", [summary("0.00")]))
    assert (rows, file.summaries[SETTLEMENT].total_amount) == ([], Decimal("0.00"))


REFUSED: dict[str, tuple[Cells, str]] = {
    "a row that says nothing": (
        row("Order", ORDER),
        "line 3: found a row that is neither an amount, nor a summary",
    ),
    "a total beside an amount": (
        account("Storage Fee", "-1.00", total_amount="5.00"),
        "line 3: found a row that is neither an amount",
    ),
    "a name without its amount": (
        row("Order", ORDER, price_type="Principal"),
        "line 3, column 'price-amount': found ''",
    ),
    "a name without its amount beside another": (
        fee("Commission", "-1.00", promotion_type="Shipping"),
        "line 3, column 'promotion-amount': found ''",
    ),
    "a quantity and a name without its amount": (units("1", price_type="Principal"), "column 'price-amount': found ''"),
    "a reason without its amount": (
        units("1", other_fee_reason_description="Label"),
        "line 3, column 'other-fee-amount': found ''",
    ),
    "a summary with an order": (summary("1.00", **{"order-id": ORDER}), "line 3: found a row that is neither"),
    "something else in a date of the period": (
        price("Principal", "1.00", settlement_end_date="Amazon.ca"),
        "line 3, column 'settlement-end-date': found 'Amazon.ca'",
    ),
    "a decimal comma among points": (price("Principal", "1,00"), "The file mixes decimal points and decimal commas"),
    "a thousands mark": (price("Principal", "1,000.00"), "line 3, column 'price-amount': found '1,000.00'"),
    "three decimals": (fee("Commission", "-1.005"), "line 3, column 'item-related-fee-amount': found '-1.005'"),
    "a word for an amount": (account("Storage Fee", "free"), "line 3, column 'other-amount': found 'free'"),
    "a number of a spreadsheet": (account("Storage Fee", "1E+02"), "line 3, column 'other-amount': found '1E+02'"),
    "the second of two amounts": (
        fee("Commission", "-1.00", other_fee_amount="?"),
        "line 3, column 'other-fee-amount': found '?'",
    ),
    "a date without a time": (
        price("Principal", "1.00", posted_date="06/05/26"),
        "line 3, column 'posted-date': found '06/05/26'",
    ),
    "another date format": (price("Principal", "1.00", posted_date="2026-06-05 10:11:12 UTC"), "one date format"),
    "a day that is none": (price("Principal", "1.00", posted_date="2026-02-30T10:11:12+00:00"), "column 'posted-date'"),
    "no settlement": (account("Storage Fee", "-1.00", settlement=""), "line 3, column 'settlement-id': found ''"),
    "a settlement in exponents": (account("Storage Fee", "-1.00", settlement="2.38744E+10"), "column 'settlement-id'"),
    "a currency that is none": (account("Storage Fee", "-1.00", currency="$"), "line 3, column 'currency': found '$'"),
    "another currency": (account("Storage Fee", "-1.00", currency="USD"), "lines in USD in settlement 12345678901"),
    "a currency in a quantity row": (units("1", currency="USD"), "lines in USD in settlement 12345678901"),
    "half a unit": (units("0.5"), "line 3, column 'quantity-purchased': found '0.5'"),
    "tabs that became spaces": (account("     Storage Fee", "-1.00"), "Tabs became spaces"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_row_that_cannot_be_trusted_is_refused_with_its_place(tmp_path: Path, case: str) -> None:
    cells, expected = REFUSED[case]
    said = refused_rows(tmp_path, cells, price("Principal", "1.00"))
    assert expected in said


def test_a_sentence_about_an_endless_cell_is_short(tmp_path: Path) -> None:
    assert len(refused_rows(tmp_path, account("Storage Fee", "9" * 100_000))) < 1000


def test_a_summary_row_must_be_written_like_the_lines(tmp_path: Path) -> None:
    assert "column 'deposit-date': found 'soon'" in refusal(
        write(tmp_path / "s.txt", (summary("1.00") | {"deposit-date": "soon"}, *PLAIN[1:]))
    )
    assert "column 'total-amount'" in refusal(write(tmp_path / "s.txt", (*PLAIN[1:], summary("1,00"))))


def test_a_second_summary_row_of_a_settlement_is_refused(tmp_path: Path) -> None:
    assert "a second summary row of settlement 12345678901" in refusal(
        write(tmp_path / "s.txt", (*PLAIN, summary("1.00")))
    )


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    columns = [name for name in COLUMNS if name not in {"other-amount", "sku"}]
    assert "no column sku, other-amount" in refusal(write(tmp_path / "s.txt", PLAIN, columns=columns))


def test_a_promotion_type_without_the_column_of_its_amount_is_refused(tmp_path: Path) -> None:
    columns = [*COLUMNS, "promotion-id", "promotion-type", "pvomotion-amount"]
    columns = [name for name in dict.fromkeys(columns) if name != "promotion-amount"]
    assert "no column promotion-amount" in refusal(write(tmp_path / "s.txt", PLAIN, columns=columns))


def test_a_row_with_other_cells_than_the_header_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "s.txt"
    lines = text_of(PLAIN).rstrip("\n").split("\n")
    for damaged, words in (
        (lines[3] + "\tmore", "37 cells"),
        (lines[3] + "\t\t", "38 cells"),
        (lines[3][:60], "cells"),
    ):
        path.write_text("\n".join([*lines[:3], damaged, *lines[4:]]) + "\n", encoding="utf-8")
        said = refusal(path)
        assert "line 4" in said
        assert words in said


def test_other_formats_are_named(tmp_path: Path) -> None:
    path = tmp_path / "s.txt"
    path.write_text("settlement-id\ttotal-amount\ttransaction-type\tamount-type\tamount\n", encoding="utf-8")
    assert "a flat V2 settlement report" in refusal(path)
    path.write_text(text_of(PLAIN).replace("\t", "   "), encoding="utf-8")
    assert "column names that are not separated by tabs" in refusal(path)


def test_a_flat_v1_report_is_told_by_its_columns(tmp_path: Path) -> None:
    path = write(tmp_path / "a name that says nothing.xyz", PLAIN)
    assert isinstance(reader_of(open_text(path, tmp_path), "main", default_vocabulary()), FlatV1)


def test_a_header_alone_is_refused(tmp_path: Path) -> None:
    assert "no row below the header" in refusal(write(tmp_path / "s.txt", []))
