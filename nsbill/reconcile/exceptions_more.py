"""The exceptions that need more than the statement: what is known beside the documents, and single lines."""

from __future__ import annotations

from dataclasses import dataclass

from nsbill.reconcile.book_facts import BookFacts
from nsbill.reconcile.books import Books
from nsbill.reconcile.engine import Engine, Frame
from nsbill.reconcile.exceptions_bills import BILLS_ACTIONS, closed_period_documents, subsidiary_mismatches
from nsbill.reconcile.exceptions_income import INCOME_ACTIONS, clearing_exceptions, unbooked_reimbursements
from nsbill.reconcile.exceptions_kinds import KIND_ACTIONS, kind_differences, kind_exceptions
from nsbill.reconcile.exceptions_late import LATE_ACTIONS, late_lines
from nsbill.reconcile.exceptions_lines import equal_lines
from nsbill.reconcile.exceptions_refunds import REFUND_ACTIONS, refund_item_mismatches
from nsbill.reconcile.exceptions_unbilled import UNBILLED_ACTIONS, closed_days, unbilled_exceptions
from nsbill.reconcile.rules import ReconcileRules
from nsbill.reconcile.settled import Settled
from nsbill.vocabulary import ExceptionClass, ReceiptBasis

__all__ = ["MORE_ACTIONS", "More", "more_exceptions"]

MORE_ACTIONS: dict[ExceptionClass, str] = {
    **KIND_ACTIONS,
    **UNBILLED_ACTIONS,
    **BILLS_ACTIONS,
    **REFUND_ACTIONS,
    **LATE_ACTIONS,
    **INCOME_ACTIONS,
}
"""The default action of each class that is found here."""


@dataclass(frozen=True)
class More:
    """Exceptions (columns of EXCEPTIONS), and what is billed less what is settled by kind, where that is known."""

    exceptions: list[Frame]
    kinds: Frame | None = None


def more_exceptions(
    engine: Engine,
    *,
    rows: Frame,
    books: Books,
    settled: Settled,
    facts: BookFacts,
    bill_items: Frame,
    rules: ReconcileRules,
) -> More:
    """Find what the given ``facts`` allow; what they lack is not looked for, and ``coverage`` says so."""
    closed = closed_days(engine, facts.accounting_periods)
    found = [unbilled_exceptions(engine, rows=rows, books=books, closed=closed, rules=rules)]
    if facts.bill_subsidiaries is not None and rules.marketplace_subsidiaries:
        of_bills = facts.bill_subsidiaries
        found.append(subsidiary_mismatches(engine, rows=rows, books=books, subsidiaries=of_bills, rules=rules))
    if closed is not None and facts.posted_elsewhere is not None:
        documents = facts.posted_elsewhere
        found.append(closed_period_documents(engine, documents=documents, closed=closed, rules=rules))
    if facts.booked_income is not None:
        income = facts.booked_income
        found.append(unbooked_reimbursements(engine, rows=rows, settled=settled, income=income, rules=rules))
    if facts.clearing_balances is not None:
        balances = facts.clearing_balances
        found.append(clearing_exceptions(engine, settlements=settled.settlements, balances=balances, rules=rules))
    if rules.basis is not ReceiptBasis.SETTLED:
        return More(found)
    of_lines = refund_item_mismatches(
        engine, rows=rows, books=books, settled=settled, bill_items=bill_items, rules=rules
    )
    found += [of_lines, late_lines(engine, rows=rows, books=books, settled=settled, rules=rules)]
    found += equal_lines(engine, rows=rows, settled=settled, rules=rules)
    if facts.billed_kinds is None:
        return More(found)
    kinds = kind_differences(engine, rows=rows, books=books, settled=settled, billed_kinds=facts.billed_kinds)
    found.append(kind_exceptions(engine, rows=rows, differences=kinds, settled=settled, rules=rules))
    return More(found, kinds)
