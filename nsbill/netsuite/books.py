"""The books side by SuiteQL: currencies, sales orders, billing records, credits, as typed frames."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from nsbill.money import MONEY, ZERO
from nsbill.netsuite.client import Client
from nsbill.netsuite.columns import AMOUNT, DATE, FLAG, ID, TEXT, demand, mapped
from nsbill.netsuite.suiteql import Query, as_ids, chunks, query_table, quoted
from nsbill.progress import Progress, silent
from nsbill.schemas import ACCOUNTING_PERIODS, BILLING_RECORDS, CREDITS, ORDERS
from nsbill.settings import Settings
from nsbill.vocabulary import RecordType

__all__ = [
    "billing_records_by_id",
    "billing_records_of",
    "load_accounting_periods",
    "load_billing_records",
    "load_credits",
    "load_currencies",
    "load_sales_orders",
    "plain_name",
]

_TYPE = {record.suiteql_type: record.value for record in RecordType}
_DAY = "TO_CHAR({}, 'YYYY-MM-DD')"
"""Dates come in the account's own format otherwise (netsuite 6.1)."""


def load_currencies(client: Client) -> dict[str, str]:
    """Return NetSuite's currency ids to ISO 4217 codes."""
    query = Query("Read the currencies", {"id": ("c.id", ID), "symbol": ("c.symbol", TEXT)}, "currency c")
    rows = query_table(client, query)
    return dict(zip(rows["id"].to_pylist(), rows["symbol"].to_pylist(), strict=True))


def load_accounting_periods(client: Client) -> pd.DataFrame:
    """Load the accounting periods (schema ACCOUNTING_PERIODS), quarters and years among them.

    Raises
    ------
    NetSuiteError
        The role may not see them.
    """
    query = Query(
        "Read the accounting periods",
        {
            "id": ("p.id", ID),
            "name": ("p.periodname", TEXT),
            "first_day": (_DAY.format("p.startdate"), DATE),
            "last_day": (_DAY.format("p.enddate"), DATE),
            "closed": ("p.closed", FLAG),
        },
        "accountingperiod p",
    )
    c = query_table(client, query)
    return ACCOUNTING_PERIODS.from_arrow(
        pa.table(
            {
                "period_id": c["id"],
                "name": c["name"],
                "first": c["first_day"],
                "last": c["last_day"],
                "closed": pc.fill_null(c["closed"], False),
            }
        )
    )


def load_sales_orders(client: Client, currencies: dict[str, str], *, progress: Progress = silent) -> pd.DataFrame:
    """Load every sales order that carries an Amazon order id (schema ORDERS)."""
    field, channel = _amazon_field(client.settings), plain_name(client.settings.marketplace_field)
    query = Query(
        "Read the sales orders",
        {
            "id": ("t.id", ID),
            "tranid": ("t.tranid", TEXT),
            "amazon_id": (f"t.{field}", TEXT),
            "trandate": (_DAY.format("t.trandate"), DATE),
            "shipdate": (_DAY.format("t.shipdate"), DATE),
            "status": ("t.status", TEXT),
            "customer": ("BUILTIN.DF(t.entity)", TEXT),
            "marketplace": (f"BUILTIN.DF(t.{channel})", TEXT),
            "currency": ("t.currency", ID),
            "total": ("t.foreigntotal", AMOUNT),
        },
        "transaction t",
        f"t.type = 'SalesOrd' AND t.{field} IS NOT NULL",
    )
    c = query_table(client, query, progress=progress)
    return ORDERS.from_arrow(
        pa.table(
            {
                "sales_order_id": c["id"],
                "sales_order_number": c["tranid"],
                "amazon_order_id": c["amazon_id"],
                "order_date": c["trandate"],
                "ship_date": c["shipdate"],
                "status": pc.utf8_slice_codeunits(c["status"], -1),  # F, or SalesOrd:F
                "customer": c["customer"],
                "subsidiary": pa.nulls(c.num_rows, pa.string()),
                "marketplace": c["marketplace"],
                "currency": _codes(query.what, c, currencies),
                "total": c["total"],
                "payment_method": pa.nulls(c.num_rows, pa.string()),
                "route_value": pa.nulls(c.num_rows, pa.string()),
            }
        )
    )


