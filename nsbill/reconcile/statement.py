"""The statement: received versus due per Amazon order and currency (domain reference 2.2)."""

from __future__ import annotations

import narwhals as nw
import pyarrow as pa

from nsbill.errors import ReconcileError
from nsbill.money import ZERO
from nsbill.reconcile.aging import bucket, expected_table
from nsbill.reconcile.basis import WAITING, due_parts
from nsbill.reconcile.books import KEY, SHIPPED, Books
from nsbill.reconcile.engine import Engine, Frame
from nsbill.reconcile.explain import explanation
from nsbill.reconcile.ledger import with_ledger
from nsbill.reconcile.rules import ReconcileRules
from nsbill.reconcile.settled import Settled, per_order
from nsbill.reconcile.tax import gross_amounts, tax_mode_of
from nsbill.reconcile.texts import Amounts
from nsbill.schemas import DATE, DAY, STATEMENT, TEXT
from nsbill.vocabulary import StatementStatus, TaxMode

__all__ = ["statement_rows"]

_AMOUNTS = list(STATEMENT.money)
_FROM_BOOKS = ("billed_gross", "credited")
_FROM_LINES = (
    "received_goods",
    "received_withheld",
    "refunded_goods",
    "refunded_withheld",
    "claimed_goods",
    "claimed_withheld",
    "other_rest",
    "other_withheld",
    "fee_withheld",
    "tax_collected",
    "tax_withheld",
    "reimbursed",
    "net_cash",
    "sale_promotion",
    "sale_promotion_tax",
)
_COUNTS = (
    "bills",
    "credits",
    "lines",
    "sale_lines",
    "claim_lines",
    "buyer_lines",
    "refund_goods_lines",
    "refund_tax_lines",
)


def statement_rows(engine: Engine, *, books: Books, settled: Settled, rules: ReconcileRules) -> Frame:
    """Build the statement with the facts that the exceptions need beside it; held by the engine.

    A row stands for an order with a billing record, a credit or a settlement line, or for one that was shipped and
    has none of them. An order that is neither shipped nor billed is not due and has no row.

    Raises
    ------
    ReconcileError
        When the identity of net cash does not hold for a row.
    """
    by_order = engine.hold(per_order(settled.counted), grain=KEY, what="settled orders")
    joined = _joined(engine, books, by_order, settled, rules)
    expected = _expected(engine, books, settled, rules)
    all_posted = (nw.col("sale_lines") > 0) & (nw.col("last_sale_day") < rules.as_of_day - rules.cycle_days)
    posted = _posted_dates(engine, settled)
    rows = (
        joined.with_columns(tax_mode=tax_mode_of(rules))
        .with_columns(**gross_amounts())
        .with_columns(**_legs())
        .with_columns(**_due())
        .pipe(with_ledger, books.ledger)
        .with_columns(**due_parts(known=settled.waiting.known, all_posted=all_posted.fill_null(False)))
        .with_columns(base_day=_base_day(rules))
        .join(expected, on=["currency", "base_day"], how="left")
        .join(posted, on="last_posted_day", how="left")
        .join(settled.waiting.dates, on="matures_day", how="left")
        .with_columns(age_days=rules.as_of_day - nw.col("expected_day").cast(nw.Int64))
        .with_columns(**_conflict())
        .with_columns(status=_status(), aging_bucket=bucket(), seller_account=nw.lit(rules.seller_account))
        .with_columns(nw.col(*_AMOUNTS).cast(nw.Decimal(18, 2)))
    )
    told = rows.with_columns(explanation=explanation(Amounts(books.currencies | settled.currencies), rules))
    held = engine.hold(told, grain=KEY, what="statement rows")
    _assert_identity(engine, held)
    return held


def _base_day(rules: ReconcileRules) -> nw.Expr:
    """The day from which the release is counted: so that deferred money is released on the day on which it matures."""
    matures = nw.when(nw.col("due_deferred") > nw.lit(ZERO)).then(nw.col("matures_day") - rules.release_days)
    return nw.coalesce(matures, "ship_date_day", "order_date_day", "first_billed_day")


def _joined(engine: Engine, books: Books, by_order: Frame, settled: Settled, rules: ReconcileRules) -> Frame:
    waiting = settled.waiting.amounts
    documented = nw.concat([frame.select(*KEY) for frame in (books.billed, books.credited, by_order, waiting)])
    shipped = (
        books.orders.filter(nw.col("order_status").is_in(list(SHIPPED)), nw.col("ship_date_day") <= rules.as_of_day)
        .join(documented.select("amazon_order_id"), on="amazon_order_id", how="anti")
        .select("amazon_order_id", nw.col("order_currency").alias("currency"))
    )
    keys = nw.concat([documented, shipped]).group_by(*KEY).agg(sources=nw.len())
    rows = engine.hold(keys, grain=KEY, what="orders of the statement")
    for side in (books.billed, books.credited, by_order, waiting):
        rows = rows.join(side, on=list(KEY), how="left")
    rows = rows.join(books.orders, on="amazon_order_id", how="left")
    return rows.with_columns(
        nw.col(*_FROM_BOOKS, *_FROM_LINES, *WAITING).fill_null(ZERO),
        nw.col(*_COUNTS).fill_null(0),
        marketplace=nw.coalesce("order_marketplace", "line_marketplace"),
    )


