"""Filter expressions of N/search: nested lists with AND, OR and NOT, read into terms and a tree (netsuite 7.2)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from nsbill.simulator.errors import Refusal

__all__ = [
    "Group",
    "Negation",
    "Node",
    "Placed",
    "Term",
    "of_stored",
    "parse",
    "placed_terms",
    "plain_terms",
    "without",
]

_WORDS = ("AND", "OR", "NOT")
_SUMMARY = re.compile(r"(count|sum|min|max|avg|group)\((.*)\)", re.IGNORECASE | re.DOTALL)
_FORMULA = re.compile(r"(formula\w+)\s*:\s*(.*)", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class Term:
    """One criterion: field or formula, summary around it, operator in lower case, values as texts."""

    name: str
    join: str | None
    formula: str | None
    summary: str | None
    operator: str
    values: tuple[str, ...]

    @property
    def label(self) -> str:
        """The field's name, with its summary as ``sum(amount)``."""
        return self.name if self.summary is None else f"{self.summary}({self.name})"


@dataclass(frozen=True)
class Placed:
    """Where a criterion stands: its path in the expression, and ``OR`` or ``NOT`` when it need not hold in any case.

    Without a term: something that is neither criterion nor group nor word.
    """

    term: Term | None
    path: tuple[int, ...]
    within: str | None


@dataclass(frozen=True)
class Negation:
    """NOT before a criterion or a group."""

    inner: Node


@dataclass(frozen=True)
class Group:
    """Criteria joined by one word, ``AND`` or ``OR``; an AND without any lets everything through."""

    word: str
    parts: tuple[Node, ...]


Node = Term | Negation | Group


def of_stored(stored: list[Any]) -> list[Any]:
    """Return the filter expression of a stored search; older books keep a flat list of filters instead."""
    if not stored or not all(isinstance(one, dict) for one in stored):
        return stored
    expression: list[Any] = []
    for one in stored:
        name = f"{one['join']}.{one['name']}" if one.get("join") else one["name"]
        given = one.get("values") or []
        values = given if isinstance(given, list) else [given]
        expression += ["AND", [name, one["operator"], *(values or [""])]]
    return expression[1:]


def parse(expression: list[Any]) -> Node:
    """Read an expression; AND binds closer than OR. A list that is none is refused as N/search refuses it."""
    return _operand(expression)


def placed_terms(part: object, path: tuple[int, ...] = (), within: str | None = None) -> Iterator[Placed]:
    """Give every criterion in the order in which it is written, also of an expression that N/search would refuse."""
    if not isinstance(part, list):
        yield Placed(None, path, within)
    elif _is_term(part):
        yield Placed(_term(part), path, within)
    else:
        words = [_word(one) for one in part]
        inside = within or ("OR" if "OR" in words else None)
        for index, one in enumerate(part):
            if not words[index]:
                negated = index > 0 and words[index - 1] == "NOT"
                yield from placed_terms(one, (*path, index), inside or ("NOT" if negated else None))


def plain_terms(node: Node) -> Iterator[Term]:
    """Give the criteria that must hold in any case: those joined by nothing but AND."""
    if isinstance(node, Term):
        yield node
    elif isinstance(node, Group) and (node.word == "AND" or len(node.parts) == 1):
        for part in node.parts:
            yield from plain_terms(part)


def without(node: Node, taken: Term) -> Node:
    """Return the criteria without one of those that must hold in any case."""
    if node is taken:
        return Group("AND", ())
    return Group(node.word, tuple(without(part, taken) for part in node.parts)) if isinstance(node, Group) else node


def _word(part: object) -> str:
    text = part.strip().upper() if isinstance(part, str) else ""
    return text if text in _WORDS else ""


def _is_term(part: object) -> bool:
    if not isinstance(part, list) or len(part) < 2:
        return False
    return isinstance(part[0], str) and isinstance(part[1], str) and not _word(part[0])


def _operand(part: object) -> Node:
    if not isinstance(part, list):
        raise _malformed(part)
    return _term(part) if _is_term(part) else _group(part)


def _group(parts: list[Any]) -> Node:
    """Read operands and the words between them; every operand may have NOT before it, more than once."""
    choices: list[list[Node]] = [[]]
    expected, negated = True, False
    for part in parts:
        word = _word(part)
        if expected and word == "NOT":
            negated = not negated
        elif expected and not word:
            node = _operand(part)
            choices[-1].append(Negation(node) if negated else node)
            expected, negated = False, False
        elif not expected and word in ("AND", "OR"):
            if word == "OR":
                choices.append([])
            expected = True
        else:
            raise _malformed(part)
    if parts and expected:
        raise _malformed(parts[-1])
    groups = [Group("AND", tuple(nodes)) for nodes in choices]
    return groups[0] if len(groups) == 1 else Group("OR", tuple(groups))


def _term(part: list[Any]) -> Term:
    written, operator, *given = part
    values = [one for value in given for one in (value if isinstance(value, list) else [value]) if one is not None]
    written, summary, formula, join = written.strip(), None, None, None
    if found := _SUMMARY.fullmatch(written):
        summary, written = found[1].lower(), found[2]
    if found := _FORMULA.fullmatch(written):
        written, formula = found[1], found[2]
    elif "." in written:
        join, _, written = written.rpartition(".")
    return Term(written.lower(), join, formula, summary, operator.lower(), tuple(_text(value) for value in values))


def _text(value: object) -> str:
    return ("T" if value else "F") if isinstance(value, bool) else str(value)


def _malformed(part: object) -> Refusal:
    """Refuse what is no filter expression (code of N/search; the text is a guess)."""
    return Refusal(400, "SSS_INVALID_SRCH_FILTER_EXPR", f"Malformed search filter expression: {part}.")
