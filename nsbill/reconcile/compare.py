"""Compare books and settlements, once, as lazy frames: what ``reconcile`` reads and ``reconcile_into`` writes to files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypedDict

import narwhals as nw
import pandas as pd
import pyarrow as pa

from nsbill.amazon.proof_rows import PROOFS
from nsbill.money import ZERO
from nsbill.reconcile.agreement import agreement_of
from nsbill.reconcile.allocation import allocation_rows
from nsbill.reconcile.basis import deposited_settlements
from nsbill.reconcile.book_facts import BookFacts
from nsbill.reconcile.books import Books, read_books
from nsbill.reconcile.coverage import coverage_of
from nsbill.reconcile.engine import Engine, Frame, Given, arrow_of, lines_of, records_of
from nsbill.reconcile.exceptions import exception_rows
from nsbill.reconcile.exceptions_more import more_exceptions
from nsbill.reconcile.exceptions_settlements import settlement_exceptions
from nsbill.reconcile.rules import ReconcileRules
from nsbill.reconcile.settled import Settled, read_settled
from nsbill.reconcile.statement import StatementAlone, statement_alone, statement_rows
from nsbill.reconcile.tie_out import tie_out
from nsbill.schema import Schema
from nsbill.schemas import (
    ACTIVITY,
    APPLICATIONS,
    BILL_ITEMS,
    BILLING_RECORDS,
    CREDITS,
    ORDERS,
    SETTLEMENTS,
    TOTALS,
)

__all__ = ["BookFrames", "Compared", "Inputs", "book_frames", "compare", "compare_statement"]


@dataclass(frozen=True)
class Inputs:
    """What is reconciled. Each is a frame of its schema; those that are ``Given`` may be Parquet files that hold it.

    ``orders`` (schema ORDERS), ``billing_records`` (BILLING_RECORDS), ``credit_records`` (CREDITS), ``lines`` (LINES),
    ``settlements`` (SETTLEMENTS), ``applications`` (APPLICATIONS), ``bill_items`` (BILL_ITEMS), ``proofs`` (PROOFS),
    ``activity`` (ACTIVITY), ``facts``: as for ``reconcile``.
    """

    orders: Given
    billing_records: Given
    credit_records: Given
    lines: Given
    settlements: pd.DataFrame
    applications: Given | None = None
    bill_items: Given | None = None
    proofs: pd.DataFrame | None = None
    activity: pd.DataFrame | None = None
    facts: BookFacts | None = None


class BookFrames(TypedDict):
    """The books' records as lazy frames; ``applications``: none when payments are not known."""

    orders: Frame
    billing_records: Frame
    credit_records: Frame
    applications: Frame | None


@dataclass(frozen=True)
class Compared:
    """Everything that follows from the inputs.

    ``statement`` has the columns of STATEMENT and more; ``exceptions``, ``totals`` and ``allocation`` those of the schemas with
    these names. None is sorted. ``settlements``: those that count; ``small``: ``tie_out``, ``tie_out_months``,
    ``agreement`` and ``coverage``, ready.
    """

    statement: Frame
    exceptions: Frame
    totals: Frame
    allocation: Frame
    settlements: pa.Table
    small: Mapping[str, pd.DataFrame]


