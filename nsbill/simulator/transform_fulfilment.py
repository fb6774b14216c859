"""From a sales order to the item fulfilment that ships it (netsuite 4.1, 4.2)."""

from __future__ import annotations

from nsbill.simulator.errors import invalid_field_value, please_enter
from nsbill.simulator.order_effects import order_lines
from nsbill.simulator.transform_context import (
    Context,
    NewRecord,
    common_header,
    not_valid,
    nothing_to_do,
)

__all__ = ["fulfil_order"]

_INHERITED = ("entity", "subsidiary", "currency", "exchangerate", "memo", "channel", "etail_order_id", "otherrefnum")


def fulfil_order(context: Context) -> NewRecord:
    """Prepare the fulfilment of an order: all that is not in a fulfilment yet, or what the body's lines say."""
    if context.source["status"] not in "BDE":
        raise not_valid(context)
    remaining = _remaining(context)
    if not remaining:
        raise nothing_to_do(context)
    chosen = _chosen(context, remaining)
    if not chosen:
        raise nothing_to_do(context)
    header, warnings = common_header(context, _INHERITED)
    header["createdfrom"] = context.source["id"]
    picked = "A" if context.preferences["fulfillment_status"] == "picked" else "C"
    header |= {"status": context.body.ship_status or picked, "shipdate": header["trandate"], "total": 0, "tax": 0}
    return NewRecord(header, tuple(_lines(context, chosen)), warnings=warnings)


def _remaining(context: Context) -> dict[int, int]:
    """Return line to pieces that no fulfilment has taken, picked and packed ones included."""
    order = context.source["id"]
    taken = dict(
        context.connection.execute(
            "SELECT l.orderline, SUM(l.quantity) FROM txn t JOIN txnline l ON l.txn = t.id "
            "WHERE t.createdfrom = ? AND t.type = 'ItemShip' AND t.status <> 'C' GROUP BY l.orderline",
            (order,),
        ).fetchall()
    )
    left = {
        line.line: line.quantity - line.fulfilled - taken.get(line.line, 0)
        for line in order_lines(context.connection, order)
        if line.needs_fulfilment and not line.closed
    }
    return {number: quantity for number, quantity in left.items() if quantity > 0}


def _chosen(context: Context, remaining: dict[int, int]) -> dict[int, int]:
    chosen = {} if "item" in context.replaced else dict(remaining)
    must_locate = context.preferences["fulfillment_location"] == "mandatory"
    for line in context.body.lines:
        number = line.order_line
        if number is None or number not in remaining:
            raise invalid_field_value(number, "orderLine", f"{line.path}.orderLine")
        quantity = remaining[number] if line.quantity is None else line.quantity
        if quantity > remaining[number]:
            raise invalid_field_value(quantity, "quantity", f"{line.path}.quantity")
        chosen[number] = quantity if line.receive else 0
    located = {line.order_line for line in context.body.lines if line.location is not None}
    wanted = {number: quantity for number, quantity in chosen.items() if quantity}
    if must_locate and set(wanted) - located:
        raise please_enter("Inventory Location")
    return wanted


def _lines(context: Context, chosen: dict[int, int]) -> list[dict[str, object]]:
    texts = {line.order_line: line.texts for line in context.body.lines}
    rows = context.connection.execute(
        "SELECT line, item, description, etail_line_id FROM txnline WHERE txn = ? ORDER BY line",
        (context.source["id"],),
    ).fetchall()
    new: list[dict[str, object]] = []
    for row in rows:
        if row["line"] in chosen:
            copied = {name: row[name] for name in ("item", "description", "etail_line_id")} | texts.get(row["line"], {})
            money = {"rate": 0, "amount": 0, "tax": 0}
            new.append(
                {"line": len(new) + 1, **copied, **money, "quantity": chosen[row["line"]], "orderline": row["line"]}
            )
    return new
