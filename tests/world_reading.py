"""Reads a demo company back with nothing but the standard library, and judges it by the rules of the domain."""

from __future__ import annotations

import json
import re
import sqlite3
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from world_reading_activity import judge_activity
from world_reading_more import judge_more
from world_reading_settlements import judge_settlements

from nsbill.simulator.world import WorldSummary

GROSS = {"ItemPrice", "Promotion", "ItemWithheldTax"}
REFUNDS = {"Refund", "Chargeback Refund", "A-to-z Guarantee Refund"}
CLAIMS = REFUNDS - {"Refund"}
AMAZON_ID = re.compile(r"\d{3}-\d{7}-\d{7}")


@dataclass
class Line:
    settlement_id: str
    currency: str
    cells: dict[str, str]
    amount: int
    posted: datetime


@dataclass
class File:
    path: Path
    settlement_id: str
    currency: str
    total: int
    start: datetime
    end: datetime
    deposit: datetime
    lines: list[Line] = field(default_factory=list)


def hundredths(text: str, mark: str) -> int:
    """Parse strictly: one mark, one or two decimals."""
    found = re.fullmatch(rf"(-?)(\d+){re.escape(mark)}(\d{{1,2}})", text)
    assert found, f"{text!r} is not an amount with {mark!r}"
    value = int(found[2]) * 100 + int(found[3].ljust(2, "0"))
    return -value if found[1] else value


def instant(text: str) -> datetime:
    form = "%Y-%m-%d" if text[4] == "-" else "%d.%m.%Y"
    return datetime.strptime(text, f"{form} %H:%M:%S UTC")  # noqa: DTZ007 # every instant here is UTC


def read_file(path: Path) -> File:
    head, summary, *rows = [line.split("\t") for line in path.read_text(encoding="ascii").splitlines() if line]
    top = dict(zip(head, summary, strict=True))
    mark = "," if top["currency"] == "EUR" else "."
    file = File(
        path,
        top["settlement-id"],
        top["currency"],
        hundredths(top["total-amount"], mark),
        instant(top["settlement-start-date"]),
        instant(top["settlement-end-date"]),
        instant(top["deposit-date"]),
    )
    for row in rows:
        cells = dict(zip(head, row, strict=True))
        amount = hundredths(cells["amount"], mark)
        file.lines.append(
            Line(cells["settlement-id"], file.currency, cells, amount, instant(cells["posted-date-time"]))
        )
    return file


@dataclass
class Money:
    billed: int = 0
    received: int = 0
    refunded: int = 0
    claimed: int = 0
    credited: int = 0
    fees: int = 0
    net: int = 0
    promotion: int = 0
    credited_on: str = ""
    cash: bool = False
    paid: int = 0
    memos_applied: int = 0
    refunds_posted: int = 0

    @property
    def sale_leg(self) -> int:
        return self.billed - self.received

    @property
    def refund_leg(self) -> int:
        return self.credited - self.refunded


