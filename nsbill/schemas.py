"""The DataFrame schemas: column, type, unit, meaning.

Frames that cross a module border are pandas DataFrames whose columns are Arrow-backed
(``pd.ArrowDtype``), so amounts are exact and dates are dates.
"""

from __future__ import annotations

import pyarrow as pa

from nsbill.money import MONEY
from nsbill.schema import COUNT, DATE, DAY, FLAG, INSTANT, TEXT, Column, Schema
from nsbill.schemas_payments import APPLICATIONS

__all__ = [
    "ACCOUNTING_PERIODS",
    "ACTIVITY",
    "ALLOCATION",
    "APPLICATIONS",
    "BILLING_RECORDS",
    "BILL_ITEMS",
    "COUNT",
    "CREDITS",
    "DATE",
    "DAY",
    "EXCEPTIONS",
    "EXCEPTION_QUEUE",
    "FLAG",
    "INSTANT",
    "LINES",
    "ORDERS",
    "OUTCOMES",
    "PLAN_SKIPPED",
    "PLAN_TO_BILL",
    "PREVIEWS",
    "SETTLEMENTS",
    "STATEMENT",
    "TEXT",
    "TOTALS",
    "Column",
    "Schema",
]


def _c(name: str, type_: pa.DataType, meaning: str, *, empty: bool = False) -> Column:
    return Column(name, type_, meaning, empty)


_ORDER = (
    _c("sales_order_id", TEXT, "NetSuite internal id of the sales order"),
    _c("sales_order_number", TEXT, "document number of the sales order"),
    _c("amazon_order_id", TEXT, "Amazon order id, 3-7-7 digits", empty=True),
)

ORDERS = Schema(
    "orders",
    (
        *_ORDER,
        _c("order_date", DATE, "date of the sales order"),
        _c("ship_date", DATE, "date on which it was shipped", empty=True),
        _c("status", TEXT, "status letter A to H"),
        _c("customer", TEXT, "customer name", empty=True),
        _c("subsidiary", TEXT, "subsidiary name", empty=True),
        _c("marketplace", TEXT, "sales channel, such as Amazon.com", empty=True),
        _c("currency", TEXT, "ISO 4217 code of every amount in the row"),
        _c("total", MONEY, "order total in the order's currency"),
        _c("payment_method", TEXT, "payment method, empty when none is set", empty=True),
        _c("route_value", TEXT, "what the setting's 'route_field' holds, empty when nothing", empty=True),
    ),
)
"""Sales orders; grain: one row per sales order."""

BILLING_RECORDS = Schema(
    "billing records",
    (
        _c("billing_record_id", TEXT, "NetSuite internal id"),
        _c("record_type", TEXT, "invoice or cashSale"),
        _c("number", TEXT, "document number"),
        _c("external_id", TEXT, "external id", empty=True),
        _c("sales_order_id", TEXT, "internal id of the sales order it bills", empty=True),
        _c("amazon_order_id", TEXT, "Amazon order id on the record", empty=True),
        _c("date", DATE, "transaction date"),
        _c("currency", TEXT, "ISO 4217 code"),
        _c("total", MONEY, "total in the record's currency"),
        _c("amount_remaining", MONEY, "open amount in NetSuite; 0 for a cash sale"),
        _c("voided", FLAG, "voided records count nowhere"),
    ),
)
"""Invoices and cash sales; grain: one row per record."""

BILL_ITEMS = Schema(
    "billed items",
    (
        _c("billing_record_id", TEXT, "NetSuite internal id of the billing record"),
        _c("line", COUNT, "its line"),
        _c("sku", TEXT, "the item's name in NetSuite, as Amazon's SKU; empty for a line without an item", empty=True),
        _c("order_item_code", TEXT, "Amazon's order item id, where the line carries it", empty=True),
        _c("quantity", COUNT, "units", empty=True),
    ),
)
"""What invoices and cash sales bill, item by item; grain: one row per line."""

