"""Records as REST shows them: one, with links, references, enumerations and exact amounts (netsuite 3.2)."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from nsbill.simulator.errors import no_such_record
from nsbill.simulator.record_catalogue import resource_of, resource_of_kind
from nsbill.simulator.record_fields import Resource
from nsbill.simulator.record_render import View, render_fields
from nsbill.simulator.record_sublists import read_sublist, show_sublist

__all__ = ["View", "find", "find_row", "get_record", "record_type", "shape", "shape_resource"]


def record_type(name: str) -> tuple[str, str]:
    """Return canonical name and transaction type of a record name in any case, or refuse an unknown one."""
    resource = resource_of(name)
    return resource.name, resource.kind


def find(connection: sqlite3.Connection, kind: str, key: str) -> sqlite3.Row:
    """Find a transaction of ``kind`` by internal id or ``eid:`` external id, or refuse."""
    return find_row(connection, resource_of_kind(kind), key)


def find_row(connection: sqlite3.Connection, resource: Resource, key: str) -> sqlite3.Row:
    """Find a record by internal id or ``eid:`` external id, or refuse (netsuite 3.2, 3.5)."""
    statement = f"SELECT * FROM {resource.source} WHERE {resource.condition} AND "
    row: sqlite3.Row | None = None
    if key.startswith("eid:") and "externalId" in resource.by_name:
        row = connection.execute(statement + "externalid = ?", (key[4:],)).fetchone()
    elif key.isascii() and key.isdigit() and len(key) < 19:
        row = connection.execute(statement + "id = ?", (int(key),)).fetchone()
    if row is None:
        raise no_such_record()
    return row


def get_record(connection: sqlite3.Connection, resource: Resource, key: str, view: View) -> dict[str, object]:
    """Return a record's JSON; ``fields`` keeps only those body fields beside ``links``."""
    row = find_row(connection, resource, key)
    body = shape_resource(connection, resource, dict(row), None, view)
    if view.fields:
        body = {name: value for name, value in body.items() if name == "links" or name in view.fields}
    return body


def shape(
    connection: sqlite3.Connection, row: Mapping[str, object], lines: list[dict[str, object]], view: View
) -> dict[str, object]:
    """Shape a transaction, saved or not; one without ``id`` is a preview and has no links to itself."""
    return shape_resource(connection, resource_of_kind(str(row["type"])), row, lines, view)


def shape_resource(
    connection: sqlite3.Connection,
    resource: Resource,
    row: Mapping[str, object],
    lines: list[dict[str, object]] | None,
    view: View,
) -> dict[str, object]:
    """Shape a record of any type; ``lines`` are its item lines, ``None``: those in the books."""
    href = f"{view.base}/{resource.name}/{row.get('id')}"
    query = f"?fields={','.join(view.fields)}" if view.fields else ""
    fields = render_fields(connection, resource.fields, row, view)
    for sublist in resource.sublists:
        if not view.expand:
            fields[sublist.name] = {"links": [{"rel": "self", "href": f"{href}/{sublist.name}"}]}
            continue
        given = lines if sublist.name == "item" else None
        rows = read_sublist(connection, resource, row, sublist) if given is None else given
        fields[sublist.name] = show_sublist(connection, sublist, rows, href, view)
    links = [{"rel": "self", "href": href + query}] if "id" in row else []
    return {"links": links, **dict(sorted(fields.items()))}
