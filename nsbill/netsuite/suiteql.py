"""SuiteQL: read a query to its last row by key windows, checked against the announced total.

A query may return at most 100,000 rows by offset (netsuite.md 6.1), so pages are windows on an ascending id.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nsbill.errors import NetSuiteError
from nsbill.netsuite.client import Call, Client

__all__ = ["query_all", "query_page"]

PAGE_SIZE = 1000
_RESTARTS = 3


def query_page(client: Client, what: str, query: str) -> tuple[list[dict[str, str]], int]:
    """Run ``query``; returns at most 1,000 rows (values are texts, nulls are absent) and the announced total."""
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
    items = [{k: str(v) for k, v in item.items() if k != "links"} for item in reply.body["items"]]
    return items, int(reply.body["totalResults"])


def query_all(client: Client, what: str, query: str, *, key: str) -> list[dict[str, str]]:
    """Read every row of ``query``, which must contain ``{window}`` where ``key > last`` belongs and select ``id``.

    Raises
    ------
    NetSuiteError
        The rows read differ from the announced total three times in a row: the books change too fast.
    """
    rows, announced = _windows(client, what, query, key)
    for _ in range(_RESTARTS - 1):
        if len(rows) == announced:
            return rows
        rows, announced = _windows(client, what, query, key)
    if len(rows) == announced:
        return rows
    raise NetSuiteError(
        what,
        status=200,
        code="CHANGED_WHILE_READ",
        detail=f"{len(rows)} rows were read where {announced} were announced",
        remedy="Try again when no import is running.",
    )


def _windows(client: Client, what: str, query: str, key: str) -> tuple[list[dict[str, str]], int]:
    rows: list[dict[str, str]] = []
    announced, last = -1, 0
    while True:
        page, left = query_page(client, what, f"{query.format(window=f'{key} > {last}')} ORDER BY {key}")
        announced = left if announced < 0 else announced
        rows += page
        if len(page) == left:
            return rows, announced
        last = int(page[-1]["id"])


def quoted(values: Sequence[str]) -> str:
    """Write texts as a SuiteQL IN list; quotes inside are doubled."""
    return ", ".join("'" + str(value).replace("'", "''") + "'" for value in values)


def as_ids(values: list[str]) -> list[Any]:
    """Check that internal ids are digits before they enter a query."""
    wrong = [value for value in values if not value.isdigit()]
    if wrong:
        raise ValueError(f"not an internal id: {wrong[0]!r}")
    return values