ACCOUNTING_PERIODS = Schema(
    "accounting periods",
    (
        _c("period_id", TEXT, "NetSuite internal id"),
        _c("name", TEXT, "name, such as Nov 2026; quarters and years are periods too"),
        _c("first", DATE, "first day"),
        _c("last", DATE, "last day"),
        _c("closed", FLAG, "nothing may be posted into it"),
    ),
)
"""Accounting periods; grain: one row per period."""

PREVIEWS = Schema(
    "dry runs",
    (
        _c("sales_order_id", TEXT, "NetSuite internal id of the sales order"),
        _c("record_type", TEXT, "invoice or cashSale"),
        _c("total", MONEY, "what NetSuite would bill now; empty when it refused or did not answer", empty=True),
        _c("refusal", TEXT, "NetSuite's refusal", empty=True),
        _c("no_answer", TEXT, "why nothing is known", empty=True),
    ),
)
"""What NetSuite would bill of orders now, without saving anything; grain: one row per sales order."""

CREDITS = Schema(
    "credits",
    (
        _c("credit_id", TEXT, "NetSuite internal id"),
        _c("record_type", TEXT, "creditMemo or cashRefund"),
        _c("number", TEXT, "document number"),
        _c("amazon_order_id", TEXT, "Amazon order id on the record", empty=True),
        _c("date", DATE, "transaction date"),
        _c("currency", TEXT, "ISO 4217 code"),
        _c("total", MONEY, "total, positive"),
        _c("voided", FLAG, "voided records count nowhere"),
    ),
)
"""Credit memos and cash refunds; grain: one row per record."""

PLAN_TO_BILL = Schema(
    "plan: to bill",
    (
        *_ORDER[:2],
        _c("amazon_order_id", TEXT, "Amazon order id, 3-7-7 digits"),
        _c("record_type", TEXT, "what it becomes: invoice or cashSale"),
        _c("part", COUNT, "1 for the first billing record of the order, 2 for the second, …"),
        _c("external_id", TEXT, "external id that the new record will carry"),
        _c("transaction_date", DATE, "date that the new record will carry"),
        _c("currency", TEXT, "ISO 4217 code"),
        _c("amount", MONEY, "amount that will be billed"),
        _c("order_date", DATE, "date of the sales order"),
        _c("ship_date", DATE, "ship date", empty=True),
        _c("status", TEXT, "status letter of the order"),
        _c("marketplace", TEXT, "sales channel", empty=True),
        _c("customer", TEXT, "customer name", empty=True),
        _c("payment_method", TEXT, "payment method", empty=True),
        _c(
            "period",
            TEXT,
            "accounting period of the transaction date; empty when the periods are not visible",
            empty=True,
        ),
        _c("shipped_only", FLAG, "whether only what has shipped of the order is billed", empty=True),
        _c("note", TEXT, "what is unusual about this record, in a sentence", empty=True),
    ),
)
"""Orders that a plan bills; grain: one row per sales order."""

PLAN_SKIPPED = Schema(
    "plan: skipped",
    (
        *_ORDER,
        _c("currency", TEXT, "ISO 4217 code", empty=True),
        _c("amount", MONEY, "what of the order stays unbilled by this plan", empty=True),
        _c("status", TEXT, "status letter of the order", empty=True),
        _c("reason", TEXT, "SkipReason"),
        _c("explanation", TEXT, "one sentence: why, and what to do"),
    ),
)
"""Orders that a plan leaves out; grain: one row per sales order."""

OUTCOMES = Schema(
    "outcomes",
    (
        *_ORDER[:2],
        _c("amazon_order_id", TEXT, "Amazon order id"),
        _c("record_type", TEXT, "invoice or cashSale"),
        _c("external_id", TEXT, "external id"),
        _c("currency", TEXT, "ISO 4217 code"),
        _c("amount", MONEY, "planned amount"),
        _c("outcome", TEXT, "Outcome: created, exists, rejected, unknown; or 'not started'"),
        _c("record_id", TEXT, "internal id of the billing record", empty=True),
        _c("message", TEXT, "one sentence", empty=True),
    ),
)
"""How a run went; grain: one row per planned order."""

