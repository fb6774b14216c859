"""What SuiteQL sees: tables and columns of netsuite 6.2 as SQLite views over the books, with the kind of each column.

Amounts stay integers in hundredths inside a query (kind ``money``) and are written as decimals at its end, so sums
and comparisons are exact.
"""

from __future__ import annotations

import sqlite3

from nsbill.simulator import suiteql_accounting

__all__ = ["COLUMNS", "DISPLAY", "HIDDEN", "STATUS_NAMES", "create_views", "view_name"]

STATUS_NAMES: dict[str, dict[str, str]] = {
    "SalesOrd": {
        "A": "Pending Approval",
        "B": "Pending Fulfillment",
        "C": "Cancelled",
        "D": "Partially Fulfilled",
        "E": "Pending Billing/Partially Fulfilled",
        "F": "Pending Billing",
        "G": "Billed",
        "H": "Closed",
    },
    "CustInvc": {"A": "Open", "B": "Paid In Full", "D": "Pending Approval", "E": "Rejected", "V": "Voided"},
    "CashSale": {"A": "Unapproved Payment", "B": "Not Deposited", "C": "Deposited", "V": "Voided"},
    "CustCred": {"A": "Open", "B": "Fully Applied", "V": "Voided"},
    "CashRfnd": {"A": "Open", "V": "Voided"},
    "CustRfnd": {"A": "Open", "V": "Voided"},
    "Deposit": {"A": "Open", "V": "Voided"},
    "RtnAuth": {"A": "Pending Approval", "B": "Pending Receipt", "C": "Cancelled", "H": "Closed"},
    "CustPymt": {"A": "Unapproved Payment", "B": "Not Deposited", "C": "Deposited", "R": "Rejected", "V": "Voided"},
    "ItemShip": {"A": "Picked", "B": "Packed", "C": "Shipped"},
}
TYPE_NAMES = {
    "SalesOrd": ("salesorder", "Sales Order"),
    "CustInvc": ("invoice", "Invoice"),
    "CashSale": ("cashsale", "Cash Sale"),
    "CustCred": ("creditmemo", "Credit Memo"),
    "CashRfnd": ("cashrefund", "Cash Refund"),
    "CustPymt": ("customerpayment", "Payment"),
    "ItemShip": ("itemfulfillment", "Item Fulfillment"),
    "CustRfnd": ("customerrefund", "Customer Refund"),
    "Deposit": ("deposit", "Deposit"),
    "RtnAuth": ("returnauthorization", "Return Authorization"),
}


def _by_type(index: int) -> str:
    cases = " ".join(f"WHEN '{code}' THEN '{names[index]}'" for code, names in TYPE_NAMES.items())
    return f"CASE t.type {cases} ELSE t.type END"


_CREDITS = "t.type IN ('CustCred', 'CashRfnd', 'CustRfnd')"
_SIGN = f"CASE WHEN {_CREDITS} THEN 1 ELSE -1 END"
_CREDIT_SIGN = "(SELECT CASE WHEN COUNT(*) = 0 THEN -1 ELSE 1 END FROM preference WHERE key = 'suiteql_credits_negative' AND value = 'F')"
_TOTAL = f"CASE WHEN t.type IN ('CustCred', 'CashRfnd') THEN {_CREDIT_SIGN} * t.total ELSE t.total END"
_INVOICE, _CREDIT = "t.type = 'CustInvc'", "t.type IN ('CustCred', 'CustPymt')"

