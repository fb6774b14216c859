"""Judges a demo company by the rules that need single lines: kinds, late and repeated lines, refunds of other items."""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import date, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from world_reading import File, Line, Money, World

__all__ = ["judge_more"]

Found = Counter[tuple[str, str | None, str | None, str, str]]
Order = tuple[str, str]
ITEMS = {301: "SHIPPING", 302: "GIFT_WRAP", 303: "PROMOTION"}
KINDS = ("PRINCIPAL", "SHIPPING", "GIFT_WRAP", "TAX", "PROMOTION")
GROSS = {"ItemPrice", "Promotion", "ItemWithheldTax"}
BILLS = "b.type IN ('CustInvc', 'CashSale')"


def judge_more(world: World, found: Found, money: Mapping[Order, Money], orders: Mapping[str, sqlite3.Row]) -> None:
    """Add what is wrong to ``found``: class, order, settlement, currency, amount."""
    lines: dict[Order, list[tuple[File, Line]]] = defaultdict(list)
    for file in world.files:
        for line in file.lines:
            lines[line.cells["order-id"], file.currency].append((file, line))
    kinds, newest = _billed_kinds(world, orders), _newest_bills(world)
    for (amazon_id, currency), sums in money.items():
        if amazon_id in orders and sums.billed and lines[amazon_id, currency]:
            own = lines[amazon_id, currency]
            _judge_kinds(found, (amazon_id, currency), sums, own, kinds[amazon_id])
            _judge_tax(found, (amazon_id, currency), own)
            _judge_items(found, (amazon_id, currency), sums, own)
            _judge_repeated(found, (amazon_id, currency), sums, own)
            _judge_late(found, (amazon_id, currency), sums, own, newest.get(amazon_id, str(world.summary.today)))
    _judge_books(world, found)


def _text(amount: int) -> str:
    return f"{'-' if amount < 0 else ''}{abs(amount) // 100}.{abs(amount) % 100:02d}"


