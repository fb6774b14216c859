"""The faults planted in the demo company, the mix of order statuses, and which order gets which.

Every order gets at most one fault, so that a correct reconciliation reports it under exactly one class.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

__all__ = ["CLASSES", "LEAST_ORDERS", "OBSTACLES", "Slot", "plan_slots", "planted_each"]

LEAST_ORDERS = 30
_MOST_DAYS = 70  # orders spread over ten weeks


@dataclass(frozen=True, slots=True)
class Slot:
    """What one sales order is to be, before it has any content."""

    status: str  # the letter of the sales order
    age: int  # days from the order to today
    plant: str | None = None  # the exception class it carries
    feature: str | None = None  # a legitimate oddity it must show
    partly_billed: bool = False


@dataclass(frozen=True, slots=True)
class _Need:
    statuses: str
    ages: tuple[int, int]


_PLANTS: dict[str, _Need] = {
    "SETTLED_NOT_BILLED": _Need("B", (34, 68)),
    "BILLED_NOT_SETTLED": _Need("G", (45, 68)),
    "SHORT_SETTLED": _Need("FG", (34, 66)),
    "OVERPAID": _Need("FG", (34, 66)),
    "PROMOTION_NOT_BILLED": _Need("FG", (34, 66)),
    "DUPLICATE_BILLING": _Need("G", (34, 66)),
    "REFUND_WITHOUT_CREDIT_MEMO": _Need("G", (34, 66)),
    "CREDIT_MEMO_WITHOUT_REFUND": _Need("G", (56, 68)),
    "CHARGEBACK_OR_CLAIM": _Need("G", (34, 66)),
    "CURRENCY_MISMATCH": _Need("G", (34, 66)),
    "CANCELLED_BUT_SETTLED": _Need("C", (34, 68)),
}
"""Ages leave room for delivery, hold, a whole settlement cycle, and the 30 days of a stale credit memo."""

CLASSES = (*_PLANTS, "ORPHAN_ORDER_ID", "MALFORMED_ORDER_ID", "UNCLASSIFIED_LINE")
"""Every planted class; the last three live in the settlement files only."""

_MIX: dict[tuple[str, bool], int] = {
    ("F", False): 580,
    ("G", False): 220,
    ("B", False): 90,
    ("C", False): 40,
    ("F", True): 20,
    ("E", False): 20,
    ("D", False): 10,
    ("A", False): 10,
    ("H", False): 10,
}
"""Sales orders per thousand by status letter and whether partly billed already."""

_AGES = {"F": (2, _MOST_DAYS), "G": (3, _MOST_DAYS), "B": (0, 4), "E": (3, 9), "D": (3, 9), "A": (0, 3)}

_FEATURES: dict[str, tuple[int, _Need]] = {
    "refund_before_sale": (2, _Need("G", (30, 66))),
    "refund": (18, _Need("G", (16, 66))),
    "two_settlements": (2, _Need("FG", (45, 66))),
    "two_parcels": (14, _Need("FG", (2, 66))),
    "identical_blocks": (6, _Need("FG", (20, 66))),
}
"""Legitimate oddities per thousand orders; each at least once."""


OBSTACLES = {
    "mistyped": "malformed_amazon_order_id",
    "imported_twice": "same_amazon_order_twice",
    "replacement": "nothing_to_bill",
}
"""What keeps an order that is Pending Billing out of a plan, and the reason that the plan must give."""

_OBSTACLE_AGES = (4, 6)  # shipped, and not settled yet, so that no reconciliation has anything to say about them


def planted_each(orders: int) -> int:
    """Return how often each class is planted in a company of that many orders."""
    return max(1, round(orders / 300))


def plan_slots(rng: random.Random, orders: int) -> list[Slot]:
    """Return one slot a sales order, oldest first: faults, oddities, obstacles to billing, the rest of the mix."""
    if orders < LEAST_ORDERS:
        raise ValueError(f"a demo company needs at least {LEAST_ORDERS} orders, not {orders}")
    slots = [
        _needed(rng, need, plant=name)
        for name, need in _PLANTS.items()
        for _ in range(planted_each(orders))
    ]  # fmt: skip
    for name, (per_mille, need) in _FEATURES.items():
        slots += [_needed(rng, need, feature=name) for _ in range(max(1, round(orders * per_mille / 1000)))]
    for name in OBSTACLES:
        times = planted_each(orders) * (2 if name == "imported_twice" else 1)
        slots += [Slot("F", rng.randint(*_OBSTACLE_AGES), feature=name) for _ in range(times)]
    for (status, partly), quota in _rest_of_mix(slots, orders).items():
        slots += [Slot(status, _age(rng, status), partly_billed=partly) for _ in range(quota)]
    return [slot for _, slot in sorted(enumerate(slots), key=lambda pair: (-pair[1].age, pair[0]))]


def _needed(rng: random.Random, need: _Need, *, plant: str | None = None, feature: str | None = None) -> Slot:
    return Slot(rng.choice(need.statuses), rng.randint(*need.ages), plant, feature)


def _age(rng: random.Random, status: str) -> int:
    return rng.randint(*_AGES.get(status, (1, _MOST_DAYS)))


def _rest_of_mix(slots: list[Slot], orders: int) -> dict[tuple[str, bool], int]:
    """Fill up to the mix; what rounding and faults take or leave is made up by Pending Billing."""
    quotas = {key: round(orders * per_mille / 1000) for key, per_mille in _MIX.items()}
    for slot in slots:
        quotas[slot.status, slot.partly_billed] -= 1
    quotas = {key: max(0, quota) for key, quota in quotas.items()}
    quotas["F", False] += orders - len(slots) - sum(quotas.values())
    return quotas
