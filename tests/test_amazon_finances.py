"""Reading answers of the Finances API: every amount, adding up to what Amazon states, or refused with its place."""

from __future__ import annotations

import json
import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from finances_documents import (
    ORDER,
    Json,
    breakdown,
    cash,
    charges,
    deferred,
    events,
    item,
    page,
    related,
    shipment,
    text_of,
    transaction,
    write,
)

from nsbill.amazon.finances_events import FinancesEvents
from nsbill.amazon.finances_lists import LISTS
from nsbill.amazon.finances_transactions import FinancesTransactions
from nsbill.amazon.labels import default_vocabulary
from nsbill.amazon.text import open_text
from nsbill.errors import SourceFileError
from nsbill.schemas import ACTIVITY

Row = dict[str, Any]


def read_text(text: str, reader: type[FinancesTransactions | FinancesEvents]) -> tuple[list[str], list[Row]]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "answer.json"
        path.write_text(text, encoding="utf-8")
        file = reader(open_text(path, Path(folder)), "main", default_vocabulary())
        tables = list(file.tables())
    for table in tables:
        ACTIVITY.from_arrow(table)
    return file.notes, [row for table in tables for row in table.to_pylist()]


def read(*documents: Any) -> list[Row]:
    return read_text("\n".join(text_of(document) for document in documents), FinancesTransactions)[1]


def read_events(**lists: Any) -> list[Row]:
    return read_text(text_of(events(**lists)), FinancesEvents)[1]


def refusal(text: str, reader: type[FinancesTransactions | FinancesEvents] = FinancesTransactions) -> str:
    with pytest.raises(SourceFileError) as refused:
        read_text(text, reader)
    assert str(refused.value).startswith("answer.json")
    return str(refused.value)


def total(rows: list[Row]) -> Decimal:
    return sum((row["amount"] for row in rows), Decimal(0))


def shown(rows: list[Row], *names: str) -> list[str]:
    return [" | ".join("–" if row[name] is None else str(row[name]) for name in names) for row in rows]


LABELS = ("transaction_type", "amount_type", "amount_description", "event_class", "line_kind", "amount")


# --- listTransactions -------------------------------------------------------------------------------------------------


def test_the_leaves_of_the_breakdowns_are_the_amounts_of_a_sale() -> None:
    rows = read(page(transaction()))
    assert shown(rows, *LABELS) == [
        "Shipment | Tax | OurPriceTax | SALE | TAX_PRINCIPAL | 3.00",
        "Shipment | Tax | ShippingTax | SALE | TAX_SHIPPING | 0.65",
        "Shipment | ProductCharges | OurPricePrincipal | SALE | PRINCIPAL | 59.98",
        "Shipment | Shipping | ShippingPrincipal | SALE | SHIPPING | 5.00",
        "Shipment | PromoRebates | ShippingDiscount | SALE | PROMOTION | -5.00",
        "Shipment | AmazonFees/Commission | Base | SALE | FEE_COMMISSION | -9.00",
        "Shipment | AmazonFees/Commission | Tax | SALE | FEE_COMMISSION | -0.63",
        "Shipment | AmazonFees | FBAPerUnitFulfillmentFee | SALE | FEE_FBA | -8.10",
        "Shipment | AmazonFees | MarketplaceFacilitatorTax-Principal | SALE | TAX_WITHHELD | -3.65",
    ]
    assert total(rows) == Decimal("42.25")


def test_everything_else_that_is_known_stands_in_its_column() -> None:
    row = read(page(transaction(1, more={"SETTLEMENT_ID": "23874396421", "REFUND_ID": "R1", "INVOICE_ID": "I1"})))[2]
    names = [name for name in ACTIVITY.names if name not in {*LABELS, "source_digest", "extra"}]
    assert {name: str(row[name]) for name in names if row[name] is not None} == {
        "settlement_id": "23874396421",
        "seller_account": "main",
        "source_line": "1",
        "currency": "CAD",
        "order_route": "amazon_order",
        "order_reference": ORDER,
        "amazon_order_id": ORDER,
        "shipment_id": "311651872",
        "sku": "SKU-1",
        "quantity": "2",
        "posted_at": "2026-03-01 10:11:12+00:00",
        "posted_day": "20513",
        "marketplace": "Amazon.ca",
        "fulfilment": "AFN",
        "adjustment_id": "R1",
        "source_format": "FINANCES_TRANSACTIONS",
        "transaction_id": "T1",
        "transaction_status": "RELEASED",
        "released_at": "2026-03-01 10:11:12+00:00",
        "financial_event_group_id": "G1",
        "description": "Order Payment",
    }
    assert json.loads(row["extra"]) == {
        "INVOICE_ID": "I1",
        "ORDER_ADJUSTMENT_ITEM_ID": "10962675915",
        "accountType": "Standard Orders",
        "asin": "B000000001",
    }


