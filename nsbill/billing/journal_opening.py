"""Open a journal: a SQLite file or a PostgreSQL database; make its tables, or bring those of an older version up to date."""

from __future__ import annotations

import re
import time
from typing import Any

import sqlalchemy as sa

from nsbill.billing import journal_tables as t
from nsbill.billing.journal_alert_tables import ALERT_TABLES
from nsbill.billing.journal_queue_tables import QUEUE_TABLES
from nsbill.billing.journal_schedule_tables import SCHEDULE_TABLES
from nsbill.errors import JournalError

__all__ = ["journal_url", "open_engine"]

_DIALECTS = ("sqlite", "postgresql")
_LONGEST_LOCK = 30.0
_POOL = 10
_OPENING_LOCK = 7_263_401_127
"""An arbitrary number by which processes that open a PostgreSQL journal wait for each other."""


def journal_url(text: str) -> sa.URL:
    """Read a journal's URL; ``postgresql://`` means the driver that nsbill uses.

    Raises
    ------
    JournalError
        It is no URL, or of a database on which nsbill's journal was not tried.
    """
    try:
        url = sa.make_url(text)
    except sa.exc.ArgumentError as error:
        raise JournalError("its URL cannot be read", "Write postgresql://user@host/database.") from error
    dialect = url.drivername.partition("+")[0]
    if dialect in {"postgres", "postgresql"}:
        return url.set(drivername="postgresql+psycopg")
    if dialect not in _DIALECTS:
        problem = f"it cannot be kept in {dialect}"
        raise JournalError(problem, "Use PostgreSQL (postgresql://user@host/database) or leave journal_url empty.")
    return url


def open_engine(url: str | sa.URL) -> sa.Engine:
    """Open a journal database; SQLite with write-ahead log and full durability.

    Raises
    ------
    JournalError
        The database is of a newer nsbill, is something else than a journal, or cannot be reached or written.
    """
    engine = _engine(journal_url(str(url)) if isinstance(url, str) else url)
    where = engine.url.render_as_string(hide_password=True)
    try:
        _prepare(engine, where)
    except sa.exc.DatabaseError as error:
        engine.dispose()
        cause = str(error.orig).strip().splitlines()[0] if str(error.orig).strip() else type(error.orig).__name__
        raise JournalError(f"{where} cannot be opened ({cause})", _remedy(engine, cause)) from error
    except JournalError:
        engine.dispose()
        raise
    return engine


def _engine(url: sa.URL) -> sa.Engine:
    if url.get_backend_name() == "sqlite":
        engine = sa.create_engine(url)
        _tune_sqlite(engine)
        return engine
    try:
        return sa.create_engine(url, pool_size=_POOL, max_overflow=0, pool_timeout=120, pool_pre_ping=True)
    except ModuleNotFoundError as error:
        problem = f"the Python package {error.name} is not installed"
        raise JournalError(problem, "Install it: pip install 'nsbill[postgres]'.") from error


