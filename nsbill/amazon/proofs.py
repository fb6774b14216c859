"""Prove stored settlements from their lines: totals, payouts, and what each hands to the next of its ledger.

Every residual is shown and none absorbed (domain reference, section 2.3). Nothing here loops over lines: they are
added up by label, the rest goes by settlement.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from pathlib import Path

import pandas as pd

from nsbill.amazon.chains import How, Period, Place, places
from nsbill.amazon.parquet import SettlementFacts
from nsbill.amazon.payouts import Parts, account_amounts, parts_of
from nsbill.amazon.proof_rows import PROOFS, Break, Proof, Row, proof_row
from nsbill.money import ZERO

__all__ = ["PROOFS", "prove"]

_NAMES = {
    "previous_reserve": "previous reserve",
    "current_reserve": "current reserve",
    "other_reserve": "other reserve lines",
    "payable": "negative balance taken over",
    "charged": "charged to the card",
    "other_transfers": "other transfers",
}
_TAKES_OVER = frozenset({How.FOLLOWS, How.ONE_OF, How.OVERLAP})
_ORDER = {str(proof): number for number, proof in enumerate(Proof)}


@dataclass(frozen=True)
class _Known:
    """One settlement with its sums and the file of its lines."""

    facts: SettlementFacts
    parts: Parts
    file: Path


def prove(
    settlements: Sequence[SettlementFacts],
    files: Sequence[Path],
    problems: Mapping[str, str | None],
    more: Sequence[Row] = (),
) -> pd.DataFrame:
    """Return PROOFS of ``settlements``, whose lines stand in ``files`` (same order), settlement by settlement.

    ``problems`` are those of the store, by settlement id. ``more`` are rows about the bank, put in their places.
    """
    known = [_Known(*row) for row in zip(settlements, parts_of(files), files, strict=True)]
    rows = [row for one in known for row in _by_itself(one, problems.get(one.facts.settlement_id))]
    for _, group in groupby(sorted(known, key=_account), _account):
        rows += _in_chains(list(group))
    place: dict[object, int] = {facts.settlement_id: number for number, facts in enumerate(settlements)}
    rows += more
    rows.sort(key=lambda row: (place.get(row["settlement_id"], len(place)), _ORDER[str(row["proof"])]))
    return PROOFS.frame(rows)


def _account(one: _Known) -> tuple[str, str]:
    return one.facts.seller_account, one.facts.currency


# --- one settlement by itself -----------------------------------------------------------------------------------------


def _by_itself(one: _Known, problem: str | None) -> Iterator[Row]:
    facts, parts, total = one.facts, one.parts, one.facts.total_amount
    spelled = f"Activity {parts.activity:,}" + "".join(f", {_NAMES[name]} {x:,}" for name, x in parts.balance.items())
    if total is None:
        text = "Its file states no total: download it whole, with its summary row."
        yield proof_row(facts, Proof.FOOT, text, holds=None, found=parts.payout)
        text = f"{spelled}: together {parts.payout:,}; its file states no total."
        yield proof_row(facts, Proof.PAYOUT, text, holds=None, found=parts.payout)
    else:
        off = parts.payout - total
        text = "The lines add up to the stated total."
        if off:
            text = f"The lines are off by {off:,}: the file is cut off or an excerpt, download it again."
        code = Break.SETTLEMENT_DOES_NOT_FOOT
        yield proof_row(facts, Proof.FOOT, text, holds=off == 0, expected=total, found=parts.payout, code=code)
        text = f"{spelled}: together {parts.payout:,}, " + ("as stated." if off == 0 else f"off by {off:,}.")
        yield proof_row(facts, Proof.PAYOUT, text, holds=off == 0, expected=total, found=parts.payout, code=code)
    text = problem or "One file states it."
    yield proof_row(facts, Proof.ONE_FILE, text, holds=problem is None, code=Break.DUPLICATE_SETTLEMENT)


# --- from one settlement to the next ----------------------------------------------------------------------------------


def _in_chains(known: Sequence[_Known]) -> Iterator[Row]:
    """The proofs between the settlements of one account and currency."""
    by_id = {one.facts.settlement_id: one for one in known}
    found = places(filter(None, map(_period, known)))
    placed = {place.period.settlement_id for place in found}
    for name in by_id.keys() - placed:
        text = "Its file states no period: download it whole, with its summary row."
        yield proof_row(by_id[name].facts, Proof.PERIODS, text, holds=None, code=Break.SETTLEMENT_GAP)
    followed = {before.settlement_id for place in found if place.how in _TAKES_OVER for before in place.before}
    for place in found:
        one = by_id[place.period.settlement_id]
        yield _periods(one.facts, place)
        yield _reserve(one, place)
        if place.period.payable or any(before.owed for before in place.before):
            yield _carried(one, place)
        if place.period.owed and place.period.settlement_id not in followed:
            yield _still_owed(one.facts, place.period.owed)
        if one.parts.charges:
            yield _charges(one, place.period.payable)


def _period(one: _Known) -> Period | None:
    facts, parts = one.facts, one.parts
    if facts.period_start is None or facts.period_end is None:
        return None
    return Period(
        facts.settlement_id,
        facts.period_start,
        facts.period_end,
        facts.marketplace.casefold() if facts.marketplace else None,
        held=-parts["current_reserve"],
        given_back=parts["previous_reserve"],
        owed=min(facts.total_amount or ZERO, ZERO),
        payable=parts["payable"],
    )


def _named(periods: Sequence[Period]) -> str:
    names = [period.settlement_id for period in periods]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


def _periods(facts: SettlementFacts, place: Place) -> Row:
    names = _named(place.before) if place.before else ""
    if place.how is How.FIRST and place.rivals:
        text = (
            f"It follows no known settlement and overlaps {_named(place.rivals[:3])}: right for ledgers side by side "
            f"(marketplaces, invoiced orders, payment methods), else compare their dates with Seller Central."
        )
        return proof_row(facts, Proof.PERIODS, text, holds=None, code=Break.SETTLEMENT_OVERLAP)
    if place.how is How.FIRST:
        text = "It is the first known of its chain: nothing can be said about the time before it."
        return proof_row(facts, Proof.PERIODS, text, holds=None)
    if place.how is How.FOLLOWS:
        return proof_row(facts, Proof.PERIODS, f"It starts where {names} ends.", holds=True)
    if place.how is How.ONE_OF:
        text = f"It starts where {names} ends, which are ledgers side by side."
        return proof_row(facts, Proof.PERIODS, text, holds=True)
    before = place.before[0]
    if place.how is How.GAP:
        text = (
            f"{place.period.start - before.end} are missing after {names}: add the settlement of "
            f"{before.end:%Y-%m-%d %H:%M:%S} to {place.period.start:%Y-%m-%d %H:%M:%S} UTC."
        )
        return proof_row(facts, Proof.PERIODS, text, holds=False, code=Break.SETTLEMENT_GAP)
    if place.how is How.OVERLAP:
        text = (
            f"It overlaps {names} by {before.end - place.period.start}, although it takes over what that one held: "
            f"compare the dates of both files with Seller Central."
        )
        return proof_row(facts, Proof.PERIODS, text, holds=False, code=Break.SETTLEMENT_OVERLAP)
    text = (
        f"Either it follows {names}, perhaps with settlements missing between, or it is the first of another ledger: "
        f"look in Seller Central whether a settlement ends at {place.period.start:%Y-%m-%d %H:%M:%S} UTC that was not added."
    )
    return proof_row(facts, Proof.PERIODS, text, holds=None, code=Break.SETTLEMENT_GAP)


def _reserve(one: _Known, place: Place) -> Row:
    found, strange = place.period.given_back, one.parts["other_reserve"]
    if strange:
        text = f"Its reserve lines of {strange:,} say neither previous nor current: look at them by hand."
        return proof_row(one.facts, Proof.RESERVE, text, holds=None, found=found, code=Break.RESERVE_BREAK)
    if place.how not in _TAKES_OVER:
        text = "What was held before it is not known: "
        text += "it is the first known of its chain." if place.how is How.FIRST else "its period does not chain."
        expected = place.before[0].held if len(place.before) == 1 else None
        holds = True if found == 0 and place.how is How.FIRST else None
        text = "It gives nothing back." if holds else text
        return proof_row(one.facts, Proof.RESERVE, text, holds=holds, expected=expected, found=found)
    expected, fits = _taken_over(place, lambda before: before.held, lambda after: after.given_back)
    if fits:
        text = f"It gives back what {_named(place.before)} held."
    else:
        held = " or ".join(f"{amount:,}" for amount in sorted({before.held for before in place.before}))
        text = (
            f"{_named(place.before)} held {held}, it gives back {found:,}: look for the missing or the released amount "
            f"under Payments in Seller Central."
        )
    code = Break.RESERVE_BREAK
    return proof_row(one.facts, Proof.RESERVE, text, holds=fits, expected=expected, found=found, code=code)


def _taken_over(
    place: Place, given: Callable[[Period], Decimal], taken: Callable[[Period], Decimal]
) -> tuple[Decimal | None, bool]:
    """What the settlement should take over, when that is known, and whether it does.

    Among ledgers side by side it must take over what one of those before held, and no more of them may take over an
    amount than there are that held it.
    """
    found, amounts = taken(place.period), [given(before) for before in place.before]
    if len(amounts) == 1:
        return amounts[0], amounts[0] == found
    claims = 1 + Counter(map(taken, place.rivals))[found]
    fits = amounts.count(found) >= claims
    return (found if fits else None), fits


# --- negative balances ------------------------------------------------------------------------------------------------


def _carried(one: _Known, place: Place) -> Row:
    """Whether it takes over the negative total of the settlement before it (Amazon notes, section 1)."""
    facts, found, code = one.facts, place.period.payable, Break.BALANCE_BREAK
    if place.how not in _TAKES_OVER:
        text = f"It takes over {found:,}, but the settlement that left it is not known: add the one before it."
        return proof_row(facts, Proof.CARRIED, text, holds=None, found=found, code=code)
    expected, fits = _taken_over(place, lambda before: before.owed, lambda after: after.payable)
    names = _named(place.before)
    if fits and found:
        text = f"It takes over the negative total of {names}."
    elif fits:
        text = f"It takes over nothing of {names}."
    else:
        left = " or ".join(f"{amount:,}" for amount in sorted({before.owed for before in place.before}))
        text = f"{names} left {left}, it takes over {found:,}: look under Payments in Seller Central what was charged."
    return proof_row(facts, Proof.CARRIED, text, holds=fits, expected=expected, found=found, code=code)


def _still_owed(facts: SettlementFacts, owed: Decimal) -> Row:
    text = f"The settlement after it is not there yet: it should hold 'Payable to Amazon' {owed:,}."
    return proof_row(facts, Proof.CARRIED, text, holds=None, expected=owed)


def _charges(one: _Known, carried: Decimal) -> Row:
    """What the charges to the seller's card paid: the balance taken over, or a fee of the same amount in the period."""
    charges, paid = one.parts.charges, []
    open_ = list(charges)
    if -carried in open_ and carried:
        open_.remove(-carried)
        paid.append(f"the negative balance of {carried:,}")
    if open_:
        amounts = account_amounts(one.file)
        for charge in list(open_):
            if amounts.get(-charge):
                amounts[-charge] -= 1
                open_.remove(charge)
                paid.append(f"a fee of {charge:,} in the same period")
    total, left = sum(charges, ZERO), sum(open_, ZERO)
    text = f"The card paid {' and '.join(paid)}." if paid else ""
    if open_:
        text += f" What the card charge of {left:,} paid cannot be told: find it under Payments in Seller Central."
    return proof_row(
        one.facts,
        Proof.CHARGE,
        text.strip(),
        holds=None if open_ else True,
        expected=total - left,
        found=total,
        code=Break.BALANCE_BREAK,
    )
