"""What became of an order: when it was shipped, settled, billed, refunded and credited."""

from __future__ import annotations

import random
from dataclasses import dataclass

from nsbill.simulator.world_catalogue import MARKETS, Market
from nsbill.simulator.world_orders import Order

__all__ = ["DAY", "PERIOD", "PERIODS", "Calendar", "History", "Parcel", "Refund", "day_of", "history_of", "instant_of"]

DAY = 86_400
PERIOD = 14 * DAY
PERIODS = 5  # ten weeks of settlements a marketplace
_EPOCH = 719_163  # ordinal of 1970-01-01
_SETTLED_BY = 12  # five days of delivery and seven of hold: what was shipped earlier is settled


@dataclass(frozen=True, slots=True)
class Parcel:
    """One shipment that Amazon settled; ``units`` per order line, charges ride with a line's first units."""

    posted: int  # seconds since 1970, UTC
    shipment_id: str
    units: tuple[int, ...]
    charged: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class Refund:
    """Money back for whole order lines."""

    transaction_type: str
    lines: tuple[int, ...]
    posted: int | None  # None: Amazon has not taken it in any settlement
    credited: int | None  # day of the credit memo
    reimbursed: bool


@dataclass(frozen=True, slots=True)
class History:
    """The later life of one order; days are ordinals."""

    shipped: int | None
    billed: int | None
    parcels: tuple[Parcel, ...]
    refund: Refund | None
    extra_principal: int = 0  # what Amazon settled above (or below) the price


@dataclass(frozen=True, slots=True)
class Calendar:
    """Settlement periods of each marketplace: half open, fourteen days, the last closed before today."""

    today: int
    ends: tuple[int, ...]  # end of the last period by marketplace

    @classmethod
    def before(cls, rng: random.Random, today: int) -> Calendar:
        """Close the last period of each marketplace one to four days before ``today``."""
        return cls(
            today, tuple(instant_of(today - rng.randint(1, 4)) + rng.randrange(6 * 3600, 9 * 3600) for _ in MARKETS)
        )

    def start(self, market: Market) -> int:
        """The start of its first period."""
        return self.ends[market.index] - PERIODS * PERIOD

    def end(self, market: Market) -> int:
        """The end of its last period."""
        return self.ends[market.index]

    def period(self, market: Market, posted: int) -> int:
        """The number of the period that ``posted`` falls into, 0 first."""
        return (posted - self.start(market)) // PERIOD


def instant_of(day: int) -> int:
    """Midnight UTC of a day ordinal."""
    return (day - _EPOCH) * DAY


def day_of(instant: int) -> int:
    """The day ordinal of an instant in UTC."""
    return instant // DAY + _EPOCH


def history_of(rng: random.Random, order: Order, calendar: Calendar) -> History:
    """Let an order live: shipped within days, settled 8 to 14 days later unless its slot says otherwise."""
    slot = order.slot
    yesterday = max(order.ordered, calendar.today - 1)
    first = min(order.ordered + rng.choice((0, 1, 1, 2, 3)), yesterday)
    if slot.status in "DE":
        return History(first, first if slot.status == "D" else None, (), None)
    if slot.status not in "FG" and slot.plant is None:
        return History(None, None, (), None)
    shipments = _shipments(rng, order, first, yesterday)
    shipped = shipments[-1][0]
    billed = min(shipped + rng.randint(0, 2), yesterday) if slot.status == "G" or slot.partly_billed else None
    parcels = () if slot.plant == "BILLED_NOT_SETTLED" else _parcels(rng, order, shipments, calendar)
    refund = _refund(rng, order, parcels, shipped, calendar)
    known = shipped if slot.status in "FG" else None  # NetSuite never heard of the others' shipping
    return History(known, billed, parcels, refund, _extra_principal(rng, order))


def _shipments(rng: random.Random, order: Order, first: int, yesterday: int) -> list[tuple[int, tuple[int, ...]]]:
    """Return (day, units of each line) per shipment."""
    quantities = tuple(line.quantity for line in order.lines)
    if order.slot.feature not in {"two_parcels", "two_settlements"}:
        return [(first, quantities)]
    later = min(first + rng.randint(1, 9), yesterday)
    if len(quantities) > 1:
        return [(first, (quantities[0], *(0 for _ in quantities[1:]))), (later, (0, *quantities[1:]))]
    return [(first, (1,)), (later, (quantities[0] - 1,))]


def _parcels(
    rng: random.Random, order: Order, shipments: list[tuple[int, tuple[int, ...]]], calendar: Calendar
) -> tuple[Parcel, ...]:
    """Settle the shipments; those whose release lies after the last period's end are still open and left out."""
    end = calendar.end(order.market)
    found: list[Parcel] = []
    seen = [0] * len(order.lines)
    for day, units in shipments:
        posted = instant_of(day + rng.randint(8, 13)) + rng.randrange(6 * 3600, 16 * 3600)
        if posted >= end and calendar.today - day >= _SETTLED_BY:
            posted = end - rng.randint(3600, 30 * 3600)
        if found and order.slot.feature == "two_settlements":
            first_end = calendar.start(order.market) + (calendar.period(order.market, found[0].posted) + 1) * PERIOD
            posted = max(posted, first_end + rng.randint(3600, DAY))
        charged = tuple(bool(unit) and not before for unit, before in zip(units, seen, strict=True))
        seen = [before + unit for unit, before in zip(units, seen, strict=True)]
        shipment_id = "".join(rng.choices("BCDFGHJKLMNPQRSTVWXYZbcdfghjkmnpqrstvwxyz23456789", k=9))
        if posted < end:
            found.append(Parcel(posted, shipment_id, units, charged))
    return tuple(found)


_CLAIMS = ("Chargeback Refund", "A-to-z Guarantee Refund")


def _refund(
    rng: random.Random, order: Order, parcels: tuple[Parcel, ...], shipped: int, calendar: Calendar
) -> Refund | None:
    plant, feature = order.slot.plant, order.slot.feature
    chosen = tuple(range(len(order.lines))) if rng.random() < 0.7 else (0,)
    if plant == "CREDIT_MEMO_WITHOUT_REFUND":
        return Refund("Refund", chosen, None, shipped + rng.randint(8, 15), False)
    if plant not in {"REFUND_WITHOUT_CREDIT_MEMO", "CHARGEBACK_OR_CLAIM"} and feature not in {
        "refund",
        "refund_before_sale",
    }:
        return None
    sold = parcels[-1].posted
    if feature == "refund_before_sale":
        posted = sold - rng.randint(60, 13 * 3600)
    elif plant:
        posted = min(sold + rng.randint(DAY, 6 * DAY), calendar.end(order.market) - 3600)
    else:
        posted = sold + rng.randint(DAY, 20 * DAY)
    credited = (
        None if plant == "REFUND_WITHOUT_CREDIT_MEMO" else min(day_of(posted) + rng.randint(0, 2), calendar.today - 1)
    )
    kind = rng.choice(_CLAIMS) if plant == "CHARGEBACK_OR_CLAIM" else "Refund"
    taken = posted if posted < calendar.end(order.market) else None
    return Refund(kind, chosen, taken, credited, feature == "refund" and taken is not None and rng.random() < 0.2)


def _extra_principal(rng: random.Random, order: Order) -> int:
    if order.slot.plant not in {"SHORT_SETTLED", "OVERPAID"}:
        return 0
    amount = max(order.market.unit, order.market.rounded(order.lines[0].price, rng.randint(80, 300)))
    return -amount if order.slot.plant == "SHORT_SETTLED" else amount
