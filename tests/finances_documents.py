"""Answers of the Finances API for tests, written by Amazon's published models; amounts of each add up unless a test breaks them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

ORDER = "701-1111111-1111111"

Json = dict[str, Any]


def _money(amount: str, currency: str) -> Json:
    return {"currencyAmount": amount, "currencyCode": currency}


def breakdown(table: str, currency: str = "CAD") -> list[Json]:
    """Breakdowns from lines ``Top/Inner/Leaf = amount``; every node above the leaves gets the sum of its leaves."""
    roots: list[Json] = []
    for line in filter(None, map(str.strip, table.splitlines())):
        path, amount = (part.strip() for part in line.split("="))
        level = roots
        names = path.split("/")
        for name in names:
            node = next((one for one in level if one["breakdownType"] == name), None)
            if node is None:
                node = {"breakdownType": name, "breakdownAmount": _money("0", currency), "breakdowns": []}
                level.append(node)
            old = Decimal(node["breakdownAmount"]["currencyAmount"])
            node["breakdownAmount"] = _money(str(old + Decimal(amount)), currency)
            level = node["breakdowns"]
    return roots


def sum_of(breakdowns: Iterable[Mapping[str, Any]]) -> str:
    return str(sum((Decimal(one["breakdownAmount"]["currencyAmount"]) for one in breakdowns), Decimal(0)))


SALE = """
    Tax/OurPriceTax = 3.00
    Tax/ShippingTax = 0.65
    ProductCharges/OurPricePrincipal = 59.98
    Shipping/ShippingPrincipal = 5.00
    PromoRebates/ShippingDiscount = -5.00
    AmazonFees/Commission/Base = -9.00
    AmazonFees/Commission/Tax = -0.63
    AmazonFees/FBAPerUnitFulfillmentFee = -8.10
    AmazonFees/MarketplaceFacilitatorTax-Principal = -3.65
