"""The fields that a saved search on transactions may name, as SQL on the books; amounts are hundredths there.

A transaction search has one row for the body (the main line), one for every item line and one for the tax line
(netsuite 7.2); line fields differ between them, body fields do not. Amounts and quantities of sales are positive in a
saved search, unlike in SuiteQL.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date

from nsbill.simulator.suiteql_views import STATUS_NAMES, TYPE_NAMES

__all__ = ["JOINS", "LINES", "STATUS_WORDS", "Field", "Frame", "line_rows"]


@dataclass(frozen=True)
class Field:
    """A search field: SQL of its value, type as the RESTlet tells it, decimals of its integers, SQL of its text.

    ``type``: text, integer, currency, float, date, datetime, checkbox, select; ``floating`` values are binary numbers.
    """

    sql: str
    type: str
    text: str | None = None
    scale: int = 0
    floating: bool = False
    code: str | None = None
    """For a status: SQL of ``Type:Letter``, by which criteria name it."""


@dataclass(frozen=True)
class Frame:
    """What a search is compiled against: whether it sees main lines only, and today's date."""

    main: bool
    today: date

    def field(self, name: str, join: str | None) -> Field | None:
        """Return a field, or ``None`` when the books do not have it."""
        if join is None:
            return _line_field(name, main=self.main) if name in LINES else _BODY.get(name)
        item = "NULL" if self.main else "l.item"
        makers = {
            "customer": lambda: _customer("t.entity"),
            "customermain": lambda: _customer("t.entity"),
            "item": lambda: _item(item),
            "createdfrom": _created_from,
        }
        maker = makers.get(join.lower())
        return maker().get(name) if maker is not None else None


def _word(name: str) -> str:
    parts = re.split(r"[^A-Za-z]+", name)
    return parts[0].lower() + "".join(part.capitalize() for part in parts[1:])


STATUS_WORDS: dict[str, dict[str, str]] = {
    kind: {letter: _word(name) for letter, name in names.items()} for kind, names in STATUS_NAMES.items()
}
"""Transaction type to status letter to the word that a search column gives."""

STATUS_WORDS["SalesOrd"] |= {"E": "pendingBillingPartFulfilled", "G": "fullyBilled"}  # netsuite 5.1


def _status_case(names: dict[str, dict[str, str]], alias: str) -> str:
    """Return the SQL of a status in words; one CASE in another is far faster than all pairs in a row."""
    status = f"{alias}.status"
    by_type = [
        f"WHEN '{kind}' THEN CASE {status} "
        + " ".join(f"WHEN '{letter}' THEN '{name}'" for letter, name in found.items())
        + f" ELSE {status} END"
        for kind, found in names.items()
    ]
    return f"CASE {alias}.type {' '.join(by_type)} ELSE {status} END"


def _status(alias: str) -> Field:
    word, text = (_status_case(names, alias) for names in (STATUS_WORDS, STATUS_NAMES))
    return Field(word, "select", text, code=f"{alias}.type || ':' || {alias}.status")


def _type_case(alias: str, index: int) -> str:
    cases = " ".join(f"WHEN '{code}' THEN '{names[index]}'" for code, names in TYPE_NAMES.items())
    return f"CASE {alias}.type {cases} ELSE {alias}.type END"


def _reference(column: str, table: str, name: str = "name") -> Field:
    return Field(column, "select", f"(SELECT {name} FROM {table} WHERE id = {column})")


def _base(hundredths: str, alias: str) -> str:
    """The subsidiary's own currency: a saved search without ``fx`` gives that, not the order's currency."""
    return f"CAST(ROUND({hundredths} * CAST({alias}.exchangerate AS REAL)) AS INTEGER)"


def _sign(alias: str) -> str:
    return f"(CASE WHEN {alias}.type IN ('CustCred', 'CashRfnd') THEN -1 ELSE 1 END)"


