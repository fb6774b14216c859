"""A flat V2 settlement file of any length with the profile of real ones (Amazon notes, section 12), written by DuckDB."""

from __future__ import annotations

from pathlib import Path

import duckdb

__all__ = ["COLUMNS", "SETTLEMENT", "generate"]

COLUMNS = (
    "settlement-id", "settlement-start-date", "settlement-end-date", "deposit-date", "total-amount", "currency",
    "transaction-type", "order-id", "merchant-order-id", "adjustment-id", "shipment-id", "marketplace-name",
    "amount-type", "amount-description", "amount", "fulfillment-id", "posted-date", "posted-date-time",
    "order-item-code", "merchant-order-item-id", "merchant-adjustment-item-id", "sku", "quantity-purchased",
    "promotion-id",
)  # fmt: skip
SETTLEMENT = "12395580393"

_ORDERS = """
CREATE OR REPLACE VIEW orders AS
SELECT i AS number,
       format('{{}}-{{:07d}}-{{:07d}}', CASE WHEN r % 10 < 7 THEN '701' ELSE '702' END, (r >> 8) % 10000000, i % 10000000)
           AS order_id,
       CASE WHEN r % 1000 < 952 THEN 1 WHEN r % 1000 < 994 THEN 2 ELSE 3 END AS items,
       (r >> 20) % 1000 < 11 AS refunded,
       TIMESTAMP '2026-07-17 06:00:00' + to_days(((r >> 12) % 14)::INTEGER)
           + to_seconds(((r >> 30) % 36000)::INTEGER) AS posted,
       substr('BCDFGHJKLM', (r % 10 + 1)::INTEGER, 1) || substr(md5(i::VARCHAR), 1, 8) AS shipment
FROM (SELECT i, (hash(i) >> 1)::BIGINT AS r FROM range({orders}) AS t(i))
"""
"""Orders: 95.2 % with one line, 1.1 % refunded, posted in fourteen days from 06 to 16 UTC, not sorted by time."""

_ITEMS = """
CREATE OR REPLACE VIEW items AS
SELECT * EXCLUDE (price_index), price * quantity AS principal, (price * quantity * rate + 5000) // 10000 AS tax,
       (price * quantity * 1605 + 5000) // 10000 AS commission, (250 + price_index * 37) * quantity AS fulfilment,
       CASE WHEN s % 1000 < 770 THEN 0 WHEN s % 1000 < 970 THEN 1 ELSE 2 END AS shipping
FROM (
    SELECT *, (hash(number, item) >> 1)::BIGINT AS s,
           CASE WHEN (s >> 16) % 1000 < 974 THEN 1 ELSE 2 END AS quantity,
           (s >> 10) % 12 AS price_index,
           CASE WHEN (s >> 24) % 100 < 96
               THEN [5999, 5099, 3499, 6000, 2949, 1999, 2499, 999, 7995, 1450, 4275, 8900][price_index + 1]
               ELSE 500 + (s >> 32) % 20000 END::BIGINT AS price,
           [0, 500, 600, 625, 700, 725, 825, 887, 913, 1000, 1025, 1300, 1500][(s >> 40) % 13 + 1] AS rate,
           format('{:014d}', 4000000000000 + number * 3 + item) AS item_code,
           format('SKU-{:04d}', (s >> 48) % 18) AS sku
    FROM (SELECT *, unnest(range(items)) AS item FROM orders)
)
"""
"""Items: twelve price points cover 96 %, 2.6 % in pairs, shipping on 23 % and cancelled by a promotion."""

_LINES = """
CREATE OR REPLACE VIEW lines AS
SELECT unnest([
           {'t': 'Order', 'k': 'ItemPrice', 'd': 'Principal', 'c': principal, 'p': NULL, 'a': NULL, 'take': true},
           {'t': 'Order', 'k': 'ItemPrice', 'd': 'Tax', 'c': tax, 'p': NULL, 'a': NULL, 'take': tax > 0},
           {'t': 'Order', 'k': 'ItemPrice', 'd': 'Shipping', 'c': 599, 'p': NULL, 'a': NULL, 'take': shipping > 0},
           {'t': 'Order', 'k': 'ItemPrice', 'd': 'ShippingTax', 'c': 30, 'p': NULL, 'a': NULL, 'take': shipping > 1},
           {'t': 'Order', 'k': 'ItemFees', 'd': 'FBAPerUnitFulfillmentFee', 'c': -fulfilment, 'p': NULL, 'a': NULL,
            'take': true},
           {'t': 'Order', 'k': 'ItemFees', 'd': 'Commission', 'c': -commission, 'p': NULL, 'a': NULL, 'take': true},
           {'t': 'Order', 'k': 'Promotion', 'd': 'Shipping', 'c': -599, 'p': NULL, 'a': NULL, 'take': shipping > 0},
           {'t': 'Order', 'k': 'Promotion', 'd': 'TaxDiscount', 'c': -30, 'p': 'Free Shipping Promotion V2', 'a': NULL,
            'take': shipping > 1},
           {'t': 'Refund', 'k': 'ItemPrice', 'd': 'Principal', 'c': -principal, 'p': NULL, 'a': crow, 'take': refunded},
           {'t': 'Refund', 'k': 'ItemPrice', 'd': 'Tax', 'c': -tax, 'p': NULL, 'a': crow, 'take': refunded AND tax > 0},
           {'t': 'Refund', 'k': 'ItemFees', 'd': 'Commission', 'c': commission, 'p': NULL, 'a': crow, 'take': refunded},
           {'t': 'Refund', 'k': 'ItemFees', 'd': 'RefundCommission', 'c': -(commission // 5), 'p': NULL, 'a': crow,
            'take': refunded}
       ], recursive := true), *
FROM (SELECT *, CASE WHEN refunded THEN 'amzn1:crow:' || to_base64(md5(item_code)::BLOB)[:22] || '+/=' END AS crow
      FROM items)
"""

