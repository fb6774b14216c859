"""From the parts of a financial record to rows of ACTIVITY: one row per amount, units once per item."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa

from nsbill.amazon.labels import Vocabulary
from nsbill.amazon.routes import route_of
from nsbill.amazon.sniff import SourceFormat
from nsbill.amazon.text import SourceText
from nsbill.errors import MoneyError, SourceFileError
from nsbill.money import exact
from nsbill.schemas import ACTIVITY
from nsbill.vocabulary import EventClass, LineKind, OrderRoute

__all__ = ["NOT_BROKEN_DOWN", "Item", "Part", "Record", "Rows"]

NOT_BROKEN_DOWN = "not broken down"
"""The description of a row that holds what a total says beyond its parts: never absorbed, always UNCLASSIFIED."""

_GOODS = frozenset({"principal", "principle", "ourpriceprincipal", "productcharges", "product charges"})
_PIECE = 65_536
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class Item:
    """What is known of the item that an amount belongs to."""

    sku: str | None = None
    quantity: int | None = None
    order_item_code: str | None = None
    fulfilment: str | None = None
    extra: Mapping[str, str] = field(default_factory=dict)


NO_ITEM = Item()
"""The item of an amount that belongs to the whole record."""


@dataclass(frozen=True)
class Part:
    """One amount of a record under its labels; ``known`` is false for what must stay UNCLASSIFIED."""

    amount_type: str
    amount_description: str
    amount: Decimal
    currency: str
    item: Item = NO_ITEM
    known: bool = True


@dataclass(frozen=True)
class Record:
    """What all amounts of one record share; ``number`` counts the records of a file from 1."""

    number: int
    transaction_type: str
    posted_at: datetime | None
    order_reference: str | None = None
    settlement_id: str | None = None
    shipment_id: str | None = None
    adjustment_id: str | None = None
    marketplace: str | None = None
    transaction_id: str | None = None
    transaction_status: str | None = None
    released_at: datetime | None = None
    maturity_at: datetime | None = None
    deferral_reason: str | None = None
    financial_event_group_id: str | None = None
    description: str | None = None
    extra: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Rows:
    """Turns records into tables of ACTIVITY."""

    source: SourceText
    source_format: SourceFormat
    seller_account: str
    vocabulary: Vocabulary

    def __post_init__(self) -> None:
        self._meanings: dict[tuple[str, str, str], tuple[EventClass, LineKind]] = {}

    def tables(self, records: Iterable[tuple[Record, list[Part]]]) -> Iterator[pa.Table]:
        """Yield the rows of the records in their order, in bounded pieces; amounts of nothing make no row."""
        rows: list[dict[str, Any]] = []
        for record, parts in records:
            rows += self._rows(record, parts)
            if len(rows) >= _PIECE:
                yield pa.Table.from_pylist(rows, schema=ACTIVITY.arrow)
                rows = []
        if rows:
            yield pa.Table.from_pylist(rows, schema=ACTIVITY.arrow)

    def _rows(self, record: Record, parts: list[Part]) -> list[dict[str, Any]]:
        shared = self._shared(record)
        counted: set[int] = set()
        rows = []
        for part in parts:
            if part.amount == 0:
                continue
            event, kind = self._meaning(record.transaction_type, part)
            goods = kind is LineKind.PRINCIPAL and _stands_for_goods(part)
            units = part.item.quantity if goods and id(part.item) not in counted else None
            if goods:
                counted.add(id(part.item))
            extra = {**record.extra, **part.item.extra}
            rows.append(
                shared
                | {
                    "event_class": str(event),
                    "line_kind": str(kind),
                    "amount_type": part.amount_type,
                    "amount_description": part.amount_description,
                    "amount": self._amount(record, part),
                    "currency": part.currency,
                    "order_item_code": part.item.order_item_code,
                    "sku": part.item.sku,
                    "quantity": units,
                    "fulfilment": part.item.fulfilment,
                    "extra": json.dumps(extra, sort_keys=True, ensure_ascii=False) if extra else None,
                }
            )
        return rows

    def _amount(self, record: Record, part: Part) -> Decimal:
        """Return the amount; a difference of amounts that are each in range may be out of it."""
        try:
            return exact(part.amount)
        except MoneyError as error:
            raise SourceFileError(
                self.source.name,
                found=f"{part.amount} as {part.amount_description!r} in record {record.number}",
                expected="an amount of at most 16 digits before the decimal mark",
                remedy="Fetch it again from Amazon.",
            ) from error

    def _shared(self, record: Record) -> dict[str, Any]:
        route = route_of(record.order_reference)
        day = (record.posted_at.date() - _EPOCH).days if record.posted_at else None
        own = ("number", "extra")
        return {name: value for name, value in vars(record).items() if name not in own} | {
            "seller_account": self.seller_account,
            "source_digest": self.source.digest,
            "source_format": self.source_format.name,
            "source_line": record.number,
            "order_route": str(route),
            "amazon_order_id": record.order_reference if route is OrderRoute.AMAZON_ORDER else None,
            "posted_day": day,
        }

    def _meaning(self, transaction_type: str, part: Part) -> tuple[EventClass, LineKind]:
        labels = (transaction_type, part.amount_type, part.amount_description)
        if labels not in self._meanings:
            self._meanings[labels] = self.vocabulary.classify(*labels)
        event, kind = self._meanings[labels]
        return event, kind if part.known else LineKind.UNCLASSIFIED


def _stands_for_goods(part: Part) -> bool:
    """Say whether the part is the price of goods itself: goodwill and restocking are PRINCIPAL too, but no units."""
    return part.amount_description.casefold() in _GOODS