_Columns = dict[str, tuple[str, str]]
_TRANSACTION: _Columns = {
    "id": ("t.id", "number"),
    "tranid": ("t.tranid", "text"),
    "transactionnumber": ("t.tranid", "text"),
    "trandisplayname": (f"{_by_type(1)} || ' #' || t.tranid", "text"),
    "type": ("t.type", "text"),
    "recordtype": (_by_type(0), "text"),
    "status": ("t.status", "status"),
    "entity": ("t.entity", "number"),
    "trandate": ("t.trandate", "date"),
    "duedate": ("t.duedate", "date"),
    "shipdate": ("t.shipdate", "date"),
    "createddate": ("t.createddate", "instant"),
    "lastmodifieddate": ("t.lastmodifieddate", "instant"),
    "otherrefnum": ("t.otherrefnum", "text"),
    "externalid": ("t.externalid", "text"),
    "currency": ("t.currency", "number"),
    "exchangerate": ("t.exchangerate", "text"),
    "foreigntotal": (_TOTAL, "money"),
    "foreignamountpaid": (f"CASE WHEN {_INVOICE} THEN t.paid END", "money"),
    "foreignamountunpaid": (f"CASE WHEN {_INVOICE} THEN t.total - t.paid END", "money"),
    "foreignpaymentamountused": (f"CASE WHEN {_CREDIT} THEN t.paid END", "money"),
    "foreignpaymentamountunused": (f"CASE WHEN {_CREDIT} THEN t.total - t.paid END", "money"),
    "terms": ("t.terms", "number"),
    "paymentoption": ("t.paymentoption", "number"),
    "postingperiod": ("t.postingperiod", "number"),
    "posting": (suiteql_accounting.POSTING, "flag"),
    "approvalstatus": (
        "CASE WHEN t.type = 'CustInvc' THEN CASE t.status WHEN 'D' THEN 1 WHEN 'E' THEN 3 ELSE 2 END END",
        "number",
    ),
    "memo": ("t.memo", "text"),
    "subsidiary": ("t.subsidiary", "number"),
    "voided": ("t.voided", "flag"),
    "custbody_celigo_etail_order_id": ("t.etail_order_id", "text"),
    "custbody_celigo_etail_channel": ("t.channel", "number"),
}
_LINE_KINDS = {
    "transaction": "number",
    "id": "number",
    "linesequencenumber": "number",
    "uniquekey": "number",
    "mainline": "flag",
    "taxline": "flag",
    "item": "number",
    "itemtype": "text",
    "quantity": "number",
    "quantitybilled": "number",
    "quantityshiprecv": "number",
    "rate": "money",
    "foreignamount": "money",
    "isclosed": "flag",
    "createdfrom": "number",
    "entity": "number",
    "subsidiary": "number",
    "memo": "text",
    "custcol_celigo_etail_order_line_id": "text",
}
_MAIN = {
    "transaction": "t.id",
    "id": "0",
    "linesequencenumber": "0",
    "uniquekey": "t.id * 10000",
    "mainline": "'T'",
    "taxline": "'F'",
    "foreignamount": f"- ({_SIGN}) * t.total",
    "isclosed": "'F'",
    "createdfrom": "t.createdfrom",
    "entity": "t.entity",
    "subsidiary": "t.subsidiary",
    "memo": "t.memo",
}
_ITEM = {
    "transaction": "l.txn",
    "id": "l.line",
    "linesequencenumber": "l.line",
    "uniquekey": "l.txn * 10000 + l.line",
    "mainline": "'F'",
    "taxline": "'F'",
    "item": "l.item",
    "itemtype": "(SELECT i.itemtype FROM item i WHERE i.id = l.item)",
    "quantity": f"({_SIGN}) * l.quantity",
    "quantitybilled": "l.quantitybilled",
    "quantityshiprecv": "l.quantityfulfilled",
    "rate": "l.rate",
    "foreignamount": f"({_SIGN}) * l.amount",
    "isclosed": "l.isclosed",
    "createdfrom": "t.createdfrom",
    "entity": "t.entity",
    "subsidiary": "t.subsidiary",
    "memo": "l.description",
    "custcol_celigo_etail_order_line_id": "l.etail_line_id",
}
_TAX = _MAIN | {
    "id": "9000",
    "linesequencenumber": "9000",
    "uniquekey": "t.id * 10000 + 9000",
    "mainline": "'F'",
    "taxline": "'T'",
    "foreignamount": f"({_SIGN}) * t.tax",
    "memo": "'Tax'",
}


_LINE_SOURCES = {
    "main": (_MAIN, "txn t"),
    "item": (_ITEM, "txnline l JOIN txn t ON t.id = l.txn"),
    "tax": (_TAX, "txn t WHERE t.tax <> 0"),
}
_LINK = (
    "previousdoc, previousline, previoustype, nextdoc, nextline, nexttype, linktype, foreignamount, lastmodifieddate"
)
_LINK_KINDS = {
    "previousdoc": "number",
    "previousline": "number",
    "previoustype": "text",
    "nextdoc": "number",
    "nextline": "number",
    "nexttype": "text",
    "linktype": "text",
    "foreignamount": "money",
    "lastmodifieddate": "instant",
}
_HEADER_LINK_KINDS = {name: kind for name, kind in _LINK_KINDS.items() if name not in ("previousline", "nextline")}
_NAMED = {"id": "number", "name": "text"}

