"""Whether a reconciliation could look for an exception at all; what it could not look for is not gone when it is missing.

Deposits are looked for only in the bank statements that are given, payments only when NetSuite's are loaded, and so on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pandas as pd

from nsbill.vocabulary import ExceptionClass

if TYPE_CHECKING:
    from nsbill.reconcile import Reconciliation

__all__ = ["IsTold", "told_by"]

IsTold = Callable[[str, str | None, str | None], bool]
"""Of a class, an Amazon order id and a settlement id: whether the reconciliation would have found it."""

_STEPS: dict[str, str] = {
    ExceptionClass.SETTLEMENT_GAP: "periods chain",
    ExceptionClass.SETTLEMENT_OVERLAP: "periods chain",
    ExceptionClass.RESERVE_BREAK: "reserve rolls forward",
    ExceptionClass.BALANCE_BREAK: "negative balance carried",
    ExceptionClass.DEPOSIT_MISSING: "deposit in bank",
    ExceptionClass.DEPOSIT_MISMATCH: "deposit in bank",
    ExceptionClass.DEPOSIT_AMBIGUOUS: "deposit in bank",
}
"""The TieStep that says whether the exception is there; an empty ``holds`` says that it cannot be told.

Steps and states are named by their values, so that the desk need not import the reconciliation to bill."""
_COLUMNS: dict[str, str] = {
    ExceptionClass.PAYMENT_NOT_APPLIED: "ns_received",
    ExceptionClass.PAYMENT_OVER_APPLIED: "ns_received",
    ExceptionClass.PAYMENT_WRONG_ORDER: "ns_received",
    ExceptionClass.REFUND_NOT_POSTED: "ns_received",
    ExceptionClass.DEFERRED_OVERDUE: "due_deferred",
}
"""The column of the statement that is empty everywhere when what is needed was not given."""

_NOT_COMPARED = "cannot be compared"
"""The state of AGREEMENT that says nothing."""


def told_by(found: Reconciliation) -> IsTold:
    """Return what says which exceptions ``found`` could have found.

    A deposit that no settlement claims is never told to be gone: the bank line is not kept, so only people can close it.
    """
    steps, compared = _steps(found.tie_out), _compared(found.agreement)
    given = {column for column in set(_COLUMNS.values()) if bool(found.statement[column].notna().any())}

    not_looked_for = frozenset(found.coverage[~found.coverage["looked_for"]]["exception_class"].tolist())

    def is_told(exception_class: str, order: str | None, settlement: str | None) -> bool:
        if exception_class in not_looked_for:
            return False
        if exception_class in _STEPS:
            return (settlement, _STEPS[exception_class]) in steps
        if exception_class in _COLUMNS:
            return _COLUMNS[exception_class] in given
        if exception_class == ExceptionClass.SOURCE_DISAGREEMENT:
            return (order, settlement) in compared
        return exception_class != ExceptionClass.DEPOSIT_WITHOUT_SETTLEMENT

    return is_told


def _steps(tie_out: pd.DataFrame) -> set[tuple[str | None, str]]:
    told = tie_out[tie_out["holds"].notna()]
    return set(zip(told["settlement_id"], told["step"], strict=True))


def _compared(agreement: pd.DataFrame) -> set[tuple[str | None, str | None]]:
    """Orders and settlements whose sources were compared; a settlement as a whole (without an order), too."""
    told = agreement[agreement["state"] != _NOT_COMPARED]
    orders = set(zip(told["amazon_order_id"], told["settlement_id"], strict=True))
    return orders | {(None, settlement) for _, settlement in orders}
