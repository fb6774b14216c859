"""What the demo company is made of before the first order: marketplaces, products, customers, searches.

Amounts are integers in hundredths of the currency's unit, as everywhere in the simulator's books.
"""

from __future__ import annotations

import json
from calendar import monthrange
from dataclasses import dataclass
from datetime import date

__all__ = [
    "ACCOUNT",
    "DEPLOY",
    "DISCOUNT_ITEM",
    "GIFT_WRAP_ITEM",
    "MARKETS",
    "PAYMENT_METHODS",
    "PRODUCTS",
    "SAVED_SEARCH",
    "SCRIPT",
    "SHIPPING_ITEM",
    "Market",
    "Product",
    "accounting_periods",
    "company_settings",
    "saved_searches",
    "static_rows",
]

ACCOUNT = "9000001_SB1"
SCRIPT = "customscript_nsbill_restlet"
DEPLOY = "customdeploy_nsbill_restlet"
SAVED_SEARCH = "customsearch_nsbill_orders_to_bill"

SHIPPING_ITEM, GIFT_WRAP_ITEM, DISCOUNT_ITEM = 301, 302, 303


@dataclass(frozen=True, slots=True)
class Product:
    """One product; prices in the order of ``MARKETS``, the fulfilment fee per unit in US cents."""

    item: int
    sku: str
    name: str
    prices: tuple[int, int, int, int]
    fba_fee: int
    weight: int


@dataclass(frozen=True, slots=True)
class Market:
    """One marketplace with its own currency, subsidiary, taxes and file locale."""

    index: int
    name: str
    currency: str
    unit: int  # the smallest amount in hundredths: 1 for cents, 100 for yen
    tax_per_mille: int
    facilitated: bool  # Amazon withholds and remits the tax, so that NetSuite's documents carry none
    fee_scale: int  # what 100 US cents of fees are here
    order_prefixes: tuple[str, ...]
    decimal_mark: str
    iso_dates: bool  # else dd.mm.yyyy
    weight: int

    @property
    def row(self) -> int:
        """The internal id of its currency, subsidiary and channel alike."""
        return self.index + 1

    def rounded(self, amount: int, per_mille: int) -> int:
        """Return that share of a non-negative ``amount``, rounded half up to the currency's unit."""
        return (amount * per_mille + 500 * self.unit) // (1000 * self.unit) * self.unit


MARKETS = (
    Market(0, "Amazon.com", "USD", 1, 80, True, 100, ("111", "112", "113", "114"), ".", True, 58),
    Market(1, "Amazon.ca", "CAD", 1, 130, True, 135, ("701", "702"), ".", False, 15),
    Market(2, "Amazon.de", "EUR", 1, 190, False, 92, ("302", "303", "304", "305"), ",", False, 19),
    Market(3, "Amazon.co.jp", "JPY", 100, 0, False, 15000, ("249", "250", "503"), ".", True, 8),
)
"""German prices include VAT, which the seller owes; Japanese prices include consumption tax and show none."""

PRODUCTS = (
    Product(201, "BOT-750-BLK", "Steel bottle 750 ml, black", (2999, 3999, 2995, 438000), 417, 30),
    Product(202, "BOT-750-GRN", "Steel bottle 750 ml, green", (2999, 3999, 2995, 438000), 417, 16),
    Product(203, "MUG-350", "Travel mug 350 ml", (1999, 2699, 1995, 298000), 372, 20),
    Product(204, "LUNCH-2T", "Lunch box, two tiers", (3499, 4599, 3495, 498000), 528, 12),
    Product(205, "POT-5L", "Enamel pot 5 l", (5999, 7999, 5995, 880000), 915, 8),
    Product(206, "KNIFE-SET", "Kitchen knives, set of five", (8999, 11999, 8995, 1280000), 742, 5),
    Product(207, "BRUSH-3", "Bottle brushes, pack of three", (899, 1199, 895, 128000), 322, 7),
    Product(208, "LID-S", "Spare lid", (649, 899, 645, 98000), 322, 2),
)

PAYMENT_METHODS = ((1, "Visa"), (2, "MasterCard"), (3, "Check"), (4, "Bank transfer"))

_CURRENCIES = (
    (1, "USD", "US Dollar", 2),
    (2, "CAD", "Canadian Dollar", 2),
    (3, "EUR", "Euro", 2),
    (4, "JPY", "Japanese Yen", 0),
    (5, "GBP", "British Pound", 2),
)
_SUBSIDIARIES = (
    (1, "Northwind Kitchen Inc.", 1),
    (2, "Northwind Kitchen Canada Ltd.", 2),
    (3, "Northwind Küche GmbH", 3),
    (4, "Northwind Kitchen KK", 4),
)
_TERMS = ((1, "Net 30", 30), (2, "Net 14", 14), (3, "Due on receipt", 0))


