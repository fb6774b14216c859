"""What the text of a parameter has to look like: its help says so to people, and the runner holds values to it.

A parameters cell is plain Python that papermill fills in, so a day, a month and an amount are text there. The comment
behind a parameter names their form (``YYYY-MM-DD``, ``YYYY-MM``, ``amount as 1000.00``) or the choices (``one of a, b``);
``Literal["a", "b"]`` as its type says the same.
"""

from __future__ import annotations

import ast
import re
from datetime import date

from nsbill.errors import MoneyError
from nsbill.money import exact

__all__ = ["form_problem"]

_CHOICES = re.compile(r"\bone of ([\w-]+(?:, [\w-]+)*)")
_DAY, _MONTH, _AMOUNT = re.compile(r"\bYYYY-MM-DD\b"), re.compile(r"\bYYYY-MM\b(?!-)"), re.compile(r"\bamount as \d")


def form_problem(text: str, *, type_: str, help_: str, default: str) -> str | None:
    """Say what a text should have been, by the parameter's type, help and default; ``None`` when it fits.

    The default itself always fits: empty text stands for what the help says of it.
    """
    if repr(text) == default:
        return None
    choices = _literal(type_) or _listed(help_)
    if choices and text not in choices:
        return f"takes one of {', '.join(choices)}"
    if _DAY.search(help_) and not _is_day(text):
        return "takes a day as YYYY-MM-DD"
    if not _DAY.search(help_) and _MONTH.search(help_) and not _is_day(f"{text}-01"):
        return "takes a month as YYYY-MM"
    if _AMOUNT.search(help_) and not _is_amount(text):
        return "takes an exact amount such as 1000.00"
    return None


def _literal(type_: str) -> list[str]:
    """The texts of ``Literal[...]``."""
    found = re.fullmatch(r"(?:typing\.)?Literal\[(.*)\]", type_)
    if not found:
        return []
    values = ast.literal_eval(f"({found[1]},)")
    return [str(value) for value in values]


def _listed(help_: str) -> list[str]:
    found = _CHOICES.search(help_)
    return found[1].split(", ") if found else []


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _is_amount(text: str) -> bool:
    try:
        exact(text)
    except MoneyError:
        return False
    return True
