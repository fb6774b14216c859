"""The answer key: what a correct reconciliation of the demo company reports, from how it was built."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable
from datetime import date
from pathlib import Path

from nsbill.simulator.world_amazon import Tally
from nsbill.simulator.world_books import Booked
from nsbill.simulator.world_ledger import Ledger
from nsbill.simulator.world_orders import Order
from nsbill.simulator.world_planted import OBSTACLES

__all__ = ["AnswerKey", "amount_text"]

_STATEMENT_UP_TO = 20_000
_BILLABLE = {"pending-billing": "F", "pending-fulfillment": "B"}


def amount_text(hundredths: int) -> str:
    """Write hundredths as a plain decimal."""
    whole, part = divmod(abs(hundredths), 100)
    return f"{'-' if hundredths < 0 else ''}{whole}.{part:02d}"


class AnswerKey:
    """Collects the truth while the company is built; amounts are hundredths until they are written."""

    def __init__(self, *, orders: int, seed: int, today: date) -> None:
        self._orders, self._seed, self._today = orders, seed, today
        self._exceptions: list[dict[str, str | None]] = []
        self._statement: list[dict[str, str]] = []
        self._statuses: Counter[str] = Counter()
        self._skipped: Counter[str] = Counter()
        self._open: dict[str, list[tuple[str, int]]] = {name: [] for name in _BILLABLE}

    @property
    def faulty(self) -> set[str]:
        """The Amazon orders that have a fault already."""
        return {row["amazon_order_id"] for row in self._exceptions if row["amazon_order_id"]}

    def settlements_with(self, names: Collection[str]) -> set[str]:
        """The settlements in which one of these classes is planted."""
        rows = [row for row in self._exceptions if row["exception_class"] in names]
        return {row["settlement_id"] for row in rows if row["settlement_id"]}

    def order(self, order: Order, booked: Booked, tally: Tally) -> None:
        """Note a sales order."""
        slot = order.slot
        self._statuses[slot.status] += 1
        if slot.feature in OBSTACLES:
            self._skipped[OBSTACLES[slot.feature]] += 1
            return
        for name, letter in _BILLABLE.items():
            if slot.status == letter:
                self._open[name].append((booked.currency, booked.total - booked.billed))
        billed = booked.billed_after(order)
        if slot.plant is not None:
            amount = _amount(slot.plant, booked.total, billed, booked.credited, tally)
            self._exception(
                slot.plant, order.amazon_id, None, booked.currency if billed else order.market.currency, amount
            )
        if booked.currency != order.market.currency:
            self._row(order.amazon_id, booked.currency, billed, booked.credited, Tally())
            self._row(order.amazon_id, order.market.currency, 0, 0, tally)
        else:
            self._row(order.amazon_id, booked.currency, billed, booked.credited, tally)

    def orphan(self, order: Order, tally: Tally) -> None:
        """Note a settled sale without a sales order."""
        self._exception("ORPHAN_ORDER_ID", order.amazon_id, None, order.market.currency, tally.received)
        self._row(order.amazon_id, order.market.currency, 0, 0, tally)

    def payment(self, name: str, order: str, currency: str, amount: int) -> None:
        """Note a fault in how NetSuite booked what Amazon paid."""
        self._exception(name, order, None, currency, amount)

    def planted(
        self,
        name: str,
        *,
        order: str | None = None,
        settlement: str | None = None,
        currency: str,
        amount: int,
        needs: str | None = None,
    ) -> None:
        """Note a fault; ``needs`` says what must be given beside books and settlements to see it: bank, activity."""
        self._exception(name, order, settlement, currency, amount)
        if needs:
            self._exceptions[-1]["needs"] = needs

    def settled_more(self, order: str, *, received: int = 0, refunded: int = 0, fees: int = 0) -> None:
        """Correct the statement of an order of which more was settled than was noted; ``fees`` are positive."""
        for row in self._statement:
            if row["amazon_order_id"] == order:
                for name, more in (("received_gross", received), ("refunded", refunded), ("fee_withheld", fees)):
                    row[name] = amount_text(_hundredths(row[name]) + more)
                row["net_cash"] = amount_text(_hundredths(row["net_cash"]) + received - refunded - fees)

    def malformed(self, shown: str, settlement_id: str, currency: str, tally: Tally) -> None:
        """Note settled lines whose order id has no known form; the settlement stands for the order."""
        self._exception("MALFORMED_ORDER_ID", None, settlement_id, currency, tally.net)
        self._exceptions[-1]["order_reference"] = shown

    def unclassified(self, settlement_id: str, currency: str, amount: int) -> None:
        """Note lines of one settlement with one unknown label."""
        self._exception("UNCLASSIFIED_LINE", None, settlement_id, currency, amount)

    def write(self, path: Path, ledgers: Iterable[Ledger]) -> Path:
        """Write the key as JSON and return its path."""
        key: dict[str, object] = {
            "seed": self._seed,
            "orders": self._orders,
            "today": self._today.isoformat(),
            "exceptions": self._exceptions,
            "orders_by_status": dict(sorted(self._statuses.items())),
            "billable": {name: _totals(found) for name, found in self._open.items()},
            "skipped": dict(sorted(self._skipped.items())),
            "settlements": [
                {"settlement_id": s.settlement_id, "currency": ledger.market.currency, "total": amount_text(s.total)}
                for ledger in ledgers
                for s in ledger.settlements
            ],
        }
        if self._orders <= _STATEMENT_UP_TO:
            key["statement"] = self._statement
        path.write_text(json.dumps(key, indent=1) + "\n", encoding="utf-8", newline="\n")
        return path

    def _exception(self, name: str, order: str | None, settlement: str | None, currency: str, amount: int) -> None:
        if amount == 0:
            raise ValueError(f"the demo company planted {name} on {order or settlement} without any money in it")
        self._exceptions.append({
            "exception_class": name, "amazon_order_id": order, "settlement_id": settlement, "currency": currency,
            "amount": amount_text(amount),
        })  # fmt: skip

    def _row(self, order: str, currency: str, billed: int, credited: int, tally: Tally) -> None:
        if self._orders > _STATEMENT_UP_TO or not (billed or credited or tally != Tally()):
            return
        self._statement.append({
            "amazon_order_id": order, "currency": currency, "billed_gross": amount_text(billed),
            "received_gross": amount_text(tally.received), "refunded": amount_text(tally.refunded),
            "credited": amount_text(credited), "fee_withheld": amount_text(tally.fees),
            "net_cash": amount_text(tally.net),
        })  # fmt: skip


def _amount(name: str, total: int, billed: int, credited: int, tally: Tally) -> int:
    """Return the money in question by class (domain reference 2.6)."""
    return {
        "SETTLED_NOT_BILLED": tally.received,
        "CANCELLED_BUT_SETTLED": tally.received,
        "BILLED_NOT_SETTLED": billed,
        "CURRENCY_MISMATCH": billed,
        "SHORT_SETTLED": billed - tally.received,
        "PROMOTION_NOT_BILLED": billed - tally.received,
        "OVERPAID": tally.received - billed,
        "DUPLICATE_BILLING": billed - total,
        "REFUND_WITHOUT_CREDIT_MEMO": tally.refunded - credited,
        "CREDIT_MEMO_WITHOUT_REFUND": credited - tally.refunded,
        "CHARGEBACK_OR_CLAIM": tally.refunded,
    }[name]


def _hundredths(text: str) -> int:
    return int(text.replace(".", ""))


def _totals(found: list[tuple[str, int]]) -> dict[str, object]:
    totals: Counter[str] = Counter()
    for currency, amount in found:
        totals[currency] += amount
    return {"count": len(found), "totals": {name: amount_text(totals[name]) for name in sorted(totals)}}