def _transaction(t: str) -> dict[str, Field]:
    """Return the body fields of the transaction that ``t`` stands for."""
    sign = _sign(t)
    source = f"(SELECT s.tranid FROM txn s WHERE s.id = {t}.createdfrom)"
    source_type = f"(SELECT {_type_case('s', 1)} || ' #' FROM txn s WHERE s.id = {t}.createdfrom)"
    return {
        "internalid": Field(f"{t}.id", "integer"),
        "internalidnumber": Field(f"{t}.id", "integer"),
        "tranid": Field(f"{t}.tranid", "text"),
        "transactionnumber": Field(f"{t}.tranid", "text"),
        "otherrefnum": Field(f"{t}.otherrefnum", "text"),
        "externalid": Field(f"{t}.externalid", "text"),
        "memomain": Field(f"{t}.memo", "text"),
        "trandate": Field(f"{t}.trandate", "date"),
        "shipdate": Field(f"{t}.shipdate", "date"),
        "duedate": Field(f"{t}.duedate", "date"),
        "datecreated": Field(f"{t}.createddate", "datetime"),
        "lastmodifieddate": Field(f"{t}.lastmodifieddate", "datetime"),
        "status": _status(t),
        "statusref": _status(t),
        "type": Field(f"{t}.type", "select", _type_case(t, 1)),
        "recordtype": Field(_type_case(t, 0), "text"),
        "entity": _reference(f"{t}.entity", "customer", "companyname"),
        "mainname": _reference(f"{t}.entity", "customer", "companyname"),
        "subsidiary": _reference(f"{t}.subsidiary", "subsidiary"),
        "currency": _reference(f"{t}.currency", "currency"),
        "exchangerate": Field(f"CAST({t}.exchangerate AS REAL)", "float", floating=True),
        "terms": _reference(f"{t}.terms", "term"),
        "paymentmethod": _reference(f"{t}.paymentoption", "paymentmethod"),
        "paymentoption": _reference(f"{t}.paymentoption", "paymentmethod"),
        "postingperiod": _reference(f"{t}.postingperiod", "accountingperiod", "periodname"),
        "createdfrom": Field(f"{t}.createdfrom", "select", f"{source_type} || {source}"),
        "custbody_celigo_etail_channel": _reference(f"{t}.channel", "channel"),
        "custbody_celigo_etail_order_id": Field(f"{t}.etail_order_id", "text"),
        "total": Field(_base(f"{sign} * {t}.total", t), "currency", scale=2),
        "taxtotal": Field(_base(f"{sign} * {t}.tax", t), "currency", scale=2),
        "fxamountpaid": Field(f"{t}.paid", "currency", scale=2),
        "amountpaid": Field(_base(f"{t}.paid", t), "currency", scale=2),
        "fxamountremaining": Field(f"{t}.total - {t}.paid", "currency", scale=2),
        "amountremaining": Field(_base(f"({t}.total - {t}.paid)", t), "currency", scale=2),
        "voided": Field(f"{t}.voided", "checkbox"),
    }


