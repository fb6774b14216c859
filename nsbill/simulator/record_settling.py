"""The ``apply`` sublist of payments, credit memos and customer refunds (netsuite 3.3; article_0224093711)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nsbill.simulator.applying import LINK_TYPES, apply_amounts, unapply_amounts
from nsbill.simulator.errors import please_enter, user_error
from nsbill.simulator.record_body import Body, Line
from nsbill.simulator.record_context import Context, resolve
from nsbill.simulator.record_fields import Resource

__all__ = ["planned", "settle_anew", "settle_new"]

Amounts = list[tuple[int, int]]


def planned(context: Context, resource: Resource, body: Body, *, limit: int | None) -> Amounts:
    """Return document to amount of the body's ``apply`` lines, in hundredths and in their order; 0 applies nothing.

    A line without an amount takes what is due, as far as ``limit`` goes (none: without limit).
    """
    amounts: Amounts = []
    left = limit
    for line in body.sublists.get("apply", ()):
        document = _document(context, resource, line)
        amount = _amount(context, line, document, left)
        amounts.append((document, amount))
        left = None if left is None else max(0, left - amount)
    return amounts


def settle_new(context: Context, resource: Resource, body: Body, payer: int, amounts: Amounts) -> None:
    """Apply a new payment, credit or refund; ``autoApply`` gives the rest to the oldest open invoices."""
    apply_amounts(context.connection, payer, resource.kind, amounts, context.now)
    if body.values.get("autoApply") == "T":
        row = context.connection.execute("SELECT * FROM txn WHERE id = ?", (payer,)).fetchone()
        apply_amounts(context.connection, payer, resource.kind, _oldest(context, row), context.now)


def settle_anew(context: Context, resource: Resource, body: Body, row: Mapping[str, object], *, replace: bool) -> None:
    """Change what a saved payment, credit or refund is applied to: each line replaces what its document had."""
    connection, payer = context.connection, int(str(row["id"]))
    lines = body.sublists.get("apply")
    if lines is None:
        return
    named = [_document(context, resource, line) for line in lines]
    unapply_amounts(connection, payer, context.now, None if replace else named)
    if resource.kind == "CustRfnd":
        _resize_refund(context, payer, lines, named)
    left = connection.execute("SELECT total - paid FROM txn WHERE id = ?", (payer,)).fetchone()[0]
    apply_amounts(connection, payer, resource.kind, planned(context, resource, body, limit=left), context.now)
    if resource.kind == "CustRfnd" and _applied(context, payer) == 0:
        raise user_error("You must enter at least one line item for this transaction.", path="apply")


def _document(context: Context, resource: Resource, line: Line) -> int:
    value = line.values.get("doc")
    if value is None:
        raise please_enter("Apply To")
    sublist = resource.sublist("apply")
    assert sublist is not None
    return int(str(resolve(context, sublist.by_name["doc"], value, f"{line.path}.doc")))


def _amount(context: Context, line: Line, document: int, left: int | None) -> int:
    amount = line.values.get("amount")
    if line.values.get("apply") == "F" or amount == 0:
        return 0
    if amount is not None:
        return int(str(amount))
    if line.values.get("apply") != "T":
        return 0
    due = int(context.connection.execute("SELECT total - paid FROM txn WHERE id = ?", (document,)).fetchone()[0])
    return due if left is None else min(due, left)


def _oldest(context: Context, payer: Mapping[str, object]) -> Amounts:
    left = int(str(payer["total"])) - int(str(payer["paid"]))
    amounts: Amounts = []
    rows = context.connection.execute(
        "SELECT id, total - paid AS due FROM txn WHERE type = 'CustInvc' AND status = 'A' AND entity = ? AND currency = ? "
        "AND total > paid ORDER BY trandate, id",
        (payer["entity"], payer["currency"]),
    )
    for row in rows:
        if left <= 0:
            break
        amounts.append((row["id"], min(left, row["due"])))
        left -= amounts[-1][1]
    return amounts


def _applied(context: Context, payer: int) -> int:
    return int(context.connection.execute("SELECT paid FROM txn WHERE id = ?", (payer,)).fetchone()[0])


def _resize_refund(context: Context, payer: int, lines: Sequence[Line], named: Sequence[int]) -> None:
    """A refund's total is the sum of what it pays out."""
    wanted = sum(_amount(context, line, document, None) for line, document in zip(lines, named, strict=True))
    statement = "SELECT COALESCE(SUM(foreignamount), 0) FROM link WHERE nextdoc = ? AND linktype = ?"
    kept = context.connection.execute(statement, (payer, LINK_TYPES["CustRfnd"])).fetchone()[0]
    context.connection.execute("UPDATE txn SET total = ? WHERE id = ?", (kept + wanted, payer))
