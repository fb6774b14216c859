"""Which classes of exceptions were looked for, and why the others could not be: nothing is missing in silence."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
import pyarrow as pa

from nsbill.amazon.proof_rows import Proof
from nsbill.reconcile.book_facts import BookFacts
from nsbill.reconcile.rules import ReconcileRules
from nsbill.schema import FLAG, TEXT, Column, Schema
from nsbill.vocabulary import ExceptionClass, ReceiptBasis

__all__ = ["COVERAGE", "coverage_of"]

COVERAGE = Schema(
    "what was looked for",
    (
        Column("exception_class", TEXT, "ExceptionClass"),
        Column("looked_for", FLAG, "whether it was looked for"),
        Column("explanation", TEXT, "one sentence: what it needs and does not have"),
    ),
)
"""Coverage; grain: one row per class of exceptions."""

_c = ExceptionClass
_BY_BASIS = (
    _c.PAYMENT_NOT_APPLIED, _c.PAYMENT_OVER_APPLIED, _c.PAYMENT_WRONG_ORDER, _c.REFUND_NOT_POSTED,
    _c.REFUND_ITEM_MISMATCH, _c.LATE_LINE,
)  # fmt: skip
_KINDS = tuple(name for name in ExceptionClass if name.startswith("AMOUNT_MISMATCH_"))
_PROVED = (_c.SETTLEMENT_GAP, _c.SETTLEMENT_OVERLAP, _c.RESERVE_BREAK, _c.BALANCE_BREAK)
_BANK = (_c.DEPOSIT_MISSING, _c.DEPOSIT_MISMATCH, _c.DEPOSIT_AMBIGUOUS, _c.DEPOSIT_WITHOUT_SETTLEMENT)


def coverage_of(
    *, facts: BookFacts, payments: bool, activity: bool, proofs: pa.Table | None, rules: ReconcileRules
) -> pd.DataFrame:
    """Say of each class whether it was looked for (schema COVERAGE)."""
    missing = dict(_missing(facts, proofs, rules, payments=payments, activity=activity))
    return COVERAGE.frame(
        [
            {
                "exception_class": name.value,
                "looked_for": name not in missing,
                "explanation": missing.get(name, "It was looked for."),
            }
            for name in ExceptionClass
        ]
    )


def _missing(
    facts: BookFacts, proofs: pa.Table | None, rules: ReconcileRules, *, payments: bool, activity: bool
) -> Iterator[tuple[ExceptionClass, str]]:
    if not payments:
        yield from ((name, "NetSuite's payments are not known: setting 'payments_booked'.") for name in _BY_BASIS[:4])
    if facts.billed_kinds is None:
        yield from ((name, "What bills bill of each kind is not known: setting 'kind_items'.") for name in _KINDS)
    if facts.bill_subsidiaries is None or not rules.marketplace_subsidiaries:
        yield _c.SUBSIDIARY_MISMATCH, "No subsidiary is named for any marketplace: setting 'marketplace_subsidiaries'."
    if facts.accounting_periods is None:
        yield _c.CLOSED_PERIOD, "The accounting periods are not known: the role may not see them."
    if facts.booked_income is None:
        yield _c.REIMBURSEMENT_UNBOOKED, "What is booked as income from reimbursements is not known."
    if facts.clearing_balances is None:
        yield _c.CLEARING_NOT_ZERO, "No balance of the clearing account was given."
    if proofs is None:
        yield from ((name, "The proofs of the stored settlements were not given.") for name in _PROVED)
    if proofs is None or Proof.DEPOSIT.value not in proofs["proof"].to_pylist():
        yield from ((name, "No bank statement was given.") for name in _BANK)
    if not activity:
        why = "No payments report and no answer of the Finances API was given."
        yield from ((name, why) for name in (_c.DEFERRED_OVERDUE, _c.SOURCE_DISAGREEMENT))
    yield _c.UNKNOWN_OUTCOME, "The journal of billing holds it, not the settlements: nsbill journal."
    if rules.basis is not ReceiptBasis.SETTLED:
        why = f"It is told on the basis 'settled' only, and this is '{rules.basis}'."
        yield from ((name, why) for name in (*_BY_BASIS, *_KINDS))
