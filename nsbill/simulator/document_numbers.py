"""Document numbers of new transactions; the counters live in the books, so several processes share them."""

from __future__ import annotations

import sqlite3

__all__ = ["next_number"]

_PREFIX = {
    "SalesOrd": "SO",
    "CustInvc": "INV",
    "CashSale": "CS",
    "CustCred": "CM",
    "CashRfnd": "CR",
    "CustPymt": "PYMT",
    "CustRfnd": "RFND",
    "Deposit": "DEP",
    "ItemShip": "IF",
}


def next_number(connection: sqlite3.Connection, kind: str) -> str:
    """Draw the next number of a transaction type, such as ``INV1003``; call it inside ``Books.writing``."""
    prefix, key = _PREFIX[kind], f"next_number_{kind}"
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    if row is None:
        highest = connection.execute(
            "SELECT MAX(CAST(SUBSTR(tranid, ?) AS INTEGER)) FROM txn WHERE type = ? AND tranid GLOB ?",
            (len(prefix) + 1, kind, prefix + "[0-9]*"),
        ).fetchone()[0]
        number = (highest or 1000) + 1
    else:
        number = int(row[0])
    connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, str(number + 1)))
    return f"{prefix}{number}"
