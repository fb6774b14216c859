"""From a sales order to the invoice or cash sale that bills it (netsuite 4.2 to 4.4, 5.3)."""

from __future__ import annotations

import sqlite3
from datetime import date, timedelta

from nsbill.simulator.billing_rules import OrderLine, billable_quantity, may_be_billed
from nsbill.simulator.errors import invalid_field_value
from nsbill.simulator.order_effects import order_lines
from nsbill.simulator.transform_context import (
    Context,
    NewRecord,
    check_mandatory,
    common_header,
    new_lines_total,
    not_valid,
    nothing_to_do,
)
from nsbill.simulator.transform_item_lines import added_lines, taken_lines

__all__ = ["bill_order"]

_INHERITED = (
    "entity",
    "subsidiary",
    "currency",
    "exchangerate",
    "otherrefnum",
    "memo",
    "terms",
    "paymentoption",
    "channel",
    "etail_order_id",
    "shipdate",
)
_APPROVAL = {"1": "D", "3": "E"}
"""Approval status to the invoice's status: pending approval, rejected."""


def bill_order(context: Context) -> NewRecord:
    """Prepare the billing record of an order, or refuse an order that may not be billed."""
    _check_form(context)
    lines = order_lines(context.connection, context.source["id"])
    chosen = _chosen_quantities(context, lines)
    before = {line.line: line.billed for line in lines}
    new = taken_lines(context, chosen, before)
    new += added_lines(context, len(new))
    header, warnings = _header(context)
    header["total"], header["tax"] = new_lines_total(new)
    if context.target == "CustInvc" and header["total"] == 0 and header["status"] == "A":
        header["status"] = "B"
    check_mandatory(context, header)
    return NewRecord(header, tuple(new), warnings=warnings)


def _check_form(context: Context) -> None:
    """Refuse a target that the order's form does not lead to (netsuite 4.2, 5.3, register 11)."""
    rule, order = context.preferences["order_forms"], context.source
    form = context.connection.execute("SELECT target FROM form WHERE id = ?", (order["customform"],)).fetchone()
    wanted = form["target"] if form is not None else ""
    if not wanted and rule == "by_payment":
        wanted = "CashSale" if order["paymentoption"] is not None else "CustInvc"
    if rule != "any" and wanted and wanted != context.target:
        raise not_valid(context)


def _chosen_quantities(context: Context, lines: list[OrderLine]) -> dict[int, int]:
    """Take what is billable, changed by the body's ``orderLine`` and ``quantity``; lines not named stay as they are."""
    in_advance = context.preferences["invoice_in_advance"] == "T"
    show = context.preferences["show_unfulfilled_items"] == "T"
    if not may_be_billed(context.source["status"], lines, in_advance=in_advance):
        raise not_valid(context)
    billable = {line.line: billable_quantity(line, in_advance=in_advance) for line in lines}
    if not any(billable.values()):
        raise nothing_to_do(context)
    by_number = {line.line: line for line in lines}
    named = {line.order_line for line in context.body.lines}
    chosen = {number: 0 if "item" in context.replaced else most for number, most in billable.items()}
    for line in context.body.lines:
        if line.order_line is None:
            continue
        if line.order_line not in by_number:
            raise invalid_field_value(line.order_line, "orderLine", f"{line.path}.orderLine")
        # with "show unfulfilled items" the quantity may be raised by hand, defeating the rule (netsuite 5.3)
        highest = by_number[line.order_line].unbilled if show else billable[line.order_line]
        quantity = billable[line.order_line] if line.quantity is None else line.quantity
        if quantity > highest:
            raise invalid_field_value(quantity, "quantity", f"{line.path}.quantity")
        chosen[line.order_line] = quantity
    if not any(chosen.values()) and None not in named:
        raise nothing_to_do(context)
    shown = {line.line for line in lines if show and not line.closed and "item" not in context.replaced} - named
    return {number: quantity for number, quantity in chosen.items() if quantity or number in shown}


def _header(context: Context) -> tuple[dict[str, object], tuple[str, ...]]:
    """What the billing record inherits from the order, and what the body changes (netsuite 4.3)."""
    header, warnings = common_header(context, _INHERITED)
    header["createdfrom"] = context.source["id"]
    if context.target == "CustInvc":
        day = date.fromisoformat(str(header["trandate"]))
        due = context.body.due_date or _due(context.connection, day, header["terms"])
        header |= {"duedate": due.isoformat(), "paymentoption": None, "status": "A"}
        if context.preferences["invoice_approval"] == "pending":
            header["status"] = _APPROVAL.get(context.body.approval or "1", "A")
    else:
        deposited = header.get("account") is not None
        header |= {"terms": None, "undepfunds": "F" if deposited else "T", "status": "C" if deposited else "B"}
    return header, warnings


def _due(connection: sqlite3.Connection, day: date, terms: object) -> date:
    row = connection.execute("SELECT daysuntilnetdue FROM term WHERE id = ?", (terms,)).fetchone()
    return day + timedelta(days=row[0] if row is not None else 0)
