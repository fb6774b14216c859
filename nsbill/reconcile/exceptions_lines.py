"""Lines of a settlement that are equal in every column, where nothing says that both are meant (domain reference 2.6).

Equal lines are legitimate: two units of an item may be written as two blocks, byte for byte the same (Amazon notes,
section 3). So no line is ever left out, and equal ones are asked about only where the books have no room for them: an
order of which more was settled than was billed, or more refunded than was credited, by at least what they repeat. An
order that is not in the books says nothing. Lines without an order have no quantity that could explain them.
"""

from __future__ import annotations

import narwhals as nw

from nsbill.money import ZERO
from nsbill.reconcile.books import KEY
from nsbill.reconcile.engine import Engine, Frame
from nsbill.reconcile.exception_columns import exception_columns
from nsbill.reconcile.pieces import GOODS, REFUND_EVENTS, SALE_EVENTS
from nsbill.reconcile.rules import ReconcileRules
from nsbill.reconcile.settled import Settled
from nsbill.reconcile.tax import cancels_withheld
from nsbill.reconcile.texts import lines_text, sentence
from nsbill.schemas import LINES
from nsbill.vocabulary import ExceptionClass, LineKind, OrderRoute

__all__ = ["equal_lines"]

_NAME = ExceptionClass.DUPLICATE_SETTLEMENT_LINE
_ACTION = "Keep both lines; compare them with the transaction in Seller Central, and ask Amazon if it shows one."
_ALL = [name for name in LINES.names if name != "source_line"]
_GRAIN = ["amazon_order_id", "settlement_id", "reference", "currency"]
_SALE, _REFUND = "equal lines of sales", "equal lines of refunds"
_ACCOUNT = "equal lines without an order"


def equal_lines(engine: Engine, *, rows: Frame, settled: Settled, rules: ReconcileRules) -> list[Frame]:
    """Find equal lines that the books do not explain; one row per order (or none), settlement and side.

    The money of an order's lines is what the buyer paid (or got back) in the repetitions; of lines without an order all
    that they repeat. Columns of EXCEPTIONS.
    """
    room = engine.hold(_room(rows), grain=KEY, what="orders with more settled than booked")
    of_orders = _repeated(settled.lines.join(room.select(*KEY), on=list(KEY), how="semi"))
    parts = of_orders.join(room, on=list(KEY), how="inner").with_columns(side=_side(), more=_buyers_money())
    sums = _summed(parts, extra=["excess", "uncredited"]).with_columns(
        money=nw.when(nw.col("side") == _REFUND).then(nw.lit(ZERO) - nw.col("money")).otherwise(nw.col("money"))
    )
    limit = nw.when(nw.col("side") == _REFUND).then(nw.col("uncredited")).otherwise(nw.col("excess"))
    unexplained = sums.filter(nw.col("money") > nw.lit(ZERO), nw.col("money") <= limit)
    account = _repeated(settled.lines.filter(nw.col("order_route") == OrderRoute.NONE.value)).with_columns(
        side=nw.lit(_ACCOUNT), more=nw.col("repeats")
    )
    alone = _summed(account, extra=[]).filter(nw.col("money") != nw.lit(ZERO))
    found = [_told(part, rules) for part in (unexplained, alone)]
    return [engine.hold(nw.concat(found), grain=_GRAIN, what="equal lines")]


def _room(rows: Frame) -> Frame:
    """Orders in the books of which more is settled, or refunded, than they say: ``excess, uncredited``."""
    zero = nw.lit(ZERO)
    unbilled = (nw.col("bills") == 0) & (nw.col("order_currency") == nw.col("currency")).fill_null(False)
    beyond = nw.col("received_gross") - nw.col("order_total")
    excess = nw.when(nw.col("bills") > 0).then(nw.col("overpaid")).otherwise(
        nw.when(unbilled & (beyond > zero)).then(beyond).otherwise(zero)
    )  # fmt: skip
    known = rows.filter(~nw.col("conflict")).with_columns(
        excess=excess, uncredited=nw.when(nw.col("bills") > 0).then(nw.col("uncredited_refund")).otherwise(zero)
    )
    return known.filter((nw.col("excess") > zero) | (nw.col("uncredited") > zero)).select(
        *KEY, "tax_mode", "excess", "uncredited"
    )


def _repeated(lines: Frame) -> Frame:
    """Groups of lines that are equal in all columns: ``repeats`` is the amount of all but one of them."""
    groups = lines.group_by(*_ALL).agg(
        times=nw.len(),
        all_of_them=nw.col("amount").sum(),
        first_line=nw.col("source_line").min(),
        last_line=nw.col("source_line").max(),
    )
    return groups.filter(nw.col("times") > 1).with_columns(repeats=nw.col("all_of_them") - nw.col("amount"))


def _side() -> nw.Expr:
    event = nw.col("event_class")
    return (
        nw.when(event.is_in(list(SALE_EVENTS))).then(nw.lit(_SALE))
        .otherwise(nw.when(event.is_in(list(REFUND_EVENTS))).then(nw.lit(_REFUND)))
    )  # fmt: skip


def _buyers_money() -> nw.Expr:
    withheld = (nw.col("line_kind") == LineKind.TAX_WITHHELD.value) & cancels_withheld()
    own = nw.col("line_kind").is_in(list(GOODS)) | withheld
    return nw.when(own).then(nw.col("repeats")).otherwise(nw.lit(ZERO))


def _summed(parts: Frame, *, extra: list[str]) -> Frame:
    told = parts.filter(~nw.col("side").is_null())
    return told.group_by("amazon_order_id", "settlement_id", "currency", "side", *extra).agg(
        money=nw.col("more").sum(),
        groups=nw.len(),
        lines=nw.col("times").sum(),
        first_line=nw.col("first_line").min(),
        last_line=nw.col("last_line").max(),
    )


def _told(sums: Frame, rules: ReconcileRules) -> Frame:
    evidence = sentence(
        lines_text(), ": ", nw.col("groups").cast(nw.String), " of them stand there again, equal in every column"
    )
    columns = exception_columns(
        _NAME, rules, amount="money", evidence=evidence, action=_ACTION, settlement="settlement_id", reference="side"
    )
    return sums.select(*columns)
