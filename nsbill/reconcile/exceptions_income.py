"""What must be booked beside the orders: reimbursements as income, and a clearing account that ends at nothing."""

from __future__ import annotations

import narwhals as nw
import pandas as pd
import pyarrow as pa

from nsbill.money import ZERO
from nsbill.reconcile.books import KEY
from nsbill.reconcile.engine import AMOUNT, Engine, Frame, arrow_of, with_day_numbers
from nsbill.reconcile.evidence import ANYWHERE, with_evidence
from nsbill.reconcile.rules import ReconcileRules
from nsbill.reconcile.settled import Settled
from nsbill.schemas import EXCEPTIONS
from nsbill.schemas_facts import BOOKED_INCOME, CLEARING_BALANCES
from nsbill.vocabulary import ExceptionClass

__all__ = ["INCOME_ACTIONS", "clearing_exceptions", "unbooked_reimbursements"]

_UNBOOKED, _CLEARING = ExceptionClass.REIMBURSEMENT_UNBOOKED, ExceptionClass.CLEARING_NOT_ZERO
INCOME_ACTIONS: dict[ExceptionClass, str] = {
    _UNBOOKED: "Book the reimbursement as other income; it is no receipt of the sale.",
    _CLEARING: "Drill into the clearing account: find what of the settlement is not booked, or booked twice.",
}
"""The default action of each class that is found here."""


def unbooked_reimbursements(
    engine: Engine, *, rows: Frame, settled: Settled, income: pd.DataFrame, rules: ReconcileRules
) -> Frame:
    """Find orders that were reimbursed more than is booked as income (schema BOOKED_INCOME); the money is the rest."""
    entries = engine.frame(with_day_numbers(arrow_of(income, BOOKED_INCOME)))
    booked = (
        entries.filter(nw.col("date_day") <= rules.as_of_day, ~nw.col("amazon_order_id").is_null())
        .group_by(*KEY)
        .agg(booked=nw.col("amount").sum())
    )
    won = rows.filter(nw.col("reimbursed") > nw.lit(ZERO)).join(booked, on=list(KEY), how="left")
    rest = won.with_columns(rest=nw.col("reimbursed") - nw.col("booked").fill_null(ZERO))
    found = rest.filter(nw.col("rest") > nw.lit(ZERO)).select(
        *KEY,
        nw.lit(_UNBOOKED.value).alias("exception_class"),
        "seller_account",
        nw.col("rest").cast(AMOUNT).alias("amount"),
        nw.lit(ANYWHERE).alias("lines_of"),
        nw.lit(INCOME_ACTIONS[_UNBOOKED]).alias("action"),
        "sales_order_number",
        "billing_records",
        "credit_records",
    )
    held = engine.hold(found, grain=KEY, what="reimbursements that are not booked")
    return with_evidence(engine, held, settled.pieces).with_columns(
        settlement_id=nw.lit(None, dtype=nw.String), reference=nw.lit(None, dtype=nw.String)
    )


def clearing_exceptions(
    engine: Engine, *, settlements: pa.Table, balances: pd.DataFrame, rules: ReconcileRules
) -> Frame:
    """Find closed settlements after which the clearing account is not zero (schema CLEARING_BALANCES)."""
    known = {row["settlement_id"]: row for row in settlements.to_pylist()}
    rows = [
        {
            "exception_class": _CLEARING.value,
            "seller_account": rules.seller_account,
            "settlement_id": row["settlement_id"],
            "currency": known[row["settlement_id"]]["currency"],
            "amount": row["balance"],
            "evidence": f"settlement {row['settlement_id']}: {row['evidence']} holds {row['balance']} after its entries",
            "action": INCOME_ACTIONS[_CLEARING],
        }
        for row in arrow_of(balances, CLEARING_BALANCES).to_pylist()
        if row["settlement_id"] in known and row["balance"] != ZERO
    ]
    return engine.frame(pa.Table.from_pylist(rows, schema=EXCEPTIONS.arrow))
