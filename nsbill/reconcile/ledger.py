"""The books' money side per order: what was applied, refunded and is open in NetSuite as of a day (domain 2.2)."""

from __future__ import annotations

import narwhals as nw

from nsbill.errors import ReconcileError
from nsbill.money import ZERO
from nsbill.reconcile.engine import Engine, Frame
from nsbill.reconcile.rules import ReconcileRules
from nsbill.reconcile.texts import in_one_text, sentence
from nsbill.vocabulary import RecordType

__all__ = ["LEDGER_AMOUNTS", "read_ledger", "with_ledger"]

_KEY = ("amazon_order_id", "currency")
_SUMS = (
    "payments_applied",
    "cash_sales",
    "refunds_posted",
    "cm_applied",
    "invoiced",
    "cleared_by_credits",
    "stated_open",
    "ever_applied",
)
LEDGER_AMOUNTS = ("ns_received", "ns_due", "ns_residual", "gap", "unposted_refund", "gap_unexplained")
"""The columns of the statement that come from here; all of them are empty when no applications are known."""

_MOST_NUMBERS = 12
_INVOICE, _CASH_SALE = RecordType.INVOICE.value, RecordType.CASH_SALE.value
_MEMO, _CASH_REFUND = RecordType.CREDIT_MEMO.value, RecordType.CASH_REFUND.value


def read_ledger(engine: Engine, *, applications: Frame, bills: Frame, memos: Frame, rules: ReconcileRules) -> Frame:
    """Add up the money side of the books; one row per Amazon order and currency.

    ``bills`` and ``memos`` are all billing records and credits, each with the Amazon order that it belongs to.
    An application counts from the later date of its two documents, because neither existed for the other before.
    What a credit memo clears is ``cm_applied`` of the memo's own order, and is no longer due of the invoice's.

    Columns: ``payments_applied, cash_sales, refunds_posted`` (customer refunds and cash refunds), ``cm_applied,
    ns_due`` (invoices less everything applied to them), ``ns_residual`` (what NetSuite states as open of all the
    order's invoices, less what follows from its documents; 0 when nothing is missing), ``newest_billed_day``, and
    ``payments`` (numbers of what is applied to the invoices, credit memos apart).

    Raises
    ------
    ReconcileError
        For an application to a document that is not there, in another currency, or without a positive amount.
    """
    applied = engine.hold(
        _linked(applications, bills, memos),
        grain=["payment_id", "billing_record_id", "credit_id"],
        what="applications of payments and credits",
    )
    _check_applications(engine, applied)
    sums = (
        _movements(bills, memos, applied.filter(~nw.col("voided"), ~nw.col("paid_voided")), rules)
        .filter(~nw.col("amazon_order_id").is_null())
        .group_by(*_KEY)
        .agg(**{name: _sum_of(name) for name in _SUMS})
    )
    counted = bills.filter(~nw.col("voided"), nw.col("date_day") <= rules.as_of_day)
    newest = counted.group_by(*_KEY).agg(newest_billed_day=nw.col("date_day").max())
    joined = sums.join(newest, on=list(_KEY), how="left").join(
        _payments(engine, applied, rules), on=list(_KEY), how="left"
    )
    ledger = joined.select(
        *_KEY,
        "payments_applied",
        "cash_sales",
        "refunds_posted",
        "cm_applied",
        "newest_billed_day",
        "payments",
        ns_due=nw.col("invoiced") - nw.col("payments_applied") - nw.col("cleared_by_credits"),
        ns_residual=nw.col("stated_open") - nw.col("invoiced") + nw.col("ever_applied"),
    )
    return engine.hold(ledger, grain=_KEY, what="money side of the books")


def _linked(applications: Frame, bills: Frame, memos: Frame) -> Frame:
    """Put the paid document beside each application, and the order of the credit memo that pays."""
    names = {
        "currency": "paid_currency",
        "date_day": "paid_day",
        "voided": "paid_voided",
        "amazon_order_id": "paid_order",
    }

    def paid(documents: Frame, id_column: str, prefix: str) -> Frame:
        return documents.select(id_column, *(nw.col(name).alias(f"{prefix}{into}") for name, into in names.items()))

    own = memos.select(nw.col("credit_id").alias("payment_id"), nw.col("amazon_order_id").alias("memo_order"))
    return (
        applications.join(paid(bills, "billing_record_id", "bill_"), on="billing_record_id", how="left")
        .join(paid(memos, "credit_id", "credit_"), on="credit_id", how="left")
        .join(own, on="payment_id", how="left")
        .with_columns(**{into: nw.coalesce(f"bill_{into}", f"credit_{into}") for into in names.values()})
        .with_columns(from_day=_later("date_day", "paid_day"), memo_order=nw.coalesce("memo_order", "paid_order"))
    )


def _later(one: str, other: str) -> nw.Expr:
    return nw.when(nw.col(one) > nw.col(other)).then(nw.col(one)).otherwise(nw.col(other))


