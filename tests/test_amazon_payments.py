"""Reading payments reports: the real ones against an independent reading, and every language and layout."""

from __future__ import annotations

import csv
import io
from collections import Counter
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest
from payments_documents import DE, ORDER, SITES, US, Report, Row, read, read_bytes, shown, utc

from nsbill.amazon.labels import Vocabulary, default_vocabulary
from nsbill.amazon.payments_headers import find_payments_header, looks_like_payments

SAMPLES = Path(__file__).parents[2] / "shared" / "samples" / "payments_csv"

REAL = {
    "br_2026_03_monthly.csv": (329, "BRL", ","),
    "us_2026_seller_fulfilled.csv": (24, "USD", "."),
    "us_pre2025_resaved.csv": (12, "USD", "."),
    "au_2026_excerpt.csv": (5, "AUD", "."),
}
"""File: rows, currency, decimal mark."""

_TEXTS = {
    "date/time", "settlement id", "type", "order id", "sku", "description", "quantity", "marketplace", "account type",
    "fulfillment", "fulfilment", "order city", "order state", "order postal", "tax collection model", "total",
    "transaction status", "transaction release date", "data/hora", "id de liquidação", "tipo", "id do pedido", "descrição",
    "quantidade", "mercado", "tipo de conta", "atendimento", "cidade do pedido", "estado do pedido", "postal do pedido",
    "status da transação", "data de liberação da transação",
}  # fmt: skip
"""What is no money in the real files, by lower-case header; everything else is."""


def sample(name: str) -> bytes:
    path = SAMPLES / name
    if not path.exists():
        pytest.skip(f"{path} is not there: the real files are no part of this repository")
    return path.read_bytes()


def independent(name: str) -> tuple[list[str], list[tuple[int, dict[str, str], dict[str, Decimal]]]]:
    """A plain reading: header, and for each row its line, its cells and its amounts, by header."""
    mark = REAL[name][2]
    reader = csv.reader(io.StringIO(sample(name).decode("utf-8-sig"), newline=""))
    rows, line = [], 1
    for cells in reader:
        rows.append((line, cells))
        line = reader.line_num + 1
    at = next(i for i, (_, cells) in enumerate(rows) if cells and cells[0].lower() in {"date/time", "data/hora"})
    header = rows[at][1]
    found = []
    for number, cells in rows[at + 1 :]:
        named = dict(zip(header, cells, strict=True))
        grouping = "." if mark == "," else ","
        amounts = {
            column: Decimal(cell.replace(grouping, "").replace(",", "."))
            for column, cell in named.items()
            if column.lower() not in _TEXTS
        }
        found.append((number, named, amounts))
    return header, found


# --- the real files ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", REAL)
def test_a_real_report_gives_each_amount_that_an_independent_reading_finds(name: str) -> None:
    _, rows = independent(name)
    expected = [
        (line, column, amount) for line, _, amounts in rows for column, amount in amounts.items() if amount != 0
    ]
    count, currency, _ = REAL[name]
    _, found = read_bytes(sample(name))
    assert len(rows) == count
    assert [(row["source_line"], row["amount_type"], row["amount"]) for row in found] == expected
    assert {row["currency"] for row in found} == {currency}
    assert {row["source_format"] for row in found} == {"PAYMENTS_CSV"}


@pytest.mark.parametrize("name", REAL)
def test_a_real_report_adds_up_to_the_totals_of_its_rows(name: str) -> None:
    _, rows = independent(name)
    mark = REAL[name][2]
    totals = [named["total"].replace("." if mark == "," else ",", "").replace(",", ".") for _, named, _ in rows]
    _, found = read_bytes(sample(name))
    assert sum(row["amount"] for row in found) == sum(map(Decimal, totals))
    by_line: Counter[int] = Counter()
    for row in found:
        by_line[row["source_line"]] += row["amount"]
    assert {line: by_line.get(line, Decimal(0)) for line, _, _ in rows} == {
        line: Decimal(total) for (line, _, _), total in zip(rows, totals, strict=True)
    }


