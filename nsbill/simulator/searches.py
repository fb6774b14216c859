"""Saved searches on transactions in the books: found by id, seen by their audience, rewritten (netsuite 7.2)."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from typing import Any

from nsbill.simulator.errors import Refusal
from nsbill.simulator.searches_columns import Column
from nsbill.simulator.searches_expression import of_stored

__all__ = ["RECORD_TYPES", "Search", "find_search", "save_criteria", "visible_searches"]

RECORD_TYPES = ("salesorder", "transaction")
"""What a search must be on for the RESTlet to take it."""


@dataclass(frozen=True)
class Search:
    """A saved search; ``criteria`` is its filter expression."""

    id: int
    script_id: str
    title: str
    owner: str
    record_type: str
    criteria: list[Any]
    columns: tuple[Column, ...]


def visible_searches(connection: sqlite3.Connection, role: str) -> list[Search]:
    """Return the searches that a role sees, by title; those for other roles do not exist for it."""
    rows = connection.execute("SELECT * FROM savedsearch ORDER BY title, id")
    return [_read(row) for row in rows if _sees(row, role)]


def find_search(connection: sqlite3.Connection, key: object, role: str) -> Search:
    """Find a search by internal id or script id, or refuse as N/search does; searches on other records too."""
    column = "id" if str(key).isdigit() else "scriptid"
    row = connection.execute(f"SELECT * FROM savedsearch WHERE {column} = ?", (str(key).lower(),)).fetchone()
    if row is None or not _sees(row, role):
        raise Refusal(400, "INVALID_SEARCH", "That search or mass update does not exist.")
    search = _read(row)
    if search.record_type not in RECORD_TYPES:
        text = f"The search is on '{search.record_type}', not on sales orders."
        raise Refusal(400, "NOT_A_SALES_ORDER_SEARCH", text)
    return search


def save_criteria(connection: sqlite3.Connection, search: Search, criteria: list[Any], instant: str) -> None:
    """Write a search's filter expression."""
    values = (json.dumps(criteria), instant, search.id)
    connection.execute("UPDATE savedsearch SET filters = ?, lastmodified = ? WHERE id = ?", values)


def _sees(row: sqlite3.Row, role: str) -> bool:
    audience = [name.strip() for name in row["roles"].split(",") if name.strip()]
    return not audience or role in audience


def _read(row: sqlite3.Row) -> Search:
    columns = tuple(Column.of(one) for one in json.loads(row["columns"]))
    criteria = of_stored(json.loads(row["filters"]))
    return Search(row["id"], row["scriptid"], row["title"], row["owner"], row["recordtype"], criteria, columns)