LINES = Schema(
    "settlement lines",
    (
        _c("settlement_id", TEXT, "Amazon settlement id"),
        _c("seller_account", TEXT, "seller account of the file"),
        _c("source_digest", TEXT, "SHA-256 of the raw file"),
        _c("source_line", COUNT, "line number in the raw file, header is 1"),
        _c("event_class", TEXT, "EventClass"),
        _c("line_kind", TEXT, "LineKind"),
        _c("transaction_type", TEXT, "Amazon's label, untouched"),
        _c("amount_type", TEXT, "Amazon's label, untouched"),
        _c("amount_description", TEXT, "Amazon's label, untouched"),
        _c("amount", MONEY, "signed from the seller's side, settlement currency"),
        _c("currency", TEXT, "ISO 4217 code"),
        _c("order_route", TEXT, "OrderRoute: what order_reference is"),
        _c("order_reference", TEXT, "the order-id column, untouched", empty=True),
        _c("amazon_order_id", TEXT, "set only when order_route is amazon_order", empty=True),
        _c("order_item_code", TEXT, "Amazon's order item id", empty=True),
        _c("shipment_id", TEXT, "Amazon's shipment id", empty=True),
        _c("sku", TEXT, "seller SKU", empty=True),
        _c("quantity", COUNT, "units, on Principal lines only, so that they count once", empty=True),
        _c("posted_at", INSTANT, "UTC", empty=True),
        _c("posted_day", DAY, "days since 1970-01-01 of posted_at in UTC", empty=True),
        _c("marketplace", TEXT, "marketplace name", empty=True),
        _c("fulfilment", TEXT, "AFN or MFN", empty=True),
        _c("adjustment_id", TEXT, "Amazon's id of a refund or reimbursement", empty=True),
        _c("extra", TEXT, "cells of columns that nsbill does not know, as a JSON object by column name", empty=True),
    ),
)
"""Settlement lines; grain: one row per amount of a file. Byte-identical lines are legitimate."""

ACTIVITY = Schema(
    "activity lines",
    (
        *(Column(c.name, c.type, c.meaning, c.nullable or c.name == "settlement_id") for c in LINES.columns),
        _c("source_format", TEXT, "SourceFormat, by name: PAYMENTS_CSV, FINANCES_TRANSACTIONS, FINANCES_EVENTS"),
        _c("transaction_id", TEXT, "Amazon's id of the transaction", empty=True),
        _c("transaction_status", TEXT, "TransactionStatus; empty when the source says nothing", empty=True),
        _c("released_at", INSTANT, "when the money was or will be released, UTC", empty=True),
        _c("maturity_at", INSTANT, "when deferred money matures, UTC", empty=True),
        _c("deferral_reason", TEXT, "Amazon's reason for deferring, untouched", empty=True),
        _c("financial_event_group_id", TEXT, "joins Finances to a settlement", empty=True),
        _c("description", TEXT, "Amazon's description of the transaction", empty=True),
    ),
)
"""What Amazon says beside settlements, open and deferred money too; grain: one row per non-zero amount of a record.

``source_line`` is the line of a text, or the number of the record in a JSON document (first is 1). A settlement id here
is what Amazon expects: a deferred amount may settle in another one (Amazon notes, section 1).
"""

