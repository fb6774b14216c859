"""The exceptions: what is wrong with an order or a settlement, with money, evidence and action (domain 2.6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import narwhals as nw

from nsbill.money import ZERO
from nsbill.reconcile.agreement_texts import DISAGREEMENT_ACTIONS
from nsbill.reconcile.engine import Engine, Frame
from nsbill.reconcile.evidence import (
    ANYWHERE,
    CLAIMS,
    DOCUMENTS,
    EVERY_CURRENCY,
    REFUNDS,
    SALES,
    with_evidence,
)
from nsbill.reconcile.exceptions_books import BOOKS_ACTIONS, books_exceptions
from nsbill.reconcile.exceptions_settlements import SETTLEMENT_ACTIONS
from nsbill.reconcile.rules import ReconcileRules
from nsbill.reconcile.settled import Settled
from nsbill.reconcile.texts import lines_text, sentence
from nsbill.schemas import EXCEPTIONS
from nsbill.vocabulary import ExceptionClass, LineKind, OrderRoute

__all__ = ["ACTIONS", "exception_rows"]

ACTIONS: dict[ExceptionClass, str] = {
    ExceptionClass.SETTLED_NOT_BILLED: "Bill the order, or find why the saved search missed it.",
    ExceptionClass.BILLED_NOT_SETTLED: "Check whether the order was cancelled or never shipped; look it up at Amazon.",
    ExceptionClass.ORPHAN_ORDER_ID: "Import the order into NetSuite; its money stays in the totals.",
    ExceptionClass.MALFORMED_ORDER_ID: "Book it on the account ledger; it belongs to no Amazon order.",
    ExceptionClass.SHORT_SETTLED: "Explain the difference line by line, then credit it or claim it from Amazon.",
    ExceptionClass.OVERPAID: "Look for a missing invoice, an event counted twice, or a retrocharge.",
    ExceptionClass.PROMOTION_NOT_BILLED: "Correct the invoice mapping: the promotion was not deducted from the bill.",
    ExceptionClass.DUPLICATE_BILLING: "Void one of the billing records.",
    ExceptionClass.REFUND_WITHOUT_CREDIT_MEMO: "Create a credit memo for the refund.",
    ExceptionClass.CREDIT_MEMO_WITHOUT_REFUND: "Ask whether the refund was ever made: Amazon has not taken it.",
    ExceptionClass.CHARGEBACK_OR_CLAIM: "Contest it before the deadline, or accept it and credit the order.",
    ExceptionClass.CURRENCY_MISMATCH: "Correct the currency of the marketplace's mapping; never net the two.",
    ExceptionClass.CANCELLED_BUT_SETTLED: "Find out why a cancelled order was settled; bill it or refund the buyer.",
    **BOOKS_ACTIONS,
    ExceptionClass.UNCLASSIFIED_LINE: "Add the labels to the vocabulary, then add the file again.",
    **SETTLEMENT_ACTIONS,
    **DISAGREEMENT_ACTIONS,
}
"""The default action of each class that the reconciliation finds."""


@dataclass(frozen=True)
class _Finding:
    """How one class is found on statement rows: the condition, the money, the lines that speak for it."""

    name: ExceptionClass
    holds: nw.Expr
    amount: nw.Expr
    lines_of: str


def exception_rows(
    engine: Engine, *, rows: Frame, settled: Settled, rules: ReconcileRules, more: Sequence[Frame] = ()
) -> Frame:
    """Find every exception; one row per class and order, or settlement and labels or reference.

    ``more``: exceptions that were found elsewhere, of whole settlements and the like, with the columns of EXCEPTIONS.
    """
    of_orders = _of_orders(engine, rows, settled, rules)
    of_books = books_exceptions(engine, rows=rows, settled=settled, rules=rules)
    parts = [of_orders, *of_books, *_of_lines(settled, rules), *more]
    names = EXCEPTIONS.names
    wide = nw.concat([_with_reference(part).select(*names) for part in parts])
    grain = ["exception_class", "amazon_order_id", "settlement_id", "reference", "currency"]
    return engine.hold(wide, grain=grain, what="exceptions")


def _with_reference(part: Frame) -> Frame:
    """Give ``reference`` to a part whose order or settlement says all: empty."""
    there = "reference" in part.collect_schema().names()
    return part if there else part.with_columns(reference=nw.lit(None, dtype=nw.String))


def _findings(rules: ReconcileRules) -> tuple[_Finding, ...]:
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
        _Finding(
            c.SETTLED_NOT_BILLED,
            one_currency & (received > zero) & ~billed & ordered & ~(cancelled & sold),
            received,
            SALES,
        ),
        _Finding(
            c.BILLED_NOT_SETTLED,
            one_currency & ~duplicate & (nw.col("billed_gross") > zero) & ~sold & overdue,
            nw.col("due"),
            DOCUMENTS,
        ),
        _Finding(
            c.ORPHAN_ORDER_ID,
            (nw.col("lines") > 0) & ~ordered & ~nw.col("billed_anywhere"),
            orphan_amount,
            ANYWHERE,
        ),
        _Finding(
            c.SHORT_SETTLED,
            one_currency & ~duplicate & ~promotion & (received > zero) & all_posted & (sale_leg > zero),
            sale_leg,
            SALES,
        ),
        _Finding(c.PROMOTION_NOT_BILLED, one_currency & ~duplicate & promotion, sale_leg, SALES),
        _Finding(c.DUPLICATE_BILLING, one_currency & duplicate, nw.col("billed_gross") - nw.col("order_total"), SALES),
        _Finding(c.OVERPAID, one_currency & billed & (nw.col("overpaid") > zero), nw.col("overpaid"), SALES),
        _Finding(
            c.REFUND_WITHOUT_CREDIT_MEMO,
            billed & (nw.col("uncredited_refund") > zero),
            nw.col("uncredited_refund"),
            REFUNDS,
        ),
        _Finding(
            c.CREDIT_MEMO_WITHOUT_REFUND,
            (nw.col("refund_in_transit") > zero) & stale,
            nw.col("refund_in_transit"),
            REFUNDS,
        ),
        _Finding(c.CHARGEBACK_OR_CLAIM, nw.col("claim_lines") > 0, nw.col("claimed"), CLAIMS),
        _Finding(c.CURRENCY_MISMATCH, nw.col("conflict") & billed, nw.col("billed_gross"), EVERY_CURRENCY),
        _Finding(c.CANCELLED_BUT_SETTLED, one_currency & cancelled & sold, received, SALES),
    )


def _of_orders(engine: Engine, rows: Frame, settled: Settled, rules: ReconcileRules) -> Frame:
    zero = nw.lit(ZERO)
    promotion = nw.col("sale_promotion")
    with_tax = promotion + nw.col("sale_promotion_tax")  # where the seller owes the tax, the bill carries it too
    short_by_it = (nw.col("sale_leg") == zero - promotion) | (nw.col("sale_leg") == zero - with_tax)
    same_currency = nw.col("order_currency") == nw.col("currency")
    marked = rows.with_columns(
        is_duplicate=(
            (nw.col("bills") > 1) & same_currency & (nw.col("billed_gross") > nw.col("order_total"))
        ).fill_null(False),
        is_promotion=(nw.col("bills") > 0) & (promotion < zero) & short_by_it,
        order_status=nw.col("order_status").fill_null(""),
        age_days=nw.col("age_days").fill_null(0),
        last_sale_day=nw.col("last_sale_day").fill_null(rules.as_of_day),
        newest_credit_day=nw.col("newest_credit_day").fill_null(rules.as_of_day),
    )
    found = [
        marked.filter(finding.holds).select(
            nw.lit(finding.name.value).alias("exception_class"),
            "seller_account",
            "amazon_order_id",
            "currency",
            finding.amount.cast(nw.Decimal(18, 2)).alias("amount"),
            nw.lit(finding.lines_of).alias("lines_of"),
            nw.lit(ACTIONS[finding.name]).alias("action"),
            "sales_order_number",
            "billing_records",
            "credit_records",
        )
        for finding in _findings(rules)
    ]
    held = engine.hold(
        nw.concat(found), grain=["exception_class", "amazon_order_id", "currency"], what="exceptions of orders"
    )
    return with_evidence(engine, held, settled.pieces).with_columns(settlement_id=nw.lit(None, dtype=nw.String))


def _of_lines(settled: Settled, rules: ReconcileRules) -> tuple[Frame, Frame]:
    """Malformed order ids per settlement and reference; unknown labels per settlement and label triple."""
    malformed = _grouped(
        settled.odd.filter(nw.col("order_route") == OrderRoute.MALFORMED.value),
        by=("order_reference",),
        reference=nw.col("order_reference"),
        words=sentence(": order id '", nw.col("order_reference"), "'"),
        name=ExceptionClass.MALFORMED_ORDER_ID,
        rules=rules,
    )
    labels = sentence(
        "'", nw.col("transaction_type"), "' / '", nw.col("amount_type"), "' / '", nw.col("amount_description"), "'"
    )
    unclassified = _grouped(
        settled.odd.filter(nw.col("line_kind") == LineKind.UNCLASSIFIED.value),
        by=("transaction_type", "amount_type", "amount_description"),
        reference=labels,
        words=sentence(": ", labels),
        name=ExceptionClass.UNCLASSIFIED_LINE,
        rules=rules,
    )
    return malformed, unclassified


def _grouped(
    lines: Frame,
    *,
    by: tuple[str, ...],
    reference: nw.Expr,
    words: nw.Expr,
    name: ExceptionClass,
    rules: ReconcileRules,
) -> Frame:
    sums = lines.group_by("settlement_id", "currency", *by).agg(
        amount=nw.col("amount").sum(),
        first_line=nw.col("source_line").min(),
        last_line=nw.col("source_line").max(),
        lines=nw.len(),
    )
    return sums.select(
        nw.lit(name.value).alias("exception_class"),
        nw.lit(rules.seller_account).alias("seller_account"),
        nw.lit(None, dtype=nw.String).alias("amazon_order_id"),
        "settlement_id",
        reference.alias("reference"),
        "currency",
        nw.col("amount").cast(nw.Decimal(18, 2)),
        sentence(lines_text(), words).alias("evidence"),
        nw.lit(ACTIONS[name]).alias("action"),
    )