def test_units_count_once_per_item_and_not_on_goodwill() -> None:
    first = item("ProductCharges/OurPricePrincipal = 10.00\n ProductCharges/OurPriceTax = 1.00", sku="A", quantity=2)
    second = item("ProductCharges/OurPricePrincipal = 10.00\n ProductCharges/OurPrincipal = 1.00", sku="A", quantity=2)
    goodwill = item("ProductCharges/GoodwillPrincipal = -1.00\n ProductCharges/OurPricePrincipal = -5.00", quantity=1)
    rows = read(page(transaction(items=[first, second, goodwill])))
    assert [row["quantity"] for row in rows] == [2, None, 2, None, None, 1]


def test_deferred_money_says_why_and_until_when_and_is_not_released() -> None:
    (row, *_) = read(page(deferred()))
    assert shown([row], "transaction_status", "deferral_reason", "maturity_at", "released_at") == [
        "DEFERRED | DD7 | 2026-03-20 00:00:00+00:00 | –"
    ]


def test_the_reason_may_stand_with_the_item() -> None:
    context = {"contextType": "DeferredContext", "deferralReason": "B2B", "maturityDate": "2026-03-20T02:00:00+02:00"}
    one = item()
    one["contexts"].append(context)
    (row, *_) = read(page(transaction(status="DEFERRED", items=[one])))
    assert shown([row], "deferral_reason", "maturity_at") == ["B2B | 2026-03-20 00:00:00+00:00"]


def test_a_deferred_transaction_and_its_release_are_both_kept_and_name_each_other() -> None:
    first = deferred(1, status="DEFERRED_RELEASED", more={"RELEASE_TRANSACTION_ID": "T9"})
    second = transaction(9, more={"DEFERRED_TRANSACTION_ID": "T1"})
    rows = read(page(first, second))
    by_status = {row["transaction_status"]: row for row in rows}
    assert json.loads(by_status["DEFERRED_RELEASED"]["extra"])["RELEASE_TRANSACTION_ID"] == "T9"
    assert json.loads(by_status["RELEASED"]["extra"])["DEFERRED_TRANSACTION_ID"] == "T1"
    assert by_status["DEFERRED_RELEASED"]["released_at"] is None
    assert total(rows) == 2 * Decimal("42.25")


@pytest.mark.parametrize(
    "status, expected", [("Released", "RELEASED"), ("deferred", "DEFERRED"), (None, None), ("", None)]
)
def test_the_status_is_told_in_any_case_and_its_absence_stays_absent(status: str | None, expected: str | None) -> None:
    (row, *_) = read(page(transaction(status=status)))
    assert row["transaction_status"] == expected
    assert (row["released_at"] is not None) == (expected == "RELEASED")


def test_what_the_total_of_a_breakdown_says_beyond_its_parts_is_a_row_of_its_own() -> None:
    one = item()
    one["breakdowns"][4]["breakdowns"][0]["breakdownAmount"]["currencyAmount"] = "-9.99"  # the commission: 0.36 more
    rows = read(page(transaction(items=[one])))
    assert shown([row for row in rows if row["line_kind"] == "UNCLASSIFIED"], *LABELS) == [
        "Shipment | AmazonFees/Commission | not broken down | SALE | UNCLASSIFIED | -0.36",
        "Shipment | AmazonFees | not broken down | SALE | UNCLASSIFIED | 0.36",
    ]
    assert total(rows) == Decimal("42.25")


def test_what_the_total_of_an_item_or_transaction_says_beyond_its_parts_is_a_row_of_its_own() -> None:
    one = item()
    one["totalAmount"]["currencyAmount"] = "42.00"
    rows = read(page(transaction(items=[one], total="45.00")))
    assert shown(rows[-2:], *LABELS, "sku") == [
        "Shipment | items totalAmount | not broken down | SALE | UNCLASSIFIED | -0.25 | SKU-1",
        "Shipment | totalAmount | not broken down | SALE | UNCLASSIFIED | 3.00 | –",
    ]
    assert total(rows) == Decimal("45.00")


def test_a_transaction_without_any_breakdown_keeps_its_total() -> None:
    bare = item()
    bare["breakdowns"] = None
    rows = read(page(transaction(items=[bare]), transaction(2, items=[], total="-7.00")))
    assert shown(rows, "amount_description", "line_kind", "amount", "sku") == [
        "not broken down | UNCLASSIFIED | 42.25 | SKU-1",
        "not broken down | UNCLASSIFIED | -7.00 | –",
    ]


