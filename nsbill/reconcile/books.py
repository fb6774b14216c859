"""The books' side: sales orders per Amazon order, and what was billed and credited by the as-of date."""

from __future__ import annotations

from dataclasses import dataclass

import narwhals as nw
import pyarrow as pa
import pyarrow.compute as pc

from nsbill.errors import ReconcileError
from nsbill.money import ZERO
from nsbill.reconcile.engine import Engine, Frame, with_day_numbers
from nsbill.reconcile.ledger import read_ledger
from nsbill.reconcile.rules import ReconcileRules
from nsbill.reconcile.texts import in_one_text, sentence

__all__ = ["KEY", "Books", "read_books"]

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
    orders: pa.Table,
    billing_records: pa.Table,
    credit_records: pa.Table,
    applications: pa.Table | None,
    rules: ReconcileRules,
) -> Books:
    """Prepare the books; documents after the as-of date and voided ones count nowhere.

    Raises
    ------
    ReconcileError
        For an id that stands twice, a credit that is not a positive number, or an application without its document.
    """
    _credits_are_positive(credit_records)
    tables = [with_day_numbers(table) for table in (orders, billing_records, credit_records)]
    sales = engine.hold(engine.frame(tables[0]), grain=["sales_order_id"], what="sales orders")
    bills = _with_order(engine.frame(tables[1]), sales)
    bills = engine.hold(bills, grain=["billing_record_id"], what="billing records")
    memos = engine.hold(engine.frame(tables[2]), grain=["credit_id"], what="credits")
    ledger = None
    if applications is not None:
        ledger = read_ledger(engine, applications=applications, bills=bills, memos=memos, rules=rules)
    return Books(
        ledger=ledger,
        orders=engine.hold(_one_per_amazon_order(sales), grain=["amazon_order_id"], what="orders by Amazon id"),
        bills=_counted(bills, rules),
        billed=engine.hold(_billed(_counted(bills, rules)), grain=KEY, what="billed amounts"),
        credited=engine.hold(_credited(memos, rules), grain=KEY, what="credited amounts"),
        days=_days(tables),
        currencies=frozenset(code for table in tables for code in pc.unique(table["currency"]).to_pylist()),
    )


def _credits_are_positive(memos: pa.Table) -> None:
    wrong = memos.filter(pc.less(memos["total"], pa.scalar(ZERO, memos["total"].type)))
    if wrong.num_rows:
        raise ReconcileError(
            f"credit {wrong['number'][0].as_py()} has the total {wrong['total'][0].as_py()}, and credits are positive",
            "Turn the sign where the credits are loaded",
        )


def _one_per_amazon_order(orders: Frame) -> Frame:
    """One sales order for each Amazon order: not a cancelled one if there is a choice, then the lowest id.

    Two sales orders for one Amazon order are an import fault; billing both shows as duplicate billing,
    because the total of only one counts.
    """
    cancelled = nw.when(nw.col("status") == "C").then(nw.lit("1")).otherwise(nw.lit("0"))
    ranked = (
        orders.filter(~nw.col("amazon_order_id").is_null())
        .with_columns(choice=nw.concat_str([cancelled, nw.col("sales_order_id")]))
        .with_columns(place=nw.col("choice").rank("ordinal").over("amazon_order_id"))
    )
    return ranked.filter(nw.col("place") == 1).select(
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


def _with_order(bills: Frame, orders: Frame) -> Frame:
    """Give a billing record without an Amazon order id that of the sales order it bills."""
    by_order = orders.select("sales_order_id", nw.col("amazon_order_id").alias("of_order"))
    joined = bills.join(by_order, on="sales_order_id", how="left")
    return joined.with_columns(amazon_order_id=nw.coalesce("amazon_order_id", "of_order"))


def _counted(documents: Frame, rules: ReconcileRules) -> Frame:
    return documents.filter(
        ~nw.col("voided"), nw.col("date_day") <= rules.as_of_day, ~nw.col("amazon_order_id").is_null()
    )


def _billed(counted: Frame) -> Frame:
    sums = counted.group_by(*KEY).agg(
        billed_gross=nw.col("total").sum(),
        bills=nw.len(),
        first_billed=nw.col("date").min(),
        first_billed_day=nw.col("date_day").min(),
    )
    return sums.join(_numbers(counted, "billing_record_id", "billing_records"), on=list(KEY), how="left")


def _credited(memos: Frame, rules: ReconcileRules) -> Frame:
    counted = memos.filter(
        ~nw.col("voided"), nw.col("date_day") <= rules.as_of_day, ~nw.col("amazon_order_id").is_null()
    )
    sums = counted.group_by(*KEY).agg(
        credited=nw.col("total").sum(), credits=nw.len(), newest_credit_day=nw.col("date_day").max()
    )
    return sums.join(_numbers(counted, "credit_id", "credit_records"), on=list(KEY), how="left")


def _numbers(documents: Frame, id_column: str, into: str) -> Frame:
    """The documents' numbers in one text, by date."""
    dated = documents.with_columns(
        by=sentence(nw.col("date").cast(nw.String), "|", nw.col("number"), "|", nw.col(id_column))
    )
    return in_one_text(dated, keys=KEY, value="number", order_by="by", into=into, separator=", ", most=_MOST_NUMBERS)


def _days(tables: list[pa.Table]) -> tuple[int, ...]:
    days: set[int] = set()
    for table in tables:
        for name in table.column_names:
            if name.endswith("_day"):
                days.update(day for day in pc.unique(table[name]).to_pylist() if day is not None)
    return tuple(sorted(days))
