"""A saved search compiled to SQL: the keys of its rows in order and the cells of a page, or its groups (netsuite 7.2)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from nsbill.simulator.searches import Search
from nsbill.simulator.searches_columns import Column, Output, compile_column, ordering, output_of, summed_up
from nsbill.simulator.searches_expression import Node, Term, parse, plain_terms, without
from nsbill.simulator.searches_fields import Frame, line_rows
from nsbill.simulator.searches_filters import condition, term_test

__all__ = ["Plan", "plan_of"]


@dataclass(frozen=True)
class Plan:
    """How a search runs.

    ``keys`` selects id and line of every row in order; ``cells`` selects id, line and the row as JSON, and
    waits for a list of ids at its end. A summary search has ``groups`` instead: its rows as JSON.
    ``lines``: it sees lines too, and the lines of one order have no order of their own in ``keys``.
    """

    values: tuple[object, ...]
    sorted_by: tuple[str, ...]
    keys: str = ""
    cells: str = ""
    groups: str = ""
    lines: bool = False


def plan_of(search: Search, today: date) -> Plan:
    """Compile a search, with the keys that the RESTlet adds so that the order of its rows is unambiguous."""
    node = parse(search.criteria)
    frame = Frame(any(_is_main_only(term) for term in plain_terms(node)), today)
    if any(column.summary for column in search.columns):
        return _summary(search, node, frame)
    where, values = _where(search, node, frame)
    outputs = tuple(compile_column(column, frame) for column in search.columns)
    sorts = [(column, output) for column, output in zip(search.columns, outputs, strict=True) if column.sort]
    order = [ordering(output, str(column.sort)) for column, output in sorts]
    names = [column.full_name for column, _ in sorts]
    if not any(column.name == "internalid" and not column.join for column, _ in sorts):
        order.append("t.id ASC")
        names.append("internalid")
    source = _source(frame)
    line = "0" if frame.main else "l.line"
    shown = _json_row("'\"' || t.id || '\"'", outputs)
    return Plan(
        values,
        tuple(names),
        keys=f"SELECT t.id, {line} FROM {source} WHERE {where} ORDER BY {', '.join(order)}",
        cells=f"SELECT t.id, {line}, {shown} FROM {source} WHERE {'t.id' if frame.main else 'l.txn'} IN",
        lines=not frame.main,
    )


def _is_main_only(term: Term) -> bool:
    wanted = {"is": ("T", "TRUE"), "isnot": ("F", "FALSE")}.get(term.operator, ())
    return term.name == "mainline" and term.join is None and "".join(term.values).upper() in wanted


def _source(frame: Frame) -> str:
    return "txn t" if frame.main else f"({line_rows()}) l JOIN txn t ON t.id = l.txn"


def _json_row(key: str, outputs: tuple[Output, ...]) -> str:
    """Return SQL that writes a row as JSON: SQLite does so in a fraction of the time that cells in Python take."""
    values, texts = ", ".join(output.value for output in outputs), ", ".join(output.text for output in outputs)
    return (
        f"""'{{"id":' || {key} || ',"values":' || json_array({values}) || ',"texts":' || json_array({texts}) || '}}'"""
    )


def _where(search: Search, node: Node, frame: Frame) -> tuple[str, tuple[object, ...]]:
    sql, values = condition(node, frame)
    if search.record_type == "salesorder":
        sql = f"t.type = 'SalesOrd' AND ({sql})"
    return sql, tuple(values)


def _summary(search: Search, node: Node, frame: Frame) -> Plan:
    """Compile a search that sums up; a column without a summary shows nothing. Every GROUP column is sorted by."""
    having: list[str] = []
    having_values: list[object] = []
    for term in list(plain_terms(node)):
        if term.summary is not None:
            node = without(node, term)
            column = Column(term.name, None, term.join, term.summary.upper(), term.formula, None, None)
            sql, values = term_test(replace(term, summary=None), summed_up(column, frame), frame)
            having.append(sql)
            having_values += values
    where, values_of_where = _where(search, node, frame)
    fields = [summed_up(column, frame) if column.summary else None for column in search.columns]
    outputs = tuple(output_of(field) if field else Output("NULL", "NULL", "NULL") for field in fields)
    grouped = [f.sql for f, column in zip(fields, search.columns, strict=True) if f and column.summary == "GROUP"]
    sorts = [
        (column, output, column.sort or ("ASC" if column.summary == "GROUP" else None))
        for column, output in zip(search.columns, outputs, strict=True)
    ]
    order = [ordering(output, sort) for _, output, sort in sorts if sort]
    row = _json_row("'null'", outputs)
    parts = [
        f"SELECT {row} FROM {_source(frame)} WHERE {where}",
        f"GROUP BY {', '.join(grouped)}" if grouped else "",
        f"HAVING {' AND '.join(having)}" if having else "",
        f"ORDER BY {', '.join(order)}" if order else "",
    ]
    names = tuple(column.full_name for column, _, sort in sorts if sort)
    return Plan((*values_of_where, *having_values), names, groups=" ".join(filter(None, parts)))
