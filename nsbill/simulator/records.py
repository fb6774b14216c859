"""Records as REST shows them: GET one, its item sublist, and lists of ids (netsuite 3.2 to 3.4)."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from nsbill.simulator.errors import Refusal, no_such_record
from nsbill.simulator.replies import Cents, drop_nulls, enum
from nsbill.simulator.suiteql_views import STATUS_NAMES, TYPE_NAMES

__all__ = ["RECORDS", "View", "find", "get_record", "item_sublist", "list_records", "record_type", "shape"]

RECORDS = {
    "salesorder": ("salesOrder", "SalesOrd"),
    "invoice": ("invoice", "CustInvc"),
    "cashsale": ("cashSale", "CashSale"),
    "creditmemo": ("creditMemo", "CustCred"),
    "cashrefund": ("cashRefund", "CashRfnd"),
    "customerpayment": ("customerPayment", "CustPymt"),
}
"""Lower-case name to canonical name and transaction type; names are matched without regard to case (netsuite 2)."""

_TABLES = {
    "entity": "customer",
    "subsidiary": "subsidiary",
    "currency": "currency",
    "terms": "term",
    "paymentoption": "paymentmethod",
    "postingperiod": "accountingperiod",
    "channel": "channel",
}
_NAME_COLUMN = {"customer": "companyname", "accountingperiod": "periodname"}
_Fields = list[tuple[str, object]]
_HAS_ITEMS = frozenset({"SalesOrd", "CustInvc", "CashSale", "CustCred", "CashRfnd"})


@dataclass(frozen=True)
class View:
    """How a caller wants a record shown; ``base`` is the address of ``/services/rest/record/v1``."""

    base: str
    expand: bool = False
    simple_enums: bool = False
    fields: tuple[str, ...] = ()


def record_type(name: str) -> tuple[str, str]:
    """Return canonical name and transaction type of a record name in any case, or refuse an unknown one."""
    found = RECORDS.get(name.lower())
    if found is None:
        raise Refusal(404, "NONEXISTENT_RECORD_TYPE", f"Record type '{name}' does not exist.")
    return found


def find(connection: sqlite3.Connection, kind: str, key: str) -> sqlite3.Row:
    """Find a transaction of ``kind`` by internal id or ``eid:`` external id, or refuse."""
    if key.startswith("eid:"):
        row = connection.execute("SELECT * FROM txn WHERE type = ? AND externalid = ?", (kind, key[4:])).fetchone()
    elif key.isascii() and key.isdigit():
        row = connection.execute("SELECT * FROM txn WHERE type = ? AND id = ?", (kind, int(key))).fetchone()
    else:
        row = None
    if row is None:
        raise no_such_record()
    found: sqlite3.Row = row
    return found


def get_record(connection: sqlite3.Connection, kind: str, key: str, view: View) -> dict[str, object]:
    """Return a record's JSON; ``fields`` keeps only those body fields beside ``links``."""
    row = find(connection, kind, key)
    lines = connection.execute("SELECT * FROM txnline WHERE txn = ? ORDER BY line", (row["id"],)).fetchall()
    body = shape(connection, dict(row), [dict(line) for line in lines], view)
    if view.fields:
        body = {name: value for name, value in body.items() if name == "links" or name in view.fields}
    return body


def shape(
    connection: sqlite3.Connection, row: Mapping[str, object], lines: list[dict[str, object]], view: View
) -> dict[str, object]:
    """Shape a transaction, saved or not; one without ``id`` is a preview and has no links to itself."""
    kind = str(row["type"])
    name = next(canonical for canonical, code in RECORDS.values() if code == kind)
    href = f"{view.base}/{name}/{row.get('id')}"
    query = f"?fields={','.join(view.fields)}" if view.fields else ""
    fields: _Fields = [("links", [{"rel": "self", "href": href + query}] if "id" in row else [])]
    fields += _common(connection, row, view) + _BY_KIND[kind](connection, row, view)
    if kind in _HAS_ITEMS:
        sublist = (
            item_sublist(connection, lines, kind, href, view)
            if view.expand
            else {"links": [{"rel": "self", "href": f"{href}/item"}]}
        )
        fields.append(("item", sublist))
    return drop_nulls(sorted(fields, key=lambda pair: (pair[0] != "links", pair[0])))


def _common(connection: sqlite3.Connection, row: Mapping[str, object], view: View) -> _Fields:
    kind, status = str(row["type"]), str(row["status"])
    customer = "customer" if kind == "CustPymt" else "entity"
    return [
        ("id", str(row["id"]) if "id" in row else None),
        ("externalId", row.get("externalid")),
        ("tranId", row.get("tranid")),
        ("tranDate", row["trandate"]),
        ("createdDate", row.get("createddate")),
        ("lastModifiedDate", row.get("lastmodifieddate")),
        (customer, _reference(connection, row, "entity", view)),
        ("subsidiary", _reference(connection, row, "subsidiary", view)),
        ("currency", _reference(connection, row, "currency", view)),
        ("exchangeRate", Decimal(str(row["exchangerate"]))),
        ("status", enum(status, STATUS_NAMES.get(kind, {}).get(status, status), simple=view.simple_enums)),
        ("memo", row.get("memo")),
        ("postingPeriod", _reference(connection, row, "postingperiod", view)),
        ("custbody_celigo_etail_order_id", row.get("etail_order_id")),
        ("custbody_celigo_etail_channel", _reference(connection, row, "channel", view)),
        ("total", _cents(row["total"])),
    ]


