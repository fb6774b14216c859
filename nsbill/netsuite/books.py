"""The books side by SuiteQL: currencies, sales orders, billing records, credits, as typed frames."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from nsbill.netsuite.client import Client
from nsbill.netsuite.columns import amounts, dates, demand, mapped, text_columns
from nsbill.netsuite.suiteql import as_ids, query_all, quoted
from nsbill.schemas import BILLING_RECORDS, CREDITS, ORDERS
from nsbill.settings import Settings
from nsbill.vocabulary import RecordType

__all__ = [
    "billing_records_by_id",
    "billing_records_of",
    "load_billing_records",
    "load_credits",
    "load_currencies",
    "load_sales_orders",
]

_CHUNK = 400
_TYPE = {record.suiteql_type: record.value for record in RecordType}


def load_currencies(client: Client) -> dict[str, str]:
    """Return NetSuite's currency ids to ISO 4217 codes."""
    query = "SELECT c.id AS id, c.symbol AS symbol FROM currency c WHERE {window}"
    return {row["id"]: row["symbol"] for row in query_all(client, "Read the currencies", query, key="c.id")}


def load_sales_orders(client: Client, currencies: dict[str, str]) -> pd.DataFrame:
    """Load every sales order that carries an Amazon order id (schema ORDERS)."""
    field, channel = _amazon_field(client.settings), _plain_name(client.settings.marketplace_field)
    query = f"""
        SELECT t.id AS id, t.tranid AS tranid, t.{field} AS amazon_id, TO_CHAR(t.trandate, 'YYYY-MM-DD') AS trandate,
               TO_CHAR(t.shipdate, 'YYYY-MM-DD') AS shipdate, t.status AS status, BUILTIN.DF(t.entity) AS customer,
               BUILTIN.DF(t.{channel}) AS marketplace, t.currency AS currency, t.foreigntotal AS total
        FROM transaction t
        WHERE t.type = 'SalesOrd' AND t.{field} IS NOT NULL AND {{window}}"""
    what = "Read the sales orders"
    rows = query_all(client, what, query, key="t.id")
    c = text_columns(
        rows,
        ["id", "tranid", "amazon_id", "trandate", "shipdate", "status", "customer", "marketplace", "currency", "total"],
    )
    return ORDERS.from_arrow(
        pa.table(
            {
                "sales_order_id": c["id"],
                "sales_order_number": c["tranid"],
                "amazon_order_id": c["amazon_id"],
                "order_date": demand(what, "date", dates(c["trandate"]), c["trandate"]),
                "ship_date": demand(what, "ship date", dates(c["shipdate"]), c["shipdate"]),
                "status": pc.utf8_slice_codeunits(c["status"], -1),  # F, or SalesOrd:F
                "customer": c["customer"],
                "subsidiary": pa.nulls(len(rows), pa.string()),
                "marketplace": c["marketplace"],
                "currency": demand(what, "currency", mapped(c["currency"], currencies), c["currency"]),
                "total": demand(what, "total", amounts(c["total"]), c["total"]),
                "payment_method": pa.nulls(len(rows), pa.string()),
            }
        )
    )


def load_billing_records(client: Client, currencies: dict[str, str], *, where: str = "") -> pd.DataFrame:
    """Load invoices and cash sales (schema BILLING_RECORDS), all of them or those that ``where`` selects."""
    field = _amazon_field(client.settings)
    condition = f" AND ({where})" if where else ""
    query = f"""
        SELECT t.id AS id, t.type AS type, t.tranid AS tranid, t.externalid AS externalid, m.createdfrom AS createdfrom,
               t.{field} AS amazon_id, TO_CHAR(t.trandate, 'YYYY-MM-DD') AS trandate, t.currency AS currency,
               t.foreigntotal AS total, t.foreignamountunpaid AS remaining, t.voided AS voided
        FROM transaction t JOIN transactionline m ON m.transaction = t.id AND m.mainline = 'T'
        WHERE t.type IN ('CustInvc', 'CashSale'){condition} AND {{window}}"""
    what = "Read the billing records"
    rows = query_all(client, what, query, key="t.id")
    c = text_columns(
        rows,
        [
            "id",
            "type",
            "tranid",
            "externalid",
            "createdfrom",
            "amazon_id",
            "trandate",
            "currency",
            "total",
            "remaining",
            "voided",
        ],
    )
    return BILLING_RECORDS.from_arrow(
        pa.table(
            {
                "billing_record_id": c["id"],
                "record_type": mapped(c["type"], _TYPE),
                "number": c["tranid"],
                "external_id": c["externalid"],
                "sales_order_id": c["createdfrom"],
                "amazon_order_id": c["amazon_id"],
                "date": demand(what, "date", dates(c["trandate"]), c["trandate"]),
                "currency": demand(what, "currency", mapped(c["currency"], currencies), c["currency"]),
                "total": demand(what, "total", amounts(c["total"]), c["total"]),
                "amount_remaining": demand(
                    what, "open amount", amounts(pc.fill_null(c["remaining"], "0")), c["remaining"]
                ),
                "voided": pc.equal(pc.fill_null(c["voided"], "F"), "T"),
            }
        )
    )