@pytest.mark.parametrize("name", REAL)
def test_a_real_report_keeps_what_stands_beside_the_amounts(name: str) -> None:
    header, rows = independent(name)
    where = {column.lower(): column for column in header}
    quantity, order, kind = (
        next(where[key] for key in keys if key in where)
        for keys in (("quantity", "quantidade"), ("order id", "id do pedido"), ("type", "tipo"))
    )
    _, found = read_bytes(sample(name))
    cells = {line: named for line, named, _ in rows}
    for row in found:
        named = cells[row["source_line"]]
        assert row["transaction_type"] == named[kind]
        assert (row["order_reference"] or "") == named[order]
        units = row["amount_type"] in {"product sales", "vendas do produto"}
        assert row["quantity"] == (int(named[quantity]) if units else None)
        assert row["description"] == (named.get("description", named.get("descrição")) or None)
    assert all(row["line_kind"] != "UNCLASSIFIED" for row in found)


def test_the_real_brazilian_report_is_classified_as_settlements_are() -> None:
    events = {"Pedido": "SALE", "Reembolso": "REFUND", "Transferir": "ACCOUNT", "Ajuste": "REIMBURSEMENT"}
    of_items = {
        "vendas do produto": "PRINCIPAL", "créditos de remessa": "SHIPPING", "descontos promocionais": "PROMOTION",
        "tarifas de venda": "FEE_COMMISSION", "taxas fba": "FEE_FBA",
    }  # fmt: skip
    others = {"Transferir": "TRANSFER", "Ajuste": "REIMBURSEMENT", "Taxa de Estoque FBA": "SERVICE_FEE"}
    expected: Counter[tuple[str, str, str]] = Counter()
    for _, named, amounts in independent("br_2026_03_monthly.csv")[1]:
        for column, amount in amounts.items():
            if amount:
                kind = others[named["tipo"]] if column == "outro" else of_items[column]
                status = {"Liberado": "RELEASED", "Diferido": "DEFERRED"}[named["Status da transação"]]
                expected[events.get(named["tipo"], "ACCOUNT"), kind, status] += amount  # type: ignore[assignment]
    found: Counter[tuple[str, str, str]] = Counter()
    for row in read_bytes(sample("br_2026_03_monthly.csv"))[1]:
        found[row["event_class"], row["line_kind"], row["transaction_status"]] += row["amount"]
    assert found == expected
    assert len(found) == 17


def test_the_real_files_tell_instants_across_the_change_to_daylight_saving() -> None:
    _, found = read_bytes(sample("br_2026_03_monthly.csv"))
    first = next(row for row in found if row["source_line"] == 11)
    assert (first["posted_at"], first["released_at"]) == (utc("2026-03-01 05:17:51"), utc("2026-03-08 14:19:19"))
    assert first["posted_day"] == (datetime(2026, 3, 1).toordinal() - datetime(1970, 1, 1).toordinal())  # noqa: DTZ001
    deferred = {row["released_at"] for row in found if row["transaction_status"] == "DEFERRED"}
    assert deferred == {None}


def test_a_report_from_before_2025_has_no_status_and_its_damaged_order_ids_stay_as_they_are() -> None:
    _, found = read_bytes(sample("us_pre2025_resaved.csv"))
    assert {(row["transaction_status"], row["released_at"]) for row in found} == {(None, None)}
    assert {row["order_route"] for row in found} == {"malformed"}
    assert found[0]["order_reference"] == "1211455071067537800"
    assert found[0]["amazon_order_id"] is None


def test_rows_without_an_amount_are_told() -> None:
    assert read_bytes(sample("au_2026_excerpt.csv"))[0] == ["1 row holds no amount"]
    assert read_bytes(sample("br_2026_03_monthly.csv"))[0] == ["5 rows hold no amount"]


def test_a_copy_under_another_name_gives_the_same_rows() -> None:
    content = sample("br_2026_03_monthly.csv")
    assert read_bytes(content, name="2026Mar (1).csv") == read_bytes(content)


# --- every language and layout ----------------------------------------------------------------------------------------


