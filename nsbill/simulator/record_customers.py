"""Customers: created, changed and deleted (netsuite 3.6, 4.5)."""

from __future__ import annotations

from collections.abc import Mapping

from nsbill.simulator.errors import please_enter, user_error
from nsbill.simulator.record_body import Body, read_only
from nsbill.simulator.record_context import Context, insert, resolve, update
from nsbill.simulator.record_fields import Resource

__all__ = ["change_customer", "create_customer", "delete_customer"]

_OWN = frozenset({"entityid", "companyname", "email", "subsidiary", "terms", "isinactive"})
"""Columns of ``customer``; the others are in ``customerdetail``."""


def create_customer(context: Context, resource: Resource, body: Body) -> int:
    """Create a customer; its name and subsidiary are mandatory, its id is drawn unless given."""
    columns = {name: value for name, value in _columns(context, resource, body, None).items() if value is not None}
    for column, label in (("companyname", "Company Name"), ("subsidiary", "Primary Subsidiary")):
        if column not in columns:
            raise please_enter(label)
    if "entityid" not in columns:
        highest = context.connection.execute("SELECT COALESCE(MAX(id), 0) + 1 FROM customer").fetchone()[0]
        columns["entityid"] = f"CUST{highest}"
    _check_unique(context, columns, None)
    key = insert(context.connection, "customer", {name: value for name, value in columns.items() if name in _OWN})
    detail = {name: value for name, value in columns.items() if name not in _OWN}
    stamps = {"datecreated": context.now, "lastmodifieddate": context.now}
    insert(context.connection, "customerdetail", {"customer": key, **detail, **stamps})
    return key


def change_customer(context: Context, resource: Resource, body: Body, row: Mapping[str, object]) -> None:
    """Change a customer."""
    columns = _columns(context, resource, body, row)
    for column, label in (("companyname", "Company Name"), ("entityid", "Customer ID"), ("isinactive", "Inactive")):
        if column in columns and columns[column] is None:
            raise please_enter(label)
    _check_unique(context, columns, row)
    connection, key = context.connection, row["id"]
    update(connection, "customer", {name: value for name, value in columns.items() if name in _OWN}, {"id": key})
    connection.execute("INSERT OR IGNORE INTO customerdetail (customer) VALUES (?)", (key,))
    detail = {name: value for name, value in columns.items() if name not in _OWN}
    update(connection, "customerdetail", {**detail, "lastmodifieddate": context.now}, {"customer": key})


def delete_customer(context: Context, row: Mapping[str, object]) -> None:
    """Delete a customer that has no transactions."""
    if context.connection.execute("SELECT 1 FROM txn WHERE entity = ? LIMIT 1", (row["id"],)).fetchone():
        raise user_error("This record cannot be deleted because it has dependent records.")
    context.connection.execute("DELETE FROM customer WHERE id = ?", (row["id"],))
    context.connection.execute("DELETE FROM customerdetail WHERE customer = ?", (row["id"],))


def _columns(context: Context, resource: Resource, body: Body, row: Mapping[str, object] | None) -> dict[str, object]:
    columns: dict[str, object] = {}
    for name, value in body.values.items():
        field = resource.by_name[name]
        is_reference = field.kind == "reference" and value is not None
        found = resolve(context, field, value, name) if is_reference else value
        if row is not None and field.write == "create":
            if found != row[field.column]:
                raise read_only(name)
            continue
        columns[field.column] = found
    return columns


def _check_unique(context: Context, columns: Mapping[str, object], row: Mapping[str, object] | None) -> None:
    """Refuse a customer id or external id in use; the text is the one seen live for entities (netsuite 4.5)."""
    own = row["id"] if row is not None else None
    for table, key, column in (("customer", "id", "entityid"), ("customerdetail", "customer", "externalid")):
        if columns.get(column) is not None:
            found = context.connection.execute(
                f"SELECT {key} FROM {table} WHERE {column} = ?", (columns[column],)
            ).fetchone()
            if found is not None and found[0] != own:
                raise user_error(
                    "This entity already exists.", path="externalId" if column == "externalid" else "entityId"
                )
