"""The RESTlet that nsbill deploys, as its callers see it: list, inspect, rewrite and page saved searches."""

from __future__ import annotations

import json
import sqlite3
from array import array
from collections.abc import Callable, Mapping
from threading import Lock

from nsbill.simulator.books import Books
from nsbill.simulator.errors import Refusal
from nsbill.simulator.replies import Reply, plain_json
from nsbill.simulator.searches import COLUMNS, SEARCH_STATUS, Search, cell, find_search, select_of

__all__ = ["VERSION", "Restlet"]

VERSION = "1.0.0"
_MAX_PAGES = 1000
_UNITS = {"list_searches": 10, "inspect_search": 5, "set_status": 10, "page": 15}


class Restlet:
    """Answers the RESTlet's actions; result lists are kept as long as nothing was written."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._lock = Lock()
        self._results: dict[tuple[int, int, str], array[int]] = {}
        self._actions: dict[str, Callable[[Mapping[str, object]], dict[str, object]]] = {
            "list_searches": self._list,
            "inspect_search": self._inspect,
            "set_status": self._set_status,
            "page": self._page,
        }

    def answer(self, request: object, *, units: int) -> Reply:
        """Carry out one request; errors that the script catches come back as HTTP 200 with ``ok: false``."""
        action = str(request.get("action")) if isinstance(request, dict) else ""
        left = units - _UNITS.get(action, 0)
        envelope: dict[str, object] = {"ok": True, "version": VERSION, "remaining_units": max(left, 0)}
        try:
            envelope["result"] = self._carry_out(request, action, left)
        except Refusal as refusal:
            envelope |= {"ok": False, "error": {"code": refusal.code, "message": refusal.detail}}
        return plain_json(envelope)

    def _carry_out(self, request: object, action: str, units_left: int) -> dict[str, object]:
        if not isinstance(request, dict) or not request.get("action"):
            raise Refusal(400, "SSS_MISSING_REQD_ARGUMENT", "Missing a required argument: action")
        if action not in self._actions:
            raise Refusal(400, "SSS_INVALID_ACTION", f"Unknown action '{action}'.")
        if units_left < 0:
            raise Refusal(400, "SSS_USAGE_LIMIT_EXCEEDED", "Script Execution Usage Limit Exceeded")
        return self._actions[action](request)

    def _list(self, request: Mapping[str, object]) -> dict[str, object]:
        rows = self._books.reader().execute("SELECT id, scriptid, title, owner FROM savedsearch ORDER BY title, id")
        searches = [
            {
                "id": str(row["id"]),
                "script_id": row["scriptid"],
                "title": row["title"],
                "record_type": "salesorder",
                "owner": row["owner"],
            }
            for row in rows
        ]
        return {"searches": searches}

    def _inspect(self, request: Mapping[str, object]) -> dict[str, object]:
        search = find_search(self._books.reader(), _needed(request, "search"))
        columns = [_described(index, column) for index, column in enumerate(search.columns)]
        filters = [_criterion(one) for one in search.filters]
        return {
            "id": str(search.id),
            "script_id": search.script_id,
            "title": search.title,
            "record_type": "salesorder",
            "columns": columns,
            "filters": filters,
            "status_criterion": search.status_criterion(),
        }

    def _set_status(self, request: Mapping[str, object]) -> dict[str, object]:
        """Rewrite the status criterion only; it is added when there is none."""
        key, statuses = _needed(request, "search"), _needed(request, "statuses")
        valid = {f"SalesOrd:{letter}" for letter in SEARCH_STATUS}
        if (
            not isinstance(statuses, list)
            or not statuses
            or not all(isinstance(one, str) and one in valid for one in statuses)
        ):
            raise Refusal(
                400, "SSS_INVALID_SRCH_FILTER_VAL", "The statuses must be a list of values such as SalesOrd:F."
            )
        with self._books.writing() as connection:
            search = find_search(connection, key)
            criterion = search.status_criterion()
            if not criterion["writable"]:
                raise Refusal(400, "STATUS_NOT_WRITABLE", str(criterion["reason"]))
            if search.status_filters:
                search.status_filters[0]["values"] = list(statuses)
            else:
                search.filters.append({"name": "status", "operator": "anyof", "values": list(statuses), "join": None})
            connection.execute(
                "UPDATE savedsearch SET filters = ?, lastmodified = ? WHERE id = ?",
                (json.dumps(search.filters), self._books.clock.instant(), search.id),
            )
        return {"before": criterion["values"], "after": list(statuses)}

    def _page(self, request: Mapping[str, object]) -> dict[str, object]:
        key, index, size = (_needed(request, name) for name in ("search", "index", "page_size"))
        if isinstance(size, bool) or not isinstance(size, int) or not 5 <= size <= 1000:
            raise Refusal(400, "SSS_INVALID_PAGE_SIZE", "The page size must be between 5 and 1000.")
        search = find_search(self._books.reader(), key)
        ids = self._matching(search)
        pages = -(-len(ids) // size)
        if isinstance(index, bool) or not isinstance(index, int) or index < 0 or (index >= pages and index > 0):
            raise Refusal(400, "INVALID_PAGE_RANGE", "Invalid page range.")
        if pages > _MAX_PAGES:
            raise Refusal(400, "INVALID_PAGE_RANGE", f"A search may have at most {_MAX_PAGES} pages.")
        rows = _rows(self._books.reader(), search, list(ids[index * size : (index + 1) * size]))
        return {"count": len(ids), "page_size": size, "page_count": pages, "index": index, "rows": rows}

    def _matching(self, search: Search) -> array[int]:
        connection = self._books.reader()
        statement, values = select_of(search)
        version = connection.execute("PRAGMA data_version").fetchone()[0]
        key = (id(connection), version, f"{statement} {values}")
        with self._lock:
            if key in self._results:
                return self._results[key]
        ids = array("q", (row[0] for row in connection.execute(statement, values)))
        with self._lock:
            while len(self._results) >= 8:
                self._results.pop(next(iter(self._results)))
            self._results[key] = ids
        return ids


def _rows(connection: sqlite3.Connection, search: Search, ids: list[int]) -> list[dict[str, object]]:
    fields = []
    for column in search.columns:
        field = COLUMNS.get(column["name"])
        if (
            field is None
            or column.get("join")
            or column.get("summary")
            or column.get("formula")
            or field.sql.endswith(("mainline", "taxline", "item", "quantity"))
        ):
            raise Refusal(
                400, "SSS_INVALID_SRCH_COL", f"The simulator cannot evaluate the search column '{column['name']}'."
            )
        fields.append(field)
    parts = [f"{field.sql}, {field.text_sql or 'NULL'}" for field in fields]
    marks = ", ".join("?" for _ in ids)
    found = {
        row[0]: row
        for row in connection.execute(f"SELECT t.id, {', '.join(parts)} FROM txn t WHERE t.id IN ({marks})", ids)
    }
    rows: list[dict[str, object]] = []
    for key in ids:
        cells = [cell(field, found[key][2 * at + 1], found[key][2 * at + 2]) for at, field in enumerate(fields)]
        rows.append({"id": str(key), "values": [value for value, _ in cells], "texts": [text for _, text in cells]})
    return rows


def _described(index: int, column: Mapping[str, object]) -> dict[str, object]:
    name = str(column["name"])
    known = COLUMNS.get(name)
    default_type = ("select" if known.type == "status" else known.type) if known else "text"
    optional = {key: column.get(key) for key in ("join", "summary", "formula", "sort")}
    return {
        "index": index,
        "name": name,
        "label": column.get("label"),
        "type": column.get("type") or default_type,
        **optional,
    }


def _criterion(one: object) -> object:
    if not isinstance(one, dict):
        return one
    return {
        "name": one["name"],
        "operator": one["operator"],
        "values": one.get("values") or [],
        "join": one.get("join"),
    }


def _needed(request: Mapping[str, object], name: str) -> object:
    if request.get(name) in (None, ""):
        raise Refusal(400, "SSS_MISSING_REQD_ARGUMENT", f"Missing a required argument: {name}")
    return request[name]
