"""The exceptions: what is wrong with an order or a settlement, with money, evidence and action (domain 2.6)."""

from __future__ import annotations

from collections.abc import Sequence

import narwhals as nw

from nsbill.money import ZERO
from nsbill.reconcile.agreement_texts import DISAGREEMENT_ACTIONS
from nsbill.reconcile.engine import AMOUNT, Engine, Frame
from nsbill.reconcile.evidence import with_evidence
from nsbill.reconcile.exception_columns import exception_columns
from nsbill.reconcile.exceptions_books import BOOKS_ACTIONS, books_exceptions
from nsbill.reconcile.exceptions_kinds import with_kinds
from nsbill.reconcile.exceptions_more import MORE_ACTIONS
from nsbill.reconcile.exceptions_orders import ORDER_ACTIONS, order_findings
from nsbill.reconcile.exceptions_settlements import SETTLEMENT_ACTIONS
from nsbill.reconcile.rules import ReconcileRules
from nsbill.reconcile.settled import Settled
from nsbill.reconcile.texts import lines_text, sentence
from nsbill.schemas import EXCEPTIONS
from nsbill.vocabulary import ExceptionClass, LineKind, OrderRoute

__all__ = ["ACTIONS", "exception_rows"]

ACTIONS: dict[ExceptionClass, str] = {
    **ORDER_ACTIONS,
    ExceptionClass.MALFORMED_ORDER_ID: "Book it on the account ledger; it belongs to no Amazon order.",
    **BOOKS_ACTIONS,
    **MORE_ACTIONS,
    ExceptionClass.UNCLASSIFIED_LINE: "Add the labels to the vocabulary, then add the file again.",
    **SETTLEMENT_ACTIONS,
    **DISAGREEMENT_ACTIONS,
}
"""The default action of each class that the reconciliation finds."""


def exception_rows(
    engine: Engine,
    *,
    rows: Frame,
    settled: Settled,
    rules: ReconcileRules,
    more: Sequence[Frame] = (),
    kinds: Frame | None = None,
) -> Frame:
    """Find every exception; one row per class and order, or settlement and labels or reference.

    ``more``: exceptions that were found elsewhere, of whole settlements and the like, with the columns of EXCEPTIONS.
    ``kinds``: what bills and settlements differ by kind, for the evidence.
    """
    of_orders = with_kinds(_of_orders(engine, rows, settled, rules), kinds)
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
            finding.amount.cast(AMOUNT).alias("amount"),
            nw.lit(finding.lines_of).alias("lines_of"),
            nw.lit(ACTIONS[finding.name]).alias("action"),
            "sales_order_number",
            "billing_records",
            "credit_records",
        )
        for finding in order_findings(rules)
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
    columns = exception_columns(
        name,
        rules,
        amount="amount",
        evidence=sentence(lines_text(), words),
        action=ACTIONS[name],
        settlement="settlement_id",
        reference=reference,
        of_order=False,
    )
    return sums.select(*columns)
