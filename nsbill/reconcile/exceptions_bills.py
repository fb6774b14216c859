"""Bills in the wrong place of the books: of another subsidiary than their marketplace's, or dated in a closed period."""

from __future__ import annotations

import narwhals as nw
import pandas as pd
import pyarrow as pa

from nsbill.reconcile.books import Books
from nsbill.reconcile.engine import Engine, Frame, arrow_of, with_day_numbers
from nsbill.reconcile.exception_columns import exception_columns
from nsbill.reconcile.exceptions_unbilled import UNBILLED_ACTIONS
from nsbill.reconcile.rules import ReconcileRules
from nsbill.reconcile.texts import sentence
from nsbill.schemas_facts import BILL_SUBSIDIARIES, POSTED_ELSEWHERE
from nsbill.vocabulary import ExceptionClass

__all__ = ["BILLS_ACTIONS", "closed_period_documents", "subsidiary_mismatches"]

_SUBSIDIARY, _CLOSED = ExceptionClass.SUBSIDIARY_MISMATCH, ExceptionClass.CLOSED_PERIOD

BILLS_ACTIONS: dict[ExceptionClass, str] = {
    _SUBSIDIARY: "Correct the marketplace's subsidiary in the setting or in NetSuite, then bill it there.",
}
"""The default action of each class that is found here only."""


def subsidiary_mismatches(
    engine: Engine, *, rows: Frame, books: Books, subsidiaries: pd.DataFrame, rules: ReconcileRules
) -> Frame:
    """Find bills of another subsidiary than the setting ``marketplace_subsidiaries`` names; one row per bill.

    ``subsidiaries`` has the schema BILL_SUBSIDIARIES. A marketplace that the setting does not name, and a bill whose
    subsidiary is not known, are not judged. The money is the bill's total.
    """
    named = sorted(rules.marketplace_subsidiaries.items())
    wanted = engine.frame(pa.table({
        "marketplace": pa.array([name for name, _ in named], pa.string()),
        "wanted": pa.array([name for _, name in named], pa.string()),
    }))  # fmt: skip
    of_bills = engine.frame(arrow_of(subsidiaries, BILL_SUBSIDIARIES))
    of_rows = rows.select("amazon_order_id", "currency", "marketplace")
    found = (
        books.bills.join(of_bills, on="billing_record_id", how="inner")
        .join(of_rows, on=["amazon_order_id", "currency"], how="inner")
        .join(wanted, on="marketplace", how="inner")
        .filter(nw.col("subsidiary") != nw.col("wanted"))
    )
    evidence = sentence(
        "billing record ", nw.col("number"), " is of '", nw.col("subsidiary"), "', orders of ", nw.col("marketplace"),
        " belong to '", nw.col("wanted"), "'",
    )  # fmt: skip
    return _row(found, _SUBSIDIARY, evidence, BILLS_ACTIONS[_SUBSIDIARY], rules)


def closed_period_documents(engine: Engine, *, documents: pd.DataFrame, closed: Frame, rules: ReconcileRules) -> Frame:
    """Find documents dated in a closed period and posted into another one; one row per document.

    ``documents`` has the schema POSTED_ELSEWHERE. A document that is posted into the period of its date is none, however
    long that has been closed: it was there before. The money is its total.
    """
    table = with_day_numbers(arrow_of(documents, POSTED_ELSEWHERE))
    found = (
        engine.frame(table)
        .filter(nw.col("date_day") <= rules.as_of_day)
        .join(closed.select("closed_name", date_day="closed_day"), on="date_day", how="inner")
    )
    evidence = sentence(
        nw.col("record_type"), " ", nw.col("number"), " (internal id ", nw.col("document_id"), ") is dated ",
        nw.col("date").cast(nw.String), " in ", nw.col("closed_name"), ", which is closed, and posted into ",
        nw.col("period"),
    )  # fmt: skip
    return _row(found, _CLOSED, evidence, UNBILLED_ACTIONS[_CLOSED], rules)


def _row(found: Frame, name: ExceptionClass, evidence: nw.Expr, action: str, rules: ReconcileRules) -> Frame:
    return found.select(
        *exception_columns(name, rules, amount="total", evidence=evidence, action=action, reference="number")
    )
