"""Reading settlement reports in XML: every amount of every element, exact, or refused with the line.

No real file was at hand: the documents follow Amazon's published schema and what public readers of such files expect.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from nsbill.amazon import settlement_xml
from nsbill.amazon.labels import default_vocabulary
from nsbill.amazon.settlement_xml import SettlementXml
from nsbill.amazon.settlement_xml_records import records_of
from nsbill.amazon.store import SettlementStore
from nsbill.amazon.text import open_text
from nsbill.errors import SourceFileError
from nsbill.schemas import LINES

SETTLEMENT = "12345678901"
ORDER = "701-0000000-0000001"
POSTED = "<PostedDate>2026-06-05T10:11:12+00:00</PostedDate>"


def money(amount: str, name: str = "Amount", currency: str = "EUR") -> str:
    return f'<{name} currency="{currency}">{amount}</{name}>'


def typed(element: str, kind: str, amount: str) -> str:
    return f"<{element}><Type>{kind}</Type>{money(amount)}</{element}>"


def header(total: str = "42.00", settlement: str = SETTLEMENT, currency: str = "EUR") -> str:
    return f"""<SettlementData>
        <AmazonSettlementID>{settlement}</AmazonSettlementID>
        {money(total, "TotalAmount", currency)}
        <StartDate>2026-06-01T00:00:00+00:00</StartDate>
        <EndDate>2026-06-15T02:00:00+02:00</EndDate>
        <DepositDate>2026-06-17T00:00:00Z</DepositDate>
    </SettlementData>"""


def item(*parts: str, code: str = "04488191799396", quantity: str = "2") -> str:
    return f"""<Item><AmazonOrderItemCode>{code}</AmazonOrderItemCode><SKU>SKU-1</SKU>
        <Quantity>{quantity}</Quantity>{"".join(parts)}</Item>"""


def order(*parts: str, around: str = "", order_id: str = ORDER) -> str:
    return f"""<Order><AmazonOrderID>{order_id}</AmazonOrderID><MerchantOrderID>M-1</MerchantOrderID>
        <ShipmentID>Ship00001</ShipmentID>{around}<MarketplaceName>Amazon.de</MarketplaceName>
        <Fulfillment><MerchantFulfillmentID>AFN</MerchantFulfillmentID>{POSTED}{"".join(parts)}</Fulfillment></Order>"""


PRICES = f"<ItemPrice>{typed('Component', 'Principal', '60.00')}{typed('Component', 'Tax', '11.40')}</ItemPrice>"
FEES = f"<ItemFees>{typed('Fee', 'Commission', '-9.00')}</ItemFees>"
PROMOTION = f"<Promotion><MerchantPromotionID>P</MerchantPromotionID><Type>Shipping</Type>{money('-1.40')}</Promotion>"

REFUND = f"""<Refund><AmazonOrderID>{ORDER}</AmazonOrderID><AdjustmentID>amzn1:crow:A+b/c=</AdjustmentID>
    <MarketplaceName>Amazon.de</MarketplaceName><Fulfillment><MerchantFulfillmentID>AFN</MerchantFulfillmentID>{POSTED}
    <AdjustedItem><AmazonOrderItemCode>04488191799396</AmazonOrderItemCode>
    <MerchantAdjustmentItemID>1</MerchantAdjustmentItemID><SKU>SKU-1</SKU>
    <ItemPriceAdjustments>{typed("Component", "Principal", "-10.00")}</ItemPriceAdjustments>
    <ItemFeeAdjustments>{typed("Fee", "RefundCommission", "-0.30")}</ItemFeeAdjustments>
    <PromotionAdjustment><MerchantPromotionID>P</MerchantPromotionID><Type>Shipping</Type>{money("0.30")}</PromotionAdjustment>
    </AdjustedItem></Fulfillment></Refund>"""

ADVERTISING = f"""<AdvertisingTransactionDetails><TransactionType>Charge</TransactionType>{POSTED}
    <InvoiceId>INV-1</InvoiceId>{money("-5.00", "BaseAmount")}{money("-0.60", "TaxAmount")}
    {money("-5.60", "TransactionAmount")}</AdvertisingTransactionDetails>"""


def other(name: str, *parts: str) -> str:
    return f"""<OtherTransaction><TransactionType>{name}</TransactionType><TransactionID>T-1</TransactionID>
        {POSTED}{"".join(parts)}</OtherTransaction>"""


PLAIN = (order(item(PRICES, FEES, PROMOTION)), REFUND, other("Subscription Fee", money("-3.40")), ADVERTISING)
"""Ten lines that add up to 42.00; two units."""


def report(*records: str, data: str | None = None) -> str:
    return f"<SettlementReport>\n{header() if data is None else data}\n" + "\n".join(records) + "\n</SettlementReport>"


def envelope(*reports: str, declaration: str = '<?xml version="1.0" encoding="UTF-8"?>') -> str:
    head = "<Header><DocumentVersion>1.01</DocumentVersion><MerchantIdentifier>M</MerchantIdentifier></Header>"
    messages = "".join(f"<Message><MessageID>{n}</MessageID>{one}</Message>" for n, one in enumerate(reports, 1))
    return (
        f"{declaration}\n<AmazonEnvelope>{head}<MessageType>SettlementReport</MessageType>{messages}</AmazonEnvelope>\n"
    )


def write(path: Path, *records: str) -> Path:
    path.write_text(envelope(report(*records)), encoding="utf-8")
    return path


def read(path: Path) -> tuple[SettlementXml, list[dict[str, Any]]]:
    with tempfile.TemporaryDirectory() as scratch:
        file = SettlementXml(open_text(path, Path(scratch)), "main", default_vocabulary())
        return file, [line for _, table in file.tables() for line in table.to_pylist()]


def read_text(tmp_path: Path, text: str | bytes) -> tuple[SettlementXml, list[dict[str, Any]]]:
    path = tmp_path / "s.xml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read(path)


def read_records(tmp_path: Path, *records: str) -> list[dict[str, Any]]:
    return read(write(tmp_path / "s.xml", *records))[1]


def refusal(tmp_path: Path, text: str | bytes) -> str:
    with pytest.raises(SourceFileError) as refused:
        read_text(tmp_path, text)
    said = str(refused.value)
    assert said.startswith("s.xml")
    assert said.endswith("Nothing of this file was kept.")
    return said


def total(rows: Iterable[dict[str, Any]]) -> Decimal:
    return sum((line["amount"] for line in rows), Decimal(0))


def test_a_plain_document_ties_and_says_the_same_as_a_flat_file(tmp_path: Path) -> None:
    file, rows = read(write(tmp_path / "s.xml", *PLAIN))
    assert file.summaries[SETTLEMENT].total_amount == total(rows) == Decimal("42.00")
    shown = ("source_line", "transaction_type", "amount_type", "amount_description", "event_class", "line_kind")
    assert [tuple(line[name] for name in shown) for line in rows] == [
        (1, "Order", "ItemPrice", "Principal", "SALE", "PRINCIPAL"),
        (1, "Order", "ItemPrice", "Tax", "SALE", "TAX_PRINCIPAL"),
        (1, "Order", "ItemFees", "Commission", "SALE", "FEE_COMMISSION"),
        (1, "Order", "Promotion", "Shipping", "SALE", "PROMOTION"),
        (2, "Refund", "ItemPrice", "Principal", "REFUND", "PRINCIPAL"),
        (2, "Refund", "ItemFees", "RefundCommission", "REFUND", "FEE_REFUND_COMMISSION"),
        (2, "Refund", "Promotion", "Shipping", "REFUND", "PROMOTION"),
        (3, "Subscription Fee", "other-transaction", "Subscription Fee", "ACCOUNT", "SERVICE_FEE"),
        (4, "AdvertisingTransactionDetails", "AdvertisingTransactionDetails", "BaseAmount", "ACCOUNT", "SERVICE_FEE"),
        (4, "AdvertisingTransactionDetails", "AdvertisingTransactionDetails", "TaxAmount", "ACCOUNT", "SERVICE_FEE"),
    ]


def test_a_line_has_everything_in_place(tmp_path: Path) -> None:
    file, rows = read(write(tmp_path / "s.xml", *PLAIN))
    assert {name: rows[0][name] for name in LINES.names if name != "source_digest"} == {
        "settlement_id": SETTLEMENT,
        "seller_account": "main",
        "source_line": 1,
        "event_class": "SALE",
        "line_kind": "PRINCIPAL",
        "transaction_type": "Order",
        "amount_type": "ItemPrice",
        "amount_description": "Principal",
        "amount": Decimal("60.00"),
        "currency": "EUR",
        "order_route": "amazon_order",
        "order_reference": ORDER,
        "amazon_order_id": ORDER,
        "order_item_code": "04488191799396",
        "shipment_id": "Ship00001",
        "sku": "SKU-1",
        "quantity": 2,
        "posted_at": datetime(2026, 6, 5, 10, 11, 12, tzinfo=UTC),
        "posted_day": 20609,
        "marketplace": "Amazon.de",
        "fulfilment": "AFN",
        "adjustment_id": None,
        "extra": None,
    }
    assert rows[4]["adjustment_id"] == "amzn1:crow:A+b/c="
    assert json.loads(rows[7]["extra"]) == {"TransactionID": "T-1"}
    assert json.loads(rows[8]["extra"]) == {"TransactionType": "Charge", "InvoiceId": "INV-1"}
    stated = file.summaries[SETTLEMENT]
    assert stated.period_end == datetime(2026, 6, 15, tzinfo=UTC)
    assert stated.deposit == datetime(2026, 6, 17, tzinfo=UTC)


def test_the_tables_have_the_columns_and_types_of_the_line_schema(tmp_path: Path) -> None:
    path = write(tmp_path / "s.xml", *PLAIN)
    ((name, table),) = SettlementXml(open_text(path, tmp_path), "main", default_vocabulary()).tables()
    assert name == SETTLEMENT
    assert len(LINES.from_arrow(table)) == 10


def test_the_store_takes_a_document_that_ties_and_refuses_one_that_does_not(tmp_path: Path) -> None:
    store = SettlementStore(tmp_path / "store", seller_account="main")
    good, bad = write(tmp_path / "good.xml", *PLAIN), write(tmp_path / "bad.xml", *PLAIN[1:])
    results = store.add([good, bad])
    assert [result.state for result in results] == ["added", "refused"]
    assert "ties to 42.00 EUR" in results[0].message
    assert "the stated total of 42.00 EUR" in results[1].message
    assert store.lines()["amount"].sum() == Decimal("42.00")


def test_the_order_of_elements_does_not_matter(tmp_path: Path) -> None:
    shuffled = f"""<Order><Fulfillment><Item><Promotion>{money("-1.40")}<Type>Shipping</Type></Promotion>{FEES}
        <Quantity>2</Quantity>{PRICES}<SKU>SKU-1</SKU><AmazonOrderItemCode>04488191799396</AmazonOrderItemCode></Item>
        {POSTED}<MerchantFulfillmentID>AFN</MerchantFulfillmentID></Fulfillment><MarketplaceName>Amazon.de</MarketplaceName>
        <ShipmentID>Ship00001</ShipmentID><AmazonOrderID>{ORDER}</AmazonOrderID></Order>"""
    text = envelope(f"<SettlementReport>{shuffled}{header('61.00')}</SettlementReport>")
    file, rows = read_text(tmp_path, text)
    expected = read_records(tmp_path, order(item(PRICES, FEES, PROMOTION)))
    ignored = {"source_digest"}
    assert sorted(({k: v for k, v in line.items() if k not in ignored} for line in rows), key=str) == sorted(
        ({k: v for k, v in line.items() if k not in ignored} for line in expected), key=str
    )
    assert file.summaries[SETTLEMENT].total_amount == total(rows)


def test_units_count_once_per_item_and_are_not_lost_without_a_price(tmp_path: Path) -> None:
    rows = read_records(
        tmp_path,
        order(item(PRICES, FEES), item(PRICES, code="2", quantity="3"), item(FEES, code="3", quantity="4")),
    )
    assert [(line["order_item_code"], line["amount_type"], line["quantity"]) for line in rows] == [
        ("04488191799396", "ItemPrice", 2),
        ("04488191799396", "ItemPrice", None),
        ("04488191799396", "ItemFees", None),
        ("2", "ItemPrice", 3),
        ("2", "ItemPrice", None),
        ("3", "quantity-purchased", 4),
        ("3", "ItemFees", None),
    ]
    assert (rows[5]["amount"], rows[5]["line_kind"]) == (Decimal("0.00"), "PRINCIPAL")


def adjusted(record: str, kind: str) -> str:
    prices = f"<ItemPriceAdjustments>{typed('Component', kind, '1.00')}</ItemPriceAdjustments>"
    return f"<{record}><Fulfillment><AdjustedItem>{prices}</AdjustedItem></Fulfillment></{record}>"


MAPPED: dict[str, tuple[str, tuple[str, str, str], str, str]] = {
    "shipment fee": (
        order(around=f"<ShipmentFees>{typed('Fee', 'FBA transportation fee', '1.00')}</ShipmentFees>"),
        ("Order", "Shipment-Fees", "FBA transportation fee"),
        "SALE",
        "FEE_FBA",
    ),
    "order fee": (
        order(around=f"<OrderFee>{typed('Fee', 'FixedClosingFee', '1.00')}</OrderFee>"),
        ("Order", "order-fee", "FixedClosingFee"),
        "SALE",
        "FEE_CLOSING",
    ),
    "direct payment": (
        order(f"<DirectPayment>{typed('Component', 'CashOnDelivery', '1.00')}</DirectPayment>"),
        ("Order", "direct-payment", "CashOnDelivery"),
        "SALE",
        "TRANSFER",
    ),
    "tax withheld": (
        order(
            item(
                f"<ItemPrice>{typed('Component', 'MarketplaceFacilitatorVAT-Principal', '1.00')}</ItemPrice>",
                quantity="",
            )
        ),
        ("Order", "ItemPrice", "MarketplaceFacilitatorVAT-Principal"),
        "SALE",
        "TAX_WITHHELD",
    ),
    "older refund": (
        adjusted("Adjustment", "Principal"),
        ("Adjustment", "ItemPrice", "Principal"),
        "REFUND",
        "PRINCIPAL",
    ),
    "chargeback": (
        adjusted("Chargeback", "Tax"),
        ("Chargeback", "ItemPrice", "Tax"),
        "CHARGEBACK",
        "TAX_PRINCIPAL",
    ),
    "retrocharge": (
        f"<Retrocharge>{POSTED}<BaseTax>{money('1.00')}</BaseTax></Retrocharge>",
        ("Retrocharge", "BaseTax", ""),
        "RETROCHARGE",
        "TAX_PRINCIPAL",
    ),
    "liquidation": (
        f"<Liquidations><OrderId>{ORDER}</OrderId><Item>{typed('Component', 'LiquidationsBrokerageFee', '1.00')}</Item></Liquidations>",
        ("Liquidations", "ItemPrice", "LiquidationsBrokerageFee"),
        "ACCOUNT",
        "FEE_OTHER",
    ),
    "deal": (
        f"<SellerDealPayment><TransactionType>Fee</TransactionType>{typed('DealFee', 'RunLightningDealFee', '1.00')}</SellerDealPayment>",
        ("SellerDealPayment", "DealFee", "RunLightningDealFee"),
        "ACCOUNT",
        "SERVICE_FEE",
    ),
    "coupon": (
        f"<SellerCouponPayment><CouponFee>{money('1.00')}</CouponFee><Count>3</Count></SellerCouponPayment>",
        ("SellerCouponPayment", "CouponFee", ""),
        "ACCOUNT",
        "SERVICE_FEE",
    ),
    "other fee": (
        f"<OtherFee>{POSTED}{money('1.00')}<ReasonDescription>Postage</ReasonDescription></OtherFee>",
        ("OtherFee", "other-fee", "Postage"),
        "ACCOUNT",
        "FEE_OTHER",
    ),
    "reimbursement": (
        other(
            "WAREHOUSE_DAMAGE",
            money("1.00"),
            f"<OtherTransactionItem><SKU>S</SKU><Quantity>1</Quantity>{money('1.00')}</OtherTransactionItem>",
        ),
        ("WAREHOUSE_DAMAGE", "other-transaction", "WAREHOUSE_DAMAGE"),
        "REIMBURSEMENT",
        "REIMBURSEMENT",
    ),
    "a charge without an amount of its own": (
        other("New charge", f"<Charge>{typed('Part', 'Base', '1.00')}</Charge>"),
        ("New charge", "Part", "Base"),
        "ACCOUNT",
        "UNCLASSIFIED",
    ),
    "misc event": (
        f"<MiscEvent>{POSTED}{money('1.00')}</MiscEvent>",
        ("MiscEvent", "MiscEvent", ""),
        "ACCOUNT",
        "UNCLASSIFIED",
    ),
    "unknown element of an item": (
        order(item(f"<EcoLevy>{money('1.00')}</EcoLevy>", quantity="")),
        ("Order", "EcoLevy", ""),
        "SALE",
        "UNCLASSIFIED",
    ),
    "unknown record": (
        f"<Brand><New><Deep>{money('1.00', 'Balance')}</Deep></New></Brand>",
        ("Brand", "Deep", "Balance"),
        "ACCOUNT",
        "UNCLASSIFIED",
    ),
}


@pytest.mark.parametrize("case", MAPPED)
def test_each_element_with_an_amount_becomes_a_line(tmp_path: Path, case: str) -> None:
    record, labels, event, kind = MAPPED[case]
    (line,) = read_records(tmp_path, record)
    assert (line["transaction_type"], line["amount_type"], line["amount_description"]) == labels
    assert (line["event_class"], line["line_kind"]) == (event, kind)
    assert (line["amount"], line["quantity"]) == (Decimal("1.00"), None)


def test_points_granted_are_a_promotion_as_everywhere(tmp_path: Path) -> None:
    points = f"<CostOfPointsGranted>{money('-3.00')}</CostOfPointsGranted>"
    rows = read_records(tmp_path, order(item(PRICES, points)))
    assert [line["line_kind"] for line in rows] == ["PRINCIPAL", "TAX_PRINCIPAL", "PROMOTION"]


def test_items_of_a_transaction_stand_for_its_amount_when_they_add_up_to_it(tmp_path: Path) -> None:
    items = "".join(
        f"<OtherTransactionItem><SKU>{sku}</SKU>{money(amount)}</OtherTransactionItem>"
        for sku, amount in (("A", "1.10"), ("B", "2.20"))
    )
    rows = read_records(tmp_path, other("WAREHOUSE_LOST", money("3.30"), items))
    assert [(line["sku"], line["amount"]) for line in rows] == [("A", Decimal("1.10")), ("B", Decimal("2.20"))]
    said = refusal(tmp_path, envelope(report(other("WAREHOUSE_LOST", money("3.31"), items))))
    assert "found Amount 3.31 in OtherTransaction, whose other amounts add up to 3.30" in said


def test_an_item_without_an_amount_says_which_goods_the_transaction_is_about(tmp_path: Path) -> None:
    (line,) = read_records(
        tmp_path, other("WAREHOUSE_LOST", money("3.30"), "<OtherTransactionItem><SKU>A</SKU></OtherTransactionItem>")
    )
    assert (line["sku"], line["amount"]) == ("A", Decimal("3.30"))


def test_fees_of_a_transaction_count_beside_its_amount(tmp_path: Path) -> None:
    rows = read_records(tmp_path, other("Label", money("-3.00"), f"<Fees>{typed('Fee', 'Handling', '-0.50')}</Fees>"))
    assert [(line["amount_type"], line["amount"]) for line in rows] == [
        ("other-transaction", Decimal("-3.00")),
        ("Fees", Decimal("-0.50")),
    ]


def test_a_stated_sum_of_advertising_must_be_the_sum(tmp_path: Path) -> None:
    said = refusal(tmp_path, envelope(report(ADVERTISING.replace("-5.60", "-5.00"))))
    assert "TransactionAmount -5.00 in AdvertisingTransactionDetails, whose other amounts add up to -5.60" in said
    without_tax = ADVERTISING.replace(money("-0.60", "TaxAmount"), "").replace("-5.60", "-5.00")
    assert [line["amount"] for line in read_records(tmp_path, without_tax)] == [Decimal("-5.00")]


def test_identical_records_all_count(tmp_path: Path) -> None:
    rows = read_records(tmp_path, *[other("Micro Deposit", money("-0.01"))] * 3)
    assert [(line["source_line"], line["amount"]) for line in rows] == [(n, Decimal("-0.01")) for n in (1, 2, 3)]


def test_several_reports_come_apart(tmp_path: Path) -> None:
    second = report(
        other("Subscription Fee", money("-5.00", currency="GBP")), data=header("-5.00", "99999999999", "GBP")
    )
    path = tmp_path / "s.xml"
    path.write_text(envelope(report(*PLAIN), second), encoding="utf-8")
    file = SettlementXml(open_text(path, tmp_path), "main", default_vocabulary())
    found = [(name, total(table.to_pylist()), set(table["currency"].to_pylist())) for name, table in file.tables()]
    assert found == [(SETTLEMENT, Decimal("42.00"), {"EUR"}), ("99999999999", Decimal("-5.00"), {"GBP"})]
    assert {name: stated.total_amount for name, stated in file.summaries.items()} == {
        name: sum_ for name, sum_, _ in found
    }


def test_small_pieces_give_the_same_lines_as_large_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "s.xml", *PLAIN * 5)
    whole = read(path)[1]
    monkeypatch.setattr(settlement_xml, "_BATCH", 3)
    file = SettlementXml(open_text(path, tmp_path), "main", default_vocabulary())
    tables = [table for _, table in file.tables()]
    assert len(tables) > 5
    assert [line for table in tables for line in table.to_pylist()] == whole


def test_records_come_out_long_before_the_document_ends(tmp_path: Path) -> None:
    path = tmp_path / "s.xml"
    whole = envelope(report(*PLAIN * 200))
    path.write_text(whole[: len(whole) // 2], encoding="utf-8")
    records = records_of(open_text(path, tmp_path))
    early = [next(records).node.name for _ in range(5)]
    assert early == ["SettlementData", "Order", "Refund", "OtherTransaction", "AdvertisingTransactionDetails"]
    with pytest.raises(SourceFileError, match="The file is cut off or damaged"):
        list(records)


def test_without_a_total_nothing_is_stated(tmp_path: Path) -> None:
    data = f"<SettlementData><AmazonSettlementID>{SETTLEMENT}</AmazonSettlementID></SettlementData>"
    file, rows = read_text(tmp_path, envelope(report(*PLAIN, data=data)))
    stated = file.summaries[SETTLEMENT]
    assert (stated.total_amount, stated.currency, stated.period_start) == (None, None, None)
    assert {line["currency"] for line in rows} == {"EUR"}


def test_a_report_without_records_has_no_lines(tmp_path: Path) -> None:
    file, rows = read(write(tmp_path / "s.xml"))
    assert (rows, file.summaries[SETTLEMENT].total_amount) == ([], Decimal("42.00"))


def test_prefixes_one_long_line_and_other_encodings_change_nothing(tmp_path: Path) -> None:
    text = envelope(report(*PLAIN))
    dresses = {
        "bom": text.encode("utf-8-sig"),
        "one line": text.replace("\n", " ").encode(),
        "crlf": text.replace("\n", "\r\n").encode(),
        "prefixes": text.replace("</", "</a:")
        .replace("<", "<a:")
        .replace("<a:?", "<?")
        .replace("<a:/a:", "</a:")
        .encode(),
        "latin-1": text.replace("UTF-8", "ISO-8859-1").replace("SKU-1", "Größe").encode("latin-1"),
        "declares another": text.replace("UTF-8", "ISO-8859-1").replace("SKU-1", "Größe").encode("utf-8"),
    }
    for name, content in dresses.items():
        file, rows = read_text(tmp_path, content)
        assert total(rows) == file.summaries[SETTLEMENT].total_amount == Decimal("42.00"), name
        assert rows[0]["sku"] == (
            "Größe" if "Größe".encode() in content or "Größe".encode("latin-1") in content else "SKU-1"
        )


def test_predefined_entities_and_character_data_are_texts(tmp_path: Path) -> None:
    (line,) = read_records(tmp_path, other("Tom &amp; <![CDATA[<Jerry>]]>", money("1.00")))
    assert line["transaction_type"] == "Tom & <Jerry>"


def test_a_control_character_stays_visible_in_a_text_and_is_refused_in_an_amount(tmp_path: Path) -> None:
    (line,) = read_records(tmp_path, other("Stora\x1fge Fee", money("-1.00")))
    assert line["transaction_type"] == "Stora\ufffdge Fee"
    assert line["line_kind"] == "UNCLASSIFIED"
    _, rows = read_text(tmp_path, envelope(report(*PLAIN)).replace("<Item>", "\x02<Item>"))
    assert total(rows) == Decimal("42.00")
    assert "element" not in refusal(tmp_path, envelope(report(other("Fee", money("1\x0500.00")))))


REFUSED: dict[str, tuple[str, str]] = {
    "another currency": (other("Fee", money("1.00", currency="USD")), "an amount in USD in settlement 12345678901"),
    "a currency that is none": (
        other("Fee", money("1.00", currency="Euro")),
        "line 12, column 'Amount': found the currency 'Euro'",
    ),
    "a decimal comma": (other("Fee", money("1,00")), "line 12, column 'Amount': found '1,00'"),
    "three decimals": (other("Fee", money("1.005")), "found '1.005'"),
    "three decimals of which one is nought": (other("Fee", money("1.500")), "found '1.500'"),
    "two amounts": (other("Fee", money("1.00"), money("1.00")), "column 'Amount': found it twice in OtherTransaction"),
    "two amounts of one name": (
        order(item(f"<ItemFees><Fee><Type>Commission</Type>{money('1.00')}{money('2.00')}</Fee></ItemFees>")),
        "column 'Amount': found it twice in Fee",
    ),
    "no number": (other("Fee", money("")), "found ''"),
    "an amount with elements": (other("Fee", '<Amount currency="EUR">1.00<b/></Amount>'), "beside elements"),
    "a text between elements": (
        order("12.00", item(PRICES)),
        "line 13, column 'Fulfillment': found text or a currency beside elements",
    ),
    "a time without offset": (other("Fee", money("1.00")).replace("12+00:00", "12"), "column 'PostedDate'"),
    "a day that is none": (other("Fee", money("1.00")).replace("06-05", "02-30"), "column 'PostedDate'"),
    "half a unit": (order(item(PRICES, quantity="0.5")), "line 14, column 'Quantity': found '0.5'"),
    "two SKUs": (order(item(PRICES, "<SKU>B</SKU>")), "line 14, column 'SKU': found it twice in Item"),
    "too deep": ("<a>" * 50 + "</a>" * 50, "line 11, column 'a': found elements in 40 elements"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_trusted_is_refused_with_its_line(tmp_path: Path, case: str) -> None:
    record, expected = REFUSED[case]
    said = refusal(tmp_path, envelope(report("<MiscEvent/>", record)))
    assert expected in said
    assert said.startswith("s.xml, line 1")


HEADERS: dict[str, tuple[str, str]] = {
    "no header": ("", "settlement report 1 without it"),
    "no id": (header().replace(SETTLEMENT, ""), "column 'AmazonSettlementID': found ''"),
    "an id that is none": (header().replace(SETTLEMENT, "1.2E+10"), "found '1.2E+10'"),
    "two headers": (header() + header(), "a second SettlementData of settlement 12345678901"),
    "a total that is none": (header("many"), "column 'TotalAmount': found 'many'"),
    "a date that is none": (header().replace("2026-06-01T00:00:00+00:00", "June"), "column 'StartDate': found 'June'"),
    "other money": (
        header().replace("<StartDate>", money("5.00", "OpeningBalance") + "<StartDate>"),
        "found 5.00 in SettlementData, where nsbill knows of TotalAmount only",
    ),
    "another currency than its lines": (header(currency="USD"), "an amount in EUR in settlement"),
}


@pytest.mark.parametrize("case", HEADERS)
def test_a_header_that_cannot_be_trusted_is_refused(tmp_path: Path, case: str) -> None:
    data, expected = HEADERS[case]
    assert expected in refusal(tmp_path, envelope(report(*PLAIN, data=data)))


def test_a_settlement_twice_in_a_document_is_refused(tmp_path: Path) -> None:
    assert "Were files joined?" in refusal(tmp_path, envelope(report(*PLAIN), report(*PLAIN)))


def test_a_report_with_nothing_in_it_is_refused(tmp_path: Path) -> None:
    said = refusal(tmp_path, envelope(report(*PLAIN), "<SettlementReport>true</SettlementReport>"))
    assert "a settlement report with nothing in it" in said


def test_no_currency_anywhere_is_refused(tmp_path: Path) -> None:
    text = envelope(report(*PLAIN)).replace(' currency="EUR"', "")
    assert "no currency for settlement 12345678901" in refusal(tmp_path, text)


def test_money_outside_a_report_is_refused(tmp_path: Path) -> None:
    text = envelope(report(*PLAIN)).replace("<MessageID>", money("1.00") + "<MessageID>")
    assert "money outside every settlement report" in refusal(tmp_path, text)


def test_malformed_xml_is_refused_with_its_line(tmp_path: Path) -> None:
    lines = envelope(report(*PLAIN)).replace("</Fulfillment></Order>", "</Order>").split("\n")
    wrong = next(number for number, text in enumerate(lines, 1) if "</Order>" in text)
    said = refusal(tmp_path, "\n".join(lines))
    assert said.startswith(f"s.xml, line {wrong}: found XML that is not well-formed (mismatched tag)")


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9, 0.999])
def test_a_document_that_is_cut_off_is_refused(tmp_path: Path, share: float) -> None:
    text = envelope(report(*PLAIN)).strip()
    assert "The file is cut off or damaged" in refusal(tmp_path, text[: int(len(text) * share)])


@pytest.mark.parametrize(
    "declared",
    [
        '<!DOCTYPE AmazonEnvelope SYSTEM "http://example.com/a.dtd">',
        '<!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;&b;">]>',
        '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/hostname">]>',
        "<!DOCTYPE AmazonEnvelope>",
    ],
)
def test_document_types_and_entities_are_refused(tmp_path: Path, declared: str) -> None:
    text = envelope(report(*PLAIN), declaration=f'<?xml version="1.0"?>{declared}')
    assert "a document type or an entity (DTDForbidden)" in refusal(tmp_path, text)


def test_an_entity_that_is_not_declared_is_refused(tmp_path: Path) -> None:
    assert "undefined entity" in refusal(tmp_path, envelope(report(other("&bomb;", money("1.00")))))


def test_another_document_is_refused(tmp_path: Path) -> None:
    assert "a document of Report" in refusal(tmp_path, "<Report><AmazonEnvelope/></Report>")
    assert "no settlement report" in refusal(tmp_path, "<AmazonEnvelope><Message><Order/></Message></AmazonEnvelope>")
