"""Create, change, upsert and delete records, each in one transaction of the books (netsuite 3.6)."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from nsbill.simulator.applying import settled_status
from nsbill.simulator.books import Books
from nsbill.simulator.errors import (
    bad_request,
    invalid_value,
    method_not_allowed,
    not_imitated,
    please_enter,
    record_changed,
    user_error,
)
from nsbill.simulator.order_effects import SHIPPED, put_back, ship
from nsbill.simulator.record_body import Body, Validation, read_body
from nsbill.simulator.record_catalogue import WITH_ITEMS
from nsbill.simulator.record_context import Context, insert, update
from nsbill.simulator.record_customers import change_customer, create_customer, delete_customer
from nsbill.simulator.record_deletes import delete_transaction
from nsbill.simulator.record_deposits import change_deposit, complete_deposit, fill_deposit
from nsbill.simulator.record_fields import Resource
from nsbill.simulator.record_header import header_of_change, header_of_new
from nsbill.simulator.record_lines import lines_of, merge_lines, save_lines, totals
from nsbill.simulator.record_orders import bill_again, check_shipped_still, refresh_order
from nsbill.simulator.record_settling import planned, settle_anew, settle_new
from nsbill.simulator.records import find_row

__all__ = ["Write", "Written", "change_record", "create_record", "delete_record", "put_record"]


_BILLS = frozenset({"CustInvc", "CashSale"})


@dataclass(frozen=True)
class Write:
    """What a write asks for besides its target: content, validation, knobs, sublists to replace, fields to clear."""

    content: object
    validation: Validation
    preferences: Mapping[str, str]
    replace: frozenset[str] = frozenset()
    cleared: tuple[str, ...] = ()


@dataclass(frozen=True)
class Written:
    """The record's internal id, and the properties that were let through with a warning."""

    id: int
    warnings: tuple[str, ...] = ()


def create_record(books: Books, resource: Resource, write: Write) -> Written:
    """Create a record."""
    _check_method(resource, "POST")
    body = read_body(write.content, resource, write.validation)
    with books.writing() as connection:
        return Written(_create(_context(books, connection, write), resource, body), body.warnings)


def change_record(books: Books, resource: Resource, key: str, write: Write) -> Written:
    """Change a record; one that changed between reading and saving is refused (RCRD_HAS_BEEN_CHANGED)."""
    _check_method(resource, "PATCH")
    seen = tuple(find_row(books.reader(), resource, key))
    body = read_body(write.content, resource, write.validation, write.cleared)
    with books.writing() as connection:
        row = find_row(connection, resource, key)
        _check_lock(write, changed=tuple(row) != seen)
        _change(_context(books, connection, write), resource, body, dict(row), write.replace)
        return Written(int(row["id"]), body.warnings)


def put_record(books: Books, resource: Resource, key: str, write: Write) -> Written:
    """Change the record with an external id, or create it; PUT knows external ids only (section_156335203191)."""
    _check_method(resource, "PUT")
    if not key.startswith("eid:"):
        raise bad_request("The PUT method requires an external ID: use the prefix 'eid:'.")
    external_id = key.removeprefix("eid:")
    content = {} if write.content is None else write.content
    if not isinstance(content, dict):
        raise bad_request()
    if content.get("externalId", external_id) != external_id:
        raise invalid_value("externalId")
    body = read_body({**content, "externalId": external_id}, resource, write.validation, write.cleared)
    with books.writing() as connection:
        context = _context(books, connection, write)
        statement = f"SELECT * FROM {resource.source} WHERE {resource.condition} AND externalid = ?"
        row = connection.execute(statement, (external_id,)).fetchone()
        if row is None:
            return Written(_create(context, resource, body), body.warnings)
        _change(context, resource, body, dict(row), write.replace)
        return Written(int(row["id"]), body.warnings)


def delete_record(books: Books, resource: Resource, key: str, preferences: Mapping[str, str]) -> None:
    """Delete a record."""
    _check_method(resource, "DELETE")
    with books.writing() as connection:
        context = _context(books, connection, Write(None, Validation(), preferences))
        row = dict(find_row(connection, resource, key))
        if resource.kind == "customer":
            delete_customer(context, row)
        else:
            delete_transaction(context, row)


def _check_method(resource: Resource, method: str) -> None:
    if method not in resource.methods:
        raise method_not_allowed(method)


def _check_lock(write: Write, *, changed: bool) -> None:
    if changed and write.preferences["record_lock"] == "optimistic":
        raise record_changed()


def _context(books: Books, connection: sqlite3.Connection, write: Write) -> Context:
    return Context(connection, books.clock.instant(), books.clock.today(), write.preferences)


