"""The record types served: every transaction's properties and sublists, declared once for reads, filters, writes and metadata.

Reads show them, ``q`` filters by them, bodies may set those that say so, and the metadata catalog lists them (netsuite 3.3).
"""

from __future__ import annotations

from collections.abc import Mapping

from nsbill.simulator.errors import Refusal
from nsbill.simulator.record_fields import (
    Field,
    Resource,
    Sublist,
    enumeration,
    flag,
    instant,
    money,
    number,
    reference,
    text,
)
from nsbill.simulator.record_lookups import CUSTOMER, ITEM_TYPES, LOOKUPS
from nsbill.simulator.suiteql_views import STATUS_NAMES

__all__ = ["RESOURCES", "WITH_ITEMS", "resource_of", "resource_of_kind"]

WITH_ITEMS = frozenset({"SalesOrd", "CustInvc", "CashSale", "CustCred", "CashRfnd", "ItemShip"})
_ALL_METHODS = frozenset({"POST", "PATCH", "PUT", "DELETE"})
_CLASSIFICATIONS = frozenset({"customForm", "class", "department", "location"})
_SALE_EXTRAS = _CLASSIFICATIONS | {"shipMethod", "salesRep", "billAddress", "shipAddress", "email"}


def _whole(row: Mapping[str, object], key: str) -> int:
    value = row.get(key)
    return int(str(value)) if value is not None else 0


def _open(row: Mapping[str, object]) -> int:
    return _whole(row, "total") - _whole(row, "paid")


def _subtotal(row: Mapping[str, object]) -> int:
    return _whole(row, "total") - _whole(row, "tax")


_OPEN_SQL, _SUBTOTAL_SQL = "total - paid", "total - tax"


def _common(kind: str, *extra: Field) -> tuple[Field, ...]:
    fields = (
        text("id", "Internal ID", "id"),
        text("externalId", "External ID", "externalid", write="always"),
        text("tranId", "Document Number", "tranid", write="always"),
        text("transactionNumber", "Transaction Number", "tranid"),
        Field("tranDate", "Date", "date", "trandate", "always", sql="trandate"),
        instant("createdDate", "Date Created", "createddate"),
        instant("lastModifiedDate", "Last Modified Date", "lastmodifieddate"),
        reference("subsidiary", "Subsidiary", "subsidiary", "subsidiary", write="create"),
        reference("currency", "Currency", "currency", "currency", write="create"),
        number("exchangeRate", "Exchange Rate", "exchangerate", write="create"),
        text("memo", "Memo", "memo", write="always"),
        reference("postingPeriod", "Posting Period", "postingperiod", "accountingPeriod", write="always"),
        money("total", "Total", "total"),
    )
    status = (enumeration("status", "Status", "status", STATUS_NAMES[kind]),) if STATUS_NAMES.get(kind) else ()
    return (*fields, *status, *extra)


def _etail() -> tuple[Field, ...]:
    return (
        text("custbody_celigo_etail_order_id", "eTail Order Id", "etail_order_id", write="always"),
        reference("custbody_celigo_etail_channel", "eTail Channel", "channel", "channel", write="always"),
        flag("custbody_celigo_etail_order_exported", "eTail Order Exported", "etail_exported", write="always"),
    )


def _customer(name: str = "entity") -> Field:
    return reference(name, "Customer", "entity", "customer", write="create")


def _sale(kind: str, *extra: Field) -> tuple[Field, ...]:
    return _common(
        kind,
        _customer(),
        text("otherRefNum", "PO #", "otherrefnum", write="always"),
        reference("terms", "Terms", "terms", "term", write="always" if kind in ("SalesOrd", "CustInvc") else "no"),
        Field("shipDate", "Ship Date", "date", "shipdate", "always", sql="shipdate"),
        money("subtotal", "Subtotal", value=_subtotal, sql=_SUBTOTAL_SQL),
        money("taxTotal", "Tax Total", "tax"),
        *_etail(),
        *extra,
    )


_PAYMENT_OPTION = reference("paymentOption", "Payment Method", "paymentoption", "paymentMethod", write="always")
_PAYMENT_METHOD = Field(
    "paymentMethod", "Payment Method", "reference", "paymentoption", "always", target="paymentMethod"
)
_CREATED_FROM = reference("createdFrom", "Created From", "createdfrom", "transaction")
_ACCOUNT = reference("account", "Account", "account", "account", write="always")
_UNDEPOSITED = enumeration(
    "undepFunds", "Undeposited Funds", "undepfunds", {"T": "Undeposited Funds", "F": "Account"}, write="always"
)


