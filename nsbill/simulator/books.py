"""Access to the books: one reading and one writing connection per thread, preferences, credentials, the clock."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from threading import Lock, local

from nsbill.simulator import suiteql_functions, tables
from nsbill.simulator.auth import Credential
from nsbill.simulator.suiteql_views import create_views

__all__ = ["ACCOUNT", "PREFERENCES", "Books", "Clock"]

ACCOUNT = "9000001_SB1"
SCRIPT = ("customscript_nsbill_restlet", "501")
DEPLOY = ("customdeploy_nsbill_restlet", "1")

PREFERENCES: dict[str, str] = {
    "concurrency_limit": "5",
    "retry_after_seconds": "",
    "invoice_in_advance": "F",
    "show_unfulfilled_items": "F",
    "mandatory_fields": "",
    "dates_outside_period": "disallow",
    "check_body_hash": "T",
    "suiteql_status_match": "both",
    "suiteql_status_display": "with_type",
    "suiteql_credits_negative": "T",
    "suiteql_row_cap": "100000",
    "restlet_units": "5000",
}
"""Every knob that lives in the books, with its default; see docs/simulator.md for what each does."""

_ALLOWED = {
    "invoice_in_advance": {"T", "F"},
    "show_unfulfilled_items": {"T", "F"},
    "dates_outside_period": {"disallow", "allow"},
    "check_body_hash": {"T", "F"},
    "suiteql_status_match": {"both", "letter"},
    "suiteql_status_display": {"with_type", "plain"},
    "suiteql_credits_negative": {"T", "F"},
}
_NUMBERS = {"concurrency_limit", "suiteql_row_cap", "restlet_units"}


class Clock:
    """The simulator's time: the machine's, shifted by a settable offset."""

    def __init__(self) -> None:
        self.offset = timedelta()

    def now(self) -> datetime:
        """Return the time in UTC."""
        return datetime.now(UTC) + self.offset

    def instant(self) -> str:
        """Return the time as the books keep it."""
        return self.now().strftime("%Y-%m-%dT%H:%M:%SZ")

    def today(self) -> date:
        """Return the date in UTC."""
        return self.now().date()


class Books:
    """The books at one database file, for the threads of one process; other processes may use the file too."""

    def __init__(self, database: Path) -> None:
        if not database.is_file():
            raise FileNotFoundError(f"{database}: no books there; build a world first")
        self.database = database
        self.clock = Clock()
        self._local = local()
        self._write_lock = Lock()
        self._open: list[sqlite3.Connection] = []
        version = self.reader().execute("SELECT value FROM meta WHERE key = 'schema_version'").fetchone()
        if version is None or version[0] != tables.VERSION:
            raise ValueError(f"{database}: these books were made by another version of the simulator; build them again")

    def reader(self) -> sqlite3.Connection:
        """Return this thread's connection that can only read; it also has the SuiteQL views."""
        connection: sqlite3.Connection | None = getattr(self._local, "reader", None)
        if connection is None:
            connection = tables.connect(self.database)
            suiteql_functions.install(connection)
            create_views(connection)
            connection.execute("PRAGMA query_only = ON")
            self._local.reader = connection
            self._open.append(connection)
        return connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Give a connection inside one transaction that holds the write lock; commit, or roll back on any exception."""
        connection: sqlite3.Connection | None = getattr(self._local, "writer", None)
        if connection is None:
            connection = tables.connect(self.database)
            self._local.writer = connection
            self._open.append(connection)
        with self._write_lock:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    def close(self) -> None:
        """Close every connection; call it when no thread uses the books any more."""
        while self._open:
            self._open.pop().close()
        self._local = local()

    def interrupt(self) -> None:
        """End the queries under way, so that a stop need not wait for a long one."""
        for connection in list(self._open):
            connection.interrupt()

    def preferences(self) -> dict[str, str]:
        """Return every preference, those in the books over the defaults."""
        rows = self.reader().execute("SELECT key, value FROM preference").fetchall()
        return PREFERENCES | {row["key"]: row["value"] for row in rows if row["key"] in PREFERENCES}

    def set_preferences(self, changes: dict[str, str]) -> None:
        """Save preferences, or raise ``ValueError`` naming the unknown one or the bad value."""
        for key, value in changes.items():
            if key not in PREFERENCES:
                raise ValueError(f"unknown preference '{key}'; known: {', '.join(sorted(PREFERENCES))}")
            if key in _ALLOWED and value not in _ALLOWED[key]:
                raise ValueError(f"preference '{key}' must be one of {', '.join(sorted(_ALLOWED[key]))}")
            if key in _NUMBERS and not (value.isdecimal() and int(value) > 0):
                raise ValueError(f"preference '{key}' must be a whole number above 0")
        with self.writing() as connection:
            connection.executemany("INSERT OR REPLACE INTO preference VALUES (?, ?)", list(changes.items()))

    def account(self) -> str:
        """Return the account id, which is also the realm of signatures."""
        row = self.reader().execute("SELECT value FROM meta WHERE key = 'account'").fetchone()
        return str(row[0]) if row else ACCOUNT

    def credentials(self) -> dict[str, Credential]:
        """Return the credentials that may sign in, by token id."""
        rows = self.reader().execute("SELECT consumer_key, consumer_secret, token_id, token_secret FROM credential")
        return {row["token_id"]: Credential(*row) for row in rows}
