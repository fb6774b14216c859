"""Tables of the schedule, in the journal's database: what happened to each slot, and to each job as a whole.

Like the journal's, rows are only ever added; what holds now is derived from the latest events.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from nsbill.billing.journal_tables import Instant, metadata

__all__ = [
    "OPEN_KINDS",
    "SCHEDULE_TABLES",
    "job_event",
    "latest_slots_query",
    "newest_event_query",
    "of_job",
    "slot_event",
]

OPEN_KINDS = ("claimed", "started")
"""Kinds of a slot whose run is under way, or whose process is gone."""

slot_event = sa.Table(
    "slot_event",
    metadata,
    sa.Column("event_id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("account", sa.String, nullable=False),
    sa.Column("seller_account", sa.String, nullable=False),
    sa.Column("job", sa.String, nullable=False),
    sa.Column("slot", Instant, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("origin", sa.String, nullable=False),
    sa.Column("host", sa.String, nullable=False),
    sa.Column("pid", sa.Integer, nullable=False),
    sa.Column("token", sa.Integer),
    sa.Column("status", sa.String),
    sa.Column("run_id", sa.String),
    sa.Column("folder", sa.Text),
    sa.Column("detail", sa.Text),
    sa.Column("follows", sa.Integer, nullable=False),
    sa.Index("slot_event_by_what_it_follows", "account", "seller_account", "job", "slot", "follows", unique=True),
    sa.Index("slot_event_by_origin", "account", "seller_account", "job", "origin", "slot"),
)
"""What happened to a slot, which is a job and an instant: ``claimed``, ``started``, ``ended`` (with ``status``), ``lost``
(its process is gone), ``missed``, ``overlapped``. ``origin``: ``schedule``, ``catch-up``, ``by hand``. ``token``: of the
job's lease under which it was claimed. ``follows``: the event before it of the same slot, 0 for the first: since no two
events may follow the same one, a slot is claimed by one process only, on any database."""

job_event = sa.Table(
    "job_event",
    metadata,
    sa.Column("event_id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("account", sa.String, nullable=False),
    sa.Column("seller_account", sa.String, nullable=False),
    sa.Column("job", sa.String, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("counts_from", Instant, nullable=False),
    sa.Column("who", sa.String, nullable=False),
    sa.Column("detail", sa.Text),
    sa.Index("job_event_by_job", "account", "seller_account", "job"),
)
"""What happened to a job as a whole: ``known`` (``detail``: its timing), ``removed``, ``paused``, ``unpaused``.
``counts_from``: slots up to this instant are nobody's business any more."""

SCHEDULE_TABLES = (slot_event, job_event)


def of_job(table: sa.Table, account: str, seller_account: str, job: str | None = None) -> sa.ColumnElement[bool]:
    """The condition under which a row is about a job; about any job when there is no name."""
    found = (table.c.account == account) & (table.c.seller_account == seller_account)
    return found if job is None else found & (table.c.job == job)


def newest_event_query(account: str, seller_account: str, job: str, slot: Any) -> sa.Select[Any]:
    """The latest event of one slot."""
    mine = of_job(slot_event, account, seller_account, job) & (slot_event.c.slot == slot)
    return sa.select(slot_event).where(mine).order_by(slot_event.c.event_id.desc()).limit(1)


def latest_slots_query(*which: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """The latest event of each slot that ``which`` chooses, the newest slot first; and when its first one was."""
    newest = (
        sa.select(sa.func.max(slot_event.c.event_id).label("last"), sa.func.min(slot_event.c.event_id).label("first"))
        .where(*which)
        .group_by(slot_event.c.account, slot_event.c.seller_account, slot_event.c.job, slot_event.c.slot)
        .subquery("newest")
    )
    first = slot_event.alias("first_event")
    joined = newest.join(slot_event, slot_event.c.event_id == newest.c.last)
    joined = joined.join(first, first.c.event_id == newest.c.first)
    return (
        sa.select(slot_event, first.c.at.label("began_at"))
        .select_from(joined)
        .order_by(slot_event.c.slot.desc(), slot_event.c.job)
    )
