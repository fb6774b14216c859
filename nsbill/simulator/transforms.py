"""Transform a sales order into an invoice or a cash sale, in one transaction of the books (netsuite 4)."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from nsbill.simulator.billing_rules import OrderLine, billable_quantities, part_of, status_after
from nsbill.simulator.books import Books
from nsbill.simulator.errors import already_exists, invalid_field_value, no_such_record, please_enter, user_error
from nsbill.simulator.transform_body import Body, read_body

__all__ = ["TARGETS", "NewRecord", "Transformed", "transform"]

TARGETS = {"invoice": "CustInvc", "cashsale": "CashSale"}
"""Lower-case record name to transaction type."""

_PREFIX = {"CustInvc": "INV", "CashSale": "CS"}
_LABELS = {
    "memo": "Memo",
    "otherrefnum": "PO #",
    "terms": "Terms",
    "paymentoption": "Payment Method",
    "channel": "eTail Channel",
}


@dataclass(frozen=True)
class NewRecord:
    """A billing record before it is saved: its header by column of ``txn``, and its lines by column of ``txnline``."""

    header: dict[str, object]
    lines: tuple[dict[str, object], ...]


@dataclass(frozen=True)
class Transformed:
    """The outcome: the record, its id unless it was a dry run, and unknown property names that were let through."""

    record: NewRecord
    record_id: int | None
    warnings: tuple[str, ...]


def transform(
    books: Books,
    order_id: str,
    kind: str,
    content: object,
    *,
    strict_names: bool,
    save: bool,
    preferences: Mapping[str, str],
) -> Transformed:
    """Bill an order: ``kind`` is CustInvc or CashSale, ``content`` the request's JSON; refusals raise ``Refusal``."""
    body = read_body(content, kind, strict_names=strict_names)
    if not save:
        record = _prepare(books, books.reader(), order_id, kind, body, preferences)
        return Transformed(record, None, body.unknown)
    with books.writing() as connection:
        record = _prepare(books, connection, order_id, kind, body, preferences)
        record_id = _save(books, connection, record)
    return Transformed(record, record_id, body.unknown)


def _prepare(
    books: Books, connection: sqlite3.Connection, order_id: str, kind: str, body: Body, preferences: Mapping[str, str]
) -> NewRecord:
    column = "externalid" if order_id.startswith("eid:") else "id"
    order = connection.execute(
        f"SELECT * FROM txn WHERE {column} = ? AND type = 'SalesOrd'", (order_id.removeprefix("eid:"),)
    ).fetchone()
    if order is None:
        raise no_such_record()
    lines = _order_lines(connection, order["id"])
    chosen = _chosen_quantities(order["status"], lines, body, preferences)
    if (
        body.external_id is not None
        and connection.execute("SELECT 1 FROM txn WHERE externalid = ?", (body.external_id,)).fetchone()
    ):
        raise already_exists()
    decimals = connection.execute("SELECT decimals FROM currency WHERE id = ?", (order["currency"],)).fetchone()[0]
    new_lines = _new_lines(connection, order["id"], lines, chosen, unit=1 if decimals else 100)
    header = _header(books, connection, order, kind, body, preferences)
    header["total"] = sum(int(str(line["amount"])) + int(str(line["tax"])) for line in new_lines)
    header["tax"] = sum(int(str(line["tax"])) for line in new_lines)
    if kind == "CustInvc" and header["total"] == 0:
        header["status"] = "B"
    return NewRecord(header, tuple(new_lines))


def _order_lines(connection: sqlite3.Connection, order_id: int) -> list[OrderLine]:
    rows = connection.execute(
        "SELECT l.line, l.quantity, l.quantitybilled, l.quantityfulfilled, i.needsfulfilment = 'T', l.isclosed = 'T', "
        "l.amount, l.tax FROM txnline l JOIN item i ON i.id = l.item WHERE l.txn = ? ORDER BY l.line",
        (order_id,),
    )
    return [OrderLine(*row) for row in rows]


def _chosen_quantities(
    status: str, lines: list[OrderLine], body: Body, preferences: Mapping[str, str]
) -> dict[int, int]:
    """Take what is billable, changed by the body's ``orderLine`` and ``quantity``; lines not named stay as they are."""
    in_advance = preferences["invoice_in_advance"] == "T"
    show = preferences["show_unfulfilled_items"] == "T"
    billable = billable_quantities(status, lines, in_advance=in_advance)
    by_number = {line.line: line for line in lines}
    chosen = dict(billable)
    for index, (number, quantity) in enumerate(body.quantities):
        path = f"item.items[{index}]"
        if number not in by_number:
            raise invalid_field_value(number, "orderLine", f"{path}.orderLine")
        # with "show unfulfilled items" the quantity may be raised by hand, defeating the rule (netsuite 5.3)
        highest = by_number[number].unbilled if show else billable[number]
        if quantity > highest:
            raise invalid_field_value(quantity, "quantity", f"{path}.quantity")
        chosen[number] = quantity
    if not any(chosen.values()):
        raise user_error("You must enter at least one line item for this transaction.")
    unnamed = {line.line for line in lines if not line.closed} - {number for number, _ in body.quantities}
    return {number: quantity for number, quantity in chosen.items() if quantity or (show and number in unnamed)}


