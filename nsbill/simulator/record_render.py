"""How a row of the books becomes JSON: references, enumerations, exact amounts, nulls left out (netsuite 3.1, 3.2)."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from nsbill.simulator.record_catalogue import RESOURCES
from nsbill.simulator.record_fields import TARGETS, Field
from nsbill.simulator.record_lookups import ITEM_TYPES
from nsbill.simulator.replies import Cents, drop_nulls, enum
from nsbill.simulator.suiteql_views import TYPE_NAMES

__all__ = ["View", "render_fields"]


@dataclass(frozen=True)
class View:
    """How a caller wants a record shown; ``base`` is the address of ``/services/rest/record/v1``."""

    base: str
    expand: bool = False
    simple_enums: bool = False
    fields: tuple[str, ...] = ()


def render_fields(
    connection: sqlite3.Connection, fields: tuple[Field, ...], row: Mapping[str, object], view: View
) -> dict[str, object]:
    """Write a row's properties as JSON values; those without a value are left out."""
    return drop_nulls((one.name, _json(connection, one, row, view)) for one in fields)


def _json(connection: sqlite3.Connection, field: Field, row: Mapping[str, object], view: View) -> object:
    value = field.value(row) if field.value is not None else row.get(field.column)
    if value is None or value == "":
        return None
    if field.kind == "reference":
        return _reference(connection, field, value, view)
    if field.kind == "enum":
        return enum(str(value), field.names.get(str(value), str(value)), simple=view.simple_enums)
    if field.kind == "money":
        return Cents(int(str(value)))
    if field.kind == "number":
        return Decimal(str(value))
    if field.kind == "whole":
        return int(str(value))
    return value == "T" if field.kind == "flag" else str(value)


def _reference(connection: sqlite3.Connection, field: Field, key: object, view: View) -> object:
    if field.target == "transaction":
        return _transaction_reference(connection, key, view)
    target = TARGETS[field.target]
    found = connection.execute(
        f"SELECT *, {target.name_sql} AS shown FROM {target.table} WHERE id = ?", (key,)
    ).fetchone()
    path = target.path
    if path == "item" and found is not None:
        path = ITEM_TYPES.get(found["itemtype"], ("", ""))[0]
    links = [{"rel": "self", "href": f"{view.base}/{path}/{key}"}] if path else []
    return drop_nulls([("links", links), ("id", str(key)), ("refName", found["shown"] if found else None)])


def _transaction_reference(connection: sqlite3.Connection, key: object, view: View) -> object:
    source = connection.execute("SELECT type, tranid FROM txn WHERE id = ?", (key,)).fetchone()
    if source is None:
        return {"links": [], "id": str(key)}
    resource = next((one for one in RESOURCES.values() if one.kind == source["type"]), None)
    links = [{"rel": "self", "href": f"{view.base}/{resource.name}/{key}"}] if resource else []
    label = TYPE_NAMES[source["type"]][1] if source["type"] in TYPE_NAMES else source["type"]
    return {"links": links, "id": str(key), "refName": f"{label} #{source['tranid']}"}
