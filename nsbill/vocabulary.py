"""The domain's enumerations, named with the field's standard terms (domain reference, glossary)."""

from __future__ import annotations

from enum import StrEnum

__all__ = [
    "AgingBucket",
    "BilledKind",
    "BillingMode",
    "BillingStatus",
    "ClosedPeriod",
    "EventClass",
    "ExceptionClass",
    "ExceptionState",
    "LicenceEdition",
    "LineKind",
    "MatchRung",
    "OrderRoute",
    "Outcome",
    "ReceiptBasis",
    "RecordType",
    "SkipReason",
    "StatementStatus",
    "TaxMode",
    "TieState",
    "TransactionStatus",
]


class BillingStatus(StrEnum):
    """When an order is billed: the sales order status that the saved search selects."""

    PENDING_BILLING = "pending-billing"
    PENDING_FULFILLMENT = "pending-fulfillment"

    @property
    def search_code(self) -> str:
        """The value of NetSuite's search filter on status, such as ``SalesOrd:F``."""
        return "SalesOrd:F" if self is BillingStatus.PENDING_BILLING else "SalesOrd:B"

    @property
    def letter(self) -> str:
        """The one-letter code that records and SuiteQL use."""
        return self.search_code[-1]

    @property
    def text(self) -> str:
        """NetSuite's own name of the status."""
        return ORDER_STATUS_TEXT[self.letter]


ORDER_STATUS_TEXT: dict[str, str] = {
    "A": "Pending Approval",
    "B": "Pending Fulfillment",
    "C": "Cancelled",
    "D": "Partially Fulfilled",
    "E": "Pending Billing/Partially Fulfilled",
    "F": "Pending Billing",
    "G": "Billed",
    "H": "Closed",
}
"""Sales order status letter to NetSuite's name of it."""


class RecordType(StrEnum):
    """NetSuite record types; the value is the REST record name."""

    SALES_ORDER = "salesOrder"
    INVOICE = "invoice"
    CASH_SALE = "cashSale"
    CREDIT_MEMO = "creditMemo"
    CASH_REFUND = "cashRefund"
    CUSTOMER_PAYMENT = "customerPayment"
    CUSTOMER_REFUND = "customerRefund"
    DEPOSIT_APPLICATION = "depositApplication"
    JOURNAL_ENTRY = "journalEntry"

    @property
    def suiteql_type(self) -> str:
        """The value of ``transaction.type`` in SuiteQL."""
        return {
            RecordType.SALES_ORDER: "SalesOrd",
            RecordType.INVOICE: "CustInvc",
            RecordType.CASH_SALE: "CashSale",
            RecordType.CREDIT_MEMO: "CustCred",
            RecordType.CASH_REFUND: "CashRfnd",
            RecordType.CUSTOMER_PAYMENT: "CustPymt",
            RecordType.CUSTOMER_REFUND: "CustRfnd",
            RecordType.DEPOSIT_APPLICATION: "DepAppl",
            RecordType.JOURNAL_ENTRY: "Journal",
        }[self]

    @property
    def title(self) -> str:  # type: ignore[override]  # a record type is named, never title-cased
        """The name for people: ``invoice``, ``cash sale``."""
        return {
            RecordType.SALES_ORDER: "sales order",
            RecordType.INVOICE: "invoice",
            RecordType.CASH_SALE: "cash sale",
            RecordType.CREDIT_MEMO: "credit memo",
            RecordType.CASH_REFUND: "cash refund",
            RecordType.CUSTOMER_PAYMENT: "customer payment",
            RecordType.CUSTOMER_REFUND: "customer refund",
            RecordType.DEPOSIT_APPLICATION: "deposit application",
            RecordType.JOURNAL_ENTRY: "journal entry",
        }[self]


class BillingMode(StrEnum):
    """What an order becomes: always an invoice, always a cash sale, or by its payment method (``AUTO``)."""

    INVOICE = "invoice"
    CASH_SALE = "cash-sale"
    AUTO = "by-payment"


class ClosedPeriod(StrEnum):
    """What becomes of an order whose billing record would be dated in a closed accounting period."""

    BLOCK = "block"
    NEXT_OPEN = "next-open"
    ASK = "ask"