def _line_value(row: Mapping[str, object]) -> int:
    return _whole(row, "amount") + _whole(row, "tax")


_TAX_AMOUNT = Field("taxAmount", "Tax Amount", "money", "tax", "always")
_ITEM_LINE: tuple[Field, ...] = (
    number("line", "Line ID", "line", kind="whole"),
    reference("item", "Item", "item", "item", write="create"),
    enumeration("itemType", "Item Type", "itemtype", {key: key for key in ITEM_TYPES}),
    text("description", "Description", "description", write="always"),
    number("quantity", "Quantity", "quantity", write="always", kind="whole"),
    money("rate", "Rate", "rate", write="always"),
    money("amount", "Amount", "amount", write="always"),
    money("tax1Amt", "Tax Amount", "tax", write="always"),
    _TAX_AMOUNT,
    money("grossAmt", "Gross Amount", value=_line_value, write="always"),
    text("custcol_celigo_etail_order_line_id", "eTail Order Line Id", "etail_line_id", write="always"),
)
_ORDER_LINE = (
    *_ITEM_LINE,
    number("quantityBilled", "Invoiced", "quantitybilled", kind="whole"),
    number("quantityFulfilled", "Fulfilled", "quantityfulfilled", kind="whole"),
    flag("isClosed", "Closed", "isclosed", write="always"),
)
_BILL_LINE = (
    *_ITEM_LINE,
    number("orderLine", "Order Line", "orderline", kind="whole"),
    Field("orderDoc", "Order", "reference", "orderdoc", target="transaction"),
)
_ITEMS = {
    "SalesOrd": Sublist("item", "line", _ORDER_LINE),
    "ItemShip": Sublist("item", "line", (_ITEM_LINE[0], _ITEM_LINE[1], *_ITEM_LINE[2:5], *_BILL_LINE[-2:])),
}
_APPLY = Sublist(
    "apply",
    "doc",
    (
        reference("doc", "Apply To", "doc", "transaction", write="always"),
        number("line", "Line Id", "line", kind="whole"),
        flag("apply", "Apply", "apply", write="always"),
        money("amount", "Payment", "amount", write="always"),
        Field("applyDate", "Date", "date", "applydate"),
        money("due", "Amt. Due", "due"),
        money("total", "Orig. Amt.", "total"),
        text("refNum", "Ref No.", "refnum"),
        text("type", "Type", "type"),
        text("currency", "Currency", "currency"),
    ),
)
_DEPOSIT_LINES = (
    text("line", "Line", "line"),
    reference("account", "Account", "account", "account", write="always"),
    money("amount", "Amount", "amount", write="always"),
    text("memo", "Memo", "memo", write="always"),
)
_DEPOSIT_SUBLISTS = (
    Sublist(
        "payment",
        "id",
        (
            number("id", "ID", "id", write="always", kind="whole"),
            flag("deposit", "Deposit", "deposit", write="always"),
            Field("docDate", "Date", "date", "docdate"),
            text("docNumber", "Number", "docnumber"),
            reference("entity", "Name", "entity", "customer"),
            reference("currency", "Currency", "currency", "currency"),
            money("paymentAmount", "Amount", "amount"),
            money("transactionAmount", "Payment Amount", "amount"),
            reference("paymentMethod", "Payment Method", "paymentoption", "paymentMethod"),
            text("memo", "Memo", "memo"),
            enumeration("type", "Type", "type", {}),
        ),
    ),
    Sublist(
        "other",
        "line",
        (
            *_DEPOSIT_LINES,
            reference("entity", "Name", "entity", "customer", write="always"),
            reference("paymentMethod", "Payment Method", "paymentmethod", "paymentMethod", write="always"),
            text("refNum", "Number", "refnum", write="always"),
        ),
    ),
    Sublist("cashback", "line", _DEPOSIT_LINES),
)


def _transaction(
    name: str,
    kind: str,
    fields: tuple[Field, ...],
    *sublists: Sublist,
    methods: frozenset[str] = _ALL_METHODS,
    without_effect: frozenset[str] = _SALE_EXTRAS,
) -> Resource:
    own = (_ITEMS.get(kind, Sublist("item", "line", _BILL_LINE)),) if kind in WITH_ITEMS else ()
    idle = without_effect | ({"approvalStatus"} if kind == "SalesOrd" else set())
    return Resource(name, kind, "txn", f"type = '{kind}'", fields, (*own, *sublists), idle, methods)


