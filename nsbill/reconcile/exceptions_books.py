"""Exceptions of the books' money side: payments and refunds that NetSuite lacks, or has in the wrong place (domain 2.6).

``gap_unexplained`` of the statement is the domain's formula. An exception is what is left of it when the parts are
taken off that another figure of the row tells already: what Amazon paid beyond the bill (``overpaid``: no invoice
is open for it), a refund that was posted before Amazon took it (``refund_in_transit``), and a cash sale that Amazon
has not settled yet (``due``). Nothing is told twice, and nothing is asked that NetSuite cannot do.
"""

from __future__ import annotations

from collections.abc import Sequence

import narwhals as nw
import pyarrow as pa

from nsbill.money import ZERO
from nsbill.reconcile.engine import AMOUNT, Engine, Frame
from nsbill.reconcile.evidence import REFUNDS, SALES, with_evidence
from nsbill.reconcile.pieces import REFUND_EVENTS, SALE_EVENTS
from nsbill.reconcile.rules import ReconcileRules
from nsbill.reconcile.settled import Settled
from nsbill.reconcile.texts import sentence
from nsbill.schemas import DATE, DAY
from nsbill.vocabulary import ExceptionClass, ReceiptBasis

__all__ = ["BOOKS_ACTIONS", "books_exceptions"]

_NOT_APPLIED, _OVER_APPLIED = ExceptionClass.PAYMENT_NOT_APPLIED, ExceptionClass.PAYMENT_OVER_APPLIED
_WRONG_ORDER, _NOT_POSTED = ExceptionClass.PAYMENT_WRONG_ORDER, ExceptionClass.REFUND_NOT_POSTED

BOOKS_ACTIONS: dict[ExceptionClass, str] = {
    _NOT_APPLIED: "Apply the payment to the invoice: Amazon has settled it.",
    _OVER_APPLIED: "Unapply what Amazon has not settled, or find its settlement.",
    _WRONG_ORDER: "Move the payment from the order that has too much to this one.",
    _NOT_POSTED: "Post the customer refund, or apply the credit memo.",
}
"""The default action of each class that is found here."""

_KEY = ["amazon_order_id", "currency"]
_SIDES = {"sales_closed_day": SALE_EVENTS, "refunds_closed_day": REFUND_EVENTS}


def books_exceptions(engine: Engine, *, rows: Frame, settled: Settled, rules: ReconcileRules) -> list[Frame]:
    """Find what is wrong with payments and refunds in NetSuite; nothing when the payments are not known.

    Nothing either on another basis than "settled": the books follow closed settlements, so their gap to what is only
    posted, or already at the bank, is no fault.
    A payment or refund is missed only when more than ``rules.apply_days`` days have passed since the later of its
    settlement's end and its bill (or credit memo): before that nobody can have applied it. Two orders of which
    one lacks exactly what the other has too much are one wrong order; when several fit, each is told on its own.
    """
    if rules.basis is not ReceiptBasis.SETTLED or "newest_billed_day" not in rows.collect_schema().names():
        return []
    closed = engine.hold(_closed_days(engine, settled), grain=_KEY, what="days of settlement by order")
    dated = rows.join(closed, on=_KEY, how="left")
    found = [_applied_wrongly(engine, dated, rules), _not_posted(dated, rules)]
    held = engine.hold(nw.concat(found), grain=["exception_class", *_KEY], what="exceptions of payments")
    evident = with_evidence(engine, held, settled.pieces)
    said = [nw.col("evidence"), nw.col("more"), _residual()]
    return [
        evident.with_columns(
            evidence=nw.concat_str(said, separator="; ", ignore_nulls=True),
            settlement_id=nw.lit(None, dtype=nw.String),
        )
    ]


def _closed_days(engine: Engine, settled: Settled) -> Frame:
    """The day on which the last settlement closed that holds sales, or refunds, of an order."""
    ends = settled.settlements
    table = pa.table({"settlement_id": ends["settlement_id"], "close_day": ends["period_end"].cast(DATE).cast(DAY)})
    dated = settled.pieces.join(engine.frame(table), on="settlement_id", how="left")
    day = nw.coalesce("close_day", "last_day")
    return dated.group_by(*_KEY).agg(
        **{name: nw.when(nw.col("event_class").is_in(list(of))).then(day).max() for name, of in _SIDES.items()}
    )


def _awaited(names: Sequence[str], rules: ReconcileRules) -> nw.Expr:
    """Whether each of these days is so long ago that the books should know."""
    last = rules.as_of_day - rules.apply_days
    return nw.all_horizontal(*(nw.col(name).fill_null(last - 1) < last for name in names), ignore_nulls=False)


def _rest() -> dict[str, nw.Expr]:
    """What is applied beyond (below zero: short of) what Amazon settled, after what other figures explain."""
    zero = nw.lit(ZERO)
    credited, refunded, posted, applied = (
        nw.col(name) for name in ("credited", "refunded", "refunds_posted", "cm_applied")
    )
    settled_refund = nw.when(credited < refunded).then(credited).otherwise(refunded)
    early = _positive(posted - settled_refund)
    room = _positive(settled_refund - posted)
    still = _positive(nw.col("sale_leg"))
    to_come = nw.when(nw.col("cash_sales") < still).then(nw.col("cash_sales")).otherwise(still)
    return {
        "rest": nw.col("gap_unexplained") + nw.col("overpaid") + early - to_come,
        # a credit memo that closed the invoice before Amazon took the refund leaves no room for the payment
        "early_credit": nw.when(applied > room).then(applied - room).otherwise(zero),
    }


