"""What changed lines of a bill or of an order itself mean for the order (netsuite 4.4); see also ``order_effects``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nsbill.simulator.billing_rules import status_after
from nsbill.simulator.errors import user_error
from nsbill.simulator.order_effects import SHIPPED, linked, order_lines
from nsbill.simulator.record_context import Context

__all__ = ["bill_again", "check_shipped_still", "refresh_order"]

Row = Mapping[str, object]


def bill_again(context: Context, bill: Row, lines: Sequence[Row]) -> None:
    """Link the new lines of a bill to its order, after ``order_effects.put_back`` took the old ones back."""
    order = bill["createdfrom"]
    if order is None:
        return
    taken: list[tuple[int, int, int, int]] = []
    for line in lines:
        if line["orderline"] is None or not line["quantity"]:
            continue
        key, quantity = int(str(line["orderline"])), int(str(line["quantity"]))
        statement = "SELECT quantity - quantitybilled FROM txnline WHERE txn = ? AND line = ?"
        row = context.connection.execute(statement, (order, key)).fetchone()
        if row is not None and quantity > row[0]:
            raise user_error("The quantity is more than what is left to bill of the order.", path="item")
        taken.append((key, int(str(line["line"])), quantity, int(str(line["amount"]))))
    linked(context.connection, int(str(order)), int(str(bill["id"])), str(bill["type"]), taken, context.now)


def check_shipped_still(context: Context, shipment: Row) -> None:
    """Refuse to take a fulfilment back whose goods are billed, unless bills may come in advance (text uncertain)."""
    if shipment["status"] != SHIPPED or context.preferences["invoice_in_advance"] == "T":
        return
    row = context.connection.execute(
        "SELECT 1 FROM txnline s JOIN txnline o ON o.txn = ? AND o.line = s.orderline "
        "WHERE s.txn = ? AND o.quantitybilled > o.quantityfulfilled - s.quantity",
        (shipment["createdfrom"], shipment["id"]),
    ).fetchone()
    if row is not None:
        raise user_error("This record cannot be deleted because it has dependent records.")


def refresh_order(context: Context, order: int) -> None:
    """Work out the status of an order whose own lines changed: all closed is Closed; unapproved and cancelled ones stay."""
    status = str(context.connection.execute("SELECT status FROM txn WHERE id = ?", (order,)).fetchone()["status"])
    lines = order_lines(context.connection, order)
    if status in "AC":
        return
    after = "H" if all(line.closed for line in lines) else status_after(status, lines)
    context.connection.execute(
        "UPDATE txn SET status = ?, lastmodifieddate = ? WHERE id = ?", (after, context.now, order)
    )
