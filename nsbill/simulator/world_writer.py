"""Writes NetSuite documents into the simulator's tables, in batches; ids run in the order of writing."""

from __future__ import annotations

import sqlite3
from datetime import date

from nsbill.simulator.world_catalogue import MARKETS
from nsbill.simulator.world_orders import DocumentLine, Order, line_total

__all__ = ["DocumentWriter", "booked_currency"]

_FIRST_ID = 5001
_BATCH = 20_000
_TXN = """INSERT INTO txn (id, type, tranid, status, entity, subsidiary, currency, exchangerate, trandate, duedate, shipdate,
createddate, lastmodifieddate, otherrefnum, terms, paymentoption, postingperiod, createdfrom, channel, etail_order_id,
total, tax, paid) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"""
_LINE = """INSERT INTO txnline (txn, line, item, description, quantity, quantitybilled, quantityfulfilled, rate, amount,
tax, isclosed, orderline, etail_line_id) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)"""
_LINK = """INSERT INTO link (linktype, previousdoc, previousline, previoustype, nextdoc, nextline, nexttype, foreignamount,
lastmodifieddate) VALUES (?,?,?,?,?,?,?,?,?)"""
_PREFIX = {
    "SalesOrd": "SO", "CustInvc": "INV", "CashSale": "CS", "CustCred": "CM", "CashRfnd": "CR", "CustPymt": "PYMT", "CustRfnd": "CREF",
}  # fmt: skip
_FOREIGN = {"USD": (2, "0.7312"), "CAD": (1, "1.3676"), "EUR": (1, "0.9174")}


def booked_currency(order: Order) -> tuple[int, str, str]:
    """Return the currency that NetSuite uses for an order: its row, code, and rate to the subsidiary's own."""
    market = order.market
    if order.slot.plant != "CURRENCY_MISMATCH":
        return market.row, market.currency, "1.0"
    row, rate = _FOREIGN[market.currency]
    return row, MARKETS[row - 1].currency, rate


class DocumentWriter:
    """Buffers rows of transactions, lines and links; ``flush`` writes what is left."""

    def __init__(self, connection: sqlite3.Connection, periods: dict[str, int]) -> None:
        self._connection = connection
        self._periods = periods  # accounting period by YYYY-MM
        self._next = _FIRST_ID
        self._txns: list[tuple[object, ...]] = []
        self._lines: list[tuple[object, ...]] = []
        self._links: list[tuple[object, ...]] = []
        self._days: dict[int, str] = {}

    def write(
        self,
        kind: str,
        order: Order,
        day: int,
        status: str,
        lines: list[DocumentLine],
        *,
        total: int | None = None,
        paid: int = 0,
        created_from: int | None = None,
        shipped: int | None = None,
        progress: list[tuple[int, int]] | None = None,
        bills_order: bool = False,
    ) -> int:
        """Write one document and return its id; ``progress`` holds billed and shipped units of each line."""
        number = self._next
        self._next += 1
        on, currency = self.day(day), booked_currency(order)
        is_order, is_payment = kind == "SalesOrd", kind in ("CustPymt", "CustRfnd")
        amazon_id = None if is_payment else order.amazon_id
        if amazon_id and order.slot.feature == "mistyped":
            amazon_id = amazon_id.replace("-", "")
        terms = None if order.payment else order.customer % 100
        self._txns.append((
            number, kind, f"{_PREFIX[kind]}{number}", status, order.customer, order.market.row, currency[0], currency[2],
            on, self.day(day + 30) if kind == "CustInvc" else None, self.day(shipped) if shipped else None,
            f"{on}T10:00:00Z", f"{on}T10:00:00Z", amazon_id, terms if is_order or kind == "CustInvc" else None,
            None if kind == "CustInvc" else order.payment, None if is_order else self._periods[on[:7]], created_from,
            None if is_payment else order.market.row, amazon_id,
            line_total(lines) if total is None else total, sum(line.tax for line in lines), paid,
        ))  # fmt: skip
        closed = "T" if is_order and status in "CH" else "F"
        for place, line in enumerate(lines):
            billed, fulfilled = progress[place] if progress else (0, 0)
            self._lines.append((
                number, place + 1, line.item, line.text, line.quantity, billed, fulfilled, line.rate, line.amount,
                line.tax, closed, place + 1 if bills_order else None, line.code,
            ))  # fmt: skip
            if bills_order and created_from is not None:
                link = (
                    "OrdBill",
                    created_from,
                    place + 1,
                    "SalesOrd",
                    number,
                    place + 1,
                    kind,
                    line.amount,
                    f"{on}T10:00:00Z",
                )
                self._links.append(link)
        if len(self._txns) >= _BATCH:
            self.flush()
        return number

    def apply(self, linktype: str, paid: int, paid_kind: str, payer: int, kind: str, amount: int, day: int) -> None:
        """Link a document to the payment, credit memo or refund that covers ``amount`` of it."""
        stamp = f"{self.day(day)}T10:00:00Z"
        self._links.append((linktype, paid, 0, paid_kind, payer, 0, kind, amount, stamp))

    def flush(self) -> None:
        """Write what is buffered."""
        for statement, rows in ((_TXN, self._txns), (_LINE, self._lines), (_LINK, self._links)):
            self._connection.executemany(statement, rows)
            rows.clear()

    def day(self, ordinal: int) -> str:
        """Write a day ordinal as an ISO date."""
        if ordinal not in self._days:
            self._days[ordinal] = date.fromordinal(ordinal).isoformat()
        return self._days[ordinal]
