"""Formulas of saved searches: ``{field}`` in Oracle's SQL, checked and translated as SuiteQL is (netsuite 7.2)."""

from __future__ import annotations

import re
from dataclasses import dataclass

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from nsbill.simulator import suiteql_calls, suiteql_operators, suiteql_oracle
from nsbill.simulator.errors import Refusal
from nsbill.simulator.searches_fields import Field, Frame
from nsbill.simulator.suiteql_kinds import DATE, FLAG, INSTANT, REAL, TEXT, Kind, Typed, as_real, as_text, unsupported
from nsbill.simulator.suiteql_scope import Options, Scope, Source

__all__ = ["FORMULA_TYPES", "Formula", "bad_formula", "compile_formula"]

FORMULA_TYPES = {
    "formulatext": "text",
    "formulanumeric": "float",
    "formulapercent": "float",
    "formulacurrency": "currency",
    "formuladate": "date",
    "formuladatetime": "datetime",
}
"""Name of a formula column or criterion to the type of its values."""

_HANDLERS = suiteql_operators.HANDLERS + suiteql_calls.HANDLERS + suiteql_oracle.HANDLERS
_PART = re.compile(r"'(?:[^']|'')*'|\{\s*([A-Za-z_][\w.]*)\s*\}")
_PLACE = re.compile(r'"formula"\."f(\d+)"')
_KINDS = {"date": DATE, "datetime": INSTANT, "checkbox": FLAG, "text": TEXT, "select": TEXT}


@dataclass(frozen=True)
class Formula:
    """A formula as a field of the search; ``aggregate``: it sums up rows itself."""

    field: Field
    aggregate: bool


def compile_formula(name: str, formula: str, frame: Frame) -> Formula:
    """Compile a formula to a field of the type that its column's or criterion's ``name`` says, or refuse it."""
    if name not in FORMULA_TYPES:
        raise bad_formula(formula)
    fields: list[tuple[str, Kind]] = []

    def place(found: re.Match[str]) -> str:
        if found[1] is None:
            return found[0]
        fields.append(_used(found[1].lower(), frame, formula))
        return f"formula.f{len(fields) - 1}"

    text = _PART.sub(place, formula)
    try:
        tree = sqlglot.parse_one(text, read="oracle")
        columns = {f"f{index}": kind for index, (_, kind) in enumerate(fields)}
        options = Options(frame.today.isoformat())
        scope = Scope(options, _no_query, _HANDLERS, sources={"formula": Source("formula", columns)})
        typed = _of_type(scope.visit(tree), FORMULA_TYPES[name])
    except (SqlglotError, Refusal):
        raise bad_formula(formula) from None
    node, kind = typed
    sql = _PLACE.sub(lambda found: f"({fields[int(found[1])][0]})", node.sql("sqlite", identify=True))
    field = Field(f"({sql})", FORMULA_TYPES[name], scale=kind.scale, floating=kind == REAL)
    return Formula(field, any(True for _ in node.find_all(exp.AggFunc)))


def bad_formula(formula: str) -> Refusal:
    """Refuse a formula that cannot be read (code and text are guesses)."""
    return Refusal(400, "SSS_SEARCH_ERROR_OCCURRED", f"Search error occurred: Invalid Expression: {formula}")


def _used(name: str, frame: Frame, formula: str) -> tuple[str, Kind]:
    """Return SQL and kind of a field in a formula: references by their text, by their id as ``{entity.id}``."""
    if name == "today":
        return f"'{frame.today.isoformat()}'", DATE
    head, _, tail = name.rpartition(".")
    by_id = tail in ("id", "internalid") and frame.field(head, None) is not None
    join, _, last = ("", "", head) if by_id else name.rpartition(".")
    field = frame.field(last, join or None)
    if field is None:
        raise bad_formula(formula)
    if field.type == "select" and not by_id and field.text:
        return field.text, TEXT
    if field.floating:
        return field.sql, REAL
    return field.sql, _KINDS.get(field.type, Kind("exact", field.scale))


def _no_query(_node: exp.Expr, _scope: Scope) -> list[tuple[str, Kind]]:
    raise unsupported()  # a formula has no subqueries


def _of_type(typed: Typed, wanted: str) -> Typed:
    """Turn a formula's value into what its column promises."""
    node, kind = typed
    if wanted == "text":
        return as_text(typed), TEXT
    if wanted in ("date", "datetime"):
        if kind.name not in ("date", "instant", "null"):
            raise unsupported()
        return (exp.Anonymous(this="DATE", expressions=[node]), DATE) if wanted == "date" else (node, INSTANT)
    if kind.name not in ("exact", "real"):
        node, kind = exp.Cast(this=node, to=exp.DataType.build("REAL")), REAL
    if wanted != "currency":
        return node, kind
    if kind == REAL and any(True for _ in node.find_all(exp.AggFunc)):
        return as_real((node, kind)), REAL
    arguments = [node, exp.Literal.number(kind.scale), exp.Literal.number(2), exp.Literal.string("ROUND")]
    return exp.Anonymous(this="ns_round", expressions=arguments), Kind("exact", 2)
