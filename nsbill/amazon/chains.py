"""Find the settlement before each settlement, among ledgers that run side by side in one account and currency.

A period starts where the one before it in its ledger ends, at the same second or one later, however long it is
(Amazon notes, section 1). An account has several ledgers in one currency: one per marketplace, standard and invoiced
orders apart, in Brazil one per payment method; a file names only the marketplace. So a settlement belongs to the
chain whose end is its start. Where several fit, the amounts decide that one file hands to the next (reserve, negative
balance), and where they do not tell either, nothing is chosen.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum, auto

__all__ = ["How", "Period", "Place", "places"]

SLACK = timedelta(seconds=1)
"""The next period starts at the end of the one before, or one second later."""

_Choice = dict[int, set[int]]
"""Position of a settlement to the positions of those that may stand before it."""


@dataclass(frozen=True)
class Period:
    """A settlement as a link: its period, its marketplace if known, and what it takes over and hands on.

    ``held`` is kept for the next one, ``given_back`` comes from the one before; ``owed`` is a negative total or
    zero, ``payable`` the negative balance that it takes over.
    """

    settlement_id: str
    start: datetime
    end: datetime
    ledger: str | None
    held: Decimal
    given_back: Decimal
    owed: Decimal
    payable: Decimal


class How(Enum):
    """How a settlement stands to those before it."""

    FIRST = auto()  # nothing known before it in its ledger
    FOLLOWS = auto()  # the one before it is known
    ONE_OF = auto()  # it follows one of several, each followed by one
    GAP = auto()  # no known settlement covers the time just before it
    OVERLAP = auto()  # amounts say which one it follows, but it starts before that one ends
    UNCLEAR = auto()  # it may follow one of some, or be the first of another ledger


@dataclass(frozen=True)
class Place:
    """Where a settlement stands: ``before`` are those it may follow, ``rivals`` what else may follow these.

    Of a first one, ``rivals`` are those that were running when it started.
    """

    period: Period
    how: How
    before: tuple[Period, ...] = ()
    rivals: tuple[Period, ...] = ()


def places(periods: Iterable[Period]) -> list[Place]:
    """Return the place of each settlement of one account and currency, in the order of their starts."""
    ordered = sorted(periods, key=lambda period: (period.start, period.end, period.settlement_id))
    found: dict[int, Place] = {}
    followed: set[int] = set()
    for choice in _junctions(_candidates(ordered)):
        _join(ordered, choice, found, followed)
    for number, period in enumerate(ordered):
        if number not in found:
            found[number] = _head(ordered, period, followed)
    return [found[number] for number in range(len(ordered))]


def _may_share(one: Period, other: Period) -> bool:
    return one.ledger is None or other.ledger is None or one.ledger == other.ledger


def _hands_over(before: Period, after: Period) -> bool:
    """Say whether an amount shows that ``after`` follows ``before``."""
    reserve = after.given_back != 0 and before.held == after.given_back
    return reserve or (after.payable != 0 and before.owed == after.payable)


def _candidates(ordered: Sequence[Period]) -> _Choice:
    """Those whose end is the start of another; of its own marketplace when there are such."""
    by_end = sorted(range(len(ordered)), key=lambda number: ordered[number].end)
    ends = [ordered[number].end for number in by_end]
    choice: _Choice = {}
    for number, after in enumerate(ordered):
        near = by_end[bisect_left(ends, after.start - SLACK) : bisect_right(ends, after.start)]
        fitting = {one for one in near if one < number and _may_share(ordered[one], after)}
        own = {one for one in fitting if after.ledger and ordered[one].ledger == after.ledger}
        if fitting:
            choice[number] = own or fitting
    return choice


def _junctions(choice: _Choice) -> Iterator[_Choice]:
    """Split into parts that have no settlement in common."""
    followers: dict[int, set[int]] = defaultdict(set)
    for after, befores in choice.items():
        for before in befores:
            followers[before].add(after)
    left = dict(choice)
    while left:
        part: _Choice = {}
        waiting = [next(iter(left))]
        while waiting:
            after = waiting.pop()
            if after in left:
                part[after] = left.pop(after)
                waiting += [other for before in part[after] for other in followers[before]]
        yield part


def _join(ordered: Sequence[Period], choice: _Choice, found: dict[int, Place], followed: set[int]) -> None:
    """Settle one junction: by amounts that occur once, then by what every way to pair them has in common."""
    for after, before in _told_by_amounts(ordered, choice):
        found[after] = Place(ordered[after], How.FOLLOWS, (ordered[before],))
        followed.add(before)
        choice.pop(after)
        for befores in choice.values():
            befores.discard(before)
    possible, may_be_first, may_be_last = _ways(choice)
    followed |= set().union(*possible.values()) - may_be_last
    for after, befores in possible.items():
        if not befores:
            continue
        how = How.UNCLEAR if after in may_be_first else How.FOLLOWS if len(befores) == 1 else How.ONE_OF
        rivals = [other for other in possible if other != after and possible[other] & befores]
        found[after] = Place(
            ordered[after],
            how,
            tuple(ordered[before] for before in sorted(befores)),
            tuple(ordered[rival] for rival in sorted(rivals)),
        )


def _told_by_amounts(ordered: Sequence[Period], choice: _Choice) -> list[tuple[int, int]]:
    pairs = [
        (after, before)
        for after, befores in choice.items()
        for before in befores
        if _hands_over(ordered[before], ordered[after])
    ]
    afters, befores = Counter(after for after, _ in pairs), Counter(before for _, before in pairs)
    return [(after, before) for after, before in pairs if afters[after] == befores[before] == 1]


def _ways(choice: _Choice) -> tuple[_Choice, set[int], set[int]]:
    """Over all ways to pair as many as possible: what may stand before each, which may have nothing before, which nothing after."""
    befores = set().union(*choice.values())
    if all(fitting == befores for fitting in choice.values()):  # the usual junction: everything fits everything
        return (
            choice,
            set(choice) if len(choice) > len(befores) else set(),
            befores if len(choice) < len(befores) else set(),
        )
    most = _paired(choice)
    possible = {
        after: {before for before in fitting if 1 + _paired(_without(choice, after, before)) == most}
        for after, fitting in choice.items()
    }
    first = {after for after in choice if _paired(_without(choice, after, None)) == most}
    return possible, first, {before for before in befores if _paired(_without(choice, None, before)) == most}


def _without(choice: _Choice, after: int | None, before: int | None) -> _Choice:
    return {other: fitting - {before} for other, fitting in choice.items() if other != after}


def _paired(choice: Mapping[int, set[int]]) -> int:
    """How many can be paired at most (augmenting paths)."""
    taken: dict[int, int] = {}

    def place(after: int, tried: set[int]) -> bool:
        for before in choice[after] - tried:
            tried.add(before)
            if before not in taken or place(taken[before], tried):
                taken[before] = after
                return True
        return False

    return sum(place(after, set()) for after in choice)


def _head(ordered: Sequence[Period], period: Period, followed: set[int]) -> Place:
    """The place of a settlement that starts where no known one ends."""
    mates = {n: other for n, other in enumerate(ordered) if other is not period and _may_share(other, period)}
    late = [n for n, o in mates.items() if n not in followed and o.start < period.start < o.end]
    told = [n for n in late if _hands_over(mates[n], period)]
    if len(told) == 1:
        followed.add(told[0])
        return Place(period, How.OVERLAP, (mates[told[0]],))
    beside = tuple(other for other in mates.values() if other.start <= period.start < other.end)
    ended = {n: other for n, other in mates.items() if other.end < period.start - SLACK}
    if not ended:
        return Place(period, How.FIRST, rivals=beside)
    if not any(other.start < period.start <= other.end + SLACK for other in mates.values()):
        nearest = max(other.end for other in ended.values())
        before = [n for n, other in ended.items() if other.end == nearest]
        followed |= set(before)
        return Place(period, How.GAP, tuple(mates[n] for n in before))
    loose = tuple(other for n, other in ended.items() if n not in followed)
    return Place(period, How.UNCLEAR, loose) if loose else Place(period, How.FIRST, rivals=beside)