SETTLEMENTS = Schema(
    "settlements",
    (
        _c("settlement_id", TEXT, "Amazon settlement id"),
        _c("seller_account", TEXT, "seller account"),
        _c("currency", TEXT, "ISO 4217 code"),
        _c("marketplace", TEXT, "most frequent Amazon marketplace of its lines", empty=True),
        _c("period_start", INSTANT, "UTC", empty=True),
        _c("period_end", INSTANT, "UTC", empty=True),
        _c("deposit_date", DATE, "date of the deposit", empty=True),
        _c("deposit_day", DAY, "days since 1970-01-01 of deposit_date", empty=True),
        _c("total_amount", MONEY, "total that the file states", empty=True),
        _c("lines_total", MONEY, "sum of the lines"),
        _c("residual", MONEY, "lines_total − total_amount", empty=True),
        _c("lines", COUNT, "number of money lines"),
        _c("unclassified_lines", COUNT, "lines whose labels are not in the vocabulary"),
        _c("ties", TEXT, "TieState"),
        _c("source_name", TEXT, "name of the file as it was added"),
        _c("source_digest", TEXT, "SHA-256 of the raw file"),
        _c("problem", TEXT, "one sentence about what needs a decision, such as a second file of it", empty=True),
    ),
)
"""Settlements; grain: one row per settlement."""

STATEMENT = Schema(
    "statement",
    (
        _c("seller_account", TEXT, "seller account"),
        _c("amazon_order_id", TEXT, "Amazon order id"),
        _c("currency", TEXT, "ISO 4217 code of every amount in the row"),
        _c("marketplace", TEXT, "marketplace", empty=True),
        _c("sales_order_id", TEXT, "internal id of the sales order", empty=True),
        _c("sales_order_number", TEXT, "number of the sales order", empty=True),
        _c("order_status", TEXT, "status letter of the sales order", empty=True),
        _c("order_date", DATE, "date of the sales order", empty=True),
        _c("ship_date", DATE, "ship date", empty=True),
        _c("billing_records", TEXT, "numbers of its invoices and cash sales, comma separated", empty=True),
        _c("first_billed", DATE, "date of its first billing record", empty=True),
        _c("last_posted", DATE, "UTC date of its latest settlement line", empty=True),
        _c("billed_gross", MONEY, "Σ invoices + Σ cash sales"),
        _c("credited", MONEY, "Σ credit memos + Σ cash refunds, positive"),
        _c("received_gross", MONEY, "what settled sales brought, before refunds and fees"),
        _c("refunded", MONEY, "what settled refunds, chargebacks and claims took, positive"),
        _c("received", MONEY, "received_gross − refunded"),
        _c("fee_withheld", MONEY, "fees that Amazon kept, positive"),
        _c("tax_mode", TEXT, "TaxMode of the order's bills: exclude or include"),
        _c("tax_collected", MONEY, "Σ tax lines"),
        _c("tax_withheld", MONEY, "tax that Amazon remits, positive"),
        _c("reimbursed", MONEY, "reimbursements that name the order; never part of received"),
        _c("adjustments", MONEY, "other money that names the order"),
        _c("net_cash", MONEY, "Σ all settlement lines of the order"),
        _c("sale_leg", MONEY, "billed_gross − received_gross"),
        _c("refund_leg", MONEY, "credited − refunded"),
        _c("due", MONEY, "sale_leg − max(refund_leg, 0)"),
        _c("overpaid", MONEY, "max(0, −sale_leg)"),
        _c("uncredited_refund", MONEY, "max(0, −refund_leg)"),
        _c("refund_in_transit", MONEY, "max(0, refund_leg)"),
        _c(
            "ns_received",
            MONEY,
            "payments applied + cash sales − refunds posted; empty: payments not known",
            empty=True,
        ),
        _c("ns_due", MONEY, "Σ invoices less what is applied to them", empty=True),
        _c("ns_residual", MONEY, "what NetSuite states as open less what follows from its documents", empty=True),
        _c("gap", MONEY, "ns_received − received", empty=True),
        _c("unposted_refund", MONEY, "settled and credited refunds without customer refund or application", empty=True),
        _c("gap_unexplained", MONEY, "gap − uncredited_refund − unposted_refund; must be 0", empty=True),
        _c("due_deferred", MONEY, "part of the sale leg that Amazon defers; empty: not known", empty=True),
        _c("due_released_open", MONEY, "part that is released and not settled; empty: not known", empty=True),
        _c("due_unposted", MONEY, "part of which no event is known"),
        _c("due_short", MONEY, "part that is missing although everything must have been posted"),
        _c("maturity_date", DATE, "when the last of the deferred money matures", empty=True),
        _c("deferral_reason", TEXT, "Amazon's reason for deferring, untouched", empty=True),
        _c("status", TEXT, "StatementStatus"),
        _c("expected_settled", DATE, "when its settlement was expected", empty=True),
        _c("age_days", COUNT, "days since expected_settled; negative: not yet expected", empty=True),
        _c("aging_bucket", TEXT, "AgingBucket; set when due is positive", empty=True),
        _c("explanation", TEXT, "one sentence: why it is in this state"),
    ),
)
"""Received versus due; grain: one row per seller account, Amazon order and currency."""

