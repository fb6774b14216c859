"""Prove stored settlements from their lines: footing, the reserve's roll-forward, the chain of periods.

Every residual is shown and none absorbed (domain reference, section 2.3).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import groupby, pairwise
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa

from nsbill.amazon.parquet import SettlementFacts
from nsbill.money import MONEY, ZERO
from nsbill.schemas import Column, Schema

__all__ = ["PROOFS", "prove"]

PROOFS = Schema(
    "settlement proofs",
    (
        Column("settlement_id", pa.string(), "Amazon settlement id"),
        Column("seller_account", pa.string(), "seller account"),
        Column("currency", pa.string(), "ISO 4217 code of the amounts"),
        Column("proof", pa.string(), "lines sum to total, reserve rolls forward, periods chain, one file"),
        Column("expected", MONEY, "what the amount should be", nullable=True),
        Column("found", MONEY, "what it is", nullable=True),
        Column("residual", MONEY, "found − expected", nullable=True),
        Column("holds", pa.bool_(), "empty: cannot be told", nullable=True),
        Column("explanation", pa.string(), "one sentence"),
    ),
)
"""Proofs; grain: one row per settlement and proof."""

_SUMS = """
SELECT sum(amount),
       sum(amount) FILTER (lower(trim(amount_description)) = 'previous reserve amount balance'),
       sum(amount) FILTER (lower(trim(amount_description)) = 'current reserve amount')
FROM read_parquet($1)
"""
_ONE_SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class _Sums:
    """What the stored lines of one settlement add up to."""

    total: Decimal
    previous_reserve: Decimal
    current_reserve: Decimal


def prove(
    settlements: Sequence[SettlementFacts], files: Sequence[Path], problems: Mapping[str, str | None]
) -> pd.DataFrame:
    """Return PROOFS of ``settlements``, whose lines stand in ``files`` (same order)."""
    sums = [_sums(file) for file in files]
    rows: list[dict[str, object]] = []
    for facts, added in zip(settlements, sums, strict=True):
        rows.append(_footing(facts, added))
        problem = problems.get(facts.settlement_id)
        rows.append(_row(facts, "one file", holds=problem is None, explanation=problem or "One file states it."))
    for chain in _chains(settlements, sums):
        rows.extend(_chain_proofs(chain))
    return PROOFS.frame(rows)


def _sums(file: Path) -> _Sums:
    with duckdb.connect() as connection:
        found = connection.execute(_SUMS, [str(file)]).fetchall()[0]
    return _Sums(*(ZERO if value is None else value for value in found))


def _footing(facts: SettlementFacts, added: _Sums) -> dict[str, object]:
    proof = "lines sum to total"
    if facts.total_amount is None:
        return _row(facts, proof, found=added.total, explanation="Its file states no total.")
    residual = added.total - facts.total_amount
    text = "The lines add up to the stated total." if residual == 0 else f"The lines are off by {residual:,}."
    return _row(facts, proof, expected=facts.total_amount, found=added.total, holds=residual == 0, explanation=text)


@dataclass(frozen=True)
class _Link:
    """A settlement in the chain of its account's periods."""

    facts: SettlementFacts
    sums: _Sums
    start: datetime
    end: datetime
    group: tuple[str, str, str]


def _chains(settlements: Sequence[SettlementFacts], sums: Sequence[_Sums]) -> Iterator[list[_Link]]:
    """Group by seller account, currency and marketplace, ordered by period; those without a period are left out."""
    names: dict[tuple[str, str], set[str]] = {}
    for facts in settlements:
        found = {facts.marketplace.casefold()} if facts.marketplace else set()
        names.setdefault((facts.seller_account, facts.currency), set()).update(found)
    links = [
        _Link(facts, added, facts.period_start, facts.period_end, _group(facts, names))
        for facts, added in zip(settlements, sums, strict=True)
        if facts.period_start and facts.period_end
    ]
    links.sort(key=lambda link: (link.group, link.start, link.end))
    for _, chain in groupby(links, lambda link: link.group):
        yield list(chain)


def _group(facts: SettlementFacts, names: Mapping[tuple[str, str], set[str]]) -> tuple[str, str, str]:
    """Its chain. One without any marketplace (account charges only) belongs to the only chain of its currency."""
    of_currency = names[facts.seller_account, facts.currency]
    only = next(iter(of_currency)) if len(of_currency) == 1 else ""
    return facts.seller_account, facts.currency, facts.marketplace.casefold() if facts.marketplace else only


def _chain_proofs(chain: list[_Link]) -> Iterator[dict[str, object]]:
    first = chain[0]
    yield _row(first.facts, "periods chain", explanation="It is the first known of its chain.")
    yield _row(
        first.facts,
        "reserve rolls forward",
        found=first.sums.previous_reserve,
        holds=True if first.sums.previous_reserve == 0 else None,
        explanation="It is the first known of its chain, so what was held before it is not known.",
    )
    for before, after in pairwise(chain):
        gap = after.start - before.end
        yield _period(before.facts, after.facts, gap)
        yield _reserve(before, after, chained=_chained(gap))


def _chained(gap: timedelta) -> bool:
    return timedelta(0) <= gap <= _ONE_SECOND


def _period(before: SettlementFacts, after: SettlementFacts, gap: timedelta) -> dict[str, object]:
    if _chained(gap):
        text = f"It starts where {before.settlement_id} ends."
    elif gap > timedelta(0):
        text = f"{gap} are missing after {before.settlement_id}: a settlement between them was not added."
    else:
        text = f"It overlaps {before.settlement_id} by {-gap}."
    return _row(after, "periods chain", holds=_chained(gap), explanation=text)


def _reserve(before: _Link, after: _Link, *, chained: bool) -> dict[str, object]:
    name, expected, found = before.facts.settlement_id, -before.sums.current_reserve, after.sums.previous_reserve
    text = (
        f"It gives back what {name} held."
        if expected == found
        else f"{name} held {expected:,}, it gives back {found:,}."
    )
    if not chained and expected != found:
        text += " The periods do not chain, so this may be another settlement's."
    holds = None if not chained and expected != found else expected == found
    return _row(after.facts, "reserve rolls forward", expected=expected, found=found, holds=holds, explanation=text)


def _row(
    facts: SettlementFacts,
    proof: str,
    *,
    expected: Decimal | None = None,
    found: Decimal | None = None,
    holds: bool | None = None,
    explanation: str,
) -> dict[str, object]:
    residual = None if expected is None or found is None else found - expected
    return {
        "settlement_id": facts.settlement_id,
        "seller_account": facts.seller_account,
        "currency": facts.currency,
        "proof": proof,
        "expected": expected,
        "found": found,
        "residual": residual,
        "holds": holds,
        "explanation": explanation,
    }
