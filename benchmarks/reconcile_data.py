"""Settlements and books of any size for the benchmark of the reconciliation, with the profile of real ones.

Lines are written as the store writes them: one Parquet file per settlement (Amazon notes, section 12: 95 % of orders
have one item, 4 to 5 lines an item, 1 % refunded in the settlement after). Each settlement is 14 days. The books hold a
sales order and an invoice for nearly every order; some are missing, billed short, billed in two parts, not credited, and those
of the last days are not settled yet. Everything follows from the order's number, so that the same size gives the same data.
"""

from __future__ import annotations

import hashlib
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from nsbill.amazon.parquet import Origin, SettlementWriter, read_facts
from nsbill.amazon.summary import Summary
from nsbill.schemas import BILLING_RECORDS, CREDITS, LINES, ORDERS, SETTLEMENTS, Schema

__all__ = ["Data", "generate"]

SETTLEMENTS_KEPT = 52
"""Two years of settlements."""

MONTH = 2
"""Settlements of the month that comes on top."""

_START = date(2024, 1, 1)
_DAYS = 14
_LINES_PER_ORDER = 4.55
_BATCH = 250_000

_ORDERS = """
CREATE OR REPLACE MACRO sold(low, high) AS TABLE
SELECT *, least(number // {per}, {last}) AS place,
       printf('%d-%07d-%07d', 701 + number // 10000000, (r >> 8) % 10000000, number % 10000000) AS order_id,
       CASE WHEN r % 1000 < 952 THEN 1 WHEN r % 1000 < 994 THEN 2 ELSE 3 END AS items,
       (r >> 20) % 1000 < 11 AS refunded,
       ((r >> 12) % 14)::INTEGER AS day, ((r >> 30) % 36000)::INTEGER AS second, (r >> 40) % 10000 AS fate
FROM (SELECT range AS number, (hash(range) >> 1)::BIGINT AS r FROM range(low, high))
"""

_ITEMS = """
CREATE OR REPLACE MACRO sold_items(low, high) AS TABLE
SELECT *, price * quantity AS principal, (price * quantity * rate + 5000) // 10000 AS tax,
       (price * quantity * 1605 + 5000) // 10000 AS commission, (250 + price_index * 37) * quantity AS fulfilment,
       CASE WHEN s % 1000 < 770 THEN 0 WHEN s % 1000 < 970 THEN 1 ELSE 2 END AS shipping
FROM (
    SELECT *, CASE WHEN (s >> 16) % 1000 < 974 THEN 1 ELSE 2 END AS quantity, (s >> 10) % 12 AS price_index,
           CASE WHEN (s >> 24) % 100 < 96
               THEN [5999, 5099, 3499, 6000, 2949, 1999, 2499, 999, 7995, 1450, 4275, 8900][(s >> 10) % 12 + 1]
               ELSE 500 + (s >> 32) % 20000 END::BIGINT AS price,
           [0, 500, 600, 625, 700, 725, 825, 887, 913, 1000, 1025, 1300, 1500][(s >> 40) % 13 + 1] AS rate,
           printf('%014d', 4000000000000 + number * 3 + item) AS item_code, printf('SKU-%04d', (s >> 48) % 18) AS sku
    FROM (SELECT *, (hash(number * 4 + item) >> 1)::BIGINT AS s
          FROM (SELECT *, unnest(range(items)) AS item FROM sold(low, high)))
)
"""

