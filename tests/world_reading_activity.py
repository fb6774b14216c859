"""Judges the demo company's answer of the Finances API by itself and beside the settlements; plain Python (domain 2.6)."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from world_reading import World

__all__ = ["judge_activity"]

Found = Counter[tuple[str, str | None, str | None, str, str]]


def judge_activity(world: World, found: Found) -> None:
    """Add to ``found`` what has matured and is deferred still, and what the settlement says otherwise."""
    text = world.summary.finances.read_text(encoding="utf-8")
    transactions = json.loads(text, parse_float=Decimal, parse_int=Decimal)["payload"]["transactions"]
    assert len({one["transactionId"] for one in transactions}) == len(transactions)
    nets: dict[tuple[str, str, str], Decimal] = defaultdict(Decimal)
    for one in transactions:
        names = {name["relatedIdentifierName"]: name["relatedIdentifierValue"] for name in one["relatedIdentifiers"]}
        assert _sum(one["breakdowns"]) == one["totalAmount"]["currencyAmount"]
        currency = one["totalAmount"]["currencyCode"]
        if one["transactionStatus"] == "RELEASED":
            nets[names["ORDER_ID"], names["SETTLEMENT_ID"], currency] += one["totalAmount"]["currencyAmount"]
            continue
        (context,) = one["contexts"]
        if datetime.fromisoformat(context["maturityDate"]).date() < world.summary.today:
            due = sum((amount for name, amount in _leaves(one["breakdowns"]) if not _is_fee(name)), Decimal(0))
            found["DEFERRED_OVERDUE", names["ORDER_ID"], None, currency, f"{due:.2f}"] += 1
    _compare(world, nets, found)


def _compare(world: World, nets: dict[tuple[str, str, str], Decimal], found: Found) -> None:
    own: dict[tuple[str, str, str], Decimal] = defaultdict(Decimal)
    for file in world.files:
        for line in file.lines:
            own[line.cells["order-id"], file.settlement_id, file.currency] += Decimal(line.amount) / 100
    for (order, settlement, currency), net in nets.items():
        if net != own[order, settlement, currency]:
            more = net - own[order, settlement, currency]
            found["SOURCE_DISAGREEMENT", order, settlement, currency, f"{more:.2f}"] += 1


def _sum(nodes: list[dict[str, Any]]) -> Decimal:
    """The sum of some nodes, after each of them was found to be the sum of what is below it."""
    for node in nodes:
        if node["breakdowns"]:
            assert _sum(node["breakdowns"]) == node["breakdownAmount"]["currencyAmount"]
    return sum((node["breakdownAmount"]["currencyAmount"] for node in nodes), Decimal(0))


def _is_fee(name: str) -> bool:
    return name == "Commission" or "Fee" in name or name.endswith("Chargeback")


def _leaves(nodes: list[dict[str, Any]]) -> list[tuple[str, Decimal]]:
    found: list[tuple[str, Decimal]] = []
    for node in nodes:
        below = _leaves(node["breakdowns"])
        found += below or [(node["breakdownType"], node["breakdownAmount"]["currencyAmount"])]
    return found
