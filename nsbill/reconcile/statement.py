"""The statement: received versus due per Amazon order and currency (domain reference 2.2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import narwhals as nw
import pyarrow as pa

from nsbill.errors import ReconcileError
from nsbill.money import ZERO
from nsbill.reconcile.aging import bucket, expected_table
from nsbill.reconcile.basis import WAITING, with_due_parts
from nsbill.reconcile.books import KEY, SHIPPED, Books
from nsbill.reconcile.engine import AMOUNT, Engine, Frame, lookup, only
from nsbill.reconcile.explain import explanation
from nsbill.reconcile.ledger import LEDGER_AMOUNTS, with_ledger
from nsbill.reconcile.pieces import per_order
from nsbill.reconcile.rules import ReconcileRules
from nsbill.reconcile.settled import Settled
from nsbill.reconcile.tax import gross_amounts, tax_mode_of
from nsbill.reconcile.texts import Amounts
from nsbill.schemas import DATE, DAY, STATEMENT, TEXT
from nsbill.vocabulary import AgingBucket, StatementStatus, TaxMode

__all__ = ["StatementAlone", "assert_identity", "statement_alone", "statement_rows"]

_AMOUNTS = list(STATEMENT.money)
_FROM_BOOKS = ("billed_gross", "credited")
_FROM_LINES = (
    "received_goods",
    "received_withheld",
    "refunded_goods",
    "refunded_withheld",
    "other_rest",
    "other_withheld",
    "fee_withheld",
    "tax_collected",
    "tax_withheld",
    "reimbursed",
    "net_cash",
)
_FOR_EXCEPTIONS = ("claimed_goods", "claimed_withheld", "sale_promotion", "sale_promotion_tax")
_DONE = (
    *(n for n in (*_FROM_LINES, *_FOR_EXCEPTIONS) if n.endswith(("_goods", "_withheld")) and n not in STATEMENT.names),
    *WAITING,
    "other_rest",
    "deferred_gross",
    "released_gross",
    "credits",
    "buyer_lines",
    "base_day",
    "expected_day",
    "first_billed_day",
    "order_marketplace",
    "line_marketplace",
    "last_posted_day",
)
"""What the figures are made of, and nothing after them asks for."""
_COUNTS = ("bills", "credits", "lines", "sale_lines", "buyer_lines")
_COUNTS_FOR_EXCEPTIONS = ("claim_lines", "refund_goods_lines", "refund_tax_lines")


@dataclass(frozen=True)
class StatementAlone:
    """The statement without what exceptions need: not computed, so that grain and identity are still to be asserted.

    ``settlements``: those that count; ``labels``: the texts that columns may hold, where they are few.
    """

    rows: Frame
    settlements: pa.Table
    labels: Mapping[str, Sequence[str]]


def statement_rows(engine: Engine, *, books: Books, settled: Settled, rules: ReconcileRules) -> Frame:
    """Build the statement with the facts that the exceptions need beside it; held by the engine.

    Raises
    ------
    ReconcileError
        When the identity of net cash does not hold for a row.
    """
    told = _statement(engine, books=books, settled=settled, rules=rules, statement_only=False)
    held = engine.hold(told, grain=KEY, what="statement rows")
    assert_identity(engine, held)
    return held


def statement_alone(engine: Engine, *, books: Books, settled: Settled, rules: ReconcileRules) -> StatementAlone:
    """Build the statement as ``statement_rows`` does, of books and pieces that were read for it alone."""
    rows = _statement(engine, books=books, settled=settled, rules=rules, statement_only=True)
    labels = {
        "seller_account": [rules.seller_account],
        "currency": sorted(books.currencies | settled.currencies),
        "tax_mode": [TaxMode.EXCLUDE.value, TaxMode.INCLUDE.value],
        "status": [status.value for status in StatementStatus],
        "aging_bucket": [name.value for name in AgingBucket],
    }
    return StatementAlone(rows, settled.settlements, labels)


def _statement(engine: Engine, *, books: Books, settled: Settled, rules: ReconcileRules, statement_only: bool) -> Frame:
    """The rows, not computed yet.

    A row stands for an order with a billing record, a credit or a settlement line, or for one that was shipped and
    has none of them. An order that is neither shipped nor billed is not due and has no row.
    """
    rows = _joined(engine, books, settled, rules, statement_only=statement_only)
    expected, expected_by = _expected(engine, books, settled, rules)
    posted = _posted_dates(engine, settled)
    all_posted = (nw.col("sale_lines") > 0) & (nw.col("last_sale_day") < rules.as_of_day - rules.cycle_days)
    told = (
        rows.with_columns(
            tax_mode=tax_mode_of(rules), seller_account=nw.lit(rules.seller_account), **_unknown(books, settled)
        )
        .with_columns(**gross_amounts(claims=not statement_only))
        .with_columns(**_legs())
        .with_columns(**_due())
        .pipe(with_ledger, books.ledger)
        .pipe(with_due_parts, settled.waiting, all_posted=all_posted.fill_null(False))
        .with_columns(base_day=_base_day(rules), status=_status())
        .join(expected, on=expected_by, how="left")
        .join(posted, on="last_posted_day", how="left")
        .pipe(_with_maturity, engine, settled)
        .with_columns(nw.col(*_AMOUNTS).cast(AMOUNT), age_days=rules.as_of_day - nw.col("expected_day").cast(nw.Int64))
        .with_columns(
            aging_bucket=bucket(), explanation=explanation(Amounts(books.currencies | settled.currencies), rules)
        )
    )
    return told if statement_only else told.drop(*_DONE)


def _unknown(books: Books, settled: Settled) -> dict[str, nw.Expr]:
    """What stays empty: the money side of the books where payments are not known, dates of maturity where nothing waits."""
    empty: dict[str, nw.Expr] = {}
    if books.ledger is None:
        empty |= {name: nw.lit(None, dtype=AMOUNT) for name in LEDGER_AMOUNTS}
    if settled.waiting.amounts is None:
        empty |= {"maturity_date": nw.lit(None, dtype=nw.Date), "maturity_text": nw.lit(None, dtype=nw.String)}
    return empty


def _with_maturity(rows: Frame, engine: Engine, settled: Settled) -> Frame:
    """The dates of the days on which deferred money matures."""
    if settled.waiting.amounts is None:
        return rows
    dates = lookup(engine, settled.waiting.dates, grain=["matures_day"], what="maturity dates")
    return rows.join(dates, on="matures_day", how="left")


def _base_day(rules: ReconcileRules) -> nw.Expr:
    """The day from which the release is counted: so that deferred money is released on the day on which it matures."""
    matures = nw.when(nw.col("due_deferred") > nw.lit(ZERO)).then(nw.col("matures_day") - rules.release_days)
    return nw.coalesce(matures, "ship_date_day", "order_date_day", "first_billed_day")


def _joined(engine: Engine, books: Books, settled: Settled, rules: ReconcileRules, *, statement_only: bool) -> Frame:
    """Every order that a side knows, with what each side knows of it; and what was shipped and no side knows."""
    currency = only(books.currencies | settled.currencies)
    by_order = per_order(engine, settled.counted, currency=only(settled.currencies), statement_only=statement_only)
    rows = by_order
    key = KEY[:1] if currency else KEY  # an only currency is known of every row and need not be compared
    for side in (books.billed, books.credited, *settled.waiting.sides):
        rows = _with_side(rows, side, key)
    more, more_counts = ((), ()) if statement_only else (_FOR_EXCEPTIONS, _COUNTS_FOR_EXCEPTIONS)
    waits = settled.waiting.amounts is not None
    documents = ("bills", "lines", "credits", *(WAITING[:1] if waits else ()))
    shipped = nw.col("order_status").is_in(list(SHIPPED)) & (nw.col("ship_date_day") <= rules.as_of_day)
    rows = (
        _with_side(rows, books.orders, KEY[:1])
        .filter(
            ~nw.all_horizontal(*(nw.col(name).is_null() for name in documents), ignore_nulls=False)
            | shipped.fill_null(False)
        )
        .with_columns(
            nw.col(*_FROM_BOOKS, *_FROM_LINES, *more).fill_null(ZERO),
            nw.col(*_COUNTS, *more_counts).fill_null(0),
            currency=nw.lit(currency) if currency else nw.coalesce("currency", "order_currency"),
            marketplace=nw.coalesce("order_marketplace", "line_marketplace"),
            **({name: nw.col(name).fill_null(ZERO) for name in WAITING} if waits else _nothing_waits()),
            **(_no_conflict(currency) if currency else {}),
        )
    )
    if currency:
        return rows
    conflicts = _conflicts(engine, books.billed, by_order, (books.credited, *settled.waiting.sides))
    return rows.join(conflicts, on="amazon_order_id", how="left").with_columns(
        conflict=nw.col("conflict").fill_null(False),
        billed_anywhere=nw.coalesce(nw.col("billed_anywhere"), nw.col("bills") > 0),
    )


def _no_conflict(currency: str) -> dict[str, nw.Expr]:
    """What ``_conflicts`` would say where there is one currency."""
    return {
        "conflict": nw.lit(False),
        "billed_anywhere": nw.col("bills").fill_null(0) > 0,
        "one_currency": nw.lit(currency),
        "other_currency": nw.lit(currency),
    }


def _nothing_waits() -> dict[str, nw.Expr]:
    unknown = {"matures_day": nw.lit(None, dtype=nw.Int32), "deferral_reason": nw.lit(None, dtype=nw.String)}
    return {**{name: nw.lit(ZERO).cast(AMOUNT) for name in WAITING}, **unknown}


def _with_side(rows: Frame, side: Frame, key: Sequence[str]) -> Frame:
    """Rows of both, one for each ``key``; what a side does not know is empty. The side is what an engine keeps in memory."""
    joined = rows.join(side, on=list(key), how="full", suffix="_of_side")
    merged = {name: nw.coalesce(name, f"{name}_of_side") for name in key}
    others = [name for name in joined.collect_schema().names() if not name.endswith("_of_side") and name not in merged]
    return joined.select(*others, **merged)


def _legs() -> dict[str, nw.Expr]:
    return {
        "received": nw.col("received_gross") - nw.col("refunded"),
        "sale_leg": nw.col("billed_gross") - nw.col("received_gross"),
        "refund_leg": nw.col("credited") - nw.col("refunded"),
    }


def _due() -> dict[str, nw.Expr]:
    sale, refund, zero = nw.col("sale_leg"), nw.col("refund_leg"), nw.lit(ZERO)
    in_transit = nw.when(refund > zero).then(refund).otherwise(zero)
    return {
        "due": sale - in_transit,
        "overpaid": nw.when(sale < zero).then(zero - sale).otherwise(zero),
        "uncredited_refund": nw.when(refund < zero).then(zero - refund).otherwise(zero),
        "refund_in_transit": in_transit,
    }


def _conflicts(engine: Engine, billed: Frame, settled: Frame, others: Sequence[Frame]) -> Frame:
    """Of orders with rows in several currencies: whether they are billed in one and settled in another, and in which."""
    bills = billed.select(*KEY, billed_rows=nw.lit(1), settled_rows=nw.lit(0))
    buyers = settled.filter(nw.col("buyer_lines") > 0).select(*KEY, billed_rows=nw.lit(0), settled_rows=nw.lit(1))
    known = nw.concat([frame.select(*KEY) for frame in (settled, *others)]).with_columns(other=nw.col("currency"))
    elsewhere = bills.join(known.drop("currency"), on="amazon_order_id", how="inner")
    several = elsewhere.filter(nw.col("currency") != nw.col("other")).select("amazon_order_id")
    per_order = (
        nw.concat([bills, buyers])
        .join(several, on="amazon_order_id", how="semi")
        .group_by("amazon_order_id")
        .agg(
            nw.col("billed_rows", "settled_rows").sum(),
            one_currency=nw.col("currency").min(),
            other_currency=nw.col("currency").max(),
        )
    )
    differ = nw.col("one_currency") != nw.col("other_currency")
    told = per_order.select(
        "amazon_order_id",
        "one_currency",
        "other_currency",
        billed_anywhere=nw.col("billed_rows") > 0,
        conflict=(nw.col("billed_rows") > 0) & (nw.col("settled_rows") > 0) & differ,
    )
    return engine.hold(told, grain=["amazon_order_id"], what="orders in several currencies", grouped=True)


def _status() -> nw.Expr:
    """The first status that holds (domain reference 2.2)."""
    zero = nw.lit(ZERO)
    sale, refund = nw.col("sale_leg"), nw.col("refund_leg")
    received, refunded = nw.col("received_gross"), nw.col("refunded")
    neither = (nw.col("bills") == 0) & (nw.col("credits") == 0) & (nw.col("lines") == 0)
    ladder = (
        (nw.col("conflict"), StatementStatus.CURRENCY_CONFLICT),
        ((nw.col("bills") == 0) & ((nw.col("lines") > 0) | neither), StatementStatus.NOT_BILLED),
        (sale < zero, StatementStatus.OVERPAID),
        (refund < zero, StatementStatus.REFUND_UNCREDITED),
        (refund > zero, StatementStatus.REFUND_IN_TRANSIT),
        ((sale > zero) & (received > zero), StatementStatus.PARTIALLY_SETTLED),
        ((nw.col("due_deferred") > zero).fill_null(False), StatementStatus.DEFERRED),
        (sale > zero, StatementStatus.AWAITING_SETTLEMENT),
        ((refunded > zero) & (received == refunded), StatementStatus.REFUNDED_FULL),
    )
    status = nw.lit(StatementStatus.SETTLED.value)
    for holds, name in reversed(ladder):
        status = nw.when(holds).then(nw.lit(name.value)).otherwise(status)
    return status


def _expected(engine: Engine, books: Books, settled: Settled, rules: ReconcileRules) -> tuple[Frame, list[str]]:
    """When money is expected, and by which columns: the only currency need not be compared."""
    currencies = books.currencies | settled.currencies
    days = (*books.days, *(day - rules.release_days for day in settled.waiting.days))
    table = expected_table(days, currencies, settled.period_ends, rules)
    by = ["base_day"] if only(currencies) else ["currency", "base_day"]
    if only(currencies):
        table = table.drop_columns(["currency"])
    return lookup(engine, table, grain=by, what="expected settlement dates"), by


def _posted_dates(engine: Engine, settled: Settled) -> Frame:
    """Day numbers and their dates: no expression turns a day number into a date on every engine."""
    days = pa.array(settled.posted_days, DAY)
    dates = days.cast(DATE)
    table = pa.table({"last_posted_day": days, "last_posted": dates, "posted_text": dates.cast(TEXT)})
    return lookup(engine, table, grain=["last_posted_day"], what="posted dates")


def assert_identity(engine: Engine, rows: Frame) -> None:
    """Assert ``net_cash = received_gross − refunded − fee_withheld + reimbursed + adjustments [− tax_withheld]`` in every row.

    Raises
    ------
    ReconcileError
        Naming the first row in which it does not hold.
    """
    include = nw.col("tax_mode") == TaxMode.INCLUDE.value
    legs = (
        nw.col("received_gross")
        - nw.col("refunded")
        - nw.col("fee_withheld")
        + nw.col("reimbursed")
        + nw.col("adjustments")
        - nw.when(include).then(nw.col("tax_withheld")).otherwise(nw.lit(ZERO))
    )
    broken = rows.with_columns(legs=legs).filter(nw.col("legs") != nw.col("net_cash"))
    first = engine.read(broken.select(*KEY, "legs", "net_cash").sort(*KEY).head(1)).to_pylist()
    if first:
        row = first[0]
        raise ReconcileError(
            f"the settlement lines of {row['amazon_order_id']} add up to {row['net_cash']} {row['currency']}, "
            f"but their parts to {row['legs']}",
            "A line has a kind or event that is not in the vocabulary; add its file again",
        )
