"""Which invoice was paid by what Amazon settled: receipts of an order shared out among its billing records (domain 2.2).

An order that has one billing record gives it everything. Of several, an item's money goes to the record that bills the
item; what no item tells goes to the record that lacks exactly that much, and the rest in the order of the dates. Every
share says by which rung it was found, and the shares of an order add up to what it received, to the cent.
"""

from __future__ import annotations

import narwhals as nw

from nsbill.errors import ReconcileError
from nsbill.money import ZERO
from nsbill.reconcile.allocation_units import by_units, one_row_per_item
from nsbill.reconcile.engine import AMOUNT, Engine, Frame
from nsbill.reconcile.pieces import SALE_EVENTS, goods_and_withheld
from nsbill.reconcile.settled import Settled
from nsbill.reconcile.tax import cancels_withheld
from nsbill.reconcile.texts import sentence
from nsbill.schemas import ALLOCATION
from nsbill.vocabulary import MatchRung

__all__ = ["allocation_rows"]

_KEY = ["amazon_order_id", "currency"]
_SHARE = [*_KEY, "billing_record_id"]
_RUNGS = tuple(rung.value for rung in MatchRung)


def allocation_rows(engine: Engine, *, rows: Frame, bills: Frame, settled: Settled, bill_items: Frame) -> Frame:
    """Share ``received_gross`` of the statement's ``rows`` out among the counted ``bills``: schema ALLOCATION.

    ``bill_items`` (schema BILL_ITEMS): what the records bill; where it is empty only amounts and dates can tell.

    Raises
    ------
    ReconcileError
        When the shares of an order do not add up to what it received.
    """
    orders = rows.filter(nw.col("bills") > 0).select(*_KEY, "tax_mode", "received_gross", "bills")
    joined = bills.select(*_SHARE, "number", "date", "total").join(orders, on=_KEY, how="inner")
    parts = [_only_records(joined.filter(nw.col("bills") == 1))]
    placed = _placed(joined.filter(nw.col("bills") > 1))
    several = engine.hold(placed, grain=_SHARE, what="billing records to allocate to")
    if engine.read(several.head(1).select("billing_record_id")).num_rows:
        shares = _of_several(engine, several, settled, bill_items)
        parts.append(_per_record(several, nw.concat(shares)))
    held = engine.hold(nw.concat(parts), grain=_SHARE, what="allocations")
    _assert_complete(engine, held, orders)
    return held


def _only_records(joined: Frame) -> Frame:
    """The records that are alone with their order, which are nearly all: what it received is theirs."""
    received = nw.col("received_gross").cast(AMOUNT)
    nothing = received == nw.lit(ZERO)
    return joined.with_columns(
        billed=nw.col("total"),
        received=received,
        due=(nw.col("total") - received).cast(AMOUNT),
        rung=nw.when(nothing).then(nw.lit("")).otherwise(nw.lit(MatchRung.ONLY_RECORD.value)),
    ).select(*ALLOCATION.names)


def _of_several(engine: Engine, several: Frame, settled: Settled, bill_items: Frame) -> list[Frame]:
    """The shares of orders with several records, rung by rung."""
    known = bill_items.join(several.select(*_SHARE, "place"), on="billing_record_id", how="inner")
    items, found = _items(several, settled), []
    for column, rung in (("order_item_code", MatchRung.ITEM_ID), ("sku", MatchRung.SKU_QTY)):
        told, items = by_units(engine, items, one_row_per_item(known, column), column)
        found.append(told.select(*_SHARE, nw.col("share").cast(AMOUNT), rung=nw.lit(rung.value)))
    by_item = engine.hold(nw.concat(found), grain=[*_SHARE, "rung"], what="shares by item")
    rest = engine.hold(_rest(several, by_item), grain=_SHARE, what="shares by amount and date")
    return [by_item, rest.filter(nw.col("share") != nw.lit(ZERO))]


def _placed(joined: Frame) -> Frame:
    """The records with their place by date within the order."""
    by = sentence(nw.col("date").cast(nw.String), "|", nw.col("number"), "|", nw.col("billing_record_id"))
    ranked = joined.with_columns(by=by).with_columns(place=nw.col("by").rank("ordinal").over(*_KEY).cast(nw.Int64))
    return ranked.drop("by")


