"""How exceptions of single orders are found on statement rows (domain reference 2.6)."""

from __future__ import annotations

from dataclasses import dataclass

import narwhals as nw

from nsbill.money import ZERO
from nsbill.reconcile.evidence import ANYWHERE, CLAIMS, DOCUMENTS, EVERY_CURRENCY, REFUNDS, SALES
from nsbill.reconcile.rules import ReconcileRules
from nsbill.vocabulary import ExceptionClass

__all__ = ["ORDER_ACTIONS", "Finding", "order_findings"]

ORDER_ACTIONS: dict[ExceptionClass, str] = {
    ExceptionClass.SETTLED_NOT_BILLED: "Bill the order, or find why the saved search missed it.",
    ExceptionClass.BILLED_NOT_SETTLED: "Check whether the order was cancelled or never shipped; look it up at Amazon.",
    ExceptionClass.ORPHAN_ORDER_ID: "Import the order into NetSuite; its money stays in the totals.",
    ExceptionClass.SHORT_SETTLED: "Explain the difference line by line, then credit it or claim it from Amazon.",
    ExceptionClass.OVERPAID: "Look for a missing invoice, an event counted twice, or a retrocharge.",
    ExceptionClass.PROMOTION_NOT_BILLED: "Correct the invoice mapping: the promotion was not deducted from the bill.",
    ExceptionClass.DUPLICATE_BILLING: "Void one of the billing records.",
    ExceptionClass.REFUND_WITHOUT_CREDIT_MEMO: "Create a credit memo for the refund.",
    ExceptionClass.CREDIT_MEMO_WITHOUT_REFUND: "Ask whether the refund was ever made: Amazon has not taken it.",
    ExceptionClass.CHARGEBACK_OR_CLAIM: "Contest it before the deadline, or accept it and credit the order.",
    ExceptionClass.CURRENCY_MISMATCH: "Correct the currency of the marketplace's mapping; never net the two.",
    ExceptionClass.CANCELLED_BUT_SETTLED: "Find out why a cancelled order was settled; bill it or refund the buyer.",
    ExceptionClass.CANCELLED_BUT_BILLED: "Credit the bill, or find out why the order was cancelled.",
    ExceptionClass.STALE_DUE: "Escalate: ask Amazon about the order, with its settlements at hand.",
    ExceptionClass.DEFERRED_OVERDUE: "Ask Amazon why money that has matured is still deferred.",
    ExceptionClass.TAX_RESIDUAL: "Check who owes the tax: what was collected is not what Amazon withheld and remits.",
    ExceptionClass.TAX_ONLY_REFUND: "Credit the tax with a stand-in item; no goods were refunded.",
}
"""The default action of each class."""


@dataclass(frozen=True)
class Finding:
    """How one class is found on statement rows: the condition, the money, the lines that speak for it."""

    name: ExceptionClass
    holds: nw.Expr
    amount: nw.Expr
    lines_of: str


def order_findings(rules: ReconcileRules) -> tuple[Finding, ...]:
    """How each class is found on statement rows, with the marks that ``exceptions`` adds (``is_duplicate`` and others)."""
    zero = nw.lit(ZERO)
    billed, one_currency = nw.col("bills") > 0, ~nw.col("conflict")
    ordered, cancelled = ~nw.col("sales_order_id").is_null(), nw.col("order_status") == "C"
    received, sale_leg = nw.col("received_gross"), nw.col("sale_leg")
    sold = nw.col("sale_lines") > 0
    duplicate = nw.col("is_duplicate")
    promotion = nw.col("is_promotion")
    overdue = (nw.col("age_days") > 0) & (nw.col("due") > zero)
    all_posted = nw.col("last_sale_day") < rules.as_of_day - rules.cycle_days
    stale = nw.col("newest_credit_day") < rules.as_of_day - rules.stale_days
    orphan_amount = nw.when(received == zero).then(nw.col("net_cash")).otherwise(received)
    c = ExceptionClass
    return (
        Finding(
            c.SETTLED_NOT_BILLED,
            one_currency & (received > zero) & ~billed & ordered & ~(cancelled & sold),
            received,
            SALES,
        ),
        Finding(
            c.BILLED_NOT_SETTLED,
            one_currency & ~duplicate & (nw.col("billed_gross") > zero) & ~sold & overdue,
            nw.col("due"),
            DOCUMENTS,
        ),
        Finding(
            c.ORPHAN_ORDER_ID,
            (nw.col("lines") > 0) & ~ordered & ~nw.col("billed_anywhere"),
            orphan_amount,
            ANYWHERE,
        ),
        Finding(
            c.SHORT_SETTLED,
            one_currency & ~duplicate & ~promotion & (received > zero) & all_posted & (sale_leg > zero),
            sale_leg,
            SALES,
        ),
        Finding(c.PROMOTION_NOT_BILLED, one_currency & ~duplicate & promotion, sale_leg, SALES),
        Finding(c.DUPLICATE_BILLING, one_currency & duplicate, nw.col("billed_gross") - nw.col("order_total"), SALES),
        Finding(c.OVERPAID, one_currency & billed & (nw.col("overpaid") > zero), nw.col("overpaid"), SALES),
        Finding(
            c.REFUND_WITHOUT_CREDIT_MEMO,
            billed & (nw.col("uncredited_refund") > zero),
            nw.col("uncredited_refund"),
            REFUNDS,
        ),
        Finding(
            c.CREDIT_MEMO_WITHOUT_REFUND,
            (nw.col("refund_in_transit") > zero) & stale,
            nw.col("refund_in_transit"),
            REFUNDS,
        ),
        Finding(c.CHARGEBACK_OR_CLAIM, nw.col("claim_lines") > 0, nw.col("claimed"), CLAIMS),
        Finding(c.CURRENCY_MISMATCH, nw.col("conflict") & billed, nw.col("billed_gross"), EVERY_CURRENCY),
        Finding(c.CANCELLED_BUT_SETTLED, one_currency & cancelled & sold, received, SALES),
        *_late(rules),
        *_odd(),
    )


def _late(rules: ReconcileRules) -> tuple[Finding, ...]:
    """What should have happened by now."""
    zero, due = nw.lit(ZERO), nw.col("due")
    matured = (nw.col("matures_day") < rules.as_of_day).fill_null(False)
    deferred = (nw.col("due_deferred") > zero).fill_null(False)
    c = ExceptionClass
    return (
        Finding(c.STALE_DUE, (due > zero) & (nw.col("age_days") > rules.stale_due_days), due, SALES),
        Finding(c.DEFERRED_OVERDUE, deferred & matured, nw.col("due_deferred"), DOCUMENTS),
    )


def _odd() -> tuple[Finding, ...]:
    """What does not fit together, whatever the date."""
    zero, one_currency = nw.lit(ZERO), ~nw.col("conflict")
    residual = nw.col("tax_collected") - nw.col("tax_withheld")
    tax_only = (nw.col("refund_tax_lines") > 0) & (nw.col("refund_goods_lines") == 0)
    c = ExceptionClass
    return (
        Finding(
            c.CANCELLED_BUT_BILLED,
            (nw.col("order_status") == "C") & (nw.col("bills") > 0),
            nw.col("billed_gross"),
            SALES,
        ),
        Finding(
            c.TAX_RESIDUAL,
            one_currency & (nw.col("bills") > 0) & (nw.col("tax_withheld") != zero) & (residual != zero),
            residual,
            ANYWHERE,
        ),
        Finding(c.TAX_ONLY_REFUND, tax_only, nw.col("refunded"), REFUNDS),
    )
