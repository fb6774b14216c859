"""What the records of a settlement report in XML say: each amount with its labels and what it belongs to.

Elements stand for the columns of the flat files. So that one vocabulary serves all formats, an amount gets the labels
that the same money has there; the texts of ``Type`` and ``TransactionType`` stay untouched, and the rest of the label
stands for the element:

=====================================================  ==================  ===================  =====================
element                                                transaction_type    amount_type          amount_description
=====================================================  ==================  ===================  =====================
ItemPrice/Component, ItemPriceAdjustments/Component    the record's name   ItemPrice            Type
Component in Item (Liquidations)                       the record's name   ItemPrice            Type
ItemFees/Fee, ItemFeeAdjustments/Fee                   the record's name   ItemFees             Type
Promotion, PromotionAdjustment                         the record's name   Promotion            Type
ShipmentFees/Fee                                       the record's name   Shipment-Fees        Type
OrderFee/Fee, OrderFeeAdjustment/Fee                   the record's name   order-fee            Type
DirectPayment/Component                                the record's name   direct-payment       Type
OtherTransaction: Amount, or OtherTransactionItem      TransactionType     other-transaction    TransactionType
OtherFee: Amount                                       OtherFee            other-fee            ReasonDescription
Quantity in Item without a price of goods (0.00)       the record's name   quantity-purchased   empty
any other                                              the record's name   the element around   Type, else the name if
                                                                           it                   it is not ``Amount``
=====================================================  ==================  ===================  =====================

An amount in an element that nsbill does not know is a line too, and unclassified. Other unknown texts go to ``extra``.

Layout: the project's notes on Amazon, section 4, and the element names of Amazon's published schema
(SettlementReport.xsd 3.1) and of public readers of such files. No real file was at hand.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

from nsbill.amazon.settlement_xml_records import Node, error_at
from nsbill.amazon.text import SourceText
from nsbill.errors import SourceFileError
from nsbill.money import ZERO, exact

__all__ = ["XmlLine", "amount_in", "lines_of"]

_FIELDS = {
    "AmazonOrderID": "order_reference", "OrderId": "order_reference", "OrderID": "order_reference",
    "ShipmentID": "shipment_id", "MarketplaceName": "marketplace", "MerchantFulfillmentID": "fulfilment",
    "PostedDate": "posted", "AdjustmentID": "adjustment_id", "AmazonOrderItemCode": "order_item_code",
    "OrderItemCode": "order_item_code", "SKU": "sku", "Quantity": "quantity",
}  # fmt: skip
"""Elements with a column of their own."""

_NOT_KEPT = frozenset(
    {"MerchantOrderID", "MerchantOrderItemID", "MerchantAdjustmentItemID", "MerchantPromotionID", "Type"}
)
"""As in the flat files: ids that no column holds; and the label."""

_FAMILIES = {
    "ItemPriceAdjustments": "ItemPrice", "ItemFeeAdjustments": "ItemFees", "PromotionAdjustment": "Promotion",
    "ShipmentFees": "Shipment-Fees", "OrderFee": "order-fee", "OrderFeeAdjustment": "order-fee",
    "DirectPayment": "direct-payment",
}  # fmt: skip
_HOLDERS = frozenset({"Component", "Fee"})
_GOODS = frozenset({"Item", "AdjustedItem"})
_PLACES = ("Fulfillment", "OtherTransactionItem", *sorted(_GOODS))
_TOTALS = frozenset({"Amount", "TransactionAmount", "TotalAmount"})


@dataclass(frozen=True)
class XmlLine:
    """One amount of a record. ``fields`` are the texts of LINES' columns, ``node`` is the element of the amount."""

    labels: tuple[str, str, str]
    amount: Decimal
    node: Node
    fields: Mapping[str, str]
    extra: Mapping[str, str]
    quantity: str | None = None


@dataclass(frozen=True)
class _Context:
    """What the elements around an amount say of it; the nearest one counts."""

    fields: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, str] = field(default_factory=dict)


def lines_of(record: Node, source: SourceText) -> list[XmlLine]:
    """Return the amounts of a record in document order.

    An amount that only adds up the others of its record (``TransactionAmount``, or the ``Amount`` beside
    ``OtherTransactionItem``) is no line: it is checked instead.

    Raises
    ------
    SourceFileError
        When an amount is none, a field stands there twice, or the parts do not add up to what the record states.
    """
    return _without_total(record, list(_Walk(record, source).lines()), source)


def _without_total(record: Node, lines: list[XmlLine], source: SourceText) -> list[XmlLine]:
    total = next((line for line in lines if line.node in record.children and line.node.name in _TOTALS), None)
    parts = [line for line in lines if line is not total]
    if total is None or not any(line.amount for line in parts):
        return lines
    stated = sum((line.amount for line in parts), ZERO)
    if stated == total.amount:
        return parts
    if all(line.labels[1] == "Fees" for line in parts):
        return lines
    raise error_at(
        source,
        total.node.line,
        total.node.name,
        found=f"{total.node.name} {total.amount:,} in {record.name}, whose other amounts add up to {stated:,}",
        expected="amounts that add up to it",
        remedy="nsbill cannot tell which of them count: take the flat file V2 of the same settlement.",
    )