def _new_lines(
    connection: sqlite3.Connection, order_id: int, lines: list[OrderLine], chosen: dict[int, int], *, unit: int
) -> list[dict[str, object]]:
    rows = connection.execute("SELECT * FROM txnline WHERE txn = ? ORDER BY line", (order_id,)).fetchall()
    by_number = {line.line: line for line in lines}
    new: list[dict[str, object]] = []
    for row in rows:
        if row["line"] not in chosen:
            continue
        line, now = by_number[row["line"]], chosen[row["line"]]
        shares = {
            name: part_of(whole, before=line.billed, now=now, ordered=line.quantity, unit=unit)
            for name, whole in (("amount", line.amount), ("tax", line.tax))
        }
        copied = {name: row[name] for name in ("item", "description", "rate", "etail_line_id")}
        new.append({"line": len(new) + 1, **copied, "quantity": now, **shares, "orderline": line.line})
    return new


def _header(
    books: Books,
    connection: sqlite3.Connection,
    order: sqlite3.Row,
    kind: str,
    body: Body,
    preferences: Mapping[str, str],
) -> dict[str, object]:
    """What the new record inherits from the order, and what the body changes (netsuite 4.3)."""
    day = body.tran_date or books.clock.today()
    inherited = (
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
    header: dict[str, object] = {name: order[name] for name in inherited} | body.changes
    header |= {"type": kind, "externalid": body.external_id, "createdfrom": order["id"], "trandate": day.isoformat()}
    header["postingperiod"] = _period(connection, day, preferences)
    _check_references(connection, header)
    if kind == "CustInvc":
        header["status"] = "A"
        header["duedate"] = (body.due_date or _due(connection, day, header["terms"])).isoformat()
        header["paymentoption"] = None
    else:
        header["status"] = "B"
        header["terms"] = None
    for name in filter(None, preferences["mandatory_fields"].split(",")):
        if header.get(name) is None:
            raise please_enter(_LABELS.get(name, name))
    return header


def _period(connection: sqlite3.Connection, day: date, preferences: Mapping[str, str]) -> object:
    """Find the posting period of a date; a closed or missing one refuses the record (text of netsuite 8.4 uncertain)."""
    rows = connection.execute(
        "SELECT id, closed FROM accountingperiod WHERE ? BETWEEN startdate AND enddate ORDER BY closed, id",
        (day.isoformat(),),
    ).fetchall()
    if rows and rows[0]["closed"] == "F":
        return rows[0]["id"]
    if preferences["dates_outside_period"] == "allow":
        first = connection.execute(
            "SELECT id FROM accountingperiod WHERE closed = 'F' AND enddate >= ? ORDER BY startdate", (day.isoformat(),)
        ).fetchone()
        if first is not None:
            return first["id"]
    raise user_error(
        "The transaction date you specified is not within the date range of your accounting period.", path="tranDate"
    )


def _check_references(connection: sqlite3.Connection, header: Mapping[str, object]) -> None:
    for name, table, field in (
        ("terms", "term", "terms"),
        ("paymentoption", "paymentmethod", "paymentOption"),
        ("channel", "channel", "custbody_celigo_etail_channel"),
    ):
        value = header.get(name)
        if value is not None and connection.execute(f"SELECT 1 FROM {table} WHERE id = ?", (value,)).fetchone() is None:
            raise invalid_field_value(value, field, field)


def _due(connection: sqlite3.Connection, day: date, terms: object) -> date:
    row = connection.execute("SELECT daysuntilnetdue FROM term WHERE id = ?", (terms,)).fetchone()
    return day + timedelta(days=row[0] if row is not None else 0)


def _save(books: Books, connection: sqlite3.Connection, record: NewRecord) -> int:
    now = books.clock.instant()
    kind = str(record.header["type"])
    header = {**record.header, "tranid": _next_number(connection, kind), "createddate": now, "lastmodifieddate": now}
    record_id = _insert(connection, "txn", header)
    order_id = int(str(header["createdfrom"]))
    for line in record.lines:
        _insert(connection, "txnline", {"txn": record_id, **line})
        if line["quantity"]:
            connection.execute(
                "INSERT INTO link VALUES ('OrdBill', ?, ?, 'SalesOrd', ?, ?, ?, ?, ?)",
                (order_id, line["orderline"], record_id, line["line"], kind, line["amount"], now),
            )
            connection.execute(
                "UPDATE txnline SET quantitybilled = quantitybilled + ? WHERE txn = ? AND line = ?",
                (line["quantity"], order_id, line["orderline"]),
            )
    status = connection.execute("SELECT status FROM txn WHERE id = ?", (order_id,)).fetchone()[0]
    after = status_after(status, _order_lines(connection, order_id))
    connection.execute("UPDATE txn SET status = ?, lastmodifieddate = ? WHERE id = ?", (after, now, order_id))
    return record_id


def _insert(connection: sqlite3.Connection, table: str, values: Mapping[str, object]) -> int:
    marks = ", ".join("?" for _ in values)
    cursor = connection.execute(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks})", tuple(values.values()))
    return int(cursor.lastrowid or 0)


def _next_number(connection: sqlite3.Connection, kind: str) -> str:
    """Draw the next document number; the counter lives in the books, so several processes share it."""
    prefix, key = _PREFIX[kind], f"next_number_{kind}"
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    if row is None:
        highest = connection.execute(
            "SELECT MAX(CAST(SUBSTR(tranid, ?) AS INTEGER)) FROM txn WHERE type = ? AND tranid GLOB ?",
            (len(prefix) + 1, kind, prefix + "[0-9]*"),
        ).fetchone()[0]
        number = (highest or 1000) + 1
    else:
        number = int(row[0])
    connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, str(number + 1)))
    return f"{prefix}{number}"
