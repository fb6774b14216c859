"""The frame that sets Amazon's sources beside each other, and the amounts that are compared."""

from __future__ import annotations

from enum import StrEnum

from nsbill.money import MONEY
from nsbill.schemas import FLAG, TEXT, Column, Schema

__all__ = ["AGREEMENT", "COMPARED", "SOURCES", "Agreement"]

COMPARED: dict[str, str] = {
    "receipts": "what the buyer paid, tax included",
    "refunds": "what went back to the buyer, tax included",
    "fees": "Amazon's charges",
    "tax_withheld": "tax that Amazon remits itself",
    "other": "everything else that names the order",
    "net": "Σ of the amounts before it",
}
"""What is compared, signed from the seller's side."""

SOURCES: dict[str, str] = {
    "settlement": "the settlement's lines",
    "payments": "the payments reports",
    "finances": "the Finances API (listTransactions)",
}


class Agreement(StrEnum):
    """What the sources say of one order in one settlement."""

    AGREES = "agrees"
    OTHER_PARTS = "same net, other parts"
    DIFFERS = "differs"
    NOT_COMPARABLE = "cannot be compared"


AGREEMENT = Schema(
    "agreement of sources",
    (
        Column("seller_account", TEXT, "seller account"),
        Column("amazon_order_id", TEXT, "Amazon order id"),
        Column("settlement_id", TEXT, "the settlement that the sources speak of"),
        Column("currency", TEXT, "ISO 4217 code of the amounts"),
        *(
            Column(f"{source}_{name}", MONEY, f"{meaning}, by {whose}; empty when it says nothing", nullable=True)
            for source, whose in SOURCES.items()
            for name, meaning in COMPARED.items()
        ),
        Column(
            "payments_agree", FLAG, "whether the payments reports say the same net as the settlement", nullable=True
        ),
        Column("finances_agree", FLAG, "whether the Finances API says the same net as the settlement", nullable=True),
        Column("state", TEXT, "Agreement"),
        Column("difference", MONEY, "what a source that differs says more than the settlement, net", True),
        Column("explanation", TEXT, "one sentence"),
    ),
)
"""Amazon's sources side by side; grain: one row per Amazon order, settlement and currency that two of them speak of."""