class LicenceEdition(StrEnum):
    """Licence editions of the published billing flow; what each allows is a table in the settings."""

    STARTER = "starter"
    STANDARD = "standard"
    PREMIUM = "premium"


class TaxMode(StrEnum):
    """Whether invoices carry facilitator-collected tax (``include``) or not (``exclude``).

    ``detect``: per order whichever of the two makes what was settled equal what was billed.
    """

    EXCLUDE = "exclude"
    INCLUDE = "include"
    DETECT = "detect"


class ReceiptBasis(StrEnum):
    """What counts as received (domain reference 2.2); each holds the next.

    ``posted``: whatever Amazon has posted, deferred money too. ``released``: without what is deferred. ``settled``: in a
    closed settlement. ``deposited``: in one whose deposit was found at the bank.
    """

    POSTED = "posted"
    RELEASED = "released"
    SETTLED = "settled"
    DEPOSITED = "deposited"


class MatchRung(StrEnum):
    """How a receipt was matched to a billing record; the first that tells, in this order (domain reference 2.2)."""

    ONLY_RECORD = "ONLY_RECORD"
    ITEM_ID = "ITEM_ID"
    SKU_QTY = "SKU_QTY"
    AMOUNT = "AMOUNT"
    FIFO = "FIFO"


class SkipReason(StrEnum):
    """Why a plan leaves an order out."""

    NO_AMAZON_ORDER_ID = "no_amazon_order_id"
    MALFORMED_AMAZON_ORDER_ID = "malformed_amazon_order_id"
    SAME_AMAZON_ORDER_TWICE = "same_amazon_order_twice"
    STATUS_NOT_BILLABLE = "status_not_billable"
    PARTIALLY_FULFILLED = "partially_fulfilled"
    PARTIALLY_BILLED = "partially_billed"
    ALREADY_BILLED = "already_billed"
    NOTHING_TO_BILL = "nothing_to_bill"
    FLOW_OFF = "flow_off"
    CLOSED_PERIOD = "closed_period"
    NOT_IN_ADVANCE = "not_in_advance"
    REFUSED_BY_NETSUITE = "refused_by_netsuite"
    NOT_PREVIEWED = "not_previewed"
    EXCEEDS_ORDER = "exceeds_order"
    UNRESOLVED_OUTCOME = "unresolved_outcome"
    EXCLUDED_BY_USER = "excluded_by_user"
    BAD_ROW = "bad_row"


class Outcome(StrEnum):
    """How a create ended. ``UNKNOWN`` is never re-sent, only looked up."""

    CREATED = "created"
    EXISTS = "exists"
    REJECTED = "rejected"
    UNKNOWN = "unknown"
    ABSENT = "absent"


class BilledKind(StrEnum):
    """What an amount of a bill is for, as far as bills and settlements can be compared (domain reference 2.6)."""

    PRINCIPAL = "principal"
    SHIPPING = "shipping"
    GIFT_WRAP = "gift wrap"
    TAX = "tax"
    PROMOTION = "promotion"


class EventClass(StrEnum):
    """What happened, by the settlement's transaction type."""

    SALE = "SALE"
    REFUND = "REFUND"
    CHARGEBACK = "CHARGEBACK"
    ATOZ = "ATOZ"
    RETROCHARGE = "RETROCHARGE"
    REIMBURSEMENT = "REIMBURSEMENT"
    ACCOUNT = "ACCOUNT"


