"""Item lines of sales, credits and refunds: read from a body, merged into those there are, and saved (netsuite 3.3, 3.6).

Lines are told apart by ``line``: a known one is changed, all others are added; under ``replace=item`` those not named go.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence

from nsbill.simulator.errors import invalid_value, please_enter, user_error
from nsbill.simulator.record_body import Line, read_only
from nsbill.simulator.record_context import Context, insert, resolve
from nsbill.simulator.record_fields import Sublist

__all__ = ["lines_of", "merge_lines", "save_lines", "totals"]

_COLUMNS = (
    "line", "item", "description", "quantity", "quantitybilled", "quantityfulfilled", "rate", "amount", "tax",
    "isclosed", "orderline", "etail_line_id",
)  # fmt: skip
_NEW: Mapping[str, object] = {
    "description": None, "quantity": 1, "quantitybilled": 0, "quantityfulfilled": 0, "rate": None, "amount": None,
    "tax": 0, "isclosed": "F", "orderline": None, "etail_line_id": None,
}  # fmt: skip

Row = dict[str, object]


def lines_of(connection: sqlite3.Connection, txn: object) -> list[Row]:
    """Return the item lines of a transaction."""
    rows = connection.execute(f"SELECT {', '.join(_COLUMNS)} FROM txnline WHERE txn = ? ORDER BY line", (txn,))
    return [dict(row) for row in rows]


def merge_lines(
    context: Context, sublist: Sublist, before: Sequence[Row], lines: Sequence[Line], *, replace: bool, decimals: int
) -> list[Row]:
    """Return the lines as they stand after a body; refuses what cannot be (an empty sublist, a billed line removed)."""
    after = {int(str(row["line"])): dict(row) for row in before}
    named: set[int] = set()
    number = max(after, default=0)
    for line in lines:
        key = line.values.get("line")
        if isinstance(key, int) and key in named:
            raise invalid_value("line", f"{line.path}.line")
        if isinstance(key, int) and key in after:
            named.add(key)
            after[key] = _changed(context, sublist, after[key], line)
        else:
            number += 1
            named.add(number)
            after[number] = _changed(context, sublist, {**_NEW, "line": number}, line)
    if replace:
        for key in after.keys() - named:
            _check_removable(after.pop(key))
    if not after:
        raise user_error("You must enter at least one line item for this transaction.", path="item")
    rows = [after[key] for key in sorted(after)]
    for row in rows:
        if not decimals and any(int(str(row[name])) % 100 for name in ("amount", "tax")):
            raise invalid_value("amount", "item")
    return rows


def totals(rows: Sequence[Row]) -> dict[str, object]:
    """Return total and tax of the lines, in hundredths; a negative total is refused (text uncertain)."""
    tax = sum(int(str(row["tax"])) for row in rows)
    total = sum(int(str(row["amount"])) for row in rows) + tax
    if total < 0:
        raise user_error("The total of this transaction cannot be negative.", path="item")
    return {"total": total, "tax": tax}


def save_lines(connection: sqlite3.Connection, txn: int, rows: Sequence[Row]) -> None:
    """Write the lines in place of those there are."""
    connection.execute("DELETE FROM txnline WHERE txn = ?", (txn,))
    for row in rows:
        insert(connection, "txnline", {"txn": txn, **row})


def _changed(context: Context, sublist: Sublist, row: Row, line: Line) -> Row:
    values, path = line.values, line.path
    fresh = "item" not in row
    item = values.get("item", row.get("item"))
    if item is None:
        raise please_enter("Item")
    if "item" in values:
        item = resolve(context, sublist.by_name["item"], item, f"{path}.item")
        if not fresh and item != row["item"]:
            raise read_only(f"{path}.item")
    changed: Row = {**row, "item": item}
    for name, column in (
        ("description", "description"),
        ("custcol_celigo_etail_order_line_id", "etail_line_id"),
        ("isClosed", "isclosed"),
    ):
        if name in values:
            changed[column] = values[name]
    _amounts(changed, values, path)
    _check_progress(changed, path)
    return {column: changed[column] for column in _COLUMNS}


def _amounts(row: Row, values: Mapping[str, object], path: str) -> None:
    """Work out quantity, rate, amount and tax: an amount wins over a rate; a gross amount gives the amount since 2026.1."""
    for name in ("quantity", "rate", "amount", "taxAmount", "tax1Amt", "grossAmt", "isClosed"):
        if name in values and values[name] is None:
            raise please_enter(name[0].upper() + name[1:])
    quantity = int(str(values.get("quantity", row["quantity"])))
    tax = int(str(values.get("taxAmount", values.get("tax1Amt", row["tax"]))))
    rate = values.get("rate", row["rate"])
    if "grossAmt" in values:
        amount = int(str(values["grossAmt"])) - tax
    elif "amount" in values:
        amount = int(str(values["amount"]))
    elif rate is not None and (row["amount"] is None or values.keys() & {"rate", "quantity"}):
        amount = int(str(rate)) * quantity
    elif row["amount"] is not None:
        amount = int(str(row["amount"]))
    else:
        raise please_enter("Amount")  # items have no prices in these books
    if rate is None or ("rate" not in values and values.keys() & {"amount", "grossAmt"}):
        rate = amount // quantity if quantity else 0
    if quantity == 0 and row["amount"] is None:
        raise invalid_value("quantity", f"{path}.quantity")
    row.update(quantity=quantity, rate=int(str(rate)), amount=amount, tax=tax)


def _check_progress(row: Row, path: str) -> None:
    least = max(int(str(row["quantitybilled"])), int(str(row["quantityfulfilled"])))
    if int(str(row["quantity"])) < least:
        raise user_error("The quantity cannot be less than what is billed or fulfilled.", path=f"{path}.quantity")


def _check_removable(row: Row) -> None:
    if row["quantitybilled"] or row["quantityfulfilled"]:
        raise user_error("This line cannot be deleted because it is linked to other transactions.", path="item")