def _create(context: Context, resource: Resource, body: Body) -> int:
    if resource.kind == "customer":
        return create_customer(context, resource, body)
    if resource.kind == "ItemShip":
        raise not_imitated("fulfilments that are not made from an order")
    header = header_of_new(context, resource, body)
    if resource.kind == "Deposit":
        complete_deposit(context, body, header)
        key = insert(context.connection, "txn", header)
        fill_deposit(context, resource, body, {**header, "id": key})
        return key
    amounts = planned(context, resource, body, limit=_payment_limit(body)) if "apply" in body.sublists else []
    if resource.kind in WITH_ITEMS:
        return _create_with_items(context, resource, body, header, amounts)
    if "total" not in header:
        header["total"] = sum(amount for _, amount in amounts)
    if resource.kind == "CustRfnd" and header["total"] == 0:
        raise user_error("You must enter at least one line item for this transaction.", path="apply")
    if int(str(header["total"])) <= 0:
        raise please_enter("Payment Amount")
    key = insert(context.connection, "txn", header)
    settle_new(context, resource, body, key, amounts)
    return key


def _create_with_items(
    context: Context, resource: Resource, body: Body, header: dict[str, object], amounts: list[tuple[int, int]]
) -> int:
    rows = _merged(context, resource, body, header, [], replace=False)
    header |= totals(rows)
    if resource.kind in ("CustInvc", "CustCred") and header["total"] == 0:
        header["status"] = "B"
    key = insert(context.connection, "txn", header)
    save_lines(context.connection, key, rows)
    if resource.kind == "CustCred":
        settle_new(context, resource, body, key, amounts)
    return key


def _change(context: Context, resource: Resource, body: Body, row: dict[str, object], replace: frozenset[str]) -> None:
    if resource.kind == "customer":
        change_customer(context, resource, body, row)
        return
    changes = header_of_change(context, resource, body, row)
    connection, key = context.connection, int(str(row["id"]))
    if resource.kind == "ItemShip" and "status" in changes:
        _move(context, row, str(changes.pop("status")))
    update(connection, "txn", {**changes, "lastmodifieddate": context.now}, {"id": key})
    after = {**row, **changes}
    if resource.kind == "CustPymt" and int(str(after["total"])) <= 0:
        raise please_enter("Payment Amount")
    if "item" in body.sublists:
        _change_items(context, resource, body, after, replace=replace)
    if int(str(after["total"])) < int(str(row["paid"])) and "apply" not in body.sublists:
        raise user_error("You cannot apply more than your total payments.", path="payment")
    if "apply" in body.sublists:
        settle_anew(context, resource, body, after, replace="apply" in replace)
    if resource.kind == "Deposit":
        change_deposit(context, resource, body, after, replace=replace)


def _move(context: Context, row: Mapping[str, object], status: str) -> None:
    """Give a fulfilment another status; what is not shipped any more must not be billed."""
    if status != SHIPPED:
        check_shipped_still(context, row)
    ship(context.connection, int(str(row["id"])), status, context.now)


def _change_items(
    context: Context, resource: Resource, body: Body, row: dict[str, object], *, replace: frozenset[str]
) -> None:
    if resource.kind == "ItemShip":
        raise not_imitated("changed lines of a fulfilment")
    connection, key = context.connection, int(str(row["id"]))
    before = lines_of(connection, key)
    after = _merged(context, resource, body, row, before, replace="item" in replace)
    sums = totals(after)
    if int(str(sums["total"])) < int(str(row["paid"])):
        raise user_error("The total cannot be less than what is paid or applied.", path="item")
    if resource.kind in _BILLS:
        put_back(connection, key, context.now)
    save_lines(connection, key, after)
    status = settled_status(resource.kind, str(row["status"]), int(str(sums["total"])), int(str(row["paid"])))
    update(connection, "txn", {**sums, "status": status}, {"id": key})
    row |= sums
    if resource.kind in _BILLS:
        bill_again(context, row, after)
    if resource.kind == "SalesOrd":
        refresh_order(context, key)


def _merged(
    context: Context,
    resource: Resource,
    body: Body,
    header: Mapping[str, object],
    before: list[dict[str, object]],
    *,
    replace: bool,
) -> list[dict[str, object]]:
    sublist = resource.sublist("item")
    assert sublist is not None
    statement = "SELECT decimals FROM currency WHERE id = ?"
    decimals = context.connection.execute(statement, (header["currency"],)).fetchone()[0]
    lines = body.sublists.get("item", ())
    return merge_lines(context, sublist, before, lines, replace=replace, decimals=decimals)


def _payment_limit(body: Body) -> int | None:
    value = body.values.get("payment")
    return int(str(value)) if value is not None else None
