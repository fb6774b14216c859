"""The schema of what NetSuite applied to invoices and credit memos; ``nsbill.schemas`` has all the others."""

from __future__ import annotations

from nsbill.money import MONEY
from nsbill.schema import DATE, FLAG, TEXT, Column, Schema

__all__ = ["APPLICATIONS"]

APPLICATIONS = Schema(
    "applications",
    (
        Column("payment_id", TEXT, "internal id of the document that pays: payment, credit memo, refund, …"),
        Column("record_type", TEXT, "customerPayment, creditMemo, customerRefund, depositApplication or journalEntry"),
        Column("number", TEXT, "its document number"),
        Column("date", DATE, "its transaction date"),
        Column("currency", TEXT, "ISO 4217 code"),
        Column("billing_record_id", TEXT, "the invoice that it is applied to; else the credit is set", nullable=True),
        Column("credit_id", TEXT, "the credit memo that it is applied to; else the invoice is set", nullable=True),
        Column("amazon_order_id", TEXT, "Amazon order id on the document that it is applied to", nullable=True),
        Column("amount", MONEY, "the part that is applied, positive"),
        Column("voided", FLAG, "whether the document that pays is voided; then it counts nowhere"),
    ),
)
"""What is applied to invoices and credit memos; grain: one row per document that pays and document that is paid.

Cash sales and cash refunds are their own payment and stand in their own schemas.
"""
