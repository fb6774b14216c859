"""The item lines of a new record: shares of the source's lines, as the body changes them, and added ones (netsuite 5.3)."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal

from nsbill.simulator.billing_rules import part_of
from nsbill.simulator.errors import invalid_field_value, please_enter
from nsbill.simulator.transform_context import Context
from nsbill.simulator.transform_lines import Line
from nsbill.simulator.values import HIGHEST_MONEY

__all__ = ["added_lines", "taken_lines"]


def taken_lines(context: Context, chosen: Mapping[int, int], before: Mapping[int, int]) -> list[dict[str, object]]:
    """Return the new record's lines for ``chosen`` quantities of the source's lines.

    ``before`` says how many pieces of each line earlier records took: amount and tax are shared out by quantity, so
    that the shares add up. A rate or amount in the body replaces the share, and the tax follows in proportion.
    """
    rows = context.connection.execute(
        "SELECT * FROM txnline WHERE txn = ? ORDER BY line", (context.source["id"],)
    ).fetchall()
    changes = {line.order_line: line for line in context.body.lines if line.order_line is not None}
    smallest = context.smallest
    new: list[dict[str, object]] = []
    for row in rows:
        number = row["line"]
        if number not in chosen:
            continue
        now = chosen[number]
        line: dict[str, object] = {
            "line": len(new) + 1,
            **{name: row[name] for name in ("item", "description", "rate", "etail_line_id")},
            "quantity": now,
            "orderline": number,
        }
        for name in ("amount", "tax"):
            line[name] = part_of(
                row[name], before=before.get(number, 0), now=now, ordered=row["quantity"], unit=smallest
            )
        if number in changes:
            line |= _changed(context, changes[number], line, now)
        new.append(line)
    return new


def _changed(context: Context, change: Line, line: Mapping[str, object], quantity: int) -> dict[str, object]:
    """What the body sets on a line that comes from the source."""
    if change.item is not None and change.item != line["item"]:
        raise invalid_field_value(change.item, "item", f"{change.path}.item")
    changed: dict[str, object] = dict(change.texts)
    if change.rate is None and change.amount is None:
        return changed
    rate, amount = _priced(context, change, quantity)
    share, tax = int(str(line["amount"])), int(str(line["tax"]))
    taxed = _rounded(Decimal(tax) * amount / share, context.smallest) if share else 0
    return changed | {"rate": rate, "amount": amount, "tax": taxed}


def added_lines(context: Context, taken: int) -> list[dict[str, object]]:
    """Return the lines that the body adds: stand-alone, without a link to the order, and without tax (netsuite 5.3)."""
    new: list[dict[str, object]] = []
    for line in context.body.lines:
        if line.order_line is not None:
            continue
        found = context.connection.execute("SELECT displayname FROM item WHERE id = ?", (line.item,)).fetchone()
        if found is None:
            raise invalid_field_value(line.item, "item", f"{line.path}.item")
        quantity = 1 if line.quantity is None else line.quantity
        if line.rate is None and line.amount is None:
            raise please_enter("Amount")  # items have no price in these books
        rate, amount = _priced(context, line, quantity)
        texts = {"description": found["displayname"], "etail_line_id": None} | line.texts
        number = taken + len(new) + 1
        new.append(
            {"line": number, "item": line.item, "quantity": quantity, "rate": rate, "amount": amount, "tax": 0}
            | texts
            | {"orderline": None}
        )
    return new


def _priced(context: Context, line: Line, quantity: int) -> tuple[int, int]:
    """Return rate and amount; an amount wins over a rate, and a rate alone is multiplied by the quantity."""
    if line.amount is not None:
        amount = context.whole_units(line.amount, "amount", f"{line.path}.amount")
        rate = line.rate if line.rate is not None else _rounded(Decimal(amount) / max(quantity, 1), context.smallest)
        return rate, amount
    rate = context.whole_units(line.rate or 0, "rate", f"{line.path}.rate")
    if abs(rate * quantity) > HIGHEST_MONEY:
        raise invalid_field_value(quantity, "quantity", f"{line.path}.quantity")
    return rate, rate * quantity


def _rounded(hundredths: Decimal, smallest: int) -> int:
    return int((hundredths / smallest).quantize(Decimal(1), ROUND_HALF_UP)) * smallest
