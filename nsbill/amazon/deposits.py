"""Match settlements with a bank statement: by total and deposit date, exactly, and never by choosing.

A transfer named in a settlement's lines may be another settlement's (Amazon notes, section 1), so neither its id nor
its amount is used.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import numpy as np

from nsbill.amazon.bank import BankLine, BankStatement
from nsbill.amazon.parquet import SettlementFacts
from nsbill.amazon.proof_rows import Break, Proof, Row, proof_row
from nsbill.money import ZERO

__all__ = ["ARRIVES_WITHIN", "arrives_by", "match_deposits"]

ARRIVES_WITHIN = 5
"""Business days (Monday to Friday) after its deposit date within which a deposit reaches the bank."""

_SHOWN = 5
_WEEKEND = timedelta(days=4)
"""Days without a line that two statements may leave between them: a long weekend."""


def arrives_by(deposit_date: date) -> date:
    """The last day on which a deposit is expected in the bank; one dated on a weekend counts from the Friday before."""
    last = np.busday_offset(np.datetime64(deposit_date), ARRIVES_WITHIN, roll="backward")
    found: date = last.astype(object)
    return found


@dataclass(frozen=True)
class _Due:
    """A deposit to look for: a positive total with a deposit date."""

    facts: SettlementFacts
    amount: Decimal
    first: date
    last: date

    def covers(self, line: BankLine) -> bool:
        return self.first <= line.day <= self.last

    def fits(self, line: BankLine) -> bool:
        return line.currency == self.facts.currency and line.amount == self.amount and self.covers(line)


def match_deposits(settlements: Sequence[SettlementFacts], statements: Sequence[BankStatement]) -> list[Row]:
    """Return rows of PROOFS: one per settlement, and one per Amazon deposit in the bank that no settlement claims.

    A settlement and a bank line belong together when only they fit each other: same currency, the very total, and a
    day from the deposit date to ``ARRIVES_WITHIN`` business days later.
    """
    bank = _Bank([line for statement in statements for line in statement.lines], statements)
    dues = [due for facts in settlements if (due := _due(facts))]
    fitting = {id(due): [line for line in bank.of(due.facts.currency, due.amount) if due.covers(line)] for due in dues}
    claimed: dict[BankLine, list[_Due]] = defaultdict(list)
    for due in dues:
        for line in fitting[id(due)]:
            claimed[line].append(due)
    loose = [line for line in bank.lines if line.of_amazon and line.amount > 0 and line not in claimed]
    by_facts = {id(due.facts): due for due in dues}
    rows: list[Row] = []
    near: set[BankLine] = set()
    for facts in settlements:
        found = by_facts.get(id(facts))
        if found is None:
            rows.append(_nothing_due(facts))
        elif fitting[id(found)]:
            rows.append(_fitted(found, fitting[id(found)], claimed))
        else:
            row, used = _unfitted(found, bank, loose, [due for due in dues if not fitting[id(due)]])
            rows.append(row)
            near |= used
    account = settlements[0].seller_account if settlements else ""
    return rows + [_left_over(line, dues, account) for line in loose if line not in near]


class _Bank:
    """The bank's lines, found by amount."""

    def __init__(self, lines: list[BankLine], statements: Sequence[BankStatement]) -> None:
        self.lines = lines
        self.currencies = sorted({line.currency for line in lines})
        spans = [[line.day for line in statement.lines] for statement in statements if statement.lines]
        self.spans = sorted((min(days), max(days)) for days in spans)
        self._by_amount: dict[tuple[str, Decimal], list[BankLine]] = defaultdict(list)
        for line in lines:
            self._by_amount[line.currency, line.amount].append(line)

    def of(self, currency: str, amount: Decimal) -> list[BankLine]:
        return self._by_amount.get((currency, amount), [])

    def knows(self, first: date, last: date) -> bool:
        """Whether the statements cover the days from ``first`` to ``last``; a weekend between two is no hole."""
        reached = None
        for begin, end in self.spans:
            if reached is None:
                if begin <= first <= end:
                    reached = end
            elif begin <= reached + _WEEKEND:
                reached = max(reached, end)
        return reached is not None and reached >= last


def _due(facts: SettlementFacts) -> _Due | None:
    if facts.total_amount is None or facts.total_amount <= 0 or facts.deposit_date is None:
        return None
    return _Due(facts, facts.total_amount, facts.deposit_date, arrives_by(facts.deposit_date))


def _nothing_due(facts: SettlementFacts) -> Row:
    total = facts.total_amount
    if total is None or (total > 0 and facts.deposit_date is None):
        missing = "total" if total is None else "deposit date"
        text = f"Its file states no {missing}: download it whole, with its summary row."
        return proof_row(facts, Proof.DEPOSIT, text, holds=None, expected=total, code=Break.DEPOSIT_MISSING)
    text = "No deposit is due: its total is "
    text += "zero." if total == 0 else "negative, which Amazon charges or carries over."
    return proof_row(facts, Proof.DEPOSIT, text, holds=True, expected=ZERO, found=ZERO)