_LINES = """
SELECT '{settlement}' AS settlement_id, 'main' AS seller_account, '{digest}' AS source_digest,
       row_number() OVER (ORDER BY number, item, place) + 2 AS source_line, v AS event_class, l AS line_kind,
       t AS transaction_type, k AS amount_type, d AS amount_description,
       (c::DECIMAL(18, 0) / 100)::DECIMAL(18, 2) AS amount, 'CAD' AS currency, 'amazon_order' AS order_route,
       order_id AS order_reference, order_id AS amazon_order_id, item_code AS order_item_code, shipment AS shipment_id,
       sku, CASE WHEN l = 'PRINCIPAL' THEN quantity END AS quantity, moment AS posted_at,
       (epoch(moment) // 86400)::INTEGER AS posted_day, 'Amazon.ca' AS marketplace, 'AFN' AS fulfilment,
       a AS adjustment_id, NULL::VARCHAR AS extra
FROM (
    SELECT *, unnest([
           {{'t': 'Order', 'v': 'SALE', 'k': 'ItemPrice', 'd': 'Principal', 'l': 'PRINCIPAL', 'c': principal, 'place': 0,
             'take': true}},
           {{'t': 'Order', 'v': 'SALE', 'k': 'ItemPrice', 'd': 'Tax', 'l': 'TAX_PRINCIPAL', 'c': tax, 'place': 1,
             'take': tax > 0}},
           {{'t': 'Order', 'v': 'SALE', 'k': 'ItemPrice', 'd': 'Shipping', 'l': 'SHIPPING', 'c': 599, 'place': 2,
             'take': shipping > 0}},
           {{'t': 'Order', 'v': 'SALE', 'k': 'ItemPrice', 'd': 'ShippingTax', 'l': 'TAX_SHIPPING', 'c': 30, 'place': 3,
             'take': shipping > 1}},
           {{'t': 'Order', 'v': 'SALE', 'k': 'ItemFees', 'd': 'FBAPerUnitFulfillmentFee', 'l': 'FEE_FBA',
             'c': -fulfilment, 'place': 4, 'take': true}},
           {{'t': 'Order', 'v': 'SALE', 'k': 'ItemFees', 'd': 'Commission', 'l': 'FEE_COMMISSION', 'c': -commission,
             'place': 5, 'take': true}},
           {{'t': 'Order', 'v': 'SALE', 'k': 'Promotion', 'd': 'Shipping', 'l': 'PROMOTION', 'c': -599, 'place': 6,
             'take': shipping > 0}},
           {{'t': 'Order', 'v': 'SALE', 'k': 'Promotion', 'd': 'TaxDiscount', 'l': 'PROMOTION', 'c': -30, 'place': 7,
             'take': shipping > 1}}
       ], recursive := true), NULL AS a, 'B' || substr(md5(number::VARCHAR), 1, 8) AS shipment,
       TIMESTAMPTZ '{start}' + to_days(day) + to_seconds(second + 21600) AS moment
    FROM (SELECT * EXCLUDE (place) FROM sold_items({low}, {high}) WHERE fate % 1000 != 999)
    UNION ALL BY NAME
    SELECT *, unnest([
           {{'t': 'Refund', 'v': 'REFUND', 'k': 'ItemPrice', 'd': 'Principal', 'l': 'PRINCIPAL', 'c': -principal,
             'place': 0, 'take': true}},
           {{'t': 'Refund', 'v': 'REFUND', 'k': 'ItemPrice', 'd': 'Tax', 'l': 'TAX_PRINCIPAL', 'c': -tax, 'place': 1,
             'take': tax > 0}},
           {{'t': 'Refund', 'v': 'REFUND', 'k': 'ItemFees', 'd': 'Commission', 'l': 'FEE_COMMISSION', 'c': commission,
             'place': 2, 'take': true}},
           {{'t': 'Refund', 'v': 'REFUND', 'k': 'ItemFees', 'd': 'RefundCommission', 'l': 'FEE_REFUND_COMMISSION',
             'c': -(commission // 5), 'place': 3, 'take': true}}
       ], recursive := true), 'crow:' || item_code AS a, 'B' || substr(md5(number::VARCHAR), 1, 8) AS shipment,
       TIMESTAMPTZ '{start}' + to_days(day) + to_seconds(second + 21600) AS moment
    FROM (SELECT * EXCLUDE (place) FROM sold_items({before}, {low}) WHERE refunded AND fate % 1000 != 999)
)
WHERE take
ORDER BY number, item, place
"""

_TOTALS = """
CREATE OR REPLACE MACRO totals(low, high) AS TABLE
SELECT number, any_value(order_id) AS order_id, any_value(fate) AS fate, any_value(refunded) AS refunded,
       (sum(principal + tax)::DECIMAL(18, 0) / 100)::DECIMAL(18, 2) AS total,
       any_value(DATE '{start}' + (least(number // {per}, {last}) * 14 + day)::INTEGER) AS posted
FROM sold_items(low, high) GROUP BY number
"""
"""A buyer's total: shipping is always cancelled by a promotion."""

_ORDER_ROWS = """
SELECT (10000000 + number)::VARCHAR AS sales_order_id, 'SO' || (10000000 + number) AS sales_order_number,
       order_id AS amazon_order_id, posted - 9 AS order_date, posted - 7 AS ship_date, 'G' AS status,
       'Amazon' AS customer, 'Parent' AS subsidiary, 'Amazon.ca' AS marketplace, 'CAD' AS currency, total,
       NULL::VARCHAR AS payment_method, NULL::VARCHAR AS route_value
FROM totals({low}, {high}) WHERE fate != 1
"""

_BILL_ROWS = """
SELECT (50000000 + number * 2 + part)::VARCHAR AS billing_record_id, 'invoice' AS record_type,
       'INV' || (50000000 + number * 2 + part) AS number, 'nsbill-' || number || '-' || part AS external_id,
       (10000000 + number)::VARCHAR AS sales_order_id, order_id AS amazon_order_id, (posted - 7 + part::INTEGER) AS date,
       'CAD' AS currency,
       CASE WHEN parts = 1 THEN total + CASE WHEN fate BETWEEN 10 AND 30 THEN 1.50 ELSE 0 END
            WHEN part = 0 THEN 5.00 ELSE total - 5.00 END::DECIMAL(18, 2) AS total,
       0::DECIMAL(18, 2) AS amount_remaining, false AS voided
FROM (SELECT *, unnest(range(parts)) AS part
      FROM (SELECT *, CASE WHEN fate BETWEEN 100 AND 260 THEN 2 ELSE 1 END AS parts FROM totals({low}, {high})))
WHERE fate > 5
"""

