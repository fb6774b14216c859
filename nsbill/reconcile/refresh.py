"""A statement brought up to date: the orders that something touched since are made again, the others stay as they are.

For statements of many millions of orders, of which a month touches few. What is made is exactly what ``reconcile`` would make.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import narwhals as nw
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from nsbill.errors import ReconcileError
from nsbill.reconcile.books import read_books
from nsbill.reconcile.compare import Inputs, book_frames
from nsbill.reconcile.engine import Frame, arrow_of, lines_of, records_of
from nsbill.reconcile.engine_duckdb import DuckEngine
from nsbill.reconcile.into_files import Terms, beside, new_folder, write_small, write_statement
from nsbill.reconcile.rules import EPOCH, ReconcileRules
from nsbill.reconcile.settled import check_lines, closed_settlements, read_settled
from nsbill.reconcile.statement import StatementAlone, statement_alone
from nsbill.reconcile.touched import Moved, Sources, only_touched, touched_orders
from nsbill.schema import TEXT, Column, Schema
from nsbill.schemas import (
    ACTIVITY,
    SETTLEMENTS,
    STATEMENT,
)
from nsbill.vocabulary import ReceiptBasis

__all__ = ["CHANGED", "RefreshedStatement", "refresh_statement"]

CHANGED = Schema("changed orders", (Column("amazon_order_id", TEXT, "Amazon order id"),))
"""Orders of which the books have changed; an id may stand several times."""

_WHOLE = "Reconcile into a new folder"
_LONG_AGO = -1_000_000
"""A day number before all others."""


@dataclass(frozen=True)
class RefreshedStatement:
    """The statement of ``as_of``: the rows of ``base`` without the ``touched`` orders, and those orders' own in ``folder``."""

    folder: Path
    base: Path
    as_of: date
    touched: int
    rows: int

    def frame(self) -> pd.DataFrame:
        """Read all of it into memory (schema STATEMENT), in no order."""
        with DuckEngine() as engine:
            return STATEMENT.from_arrow(engine.read(self._whole(engine)))

    def write(self, path: Path, *, memory: str | None = None) -> None:
        """Write all of it to one Parquet file."""
        with beside(path) as spill, DuckEngine(memory=memory, spill=spill) as engine:
            engine.write(self._whole(engine), path, STATEMENT)

    def _whole(self, engine: DuckEngine) -> Frame:
        older = (self.as_of - Terms.read(self.base).as_of).days
        touched = engine.parquet([self.folder / "touched.parquet"], CHANGED)
        before = engine.parquet([self.base / "statement.parquet"], STATEMENT)
        kept = before.join(touched, on="amazon_order_id", how="anti").with_columns(
            age_days=(nw.col("age_days") + older).cast(nw.Int64)
        )
        again = engine.parquet([self.folder / "statement.parquet"], STATEMENT)
        return nw.concat([kept.select(*STATEMENT.names), again.select(*STATEMENT.names)])


def refresh_statement(
    folder: Path,
    base: Path,
    inputs: Inputs,
    rules: ReconcileRules,
    *,
    changed: pd.DataFrame,
    memory: str | None = None,
) -> RefreshedStatement:
    """Bring the statement of ``base`` (a folder of ``reconcile_into``) up to date, in a new ``folder``.

    ``inputs`` are all of them, as they are now. ``changed`` (schema CHANGED) names the orders of which a sales order, a billing
    record, a credit or an application is new, changed or gone since ``base`` was made. What is found without being told: new
    and changed settlements, documents that come to count because the as-of date is later, and orders that were not closed.

    Raises
    ------
    SchemaError
        When an input is not of its schema.
    ReconcileError
        When ``base`` was made by other rules or of more settlements, so that it has to be made again, and as
        ``reconcile_into``.
    """
    with new_folder(folder, memory=memory) as (partial, engine):
        terms, now = Terms.read(base), Terms.of(inputs, rules)
        _can_be_refreshed(terms, now, rules)
        sources = Sources.of(engine, **book_frames(engine, inputs), lines=lines_of(engine, inputs.lines))
        settlements = arrow_of(inputs.settlements, SETTLEMENTS)
        closed = closed_settlements(settlements, rules)
        new, moved = _what_is_new(base, closed, rules)
        told = settlements.filter(pc.is_in(settlements["settlement_id"], pa.array(new, TEXT)))
        own_lines = sources.lines.filter(nw.col("settlement_id").is_in(new))
        check_lines(engine, lines=own_lines, settlements=told, rules=rules)
        more = [records_of(engine, changed, CHANGED)]
        activity = None if inputs.activity is None else arrow_of(inputs.activity, ACTIVITY)
        if activity is not None:
            more.append(engine.frame(activity).select("amazon_order_id"))
        touched = touched_orders(
            engine,
            base=engine.parquet([base / "statement.parquet"], STATEMENT),
            sources=sources,
            new_settlements=new,
            moved=moved,
            days=((terms.as_of - EPOCH).days, rules.as_of_day),
            changed=more,
        )
        rows = _rows_again(engine, only_touched(engine, sources, touched), settlements, touched, activity, rules)
        write_statement(engine, rows, partial)
        found = engine.read(touched)
        write_small({"touched": found, "settlements": closed.select(SETTLEMENTS.names)}, partial)
        now.write(partial)
        count = pq.read_metadata(partial / "statement.parquet").num_rows
    return RefreshedStatement(folder, base, rules.as_of, found.num_rows, count)


