"""The books' side: sales orders per Amazon order, and what was billed and credited by the as-of date."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import narwhals as nw

from nsbill.errors import ReconcileError
from nsbill.money import ZERO
from nsbill.reconcile.engine import AMOUNT, Engine, Frame, assert_grain
from nsbill.reconcile.ledger import read_ledger
from nsbill.reconcile.rules import ReconcileRules
from nsbill.reconcile.texts import in_one_text, sentence

__all__ = ["KEY", "SHIPPED", "Books", "read_books", "with_order"]

KEY = ("amazon_order_id", "currency")
"""Grain of the statement within one seller account."""

SHIPPED = ("D", "E", "F", "G")
"""Order statuses that follow a shipment. Pending Fulfillment does not: NetSuite sets its ship date in advance."""

_MOST_NUMBERS = 12


@dataclass(frozen=True)
class Books:
    """Lazy frames of the books as of one day.

    ``orders``: one row per Amazon order; ``billed`` and ``credited``: one row per Amazon order and currency.
    ``days`` and ``currencies``: every day from which a settlement is expected, every currency of a document.
    ``bills``: the billing records that count, one by one.
    ``ledger``: what was applied and refunded per Amazon order and currency; none when payments are not known.
    """

    orders: Frame
    bills: Frame
    billed: Frame
    credited: Frame
    days: tuple[int, ...]
    currencies: frozenset[str]
    ledger: Frame | None = None


def read_books(
    engine: Engine,
    *,
    orders: Frame,
    billing_records: Frame,
    credit_records: Frame,
    applications: Frame | None,
    rules: ReconcileRules,
) -> Books:
    """Prepare the books; documents after the as-of date and voided ones count nowhere. Dates have day numbers.

    Raises
    ------
    ReconcileError
        For an id that stands twice, a credit that is not a positive number, or an application without its document.
    """
    _credits_are_positive(engine, credit_records)
    assert_grain(engine, orders, grain=["sales_order_id"], what="sales orders")
    assert_grain(engine, billing_records, grain=["billing_record_id"], what="billing records")
    tables = (orders, billing_records, credit_records)
    bills = billing_records
    if engine.read(bills.filter(nw.col("amazon_order_id").is_null()).select("billing_record_id").head(1)).num_rows:
        bills = engine.hold(
            with_order(bills, orders), grain=["billing_record_id"], what="billing records", grouped=True
        )
    assert_grain(engine, credit_records, grain=["credit_id"], what="credits")
    ledger = None
    if applications is not None:
        ledger = read_ledger(engine, applications=applications, bills=bills, memos=credit_records, rules=rules)
    return Books(
        ledger=ledger,
        orders=_one_per_amazon_order(engine, orders),
        bills=_counted(bills, rules),
        billed=_billed(engine, _counted(bills, rules)),
        credited=_credited(engine, _counted(credit_records, rules)),
        days=_days(engine, tables),
        currencies=_currencies(engine, tables),
    )


def _credits_are_positive(engine: Engine, memos: Frame) -> None:
    wrong = memos.filter(nw.col("total") < nw.lit(ZERO)).select("credit_id", "number", "total")
    for row in engine.read(wrong.sort("credit_id").head(1)).to_pylist():
        raise ReconcileError(
            f"credit {row['number']} has the total {row['total']}, and credits are positive",
            "Turn the sign where the credits are loaded",
        )


def _one_per_amazon_order(engine: Engine, orders: Frame) -> Frame:
    """One sales order for each Amazon order: not a cancelled one if there is a choice, then the lowest id.

    Two sales orders for one Amazon order are an import fault; billing both shows as duplicate billing,
    because the total of only one counts.
    """
    known = orders.filter(~nw.col("amazon_order_id").is_null())
    counts = known.group_by("amazon_order_id").agg(orders=nw.len()).filter(nw.col("orders") > 1)
    several = engine.hold(
        counts, grain=["amazon_order_id"], what="Amazon orders with several sales orders", grouped=True
    )
    repeated = engine.read(several.head(1)).num_rows > 0
    if repeated:  # a rank over all orders would cost more than everything else here
        cancelled = nw.when(nw.col("status") == "C").then(nw.lit("1")).otherwise(nw.lit("0"))
        ranked = (
            known.join(several, on="amazon_order_id", how="semi")
            .with_columns(choice=nw.concat_str([cancelled, nw.col("sales_order_id")]))
            .with_columns(place=nw.col("choice").rank("ordinal").over("amazon_order_id"))
        )
        chosen = ranked.filter(nw.col("place") == 1).select(*orders.collect_schema().names())
        known = nw.concat([known.join(several, on="amazon_order_id", how="anti"), chosen])
    named = known.select(
        "amazon_order_id",
        "sales_order_id",
        "sales_order_number",
        "order_date",
        "order_date_day",
        "ship_date",
        "ship_date_day",
        nw.col("status").alias("order_status"),
        nw.col("marketplace").alias("order_marketplace"),
        nw.col("currency").alias("order_currency"),
        nw.col("total").alias("order_total"),
    )
    return engine.hold(named, grain=["amazon_order_id"], what="orders by Amazon id") if repeated else named


def with_order(bills: Frame, orders: Frame) -> Frame:
    """Give a billing record without an Amazon order id that of the sales order it bills."""
    alone = bills.filter(nw.col("amazon_order_id").is_null()).select("sales_order_id")
    by_order = orders.join(alone, on="sales_order_id", how="semi").select(
        "sales_order_id", nw.col("amazon_order_id").alias("of_order")
    )
    joined = bills.join(by_order, on="sales_order_id", how="left")
    return joined.with_columns(amazon_order_id=nw.coalesce("amazon_order_id", "of_order"))


def _counted(documents: Frame, rules: ReconcileRules) -> Frame:
    return documents.filter(
        ~nw.col("voided"), nw.col("date_day") <= rules.as_of_day, ~nw.col("amazon_order_id").is_null()
    )


def _billed(engine: Engine, counted: Frame) -> Frame:
    sums = {
        "billed_gross": nw.col("total").sum().cast(AMOUNT),
        "bills": nw.len(),
        "first_billed": nw.col("date").min(),
        "first_billed_day": nw.col("date_day").min(),
    }
    return _summed(engine, counted, "billing_record_id", "billing_records", sums)


def _credited(engine: Engine, counted: Frame) -> Frame:
    sums = {
        "credited": nw.col("total").sum().cast(AMOUNT),
        "credits": nw.len(),
        "newest_credit_day": nw.col("date_day").max(),
    }
    return _summed(engine, counted, "credit_id", "credit_records", sums)


def _summed(engine: Engine, documents: Frame, id_column: str, into: str, sums: dict[str, nw.Expr]) -> Frame:
    """The sums per order, and the documents' numbers in one text, by date."""
    return in_one_text(
        engine,
        documents,
        keys=KEY,
        value="number",
        order_by=sentence(nw.col("date").cast(nw.String), "|", nw.col("number"), "|", nw.col(id_column)),
        into=into,
        separator=", ",
        most=_MOST_NUMBERS,
        sums=sums,
    )


def _days(engine: Engine, tables: Sequence[Frame]) -> tuple[int, ...]:
    """Every day of an order, a shipment or a document."""
    days: set[int] = set()
    for table in tables:
        for name in table.collect_schema().names():
            if name.endswith("_day"):
                found = engine.read(table.select(name).unique(name))[name].to_pylist()
                days.update(day for day in found if day is not None)
    return tuple(sorted(days))


def _currencies(engine: Engine, tables: Sequence[Frame]) -> frozenset[str]:
    found = (engine.read(table.select("currency").unique("currency"))["currency"] for table in tables)
    return frozenset(code for codes in found for code in codes.to_pylist())
