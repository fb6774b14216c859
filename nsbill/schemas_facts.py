"""The schemas of what else is known of the books, beside the documents themselves; each frame may be missing."""

from __future__ import annotations

from nsbill.money import MONEY
from nsbill.schema import DATE, TEXT, Column, Schema

__all__ = ["BILLED_KINDS", "BILL_SUBSIDIARIES", "BOOKED_INCOME", "CLEARING_BALANCES", "POSTED_ELSEWHERE"]

BILLED_KINDS = Schema(
    "billed by kind",
    (
        Column("billing_record_id", TEXT, "NetSuite internal id of the invoice or cash sale"),
        Column("kind", TEXT, "BilledKind"),
        Column("amount", MONEY, "what it bills of this kind, in its currency; a promotion is negative"),
    ),
)
"""What billing records bill of each kind; grain: one row per record and kind that it has."""

BILL_SUBSIDIARIES = Schema(
    "subsidiaries of bills",
    (
        Column("billing_record_id", TEXT, "NetSuite internal id of the invoice or cash sale"),
        Column("subsidiary", TEXT, "name of its subsidiary", nullable=True),
    ),
)
"""Which subsidiary billed; grain: one row per record."""

POSTED_ELSEWHERE = Schema(
    "documents posted into another period",
    (
        Column("document_id", TEXT, "NetSuite internal id"),
        Column("record_type", TEXT, "invoice, cashSale, creditMemo, cashRefund"),
        Column("number", TEXT, "document number"),
        Column("amazon_order_id", TEXT, "Amazon order id on the record", nullable=True),
        Column("date", DATE, "transaction date"),
        Column("period", TEXT, "name of the accounting period into which it is posted"),
        Column("currency", TEXT, "ISO 4217 code"),
        Column("total", MONEY, "total, positive"),
    ),
)
"""Documents whose posting period is not the one around their date; grain: one row per document."""

BOOKED_INCOME = Schema(
    "booked reimbursements",
    (
        Column("entry_id", TEXT, "NetSuite internal id of the entry"),
        Column("number", TEXT, "its document number"),
        Column("amazon_order_id", TEXT, "Amazon order id that it names", nullable=True),
        Column("date", DATE, "transaction date"),
        Column("currency", TEXT, "ISO 4217 code"),
        Column("amount", MONEY, "income, positive"),
    ),
)
"""What was booked as income from Amazon's reimbursements; grain: one row per entry."""

CLEARING_BALANCES = Schema(
    "balances of the clearing account",
    (
        Column("settlement_id", TEXT, "Amazon settlement id"),
        Column("balance", MONEY, "what the clearing account holds after all entries of the settlement; debit positive"),
        Column("evidence", TEXT, "where the balance was read: account and last entry"),
    ),
)
"""The Amazon clearing account after each settlement; grain: one row per settlement."""