def test_breakdowns_of_the_transaction_count_when_no_item_has_any() -> None:
    lost = item("x = 6.22")
    lost["breakdowns"] = None
    node = breakdown("Sales/FBAInventoryReimbursement = 6.22")
    nothing = [{"breakdownType": "Expenses", "breakdownAmount": {"currencyAmount": "0", "currencyCode": "CAD"}}]
    kind = "FBAInventoryReimbursement"
    rows = read(page(transaction(items=[lost], transactionType=kind, breakdowns=node + nothing)))
    assert shown(rows, *LABELS, "sku", "quantity") == [
        f"{kind} | Sales | {kind} | REIMBURSEMENT | REIMBURSEMENT | 6.22 | SKU-1 | –"
    ]


def test_breakdowns_of_the_transaction_are_not_added_to_those_of_its_items() -> None:
    rows = read(page(transaction(breakdowns=breakdown("Sales/ProductCharges = 63.63\n Expenses/AmazonFees = -21.38"))))
    assert total(rows) == Decimal("42.25")


def test_breakdowns_may_be_wrapped_in_an_object_of_the_same_name() -> None:
    wrapped = {"breakdowns": breakdown("Sales/ProductCharges = 10.00")}
    rows = read(page(transaction(items=[], total="10.00", breakdowns=wrapped)))
    assert shown(rows, *LABELS) == ["Shipment | Sales | ProductCharges | SALE | PRINCIPAL | 10.00"]


@pytest.mark.parametrize(
    "kind, path, meaning",
    [
        ("Refund", "ProductCharges/OurPricePrincipal", "REFUND PRINCIPAL"),
        ("Refund", "AmazonFees/RefundCommission/Base", "REFUND FEE_REFUND_COMMISSION"),
        ("Refund", "ProductCharges/RestockingDeductionPrincipal", "REFUND PRINCIPAL"),
        ("Shipment", "AmazonFees/FBAPerUnitFulfillmentFee/Promo", "SALE FEE_FBA"),
        ("Shipment", "AmazonFees/ShippingChargeback", "SALE FEE_SHIPPING_CHARGEBACK"),
        ("Shipment", "Giftwrap/GiftwrapPrincipal", "SALE GIFT_WRAP"),
        ("Shipment", "PromoRebates/OurPriceTaxDiscount", "SALE TAX_OTHER"),
        ("Shipment", "LowValueGoodsTax/LowValueGoodsTax-Principal", "SALE TAX_WITHHELD"),
        ("Shipment", "Expenses/AmazonFees", "SALE FEE_OTHER"),
        ("Retrocharge", "Sales/BaseTax", "RETROCHARGE TAX_PRINCIPAL"),
        ("ServiceFee", "Expenses/FBAStorageFee", "ACCOUNT SERVICE_FEE"),
        ("ProductAdsPayment", "Expenses/AdvertisingFee", "ACCOUNT SERVICE_FEE"),
        ("Adjustment", "Sales/ReserveDebit", "ACCOUNT RESERVE"),
        ("RemovalShipment", "Sales/RecommerceLiquidation", "ACCOUNT PRINCIPAL"),
        ("RemovalShipment", "Expenses/AmazonFees", "ACCOUNT FEE_OTHER"),
        ("Transfer", "Expenses/FundTransfer", "ACCOUNT TRANSFER"),
        ("Shipment", "AmazonFees/MoonFee", "SALE UNCLASSIFIED"),
        ("Moon", "ProductCharges/OurPricePrincipal", "ACCOUNT PRINCIPAL"),
    ],
)
def test_each_name_has_its_meaning(kind: str, path: str, meaning: str) -> None:
    (row,) = read(page(transaction(items=[item(f"{path} = 1.00")], transactionType=kind)))
    assert f"{row['event_class']} {row['line_kind']}" == meaning


def test_equal_records_without_id_are_all_kept() -> None:
    one = transaction(transactionId=None)
    assert len(read(page(one, one))) == 18


DRESSES: dict[str, str] = {
    "one answer": text_of(page(transaction(1), transaction(2))),
    "indented": text_of(page(transaction(1), transaction(2)), indent=2),
    "payload only": text_of(page(transaction(1), transaction(2))["payload"]),
    "pages in a list": text_of([page(transaction(1), token="x"), page(), page(transaction(2))]),
    "one answer per line": "\n".join(text_of(page(transaction(n))) for n in (1, 2)),
    "one transaction per line": "\n".join(text_of(transaction(n)) for n in (1, 2)) + "\n",
    "a list of transactions": text_of([transaction(1), transaction(2)]),
    "answer with its status": text_of({"statusCode": 200} | page(transaction(1), transaction(2))),
    "byte order mark": "\ufeff" + text_of(page(transaction(1), transaction(2))),
    "windows line ends": text_of(page(transaction(1), transaction(2)), indent=1).replace("\n", "\r\n"),
    "amounts as text": text_of(page(transaction(1), transaction(2))).replace("59.98", '"59.98"'),
}


