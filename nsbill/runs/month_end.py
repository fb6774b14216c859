"""The month-end report of notebook 12: which month and day are meant, both its ends reconciled, its files in the run's folder."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from nsbill.errors import ReconcileError
from nsbill.reconcile.month import Month, month_rows
from nsbill.reconcile.sources import source_rows
from nsbill.runs.figures import reconciliation_figures
from nsbill.runs.results import RESULT_FILE_VARIABLE
from nsbill.show.report_files import InMonth, write_report_files

if TYPE_CHECKING:
    from nsbill.reading_desk import ReadingDesk
    from nsbill.reconcile import Reconciliation

__all__ = ["MonthEnd", "month_end", "month_meant", "report_folder"]


@dataclass(frozen=True)
class MonthEnd:
    """A month as it stands on its as-of day: the reconciliation of that day, and what happened in the month."""

    month: Month
    found: Reconciliation
    in_month: InMonth
    desk: ReadingDesk

    def write(self) -> list[Path]:
        """Write the HTML page and the Excel workbook of ``nsbill report --month``, into the folder of this run."""
        settings, store = self.desk.settings, self.desk.store
        written = write_report_files(
            report_folder(self.desk.workspace),
            self.found,
            in_month=self.in_month,
            sources=source_rows(store.lines_files(), self.found),
            facts={"Account": settings.account, "Seller account": settings.seller_account},
        )
        return [path for paths in written.values() for path in paths]

    def figures(self, files: list[Path]) -> dict[str, object]:
        """What a run records of it: the figures of a reconciliation, the month, what came in by currency, its files."""
        rows = self.in_month.rows
        in_month: dict[str, dict[str, object]] = {}
        for figure, currency, amount in zip(rows["figure"], rows["currency"], rows["in_month"], strict=True):
            in_month.setdefault(figure, {})[currency] = amount
        return {
            **reconciliation_figures(self.found, self.desk.store.payouts()),
            "month": self.month.name,
            "month_is_over": self.month.whole,
            "in_month": in_month,
            "report_files": [path.name for path in files],
        }


def month_meant(month: str, as_of: str, *, today: date) -> Month:
    """The month (``YYYY-MM``) looked at as of a day in it (``YYYY-MM-DD``).

    Without a month it is that of the day, and without either the last one that is over; without a day, its last day.

    Raises
    ------
    ReconcileError
        One of them cannot be read, the day is of another month, or it has not come yet.
    """
    try:
        day = date.fromisoformat(as_of) if as_of else None
        meant = Month.parse(month or f"{day or today.replace(day=1) - timedelta(days=1):%Y-%m}")
    except ValueError as error:
        problem = f"month {month!r} and as-of date {as_of!r} are not a month and a day"
        raise ReconcileError(problem, "Write 2026-10 and 2026-10-31, or leave them empty.") from error
    if day is not None:
        if not meant.first <= day <= meant.last:
            raise ReconcileError(
                f"{day} is not in {meant.name}", "Leave the as-of date empty for the month's last day."
            )
        meant = Month(meant.year, meant.number, day)
    if meant.as_of > today:
        problem = f"{meant.as_of} has not come yet: today is {today}"
        raise ReconcileError(problem, "Name a day in the month that has come, as the as-of date.")
    return meant


def month_end(desk: ReadingDesk, month: Month) -> MonthEnd:
    """Reconcile as of the month's day and as of the end of the month before, by the same books."""
    books, facts = desk.books(), desk.facts()
    found = desk.reconcile(month.as_of, books=books, facts=facts)
    before = desk.reconcile(month.begin, books=books, facts=facts)
    return MonthEnd(month, found, InMonth(month, month_rows(before, found)), desk)


def report_folder(workspace: Path) -> Path:
    """The folder of the run that is under way; for a notebook that a person runs, the workspace's reports."""
    recorded = os.environ.get(RESULT_FILE_VARIABLE)
    return Path(recorded).parent if recorded else workspace / "reports"
