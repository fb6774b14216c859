"""Saved searches on sales orders: their criteria and columns as SQL on the books (netsuite 5.2, 7.2)."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from nsbill.simulator.errors import Refusal
from nsbill.simulator.replies import decimal_text
from nsbill.simulator.suiteql_views import STATUS_NAMES

__all__ = ["COLUMNS", "SEARCH_STATUS", "Search", "cell", "find_search", "select_of"]

SEARCH_STATUS = {
    "A": "pendingApproval",
    "B": "pendingFulfillment",
    "C": "cancelled",
    "D": "partiallyFulfilled",
    "E": "pendingBillingPartFulfilled",
    "F": "pendingBilling",
    "G": "fullyBilled",
    "H": "closed",
}
"""Status letter to the word that a search column gives (netsuite 5.1)."""


@dataclass(frozen=True)
class Field:
    """A search field: its SQL, its type as a search tells it, and the SQL of its display text for references."""

    sql: str
    type: str
    text_sql: str | None = None


def _reference(column: str, table: str, name: str = "name") -> Field:
    return Field(f"t.{column}", "select", f"(SELECT {name} FROM {table} WHERE id = t.{column})")


COLUMNS: dict[str, Field] = {
    "internalid": Field("t.id", "integer"),
    "tranid": Field("t.tranid", "text"),
    "otherrefnum": Field("t.otherrefnum", "text"),
    "externalid": Field("t.externalid", "text"),
    "memo": Field("t.memo", "text"),
    "trandate": Field("t.trandate", "date"),
    "shipdate": Field("t.shipdate", "date"),
    "datecreated": Field("t.createddate", "datetime"),
    "lastmodifieddate": Field("t.lastmodifieddate", "datetime"),
    "status": Field("t.status", "status"),
    "statusref": Field("t.status", "status"),
    "entity": _reference("entity", "customer", "companyname"),
    "subsidiary": _reference("subsidiary", "subsidiary"),
    "currency": _reference("currency", "currency"),
    "terms": _reference("terms", "term"),
    "paymentmethod": _reference("paymentoption", "paymentmethod"),
    "custbody_celigo_etail_channel": _reference("channel", "channel"),
    "custbody_celigo_etail_order_id": Field("t.etail_order_id", "text"),
    "fxamount": Field("t.total", "currency"),
    "amount": Field("t.total", "currency"),
    "total": Field("t.total", "currency"),
    "mainline": Field("ln.mainline", "checkbox"),
    "taxline": Field("ln.taxline", "checkbox"),
    "item": Field("ln.item", "select", "(SELECT itemid FROM item WHERE id = ln.item)"),
    "quantity": Field("- ln.quantity", "float"),
}
"""Names that a search on sales orders may use as column or filter; ``ln`` is the transaction line."""


@dataclass(frozen=True)
class Search:
    """A saved search."""

    id: int
    script_id: str
    title: str
    owner: str
    filters: list[Any]
    columns: list[dict[str, Any]]

    @property
    def status_filters(self) -> list[dict[str, Any]]:
        """The criteria on the order's status."""
        return [one for one in self.filters if isinstance(one, dict) and one.get("name") in ("status", "statusref")]

    def status_criterion(self) -> dict[str, Any]:
        """Describe the criterion on the status, and whether it can be rewritten without touching others."""
        found = self.status_filters
        reason = None
        if not all(isinstance(one, dict) for one in self.filters):
            reason = "The criteria use OR or parentheses."
        elif len(found) > 1:
            reason = "The search has several criteria on the status."
        elif found and (found[0].get("join") or found[0]["operator"] != "anyof"):
            reason = f"The criterion on the status uses the operator '{found[0]['operator']}'."
        first: dict[str, Any] = found[0] if found else {}
        return {
            "present": bool(found),
            "operator": first.get("operator"),
            "values": [str(value) for value in first.get("values", [])],
            "writable": reason is None,
            "reason": reason,
        }


def find_search(connection: sqlite3.Connection, key: object) -> Search:
    """Find a saved search by internal id or script id, or refuse as N/search does."""
    column = "id" if str(key).isdigit() else "scriptid"
    row = connection.execute(f"SELECT * FROM savedsearch WHERE {column} = ?", (str(key).lower(),)).fetchone()
    if row is None:
        raise Refusal(400, "INVALID_SEARCH", "That search or mass update does not exist.")
    return Search(
        row["id"], row["scriptid"], row["title"], row["owner"], json.loads(row["filters"]), json.loads(row["columns"])
    )


