"""What Amazon's Finances API answers about the demo company: sales whose money waits, and one settlement in its own words.

Billed orders that no settlement holds yet are deferred until after their delivery, with reason and maturity date. One of
the newest settlements is told once more, order by order, so that two sources can be compared. Planted are orders whose
money has matured and is deferred still, and orders of which this source says another amount. It is a file of its own;
what is wrong in it has ``needs: activity`` in the key.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from nsbill.simulator.world_amazon import whole_sale
from nsbill.simulator.world_answers import AnswerKey, amount_text
from nsbill.simulator.world_history import PERIODS, day_of, instant_of
from nsbill.simulator.world_ledger import Ledger
from nsbill.simulator.world_payments import Case

__all__ = ["ACTIVITY_CLASSES", "FINANCES_ANSWER", "Activity"]

ACTIVITY_CLASSES = ("DEFERRED_OVERDUE", "SOURCE_DISAGREEMENT")
"""What is planted here; nobody sees it without the answer of the Finances API."""
FINANCES_ANSWER = "finances_transactions.json"

_HOLD = 7  # days after delivery until money is released
_LEAST_AGE = 6  # days since an order was shipped whose money can be overdue
_ORDER_ID = re.compile(r"\d{3}-\d{7}-\d{7}")
_TYPES = {"Order": "Shipment", "Chargeback Refund": "Chargeback", "A-to-z Guarantee Refund": "GuaranteeClaim"}
"""The Finances API's names of the settlement's transaction types, where they differ."""
_LEAVES = {
    ("ItemPrice", "Principal"): "ProductCharges/OurPricePrincipal",
    ("ItemPrice", "Tax"): "Tax/OurPriceTax",
    ("ItemPrice", "Shipping"): "Shipping/ShippingPrincipal",
    ("ItemPrice", "ShippingTax"): "Tax/ShippingTax",
    ("ItemPrice", "GiftWrap"): "Giftwrap/GiftwrapPrincipal",
    ("ItemPrice", "GiftWrapTax"): "Tax/GiftwrapTax",
    ("Promotion", "Principal"): "PromoRebates/OurPriceDiscount",
    ("Promotion", "Shipping"): "PromoRebates/ShippingDiscount",
    ("Promotion", "TaxDiscount"): "Tax/OurPriceTaxDiscount",
}
"""Where the Finances API has a settlement's amount; everything else is below ``AmazonFees``."""


class _Amount(NamedTuple):
    kind: str
    description: str
    hundredths: int


class _Told(NamedTuple):
    """One transaction before it is written."""

    kind: str
    order: str
    ledger: Ledger
    posted: str
    amounts: Sequence[_Amount]
    settlement: str = ""
    matures: datetime | None = None


class Activity:
    """Keeps the orders in mind that wait for their money; writes the answer at the end."""

    def __init__(self, *, each: int, seed: int, today: int) -> None:
        self._each, self._today = each, today
        self._dice = random.Random(f"activity {seed}")
        self._waiting: list[Case] = []

    def order(self, case: Case) -> None:
        """Keep a faultless billed order in mind of which nothing is settled."""
        order, history, booked, _ = case
        plain = order.slot.plant is None and order.slot.feature is None and booked.currency == order.market.currency
        open_ = history.shipped is not None and not history.parcels and history.refund is None
        if plain and open_ and order.slot.status == "G" and booked.bill is not None and booked.billed == booked.total:
            self._waiting.append(case)

    def write(self, folder: Path, ledgers: Sequence[Ledger], answers: AnswerKey, faulty: set[str]) -> Path:
        """Write the answer, with its faults in orders that are not among ``faulty``; notes them in the answer key."""
        told = [*self._deferred(ledgers, answers, faulty), *self._released(ledgers, answers, faulty)]
        numbered = [_transaction(number, one) for number, one in enumerate(told, start=1)]
        text = json.dumps({"payload": {"transactions": numbered}}, indent=1)
        path = folder / FINANCES_ANSWER
        path.write_text(re.sub(r'"<<(.+?)>>"', r"\1", text) + "\n", encoding="utf-8")  # amounts are numbers there
        return path

    def _deferred(self, ledgers: Sequence[Ledger], answers: AnswerKey, faulty: set[str]) -> Iterator[_Told]:
        """The sales that wait; some of them longer than they should."""
        waiting = [case for case in self._waiting if case.order.amazon_id not in faulty]
        old = [case for case in waiting if self._may_be_late(case, ledgers)]
        late = {case.order.amazon_id for case in self._dice.sample(old, min(self._each, len(old)))}
        for case in waiting:
            order = case.order
            overdue = order.amazon_id in late
            day = self._today - 1 if overdue else self._matures(case)
            amounts = [_Amount(*amount[:3]) for amount in whole_sale(order)]
            posted = _stamp(instant_of(_shipped(case)) + self._dice.randrange(6 * 3600, 16 * 3600))
            ledger = ledgers[order.market.index]
            yield _Told("Shipment", order.amazon_id, ledger, posted, amounts, matures=_instant(instant_of(day)))
            if overdue:
                answers.planted(
                    "DEFERRED_OVERDUE",
                    order=order.amazon_id,
                    currency=order.market.currency,
                    amount=case.booked.billed,
                    needs="activity",
                )

    def _may_be_late(self, case: Case, ledgers: Sequence[Ledger]) -> bool:
        """Whether its money can have matured yesterday, and the settlement that should hold it is not over yet."""
        over = day_of(ledgers[case.order.market.index].end)
        return self._today - _shipped(case) >= _LEAST_AGE and over < self._today - 1 and case.booked.total > 0

    def _matures(self, case: Case) -> int:
        """The day on which the money is released: days after delivery, and not before tomorrow."""
        return max(_shipped(case) + self._dice.randint(1, 6) + _HOLD, self._today + self._dice.randint(1, 3))

    def _released(self, ledgers: Sequence[Ledger], answers: AnswerKey, faulty: set[str]) -> Iterator[_Told]:
        """One of the newest settlements, order by order; of some sales another fee."""
        told = {ledger: list(_told_by(ledger, PERIODS - 1)) for ledger in ledgers}
        ledger = self._dice.choice([one for one in ledgers if told[one]] or list(ledgers[:1]))
        times: dict[str, int] = {}
        for one in told[ledger]:
            times[one.order] = times.get(one.order, 0) + 1
        sales = [one for one in told[ledger] if one.kind == "Shipment" and times[one.order] == 1]
        clean = [one for one in sales if one.order not in faulty]
        changed = {one.order for one in self._dice.sample(clean, min(self._each, len(clean)))}
        for one in told[ledger]:
            if one.order not in changed:
                yield one
                continue
            less = -ledger.market.unit * self._dice.randint(3, 90)
            answers.planted(
                "SOURCE_DISAGREEMENT",
                order=one.order,
                settlement=one.settlement,
                currency=ledger.market.currency,
                amount=less,
                needs="activity",
            )
            yield one._replace(amounts=[*one.amounts, _Amount("ItemFees", "Commission", less)])