def _can_be_refreshed(before: Terms, now: Terms, rules: ReconcileRules) -> None:
    if rules.basis is not ReceiptBasis.SETTLED:
        raise ReconcileError(f"a statement on the basis '{rules.basis}' cannot be refreshed", _WHOLE)
    if now.as_of < before.as_of:
        raise ReconcileError(f"the statement is of {before.as_of}, which is after {now.as_of}", _WHOLE)
    differ = [name for name in ("rules", "known", "nsbill") if getattr(before, name) != getattr(now, name)]
    if differ:
        raise ReconcileError(f"the statement was made by other terms ({', '.join(differ)})", _WHOLE)


def _what_is_new(base: Path, closed: pa.Table, rules: ReconcileRules) -> tuple[list[str], dict[str, Moved]]:
    """The settlements whose orders are looked at again, and per currency the expected days that they may have moved."""
    before = closed_settlements(pq.read_table(base / "settlements.parquet").cast(SETTLEMENTS.arrow), rules)
    was = {row["settlement_id"]: row for row in before.to_pylist()}
    is_ = {row["settlement_id"]: row for row in closed.to_pylist()}
    gone = sorted(was.keys() - is_.keys())
    if gone:
        raise ReconcileError(f"settlement {gone[0]} was counted and is not there any more", _WHOLE)
    new = [name for name, row in is_.items() if row != was.get(name) or row["close_day"] is None]
    ends_before, ends = _ends(was.values()), _ends(is_.values())
    if any(days - ends[code] for code, days in ends_before.items()):
        raise ReconcileError("the period of a settlement that was counted has another end", _WHOLE)
    return new, {code: _moved(ends_before.get(code, set()), days) for code, days in ends.items()}


def _moved(before: set[int], now: set[int]) -> Moved:
    """The expected days that new ends of periods may have moved: the next end after each; beyond the last, all."""
    known = sorted(before)
    places = [bisect_left(known, day) for day in now - before]
    beyond = (known[-1] if known else _LONG_AGO) if len(known) in places else None
    return Moved(frozenset(known[place] for place in places if place < len(known)), beyond)


def _ends(settlements: Iterable[Mapping[str, Any]]) -> dict[str, set[int]]:
    found: dict[str, set[int]] = {}
    for row in settlements:
        days = found.setdefault(row["currency"], set())
        if row["close_day"] is not None:
            days.add(row["close_day"])
    return found


def _rows_again(
    engine: DuckEngine,
    own: Sources,
    settlements: pa.Table,
    touched: Frame,
    activity: pa.Table | None,
    rules: ReconcileRules,
) -> StatementAlone:
    """The statement rows of the touched orders, from what speaks of them alone."""
    books = read_books(
        engine,
        orders=own.orders,
        billing_records=own.bills,
        credit_records=own.memos,
        applications=own.applications,
        rules=rules,
        statement_only=True,
    )
    settled = read_settled(
        engine,
        lines=own.lines,
        settlements=settlements,
        rules=rules,
        activity=activity,
        whole=False,
        statement_only=True,
    )
    found = statement_alone(engine, books=books, settled=settled, rules=rules)
    return replace(found, rows=found.rows.join(touched, on="amazon_order_id", how="semi"))
