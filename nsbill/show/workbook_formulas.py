"""Live formulas out of the schemas: a column whose meaning is ``sale_leg − max(refund_leg, 0)`` is that formula.

The same expression is computed in exact decimals over the whole frame before it is written, so a workbook whose
figures would change when Excel recalculates is never made.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc

from nsbill.errors import ReconcileError
from nsbill.money import MONEY, ZERO
from nsbill.schema import Schema

__all__ = ["Formula", "check_formulas", "formulas_of"]

_TOKEN = re.compile(r"\s*(?:([a-z][a-z0-9_]*)|([−+(),0-]))")
_ZERO = pa.scalar(ZERO, MONEY)
_WIDE = pa.decimal128(36, 2)


@dataclass(frozen=True)
class _Term:
    """A signed part: a column, zero, or the largest or smallest of two sums."""

    sign: int
    name: str
    parts: tuple[tuple[_Term, ...], ...] = ()


@dataclass(frozen=True)
class Formula:
    """What a column is made of: signed columns, with ``max`` and ``min``."""

    text: str
    terms: tuple[_Term, ...]

    @cached_property
    def inputs(self) -> tuple[str, ...]:
        """The columns that it needs."""
        return tuple(dict.fromkeys(_names(self.terms)))

    def excel(self, cell: Callable[[str], str]) -> str:
        """Write it for one row, without the leading ``=``; ``cell`` names the cell of a column."""
        return f"ROUND({_excel(self.terms, cell)},2)"

    def evaluate(self, table: pa.Table) -> pa.ChunkedArray:
        """Compute it in exact decimals; empty where an input is."""
        return _evaluate(self.terms, table)


def formulas_of(schema: Schema) -> dict[str, Formula]:
    """Return the formulas of a schema's amount columns, by column; none of them leads back to itself."""
    found: dict[str, Formula] = {}
    money = frozenset(schema.money)
    for column in schema.columns:
        if column.name not in money:
            continue
        formula = _parsed(column.meaning.split(";")[0], money)
        if formula is not None and not _leads_to(column.name, formula, found):
            found[column.name] = formula
    return found


def check_formulas(table: pa.Table, formulas: Mapping[str, Formula], *, what: str) -> None:
    """Compare each formula with its column, cent by cent.

    Raises
    ------
    ReconcileError
        When a value is not what its formula gives.
    """
    for name, formula in formulas.items():
        made = formula.evaluate(table)
        wrong = pc.fill_null(pc.not_equal(made, table[name].cast(_WIDE)), False)
        at = pc.index(wrong, True).as_py()
        if at >= 0:
            raise ReconcileError(
                f"row {at + 1} of {what} has {name} {table[name][at].as_py()}, "
                f"but {formula.text} is {made[at].as_py()} there",
                "Reconcile again; if it stays, report it as a fault of nsbill.",
            )


def _leads_to(name: str, formula: Formula, found: Mapping[str, Formula]) -> bool:
    """Whether the formula needs ``name`` itself, directly or through other formulas."""
    ahead, seen = list(formula.inputs), set[str]()
    while ahead:
        needed = ahead.pop()
        if needed == name:
            return True
        if needed not in seen and needed in found:
            ahead += found[needed].inputs
        seen.add(needed)
    return False


def _parsed(text: str, columns: frozenset[str]) -> Formula | None:
    """Read a text as a formula over these columns; None when it is prose, or a column alone."""
    tokens = _tokens(text.strip())
    if tokens is None:
        return None
    reader = _Reader(tokens, columns)
    terms = reader.sum()
    if terms is None or reader.at != len(tokens) or (len(terms) == 1 and terms[0].sign > 0 and not terms[0].parts):
        return None
    return Formula(text.strip(), terms)


def _tokens(text: str) -> list[str] | None:
    tokens, at = [], 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            return None
        tokens.append((match[1] or match[2]).replace("−", "-"))
        at = match.end()
    return tokens


class _Reader:
    """Reads ``sum := [sign] term {sign term}; term := column | 0 | max(sum, sum) | min(sum, sum)``."""

    def __init__(self, tokens: list[str], columns: frozenset[str]) -> None:
        self.tokens, self.columns, self.at = tokens, columns, 0

    def sum(self) -> tuple[_Term, ...] | None:
        terms = []
        sign = self._sign() or 1
        while sign:
            term = self._term(sign)
            if term is None:
                return None
            terms.append(term)
            sign = self._sign()
        return tuple(terms)

    def _term(self, sign: int) -> _Term | None:
        name = self._next()
        if name == "0" or name in self.columns:
            return _Term(sign, name)
        if name not in {"max", "min"} or self._next() != "(":
            return None
        first = self.sum()
        comma = self._next()
        second = self.sum()
        if first is None or second is None or comma != "," or self._next() != ")":
            return None
        return _Term(sign, name, (first, second))

    def _sign(self) -> int:
        """The sign that stands here, or 0."""
        here = self.tokens[self.at] if self.at < len(self.tokens) else ""
        if here not in {"+", "-"}:
            return 0
        self.at += 1
        return 1 if here == "+" else -1

    def _next(self) -> str:
        self.at += 1
        return self.tokens[self.at - 1] if self.at <= len(self.tokens) else ""


def _names(terms: tuple[_Term, ...]) -> Iterator[str]:
    for term in terms:
        if term.parts:
            for part in term.parts:
                yield from _names(part)
        elif term.name != "0":
            yield term.name


def _excel(terms: tuple[_Term, ...], cell: Callable[[str], str]) -> str:
    texts = []
    for at, term in enumerate(terms):
        inside = ",".join(_excel(part, cell) for part in term.parts)
        value = f"{term.name.upper()}({inside})" if term.parts else "0" if term.name == "0" else cell(term.name)
        texts.append(f"{'-' if term.sign < 0 else '+' if at else ''}{value}")
    return "".join(texts)


def _evaluate(terms: tuple[_Term, ...], table: pa.Table) -> pa.ChunkedArray:
    total = pa.chunked_array([pa.nulls(table.num_rows, _WIDE).fill_null(ZERO)], _WIDE)
    for term in terms:
        value = _value(term, table)
        total = (pc.add if term.sign > 0 else pc.subtract)(total, value).cast(_WIDE)
    return total


def _value(term: _Term, table: pa.Table) -> pa.ChunkedArray | pa.Scalar:
    if not term.parts:
        return _ZERO if term.name == "0" else table[term.name]
    first, second = (_evaluate(part, table) for part in term.parts)
    picks_first = pc.greater_equal(first, second) if term.name == "max" else pc.less_equal(first, second)
    return pc.if_else(picks_first, first, second)
