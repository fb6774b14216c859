"""Run saved searches page by page. NetSuite runs a search anew for every page; so it looks here (netsuite 7.2).

Orders of rows are kept as long as nobody wrote to the books, which nothing but the speed shows.
"""

from __future__ import annotations

import sqlite3
from array import array
from collections.abc import Callable, Sequence
from datetime import date
from itertools import repeat
from threading import Lock
from typing import Any, TypeVar

from nsbill.simulator.books import Books
from nsbill.simulator.errors import Refusal
from nsbill.simulator.searches import Search
from nsbill.simulator.searches_plan import Plan, plan_of

__all__ = ["Paged", "SearchRunner"]

Made = TypeVar("Made")
_KEPT = 8


class Paged:
    """A search that was run: how many rows it has, and its pages."""

    def __init__(self, count: int, sorted_by: Sequence[str], fetch: Callable[[int, int], list[str]]) -> None:
        self.count, self.sorted_by = count, tuple(sorted_by)
        self._fetch = fetch

    def rows(self, index: int, size: int) -> list[str]:
        """Return one page, each row as JSON: id, values and texts in the order of the columns."""
        return self._fetch(index * size, size)


class SearchRunner:
    """Runs searches on the books; safe to use from several threads.

    Rows that the sort leaves in no order, the lines of one order, come in another order on every second page while the
    knob ``search_unstable_pages`` is on: so pages repeat and miss some, as NetSuite's may.
    """

    def __init__(self, books: Books) -> None:
        self._books = books
        self._lock = Lock()
        self._kept: dict[tuple[object, ...], Any] = {}

    def run(self, search: Search) -> Paged:
        """Run a search, or refuse one that cannot be evaluated."""
        today = self._books.clock.today()
        connection = self._books.reader()
        plan = self._plan(search, today)
        try:
            return self._summary(connection, plan) if plan.groups else self._plain(connection, plan)
        except (sqlite3.Error, OverflowError) as error:
            text = f"Search error occurred: Invalid Expression ({error})."
            raise Refusal(400, "SSS_SEARCH_ERROR_OCCURRED", text) from None

    def _plan(self, search: Search, today: date) -> Plan:
        key = ("plan", repr(search), today)
        return self._once(key, lambda: plan_of(search, today))

    def _plain(self, connection: sqlite3.Connection, plan: Plan) -> Paged:
        unstable = plan.lines and self._books.preferences()["search_unstable_pages"] == "T"
        in_order = f"{plan.keys}, l.line" if plan.lines else plan.keys
        count = len(self._current(connection, in_order, plan, _keys)[0])

        def fetch(start: int, size: int) -> list[str]:
            turned = unstable and start // size % 2
            ids, lines = self._current(connection, f"{plan.keys}, l.line DESC" if turned else in_order, plan, _keys)
            chosen = list(zip(ids[start : start + size], lines[start : start + size] or repeat(0), strict=False))
            wanted = sorted({key for key, _ in chosen})
            statement = f"{plan.cells} ({', '.join('?' for _ in wanted)})"
            found = {(key, line): row for key, line, row in _cursor(connection).execute(statement, wanted)}
            return [found[place] for place in chosen]

        return Paged(count, plan.sorted_by, fetch)

    def _summary(self, connection: sqlite3.Connection, plan: Plan) -> Paged:
        groups = self._current(connection, plan.groups, plan, _groups)

        return Paged(len(groups), plan.sorted_by, lambda start, size: groups[start : start + size])

    def _current(
        self,
        connection: sqlite3.Connection,
        statement: str,
        plan: Plan,
        read: Callable[[sqlite3.Cursor], Made],
    ) -> Made:
        version = connection.execute("PRAGMA data_version").fetchone()[0]
        key = (id(connection), version, statement, plan.values)
        return self._once(key, lambda: read(_cursor(connection).execute(statement, plan.values)))

    def _once(self, key: tuple[object, ...], make: Callable[[], Made]) -> Made:
        with self._lock:
            if key in self._kept:
                found: Made = self._kept[key]
                return found
        made = make()
        with self._lock:
            while len(self._kept) >= _KEPT * 2:
                self._kept.pop(next(iter(self._kept)))
            self._kept[key] = made
        return made


def _cursor(connection: sqlite3.Connection) -> sqlite3.Cursor:
    """Open a cursor that gives plain tuples: a page has thousands of cells."""
    cursor = connection.cursor()
    cursor.row_factory = None
    return cursor


def _keys(cursor: sqlite3.Cursor) -> tuple[array[int], array[int]]:
    """Read ids and lines; no lines where every row is a main line."""
    ids, lines = array("q"), array("q")
    any_line = False
    for key, line in cursor:
        ids.append(key)
        lines.append(line)
        any_line = any_line or line != 0
    return ids, (lines if any_line else array("q"))


def _groups(cursor: sqlite3.Cursor) -> list[str]:
    return [row for (row,) in cursor]
