"""Sales orders, billing records and credits as NetSuite has them: the query of each kind, and its rows as a frame."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from nsbill.money import MONEY, ZERO
from nsbill.netsuite.columns import AMOUNT, DATE, FLAG, ID, TEXT, demand, mapped
from nsbill.netsuite.suiteql import Query
from nsbill.schemas import BILLING_RECORDS, CREDITS, ORDERS
from nsbill.settings import Settings
from nsbill.vocabulary import RecordType

__all__ = [
    "DAY",
    "amazon_field",
    "billing_records_frame",
    "billing_records_query",
    "credits_frame",
    "credits_query",
    "orders_frame",
    "orders_query",
    "plain_name",
]

_TYPE = {record.suiteql_type: record.value for record in RecordType}
DAY = "TO_CHAR({}, 'YYYY-MM-DD')"
"""Dates come in the account's own format otherwise (netsuite 6.1)."""


def orders_query(settings: Settings) -> Query:
    """Every sales order that carries an Amazon order id."""
    field, channel = amazon_field(settings), plain_name(settings.marketplace_field)
    return Query(
        "Read the sales orders",
        {
            "id": ("t.id", ID),
            "tranid": ("t.tranid", TEXT),
            "amazon_id": (f"t.{field}", TEXT),
            "trandate": (DAY.format("t.trandate"), DATE),
            "shipdate": (DAY.format("t.shipdate"), DATE),
            "status": ("t.status", TEXT),
            "customer": ("BUILTIN.DF(t.entity)", TEXT),
            "marketplace": (f"BUILTIN.DF(t.{channel})", TEXT),
            "currency": ("t.currency", ID),
            "total": ("t.foreigntotal", AMOUNT),
        },
        "transaction t",
        f"t.type = 'SalesOrd' AND t.{field} IS NOT NULL",
    )


def orders_frame(query: Query, rows: pa.Table, currencies: dict[str, str]) -> pd.DataFrame:
    """Rows of ``orders_query`` as a frame (schema ORDERS)."""
    return ORDERS.from_arrow(
        pa.table(
            {
                "sales_order_id": rows["id"],
                "sales_order_number": rows["tranid"],
                "amazon_order_id": rows["amazon_id"],
                "order_date": rows["trandate"],
                "ship_date": rows["shipdate"],
                "status": pc.utf8_slice_codeunits(rows["status"], -1),  # F, or SalesOrd:F
                "customer": rows["customer"],
                "subsidiary": pa.nulls(rows.num_rows, pa.string()),
                "marketplace": rows["marketplace"],
                "currency": _codes(query.what, rows, currencies),
                "total": rows["total"],
                "payment_method": pa.nulls(rows.num_rows, pa.string()),
                "route_value": pa.nulls(rows.num_rows, pa.string()),
            }
        )
    )


def billing_records_query(settings: Settings, *, where: str = "") -> Query:
    """Invoices and cash sales, all of them or those that ``where`` selects."""
    return Query(
        "Read the billing records",
        {
            "id": ("t.id", ID),
            "type": ("t.type", TEXT),
            "tranid": ("t.tranid", TEXT),
            "externalid": ("t.externalid", TEXT),
            "createdfrom": ("m.createdfrom", ID),
            "amazon_id": (f"t.{amazon_field(settings)}", TEXT),
            "trandate": (DAY.format("t.trandate"), DATE),
            "currency": ("t.currency", ID),
            "total": ("t.foreigntotal", AMOUNT),
            "remaining": ("t.foreignamountunpaid", AMOUNT),
            "voided": ("t.voided", FLAG),
        },
        "transaction t JOIN transactionline m ON m.transaction = t.id AND m.mainline = 'T'",
        f"t.type IN ('CustInvc', 'CashSale'){f' AND ({where})' if where else ''}",
    )


def billing_records_frame(query: Query, rows: pa.Table, currencies: dict[str, str]) -> pd.DataFrame:
    """Rows of ``billing_records_query`` as a frame (schema BILLING_RECORDS)."""
    return BILLING_RECORDS.from_arrow(
        pa.table(
            {
                "billing_record_id": rows["id"],
                "record_type": mapped(rows["type"], _TYPE),
                "number": rows["tranid"],
                "external_id": rows["externalid"],
                "sales_order_id": rows["createdfrom"],
                "amazon_order_id": rows["amazon_id"],
                "date": rows["trandate"],
                "currency": _codes(query.what, rows, currencies),
                "total": rows["total"],
                "amount_remaining": pc.fill_null(rows["remaining"], pa.scalar(ZERO, MONEY)),
                "voided": pc.fill_null(rows["voided"], False),
            }
        )
    )


def credits_query(settings: Settings) -> Query:
    """Credit memos and cash refunds."""
    return Query(
        "Read the credit memos and cash refunds",
        {
            "id": ("t.id", ID),
            "type": ("t.type", TEXT),
            "tranid": ("t.tranid", TEXT),
            "amazon_id": (f"t.{amazon_field(settings)}", TEXT),
            "trandate": (DAY.format("t.trandate"), DATE),
            "currency": ("t.currency", ID),
            "total": ("t.foreigntotal", AMOUNT),
            "voided": ("t.voided", FLAG),
        },
        "transaction t",
        "t.type IN ('CustCred', 'CashRfnd')",
    )


def credits_frame(query: Query, rows: pa.Table, currencies: dict[str, str]) -> pd.DataFrame:
    """Rows of ``credits_query`` as a frame (schema CREDITS)."""
    return CREDITS.from_arrow(
        pa.table(
            {
                "credit_id": rows["id"],
                "record_type": mapped(rows["type"], _TYPE),
                "number": rows["tranid"],
                "amazon_order_id": rows["amazon_id"],
                "date": rows["trandate"],
                "currency": _codes(query.what, rows, currencies),
                "total": pc.abs(rows["total"]),  # stored negative
                "voided": pc.fill_null(rows["voided"], False),
            }
        )
    )


def amazon_field(settings: Settings) -> str:
    """The field that holds the Amazon order id, safe in a query."""
    return plain_name(settings.amazon_order_id_field)


def plain_name(field: str) -> str:
    """Refuse a field name that is more than a name before it enters a query."""
    if not field.replace("_", "").isalnum():
        raise ValueError(f"not a field name: {field!r}")
    return field


def _codes(what: str, table: pa.Table, currencies: dict[str, str]) -> pa.ChunkedArray:
    """Turn currency ids into ISO codes; an id that the account's list lacks is refused, naming the row."""
    found = table["currency"]
    return demand(what, "currency", mapped(found, currencies), found, rows=table["id"], words="a known currency")
