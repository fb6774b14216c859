"""What a reconciliation does to an exception of the queue: pure, one exception at a time.

What people decided holds until the money says otherwise: an exception that was closed or accepted stays so while it is
found with the same amount. Another amount (a late line), or being found again after it was gone, opens it again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from nsbill.vocabulary import ExceptionState

__all__ = ["IDENTITY", "Found", "Happening", "Standing", "identity_of", "what_happened"]

IDENTITY = ("exception_class", "seller_account", "amazon_order_id", "settlement_id", "reference", "currency")
"""The columns that tell an exception from every other one on any day; the amount and the evidence may change."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a reconciliation says of an exception."""

    amount: Decimal
    evidence: str


@dataclass(frozen=True, slots=True)
class Standing:
    """How an exception stands in the queue. ``is_found``: whether the latest reconciliation found it."""

    amount: Decimal
    evidence: str
    state: ExceptionState
    is_found: bool


@dataclass(frozen=True, slots=True)
class Happening:
    """An event to be written; ``state``: what it becomes, ``None`` when it stays what it is."""

    kind: str
    state: ExceptionState | None


SEEN = Happening("seen", ExceptionState.OPEN)
REOPENED = Happening("re-opened", ExceptionState.OPEN)
CHANGED = Happening("changed", None)


def identity_of(row: Mapping[str, Any]) -> str:
    """Return the SHA-256 of an exception's identity; an empty cell is another one than an empty text."""
    cells = (row[name] for name in IDENTITY)
    return hashlib.sha256("\0".join("" if cell is None else f"={cell}" for cell in cells).encode()).hexdigest()


def what_happened(was: Standing | None, now: Found | None) -> Happening | None:
    """Say what happened to an exception between two reconciliations; ``None``: nothing.

    ``was``: how it stands, ``None`` when it was never seen. ``now``: what was found, ``None`` when it was not.
    """
    if was is None:
        return SEEN if now is not None else None
    if now is None:
        if not was.is_found:
            return None
        return Happening("gone", ExceptionState.RESOLVED if was.state.is_open else None)
    if not was.is_found:
        return REOPENED
    if was.amount != now.amount:
        return CHANGED if was.state.is_open else REOPENED
    return CHANGED if was.evidence != now.evidence else None
