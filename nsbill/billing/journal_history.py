"""Everything the journal has about an order or a run, in one sequence: runs, events, decisions, changes of the lease."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa

from nsbill.billing import journal_tables as t

__all__ = ["Happening", "read_history"]

What = Literal["run", "event", "decision", "holding"]


@dataclass(frozen=True)
class Happening:
    """One row of the journal. ``what``: the table it stands in, whose columns are the keys of ``row``."""

    what: What
    at: datetime
    row: dict[str, Any]


def read_history(db: sa.Connection, *, run_id: str | None = None, order: str | None = None) -> list[Happening]:
    """Read what there is on a run, on an order (internal id, number or Amazon order id), or on the order in that run.

    Rows of one table stay in the order in which they were written; between tables the clock decides.
    """
    runs = _rows(db, _runs(run_id, order))
    events = _rows(db, _events(run_id, order))
    decisions = _rows(db, _decisions(order)) if order is not None else []
    holders = {(row["account"], row["fence"]) for row in (*runs, *events) if row["fence"] is not None}
    changes = _rows(db, _take_overs(holders)) if holders else []
    parts = (
        _in_time("run", runs, "started_at"),
        _in_time("holding", changes, "at"),
        _in_time("decision", decisions, "at"),
        _in_time("event", events, "at"),
    )
    return [happening for _, happening in heapq.merge(*parts, key=lambda pair: pair[0])]


def _in_time(what: What, rows: Sequence[dict[str, Any]], column: str) -> Iterator[tuple[datetime, Happening]]:
    """Each row with a time that never goes back: a clock may have been set back meanwhile."""
    latest: datetime | None = None
    for row in rows:
        at = row[column]
        latest = at if latest is None or at > latest else latest
        yield latest, Happening(what, at, row)


def _rows(db: sa.Connection, query: sa.Select[Any]) -> list[dict[str, Any]]:
    return [dict(row) for row in db.execute(query).mappings()]


def _runs(run_id: str | None, order: str | None) -> sa.Select[Any]:
    """Runs, oldest first, beside what each planned for the order (without an order: beside nothing)."""
    number = sa.select(sa.func.count()).where(t.planned.c.run_id == t.run.c.run_id).correlate(t.run).scalar_subquery()
    columns = [t.run.c[name] for name in ("run_id", "account", "started_at", "fingerprint", "who", "fence")]
    query = sa.select(*columns, number.label("planned"))
    if order is not None:
        names = ("record_type", "part", "external_id", "currency", "amount", "sales_order_number", "amazon_order_id")
        plans = t.planned.alias("plans")
        query = query.add_columns(*(plans.c[name] for name in names))
        query = query.join(plans, plans.c.run_id == t.run.c.run_id).where(_is_order(plans, order))
    if run_id is not None:
        query = query.where(t.run.c.run_id == run_id)
    return query.order_by(sa.func.coalesce(t.run.c.number, 0), t.run.c.started_at)


def _events(run_id: str | None, order: str | None) -> sa.Select[Any]:
    """Events, oldest first; of an order, with what is said about its runs as a whole."""
    query = t.events_query()
    if run_id is not None:
        query = query.where(t.event.c.run_id == run_id)
    if order is not None:
        its_runs = sa.select(t.planned.c.run_id).where(_is_order(t.planned, order))
        of_its_runs = t.event.c.external_id.is_(None) & t.event.c.run_id.in_(its_runs.correlate(None))
        query = query.where(_is_order(t.planned, order) | of_its_runs)
    return query


def _decisions(order: str) -> sa.Select[Any]:
    return sa.select(t.decision).where(_is_order(t.decision, order)).order_by(t.decision.c.decision_id)


def _take_overs(holders: set[tuple[str, int]]) -> sa.Select[Any]:
    """Take-overs by these holders, and from them."""
    tokens = sorted({(account, token + after) for account, token in holders for after in (0, 1)})
    chosen = sa.tuple_(t.holding.c.account, t.holding.c.token).in_(tokens)
    return sa.select(t.holding).where(chosen, t.holding.c.kind == "taken over").order_by(t.holding.c.holding_id)


def _is_order(table: sa.FromClause, order: str) -> sa.ColumnElement[bool]:
    names = ("sales_order_id", "sales_order_number", "amazon_order_id")
    return sa.or_(*(table.c[name] == order for name in names))
