"""The criterion of a saved search on the order's status: told in every shape, rewritten without touching others.

The rules are the RESTlet's (protocol 1.1.0), written a second time: vectors run on both keep them from drifting.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from nsbill.simulator.searches_expression import Placed, placed_terms
from nsbill.simulator.searches_fields import STATUS_WORDS

__all__ = ["status_criterion", "with_statuses"]

_MENTIONED = re.compile(r"\{\s*status(?:ref)?\s*(?:\.id)?\s*\}", re.IGNORECASE)
_LETTERS = {word.lower(): letter for letter, word in STATUS_WORDS["SalesOrd"].items()}
_LETTER = re.compile(r"(?:salesord:)?([A-H])", re.IGNORECASE)


def status_criterion(expression: list[Any]) -> dict[str, Any]:
    """Describe the criterion on the status, and whether it can be rewritten without touching others."""
    placed = list(placed_terms(expression))
    found = _on_status(placed)
    reason = _why_not(placed, found)
    first = found[0].term if found else None
    return {
        "present": bool(found) or any(_mentions(one) for one in placed),
        "operator": first.operator if first else None,
        "values": [_code(value) for value in first.values] if first else [],
        "writable": reason is None,
        "reason": reason,
    }


def with_statuses(expression: list[Any], statuses: Sequence[str]) -> list[Any]:
    """Return the expression with these statuses; its criterion must be writable."""
    term = ["status", "anyof", *statuses]
    found = _on_status(list(placed_terms(expression)))
    if found:
        return _replaced(expression, found[0].path, term)
    return [expression, "AND", term] if expression else term


def _on_status(placed: list[Placed]) -> list[Placed]:
    return [one for one in placed if one.term and one.term.join is None and one.term.name in ("status", "statusref")]


def _mentions(one: Placed) -> bool:
    return one.term is not None and one.term.formula is not None and bool(_MENTIONED.search(one.term.formula))


def _why_not(placed: list[Placed], found: list[Placed]) -> str | None:
    if any(one.term is None for one in placed):
        return "The criteria have a shape that this script does not know."
    if any(_mentions(one) for one in placed):
        return "A formula in the criteria uses the status."
    if len(found) > 1:
        return "The search has several criteria on the status."
    for one in found:
        if one.within is not None:
            return f"The criterion on the status stands inside {one.within}."
        if one.term and one.term.summary is not None:
            return "The criterion on the status is a summary criterion."
        if one.term and one.term.operator not in ("anyof", "noneof"):
            return f"The criterion on the status uses the operator '{one.term.operator}'."
    return None


def _code(value: str) -> str:
    """``F``, ``SalesOrd:F`` and ``pendingBilling`` are one status (netsuite 5.2)."""
    text = value.strip()
    letter = _LETTER.fullmatch(text)
    if letter is not None:
        return f"SalesOrd:{letter[1].upper()}"
    return f"SalesOrd:{_LETTERS[text.lower()]}" if text.lower() in _LETTERS else text


def _replaced(part: list[Any], path: tuple[int, ...], term: list[str]) -> list[Any]:
    if not path:
        return term
    return [_replaced(one, path[1:], term) if index == path[0] else one for index, one in enumerate(part)]