def _positive(amount: nw.Expr) -> nw.Expr:
    return nw.when(amount > nw.lit(ZERO)).then(amount).otherwise(nw.lit(ZERO))


def _applied_wrongly(engine: Engine, rows: Frame, rules: ReconcileRules) -> Frame:
    zero = nw.lit(ZERO)
    judged = rows.filter(nw.col("bills") > 0, ~nw.col("conflict")).with_columns(**_rest())
    lacking = _positive(zero - nw.col("rest") - nw.col("early_credit"))
    known = _awaited(["newest_billed_day", "sales_closed_day"], rules)
    is_lacking = (lacking > zero) & known
    is_over = (nw.col("rest") > zero) & (nw.col("payments_applied") > zero)
    wrong = judged.with_columns(
        lacks=is_lacking, size=nw.when(nw.col("rest") > zero).then(nw.col("rest")).otherwise(lacking)
    ).filter(is_lacking | is_over)
    held = engine.hold(_with_partners(wrong), grain=_KEY, what="orders with payments missing or too many")
    both = (nw.col("lacking_orders") > 0) & (nw.col("over_orders") > 0)
    pair = (nw.col("lacking_orders") == 1) & (nw.col("over_orders") == 1)
    own = (
        nw.when(nw.col("payments").is_null())
        .then(nw.lit("no payment"))
        .otherwise(sentence("payments ", nw.col("payments")))
    )
    others = nw.when(nw.col("lacks")).then(nw.col("over_orders")).otherwise(nw.col("lacking_orders")).cast(nw.String)
    words = nw.when(nw.col("lacks")).then(nw.lit("too much applied")).otherwise(nw.lit("not applied"))
    unsure = sentence(", and as much is ", words, " on ", others, " of the other orders: whose it is, is not told")
    partner = sentence(
        ", while order ", nw.col("other_order"), " has as much too much: payments ", nw.col("other_payments")
    )
    more = (
        nw.when(pair).then(sentence(own, partner)).otherwise(nw.when(both).then(sentence(own, unsure)).otherwise(own))
    )
    name = (
        nw.when(pair)
        .then(nw.lit(_WRONG_ORDER.value))
        .otherwise(nw.when(nw.col("lacks")).then(nw.lit(_NOT_APPLIED.value)).otherwise(nw.lit(_OVER_APPLIED.value)))
    )
    told = held.filter(~pair | nw.col("lacks")).with_columns(exception_class=name, more=more)
    return _found(told, amount="size", lines_of=SALES, reference=nw.when(pair).then(nw.col("other_order")))


def _with_partners(wrong: Frame) -> Frame:
    """Count, for each order, those of its currency that lack or have too much by the same amount; name one of them."""

    def over(value: nw.Expr) -> nw.Expr:
        return value.over("currency", "size")

    has = ~nw.col("lacks")
    return wrong.with_columns(
        lacking_orders=over(nw.when(nw.col("lacks")).then(1).otherwise(0).sum()),
        over_orders=over(nw.when(has).then(1).otherwise(0).sum()),
        other_order=over(nw.when(has).then(nw.col("amazon_order_id")).max()),
        other_payments=over(nw.when(has).then(nw.col("payments")).max()),
    )


def _not_posted(rows: Frame, rules: ReconcileRules) -> Frame:
    known = _awaited(["newest_credit_day", "refunds_closed_day"], rules)
    wrong = rows.filter(nw.col("unposted_refund") > nw.lit(ZERO), known)
    told = wrong.with_columns(exception_class=nw.lit(_NOT_POSTED.value), more=nw.lit(None, dtype=nw.String))
    return _found(told, amount="unposted_refund", lines_of=REFUNDS, reference=nw.lit(None, dtype=nw.String))


def _found(told: Frame, *, amount: str, lines_of: str, reference: nw.Expr) -> Frame:
    action = nw.lit(BOOKS_ACTIONS[_NOT_APPLIED])
    for name, text in BOOKS_ACTIONS.items():
        action = nw.when(nw.col("exception_class") == name.value).then(nw.lit(text)).otherwise(action)
    return told.select(
        "exception_class",
        "seller_account",
        *_KEY,
        nw.col(amount).cast(AMOUNT).alias("amount"),
        nw.lit(lines_of).alias("lines_of"),
        action.alias("action"),
        reference.alias("reference"),
        "sales_order_number",
        "billing_records",
        "credit_records",
        "more",
        "ns_residual",
    )


def _residual() -> nw.Expr:
    text = sentence("NetSuite states ", nw.col("ns_residual").cast(nw.String), " more as open than its documents say")
    return nw.when(nw.col("ns_residual") != nw.lit(ZERO)).then(text)
