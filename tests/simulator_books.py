"""Small hand-made books for the simulator's tests: three subsidiaries, orders in every status."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

from nsbill.simulator import tables

ACCOUNT = "9000001_SB1"
CONSUMER = ("ck-0123456789abcdef", "cs-0123456789abcdef")
TOKEN = ("tk-0123456789abcdef", "ts-0123456789abcdef")

# id | status | subsidiary | currency | terms | payment method | otherrefnum | externalid
ORDERS = """
 101 | A | 1 | 1 | 1    |      | 111-0000001-0000001 | SO-101
 102 | B | 1 | 1 | 1    |      | 111-0000002-0000002 | SO-102
 103 | C | 1 | 1 | 1    |      | 111-0000003-0000003 |
 104 | D | 1 | 1 | 1    |      | 111-0000004-0000004 |
 105 | E | 1 | 1 | 1    |      | 111-0000005-0000005 |
 106 | F | 1 | 1 | 1    |      | 111-0000006-0000006 | SO-106
 107 | G | 1 | 1 | 1    |      | 111-0000007-0000007 |
 108 | H | 1 | 1 | 1    |      | 111-0000008-0000008 |
 109 | F | 2 | 2 |      | 3    | 302-0000009-0000009 | SO-109
 110 | F | 3 | 3 |      |      | 503-0000010-0000010 |
 111 | F | 1 | 1 | 1    |      |                     |
 112 | F | 1 | 1 | 1    |      | 111-0000012-0000012 |
 113 | B | 1 | 1 | 1    |      | 111-0000013-0000013 |
"""

# order | line | item | quantity | billed | fulfilled | rate | amount | tax
LINES = """
 101 | 1 | 11 | 1 | 0 | 0 | 1000 |  1000 |  80
 102 | 1 | 11 | 2 | 0 | 0 | 1000 |  2000 | 160
 102 | 2 | 21 | 1 | 0 | 0 |  500 |   500 |   0
 103 | 1 | 11 | 1 | 0 | 0 | 1000 |  1000 |  80
 104 | 1 | 11 | 2 | 1 | 1 | 1000 |  2000 | 160
 105 | 1 | 11 | 2 | 0 | 2 | 1000 |  2000 | 160
 105 | 2 | 12 | 1 | 0 | 0 | 2500 |  2500 | 200
 105 | 3 | 21 | 1 | 0 | 0 |  500 |   500 |   0
 106 | 1 | 11 | 2 | 0 | 2 | 1000 |  2000 | 161
 106 | 2 | 12 | 1 | 0 | 1 | 2599 |  2599 | 208
 106 | 3 | 21 | 1 | 0 | 0 |  499 |   499 |   0
 106 | 4 | 31 | 1 | 0 | 0 | -300 |  -300 |   0
 107 | 1 | 11 | 1 | 1 | 1 | 1000 |  1000 |  80
 108 | 1 | 11 | 1 | 0 | 0 | 1000 |  1000 |  80
 109 | 1 | 12 | 1 | 0 | 1 | 1999 |  1999 | 319
 110 | 1 | 11 | 3 | 0 | 3 | 33300 | 100000 | 10000
 111 | 1 | 11 | 1 | 0 | 1 | 1000 |  1000 |   0
 112 | 1 | 11 | 3 | 0 | 3 |  333 |  1000 | 100
 113 | 1 | 21 | 1 | 0 | 0 |  700 |   700 |   0