def _check_applications(engine: Engine, applied: Frame) -> None:
    bill, credit = nw.col("billing_record_id").is_null(), nw.col("credit_id").is_null()
    wrong = (
        (bill == credit, "is applied to not exactly one document", "Load the applications again"),
        (
            nw.col("paid_currency").is_null(),
            "is applied to a document that is not among the billing records and credits",
            "Load the books again: they changed while they were read",
        ),
        (
            nw.col("paid_currency") != nw.col("currency"),
            "is applied to a document in another currency",
            "Correct the currency where the applications are loaded",
        ),
        (nw.col("amount") <= nw.lit(ZERO), "is applied with an amount that is not positive", "Turn the sign"),
    )
    for broken, words, remedy in wrong:
        found = applied.filter(broken).sort("payment_id", "billing_record_id", "credit_id").head(1)
        for row in engine.read(found).to_pylist():
            document = row["billing_record_id"] or row["credit_id"] or "none"
            what = f"{row['record_type']} {row['number']} (document {document}, {row['amount']} {row['currency']})"
            raise ReconcileError(f"{what} {words}", remedy)


def _payments(engine: Engine, applied: Frame, rules: ReconcileRules) -> Frame:
    """The numbers of the payments that count, in one text; a payment of two invoices of an order stands once."""
    counted = applied.filter(
        ~nw.col("billing_record_id").is_null(),
        nw.col("record_type") != _MEMO,
        ~nw.col("voided"),
        ~nw.col("paid_voided"),
        nw.col("from_day") <= rules.as_of_day,
    )
    once = counted.group_by(nw.col("paid_order").alias("amazon_order_id"), "currency", "payment_id").agg(
        number=nw.col("number").min(), date=nw.col("date").min()
    )
    return in_one_text(
        engine,
        once.filter(~nw.col("amazon_order_id").is_null()),
        keys=_KEY,
        value="number",
        order_by=sentence(nw.col("date").cast(nw.String), "|", nw.col("payment_id")),
        into="payments",
        separator=", ",
        most=_MOST_NUMBERS,
    )


def _movements(bills: Frame, memos: Frame, applied: Frame, rules: ReconcileRules) -> Frame:
    """Every amount that counts, with the order it counts for and the name of its sum."""
    standing = bills.filter(~nw.col("voided"))
    invoices = standing.filter(nw.col("record_type") == _INVOICE)
    on_bills = applied.filter(~nw.col("billing_record_id").is_null())
    on_memos = applied.filter(~nw.col("credit_id").is_null())
    by_now, from_now = nw.col("date_day") <= rules.as_of_day, nw.col("from_day") <= rules.as_of_day
    by_memo = nw.col("record_type") == _MEMO
    cash_refunds = memos.filter(~nw.col("voided"), nw.col("record_type") == _CASH_REFUND, by_now)
    parts = (
        _part(standing.filter(nw.col("record_type") == _CASH_SALE, by_now), "cash_sales", "total"),
        _part(invoices.filter(by_now), "invoiced", "total"),
        _part(invoices.filter(by_now), "stated_open", "amount_remaining"),
        _part(on_bills.filter(from_now, ~by_memo), "payments_applied", "amount", "paid_order"),
        _part(on_bills.filter(from_now, by_memo), "cleared_by_credits", "amount", "paid_order"),
        _part(on_bills.filter(from_now, by_memo), "cm_applied", "amount", "memo_order"),
        _part(on_bills.filter(nw.col("paid_day") <= rules.as_of_day), "ever_applied", "amount", "paid_order"),
        _part(on_memos.filter(from_now), "refunds_posted", "amount", "paid_order"),
        _part(cash_refunds, "refunds_posted", "total"),
    )
    return nw.concat(parts)


def _part(documents: Frame, name: str, amount: str, order: str = "amazon_order_id") -> Frame:
    return documents.select(
        nw.col(order).alias("amazon_order_id"), "currency", nw.lit(name).alias("sum_of"), nw.col(amount).alias("moved")
    )


def _sum_of(name: str) -> nw.Expr:
    return nw.when(nw.col("sum_of") == name).then(nw.col("moved")).otherwise(nw.lit(ZERO)).sum()


def with_ledger(rows: Frame, ledger: Frame | None) -> Frame:
    """Add ``ns_received, ns_due, ns_residual, gap, unposted_refund, gap_unexplained`` to statement rows.

    ``gap = ns_received − received``; what of it a missing credit memo or a refund that was not posted explains is
    taken off, and the rest must be 0: below, Amazon settled what nobody applied; above, more was applied than settled.
    Without a ledger nothing is known of payments, and the rows have them empty.
    """
    if ledger is None:
        return rows
    zero = nw.lit(ZERO)
    known = ("payments_applied", "cash_sales", "refunds_posted", "cm_applied", "ns_due", "ns_residual")
    settled_refund = (
        nw.when(nw.col("credited") < nw.col("refunded")).then(nw.col("credited")).otherwise(nw.col("refunded"))
    )
    unposted = settled_refund - nw.col("refunds_posted") - nw.col("cm_applied")
    return (
        rows.join(ledger, on=list(_KEY), how="left")
        .with_columns(nw.col(*known).fill_null(ZERO))
        .with_columns(
            ns_received=nw.col("payments_applied") + nw.col("cash_sales") - nw.col("refunds_posted"),
            unposted_refund=nw.when(unposted > zero).then(unposted).otherwise(zero),
        )
        .with_columns(gap=nw.col("ns_received") - nw.col("received"))
        .with_columns(gap_unexplained=nw.col("gap") - nw.col("uncredited_refund") - nw.col("unposted_refund"))
    )