def static_rows() -> dict[str, list[tuple[object, ...]]]:
    """Return the rows of the tables that do not depend on size, seed or day, by table."""
    customers: list[tuple[object, ...]] = []
    for market in MARKETS:
        first = 100 * market.row
        shop = market.name
        customers += [
            (first + 1, f"CUST{first + 1}", f"{shop} customers", f"orders.{market.currency.lower()}@example.com", market.row, 1, "F"),
            (first + 2, f"CUST{first + 2}", f"{shop} business customers", None, market.row, 2, "F"),
            (first + 3, f"CUST{first + 3}", f"{shop} test customer", None, market.row, 3, "T"),
        ]  # fmt: skip
    items: list[tuple[object, ...]] = [(p.item, p.sku, p.name, "InvtPart", "T") for p in PRODUCTS]
    items += [
        (SHIPPING_ITEM, "AMZ-SHIPPING", "Amazon shipping", "OthCharge", "F"),
        (GIFT_WRAP_ITEM, "AMZ-GIFT-WRAP", "Amazon gift wrap", "OthCharge", "F"),
        (DISCOUNT_ITEM, "AMZ-PROMOTION", "Amazon promotion", "Discount", "F"),
    ]
    return {
        "currency": list(_CURRENCIES),
        "subsidiary": list(_SUBSIDIARIES),
        "customer": customers,
        "term": list(_TERMS),
        "paymentmethod": list(PAYMENT_METHODS),
        "channel": [*((m.row, m.name) for m in MARKETS), (5, "Web shop")],
        "item": items,
        "preference": [("invoice_in_advance", "F"), ("show_unfulfilled_items", "F")],
    }


def accounting_periods(first: date, last: date) -> list[tuple[object, ...]]:
    """Return one accounting period a month from ``first`` to ``last``; those before ``first``'s next month are closed."""
    rows: list[tuple[object, ...]] = []
    year, month = first.year, first.month
    while (year, month) <= (last.year, last.month):
        start = date(year, month, 1)
        closed = "T" if (year, month) == (first.year, first.month) else "F"
        end = date(year, month, monthrange(year, month)[1])
        rows.append((len(rows) + 1, start.strftime("%b %Y"), start.isoformat(), end.isoformat(), closed))
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)
    return rows


_COLUMNS = {
    "internalid": ("Internal ID", "integer"),
    "tranid": ("Document Number", "text"),
    "otherrefnum": ("PO/Check Number", "text"),
    "trandate": ("Date", "date"),
    "shipdate": ("Ship Date", "date"),
    "statusref": ("Status", "select"),
    "entity": ("Name", "select"),
    "subsidiary": ("Subsidiary", "select"),
    "custbody_celigo_etail_channel": ("eTail Channel", "select"),
    "currency": ("Currency", "select"),
    "fxamount": ("Amount (Foreign Currency)", "currency"),
    "paymentmethod": ("Payment Method", "select"),
    "terms": ("Terms", "select"),
}
_WITHOUT_MONEY = tuple(name for name in _COLUMNS if name not in {"otherrefnum", "currency", "fxamount"})


def saved_searches(modified: str) -> list[tuple[object, ...]]:
    """Return the saved searches on sales orders; ``modified`` is an instant in UTC."""
    main = _filter("mainline", "is", "T")
    numbered = _filter("otherrefnum", "isnotempty")
    every = tuple(_COLUMNS)
    found = (
        (1201, SAVED_SEARCH, "Amazon orders to bill", (main, _status("F"), numbered), every),
        (1202, "customsearch_open_orders", "Open sales orders", (main, _status("B", "D", "E", "F")), _WITHOUT_MONEY),
        (1203, "customsearch_orders_to_ship", "Amazon orders to ship", (main, _status("B"), numbered), every),
        (
            1204,
            "customsearch_germany_to_bill",
            "German orders to bill",
            (main, _status("E", "F"), _filter("subsidiary", "anyof", "3"), numbered),
            every,
        ),
    )
    return [
        (
            number,
            script,
            title,
            "Ana Lopes",
            json.dumps(filters),
            json.dumps([_column(name) for name in names]),
            modified,
            "salesorder",
            "",
        )
        for number, script, title, filters, names in found
    ]


def _filter(name: str, operator: str, *values: str) -> dict[str, object]:
    return {"name": name, "operator": operator, "values": list(values), "join": None}


def _status(*letters: str) -> dict[str, object]:
    return _filter("status", "anyof", *(f"SalesOrd:{letter}" for letter in letters))


def _column(name: str) -> dict[str, object]:
    label, kind = _COLUMNS[name]
    return {"name": name, "label": label, "join": None, "type": kind, "summary": None, "formula": None, "sort": None}


def company_settings() -> dict[str, dict[str, str]]:
    """Return the settings that the company's books call for: which items bill what, which subsidiary bills where."""
    subsidiaries = {row: name for row, name, _ in _SUBSIDIARIES}
    return {
        "kind_items": {"AMZ-SHIPPING": "shipping", "AMZ-GIFT-WRAP": "gift wrap", "AMZ-PROMOTION": "promotion"},
        "marketplace_subsidiaries": {market.name: subsidiaries[market.row] for market in MARKETS},
    }