@dataclass
class World:
    """A demo company as read back, after every Pending Billing order has been billed to the end."""

    summary: WorldSummary
    books: sqlite3.Connection
    files: list[File]
    key: dict[str, Any]

    @property
    def lines(self) -> list[Line]:
        return [line for file in self.files for line in file.lines]

    def currencies(self) -> dict[int, str]:
        return dict(self.books.execute("SELECT id, symbol FROM currency").fetchall())

    def orders(self) -> dict[str, sqlite3.Row]:
        rows = self.books.execute("SELECT * FROM txn WHERE type = 'SalesOrd'").fetchall()
        return {row["otherrefnum"]: row for row in rows}

    def money(self) -> dict[tuple[str, str], Money]:
        """Add up books and settlements by Amazon order and currency."""
        found: dict[tuple[str, str], Money] = defaultdict(Money)
        symbol = self.currencies()
        for row in self.books.execute(
            "SELECT * FROM txn WHERE type IN ('CustInvc', 'CashSale', 'CustCred', 'CashRfnd')"
        ):
            money = found[row["otherrefnum"], symbol[row["currency"]]]
            if row["type"] in {"CustInvc", "CashSale"}:
                money.billed += row["total"]
                money.cash |= row["type"] == "CashSale"
            else:
                money.credited += row["total"]
                money.credited_on = row["trandate"]
                money.refunds_posted += row["total"] if row["type"] == "CashRfnd" else 0
        for row in self.books.execute(
            "SELECT k.nexttype, k.foreignamount, d.otherrefnum, d.currency FROM link k JOIN txn d ON d.id = k.previousdoc "
            "WHERE k.nexttype IN ('CustPymt', 'CustCred', 'CustRfnd')"
        ):
            money = found[row["otherrefnum"], symbol[row["currency"]]]
            name = {"CustPymt": "paid", "CustCred": "memos_applied", "CustRfnd": "refunds_posted"}[row["nexttype"]]
            setattr(money, name, getattr(money, name) + row["foreignamount"])
        for order in self.orders().values():
            if order["status"] == "F":
                found[order["otherrefnum"], symbol[order["currency"]]].billed = order["total"]
        for line in self.lines:
            if AMAZON_ID.fullmatch(line.cells["order-id"]):
                _add(found[line.cells["order-id"], line.currency], line)
        return found

    def with_fault(self, name: str) -> set[str]:
        """The orders in which a class is planted."""
        return {str(row["amazon_order_id"]) for row in self.key["exceptions"] if row["exception_class"] == name}

    def settlements_with(self, name: str) -> set[str]:
        """The settlements in which a class is planted."""
        return {str(row["settlement_id"]) for row in self.key["exceptions"] if row["exception_class"] == name}

    def planted(self) -> dict[str, str]:
        return {
            row["amazon_order_id"]: row["exception_class"] for row in self.key["exceptions"] if row["amazon_order_id"]
        }


def _add(money: Money, line: Line) -> None:
    money.net += line.amount
    kind, event = line.cells["amount-type"], line.cells["transaction-type"]
    if kind in GROSS and event == "Order":
        money.received += line.amount
        money.promotion += line.amount if kind == "Promotion" else 0
    elif kind in GROSS:
        assert event in REFUNDS
        money.refunded -= line.amount
        money.claimed -= line.amount if event in CLAIMS else 0
    elif kind == "ItemFees":
        money.fees -= line.amount


def read_world(summary: WorldSummary, database: Path) -> World:
    books = sqlite3.connect(database)
    books.row_factory = sqlite3.Row
    key = json.loads(summary.answer_key.read_text(encoding="utf-8"))
    return World(summary, books, [read_file(path) for path in summary.settlement_files], key)


def text(amount: int) -> str:
    return f"{'-' if amount < 0 else ''}{abs(amount) // 100}.{abs(amount) % 100:02d}"


def reconcile(world: World) -> Counter[tuple[str, str | None, str | None, str, str]]:
    """Find the exceptions by the rules of the domain, independently of how they were planted."""
    found: Counter[tuple[str, str | None, str | None, str, str]] = Counter()
    money, orders = world.money(), world.orders()
    billed_in: dict[str, set[str]] = defaultdict(set)
    settled_in: dict[str, set[str]] = defaultdict(set)
    for (amazon_id, currency), sums in money.items():
        if sums.billed:
            billed_in[amazon_id].add(currency)
        if sums.received:
            settled_in[amazon_id].add(currency)
    for (amazon_id, currency), sums in money.items():
        name, amount = _judge(
            world,
            orders.get(amazon_id),
            sums,
            billed_elsewhere=bool(billed_in[amazon_id] - {currency}),
            settled_elsewhere=bool(settled_in[amazon_id] - {currency}),
        )
        if name:
            found[name, amazon_id, None, currency, text(amount)] += 1
    _judge_payments(found, money, orders)
    judge_more(world, found, money, orders)
    judge_settlements(world, found)
    judge_activity(world, found)
    malformed: Counter[tuple[str, str, str]] = Counter()
    levies: Counter[tuple[str, str, str]] = Counter()
    for line in world.lines:
        shown = line.cells["order-id"]
        if shown and not AMAZON_ID.fullmatch(shown) and not shown.startswith(("S01-", "FBA")):
            malformed[line.settlement_id, line.currency, shown] += line.amount
        if "Levy" in line.cells["amount-description"]:
            levies[line.settlement_id, line.currency, line.cells["amount-description"]] += line.amount
    for (settlement_id, currency, _), amount in malformed.items():
        found["MALFORMED_ORDER_ID", None, settlement_id, currency, text(amount)] += 1
    for (settlement_id, currency, _), amount in levies.items():
        found["UNCLASSIFIED_LINE", None, settlement_id, currency, text(amount)] += 1
    return found


