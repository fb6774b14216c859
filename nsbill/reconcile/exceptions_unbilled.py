"""Orders that should have been billed by now: shipped and not billed, skipped by policy, or held up by a closed period.

What Amazon has settled of such an order is told by SETTLED_NOT_BILLED or OVERPAID; it is not told a second time here.
"""

from __future__ import annotations

from datetime import date

import narwhals as nw
import pandas as pd
import pyarrow as pa

from nsbill.money import ZERO
from nsbill.reconcile.books import Books
from nsbill.reconcile.engine import AMOUNT, Engine, Frame, arrow_of
from nsbill.reconcile.rules import EPOCH, ReconcileRules
from nsbill.reconcile.texts import sentence
from nsbill.schemas import ACCOUNTING_PERIODS, DAY
from nsbill.vocabulary import ClosedPeriod, ExceptionClass

__all__ = ["UNBILLED_ACTIONS", "closed_days", "unbilled_exceptions"]

_SHIPPED, _SKIPPED = ExceptionClass.SHIPPED_NOT_BILLED, ExceptionClass.PARTIALLY_BILLED_SKIPPED
_CLOSED = ExceptionClass.CLOSED_PERIOD

UNBILLED_ACTIONS: dict[ExceptionClass, str] = {
    _SHIPPED: "Bill the order, or find why the saved search misses it.",
    _SKIPPED: "Bill the remainder: set 'partially_billed' and 'partially_shipped', or bill it in NetSuite.",
    _CLOSED: "Open the period in NetSuite, or date the document in an open one.",
}
"""The default action of each class that is found here."""

_BILLABLE = ("E", "F")
"""Pending Billing/Partially Fulfilled, Pending Billing."""


def closed_days(engine: Engine, periods: pd.DataFrame | None) -> Frame | None:
    """Every day in a closed period (schema ACCOUNTING_PERIODS): ``closed_day, closed_name``; None: periods not known.

    Months, quarters and years lie one within the other: the shortest closed one gives the name.
    """
    if periods is None:
        return None
    table = arrow_of(periods, ACCOUNTING_PERIODS)
    spans = zip(
        *(table[name].cast(DAY).to_pylist() for name in ("first", "last")), table["name"].to_pylist(), strict=True
    )
    chosen = [span for span, closed in zip(spans, table["closed"].to_pylist(), strict=True) if closed]
    names: dict[int, str] = {}
    for first, last, name in sorted(chosen, key=lambda span: (span[0] - span[1], span[2])):
        names.update(dict.fromkeys(range(first, last + 1), name))
    made = pa.table(
        {"closed_day": pa.array(list(names), DAY), "closed_name": pa.array(list(names.values()), pa.string())}
    )
    return engine.hold(engine.frame(made), grain=["closed_day"], what="days of closed periods")


def unbilled_exceptions(
    engine: Engine, *, rows: Frame, books: Books, closed: Frame | None, rules: ReconcileRules
) -> Frame:
    """Find orders whose bill is late; one row per order (columns of EXCEPTIONS).

    An order is late when NetSuite says Pending Billing and more than ``rules.unbilled_days`` have passed since it was
    shipped (ordered, when no ship date is known). The money is what of the order is not billed.
    """
    waiting = _waiting(rows, books)
    if closed is None:
        waiting = waiting.with_columns(closed_name=nw.lit(None, dtype=nw.String))
    else:
        dated = waiting.with_columns(closed_day=_bill_day(rules).cast(nw.Int32))
        waiting = dated.join(closed, on="closed_day", how="left")
    age = rules.as_of_day - nw.col("ready_day")
    skipped = _is_skipped(rules)
    is_closed = ~nw.col("closed_name").is_null() & nw.lit(rules.closed_period is not ClosedPeriod.NEXT_OPEN)
    kind = (
        nw.when(skipped).then(nw.lit(_SKIPPED.value))
        .otherwise(nw.when(is_closed).then(nw.lit(_CLOSED.value)).otherwise(nw.lit(_SHIPPED.value)))
    )  # fmt: skip
    told = waiting.filter(skipped | is_closed | (age > rules.unbilled_days)).with_columns(exception_class=kind)
    return engine.hold(told.select(*_columns(rules)), grain=["amazon_order_id"], what="orders not billed")


