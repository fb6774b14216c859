"""What a bill or a fulfilment does to its sales order, and how that is taken back (netsuite 4.4)."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence

from nsbill.simulator.billing_rules import OrderLine, status_after
from nsbill.simulator.errors import user_error
from nsbill.simulator.record_context import Context, insert

__all__ = ["rebill", "refresh_order", "unship"]

Row = Mapping[str, object]


def rebill(context: Context, bill: Row, before: Sequence[Row], after: Sequence[Row]) -> None:
    """Carry a change of a bill's lines over to its order: quantities billed, links, status; ``after`` empty: deleted."""
    order = bill["createdfrom"]
    if order is None or not any(line["orderline"] for line in (*before, *after)):
        return
    billed: dict[int, int] = {}
    for sign, lines in ((-1, before), (1, after)):
        for line in lines:
            if line["orderline"] is not None:
                key = int(str(line["orderline"]))
                billed[key] = billed.get(key, 0) + sign * int(str(line["quantity"]))
    connection = context.connection
    for key, change in billed.items():
        row = connection.execute("SELECT * FROM txnline WHERE txn = ? AND line = ?", (order, key)).fetchone()
        if row is None:
            continue
        if change > 0 and row["quantitybilled"] + change > row["quantity"]:
            raise user_error("The quantity is more than what is left to bill of the order.", path="item")
        connection.execute(
            "UPDATE txnline SET quantitybilled = MAX(0, quantitybilled + ?) WHERE txn = ? AND line = ?",
            (change, order, key),
        )
    connection.execute("DELETE FROM link WHERE linktype = 'OrdBill' AND nextdoc = ?", (bill["id"],))
    for line in after:
        if line["orderline"] is not None and line["quantity"]:
            _link(context, bill, line)
    refresh_order(context, order)


def unship(context: Context, shipment: Row, lines: Sequence[Row]) -> None:
    """Take a fulfilment back: quantities fulfilled, links, status; refuse where it was billed already."""
    order = shipment["createdfrom"]
    connection = context.connection
    for line in lines:
        row = connection.execute(
            "SELECT * FROM txnline WHERE txn = ? AND line = ?", (order, line["orderline"])
        ).fetchone()
        if row is None:
            continue
        left = max(0, row["quantityfulfilled"] - int(str(line["quantity"])))
        if row["quantitybilled"] > left and context.preferences["invoice_in_advance"] == "F":
            raise user_error("This record cannot be deleted because it has dependent records.")
        connection.execute(
            "UPDATE txnline SET quantityfulfilled = ? WHERE txn = ? AND line = ?", (left, order, line["orderline"])
        )
    connection.execute("DELETE FROM link WHERE linktype = 'ShipRcpt' AND nextdoc = ?", (shipment["id"],))
    if order is not None:
        refresh_order(context, order)


def refresh_order(context: Context, order: object) -> None:
    """Work out an order's status again; orders that are not approved, cancelled or closed keep theirs."""
    connection = context.connection
    row = connection.execute("SELECT status FROM txn WHERE id = ?", (order,)).fetchone()
    lines = _order_lines(connection, order)
    status = str(row["status"])
    if status in "BDEFGH":
        closed = all(line.closed for line in lines)
        status = "H" if closed else status_after(status, lines)
    connection.execute("UPDATE txn SET status = ?, lastmodifieddate = ? WHERE id = ?", (status, context.now, order))


def _order_lines(connection: sqlite3.Connection, order: object) -> list[OrderLine]:
    rows = connection.execute(
        "SELECT l.line, l.quantity, l.quantitybilled, l.quantityfulfilled, i.needsfulfilment = 'T', l.isclosed = 'T', "
        "l.amount, l.tax FROM txnline l JOIN item i ON i.id = l.item WHERE l.txn = ? ORDER BY l.line",
        (order,),
    )
    return [OrderLine(*row) for row in rows]


def _link(context: Context, bill: Row, line: Row) -> None:
    insert(
        context.connection,
        "link",
        {
            "linktype": "OrdBill", "previousdoc": bill["createdfrom"], "previousline": line["orderline"],
            "previoustype": "SalesOrd", "nextdoc": bill["id"], "nextline": line["line"], "nexttype": bill["type"],
            "foreignamount": line["amount"], "lastmodifieddate": context.now,
        },
    )  # fmt: skip
