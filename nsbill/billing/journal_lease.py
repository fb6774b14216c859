"""The lease of an account, or of a job: one run at a time. A token that grows with every holder fences off an earlier one."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from nsbill.billing.journal_tables import Instant, holding, lease
from nsbill.errors import JournalError, LeaseLost

__all__ = ["Lease", "clock", "demand", "drop_lease", "holder_in_force", "is_gone", "take_lease"]


@dataclass(frozen=True)
class Lease:
    """A held lease; ``token`` is the fence of everything that is written under it."""

    engine: sa.Engine
    account: str
    token: int
    seconds: int

    def renew(self) -> None:
        """Extend the lease.

        Raises
        ------
        LeaseLost
            Another run has taken it.
        """
        mine = (lease.c.account == self.account) & (lease.c.token == self.token)
        with self.engine.begin() as db:
            until = clock(db) + timedelta(seconds=self.seconds)
            if not db.execute(lease.update().where(mine).values(expires_at=until)).rowcount:
                raise _lost(db, self.account)


def clock(db: sa.Connection) -> datetime:
    """The journal's clock: the PostgreSQL server's, which all machines share; for a file, this machine's."""
    if db.dialect.name != "postgresql":
        return datetime.now(UTC)
    now: datetime = db.execute(sa.select(sa.func.clock_timestamp(type_=Instant))).scalar_one()
    return now


def demand(db: sa.Connection, account: str, fence: int) -> None:
    """Let this transaction go on only while no later holder has the account.

    On PostgreSQL a take-over waits until this transaction has ended; on SQLite there is one writer anyway.

    Raises
    ------
    LeaseLost
        There is a newer token.
    """
    if db.dialect.name == "postgresql":
        db.execute(sa.select(sa.func.pg_advisory_xact_lock_shared(_lock_of(account))))
    newest = db.execute(sa.select(lease.c.token).where(lease.c.account == account)).scalar()
    if newest is not None and newest > fence:
        raise _lost(db, account)


def take_lease(db: sa.Connection, account: str, seconds: int) -> int:
    """Take the account's lease when it is free or ended; returns its token.

    Raises
    ------
    JournalError
        Another run holds it; says who, since when, until when, and what can be done meanwhile.
    """
    if db.dialect.name == "postgresql":
        db.execute(sa.select(sa.func.pg_advisory_xact_lock(_lock_of(account))))
    now = clock(db)
    held = db.execute(sa.select(lease).where(lease.c.account == account)).mappings().first()
    ended = _why_ended(held, now, seconds) if held and held["host"] else None
    if held and held["host"] and ended is None:
        raise _held(account, held)
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
    from_whom = f"from process {held['pid']} on {held['host']}: {ended}" if held and ended else None
    _write_down(db, account, token, "taken over" if from_whom else "taken", now, from_whom)
    return token


def holder_in_force(db: sa.Connection, account: str, seconds: int) -> int | None:
    """The token of the holder whose lease counts now; ``None``: nobody holds it, or its holder is gone."""
    held = db.execute(sa.select(lease).where(lease.c.account == account)).mappings().first()
    if held is None or not held["host"] or _why_ended(held, clock(db), seconds) is not None:
        return None
    return int(held["token"])


def drop_lease(db: sa.Connection, account: str, token: int) -> None:
    """Give the lease back, unless another holder has it by now."""
    mine = (lease.c.account == account) & (lease.c.token == token)
    now = clock(db)
    if db.execute(lease.update().where(mine).values(host=None, expires_at=now)).rowcount:
        _write_down(db, account, token, "given back", now, None)


def _write_down(db: sa.Connection, account: str, token: int, kind: str, at: datetime, detail: str | None) -> None:
    who = {"host": platform.node(), "pid": os.getpid()}
    db.execute(holding.insert(), {"account": account, "token": token, "kind": kind, "at": at, "detail": detail, **who})


def _lock_of(account: str) -> sa.ColumnElement[int]:
    return sa.func.hashtextextended(f"nsbill lease of {account}", 0)


def _why_ended(held: sa.RowMapping, now: datetime, seconds: int) -> str | None:
    """Why a lease that was not given back counts no longer; ``None``: it counts.

    Taking over too early is safe, since the fence stops the holder; waiting for ever would not be.
    """
    if held["expires_at"] <= now:
        return f"its lease ended at {held['expires_at']:%Y-%m-%d %H:%M:%S} UTC and was not renewed"
    if held["expires_at"] > now + timedelta(seconds=2 * max(seconds, 0) + 3600):
        return f"its lease would end at {held['expires_at']:%Y-%m-%d %H:%M:%S} UTC; a clock was set back"
    if is_gone(held["host"], held["pid"]):
        return "that process is gone"
    return None


def _held(account: str, held: sa.RowMapping) -> JournalError:
    is_job = account.startswith("job ")
    doing = f"running {account}" if is_job else f"billing account {account}"
    problem = (
        f"process {held['pid']} on {held['host']} has been {doing} "
        f"since {held['since']:%Y-%m-%d %H:%M:%S} UTC; its lease lasts until "
        f"{held['expires_at']:%Y-%m-%d %H:%M:%S} UTC and is renewed while it works"
    )
    if is_job:
        return JournalError(problem, "Wait until it is done, or stop that process.")
    return JournalError(
        problem,
        "Meanwhile plan, journal and reconcile work as ever. To bill, wait until it is done; or stop that process, "
        "then: nsbill resume.",
    )


def _lost(db: sa.Connection, account: str) -> LeaseLost:
    """Say who has the account now."""
    held = db.execute(sa.select(lease).where(lease.c.account == account)).mappings().first()
    return LeaseLost(account, f"process {held['pid']} on {held['host']}" if held and held["host"] else "done by now")


def is_gone(host: str, pid: int) -> bool:
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
