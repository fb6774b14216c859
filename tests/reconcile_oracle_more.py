"""The oracle of the classes that need single lines and orders without a bill; plain Python, from the domain reference."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from decimal import Decimal
from typing import Any

__all__ = ["expect_more"]

Row = dict[str, Any]
Key = tuple[str, str]
Wrong = tuple[Any, ...]
ZERO = Decimal("0.00")
SALES, REFUNDS = {"SALE", "RETROCHARGE"}, {"REFUND", "CHARGEBACK", "ATOZ"}


def expect_more(
    rows: dict[str, dict[str, Row]],
    orders: dict[str, Row],
    bill_items: list[Row],
    ends: dict[str, date | None],
    as_of: date,
    *,
    settled: bool,
) -> list[Wrong]:
    """What is wrong beside the statement, as (class, order, currency, amount).

    ``rows`` is the statement by order and currency, ``orders`` the sales orders by Amazon order id, ``ends`` the day on
    which each settlement closed. ``settled``: whether the basis is "settled"; on others nothing is said of single lines.
    """
    found: list[Wrong] = []
    items: dict[str, set[str]] = defaultdict(set)
    for item in bill_items:
        items[item["billing_record_id"]] |= {item["order_item_code"]} if item["order_item_code"] else set()
    for name, order in orders.items():
        found += _not_billed(name, order, rows.get(name, {}), as_of)
    for name, own in rows.items() if settled else ():
        for currency, row in own.items():
            if not row["conflict"]:
                found += [("LATE_LINE", name, currency, amount) for amount in _late(row, ends)]
                found += [("DUPLICATE_SETTLEMENT_LINE", name, currency, amount) for amount in _equal(row, currency)]
                found += [("REFUND_ITEM_MISMATCH", name, currency, amount) for amount in _of_other_items(row, items)]
    return found


def _not_billed(name: str, order: Row, rows: dict[str, Row], as_of: date) -> list[Wrong]:
    """Pending billing for more than ten days; what Amazon settled of it is told elsewhere."""
    bills = [bill for row in rows.values() for bill in row["bills"]]
    if order["status"] not in "EF" or any(bill["currency"] != order["currency"] for bill in bills):
        return []
    if any(row["overpaid"] > 0 or (row["received_gross"] > 0 and not row["bills"]) for row in rows.values()):
        return []
    rest = order["total"] - sum((bill["total"] for bill in bills), ZERO)
    if rest > 0 and (as_of - (order["ship_date"] or order["order_date"])).days > 10:
        return [("SHIPPED_NOT_BILLED", name, order["currency"], rest)]
    return []


def _late(row: Row, ends: dict[str, date | None]) -> list[Decimal]:
    """Per settlement that closed when all that was billed had been received, what it brought of the sale."""
    found = []
    if not row["bills"] or row["billed_gross"] <= 0:
        return []
    lines = [
        line for line in row["lines"] if line["event_class"] in SALES | {"ACCOUNT"} and ends[line["settlement_id"]]
    ]
    for settlement in {line["settlement_id"] for line in lines}:
        closed = ends[settlement]
        assert closed is not None
        before = [line for line in lines if (ends[line["settlement_id"]] or closed) < closed]
        received = sum(
            (x["amount"] for x in before if x["event_class"] in SALES and x["line_kind"] in row["gross_kinds"]), ZERO
        )
        own = [line for line in lines if line["settlement_id"] == settlement]
        money = sum((line["amount"] for line in own if line["line_kind"] != "REIMBURSEMENT"), ZERO)
        known = max(bill["date"] for bill in row["bills"]) < closed
        anything = money or any(line["event_class"] in SALES for line in own)
        if before and known and received == row["billed_gross"] and anything:
            found.append(money)
    return found


def _equal(row: Row, currency: str) -> list[Decimal]:
    """Per settlement and side, the buyer's money in lines that are there again, where the books have no room for it."""
    order = row["order"]
    excess, uncredited = row["overpaid"] if row["bills"] else ZERO, row["uncredited_refund"] if row["bills"] else ZERO
    if not row["bills"] and order is not None and order["currency"] == currency:
        excess = max(ZERO, row["received_gross"] - order["total"])
    again: dict[tuple[str, bool], Decimal] = defaultdict(lambda: ZERO)
    seen: list[Row] = []
    for line in row["lines"]:
        plain = {name: value for name, value in line.items() if name != "source_line"}
        if plain in seen and line["line_kind"] in row["gross_kinds"] and line["event_class"] in SALES | REFUNDS:
            again[line["settlement_id"], line["event_class"] in SALES] += line["amount"]
        seen.append(plain)
    rooms = [(amount if sale else -amount, excess if sale else uncredited) for (_, sale), amount in again.items()]
    return [amount for amount, room in rooms if 0 < amount <= room]


def _of_other_items(row: Row, items: dict[str, set[str]]) -> list[Decimal]:
    """Per settlement and item id, the refund of an item that is neither among those that were sold nor among the bills'."""
    if not row["bills"] or row["sale_leg"] > 0 or not row["refunded"]:
        return []
    money = row["gross_kinds"] | {"TAX_WITHHELD"}
    named = [line for line in row["lines"] if line["order_item_code"] and line["line_kind"] in money]
    sold = {line["order_item_code"] for line in named if line["event_class"] == "SALE"}
    if not sold:
        return []
    known = sold.union(*(items[bill["billing_record_id"]] for bill in row["bills"]))
    strange: dict[tuple[str, str], Decimal] = defaultdict(lambda: ZERO)
    for line in named:
        if line["event_class"] in REFUNDS and line["order_item_code"] not in known:
            counts = line["line_kind"] in row["gross_kinds"]
            strange[line["settlement_id"], line["order_item_code"]] -= line["amount"] if counts else ZERO
    return list(strange.values())
