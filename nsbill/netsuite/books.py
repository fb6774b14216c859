"""The books side by SuiteQL: currencies, sales orders, billing records, credits, as typed frames."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from nsbill.netsuite.client import Client
from nsbill.netsuite.columns import DATE, FLAG, ID, TEXT
from nsbill.netsuite.documents import (
    DAY,
    amazon_field,
    billing_records_frame,
    billing_records_query,
    credits_frame,
    credits_query,
    orders_frame,
    orders_query,
)
from nsbill.netsuite.suiteql import Query, as_ids, chunks, query_table, quoted
from nsbill.progress import Progress, silent
from nsbill.schemas import ACCOUNTING_PERIODS, BILLING_RECORDS

__all__ = [
    "billing_records_by_id",
    "billing_records_of",
    "load_accounting_periods",
    "load_billing_records",
    "load_credits",
    "load_currencies",
    "load_sales_orders",
]


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
            "first_day": (DAY.format("p.startdate"), DATE),
            "last_day": (DAY.format("p.enddate"), DATE),
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
    query = orders_query(client.settings)
    return orders_frame(query, query_table(client, query, progress=progress), currencies)


def load_billing_records(
    client: Client, currencies: dict[str, str], *, where: str = "", progress: Progress = silent
) -> pd.DataFrame:
    """Load invoices and cash sales (schema BILLING_RECORDS), all of them or those that ``where`` selects."""
    query = billing_records_query(client.settings, where=where)
    return billing_records_frame(query, query_table(client, query, progress=progress), currencies)


def billing_records_of(client: Client, currencies: dict[str, str], orders: pd.DataFrame) -> pd.DataFrame:
    """Load the billing records of ``orders``: created from them, or carrying their Amazon order id."""
    field = amazon_field(client.settings)
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
    query = credits_query(client.settings)
    return credits_frame(query, query_table(client, query), currencies)