def site_report(site: str) -> Report:
    """A sale, a refund and a payout."""
    spec = SITES[site]
    whole = spec.currency == "JPY"
    number = "1234567.89" if spec.currency == "INR" else ("1235" if whole else "1234.56")
    status = {"transaction status": spec.released, "transaction release date": spec.date} if spec.released else {}
    deferred = {"transaction status": spec.deferred} if spec.deferred else {}
    item = {
        "order id": ORDER,
        "sku": "A-1",
        "quantity": "2",
        "marketplace": spec.marketplace,
        "description": "Bowl, blue",
    }
    return (
        Report(spec, preamble=("Includes Amazon Marketplace", "Definitions:"))
        .add(item | status, product_sales=number, shipping_credits="5", promotional_rebates="-5", selling_fees="-185", fba_fees="-3")
        .add({"type": spec.refund, "order id": ORDER} | deferred, product_sales="-20", selling_fees="2" if whole else "2.40")
        .add({"type": spec.transfer, "description": "To account ending with: 000"} | status, other="-1034" if whole else "-1034.05")
    )  # fmt: skip


@pytest.mark.parametrize("site", SITES)
def test_every_language_and_layout_is_read_to_the_same_rows(site: str) -> None:
    spec = SITES[site]
    notes, rows = read_bytes(site_report(site).text.encode("utf-8-sig"))
    price, back, payout = {"INR": ("1234567.89", "2.40", "-1034.05"), "JPY": ("1235.00", "2.00", "-1034.00")}.get(
        spec.currency, ("1234.56", "2.40", "-1034.05")
    )
    assert shown(rows, "event_class", "line_kind", "amount", "quantity") == [
        f"SALE | PRINCIPAL | {price} | 2",
        "SALE | SHIPPING | 5.00 | –",
        "SALE | PROMOTION | -5.00 | –",
        "SALE | FEE_COMMISSION | -185.00 | –",
        "SALE | FEE_FBA | -3.00 | –",
        "REFUND | PRINCIPAL | -20.00 | –",
        f"REFUND | FEE_COMMISSION | {back} | –",
        f"ACCOUNT | TRANSFER | {payout} | –",
    ]
    assert {row["currency"] for row in rows} == {spec.currency}
    assert {row["posted_at"] for row in rows} == {spec.utc}
    assert {row["settlement_id"] for row in rows} == {"25918067241"}
    assert shown(rows[:1], "order_route", "amazon_order_id", "sku", "marketplace", "description") == [
        f"amazon_order | {ORDER} | A-1 | {spec.marketplace} | Bowl, blue"
    ]
    statuses = [row["transaction_status"] for row in rows]
    assert statuses == (["RELEASED"] * 5 + ["DEFERRED"] * 2 + ["RELEASED"] if spec.released else [None] * 8)
    released = [row["released_at"] for row in rows]
    assert released == ([spec.utc] * 5 + [None] * 2 + [spec.utc] if spec.released else [None] * 8)
    assert notes == []


@pytest.mark.parametrize("site", SITES)
def test_every_header_is_told_from_the_first_lines_alone(site: str) -> None:
    head = site_report(site).text.splitlines()[:6]
    assert looks_like_payments(head)
    assert not looks_like_payments(head[:3])
    header = find_payments_header("report.csv", head)
    assert (header.line, header.unknown) == (4, [])


def test_each_column_of_money_has_its_line_kind() -> None:
    parts = [part for part in SITES["US"].parts if part not in _TEXTS | {"place"}]
    report = Report(US).add({}, **{part.replace(" ", "_"): "1.00" for part in parts if part != "other"})
    assert shown(read(report), "amount_type", "line_kind") == [
        "product sales | PRINCIPAL",
        "product sales tax | TAX_PRINCIPAL",
        "shipping credits | SHIPPING",
        "shipping credits tax | TAX_SHIPPING",
        "gift wrap credits | GIFT_WRAP",
        "giftwrap credits tax | TAX_GIFT_WRAP",
        "Regulatory Fee | TAX_OTHER",
        "Tax On Regulatory Fee | TAX_OTHER",
        "promotional rebates | PROMOTION",
        "promotional rebates tax | TAX_OTHER",
        "marketplace withheld tax | TAX_WITHHELD",
        "selling fees | FEE_COMMISSION",
        "fba fees | FEE_FBA",
        "other transaction fees | FEE_OTHER",
    ]


