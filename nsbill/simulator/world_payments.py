"""How the demo company books what Amazon paid: payments and customer refunds in NetSuite, and the faults in them.

A payment is booked for each order of a settlement on the day after its end, and a customer refund for each credit
memo when Amazon has taken the refund. Some are planted wrong: not applied, applied too much, on the wrong order, not
posted. Everything random here has dice of its own, so that the orders stay what they are.
"""

from __future__ import annotations

import random
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from nsbill.simulator.world_amazon import Tally
from nsbill.simulator.world_answers import AnswerKey
from nsbill.simulator.world_books import Booked
from nsbill.simulator.world_history import PERIOD, Calendar, History, day_of
from nsbill.simulator.world_orders import Order
from nsbill.simulator.world_writer import DocumentWriter

__all__ = ["PAYMENT_CLASSES", "Case", "Payments", "Pool"]

PAYMENT_CLASSES = ("PAYMENT_NOT_APPLIED", "PAYMENT_OVER_APPLIED", "PAYMENT_WRONG_ORDER", "REFUND_NOT_POSTED")
"""The classes that are planted here, in orders without any other fault."""


class Case(NamedTuple):
    """One order with what became of it in the books and in the settlements."""

    order: Order
    history: History
    booked: Booked
    tally: Tally


class Payments:
    """Books the money side order by order; holds some faultless ones back, to plant the faults in at the end."""

    def __init__(
        self, connection: sqlite3.Connection, writer: DocumentWriter, calendar: Calendar, *, each: int, seed: int
    ) -> None:
        self._connection, self._writer, self._calendar = connection, writer, calendar
        self._each = each
        self._dice = random.Random(f"payments {seed}")
        self._settled: dict[int, Pool] = defaultdict(self._pool)  # by customer: a payment has one customer
        self._unsettled: dict[int, Pool] = defaultdict(self._pool)
        self._refunded = self._pool()
        self._used: set[tuple[str, int]] = set()
        self.faulty: set[str] = set()
        self._changes: list[tuple[int, int, str, int]] = []

    def order(self, order: Order, history: History, booked: Booked, tally: Tally) -> None:
        """Book the payments and refunds of one order."""
        bill = booked.bill
        if bill is None or bill.kind != "CustInvc" or booked.currency != order.market.currency:
            return
        case: Case | None = Case(order, history, booked, tally)
        if order.slot.plant is None and order.slot.status == "G" and bill.total:
            if history.refund is None and tally.received == bill.total:
                case = self._settled[order.customer].swap(case)
            elif history.refund is None and not tally.received:
                case = self._unsettled[order.customer].swap(case)
            elif booked.memo is not None and tally.refunded and not booked.memo.straight:
                case = self._refunded.swap(case)
        if case is not None:
            self._book(case)

    def close(self, answers: AnswerKey) -> None:
        """Plant the faults, book what was held back, and write what the payments changed on their documents."""
        for _ in range(self._each):
            self._lack(answers)
            self._exceed(answers)
            self._mistake(answers)
            refunded = self._refunded.take()
            if refunded is not None:
                self.faulty.add(refunded.order.amazon_id)
                self._book(refunded, post_refund=False)
                amount = min(refunded.booked.credited, refunded.tally.refunded)
                answers.payment("REFUND_NOT_POSTED", refunded.order.amazon_id, refunded.booked.currency, amount)
        for pool in (*self._settled.values(), *self._unsettled.values(), self._refunded):
            for case in pool.rest():
                self._book(case)
        self._writer.flush()
        self._connection.executemany(
            "UPDATE txn SET paid = paid + ?, status = CASE WHEN paid + ? = total THEN 'B' ELSE status END, "
            "lastmodifieddate = MAX(lastmodifieddate, ?) WHERE id = ?",
            self._changes,
        )

    def _pool(self) -> Pool:
        return Pool(self._dice, 2 * self._each)

    def _lack(self, answers: AnswerKey) -> None:
        case = self._from(self._settled)
        if case is not None:
            missing = self._unused(case, _total(case))
            self._book(case, missing=missing)
            answers.payment("PAYMENT_NOT_APPLIED", case.order.amazon_id, case.booked.currency, missing)

    def _exceed(self, answers: AnswerKey) -> None:
        case = self._from(self._unsettled)
        if case is not None:
            excess = self._unused(case, _total(case))
            self._pay(case, excess, self._yesterday)
            answers.payment("PAYMENT_OVER_APPLIED", case.order.amazon_id, case.booked.currency, excess)

    def _mistake(self, answers: AnswerKey) -> None:
        """Apply what belongs to one order to another one of the same customer."""
        both = [c for c, pool in sorted(self._settled.items()) if len(pool) and len(self._unsettled.get(c, ()))]
        if not both:
            return
        customer = self._dice.choice(both)
        right, wrong = self._settled[customer].take(), self._unsettled[customer].take()
        assert right is not None
        assert wrong is not None
        self.faulty |= {right.order.amazon_id, wrong.order.amazon_id}
        amount = self._unused(right, min(_total(right), _total(wrong)))
        self._book(right, missing=amount)
        self._pay(wrong, amount, self._yesterday)
        answers.payment("PAYMENT_WRONG_ORDER", right.order.amazon_id, right.booked.currency, amount)

    def _from(self, pools: dict[int, Pool]) -> Case | None:
        filled = [customer for customer, pool in sorted(pools.items()) if len(pool)]
        found = pools[self._dice.choice(filled)].take() if filled else None
        self.faulty |= {found.order.amazon_id} if found is not None else set()
        return found

    def _unused(self, case: Case, most: int) -> int:
        """Return an amount that no other fault of the currency has: two that fit each other would be one mistake."""
        amount = most
        while (case.booked.currency, amount) in self._used:
            amount -= case.order.market.unit
        if amount <= 0:
            raise ValueError(f"no amount is left for a fault in the payment of {case.order.amazon_id}")
        self._used.add((case.booked.currency, amount))
        return amount

    @property
    def _yesterday(self) -> int:
        return self._calendar.today - 1

    def _booked_on(self, case: Case, period: int) -> int:
        """The day after the end of a settlement period, as far as it has come."""
        end = self._calendar.start(case.order.market) + (period + 1) * PERIOD
        return min(day_of(end) + 1, self._yesterday)

    def _book(self, case: Case, *, missing: int = 0, post_refund: bool = True) -> None:
        """Book what the settlements hold of an order, except ``missing``."""
        bill, memo = case.booked.bill, case.booked.memo
        assert bill is not None
        days = {period: max(bill.day, self._booked_on(case, period)) for period in sorted(case.tally.periods)}
        straight = memo is not None and memo.straight and memo.day <= min(days.values(), default=memo.day)
        room = bill.total - missing
        if memo is not None and straight:
            amount = min(memo.total, room)
            self._writer.apply("Payment", bill.document, "CustInvc", memo.document, "CustCred", amount, memo.day)
            self._change(bill.document, amount, memo.day)
            self._change(memo.document, amount, memo.day)
            room -= amount
        for period, day in days.items():
            amount = min(case.tally.periods[period], room)
            if amount > 0:
                self._pay(case, amount, day)
                room -= amount
        if memo is not None and not straight and post_refund:
            self._refund(case)

    def _pay(self, case: Case, amount: int, day: int) -> None:
        bill = case.booked.bill
        assert bill is not None
        payment = self._writer.write("CustPymt", case.order, day, "C", [], total=amount, paid=amount)
        self._writer.apply("Payment", bill.document, "CustInvc", payment, "CustPymt", amount, day)
        self._change(bill.document, amount, day)

    def _refund(self, case: Case) -> None:
        """Post the customer refund of a credit memo, as soon as Amazon has taken it."""
        memo, refund = case.booked.memo, case.history.refund
        assert memo is not None
        assert refund is not None
        amount = min(memo.total, case.tally.refunded)
        if refund.posted is None or amount <= 0:
            return
        period = self._calendar.period(case.order.market, refund.posted)
        day = max(memo.day, self._booked_on(case, period))
        document = self._writer.write("CustRfnd", case.order, day, "A", [], total=amount, paid=amount)
        self._writer.apply("Refund", memo.document, "CustCred", document, "CustRfnd", amount, day)
        self._change(memo.document, amount, day)

    def _change(self, document: int, amount: int, day: int) -> None:
        self._changes.append((amount, amount, f"{self._writer.day(day)}T10:00:00Z", document))


def _total(case: Case) -> int:
    assert case.booked.bill is not None
    return case.booked.bill.total


class Pool:
    """Holds a fair choice of a few cases out of all that come along (reservoir sampling)."""

    def __init__(self, dice: random.Random, size: int) -> None:
        self._dice, self._size = dice, size
        self._cases: list[Case] = []
        self._seen = 0

    def __len__(self) -> int:
        return len(self._cases)

    def swap(self, case: Case | None) -> Case | None:
        """Take a case in, and hand back the one that must go for it."""
        assert case is not None
        self._seen += 1
        if len(self._cases) < self._size:
            self._cases.append(case)
            return None
        place = self._dice.randrange(self._seen)
        if place < self._size:
            self._cases[place], case = case, self._cases[place]
        return case

    def take(self) -> Case | None:
        """Remove and return one of them."""
        return self._cases.pop(self._dice.randrange(len(self._cases))) if self._cases else None

    def rest(self) -> Iterator[Case]:
        """Hand back all that is left."""
        while self._cases:
            yield self._cases.pop(0)
