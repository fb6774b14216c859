"""Faults of whole settlements: in their periods, reserves and balances, in a file that lacks a line, and at the bank.

They are put into closed settlements, one of each kind in a marketplace of its own, whatever the company's size: there
are only twenty settlements. No order's money changes, and dice of their own leave everything else as it is.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path

from nsbill.simulator.world_answers import AnswerKey, amount_text
from nsbill.simulator.world_history import DAY, day_of
from nsbill.simulator.world_ledger import Ledger, Settlement

__all__ = [
    "BANK_CLASSES",
    "BANK_STATEMENT",
    "CHAIN_CLASSES",
    "FILE_CLASSES",
    "lose_a_line",
    "plant_chain_faults",
    "write_bank",
]

CHAIN_CLASSES = ("SETTLEMENT_GAP", "SETTLEMENT_OVERLAP", "RESERVE_BREAK", "BALANCE_BREAK")
BANK_CLASSES = ("DEPOSIT_MISSING", "DEPOSIT_MISMATCH", "DEPOSIT_AMBIGUOUS", "DEPOSIT_WITHOUT_SETTLEMENT")
"""What is planted in the bank statement, once each; nobody sees it without the statement."""
FILE_CLASSES = ("SETTLEMENT_DOES_NOT_FOOT",)
"""What is planted, once, in how a file was written, and in nothing that it is about."""
BANK_STATEMENT = "bank_statement.csv"

_HOUR = 3600
_BETWEEN = 11  # days after a deposit date on which no deposit is expected: 5 business days are over, 14 days are not
_Place = tuple[Ledger, int]


def plant_chain_faults(ledgers: Sequence[Ledger], answers: AnswerKey, *, seed: int) -> None:
    """Plant each fault in one settlement that can carry it; in a small company perhaps none can."""
    dice = random.Random(f"chain faults {seed}")
    faults: dict[str, Callable[[random.Random, Ledger, int], int | None]] = {
        "SETTLEMENT_OVERLAP": _overlap,  # those first that need most
        "RESERVE_BREAK": _reserve,
        "BALANCE_BREAK": _balance,
        "SETTLEMENT_GAP": _gap,
    }
    places = [(ledger, number) for ledger in ledgers for number in range(1, len(ledger.settlements))]
    dice.shuffle(places)
    for name, fault in faults.items():
        for ledger, number in places:
            amount = fault(dice, ledger, number)
            if amount is not None:
                settlement = ledger.settlements[number]
                answers.planted(
                    name, settlement=settlement.settlement_id, currency=ledger.market.currency, amount=amount
                )
                places = [place for place in places if place[0] is not ledger]
                break


def _gap(dice: random.Random, ledger: Ledger, number: int) -> int | None:
    """Let the period begin hours after the one before it has ended, as if a short settlement between them were missing."""
    settlement = ledger.settlements[number]
    if not settlement.total:
        return None
    settlement.start += dice.randint(2, 9) * _HOUR
    return settlement.total


def _overlap(dice: random.Random, ledger: Ledger, number: int) -> int | None:
    """Let the period begin hours before the one has ended whose reserve it gives back."""
    settlement, before = ledger.settlements[number], ledger.settlements[number - 1]
    if not settlement.total or not before.held:
        return None
    settlement.start -= dice.randint(2, 9) * _HOUR
    return settlement.total


def _reserve(dice: random.Random, ledger: Ledger, number: int) -> int | None:
    """Give back more than was held."""
    settlement, before = ledger.settlements[number], ledger.settlements[number - 1]
    if settlement.total <= 0 or not before.held:
        return None
    more = ledger.market.rounded(dice.randrange(500, 2500) * ledger.market.fee_scale // 100, 1000)
    ledger.charge(settlement, "Previous Reserve Amount Balance", more, at=settlement.start + 11)
    return more


def _balance(dice: random.Random, ledger: Ledger, number: int) -> int | None:
    """Charge the card for a negative balance that the settlement before did not leave."""
    settlement, before = ledger.settlements[number], ledger.settlements[number - 1]
    if before.total < 0:
        return None
    owed = -ledger.market.rounded(dice.randrange(500, 2500) * ledger.market.fee_scale // 100, 1000)
    ledger.charge(settlement, "Payable to Amazon", owed, at=settlement.start + 20)
    ledger.charge(settlement, "Successful charge", -owed, at=settlement.start + 4500)
    return owed


# --- a file -----------------------------------------------------------------------------------------------------------

_LOST = ("Storage Fee", "Subscription Fee")


def lose_a_line(ledgers: Sequence[Ledger], answers: AnswerKey, *, seed: int) -> None:
    """Leave a charge of the account out of one file, whose total, deposit and reserve stay those of the whole settlement.

    It is a settlement without another fault of its chain or at the bank, and none of the newest, of which other sources tell.
    """
    dice = random.Random(f"lost line {seed}")
    taken = answers.settlements_with({*CHAIN_CLASSES, *BANK_CLASSES})
    places = [(ledger, one) for ledger in ledgers for one in ledger.settlements[:-1] if one.settlement_id not in taken]
    ledger, settlement = dice.choice(places)
    lost = [row for row in settlement.rows if row.split("\t")[13] in _LOST]
    row = dice.choice(lost)
    settlement.rows.remove(row)
    amount = -ledger.hundredths(row.split("\t")[14])
    code = ledger.market.currency
    answers.planted(FILE_CLASSES[0], settlement=settlement.settlement_id, currency=code, amount=amount)


# --- the bank ---------------------------------------------------------------------------------------------------------


def write_bank(folder: Path, ledgers: Sequence[Ledger], answers: AnswerKey, *, seed: int, today: date) -> Path:
    """Write the bank statement of all currencies up to yesterday, with its faults; notes them in the answer key."""
    dice = random.Random(f"bank {seed}")
    rows = [row for row in _movements(dice, ledgers, answers, today) if row[0] < today]
    first = min((date.fromordinal(day_of(ledger.start)) for ledger in ledgers), default=today)
    for day in (first, today - timedelta(days=1)):
        rows += [(day, "Account fee", ledger.market.currency, -ledger.market.unit * 500) for ledger in ledgers]
    path = folder / BANK_STATEMENT
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["Date", "Description", "Currency", "Amount"])
        writer.writerows((day.isoformat(), text, code, amount_text(amount)) for day, text, code, amount in sorted(rows))
    return path


_Movement = tuple[date, str, str, int]


def _movements(dice: random.Random, ledgers: Sequence[Ledger], answers: AnswerKey, today: date) -> Iterator[_Movement]:
    paid = [(ledger, n) for ledger in ledgers for n, one in enumerate(ledger.settlements) if one.total > 0]
    known = [place for place in paid if _deposit_date(_at(place)) + timedelta(days=_BETWEEN) < today]
    chosen = dict(zip(BANK_CLASSES[:3], dice.sample(known, min(3, len(known))), strict=False))
    faults = {(ledger.market.index, number): name for name, (ledger, number) in chosen.items()}
    for place in paid:
        ledger, settlement = place[0], _at(place)
        code, total = ledger.market.currency, settlement.total
        day, text = _deposit_date(settlement) + timedelta(days=dice.randint(0, 2)), f"AMAZON PAYMENTS {code}"
        name = faults.get((ledger.market.index, place[1]))
        less = ledger.market.unit * dice.randint(50, 900)
        if name is None or name == "DEPOSIT_AMBIGUOUS":
            yield day, text, code, total
        if name == "DEPOSIT_AMBIGUOUS":
            yield day, f"{text} 2", code, total
        if name == "DEPOSIT_MISMATCH":
            yield day, text, code, total - min(less, total // 2)
        if name is not None:
            amount = -min(less, total // 2) if name == "DEPOSIT_MISMATCH" else total
            answers.planted(name, settlement=settlement.settlement_id, currency=code, amount=amount, needs="bank")
    loose = [place for place in known if place[1] < len(place[0].settlements) - 2 and (place[0], place[1] + 1) in paid]
    if loose:
        ledger, number = dice.choice(loose)
        amount, code = ledger.market.unit * dice.randrange(10_007, 99_991), ledger.market.currency
        if all(one.total != amount for one in ledger.settlements):
            day = _deposit_date(ledger.settlements[number]) + timedelta(days=_BETWEEN)
            yield day, f"AMAZON PAYMENTS {code}", code, amount
            answers.planted("DEPOSIT_WITHOUT_SETTLEMENT", currency=code, amount=amount, needs="bank")


def _at(place: _Place) -> Settlement:
    return place[0].settlements[place[1]]


def _deposit_date(settlement: Settlement) -> date:
    return date.fromordinal(day_of(settlement.end + 2 * DAY))
