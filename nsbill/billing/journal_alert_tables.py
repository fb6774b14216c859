"""Tables of alerts, in the journal's database: what was looked at, incidents that opened and closed, and who was told.

Like the journal's, rows are only ever added; what holds now is derived from the latest events.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from nsbill.billing.journal_schedule_tables import slot_event
from nsbill.billing.journal_tables import Instant, metadata

__all__ = [
    "ALERT_TABLES",
    "alert_look",
    "incident_event",
    "newest_incident_events_query",
    "newest_sendings_query",
    "sending_event",
    "unseen_ends_query",
]

alert_look = sa.Table(
    "alert_look",
    metadata,
    sa.Column("look_id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("slot_event_id", sa.ForeignKey("slot_event.event_id"), nullable=False, unique=True),
    sa.Column("account", sa.String, nullable=False),
    sa.Column("seller_account", sa.String, nullable=False),
    sa.Column("job", sa.String, nullable=False),
    sa.Column("alerts", sa.Text, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("host", sa.String, nullable=False),
    sa.Column("pid", sa.Integer, nullable=False),
    sa.Index("alert_look_by_job", "account", "seller_account", "job", "slot_event_id"),
)
"""Each end of a slot (ended, lost, missed) that the alerts were held against; ``alerts``: their names, as JSON. An end is
looked at once, since no two rows may name the same: whoever was faster has opened and closed what had to be."""

incident_event = sa.Table(
    "incident_event",
    metadata,
    sa.Column("event_id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("account", sa.String, nullable=False),
    sa.Column("seller_account", sa.String, nullable=False),
    sa.Column("alert", sa.String, nullable=False),
    sa.Column("rule", sa.String, nullable=False),
    sa.Column("job", sa.String, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("seen_by", sa.String, nullable=False),
    sa.Column("folder", sa.Text),
    sa.Column("sentence", sa.Text, nullable=False),
    sa.Column("facts", sa.Text, nullable=False),
    sa.Column("next_step", sa.Text, nullable=False),
    sa.Column("follows", sa.Integer, nullable=False),
    sa.Index(
        "incident_event_by_what_it_follows",
        "account",
        "seller_account",
        "alert",
        "job",
        "subject",
        "follows",
        unique=True,
    ),
)
"""An incident is an alert and a subject; ``job`` is empty where it is about the account. ``kind``: ``opened``, ``closed``.
``seen_by``: the job whose run showed it. ``facts``: names and texts, as JSON. ``follows``: the event before it of the same
incident, 0 for the first: since no two may follow the same one, it opens once, whoever sees it."""

sending_event = sa.Table(
    "sending_event",
    metadata,
    sa.Column("sending_id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("event_id", sa.ForeignKey("incident_event.event_id"), nullable=False),
    sa.Column("route", sa.String, nullable=False),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("message", sa.String, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("host", sa.String, nullable=False),
    sa.Column("pid", sa.Integer, nullable=False),
    sa.Column("detail", sa.Text),
    sa.Column("follows", sa.Integer, nullable=False),
    sa.Index("sending_event_by_what_it_follows", "event_id", "route", "follows", unique=True),
    sa.Index("sending_event_by_kind", "kind", "sending_id"),
)
"""What became of telling one incident's event by one route: ``due``, ``sending``, then ``sent`` or ``failed``, which may be
followed by ``sending`` again; ``uncertain``: twice a process ended while sending. ``message``: the message that it was told
in; empty while it is due. ``follows``: as above, so that no two processes send the same."""

ALERT_TABLES = (alert_look, incident_event, sending_event)


def unseen_ends_query(account: str, seller_account: str, job: str, *, after: int) -> sa.Select[Any]:
    """Ends of a job's slots after an event that no alerts were held against, oldest first."""
    seen = sa.exists().where(alert_look.c.slot_event_id == slot_event.c.event_id)
    return (
        sa.select(slot_event)
        .where(
            slot_event.c.event_id > after,
            slot_event.c.account == account,
            slot_event.c.seller_account == seller_account,
            slot_event.c.job == job,
            slot_event.c.kind.in_(("ended", "lost", "missed")),
            ~seen,
        )
        .order_by(slot_event.c.event_id)
    )


def newest_incident_events_query(*which: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """The latest event of each incident that ``which`` chooses, in the order in which they happened."""
    c = incident_event.c
    newest = (
        sa.select(sa.func.max(c.event_id))
        .where(*which)
        .group_by(c.account, c.seller_account, c.alert, c.job, c.subject)
        .scalar_subquery()
    )
    return sa.select(incident_event).where(c.event_id.in_(newest)).order_by(c.event_id)


def newest_sendings_query(*which: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """The latest of each telling that ``which`` chooses (conditions on ``sending_event``), in the order of their events."""
    later = sending_event.alias("later")
    over = sa.exists().where(
        later.c.event_id == sending_event.c.event_id,
        later.c.route == sending_event.c.route,
        later.c.follows == sending_event.c.sending_id,
    )
    return (
        sa.select(sending_event)
        .where(~over, *which)
        .order_by(sending_event.c.event_id, sending_event.c.route, sending_event.c.sending_id)
    )