def _fitted(due: _Due, lines: Sequence[BankLine], claimed: dict[BankLine, list[_Due]]) -> Row:
    rivals = sorted({o.facts.settlement_id for line in lines for o in claimed[line] if o is not due})
    if len(lines) == 1 and not rivals:
        line = lines[0]
        text = f"It is {line}: {line.text or 'no text'}."
        return proof_row(due.facts, Proof.DEPOSIT, text, holds=True, expected=due.amount, found=line.amount)
    text = f"It fits {_listed(lines)}"
    if rivals:
        text += f", which fit{'s' if len(lines) == 1 else ''} {', '.join(rivals)} as well"
    text += ": nothing was chosen, match by the payment reference in Seller Central."
    code = Break.DEPOSIT_AMBIGUOUS
    return proof_row(due.facts, Proof.DEPOSIT, text, holds=None, expected=due.amount, code=code)


def _unfitted(due: _Due, bank: _Bank, loose: Sequence[BankLine], missing: Sequence[_Due]) -> tuple[Row, set[BankLine]]:
    """What to say of a deposit that is not there, and the bank lines that it names.

    A line of another amount is set beside it only when neither could belong to anything else.
    """
    facts = due.facts
    near = [line for line in loose if due.covers(line)]
    same = [line for line in near if line.currency == facts.currency]
    when = f"from {due.first} to {due.last}"
    if facts.currency not in bank.currencies:
        return _converted(due, near, bank.currencies, when), set(near)
    elsewhere = [line for line in bank.of(facts.currency, due.amount) if not due.covers(line)]
    hint = f" The same amount stands outside of these days in {_listed(elsewhere)}." if elsewhere else ""
    if not bank.knows(due.first, due.last):
        first, last = bank.spans[0][0], bank.spans[-1][1]
        text = (
            f"No line of {due.amount:,} {when}, but the statement does not cover all of these days ({first} to {last}): "
            f"give the statement of these days as well.{hint}"
        )
        return proof_row(facts, Proof.DEPOSIT, text, holds=None, expected=due.amount, code=Break.DEPOSIT_MISSING), set()
    if same:
        alone = len(same) == 1 and sum(_may_be(other, same[0], bank) for other in missing) == 1
        found = same[0].amount if alone else None
        text = (
            f"No line of {due.amount:,} {when}; what the bank shows of Amazon in these days is {_listed(same)}: "
            f"trace the payout in Seller Central.{hint}"
        )
        code = Break.DEPOSIT_MISMATCH
        row = proof_row(facts, Proof.DEPOSIT, text, holds=False, expected=due.amount, found=found, code=code)
        return row, set(same)
    text = f"No line of {due.amount:,} {when}: trace the payout in Seller Central.{hint}"
    return proof_row(facts, Proof.DEPOSIT, text, holds=False, expected=due.amount, code=Break.DEPOSIT_MISSING), set()


def _may_be(due: _Due, line: BankLine, bank: _Bank) -> bool:
    """Whether a missing deposit could be this line: it is in its currency, or in one that the bank has no lines of."""
    converted = due.facts.currency not in bank.currencies
    return due.covers(line) and (converted or due.facts.currency == line.currency)


def _converted(due: _Due, near: Sequence[BankLine], currencies: Sequence[str], when: str) -> Row:
    """A deposit in another currency: the rate is the bank's or Amazon's, so nothing can be proved, only shown."""
    text = (
        f"The statement holds {', '.join(currencies) or 'nothing'}, no {due.facts.currency}: "
        f"a converted deposit cannot be matched exactly."
    )
    if len(near) == 1:
        rate = near[0].amount / due.amount
        text += f" If it is {near[0]}, 1 {due.facts.currency} gave {rate:.4f} {near[0].currency}."
    elif near:
        text += f" It may be among {_listed(near)}."
    else:
        text += f" No line of Amazon stands {when}."
    return proof_row(due.facts, Proof.DEPOSIT, text, holds=None, expected=due.amount)


def _left_over(line: BankLine, dues: Sequence[_Due], account: str) -> Row:
    """An Amazon deposit that belongs to no known settlement."""
    own = [due for due in dues if due.facts.currency == line.currency]
    known = bool(own) and min(due.first for due in own) <= line.day <= max(due.last for due in own)
    what = f"{str(line)[0].upper()}{str(line)[1:]}, '{line.text[:60]}'"
    same = [due.facts.settlement_id for due in own if due.amount == line.amount]
    if same:
        text = f"{what}, has the total of {', '.join(same)}, but not in the days of its deposit: look at both by hand."
    elif known:
        text = f"{what}, is the total of no known settlement: add its file, or find in Seller Central what it paid."
    else:
        text = f"{what}, lies outside of the deposits that are known in {line.currency}: add its settlement."
    return {
        "settlement_id": None,
        "seller_account": account,
        "currency": line.currency,
        "proof": str(Proof.BANK_LINE),
        "expected": None,
        "found": line.amount,
        "residual": None,
        "holds": False if known else None,
        "code": str(Break.DEPOSIT_WITHOUT_SETTLEMENT),
        "explanation": text,
    }


def _listed(lines: Sequence[BankLine]) -> str:
    """Name the lines, a few of them in full."""
    return " and ".join(_names(lines))


def _names(lines: Sequence[BankLine]) -> Iterator[str]:
    yield from map(str, lines[:_SHOWN])
    if len(lines) > _SHOWN:
        yield f"{len(lines) - _SHOWN} more"
