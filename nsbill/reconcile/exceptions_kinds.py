"""Where bill and settlement differ kind by kind: goods, shipping, gift wrap, tax, promotion (domain reference 2.6).

A difference of the whole order is told once, by SHORT_SETTLED, OVERPAID or PROMOTION_NOT_BILLED; there the kinds are
evidence. A class of its own is what no total shows: an order whose total fits while its kinds do not. Tax that
TAX_RESIDUAL tells already is not told again.
"""

from __future__ import annotations

import narwhals as nw
import pandas as pd

from nsbill.money import ZERO
from nsbill.reconcile.books import KEY, Books
from nsbill.reconcile.engine import AMOUNT, Engine, Frame, arrow_of
from nsbill.reconcile.evidence import SALES, with_evidence
from nsbill.reconcile.pieces import SALE_EVENTS
from nsbill.reconcile.rules import ReconcileRules
from nsbill.reconcile.settled import Settled
from nsbill.reconcile.tax import cancels_withheld
from nsbill.reconcile.texts import sentence
from nsbill.schemas_facts import BILLED_KINDS
from nsbill.vocabulary import BilledKind, ExceptionClass, LineKind

__all__ = ["KIND_ACTIONS", "kind_differences", "kind_exceptions", "with_kinds"]

KIND_CLASSES: dict[BilledKind, ExceptionClass] = {
    BilledKind.PRINCIPAL: ExceptionClass.AMOUNT_MISMATCH_PRINCIPAL,
    BilledKind.SHIPPING: ExceptionClass.AMOUNT_MISMATCH_SHIPPING,
    BilledKind.GIFT_WRAP: ExceptionClass.AMOUNT_MISMATCH_GIFT_WRAP,
    BilledKind.TAX: ExceptionClass.AMOUNT_MISMATCH_TAX,
    BilledKind.PROMOTION: ExceptionClass.AMOUNT_MISMATCH_PROMOTION,
}
KIND_ACTIONS: dict[ExceptionClass, str] = {
    name: f"Correct what the bill calls {kind.value}: the order's total fits, this part of it does not."
    for kind, name in KIND_CLASSES.items()
}
"""The default action of each class that is found here."""

_EXPLAINED = [
    name.value for name in (ExceptionClass.SHORT_SETTLED, ExceptionClass.OVERPAID, ExceptionClass.PROMOTION_NOT_BILLED)
]
_LINES = {
    BilledKind.PRINCIPAL: (LineKind.PRINCIPAL,),
    BilledKind.SHIPPING: (LineKind.SHIPPING,),
    BilledKind.GIFT_WRAP: (LineKind.GIFT_WRAP,),
    BilledKind.TAX: tuple(
        kind for kind in LineKind if kind.name.startswith("TAX_") and kind is not LineKind.TAX_WITHHELD
    ),
    BilledKind.PROMOTION: (LineKind.PROMOTION,),
}


def kind_differences(
    engine: Engine, *, rows: Frame, books: Books, settled: Settled, billed_kinds: pd.DataFrame
) -> Frame:
    """What is billed less what is settled, kind by kind; one row per Amazon order and currency, ``off_<KIND>``.

    ``billed_kinds`` has the schema BILLED_KINDS. An order is left out when its kinds do not add up to what it bills: then
    they are not all known, and nothing can be told.
    """
    orders = rows.filter(nw.col("bills") > 0, ~nw.col("conflict"), nw.col("sale_lines") > 0)
    orders = orders.select(*KEY, "tax_mode", "billed_gross", "sale_leg", "tax_collected", "tax_withheld")
    parts = engine.frame(arrow_of(billed_kinds, BILLED_KINDS))
    billed = (
        books.bills.select(*KEY, "billing_record_id")
        .join(parts, on="billing_record_id", how="inner")
        .group_by(*KEY)
        .agg(
            all_kinds=nw.col("amount").sum(),
            **{f"billed_{k.name}": _sum(nw.col("kind") == k.value, nw.col("amount")) for k in BilledKind},
        )
    )
    sold = settled.lines.filter(nw.col("event_class").is_in(list(SALE_EVENTS))).join(
        orders.select(*KEY, "tax_mode"), on=list(KEY), how="inner"
    )
    received = sold.group_by(*KEY).agg(**{f"settled_{k.name}": _sum(_is(k), nw.col("amount")) for k in BilledKind})
    joined = orders.join(billed, on=list(KEY), how="inner").join(received, on=list(KEY), how="inner")
    whole = joined.filter(nw.col("all_kinds") == nw.col("billed_gross"))
    off = whole.with_columns(**{_off(k): nw.col(f"billed_{k.name}") - nw.col(f"settled_{k.name}") for k in BilledKind})
    kept = off.filter(nw.any_horizontal(*(nw.col(_off(k)) != nw.lit(ZERO) for k in BilledKind), ignore_nulls=False))
    names = [*KEY, "sale_leg", "tax_collected", "tax_withheld", *(_off(k) for k in BilledKind)]
    return engine.hold(kept.select(*names), grain=KEY, what="differences by kind")


