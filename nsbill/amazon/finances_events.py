"""Read answers of the Finances API's ``listFinancialEvents`` (v0): events in about thirty lists, one shape per list.

An event is walked as a whole, so that no amount of it can be missed, wherever it stands. Of the lists that Amazon
documents it is known which field only repeats the sum of the others (checked: the difference becomes a row "not broken
down") and which is no movement of money at all (kept in ``extra``, not added). Amounts of a list that is not known are
all kept, UNCLASSIFIED, and said in ``notes``.

**Signs are kept as Amazon gives them.** Fees of some shipment events have been reported positive in v0, unlike
everywhere else: do not add v0 up against settlements before looking. v0 knows neither status nor deferral; a shipment
that settles later may stand under ShipmentEventList and under ShipmentSettleEventList.

Fields: Amazon's published model ``financesV0.json``; signs: Amazon notes, sections 2 and 7.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

import pyarrow as pa

from nsbill.amazon.finances_json import At, JsonFile, Money, Node, is_money
from nsbill.amazon.finances_lists import LISTS, EventList
from nsbill.amazon.finances_rows import NO_ITEM, NOT_BROKEN_DOWN, Item, Part, Record, Rows
from nsbill.amazon.labels import Vocabulary
from nsbill.amazon.sniff import SourceFormat
from nsbill.amazon.text import SourceText
from nsbill.money import ZERO

__all__ = ["FinancesEvents"]

_POSTED = ("PostedDate", "postedDate", "TransactionPostedDate", "TransactionCreationDate")
_ORDER = ("AmazonOrderId", "OrderId")
_SKU = ("SellerSKU", "SKU", "sellerSKU")
_QUANTITY = ("QuantityShipped", "Quantity", "quantity", "AdjustedQuantity")
_TYPE = (
    "AdjustmentType", "RetrochargeEventType", "RentalEventType", "TransactionType", "transactionType", "eventType",
    "DebtRecoveryType", "SourceBusinessEventType", "ReasonCode", "FundsTransfersType", "ProviderTransactionType",
    "PaymentAmountType",
)  # fmt: skip
_DESCRIPTION = (
    "FeeReason",
    "FeeDescription",
    "Description",
    "dealDescription",
    "SellerCouponDescription",
    "ReasonCodeDescription",
)
_EXTRA = (
    "SellerOrderId",
    "MerchantOrderId",
    "OrderAdjustmentItemId",
    "PromotionId",
    "invoiceId",
    "SAFETClaimId",
    "CouponId",
    "ASIN",
)


@dataclass
class FinancesEvents:
    """One file of answers. Iterate ``tables()``; then ``notes`` says what whoever added the file should know.

    Raises
    ------
    SourceFileError
        While iterating, when a place of the document cannot be trusted.
    """

    source: SourceText
    seller_account: str
    vocabulary: Vocabulary

    def __post_init__(self) -> None:
        self.file = JsonFile(self.source)
        self.notes: list[str] = []
        self._unknown: dict[str, int] = {}

    def tables(self) -> Iterator[pa.Table]:
        """Yield rows of ACTIVITY in file order, in bounded pieces."""
        rows = Rows(self.source, SourceFormat.FINANCES_EVENTS, self.seller_account, self.vocabulary)
        yield from rows.tables(self._records())
        self.notes += [
            f"{count:,} amounts under {name}, which nsbill does not know: UNCLASSIFIED"
            for name, count in self._unknown.items()
        ]

    def _records(self) -> Iterator[tuple[Record, list[Part]]]:
        for number, (at, name, node) in enumerate(self._events(), start=1):
            rules = LISTS.get(name)
            walk = _Walk(self.file, rules or EventList(), known=rules is not None)
            parts = walk.parts(node, name, at)
            if rules is None and parts:
                self._unknown[name] = self._unknown.get(name, 0) + len(parts)
            yield self._record(number, name, node, at, walk), parts

    def _events(self) -> Iterator[tuple[At, str, Node]]:
        unread = None
        for at, page in self.file.pages():
            place, payload = self.file.payload(page, at)
            events = payload.get("FinancialEvents", payload)
            if not isinstance(events, dict):
                raise self.file.error((*place, "FinancialEvents"), found="no object", expected="lists of events")
            if events is not payload:
                unread = self.file.text(payload, "NextToken", place)
                place = (*place, "FinancialEvents")
            for name in events:
                if name != "NextToken":
                    for where, event in self.file.objects(events, name, place):
                        yield where, name, event
        if unread:
            self.notes.append("its last page names a next page: add that too")

    def _record(self, number: int, name: str, node: Node, at: At, walk: _Walk) -> Record:
        file = self.file
        posted = next((found for key in _POSTED if (found := file.instant(node, key, at)) is not None), None)
        return Record(
            number=number,
            transaction_type=name,
            posted_at=posted,
            order_reference=_first(file, node, _ORDER, at),
            adjustment_id=file.text(node, "AdjustmentEventId", at),
            marketplace=file.text(node, "MarketplaceName", at),
            transaction_id=file.text(node, "TransactionId", at),
            financial_event_group_id=file.text(node, "FinancialEventGroupId", at),
            description=_first(file, node, _DESCRIPTION, at),
            extra=_known(file, node, at) | walk.beside,
        )


class _Walk:
    """Finds every amount of one event."""

    def __init__(self, file: JsonFile, rules: EventList, *, known: bool) -> None:
        self.file, self.rules, self.known = file, rules, known
        self.beside: dict[str, str] = {}

    def parts(self, node: Node, name: str, at: At) -> list[Part]:
        """The amounts of the event ``node`` of the list ``name``; the sum, when it has one, is met by them."""
        label = _first(self.file, node, _TYPE, at)
        self.label = label
        parts: list[Part] = []
        total: tuple[str, Money] | None = None
        item = self._item(node, NO_ITEM, at)
        for key, value in node.items():
            if key == self.rules.total and is_money(value):
                money = self.file.money(node, key, at)
                assert money is not None
                total = key, money
            else:
                parts += self._below(node, key, (), item, at)
        return parts if total is None else self._met(parts, *total, item, at)

    def _met(self, parts: list[Part], key: str, total: Money, item: Item, at: At) -> list[Part]:
        """Compare with the event's own sum: alone it is the amount, beside parts their difference is a row."""
        if not parts:
            return [Part(key, self.label or key, total.amount, total.currency, item, self.known)]
        other = next((part.currency for part in parts if part.currency != total.currency), None)
        if other is not None:
            expected = f"the currency of its total, {total.currency}"
            raise self.file.error((*at, key), found=f"an event with amounts in {other}", expected=expected)
        rest = total.amount - sum((part.amount for part in parts), ZERO)
        return [*parts, Part(key, NOT_BROKEN_DOWN, rest, total.currency, item, known=False)]

    def _below(self, node: Node, key: str, path: tuple[str, ...], item: Item, at: At) -> list[Part]:
        """The amounts under one key: an amount itself, an object or a list of objects."""
        value = node[key]
        if is_money(value):
            money = self.file.money(node, key, at)
            assert money is not None
            if key in self.rules.beside:
                self.beside["/".join((*path, key))] = f"{money.amount} {money.currency}"
                return []
            description = self._type_of(node, key) if path else None
            labels = ("/".join(path), description) if description else (key, self.label or key)
            return [Part(*labels, money.amount, money.currency, item, self.known)]
        if isinstance(value, Decimal):
            expected = "an amount with its currency"
            raise self.file.error((*at, key), found=f"the bare number {value}", expected=expected)
        if not isinstance(value, dict) and not (isinstance(value, list) and any(map(_may_hold_money, value))):
            return []
        parts: list[Part] = []
        for place, inner in self.file.objects(node, key, at):
            inside = self._item(inner, item, place)
            deeper = () if key in self.rules.items else (*path, key)
            if key in self.rules.beside:
                self._note(inner, (*path, key), place)
            elif is_money(inner):
                parts += self._below(node | {key: inner}, key, path, item, at)  # an amount wrapped in a list
            else:
                for name in inner:
                    parts += self._below(inner, name, deeper, inside, place)
        return parts

    def _note(self, node: Node, path: tuple[str, ...], at: At) -> None:
        """Keep amounts that are no movement of their own beside the event's rows."""
        for key, value in node.items():
            if is_money(value):
                money = self.file.money(node, key, at)
                assert money is not None
                name = "/".join((*path, str(at[-1]), key))
                self.beside[name] = f"{money.amount} {money.currency}"

    def _type_of(self, node: Node, key: str) -> str | None:
        """The type that stands beside an amount in a component, as ChargeType beside ChargeAmount."""
        amounts = [name for name, value in node.items() if is_money(value)]
        types = [name for name, value in node.items() if name.endswith("Type") and isinstance(value, str)]
        return str(node[types[0]]).strip() or None if len(amounts) == 1 and len(types) == 1 else None

    def _item(self, node: Node, outer: Item, at: At) -> Item:
        """What ``node`` says of an item; what it does not say is that of the ``outer`` one."""
        file = self.file
        sku, code = _first(file, node, _SKU, at), file.text(node, "OrderItemId", at)
        quantity = next((n for key in _QUANTITY if (n := file.count(node, key, at)) is not None), None)
        extra = _known(file, node, at)
        if not (sku or code or extra or quantity is not None):
            return outer
        return replace(
            outer,
            sku=sku or outer.sku,
            order_item_code=code or outer.order_item_code,
            quantity=outer.quantity if quantity is None else quantity,
            extra={**outer.extra, **extra},
        )


def _may_hold_money(value: object) -> bool:
    """Say whether a list must be walked for the sake of this member; one that is no object is then refused."""
    return isinstance(value, dict | list | Decimal)


def _first(file: JsonFile, node: Node, keys: tuple[str, ...], at: At) -> str | None:
    return next((found for key in keys if (found := file.text(node, key, at)) is not None), None)


def _known(file: JsonFile, node: Node, at: At) -> dict[str, str]:
    return {key: found for key in _EXTRA if (found := file.text(node, key, at)) is not None}