"""

COLUMNS = (
    "internalid",
    "tranid",
    "otherrefnum",
    "trandate",
    "shipdate",
    "statusref",
    "entity",
    "subsidiary",
    "custbody_celigo_etail_channel",
    "currency",
    "fxamount",
    "paymentmethod",
    "terms",
)


def make_books(database: Path) -> Path:
    """Create the books at ``database``."""
    connection = tables.create(database)
    connection.execute("BEGIN")
    _company(connection)
    for row in _rows(ORDERS):
        _order(connection, row)
    for row in _rows(LINES):
        order, line, item, *rest = (int(str(value)) for value in row)
        connection.execute(
            "INSERT INTO txnline (txn, line, item, description, quantity, quantitybilled, quantityfulfilled, rate, amount, tax, etail_line_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (order, line, item, f"Line {line}", *rest, f"{order}{line:04d}"),
        )
    connection.execute("UPDATE txn SET tax = (SELECT COALESCE(SUM(tax), 0) FROM txnline WHERE txn = txn.id)")
    connection.execute("UPDATE txn SET total = tax + (SELECT COALESCE(SUM(amount), 0) FROM txnline WHERE txn = txn.id)")
    _billed(connection)
    _searches(connection)
    connection.execute("COMMIT")
    connection.close()
    return database


def _rows(table: str) -> list[list[str | None]]:
    lines = [line for line in table.splitlines() if line.strip()]
    return [[cell.strip() or None for cell in line.split("|")] for line in lines]


def _company(connection: sqlite3.Connection) -> None:
    insert = connection.executemany
    connection.execute("INSERT INTO meta VALUES ('account', ?)", (ACCOUNT,))
    connection.execute("INSERT INTO credential VALUES (?, ?, ?, ?, 'Billing')", (*CONSUMER, *TOKEN))
    insert(
        "INSERT INTO currency VALUES (?, ?, ?, ?)",
        [(1, "USD", "US Dollar", 2), (2, "EUR", "Euro", 2), (3, "JPY", "Yen", 0)],
    )
    insert("INSERT INTO subsidiary VALUES (?, ?, ?)", [(1, "US Inc", 1), (2, "DE GmbH", 2), (3, "JP KK", 3)])
    insert(
        "INSERT INTO customer VALUES (?, ?, ?, NULL, ?, ?, 'F')",
        [(201, "C1", "Amazon.com", 1, 1), (202, "C2", "Amazon.de", 2, None), (203, "C3", "Amazon.co.jp", 3, None)],
    )
    insert("INSERT INTO term VALUES (?, ?, ?)", [(1, "Net 14", 14)])
    insert("INSERT INTO paymentmethod VALUES (?, ?)", [(3, "Credit Card")])
    insert("INSERT INTO channel VALUES (?, ?)", [(1, "Amazon US"), (2, "Amazon DE"), (3, "Amazon JP")])
    insert(
        "INSERT INTO item VALUES (?, ?, ?, ?, ?)",
        [
            (11, "MUG", "Mug", "InvtPart", "T"),
            (12, "POT", "Pot", "InvtPart", "T"),
            (21, "SHIPPING", "Shipping", "OthCharge", "F"),
            (31, "PROMO", "Promotion", "Discount", "F"),
        ],
    )
    insert(
        "INSERT INTO accountingperiod VALUES (?, ?, ?, ?, ?)",
        [
            (1, "Jan 2026", "2026-01-01", "2026-01-31", "T"),
            (2, "Feb 2026", "2026-02-01", "2026-02-28", "F"),
            (3, "Rest", "2026-03-01", "2099-12-31", "F"),
        ],
    )


def _order(connection: sqlite3.Connection, row: list[str | None]) -> None:
    key, status, subsidiary, currency, terms, payment, reference, external = row
    number = int(str(key))
    connection.execute(
        "INSERT INTO txn (id, type, tranid, externalid, status, entity, subsidiary, currency, exchangerate, trandate, shipdate, createddate, "
        "lastmodifieddate, otherrefnum, memo, terms, paymentoption, channel, etail_order_id) "
        "VALUES (?, 'SalesOrd', ?, ?, ?, ?, ?, ?, '1.25', ?, ?, '2026-02-01T10:00:00Z', '2026-02-01T10:00:00Z', ?, 'Amazon order', ?, ?, ?, ?)",
        (
            *(
                number,
                f"SO{number}",
                external,
                status,
                200 + int(str(subsidiary)),
                int(str(subsidiary)),
                int(str(currency)),
            ),
            *("2026-02-01", "2026-02-03" if status in ("D", "E", "F", "G") else None, reference),
            *(int(terms) if terms else None, int(payment) if payment else None, int(str(subsidiary)), reference),
        ),
    )


def _billed(connection: sqlite3.Connection) -> None:
    """Give order 107 its invoice (partly paid) with payment, order 104 its first invoice; and a credit memo."""
    now = "2026-02-05T10:00:00Z"
    rows = [
        (901, "CustInvc", "INV1001", "A", 107, 1080, 80, 500, "INV-107"),
        (902, "CustInvc", "INV1002", "A", 104, 1080, 80, 0, None),
        (903, "CustPymt", "PYMT1", "C", None, 500, 0, 500, None),
        (904, "CustCred", "CM1", "A", 901, 250, 0, 0, None),
    ]
    for key, kind, tranid, status, source, total, tax, paid, external in rows:
        connection.execute(
            "INSERT INTO txn (id, type, tranid, externalid, status, entity, subsidiary, currency, trandate, createddate, lastmodifieddate, createdfrom, total, tax, paid, postingperiod, etail_order_id) "
            "VALUES (?, ?, ?, ?, ?, 201, 1, 1, '2026-02-05', ?, ?, ?, ?, ?, ?, 2, '111-0000007-0000007')",
            (key, kind, tranid, external, status, now, now, source, total, tax, paid),
        )
    for key, source in ((901, 107), (902, 104)):
        connection.execute(
            "INSERT INTO txnline (txn, line, item, quantity, rate, amount, tax, orderline) VALUES (?, 1, 11, 1, 1000, 1000, 80, 1)",
            (key,),
        )
        connection.execute(
            "INSERT INTO link VALUES ('OrdBill', ?, 1, 'SalesOrd', ?, 1, 'CustInvc', 1000, ?)", (source, key, now)
        )
    connection.execute("INSERT INTO link VALUES ('Payment', 901, 0, 'CustInvc', 903, 0, 'CustPymt', 500, ?)", (now,))


def _searches(connection: sqlite3.Connection) -> None:
    filters = [
        {"name": "mainline", "operator": "is", "values": ["T"], "join": None},
        {"name": "status", "operator": "anyof", "values": ["SalesOrd:F"], "join": None},
        {"name": "otherrefnum", "operator": "isnotempty", "values": [], "join": None},
    ]
    columns = [
        {
            "name": name,
            "label": name.title(),
            "join": None,
            "type": None,
            "summary": None,
            "formula": None,
            "sort": None,
        }
        for name in COLUMNS
    ]
    open_filters = [
        filters[0],
        {"name": "status", "operator": "noneof", "values": ["SalesOrd:C", "SalesOrd:G", "SalesOrd:H"], "join": None},
    ]
    less = [column for column in columns if column["name"] not in ("otherrefnum", "currency", "fxamount")]
    for key, script, title, criteria, shown in (
        (1201, "customsearch_nsbill_orders_to_bill", "Orders to bill", filters, columns),
        (1202, "customsearch_open_orders", "Open sales orders", open_filters, less),
    ):
        connection.execute(
            "INSERT INTO savedsearch VALUES (?, ?, ?, 'Owner', ?, ?, ?, 'salesorder', '')",
            (key, script, title, json.dumps(criteria), json.dumps(shown), "2026-01-01T00:00:00Z"),
        )
