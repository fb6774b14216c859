"""SuiteQL: read a query to its last row in windows of its key, side by side, checked against a count.

A query gives at most 100,000 rows by offset, and announces no more than that many (netsuite 6.1). So pages are
windows on an ascending id, and what must come is asked for with ``COUNT(*)``, which no cap touches.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from nsbill.errors import NetSuiteError
from nsbill.netsuite.client import Call, Client
from nsbill.netsuite.columns import Kind, as_text, text_table, typed
from nsbill.netsuite.parallel import in_parallel
from nsbill.progress import Progress, silent

__all__ = ["Query", "as_ids", "chunks", "query_page", "query_table", "quoted"]

PAGE_SIZE = 1000
ROW_CAP = 100_000
_ATTEMPTS = 3
_FULL = 8, 10
"""How full a window is planned: eight tenths, so that uneven ids seldom need a second request."""


@dataclass(frozen=True)
class Query:
    """A query that can be read in windows.

    ``columns``: name → (expression, kind); the one named ``id`` is unique and a whole number. ``source`` is what
    follows FROM, ``where`` the conditions.
    """

    what: str
    columns: Mapping[str, tuple[str, Kind]]
    source: str
    where: str = ""

    @property
    def key(self) -> str:
        """The expression that the windows are cut by."""
        return self.columns["id"][0]

    def window(self, low: int | None, high: int | None) -> str:
        """Write the query for ``low < key <= high`` in the order of the key."""
        names = ", ".join(f"{expression} AS {name}" for name, (expression, _) in self.columns.items())
        return f"SELECT {names} FROM {self.source}{self._where(low, high)} ORDER BY {self.key}"

    def bounds(self, low: int) -> str:
        """Write the query that counts the rows above ``low`` and finds their highest key."""
        return f"SELECT COUNT(*) AS n, MAX({self.key}) AS high FROM {self.source}{self._where(low, None)}"

    def _where(self, low: int | None, high: int | None) -> str:
        tests = [f"({self.where})"] if self.where else []
        tests += [f"{self.key} > {low}"] if low is not None else []
        tests += [f"{self.key} <= {high}"] if high is not None else []
        return f" WHERE {' AND '.join(tests)}" if tests else ""


@dataclass(frozen=True)
class _Window:
    """One page of a window: its rows as texts, how many the whole window announced, and where the window ends."""

    rows: pa.Table
    announced: int
    high: int | None

    @property
    def last(self) -> int:
        return int(self.rows["id"][-1].as_py())

    @property
    def complete(self) -> bool:
        """Whether nothing of the window is left; an announced total at the cap says nothing."""
        read: int = self.rows.num_rows
        return read < PAGE_SIZE or read == self.announced < ROW_CAP


def query_page(client: Client, what: str, query: str) -> tuple[list[dict[str, str]], int]:
    """Run ``query``; returns at most 1,000 rows (values are texts, nulls are absent) and the announced total."""
    items, total = _page(client, what, query)
    texts = [{name: as_text(value) for name, value in item.items() if name != "links"} for item in items]
    return [{name: text for name, text in row.items() if text is not None} for row in texts], total


def query_table(client: Client, query: Query, *, progress: Progress = silent) -> pa.Table:
    """Read every row of ``query`` in the order of its key, each column typed.

    Raises
    ------
    NetSuiteError
        The rows read differ from those counted three times in a row, or a value cannot be read as its column's kind.
    """
    changed = ""
    for _ in range(_ATTEMPTS):
        rows, changed = _read(client, query, progress)
        if not changed:
            return typed(query.what, rows, {name: kind for name, (_, kind) in query.columns.items()})
    raise NetSuiteError(
        query.what,
        status=200,
        code="CHANGED_WHILE_READ",
        detail=f"the books changed while they were read, {_ATTEMPTS} times: {changed}",
        remedy="Try again when no import is running.",
    )


def chunks(values: Sequence[str], size: int = 500) -> list[Sequence[str]]:
    """Cut a list into pieces that fit an IN list (netsuite 6.1)."""
    return [values[start : start + size] for start in range(0, len(values), size)]


def quoted(values: Sequence[str]) -> str:
    """Write texts as a SuiteQL IN list; quotes inside are doubled."""
    return ", ".join("'" + str(value).replace("'", "''") + "'" for value in values)


def as_ids(values: list[str]) -> list[Any]:
    """Check that internal ids are digits before they enter a query."""
    wrong = [value for value in values if not value.isdigit()]
    if wrong:
        raise ValueError(f"not an internal id: {wrong[0]!r}")
    return values


def _read(client: Client, query: Query, progress: Progress) -> tuple[pa.Table, str]:
    """Read all windows once; returns the rows and, when they are not what was counted, in what they differ."""
    first = _window(client, query, None, None)
    if first.complete:
        return first.rows, _difference(first.rows, first.announced)
    bounds, _ = query_page(client, f"{query.what}: count", query.bounds(first.last))
    counted = first.rows.num_rows + int(bounds[0]["n"])
    if "high" not in bounds[0]:  # what was announced beyond the first page is gone
        return first.rows, _difference(first.rows, counted)
    pages, done = [first], first.rows.num_rows
    progress(done, counted, "rows")

    def work(span: tuple[int, int]) -> tuple[_Window, Iterable[tuple[int, int]]]:
        window = _window(client, query, *span)
        if window.complete:
            return window, ()
        return window, _spans(window.last, span[1], window.announced - window.rows.num_rows)

    for page in in_parallel(
        client.settings.slots, work, _spans(first.last, int(bounds[0]["high"]), int(bounds[0]["n"]))
    ):
        pages.append(page)
        done += page.rows.num_rows
        progress(done, counted, "rows")
    filled = sorted((page for page in pages if page.rows.num_rows), key=lambda page: page.last)
    rows = pa.concat_tables([page.rows for page in filled])
    return rows, _difference(rows, counted)


def _difference(rows: pa.Table, counted: int) -> str:
    if rows.num_rows != counted:
        return f"{rows.num_rows:,} rows were read where {counted:,} were counted"
    if pc.count_distinct(rows["id"]).as_py() != rows.num_rows:
        return "an id came twice"
    return ""


def _spans(low: int, high: int, rows: int) -> list[tuple[int, int]]:
    """Cut ``low < key <= high`` into windows that hold about eight tenths of a page each, if ids are even."""
    per_window = max(1, PAGE_SIZE * _FULL[0] // _FULL[1])
    number = max(1, min(-(-rows // per_window), high - low))
    edges = [low + (high - low) * step // number for step in range(number + 1)]
    return list(pairwise(edges))


def _window(client: Client, query: Query, low: int | None, high: int | None) -> _Window:
    items, announced = _page(client, query.what, query.window(low, high))
    return _Window(text_table(items, query.columns), announced, high)


def _page(client: Client, what: str, query: str) -> tuple[list[dict[str, Any]], int]:
    reply = client.send(
        Call(
            what,
            "POST",
            f"{client.settings.rest_url}/services/rest/query/v1/suiteql",
            params={"limit": str(PAGE_SIZE), "offset": "0"},
            json={"q": query},
            headers={"Prefer": "transient"},
        )
    )
    body = reply.body
    if not isinstance(body, dict) or not isinstance(body.get("items"), list) or "totalResults" not in body:
        raise NetSuiteError(
            what,
            status=reply.status,
            code="UNEXPECTED_SHAPE",
            detail="the answer to a query holds no 'items' with a 'totalResults'",
            remedy="Is 'base_url' in the settings a NetSuite address? Run: nsbill doctor.",
        )
    return body["items"], int(body["totalResults"])