class LineKind(StrEnum):
    """What an amount is, by the settlement's amount type and description."""

    PRINCIPAL = "PRINCIPAL"
    SHIPPING = "SHIPPING"
    GIFT_WRAP = "GIFT_WRAP"
    TAX_PRINCIPAL = "TAX_PRINCIPAL"
    TAX_SHIPPING = "TAX_SHIPPING"
    TAX_GIFT_WRAP = "TAX_GIFT_WRAP"
    TAX_OTHER = "TAX_OTHER"
    PROMOTION = "PROMOTION"
    TAX_WITHHELD = "TAX_WITHHELD"
    FEE_COMMISSION = "FEE_COMMISSION"
    FEE_FBA = "FEE_FBA"
    FEE_CLOSING = "FEE_CLOSING"
    FEE_SHIPPING_CHARGEBACK = "FEE_SHIPPING_CHARGEBACK"
    FEE_GIFTWRAP_CHARGEBACK = "FEE_GIFTWRAP_CHARGEBACK"
    FEE_REFUND_COMMISSION = "FEE_REFUND_COMMISSION"
    FEE_OTHER = "FEE_OTHER"
    RESERVE = "RESERVE"
    TRANSFER = "TRANSFER"
    REIMBURSEMENT = "REIMBURSEMENT"
    ADJUSTMENT = "ADJUSTMENT"
    SERVICE_FEE = "SERVICE_FEE"
    UNCLASSIFIED = "UNCLASSIFIED"


class OrderRoute(StrEnum):
    """What the ``order-id`` of a settlement line is."""

    AMAZON_ORDER = "amazon_order"
    MULTI_CHANNEL = "multi_channel"
    FBA_SHIPMENT = "fba_shipment"
    NONE = "none"
    MALFORMED = "malformed"


class TransactionStatus(StrEnum):
    """What Amazon says of a transaction's money (Finances API 2024-06-19; the payments report's Transaction Status)."""

    DEFERRED = "DEFERRED"
    RELEASED = "RELEASED"
    DEFERRED_RELEASED = "DEFERRED_RELEASED"


class TieState(StrEnum):
    """Whether the lines of a settlement add up to the total that its file states."""

    TIES = "ties"
    DOES_NOT_TIE = "does_not_tie"
    CANNOT_TIE = "cannot_tie"


class StatementStatus(StrEnum):
    """The state of one Amazon order; the first that holds, in this order (domain reference 2.2)."""

    CURRENCY_CONFLICT = "CURRENCY_CONFLICT"
    NOT_BILLED = "NOT_BILLED"
    OVERPAID = "OVERPAID"
    REFUND_UNCREDITED = "REFUND_UNCREDITED"
    REFUND_IN_TRANSIT = "REFUND_IN_TRANSIT"
    PARTIALLY_SETTLED = "PARTIALLY_SETTLED"
    DEFERRED = "DEFERRED"
    AWAITING_SETTLEMENT = "AWAITING_SETTLEMENT"
    REFUNDED_FULL = "REFUNDED_FULL"
    SETTLED = "SETTLED"


