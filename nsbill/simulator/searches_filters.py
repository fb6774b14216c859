"""Criteria of saved searches as SQL: each type of field with the operators that N/search gives it (netsuite 7.2)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation

from nsbill.simulator.errors import Refusal
from nsbill.simulator.searches_dates import date_span
from nsbill.simulator.searches_expression import Group, Negation, Node, Term
from nsbill.simulator.searches_fields import STATUS_WORDS, Field, Frame
from nsbill.simulator.searches_formula import compile_formula

__all__ = ["Test", "condition", "term_test"]

Test = tuple[str, list[object]]
"""SQL with its values."""


def condition(node: Node, frame: Frame) -> Test:
    """Return the SQL of criteria; those on summaries must be taken out before."""
    if isinstance(node, Term):
        return term_test(node, _field(node, frame), frame)
    if isinstance(node, Negation):
        sql, values = condition(node.inner, frame)
        return f"NOT ({sql})", values
    return _joined(node, [condition(part, frame) for part in node.parts])


def term_test(term: Term, field: Field, frame: Frame) -> Test:
    """Return the SQL of one criterion on ``field``."""
    if term.operator in ("isempty", "isnotempty"):
        return f"COALESCE(CAST({field.sql} AS TEXT), '') {'=' if term.operator == 'isempty' else '<>'} ''", []
    values = tuple(value for value in term.values if value != "")
    if term.operator == "any":
        return "1", []
    if term.operator in ("anyof", "noneof"):
        return _of_list(field, values, negative=term.operator == "noneof", operator=term.operator)
    test: Callable[[Field, str, Sequence[str], Frame], Test | None] = {
        "date": _date_test,
        "datetime": _date_test,
        "checkbox": _checkbox_test,
        "integer": _number_test,
        "float": _number_test,
        "currency": _number_test,
    }.get(field.type, _text_test)
    found = test(field, term.operator, values, frame)
    if found is None and term.name == "otherrefnum":  # a text to people, a number to N/search: both are met
        found = _text_test(field, {"equalto": "is", "notequalto": "isnot"}.get(term.operator, ""), values, frame)
    if found is None:
        raise _bad_operator(term.operator)
    return found


def _joined(group: Group, tests: list[Test]) -> Test:
    if not tests:
        return "1", []
    return f" {group.word} ".join(f"({sql})" for sql, _ in tests), [value for _, values in tests for value in values]


def _field(term: Term, frame: Frame) -> Field:
    if term.summary is not None:
        text = f"The simulator evaluates a criterion on a summary only where it must hold in any case: {term.name}."
        raise Refusal(400, "SSS_INVALID_SRCH_FILTER", text)
    if term.formula is not None:
        return compile_formula(term.name, term.formula, frame).field
    field = frame.field(term.name, term.join)
    if field is None:
        shown = f"{term.join}.{term.name}" if term.join else term.name
        text = f"An nlobjSearchFilter contains invalid filter criteria: {shown}."
        raise Refusal(400, "SSS_INVALID_SRCH_FILTER", text)
    return field


def _of_list(field: Field, values: Sequence[str], *, negative: bool, operator: str) -> Test:
    """``anyof`` and ``noneof``: ids, ``@NONE@`` for an empty field, ``@ALL@``; ``noneof`` lets empty fields through."""
    if not values or field.type not in ("select", "integer", "text"):
        raise _bad_operator(operator)
    if "@ALL@" in values:
        return ("0" if negative else "1"), []
    ids = [value for value in values if value != "@NONE@"]
    tests: list[Test] = [(f"{field.sql} IS NULL", [])] if len(ids) < len(values) else []
    if ids:
        tests.append(_statuses(field, ids) if field.code is not None else _in(field.sql, ids))
    sql, bound = " OR ".join(sql for sql, _ in tests), [value for _, found in tests for value in found]
    return (f"COALESCE(NOT ({sql}), 1)" if negative else f"({sql})"), bound


def _in(sql: str, ids: Sequence[str]) -> Test:
    marks = ", ".join("?" for _ in ids)
    return f"{sql} IN ({marks})", [int(value) if value.lstrip("-").isdigit() else value for value in ids]


def _statuses(field: Field, values: Sequence[str]) -> Test:
    """A status is named ``SalesOrd:F``, or ``F`` for a sales order; the words of a column match nothing (netsuite 5.2)."""
    codes = [value if ":" in value else f"SalesOrd:{value}" for value in values]
    if field.code != "t.type || ':' || t.status":
        return _in(str(field.code), codes)
    tests, bound = [], []
    for kind in sorted({code.partition(":")[0] for code in codes} & STATUS_WORDS.keys()):
        letters = [code.partition(":")[2] for code in codes if code.startswith(f"{kind}:")]
        tests.append(f"t.type = ? AND t.status IN ({', '.join('?' for _ in letters)})")
        bound += [kind, *letters]
    return (f"({' OR '.join(tests)})" if tests else "0"), list(bound)


_DATES = {
    "on": "{0} BETWEEN ? AND ?",
    "within": "{0} BETWEEN ? AND ?",
    "after": "{0} > :end",
    "before": "{0} < :start",
    "onorafter": "{0} >= :start",
    "onorbefore": "{0} <= :end",
}


def _date_test(field: Field, operator: str, values: Sequence[str], frame: Frame) -> Test | None:
    positive = operator.removeprefix("not") if operator.removeprefix("not") in _DATES else operator
    if positive not in _DATES or len(values) not in ((1, 2) if positive == "within" else (1,)):
        return None
    spans = [date_span(value, frame.today) for value in values]
    start, end = spans[0][0], spans[-1][1]
    day = f"substr({field.sql}, 1, 10)" if field.type == "datetime" else field.sql
    sql = _DATES[positive].format(day)
    bound: list[object] = [start, end] if "BETWEEN" in sql else [end if ":end" in sql else start]
    sql = sql.replace(":end", "?").replace(":start", "?")
    return (sql if positive == operator else f"COALESCE(NOT ({sql}), 1)"), bound


_NUMBERS = {
    "equalto": "=",
    "is": "=",
    "greaterthan": ">",
    "greaterthanorequalto": ">=",
    "lessthan": "<",
    "lessthanorequalto": "<=",
}


def _number_test(field: Field, operator: str, values: Sequence[str], frame: Frame) -> Test | None:
    if operator in ("between", "notbetween") and len(values) == 2:
        (low, first), (high, last) = (_units(value, field) for value in values)
        sql, bound = f"{field.sql} BETWEEN {low} AND {high}", [*first, *last]
        return (f"COALESCE(NOT ({sql}), 1)" if operator == "notbetween" else sql), bound
    positive = operator if operator in _NUMBERS else operator.removeprefix("not")
    if positive not in _NUMBERS or len(values) != 1:
        return None
    number, bound = _units(values[0], field)
    sql = f"{field.sql} {_NUMBERS[positive]} {number}"
    return (sql if positive == operator else f"COALESCE(NOT ({sql}), 1)"), bound


def _units(value: str, field: Field) -> Test:
    """Return a number in the units of the field's integers; one with more decimals lies between two of them."""
    try:
        number = Decimal(value.replace(",", "")).scaleb(field.scale)
    except InvalidOperation:
        raise _bad_number(value) from None
    if not number.is_finite():
        raise _bad_number(value)
    if number == number.to_integral_value() and not field.floating:
        return "?", [int(number)]
    return "CAST(? AS REAL)", [format(number, "f")]


