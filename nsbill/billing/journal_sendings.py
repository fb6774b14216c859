"""Who is told of incidents, in the journal: what is due is taken by one process, written down before and after it is sent.

A process that ends between the two leaves it uncertain whether the message got out. It is then sent once more, saying
that it may be a repetition: of money that is wrong it is better to hear twice than never. If that ends the same way it
stays ``uncertain``, is shown as such, and is not sent again.
"""

from __future__ import annotations

import os
import platform
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from nsbill.billing import journal_alert_tables as a
from nsbill.billing.journal_lease import clock, is_gone
from nsbill.billing.journal_writer import Transaction, Writer

__all__ = ["Sending", "SendingBook"]

_HANGS_AFTER = timedelta(minutes=20)
"""A process that lives and has been sending for longer, or is on another machine, is taken for gone."""
_LONGEST_PAUSE = 60
"""Minutes between tries, at most; they begin with one and double."""


@dataclass(frozen=True)
class Sending:
    """A message that this process is to send now: events of incidents of one alert, by one route.

    ``number`` is the message's own, the same when it is tried again. ``repeats``: it may have been sent before.
    """

    route: str
    number: str
    events: Sequence[Mapping[str, Any]]
    repeats: bool
    chain: Mapping[int, int]
    """Each event with the row that the next one is to follow."""


class SendingBook:
    """The tellings of one journal."""

    def __init__(self, reading: sa.Engine, writer: Writer) -> None:
        self._reading, self._writer = reading, writer

    def take(self, routes: Collection[str], *, now_too: bool = False, but: Collection[str] = ()) -> Sending | None:
        """Take the next message that is to be sent by one of ``routes``; ``None``: nothing is to be sent now.

        ``now_too``: also what failed a moment ago and would be tried later. ``but``: numbers of messages to leave alone.
        """
        if not self._pending(routes):
            return None

        def step(to: Transaction) -> Sending | None:
            now = clock(to.db)
            rows = [dict(row) for row in to.db.execute(_pending_query(routes)).mappings()]
            for group in _groups(rows, now, now_too=now_too, but=but):
                taken = self._claim(to.db, group)
                if taken is not None:
                    return taken
            return None

        return self._writer.write_alone(step)

    def done(self, sending: Sending, *, sent: bool, detail: str | None) -> None:
        """Write down that a message was sent, or that it failed and why."""

        def step(to: Transaction) -> None:
            for event_id, follows in sending.chain.items():
                _add(to.db, event_id, sending.route, "sent" if sent else "failed", sending.number, follows, detail)

        self._writer.write_alone(step)

    def of(self, event_ids: Collection[int]) -> list[Mapping[str, Any]]:
        """How the tellings of these events stand, and how often each was tried."""
        if not event_ids:
            return []
        with self._reading.connect() as db:
            rows = db.execute(a.newest_sendings_query(a.sending_event.c.event_id.in_(event_ids))).mappings()
            return [{**row, "tries": _count(db, dict(row), "sending")} for row in rows]

    def waiting(self) -> list[Mapping[str, Any]]:
        """Every telling that has not been sent: due, failed, being sent, or uncertain; with its incident's event."""
        with self._reading.connect() as db:
            return [dict(row) for row in db.execute(_pending_query(None)).mappings()]

    def _pending(self, routes: Collection[str]) -> bool:
        with self._reading.connect() as db:
            return db.execute(_pending_query(routes).limit(1)).first() is not None

    @staticmethod
    def _claim(db: sa.Connection, group: list[dict[str, Any]]) -> Sending | None:
        """Write down that this process sends the group; what ended twice without a word becomes uncertain instead."""
        rows = []
        for row in group:
            if row["kind"] == "sending" and _count(db, row, "sending") > _count(db, row, "failed") + 1:
                why = "twice a process ended while it was sending this; it may have been received or not"
                _add(db, row["event_id"], row["route"], "uncertain", row["message"], row["sending_id"], why)
            else:
                rows.append(row)
        if not rows:
            return None
        number = rows[0]["message"] or uuid.uuid4().hex
        chain = {
            row["event_id"]: _add(db, row["event_id"], row["route"], "sending", number, row["sending_id"], None)
            for row in rows
        }
        events = db.execute(
            sa.select(a.incident_event)
            .where(a.incident_event.c.event_id.in_(chain))
            .order_by(a.incident_event.c.event_id)
        )
        repeats = any(row["kind"] == "sending" for row in rows)
        return Sending(rows[0]["route"], number, [dict(row) for row in events.mappings()], repeats, chain)


def _pending_query(routes: Collection[str] | None) -> sa.Select[Any]:
    kinds = ("due", "failed", "sending") if routes is not None else ("due", "failed", "sending", "uncertain")
    which = [a.sending_event.c.kind.in_(kinds)]
    which += [a.sending_event.c.route.in_(routes)] if routes is not None else []
    newest = a.newest_sendings_query(*which).subquery("newest")
    c = a.incident_event.c
    tries = (
        sa.select(sa.func.count())
        .where(
            a.sending_event.c.event_id == newest.c.event_id,
            a.sending_event.c.route == newest.c.route,
            a.sending_event.c.kind == "failed",
        )
        .scalar_subquery()
    )
    joined = newest.join(a.incident_event, c.event_id == newest.c.event_id)
    about = [c[name] for name in ("account", "seller_account", "alert", "rule", "job", "subject", "sentence")]
    columns: list[Any] = [newest, tries.label("failures"), *about, c.kind.label("incident_kind")]
    return sa.select(*columns).select_from(joined).order_by(newest.c.event_id, newest.c.route)


def _groups(
    rows: Sequence[dict[str, Any]], now: datetime, *, now_too: bool, but: Collection[str]
) -> list[list[dict[str, Any]]]:
    """What goes into one message: what failed together again together, what is new by route, alert and kind."""
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in rows:
        if row["message"] in but or not (_is_time(row, now) or (now_too and row["kind"] == "failed")):
            continue
        who = (row["account"], row["seller_account"], row["alert"], row["job"], row["incident_kind"])
        groups.setdefault((row["route"], row["message"], *who), []).append(row)
    return list(groups.values())


def _is_time(row: Mapping[str, Any], now: datetime) -> bool:
    if row["kind"] == "due":
        return True
    passed: timedelta = now - row["at"]
    if row["kind"] == "sending":
        return passed > _HANGS_AFTER or is_gone(row["host"], row["pid"])
    pause = timedelta(minutes=min(2 ** min(row["failures"] - 1, 10), _LONGEST_PAUSE))
    return passed >= pause or passed < timedelta()  # a clock was set back


def _count(db: sa.Connection, row: Mapping[str, Any], kind: str) -> int:
    c = a.sending_event.c
    same = (c.event_id == row["event_id"], c.route == row["route"], c.kind == kind)
    return int(db.execute(sa.select(sa.func.count()).where(*same)).scalar_one())


def _add(
    db: sa.Connection, event_id: int, route: str, kind: str, message: str, follows: int, detail: str | None
) -> int:
    row = {"event_id": event_id, "route": route, "kind": kind, "message": message, "follows": follows}
    row |= {"detail": detail, "at": clock(db), "host": platform.node(), "pid": os.getpid()}
    return int(db.execute(a.sending_event.insert().returning(a.sending_event.c.sending_id), row).scalar_one())
