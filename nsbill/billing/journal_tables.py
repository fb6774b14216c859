"""Tables of the journal (SQLAlchemy Core), and the queries that read them.

Rows of ``run``, ``planned``, ``event``, ``holding`` and ``decision`` are only ever added: the database itself refuses to
change or remove one. ``lease`` has one row for each account, which says who bills it now.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

__all__ = [
    "APPEND_ONLY",
    "VERSION",
    "Instant",
    "entries_query",
    "events_query",
    "metadata",
    "newest_run_first",
    "runs_query",
    "states_query",
]

VERSION = 5
"""Version of the tables; ``journal_opening`` brings an older journal up to it."""


class Instant(sa.types.TypeDecorator[datetime]):
    """An instant in UTC; SQLite forgets the zone, so it is put back on reading."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Write it in UTC."""
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Read it as UTC."""
        return value.replace(tzinfo=UTC) if value and value.tzinfo is None else value


metadata = sa.MetaData()
journal_meta = sa.Table("journal_meta", metadata, sa.Column("version", sa.Integer, nullable=False))
run = sa.Table(
    "run",
    metadata,
    sa.Column("run_id", sa.String, primary_key=True),
    sa.Column("account", sa.String, nullable=False),
    sa.Column("started_at", Instant, nullable=False),
    sa.Column("fingerprint", sa.String, nullable=False),
    sa.Column("settings", sa.Text, nullable=False),
    sa.Column("who", sa.String, nullable=False),
    sa.Column("fence", sa.Integer),
    sa.Column("number", sa.Integer),
    sa.Index("run_by_number", "number", unique=True),
)
"""``number`` says which run is the newer one, whatever the clocks said; runs of version 1 have none."""

planned = sa.Table(
    "planned",
    metadata,
    sa.Column("run_id", sa.ForeignKey("run.run_id"), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("account", sa.String, nullable=False),
    sa.Column("sales_order_id", sa.String, nullable=False),
    sa.Column("sales_order_number", sa.String, nullable=False),
    sa.Column("amazon_order_id", sa.String, nullable=False, index=True),
    sa.Column("record_type", sa.String, nullable=False),
    sa.Column("part", sa.Integer, nullable=False),
    sa.Column("external_id", sa.String, nullable=False, index=True),
    sa.Column("transaction_date", sa.Date, nullable=False),
    sa.Column("currency", sa.String, nullable=False),
    sa.Column("amount", sa.String, nullable=False),
    sa.UniqueConstraint("run_id", "external_id"),
)
event = sa.Table(
    "event",
    metadata,
    sa.Column("event_id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("run_id", sa.ForeignKey("run.run_id"), nullable=False, index=True),
    sa.Column("account", sa.String, nullable=False),
    sa.Column("external_id", sa.String),
    sa.Column("at", Instant, nullable=False),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("record_id", sa.String),
    sa.Column("detail", sa.Text),
    sa.Column("fence", sa.Integer),
    sa.Column("fix", sa.String),
    sa.Column("code", sa.String),
    sa.Column("follows", sa.Integer),
    sa.Index("event_by_external_id", "account", "external_id"),
    sa.Index("event_by_what_it_follows", "account", "external_id", "follows", unique=True),
)
"""``fence``: token of the lease under which it was written. ``fix``, ``code``: of a refusal, what may be done and
NetSuite's word. ``follows``: the event before it of the same external id, 0 for the first: since no two events may follow
the same one, an intent that was decided on what has changed meanwhile cannot be written, on any database."""

lease = sa.Table(
    "lease",
    metadata,
    sa.Column("account", sa.String, primary_key=True),
    sa.Column("token", sa.Integer, nullable=False),
    sa.Column("host", sa.String),
    sa.Column("pid", sa.Integer),
    sa.Column("since", Instant),
    sa.Column("expires_at", Instant),
)

holding = sa.Table(
    "holding",
    metadata,
    sa.Column("holding_id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("account", sa.String, nullable=False, index=True),
    sa.Column("token", sa.Integer, nullable=False),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("host", sa.String, nullable=False),
    sa.Column("pid", sa.Integer, nullable=False),
    sa.Column("detail", sa.Text),
)
"""The history of the leases: ``taken``, ``taken over`` from a holder that did not give it back, ``given back``."""

decision = sa.Table(
    "decision",
    metadata,
    sa.Column("decision_id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("account", sa.String, nullable=False),
    sa.Column("sales_order_id", sa.String, nullable=False),
    sa.Column("sales_order_number", sa.String),
    sa.Column("amazon_order_id", sa.String),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("author", sa.String, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Index("decision_by_order", "account", "sales_order_id"),
)
"""What people decided about an order: ``exclude``, ``include``; the latest counts."""

APPEND_ONLY = (run, planned, event, holding, decision)

LAST_EVENT = (
    sa.select(event.c.event_id, event.c.kind, event.c.run_id, event.c.fence)
    .where(event.c.account == sa.bindparam("account"), event.c.external_id == sa.bindparam("external_id"))
    .order_by(event.c.event_id.desc())
    .limit(1)
)
EVENT_VALUES = tuple(name for name in event.c.keys() if name not in {"event_id", "at"})  # noqa: SIM118 -- a collection
ADD_EVENT = event.insert().inline()
ADD_EVENT_BY_SERVER_CLOCK = (
    event.insert()
    .inline()
    .values(at=sa.func.clock_timestamp(type_=Instant), **{name: sa.bindparam(name) for name in EVENT_VALUES})
)
"""Made once: they are executed for every create."""

latest_event = event.alias("latest_event")
"""The latest event of a planned record's external id, whatever run wrote it; join it by ``_is_latest``."""