def compare(engine: Engine, inputs: Inputs, rules: ReconcileRules) -> Compared:
    """Find statement, exceptions, totals, allocation, tie-out and agreement.

    Raises
    ------
    SchemaError
        When an input is not of its schema.
    ReconcileError
        When the inputs contradict themselves, so that a figure would be a guess.
    """
    facts = inputs.facts or BookFacts()
    proofs, activity = _given(inputs.proofs, PROOFS), _given(inputs.activity, ACTIVITY)
    lines = lines_of(engine, inputs.lines)
    books, settled = _sides(engine, inputs, rules, lines=lines, proofs=proofs, activity=activity)
    bill_items = records_of(engine, BILL_ITEMS.frame() if inputs.bill_items is None else inputs.bill_items, BILL_ITEMS)
    rows = statement_rows(engine, books=books, settled=settled, rules=rules)
    clearing = facts.clearing_balances
    tied = tie_out(engine, lines=lines, settled=settled, proofs=proofs, clearing=clearing, rules=rules)
    of_settlements = settlement_exceptions(
        engine, settlements=settled.settlements, proofs=proofs, sums=tied.sums, rules=rules
    )
    agreed = agreement_of(engine, settled=settled, activity=activity, sums=tied.sums, rules=rules)
    found = more_exceptions(
        engine, rows=rows, books=books, settled=settled, facts=facts, bill_items=bill_items, rules=rules
    )
    more = [of_settlements, *agreed.exceptions, *found.exceptions]
    exceptions = exception_rows(engine, rows=rows, settled=settled, rules=rules, more=more, kinds=found.kinds)
    coverage = coverage_of(
        facts=facts, payments=books.ledger is not None, activity=activity is not None, proofs=proofs, rules=rules
    )
    small = {"tie_out": tied.steps, "tie_out_months": tied.months, "agreement": agreed.rows, "coverage": coverage}
    return Compared(
        statement=rows,
        exceptions=exceptions,
        totals=_totals(rows, exceptions),
        allocation=allocation_rows(engine, rows=rows, bills=books.bills, settled=settled, bill_items=bill_items),
        settlements=settled.settlements,
        small=small,
    )


def compare_statement(engine: Engine, inputs: Inputs, rules: ReconcileRules) -> StatementAlone:
    """Find the statement alone.

    Raises
    ------
    SchemaError, ReconcileError
        As ``compare``.
    """
    proofs, activity = _given(inputs.proofs, PROOFS), _given(inputs.activity, ACTIVITY)
    lines = lines_of(engine, inputs.lines)
    books, settled = _sides(engine, inputs, rules, lines=lines, proofs=proofs, activity=activity, statement_only=True)
    return statement_alone(engine, books=books, settled=settled, rules=rules)


def _sides(
    engine: Engine,
    inputs: Inputs,
    rules: ReconcileRules,
    *,
    lines: Frame,
    proofs: pa.Table | None,
    activity: pa.Table | None,
    statement_only: bool = False,
) -> tuple[Books, Settled]:
    """The books' side and Amazon's side."""
    books = read_books(engine, **book_frames(engine, inputs), rules=rules, statement_only=statement_only)
    settled = read_settled(
        engine,
        lines=lines,
        settlements=arrow_of(inputs.settlements, SETTLEMENTS),
        rules=rules,
        activity=activity,
        deposited=None if proofs is None else deposited_settlements(proofs),
        statement_only=statement_only,
    )
    return books, settled


def book_frames(engine: Engine, inputs: Inputs) -> BookFrames:
    """The books' records as lazy frames, dates with day numbers: what ``read_books`` takes."""
    applications = inputs.applications
    return {
        "orders": records_of(engine, inputs.orders, ORDERS),
        "billing_records": records_of(engine, inputs.billing_records, BILLING_RECORDS),
        "credit_records": records_of(engine, inputs.credit_records, CREDITS),
        "applications": None if applications is None else records_of(engine, applications, APPLICATIONS),
    }


def _given(frame: pd.DataFrame | None, schema: Schema) -> pa.Table | None:
    return None if frame is None else arrow_of(frame, schema)


def _totals(rows: Frame, exceptions: Frame) -> Frame:
    """Sum the statement per currency; a currency that has only exceptions gets a row of zeros."""
    sums = rows.group_by("currency").agg(orders=nw.len(), **{name: nw.col(name).sum() for name in TOTALS.money})
    wrong = exceptions.group_by("currency").agg(exceptions=nw.len())
    currencies = nw.concat([rows.select("currency"), exceptions.select("currency")]).unique("currency")
    joined = currencies.join(sums, on="currency", how="left").join(wrong, on="currency", how="left")
    filled = joined.with_columns(nw.col("orders", "exceptions").fill_null(0), nw.col(*TOTALS.money).fill_null(ZERO))
    return filled.select(*TOTALS.names)