class ExceptionClass(StrEnum):
    """What is wrong with an order or a settlement (domain reference 2.6); those that are found by now."""

    SETTLED_NOT_BILLED = "SETTLED_NOT_BILLED"
    BILLED_NOT_SETTLED = "BILLED_NOT_SETTLED"
    ORPHAN_ORDER_ID = "ORPHAN_ORDER_ID"
    MALFORMED_ORDER_ID = "MALFORMED_ORDER_ID"
    SHORT_SETTLED = "SHORT_SETTLED"
    OVERPAID = "OVERPAID"
    PROMOTION_NOT_BILLED = "PROMOTION_NOT_BILLED"
    AMOUNT_MISMATCH_PRINCIPAL = "AMOUNT_MISMATCH_PRINCIPAL"
    AMOUNT_MISMATCH_SHIPPING = "AMOUNT_MISMATCH_SHIPPING"
    AMOUNT_MISMATCH_GIFT_WRAP = "AMOUNT_MISMATCH_GIFT_WRAP"
    AMOUNT_MISMATCH_TAX = "AMOUNT_MISMATCH_TAX"
    AMOUNT_MISMATCH_PROMOTION = "AMOUNT_MISMATCH_PROMOTION"
    SHIPPED_NOT_BILLED = "SHIPPED_NOT_BILLED"
    PARTIALLY_BILLED_SKIPPED = "PARTIALLY_BILLED_SKIPPED"
    CLOSED_PERIOD = "CLOSED_PERIOD"
    SUBSIDIARY_MISMATCH = "SUBSIDIARY_MISMATCH"
    DUPLICATE_BILLING = "DUPLICATE_BILLING"
    REFUND_WITHOUT_CREDIT_MEMO = "REFUND_WITHOUT_CREDIT_MEMO"
    CREDIT_MEMO_WITHOUT_REFUND = "CREDIT_MEMO_WITHOUT_REFUND"
    CHARGEBACK_OR_CLAIM = "CHARGEBACK_OR_CLAIM"
    CURRENCY_MISMATCH = "CURRENCY_MISMATCH"
    CANCELLED_BUT_SETTLED = "CANCELLED_BUT_SETTLED"
    CANCELLED_BUT_BILLED = "CANCELLED_BUT_BILLED"
    STALE_DUE = "STALE_DUE"
    DEFERRED_OVERDUE = "DEFERRED_OVERDUE"
    TAX_RESIDUAL = "TAX_RESIDUAL"
    TAX_ONLY_REFUND = "TAX_ONLY_REFUND"
    REFUND_ITEM_MISMATCH = "REFUND_ITEM_MISMATCH"
    REIMBURSEMENT_UNBOOKED = "REIMBURSEMENT_UNBOOKED"
    LATE_LINE = "LATE_LINE"
    UNCLASSIFIED_LINE = "UNCLASSIFIED_LINE"
    SETTLEMENT_DOES_NOT_FOOT = "SETTLEMENT_DOES_NOT_FOOT"
    DUPLICATE_SETTLEMENT_LINE = "DUPLICATE_SETTLEMENT_LINE"
    SETTLEMENT_GAP = "SETTLEMENT_GAP"
    SETTLEMENT_OVERLAP = "SETTLEMENT_OVERLAP"
    RESERVE_BREAK = "RESERVE_BREAK"
    BALANCE_BREAK = "BALANCE_BREAK"
    DEPOSIT_MISSING = "DEPOSIT_MISSING"
    DEPOSIT_MISMATCH = "DEPOSIT_MISMATCH"
    DEPOSIT_AMBIGUOUS = "DEPOSIT_AMBIGUOUS"
    DEPOSIT_WITHOUT_SETTLEMENT = "DEPOSIT_WITHOUT_SETTLEMENT"
    CLEARING_NOT_ZERO = "CLEARING_NOT_ZERO"
    SOURCE_DISAGREEMENT = "SOURCE_DISAGREEMENT"
    PAYMENT_NOT_APPLIED = "PAYMENT_NOT_APPLIED"
    PAYMENT_OVER_APPLIED = "PAYMENT_OVER_APPLIED"
    PAYMENT_WRONG_ORDER = "PAYMENT_WRONG_ORDER"
    REFUND_NOT_POSTED = "REFUND_NOT_POSTED"
    UNKNOWN_OUTCOME = "UNKNOWN_OUTCOME"


class ExceptionState(StrEnum):
    """How far an exception is dealt with in the queue. People set every state but the last."""

    OPEN = "open"
    IN_PROGRESS = "in progress"
    WAITING = "waiting"
    CLOSED = "closed"
    ACCEPTED = "accepted"
    RESOLVED = "resolved"

    @property
    def is_open(self) -> bool:
        """Whether somebody still has to do something about it."""
        return self in {ExceptionState.OPEN, ExceptionState.IN_PROGRESS, ExceptionState.WAITING}

    @property
    def meaning(self) -> str:
        """What the state says, in one line."""
        return {
            ExceptionState.OPEN: "nobody has begun",
            ExceptionState.IN_PROGRESS: "somebody looks into it",
            ExceptionState.WAITING: "somebody else has to answer: Amazon, the bank, a buyer",
            ExceptionState.CLOSED: "corrected, or explained",
            ExceptionState.ACCEPTED: "left as it is: the difference is borne",
            ExceptionState.RESOLVED: "a later reconciliation did not find it any more",
        }[self]


class AgingBucket(StrEnum):
    """Days past the date on which the settlement was expected."""

    NOT_YET_EXPECTED = "not yet expected"
    DAYS_1_7 = "1–7"
    DAYS_8_14 = "8–14"
    DAYS_15_30 = "15–30"
    DAYS_31_60 = "31–60"
    DAYS_61_90 = "61–90"
    OVER_90 = "over 90"