COLUMNS: dict[str, dict[str, str]] = {
    "transaction": {name: kind for name, (_, kind) in _TRANSACTION.items()},
    "transactionline": _LINE_KINDS,
    "transactionaccountingline": suiteql_accounting.COLUMNS,
    "account": {"id": "number", "acctnumber": "text", "fullname": "text", "accttype": "text", "isinactive": "flag"},
    "nexttransactionlinelink": _LINK_KINDS,
    "previoustransactionlinelink": _LINK_KINDS,
    "nexttransactionlink": _HEADER_LINK_KINDS,
    "previoustransactionlink": _HEADER_LINK_KINDS,
    "customer": {
        "id": "number",
        "entityid": "text",
        "companyname": "text",
        "email": "text",
        "subsidiary": "number",
        "terms": "number",
        "isinactive": "flag",
    },
    "currency": {"id": "number", "symbol": "text", "name": "text"},
    "subsidiary": {"id": "number", "name": "text", "currency": "number"},
    "item": {"id": "number", "itemid": "text", "displayname": "text", "itemtype": "text"},
    "accountingperiod": {
        "id": "number",
        "periodname": "text",
        "startdate": "date",
        "enddate": "date",
        "closed": "flag",
    },
    "term": {"id": "number", "name": "text", "daysuntilnetdue": "number"},
    "paymentmethod": _NAMED,
    "dual": {"dummy": "text"},
}
"""Table to column to kind: number, money, text, flag, date, instant, status."""

HIDDEN = {"transactionline": ("main", "item", "tax")}
"""Tables whose rows come in parts, so that a query that wants one part reads only that."""

_CUSTOMER = "(SELECT CASE WHEN entityid = companyname THEN entityid ELSE entityid || ' ' || companyname END FROM customer WHERE id = {})"
DISPLAY: dict[str, str] = {
    "entity": _CUSTOMER,
    "currency": "(SELECT name FROM currency WHERE id = {})",
    "subsidiary": "(SELECT name FROM subsidiary WHERE id = {})",
    "terms": "(SELECT name FROM term WHERE id = {})",
    "paymentoption": "(SELECT name FROM paymentmethod WHERE id = {})",
    "account": "(SELECT acctnumber || ' ' || fullname FROM main.account WHERE id = {})",
    "postingperiod": "(SELECT periodname FROM accountingperiod WHERE id = {})",
    "item": "(SELECT itemid FROM item WHERE id = {})",
    "custbody_celigo_etail_channel": "(SELECT name FROM channel WHERE id = {})",
    "createdfrom": "(SELECT trandisplayname FROM ns_transaction WHERE id = {})",
}
"""Reference column to the SQL of its display text, for ``BUILTIN.DF``."""


def view_name(table: str, part: str = "") -> str:
    """Return the name of a table's view, or of the view of one part of it."""
    return f"ns_{table}_{part}" if part else f"ns_{table}"


def create_views(connection: sqlite3.Connection) -> None:
    """Create the views for this connection only; the books themselves stay as they are."""
    for name, select in _selects().items():
        connection.execute(f"CREATE TEMP VIEW {name} AS {select}")


def _selects() -> dict[str, str]:
    selects = {"ns_transaction": _chosen({name: sql for name, (sql, _) in _TRANSACTION.items()}, "txn t")}
    for part, (columns, source) in _LINE_SOURCES.items():
        chosen = {name: columns.get(name, "NULL") for name in _LINE_KINDS}
        selects[view_name("transactionline", part)] = _chosen(chosen, source)
    parts = [f"SELECT * FROM {view_name('transactionline', part)}" for part in _LINE_SOURCES]
    selects["ns_transactionline"] = " UNION ALL ".join(parts)
    for side in ("next", "previous"):
        selects[f"ns_{side}transactionlinelink"] = f"SELECT {_LINK} FROM link"
        selects[f"ns_{side}transactionlink"] = (
            "SELECT previousdoc, previoustype, nextdoc, nexttype, linktype, SUM(foreignamount) AS foreignamount, "
            "MAX(lastmodifieddate) AS lastmodifieddate FROM link "
            "GROUP BY previousdoc, previoustype, nextdoc, nexttype, linktype"
        )
    selects["ns_transactionaccountingline"] = suiteql_accounting.select()
    for table in ("account", "customer", "currency", "subsidiary", "item", "accountingperiod", "term", "paymentmethod"):
        selects[f"ns_{table}"] = f"SELECT {', '.join(COLUMNS[table])} FROM main.{table}"
    selects["ns_dual"] = "SELECT 'X' AS dummy"
    return selects


def _chosen(columns: dict[str, str], source: str) -> str:
    return "SELECT " + ", ".join(f'{sql} AS "{name}"' for name, sql in columns.items()) + f" FROM {source}"