def billing_records_of(client: Client, currencies: dict[str, str], orders: pd.DataFrame) -> pd.DataFrame:
    """Load the billing records of ``orders``: created from them, or carrying their Amazon order id."""
    field = _amazon_field(client.settings)
    ids = as_ids(orders["sales_order_id"].tolist())
    amazon_ids = orders["amazon_order_id"].dropna().tolist()
    wheres = [f"m.createdfrom IN ({', '.join(chunk)})" for chunk in _chunks(ids)]
    wheres += [f"t.{field} IN ({quoted(chunk)})" for chunk in _chunks(amazon_ids)]
    return _billing_records_where(client, currencies, wheres)


def billing_records_by_id(client: Client, currencies: dict[str, str], record_ids: list[str]) -> pd.DataFrame:
    """Load the billing records with these internal ids; one that is gone has no row."""
    wheres = [f"t.id IN ({', '.join(chunk)})" for chunk in _chunks(as_ids(record_ids))]
    return _billing_records_where(client, currencies, wheres)


def _billing_records_where(client: Client, currencies: dict[str, str], wheres: list[str]) -> pd.DataFrame:
    """Load what any of the conditions selects, in parallel, each record once."""
    if not wheres:
        return BILLING_RECORDS.frame()
    with ThreadPoolExecutor(client.settings.slots) as pool:
        parts = list(pool.map(lambda where: load_billing_records(client, currencies, where=where), wheres))
    found = pd.concat(parts, ignore_index=True).drop_duplicates("billing_record_id", ignore_index=True)
    return BILLING_RECORDS.check(found)


def load_credits(client: Client, currencies: dict[str, str]) -> pd.DataFrame:
    """Load credit memos and cash refunds (schema CREDITS)."""
    field = _amazon_field(client.settings)
    query = f"""
        SELECT t.id AS id, t.type AS type, t.tranid AS tranid, t.{field} AS amazon_id,
               TO_CHAR(t.trandate, 'YYYY-MM-DD') AS trandate, t.currency AS currency, t.foreigntotal AS total,
               t.voided AS voided
        FROM transaction t WHERE t.type IN ('CustCred', 'CashRfnd') AND {{window}}"""
    what = "Read the credit memos and cash refunds"
    rows = query_all(client, what, query, key="t.id")
    c = text_columns(rows, ["id", "type", "tranid", "amazon_id", "trandate", "currency", "total", "voided"])
    return CREDITS.from_arrow(
        pa.table(
            {
                "credit_id": c["id"],
                "record_type": mapped(c["type"], _TYPE),
                "number": c["tranid"],
                "amazon_order_id": c["amazon_id"],
                "date": demand(what, "date", dates(c["trandate"]), c["trandate"]),
                "currency": demand(what, "currency", mapped(c["currency"], currencies), c["currency"]),
                "total": pc.abs(demand(what, "total", amounts(c["total"]), c["total"])),  # stored negative
                "voided": pc.equal(pc.fill_null(c["voided"], "F"), "T"),
            }
        )
    )


def _chunks(values: Sequence[str]) -> list[Sequence[str]]:
    return [values[start : start + _CHUNK] for start in range(0, len(values), _CHUNK)]


def _amazon_field(settings: Settings) -> str:
    return _plain_name(settings.amazon_order_id_field)


def _plain_name(field: str) -> str:
    """Refuse a field name that is more than a name before it enters a query."""
    if not field.replace("_", "").isalnum():
        raise ValueError(f"not a field name: {field!r}")
    return field
