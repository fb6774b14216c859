"""The rules of one reconciliation: the day it speaks for, and what is expected when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from typing import Self

from nsbill.settings import Settings
from nsbill.vocabulary import ClosedPeriod, ReceiptBasis, TaxMode

__all__ = ["EPOCH", "ReconcileRules"]

EPOCH = date(1970, 1, 1)
"""Day number 0 of every ``…_day`` column."""


@dataclass(frozen=True)
class ReconcileRules:
    """What one reconciliation goes by; the days are those of the settings with the same names.

    ``delivery_days`` and ``hold_days`` after shipping Amazon releases the money, ``cycle_days`` is the length of a
    settlement period, a credit memo older than ``stale_days`` without a refund is an exception, and so is money that
    is due ``stale_due_days`` after it was expected.
    So is a payment or refund that NetSuite has not booked more than ``apply_days`` after settlement and bill.
    """

    as_of: date
    seller_account: str
    tax_mode: TaxMode = TaxMode.EXCLUDE
    tax_modes: Mapping[str, TaxMode] = field(default_factory=dict)
    """The tax mode of marketplaces that differ from ``tax_mode``, by the sales channel's or Amazon's name."""
    basis: ReceiptBasis = ReceiptBasis.SETTLED
    """What counts as received."""
    delivery_days: int = 5
    hold_days: int = 7
    cycle_days: int = 14
    stale_days: int = 30
    stale_due_days: int = 90
    apply_days: int = 0
    unbilled_days: int = 10
    """An order that is still pending billing more than this after shipping is an exception."""
    partially_billed: str = "bill-remainder"
    partially_shipped: str = "bill-shipped"
    transaction_date: str = "today"
    closed_period: ClosedPeriod = ClosedPeriod.BLOCK
    """How orders are billed: the settings with the same names."""
    marketplace_subsidiaries: Mapping[str, str] = field(default_factory=dict)
    """The subsidiary that bills a marketplace's orders, by the sales channel's name; empty: not looked at."""

    @classmethod
    def of(cls, settings: Settings, *, as_of: date, basis: ReceiptBasis = ReceiptBasis.SETTLED) -> Self:
        """Take what the settings say, field by field."""
        given = {field.name: getattr(settings, field.name) for field in fields(cls) if hasattr(settings, field.name)}
        return cls(as_of=as_of, basis=basis, **given)

    @property
    def as_of_day(self) -> int:
        """``as_of`` as days since 1970-01-01."""
        return (self.as_of - EPOCH).days

    @property
    def release_days(self) -> int:
        """Days from shipping to the expected release."""
        return self.delivery_days + self.hold_days