_later = event.alias("later")
_newest = (
    sa.select(sa.func.max(_later.c.event_id))
    .where(_later.c.account == planned.c.account, _later.c.external_id == planned.c.external_id)
    .correlate(planned)  # one look into the index for each planned record: grouping all events first made it quadratic
    .scalar_subquery()
)
_is_latest = latest_event.c.event_id == _newest


def entries_query() -> sa.Select[Any]:
    """Planned records beside the latest event of their external id."""
    columns = [latest_event.c[n] for n in ("event_id", "kind", "at", "record_id", "detail", "fence", "fix", "code")]
    joined = planned.outerjoin(latest_event, _is_latest)
    return sa.select(planned, *columns, latest_event.c.run_id.label("by_run")).select_from(joined)


def states_query() -> sa.Select[Any]:
    """How many planned records have which latest state, written by which run."""
    joined = planned.outerjoin(latest_event, _is_latest)
    by = (latest_event.c.kind, latest_event.c.run_id)
    return sa.select(*by, sa.func.count()).select_from(joined).group_by(*by)


def runs_query() -> sa.Select[Any]:
    """Runs, newest first, with the number of planned records and of each state."""
    joined = run.outerjoin(planned, planned.c.run_id == run.c.run_id).outerjoin(latest_event, _is_latest)
    kinds = ("created", "exists", "rejected", "unknown", "intent", "absent")
    counts = [sa.func.count().filter(latest_event.c.kind == kind).label(kind) for kind in kinds]
    return (
        sa.select(
            run.c.run_id,
            run.c.account,
            run.c.started_at,
            run.c.fingerprint,
            run.c.who,
            run.c.fence,
            sa.func.count(planned.c.external_id).label("planned"),
            *counts,
        )
        .select_from(joined)
        .group_by(run.c.run_id)
        .order_by(*newest_run_first())
    )


def newest_run_first() -> tuple[sa.ColumnElement[Any], ...]:
    """Order runs by number, not by time: clocks are set back. Runs of version 1 have no number and are the oldest."""
    return sa.func.coalesce(run.c.number, 0).desc(), run.c.started_at.desc()


def events_query() -> sa.Select[Any]:
    """Events beside what was planned, oldest first."""
    same = (planned.c.external_id == event.c.external_id) & (planned.c.run_id == event.c.run_id)
    columns = [planned.c[n] for n in ("sales_order_number", "amazon_order_id", "record_type", "currency", "amount")]
    return sa.select(event, *columns).select_from(event.outerjoin(planned, same)).order_by(event.c.event_id)