def select_of(search: Search) -> tuple[str, list[object]]:
    """Return ``SELECT`` of the search's transaction ids in its order, with ``internalid`` as the last key, and its values."""
    values: list[object] = []
    tests = ["t.type = 'SalesOrd'"]
    main_only = any(
        isinstance(one, dict) and one.get("name") == "mainline" and one.get("values") == ["T"] for one in search.filters
    )
    for one in search.filters:
        if (
            not isinstance(one, dict)
            or one.get("join")
            or one.get("name") not in {*COLUMNS, "type", "internalidnumber"}
        ):
            raise Refusal(
                400, "SSS_INVALID_SRCH_FILTER", f"The simulator cannot evaluate this search filter: {json.dumps(one)}."
            )
        if main_only and one["name"] == "mainline":
            continue
        test, bound = _test(one)
        tests.append(test)
        values += bound
    keys = [
        f"{_field(column['name']).sql} {'DESC' if column['sort'] == 'DESC' else 'ASC'}"
        for column in search.columns
        if column.get("sort")
    ]
    source = "txn t" if main_only else 'txn t JOIN ns_transactionline ln ON ln."transaction" = t.id'
    order = ", ".join([*keys, "t.id ASC"])
    return f"SELECT t.id FROM {source} WHERE {' AND '.join(tests)} ORDER BY {order}", values


def _field(name: str) -> Field:
    found = COLUMNS.get(name)
    if found is None:
        raise Refusal(400, "SSS_INVALID_SRCH_COL", f"The simulator does not know the search column '{name}'.")
    return found


def _test(one: Mapping[str, Any]) -> tuple[str, list[object]]:
    name, operator = one["name"], str(one["operator"]).lower()
    given = one.get("values") or []
    values = [str(value) for value in (given if isinstance(given, list) else [given])]
    if name == "type":
        return "t.type = 'SalesOrd'", []
    field = COLUMNS["internalid"] if name == "internalidnumber" else _field(name)
    if field.type == "status":
        values = [value.removeprefix("SalesOrd:") for value in values]
    if field.type in ("date", "datetime"):
        values = [_iso(value) for value in values]
    if field.type in ("integer", "currency", "float"):
        return _with(
            field.sql, operator, [_hundredths(value) if field.type == "currency" else int(value) for value in values]
        )
    return _with(field.sql, operator, list(values))


_SIMPLE: dict[str, str] = {
    "is": "=",
    "on": "=",
    "equalto": "=",
    "isnot": "<>",
    "after": ">",
    "greaterthan": ">",
    "onorafter": ">=",
    "greaterthanorequalto": ">=",
    "before": "<",
    "lessthan": "<",
    "onorbefore": "<=",
    "lessthanorequalto": "<=",
}
_SHAPED: dict[str, Callable[[str], str]] = {"contains": "%{}%".format, "startswith": "{}%".format}


def _with(sql: str, operator: str, values: Sequence[object]) -> tuple[str, list[object]]:
    marks = ", ".join("?" for _ in values)
    if operator in _SIMPLE and len(values) == 1:
        return f"{sql} {_SIMPLE[operator]} ?", list(values)
    if operator in _SHAPED and len(values) == 1:
        return f"{sql} LIKE ?", [_SHAPED[operator](str(values[0]))]
    if operator in ("isempty", "isnotempty"):
        return f"COALESCE({sql}, '') {'=' if operator == 'isempty' else '<>'} ''", []
    if operator == "anyof" and values:
        if values == ["@NONE@"]:
            return f"{sql} IS NULL", []
        return f"{sql} IN ({marks})", list(values)
    if operator == "noneof" and values:
        if values == ["@NONE@"]:
            return f"{sql} IS NOT NULL", []
        return f"({sql} IS NULL OR {sql} NOT IN ({marks}))", list(values)
    if operator in ("within", "between") and len(values) == 2:
        return f"{sql} BETWEEN ? AND ?", list(values)
    raise Refusal(
        400,
        "SSS_INVALID_SRCH_OPERATOR",
        "An nlobjSearchFilter contains an invalid operator, or is not in proper syntax: " + operator + ".",
    )


def _iso(value: str) -> str:
    """Read a date of a filter: the account's format M/D/YYYY, or ISO."""
    try:
        return (datetime.strptime(value, "%m/%d/%Y").date() if "/" in value else date.fromisoformat(value)).isoformat()  # noqa: DTZ007 - a date only
    except ValueError:
        raise Refusal(400, "SSS_INVALID_SRCH_FILTER_VAL", f"Invalid date value {value} in a search filter.") from None


def _hundredths(value: str) -> int:
    whole, _, fraction = value.partition(".")
    return int(whole + fraction.ljust(2, "0")[:2])


def cell(field: Field, value: object, text: object) -> tuple[str | None, str | None]:
    """Return a search result's value and text: ids for references, ISO dates, plain decimals, T/F."""
    if value is None or value == "":
        return None, None
    if field.type == "status":
        return SEARCH_STATUS.get(str(value), str(value)), STATUS_NAMES["SalesOrd"].get(str(value), str(value))
    if field.type == "currency":
        return decimal_text(int(str(value))), None
    return str(value), (str(text) if text is not None else None)