_SIGN = _sign("t")
LINES: dict[str, tuple[Field, str, str]] = {
    "line": (Field("0", "integer"), "x.line", "9000"),
    "linesequencenumber": (Field("0", "integer"), "x.line", "9000"),
    "lineuniquekey": (Field("t.id * 10000", "integer"), "t.id * 10000 + x.line", "t.id * 10000 + 9000"),
    "mainline": (Field("'T'", "checkbox"), "'F'", "'F'"),
    "taxline": (Field("'F'", "checkbox"), "'F'", "'T'"),
    "shipping": (Field("'F'", "checkbox"), "'F'", "'F'"),
    "cogs": (Field("'F'", "checkbox"), "'F'", "'F'"),
    "item": (Field("NULL", "select"), "x.item", "NULL"),
    "quantity": (Field("NULL", "float"), f"{_SIGN} * x.quantity", "NULL"),
    "quantitybilled": (Field("NULL", "float"), "x.quantitybilled", "NULL"),
    "quantityshiprecv": (Field("NULL", "float"), "x.quantityfulfilled", "NULL"),
    "rate": (Field("NULL", "currency", scale=2), "x.rate", "NULL"),
    "fxrate": (Field("NULL", "currency", scale=2), "x.rate", "NULL"),
    "fxamount": (Field(f"{_SIGN} * t.total", "currency", scale=2), f"{_SIGN} * x.amount", f"{_SIGN} * t.tax"),
    "amount": (
        Field(_base(f"{_SIGN} * t.total", "t"), "currency", scale=2),
        _base(f"{_SIGN} * x.amount", "t"),
        _base(f"{_SIGN} * t.tax", "t"),
    ),
    "memo": (Field("t.memo", "text"), "x.description", "'Tax'"),
    "closed": (Field("'F'", "checkbox"), "x.isclosed", "'F'"),
    "custcol_celigo_etail_order_line_id": (Field("NULL", "text"), "x.etail_line_id", "NULL"),
}
"""Line fields: as the main line has them, SQL of an item line, SQL of the tax line."""

_BODY = _transaction("t")


def _customer(key: str) -> dict[str, Field]:
    def of(column: str, kind: str) -> Field:
        return Field(f"(SELECT c.{column} FROM customer c WHERE c.id = {key})", kind)

    return {
        "internalid": Field(key, "integer"),
        "entityid": of("entityid", "text"),
        "companyname": of("companyname", "text"),
        "altname": of("companyname", "text"),
        "email": of("email", "text"),
        "isinactive": of("isinactive", "checkbox"),
        "subsidiary": replace(
            of("subsidiary", "select"),
            text=f"(SELECT s.name FROM customer c JOIN subsidiary s ON s.id = c.subsidiary WHERE c.id = {key})",
        ),
        "terms": replace(
            of("terms", "select"),
            text=f"(SELECT m.name FROM customer c JOIN term m ON m.id = c.terms WHERE c.id = {key})",
        ),
    }


def _item(key: str) -> dict[str, Field]:
    def of(column: str, kind: str) -> Field:
        return Field(f"(SELECT i.{column} FROM item i WHERE i.id = {key})", kind)

    return {
        "internalid": Field(key, "integer"),
        "itemid": of("itemid", "text"),
        "name": of("itemid", "text"),
        "displayname": of("displayname", "text"),
        "type": replace(of("itemtype", "select"), text=of("itemtype", "text").sql),
    }


def _created_from() -> dict[str, Field]:
    def inside(sql: str | None) -> str | None:
        return f"(SELECT {sql} FROM txn o WHERE o.id = t.createdfrom)" if sql else None

    def joined(field: Field) -> Field:
        return replace(field, sql=str(inside(field.sql)), text=inside(field.text), code=inside(field.code))

    return {name: joined(field) for name, field in _transaction("o").items()}


JOINS = ("customer", "customermain", "item", "createdfrom")
"""The joins that are imitated; each leads to one record, so that none repeats a row."""


def _line_field(name: str, *, main: bool) -> Field:
    field = LINES[name][0] if main else replace(LINES[name][0], sql=f"l.{name}")
    return replace(field, text=f"(SELECT i.itemid FROM item i WHERE i.id = {field.sql})") if name == "item" else field


def line_rows() -> str:
    """Return the ``SELECT`` of all lines of all transactions: ``txn`` and the line fields."""
    places = ("txn t", "txnline x JOIN txn t ON t.id = x.txn", "txn t WHERE t.tax <> 0 AND t.type <> 'CustPymt'")
    selects = []
    for index, source in enumerate(places):
        cells = {name: (found[0].sql, found[1], found[2])[index] for name, found in LINES.items()}
        chosen = ", ".join(f"{sql} AS {name}" for name, sql in cells.items())
        selects.append(f"SELECT t.id AS txn, {chosen} FROM {source}")
    return " UNION ALL ".join(selects)