ALLOCATION = Schema(
    "allocation",
    (
        _c("amazon_order_id", TEXT, "Amazon order id"),
        _c("currency", TEXT, "ISO 4217 code of every amount in the row"),
        _c("billing_record_id", TEXT, "NetSuite internal id of the invoice or cash sale"),
        _c("number", TEXT, "its document number"),
        _c("date", DATE, "its date"),
        _c("billed", MONEY, "its total"),
        _c("received", MONEY, "its share of the order's received_gross"),
        _c("due", MONEY, "billed − received"),
        _c("rung", TEXT, "MatchRung by which its share was found, joined by ' + '; empty when it received nothing"),
    ),
)
"""Receipts shared out among billing records; grain: one row per Amazon order, currency and billing record."""

EXCEPTIONS = Schema(
    "exceptions",
    (
        _c("exception_class", TEXT, "ExceptionClass"),
        _c("seller_account", TEXT, "seller account"),
        _c("amazon_order_id", TEXT, "Amazon order id", empty=True),
        _c("settlement_id", TEXT, "settlement id", empty=True),
        _c("reference", TEXT, "what else tells it from others: order reference, labels; never changes", empty=True),
        _c("currency", TEXT, "ISO 4217 code"),
        _c("amount", MONEY, "the money in question"),
        _c("evidence", TEXT, "where it was seen: documents, settlements, file lines"),
        _c("action", TEXT, "default action"),
    ),
)
"""What is wrong; grain: one row per class and order or settlement, reference, and currency."""

EXCEPTION_QUEUE = Schema(
    "exception queue",
    (
        _c("exception_id", TEXT, "name of the exception in the queue, such as E-1042; never changes"),
        *EXCEPTIONS.columns,
        _c("state", TEXT, "ExceptionState"),
        _c("owner", TEXT, "who takes care of it", empty=True),
        _c("note", TEXT, "the latest note", empty=True),
        _c("first_seen", DATE, "as-of day of the reconciliation that found it first"),
        _c("gone_since", DATE, "as-of day of the first reconciliation without it; empty: still found", empty=True),
        _c("times_reopened", COUNT, "how often a reconciliation opened it again"),
        _c("last_event", INSTANT, "when something about it changed last, UTC"),
    ),
)
"""What was found wrong and how far it is dealt with; grain: one row per exception, whatever day it was found."""

TOTALS = Schema(
    "totals",
    (
        _c("currency", TEXT, "ISO 4217 code"),
        _c("orders", COUNT, "number of Amazon orders"),
        *(
            _c(name, MONEY, f"Σ {name} of the statement")
            for name in (
                "billed_gross", "credited", "received_gross", "refunded", "received", "fee_withheld",
                "reimbursed", "net_cash", "due", "overpaid", "uncredited_refund", "refund_in_transit",
            )
        ),
        _c("exceptions", COUNT, "number of exceptions"),
    ),
)  # fmt: skip
"""Sums of the statement; grain: one row per currency."""