def _sale(connection: sqlite3.Connection, row: Mapping[str, object], view: View) -> _Fields:
    return [
        ("otherRefNum", row.get("otherrefnum")),
        ("terms", _reference(connection, row, "terms", view)),
        ("paymentOption", _reference(connection, row, "paymentoption", view)),
        ("shipDate", row.get("shipdate")),
        ("subtotal", _cents(_number(row["total"]) - _number(row["tax"]))),
        ("taxTotal", _cents(row["tax"])),
        ("createdFrom", _created_from(connection, row, view)),
    ]


def _order(connection: sqlite3.Connection, row: Mapping[str, object], view: View) -> _Fields:
    status = str(row["status"])
    return [
        *_sale(connection, row, view),
        ("orderStatus", enum(status, STATUS_NAMES["SalesOrd"].get(status), simple=view.simple_enums)),
    ]


def _invoice(connection: sqlite3.Connection, row: Mapping[str, object], view: View) -> _Fields:
    paid = _number(row.get("paid"))
    return [
        *_sale(connection, row, view),
        ("dueDate", row.get("duedate")),
        ("amountPaid", _cents(paid)),
        ("amountRemaining", _cents(_number(row["total"]) - paid)),
        ("approvalStatus", enum("2", "Approved", simple=view.simple_enums)),
    ]


def _credit(connection: sqlite3.Connection, row: Mapping[str, object], view: View) -> _Fields:
    paid = _number(row.get("paid"))
    open_ = _number(row["total"]) - paid
    return [
        *_sale(connection, row, view),
        ("applied", _cents(paid)),
        ("unapplied", _cents(open_)),
        ("amountRemaining", _cents(open_)),
    ]


def _payment(connection: sqlite3.Connection, row: Mapping[str, object], view: View) -> _Fields:
    paid = _number(row.get("paid"))
    return [
        ("payment", _cents(row["total"])),
        ("applied", _cents(paid)),
        ("unapplied", _cents(_number(row["total"]) - paid)),
    ]


_BY_KIND = {
    "SalesOrd": _order,
    "CustInvc": _invoice,
    "CashSale": _sale,
    "CustCred": _credit,
    "CashRfnd": _sale,
    "CustPymt": _payment,
}


def item_sublist(
    connection: sqlite3.Connection, lines: list[dict[str, object]], kind: str, href: str, view: View
) -> dict[str, object]:
    """Return an expanded item sublist."""
    items = []
    for line in lines:
        item = connection.execute("SELECT itemid, itemtype FROM item WHERE id = ?", (line["item"],)).fetchone()
        reference = {"links": [], "id": str(line["item"]), "refName": item["itemid"]}
        fields: _Fields = [
            ("links", [{"rel": "self", "href": f"{href}/item/{line['line']}"}]),
            ("line", line["line"]),
            ("item", reference),
            ("itemType", enum(item["itemtype"], item["itemtype"], simple=view.simple_enums)),
            ("description", line.get("description")),
            ("quantity", line["quantity"]),
            ("rate", _cents(line["rate"])),
            ("amount", _cents(line["amount"])),
            ("tax1Amt", _cents(line["tax"])),
            ("grossAmt", _cents(_number(line["amount"]) + _number(line["tax"]))),
            ("custcol_celigo_etail_order_line_id", line.get("etail_line_id")),
            ("orderLine", line.get("orderline")),
        ]
        if kind == "SalesOrd":
            fields += [
                ("quantityBilled", line["quantitybilled"]),
                ("quantityFulfilled", line["quantityfulfilled"]),
                ("isClosed", line["isclosed"] == "T"),
            ]
        items.append(drop_nulls(fields))
    links = [{"rel": "self", "href": f"{href}/item"}]
    return {
        "links": links,
        "items": items,
        "count": len(items),
        "hasMore": False,
        "offset": 0,
        "totalResults": len(items),
    }


def list_records(connection: sqlite3.Connection, kind: str, limit: int, offset: int) -> tuple[list[int], int]:
    """Return the ids of one page of a record type, and how many there are."""
    rows = connection.execute("SELECT id FROM txn WHERE type = ? ORDER BY id LIMIT ? OFFSET ?", (kind, limit, offset))
    ids = [row[0] for row in rows]
    return ids, int(connection.execute("SELECT COUNT(*) FROM txn WHERE type = ?", (kind,)).fetchone()[0])


def _number(value: object) -> int:
    return int(str(value)) if value is not None else 0


def _cents(value: object) -> Cents:
    return Cents(_number(value))


def _reference(connection: sqlite3.Connection, row: Mapping[str, object], column: str, view: View) -> object:
    key = row.get(column)
    if key is None:
        return None
    table = _TABLES[column]
    name = connection.execute(f"SELECT {_NAME_COLUMN.get(table, 'name')} FROM {table} WHERE id = ?", (key,)).fetchone()
    links = [] if table == "channel" else [{"rel": "self", "href": f"{view.base}/{table}/{key}"}]
    return drop_nulls([("links", links), ("id", str(key)), ("refName", name[0] if name else None)])


def _created_from(connection: sqlite3.Connection, row: Mapping[str, object], view: View) -> object:
    key = row.get("createdfrom")
    if key is None:
        return None
    source = connection.execute("SELECT type, tranid FROM txn WHERE id = ?", (key,)).fetchone()
    if source is None or source["type"] not in {kind for _, kind in RECORDS.values()}:
        return {"links": [], "id": str(key)}
    name = next(canonical for canonical, code in RECORDS.values() if code == source["type"])
    title = f"{TYPE_NAMES[source['type']][1]} #{source['tranid']}"
    return {"links": [{"rel": "self", "href": f"{view.base}/{name}/{key}"}], "id": str(key), "refName": title}
