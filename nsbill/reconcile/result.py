"""Reconcile books and settlements as of a day: statement, exceptions, settlements and totals."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

import pandas as pd

from nsbill.reconcile.agreement_schema import AGREEMENT
from nsbill.reconcile.book_facts import BookFacts
from nsbill.reconcile.compare import Compared, Inputs, compare
from nsbill.reconcile.coverage import COVERAGE
from nsbill.reconcile.engine import Engine, Frame, Given, checked
from nsbill.reconcile.engines import open_engine
from nsbill.reconcile.rules import ReconcileRules
from nsbill.reconcile.tie_out_schemas import TIE_OUT, TIE_OUT_MONTHS
from nsbill.schemas import ALLOCATION, EXCEPTIONS, SETTLEMENTS, STATEMENT, TOTALS
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
    orders: Given,
    billing_records: Given,
    credits: Given,  # noqa: A002 -- the domain's word, keyword-only
    lines: Given,
    settlements: pd.DataFrame,
    applications: Given | None = None,
    rules: ReconcileRules,
    proofs: pd.DataFrame | None = None,
    activity: pd.DataFrame | None = None,
    bill_items: Given | None = None,
    facts: BookFacts | None = None,
    engine: SparkSession | None = None,
) -> Reconciliation:
    """Compare what was billed with what Amazon settled, per order and currency (domain reference 2.2 to 2.6).

    The frames have the schemas ``ORDERS, BILLING_RECORDS, CREDITS, LINES, SETTLEMENTS``; what is ``Given`` may also be Parquet
    files that hold it. None is changed. What counts: billing records and credits dated up to ``rules.as_of``, and on Amazon's
    side what ``rules.basis`` says: by default lines of settlements whose period has closed by then.

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
    inputs = Inputs(
        orders=orders,
        billing_records=billing_records,
        credit_records=credits,
        lines=lines,
        settlements=settlements,
        applications=applications,
        bill_items=bill_items,
        proofs=proofs,
        activity=activity,
        facts=facts,
    )
    with open_engine(engine) as opened:
        return _in_memory(opened, compare(opened, inputs, rules), rules)


def _in_memory(engine: Engine, found: Compared, rules: ReconcileRules) -> Reconciliation:
    shares = found.allocation.sort("currency", "amazon_order_id", "date", "number")
    return Reconciliation(
        as_of=rules.as_of,
        tax_mode=rules.tax_mode,
        statement=checked(engine.read(_sorted_statement(found.statement)), STATEMENT),
        exceptions=checked(engine.read(_sorted_exceptions(found.exceptions)), EXCEPTIONS),
        settlements=checked(found.settlements, SETTLEMENTS),
        totals=checked(engine.read(found.totals.sort("currency")), TOTALS),
        allocation=checked(engine.read(shares), ALLOCATION),
        basis=rules.basis,
        **found.small,
    )


def _sorted_statement(rows: Frame) -> Frame:
    ordered = rows.sort("currency", "due", "amazon_order_id", descending=[False, True, False])
    return ordered.select(*STATEMENT.names)


def _sorted_exceptions(exceptions: Frame) -> Frame:
    by = ["exception_class", "currency", "amount", "amazon_order_id", "settlement_id", "evidence"]
    return exceptions.sort(*by, descending=[False, False, True, False, False, False], nulls_last=True)
