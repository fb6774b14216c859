"""Read answers of the Finances API's ``listTransactions`` (2024-06-19): open and deferred money, with its reason.

The amounts of a transaction are the leaves of the breakdowns of its items; where no item has any, of the transaction
itself. **They always add up to its ``totalAmount``**: what a total says beyond its parts becomes a row of its own,
"not broken down" and UNCLASSIFIED. Signs are Amazon's (a transfer to the bank has been seen positive here, and
negative in payments reports).

Life of deferred money: a transaction is DEFERRED, with reason and maturity date; when it is released, Amazon changes
its status to DEFERRED_RELEASED **and** posts a second transaction of the same amounts, RELEASED, that names the first
as DEFERRED_TRANSACTION_ID (the first names it as RELEASE_TRANSACTION_ID). Both are kept here, each with the other's id
in ``extra``; adding them up counts the money twice. An answer fetched later may hold the same transaction id with
a newer status: the one of the file added last is Amazon's last word.

Fields: Amazon's published model ``finances_2024-06-19.json``; life of deferred money: Amazon notes, section 7.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import pyarrow as pa

from nsbill.amazon.finances_json import At, JsonFile, Money, Node
from nsbill.amazon.finances_rows import NO_ITEM, NOT_BROKEN_DOWN, Item, Part, Record, Rows
from nsbill.amazon.labels import Vocabulary
from nsbill.amazon.sniff import SourceFormat
from nsbill.amazon.text import SourceText
from nsbill.money import ZERO
from nsbill.vocabulary import TransactionStatus

__all__ = ["FinancesTransactions"]

_COLUMNS = {
    "ORDER_ID": "order_reference",
    "SHIPMENT_ID": "shipment_id",
    "SETTLEMENT_ID": "settlement_id",
    "REFUND_ID": "adjustment_id",
    "FINANCIAL_EVENT_GROUP_ID": "financial_event_group_id",
}
"""Related identifiers that have a column of their own; the others stand in ``extra`` by their name."""


@dataclass
class FinancesTransactions:
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
        self._seen: dict[str, int] = {}

    def tables(self) -> Iterator[pa.Table]:
        """Yield rows of ACTIVITY in file order, in bounded pieces."""
        rows = Rows(self.source, SourceFormat.FINANCES_TRANSACTIONS, self.seller_account, self.vocabulary)
        yield from rows.tables(self._records())

    def _records(self) -> Iterator[tuple[Record, list[Part]]]:
        for number, (at, node) in enumerate(self._transactions(), start=1):
            total = self.file.money(node, "totalAmount", at)
            if total is None:
                raise self.file.error((*at, "totalAmount"), found="nothing", expected="the transaction's total")
            record = self._record(number, node, at)
            self._refuse_twin(record, at)
            yield record, self._parts(node, total, at)

    def _transactions(self) -> Iterator[tuple[At, Node]]:
        unread = None
        for at, page in self.file.pages():
            if "transactionType" in page or "totalAmount" in page:
                yield at, page
                continue
            place, payload = self.file.payload(page, at)
            if "transactions" not in payload and set(payload) - {"nextToken"}:
                expected = "an answer of listTransactions"
                raise self.file.error(place, found="an object without transactions", expected=expected)
            unread = self.file.text(payload, "nextToken", place)
            yield from self.file.objects(payload, "transactions", place)
        if unread:
            self.notes.append("its last page names a next page: add that too")

    def _refuse_twin(self, record: Record, at: At) -> None:
        """Refuse an id that stands there twice: pages fetched or joined twice would count money twice."""
        if record.transaction_id is None:
            return
        first = self._seen.setdefault(record.transaction_id, record.number)
        if first != record.number:
            raise self.file.error(
                (*at, "transactionId"),
                found=f"transaction {record.transaction_id} again, which is also the {first}. of the file",
                expected="each transaction once",
                remedy="Was a page fetched or joined twice? Fetch the pages again, each once.",
            )

    def _record(self, number: int, node: Node, at: At) -> Record:
        file = self.file
        status = self._status(node, at)
        posted = file.instant(node, "postedDate", at)
        maturity, reason = self._deferral(node, at)
        market = next((value for _, value in file.objects(node, "marketplaceDetails", at)), {})
        seller = next((value for _, value in file.objects(node, "sellingPartnerMetadata", at)), {})
        related = self._identifiers(node, "relatedIdentifier", at)
        extra = {name: value for name, value in related.items() if name not in _COLUMNS}
        account_type = file.text(seller, "accountType", at)
        return Record(
            number=number,
            transaction_type=file.text(node, "transactionType", at) or "",
            posted_at=posted,
            marketplace=file.text(market, "marketplaceName", at),
            transaction_id=file.text(node, "transactionId", at),
            transaction_status=str(status) if status else None,
            released_at=posted if status is TransactionStatus.RELEASED else None,
            maturity_at=maturity,
            deferral_reason=reason,
            description=file.text(node, "description", at),
            extra=extra | ({"accountType": account_type} if account_type else {}),
            **{column: related[name] for name, column in _COLUMNS.items() if name in related},
        )

    def _status(self, node: Node, at: At) -> TransactionStatus | None:
        found = self.file.text(node, "transactionStatus", at)
        if found is None:
            return None
        try:
            return TransactionStatus(found.upper())
        except ValueError as error:
            raise self.file.error(
                (*at, "transactionStatus"),
                found=repr(found),
                expected=" or ".join(TransactionStatus),
                remedy="Whether this money counts as released would be a guess; please report the new status.",
            ) from error

    def _deferral(self, node: Node, at: At) -> tuple[datetime | None, str | None]:
        """Maturity and reason of the deferral, from the contexts of the transaction or else of its items."""
        holders = [(at, node), *self.file.objects(node, "items", at)]
        for place, holder in holders:
            for where, context in self.file.objects(holder, "contexts", place):
                if context.get("contextType") == "DeferredContext":
                    maturity = self.file.instant(context, "maturityDate", where)
                    return maturity, self.file.text(context, "deferralReason", where)
        return None, None

    def _identifiers(self, node: Node, prefix: str, at: At) -> dict[str, str]:
        """The related identifiers by name; several different ones of one name stand side by side."""
        found: dict[str, list[str]] = {}
        for place, entry in self.file.objects(node, "relatedIdentifiers", at):
            name = self.file.text(entry, f"{prefix}Name", place)
            value = self.file.text(entry, f"{prefix}Value", place)
            if name and value and value not in found.setdefault(name, []):
                found[name].append(value)
        return {name: ", ".join(values) for name, values in found.items() if values}

    def _parts(self, node: Node, total: Money, at: At) -> list[Part]:
        """Every amount of a transaction, adding up to its total."""
        items = self.file.objects(node, "items", at)
        parts: list[Part] = []
        if any(self._breakdowns(item, place) for place, item in items):
            for place, item in items:
                parts += self._parts_of_item(item, total.currency, place)
        elif self._breakdowns(node, at):
            of = self._item(items[0][1], items[0][0]) if len(items) == 1 else NO_ITEM
            parts += self._leaves(self._breakdowns(node, at), (), of, total.currency)
        else:
            for place, item in items:
                parts += self._parts_of_item(item, total.currency, place)
        rest = total.amount - sum((part.amount for part in parts), ZERO)
        return [*parts, _rest("totalAmount", rest, total.currency, NO_ITEM)]

    def _parts_of_item(self, node: Node, currency: str, at: At) -> list[Part]:
        item = self._item(node, at)
        parts = self._leaves(self._breakdowns(node, at), (), item, currency)
        total = self.file.money(node, "totalAmount", at)
        if total is None:
            return parts
        self._same_currency(total, currency, (*at, "totalAmount"))
        rest = total.amount - sum((part.amount for part in parts), ZERO)
        return [*parts, _rest("items totalAmount", rest, currency, item)]

    def _leaves(self, nodes: list[tuple[At, Node]], path: tuple[str, ...], item: Item, currency: str) -> list[Part]:
        """The leaves below some breakdowns; what one says beyond its own parts comes as its rest."""
        parts: list[Part] = []
        for at, node in nodes:
            name = self.file.text(node, "breakdownType", at) or ""
            money = self.file.money(node, "breakdownAmount", at)
            if money is not None:
                self._same_currency(money, currency, (*at, "breakdownAmount"))
            below = self._breakdowns(node, at)
            inner = self._leaves(below, (*path, name), item, currency)
            if below:
                parts += inner
                if money is not None:
                    rest = money.amount - sum((part.amount for part in inner), ZERO)
                    parts.append(_rest("/".join((*path, name)), rest, currency, item))
            elif money is None:
                raise self.file.error(at, found=f"a breakdown '{name}' without amount", expected="its breakdownAmount")
            else:
                parts.append(Part("/".join(path) or name, name, money.amount, currency, item))
        return parts

    def _breakdowns(self, node: Node, at: At) -> list[tuple[At, Node]]:
        """The breakdowns of a node; Amazon's example wraps a list of them in an object of the same name."""
        inner = node.get("breakdowns")
        if isinstance(inner, dict) and "breakdownType" not in inner:
            return self.file.objects(inner, "breakdowns", (*at, "breakdowns"))
        return self.file.objects(node, "breakdowns", at)

    def _item(self, node: Node, at: At) -> Item:
        file = self.file
        contexts = file.objects(node, "contexts", at)
        place, product = next(
            ((where, c) for where, c in contexts if c.get("contextType") == "ProductContext"), (at, Node())
        )
        extra = self._identifiers(node, "itemRelatedIdentifier", at)
        asin = file.text(product, "asin", place)
        return Item(
            sku=file.text(product, "sku", place),
            quantity=file.count(product, "quantityShipped", place),
            fulfilment=file.text(product, "fulfillmentNetwork", place),
            extra=extra | ({"asin": asin} if asin else {}),
        )

    def _same_currency(self, money: Money, currency: str, at: At) -> None:
        if money.currency != currency:
            raise self.file.error(
                at, found=f"an amount in {money.currency}", expected=f"the transaction's currency {currency}"
            )


def _rest(amount_type: str, amount: Decimal, currency: str, item: Item) -> Part:
    return Part(amount_type, NOT_BROKEN_DOWN, amount, currency, item, known=False)
