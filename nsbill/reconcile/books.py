"""The books' side: sales orders per Amazon order, and what was billed and credited by the as-of date."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import narwhals as nw

from nsbill.errors import ReconcileError
from nsbill.money import ZERO
from nsbill.reconcile.added_up import Parts, added_up
from nsbill.reconcile.engine import Engine, Frame, assert_grain, only
from nsbill.reconcile.ledger import read_ledger
from nsbill.reconcile.rules import ReconcileRules
from nsbill.reconcile.texts import joined_texts, sentence

__all__ = ["KEY", "SHIPPED", "Books", "read_books", "with_order"]

KEY = ("amazon_order_id", "currency")
"""Grain of the statement within one seller account."""

SHIPPED = ("D", "E", "F", "G")
"""Order statuses that follow a shipment. Pending Fulfillment does not: NetSuite sets its ship date in advance."""

_MOST_NUMBERS = 12

_BILLED = Parts(
    amounts={"billed_gross": nw.col("total")},
    counts={"bills": nw.lit(1)},
    least={"first_billed": nw.col("date"), "first_billed_day": nw.col("date_day")},
)
_CREDITED = Parts(
    amounts={"credited": nw.col("total")},
    counts={"credits": nw.lit(1)},
    most={"newest_credit_day": nw.col("date_day")},
)

_MOST_DAYS = 5_000


@dataclass(frozen=True)
class _Documents:
    """Documents that count: most orders have one, some several."""

    rows: Frame
    id_column: str
    name: str
    parts: Parts


@dataclass(frozen=True)
class Books:
    """Lazy frames of the books as of one day.

    ``orders``: one row per Amazon order; ``billed`` and ``credited``: one row per Amazon order and currency.
    ``days`` and ``currencies``: the days from which a settlement is expected, every currency of a document.
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
    statement_only: bool = False,
) -> Books:
    """Prepare the books; documents after the as-of date and voided ones count nowhere. Dates have day numbers.

    ``statement_only``: ``billed`` and ``credited`` are asked for once, so that they are not held, and without the
    numbers of credits.

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
    counted = _counted(bills, rules)
    days, currencies = _days_and_currencies(engine, tables)
    to_bill = _Documents(counted, "billing_record_id", "billing_records", _BILLED)
    to_credit = _Documents(_counted(credit_records, rules), "credit_id", "credit_records", _CREDITED)
    billed = _summed(engine, to_bill, only(currencies))
    credited = _summed(engine, to_credit, only(currencies), numbered=not statement_only)
    if not statement_only:
        billed = engine.hold(billed, grain=KEY, what="billing records by order", grouped=True)
        credited = engine.hold(credited, grain=KEY, what="credits by order", grouped=True)
    return Books(
        ledger=ledger,
        orders=_one_per_amazon_order(engine, orders),
        bills=counted,
        billed=billed,
        credited=credited,
        days=days,
        currencies=currencies,
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
    several = engine.repeated(known, keys=["amazon_order_id"], what="Amazon orders with several sales orders")
    if several is not None:  # a rank over all orders would cost more than everything else here
        cancelled = nw.when(nw.col("status") == "C").then(nw.lit("1")).otherwise(nw.lit("0"))
        ranked = several.rows.with_columns(choice=nw.concat_str([cancelled, nw.col("sales_order_id")])).with_columns(
            place=nw.col("choice").rank("ordinal").over("amazon_order_id")
        )
        chosen = ranked.filter(nw.col("place") == 1).select(*orders.collect_schema().names())
        known = nw.concat([known.join(several.keys, on="amazon_order_id", how="anti"), chosen])
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
    return named if several is None else engine.hold(named, grain=["amazon_order_id"], what="orders by Amazon id")


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


def _summed(engine: Engine, documents: _Documents, currency: str | None, *, numbered: bool = True) -> Frame:
    """The sums per order and currency (``currency``: the only one), and the documents' numbers in one text, by date."""
    key, into = ["amazon_order_id"] if currency else list(KEY), documents.name
    rows = documents.rows.select(*KEY, "number", "date", "date_day", "total", documents.id_column)
    several = engine.repeated(rows, keys=key, what=f"orders with several {into}")
    parts = documents.parts
    if numbered:
        parts = replace(parts, least={**parts.least, into: nw.coalesce("number", nw.lit(""))})
    summed, added = added_up(rows, several, parts, keys=key)
    if several is not None and added is not None:
        if numbered:
            texts = _texts(several.rows, documents, key)
            added = added.drop(into).join(texts, on=key, how="left").select(*key, *parts.names)
        summed = nw.concat([summed, engine.hold(added, grain=key, what=f"{into} of several", grouped=True)])
    return summed.with_columns(currency=nw.lit(currency)) if currency else summed


def _texts(several: Frame, documents: _Documents, key: Sequence[str]) -> Frame:
    order_by = sentence(nw.col("date").cast(nw.String), "|", nw.col("number"), "|", nw.col(documents.id_column))
    texts = joined_texts(several, keys=key, value="number", order_by=order_by, separator=", ", most=_MOST_NUMBERS)
    return texts.rename({"joined_text": documents.name})


def _days_and_currencies(engine: Engine, tables: Sequence[Frame]) -> tuple[tuple[int, ...], frozenset[str]]:
    """The days from the first of an order, a shipment or a document to the last, and every currency."""
    days: set[int] = set()
    currencies: set[str] = set()
    for table in tables:
        names = [name for name in table.collect_schema().names() if name.endswith("_day")]
        found = engine.read(
            table.select(
                nw.col(*names, "currency").min().name.prefix("first_"),
                nw.col(*names, "currency").max().name.prefix("last_"),
            )
        ).to_pylist()[0]
        for name in names:
            days |= _span(engine, table, name, found[f"first_{name}"], found[f"last_{name}"])
        if found["first_currency"] == found["last_currency"]:
            currencies |= {found["first_currency"]} - {None}
        else:
            currencies.update(engine.read(table.select("currency").unique("currency"))["currency"].to_pylist())
    return tuple(sorted(days)), frozenset(currencies)


def _span(engine: Engine, table: Frame, name: str, first: int | None, last: int | None) -> set[int]:
    """The days of a column: all from the first to the last, or, where one of them is out of this world, those that it has."""
    if first is None or last is None:
        return set()
    if last - first <= _MOST_DAYS:
        return set(range(first, last + 1))
    found = engine.read(table.select(name).unique(name))[name].to_pylist()
    return {day for day in found if day is not None}