@pytest.mark.parametrize("dress", DRESSES)
def test_each_dress_of_an_answer_gives_the_same_rows(dress: str) -> None:
    def plain(text: str) -> list[Row]:
        return [row | {"source_digest": ""} for row in read_text(text, FinancesTransactions)[1]]

    rows = plain(DRESSES[dress])
    assert rows == plain(DRESSES["one answer"])
    assert {row["source_line"] for row in rows} == {1, 2}


def test_an_empty_page_has_no_rows() -> None:
    assert read(page()) == read({"payload": {}}, page()) == []


def test_a_page_that_names_another_one_is_said() -> None:
    assert read_text(text_of(page(transaction(), token="x")), FinancesTransactions)[0] == [
        "its last page names a next page: add that too"
    ]
    assert read_text(text_of([page(transaction(), token="x"), page()]), FinancesTransactions)[0] == []


def test_amounts_larger_than_a_binary_number_can_hold_stay_exact() -> None:
    rows = read(page(transaction(items=[item("ProductCharges/OurPricePrincipal = 9007199254740993.11")])))
    assert total(rows) == Decimal("9007199254740993.11")


def changed(path: str, value: Any) -> str:
    """The text of an answer with one value replaced, or removed when the value is ``...``."""
    answer: Any = json.loads(text_of(page(transaction())))
    node, *rest = [answer["payload"]["transactions"][0]], *path.split("/")
    here: Any = node[0]
    for key in rest[:-1]:
        here = here[int(key) if key.isdigit() else key]
    last = int(rest[-1]) if rest[-1].isdigit() else rest[-1]
    if value is ...:
        del here[last]
    else:
        here[last] = value
    return json.dumps(answer)


LEAF = "items/0/breakdowns/0/breakdowns/0/breakdownAmount"

