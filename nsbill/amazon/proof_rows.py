"""The shape of what proofs say: one row per settlement (or bank line) and proof."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

from nsbill.amazon.parquet import SettlementFacts
from nsbill.money import MONEY
from nsbill.schemas import FLAG, TEXT, Column, Schema

__all__ = ["PROOFS", "Break", "Proof", "Row", "proof_row"]

Row = dict[str, object]


class Proof(StrEnum):
    """What is proved, in the order in which it is shown."""

    FOOT = "lines sum to total"
    PAYOUT = "parts give payout"
    ONE_FILE = "one file"
    PERIODS = "periods chain"
    RESERVE = "reserve rolls forward"
    CARRIED = "negative balance carried"
    CHARGE = "card charge explained"
    DEPOSIT = "deposit in bank"
    BANK_LINE = "bank line has settlement"


class Break(StrEnum):
    """What it is called when it does not hold, or cannot be told (domain reference, section 2.6)."""

    SETTLEMENT_DOES_NOT_FOOT = "SETTLEMENT_DOES_NOT_FOOT"
    DUPLICATE_SETTLEMENT = "DUPLICATE_SETTLEMENT"
    SETTLEMENT_GAP = "SETTLEMENT_GAP"
    SETTLEMENT_OVERLAP = "SETTLEMENT_OVERLAP"
    RESERVE_BREAK = "RESERVE_BREAK"
    BALANCE_BREAK = "BALANCE_BREAK"
    DEPOSIT_MISSING = "DEPOSIT_MISSING"
    DEPOSIT_MISMATCH = "DEPOSIT_MISMATCH"
    DEPOSIT_AMBIGUOUS = "DEPOSIT_AMBIGUOUS"
    DEPOSIT_WITHOUT_SETTLEMENT = "DEPOSIT_WITHOUT_SETTLEMENT"


PROOFS = Schema(
    "settlement proofs",
    (
        Column("settlement_id", TEXT, "Amazon settlement id; empty for a bank line that no settlement claims", True),
        Column("seller_account", TEXT, "seller account"),
        Column("currency", TEXT, "ISO 4217 code of the amounts"),
        Column("proof", TEXT, "Proof, such as 'lines sum to total'"),
        Column("expected", MONEY, "what the amount should be", nullable=True),
        Column("found", MONEY, "what it is", nullable=True),
        Column("residual", MONEY, "found − expected", nullable=True),
        Column("holds", FLAG, "empty: cannot be told", nullable=True),
        Column("code", TEXT, "Break: what is wrong or in question; empty when nothing is", nullable=True),
        Column("explanation", TEXT, "one sentence: why, and what to do"),
    ),
)
"""Proofs; grain: one row per settlement and proof, and one per bank line left over."""


def proof_row(
    facts: SettlementFacts,
    proof: Proof,
    explanation: str,
    *,
    holds: bool | None,
    expected: Decimal | None = None,
    found: Decimal | None = None,
    code: Break | None = None,
) -> Row:
    """Put together a row about the settlement ``facts``; the residual follows, and a code is kept only for a doubt."""
    return {
        "settlement_id": facts.settlement_id,
        "seller_account": facts.seller_account,
        "currency": facts.currency,
        "proof": str(proof),
        "expected": expected,
        "found": found,
        "residual": None if expected is None or found is None else found - expected,
        "holds": holds,
        "code": str(code) if code and not holds else None,
        "explanation": explanation,
    }
