"""Reconcile books and settlements as of a day: statement, exceptions, settlements and totals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import narwhals as nw
import pandas as pd
import pyarrow as pa

from nsbill.amazon.proof_rows import PROOFS
from nsbill.money import ZERO
from nsbill.reconcile.agreement import agreement_of
from nsbill.reconcile.agreement_schema import AGREEMENT
from nsbill.reconcile.allocation import allocation_rows
from nsbill.reconcile.basis import deposited_settlements
from nsbill.reconcile.book_facts import BookFacts
from nsbill.reconcile.books import Books, read_books
from nsbill.reconcile.coverage import COVERAGE, coverage_of
from nsbill.reconcile.engine import Engine, Frame, arrow_of, checked, lines_of
from nsbill.reconcile.engines import open_engine
from nsbill.reconcile.exceptions import exception_rows
from nsbill.reconcile.exceptions_more import more_exceptions
from nsbill.reconcile.exceptions_settlements import settlement_exceptions
from nsbill.reconcile.rules import ReconcileRules
from nsbill.reconcile.settled import read_settled
from nsbill.reconcile.statement import statement_rows
from nsbill.reconcile.tie_out import tie_out
from nsbill.reconcile.tie_out_schemas import TIE_OUT, TIE_OUT_MONTHS
from nsbill.schema import Schema
from nsbill.schemas import (
    ACTIVITY,
    ALLOCATION,
    APPLICATIONS,
    BILL_ITEMS,
    BILLING_RECORDS,
    CREDITS,
    EXCEPTIONS,
    ORDERS,
    SETTLEMENTS,
    STATEMENT,
    TOTALS,
)
from nsbill.vocabulary import ReceiptBasis, TaxMode

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

__all__ = ["Reconciliation", "reconcile"]


@dataclass(frozen=True)
class Reconciliation:
    """What was received and what is due, per Amazon order, as of one day.

    ``statement``, ``exceptions``, ``settlements``, ``totals``, ``tie_out``, ``tie_out_months``,
    ``agreement``, ``allocation`` and ``coverage`` are frames of the schemas with these names; ``settlements`` holds those that are counted. Amounts are in
    each row's currency.
    """

    as_of: date
    tax_mode: TaxMode
    statement: pd.DataFrame
    exceptions: pd.DataFrame
    settlements: pd.DataFrame
    totals: pd.DataFrame
    tie_out: pd.DataFrame = field(default_factory=TIE_OUT.frame)
    tie_out_months: pd.DataFrame = field(default_factory=TIE_OUT_MONTHS.frame)
    agreement: pd.DataFrame = field(default_factory=AGREEMENT.frame)
    allocation: pd.DataFrame = field(default_factory=ALLOCATION.frame)
    basis: ReceiptBasis = ReceiptBasis.SETTLED
    coverage: pd.DataFrame = field(default_factory=COVERAGE.frame)


def reconcile(
    *,
    orders: pd.DataFrame,
    billing_records: pd.DataFrame,
    credits: pd.DataFrame,  # noqa: A002 -- the domain's word, keyword-only
    lines: Sequence[Path | str] | pd.DataFrame,
    settlements: pd.DataFrame,
    applications: pd.DataFrame | None = None,
    rules: ReconcileRules,
    proofs: pd.DataFrame | None = None,
    activity: pd.DataFrame | None = None,
    bill_items: pd.DataFrame | None = None,
    facts: BookFacts | None = None,
    engine: SparkSession | None = None,
) -> Reconciliation:
    """Compare what was billed with what Amazon settled, per order and currency (domain reference 2.2 to 2.6).

    The frames have the schemas ``ORDERS, BILLING_RECORDS, CREDITS, SETTLEMENTS``; ``lines`` is a frame of ``LINES``
    or the Parquet files that hold it. None of them is changed. What counts: billing records and credits dated up
    to ``rules.as_of``, and on Amazon's side what ``rules.basis`` says: by default lines of settlements whose period has
    closed by then.

    ``proofs`` (schema ``PROOFS``) are what the store proved of the same settlements; without them the tie-out says
    that its steps between settlements and with the bank cannot be told. ``activity`` (schema ``ACTIVITY``, files in the
    order of adding) is what payments reports and the Finances API say: it is compared with the settlements, and tells
    what is deferred or released and not settled yet.

    ``applications`` (schema ``APPLICATIONS``): what NetSuite applied to invoices and credits; without it, the columns
    from ``ns_received`` on are empty and nothing is said about payments.

    ``bill_items`` (schema ``BILL_ITEMS``): what the billing records bill, by which receipts are shared out among several
    records of one order; without it only amounts and dates can tell.

    ``facts``: what else is known of the books; what is missing there is not looked for, and ``coverage`` says so.

    ``engine``: a Spark session on which everything is computed instead of on this machine; the figures are the same. Its
    workers must be able to read the files of ``lines``, which then may also be addresses such as ``s3a://…``.

    The statement comes sorted by currency, ``due`` from high to low, and order id.

    Raises
    ------
    SchemaError
        When a frame is not of its schema.
    ReconcileError
        When the inputs contradict themselves, so that a figure would be a guess.
    """
    with open_engine(engine) as opened:
        source = lines_of(opened, lines)
        books = read_books(
            opened,
            orders=arrow_of(orders, ORDERS),
            billing_records=arrow_of(billing_records, BILLING_RECORDS),
            credit_records=arrow_of(credits, CREDITS),
            applications=_given(applications, APPLICATIONS),
            rules=rules,
        )
        amazon = _Amazon(source, arrow_of(settlements, SETTLEMENTS), _given(proofs, PROOFS), _given(activity, ACTIVITY))
        return _compared(opened, books, amazon, _Known(_given(bill_items, BILL_ITEMS), facts or BookFacts()), rules)


@dataclass(frozen=True)
class _Amazon:
    """What Amazon and the bank say."""

    lines: Frame
    settlements: pa.Table
    proofs: pa.Table | None
    activity: pa.Table | None


@dataclass(frozen=True)
class _Known:
    """What is known of the books beside the documents."""

    bill_items: pa.Table | None
    facts: BookFacts


def _given(frame: pd.DataFrame | None, schema: Schema) -> pa.Table | None:
    return None if frame is None else arrow_of(frame, schema)


def _compared(engine: Engine, books: Books, amazon: _Amazon, known: _Known, rules: ReconcileRules) -> Reconciliation:
    settled = read_settled(
        engine,
        lines=amazon.lines,
        settlements=amazon.settlements,
        rules=rules,
        activity=amazon.activity,
        deposited=None if amazon.proofs is None else deposited_settlements(amazon.proofs),
    )
    rows = statement_rows(engine, books=books, settled=settled, rules=rules)
    clearing = known.facts.clearing_balances
    tied = tie_out(engine, lines=amazon.lines, settled=settled, proofs=amazon.proofs, clearing=clearing, rules=rules)
    of_settlements = settlement_exceptions(
        engine, settlements=settled.settlements, proofs=amazon.proofs, sums=tied.sums, rules=rules
    )
    agreed = agreement_of(engine, settled=settled, activity=amazon.activity, sums=tied.sums, rules=rules)
    found = more_exceptions(
        engine, rows=rows, books=books, settled=settled, facts=known.facts, bill_items=known.bill_items, rules=rules
    )
    more = [of_settlements, *agreed.exceptions, *found.exceptions]
    exceptions = exception_rows(engine, rows=rows, settled=settled, rules=rules, more=more, kinds=found.kinds)
    shares = allocation_rows(engine, rows=rows, bills=books.bills, settled=settled, bill_items=known.bill_items)
    return Reconciliation(
        as_of=rules.as_of,
        tax_mode=rules.tax_mode,
        statement=checked(engine.read(_sorted_statement(rows)), STATEMENT),
        exceptions=checked(engine.read(_sorted_exceptions(exceptions)), EXCEPTIONS),
        settlements=checked(settled.settlements, SETTLEMENTS),
        totals=checked(engine.read(_totals(rows, exceptions)), TOTALS),
        tie_out=tied.steps,
        tie_out_months=tied.months,
        agreement=agreed.rows,
        allocation=checked(engine.read(shares.sort("currency", "amazon_order_id", "date", "number")), ALLOCATION),
        basis=rules.basis,
        coverage=coverage_of(
            facts=known.facts,
            payments=books.ledger is not None,
            activity=amazon.activity is not None,
            proofs=amazon.proofs,
            rules=rules,
        ),
    )


def _sorted_statement(rows: Frame) -> Frame:
    ordered = rows.sort("currency", "due", "amazon_order_id", descending=[False, True, False])
    return ordered.select(*STATEMENT.names)


def _sorted_exceptions(exceptions: Frame) -> Frame:
    by = ["exception_class", "currency", "amount", "amazon_order_id", "settlement_id", "evidence"]
    return exceptions.sort(*by, descending=[False, False, True, False, False, False], nulls_last=True)


def _totals(rows: Frame, exceptions: Frame) -> Frame:
    """Sum the statement per currency; a currency that has only exceptions gets a row of zeros."""
    sums = rows.group_by("currency").agg(orders=nw.len(), **{name: nw.col(name).sum() for name in TOTALS.money})
    wrong = exceptions.group_by("currency").agg(exceptions=nw.len())
    currencies = nw.concat([rows.select("currency"), exceptions.select("currency")]).unique("currency")
    joined = currencies.join(sums, on="currency", how="left").join(wrong, on="currency", how="left")
    filled = joined.with_columns(nw.col("orders", "exceptions").fill_null(0), nw.col(*TOTALS.money).fill_null(ZERO))
    return filled.select(*TOTALS.names).sort("currency")
