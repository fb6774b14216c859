"""The body fields of a transaction: checked against the books and completed as NetSuite does (netsuite 3.3, 3.6)."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta

from nsbill.simulator.document_numbers import next_number
from nsbill.simulator.errors import please_enter, user_error
from nsbill.simulator.record_body import Body, read_only
from nsbill.simulator.record_context import Context, check_external_id, period_of, resolve
from nsbill.simulator.record_fields import Resource

__all__ = ["check_open_period", "header_of_change", "header_of_new"]

_NOT_POSTING = frozenset({"SalesOrd", "ItemShip"})
_STATUS = {
    "CustInvc": "A",
    "CashSale": "B",
    "CustCred": "A",
    "CashRfnd": "A",
    "CustPymt": "B",
    "CustRfnd": "A",
    "Deposit": "A",
}
_MANDATORY = {
    "memo": "Memo",
    "otherrefnum": "PO #",
    "terms": "Terms",
    "paymentoption": "Payment Method",
    "channel": "eTail Channel",
}
_APPROVAL = {"1": "D", "3": "E"}
"""Approval status to the invoice's status: pending approval, rejected."""
_TO_A_BANK = frozenset({"CashSale", "CustPymt", "CashRfnd"})
_FROM_A_BANK = frozenset({"Deposit", "CustRfnd"})
_NEVER_EMPTY = frozenset({"tranDate", "tranId", "payment", "orderStatus", "shipStatus", "approvalStatus"})
_MONEY_MOVES = frozenset(
    {"tranDate", "postingPeriod", "item", "apply", "payment", "other", "cashback", "account", "undepFunds", "currency"}
)


def header_of_new(context: Context, resource: Resource, body: Body) -> dict[str, object]:
    """Return the row of a new transaction by column, without its amounts, or refuse the body."""
    kind = resource.kind
    header = _columns(context, resource, body, None)
    header = {name: value for name, value in header.items() if value is not None}
    if kind != "Deposit":
        _customer(context, resource, header)
        _money(context, header)
    _status(context, kind, body, header)
    header.setdefault("trandate", context.today.isoformat())
    if kind not in _NOT_POSTING:
        header["postingperiod"] = period_of(context, str(header["trandate"]), header.get("postingperiod"))
    if kind == "CustInvc":
        header.setdefault("duedate", _due(context.connection, str(header["trandate"]), header.get("terms")))
    if kind in ("CustInvc", "CashSale"):
        for name in filter(None, context.preferences["mandatory_fields"].split(",")):
            if header.get(name) is None and not (kind == "CustInvc" and name == "paymentoption"):
                raise please_enter(_MANDATORY.get(name, name))
    header.setdefault("tranid", next_number(context.connection, kind))
    return header | {"type": kind, "createddate": context.now, "lastmodifieddate": context.now}


def header_of_change(context: Context, resource: Resource, body: Body, row: Mapping[str, object]) -> dict[str, object]:
    """Return what a body changes of a transaction's row, by column, or refuse it."""
    kind = resource.kind
    changes = _columns(context, resource, body, row)
    for name in _NEVER_EMPTY | ({"account"} if kind in _FROM_A_BANK else set()):
        if name in body.values and body.values[name] is None:
            raise please_enter(resource.by_name[name].title)
    if kind not in _NOT_POSTING:
        moved = bool((body.values.keys() | body.sublists.keys()) & _MONEY_MOVES)
        if moved or context.preferences["non_gl_changes"] == "F":
            check_open_period(context, row)
        if changes.keys() & {"trandate", "postingperiod"}:
            day = str(changes.get("trandate", row["trandate"]))
            changes["postingperiod"] = period_of(context, day, changes.get("postingperiod"))
    if kind == "SalesOrd" and "status" in changes:
        _check_approval(str(row["status"]), changes)
    if kind == "CustInvc" and "approvalStatus" in body.values:
        _approve(context, body, row, changes)
    if kind in _TO_A_BANK and changes.keys() & {"account", "undepfunds"}:
        if row["status"] == "C" and row["undepfunds"] == "T":
            raise user_error("You cannot change a payment that is on a deposit.", path="account")
        _move_money(kind, row, changes)
    return changes


def check_open_period(context: Context, row: Mapping[str, object]) -> None:
    """Refuse to change or delete what was posted to a period that is closed now."""
    if row["postingperiod"] is not None:
        anywhere = replace(context, preferences={**context.preferences, "dates_outside_period": "allow"})
        period_of(anywhere, str(row["trandate"]), row["postingperiod"])


