"""Planned records as the journal has them: what each is to be, and its latest state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from nsbill.billing import journal_tables as t
from nsbill.billing.plan import Plan
from nsbill.money import exact
from nsbill.vocabulary import Outcome, RecordType

__all__ = ["INTENT", "OPEN_STATES", "REPEATABLE_STATES", "Entry", "PlannedBill"]

INTENT = "intent"
OPEN_STATES = frozenset({INTENT, Outcome.UNKNOWN.value})
"""States in which NetSuite may or may not have the record."""

REPEATABLE_STATES = frozenset({Outcome.REJECTED.value, Outcome.ABSENT.value})
"""States in which NetSuite certainly does not have the record, so that it may be created again."""

PIECE = 500
"""Rows that are read or written at once, so that memory does not grow with the run."""


@dataclass(frozen=True)
class PlannedBill:
    """One billing record that a run is to create."""

    sales_order_id: str
    sales_order_number: str
    amazon_order_id: str
    record_type: RecordType
    part: int
    external_id: str
    transaction_date: date
    currency: str
    amount: Decimal


@dataclass(frozen=True)
class Entry:
    """A planned billing record and its latest state in the journal (``None``: nothing was sent yet).

    ``by_run`` is the run that wrote that state: another run's outcome may be out of date. ``fence`` is the token of the
    lease under which it did. ``fix`` and ``code`` are a refusal's: what may be done about it (``retry``, ``fix-first``,
    ``never``), and NetSuite's word for it. ``event_id`` is the number of the event that says so, 0 for none.
    ``position`` is its place in the run's plan, from 0.
    """

    bill: PlannedBill
    state: str | None
    by_run: str | None
    at: datetime | None
    record_id: str | None
    detail: str | None
    fence: int | None = None
    fix: str | None = None
    code: str | None = None
    event_id: int = 0
    position: int = 0


def read_entries(db: sa.Connection, query: sa.Select[Any]) -> list[Entry]:
    """Run a query made of ``journal_tables.entries_query``."""
    return [_entry(row) for row in db.execute(query).mappings()]


def piece_after(run_id: str, position: int, states: Collection[str] | None) -> sa.Select[Any]:
    """Ask for the next few planned records of a run behind ``position``, with one of these states, or any."""
    query = t.entries_query().where(t.planned.c.run_id == run_id, t.planned.c.position > position)
    if states is not None:
        query = query.where(t.latest_event.c.kind.in_(states))
    return query.order_by(t.planned.c.position).limit(PIECE)


def count_states(db: sa.Connection, run_id: str) -> Counter[tuple[str | None, bool]]:
    """Count a run's planned records by latest state, and by whether this run wrote that state."""
    found = db.execute(t.states_query().where(t.planned.c.run_id == run_id))
    counts: Counter[tuple[str | None, bool]] = Counter()
    for kind, by_run, number in found:
        counts[kind, by_run == run_id] += number
    return counts


def planned_rows(plan: Plan, run_id: str) -> Iterator[list[dict[str, Any]]]:
    """Write a plan as rows of the table ``planned``, in pieces."""
    names = [c.name for c in t.planned.columns if c.name not in {"position", "run_id", "account", "amount"}]
    for start in range(0, len(plan.to_bill), PIECE):
        piece = pa.Table.from_pandas(
            plan.to_bill.iloc[start : start + PIECE][[*names, "amount"]], preserve_index=False
        ).to_pylist()
        for position, row in enumerate(piece, start):
            row |= {"run_id": run_id, "position": position, "account": plan.account, "amount": str(row["amount"])}
        yield piece


def _entry(row: sa.RowMapping) -> Entry:
    return Entry(
        PlannedBill(
            sales_order_id=row["sales_order_id"],
            sales_order_number=row["sales_order_number"],
            amazon_order_id=row["amazon_order_id"],
            record_type=RecordType(row["record_type"]),
            part=row["part"],
            external_id=row["external_id"],
            transaction_date=row["transaction_date"],
            currency=row["currency"],
            amount=exact(row["amount"]),
        ),
        state=row["kind"],
        by_run=row["by_run"],
        at=row["at"],
        record_id=row["record_id"],
        detail=row["detail"],
        fence=row["fence"],
        fix=row["fix"],
        code=row["code"],
        event_id=row["event_id"] or 0,
        position=row["position"],
    )