def _items(several: Frame, settled: Settled) -> Frame:
    """What Amazon paid per item of the orders with several records: ``gross`` and ``units``."""
    wanted = several.select(*_KEY, "tax_mode").unique(_KEY)
    sales = settled.lines.filter(nw.col("event_class").is_in(list(SALE_EVENTS))).join(wanted, on=_KEY, how="inner")
    sums = sales.group_by(*_KEY, "tax_mode", "order_item_code", "sku").agg(
        **goods_and_withheld(), units=nw.col("quantity").sum()
    )
    gross = nw.col("goods") + nw.when(cancels_withheld()).then(nw.col("withheld")).otherwise(nw.lit(ZERO))
    return sums.select(*_KEY, "order_item_code", "sku", nw.col("units").fill_null(0).cast(nw.Int64), gross=gross)


def _rest(several: Frame, by_item: Frame) -> Frame:
    """Share out what no item told: to the one record that lacks exactly that much, else by date; the last takes more."""
    zero = nw.lit(ZERO)
    told = by_item.group_by(*_SHARE).agg(told=nw.col("share").sum())
    open_records = several.join(told, on=_SHARE, how="left").with_columns(nw.col("told").fill_null(ZERO))
    open_records = open_records.with_columns(
        left=nw.col("received_gross") - nw.col("told").sum().over(*_KEY),
        lacks=nw.when(nw.col("total") > nw.col("told")).then(nw.col("total") - nw.col("told")).otherwise(zero),
        last=nw.col("place").max().over(*_KEY),
    )
    exact = (nw.col("lacks") == nw.col("left")) & (nw.col("left") != zero)
    open_records = open_records.with_columns(fits=nw.when(exact).then(1).otherwise(0))
    open_records = open_records.with_columns(
        fitting=nw.col("fits").sum().over(*_KEY),
        before=nw.col("lacks").cum_sum().over(*_KEY, order_by="place") - nw.col("lacks"),
    )
    still = nw.col("left") - nw.col("before")
    in_turn = nw.when(still <= zero).then(zero).otherwise(
        nw.when((nw.col("lacks") < still) & (nw.col("place") < nw.col("last"))).then(nw.col("lacks")).otherwise(still)
    )  # fmt: skip
    is_last = nw.col("place") == nw.col("last")
    by_date = nw.when(nw.col("left") >= zero).then(in_turn).otherwise(
        nw.when(is_last).then(nw.col("left")).otherwise(zero)
    )  # fmt: skip
    by_amount = nw.col("fitting") == 1
    share = (
        nw.when(by_amount).then(nw.when(nw.col("fits") == 1).then(nw.col("left")).otherwise(zero)).otherwise(by_date)
    )
    rung = nw.when(by_amount).then(nw.lit(MatchRung.AMOUNT.value)).otherwise(nw.lit(MatchRung.FIFO.value))
    return open_records.select(*_SHARE, share=share.cast(AMOUNT), rung=rung)


def _per_record(placed: Frame, shares: Frame) -> Frame:
    """One row for each record, those that received nothing too."""
    used = {
        f"by_{rung}": nw.when(nw.col("rung") == rung).then(nw.lit(rung)).otherwise(nw.lit(None, dtype=nw.String)).max()
        for rung in _RUNGS
    }
    sums = shares.group_by(*_SHARE).agg(received=nw.col("share").sum().cast(AMOUNT), **used)
    rungs = nw.concat_str([nw.col(name) for name in used], separator=" + ", ignore_nulls=True)
    joined = placed.join(sums, on=_SHARE, how="left").with_columns(nw.col("received").fill_null(ZERO))
    return joined.with_columns(
        billed=nw.col("total"),
        due=(nw.col("total") - nw.col("received")).cast(AMOUNT),
        rung=nw.when(nw.col("received") == nw.lit(ZERO)).then(nw.lit("")).otherwise(rungs),
    ).select(*ALLOCATION.names)


def _assert_complete(engine: Engine, shares: Frame, orders: Frame) -> None:
    sums = shares.group_by(*_KEY).agg(shared=nw.col("received").sum())
    wrong = orders.join(sums, on=_KEY, how="left").filter(nw.col("shared") != nw.col("received_gross"))
    first = engine.read(wrong.select(*_KEY, "shared", "received_gross").sort(*_KEY).head(1)).to_pylist()
    if first:
        row = first[0]
        raise ReconcileError(
            f"of {row['received_gross']} {row['currency']} received for {row['amazon_order_id']}, {row['shared']} went to "
            f"its billing records",
            "This is a fault of nsbill; keep the workspace and report it",
        )
