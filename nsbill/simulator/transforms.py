"""Transform a record into another, in one transaction of the books (netsuite 4)."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from nsbill.simulator.applying import apply_amounts
from nsbill.simulator.books import Books
from nsbill.simulator.document_numbers import next_number
from nsbill.simulator.errors import already_exists, no_such_record, record_changed, user_error
from nsbill.simulator.order_effects import SHIPPED, linked, ship
from nsbill.simulator.transform_billing import bill_order
from nsbill.simulator.transform_body import Body, read_body
from nsbill.simulator.transform_context import Context, NewRecord
from nsbill.simulator.transform_fulfilment import fulfil_order
from nsbill.simulator.transform_settlement import credit_invoice, pay_invoice, refund_cash_sale

__all__ = ["TRANSFORMATIONS", "NewRecord", "Transformation", "Transformed", "transform"]

TRANSFORMATIONS: dict[tuple[str, str], Callable[[Context], NewRecord]] = {
    ("SalesOrd", "CustInvc"): bill_order,
    ("SalesOrd", "CashSale"): bill_order,
    ("SalesOrd", "ItemShip"): fulfil_order,
    ("CustInvc", "CustPymt"): pay_invoice,
    ("CustInvc", "CustCred"): credit_invoice,
    ("CashSale", "CashRfnd"): refund_cash_sale,
}
"""Types of source and target to what prepares the new record."""


@dataclass(frozen=True)
class Transformation:
    """What a request asks for: types of source and target, the source's key, and which sublists it replaces."""

    source: str
    key: str
    target: str
    replaced: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Transformed:
    """The outcome: the record, its id unless it was a dry run, unknown property names and warnings let through."""

    record: NewRecord
    source_id: int
    record_id: int | None
    unknown: tuple[str, ...]


def transform(
    books: Books,
    wanted: Transformation,
    content: object,
    *,
    strict_names: bool,
    save: bool,
    preferences: Mapping[str, str],
) -> Transformed:
    """Make the target of a source record from the request's JSON; refusals raise ``Refusal``.

    The source is looked at once before the books are locked and again inside the lock: who comes second finds that
    the record was processed, or changed, in between (netsuite 4.2, 8.4).
    """
    body = read_body(content, wanted.target, strict_names=strict_names)
    reader = books.reader()
    seen = _find(reader, wanted, preferences)
    if not save:
        return Transformed(_prepare(books, reader, seen, wanted, body, preferences), seen["id"], None, body.unknown)
    state = _state(reader, seen)
    with books.writing() as connection:
        source = _find(connection, wanted, preferences)
        _check_unchanged(state, _state(connection, source))
        record = _prepare(books, connection, source, wanted, body, preferences)
        record_id = _save(connection, record, books.clock.instant())
    return Transformed(record, source["id"], record_id, body.unknown)


def _find(connection: sqlite3.Connection, wanted: Transformation, preferences: Mapping[str, str]) -> sqlite3.Row:
    by_external_id = wanted.key.startswith("eid:")
    if by_external_id and preferences["transform_by_externalid"] == "F":
        raise no_such_record()
    value = wanted.key.removeprefix("eid:")
    row = None
    if by_external_id or (value.isascii() and value.isdigit()):
        column = "externalid" if by_external_id else "id"
        row = connection.execute(
            f"SELECT * FROM txn WHERE {column} = ? AND type = ?", (value, wanted.source)
        ).fetchone()
    if row is None:
        raise no_such_record()
    found: sqlite3.Row = row
    return found


def _state(connection: sqlite3.Connection, source: sqlite3.Row) -> tuple[tuple[object, ...], tuple[object, ...]]:
    """What other documents have done to a record, and the record itself."""
    done = connection.execute(
        "SELECT SUM(quantitybilled), SUM(quantityfulfilled), "
        "(SELECT COUNT(*) FROM link WHERE previousdoc = ?1) FROM txnline WHERE txn = ?1",
        (source["id"],),
    ).fetchone()
    return (*done, source["paid"]), tuple(source)


def _check_unchanged(
    before: tuple[tuple[object, ...], tuple[object, ...]], now: tuple[tuple[object, ...], tuple[object, ...]]
) -> None:
    if before[0] != now[0]:
        raise user_error("This transaction has already been processed.")
    if before[1] != now[1]:
        raise record_changed()


def _prepare(
    books: Books,
    connection: sqlite3.Connection,
    source: sqlite3.Row,
    wanted: Transformation,
    body: Body,
    preferences: Mapping[str, str],
) -> NewRecord:
    context = Context(connection, source, wanted.target, body, wanted.replaced, books.clock.today(), preferences)
    record = TRANSFORMATIONS[wanted.source, wanted.target](context)
    _check_external_id(connection, record.header["externalid"], wanted.target, preferences)
    return record


def _check_external_id(
    connection: sqlite3.Connection, external: object, kind: str, preferences: Mapping[str, str]
) -> None:
    """Refuse an external id in use, over all transactions or within the type (netsuite 3.5, 4.5)."""
    rows = connection.execute("SELECT type FROM txn WHERE externalid = ?", (external,)).fetchall()
    if any(row["type"] == kind or preferences["externalid_namespace"] == "transactions" for row in rows):
        raise already_exists()


def _save(connection: sqlite3.Connection, record: NewRecord, now: str) -> int:
    kind, source = str(record.header["type"]), record.header.get("createdfrom")
    header = {**record.header, "tranid": next_number(connection, kind), "createddate": now, "lastmodifieddate": now}
    shipped = kind == "ItemShip" and header["status"] == SHIPPED
    if shipped:
        header["status"] = "A"  # raised below by the one function that counts shipped goods
    record_id = _insert(connection, "txn", header)
    for line in record.lines:
        _insert(connection, "txnline", {"txn": record_id, **line})
    taken = [
        (int(str(line["orderline"])), int(str(line["line"])), int(str(line["quantity"])), int(str(line["amount"])))
        for line in record.lines
        if line["orderline"] is not None and line["quantity"]
    ]
    if kind in ("CustInvc", "CashSale", "ItemShip"):
        linked(connection, int(str(source)), record_id, kind, taken, now)
    elif source is not None:
        _link_return(connection, int(str(source)), record_id, kind, taken, now)
    if shipped:
        ship(connection, record_id, SHIPPED, now)
    if record.applies:
        apply_amounts(connection, record_id, kind, record.applies, now)
    return record_id


def _link_return(
    connection: sqlite3.Connection,
    source: int,
    record_id: int,
    kind: str,
    lines: list[tuple[int, int, int, int]],
    now: str,
) -> None:
    """Link a credit memo or cash refund to what it was made from; the link's type is uncertain (netsuite 6.2)."""
    before = {"CustCred": "CustInvc", "CashRfnd": "CashSale"}[kind]
    connection.executemany(
        "INSERT INTO link (linktype, previousdoc, previousline, previoustype, nextdoc, nextline, nexttype, "
        "foreignamount, lastmodifieddate) VALUES ('SaleRet', ?, ?, ?, ?, ?, ?, ?, ?)",
        [(source, line, before, record_id, new, kind, amount, now) for line, new, _, amount in lines],
    )


def _insert(connection: sqlite3.Connection, table: str, values: Mapping[str, object]) -> int:
    marks = ", ".join("?" for _ in values)
    cursor = connection.execute(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks})", tuple(values.values()))
    return int(cursor.lastrowid or 0)
