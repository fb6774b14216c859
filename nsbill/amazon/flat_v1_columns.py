"""The columns of a flat V1 file, and the labels that its amounts get.

V1 is wide: nine pairs of columns hold the amounts, and the pair says what V2 says in ``amount-type``. So that one
vocabulary serves both, a pair gets the name that V2 has for the same money. Nothing is lost by it: name and column
stand for each other, and the two labels that are cells (``transaction-type`` and the pair's type) stay untouched.

================================  ====================  =====================================
V1 columns                        ``amount_type``       ``amount_description``
================================  ====================  =====================================
price-type, -amount               ItemPrice             the type cell, also of withheld tax
item-related-fee-type, -amount    ItemFees              the type cell
promotion-type, -amount           Promotion             the type cell
shipment-fee-type, -amount        Shipment-Fees         the type cell
order-fee-type, -amount           order-fee             the type cell
direct-payment-type, -amount      direct-payment        the type cell
misc-fee-amount                   misc-fee              empty, for the column has no type
other-fee-amount                  other-fee             the cell other-fee-reason-description
other-amount                      other-transaction     the cell transaction-type
any other column ``x-amount``     x                     the cell ``x-type``, when there is one
quantity-purchased, no amount     quantity-purchased    empty
================================  ====================  =====================================

Layout: the project's notes on Amazon, section 3. Amazon may add columns: money in one that nsbill does not know
still becomes lines; what else stands in unknown columns is kept in ``extra``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["FAMILY_OF_QUANTITY", "NEEDED", "PROMOTIONS", "TEXTS", "AmountColumn", "amount_columns", "unknown_columns"]

TEXTS = (
    "settlement-id", "settlement-start-date", "settlement-end-date", "deposit-date", "total-amount", "currency",
    "transaction-type", "order-id", "adjustment-id", "shipment-id", "marketplace-name", "fulfillment-id", "posted-date",
    "order-item-code", "sku", "quantity-purchased",
)  # fmt: skip
"""The columns beside the amounts that become lines and summaries."""

NEEDED = (
    *TEXTS, "shipment-fee-type", "shipment-fee-amount", "order-fee-type", "order-fee-amount", "price-type",
    "price-amount", "item-related-fee-type", "item-related-fee-amount", "misc-fee-amount", "other-fee-amount",
    "other-fee-reason-description", "direct-payment-type", "direct-payment-amount", "other-amount",
)  # fmt: skip
"""The columns that every file has. The three of promotions are left out by Amazon when a period has none."""
PROMOTIONS = ("promotion-type", "promotion-amount")
"""A file has both or none: an amount without its column would be lost."""

FAMILY_OF_QUANTITY = "quantity-purchased"
"""The amount type of a quantity that belongs to no price: a line of 0.00, so that the units are not lost."""

_IDS = ("merchant-order-id", "merchant-order-item-id", "merchant-adjustment-item-id", "promotion-id")
_FAMILIES = {
    "price-amount": "ItemPrice",
    "item-related-fee-amount": "ItemFees",
    "promotion-amount": "Promotion",
    "shipment-fee-amount": "Shipment-Fees",
    "other-amount": "other-transaction",
}
_TYPES = {"other-fee-amount": "other-fee-reason-description", "other-amount": "transaction-type"}
_ENDING = "-amount"


@dataclass(frozen=True)
class AmountColumn:
    """A column of amounts: what it becomes as ``amount_type``, and the column with the name of the amount.

    ``paired`` says that this name is the amount's alone: where it stands, the amount must stand too.
    """

    name: str
    family: str
    type_column: str | None
    paired: bool


def amount_columns(columns: Sequence[str]) -> list[AmountColumn]:
    """Return the columns of amounts in the order of the file, those that nsbill does not know too."""
    found = []
    for name in columns:
        if name.endswith(_ENDING) and name != "total-amount":
            family = name.removesuffix(_ENDING)
            of_its_own = f"{family}-type"
            type_column = _TYPES.get(name) or (of_its_own if of_its_own in columns else None)
            found.append(
                AmountColumn(name, _FAMILIES.get(name, family), type_column, type_column != "transaction-type")
            )
    return found


def unknown_columns(columns: Sequence[str]) -> dict[int, str]:
    """Return position and name of the columns that are neither the report's own nor amounts with their types."""
    amounts = amount_columns(columns)
    known = {*NEEDED, *_IDS, *(a.name for a in amounts), *(a.type_column for a in amounts)}
    return {i: name or f"column {i + 1}" for i, name in enumerate(columns) if name not in known}
