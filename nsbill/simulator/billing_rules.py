"""What of an order can be billed, what a partial bill costs, and the order's status afterwards. Pure (netsuite 4.2, 4.4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["OrderLine", "billable_quantity", "may_be_billed", "part_of", "status_after"]

_CLOSED_TO_BILLING = frozenset("ACGH")


@dataclass(frozen=True)
class OrderLine:
    """A line of a sales order; ``amount`` and ``tax`` in hundredths."""

    line: int
    quantity: int
    billed: int
    fulfilled: int
    needs_fulfilment: bool
    closed: bool
    amount: int
    tax: int

    @property
    def unbilled(self) -> int:
        """Quantity ordered and not billed; 0 on a closed line."""
        return 0 if self.closed else max(self.quantity - self.billed, 0)

    @property
    def shipped_unbilled(self) -> int:
        """Quantity that is shipped and not billed; 0 on a closed line."""
        return 0 if self.closed else max(min(self.fulfilled, self.quantity) - self.billed, 0)


def billable_quantity(line: OrderLine, *, in_advance: bool) -> int:
    """Return what of a line may be billed now; lines that need no fulfilment wait for nothing."""
    return line.unbilled if in_advance or not line.needs_fulfilment else line.shipped_unbilled


def may_be_billed(status: str, lines: Sequence[OrderLine], *, in_advance: bool) -> bool:
    """Say whether an order's status lets it be billed (netsuite 4.2).

    Charges and discounts need no fulfilment, but alone they make no bill of an order with unshipped goods.
    """
    if status in _CLOSED_TO_BILLING:
        return False
    goods = [line for line in lines if line.needs_fulfilment and not line.closed]
    return not (status in "BD" and goods and not in_advance and not any(line.shipped_unbilled for line in goods))


def part_of(amount: int, *, before: int, now: int, ordered: int, unit: int) -> int:
    """Return the share of ``amount`` (hundredths) for ``now`` of ``ordered`` pieces after ``before`` were billed.

    Shares are cut to ``unit`` (1, or 100 for a currency without decimals), so that all shares
    add up to ``amount``: the last one carries what cutting left over.
    """
    return _up_to(amount, before + now, ordered, unit) - _up_to(amount, before, ordered, unit)


def _up_to(amount: int, pieces: int, ordered: int, unit: int) -> int:
    if pieces >= ordered:
        return amount
    size = abs(amount) * pieces // (ordered * unit) * unit
    return size if amount >= 0 else -size


def status_after(status: str, lines: Sequence[OrderLine]) -> str:
    """Return the order's status once its lines are as given (netsuite 4.4)."""
    lines = [line for line in lines if not line.closed]
    goods = [line for line in lines if line.needs_fulfilment]
    if all(line.fulfilled >= line.quantity for line in goods):
        return "G" if all(line.unbilled == 0 for line in lines) else "F"
    if not any(line.fulfilled for line in goods):
        return "B"
    return "E" if any(line.shipped_unbilled for line in goods) else "D"
