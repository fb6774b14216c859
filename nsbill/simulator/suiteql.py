"""``POST /services/rest/query/v1/suiteql``: paging, JSON shape, and the queries' execution (netsuite 6.1)."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from threading import Lock

from nsbill.simulator.books import Books
from nsbill.simulator.errors import Refusal, invalid_parameter
from nsbill.simulator.permissions import may_read
from nsbill.simulator.replies import Reply, plain_json
from nsbill.simulator.suiteql_compile import Compiled, compile_suiteql
from nsbill.simulator.suiteql_kinds import render, unsupported
from nsbill.simulator.suiteql_scope import Options
from nsbill.simulator.suiteql_views import COLUMNS, TYPE_NAMES

__all__ = ["SuiteQL"]

MAX_LIMIT = 1000


class SuiteQL:
    """Answers queries on the books; counts are kept as long as nothing was written."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._lock = Lock()
        self._counts: dict[tuple[int, str, int], int] = {}

    def answer(
        self,
        *,
        url: str,
        body: object,
        query: Mapping[str, str],
        prefer: str | None,
        preferences: Mapping[str, str],
        permissions: Mapping[str, str] | None = None,
    ) -> Reply:
        """Run a query and return one page of it; ``url`` is the address without its query, for the links."""
        if "transient" not in [part.strip().lower() for part in (prefer or "").split(",")]:
            raise invalid_parameter(
                "The required request header 'Prefer' is missing or does not contain 'transient'.", header="Prefer"
            )
        limit, offset = page_of(query)
        text, params = _query_of(body)
        today = self._books.clock.today().isoformat()
        options = Options(
            today,
            preferences["suiteql_status_match"],
            preferences["suiteql_status_display"],
            missing_tables=_missing_tables(preferences, permissions),
            time_zone=preferences["suiteql_time_zone"],
            literal_zone=preferences["suiteql_time_zone"]
            if preferences["suiteql_literal_zone"] == "session"
            else "UTC",
            ora_hash=preferences["suiteql_ora_hash"] == "T",
            hidden_types=tuple(kind for kind, (name, _) in TYPE_NAMES.items() if not may_read(permissions, name)),
        )
        compiled = compile_suiteql(text, params, options)
        cap = int(preferences["suiteql_row_cap"])
        try:
            total = min(self._count(compiled), cap)
            rows = self._rows(compiled, min(limit, max(cap - offset, 0)), offset)
        except sqlite3.Error:
            raise unsupported() from None
        items = [_item(compiled, row) for row in rows]
        page = {
            "links": paging_links(url, limit, offset, total),
            "count": len(items),
            "hasMore": offset + len(items) < total,
            "items": items,
            "offset": offset,
            "totalResults": total,
        }
        return plain_json(page, "application/vnd.oracle.resource+json; type=collection")

    def _rows(self, compiled: Compiled, limit: int, offset: int) -> list[sqlite3.Row]:
        statement = f"SELECT * FROM ({compiled.sql}) LIMIT {limit} OFFSET {offset}"
        return self._books.reader().execute(statement).fetchall()

    def _count(self, compiled: Compiled) -> int:
        connection = self._books.reader()
        version = connection.execute("PRAGMA data_version").fetchone()[0]
        key = (id(connection), compiled.sql, version)
        with self._lock:
            if key in self._counts:
                return self._counts[key]
        total = int(connection.execute(f"SELECT COUNT(*) FROM ({compiled.sql})").fetchone()[0])
        with self._lock:
            if len(self._counts) > 200:
                self._counts.clear()
            self._counts[key] = total
        return total


def _missing_tables(preferences: Mapping[str, str], permissions: Mapping[str, str] | None) -> frozenset[str]:
    """Return tables that the account's features lack, or that the role may not read (netsuite 6.1)."""
    lacking = {name.strip().lower() for name in preferences["suiteql_missing_tables"].split(",") if name.strip()}
    return frozenset(lacking | {name for name in COLUMNS if not may_read(permissions, name)})


def page_of(query: Mapping[str, str]) -> tuple[int, int]:
    """Read limit and offset: 1 to 1000, and a multiple of the limit (netsuite 3.4, 6.1)."""
    limit, offset = (_whole(query, name, default) for name, default in (("limit", MAX_LIMIT), ("offset", 0)))
    if not 1 <= limit <= MAX_LIMIT:
        raise _bad_page("limit", limit)
    if offset % limit:
        raise _bad_page("offset", offset)
    return limit, offset


def _whole(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, str(default))
    if not (text.isascii() and text.isdigit()):
        raise _bad_page(name, text)
    return int(text)


def _bad_page(name: str, value: object) -> Refusal:
    rule = "a multiple of the limit" if name == "offset" else f"a number between 1 and {MAX_LIMIT}"
    text = f"Invalid value '{value}' for the query parameter '{name}'. Provide {rule}."
    return invalid_parameter(text, query_param=name)


def paging_links(url: str, limit: int, offset: int, total: int) -> list[dict[str, str]]:
    """Write the links of a page: next and last when there is more, first and prev when there was, self."""
    last = max(0, (total - 1) // limit * limit)
    targets = []
    if offset + limit < total:
        targets += [("next", offset + limit), ("last", last)]
    if offset > 0:
        targets += [("first", 0), ("prev", max(0, offset - limit))]
    targets.append(("self", offset))
    return [{"rel": rel, "href": f"{url}?limit={limit}&offset={start}"} for rel, start in targets]


def _query_of(body: object) -> tuple[str, tuple[str, ...]]:
    if not isinstance(body, dict) or not isinstance(body.get("q"), str) or not body["q"].strip():
        raise invalid_parameter("The query must be given as text in the property 'q'.", query_param="q")
    params = body.get("params", [])
    if not isinstance(params, list) or not all(isinstance(value, str | int) for value in params):
        raise invalid_parameter("The property 'params' must be a list of values.", query_param="params")
    return body["q"], tuple(str(value) for value in params)


def _item(compiled: Compiled, row: sqlite3.Row) -> dict[str, object]:
    item: dict[str, object] = {"links": []}
    for (name, kind), value in zip(compiled.columns, row, strict=True):
        text = render(value, kind)
        if text is not None:
            item[name] = text
    return item