class _Walk:
    """Goes through the tree of one record."""

    def __init__(self, record: Node, source: SourceText) -> None:
        self.record, self.source = record, source
        named = record.child("TransactionType") if record.name == "OtherTransaction" else None
        self.label = _label(named.text) if named and named.text else record.name

    def lines(self) -> Iterator[XmlLine]:
        """Yield the amounts. What stands once in the record, such as its time, holds for all of it."""
        context = _Context()
        for place in _PLACES:
            found = [child for child in self.record.children if child.name == place]
            if len(found) == 1:
                context = self._within(found[0], context)
        yield from self._inside(self.record, self._within(self.record, context), ())

    def _inside(self, node: Node, context: _Context, path: tuple[str, ...]) -> Iterator[XmlLine]:
        found: list[XmlLine] = []
        amounts = [child.name for child in node.children if child.is_amount]
        for child in node.children:
            if child.is_amount and amounts.count(child.name) > 1:
                raise self._twice(child, node)
            if child.is_amount:
                found.append(self._line(child, node, context, path))
            elif child.children:
                found += self._inside(child, self._within(child, context), (*path, child.name))
        return iter(self._with_units(node, found, context) if node.name in _GOODS else found)

    def _with_units(self, item: Node, lines: list[XmlLine], context: _Context) -> list[XmlLine]:
        """Give the units of an item to the price of its goods; without one, to a line of nothing."""
        quantity = item.child("Quantity")
        if quantity is None or not quantity.text or any(line.quantity for line in lines):
            return lines
        for at, line in enumerate(lines):
            if (line.labels[1], line.labels[2].casefold()) == ("ItemPrice", "principal"):
                return [*lines[:at], replace(line, quantity=quantity.text), *lines[at + 1 :]]
        labels = (self.label, "quantity-purchased", "")
        return [XmlLine(labels, ZERO, quantity, context.fields, context.extra, quantity.text), *lines]

    def _line(self, amount: Node, holder: Node, context: _Context, path: tuple[str, ...]) -> XmlLine:
        value = amount_in(amount, self.source)
        return XmlLine((self.label, *self._names(amount, holder, path)), value, amount, context.fields, context.extra)

    def _names(self, amount: Node, holder: Node, path: tuple[str, ...]) -> tuple[str, str]:
        """Amount type and description."""
        named = holder.child("Type")
        plain = "" if amount.name == "Amount" else amount.name
        description = _label(named.text) if named else plain
        around = [name for name in path if name not in _PLACES]
        if len(around) > 1 and around[-1] in _HOLDERS:
            around.pop()
        if around:
            in_item = around == ["Component"] and path[0] == "Item"
            return "ItemPrice" if in_item else _FAMILIES.get(around[-1], around[-1]), description
        if self.record.name == "OtherTransaction" and not plain:
            return "other-transaction", self.label
        if self.record.name == "OtherFee" and not plain:
            reason = self.record.child("ReasonDescription")
            return "other-fee", _label(reason.text) if reason else ""
        return holder.name, description

    def _within(self, node: Node, context: _Context) -> _Context:
        """Add what the texts in an element say."""
        fields: dict[str, str] = {}
        extra: dict[str, str] = {}
        for leaf in (child for child in node.children if not child.children and not child.is_amount):
            column = _FIELDS.get(leaf.name)
            if column in fields:
                raise self._twice(leaf, node)
            if column:
                fields[column] = leaf.text
            elif leaf.text and leaf.name not in _NOT_KEPT and not self._is_label(leaf):
                extra[leaf.name] = f"{extra[leaf.name]}, {leaf.text}" if leaf.name in extra else leaf.text
        return _Context({**context.fields, **{k: v for k, v in fields.items() if v}}, {**context.extra, **extra})

    def _twice(self, child: Node, node: Node) -> SourceFileError:
        return error_at(self.source, child.line, child.name, found=f"it twice in {node.name}", expected="it once")

    def _is_label(self, leaf: Node) -> bool:
        return (self.record.name, leaf.name) in {
            ("OtherTransaction", "TransactionType"),
            ("OtherFee", "ReasonDescription"),
        }


def amount_in(node: Node, source: SourceText) -> Decimal:
    """Return the amount that an element states, or refuse the file."""
    if not re.fullmatch(r"[+-]?[0-9]{1,16}(\.[0-9]{1,2})?", node.text):
        raise error_at(
            source,
            node.line,
            node.name,
            found=repr(node.text),
            expected="an amount such as 1234.56: a decimal point, at most two decimals, no thousands mark",
        )
    return exact(node.text)


def _label(text: str) -> str:
    """A text as a label; line ends and tabs in it are spaces, as XML's own rules for such texts say."""
    return text.replace("\t", " ").replace("\r", " ").replace("\n", " ")