"""
"""A sale of 2 units: 42.25 for the seller."""


def item(table: str = SALE, *, sku: str = "SKU-1", quantity: int = 2, currency: str = "CAD") -> Json:
    breakdowns = breakdown(table, currency)
    product = {
        "contextType": "ProductContext", "asin": "B000000001", "sku": sku, "quantityShipped": quantity,
        "fulfillmentNetwork": "AFN",
    }  # fmt: skip
    return {
        "description": "A mug",
        "totalAmount": _money(sum_of(breakdowns), currency),
        "relatedIdentifiers": [
            {"itemRelatedIdentifierName": "ORDER_ADJUSTMENT_ITEM_ID", "itemRelatedIdentifierValue": "10962675915"}
        ],
        "breakdowns": breakdowns,
        "contexts": [product],
    }


def related(**names: str) -> list[Json]:
    return [{"relatedIdentifierName": name, "relatedIdentifierValue": value} for name, value in names.items()]


def transaction(
    number: int = 1,
    *,
    status: str | None = "RELEASED",
    items: list[Json] | None = None,
    total: str | None = None,
    currency: str = "CAD",
    order: str = ORDER,
    more: Mapping[str, str] | None = None,
    **changes: Any,
) -> Json:
    """One transaction; ``total`` is the sum of its items unless given; ``changes`` replace or, with None, remove keys."""
    items = [item(currency=currency)] if items is None else items
    amounts = [Decimal(one["totalAmount"]["currencyAmount"]) for one in items if one.get("totalAmount")]
    found: Json = {
        "sellingPartnerMetadata": {"sellingPartnerId": "A1", "accountType": "Standard Orders", "marketplaceId": "A2"},
        "transactionType": "Shipment",
        "transactionId": f"T{number}",
        "transactionStatus": status,
        "description": "Order Payment",
        "postedDate": f"2026-03-{number:02d}T10:11:12Z",
        "totalAmount": _money(total or str(sum(amounts, Decimal(0))), currency),
        "marketplaceDetails": {"marketplaceId": "A2EUQ1WTGCTBG2", "marketplaceName": "Amazon.ca"},
        "relatedIdentifiers": related(
            ORDER_ID=order, SHIPMENT_ID="311651872", FINANCIAL_EVENT_GROUP_ID="G1", **(more or {})
        ),
        "items": items,
        "breakdowns": None,
        "contexts": None,
    }
    return {key: value for key, value in (found | changes).items() if value is not None}


def deferred(number: int = 1, **changes: Any) -> Json:
    contexts = [{"contextType": "DeferredContext", "deferralReason": "DD7", "maturityDate": "2026-03-20T00:00:00Z"}]
    return transaction(number, **({"status": "DEFERRED", "contexts": contexts} | changes))


def page(*transactions: Json, token: str | None = None) -> Json:
    return {"payload": {"nextToken": token, "transactions": list(transactions)}}


def cash(amount: str, currency: str = "CAD") -> Json:
    """An amount in the spelling of v0."""
    return {"CurrencyAmount": amount, "CurrencyCode": currency}


def charges(kind: str, table: str, currency: str = "CAD") -> list[Json]:
    """Components such as ChargeType and ChargeAmount from lines ``name = amount``."""
    pairs = [line.split("=") for line in table.split(";")]
    return [{f"{kind}Type": name.strip(), f"{kind}Amount": cash(value.strip(), currency)} for name, value in pairs]


def shipment(**changes: Any) -> Json:
    """A shipment event of v0: 42.25 for the seller."""
    one = {
        "SellerSKU": "SKU-1",
        "OrderItemId": "5518293011",
        "QuantityShipped": 2,
        "ItemChargeList": charges("Charge", "Principal = 59.98; Tax = 3.65; ShippingCharge = 5.00"),
        "ItemFeeList": charges("Fee", "Commission = -9.63; FBAPerUnitFulfillmentFee = -8.10"),
        "ItemTaxWithheldList": [
            {
                "TaxCollectionModel": "MarketplaceFacilitator",
                "TaxesWithheld": charges("Charge", "MarketplaceFacilitatorTax-Principal = -3.65"),
            }
        ],
        "PromotionList": [{"PromotionType": "PromotionMetaDataDefinitionValue", "PromotionId": "Free", "PromotionAmount": cash("-5.00")}],
    }  # fmt: skip
    event = {
        "AmazonOrderId": ORDER,
        "SellerOrderId": ORDER,
        "MarketplaceName": "Amazon.ca",
        "PostedDate": "2026-03-01T10:11:12Z",
        "ShipmentItemList": [one],
    }
    return event | changes


def events(token: str | None = None, **lists: Any) -> Json:
    return {"payload": {"NextToken": token, "FinancialEvents": lists}}


class _Number(str):
    """A number as it is written, which the JSON of these tests must show without quotes."""

    __slots__ = ()


def _plain(value: Any) -> Any:
    """Amounts are texts in the builders, so that no binary number is met on the way; JSON shows them as numbers."""
    if isinstance(value, dict):
        return {
            key: _Number(inner) if key in {"currencyAmount", "CurrencyAmount"} else _plain(inner)
            for key, inner in value.items()
        }
    return [_plain(inner) for inner in value] if isinstance(value, list) else value


def text_of(document: Any, **how: Any) -> str:
    marked = json.dumps(_marked(_plain(document)), ensure_ascii=False, **how)
    return marked.replace('"<<', "").replace('>>"', "")


def _marked(value: Any) -> Any:
    if isinstance(value, _Number):
        return f"<<{value}>>"
    if isinstance(value, dict):
        return {key: _marked(inner) for key, inner in value.items()}
    return [_marked(inner) for inner in value] if isinstance(value, list) else value


def write(path: Path, document: Any, **how: Any) -> Path:
    path.write_text(text_of(document, **how), encoding="utf-8")
    return path