@pytest.mark.parametrize(
    "site, part, kind",
    [
        ("US 2017", "sales tax collected", "TAX_OTHER"), ("US 2017", "marketplace facilitator tax", "TAX_WITHHELD"),
        ("NL", "sales tax collected", "TAX_OTHER"), ("NL", "marketplace facilitator tax", "TAX_WITHHELD"),
        ("AU", "low value goods", "TAX_WITHHELD"), ("IN", "TCS", "TAX_WITHHELD"), ("IN", "TDS", "TAX_WITHHELD"),
        ("IN", "sales tax collected", "TAX_OTHER"), ("JP", "amazon points", "PROMOTION"),
    ],
)  # fmt: skip
def test_each_column_that_only_some_sites_have_has_its_line_kind(site: str, part: str, kind: str) -> None:
    rows = read(Report(SITES[site]).add({}, **{part.replace(" ", "_"): "-7"}))
    assert shown(rows, "event_class", "line_kind", "amount") == [f"SALE | {kind} | -7.00"]


@pytest.mark.parametrize(
    "site, type_, description, expected",
    [
        ("US", "Adjustment", "FBA Inventory Reimbursement - Customer Return", "REIMBURSEMENT | REIMBURSEMENT"),
        ("US", "Adjustment", "Buyer Recharge", "ACCOUNT | ADJUSTMENT"),
        ("US", "Service Fee", "Subscription", "ACCOUNT | SERVICE_FEE"),
        ("US", "FBA Inventory Fee", "FBA storage fee", "ACCOUNT | SERVICE_FEE"),
        ("US", "Debt", "amzn1.x", "ACCOUNT | TRANSFER"),
        ("US", "SAFE-T reimbursement", "", "REIMBURSEMENT | REIMBURSEMENT"),
        ("US", "Order_Retrocharge", "Base Tax", "RETROCHARGE | TAX_PRINCIPAL"),
        ("US", "", "Previous Reserve Amount Balance", "ACCOUNT | RESERVE"),
        ("US", "Order", "A product", "SALE | UNCLASSIFIED"),
        ("US", "Moon tax", "A product", "ACCOUNT | UNCLASSIFIED"),
        ("DE", "Anpassung", "Erstattung Lagerbestand - Im Lager verloren", "REIMBURSEMENT | REIMBURSEMENT"),
        ("DE", "Verbindlichkeit", "Kontoübergreifender Schuldenausgleich für IT", "ACCOUNT | TRANSFER"),
        ("DE", "Versand durch Amazon Lagergebühr", "Langzeit", "ACCOUNT | SERVICE_FEE"),
        ("FR", "Frais de service", "Prix de la publicité", "ACCOUNT | SERVICE_FEE"),
        ("IT", "Tariffa dell’Offerta Lampo", "", "ACCOUNT | SERVICE_FEE"),
        ("ES", "Saldo descubierto", "", "ACCOUNT | TRANSFER"),
        ("JP", "注文外料金", "月額登録料", "ACCOUNT | SERVICE_FEE"),
        ("BR", "Outros", "Recompensa do vendedor", "ACCOUNT | ADJUSTMENT"),
        ("BR", "Taxa de Estoque FBA", "Tarifa de devolução de inventário pela Amazon", "ACCOUNT | SERVICE_FEE"),
    ],
)
def test_money_of_no_item_is_told_by_type_and_description(
    site: str, type_: str, description: str, expected: str
) -> None:
    [row] = read(Report(SITES[site]).add({"type": type_, "description": description}, other="-3"))
    assert shown([row], "event_class", "line_kind") == [expected]
    assert row["transaction_type"] == type_


def test_a_sale_or_refund_does_not_take_a_products_title_for_a_label() -> None:
    cells = {"description": "FBA Inventory Reimbursement mug"}
    rows = read(Report(US).add(cells, product_sales="9").add(cells | {"type": "Chargeback Refund"}, product_sales="-9"))
    assert shown(rows, "event_class", "amount_description", "description") == [
        "SALE |  | FBA Inventory Reimbursement mug",
        "CHARGEBACK |  | FBA Inventory Reimbursement mug",
    ]


def test_amounts_of_an_unknown_type_stay_unclassified_in_whatever_column() -> None:
    rows = read(Report(DE).add({"type": "Mondgebühr"}, product_sales="9", selling_fees="-1"))
    assert shown(rows, "transaction_type", "amount_type", "event_class", "line_kind", "amount") == [
        "Mondgebühr | Umsätze | ACCOUNT | UNCLASSIFIED | 9.00",
        "Mondgebühr | Verkaufsgebühren | ACCOUNT | UNCLASSIFIED | -1.00",
    ]


