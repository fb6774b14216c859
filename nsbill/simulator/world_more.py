"""More faults in orders that have no other one: amounts booked as another kind, late and repeated lines, and the like.

They are put into the finished books and into settlements that are still open, with dice of their own, so that orders and
the faults planted before stay what they are.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nsbill.simulator.world_answers import AnswerKey
from nsbill.simulator.world_catalogue import DISCOUNT_ITEM, GIFT_WRAP_ITEM, SHIPPING_ITEM, Market
from nsbill.simulator.world_history import DAY, PERIOD, PERIODS, Calendar, Parcel, day_of
from nsbill.simulator.world_ledger import Event, Ledger
from nsbill.simulator.world_orders import document_lines
from nsbill.simulator.world_payments import Case, Pool
from nsbill.simulator.world_writer import DocumentWriter

__all__ = ["MORE_CLASSES", "MoreFaults", "Places"]

MORE_CLASSES: dict[str, int] = {
    "AMOUNT_MISMATCH_PRINCIPAL": 4,
    "AMOUNT_MISMATCH_SHIPPING": 1,
    "AMOUNT_MISMATCH_GIFT_WRAP": 1,
    "AMOUNT_MISMATCH_TAX": 1,
    "AMOUNT_MISMATCH_PROMOTION": 1,
    "SUBSIDIARY_MISMATCH": 1,
    "DUPLICATE_SETTLEMENT_LINE": 1,
    "TAX_RESIDUAL": 1,
    "TAX_ONLY_REFUND": 1,
    "REFUND_ITEM_MISMATCH": 1,
    "LATE_LINE": 1,
    "CLOSED_PERIOD": 1,
    "SHIPPED_NOT_BILLED": 1,
    "OVERPAID": 2,  # what the repeated lines, and tax that was not withheld, bring beyond the bill
    "REFUND_WITHOUT_CREDIT_MEMO": 1,  # of the refund of nothing but tax
}
"""The classes that are planted here, and how often for each one of the others; in a small company perhaps less."""

_NO_TAX_HELD = "MarketplaceFacilitatorTax-Other"
_BACK = 14  # days by which an order that nobody billed becomes older


@dataclass(frozen=True, slots=True)
class Places:
    """Where the faults go."""

    connection: sqlite3.Connection
    writer: DocumentWriter
    ledgers: Sequence[Ledger]
    calendar: Calendar
    answers: AnswerKey
    dice: random.Random


class MoreFaults:
    """Keeps some faultless orders in mind while the company is built, and plants the faults at its end."""

    def __init__(self, *, each: int, seed: int) -> None:
        self._each = each
        self._dice = random.Random(f"more faults {seed}")
        self._to_bill, self._to_bill_taxed, self._to_bill_withheld = (Pool(self._dice, 8 * each) for _ in range(3))
        self._billed, self._refunded = (Pool(self._dice, 14 * each) for _ in range(2))
        self._shipped_in_part = Pool(self._dice, each)

    def order(self, case: Case) -> None:
        """Keep an order in mind when it could carry one of the faults."""
        pool = self._pool_of(case)
        if pool is not None:
            pool.swap(case)

    def close(self, places: Places, faulty: set[str]) -> None:
        """Plant the faults in orders that are not among ``faulty``."""
        for _ in range(self._each):
            for fault in (_goods_as_shipping, _goods_as_gift_wrap, _goods_as_tax, _promotion_as_goods):
                self._plant(self._to_bill, fault, places, faulty)
            self._plant(self._to_bill, _other_subsidiary, places, faulty)
            self._plant(self._to_bill, _lines_again, places, faulty)
            self._plant(self._to_bill_withheld, _tax_not_withheld, places, faulty)
            self._plant(self._to_bill_taxed, _only_tax_back, places, faulty)
            self._plant(self._refunded, _refund_of_another_item, places, faulty)
            self._plant(self._billed, _late_fee, places, faulty)
            self._plant(self._billed, _dated_into_closed_period, places, faulty)
            self._plant(self._shipped_in_part, _never_billed, places, faulty)

    def _plant(self, pool: Pool, fault: Callable[[Places, Case], bool], places: Places, faulty: set[str]) -> None:
        """Plant a fault in the next order that has none and can carry it."""
        while len(pool):
            case = pool.take()
            if case is not None and case.order.amazon_id not in faulty and fault(places, case):
                faulty.add(case.order.amazon_id)
                return

    def _pool_of(self, case: Case) -> Pool | None:
        order, history, booked, tally = case
        slot = order.slot
        if slot.plant is not None or booked.currency != order.market.currency:
            return None
        if slot.status == "E":
            return self._shipped_in_part
        refund = history.refund
        if slot.status == "G" and slot.feature == "refund" and refund is not None:
            whole = tally.received == booked.billed and len(refund.lines) == 1 and refund.posted is not None
            return self._refunded if whole and not refund.reimbursed else None
        if slot.feature is not None or refund is not None or len(history.parcels) != 1 or slot.partly_billed:
            return None
        if len(order.lines) != 1 or order.lines[0].quantity != 1 or tally.received != booked.total:
            return None
        if slot.status == "G":
            return self._billed if booked.bill is not None and booked.bill.kind == "CustInvc" else None
        return self._waiting(order.market)

    def _waiting(self, market: Market) -> Pool:
        """The pool of an order that is to be billed: by who owes its tax, and some of those where Amazon remits it."""
        if market.tax_per_mille and not market.facilitated:
            return self._to_bill_taxed
        if market.facilitated and self._dice.random() < 0.2:
            return self._to_bill_withheld
        return self._to_bill


def _small(case: Case, per_mille: int = 60) -> int:
    """Return a part of the price of the order's item."""
    market = case.order.market
    return max(market.unit, market.rounded(case.order.lines[0].price, per_mille))


