"""Valid answers of the Finances API: ``listTransactions`` (2024-06-19) and ``listFinancialEvents`` (v0), small and random.

Fields: Amazon's published models; see the readers' own docstrings in ``nsbill.amazon``.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import Any

from benchmarks.fuzz_paper import Number, Paper
from benchmarks.fuzz_templates import cents

__all__ = ["FINANCES", "write_json"]


def write_json(tree: Any, style: str) -> str:
    """The tree as JSON: on one line, indented, or (no style) with a line for each member of the first two levels."""
    if style == "compact":
        return _json(tree, 0, -1) + "\n"
    return _json(tree, 0, 99 if style == "indented" else 4) + "\n"


def _json(node: Any, level: int, deepest: int) -> str:
    if isinstance(node, Number):
        return str(node)
    if isinstance(node, str):
        return json.dumps(node, ensure_ascii=False)
    begin, gap = ("\n" + "  " * (level + 1), "\n" + "  " * level) if level < deepest else ("", "")
    if isinstance(node, dict):
        inside = [
            f"{json.dumps(key.removeprefix(chr(0)))}: {_json(value, level + 1, deepest)}" for key, value in node.items()
        ]
        return "{" + ",".join(begin + text for text in inside) + (gap if inside else "") + "}"
    return "[" + ",".join(begin + _json(value, level + 1, deepest) for value in node) + (gap if node else "") + "]"


def _signed(rng: Random) -> Decimal:
    return cents(rng) * rng.choice((1, 1, -1))


def _money(amount: Decimal, *, old: bool = False) -> dict[str, Any]:
    keys = ("CurrencyCode", "CurrencyAmount") if old else ("currencyCode", "currencyAmount")
    return {keys[0]: "CAD", keys[1]: Number(f"{amount:.2f}")}


def _order(rng: Random) -> str:
    return f"{rng.randint(100, 999)}-{rng.randint(0, 9999999):07}-{rng.randint(0, 9999999):07}"


def _breakdown(rng: Random) -> tuple[list[Any], Decimal]:
    groups, total = [], Decimal(0)
    for name, parts in (
        ("ProductCharges", ("OurPricePrincipal",)),
        ("AmazonFees", ("Commission", "FBAPerUnitFulfillmentFee")),
    ):
        amounts = [(part, _signed(rng)) for part in parts]
        whole = sum((amount for _, amount in amounts), Decimal(0))
        inner = [
            {"breakdownType": part, "breakdownAmount": _money(amount), "breakdowns": []} for part, amount in amounts
        ]
        groups.append({"breakdownType": name, "breakdownAmount": _money(whole), "breakdowns": inner})
        total += whole
    return groups, total


def _transaction(rng: Random, number: int) -> tuple[dict[str, Any], Decimal]:
    items, total = [], Decimal(0)
    for _ in range(rng.randint(1, 2)):
        groups, whole = _breakdown(rng)
        product = {
            "contextType": "ProductContext",
            "sku": "SKU-1",
            "quantityShipped": Number("2"),
            "fulfillmentNetwork": "AFN",
        }
        items.append(
            {"description": "A mug", "totalAmount": _money(whole), "breakdowns": groups, "contexts": [product]}
        )
        total += whole
    if rng.random() < 0.2:
        total += Decimal("0.10")  # what a total says beyond its parts
    status = rng.choice(("RELEASED", "DEFERRED", "DEFERRED_RELEASED"))
    deferral = {"contextType": "DeferredContext", "deferralReason": "DD7", "maturityDate": "2026-03-20T00:00:00Z"}
    found = {
        "transactionType": rng.choice(("Shipment", "Refund")), "transactionId": f"T{number}-{rng.randint(0, 10**6)}",
        "transactionStatus": status, "description": "Order Payment", "totalAmount": _money(total),
        "postedDate": f"2026-03-{rng.randint(1, 28):02}T10:11:{rng.randint(0, 59):02}Z",
        "marketplaceDetails": {"marketplaceName": "Amazon.ca"},
        "relatedIdentifiers": [{"relatedIdentifierName": "ORDER_ID", "relatedIdentifierValue": _order(rng)}],
        "items": items, "contexts": [deferral] if status == "DEFERRED" else [],
    }  # fmt: skip
    return found, total


def _transactions(*, shape: str) -> Callable[[Random], Paper]:
    def make(rng: Random) -> Paper:
        pairs = [_transaction(rng, number) for number in range(rng.randint(1, 4))]
        members = [transaction for transaction, _ in pairs]
        tree: Any = {"payload": {"transactions": members}}
        if shape == "bare":
            tree = {"nextToken": "x", "transactions": members}
        if shape == "pages":
            tree = [{"payload": {"transactions": members[:1]}}, {"payload": {"transactions": members[1:]}}]
        return Paper(tree, write_json, {"": sum((total for _, total in pairs), Decimal(0))}, {"": None})

    return make


def _components(rng: Random, kind: str, *names: str) -> tuple[list[Any], Decimal]:
    amounts = [(name, _signed(rng)) for name in names if rng.random() < 0.8]
    nodes = [{f"{kind}Type": name, f"{kind}Amount": _money(amount, old=True)} for name, amount in amounts]
    return nodes, sum((amount for _, amount in amounts), Decimal(0))


def _shipment(rng: Random) -> tuple[dict[str, Any], Decimal]:
    charges, first = _components(rng, "Charge", "Principal", "Tax", "ShippingCharge")
    fees, second = _components(rng, "Fee", "Commission", "FBAPerUnitFulfillmentFee")
    item = {
        "SellerSKU": "SKU-1", "OrderItemId": "5518293011", "QuantityShipped": Number("2"), "ItemChargeList": charges,
        "ItemFeeList": fees,
    }  # fmt: skip
    posted = f"2026-03-{rng.randint(1, 28):02}T10:11:12Z"
    event = {
        "AmazonOrderId": _order(rng),
        "MarketplaceName": "Amazon.ca",
        "PostedDate": posted,
        "ShipmentItemList": [item],
    }
    return event, first + second


def _adjustment(rng: Random) -> tuple[dict[str, Any], Decimal]:
    amount = _signed(rng)
    item = {
        "Quantity": Number("2"), "PerUnitAmount": _money(amount, old=True), "TotalAmount": _money(amount, old=True),
        "SellerSKU": "SKU-1",
    }  # fmt: skip
    event = {
        "AdjustmentType": "WAREHOUSE_DAMAGE", "PostedDate": "2026-03-01T10:11:12Z",
        "AdjustmentAmount": _money(amount, old=True), "AdjustmentItemList": [item],
    }  # fmt: skip
    return event, amount


def _service_fee(rng: Random) -> tuple[dict[str, Any], Decimal]:
    fees, total = _components(rng, "Fee", "FBAStorageFee", "Subscription")
    return {"FeeReason": "a reason", "FeeList": fees}, total


def _events(rng: Random) -> Paper:
    total, lists = Decimal(0), {}
    kinds = (
        ("ShipmentEventList", _shipment), ("RefundEventList", _shipment), ("AdjustmentEventList", _adjustment),
        ("ServiceFeeEventList", _service_fee), ("NoSuchEventList", _service_fee),
    )  # fmt: skip
    for name, make in kinds:
        pairs = [make(rng) for _ in range(rng.choice((0, 1, 2)))]
        if pairs or rng.random() < 0.3:
            lists[name] = [event for event, _ in pairs]
        total += sum((amount for _, amount in pairs), Decimal(0))
    if not any(lists.values()):
        event, total = _adjustment(rng)
        lists["AdjustmentEventList"] = [event]
    return Paper({"payload": {"FinancialEvents": lists}}, write_json, {"": total}, {"": None})


FINANCES: dict[str, Callable[[Random], Paper]] = {
    "transactions": _transactions(shape="whole"), "transactions, bare": _transactions(shape="bare"),
    "transactions, pages": _transactions(shape="pages"), "events": _events,
}  # fmt: skip
"""Makers of valid files by name."""
