"""From an invoice to the payment or credit memo that settles it; from a cash sale to its refund (netsuite 3.3, 4.1)."""

from __future__ import annotations

from nsbill.simulator.errors import invalid_field_value, user_error
from nsbill.simulator.transform_context import (
    Context,
    NewRecord,
    common_header,
    new_lines_total,
    not_valid,
    nothing_to_do,
)
from nsbill.simulator.transform_item_lines import added_lines, taken_lines

__all__ = ["credit_invoice", "pay_invoice", "refund_cash_sale"]

_ACCOUNTING = ("entity", "subsidiary", "currency", "exchangerate")
_SALE = (*_ACCOUNTING, "otherrefnum", "memo", "channel", "etail_order_id")


def pay_invoice(context: Context) -> NewRecord:
    """Prepare the payment of an invoice: all that is open of it, unless the body's amount or ``apply`` lines differ."""
    invoice, body = context.source, context.body
    due = invoice["total"] - invoice["paid"]
    if invoice["status"] != "A" or due <= 0:
        raise not_valid(context)
    applies = _applies(context, {} if "apply" in context.replaced else {invoice["id"]: due})
    if body.payment is not None:
        paid = context.whole_units(body.payment, "payment", "payment")
        if invoice["id"] not in {line.document for line in body.applies} and invoice["id"] in applies:
            others = sum(amount for document, amount in applies.items() if document != invoice["id"])
            applies[invoice["id"]] = max(min(due, paid - others), 0)
    else:
        paid = sum(applies.values())
    if paid <= 0:
        raise user_error("Please enter a payment amount greater than 0.", path="payment")
    header, warnings = common_header(context, _ACCOUNTING)
    deposited = header.get("account") is not None
    header |= {"status": "C" if deposited else "B", "undepfunds": "F" if deposited else "T", "total": paid, "tax": 0}
    return NewRecord(header, applies=tuple(applies.items()), warnings=warnings)


def credit_invoice(context: Context) -> NewRecord:
    """Prepare the credit memo of an invoice; it settles only what ``apply`` lines in the body name."""
    if context.source["status"] not in "AB" or context.source["voided"] == "T":
        raise not_valid(context)
    lines = _returned_lines(context)
    header, warnings = common_header(context, _SALE)
    header["total"], header["tax"] = new_lines_total(lines)
    header |= {"createdfrom": context.source["id"], "status": "A"}
    return NewRecord(header, tuple(lines), tuple(_applies(context, {}).items()), warnings)


def refund_cash_sale(context: Context) -> NewRecord:
    """Prepare the cash refund of a cash sale."""
    if context.source["status"] == "A" or context.source["voided"] == "T":
        raise not_valid(context)
    lines = _returned_lines(context)
    header, warnings = common_header(context, (*_SALE, "paymentoption"))
    header["total"], header["tax"] = new_lines_total(lines)
    deposited = header.get("account") is not None
    header |= {"createdfrom": context.source["id"], "status": "C", "undepfunds": "F" if deposited else "T"}
    return NewRecord(header, tuple(lines), warnings=warnings)


def _returned_lines(context: Context) -> list[dict[str, object]]:
    """All of the source's lines, or what the body's lines say; ``orderLine`` is the source's line here too."""
    whole = dict(
        context.connection.execute(
            "SELECT line, quantity FROM txnline WHERE txn = ?", (context.source["id"],)
        ).fetchall()
    )
    chosen = {} if "item" in context.replaced else dict(whole)
    for line in context.body.lines:
        if line.order_line is None:
            continue
        if line.order_line not in whole:
            raise invalid_field_value(line.order_line, "orderLine", f"{line.path}.orderLine")
        quantity = whole[line.order_line] if line.quantity is None else line.quantity
        if quantity > whole[line.order_line]:
            raise invalid_field_value(quantity, "quantity", f"{line.path}.quantity")
        chosen[line.order_line] = quantity
    lines = taken_lines(context, {number: quantity for number, quantity in chosen.items() if quantity}, {})
    lines += added_lines(context, len(lines))
    if not lines:
        raise nothing_to_do(context)
    return lines


def _applies(context: Context, default: dict[int, int]) -> dict[int, int]:
    """Return document to hundredths: the defaults as the body's ``apply`` lines change them."""
    applies = dict(default)
    for line in context.body.applies:
        if not line.apply:
            applies.pop(line.document, None)
            continue
        row = context.connection.execute("SELECT total - paid FROM txn WHERE id = ?", (line.document,)).fetchone()
        if row is None:
            raise invalid_field_value(line.document, "doc", f"{line.path}.doc")
        amount = row[0] if line.amount is None else line.amount
        applies[line.document] = context.whole_units(amount, "amount", f"{line.path}.amount")
    return applies
