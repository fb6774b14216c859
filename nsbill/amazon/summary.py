"""What a settlement's file states about the settlement as a whole, in whatever format it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

__all__ = ["Summary"]


@dataclass(frozen=True)
class Summary:
    """The statement of one settlement in its file: period, deposit, total. Times are UTC; what is not stated is None."""

    settlement_id: str
    line: int
    currency: str | None
    period_start: datetime | None
    period_end: datetime | None
    deposit: datetime | None
    total_amount: Decimal | None
