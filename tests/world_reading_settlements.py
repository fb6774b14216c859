"""Judges a demo company's settlements by lines, chain and the bank statement; plain Python, from the domain (2.3, 2.6)."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from world_reading import File, World

__all__ = ["judge_settlements"]

Found = Counter[tuple[str, str | None, str | None, str, str]]


@dataclass(frozen=True)
class Movement:
    day: date
    amount: int


def judge_settlements(world: World, found: Found) -> None:
    """Add what is wrong between settlements, and at the bank, to ``found``."""
    chains: dict[str, list[File]] = defaultdict(list)
    for file in sorted(world.files, key=lambda file: file.end):
        chains[file.currency].append(file)
    bank = _movements(world)
    for file in world.files:
        off = sum(line.amount for line in file.lines) - file.total
        if off:
            found["SETTLEMENT_DOES_NOT_FOOT", None, file.settlement_id, file.currency, _text(off)] += 1
    for currency, files in chains.items():
        for before, file in pairwise(files):
            for name, amount in _broken(before, file):
                found[name, None, file.settlement_id, currency, _text(amount)] += 1
        _judge_bank(found, currency, files, bank[currency], world.summary.today)


def _broken(before: File, file: File) -> list[tuple[str, int]]:
    if file.start > before.end:
        return [("SETTLEMENT_GAP", file.total)]
    found = [("SETTLEMENT_OVERLAP", file.total)] if file.start < before.end else []
    held, given_back = -_sum(before, "Current Reserve Amount"), _sum(file, "Previous Reserve Amount Balance")
    owed, payable = min(0, before.total), _sum(file, "Payable to Amazon")
    found += [("RESERVE_BREAK", given_back - held)] if given_back != held else []
    found += [("BALANCE_BREAK", payable - owed)] if payable != owed else []
    return found


def _judge_bank(found: Found, currency: str, files: list[File], bank: list[Movement], today: date) -> None:
    """A deposit must stand once in the bank within a week of its date; ten days later nobody waits for it any more."""
    left = list(bank)
    for file in files:
        day = file.deposit.date()
        near = [movement for movement in bank if day <= movement.day <= day + timedelta(days=7)]
        left = [movement for movement in left if movement not in near]
        own = [movement for movement in near if movement.amount == file.total]
        if file.total <= 0 or (not near and day + timedelta(days=10) >= today):
            continue
        if len(own) > 1:
            found["DEPOSIT_AMBIGUOUS", None, file.settlement_id, currency, _text(file.total)] += 1
        elif not near:
            found["DEPOSIT_MISSING", None, file.settlement_id, currency, _text(file.total)] += 1
        elif not own:
            (other,) = near
            found["DEPOSIT_MISMATCH", None, file.settlement_id, currency, _text(other.amount - file.total)] += 1
    for movement in left:
        found["DEPOSIT_WITHOUT_SETTLEMENT", None, None, currency, _text(movement.amount)] += 1


def _movements(world: World) -> dict[str, list[Movement]]:
    """What Amazon paid, by currency."""
    found: dict[str, list[Movement]] = defaultdict(list)
    with world.summary.bank_statement.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if "AMAZON" in row["Description"]:
                amount = int(Decimal(row["Amount"]) * 100)
                found[row["Currency"]].append(Movement(date.fromisoformat(row["Date"]), amount))
    return found


def _sum(file: File, description: str) -> int:
    return sum(line.amount for line in file.lines if line.cells["amount-description"] == description)


def _text(amount: int) -> str:
    return f"{'-' if amount < 0 else ''}{abs(amount) // 100}.{abs(amount) % 100:02d}"