def _columns(context: Context, resource: Resource, body: Body, row: Mapping[str, object] | None) -> dict[str, object]:
    """Turn properties into columns: references resolved, enumerations checked, fixed properties left as they are."""
    columns: dict[str, object] = {}
    known = resource.by_name
    for name, value in body.values.items():
        field = known[name]
        if field.kind == "reference" and value is not None:
            value = resolve(context, field, value, name)  # noqa: PLW2901 - the same value, as the books keep it
        if field.kind == "enum" and value is not None and value not in field.names:
            raise context.wrong_reference(value, name, name)
        if not field.column:
            continue
        if row is not None and field.write == "create":
            if value != row[field.column]:
                raise read_only(name)
            continue
        columns[field.column] = value
    if columns.get("externalid") is not None:
        check_external_id(context, resource.kind, columns["externalid"], own=row["id"] if row else None)
    return columns


def _customer(context: Context, resource: Resource, header: dict[str, object]) -> None:
    name = "customer" if "customer" in resource.by_name else "entity"
    if "entity" not in header:
        raise please_enter("Customer")
    row = context.connection.execute("SELECT * FROM customer WHERE id = ?", (header["entity"],)).fetchone()
    if row["isinactive"] == "T":
        raise context.wrong_reference(header["entity"], name, name)
    if header.setdefault("subsidiary", row["subsidiary"]) != row["subsidiary"]:
        raise context.wrong_reference(header["subsidiary"], "subsidiary", "subsidiary")
    if resource.kind in ("SalesOrd", "CustInvc") and row["terms"] is not None:
        header.setdefault("terms", row["terms"])


def _money(context: Context, header: dict[str, object]) -> None:
    own = context.connection.execute("SELECT currency FROM subsidiary WHERE id = ?", (header["subsidiary"],)).fetchone()
    if header.setdefault("currency", own["currency"]) != own["currency"] and "exchangerate" not in header:
        raise please_enter("Exchange Rate")  # the books have no table of rates
    header.setdefault("exchangerate", "1.0")


def _status(context: Context, kind: str, body: Body, header: dict[str, object]) -> None:
    if kind == "SalesOrd":
        _check_approval("A", header | {"status": header.setdefault("status", context.preferences["new_order_status"])})
        return
    header["status"] = _STATUS[kind]
    if kind == "CustInvc" and context.preferences["invoice_approval"] == "pending":
        header["status"] = _APPROVAL.get(str(body.values.get("approvalStatus") or "1"), "A")
    if kind in _TO_A_BANK:
        _bank(kind, header)
    elif kind in _FROM_A_BANK and "account" not in header:
        raise please_enter("Account")


def _approve(context: Context, body: Body, row: Mapping[str, object], changes: dict[str, object]) -> None:
    """Approve or reject an invoice where invoices need approval; one that is paid stays approved."""
    if context.preferences["invoice_approval"] != "pending":
        return
    changes["status"] = _APPROVAL.get(str(body.values["approvalStatus"]), "A")
    if changes["status"] != "A" and row["paid"]:
        raise read_only("approvalStatus")
    if changes["status"] == "A" and row["status"] == "B":
        changes["status"] = "B"


def _move_money(kind: str, row: Mapping[str, object], changes: dict[str, object]) -> None:
    """Change where the money is: naming an account takes it out of undeposited funds."""
    if changes.get("account") is not None:
        changes.setdefault("undepfunds", "F")
    elif changes.get("undepfunds") == "F":
        changes.setdefault("account", row["account"])
    _bank(kind, changes)


def _bank(kind: str, header: dict[str, object]) -> None:
    """Money goes to the account that is named, else it waits in undeposited funds (netsuite 5.2)."""
    if header.get("undepfunds") == "F" and header.get("account") is None:
        raise please_enter("Account")
    waits = header.get("undepfunds") == "T" or header.get("account") is None
    header["undepfunds"] = "T" if waits else "F"
    if waits:
        header["account"] = None
    if kind != "CashRfnd":
        header["status"] = "B" if waits else "C"


def _check_approval(status: str, changes: Mapping[str, object]) -> None:
    """Let through what ``orderStatus`` may be set to: A or B, and only before anything was shipped or billed."""
    if changes["status"] == status:
        return
    if changes["status"] not in ("A", "B") or status not in ("A", "B"):
        raise read_only("orderStatus")


def _due(connection: sqlite3.Connection, day: str, terms: object) -> str:
    row = connection.execute("SELECT daysuntilnetdue FROM term WHERE id = ?", (terms,)).fetchone()
    return (date.fromisoformat(day) + timedelta(days=row[0] if row is not None else 0)).isoformat()