def _legs() -> dict[str, nw.Expr]:
    return {
        "received": nw.col("received_gross") - nw.col("refunded"),
        "sale_leg": nw.col("billed_gross") - nw.col("received_gross"),
        "refund_leg": nw.col("credited") - nw.col("refunded"),
    }


def _due() -> dict[str, nw.Expr]:
    sale, refund, zero = nw.col("sale_leg"), nw.col("refund_leg"), nw.lit(ZERO)
    in_transit = nw.when(refund > zero).then(refund).otherwise(zero)
    return {
        "due": sale - in_transit,
        "overpaid": nw.when(sale < zero).then(zero - sale).otherwise(zero),
        "uncredited_refund": nw.when(refund < zero).then(zero - refund).otherwise(zero),
        "refund_in_transit": in_transit,
    }


def _conflict() -> dict[str, nw.Expr]:
    """Whether the order is billed in one currency and settled in another; holds for all its rows."""
    billed, settled = nw.col("bills") > 0, nw.col("buyer_lines") > 0
    both = billed | settled

    def over_order(condition: nw.Expr) -> nw.Expr:
        return nw.when(condition).then(1).otherwise(0).sum().over("amazon_order_id")

    currency = nw.when(both).then(nw.col("currency"))
    billed_rows, settled_rows = over_order(billed), over_order(settled)
    return {
        "billed_anywhere": billed_rows > 0,
        "conflict": (billed_rows > 0) & (settled_rows > 0) & (over_order(both) > 1),
        "one_currency": currency.min().over("amazon_order_id"),
        "other_currency": currency.max().over("amazon_order_id"),
    }


def _status() -> nw.Expr:
    """The first status that holds (domain reference 2.2)."""
    zero = nw.lit(ZERO)
    sale, refund = nw.col("sale_leg"), nw.col("refund_leg")
    received, refunded = nw.col("received_gross"), nw.col("refunded")
    neither = (nw.col("bills") == 0) & (nw.col("credits") == 0) & (nw.col("lines") == 0)
    ladder = (
        (nw.col("conflict"), StatementStatus.CURRENCY_CONFLICT),
        ((nw.col("bills") == 0) & ((nw.col("lines") > 0) | neither), StatementStatus.NOT_BILLED),
        (sale < zero, StatementStatus.OVERPAID),
        (refund < zero, StatementStatus.REFUND_UNCREDITED),
        (refund > zero, StatementStatus.REFUND_IN_TRANSIT),
        ((sale > zero) & (received > zero), StatementStatus.PARTIALLY_SETTLED),
        ((nw.col("due_deferred") > zero).fill_null(False), StatementStatus.DEFERRED),
        (sale > zero, StatementStatus.AWAITING_SETTLEMENT),
        ((refunded > zero) & (received == refunded), StatementStatus.REFUNDED_FULL),
    )
    status = nw.lit(StatementStatus.SETTLED.value)
    for holds, name in reversed(ladder):
        status = nw.when(holds).then(nw.lit(name.value)).otherwise(status)
    return status


def _expected(engine: Engine, books: Books, settled: Settled, rules: ReconcileRules) -> Frame:
    currencies = books.currencies | settled.currencies
    days = (*books.days, *(day - rules.release_days for day in settled.waiting.days))
    table = expected_table(days, currencies, settled.period_ends, rules)
    return engine.hold(engine.frame(table), grain=["currency", "base_day"], what="expected settlement dates")


def _posted_dates(engine: Engine, settled: Settled) -> Frame:
    """Day numbers and their dates: no expression turns a day number into a date on every engine."""
    days = pa.array(settled.posted_days, DAY)
    dates = days.cast(DATE)
    table = pa.table({"last_posted_day": days, "last_posted": dates, "posted_text": dates.cast(TEXT)})
    return engine.hold(engine.frame(table), grain=["last_posted_day"], what="posted dates")


def _assert_identity(engine: Engine, rows: Frame) -> None:
    """``net_cash = received_gross − refunded − fee_withheld + reimbursed + adjustments [− tax_withheld]``."""
    include = nw.col("tax_mode") == TaxMode.INCLUDE.value
    legs = (
        nw.col("received_gross")
        - nw.col("refunded")
        - nw.col("fee_withheld")
        + nw.col("reimbursed")
        + nw.col("adjustments")
        - nw.when(include).then(nw.col("tax_withheld")).otherwise(nw.lit(ZERO))
    )
    broken = rows.with_columns(legs=legs).filter(nw.col("legs") != nw.col("net_cash"))
    first = engine.read(broken.select(*KEY, "legs", "net_cash").sort(*KEY).head(1)).to_pylist()
    if first:
        row = first[0]
        raise ReconcileError(
            f"the settlement lines of {row['amazon_order_id']} add up to {row['net_cash']} {row['currency']}, "
            f"but their parts to {row['legs']}",
            "A line has a kind or event that is not in the vocabulary; add its file again",
        )
