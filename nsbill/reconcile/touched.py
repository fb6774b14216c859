"""Which orders a refresh has to look at again, and what of the inputs speaks of them.

An order whose row is closed (SETTLED or REFUNDED_FULL, nothing due) says the same on every later day, but for its age, until a
line, a document or an application of it comes. Everything else is looked at again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import narwhals as nw

from nsbill.money import ZERO
from nsbill.reconcile.books import with_order
from nsbill.reconcile.engine import Engine, Frame
from nsbill.vocabulary import StatementStatus

__all__ = ["Moved", "Sources", "is_open", "only_touched", "touched_orders"]

_ID = "amazon_order_id"
_OF_LINES = (
    "settlement_id", "seller_account", "event_class", "line_kind", "amount", "currency", "order_route", "amazon_order_id",
    "posted_day", "marketplace",
)  # fmt: skip
_OF_ORDERS = (
    "sales_order_id", "sales_order_number", "amazon_order_id", "order_date", "order_date_day", "ship_date", "ship_date_day",
    "status", "marketplace", "currency", "total",
)  # fmt: skip
_OF_BILLS = (
    "billing_record_id", "number", "sales_order_id", "amazon_order_id", "date", "date_day", "currency", "total", "voided",
)  # fmt: skip
"""What a statement asks of lines, orders and billing records; every column more is read for all rows there are."""
_OF_LEDGER = ("record_type", "amount_remaining")
"""What it asks of billing records more, when payments are known."""
_CLOSED = [StatementStatus.SETTLED.value, StatementStatus.REFUNDED_FULL.value]
_PARTS = ("due", "sale_leg", "refund_leg")


@dataclass(frozen=True)
class Sources:
    """The inputs as lazy frames, dates with day numbers; ``bills`` all have the Amazon order that they bill, if one is known."""

    orders: Frame
    bills: Frame
    memos: Frame
    lines: Frame
    applications: Frame | None

    @classmethod
    def of(
        cls,
        engine: Engine,
        *,
        orders: Frame,
        billing_records: Frame,
        credit_records: Frame,
        lines: Frame,
        applications: Frame | None,
    ) -> Sources:
        """Give the billing records without an Amazon order id that of their sales order."""
        missing = nw.col(_ID).is_null()
        if not engine.read(
            billing_records.filter(missing).select(_ID).head(1)
        ).num_rows:  # the usual case: files know it
            return cls(orders, billing_records, credit_records, lines, applications)
        found = with_order(billing_records.filter(missing), orders).select(*billing_records.collect_schema().names())
        bills = nw.concat([billing_records.filter(~missing), found])
        return cls(orders, bills, credit_records, lines, applications)


@dataclass(frozen=True)
class Moved:
    """Expected days (day numbers) that are others now: these, and all after ``beyond``."""

    days: frozenset[int]
    beyond: int | None


def is_open() -> nw.Expr:
    """Whether a statement row may say something else tomorrow: not closed, or not to the cent."""
    nothing = nw.lit(ZERO)
    to_the_cent = nw.all_horizontal(*(nw.col(name) == nothing for name in _PARTS), ignore_nulls=False)
    return ~(nw.col("status").is_in(_CLOSED) & to_the_cent)


def touched_orders(
    engine: Engine,
    *,
    base: Frame,
    sources: Sources,
    new_settlements: Sequence[str],
    moved: Mapping[str, Moved],
    days: tuple[int, int],
    changed: Sequence[Frame],
) -> Frame:
    """Find the orders to look at again: one row per ``amazon_order_id``, held.

    ``base``: the statement of before. ``new_settlements``: those that count now and did not, or say something else.
    ``moved``: per currency the expected days that may be others now. ``days``: as-of day of before
    and now, in between documents come to count. ``changed``: frames with ``amazon_order_id`` of what else has changed.
    """
    again = is_open()
    day = nw.col("expected_settled_day")
    for code, expected in moved.items():
        may = day.is_in(sorted(expected.days))
        if expected.beyond is not None:
            may = may | (day > expected.beyond)
        again = again | ((nw.col("currency") == code) & may.fill_null(False))
    parts = [base.filter(again), *changed]
    if new_settlements:
        parts.append(sources.lines.filter(nw.col("settlement_id").is_in(list(new_settlements))))
    parts += [
        table.filter((nw.col(day) > days[0]) & (nw.col(day) <= days[1]))
        for table, day in (
            (sources.orders, "ship_date_day"),
            (sources.bills, "date_day"),
            (sources.memos, "date_day"),
        )
    ]
    if sources.applications is not None:
        later = sources.applications.filter((nw.col("date_day") > days[0]) & (nw.col("date_day") <= days[1]))
        parts += _orders_of(later, sources)
    ids = [part.filter(~nw.col(_ID).is_null()).select(_ID) for part in parts]
    return engine.hold(nw.concat(ids).unique(_ID), grain=[_ID], what="orders to look at again", grouped=True)


def _orders_of(applications: Frame, sources: Sources) -> list[Frame]:
    """The orders of what is applied, and of what it is applied to."""
    found = []
    for documents, id_column, by in (
        (sources.bills, "billing_record_id", "billing_record_id"),
        (sources.memos, "credit_id", "credit_id"),
        (sources.memos, "credit_id", "payment_id"),
    ):
        named = applications.filter(~nw.col(by).is_null()).select(nw.col(by).alias(id_column))
        found.append(documents.join(named, on=id_column, how="semi"))
    return found


def only_touched(engine: Engine, sources: Sources, touched: Frame) -> Sources:
    """Keep what speaks of the touched orders, and the documents of other orders that are applied to theirs."""

    def of_them(frame: Frame) -> Frame:
        return frame.join(touched, on=_ID, how="semi")

    memos, applications = of_them(sources.memos), sources.applications
    every_bill = sources.bills.select(*_OF_BILLS, *(() if applications is None else _OF_LEDGER))
    bills = of_them(every_bill)
    if applications is not None:
        applications = _applications_of(engine, applications, bills, memos)
        bills = _with_applied(bills, every_bill, applications, "billing_record_id", ("billing_record_id",))
        memos = _with_applied(memos, sources.memos, applications, "credit_id", ("credit_id", "payment_id"))
    return Sources(
        orders=engine.hold(of_them(sources.orders.select(*_OF_ORDERS)), grain=["sales_order_id"], what="sales orders"),
        bills=engine.hold(bills, grain=["billing_record_id"], what="billing records"),
        memos=engine.hold(memos, grain=["credit_id"], what="credits"),
        lines=engine.hold(
            of_them(sources.lines.select(*_OF_LINES)),
            grain=[],
            what="settlement lines",
            grouped=True,
        ),
        applications=applications,
    )


def _applications_of(engine: Engine, applications: Frame, bills: Frame, memos: Frame) -> Frame:
    """The applications to these documents, and those of these credit memos to any."""
    documents = nw.concat([bills.select(document="billing_record_id"), memos.select(document="credit_id")])
    to_any = nw.coalesce("billing_record_id", "credit_id")
    named = applications.with_columns(applied_to=to_any)
    to_them = named.join(documents, left_on="applied_to", right_on="document", how="semi")
    by_them = named.join(documents, left_on="applied_to", right_on="document", how="anti").join(
        memos.select(document="credit_id"), left_on="payment_id", right_on="document", how="semi"
    )
    columns = applications.collect_schema().names()
    grain = ["payment_id", "billing_record_id", "credit_id"]
    both = nw.concat([to_them.select(*columns), by_them.select(*columns)])
    return engine.hold(both, grain=grain, what="applications of payments and credits")


def _with_applied(own: Frame, every: Frame, applications: Frame, id_column: str, by: Sequence[str]) -> Frame:
    """Add the documents that the applications name and that are not among their own."""
    named = nw.concat([applications.select(nw.col(name).alias(id_column)) for name in by])
    others = every.join(named.filter(~nw.col(id_column).is_null()), on=id_column, how="semi")
    return nw.concat([own, others.join(own.select(id_column), on=id_column, how="anti")])
