"""What a settlement's total is made of: activity by what happened, and the balance movements beside it.

Domain reference, section 2.3: payout = activity + previous reserve + current reserve + transfers = total.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import duckdb
import pandas as pd

from nsbill.amazon.labels import folded
from nsbill.amazon.parquet import SettlementFacts
from nsbill.money import MONEY, ZERO
from nsbill.schemas import TEXT, Column, Schema
from nsbill.vocabulary import EventClass, LineKind

__all__ = ["PAYOUTS", "Parts", "account_amounts", "parts_of", "payouts"]

_ACTIVITY = {
    "sales": "what buyers paid: price, shipping, gift wrap, tax, promotions; later tax corrections too",
    "refunds": "what went back to buyers: refunds, chargebacks, claims",
    "tax_withheld": "tax that Amazon remits",
    "fees": "Amazon's charges on orders",
    "service_fees": "Amazon's charges on the account",
    "reimbursements": "for lost or damaged stock and won claims",
    "other": "adjustments, liquidations and the like",
    "unclassified": "labels that the vocabulary does not know",
}
_BALANCE = {
    "previous_reserve": "given back from the period before",
    "current_reserve": "kept for the next period",
    "other_reserve": "reserve lines that say neither",
    "payable": "negative balance taken over from the period before",
    "charged": "charged to the seller's card",
    "other_transfers": "micro deposits, failed transfers, loans",
}
_LABELS = {
    "previous reserve amount balance": "previous_reserve",
    "current reserve amount": "current_reserve",
    "payable to amazon": "payable",
    "successful charge": "charged",
}

PAYOUTS = Schema(
    "payouts",
    (
        Column("settlement_id", TEXT, "Amazon settlement id"),
        Column("seller_account", TEXT, "seller account"),
        Column("currency", TEXT, "ISO 4217 code of the amounts"),
        *(Column(name, MONEY, meaning) for name, meaning in _ACTIVITY.items()),
        Column("activity", MONEY, "Σ of the columns before it: all lines without reserve and transfers"),
        *(Column(name, MONEY, meaning) for name, meaning in _BALANCE.items()),
        Column("payout", MONEY, "activity and all balance movements"),
        Column("total_amount", MONEY, "total that the file states", nullable=True),
        Column("residual", MONEY, "payout − total_amount", nullable=True),
    ),
)
"""How each settlement's payout comes about; grain: one row per settlement."""

_SUMS = """
SELECT filename, transaction_type, amount_description, event_class, line_kind, sum(amount), count(*)
FROM read_parquet($1, filename = true) GROUP BY ALL
"""
_EACH = """
SELECT filename, amount, count(*) FROM read_parquet($1, filename = true)
WHERE event_class = 'ACCOUNT' AND line_kind NOT IN ('RESERVE', 'TRANSFER') GROUP BY ALL
"""
_CHARGES = """
SELECT filename, amount, transaction_type, amount_description, count(*) FROM read_parquet($1, filename = true)
WHERE transaction_type IN (SELECT unnest($2)) AND amount_description IN (SELECT unnest($3)) GROUP BY ALL
"""


@dataclass
class Parts:
    """The sums of one settlement's lines by part; ``sums`` has a key for each part that occurs."""

    sums: dict[str, Decimal] = field(default_factory=lambda: defaultdict(lambda: ZERO))
    charges: list[Decimal] = field(default_factory=list)

    def __getitem__(self, part: str) -> Decimal:
        """The sum of a part; zero when it does not occur."""
        return self.sums.get(part, ZERO)

    @property
    def activity(self) -> Decimal:
        """All lines without reserve and transfers."""
        return sum((self[name] for name in _ACTIVITY), ZERO)

    @property
    def balance(self) -> dict[str, Decimal]:
        """The balance movements that occur."""
        return {name: self[name] for name in _BALANCE if self[name]}

    @property
    def payout(self) -> Decimal:
        """Activity and balance movements together: all lines."""
        return self.activity + sum((self[name] for name in _BALANCE), ZERO)


def parts_of(files: Sequence[Path]) -> list[Parts]:
    """Add up the stored lines of each file (LINES) by part."""
    found: dict[str, Parts] = {str(file): Parts() for file in files}
    charges: set[tuple[str, str]] = set()
    for file, transaction_type, description, event, kind, amount, _ in _asked(_SUMS, files):
        part = _part(transaction_type, description, event, kind)
        found[file].sums[part] += amount
        if part == "charged":
            charges.add((transaction_type, description))
    charged = [file for file in files if found[str(file)]["charged"]]
    types, descriptions = sorted({pair[0] for pair in charges}), sorted({pair[1] for pair in charges})
    for file, amount, transaction_type, description, count in _asked(_CHARGES, charged, types, descriptions):
        if (transaction_type, description) in charges:
            found[file].charges += [amount] * count
    return list(found.values())


def account_amounts(file: Path) -> dict[Decimal, int]:
    """The amounts of a file's account lines (fees and the like, no transfers) and how often each occurs."""
    return {amount: count for _, amount, count in _asked(_EACH, [file])}


def payouts(settlements: Sequence[SettlementFacts], files: Sequence[Path]) -> pd.DataFrame:
    """Return PAYOUTS of ``settlements``, whose lines stand in ``files`` (same order)."""
    rows: list[dict[str, object]] = []
    for facts, parts in zip(settlements, parts_of(files), strict=True):
        own: Mapping[str, object] = {name: parts[name] for name in (*_ACTIVITY, *_BALANCE)}
        total = facts.total_amount
        rows.append(
            {
                "settlement_id": facts.settlement_id,
                "seller_account": facts.seller_account,
                "currency": facts.currency,
                **own,
                "activity": parts.activity,
                "payout": parts.payout,
                "total_amount": total,
                "residual": None if total is None else parts.payout - total,
            }
        )
    return PAYOUTS.frame(rows)


def _asked(  # columns differ by query
    query: str, files: Sequence[Path], *more: list[str]
) -> list[tuple]:  # type: ignore[type-arg]
    if not files:
        return []
    with duckdb.connect() as connection:
        return connection.execute(query, [[str(file) for file in files], *more]).fetchall()


def _part(transaction_type: str, description: str, event: str, kind: str) -> str:
    """The part that lines of these labels belong to; older files name the movement in the transaction type."""
    named = _LABELS.get(folded(description)) or _LABELS.get(folded(transaction_type))
    if named:
        return named
    simple = {
        LineKind.RESERVE: "other_reserve",
        LineKind.TRANSFER: "other_transfers",
        LineKind.REIMBURSEMENT: "reimbursements",
        LineKind.SERVICE_FEE: "service_fees",
        LineKind.TAX_WITHHELD: "tax_withheld",
        LineKind.UNCLASSIFIED: "unclassified",
    }
    if kind in simple:
        return simple[LineKind(kind)]
    if kind.startswith("FEE_"):
        return "fees"
    if kind == LineKind.ADJUSTMENT:
        return "other"
    if event in {EventClass.SALE, EventClass.RETROCHARGE}:
        return "sales"
    return "refunds" if event in {EventClass.REFUND, EventClass.CHARGEBACK, EventClass.ATOZ} else "other"
