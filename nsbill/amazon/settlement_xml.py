"""Read settlement reports in XML, streaming: one record in memory at a time, each amount a line.

Which element becomes what, and which amounts are only checked, is in ``nsbill.amazon.settlement_xml_lines``. The text
is gone through twice: first for what the file states of each settlement, wherever in the report that stands, then for
the lines. ``source_line`` is the number of the record, an ``Order`` or ``Refund`` and so on, in the document; the first
is 1. Layout: the project's notes on Amazon, sections 4 and 11.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa

from nsbill.amazon.labels import SEPARATOR, Vocabulary
from nsbill.amazon.routes import route_of
from nsbill.amazon.settlement_xml_lines import XmlLine, amount_in, lines_of
from nsbill.amazon.settlement_xml_records import Node, error_at, records_of
from nsbill.amazon.summary import Summary
from nsbill.amazon.text import SourceText
from nsbill.schemas import LINES
from nsbill.vocabulary import OrderRoute

__all__ = ["SettlementXml"]

_BATCH = 16_384
_HEADER = "SettlementData"
_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])"
)
_EPOCH = date(1970, 1, 1)
_JOINED = "Were files joined? Add the downloads one by one."


@dataclass
class SettlementXml:
    """One document. Iterate ``tables()`` to the end; ``summaries`` holds what the file states.

    Raises
    ------
    SourceFileError
        On construction when it is no settlement report in well-formed XML, while iterating when an amount cannot be
        trusted.
    """

    source: SourceText
    seller_account: str
    vocabulary: Vocabulary
    summaries: dict[str, Summary] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self._settlements: dict[int, str] = {}
        self._currencies: dict[str, str] = {}
        reports = 0
        for record in records_of(self.source):
            reports = max(reports, record.report)
            if record.node.name == _HEADER:
                self._note_summary(record.report, record.node)
        without = next((number for number in range(1, reports + 1) if number not in self._settlements), None)
        if without is not None or not reports:
            raise error_at(
                self.source,
                None,
                _HEADER,
                found=f"settlement report {without} without it" if without else "no settlement report",
                expected="SettlementData with AmazonSettlementID in each SettlementReport",
            )

    def tables(self) -> Iterator[tuple[str, pa.Table]]:
        """Yield (settlement id, lines of LINES) in document order, in bounded pieces; a settlement may come in several."""
        rows: list[dict[str, Any]] = []
        number = 0
        current = ""
        for record in records_of(self.source):
            if record.node.name == _HEADER:
                continue
            number += 1
            settlement = self._settlements[record.report]
            if rows and (settlement != current or len(rows) >= _BATCH):
                yield current, self._table(current, rows)
                rows = []
            current = settlement
            rows += [self._row(line, settlement, number) for line in lines_of(record.node, self.source)]
        if rows:
            yield current, self._table(current, rows)

    def _note_summary(self, report: int, header: Node) -> None:
        settlement = self._text(header, "AmazonSettlementID") or ""
        if not re.fullmatch("[0-9]{5,20}", settlement):
            raise error_at(
                self.source, header.line, "AmazonSettlementID", found=repr(settlement), expected="5 to 20 digits"
            )
        if report in self._settlements or settlement in self.summaries:
            raise error_at(
                self.source,
                header.line,
                _HEADER,
                found=f"a second SettlementData of settlement {settlement}",
                expected="one per settlement",
                remedy=_JOINED,
            )
        unknown = next((child for child in header.children if child.is_amount and child.name != "TotalAmount"), None)
        if unknown is not None:
            raise error_at(
                self.source,
                unknown.line,
                unknown.name,
                found=f"{unknown.text} in {_HEADER}, where nsbill knows of TotalAmount only",
                expected="lines of the settlement in records of their own",
            )
        self._settlements[report] = settlement
        self.summaries[settlement] = self._summary(settlement, header)

    def _summary(self, settlement: str, header: Node) -> Summary:
        total = header.child("TotalAmount")
        currency = self._currency(total) if total else None
        amount = amount_in(total, self.source) if total and total.text else None
        start, end, deposit = (
            self._instant(self._text(header, name), name, header.line)
            for name in ("StartDate", "EndDate", "DepositDate")
        )
        return Summary(settlement, header.line, currency, start, end, deposit, amount)

    def _text(self, node: Node, name: str) -> str | None:
        child = node.child(name)
        return (child.text or None) if child else None

    def _currency(self, amount: Node) -> str | None:
        if amount.currency is None:
            return None
        if not re.fullmatch("[A-Z]{3}", amount.currency):
            raise error_at(
                self.source,
                amount.line,
                amount.name,
                found=f"the currency {amount.currency!r}",
                expected="a code of three capital letters such as USD",
            )
        return amount.currency

    def _instant(self, text: str | None, element: str, line: int) -> datetime | None:
        if not text:
            return None
        if _INSTANT.fullmatch(text):
            try:
                moment = datetime.fromisoformat(text).astimezone(UTC)
            except (ValueError, OverflowError):
                moment = None
            if moment and 2000 <= moment.year <= 2099:
                return moment
        raise error_at(
            self.source,
            line,
            element,
            found=repr(text),
            expected="a time with its offset from UTC, such as 2025-08-14T06:23:59+00:00",
        )

    def _row(self, line: XmlLine, settlement: str, number: int) -> dict[str, Any]:
        """One line as a row of LINES, but for what its labels mean."""
        self._check_currency(line.node, settlement)
        named = line.fields
        order = named.get("order_reference")
        route = route_of(order)
        posted = self._instant(named.get("posted"), "PostedDate", line.node.line)
        return {
            "source_line": number,
            "labels": SEPARATOR.join(line.labels),
            "amount": line.amount,
            "order_route": str(route),
            "order_reference": order,
            "amazon_order_id": order if route is OrderRoute.AMAZON_ORDER else None,
            "order_item_code": named.get("order_item_code"),
            "shipment_id": named.get("shipment_id"),
            "sku": named.get("sku"),
            "quantity": self._units(line),
            "posted_at": posted,
            "posted_day": (posted.date() - _EPOCH).days if posted else None,
            "marketplace": named.get("marketplace"),
            "fulfilment": named.get("fulfilment"),
            "adjustment_id": named.get("adjustment_id"),
            "extra": json.dumps(line.extra, ensure_ascii=False) if line.extra else None,
        }

    def _units(self, line: XmlLine) -> int | None:
        if not line.quantity:
            return None
        if not re.fullmatch("-?[0-9]{1,9}", line.quantity):
            raise error_at(
                self.source, line.node.line, "Quantity", found=repr(line.quantity), expected="a whole number"
            )
        return int(line.quantity)

    def _check_currency(self, amount: Node, settlement: str) -> None:
        """Refuse an amount in another currency than the settlement's; its own stands in TotalAmount or an amount."""
        own = self._currency(amount)
        known = self._currencies.get(settlement) or self.summaries[settlement].currency or own
        if known is not None:
            self._currencies[settlement] = known
        if own is not None and own != known:
            raise error_at(
                self.source,
                amount.line,
                amount.name,
                found=f"an amount in {own} in settlement {settlement}",
                expected=f"its currency {known} throughout",
                remedy="Take the flat file V2 of the same settlement.",
            )

    def _table(self, settlement: str, rows: list[dict[str, Any]]) -> pa.Table:
        currency = self._currencies.get(settlement)
        if currency is None:
            raise error_at(
                self.source,
                None,
                "TotalAmount",
                found=f"no currency for settlement {settlement}",
                expected="a code such as USD in the attribute currency",
            )
        columns: dict[str, Any] = self.vocabulary.columns(pa.array([row["labels"] for row in rows], pa.string()))
        constants = {
            "settlement_id": settlement,
            "seller_account": self.seller_account,
            "source_digest": self.source.digest,
            "currency": currency,
        }
        columns |= {name: pa.repeat(pa.scalar(value), len(rows)) for name, value in constants.items()}
        for name in LINES.names:
            if name not in columns:
                columns[name] = pa.array([row[name] for row in rows], LINES.arrow.field(name).type)
        return pa.table({name: columns[name] for name in LINES.names})