REFUSED: dict[str, tuple[str, list[str]]] = {
    "three decimals": (changed(f"{LEAF}/currencyAmount", 3.001), ["found 3.001", "at most two decimals", "does not round"]),
    "amount as text that is none": (changed(f"{LEAF}/currencyAmount", "3,00"), ["found 3,00", "currencyAmount"]),
    "amount null": (changed(f"{LEAF}/currencyAmount", None), ["found null", "expected a number"]),
    "amount true": (changed(f"{LEAF}/currencyAmount", True), ["found true or false", "expected a number"]),
    "amount too large": (changed(f"{LEAF}/currencyAmount", 10**16), ["found 10000000000000000"]),
    "no currency": (changed(f"{LEAF}/currencyCode", ...), ["currencyCode", "found null", "three capital letters"]),
    "small currency": (changed(f"{LEAF}/currencyCode", "cad"), ["found 'cad'"]),
    "two currencies in an item": (changed(f"{LEAF}/currencyCode", "USD"), ["an amount in USD", "currency CAD"]),
    "two currencies in totals": (changed("items/0/totalAmount/currencyCode", "USD"), ["items 1 totalAmount", "USD"]),
    "a bare number": (changed(LEAF, 3), ["found '3'", "an amount with its currency"]),
    "leaf without amount": (changed(LEAF, ...), ["a breakdown 'OurPriceTax' without amount"]),
    "no total": (changed("totalAmount", ...), ["transactions 1 totalAmount", "found nothing"]),
    "time without zone": (changed("postedDate", "2026-03-01T10:11:12"), ["without a time zone", "postedDate"]),
    "no time": (changed("postedDate", "yesterday"), ["found 'yesterday'"]),
    "unknown status": (changed("transactionStatus", "HELD"), ["found 'HELD'", "DEFERRED or RELEASED or DEFERRED_RELEASED"]),
    "quantity": (changed("items/0/contexts/0/quantityShipped", 1.5), ["quantityShipped", "a whole number"]),
    "id is a list": (changed("transactionId", []), ["transactionId", "found a list"]),
    "items is a text": (changed("items", "none"), ["items", "expected a list"]),
    "item is a number": (changed("items", [1]), ["items 1", "expected an object"]),
    "the same transaction twice": (text_of(page(transaction(1), transaction(1))), ["T1 again", "also the 1. of the file"]),
    "the same page twice": ("\n".join([text_of(page(transaction(1)))] * 2), ["document 2", "fetched or joined twice"]),
    "errors": ('{"errors": [{"code": "QuotaExceeded"}]}', ["an answer with errors"]),
    "errors among pages": (text_of([page(transaction()), {"errors": [{}]}]), ["document 2", "an answer with errors"]),
    "something else": ('{"transactions_": 1}', ["an object without transactions"]),
    "not a number": (text_of(page(transaction())).replace("59.98", "NaN"), ["found NaN"]),
    "a key twice": (text_of(page(transaction())).replace('"asin"', '"sku"'), ["'sku'", "the key twice"]),
    "cut off": (text_of(page(transaction()))[:-3], ["line 1", "cut off"]),
    "no json": (text_of(page(transaction())).replace(",", ";", 1), ["line 1", "no JSON"]),
    "prose behind": (text_of(page(transaction())) + "\nThe end", ["line 2", "no JSON"]),
    "a text": ('"transactions"', ["document 1", "found 'transactions'"]),
    "endless nesting": ("[" * 100_000, ["JSON that cannot be read"]),
    "endless number": (text_of(page(transaction())).replace("59.98", "9" * 5000), ["JSON that cannot be read"]),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_a_document_that_cannot_be_trusted_is_refused_with_its_place(case: str) -> None:
    text, expected = REFUSED[case]
    message = refusal(text)
    assert [part for part in expected if part not in message] == []


def test_the_place_of_a_fault_is_named_down_to_the_key() -> None:
    message = refusal(changed(f"{LEAF}/currencyAmount", 3.001))
    place = "document 1 payload transactions 1 items 1 breakdowns 1 breakdowns 1 breakdownAmount currencyAmount"
    assert f"column '{place}'" in message


# --- listFinancialEvents, v0 ------------------------------------------------------------------------------------------


def test_a_shipment_event_gives_every_charge_fee_tax_and_promotion() -> None:
    rows = read_events(ShipmentEventList=[shipment()])
    assert shown(rows, *LABELS) == [
        "ShipmentEventList | ItemChargeList | Principal | SALE | PRINCIPAL | 59.98",
        "ShipmentEventList | ItemChargeList | Tax | SALE | TAX_PRINCIPAL | 3.65",
        "ShipmentEventList | ItemChargeList | ShippingCharge | SALE | SHIPPING | 5.00",
        "ShipmentEventList | ItemFeeList | Commission | SALE | FEE_COMMISSION | -9.63",
        "ShipmentEventList | ItemFeeList | FBAPerUnitFulfillmentFee | SALE | FEE_FBA | -8.10",
        "ShipmentEventList | ItemTaxWithheldList/TaxesWithheld | MarketplaceFacilitatorTax-Principal | SALE | TAX_WITHHELD | -3.65",
        "ShipmentEventList | PromotionList | PromotionMetaDataDefinitionValue | SALE | PROMOTION | -5.00",
    ]
    assert total(rows) == Decimal("42.25")
    keys = ("amazon_order_id", "order_item_code", "sku", "marketplace", "source_format", "transaction_status")
    assert set(shown(rows, *keys)) == {f"{ORDER} | 5518293011 | SKU-1 | Amazon.ca | FINANCES_EVENTS | –"}
    assert [row["quantity"] for row in rows] == [2, None, None, None, None, None, None]
    assert json.loads(rows[-1]["extra"])["PromotionId"] == "Free"


def test_signs_of_fees_stay_as_amazon_gives_them() -> None:
    one = {"SellerSKU": "A", "ItemFeeList": charges("Fee", "Commission = 9.63; FBAPerUnitFulfillmentFee = -8.10")}
    rows = read_events(ShipmentEventList=[shipment(ShipmentItemList=[one])])
    assert [str(row["amount"]) for row in rows] == ["9.63", "-8.10"]


def test_a_refund_event_gives_its_adjustments() -> None:
    one = {
        "SellerSKU": "A",
        "OrderAdjustmentItemId": "77",
        "QuantityShipped": 1,
        "ItemChargeAdjustmentList": charges("Charge", "Principal = -29.99; RestockingFee = 3.00"),
        "ItemFeeAdjustmentList": charges("Fee", "Commission = 4.50; RefundCommission = -0.90"),
        "PromotionAdjustmentList": [{"PromotionType": "Promo", "PromotionAmount": cash("1.00")}],
        "CostOfPointsReturned": cash("0.50"),
    }
    event = shipment(ShipmentItemList=None, ShipmentItemAdjustmentList=[one])
    rows = read_events(RefundEventList=[event])
    assert shown(rows, "amount_type", "amount_description", "event_class", "line_kind", "amount", "quantity") == [
        "ItemChargeAdjustmentList | Principal | REFUND | PRINCIPAL | -29.99 | 1",
        "ItemChargeAdjustmentList | RestockingFee | REFUND | PRINCIPAL | 3.00 | –",
        "ItemFeeAdjustmentList | Commission | REFUND | FEE_COMMISSION | 4.50 | –",
        "ItemFeeAdjustmentList | RefundCommission | REFUND | FEE_REFUND_COMMISSION | -0.90 | –",
        "PromotionAdjustmentList | Promo | REFUND | PROMOTION | 1.00 | –",
        "CostOfPointsReturned | CostOfPointsReturned | REFUND | PROMOTION | 0.50 | –",
    ]
    assert json.loads(rows[0]["extra"])["OrderAdjustmentItemId"] == "77"


def test_amounts_of_the_whole_order_have_no_item() -> None:
    event = shipment(
        ShipmentItemList=[],
        OrderChargeList=charges("Charge", "CODOrderCharge = 2.00"),
        ShipmentFeeList=charges("Fee", "FBATransportationFee = -3.00"),
        DirectPaymentList=charges("DirectPayment", "CollectOnDeliveryRevenue = -2.00"),
    )
    rows = read_events(ShipmentEventList=[event])
    assert shown(rows, "amount_description", "line_kind", "sku") == [
        "CODOrderCharge | SHIPPING | –",
        "FBATransportationFee | FEE_FBA | –",
        "CollectOnDeliveryRevenue | TRANSFER | –",
    ]


EVENTS: dict[str, tuple[str, Json, list[str]]] = {
    "advertising": (
        "ProductAdsPaymentEventList",
        {"postedDate": "2026-03-01T00:00:00Z", "transactionType": "charge", "baseValue": cash("-10.00"),
         "taxValue": cash("-1.20"), "transactionValue": cash("-11.20")},
        ["baseValue | charge | ACCOUNT | SERVICE_FEE | -10.00", "taxValue | charge | ACCOUNT | SERVICE_FEE | -1.20"],
    ),
    "advertising whose parts are not its sum": (
        "ProductAdsPaymentEventList",
        {"transactionType": "charge", "baseValue": cash("-10.00"), "transactionValue": cash("-11.20")},
        ["baseValue | charge | ACCOUNT | SERVICE_FEE | -10.00",
         "transactionValue | not broken down | ACCOUNT | UNCLASSIFIED | -1.20"],
    ),
    "adjustment with items": (
        "AdjustmentEventList",
        {"AdjustmentType": "FBAInventoryReimbursement", "AdjustmentAmount": cash("20.00"),
         "AdjustmentItemList": [{"SellerSKU": "A", "Quantity": "2", "PerUnitAmount": cash("10.00"), "TotalAmount": cash("20.00")}]},
        ["TotalAmount | FBAInventoryReimbursement | REIMBURSEMENT | REIMBURSEMENT | 20.00"],
    ),
    "adjustment without items": (
        "AdjustmentEventList",
        {"AdjustmentType": "ReserveDebit", "AdjustmentAmount": cash("-20.00"), "AdjustmentItemList": []},
        ["AdjustmentAmount | ReserveDebit | ACCOUNT | RESERVE | -20.00"],
    ),
    "safe-t": (
        "SAFETReimbursementEventList",
        {"ReimbursedAmount": cash("5.00"), "SAFETReimbursementItemList": [
            {"itemChargeList": charges("Charge", "SAFE-TReimbursement = 5.00"), "quantity": "1"}]},
        ["itemChargeList | SAFE-TReimbursement | REIMBURSEMENT | REIMBURSEMENT | 5.00"],
    ),
    "retrocharge": (
        "RetrochargeEventList",
        {"RetrochargeEventType": "Retrocharge", "AmazonOrderId": ORDER, "BaseTax": cash("2.00"), "ShippingTax": cash("0.50"),
         "RetrochargeTaxWithheldList": [{"TaxesWithheld": charges("Charge", "MarketplaceFacilitatorTax-Principal = -2.00")}]},
        ["BaseTax | Retrocharge | RETROCHARGE | TAX_PRINCIPAL | 2.00",
         "ShippingTax | Retrocharge | RETROCHARGE | TAX_SHIPPING | 0.50",
         "RetrochargeTaxWithheldList/TaxesWithheld | MarketplaceFacilitatorTax-Principal | RETROCHARGE | TAX_WITHHELD | -2.00"],
    ),
    "service fee": (
        "ServiceFeeEventList",
        {"FeeReason": "FBA storage", "FeeList": charges("Fee", "FBAStorageFee = -3.00")},
        ["FeeList | FBAStorageFee | ACCOUNT | SERVICE_FEE | -3.00"],
    ),
    "fee amount in a list": (
        "ServiceFeeEventList",
        {"FeeList": [{"FeeType": "LabelingFee", "FeeAmount": [cash("-0.75")]}]},
        ["FeeList | LabelingFee | ACCOUNT | SERVICE_FEE | -0.75"],
    ),
    "coupon": (
        "CouponPaymentEventList",
        {"CouponId": "C", "FeeComponent": charges("Fee", "CouponRedemptionFee = -0.60")[0],
         "ChargeComponent": charges("Charge", "Tax = -0.05")[0], "TotalAmount": cash("-0.65")},
        ["FeeComponent | CouponRedemptionFee | ACCOUNT | SERVICE_FEE | -0.60",
         "ChargeComponent | Tax | ACCOUNT | SERVICE_FEE | -0.05"],
    ),
    "debt": (
        "DebtRecoveryEventList",
        {"DebtRecoveryType": "DebtPayment", "RecoveryAmount": cash("9.00"), "DebtRecoveryItemList":
         [{"RecoveryAmount": cash("9.00"), "OriginalAmount": cash("12.00")}],
         "ChargeInstrumentList": [{"Description": "card", "Amount": cash("9.00")}]},
        ["RecoveryAmount | DebtPayment | ACCOUNT | TRANSFER | 9.00"],
    ),
    "liquidation": (
        "FBALiquidationEventList",
        {"LiquidationProceedsAmount": cash("4.00"), "LiquidationFeeAmount": cash("-1.00")},
        ["LiquidationProceedsAmount | LiquidationProceedsAmount | ACCOUNT | PRINCIPAL | 4.00",
         "LiquidationFeeAmount | LiquidationFeeAmount | ACCOUNT | FEE_OTHER | -1.00"],
    ),
    "removal": (
        "RemovalShipmentEventList",
        {"OrderId": "R-1", "TransactionType": "WHOLESALE_LIQUIDATION", "RemovalShipmentItemList": [
            {"Quantity": 3, "Revenue": cash("6.00"), "FeeAmount": cash("-1.00"), "TaxAmount": cash("0.50"), "TaxWithheld": cash("-0.50")}]},
        ["Revenue | WHOLESALE_LIQUIDATION | ACCOUNT | PRINCIPAL | 6.00",
         "FeeAmount | WHOLESALE_LIQUIDATION | ACCOUNT | FEE_OTHER | -1.00",
         "TaxAmount | WHOLESALE_LIQUIDATION | ACCOUNT | TAX_PRINCIPAL | 0.50",
         "TaxWithheld | WHOLESALE_LIQUIDATION | ACCOUNT | TAX_WITHHELD | -0.50"],
    ),
    "tax withholding": (
        "TaxWithholdingEventList",
        {"BaseAmount": cash("100.00"), "WithheldAmount": cash("-1.00")},
        ["WithheldAmount | WithheldAmount | ACCOUNT | TAX_WITHHELD | -1.00"],
    ),
    "affordability": (
        "AffordabilityExpenseEventList",
        {"TransactionType": "Charge", "BaseExpense": cash("-1.00"), "TaxTypeCGST": cash("-0.09"), "TaxTypeSGST": cash("-0.09"),
         "TaxTypeIGST": cash("0.00"), "TotalExpense": cash("-1.18")},
        ["BaseExpense | Charge | ACCOUNT | SERVICE_FEE | -1.00", "TaxTypeCGST | Charge | ACCOUNT | SERVICE_FEE | -0.09",
         "TaxTypeSGST | Charge | ACCOUNT | SERVICE_FEE | -0.09"],
    ),
    "failed disbursement": (
        "FailedAdhocDisbursementEventList",
        {"FundsTransfersType": "Refund", "TransferAmount": cash("7.00")},
        ["TransferAmount | Refund | ACCOUNT | TRANSFER | 7.00"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", EVENTS)
def test_each_list_counts_its_money_once(case: str) -> None:
    name, event, expected = EVENTS[case]
    rows = read_events(**{name: [event]})
    assert shown(rows, "amount_type", "amount_description", "event_class", "line_kind", "amount") == expected
    assert {row["transaction_type"] for row in rows} == {name}


def test_a_list_that_amazon_gives_as_one_object_is_a_list_of_one() -> None:
    name, event, _ = EVENTS["failed disbursement"]
    assert read_events(**{name: event}) != []


def test_amounts_that_move_no_money_stand_beside_the_rows() -> None:
    (row,) = read_events(DebtRecoveryEventList=[EVENTS["debt"][1]])
    assert json.loads(row["extra"]) == {
        "DebtRecoveryItemList/1/RecoveryAmount": "9.00 CAD",
        "DebtRecoveryItemList/1/OriginalAmount": "12.00 CAD",
        "ChargeInstrumentList/1/Amount": "9.00 CAD",
    }
    (row,) = read_events(TaxWithholdingEventList=[EVENTS["tax withholding"][1]])
    assert json.loads(row["extra"]) == {"BaseAmount": "100.00 CAD"}


def test_amounts_of_an_unknown_list_are_all_kept_unclassified_and_said() -> None:
    odd = {"Deep": {"Deeper": [{"ChargeType": "Commission", "ChargeAmount": cash("1.00")}, {"Other": cash("2.00")}]}}
    text = text_of(events(MoonEventList=[odd, {"TotalAmount": cash("4.00", "USD")}]))
    notes, rows = read_text(text, FinancesEvents)
    assert shown(rows, *LABELS, "currency") == [
        "MoonEventList | Deep/Deeper | Commission | ACCOUNT | UNCLASSIFIED | 1.00 | CAD",
        "MoonEventList | Other | Other | ACCOUNT | UNCLASSIFIED | 2.00 | CAD",
        "MoonEventList | TotalAmount | TotalAmount | ACCOUNT | UNCLASSIFIED | 4.00 | USD",
    ]
    assert notes == ["3 amounts under MoonEventList, which nsbill does not know: UNCLASSIFIED"]


def test_records_are_numbered_through_all_lists_and_pages() -> None:
    pages = [
        events(ShipmentEventList=[shipment()], RefundEventList=[shipment()]),
        events(ShipmentEventList=[shipment()]),
    ]
    _, rows = read_text(text_of(pages), FinancesEvents)
    assert sorted({row["source_line"] for row in rows}) == [1, 2, 3]


def test_every_list_of_amazons_model_is_known() -> None:
    assert len(LISTS) == 33
    assert all(name.endswith("EventList") for name in LISTS)


REFUSED_EVENTS: dict[str, tuple[Json, list[str]]] = {
    "three decimals": (
        {"ShipmentEventList": [shipment(ShipmentFeeList=charges("Fee", "X = 1.001"))]},
        ["ShipmentEventList 1 ShipmentFeeList 1 FeeAmount CurrencyAmount", "found 1.001"],
    ),
    "no currency": (
        {"MoonEventList": [{"Amount": {"CurrencyAmount": "1.00"}}]},
        ["MoonEventList 1 Amount CurrencyCode", "three capital letters"],
    ),
    "two currencies against one total": (
        {"CouponPaymentEventList": [{"FeeComponent": charges("Fee", "X = 1.00", "USD")[0], "TotalAmount": cash("1.00")}]},
        ["amounts in USD", "CAD"],
    ),
    "list is a text": ({"ShipmentEventList": "none"}, ["ShipmentEventList", "expected a list"]),
    "a bare number": ({"MoonEventList": [{"Amount": "bare"}]}, ["Amount", "the bare number 12.5"]),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED_EVENTS)
def test_events_that_cannot_be_trusted_are_refused_with_their_place(case: str) -> None:
    lists, expected = REFUSED_EVENTS[case]
    message = refusal(text_of(events(**lists)).replace('"bare"', "12.5"), FinancesEvents)
    assert [part for part in expected if part not in message] == []


def test_several_order_ids_of_one_transaction_are_not_chosen_from() -> None:
    ids = related(ORDER_ID=ORDER) + related(ORDER_ID="701-2222222-2222222") + related(ORDER_ID=ORDER)
    (row, *_) = read(page(transaction(relatedIdentifiers=ids)))
    assert shown([row], "order_reference", "order_route", "amazon_order_id") == [
        f"{ORDER}, 701-2222222-2222222 | malformed | –"
    ]


def test_a_file_on_the_disk_is_read_like_its_text(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", page(transaction()))
    file = FinancesTransactions(open_text(path, tmp_path), "main", default_vocabulary())
    (table,) = file.tables()
    assert table.schema.names == ACTIVITY.names


def test_a_list_within_a_list_is_refused_and_not_passed_over() -> None:
    fee = {"FeeType": "Commission", "FeeAmount": {"CurrencyCode": "USD", "CurrencyAmount": 3}}
    text = text_of(events(ServiceFeeEventList=[{"FeeList": [[fee]]}]))
    assert "FeeList" in refusal(text, FinancesEvents)


def test_a_difference_beyond_the_range_of_an_amount_is_refused() -> None:
    one = item("ProductCharges = 9999999999999999.99")
    one["totalAmount"] = {"currencyAmount": "-9999999999999999.99", "currencyCode": "CAD"}
    assert "16 digits" in refusal(text_of(page(transaction(items=[one]))))
