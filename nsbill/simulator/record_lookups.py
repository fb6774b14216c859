"""Customers, and the read-only records that bodies refer to: currencies, items, accounts and the like (netsuite 3.3, 6.2)."""

from __future__ import annotations

from nsbill.simulator.record_fields import Field, Resource, enumeration, flag, instant, number, reference, text

__all__ = ["CUSTOMER", "ITEM_TYPES", "LOOKUPS"]

_ID = text("id", "Internal ID", "id")

CUSTOMER = Resource(
    "customer",
    "customer",
    "(SELECT c.*, d.externalid, d.phone, d.comments, d.channel, d.amazon_account, d.datecreated, d.lastmodifieddate "
    "FROM customer c LEFT JOIN customerdetail d ON d.customer = c.id)",
    "1",
    (
        _ID,
        text("externalId", "External ID", "externalid", write="always"),
        text("entityId", "Customer ID", "entityid", write="always"),
        text("companyName", "Company Name", "companyname", write="always"),
        text("email", "Email", "email", write="always"),
        text("phone", "Phone", "phone", write="always"),
        text("comments", "Comments", "comments", write="always"),
        reference("subsidiary", "Primary Subsidiary", "subsidiary", "subsidiary", write="create"),
        reference("terms", "Terms", "terms", "term", write="always"),
        flag("isInactive", "Inactive", "isinactive", write="always"),
        reference("custentity_celigo_etail_channel", "eTail Channel", "channel", "channel", write="always"),
        text("custentity_celigo_amzio_accounts", "Amazon Account", "amazon_account", write="always"),
        instant("dateCreated", "Date Created", "datecreated"),
        instant("lastModifiedDate", "Last Modified", "lastmodifieddate"),
    ),
    without_effect=frozenset({"customForm", "isPerson", "category", "entityStatus", "salesRep", "currency", "url"}),
    methods=frozenset({"POST", "PATCH", "PUT", "DELETE"}),
)

ITEM_TYPES = {
    "InvtPart": ("inventoryItem", "Inventory Item"),
    "NonInvtPart": ("nonInventorySaleItem", "Non-inventory Item"),
    "Service": ("serviceSaleItem", "Service"),
    "OthCharge": ("otherChargeSaleItem", "Other Charge"),
    "Discount": ("discountItem", "Discount"),
}
"""Item type to record name and label."""

_ACCOUNT_TYPES = {
    "Bank": "Bank",
    "AcctRec": "Accounts Receivable",
    "OthCurrAsset": "Other Current Asset",
    "OthCurrLiab": "Other Current Liability",
    "Income": "Income",
    "COGS": "Cost of Goods Sold",
    "Expense": "Expense",
}


def _lookup(name: str, table: str, *fields: Field, condition: str = "1") -> Resource:
    return Resource(name, name.lower(), table, condition, (_ID, *fields))


def _item(code: str) -> Resource:
    return _lookup(
        ITEM_TYPES[code][0],
        "item",
        text("itemId", "Item Name/Number", "itemid"),
        text("displayName", "Display Name/Code", "displayname"),
        enumeration("itemType", "Type", "itemtype", {key: label for key, (_, label) in ITEM_TYPES.items()}),
        condition=f"itemtype = '{code}'",
    )


LOOKUPS: tuple[Resource, ...] = (
    _lookup("currency", "currency", text("name", "Name", "name"), text("symbol", "ISO Code", "symbol"),
            number("currencyPrecision", "Currency Precision", "decimals", kind="whole")),
    _lookup("subsidiary", "subsidiary", text("name", "Name", "name"),
            reference("currency", "Currency", "currency", "currency")),
    _lookup("term", "term", text("name", "Terms", "name"),
            number("daysUntilNetDue", "Days Till Net Due", "daysuntilnetdue", kind="whole")),
    _lookup("paymentMethod", "paymentmethod", text("name", "Payment Method", "name")),
    _lookup("account", "account", text("acctNumber", "Number", "acctnumber"), text("acctName", "Account Name", "fullname"),
            enumeration("acctType", "Account Type", "accttype", _ACCOUNT_TYPES),
            flag("isInactive", "Account is Inactive", "isinactive")),
    _lookup("accountingPeriod", "accountingperiod", text("periodName", "Period Name", "periodname"),
            Field("startDate", "Start Date", "date", "startdate", sql="startdate"),
            Field("endDate", "End Date", "date", "enddate", sql="enddate"), flag("closed", "Closed", "closed")),
    *(_item(code) for code in ITEM_TYPES),
)  # fmt: skip
