"""Valid settlement reports in XML, by the structure that is documented: the project's notes on Amazon, section 4."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from benchmarks.fuzz_paper import Paper
from benchmarks.fuzz_templates import cents

__all__ = ["XML", "write_xml"]


def write_xml(tree: Any, style: str) -> str:
    """The tree as XML: ``@name`` keys are attributes, ``#`` is the text of an element that has some."""
    gap = "" if style == "compact" else "\n"
    return f'<?xml version="1.0" encoding="UTF-8"?>{gap}' + gap.join(_elements(tree, 0, style == "indented"))


def _elements(node: Any, level: int, indented: bool) -> list[str]:  # noqa: FBT001  # of this module alone
    space = "  " * level if indented else ""
    lines: list[str] = []
    for key, value in node.items() if isinstance(node, dict) else [("item", inner) for inner in node]:
        name = key.removeprefix("\0")
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, str):
                lines.append(f"{space}<{name}>{escape(one)}</{name}>")
                continue
            pairs = one if isinstance(one, dict) else {}
            marks = "".join(f" {k[1:]}={quoteattr(str(v))}" for k, v in pairs.items() if k.startswith("@"))
            if "#" in pairs:
                lines.append(f"{space}<{name}{marks}>{escape(str(pairs['#']))}</{name}>")
                continue
            inner = {k: v for k, v in pairs.items() if not k.startswith("@")} if isinstance(one, dict) else one
            lines += [f"{space}<{name}{marks}>", *_elements(inner, level + 1, indented), f"{space}</{name}>"]
    return lines


class _Maker:
    def __init__(self, rng: Random) -> None:
        self.rng, self.total = rng, Decimal(0)

    def amount(self) -> dict[str, str]:
        """One amount, added to the total."""
        amount = cents(self.rng) * self.rng.choice((1, 1, -1))
        self.total += amount
        return {"@currency": "CAD", "#": f"{amount:.2f}"}

    def report(self) -> tuple[str, dict[str, Any], Decimal]:
        """One settlement: its id, its tree and its total."""
        rng = self.rng
        settlement = str(rng.randint(10**9, 10**11 - 1))
        parts: dict[str, Any] = {"Order": [self._order() for _ in range(rng.randint(1, 3))]}
        if rng.random() < 0.4:
            parts["Refund"] = [self._refund()]
        if rng.random() < 0.7:
            parts["OtherTransaction"] = [self._other() for _ in range(rng.randint(1, 2))]
        data = {
            "AmazonSettlementID": settlement, "TotalAmount": {"@currency": "CAD", "#": f"{self.total:.2f}"},
            "StartDate": "2026-03-01T10:00:00+00:00", "EndDate": "2026-03-15T10:00:00+00:00",
            "DepositDate": "2026-03-17T10:00:00+00:00",
        }  # fmt: skip
        return settlement, {"SettlementData": data, **parts}, self.total

    def _head(self) -> dict[str, Any]:
        rng = self.rng
        order = f"{rng.randint(100, 999)}-{rng.randint(0, 9999999):07}-{rng.randint(0, 9999999):07}"
        return {"AmazonOrderID": order, "ShipmentID": "S1", "MarketplaceName": "Amazon.ca"}

    def _components(self, name: str, *types: str) -> list[dict[str, Any]]:
        chosen = [kind for kind in types if self.rng.random() < 0.8] or list(types[:1])
        return [{"Type": kind, "Amount": self.amount()} for kind in chosen]

    def _order(self) -> dict[str, Any]:
        item: dict[str, Any] = {
            "AmazonOrderItemCode": "55182930114", "SKU": "SKU-1", "Quantity": "2",
            "ItemPrice": {"Component": self._components("Component", "Principal", "Tax", "Shipping")},
            "ItemFees": {"Fee": self._components("Fee", "Commission", "FBAPerUnitFulfillmentFee")},
        }  # fmt: skip
        if self.rng.random() < 0.4:
            item["Promotion"] = [{"MerchantPromotionID": "p", "Type": "Shipping", "Amount": self.amount()}]
        posted = {"MerchantFulfillmentID": "AFN", "PostedDate": "2026-03-02T10:11:12+00:00", "Item": [item]}
        return {**self._head(), "Fulfillment": posted}

    def _refund(self) -> dict[str, Any]:
        item = {
            "AmazonOrderItemCode": "55182930114", "MerchantAdjustmentItemID": "1", "SKU": "SKU-1",
            "ItemPriceAdjustments": {"Component": self._components("Component", "Principal", "Tax")},
            "ItemFeeAdjustments": {"Fee": self._components("Fee", "Commission", "RefundCommission")},
        }  # fmt: skip
        posted = {"MerchantFulfillmentID": "AFN", "PostedDate": "2026-03-03T10:11:12+00:00", "AdjustedItem": [item]}
        return {**self._head(), "AdjustmentID": "a1", "Fulfillment": posted}

    def _other(self) -> dict[str, Any]:
        kind = self.rng.choice(("Subscription Fee", "WAREHOUSE_DAMAGE", "Current Reserve Amount"))
        return {
            "TransactionType": kind, "TransactionID": "t1", "PostedDate": "2026-03-04T10:11:12+00:00", "Amount": self.amount()
        }  # fmt: skip


def _envelope(*, settlements: int) -> Callable[[Random], Paper]:
    def make(rng: Random) -> Paper:
        reports = [_Maker(rng).report() for _ in range(settlements)]
        header = {"DocumentVersion": "1.01", "MerchantIdentifier": "M1"}
        messages = [{"MessageID": str(n), "SettlementReport": tree} for n, (_, tree, _) in enumerate(reports, start=1)]
        tree = {"AmazonEnvelope": {"Header": header, "MessageType": "SettlementReport", "Message": messages}}
        totals = {settlement: total for settlement, _, total in reports}
        return Paper(tree, write_xml, totals, {**totals})

    return make


XML: dict[str, Callable[[Random], Paper]] = {"one": _envelope(settlements=1), "several": _envelope(settlements=2)}
"""Makers of valid files by name."""
