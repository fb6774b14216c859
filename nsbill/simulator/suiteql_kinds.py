"""Kinds of SuiteQL values, and how values of two kinds meet: exact numbers are integers with a scale."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation

from sqlglot import exp

from nsbill.simulator.errors import Refusal, invalid_query
from nsbill.simulator.replies import scaled_text

__all__ = [
    "DATE",
    "FLAG",
    "INSTANT",
    "NULL",
    "REAL",
    "STATUS",
    "TEXT",
    "WHOLE",
    "Kind",
    "Typed",
    "as_real",
    "as_text",
    "of_column",
    "render",
    "unify",
    "unsupported",
]


@dataclass(frozen=True)
class Kind:
    """What a value is; ``scale`` only for exact numbers (integers of ``10**-scale`` units)."""

    name: str
    scale: int = 0


Typed = tuple[exp.Expr, Kind]

WHOLE, REAL, TEXT, FLAG = Kind("exact"), Kind("real"), Kind("text"), Kind("flag")
DATE, INSTANT, STATUS, NULL = Kind("date"), Kind("instant"), Kind("status"), Kind("null")
_OF_COLUMN = {
    "number": WHOLE,
    "money": Kind("exact", 2),
    "text": TEXT,
    "flag": FLAG,
    "date": DATE,
    "instant": INSTANT,
    "status": STATUS,
}
_ACCOUNT_DATE = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")


def of_column(kind: str) -> Kind:
    """Return the kind of a table's column."""
    return _OF_COLUMN[kind]


def unsupported() -> Refusal:
    """Refuse a query that SuiteQL, or the simulator, does not know."""
    return invalid_query("Search error occurred: Invalid or unsupported search.")


def render(value: object, kind: Kind) -> str | None:
    """Write a value as SuiteQL sends it: everything is text, dates in the account's format M/D/YYYY, null is absent."""
    if value is None or value == "":
        return None
    if kind.name == "exact" and isinstance(value, int):
        return scaled_text(value, kind.scale)
    if kind.name in ("date", "instant") and isinstance(value, str):
        day = date.fromisoformat(value[:10])
        return f"{day.month}/{day.day}/{day.year}"
    if isinstance(value, str | int):
        return str(value)
    number = Decimal(str(value)).quantize(Decimal("1e-10")).normalize()
    return format(number, "f")


def unify(values: list[Typed]) -> tuple[list[exp.Expr], Kind]:
    """Bring values that are compared or take each other's place to one kind; text literals follow the others."""
    kinds = [kind for node, kind in values if not _is_text_literal(node) and kind != NULL]
    names = {kind.name for kind in kinds}
    if not names:
        return [node for node, _ in values], TEXT
    if names <= {"exact"}:
        values = [_literal_number(value) for value in values]
        if any(kind == REAL for _, kind in values):
            return [as_real(value) for value in values], REAL
        scale = max(kind.scale for _, kind in values if kind.name == "exact")
        return [_scaled(value, scale) for value in values], Kind("exact", scale)
    if names <= {"exact", "real"}:
        return [as_real(_literal_number(value)) for value in values], REAL
    if names <= {"date", "instant"}:
        nodes = [_literal_date(value) for value in values]
        return nodes, INSTANT if "instant" in names else DATE
    return [as_text(value) for value in values], kinds[0] if len(names) == 1 else TEXT


def as_real(value: Typed) -> exp.Expr:
    """Turn a number into a binary one, for divisions and averages only."""
    node, kind = value
    if kind.name == "exact":
        return exp.Paren(
            this=exp.Div(
                this=exp.Cast(this=node, to=exp.DataType.build("REAL")),
                expression=exp.Literal.number(10**kind.scale),
                typed=False,
            )
        )
    return node


def as_text(value: Typed) -> exp.Expr:
    """Turn a value into the text that SuiteQL shows for it."""
    node, kind = value
    if kind.name in ("exact", "real", "date", "instant"):
        arguments = [node, exp.Literal.string(kind.name), exp.Literal.number(kind.scale)]
        return exp.Anonymous(this="ns_text", expressions=arguments)
    return node


def _is_text_literal(node: exp.Expr) -> bool:
    return isinstance(node, exp.Literal) and node.is_string


def _literal_number(value: Typed) -> Typed:
    node, _kind = value
    if not _is_text_literal(node):
        return value
    try:
        number = Decimal(node.this)
    except InvalidOperation:
        raise unsupported() from None
    return number_literal(number)


def number_literal(number: Decimal) -> Typed:
    """Write an exact number as an integer with a scale."""
    if not number.is_finite():
        raise unsupported()
    scale = max(0, -int(number.as_tuple().exponent))
    units = int(number.scaleb(scale))
    literal: exp.Expr = exp.Literal.number(abs(units))
    return (exp.Paren(this=exp.Neg(this=literal)) if units < 0 else literal), Kind("exact", scale)


def _scaled(value: Typed, scale: int) -> exp.Expr:
    node, kind = value
    if kind.name != "exact" or kind.scale == scale:
        return node
    return exp.Paren(this=exp.Mul(this=node, expression=exp.Literal.number(10 ** (scale - kind.scale))))


def _parts_of_date(text: str) -> tuple[str, ...]:
    found = _ACCOUNT_DATE.fullmatch(text)
    return found.groups() if found is not None else ("0", "0", "0")


def _literal_date(value: Typed) -> exp.Expr:
    node, _ = value
    if not _is_text_literal(node):
        return node
    month, day, year = (int(part) for part in _parts_of_date(node.this))
    try:
        return exp.Literal.string(date(year, month, day).isoformat())
    except ValueError:
        raise invalid_query("Search error occurred: Invalid date value (must be M/D/YYYY).") from None