def _note(places: Places, case: Case, name: str, amount: int, *, settlement: str | None = None) -> None:
    places.answers.planted(
        name, order=case.order.amazon_id, settlement=settlement, currency=case.booked.currency, amount=amount
    )


# --- kinds ------------------------------------------------------------------------------------------------------------


def _goods_as_shipping(places: Places, case: Case) -> bool:
    return _moved(places, case, "SHIPPING", SHIPPING_ITEM, "Shipping", _small(case))


def _goods_as_gift_wrap(places: Places, case: Case) -> bool:
    return _moved(places, case, "GIFT_WRAP", GIFT_WRAP_ITEM, "Gift wrap", _small(case, 70))


def _promotion_as_goods(places: Places, case: Case) -> bool:
    return _moved(places, case, "PROMOTION", DISCOUNT_ITEM, "Promotion", -_small(case, 80))


def _moved(places: Places, case: Case, kind: str, item: int, text: str, amount: int) -> bool:
    """Book ``amount`` of the goods as something else: the sales order's total stays."""
    document, lines = case.booked.sales_order, document_lines(case.order.market, case.order.lines)
    places.connection.execute(
        "UPDATE txnline SET rate = rate - ?, amount = amount - ? WHERE txn = ? AND line = 1", (amount, amount, document)
    )
    places.connection.execute(
        "INSERT INTO txnline (txn, line, item, description, quantity, rate, amount) VALUES (?, ?, ?, ?, 1, ?, ?)",
        (document, len(lines) + 1, item, text, amount, amount),
    )
    _note(places, case, "AMOUNT_MISMATCH_PRINCIPAL", -amount)
    _note(places, case, f"AMOUNT_MISMATCH_{kind}", amount)
    return True


def _goods_as_tax(places: Places, case: Case) -> bool:
    amount, document = _small(case, 50), case.booked.sales_order
    places.connection.execute(
        "UPDATE txnline SET rate = rate - ?, amount = amount - ?, tax = tax + ? WHERE txn = ? AND line = 1",
        (amount, amount, amount, document),
    )
    places.connection.execute("UPDATE txn SET tax = tax + ? WHERE id = ?", (amount, document))
    _note(places, case, "AMOUNT_MISMATCH_PRINCIPAL", -amount)
    _note(places, case, "AMOUNT_MISMATCH_TAX", amount)
    return True


# --- the books --------------------------------------------------------------------------------------------------------


def _other_subsidiary(places: Places, case: Case) -> bool:
    other = case.order.market.row % len(places.ledgers) + 1
    places.connection.execute("UPDATE txn SET subsidiary = ? WHERE id = ?", (other, case.booked.sales_order))
    _note(places, case, "SUBSIDIARY_MISMATCH", case.booked.total)
    return True


def _dated_into_closed_period(places: Places, case: Case) -> bool:
    bill = case.booked.bill
    assert bill is not None
    (last,) = places.connection.execute("SELECT MAX(enddate) FROM accountingperiod WHERE closed = 'T'").fetchone()
    places.connection.execute("UPDATE txn SET trandate = ? WHERE id = ?", (last, bill.document))
    _note(places, case, "CLOSED_PERIOD", bill.total)
    return True


