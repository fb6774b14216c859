"""Saved searches through the RESTlet: list, inspect, rewrite the status criterion, load into a DataFrame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from nsbill.errors import SearchError
from nsbill.netsuite.client import Client
from nsbill.netsuite.pages import PAGE_SIZE, PageSource, SearchRows, read_first_page, read_pages
from nsbill.netsuite.protocol import ask
from nsbill.netsuite.rows import LoadedOrders, SearchColumn, find_columns, orders_from_rows
from nsbill.progress import Progress, silent
from nsbill.vocabulary import ORDER_STATUS_TEXT, BillingStatus

__all__ = [
    "SavedSearch",
    "StatusCriterion",
    "first_rows",
    "inspect_search",
    "list_searches",
    "load_orders",
    "write_status",
]


@dataclass(frozen=True)
class StatusCriterion:
    """The saved search's own criterion on the order status, as NetSuite has it now."""

    values: tuple[str, ...]
    writable: bool
    reason: str | None
    operator: str | None = "anyof"

    @property
    def letters(self) -> frozenset[str]:
        """The status letters that it lets through; empty when there is no criterion."""
        named = frozenset(value.rsplit(":", 1)[-1] for value in self.values)
        return frozenset(ORDER_STATUS_TEXT) - named if named and self.operator == "noneof" else named

    @property
    def billing_status(self) -> BillingStatus | None:
        """The billing status that it amounts to; ``None`` for anything else."""
        return next((s for s in BillingStatus if self.letters == {s.letter}), None)


@dataclass(frozen=True)
class SavedSearch:
    """A saved search on sales orders: identity, columns, status criterion, other criteria.

    ``filters`` are the leaf terms of the criteria; ``expression`` is the whole, as N/search writes it.
    """

    id: str
    script_id: str
    title: str
    columns: tuple[SearchColumn, ...]
    filters: tuple[dict[str, Any], ...]
    status: StatusCriterion
    record_type: str = "salesorder"
    expression: tuple[Any, ...] = ()

    @property
    def main_line(self) -> bool:
        """Whether a criterion keeps the search to one row an order (netsuite 7.2)."""
        return any(
            f["name"] == "mainline" and not f.get("join") and [str(v).upper()[:1] for v in f["values"]] == ["T"]
            for f in self.filters
        )

    @property
    def summary(self) -> bool:
        """Whether the search sums orders up, so that its rows are no orders."""
        return any(column.summary for column in self.columns)

    @property
    def source(self) -> PageSource:
        """What reading its pages needs."""
        return PageSource(self.id, self.title, len(self.columns), one_row_an_order=self.main_line)


def list_searches(client: Client) -> pd.DataFrame:
    """List the saved searches on sales orders that the role sees: id, script_id, title, owner."""
    found = ask(client, "List the saved searches", {"action": "list_searches"})["searches"]
    return pd.DataFrame(found, columns=["id", "script_id", "title", "owner"], dtype="string[pyarrow]")


def inspect_search(client: Client, search: str) -> SavedSearch:
    """Read columns and criteria of a saved search by id or script id.

    Raises
    ------
    SearchError
        The search is unknown, or not visible to the role.
    """
    found = ask(client, f"Saved search '{search}'", {"action": "inspect_search", "search": search})
    criterion = found["status_criterion"]
    return SavedSearch(
        id=str(found["id"]),
        script_id=str(found["script_id"]),
        title=str(found["title"]),
        columns=tuple(_column(one) for one in found["columns"]),
        filters=tuple(found["filters"]),
        status=StatusCriterion(
            tuple(criterion["values"]), criterion["writable"], criterion["reason"], criterion["operator"]
        ),
        record_type=str(found["record_type"]),
        expression=tuple(found["filter_expression"]),
    )


def _column(found: dict[str, Any]) -> SearchColumn:
    optional = {name: found[name] or None for name in ("summary", "formula", "function", "sort")}
    return SearchColumn(
        found["index"], found["name"], found["label"] or "", found["join"] or None, found["type"], **optional
    )


def write_status(client: Client, search: str, status: BillingStatus) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Rewrite the search's status criterion in NetSuite, leaving its other criteria; returns (before, after)."""
    request = {"action": "set_status", "search": search, "statuses": [status.search_code]}
    changed = ask(client, f"Write '{status.text}' to saved search '{search}'", request)
    return tuple(changed["before"]), tuple(changed["after"])


def first_rows(client: Client, search: SavedSearch) -> SearchRows:
    """Read the first page of a search only, for a look at what it gives."""
    return read_first_page(client, search.source, page_size=PAGE_SIZE)


def load_orders(
    client: Client, search: SavedSearch, currencies: dict[str, str], *, progress: Progress = silent
) -> LoadedOrders:
    """Load every row of the search, checked against the announced total; amounts exact.

    ``currencies`` maps NetSuite's currency ids to ISO codes. Rows that cannot be read become ``problems``.

    Raises
    ------
    SearchError
        A needed column is missing, the search sums up or repeats orders, or it changes faster than it can be read.
    """
    if search.summary:
        raise SearchError(
            f"Saved search '{search.title}'",
            status=200,
            code="SUMMARY_SEARCH",
            detail="it sums orders up, so its rows are no orders",
            remedy="Remove the summary types from its results in NetSuite, or choose another: nsbill searches.",
        )
    find_columns(search.title, search.columns, client.settings)  # before 100,000 rows are read for nothing
    rows = read_pages(client, search.source, page_size=PAGE_SIZE, progress=progress)
    return orders_from_rows(search.title, search.columns, rows, currencies, client.settings)
