"""NetSuite's side of the demo company: sales orders and what was billed, paid and credited before today."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from nsbill.simulator.world_history import History, day_of
from nsbill.simulator.world_orders import DocumentLine, Order, document_lines, line_total
from nsbill.simulator.world_writer import DocumentWriter, booked_currency

__all__ = ["Booked", "book_order"]


@dataclass(frozen=True, slots=True)
class Booked:
    """What the books say of one order, in hundredths of ``currency``."""

    currency: str
    total: int  # of the sales order
    billed: int  # before nsbill runs
    credited: int

    def billed_after(self, order: Order) -> int:
        """Return what is billed once every order that is Pending Billing has been billed to the end."""
        return self.total if order.slot.status == "F" else self.billed


@dataclass(frozen=True, slots=True)
class _Bill:
    """The invoice or cash sale of an order."""

    document: int
    kind: str
    day: int
    applied: int  # what its credit memo covers


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
    if history.billed is not None:
        back = _credit_lines(order, history)
        bill = _bill(rng, writer, order, history, sales_order, billed_lines, line_total(back))
        if slot.plant == "DUPLICATE_BILLING":
            # by hand: not created from the order, so nothing but the Amazon id ties it to it
            writer.write("CustInvc", order, min(bill.day + rng.randint(3, 10), _yesterday(order)), "A", lines)
            billed += billed
        if back:
            credited = _credit(writer, order, history, bill, back)
    return Booked(booked_currency(order)[1], line_total(lines), billed, credited)


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
    credit: int,
) -> _Bill:
    """Write the invoice with its payment, or the cash sale."""
    assert history.billed is not None
    day, total, plain = history.billed, line_total(lines), order.slot.plant is None and order.slot.status == "G"
    if order.payment is not None and plain and rng.random() < 0.3:
        sale = writer.write(
            "CashSale", order, day, "C", lines, created_from=sales_order, shipped=history.shipped, bills_order=True
        )
        return _Bill(sale, "CashSale", day, 0)
    paid = _paid(rng, order, history, total) if plain else 0
    applied = credit if not paid and rng.random() < 0.5 else 0
    status = "B" if paid + applied == total else "A"
    invoice = writer.write(
        "CustInvc",
        order,
        day,
        status,
        lines,
        created_from=sales_order,
        paid=paid + applied,
        shipped=history.shipped,
        bills_order=True,
    )
    if paid:
        paid_on = max(day, min(day_of(history.parcels[-1].posted) + 4, _yesterday(order)))
        payment = writer.write("CustPymt", order, paid_on, "C", [], total=paid, paid=paid)
        writer.pay(invoice, payment, "CustPymt", paid, paid_on)
    return _Bill(invoice, "CustInvc", day, applied)


def _paid(rng: random.Random, order: Order, history: History, total: int) -> int:
    """Return what a payment covers: settled invoices are mostly paid, some in part, some not yet."""
    chance = rng.random()
    if not history.parcels or chance >= 0.68:
        return 0
    return total if chance < 0.6 else order.market.rounded(total, 500)


def _credit(writer: DocumentWriter, order: Order, history: History, bill: _Bill, lines: list[DocumentLine]) -> int:
    """Write the credit memo of an invoice, or the cash refund of a cash sale; return its total."""
    assert history.refund is not None
    assert history.refund.credited is not None
    day, total = max(history.refund.credited, bill.day), line_total(lines)
    if bill.kind == "CashSale":
        writer.write("CashRfnd", order, day, "C", lines, created_from=bill.document)
        return total
    status = "B" if bill.applied else "A"
    memo = writer.write("CustCred", order, day, status, lines, created_from=bill.document, paid=bill.applied)
    if bill.applied:
        writer.pay(bill.document, memo, "CustCred", bill.applied, day)
    return total
