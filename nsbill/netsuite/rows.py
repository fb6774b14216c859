"""From the rows of a saved search to the orders frame: columns found by name, values typed, bad rows listed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from nsbill.errors import SearchError
from nsbill.netsuite.columns import amounts, blank_to_null, dates, mapped
from nsbill.netsuite.pages import SearchRows
from nsbill.schemas import ORDERS, PLAN_SKIPPED
from nsbill.settings import Settings
from nsbill.vocabulary import BillingMode, SkipReason

__all__ = [
    "STATUS_LETTER",
    "LoadedOrders",
    "SearchColumn",
    "Wanted",
    "find_columns",
    "orders_from_rows",
    "places",
    "usable",
    "wanted_columns",
]

_WORD_LETTER = {
    "pendingApproval": "A",
    "pendingFulfillment": "B",
    "cancelled": "C",
    "partiallyFulfilled": "D",
    "pendingBillingPartFulfilled": "E",
    "pendingBilling": "F",
    "fullyBilled": "G",
    "closed": "H",
}
"""Values of the search column ``statusref`` to status letters (netsuite 5.1)."""

_PAYMENT = "paymentmethod"

STATUS_LETTER = {
    **_WORD_LETTER,
    **{letter: letter for letter in _WORD_LETTER.values()},
    **{f"SalesOrd:{letter}": letter for letter in _WORD_LETTER.values()},
}
"""Every spelling of an order's status that a search may give, to its letter (netsuite 5.2)."""


@dataclass(frozen=True)
class SearchColumn:
    """A column of a saved search."""

    index: int
    name: str
    label: str
    join: str | None
    type: str
    summary: str | None = None
    formula: str | None = None
    function: str | None = None
    sort: str | None = None


@dataclass(frozen=True)
class Wanted:
    """A column that nsbill reads: its name in ORDERS, the search fields that will do, and whether it must be there."""

    name: str
    fields: tuple[str, ...]
    needed: bool


@dataclass(frozen=True)
class LoadedOrders:
    """``orders`` (schema ORDERS) and ``problems`` (schema PLAN_SKIPPED, reason bad_row): together every row."""

    orders: pd.DataFrame
    problems: pd.DataFrame


def orders_from_rows(
    title: str,
    columns: tuple[SearchColumn, ...],
    rows: SearchRows,
    currencies: dict[str, str],
    settings: Settings,
) -> LoadedOrders:
    """Type the rows of a search into ORDERS; rows with an unusable value are listed as problems.

    Raises
    ------
    SearchError
        A needed column is missing; says which, and which are there.
    """
    found = find_columns(title, columns, settings)

    def value(name: str) -> pa.ChunkedArray:
        if name not in found:
            return pa.nulls(len(rows.ids), pa.string())
        return blank_to_null(rows.raw[str(found[name])])

    def text(name: str) -> pa.ChunkedArray:
        if name not in found:
            return pa.nulls(len(rows.ids), pa.string())
        return pc.coalesce(blank_to_null(rows.shown[str(found[name])]), value(name))

    typed = {
        "status": mapped(value("status"), STATUS_LETTER),
        "currency": mapped(value("currency"), currencies),
        "total": amounts(value("total")),
        "order_date": dates(value("order_date")),
        "ship_date": dates(value("ship_date")),
    }
    table = pa.table(
        {
            **typed,
            "sales_order_id": value("sales_order_id"),
            "sales_order_number": pc.coalesce(value("sales_order_number"), value("sales_order_id")),
            "amazon_order_id": value("amazon_order_id"),
            **{name: text(name) for name in ("customer", "subsidiary", "marketplace", "payment_method")},
            "route_value": _ticked(value("payment_method" if settings.route_field == _PAYMENT else "route_value")),
        }
    )
    problem: Any = pa.nulls(len(rows.ids), pa.string())
    for name, column in typed.items():
        may_be_empty = name == "ship_date"
        fits = pc.or_(pc.is_valid(column), pc.is_null(value(name))) if may_be_empty else pc.is_valid(column)
        problem = pc.if_else(fits, problem, pc.coalesce(problem, _complaint(name, value(name))))
    good = pc.is_null(problem)
    return LoadedOrders(ORDERS.from_arrow(table.filter(good)), _problems(table, problem))


