"""Sublists of a record: items, applied documents, deposited payments, other lines and cash back (netsuite 3.2, 3.3)."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence

from nsbill.simulator.applying import LINK_TYPES
from nsbill.simulator.errors import no_such_record
from nsbill.simulator.record_fields import Resource, Sublist
from nsbill.simulator.record_render import View, render_fields
from nsbill.simulator.suiteql_views import TYPE_NAMES

__all__ = ["read_sublist", "show_line", "show_sublist"]

_ITEMS = """SELECT l.*, i.itemtype, CASE WHEN l.orderline IS NOT NULL THEN t.createdfrom END AS orderdoc
FROM txnline l JOIN txn t ON t.id = l.txn LEFT JOIN item i ON i.id = l.item WHERE l.txn = ? ORDER BY l.line"""
_APPLIED = """SELECT d.id AS doc, 0 AS line, 'T' AS apply, SUM(k.foreignamount) AS amount, d.trandate AS applydate,
d.total - d.paid + SUM(k.foreignamount) AS due, d.total, d.tranid AS refnum, d.type, c.symbol AS currency
FROM link k JOIN txn d ON d.id = k.previousdoc JOIN currency c ON c.id = d.currency
WHERE k.nextdoc = ? AND k.linktype = ? GROUP BY d.id ORDER BY d.id"""
_DEPOSITED = """SELECT p.id, 'T' AS deposit, p.trandate AS docdate, p.tranid AS docnumber, p.entity, p.currency,
p.total AS amount, p.paymentoption, p.memo, p.type FROM link k JOIN txn p ON p.id = k.previousdoc
WHERE k.nextdoc = ? AND k.nexttype = 'Deposit' ORDER BY p.id"""


def read_sublist(
    connection: sqlite3.Connection, resource: Resource, row: Mapping[str, object], sublist: Sublist
) -> list[dict[str, object]]:
    """Read the lines of one sublist; a record that is not saved has none."""
    key = row.get("id")
    if key is None or not sublist.fields:
        return []
    if sublist.name == "item":
        found = connection.execute(_ITEMS, (key,)).fetchall()
    elif sublist.name == "apply":
        found = connection.execute(_APPLIED, (key, LINK_TYPES[resource.kind])).fetchall()
    elif sublist.name == "payment":
        found = connection.execute(_DEPOSITED, (key,)).fetchall()
    else:
        statement = "SELECT * FROM depositline WHERE txn = ? AND sublist = ? ORDER BY line"
        found = connection.execute(statement, (key, sublist.name)).fetchall()
    lines = [dict(one) for one in found]
    for line in lines:
        if sublist.name == "apply":
            line["type"] = TYPE_NAMES[str(line["type"])][1]
    return lines


def show_sublist(
    connection: sqlite3.Connection, sublist: Sublist, lines: Sequence[Mapping[str, object]], href: str, view: View
) -> dict[str, object]:
    """Write a sublist with its lines."""
    items = [_line(connection, sublist, line, href, view) for line in lines]
    return {
        "links": [{"rel": "self", "href": f"{href}/{sublist.name}"}],
        "items": items,
        "count": len(items),
        "hasMore": False,
        "offset": 0,
        "totalResults": len(items),
    }


def show_line(
    connection: sqlite3.Connection,
    sublist: Sublist,
    lines: Sequence[Mapping[str, object]],
    key: str,
    href: str,
    view: View,
) -> dict[str, object]:
    """Write the one line that ``key`` names, or refuse."""
    for line in lines:
        if str(line[sublist.by_name[sublist.key].column]) == key:
            return _line(connection, sublist, line, href, view)
    raise no_such_record()


def _line(
    connection: sqlite3.Connection, sublist: Sublist, line: Mapping[str, object], href: str, view: View
) -> dict[str, object]:
    row = dict(line)
    if sublist.name == "item" and row.get("itemtype") is None:  # a preview's lines are not joined with their items
        item = connection.execute("SELECT itemtype FROM item WHERE id = ?", (row["item"],)).fetchone()
        row["itemtype"] = item["itemtype"] if item else None
    key = row[sublist.by_name[sublist.key].column]
    links = [{"rel": "self", "href": f"{href}/{sublist.name}/{key}"}]
    return {"links": links, **render_fields(connection, sublist.fields, row, view)}
