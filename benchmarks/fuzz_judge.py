"""The verdict on one input: what nsbill did with it, held against what the mutated text says.

Out of reach: a mutation that moves money between lines of a settlement in a way that the text itself then says (another
amount here, its opposite there): nothing in the file contradicts it. Where no total is stated, the same holds for every
amount that was changed into another valid one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from benchmarks.fuzz_oracle import Money, Reading
from benchmarks.fuzz_reading import Outcome
from nsbill.errors import SourceFileError

__all__ = [
    "ACCEPTED",
    "FINDING",
    "NO_TOTAL",
    "REFUSED",
    "UNTIED",
    "Expected",
    "Verdict",
    "judge_error",
    "judge_outcome",
]

ACCEPTED = "accepted and ties"
UNTIED = "refused: does not foot"
NO_TOTAL = "accepted, states no total"
REFUSED = "refused with a reason"
FINDING = "FINDING"

_SENTENCE = re.compile(
    r"(?P<where>.+?)(, line \d+)?(, column '.*?')?: found (?P<found>.+); expected (?P<expected>.+?)\. (?P<remedy>.*\w.*) "
    r"Nothing of this file was kept\.",
    re.DOTALL,
)
_LONGEST = 1500


@dataclass(frozen=True)
class Expected:
    """What a file whose meaning was kept must still give: sums and stated totals by settlement."""

    sums: dict[str, Decimal]
    stated: dict[str, Decimal | None]


@dataclass(frozen=True)
class Verdict:
    """``outcome``: one of the five; ``reason``: the sentence of the refusal or of the finding."""

    outcome: str
    reason: str = ""


def judge_outcome(outcome: Outcome, reading: Reading, expected: Expected | None) -> Verdict:
    """Judge a file that was read to its end."""
    if expected is not None:
        wrong = _not_as_expected(outcome, expected)
        if wrong:
            return Verdict(FINDING, wrong)
    if outcome.untied():
        return Verdict(UNTIED)
    wrong = None if reading.unsure else _against_the_text(outcome, reading)
    if wrong:
        return Verdict(FINDING, wrong)
    return Verdict(ACCEPTED if outcome.complete() else NO_TOTAL)


def judge_error(error: Exception, name: str, reading: Callable[[], Reading], expected: Expected | None) -> Verdict:
    """Judge a refusal: of the right kind, in a whole sentence, with the line when one line is to blame."""
    text = str(error)
    if not isinstance(error, SourceFileError):
        return Verdict(FINDING, f"{type(error).__name__} instead of SourceFileError: {text[:300]}")
    if expected is not None:
        return Verdict(FINDING, f"refused although only its dress was changed: {text[:400]}")
    sentence = _SENTENCE.fullmatch(text)
    if sentence is None or sentence["where"] != name or error.file != name:
        return Verdict(FINDING, f"the refusal is no whole sentence about {name}: {text[:400]!r}")
    if len(text) > _LONGEST:
        return Verdict(FINDING, f"the refusal has {len(text)} characters: {text[:200]!r}")
    unprintable = next((character for character in text if not character.isprintable()), None)
    if unprintable is not None:
        return Verdict(FINDING, f"the refusal holds the character {unprintable!r}: {text[:400]!r}")
    if error.line is None:
        problems = reading().problems
        told_apart = "what looks like" in text  # no header was found, so there is no table whose line could be named
        if len(problems) == 1 and problems[0].line is not None and not told_apart:
            return Verdict(
                FINDING, f"no line is named, though line {problems[0].line} ({problems[0].what}) is to blame: {text}"
            )
    return Verdict(REFUSED, text)


def _not_as_expected(outcome: Outcome, expected: Expected) -> str | None:
    sums = outcome.sums()
    if sums != expected.sums:
        return (
            f"only the dress was changed, yet its lines now add up to {_shown(sums)} instead of {_shown(expected.sums)}"
        )
    stated = {name: outcome.stated.get(name) for name in expected.stated}
    if stated != expected.stated:
        return f"only the dress was changed, yet it now states {_shown(stated)} instead of {_shown(expected.stated)}"
    return None


def _against_the_text(outcome: Outcome, reading: Reading) -> str | None:
    """What is wrong with an accepted file; None when nothing is."""
    if reading.problems:
        problem = reading.problems[0]
        where = f"line {problem.line}: " if problem.line else ""
        return f"accepted although it cannot be trusted: {where}{problem.what}"
    stated = {name: total for name, total in outcome.stated.items() if total is not None}
    if stated != reading.stated:
        return f"states {_shown(reading.stated)}, read as {_shown(stated)}"
    read, said = (_keys(money, reading) for money in (outcome.money, reading.money))
    if read != said:
        lost, invented = (said - read).most_common(1), (read - said).most_common(1)
        return f"the text says {lost[0][0] if lost else 'nothing more'}, read was {invented[0][0] if invented else 'nothing'}"
    posted = {money.line: money.posted for money in reading.money if money.posted}
    other = next((m for m in outcome.money if m.posted != posted.get(m.line, m.posted)), None)
    return f"line {other.line} is of {posted[other.line]}, read as {other.posted}" if other else None


def _keys(money: list[Money], reading: Reading) -> Counter[tuple[object, ...]]:
    """What is compared of each amount: all that the text says for certain. A reader may leave amounts of nothing out."""
    return Counter(
        (
            m.line,
            m.settlement,
            m.amount,
            m.currency if reading.certain_currency else "",
            str(m.posted or "") if reading.certain_posted else "",
            *(m.texts if reading.certain_texts else ()),
        )
        for m in money
        if m.amount
    )


def _shown(amounts: dict[str, Decimal] | dict[str, Decimal | None]) -> str:
    return ", ".join(f"{name}: {amount}" for name, amount in amounts.items()) or "nothing"
