"""Tables and queries of the journal (SQLAlchemy Core), its engine, and the lease."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from nsbill.errors import JournalError

__all__ = ["Lease", "drop_lease", "entries_query", "events_query", "open_engine", "runs_query", "take_lease"]

VERSION = 1


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
)
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
    sa.Index("event_by_external_id", "account", "external_id"),
)
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


def open_engine(url: str | sa.URL) -> sa.Engine:
    """Open a journal database, creating its tables; SQLite with write-ahead log and full durability.

    Raises
    ------
    JournalError
        The database is of a newer nsbill, or is no journal.
    """
    engine = sa.create_engine(url)
    if engine.dialect.name == "sqlite":
        _tune_sqlite(engine)
    try:
        with engine.begin() as db:
            metadata.create_all(db)
            version = db.execute(sa.select(journal_meta.c.version)).scalar()
            if version is None:
                db.execute(journal_meta.insert(), {"version": VERSION})
    except sa.exc.DatabaseError as error:
        raise JournalError(f"{engine.url.database} cannot be opened ({error.orig})", "Is it a journal?") from error
    if version is not None and version > VERSION:
        raise JournalError(f"its version {version} is newer than this nsbill's {VERSION}", "Upgrade nsbill.")
    return engine


def _tune_sqlite(engine: sa.Engine) -> None:
    @sa.event.listens_for(engine, "connect")
    def _on_connect(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # transactions are begun below, so that writers queue instead of failing
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "busy_timeout = 30000", "foreign_keys = ON"):
            connection.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def _on_begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def entries_query() -> sa.Select[Any]:
    """Planned records beside the latest event of their external id."""
    columns = [latest_event.c[name] for name in ("kind", "at", "record_id", "detail")]
    joined = planned.outerjoin(latest_event, _is_latest)
    return sa.select(planned, *columns, latest_event.c.run_id.label("by_run")).select_from(joined)


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
            sa.func.count(planned.c.external_id).label("planned"),
            *counts,
        )
        .select_from(joined)
        .group_by(run.c.run_id)
        .order_by(run.c.started_at.desc())
    )


def events_query() -> sa.Select[Any]:
    """Events beside what was planned, oldest first."""
    same = (planned.c.external_id == event.c.external_id) & (planned.c.run_id == event.c.run_id)
    columns = [planned.c[n] for n in ("sales_order_number", "amazon_order_id", "record_type", "currency", "amount")]
    return sa.select(event, *columns).select_from(event.outerjoin(planned, same)).order_by(event.c.event_id)


@dataclass(frozen=True)
class Lease:
    """A held lease; ``token`` grows with every holder, so a holder that lost it can be told."""

    engine: sa.Engine
    account: str
    token: int
    seconds: int

    def renew(self) -> None:
        """Extend the lease, or raise JournalError when another run has taken it."""
        until = datetime.now(UTC) + timedelta(seconds=self.seconds)
        mine = (lease.c.account == self.account) & (lease.c.token == self.token)
        with self.engine.begin() as db:
            changed = db.execute(lease.update().where(mine).values(expires_at=until)).rowcount
        if not changed:
            raise JournalError("another run has taken over this account", "Let it finish, then: nsbill resume.")


def take_lease(db: sa.Connection, account: str, seconds: int) -> int:
    """Take the account's lease when it is free or expired; returns its token."""
    now = datetime.now(UTC)
    held = db.execute(sa.select(lease).where(lease.c.account == account)).mappings().first()
    if held and held["host"] and held["expires_at"] > now and not _is_gone(held["host"], held["pid"]):
        raise JournalError(
            f"process {held['pid']} on {held['host']} has been billing account {account} "
            f"since {held['since']:%Y-%m-%d %H:%M:%S} UTC",
            f"Wait for it; if that process is gone, its lease ends at {held['expires_at']:%H:%M:%S} UTC.",
        )
    token = (held["token"] if held else 0) + 1
    values = {
        "token": token,
        "host": platform.node(),
        "pid": os.getpid(),
        "since": now,
        "expires_at": now + timedelta(seconds=seconds),
    }
    if held:
        db.execute(lease.update().where(lease.c.account == account).values(**values))
    else:
        db.execute(lease.insert(), {"account": account, **values})
    return token


def drop_lease(db: sa.Connection, account: str, token: int) -> None:
    """Give the lease back, unless another holder has it by now."""
    mine = (lease.c.account == account) & (lease.c.token == token)
    db.execute(lease.update().where(mine).values(host=None, expires_at=datetime.now(UTC)))


def _is_gone(host: str, pid: int) -> bool:
    """Say whether the holder certainly lives no more: it ran on this machine and its process is not there."""
    if host != platform.node():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