def _waiting(rows: Frame, books: Books) -> Frame:
    """Orders that are pending billing with money that nothing else tells of: ``rest, bills, ready_day``."""
    pending = books.orders.filter(nw.col("order_status").is_in(list(_BILLABLE)))
    bills = books.billed.select(
        "amazon_order_id", "billed_gross", "bills", "billing_records", order_currency="currency"
    )
    foreign = (
        pending.join(
            books.billed.select("amazon_order_id", bill_currency="currency"), on="amazon_order_id", how="inner"
        )
        .filter(nw.col("bill_currency") != nw.col("order_currency"))
        .select("amazon_order_id")
    )
    told = rows.filter(
        (nw.col("overpaid") > nw.lit(ZERO)) | ((nw.col("received_gross") > nw.lit(ZERO)) & (nw.col("bills") == 0))
    ).select("amazon_order_id")
    joined = (
        pending.join(foreign, on="amazon_order_id", how="anti")
        .join(told, on="amazon_order_id", how="anti")
        .join(bills, on=["amazon_order_id", "order_currency"], how="left")
        .with_columns(nw.col("billed_gross").fill_null(ZERO), nw.col("bills").fill_null(0))
    )
    return joined.with_columns(
        rest=nw.col("order_total") - nw.col("billed_gross"), ready_day=nw.coalesce("ship_date_day", "order_date_day")
    ).filter(nw.col("rest") > nw.lit(ZERO))


def _bill_day(rules: ReconcileRules) -> nw.Expr:
    """The day that the bill would carry, by the setting ``transaction_date``."""
    if rules.transaction_date == "today":
        return nw.lit(rules.as_of_day)
    if rules.transaction_date == "ship-date":
        return nw.col("ship_date_day").fill_null(rules.as_of_day)
    return nw.lit((date.fromisoformat(rules.transaction_date) - EPOCH).days)


def _is_skipped(rules: ReconcileRules) -> nw.Expr:
    """Whether the policy leaves the rest of a partly billed, or partly shipped, order alone."""
    partly_billed = (nw.col("bills") > 0) & nw.lit(rules.partially_billed == "skip")
    return partly_billed | ((nw.col("order_status") == "E") & nw.lit(rules.partially_shipped == "skip"))


def _columns(rules: ReconcileRules) -> list[nw.Expr | str]:
    partly = nw.when(nw.col("bills") > 0).then(
        sentence(", of which ", nw.col("billed_gross").cast(nw.String), " is billed: ", nw.col("billing_records"))
    )
    some = nw.when(nw.col("order_status") == "E").then(nw.lit("; only a part of it is shipped"))
    period = nw.when(nw.col("exception_class") == _CLOSED.value).then(
        sentence("; its bill would be dated in ", nw.col("closed_name"), ", which is closed")
    )
    shipped = nw.when(nw.col("ship_date").is_null()).then(
        sentence(", ordered ", nw.col("order_date").cast(nw.String))
    ).otherwise(sentence(", shipped ", nw.col("ship_date").cast(nw.String)))  # fmt: skip
    total = sentence(", total ", nw.col("order_total").cast(nw.String))
    action = nw.lit(UNBILLED_ACTIONS[_SHIPPED])
    for name, text in UNBILLED_ACTIONS.items():
        action = nw.when(nw.col("exception_class") == name.value).then(nw.lit(text)).otherwise(action)
    return [
        "exception_class",
        nw.lit(rules.seller_account).alias("seller_account"),
        "amazon_order_id",
        nw.lit(None, dtype=nw.String).alias("settlement_id"),
        nw.lit(None, dtype=nw.String).alias("reference"),
        nw.col("order_currency").alias("currency"),
        nw.col("rest").cast(AMOUNT).alias("amount"),
        sentence("sales order ", nw.col("sales_order_number"), shipped, total, partly, some, period).alias("evidence"),
        action.alias("action"),
    ]
