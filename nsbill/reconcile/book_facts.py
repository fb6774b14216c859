"""What else is known of the books: each part may be missing, and then its exceptions are not looked for."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

__all__ = ["BookFacts"]


@dataclass(frozen=True)
class BookFacts:
    """Frames beside the documents; ``None``: not known.

    ``billed_kinds`` (schema BILLED_KINDS): what the bills bill of each kind. ``bill_subsidiaries`` (BILL_SUBSIDIARIES).
    ``accounting_periods`` (ACCOUNTING_PERIODS) and ``posted_elsewhere`` (POSTED_ELSEWHERE): closed periods, and the
    documents that are posted into another period than their date's. ``booked_income`` (BOOKED_INCOME): entries for
    reimbursements. ``clearing_balances`` (CLEARING_BALANCES): the clearing account after each settlement.
    """

    billed_kinds: pd.DataFrame | None = None
    bill_subsidiaries: pd.DataFrame | None = None
    accounting_periods: pd.DataFrame | None = None
    posted_elsewhere: pd.DataFrame | None = None
    booked_income: pd.DataFrame | None = None
    clearing_balances: pd.DataFrame | None = None
