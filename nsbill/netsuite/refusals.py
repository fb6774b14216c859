"""What a refusal means: the parts that were read from an answer, matched against an ordered table of rules.

The table itself is ``refusal_rules``; the shapes of answers are read in ``replies``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from nsbill.errors import Advice, NetSuiteError

__all__ = ["Part", "Refusal", "Rule", "advise"]

Fix = Literal["retry", "fix-first", "never"]

_UNNAMED = {
    "field": "a field",
    "period": "the accounting period",
    "permission": "a permission",
    "record": "the record",
    "value": "a value",
    "table": "a table",
    "error_id": "not given",
}
"""What stands in a cause where the text does not name the thing."""


@dataclass(frozen=True)
class Part:
    """One of the errors that an answer lists: its codes (the innermost first), its text, and where the fault lies."""

    codes: tuple[str, ...]
    text: str
    place: str = ""
    """``o:errorPath``, ``o:errorQueryParam`` or ``o:errorHeader``."""


@dataclass(frozen=True)
class Refusal:
    """An answer with an error, whatever its shape was."""

    status: int
    parts: tuple[Part, ...]
    request_id: str | None = None

    @property
    def code(self) -> str:
        """The code of its first part."""
        return self.parts[0].codes[0]

    @property
    def detail(self) -> str:
        """The texts of its parts, each once."""
        texts = dict.fromkeys(part.text.rstrip(". ") for part in self.parts if part.text)
        return "; ".join(texts)


@dataclass(frozen=True)
class Rule:
    """One row: an error matches when its code, its status and its text fit those that are given.

    ``text`` is a regular expression, searched without regard to case; its named groups fill the places of ``cause``
    and ``next_action``. ``again`` differs from ``fix == "retry"`` only where a create must be looked up first.
    """

    name: str
    cause: str
    fix: Fix
    next_action: str
    source: str
    codes: frozenset[str] = frozenset()
    statuses: frozenset[int] = frozenset()
    text: str = ""
    again: bool | None = None
    kind: type[NetSuiteError] = NetSuiteError

    def match(self, status: int, part: Part) -> Mapping[str, str] | None:
        """Return the words taken from the text when the rule fits this part, else ``None``."""
        if self.codes and self.codes.isdisjoint(part.codes):
            return None
        if self.statuses and status not in self.statuses:
            return None
        found = re.search(self.text, part.text, re.IGNORECASE | re.DOTALL)
        if found is None:
            return None
        return {name: value.strip(" .") for name, value in found.groupdict().items() if value}


def advise(refusal: Refusal, rules: tuple[Rule, ...]) -> tuple[type[NetSuiteError], Advice]:
    """Return the exception class and the advice of the first rule that fits any part; the order of rules decides."""
    for rule in rules:
        for words, part in _fitting(rule, refusal):
            named = {**_UNNAMED, **{name: f"'{word}'" for name, word in words.items()}}
            cause = rule.cause.format_map(named)
            if part.place and "field" in rule.cause and part.place not in cause:
                cause += f" (at {part.place})"
            again = rule.fix == "retry" if rule.again is None else rule.again
            return rule.kind, Advice(cause, again, rule.fix, rule.next_action.format_map(named), known=True)
    return NetSuiteError, _unknown(refusal.status)


def _fitting(rule: Rule, refusal: Refusal) -> Iterator[tuple[Mapping[str, str], Part]]:
    for part in refusal.parts:
        words = rule.match(refusal.status, part)
        if words is not None:
            yield words, part


def _unknown(status: int) -> Advice:
    """Advise on an error that no rule knows: a fault inside NetSuite may pass, anything else needs a look."""
    if status >= 500:
        action = "nsbill does not know this error. Try again later; a create is looked up first, never simply repeated."
        return Advice("", again=False, fix="retry", next_action=action, known=False)
    action = "nsbill does not know this error; NetSuite's text above says what to change. This request changed nothing."
    return Advice("", again=False, fix="fix-first", next_action=action, known=False)
