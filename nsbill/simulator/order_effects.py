"""What documents do to the sales order they come from: quantities billed and shipped, and its status (netsuite 4.4).

``record_routes`` may call these too: ``ship`` when a fulfilment's status is changed, ``put_back`` before a billing
record or a fulfilment is deleted. All of them work inside ``Books.writing``.
"""

from __future__ import annotations

import sqlite3

from nsbill.simulator.billing_rules import OrderLine, status_after
from nsbill.simulator.stamps import DERIVED_STAMP

__all__ = ["SHIPPED", "linked", "order_lines", "put_back", "refresh_status", "ship"]

SHIPPED = "C"
"""The status of a fulfilment whose goods have left; A and B (picked, packed) only reserve them."""

_BILLED, _FULFILLED = "quantitybilled", "quantityfulfilled"


def order_lines(connection: sqlite3.Connection, order_id: int) -> list[OrderLine]:
    """Return an order's lines in their order."""
    rows = connection.execute(
        "SELECT l.line, l.quantity, l.quantitybilled, l.quantityfulfilled, i.needsfulfilment = 'T', l.isclosed = 'T', "
        "l.amount, l.tax FROM txnline l JOIN item i ON i.id = l.item WHERE l.txn = ? ORDER BY l.line",
        (order_id,),
    )
    return [OrderLine(*row) for row in rows]


def linked(
    connection: sqlite3.Connection,
    order_id: int,
    record_id: int,
    kind: str,
    lines: list[tuple[int, int, int, int]],
    now: str,
) -> None:
    """Link a new document to its order line by line, raise what is billed or shipped, and set the order's status.

    ``kind`` is the document's type; ``lines`` are ``(order's line, document's line, quantity, hundredths)``. Quantities
    of a fulfilment count only once it is shipped: see ``ship``.
    """
    link = "ShipRcpt" if kind == "ItemShip" else "OrdBill"
    connection.executemany(
        "INSERT INTO link (linktype, previousdoc, previousline, previoustype, nextdoc, nextline, nexttype, "
        "foreignamount, lastmodifieddate) VALUES (?, ?, ?, 'SalesOrd', ?, ?, ?, ?, ?)",
        [(link, order_id, before, record_id, after, kind, amount, now) for before, after, _, amount in lines],
    )
    if kind != "ItemShip":
        _raise(connection, order_id, _BILLED, [(before, quantity) for before, _, quantity, _ in lines])
    refresh_status(connection, order_id, now)


def ship(connection: sqlite3.Connection, fulfilment_id: int, status: str, now: str) -> None:
    """Give a fulfilment its status (A picked, B packed, C shipped) and count its goods as shipped, or no more."""
    before, order_id = connection.execute(
        "SELECT status, createdfrom FROM txn WHERE id = ?", (fulfilment_id,)
    ).fetchone()
    connection.execute("UPDATE txn SET status = ?, lastmodifieddate = ? WHERE id = ?", (status, now, fulfilment_id))
    _count_shipped(connection, fulfilment_id, order_id, int(status == SHIPPED) - int(before == SHIPPED), now)


def put_back(connection: sqlite3.Connection, document_id: int, now: str) -> None:
    """Undo what a billing record or fulfilment did to its order, and remove its links; call before deleting it."""
    row = connection.execute("SELECT type, status, createdfrom FROM txn WHERE id = ?", (document_id,)).fetchone()
    if row["type"] == "ItemShip":
        _count_shipped(connection, document_id, row["createdfrom"], -int(row["status"] == SHIPPED), now)
    elif row["createdfrom"] is not None:
        billed = connection.execute(
            "SELECT k.previousline, l.quantity FROM link k JOIN txnline l ON l.txn = k.nextdoc AND l.line = k.nextline "
            "WHERE k.nextdoc = ? AND k.linktype = 'OrdBill'",
            (document_id,),
        ).fetchall()
        _raise(connection, row["createdfrom"], _BILLED, [(line, -quantity) for line, quantity in billed])
    connection.execute(
        "DELETE FROM link WHERE nextdoc = ? AND linktype IN ('OrdBill', 'ShipRcpt', 'SaleRet')", (document_id,)
    )
    if row["createdfrom"] is not None:
        refresh_status(connection, row["createdfrom"], now)


def refresh_status(connection: sqlite3.Connection, order_id: int, now: str) -> None:
    """Set an order's status as its lines say; one that is not approved, cancelled or closed keeps its own."""
    row = connection.execute("SELECT type, status FROM txn WHERE id = ?", (order_id,)).fetchone()
    if row is None or row["type"] != "SalesOrd" or row["status"] in "ACH":
        return
    after = status_after(row["status"], order_lines(connection, order_id))
    connection.execute(
        f"UPDATE txn SET status = ?, lastmodifieddate = {DERIVED_STAMP} WHERE id = ?", (after, now, order_id)
    )


def _count_shipped(
    connection: sqlite3.Connection, fulfilment_id: int, order_id: int | None, sign: int, now: str
) -> None:
    if order_id is None or sign == 0:
        return
    shipped = connection.execute(
        "SELECT orderline, quantity FROM txnline WHERE txn = ? AND orderline IS NOT NULL", (fulfilment_id,)
    ).fetchall()
    _raise(connection, order_id, _FULFILLED, [(line, sign * quantity) for line, quantity in shipped])
    connection.execute(
        "UPDATE txn SET shipdate = COALESCE(shipdate, (SELECT trandate FROM txn WHERE id = ?)) WHERE id = ? AND ? > 0",
        (fulfilment_id, order_id, sign),
    )
    refresh_status(connection, order_id, now)


def _raise(connection: sqlite3.Connection, order_id: int, column: str, lines: list[tuple[int, int]]) -> None:
    connection.executemany(
        f"UPDATE txnline SET {column} = MAX({column} + ?, 0) WHERE txn = ? AND line = ?",
        [(quantity, order_id, line) for line, quantity in lines],
    )
