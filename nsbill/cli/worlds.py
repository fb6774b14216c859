"""The demo company of a workspace: made once, kept for ever, never mixed with another."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from nsbill.cli.connection import BOOKS
from nsbill.errors import WorkspaceError
from nsbill.simulator.world import build_world

__all__ = ["World", "ensure_world"]

AMAZON_FILES = "amazon_files"


@dataclass(frozen=True)
class World:
    """The demo company that a workspace has."""

    orders: int
    seed: int
    today: date
    made: bool


def ensure_world(workspace: Path, *, orders: int | None, seed: int | None, today: date) -> World:
    """Return the workspace's demo company, making it (300 orders, seed 7 by default) when there is none.

    It is built aside and moved into place, its books last: killed at any time, the workspace has all of it or none.

    Raises
    ------
    WorkspaceError
        The workspace has a company of another size or seed.
    """
    if not (workspace / BOOKS).exists():
        _build(workspace, orders or 300, 7 if seed is None else seed, today)
        return _read(workspace, made=True)
    there = _read(workspace, made=False)
    if (orders or there.orders, there.seed if seed is None else seed) != (there.orders, there.seed):
        raise WorkspaceError(
            workspace,
            f"it holds a demo company with {there.orders} orders and seed {there.seed}",
            "Use these, or another folder: --workspace DIR.",
        )
    return there


def _build(workspace: Path, orders: int, seed: int, today: date) -> None:
    workspace.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".building-", dir=workspace) as text:
        aside = Path(text)
        build_world(aside / BOOKS, aside / AMAZON_FILES, orders=orders, seed=seed, today=today)
        with closing(sqlite3.connect(aside / BOOKS)) as books:
            books.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        shutil.rmtree(workspace / AMAZON_FILES, ignore_errors=True)
        for name in (AMAZON_FILES, "answer_key.json", BOOKS):
            (aside / name).rename(workspace / name)


def _read(workspace: Path, *, made: bool) -> World:
    with closing(sqlite3.connect(workspace / BOOKS)) as books:
        meta = dict(books.execute("SELECT key, value FROM meta"))
    return World(int(meta["orders"]), int(meta["seed"]), date.fromisoformat(meta["today"]), made)
