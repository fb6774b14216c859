"""Saved searches through the RESTlet: list, inspect, rewrite the status criterion, load into a DataFrame."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pandas as pd

from nsbill.errors import NetSuiteError, SearchError
from nsbill.netsuite.client import Call, Client
from nsbill.netsuite.replies import Reply
from nsbill.netsuite.rows import LoadedOrders, SearchColumn, orders_from_rows
from nsbill.progress import Progress, silent
from nsbill.vocabulary import BillingStatus

__all__ = ["SavedSearch", "StatusCriterion", "inspect_search", "list_searches", "load_orders", "write_status"]

PAGE_SIZE = 1000
_RESTARTS = 3


@dataclass(frozen=True)
class StatusCriterion:
    """The saved search's own criterion on the order status, as NetSuite has it now."""

    values: tuple[str, ...]
    writable: bool
    reason: str | None

    @property
    def letters(self) -> frozenset[str]:
        """The status letters that it lets through; empty when there is no criterion."""
        return frozenset(value.rsplit(":", 1)[-1] for value in self.values)

    @property
    def billing_status(self) -> BillingStatus | None:
        """The billing status that it amounts to; ``None`` for anything else."""
        return next((s for s in BillingStatus if self.letters == {s.letter}), None)


@dataclass(frozen=True)
class SavedSearch:
    """A saved search on sales orders: identity, columns, status criterion, other criteria."""

    id: str
    script_id: str
    title: str
    columns: tuple[SearchColumn, ...]
    filters: tuple[dict[str, Any], ...]
    status: StatusCriterion


def list_searches(client: Client) -> pd.DataFrame:
    """List the saved searches on sales orders that the role sees: id, script_id, title, owner."""
    found = _ask(client, "List the saved searches", {"action": "list_searches"})["searches"]
    return pd.DataFrame(found, columns=["id", "script_id", "title", "owner"], dtype="string[pyarrow]")


def inspect_search(client: Client, search: str) -> SavedSearch:
    """Read columns and criteria of a saved search by id or script id.

    Raises
    ------
    SearchError
        The search is unknown, or not visible to the role.
    """
    found = _ask(client, f"Saved search '{search}'", {"action": "inspect_search", "search": search})
    criterion = found["status_criterion"]
    return SavedSearch(
        id=str(found["id"]),
        script_id=found["script_id"],
        title=found["title"],
        columns=tuple(
            SearchColumn(c["index"], c["name"], c["label"] or "", c["join"], c["type"]) for c in found["columns"]
        ),
        filters=tuple(found["filters"]),
        status=StatusCriterion(tuple(criterion["values"]), criterion["writable"], criterion["reason"]),
    )


def write_status(client: Client, search: str, status: BillingStatus) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Rewrite the search's status criterion in NetSuite, leaving its other criteria; returns (before, after)."""
    request = {"action": "set_status", "search": search, "statuses": [status.search_code]}
    changed = _ask(client, f"Write '{status.text}' to saved search '{search}'", request)
    return tuple(changed["before"]), tuple(changed["after"])


def load_orders(
    client: Client, search: SavedSearch, currencies: dict[str, str], *, progress: Progress = silent
) -> LoadedOrders:
    """Load every row of the search, checked against the announced total; amounts exact.

    ``currencies`` maps NetSuite's currency ids to ISO codes. Rows that cannot be read become ``problems``.

    Raises
    ------
    SearchError
        A needed column is missing, the search repeats orders, or it changes faster than it can be read.
    """
    for _ in range(_RESTARTS):
        rows = _all_pages(client, search, progress)
        if rows is None:
            continue
        ids = [row["id"] for row in rows]
        if len(set(ids)) == len(ids):
            return orders_from_rows(search.title, search.columns, rows, currencies, client.settings)
        if not any(f["name"] == "mainline" for f in search.filters):
            raise _unusable(search, "returns the same order several times", "Add the criterion 'Main Line is true'.")
    raise _unusable(search, "changed while it was read, three times", "Try again when no import is running.")


def _all_pages(client: Client, search: SavedSearch, progress: Progress) -> list[dict[str, Any]] | None:
    """Read all pages; ``None`` when the announced total changed meanwhile."""
    first = _page(client, search, 0)
    count, pages = first["count"], [first]
    progress(len(first["rows"]), count, "rows")
    with ThreadPoolExecutor(client.settings.slots) as pool:
        for page in pool.map(lambda index: _page(client, search, index), range(1, first["page_count"])):
            pages.append(page)
            progress(sum(len(p["rows"]) for p in pages), count, "rows")
    rows = [row for page in pages for row in page["rows"]]
    steady = all(page["count"] == count for page in pages) and len(rows) == count
    return rows if steady else None


def _page(client: Client, search: SavedSearch, index: int) -> dict[str, Any]:
    request = {"action": "page", "search": search.id, "index": index, "page_size": PAGE_SIZE}
    answer: dict[str, Any] = _ask(client, f"Saved search '{search.title}', page {index + 1}", request)
    return answer


def _ask(client: Client, what: str, request: dict[str, Any]) -> Any:
    settings = client.settings
    reply = client.send(
        Call(
            what,
            "POST",
            settings.restlet_url,
            params={"script": settings.script, "deploy": settings.deploy},
            json=request,
            headers={"Content-Type": "application/json"},
        )
    )
    return _result(what, reply)


def _result(what: str, reply: Reply) -> Any:
    body = reply.body
    if not isinstance(body, dict) or "ok" not in body:
        raise NetSuiteError(
            what,
            status=reply.status,
            code="NO_ENVELOPE",
            detail="the RESTlet does not speak nsbill's protocol",
            remedy="Check 'script' and 'deploy' in the settings, or deploy nsbill's RESTlet again.",
        )
    if body["ok"]:
        return body["result"]
    error = body["error"]
    kind, remedy = NetSuiteError, "See NetSuite's text."
    if error["code"] == "INVALID_SEARCH":
        kind, remedy = SearchError, "List the searches that this role sees with: nsbill searches."
    raise kind(what, status=reply.status, code=error["code"], detail=error["message"], remedy=remedy)


def _unusable(search: SavedSearch, problem: str, remedy: str) -> SearchError:
    return SearchError(
        f"Saved search '{search.title}' ({search.script_id})",
        status=200,
        code="UNUSABLE_SEARCH",
        detail=f"it {problem}",
        remedy=remedy,
    )
