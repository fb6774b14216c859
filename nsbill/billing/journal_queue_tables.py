"""Tables of the exception queue, in the journal's database, and the queries that read them.

Like the journal's, rows are only ever added; what holds now is derived from the latest events.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from nsbill.billing.journal_tables import Instant, metadata

__all__ = [
    "FOUND_KINDS",
    "GONE",
    "QUEUE_TABLES",
    "history_query",
    "newest_event_query",
    "newest_taking_query",
    "of_seller",
    "positions_query",
    "queue_event",
    "queue_item",
    "queue_taking",
    "standing_query",
    "touched_query",
]

FOUND_KINDS = ("seen", "changed", "re-opened")
"""Events of a reconciliation that found the exception; they carry amount, evidence and action."""
GONE = "gone"

queue_taking = sa.Table(
    "queue_taking",
    metadata,
    sa.Column("taking_id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("account", sa.String, nullable=False),
    sa.Column("seller_account", sa.String, nullable=False),
    sa.Column("as_of", sa.Date, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("who", sa.String, nullable=False),
    sa.Column("exceptions", sa.Integer, nullable=False),
    sa.Column("digest", sa.String, nullable=False),
    sa.Column("follows", sa.Integer, nullable=False),
    sa.Index("queue_taking_by_what_it_follows", "account", "seller_account", "follows", unique=True),
)
"""Each reconciliation that was taken in. ``digest``: SHA-256 of what it found. ``follows``: the one before of the same
account and seller account, 0 for the first: no two can follow the same, so none is taken in on what is outdated by then."""

queue_item = sa.Table(
    "queue_item",
    metadata,
    sa.Column("item_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("account", sa.String, nullable=False),
    sa.Column("seller_account", sa.String, nullable=False),
    sa.Column("identity", sa.String, nullable=False),
    sa.Column("exception_class", sa.String, nullable=False),
    sa.Column("amazon_order_id", sa.String, index=True),
    sa.Column("settlement_id", sa.String),
    sa.Column("reference", sa.Text),
    sa.Column("currency", sa.String, nullable=False),
    sa.Index("queue_item_by_identity", "account", "identity", unique=True),
)
"""Each exception, once. ``identity``: SHA-256 of what tells it from every other one, the columns behind it."""

queue_event = sa.Table(
    "queue_event",
    metadata,
    sa.Column("event_id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("item_id", sa.ForeignKey("queue_item.item_id"), nullable=False),
    sa.Column("taking_id", sa.ForeignKey("queue_taking.taking_id")),
    sa.Column("at", Instant, nullable=False),
    sa.Column("who", sa.String, nullable=False),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("amount", sa.String),
    sa.Column("evidence", sa.Text),
    sa.Column("action", sa.Text),
    sa.Column("state", sa.String),
    sa.Column("owner", sa.String),
    sa.Column("note", sa.Text),
    sa.Column("follows", sa.Integer, nullable=False),
    sa.Index("queue_event_by_what_it_follows", "item_id", "follows", unique=True),
)
"""What happened to an exception: ``seen``, ``changed``, ``gone``, ``re-opened`` by a reconciliation (which sets
``taking_id``); ``assigned``, ``state``, ``note`` by people. A column that an event says nothing about is empty;
``owner`` is an empty text when nobody is the owner any more. ``follows``: the event before it of the same exception."""

QUEUE_TABLES = (queue_taking, queue_item, queue_event)


def newest_taking_query(account: str, seller_account: str) -> sa.Select[Any]:
    """The reconciliation that was taken in last, of an account and seller account."""
    mine = (queue_taking.c.account == account) & (queue_taking.c.seller_account == seller_account)
    return sa.select(queue_taking).where(mine).order_by(queue_taking.c.taking_id.desc()).limit(1)


def newest_event_query() -> sa.Select[Any]:
    """The number of the latest event; 0 when there is none. Writers wait for each other, so that a later one is larger."""
    return sa.select(sa.func.coalesce(sa.func.max(queue_event.c.event_id), 0))


def touched_query(event_id: int) -> sa.Select[Any]:
    """The numbers of the exceptions that have events after this one."""
    return sa.select(queue_event.c.item_id).where(queue_event.c.event_id > event_id).distinct()


def of_seller(account: str, seller_account: str) -> tuple[sa.ColumnElement[bool], ...]:
    """The conditions under which an exception is one of a seller account."""
    return queue_item.c.account == account, queue_item.c.seller_account == seller_account


def positions_query(*which: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """Chosen exceptions with what the next reconciliation is compared with; ``latest``: the latest one's event."""
    latest = _latest_events(which)
    of = {name: queue_event.alias(f"{name}_event") for name in ("state", "amount", "taken")}
    joined = queue_item.join(latest, latest.c.item_id == queue_item.c.item_id)
    for name, event in of.items():
        joined = joined.join(event, event.c.event_id == latest.c[name])
    return sa.select(
        queue_item.c.item_id,
        queue_item.c.identity,
        queue_item.c.exception_class,
        queue_item.c.amazon_order_id,
        queue_item.c.settlement_id,
        of["amount"].c.amount,
        of["amount"].c.evidence,
        of["state"].c.state,
        of["taken"].c.kind.label("latest"),
        latest.c.last.label("last_event_id"),
    ).select_from(joined)