def wanted_columns(settings: Settings) -> tuple[Wanted, ...]:
    """List the columns that nsbill reads from a saved search under these settings."""
    routing = settings.mode is BillingMode.AUTO
    by_ship_date = settings.transaction_date == "ship-date"
    return (
        Wanted("sales_order_id", ("internalid",), needed=True),
        Wanted("sales_order_number", ("tranid",), needed=True),
        Wanted("amazon_order_id", (settings.amazon_order_id_field,), needed=True),
        Wanted("order_date", ("trandate",), needed=True),
        Wanted("ship_date", ("shipdate",), needed=by_ship_date),
        Wanted("status", ("statusref", "status"), needed=True),
        Wanted("customer", ("entity",), needed=False),
        Wanted("subsidiary", ("subsidiary",), needed=False),
        Wanted("marketplace", (settings.marketplace_field,), needed=False),
        Wanted("currency", ("currency",), needed=True),
        Wanted("total", ("fxamount",), needed=True),
        Wanted("payment_method", (_PAYMENT,), needed=routing and settings.route_field == _PAYMENT),
        *(
            [Wanted("route_value", (settings.route_field,), needed=True)]
            if routing and settings.route_field != _PAYMENT
            else []
        ),
    )


def usable(column: SearchColumn) -> bool:
    """Whether a column holds a field of the order itself, and not a joined, summed or computed one."""
    return not (column.join or column.summary or column.formula or column.function)


def places(columns: tuple[SearchColumn, ...], settings: Settings) -> dict[str, int]:
    """Find the wanted columns among the search's own: name in ORDERS to position; those that are not there lack."""
    present: dict[str, int] = {}
    for column in columns:
        if usable(column):
            present.setdefault(column.name, column.index)
    found = {}
    for wanted in wanted_columns(settings):
        place = next((present[field] for field in wanted.fields if field in present), None)
        if place is not None:
            found[wanted.name] = place
    return found


def find_columns(title: str, columns: tuple[SearchColumn, ...], settings: Settings) -> dict[str, int]:
    """Find the wanted columns like ``places``, and refuse a search that lacks a needed one, naming those it has."""
    found = places(columns, settings)
    missing = sorted(w.fields[0] for w in wanted_columns(settings) if w.needed and w.name not in found)
    if missing:
        there = ", ".join(sorted({column.name for column in columns if usable(column)}))
        raise SearchError(
            f"Saved search '{title}'",
            status=200,
            code="MISSING_COLUMNS",
            detail=f"it lacks the columns {', '.join(missing)}; it has {there}",
            remedy="Add them to the search's results in NetSuite, or choose another search: nsbill searches.",
        )
    return found


def _ticked(column: Any) -> Any:
    """A box that is not ticked (``F``) says no more than an empty field."""
    return pc.if_else(pc.equal(column, "F"), pa.scalar(None, pa.string()), column)


def _complaint(name: str, found: Any) -> Any:
    words = f"The {name.replace('_', ' ')} is not usable: found '"
    return pc.binary_join_element_wise(
        words, pc.fill_null(found, ""), "'. Correct it in NetSuite, then plan again.", ""
    )


def _problems(table: pa.Table, problem: Any) -> pd.DataFrame:
    bad = pc.is_valid(problem)
    rows = table.filter(bad)
    return PLAN_SKIPPED.from_arrow(
        rows.select(["sales_order_id", "sales_order_number", "amazon_order_id", "currency", "status"])
        .append_column("amount", rows["total"])
        .append_column("reason", pa.array([SkipReason.BAD_ROW.value] * rows.num_rows, pa.string()))
        .append_column("explanation", pc.filter(problem, bad))
    )