def _judge(
    world: World, order: sqlite3.Row | None, sums: Money, *, billed_elsewhere: bool, settled_elsewhere: bool
) -> tuple[str | None, int]:
    if order is None:
        return "ORPHAN_ORDER_ID", sums.received
    if billed_elsewhere:
        return None, 0  # told in the invoice's currency
    if sums.billed and not sums.received and settled_elsewhere:
        return "CURRENCY_MISMATCH", sums.billed
    if sums.received and not sums.billed:
        return ("CANCELLED_BUT_SETTLED" if order["status"] == "C" else "SETTLED_NOT_BILLED"), sums.received
    if sums.billed > order["total"]:
        return "DUPLICATE_BILLING", sums.billed - order["total"]
    if sums.billed and not sums.received and overdue(world, order):
        return "BILLED_NOT_SETTLED", sums.sale_leg
    if sums.received and sums.sale_leg == -sums.promotion != 0:
        return "PROMOTION_NOT_BILLED", sums.sale_leg
    if sums.received and sums.sale_leg > 0 and overdue(world, order):
        return "SHORT_SETTLED", sums.sale_leg
    if sums.sale_leg < 0:
        return "OVERPAID", -sums.sale_leg
    if sums.refund_leg < 0:
        return "REFUND_WITHOUT_CREDIT_MEMO", -sums.refund_leg
    if sums.refund_leg > 0 and sums.credited_on < str(world.summary.today - timedelta(days=30)):
        return "CREDIT_MEMO_WITHOUT_REFUND", sums.refund_leg
    if sums.claimed:
        return "CHARGEBACK_OR_CLAIM", sums.claimed
    return None, 0


def _judge_payments(
    found: Counter[tuple[str, str | None, str | None, str, str]],
    money: dict[tuple[str, str], Money],
    orders: dict[str, sqlite3.Row],
) -> None:
    """Compare what is paid in the books with what can be paid of what Amazon settled."""
    rests: dict[tuple[str, int], list[str]] = defaultdict(list)
    for (amazon_id, currency), sums in money.items():
        settled_refund = min(sums.credited, sums.refunded)
        if settled_refund > sums.refunds_posted + sums.memos_applied:
            unposted = settled_refund - sums.refunds_posted - sums.memos_applied
            found["REFUND_NOT_POSTED", amazon_id, None, currency, text(unposted)] += 1
        if amazon_id not in orders or orders[amazon_id]["status"] not in "GD" or sums.cash:
            continue  # what is billed today cannot be paid yet
        by_memo = min(sums.memos_applied, max(0, settled_refund - sums.refunds_posted))
        rest = sums.paid + by_memo - min(sums.billed, sums.received)
        if rest > 0 and sums.paid:
            rests[currency, rest].append(amazon_id)
        elif rest + sums.memos_applied - by_memo < 0:
            rests[currency, rest + sums.memos_applied - by_memo].append(amazon_id)
    for (currency, rest), names in rests.items():
        paired = len(names) == len(rests.get((currency, -rest), ())) == 1
        kind = "PAYMENT_WRONG_ORDER" if paired else "PAYMENT_NOT_APPLIED" if rest < 0 else "PAYMENT_OVER_APPLIED"
        for name in names if rest < 0 or not paired else ():
            found[kind, name, None, currency, text(abs(rest))] += 1


def released(order: sqlite3.Row) -> date:
    """Ship + 5 days of delivery + 7 of hold: the earliest day on which a settlement could be expected."""
    return date.fromisoformat(order["shipdate"]) + timedelta(days=12)


def overdue(world: World, order: sqlite3.Row) -> bool:
    """Say whether the cycle that holds the release has ended, by the marketplace's own settlement periods."""
    if not order["shipdate"]:
        return False
    symbol = world.currencies()[order["channel"]]
    last = max(file.end.date() for file in world.files if file.currency == symbol)
    cycles = -((last - released(order)) // timedelta(days=14))  # negative: ended before the last one
    return last + timedelta(days=14) * cycles < world.summary.today