def _told_by(ledger: Ledger, period: int) -> Iterator[_Told]:
    """A settlement's lines of Amazon orders, those of one event together."""
    settlement = ledger.settlements[period]
    events: dict[tuple[str, str, str], list[_Amount]] = {}
    for row in settlement.rows:
        cells = row.split("\t")
        if _ORDER_ID.fullmatch(cells[7]):
            amount = _Amount(cells[12], cells[13], ledger.hundredths(cells[14]))
            events.setdefault((cells[6], cells[7], cells[17]), []).append(amount)
    for (kind, order, stamp), amounts in events.items():
        posted = _stamp(ledger.instant(stamp))
        yield _Told(_TYPES.get(kind, kind), order, ledger, posted, amounts, settlement=settlement.settlement_id)


def _transaction(number: int, told: _Told) -> dict[str, object]:
    """One transaction as Amazon writes it; it is its only item."""
    currency = told.ledger.market.currency
    total = _money(sum(amount.hundredths for amount in told.amounts), currency)
    named = {"ORDER_ID": told.order, **({"SETTLEMENT_ID": told.settlement} if told.settlement else {})}
    found: dict[str, object] = {
        "transactionType": told.kind,
        "transactionId": f"T{number:09d}",
        "transactionStatus": "DEFERRED" if told.matures else "RELEASED",
        "postedDate": told.posted,
        "totalAmount": total,
        "marketplaceDetails": {"marketplaceName": told.ledger.market.name},
        "relatedIdentifiers": [
            {"relatedIdentifierName": name, "relatedIdentifierValue": value} for name, value in named.items()
        ],
        "breakdowns": _breakdowns(told.amounts, currency),
    }
    if told.matures:
        maturity = _text(told.matures)
        found["contexts"] = [{"contextType": "DeferredContext", "deferralReason": "DD7", "maturityDate": maturity}]
    return found


def _breakdowns(amounts: Iterable[_Amount], currency: str) -> list[dict[str, object]]:
    """The amounts as a tree; what stands above others is their sum."""
    return _level(
        [(_LEAVES.get(one[:2], f"AmazonFees/{one.description}").split("/"), one.hundredths) for one in amounts],
        currency,
    )


def _level(paths: Sequence[tuple[list[str], int]], currency: str) -> list[dict[str, object]]:
    names = dict.fromkeys(path[0] for path, _ in paths)
    found: list[dict[str, object]] = []
    for name in names:
        own = [(path[1:], amount) for path, amount in paths if path[0] == name]
        node = {"breakdownType": name, "breakdownAmount": _money(sum(amount for _, amount in own), currency)}
        found.append({**node, "breakdowns": _level([one for one in own if one[0]], currency)})
    return found


def _money(hundredths: int, currency: str) -> dict[str, str]:
    return {"currencyAmount": f"<<{amount_text(hundredths)}>>", "currencyCode": currency}


def _shipped(case: Case) -> int:
    assert case.history.shipped is not None
    return case.history.shipped


def _stamp(instant: int) -> str:
    return _text(_instant(instant))


def _instant(seconds: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)


def _text(instant: datetime) -> str:
    return f"{instant:%Y-%m-%dT%H:%M:%SZ}"