def test_a_rule_of_the_user_names_what_stands_in_the_file() -> None:
    rule = {
        "transaction_type": "Mondgebühr", "amount_type": "Andere", "amount_description": "*", "event_class": "ACCOUNT",
        "line_kind": "SERVICE_FEE",
    }  # fmt: skip
    vocabulary = Vocabulary((*default_vocabulary().rules, *Vocabulary.of([rule]).rules))
    rows = read(Report(DE).add({"type": "Mondgebühr"}, other="-1"), vocabulary=vocabulary)
    assert shown(rows, "event_class", "line_kind") == ["ACCOUNT | SERVICE_FEE"]


# --- layouts ----------------------------------------------------------------------------------------------------------

PLAIN = Report(US).add(
    {"order id": ORDER, "description": "Bowl", "quantity": "1"}, product_sales="9.89", selling_fees="-1.5"
)


def kinds(rows: list[Row]) -> list[str]:
    return shown(rows, "line_kind", "amount", "source_line")


EXPECTED = ["PRINCIPAL | 9.89 | 3", "FEE_COMMISSION | -1.50 | 3"]


def resaved(report: Report, delimiter: str) -> str:
    """What a spreadsheet makes of it: quotes only where needed, each line padded to the same number of cells."""
    rows = list(csv.reader(io.StringIO(report.text)))
    width = max(map(len, rows))
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerows([[*row, *[""] * (width - len(row))] for row in rows])
    return out.getvalue()


@pytest.mark.parametrize(
    "text", [PLAIN.text, resaved(PLAIN, ","), resaved(PLAIN, ";"), PLAIN.text.replace("\n", "\r\n")]
)
def test_quotes_padding_delimiter_and_line_ends_do_not_matter(text: str) -> None:
    assert kinds(read(text)) == EXPECTED


def later(lines: list[str], by: int) -> list[str]:
    """The same some lines further down."""
    return [f"{line.rpartition(' ')[0]} {int(line.rpartition(' ')[2]) + by}" for line in lines]


@pytest.mark.parametrize("above", [0, 5, 48])
def test_the_header_is_found_below_a_preamble_of_any_length(above: int) -> None:
    text = '"Definitions, and more"\n' * above + PLAIN.text
    assert kinds(read(text)) == later(EXPECTED, above)


def test_a_header_in_the_first_line_needs_no_preamble() -> None:
    text = PLAIN.text.split("\n", 1)[1].replace('"1","",""', '"1","amazon.com",""')
    assert kinds(read(text)) == later(EXPECTED, -1)


def test_columns_are_found_by_name_in_any_order() -> None:
    lines = [next(csv.reader([line])) for line in PLAIN.text.splitlines()]
    turned = "\n".join([PLAIN.line(lines[0]), *(PLAIN.line(line[::-1]) for line in lines[1:])])
    assert kinds(read(turned)) == EXPECTED[::-1]


def test_line_ends_inside_quotes_keep_the_line_numbers_right() -> None:
    report = PLAIN
    for text in ("two\nlines", "an empty\n\nline", "plain"):
        report = report.add({"description": text}, product_sales="1.00")
    rows = read(report.text + "\n" + report.text.splitlines()[-1] + "\n")
    assert [row["source_line"] for row in rows] == [3, 3, 4, 6, 9, 11]
    assert rows[3]["description"] == "an empty\n\nline"


def test_rows_of_empty_cells_and_empty_lines_are_no_rows() -> None:
    text = PLAIN.text + "," * (len(US.names) - 1) + "\n\n" + PLAIN.text.splitlines()[-1] + "\n"
    assert kinds(read(text)) == [*EXPECTED, *later(EXPECTED, 3)]


def test_byte_identical_rows_are_each_kept() -> None:
    text = PLAIN.text + PLAIN.text.splitlines()[-1] + "\n"
    assert len(read(text)) == 4


def test_a_report_without_rows_gives_nothing() -> None:
    assert read_bytes(Report(US).text.encode()) == ([], [])


@pytest.mark.parametrize("encoding, site", [("cp1252", "DE"), ("cp932", "JP"), ("utf-8", "FR"), ("utf-8-sig", "BR")])
def test_the_encodings_of_downloads_are_read(encoding: str, site: str) -> None:
    text = site_report(site).text.replace("\u202f", "\u00a0").replace("￥", "")
    _, rows = read_bytes(text.encode(encoding))
    assert len(rows) == 8
    assert rows[0]["transaction_type"] == SITES[site].order