def standing_query(*which: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """Chosen exceptions as they stand now, in the order of their numbers; ``which``: conditions on ``queue_item``.

    One pass over their events finds the latest that speaks of state, amount, owner, note; each is then looked up.
    """
    latest = _latest_events(which)
    of = {name: queue_event.alias(f"{name}_event") for name in ("state", "amount", "owner", "note", "taken", "last")}
    first_taking, taken_in = queue_taking.alias("first_taking"), queue_taking.alias("taken_in")
    joined = queue_item.join(latest, latest.c.item_id == queue_item.c.item_id)
    for name, event in of.items():
        joined = joined.outerjoin(event, event.c.event_id == latest.c[name])
    joined = joined.join(first_taking, first_taking.c.taking_id == latest.c.first_taking)
    joined = joined.join(taken_in, taken_in.c.taking_id == of["taken"].c.taking_id)
    is_gone = of["taken"].c.kind == GONE
    return (
        sa.select(
            queue_item,
            of["amount"].c.amount,
            of["amount"].c.evidence,
            of["amount"].c.action,
            of["state"].c.state,
            sa.func.nullif(of["owner"].c.owner, "").label("owner"),
            of["note"].c.note,
            first_taking.c.as_of.label("first_seen"),
            sa.case((is_gone, taken_in.c.as_of)).label("gone_since"),
            latest.c.times_reopened,
            of["last"].c.at.label("last_event"),
            latest.c.last.label("last_event_id"),
        )
        .select_from(joined)
        .order_by(queue_item.c.item_id)
    )


def history_query(item_id: int) -> sa.Select[Any]:
    """The events of an exception, oldest first, beside the day of the reconciliation that wrote them."""
    joined = queue_event.outerjoin(queue_taking, queue_taking.c.taking_id == queue_event.c.taking_id)
    query = sa.select(queue_event, queue_taking.c.as_of).select_from(joined)
    return query.where(queue_event.c.item_id == item_id).order_by(queue_event.c.event_id)


def _latest_events(which: tuple[sa.ColumnElement[bool], ...]) -> sa.Subquery:
    event = queue_event.alias("each_event")
    columns: dict[str, sa.ColumnElement[Any]] = {
        name: sa.func.max(event.c.event_id).filter(event.c[column].is_not(None))
        for name, column in (("state", "state"), ("amount", "amount"), ("owner", "owner"), ("note", "note"))
    }
    columns["taken"] = sa.func.max(event.c.event_id).filter(event.c.taking_id.is_not(None))
    columns["last"] = sa.func.max(event.c.event_id)
    columns["first_taking"] = sa.func.min(event.c.taking_id)
    columns["times_reopened"] = sa.func.count().filter(event.c.kind == "re-opened")
    query = sa.select(event.c.item_id, *(column.label(name) for name, column in columns.items()))
    query = query.join(queue_item, queue_item.c.item_id == event.c.item_id).where(*which)
    return query.group_by(event.c.item_id).subquery("latest_of_each")
