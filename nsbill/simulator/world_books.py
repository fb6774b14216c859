"""NetSuite's side of the demo company: sales orders and what was billed and credited before today."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from nsbill.simulator.world_history import History
from nsbill.simulator.world_orders import DocumentLine, Order, document_lines, line_total
from nsbill.simulator.world_writer import DocumentWriter, booked_currency

__all__ = ["Bill", "Booked", "Memo", "book_order"]


@dataclass(frozen=True, slots=True)
class Bill:
    """The invoice or cash sale of an order."""

    document: int
    kind: str
    day: int
    total: int


@dataclass(frozen=True, slots=True)
class Memo:
    """The credit memo of an invoice; a ``straight`` one pays the invoice itself, if that is still open."""

    document: int
    day: int
    total: int
    straight: bool


@dataclass(frozen=True, slots=True)
class Booked:
    """What the books say of one order, in hundredths of ``currency``."""

    currency: str
    total: int  # of the sales order
    billed: int  # before nsbill runs
    credited: int
    bill: Bill | None = None
    memo: Memo | None = None
    sales_order: int = 0

    def billed_after(self, order: Order) -> int:
        """Return what is billed once every order that is Pending Billing has been billed to the end."""
        return self.total if order.slot.status == "F" else self.billed


def book_order(rng: random.Random, writer: DocumentWriter, order: Order, history: History) -> Booked:
    """Write a sales order and everything that followed from it before today."""
    slot = order.slot
    lines = document_lines(order.market, order.lines, discount=slot.plant != "PROMOTION_NOT_BILLED")
    billed_lines = _billed_lines(order, lines) if history.billed is not None else []
    progress = _progress(order, lines, billed_lines)
    sales_order = writer.write(
        "SalesOrd", order, order.ordered, slot.status, lines, shipped=history.shipped, progress=progress
    )
    billed, credited = line_total(billed_lines), 0
    bill, memo = None, None
    if history.billed is not None:
        back = _credit_lines(order, history)
        bill = _bill(rng, writer, order, history, sales_order, billed_lines)
        straight = bill.kind == "CustInvc" and _straight(rng, order, history)
        if slot.plant == "DUPLICATE_BILLING":
            # by hand: not created from the order, so nothing but the Amazon id ties it to it
            writer.write("CustInvc", order, min(bill.day + rng.randint(3, 10), _yesterday(order)), "A", lines)
            billed += billed
        if back:
            credited = line_total(back)
            memo = _credit(writer, order, history, bill, back, straight=straight)
    return Booked(booked_currency(order)[1], line_total(lines), billed, credited, bill, memo, sales_order)


def _yesterday(order: Order) -> int:
    return order.ordered + order.slot.age - 1


def _billed_lines(order: Order, lines: list[DocumentLine]) -> list[DocumentLine]:
    """Return all lines, or one unit of the first for an order that is billed in part."""
    if order.slot.status == "G":
        return lines
    return [replace(lines[0], quantity=1, tax=lines[0].tax // lines[0].quantity)]


def _progress(order: Order, lines: list[DocumentLine], billed: list[DocumentLine]) -> list[tuple[int, int]]:
    """Return billed and shipped units of each line; charges and promotions are never shipped."""
    shipped = order.slot.status in "FG"
    found: list[tuple[int, int]] = []
    for place, line in enumerate(lines):
        fulfilled = line.quantity if shipped else int(order.slot.status in "DE" and place == 0)
        found.append((billed[place].quantity if place < len(billed) else 0, fulfilled if line.code else 0))
    return found


def _credit_lines(order: Order, history: History) -> list[DocumentLine]:
    refund = history.refund
    if refund is None or refund.credited is None:
        return []
    return document_lines(order.market, tuple(order.lines[index] for index in refund.lines))


def _bill(
    rng: random.Random,
    writer: DocumentWriter,
    order: Order,
    history: History,
    sales_order: int,
    lines: list[DocumentLine],
) -> Bill:
    """Write the invoice or the cash sale; what pays an invoice comes later."""
    assert history.billed is not None
    day = history.billed
    kind, status = "CustInvc", "A"
    if order.payment is not None and _plain(order) and rng.random() < 0.3:
        kind, status = "CashSale", "C"
    document = writer.write(
        kind, order, day, status, lines, created_from=sales_order, shipped=history.shipped, bills_order=True
    )
    return Bill(document, kind, day, line_total(lines))


def _plain(order: Order) -> bool:
    return order.slot.plant is None and order.slot.status == "G"


def _straight(rng: random.Random, order: Order, history: History) -> bool:
    """Whether a credit memo is applied to the invoice: seldom where a payment is to be expected."""
    if _plain(order) and rng.random() < 0.68 and history.parcels:
        return False
    return rng.random() < 0.5


def _credit(
    writer: DocumentWriter, order: Order, history: History, bill: Bill, lines: list[DocumentLine], *, straight: bool
) -> Memo | None:
    """Write the credit memo of an invoice, or the cash refund of a cash sale."""
    assert history.refund is not None
    assert history.refund.credited is not None
    day = max(history.refund.credited, bill.day)
    if bill.kind == "CashSale":
        writer.write("CashRfnd", order, day, "C", lines, created_from=bill.document)
        return None
    memo = writer.write("CustCred", order, day, "A", lines, created_from=bill.document)
    return Memo(memo, day, line_total(lines), straight)
