"""Share an item's money out among the billing records that bill it, by units, to the cent by largest remainder."""

from __future__ import annotations

from decimal import Decimal

import narwhals as nw

from nsbill.money import ZERO
from nsbill.reconcile.engine import Engine, Frame

__all__ = ["by_units", "one_row_per_item"]

_KEY = ["amazon_order_id", "currency"]
_CENT = Decimal("0.01")


def _cents() -> nw.Expr:
    """``gross`` in hundredths, which is exact: amounts have two decimals in every currency here."""
    return (nw.col("gross") * 100).cast(nw.Int64)


def one_row_per_item(bill_items: Frame, column: str) -> Frame:
    """What each record bills of an item: ``billed_units`` per order, currency, item (by ``column``) and record."""
    named = bill_items.filter(~nw.col(column).is_null(), nw.col("quantity") > 0)
    return named.group_by(*_KEY, column, "billing_record_id", "place").agg(billed_units=nw.col("quantity").sum())


def by_units(engine: Engine, items: Frame, billed: Frame, column: str) -> tuple[Frame, Frame]:
    """Share ``items`` (``gross``, ``units``) out among the records that bill them; returns the shares, and what is left.

    The units that were settled are those that were billed first. An item of which more was settled than is billed, or
    whose units are not known, is left for the next rung, as a whole.
    """
    item = [*_KEY, column]
    sold = items.filter(~nw.col(column).is_null()).group_by(*item).agg(
        gross=nw.col("gross").sum(), units=nw.col("units").sum()
    )  # fmt: skip
    joined = sold.filter(nw.col("units") > 0).join(billed, on=item, how="inner")
    joined = joined.with_columns(
        before=nw.col("billed_units").cum_sum().over(*item, order_by="place") - nw.col("billed_units")
    )
    open_units = nw.col("units") - nw.col("before")
    taken = nw.when(open_units <= 0).then(0).otherwise(
        nw.when(nw.col("billed_units") < open_units).then(nw.col("billed_units")).otherwise(open_units)
    )  # fmt: skip
    joined = joined.with_columns(taken=taken)
    joined = joined.with_columns(all_taken=nw.col("taken").sum().over(*item)).filter(
        nw.col("all_taken") == nw.col("units"), nw.col("taken") > 0
    )
    shares = engine.hold(_to_the_cent(joined, item), grain=[*item, "billing_record_id"], what=f"shares by {column}")
    left = items.join(shares.select(*item).unique(item), on=item, how="anti")
    per_record = shares.group_by(*_KEY, "billing_record_id").agg(share=nw.col("share").sum())
    return per_record, left


def _to_the_cent(joined: Frame, item: list[str]) -> Frame:
    """Divide ``gross`` by the units ``taken``: whole cents down, then a cent each to the largest remainders."""
    negative = nw.col("gross") < nw.lit(ZERO)
    joined = joined.with_columns(cents=nw.when(negative).then(nw.lit(0) - _cents()).otherwise(_cents()))
    joined = joined.with_columns(
        whole=nw.col("cents") * nw.col("taken") // nw.col("units"),
        remainder=nw.col("cents") * nw.col("taken") % nw.col("units"),
    )
    # a rank needs one number that no two records share: the remainder first, then the earlier record
    joined = joined.with_columns(
        missing=nw.col("cents") - nw.col("whole").sum().over(*item),
        turn=nw.lit(0) - nw.col("remainder") * 1_000_000 + nw.col("place"),
    )
    joined = joined.with_columns(turn=nw.col("turn").rank("ordinal").over(*item))
    more = nw.when(nw.col("turn") <= nw.col("missing")).then(1).otherwise(0)
    joined = joined.with_columns(share_cents=nw.col("whole") + more)
    signed = nw.when(negative).then(nw.lit(0) - nw.col("share_cents")).otherwise(nw.col("share_cents"))
    share = (signed.cast(nw.Decimal(38, 2)) * nw.lit(_CENT)).cast(nw.Decimal(38, 2))
    return joined.select(*item, "billing_record_id", share=share)