def _billed_kinds(world: World, orders: Mapping[str, sqlite3.Row]) -> dict[str, Counter[str]]:
    """What is billed by kind: of an order that is to be billed its own lines, else those of its bills."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    to_bill = {name for name, order in orders.items() if order["status"] == "F"}
    rows = world.books.execute(
        f"SELECT b.otherrefnum, b.type, l.item, l.amount, l.tax FROM txn b JOIN txnline l ON l.txn = b.id "
        f"WHERE {BILLS} OR b.type = 'SalesOrd'"
    )
    for row in rows:
        if (row["type"] == "SalesOrd") == (row["otherrefnum"] in to_bill):
            found[row["otherrefnum"]][ITEMS.get(row["item"], "PRINCIPAL")] += row["amount"]
            found[row["otherrefnum"]]["TAX"] += row["tax"]
    return found


def _newest_bills(world: World) -> dict[str, str]:
    """The newest bill of orders that are not billed today."""
    return dict(
        world.books.execute(
            f"SELECT b.otherrefnum, MAX(b.trandate) FROM txn b JOIN txn o ON o.otherrefnum = b.otherrefnum "
            f"AND o.type = 'SalesOrd' AND o.status <> 'F' WHERE {BILLS} GROUP BY b.otherrefnum"
        ).fetchall()
    )


def _kind(line: Line) -> str:
    kind, description = line.cells["amount-type"], line.cells["amount-description"]
    if kind == "ItemWithheldTax" or "Tax" in description:
        return "TAX"
    if kind == "Promotion":
        return "PROMOTION"
    return {"Principal": "PRINCIPAL", "Shipping": "SHIPPING", "GiftWrap": "GIFT_WRAP"}[description]


def _judge_kinds(found: Found, key: Order, sums: Money, own: list[tuple[File, Line]], billed: Counter[str]) -> None:
    settled: Counter[str] = Counter()
    for _, line in own:
        if line.cells["transaction-type"] == "Order" and line.cells["amount-type"] in GROSS:
            settled[_kind(line)] += line.amount
    if sums.sale_leg == 0:
        for kind in KINDS:
            if billed[kind] != settled[kind]:
                found[f"AMOUNT_MISMATCH_{kind}", key[0], None, key[1], _text(billed[kind] - settled[kind])] += 1


def _judge_tax(found: Found, key: Order, own: list[tuple[File, Line]]) -> None:
    taxes = [line for _, line in own if line.cells["amount-type"] in GROSS and _kind(line) == "TAX"]
    withheld = sum(line.amount for line in taxes if line.cells["amount-type"] == "ItemWithheldTax")
    residual = sum(line.amount for line in taxes)
    if withheld and residual:
        found["TAX_RESIDUAL", key[0], None, key[1], _text(residual)] += 1
    refunds = [
        line for _, line in own if line.cells["transaction-type"] == "Refund" and line.cells["amount-type"] in GROSS
    ]
    if refunds and all(_kind(line) == "TAX" for line in refunds):
        found["TAX_ONLY_REFUND", key[0], None, key[1], _text(-sum(line.amount for line in refunds))] += 1


def _judge_items(found: Found, key: Order, sums: Money, own: list[tuple[File, Line]]) -> None:
    sold = {line.cells["order-item-code"] for _, line in own if line.cells["transaction-type"] == "Order"}
    strange: Counter[tuple[str, str]] = Counter()
    for file, line in own:
        refund = line.cells["transaction-type"] in {"Refund", "Chargeback Refund", "A-to-z Guarantee Refund"}
        if refund and line.cells["amount-type"] in GROSS and line.cells["order-item-code"] not in sold:
            strange[file.settlement_id, line.cells["order-item-code"]] -= line.amount
    for (settlement, _), amount in strange.items():
        if sold and sums.sale_leg <= 0:
            found["REFUND_ITEM_MISMATCH", key[0], settlement, key[1], _text(amount)] += 1


def _judge_repeated(found: Found, key: Order, sums: Money, own: list[tuple[File, Line]]) -> None:
    times = Counter((file.settlement_id, tuple(line.cells.values()), line.amount) for file, line in own)
    again: Counter[str] = Counter()
    for file, line in own:
        same = (file.settlement_id, tuple(line.cells.values()), line.amount)
        if line.cells["transaction-type"] == "Order" and line.cells["amount-type"] in GROSS and times[same] > 1:
            times[same] -= 1
            again[file.settlement_id] += line.amount
    for settlement, amount in again.items():
        if 0 < amount <= -sums.sale_leg:
            found["DUPLICATE_SETTLEMENT_LINE", key[0], settlement, key[1], _text(amount)] += 1


def _judge_late(found: Found, key: Order, sums: Money, own: list[tuple[File, Line]], billed_on: str) -> None:
    sales = [(file, line) for file, line in own if line.cells["transaction-type"] == "Order"]
    for file in {file.settlement_id: file for file, _ in sales}.values():
        before = [line for other, line in sales if other.end < file.end]
        received = sum(line.amount for line in before if line.cells["amount-type"] in GROSS)
        if before and received == sums.billed and billed_on < str(file.end.date()):
            amount = sum(line.amount for other, line in sales if other is file)
            found["LATE_LINE", key[0], file.settlement_id, key[1], _text(amount)] += 1


def _judge_books(world: World, found: Found) -> None:
    """Documents in another subsidiary than their channel's, or dated in a closed period; orders never billed."""
    symbol = world.currencies()
    rows = world.books.execute(
        f"SELECT b.* FROM txn b WHERE b.subsidiary <> b.channel AND ({BILLS} OR (b.type = 'SalesOrd' AND b.status = 'F'))"
    )
    for row in rows:
        found["SUBSIDIARY_MISMATCH", row["otherrefnum"], None, symbol[row["currency"]], _text(row["total"])] += 1
    rows = world.books.execute(
        f"SELECT b.* FROM txn b JOIN accountingperiod p ON b.trandate BETWEEN p.startdate AND p.enddate "
        f"WHERE {BILLS} AND p.closed = 'T' AND p.id <> b.postingperiod"
    )
    for row in rows:
        found["CLOSED_PERIOD", row["otherrefnum"], None, symbol[row["currency"]], _text(row["total"])] += 1
    last: date = world.summary.today - timedelta(days=10)
    rows = world.books.execute(
        "SELECT * FROM txn o WHERE o.type = 'SalesOrd' AND o.status = 'E' AND o.shipdate < ?", (str(last),)
    )
    for row in rows:
        found["SHIPPED_NOT_BILLED", row["otherrefnum"], None, symbol[row["currency"]], _text(row["total"])] += 1