def load_billing_records(
    client: Client, currencies: dict[str, str], *, where: str = "", progress: Progress = silent
) -> pd.DataFrame:
    """Load invoices and cash sales (schema BILLING_RECORDS), all of them or those that ``where`` selects."""
    field = _amazon_field(client.settings)
    query = Query(
        "Read the billing records",
        {
            "id": ("t.id", ID),
            "type": ("t.type", TEXT),
            "tranid": ("t.tranid", TEXT),
            "externalid": ("t.externalid", TEXT),
            "createdfrom": ("m.createdfrom", ID),
            "amazon_id": (f"t.{field}", TEXT),
            "trandate": (_DAY.format("t.trandate"), DATE),
            "currency": ("t.currency", ID),
            "total": ("t.foreigntotal", AMOUNT),
            "remaining": ("t.foreignamountunpaid", AMOUNT),
            "voided": ("t.voided", FLAG),
        },
        "transaction t JOIN transactionline m ON m.transaction = t.id AND m.mainline = 'T'",
        f"t.type IN ('CustInvc', 'CashSale'){f' AND ({where})' if where else ''}",
    )
    c = query_table(client, query, progress=progress)
    return BILLING_RECORDS.from_arrow(
        pa.table(
            {
                "billing_record_id": c["id"],
                "record_type": mapped(c["type"], _TYPE),
                "number": c["tranid"],
                "external_id": c["externalid"],
                "sales_order_id": c["createdfrom"],
                "amazon_order_id": c["amazon_id"],
                "date": c["trandate"],
                "currency": _codes(query.what, c, currencies),
                "total": c["total"],
                "amount_remaining": pc.fill_null(c["remaining"], pa.scalar(ZERO, MONEY)),
                "voided": pc.fill_null(c["voided"], False),
            }
        )
    )


def billing_records_of(client: Client, currencies: dict[str, str], orders: pd.DataFrame) -> pd.DataFrame:
    """Load the billing records of ``orders``: created from them, or carrying their Amazon order id."""
    field = _amazon_field(client.settings)
    ids = as_ids(orders["sales_order_id"].tolist())
    amazon_ids = orders["amazon_order_id"].dropna().tolist()
    wheres = [f"m.createdfrom IN ({', '.join(chunk)})" for chunk in chunks(ids)]
    wheres += [f"t.{field} IN ({quoted(chunk)})" for chunk in chunks(amazon_ids)]
    return _billing_records_where(client, currencies, wheres)


def billing_records_by_id(client: Client, currencies: dict[str, str], record_ids: list[str]) -> pd.DataFrame:
    """Load the billing records with these internal ids; one that is gone has no row."""
    wheres = [f"t.id IN ({', '.join(chunk)})" for chunk in chunks(as_ids(record_ids))]
    return _billing_records_where(client, currencies, wheres)


def _billing_records_where(client: Client, currencies: dict[str, str], wheres: list[str]) -> pd.DataFrame:
    """Load what any of the conditions selects, in parallel, each record once."""
    if not wheres:
        return BILLING_RECORDS.frame()
    with ThreadPoolExecutor(min(client.settings.slots, len(wheres))) as pool:
        parts = list(pool.map(lambda where: load_billing_records(client, currencies, where=where), wheres))
    found = pd.concat(parts, ignore_index=True).drop_duplicates("billing_record_id", ignore_index=True)
    return BILLING_RECORDS.check(found)


def load_credits(client: Client, currencies: dict[str, str]) -> pd.DataFrame:
    """Load credit memos and cash refunds (schema CREDITS)."""
    field = _amazon_field(client.settings)
    query = Query(
        "Read the credit memos and cash refunds",
        {
            "id": ("t.id", ID),
            "type": ("t.type", TEXT),
            "tranid": ("t.tranid", TEXT),
            "amazon_id": (f"t.{field}", TEXT),
            "trandate": (_DAY.format("t.trandate"), DATE),
            "currency": ("t.currency", ID),
            "total": ("t.foreigntotal", AMOUNT),
            "voided": ("t.voided", FLAG),
        },
        "transaction t",
        "t.type IN ('CustCred', 'CashRfnd')",
    )
    c = query_table(client, query)
    return CREDITS.from_arrow(
        pa.table(
            {
                "credit_id": c["id"],
                "record_type": mapped(c["type"], _TYPE),
                "number": c["tranid"],
                "amazon_order_id": c["amazon_id"],
                "date": c["trandate"],
                "currency": _codes(query.what, c, currencies),
                "total": pc.abs(c["total"]),  # stored negative
                "voided": pc.fill_null(c["voided"], False),
            }
        )
    )


def _codes(what: str, table: pa.Table, currencies: dict[str, str]) -> pa.ChunkedArray:
    """Turn currency ids into ISO codes; an id that the account's list lacks is refused, naming the row."""
    found = table["currency"]
    return demand(what, "currency", mapped(found, currencies), found, rows=table["id"], words="a known currency")


def _amazon_field(settings: Settings) -> str:
    return plain_name(settings.amazon_order_id_field)


def plain_name(field: str) -> str:
    """Refuse a field name that is more than a name before it enters a query."""
    if not field.replace("_", "").isalnum():
        raise ValueError(f"not a field name: {field!r}")
    return field