def test_places_of_buyers_are_not_kept_and_other_columns_are() -> None:
    cells = {"place": "São Paulo", "account type": "Visa Crédito", "order id": ORDER}
    [row] = read(Report(SITES["BR"]).add(cells, product_sales="9"))
    assert row["extra"] == '{"tipo de conta":"Visa Crédito"}'
    assert not any("Paulo" in str(value) for value in row.values())


def test_html_entities_in_a_description_stay_as_they_are() -> None:
    [row] = read(Report(SITES["BR"]).add({"description": "S&atilde;o &amp; Co"}, product_sales="9"))
    assert row["description"] == "S&atilde;o &amp; Co"


@pytest.mark.parametrize(
    "cell, expected",
    [("Amazon", "AFN"), ("Seller", "MFN"), ("Verkäufer", "MFN"), ("Drohne", "Drohne"), ("", None)],
)
def test_who_fulfilled_is_told_in_amazons_codes(cell: str, expected: str | None) -> None:
    [row] = read(Report(DE).add({"fulfillment": cell}, product_sales="9"))
    assert row["fulfilment"] == expected


# --- unknown columns --------------------------------------------------------------------------------------------------

WIDER = Report(replace(US, columns=US.columns.replace("\nother |", "\nMoon fee | moon\nKiosk | -\nother |")))


def test_an_unknown_column_that_rows_need_is_money_unclassified() -> None:
    report = WIDER.add({}, product_sales="9.89", moon="-0.89").add({}, product_sales="1.00")
    notes, rows = read_bytes(report.text.encode())
    assert shown(rows, "amount_type", "line_kind", "amount", "extra") == [
        "product sales | PRINCIPAL | 9.89 | –",
        "Moon fee | UNCLASSIFIED | -0.89 | –",
        "product sales | PRINCIPAL | 1.00 | –",
    ]
    assert notes == ["columns of money that nsbill does not know, counted as unclassified: 'Moon fee'"]


def test_an_unknown_column_that_no_row_needs_is_kept_as_it_is() -> None:
    cells = {"moon": "17", "-": "A7", "tax collection model": "MarketplaceFacilitator"}
    rows = read(WIDER.add(cells | {"total": "9.00"}, product_sales="9"))
    assert shown(rows, "line_kind", "amount", "extra") == [
        'PRINCIPAL | 9.00 | {"tax collection model":"MarketplaceFacilitator","Moon fee":"17","Kiosk":"A7"}'
    ]


def test_an_unknown_column_named_like_a_persons_data_is_not_kept() -> None:
    text = WIDER.add({"-": "Ada"}, product_sales="9").text.replace('"Kiosk"', '"buyer name"')
    assert "Ada" not in str(read(text))


# --- ways to write amounts --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "site, cell, other, total, expected",
    [
        ("US", "\u22121,234.50", "0", "\u22121,234.50", "-1234.50"),
        ("US", "#12.30", "20", "7.70", "-12.30"),
        ("US", "$1,234.5", "0", "$1,234.5", "1234.50"),
        ("FR", "-1\u00a0234,56", "0", "-1 234,56", "-1234.56"),
        ("FR", "1\u202f234\u202f567,00 €", "0", "1\u00a0234\u00a0567,00 €", "1234567.00"),
        ("DE", "1.234", "0,50", "1.234,50", "1234.00"),
        ("DE", "-3.263,25", "0", "-3.263,25", "-3263.25"),
        ("JP", "￥6,436", "0", "6,436", "6436.00"),
        ("JP", "-￥6,436", "0", "￥-6,436", "-6436.00"),
        ("IN", "1,44,957.78", "0", "1,44,957.78", "144957.78"),
        ("US", "", "5.00", "5.00", None),
    ],
)
def test_amounts_are_read_as_their_file_writes_them(
    site: str, cell: str, other: str, total: str, expected: str | None
) -> None:
    cells = {"product sales": cell, "selling fees": other, "total": total}
    rows = read(Report(SITES[site]).add(cells))
    found = [str(row["amount"]) for row in rows if row["line_kind"] == "PRINCIPAL"]
    assert found == ([expected] if expected else [])
