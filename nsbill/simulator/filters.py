"""Record filtering by ``q``: a small language of conditions, read into SQL with bound values (netsuite 3.4).

``field OPERATOR value``, joined by AND and OR (AND binds closer), with parentheses; texts with spaces in double quotes;
lists in square brackets; dates in the account's format, month first. Every operator has a form with ``_NOT``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation

from nsbill.simulator.errors import Refusal, invalid_query
from nsbill.simulator.record_fields import Field, Resource

__all__ = ["OPERATORS", "Condition", "parse_filter"]

_NUMBERS = ("EQUAL", "GREATER", "GREATER_OR_EQUAL", "LESS", "LESS_OR_EQUAL", "BETWEEN", "WITHIN", "ANY_OF")
_CHOICES = ("ANY_OF", "IS", "EQUAL")
_DATES = ("AFTER", "BEFORE", "ON", "ON_OR_AFTER", "ON_OR_BEFORE")
OPERATORS: dict[str, tuple[str, ...]] = {
    "text": ("IS", "CONTAIN", "START_WITH", "END_WITH"),
    "money": _NUMBERS,
    "number": _NUMBERS,
    "whole": _NUMBERS,
    "reference": _CHOICES,
    "enum": _CHOICES,
    "date": _DATES,
    "instant": _DATES,
    "flag": ("IS",),
}
"""Kind of property to its operators; EMPTY fits all. Those of references and choices are uncertain."""

_ALIASES = {"ENDWITH": "END_WITH"}  # printed so once in Oracle's page
_SIGNS = {
    "EQUAL": "=", "GREATER": ">", "GREATER_OR_EQUAL": ">=", "LESS": "<", "LESS_OR_EQUAL": "<=",
    "AFTER": ">", "BEFORE": "<", "ON": "=", "ON_OR_AFTER": ">=", "ON_OR_BEFORE": "<=", "IS": "=",
}  # fmt: skip
_TOKEN = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|([()\[\],])|([^\s()\[\],"]+))')
_DAY = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")
_DEPTH = 50


@dataclass(frozen=True)
class Condition:
    """A piece of SQL and the values bound to its question marks."""

    sql: str
    values: tuple[object, ...] = ()


@dataclass(frozen=True)
class _Token:
    text: str
    quoted: bool = False

    def is_word(self, *words: str) -> bool:
        return not self.quoted and self.text.upper() in words


def parse_filter(text: str, resource: Resource, *, any_case: bool) -> Condition:
    """Read ``q`` for a record type; ``any_case`` compares texts without regard to case; refuse what it cannot read."""
    parser = _Parser(_tokens(text), resource, any_case=any_case)
    condition = parser.either(0)
    if parser.here is not None:
        raise _refuse(f"Unexpected '{parser.here.text}'.")
    return condition


def _refuse(text: str) -> Refusal:
    return invalid_query(f"Search error occurred: {text}")


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    place = 0
    while place < len(text.rstrip()):
        found = _TOKEN.match(text, place)
        if found is None:
            raise _refuse("A text in double quotes is not closed.")
        quoted, sign, word = found.groups()
        tokens.append(_Token(sign or word) if quoted is None else _Token(re.sub(r"\\(.)", r"\1", quoted), quoted=True))
        place = found.end()
    if not tokens:
        raise _refuse("The filter is empty.")
    return tokens


class _Parser:
    """Reads the tokens from left to right, one method a level of precedence."""

    def __init__(self, tokens: list[_Token], resource: Resource, *, any_case: bool) -> None:
        self._tokens, self._place = tokens, 0
        self._resource, self._any_case = resource, any_case
        self._fields = {one.name.lower(): one for one in resource.fields}

    @property
    def here(self) -> _Token | None:
        """The token to be read next."""
        return self._tokens[self._place] if self._place < len(self._tokens) else None

    def either(self, depth: int) -> Condition:
        """Read conditions joined by OR."""
        return self._joined("OR", self._both, depth)

    def _both(self, depth: int) -> Condition:
        return self._joined("AND", self._one, depth)

    def _joined(self, word: str, part: Callable[[int], Condition], depth: int) -> Condition:
        parts = [part(depth)]
        while self.here is not None and self.here.is_word(word):
            self._place += 1
            parts.append(part(depth))
        if len(parts) == 1:
            return parts[0]
        return Condition(
            "(" + f" {word} ".join(one.sql for one in parts) + ")",
            tuple(value for one in parts for value in one.values),
        )

    def _one(self, depth: int) -> Condition:
        token = self._next("a field")
        if token.text == "(" and not token.quoted:
            if depth >= _DEPTH:
                raise _refuse("The parentheses are nested too deep.")
            inner = self.either(depth + 1)
            self._expect(")")
            return inner
        return self._condition(token)

    def _condition(self, name: _Token) -> Condition:
        field = self._fields.get(name.text.lower())
        if field is None or name.quoted:
            raise _refuse(f"Field '{name.text}' does not exist on the record type '{self._resource.name}'.")
        if not field.filterable:
            raise _refuse(f"Field '{field.name}' cannot be used in a filter.")
        kind = "whole" if field.name == "id" else field.kind
        written = self._next("an operator").text.upper()
        operator = written.removesuffix("_NOT")
        operator = _ALIASES.get(operator, operator)
        if operator != "EMPTY" and operator not in OPERATORS[kind]:
            raise _refuse(f"Operator '{written}' cannot be used with the field '{field.name}'.")
        found = self._test(field, kind, operator)
        return Condition(f"NOT {found.sql}", found.values) if written.endswith("_NOT") else found

    def _test(self, field: Field, kind: str, operator: str) -> Condition:
        sql, mark = f"({field.sql})", "?"
        if operator == "EMPTY":
            return Condition(f"({sql} IS NULL OR {sql} = '')")
        if kind == "number":
            sql, mark = f"CAST({sql} AS REAL)", "CAST(? AS REAL)"
        if kind == "instant":
            sql = f"SUBSTR({sql}, 1, 10)"
        if operator in ("ANY_OF", "BETWEEN", "WITHIN"):
            values = [_value(field, kind, token) for token in self._list()]
            if operator == "ANY_OF":
                return Condition(f"({sql} IN ({', '.join(mark for _ in values)}))", tuple(values))
            if len(values) != 2:
                raise _refuse(f"Operator '{operator}' needs two values.")
            return Condition(f"({sql} BETWEEN {mark} AND {mark})", tuple(values))
        value = _value(field, kind, self._operand())
        if kind == "text":
            return _text_test(sql, operator, str(value), any_case=self._any_case)
        return Condition(f"({sql} {_SIGNS[operator]} {mark})", (value,))

    def _list(self) -> list[_Token]:
        self._expect("[")
        values = [self._operand()]
        while self.here is not None and self.here.text == "," and not self.here.quoted:
            self._place += 1
            values.append(self._operand())
        self._expect("]")
        return values

    def _operand(self) -> _Token:
        token = self._next("a value")
        if token.text in ("(", ")", "[", "]", ",") and not token.quoted:
            raise _refuse(f"Expected a value instead of '{token.text}'.")
        return token

    def _next(self, wanted: str) -> _Token:
        token = self.here
        if token is None:
            raise _refuse(f"The filter ends where {wanted} should stand.")
        self._place += 1
        return token

    def _expect(self, sign: str) -> None:
        token = self._next(f"'{sign}'")
        if token.text != sign or token.quoted:
            raise _refuse(f"Expected '{sign}' instead of '{token.text}'.")


def _text_test(sql: str, operator: str, value: str, *, any_case: bool) -> Condition:
    if operator == "IS":
        return Condition(f"({sql} = ?{' COLLATE NOCASE' if any_case else ''})", (value,))
    left, right, bound = (f"LOWER({sql})", "LOWER(?)", value) if any_case else (sql, "?", value)
    if operator == "CONTAIN":
        return Condition(f"(INSTR({left}, {right}) > 0)", (bound,))
    if operator == "START_WITH":
        return Condition(f"(SUBSTR({left}, 1, LENGTH(?)) = {right})", (bound, bound))
    return Condition(f"(LENGTH({left}) >= LENGTH(?) AND SUBSTR({left}, -LENGTH(?)) = {right})", (bound, bound, bound))


def _value(field: Field, kind: str, token: _Token) -> object:
    try:
        return _READERS[kind](token.text)
    except (ValueError, InvalidOperation):
        raise _refuse(f"Invalid value '{token.text}' for the field '{field.name}'.") from None


def _hundredths(text: str) -> int:
    scaled = Decimal(text) * 100
    if not scaled.is_finite() or scaled != scaled.to_integral_value() or abs(scaled) >= 2**63:
        raise ValueError(text)
    return int(scaled)


def _whole(text: str) -> int:
    number = int(text)
    if abs(number) >= 2**63:
        raise ValueError(text)
    return number


def _decimal(text: str) -> str:
    """Check a number that is no amount; SQLite casts it on both sides of the comparison."""
    if not Decimal(text).is_finite():
        raise ValueError(text)
    return text


def _day(text: str) -> str:
    found = _DAY.fullmatch(text)
    if found is None:
        raise ValueError(text)
    month, day, year = (int(part) for part in found.groups())
    return date(year, month, day).isoformat()


def _flag(text: str) -> str:
    if text.lower() not in ("true", "false"):
        raise ValueError(text)
    return "T" if text.lower() == "true" else "F"


_READERS: Mapping[str, Callable[[str], object]] = {
    "text": str,
    "enum": str,
    "reference": _whole,
    "money": _hundredths,
    "whole": _whole,
    "number": _decimal,
    "date": _day,
    "instant": _day,
    "flag": _flag,
}