def _checkbox_test(field: Field, operator: str, values: Sequence[str], frame: Frame) -> Test | None:
    if operator not in ("is", "isnot") or len(values) != 1:
        return None
    wanted = values[0].lower() in ("t", "true") if operator == "is" else values[0].lower() in ("f", "false")
    return f"COALESCE({field.sql}, 'F') = ?", ["T" if wanted else "F"]


def _bad_number(value: str) -> Refusal:
    return Refusal(400, "SSS_INVALID_SRCH_FILTER_VAL", f"Invalid number value {value} in a search filter.")


_TEXTS = {"is": "{}", "contains": "%{}%", "startswith": "{}%"}
_NEGATIVE = {"isnot": "is", "doesnotcontain": "contains", "doesnotstartwith": "startswith"}


def _text_test(field: Field, operator: str, values: Sequence[str], frame: Frame) -> Test | None:
    """Texts are compared without minding case; ``%`` in a value stands for anything."""
    if operator == "haskeywords" and values:
        words = values[0].split()
        return " AND ".join(f"{field.sql} LIKE ?" for _ in words), [f"%{word}%" for word in words]
    positive = _NEGATIVE.get(operator, operator)
    if positive not in _TEXTS or len(values) != 1:
        return None
    shaped = _TEXTS[positive].format(values[0].replace("\\", "\\\\").replace("_", "\\_"))
    sql = f"{field.text or field.sql} LIKE ? ESCAPE '\\'"
    return (sql if positive == operator else f"COALESCE(NOT ({sql}), 1)"), [shaped]


def _bad_operator(operator: str) -> Refusal:
    text = f"An nlobjSearchFilter contains an invalid operator, or is not in proper syntax: {operator}."
    return Refusal(400, "SSS_INVALID_SRCH_OPERATOR", text)