_CREDIT_ROWS = """
SELECT (90000000 + number)::VARCHAR AS credit_id, 'creditMemo' AS record_type, 'CM' || (90000000 + number) AS number,
       order_id AS amazon_order_id, (posted + 14) AS date, 'CAD' AS currency, total, false AS voided
FROM totals({low}, {high}) WHERE refunded AND fate % 10 != 3
"""
_BOOKS = {
    "orders": (ORDERS, _ORDER_ROWS),
    "billing_records": (BILLING_RECORDS, _BILL_ROWS),
    "credits": (CREDITS, _CREDIT_ROWS),
}


@dataclass(frozen=True)
class Data:
    """Where the data are. The month that comes on top is in files of its own."""

    folder: Path
    settlements: int

    def lines_files(self, *, with_month: bool = False) -> list[Path]:
        """The Parquet files of settlement lines."""
        files = sorted((self.folder / "settlements").glob("*.parquet"))
        return files if with_month else files[: self.settlements]

    @property
    def lines(self) -> int:
        """How many lines there are, without the month."""
        return sum(pq.read_metadata(path).num_rows for path in self.lines_files())

    def settlement_rows(self, *, with_month: bool = False) -> pd.DataFrame:
        """The settlements, SETTLEMENTS."""
        return SETTLEMENTS.frame([read_facts(path).row(None) for path in self.lines_files(with_month=with_month)])

    def books_files(self, name: str, *, with_month: bool = False) -> list[Path]:
        """The Parquet files of ``orders``, ``billing_records`` or ``credits``, in the order of their ids."""
        return [self.folder / f"{name}.parquet", *([self.folder / f"{name}-month.parquet"] if with_month else [])]

    def as_of(self, *, with_month: bool = False) -> date:
        """The day after the last settlement."""
        return _START + timedelta(days=_DAYS * (self.settlements + (MONTH if with_month else 0)))


def generate(folder: Path, *, lines: int) -> Data:
    """Write about ``lines`` settlement lines and the books to ``folder``, and a month more; nothing when they are there."""
    data = Data(folder, SETTLEMENTS_KEPT)
    if (folder / "complete").exists():
        return data
    (folder / "settlements").mkdir(parents=True, exist_ok=True)
    per = max(1, round(lines / SETTLEMENTS_KEPT / _LINES_PER_ORDER))
    last = SETTLEMENTS_KEPT + MONTH
    config: dict[str, Any] = {"memory_limit": "3GB", "temp_directory": str(folder / "spill")}
    with duckdb.connect(config=config) as connection:
        connection.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false")
        connection.execute(_ORDERS.format(per=per, last=last))
        connection.execute(_ITEMS)
        connection.execute(_TOTALS.format(per=per, last=last, start=_START))
        for place in range(last):
            _write_settlement(connection, folder, place, per)
        # the books know what is sold up to half a settlement ahead of what is settled
        kept, after = per * SETTLEMENTS_KEPT + per // 2, per * last + per // 2
        for name, (schema, rows) in _BOOKS.items():
            _write_books(connection, folder / f"{name}.parquet", schema, rows.format(low=0, high=kept))
            _write_books(connection, folder / f"{name}-month.parquet", schema, rows.format(low=kept, high=after))
    (folder / "complete").touch()
    return data


def _write_settlement(connection: duckdb.DuckDBPyConnection, folder: Path, place: int, per: int) -> None:
    settlement, start = str(20_000_000_000 + place), _START + timedelta(days=_DAYS * place)
    digest = hashlib.sha256(settlement.encode()).hexdigest()
    low = per * place
    sql = _LINES.format(
        settlement=settlement,
        digest=digest,
        start=f"{start}T00:00:00+00",
        low=low,
        high=low + per,
        before=max(0, low - per),
    )
    path = folder / "settlements" / f"{settlement}-{digest[:12]}.parquet"
    with closing(SettlementWriter(path)) as writer:
        for batch in connection.sql(sql).to_arrow_reader(_BATCH):
            writer.write(_table(batch, LINES))
        origin = Origin("main", f"{settlement}.txt", digest, digest, datetime.now(UTC))
        begin = datetime(start.year, start.month, start.day, tzinfo=UTC)
        end = begin + timedelta(days=_DAYS)
        summary = Summary(settlement, 2, "CAD", begin, end, end + timedelta(days=2), writer.lines_total)
        writer.finish(writer.facts(settlement, summary, origin, (settlement,)))


def _write_books(connection: duckdb.DuckDBPyConnection, path: Path, schema: Schema, sql: str) -> None:
    ordered = f"{sql} ORDER BY 1"
    with pq.ParquetWriter(path, schema.arrow, compression="zstd") as writer:
        for batch in connection.sql(ordered).to_arrow_reader(_BATCH):
            writer.write_table(_table(batch, schema))


def _table(batch: pa.RecordBatch, schema: Schema) -> pa.Table:
    return pa.Table.from_batches([batch]).select(schema.names).cast(schema.arrow)
