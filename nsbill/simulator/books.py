"""Access to the books: one reading and one writing connection per thread, preferences, credentials, the clock."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from threading import Lock, local
from typing import Any, TypeVar
from zoneinfo import available_timezones

from nsbill.simulator import suiteql_functions, tables
from nsbill.simulator.auth import Credential
from nsbill.simulator.suiteql_views import create_views

__all__ = ["ACCOUNT", "PREFERENCES", "Books", "Clock"]

ACCOUNT = "9000001_SB1"
Kept = TypeVar("Kept")
SCRIPT = ("customscript_nsbill_restlet", "501")
DEPLOY = ("customdeploy_nsbill_restlet", "1")

PREFERENCES: dict[str, str] = {
    "concurrency_limit": "5",
    "retry_after_seconds": "",
    "invoice_in_advance": "F",
    "show_unfulfilled_items": "F",
    "mandatory_fields": "",
    "dates_outside_period": "disallow",
    "default_posting_period": "first_open",
    "closed_period_code": "USER_ERROR",
    "transform_refusal_code": "USER_ERROR",
    "transform_externalid": "kept",
    "transform_by_externalid": "T",
    "order_forms": "strict",
    "invoice_approval": "none",
    "fulfillment_status": "picked",
    "fulfillment_location": "optional",
    "async_takes_slot": "F",
    "async_location": "absolute",
    "async_processors": "1",
    "check_body_hash": "T",
    "suiteql_status_match": "both",
    "suiteql_status_display": "with_type",
    "suiteql_credits_negative": "T",
    "suiteql_row_cap": "100000",
    "suiteql_missing_tables": "",
    "suiteql_ora_hash": "T",
    "suiteql_time_zone": "America/Los_Angeles",
    "suiteql_literal_zone": "session",
    "derived_changes_stamped": "F",
    "restlet_units": "5000",
    "restlet_max_bytes": "10485760",
    "restlet_version": "1.1.0",
    "restlet_deployed": "T",
    "account_settings_visible": "T",
    "search_unstable_pages": "T",
    "externalid_namespace": "transactions",
    "read_only_fields": "refuse",
    "invalid_reference": "user_error",
    "new_order_status": "A",
    "non_gl_changes": "F",
    "record_lock": "optimistic",
    "filter_text_case": "insensitive",
    "token_based_authentication": "T",
    "oauth2": "T",
    "integration_state": "enabled",
    "login_lockout": "T",
    "oauth2_repeated_jti": "refuse",
    "oauth2_missing_scope": "401",
    "overload_answer": "429",
    "overload_delay_ms": "6000",
    "integration_limit": "",
    "governance_limits": "administrator",
}
"""Every knob that lives in the books, with its default; see docs/simulator.md for what each does."""

_ALLOWED = {
    "invoice_in_advance": {"T", "F"},
    "show_unfulfilled_items": {"T", "F"},
    "dates_outside_period": {"disallow", "warn", "allow"},
    "default_posting_period": {"current", "first_open"},
    "closed_period_code": {"TRAN_PRD_CLOSED", "USER_ERROR"},
    "transform_refusal_code": {"INVALID_INITIALIZE_REF", "USER_ERROR"},
    "transform_externalid": {"dropped", "kept"},
    "transform_by_externalid": {"T", "F"},
    "order_forms": {"any", "by_payment", "strict"},
    "invoice_approval": {"none", "pending"},
    "fulfillment_status": {"picked", "shipped"},
    "fulfillment_location": {"mandatory", "optional"},
    "async_takes_slot": {"T", "F"},
    "async_location": {"absolute", "relative"},
    "check_body_hash": {"T", "F"},
    "externalid_namespace": {"transactions", "type"},
    "read_only_fields": {"refuse", "ignore"},
    "invalid_reference": {"user_error", "invalid_content"},
    "new_order_status": {"A", "B"},
    "non_gl_changes": {"T", "F"},
    "record_lock": {"optimistic", "off"},
    "filter_text_case": {"insensitive", "sensitive"},
    "suiteql_status_match": {"both", "letter"},
    "suiteql_status_display": {"with_type", "plain"},
    "suiteql_credits_negative": {"T", "F"},
    "suiteql_ora_hash": {"T", "F"},
    "suiteql_literal_zone": {"session", "utc"},
    "derived_changes_stamped": {"T", "F"},
    "restlet_deployed": {"T", "F"},
    "account_settings_visible": {"T", "F"},
    "search_unstable_pages": {"T", "F"},
    "token_based_authentication": {"T", "F"},
    "oauth2": {"T", "F"},
    "integration_state": {"enabled", "blocked"},
    "login_lockout": {"T", "F"},
    "oauth2_repeated_jti": {"refuse", "accept"},
    "oauth2_missing_scope": {"401", "403"},
    "overload_answer": {"429", "401", "mixed"},
    "governance_limits": {"administrator", "everyone"},
}
_NUMBERS = {"concurrency_limit", "async_processors", "suiteql_row_cap", "restlet_units", "restlet_max_bytes"}
_NUMBERS_OR_EMPTY = {"retry_after_seconds", "overload_delay_ms", "integration_limit"}


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
        """Give a connection inside one transaction that holds the write lock; commit, or roll back on any exception.

        Inside another ``writing`` of the same thread it is a part of that one, with a roll-back of its own.
        """
        connection: sqlite3.Connection | None = getattr(self._local, "writer", None)
        if connection is None:
            connection = tables.connect(self.database)
            self._local.writer = connection
            self._open.append(connection)
        if connection.in_transaction:  # a job carries out a request and keeps its result in one transaction
            with _savepoint(connection):
                yield connection
            return
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

        def read(reader: sqlite3.Connection) -> dict[str, str]:
            rows = reader.execute("SELECT key, value FROM preference").fetchall()
            return PREFERENCES | {row["key"]: row["value"] for row in rows if row["key"] in PREFERENCES}

        return self.kept("preferences", read)

    def set_preferences(self, changes: dict[str, str]) -> None:
        """Save preferences, or raise ``ValueError`` naming the unknown one or the bad value."""
        for key, value in changes.items():
            if key not in PREFERENCES:
                raise ValueError(f"unknown preference '{key}'; known: {', '.join(sorted(PREFERENCES))}")
            if key in _ALLOWED and value not in _ALLOWED[key]:
                raise ValueError(f"preference '{key}' must be one of {', '.join(sorted(_ALLOWED[key]))}")
            if key == "suiteql_time_zone" and value not in available_timezones():
                raise ValueError(f"preference '{key}' must be the name of a time zone, such as America/Chicago")
            if key in _NUMBERS and not (value.isdecimal() and int(value) > 0):
                raise ValueError(f"preference '{key}' must be a whole number above 0")
            if key in _NUMBERS_OR_EMPTY and value and not value.isdecimal():
                raise ValueError(f"preference '{key}' must be a whole number, or empty")
        with self.writing() as connection:
            connection.executemany("INSERT OR REPLACE INTO preference VALUES (?, ?)", list(changes.items()))

    def account(self) -> str:
        """Return the account id, which is also the realm of signatures."""
        return self.meta("account") or ACCOUNT

    def meta(self, key: str) -> str | None:
        """Return one of the account's facts."""

        def read(reader: sqlite3.Connection) -> str | None:
            row = reader.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
            return None if row is None else str(row[0])

        return self.kept(f"meta {key}", read)

    def credentials(self) -> dict[str, Credential]:
        """Return the credentials that may sign in, by token id."""

        def read(reader: sqlite3.Connection) -> dict[str, Credential]:
            names = "consumer_key, consumer_secret, token_id, token_secret, role"
            rows = reader.execute(f"SELECT {names} FROM credential ORDER BY rowid")
            return {row["token_id"]: Credential(*row) for row in rows}

        return self.kept("credentials", read)

    def kept(self, name: str, read: Callable[[sqlite3.Connection], Kept]) -> Kept:
        """Return what ``read`` finds under ``name``, read again only when somebody changed the books.

        Kept per thread; the caller must not change it. Every request needs several of these, so that reading them
        each time would make the sign-in slow.
        """
        reader = self.reader()
        version = reader.execute("PRAGMA data_version").fetchone()[0]
        if getattr(self._local, "version", None) != version:
            self._local.version, self._local.kept = version, {}
        kept: dict[str, Any] = self._local.kept
        if name not in kept:
            kept[name] = read(reader)
        found: Kept = kept[name]
        return found


@contextmanager
def _savepoint(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("SAVEPOINT part")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK TO part")
        raise
    finally:
        connection.execute("RELEASE part")