def _tune_sqlite(engine: sa.Engine) -> None:
    """Queue writers instead of letting them fail; readers never wait. fullfsync: macOS keeps its promise only with it."""
    wait = int(_LONGEST_LOCK * 1000)
    pragmas = (f"busy_timeout = {wait}", "synchronous = FULL", "fullfsync = ON", "foreign_keys = ON")

    @sa.event.listens_for(engine, "connect")
    def _on_connect(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # transactions are begun below
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def _on_begin(connection: sa.Connection) -> None:
        reading = connection.get_execution_options().get("reading", False)
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def _prepare(engine: sa.Engine, where: str) -> None:
    """Look at the version first: a journal that is up to date is opened without writing."""
    with engine.execution_options(reading=True).connect() as db:
        version = _version(db, where)
    if version == t.VERSION:
        return
    if version is not None and version > t.VERSION:
        raise JournalError(
            f"{where} is of version {version}, newer than this nsbill's {t.VERSION}", "Upgrade nsbill to work with it."
        )
    if engine.dialect.name == "sqlite":
        _write_ahead(engine)
    with engine.begin() as db:
        if engine.dialect.name == "postgresql":
            db.execute(sa.select(sa.func.pg_advisory_xact_lock(_OPENING_LOCK)))
        version = _version(db, where)  # again: another process may have been faster
        if version is None:
            t.metadata.create_all(db)
            _refuse_changes(db)
            db.execute(t.journal_meta.insert(), {"version": t.VERSION})
        elif version < t.VERSION:
            if version == 1:
                _from_version_1(db)
            t.metadata.create_all(db)  # version 3: the exception queue; 4: the schedule; 5: alerts
            _refuse_changes(db)
            db.execute(t.journal_meta.update().values(version=t.VERSION))


def _version(db: sa.Connection, where: str) -> int | None:
    """The version of the tables that are there; ``None``: there are none, and what is there is not in the way."""
    there = set(sa.inspect(db).get_table_names())
    if "journal_meta" in there:
        found: int | None = db.execute(sa.select(sa.func.max(t.journal_meta.c.version))).scalar()
        if found is None:
            raise JournalError(f"{where} has no version", "Put it back from a copy.")
        return found
    in_the_way = there if db.dialect.name == "sqlite" else there & set(t.metadata.tables)
    if in_the_way:
        raise JournalError(
            f"{where} is no journal: it has the tables {', '.join(sorted(in_the_way)[:4])}", "Name another one."
        )
    return None


def _write_ahead(engine: sa.Engine) -> None:
    """Switch the file to a write-ahead log, which lasts; SQLite does not wait by itself when others open it, too."""
    until = time.monotonic() + _LONGEST_LOCK
    while True:
        connection = engine.raw_connection()
        try:
            connection.cursor().execute("PRAGMA journal_mode = WAL")
            return
        except engine.dialect.loaded_dbapi.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until:
                raise sa.exc.OperationalError("PRAGMA journal_mode = WAL", None, error) from error
            time.sleep(0.02)
        finally:
            connection.close()


def _from_version_1(db: sa.Connection) -> None:
    """Add what version 2 has in tables that were there: fences, refusals in words and codes; no row is changed."""
    for table, names in ((t.event, ("fence", "fix", "code", "follows")), (t.run, ("fence", "number"))):
        for name in names:
            kind = table.c[name].type.compile(db.dialect)
            db.exec_driver_sql(f"ALTER TABLE {table.name} ADD COLUMN {name} {kind}")
    there = {index["name"] for table in (t.event, t.run) for index in sa.inspect(db).get_indexes(table.name)}
    for index in (*t.event.indexes, *t.run.indexes):
        if index.name not in there:
            index.create(db)


def _refuse_changes(db: sa.Connection) -> None:
    """Let the database itself refuse to change or remove what the journal says; where it does already, it goes on to."""
    words = "the journal is append-only"
    if db.dialect.name == "postgresql":
        db.exec_driver_sql(
            "CREATE OR REPLACE FUNCTION nsbill_append_only() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{words}'; END $$"
        )
    for table in (*t.APPEND_ONLY, *QUEUE_TABLES, *SCHEDULE_TABLES, *ALERT_TABLES):
        for doing in ("UPDATE", "DELETE"):
            name = f"{table.name}_refuses_{doing.lower()}"
            then = (
                f"BEGIN SELECT RAISE(ABORT, '{words}'); END"
                if db.dialect.name == "sqlite"
                else "FOR EACH ROW EXECUTE FUNCTION nsbill_append_only()"
            )
            on = f" ON {table.name}" if db.dialect.name == "postgresql" else ""
            db.exec_driver_sql(f"DROP TRIGGER IF EXISTS {name}{on}")
            db.exec_driver_sql(f"CREATE TRIGGER {name} BEFORE {doing} ON {table.name} {then}")


def _remedy(engine: sa.Engine, cause: str) -> str:
    if engine.dialect.name == "postgresql":
        return "Check journal_url, and that the server runs and lets this user in."
    if re.search("readonly|read-only|unable to open", cause):
        return "Make the file and its folder writable, or choose another workspace."
    return "Is it a journal? Put it back from a copy, or move it away to begin a new one."
