"""The small company of the RESTlet's contract vectors, and the state of one vector put into its books."""

from __future__ import annotations

import json
import sqlite3
from decimal import Decimal
from pathlib import Path
from typing import Any

from nsbill.simulator import tables

__all__ = ["ROLE", "criteria_of", "expanded", "make_company", "put"]

ROLE = "nsbill"
_CURRENCIES = {"USD": 1, "EUR": 2}
_COLUMNS = {
    "id": "id",
    "tranid": "tranid",
    "status": "status",
    "externalid": "externalid",
    "otherrefnum": "otherrefnum",
    "trandate": "trandate",
    "shipdate": "shipdate",
    "datecreated": "createddate",
    "entity": "entity",
    "subsidiary": "subsidiary",
    "memo": "memo",
    "paymentmethod": "paymentoption",
    "terms": "terms",
    "custbody_celigo_etail_channel": "channel",
    "custbody_celigo_etail_order_id": "etail_order_id",
}


def make_company(database: Path) -> Path:
    """Create books with the company that the vectors' README describes, and no orders or searches."""
    connection = tables.create(database)
    connection.execute("INSERT INTO meta VALUES ('account', '9000001_SB1')")
    connection.execute(
        "INSERT INTO credential VALUES ('ck-contract', 'cs-contract', 'tk-contract', 'ts-contract', ?)", (ROLE,)
    )
    for table, columns, rows in (
        ("currency", "id, symbol, name, decimals", [(1, "USD", "USD", 2), (2, "EUR", "EUR", 2)]),
        ("subsidiary", "id, name, currency", [(1, "US Inc", 1), (2, "DE GmbH", 2)]),
        (
            "customer",
            "id, entityid, companyname, subsidiary",
            [(201, "C1", "Amazon.com", 1), (202, "C2", "Amazon.de", 2)],
        ),
        ("channel", "id, name", [(1, "Amazon US"), (2, "Amazon DE")]),
        ("paymentmethod", "id, name", [(3, "Credit Card")]),
        ("item", "id, itemid, displayname, itemtype, needsfulfilment", [(11, "MUG", "Mug", "InvtPart", "T")]),
    ):
        marks = ", ".join("?" for _ in columns.split(","))
        connection.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", rows)
    connection.close()
    return database


def put(database: Path, vector: dict[str, Any]) -> None:
    """Replace orders and saved searches by those of a vector."""
    connection = tables.connect(database)
    connection.execute("BEGIN IMMEDIATE")
    for table in ("txn", "txnline", "savedsearch"):
        connection.execute(f"DELETE FROM {table}")
    for record in vector.get("records", []):
        _order(connection, record)
    for search in vector.get("searches", [vector["search"]] if "search" in vector else []):
        connection.execute(
            "INSERT INTO savedsearch VALUES (?, ?, ?, ?, ?, ?, '2026-01-01T00:00:00Z', ?, '')",
            (
                int(search["id"]), search["script_id"], search["title"], search["owner"],
                json.dumps(search["filter_expression"]), json.dumps(search["columns"]), search["record_type"],
            ),
        )  # fmt: skip
    connection.execute("COMMIT")
    connection.close()


def criteria_of(database: Path, search: str) -> Any:
    """Return a saved search's filter expression as it is in the books now."""
    connection = tables.connect(database)
    stored = connection.execute("SELECT filters FROM savedsearch WHERE id = ?", (search,)).fetchone()[0]
    connection.close()
    return json.loads(stored)


def expanded(part: Any) -> Any:
    """Write out the long texts that the vectors abbreviate."""
    if isinstance(part, dict) and "$repeat" in part:
        return part["$repeat"] * part["times"]
    if isinstance(part, dict):
        return {key: expanded(value) for key, value in part.items()}
    return [expanded(one) for one in part] if isinstance(part, list) else part


def _order(connection: sqlite3.Connection, record: dict[str, Any]) -> None:
    """Write one order; a field that this company does not have is a mistake of the vector."""
    given = {key: value for key, value in record.items() if key not in ("type", "fxamount", "currency", "lines")}
    assert record["type"] == "salesorder", record["type"]
    total = int(Decimal(record["fxamount"]) * 100)
    row = {_COLUMNS[key]: value for key, value in given.items()}
    row |= {"type": "SalesOrd", "currency": _CURRENCIES[record["currency"]], "total": total}
    row |= {"lastmodifieddate": row["createddate"]}
    names, marks = ", ".join(row), ", ".join("?" for _ in row)
    connection.execute(f"INSERT INTO txn ({names}) VALUES ({marks})", list(row.values()))
    for number, line in enumerate(record.get("lines", [{"item": 11, "quantity": 1, "amount": record["fxamount"]}]), 1):
        amount = int(Decimal(line["amount"]) * 100)
        connection.execute(
            "INSERT INTO txnline (txn, line, item, quantity, rate, amount) VALUES (?, ?, ?, ?, ?, ?)",
            (record["id"], number, line["item"], line["quantity"], amount // line["quantity"], amount),
        )
