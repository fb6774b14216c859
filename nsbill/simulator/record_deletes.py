"""Deleting transactions: what may go, and what comes back with it (netsuite 3.6, 4.4; the refusals' text is uncertain)."""

from __future__ import annotations

from collections.abc import Mapping

from nsbill.simulator.applying import unapply_amounts
from nsbill.simulator.errors import user_error
from nsbill.simulator.order_effects import put_back
from nsbill.simulator.record_context import Context
from nsbill.simulator.record_deposits import undo_deposit
from nsbill.simulator.record_header import check_open_period
from nsbill.simulator.record_orders import check_shipped_still

__all__ = ["delete_transaction"]

_PAYERS = frozenset({"CustPymt", "CustCred", "CustRfnd"})
_FREE_OF_PERIODS = frozenset({"SalesOrd", "ItemShip"})


def delete_transaction(context: Context, row: Mapping[str, object]) -> None:
    """Delete a transaction that nothing else depends on; orders, invoices and payments it touched go back."""
    connection, key, kind = context.connection, row["id"], str(row["type"])
    if _has_dependents(context, row):
        raise user_error("This record cannot be deleted because it has dependent records.")
    if kind not in _FREE_OF_PERIODS:
        check_open_period(context, row)
    if kind in _PAYERS:
        unapply_amounts(connection, int(str(key)), context.now)
    elif kind in ("CustInvc", "CashSale"):
        put_back(connection, int(str(key)), context.now)
    elif kind == "ItemShip":
        check_shipped_still(context, row)
        put_back(connection, int(str(key)), context.now)
    elif kind == "Deposit":
        undo_deposit(context, key)
    for statement in (
        "DELETE FROM txnline WHERE txn = ?",
        "DELETE FROM depositline WHERE txn = ?",
        "DELETE FROM link WHERE nextdoc = ?",
        "DELETE FROM txn WHERE id = ?",
    ):
        connection.execute(statement, (key,))


def _has_dependents(context: Context, row: Mapping[str, object]) -> bool:
    """Tell whether something was billed, paid, deposited, credited or refunded from it."""
    found = context.connection.execute(
        "SELECT 1 FROM link WHERE previousdoc = ? UNION ALL SELECT 1 FROM txn WHERE createdfrom = ? LIMIT 1",
        (row["id"], row["id"]),
    ).fetchone()
    return found is not None or (row["type"] == "CustInvc" and bool(row["paid"]))
