"""Whether an order's bills carry the tax that Amazon collects and remits, and the gross amounts that follow from it."""

from __future__ import annotations

import narwhals as nw

from nsbill.money import ZERO
from nsbill.reconcile.rules import ReconcileRules
from nsbill.vocabulary import TaxMode

__all__ = ["cancels_withheld", "gross_amounts", "tax_mode_of"]

_EXCLUDE, _INCLUDE = TaxMode.EXCLUDE.value, TaxMode.INCLUDE.value


def tax_mode_of(rules: ReconcileRules) -> nw.Expr:
    """The tax mode of a statement row: ``exclude`` or ``include``.

    A marketplace's own mode goes before the general one. Where the mode is to be detected, it is the one by which what
    Amazon settled is exactly what was billed; while neither is so (nothing settled yet, a part, a difference) the order
    counts as ``exclude``, the usual way of facilitator tax (domain reference 2.2).
    """
    detected = _detected()
    general = detected if rules.tax_mode is TaxMode.DETECT else nw.lit(rules.tax_mode.value)
    mode = general
    for marketplace, own in sorted(rules.tax_modes.items()):
        value = detected if own is TaxMode.DETECT else nw.lit(own.value)
        mode = nw.when((nw.col("marketplace") == marketplace).fill_null(False)).then(value).otherwise(mode)
    return mode


def _detected() -> nw.Expr:
    with_tax, withheld = nw.col("received_goods"), nw.col("received_withheld")
    carries = (withheld != nw.lit(ZERO)) & (nw.col("bills") > 0) & (nw.col("billed_gross") == with_tax)
    return nw.when(carries).then(nw.lit(_INCLUDE)).otherwise(nw.lit(_EXCLUDE))


def cancels_withheld() -> nw.Expr:
    """Whether the tax that Amazon withholds cancels the tax lines of the row's order: its ``tax_mode`` is ``exclude``."""
    return nw.col("tax_mode") == _EXCLUDE


def gross_amounts(*, claims: bool = True) -> dict[str, nw.Expr]:
    """The gross amounts of rows with ``tax_mode``: in ``exclude`` withheld tax cancels the tax lines inside them."""
    zero = nw.lit(ZERO)

    def withheld(name: str) -> nw.Expr:
        return nw.when(cancels_withheld()).then(nw.col(name)).otherwise(zero)

    claimed = {"claimed": zero - (nw.col("claimed_goods") + withheld("claimed_withheld"))} if claims else {}
    return {
        **claimed,
        "received_gross": nw.col("received_goods") + withheld("received_withheld"),
        "refunded": zero - (nw.col("refunded_goods") + withheld("refunded_withheld")),
        "adjustments": nw.col("other_rest") + withheld("other_withheld"),
        "deferred_gross": nw.col("deferred_goods") + withheld("deferred_withheld"),
        "released_gross": nw.col("released_goods") + withheld("released_withheld"),
    }
