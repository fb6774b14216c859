"""Refunds of an item that the order does not have: who was refunded, and for what, must be confirmed (domain 2.6)."""

from __future__ import annotations

import narwhals as nw

from nsbill.money import ZERO
from nsbill.reconcile.books import KEY, Books
from nsbill.reconcile.engine import Engine, Frame
from nsbill.reconcile.exception_columns import exception_columns
from nsbill.reconcile.pieces import GOODS, REFUND_EVENTS
from nsbill.reconcile.rules import ReconcileRules
from nsbill.reconcile.settled import Settled
from nsbill.reconcile.tax import cancels_withheld
from nsbill.reconcile.texts import lines_text, sentence
from nsbill.vocabulary import EventClass, ExceptionClass, LineKind

__all__ = ["REFUND_ACTIONS", "refund_item_mismatches"]

_NAME = ExceptionClass.REFUND_ITEM_MISMATCH
REFUND_ACTIONS: dict[ExceptionClass, str] = {
    _NAME: "Confirm in Seller Central which item was refunded, and credit that one.",
}
"""The default action of the class."""

_ITEM = [*KEY, "order_item_code"]
_MONEY = [*GOODS, LineKind.TAX_WITHHELD.value]


def refund_item_mismatches(
    engine: Engine, *, rows: Frame, books: Books, settled: Settled, bill_items: Frame, rules: ReconcileRules
) -> Frame:
    """Find refunds whose order item id is none of the order's; one row per order and item id (columns of EXCEPTIONS).

    The order's items are those that Amazon settled, and those that its bills name (``bill_items``, schema BILL_ITEMS).
    Told only of orders of which everything that is billed has been settled: before that a refund may be of an item whose
    sale is yet to come (Amazon notes, section 11). What carries no item id cannot be told. The money is the refund's.
    """
    told = rows.filter(
        nw.col("bills") > 0,
        ~nw.col("conflict"),
        nw.col("sale_leg") <= nw.lit(ZERO),
        nw.col("refunded") != nw.lit(ZERO),
    ).select(*KEY, "tax_mode", "sales_order_number", "billing_records")
    orders = engine.hold(told, grain=KEY, what="settled orders with refunds")
    lines = settled.lines.filter(~nw.col("order_item_code").is_null(), nw.col("line_kind").is_in(_MONEY)).join(
        orders.select(*KEY, "tax_mode"), on=list(KEY), how="inner"
    )
    counts = (nw.col("line_kind") != LineKind.TAX_WITHHELD.value) | cancels_withheld()
    of_items = lines.with_columns(money=nw.when(counts).then(nw.col("amount")).otherwise(nw.lit(ZERO)))
    sold = engine.hold(_sold(of_items), grain=_ITEM, what="items of orders with refunds")
    refunds = engine.hold(_refunds(of_items), grain=[*_ITEM, "settlement_id"], what="refunds by item")
    strange = (
        refunds.join(sold.select(*_ITEM), on=_ITEM, how="anti")
        .join(sold.select(*KEY).unique(list(KEY)), on=list(KEY), how="semi")
        .join(_billed(books, bill_items), on=_ITEM, how="anti")
    )
    return _told(strange, sold, orders, rules)


def _sold(of_items: Frame) -> Frame:
    sales = of_items.filter(nw.col("event_class") == EventClass.SALE.value)
    return sales.group_by(*_ITEM).agg(sold=nw.col("money").sum(), sold_sku=nw.col("sku").min())


def _refunds(of_items: Frame) -> Frame:
    refunds = of_items.filter(nw.col("event_class").is_in(list(REFUND_EVENTS)))
    return refunds.group_by(*_ITEM, "settlement_id").agg(
        money=nw.lit(ZERO) - nw.col("money").sum(),
        sku=nw.col("sku").min(),
        first_line=nw.col("source_line").min(),
        last_line=nw.col("source_line").max(),
        lines=nw.len(),
    )


def _billed(books: Books, bill_items: Frame) -> Frame:
    """The item ids that the bills name."""
    of_bills = books.bills.select(*KEY, "billing_record_id").join(bill_items, on="billing_record_id", how="inner")
    return of_bills.filter(~nw.col("order_item_code").is_null()).select(*_ITEM).unique(_ITEM)


def _told(strange: Frame, sold: Frame, orders: Frame, rules: ReconcileRules) -> Frame:
    """One row per order, item id and settlement, with what else matches the refund to the order."""
    of_order = strange.join(sold.select(*KEY, "sold", "sold_sku"), on=list(KEY), how="inner")
    same_sku = (nw.col("sku") == nw.col("sold_sku")).fill_null(False)
    matched = of_order.group_by(*_ITEM, "settlement_id", "money", "sku", "first_line", "last_line", "lines").agg(
        by_sku=nw.when(same_sku).then(1).otherwise(0).sum(),
        by_amount=nw.when(nw.col("sold") == nw.col("money")).then(1).otherwise(0).sum(),
    )
    how = (
        nw.when(nw.col("by_sku") > 0)
        .then(sentence("only its SKU '", nw.col("sku"), "' is among them"))
        .otherwise(
            nw.when(nw.col("by_amount") > 0)
            .then(nw.lit("only its amount is that of one of them"))
            .otherwise(nw.lit("neither its SKU nor its amount is that of one of them"))
        )
    )
    named = matched.join(orders.select(*KEY, "sales_order_number", "billing_records"), on=list(KEY), how="left")
    evidence = sentence(
        "billing records ", nw.col("billing_records"), "; ", lines_text(), ": the refund of item '",
        nw.col("order_item_code"), "', which is none of the order's; ", how,
    )  # fmt: skip
    columns = exception_columns(
        _NAME,
        rules,
        amount="money",
        evidence=evidence,
        action=REFUND_ACTIONS[_NAME],
        settlement="settlement_id",
        reference="order_item_code",
    )
    return named.select(*columns)