_ACCOUNT = """
(VALUES ('other-transaction', 'Subscription Fee', -3209), ('other-transaction', 'Storage Fee', -120477),
        ('other-transaction', 'Previous Reserve Amount Balance', 50000), ('ServiceFee', 'Cost of Advertising', -500888),
        ('other-transaction', 'Current Reserve Amount', -61234)) AS account(kind, description, cents)
"""
_MONEY = (
    "CASE WHEN {c} < 0 THEN '-' ELSE '' END || abs({c}) // 100 || '{mark}' || lpad((abs({c}) % 100)::VARCHAR, 2, '0')"
)

_COPY = """
COPY (
    SELECT * FROM (VALUES ({header}), ({summary}))
    UNION ALL
    SELECT '{settlement}', NULL, NULL, NULL, NULL, NULL, t, order_id, order_id, a, shipment, 'Amazon.ca', k, d, {amount},
           'AFN', strftime(posted, '%d.%m.%Y'), strftime(posted, '{dates}'), item_code, NULL,
           CASE WHEN a IS NOT NULL THEN '70' || item_code END, sku, quantity::VARCHAR, p
    FROM (SELECT * FROM lines WHERE take LIMIT {rows})
    UNION ALL
    SELECT '{settlement}', NULL, NULL, NULL, NULL, NULL, kind, NULL, NULL, NULL, NULL, NULL, kind, description,
           {account_amount}, NULL, '{day}', '{last}', NULL, NULL, NULL, NULL, NULL, NULL
    FROM {account}
) TO '{path}' (FORMAT csv, HEADER false, DELIMITER '\t', QUOTE '', ESCAPE '')
"""


def generate(path: Path, *, lines: int, decimal_mark: str = ".") -> None:
    """Write a file of ``lines`` rows, the summary row among them, that adds up to its total.

    With a decimal comma its dates are dd.mm.yyyy, as in Europe; else they are ISO.
    """
    dates = "%d.%m.%Y %H:%M:%S UTC" if decimal_mark == "," else "%Y-%m-%d %H:%M:%S UTC"
    rows = lines - 1 - 5
    with duckdb.connect(config={"memory_limit": "2GB", "temp_directory": str(path.parent)}) as connection:
        connection.execute(_ORDERS.format(orders=rows // 4 + 10))
        connection.execute(_ITEMS)
        connection.execute(_LINES)
        found = connection.execute(
            f"SELECT (SELECT sum(c) FROM (SELECT c FROM lines WHERE take LIMIT {rows})) + (SELECT sum(cents) FROM {_ACCOUNT})"
        ).fetchall()
        whole = int(found[0][0])
        instants = ("2026-07-17 00:00:00", "2026-07-31 00:00:00", "2026-08-02 00:00:00", "2026-07-30 23:59:59")
        start, end, deposit, last = (
            connection.execute("SELECT strftime(?::TIMESTAMP, ?)", [text, dates]).fetchall()[0][0] for text in instants
        )
        total = f"{'-' if whole < 0 else ''}{abs(whole) // 100}{decimal_mark}{abs(whole) % 100:02d}"
        cells = [SETTLEMENT, start, end, deposit, total, "CAD"]
        connection.execute(
            _COPY.format(
                summary=", ".join([*(f"'{cell}'" for cell in cells), *["NULL"] * (len(COLUMNS) - len(cells))]),
                settlement=SETTLEMENT,
                rows=rows,
                amount=_MONEY.format(c="c", mark=decimal_mark),
                account_amount=_MONEY.format(c="cents", mark=decimal_mark),
                account=_ACCOUNT,
                dates=dates,
                day="30.07.2026",
                last=last,
                path=str(path).replace("'", "''"),
                header=", ".join(f"'{name}'" for name in COLUMNS),
            )
        )