_APPROVAL = Field(
    "approvalStatus",
    "Approval Status",
    "enum",
    write="always",
    names={"1": "Pending Approval", "2": "Approved", "3": "Rejected"},
    value=lambda row: {"D": "1", "E": "3"}.get(str(row["status"]), "2"),
)
_TRANSACTIONS = (
    _transaction(
        "salesOrder", "SalesOrd",
        _sale("SalesOrd", _PAYMENT_OPTION, _CREATED_FROM, money("totalAfterTaxes", "Total", "total"),
            reference("customForm", "Custom Form", "customform", "form", write="always"),
              Field("orderStatus", "Order Status", "enum", "status", "always", names=STATUS_NAMES["SalesOrd"], sql="status")),
    ),
    _transaction(
        "invoice", "CustInvc",
        _sale("CustInvc", _CREATED_FROM, Field("dueDate", "Due Date", "date", "duedate", "always", sql="duedate"),
              _ACCOUNT, money("amountPaid", "Amount Paid", "paid"),
              money("amountRemaining", "Amount Remaining", value=_open, sql=_OPEN_SQL),
              money("amountRemainingTotalBox", "Amount Due", value=_open),
              _APPROVAL),
    ),
    _transaction(
        "cashSale", "CashSale",
        _sale("CashSale", _PAYMENT_OPTION, _PAYMENT_METHOD, _CREATED_FROM, _ACCOUNT, _UNDEPOSITED),
    ),
    _transaction(
        "creditMemo", "CustCred",
        _sale("CustCred", _CREATED_FROM, _ACCOUNT, money("applied", "Applied", "paid"),
              money("unapplied", "Unapplied", value=_open, sql=_OPEN_SQL),
              money("amountRemaining", "Amount Remaining", value=_open)),
        _APPLY,
    ),
    _transaction(
        "cashRefund", "CashRfnd",
        _sale("CashRfnd", _PAYMENT_OPTION, _PAYMENT_METHOD, _CREATED_FROM, _ACCOUNT, _UNDEPOSITED),
    ),
    _transaction(
        "customerPayment", "CustPymt",
        _common("CustPymt", _customer("customer"), money("payment", "Payment Amount", "total", write="always"),
                money("applied", "Applied", "paid"), money("unapplied", "Unapplied", value=_open, sql=_OPEN_SQL),
                _ACCOUNT, _UNDEPOSITED, text("checkNumber", "Check #", "checknum", write="always"), _PAYMENT_OPTION,
                Field("autoApply", "Auto Apply", "flag", write="create"), *_etail()),
        _APPLY, without_effect=_CLASSIFICATIONS | {"arAcct", "toBeEmailed"},
    ),
    _transaction(
        "customerRefund", "CustRfnd",
        _common("CustRfnd", _customer("customer"), _ACCOUNT, _PAYMENT_OPTION, _PAYMENT_METHOD,
                text("checkNumber", "Check #", "checknum", write="always"), *_etail()),
        _APPLY, Sublist("deposit", "doc", ()), without_effect=_CLASSIFICATIONS | {"arAcct", "toBePrinted"},
    ),
    _transaction(
        "deposit", "Deposit", _common("Deposit", _ACCOUNT), *_DEPOSIT_SUBLISTS,
        without_effect=_CLASSIFICATIONS | {"toBePrinted"},
    ),
    _transaction(
        "itemFulfillment", "ItemShip",
        _common("ItemShip", _customer(), _CREATED_FROM,
                enumeration("shipStatus", "Status", "status", STATUS_NAMES["ItemShip"], write="always"), *_etail()),
        methods=frozenset({"PATCH", "DELETE"}), without_effect=_CLASSIFICATIONS | {"shipMethod"},
    ),
)  # fmt: skip

RESOURCES: dict[str, Resource] = {one.name.lower(): one for one in (*_TRANSACTIONS, CUSTOMER, *LOOKUPS)}
"""Lower-case record name to record type; names are matched without regard to case (netsuite 2)."""

_BY_KIND = {one.kind: one for one in RESOURCES.values()}


def resource_of(name: str) -> Resource:
    """Return the record type of a name in any case, or refuse an unknown one."""
    found = RESOURCES.get(name.lower())
    if found is None:
        raise Refusal(404, "NONEXISTENT_RECORD_TYPE", f"Record type '{name}' does not exist.")
    return found


def resource_of_kind(kind: str) -> Resource:
    """Return the record type of a transaction type."""
    return _BY_KIND[kind]
