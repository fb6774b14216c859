"""From the rows of a saved search to the orders frame: columns found by name, values typed, bad rows listed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from nsbill.errors import SearchError
from nsbill.netsuite.columns import amounts, blank_to_null, dates, mapped
from nsbill.schemas import ORDERS, PLAN_SKIPPED
from nsbill.settings import Settings
from nsbill.vocabulary import SkipReason

__all__ = ["LoadedOrders", "SearchColumn", "orders_from_rows"]

STATUS_LETTER = {
    "pendingApproval": "A",
    "pendingFulfillment": "B",
    "cancelled": "C",
    "partiallyFulfilled": "D",
    "pendingBillingPartFulfilled": "E",
    "pendingBilling": "F",
    "fullyBilled": "G",
    "closed": "H",
}
"""Values of the search column ``statusref`` to status letters (netsuite.md 5.1)."""


@dataclass(frozen=True)
class SearchColumn:
    """A column of a saved search."""

    index: int
    name: str
    label: str
    join: str | None
    type: str


@dataclass(frozen=True)
class LoadedOrders:
    """``orders`` (schema ORDERS) and ``problems`` (schema PLAN_SKIPPED, reason bad_row): together every row."""

    orders: pd.DataFrame
    problems: pd.DataFrame


def orders_from_rows(
    title: str,
    columns: tuple[SearchColumn, ...],
    rows: list[dict[str, Any]],
    currencies: dict[str, str],
    settings: Settings,
) -> LoadedOrders:
    """Type the rows of a search into ORDERS; rows with an unusable value are listed as problems.

    Raises
    ------
    SearchError
        A needed column is missing; says which, and which are there.
    """
    places = _places(title, columns, settings)
    width = len(columns)
    values = pa.table({str(i): pa.array([r["values"][i] for r in rows], pa.string()) for i in range(width)})
    texts = pa.table({str(i): pa.array([r["texts"][i] for r in rows], pa.string()) for i in range(width)})

    def value(name: str) -> pa.ChunkedArray:
        return blank_to_null(values[str(places[name])]) if name in places else pa.nulls(len(rows), pa.string())

    def text(name: str) -> pa.ChunkedArray:
        if name not in places:
            return pa.nulls(len(rows), pa.string())
        return pc.coalesce(blank_to_null(texts[str(places[name])]), value(name))

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
        }
    )
    problem: Any = pa.nulls(len(rows), pa.string())
    for name, column in typed.items():
        may_be_empty = name == "ship_date"
        fits = pc.or_(pc.is_valid(column), pc.is_null(value(name))) if may_be_empty else pc.is_valid(column)
        problem = pc.if_else(fits, problem, pc.coalesce(problem, _complaint(name, value(name))))
    good = pc.is_null(problem)
    return LoadedOrders(ORDERS.from_arrow(table.filter(good)), _problems(table, problem))


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


def _places(title: str, columns: tuple[SearchColumn, ...], settings: Settings) -> dict[str, int]:
    """Find nsbill's columns among the search's own, by field name."""
    fields = {
        "sales_order_id": "internalid",
        "sales_order_number": "tranid",
        "amazon_order_id": settings.amazon_order_id_field,
        "order_date": "trandate",
        "ship_date": "shipdate",
        "status": "statusref",
        "customer": "entity",
        "subsidiary": "subsidiary",
        "marketplace": settings.marketplace_field,
        "currency": "currency",
        "total": "fxamount",
        "payment_method": "paymentmethod",
    }
    needed = {"sales_order_id", "sales_order_number", "amazon_order_id", "order_date", "status", "currency", "total"}
    if settings.invoice_flow and settings.cash_sale_flow:
        needed.add("payment_method")  # routing needs it
    if settings.transaction_date == "ship-date":
        needed.add("ship_date")
    present = {column.name: column.index for column in columns if column.join is None}
    missing = sorted(fields[name] for name in needed if fields[name] not in present)
    if missing:
        raise SearchError(
            f"Saved search '{title}'",
            status=200,
            code="MISSING_COLUMNS",
            detail=f"it lacks the columns {', '.join(missing)}; it has {', '.join(sorted(present))}",
            remedy="Add them to the search's results in NetSuite, or choose another search: nsbill searches.",
        )
    return {name: present[field] for name, field in fields.items() if field in present}
