"""The columns that every exception has, so that each class says only what is its own."""

from __future__ import annotations

import narwhals as nw

from nsbill.reconcile.engine import AMOUNT
from nsbill.reconcile.rules import ReconcileRules
from nsbill.vocabulary import ExceptionClass

__all__ = ["exception_columns"]


def exception_columns(
    name: ExceptionClass,
    rules: ReconcileRules,
    *,
    amount: str,
    evidence: nw.Expr,
    action: str,
    settlement: str | None = None,
    reference: nw.Expr | str | None = None,
    of_order: bool = True,
) -> list[nw.Expr]:
    """The columns of EXCEPTIONS of one class, for ``select``.

    ``amount``: the column with the money, in the row's ``currency``. ``settlement``: the column with the settlement's id, where
    the exception is of one; ``reference``: what else tells it from others of its class and order. ``of_order``: whether
    it names the row's ``amazon_order_id``.
    """
    nothing = nw.lit(None, dtype=nw.String)
    refers = nw.col(reference) if isinstance(reference, str) else reference
    return [
        nw.lit(name.value).alias("exception_class"),
        nw.lit(rules.seller_account).alias("seller_account"),
        nw.col("amazon_order_id") if of_order else nothing.alias("amazon_order_id"),
        (nothing if settlement is None else nw.col(settlement)).alias("settlement_id"),
        (nothing if refers is None else refers).alias("reference"),
        nw.col("currency"),
        nw.col(amount).cast(AMOUNT).alias("amount"),
        evidence.alias("evidence"),
        nw.lit(action).alias("action"),
    ]