def _never_billed(places: Places, case: Case) -> bool:
    """Let an order that was shipped in part, and that no saved search finds, be older."""
    days = f"-{_BACK} days"
    places.connection.execute(
        "UPDATE txn SET trandate = date(trandate, ?), shipdate = date(shipdate, ?) WHERE id = ?",
        (days, days, case.booked.sales_order),
    )
    _note(places, case, "SHIPPED_NOT_BILLED", case.booked.total)
    return True


# --- the settlements --------------------------------------------------------------------------------------------------


def _of_item(case: Case, parcel: Parcel, kind: str = "Order", adjustment: str = "") -> Event:
    order, line = case.order, case.order.lines[0]
    return Event(
        kind, order.amazon_id, order.amazon_id, adjustment, parcel.shipment_id, order.market.name, order.fulfilment,
        line.code, "", line.product.sku, "1",
    )  # fmt: skip


def _lines_again(places: Places, case: Case) -> bool:
    """Write every line of an order a second time, byte for byte, though it was bought once."""
    ledger, tally = places.ledgers[case.order.market.index], case.tally
    period = places.calendar.period(case.order.market, case.history.parcels[0].posted)
    settlement = ledger.settlements[period]
    settlement.rows += [settlement.rows[place] for place in ledger.rows_of(period, case.order.amazon_id)]
    settlement.total += tally.net
    places.answers.settled_more(case.order.amazon_id, received=tally.received, fees=tally.fees)
    _note(places, case, "OVERPAID", tally.received)
    _note(places, case, "DUPLICATE_SETTLEMENT_LINE", tally.received, settlement=settlement.settlement_id)
    return True


def _tax_not_withheld(places: Places, case: Case) -> bool:
    """Let Amazon withhold less tax than it collected."""
    parcel, amount = case.history.parcels[0], _small(case, 20)
    ledger = places.ledgers[case.order.market.index]
    ledger.post(parcel.posted, _of_item(case, parcel), [("ItemWithheldTax", _NO_TAX_HELD, amount, "")])
    places.answers.settled_more(case.order.amazon_id, received=amount)
    _note(places, case, "OVERPAID", amount)
    _note(places, case, "TAX_RESIDUAL", amount)
    return True


def _only_tax_back(places: Places, case: Case) -> bool:
    """Refund a part of the tax and none of the goods, where the seller owes the tax."""
    parcel, amount = case.history.parcels[0], _small(case, 30)
    ledger = places.ledgers[case.order.market.index]
    posted = min(parcel.posted + 2 * DAY, ledger.end - 1800)
    event = _of_item(case, parcel, "Refund", f"amzn1:crow:{places.dice.randrange(10**21):021d}==")
    ledger.post(posted, event, [("ItemPrice", "Tax", -amount, "")])
    places.answers.settled_more(case.order.amazon_id, refunded=amount)
    _note(places, case, "TAX_ONLY_REFUND", amount)
    _note(places, case, "REFUND_WITHOUT_CREDIT_MEMO", amount)
    return True


def _refund_of_another_item(places: Places, case: Case) -> bool:
    """Let the refund name an item that is none of the order's; its SKU stays."""
    refund, market = case.history.refund, case.order.market
    assert refund is not None
    assert refund.posted is not None
    period = places.calendar.period(market, refund.posted)
    ledger = places.ledgers[market.index]
    code, rows = case.order.lines[refund.lines[0]].code, ledger.settlements[period].rows
    other = f"{code[:-1]}{(int(code[-1]) + 1) % 10}"
    if any(other == line.code for line in case.order.lines):
        return False
    for place in ledger.rows_of(period, case.order.amazon_id):
        cells = rows[place].split("\t")
        if cells[6] == "Refund":
            rows[place] = "\t".join(other if cell == code else cell for cell in cells)
    _note(
        places, case, "REFUND_ITEM_MISMATCH", case.tally.refunded, settlement=ledger.settlements[period].settlement_id
    )
    return True


def _late_fee(places: Places, case: Case) -> bool:
    """Charge more commission in a settlement after the one that settled the order."""
    bill, market, parcel = case.booked.bill, case.order.market, case.history.parcels[0]
    assert bill is not None
    period = places.calendar.period(market, parcel.posted) + 1
    ledger = places.ledgers[market.index]
    if period >= PERIODS or day_of(ledger.settlements[period].end) <= bill.day:
        return False
    amount = _small(case, 15)
    posted = ledger.settlements[period].start + PERIOD // 3
    ledger.post(posted, _of_item(case, parcel), [("ItemFees", "Commission", -amount, "")])
    places.answers.settled_more(case.order.amazon_id, fees=amount)
    _note(places, case, "LATE_LINE", -amount, settlement=ledger.settlements[period].settlement_id)
    return True
