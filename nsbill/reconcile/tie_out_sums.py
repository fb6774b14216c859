"""What each settlement is made of, added up once from its lines: what the tie-out and the agreement go by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

import narwhals as nw

from nsbill.money import ZERO
from nsbill.reconcile.engine import Engine, Frame
from nsbill.reconcile.pieces import GOODS, REFUND_EVENTS, SALE_EVENTS
from nsbill.vocabulary import LineKind

__all__ = ["ORDER_PARTS", "PARTS", "SettlementSums", "part_of", "settlement_sums"]

PARTS: dict[str, str] = {
    "receipts": "what buyers paid on Amazon orders: goods, shipping, gift wrap, tax, promotions; tax corrections too",
    "refunds": "what went back to buyers of Amazon orders: refunds, chargebacks, claims, tax included",
    "tax_withheld": "tax on Amazon orders that Amazon remits itself",
    "fees": "Amazon's charges on Amazon orders",
    "order_other": "everything else that names an Amazon order: reimbursements, adjustments, unknown labels",
    "account": "lines without an Amazon order: charges on the account, reimbursements, orders of other channels",
    "reserve": "reserve movements: given back from the period before, less kept for the next",
    "transfers": "negative balances taken over, card charges, micro deposits, failed transfers",
}
"""The parts of a settlement, signed from the seller's side; every line is in exactly one."""

ORDER_PARTS = ("receipts", "refunds", "tax_withheld", "fees", "order_other")
"""The parts that make up the net cash of its Amazon orders."""

_BALANCE = {LineKind.RESERVE: "reserve", LineKind.TRANSFER: "transfers"}


@dataclass
class SettlementSums:
    """The sums of one settlement; ``net_cash`` is that of its lines that name an Amazon order, whatever they are.

    ``reserve_lines`` are the first and last file line of its reserve movements, ``posted`` the first and last time at
    which a line of an Amazon order was posted; both None where there are none.
    """

    parts: dict[str, Decimal] = field(default_factory=lambda: dict.fromkeys(PARTS, ZERO))
    net_cash: Decimal = ZERO
    lines: int = 0
    reserve_lines: tuple[int, int] | None = None
    posted: tuple[datetime, datetime] | None = None

    @property
    def total(self) -> Decimal:
        """Σ of all lines."""
        return sum(self.parts.values(), ZERO)


def part_of(event: str, kind: str, *, of_order: bool) -> str:
    """The part that a line belongs to, by its event class, its line kind, and whether it names an Amazon order."""
    if LineKind(kind) in _BALANCE:
        return _BALANCE[LineKind(kind)]
    if not of_order:
        return "account"
    if kind.startswith("FEE_"):
        return "fees"
    if kind == LineKind.TAX_WITHHELD:
        return "tax_withheld"
    if kind in GOODS:
        return "receipts" if event in SALE_EVENTS else "refunds" if event in REFUND_EVENTS else "order_other"
    return "order_other"


def settlement_sums(engine: Engine, lines: Frame, settlement_ids: Iterable[str]) -> Mapping[str, SettlementSums]:
    """Add up the lines of each settlement by part, in one pass; a settlement without lines has sums of nothing."""
    found = {identifier: SettlementSums() for identifier in settlement_ids}
    ordered = ~nw.col("amazon_order_id").is_null()
    groups = lines.group_by("settlement_id", "event_class", "line_kind", ordered.alias("of_order")).agg(
        amount=nw.col("amount").sum(),
        lines=nw.len(),
        first_line=nw.col("source_line").min(),
        last_line=nw.col("source_line").max(),
        first=nw.col("posted_at").min(),
        last=nw.col("posted_at").max(),
    )
    for row in engine.read(groups).to_pylist():
        if row["settlement_id"] in found:
            _add(found[row["settlement_id"]], row)
    return found


def _add(sums: SettlementSums, row: Mapping[str, Any]) -> None:
    part = part_of(row["event_class"], row["line_kind"], of_order=row["of_order"])
    sums.parts[part] += row["amount"]
    sums.lines += row["lines"]
    if row["of_order"]:
        sums.net_cash += row["amount"]
        if row["first"] is not None:
            first, last = sums.posted or (row["first"], row["last"])
            sums.posted = min(first, row["first"]), max(last, row["last"])
    if part == "reserve":
        low, high = sums.reserve_lines or (row["first_line"], row["last_line"])
        sums.reserve_lines = min(low, row["first_line"]), max(high, row["last_line"])