def kind_exceptions(
    engine: Engine, *, rows: Frame, differences: Frame, settled: Settled, rules: ReconcileRules
) -> Frame:
    """Find the kinds that differ in orders whose total fits; one row per order and kind (columns of EXCEPTIONS).

    The money is what is billed of the kind beyond what is settled, below zero when less is billed.
    """
    fitting = differences.filter(nw.col("sale_leg") == nw.lit(ZERO))
    names = rows.select(*KEY, "sales_order_number", "billing_records", "credit_records")
    residual = (nw.col("tax_withheld") != nw.lit(ZERO)) & (nw.col("tax_collected") != nw.col("tax_withheld"))
    found = []
    for kind, name in KIND_CLASSES.items():
        differs = nw.col(_off(kind)) != nw.lit(ZERO)
        own = fitting.filter(differs & ~residual if kind is BilledKind.TAX else differs)
        found.append(
            own.select(
                *KEY,
                nw.lit(name.value).alias("exception_class"),
                nw.lit(rules.seller_account).alias("seller_account"),
                nw.col(_off(kind)).cast(AMOUNT).alias("amount"),
                nw.lit(SALES).alias("lines_of"),
                nw.lit(KIND_ACTIONS[name]).alias("action"),
                _text().alias("kinds"),
            )
        )
    joined = nw.concat(found).join(names, on=list(KEY), how="left")
    held = engine.hold(joined, grain=["exception_class", *KEY], what="exceptions by kind")
    said = [nw.col("evidence"), nw.col("kinds")]
    return with_evidence(engine, held, settled.pieces).with_columns(
        evidence=nw.concat_str(said, separator="; ", ignore_nulls=True),
        settlement_id=nw.lit(None, dtype=nw.String),
        reference=nw.lit(None, dtype=nw.String),
    )


def with_kinds(exceptions: Frame, differences: Frame | None) -> Frame:
    """Name the kinds in the evidence of exceptions of orders whose total does not fit."""
    if differences is None:
        return exceptions
    joined = exceptions.join(differences.select(*KEY, _text().alias("kinds")), on=list(KEY), how="left")
    kinds = nw.when(nw.col("exception_class").is_in(_EXPLAINED)).then(nw.col("kinds"))
    return joined.with_columns(evidence=nw.concat_str([nw.col("evidence"), kinds], separator="; ", ignore_nulls=True))


def _off(kind: BilledKind) -> str:
    return f"off_{kind.name}"


def _is(kind: BilledKind) -> nw.Expr:
    """Whether a settlement line is of the kind; facilitator tax cancels the tax where bills carry none of it."""
    own = nw.col("line_kind").is_in([line.value for line in _LINES[kind]])
    if kind is not BilledKind.TAX:
        return own
    withheld = nw.col("line_kind") == LineKind.TAX_WITHHELD.value
    return own | (withheld & cancels_withheld())


def _sum(condition: nw.Expr, amount: nw.Expr) -> nw.Expr:
    return nw.when(condition).then(amount).otherwise(nw.lit(ZERO)).sum()


def _text() -> nw.Expr:
    """``billed less settled: principal -2.40, shipping 2.40``."""
    parts = [
        nw.when(nw.col(_off(kind)) != nw.lit(ZERO)).then(
            sentence(f"{kind.value} ", nw.col(_off(kind)).cast(AMOUNT).cast(nw.String))
        )
        for kind in BilledKind
    ]
    return sentence("billed less settled: ", nw.concat_str(parts, separator=", ", ignore_nulls=True))
