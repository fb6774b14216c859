"""Fixtures of the tests that attack a journal: on a SQLite file and on a real PostgreSQL, fresh for each test.

A test module names them: ``pytest_plugins = ("journal_databases",)``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import requires
from postgres_server import fresh_database, running_postgres

from nsbill.billing.journal import Journal

__all__ = ["journal", "server", "url"]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    requires("postgres")
    with running_postgres() as running:
        yield running


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'journal.db'}"
        return
    with fresh_database(request.getfixturevalue("server")) as made:
        yield made


@pytest.fixture
def journal(url: str) -> Iterator[Journal]:
    book = Journal.open(url)
    yield book
    book.close()
