"""Lines that came for an order after it was settled to the end: look at it again (domain reference 2.6).

Refunds, chargebacks, claims and reimbursements come later by nature and are told by their own classes. What is late is
what belongs to the sale itself: another part of it, a tax correction, another fee.
"""

from __future__ import annotations

import narwhals as nw
import pyarrow as pa

from nsbill.money import ZERO
from nsbill.reconcile.books import KEY, Books
from nsbill.reconcile.engine import Engine, Frame
from nsbill.reconcile.exception_columns import exception_columns
from nsbill.reconcile.pieces import SALE_EVENTS
from nsbill.reconcile.rules import ReconcileRules
from nsbill.reconcile.settled import Settled
from nsbill.reconcile.tax import cancels_withheld
from nsbill.reconcile.texts import lines_text, sentence
from nsbill.schemas import DATE, DAY
from nsbill.vocabulary import EventClass, ExceptionClass

__all__ = ["LATE_ACTIONS", "late_lines"]

_NAME = ExceptionClass.LATE_LINE
LATE_ACTIONS: dict[ExceptionClass, str] = {
    _NAME: "Look at the order again: it was settled, and Amazon has settled more of it since.",
}
"""The default action of the class."""

_LATE = [*SALE_EVENTS, EventClass.ACCOUNT.value]
_OF = [*KEY, "settlement_id"]


def late_lines(engine: Engine, *, rows: Frame, books: Books, settled: Settled, rules: ReconcileRules) -> Frame:
    """Find settlements with lines of orders that were settled before; one row per order and settlement.

    An order was settled before when the settlements that closed earlier had brought exactly what its bills bill, and
    no bill is of that day or later: then it was SETTLED as of an earlier day. The money is all that the late lines
    add up to, and may be 0.00. Columns of EXCEPTIONS.
    """
    ends = settled.settlements
    days = pa.table({"settlement_id": ends["settlement_id"], "close_day": ends["period_end"].cast(DATE).cast(DAY)})
    of_sale = settled.pieces.filter(nw.col("event_class").is_in(_LATE)).join(
        engine.frame(days), on="settlement_id", how="inner"
    )
    spread = (
        of_sale.group_by(*KEY)
        .agg(first_close=nw.col("close_day").min(), last_close=nw.col("close_day").max())
        .filter(nw.col("first_close") < nw.col("last_close"))
    )
    orders = rows.filter(nw.col("bills") > 0, ~nw.col("conflict"), nw.col("billed_gross") > nw.lit(ZERO))
    known = spread.join(
        orders.select(*KEY, "tax_mode", "billed_gross", "sales_order_number", "billing_records"),
        on=list(KEY),
        how="inner",
    )
    newest = books.bills.group_by(*KEY).agg(newest_bill_day=nw.col("date_day").max())
    judged = engine.hold(known.join(newest, on=list(KEY), how="inner"), grain=KEY, what="orders in several settlements")
    later = of_sale.join(judged, on=list(KEY), how="inner")
    is_sale = nw.col("event_class").is_in(list(SALE_EVENTS))
    gross = nw.col("goods") + nw.when(cancels_withheld()).then(nw.col("withheld")).otherwise(nw.lit(ZERO))
    per_settlement = later.group_by(*_OF).agg(
        close_day=nw.col("close_day").min(),
        gross=nw.when(is_sale).then(gross).otherwise(nw.lit(ZERO)).sum(),
        money=(nw.col("total") - nw.col("reimbursement")).sum(),
        sale_lines_here=nw.when(is_sale).then(nw.col("lines")).otherwise(0).sum(),
        first_line=nw.col("first_line").min(),
        last_line=nw.col("last_line").max(),
        lines=nw.col("lines").sum(),
    )
    held = engine.hold(per_settlement, grain=_OF, what="sales by settlement")
    return _told(_settled_before(held, judged), rules)


def _settled_before(held: Frame, judged: Frame) -> Frame:
    """Keep the settlements before which the order had received exactly what is billed."""
    earlier = held.select(*KEY, earlier_gross="gross", earlier_day="close_day")
    before = (
        held.join(earlier, on=list(KEY), how="inner")
        .filter(nw.col("earlier_day") < nw.col("close_day"))
        .group_by(*_OF)
        .agg(received_before=nw.col("earlier_gross").sum())
    )
    joined = held.join(before, on=_OF, how="inner").join(judged, on=list(KEY), how="inner")
    has_money = (nw.col("money") != nw.lit(ZERO)) | (nw.col("sale_lines_here") > 0)
    return joined.filter(
        nw.col("received_before") == nw.col("billed_gross"), nw.col("newest_bill_day") < nw.col("close_day"), has_money
    )


def _told(late: Frame, rules: ReconcileRules) -> Frame:
    evidence = sentence(
        "sales order ", nw.col("sales_order_number"), "; billing records ", nw.col("billing_records"), "; ", lines_text(),
        ": all of ", nw.col("billed_gross").cast(nw.String), " had been settled before",
    )  # fmt: skip
    columns = exception_columns(
        _NAME, rules, amount="money", evidence=evidence, action=LATE_ACTIONS[_NAME], settlement="settlement_id"
    )
    return late.select(*columns)
