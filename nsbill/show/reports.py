"""What a scheduled notebook shows: plan, outcomes, and received versus due of each currency, without widgets."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pandas as pd

from nsbill.show.charts import currency_figures
from nsbill.show.panel_parts import heading, paragraph, sentences, show_figure, show_html
from nsbill.show.tables import (
    exceptions_summary,
    exceptions_table,
    money_table,
    outcomes_table,
    plan_tables,
    statement_table,
    totals_table,
)

if TYPE_CHECKING:
    from nsbill.billing.plan import Plan
    from nsbill.billing.run import RunResult
    from nsbill.reconcile import Reconciliation
    from nsbill.show.report_files import InMonth

__all__ = ["show_month", "show_outcomes", "show_plan", "show_received"]


def show_plan(plan: Plan, *, limit: int | None = 50) -> None:
    """Display what a plan bills and what it skips, with its notices."""
    show_html(paragraph(plan.sentence) + sentences(plan.notices, kind="notice"))
    show_html("".join(table.html() for table in plan_tables(plan, limit=limit)))


def show_outcomes(result: RunResult | None, *, limit: int | None = 50) -> None:
    """Display how a run went, order by order; ``None`` is a dry run."""
    if result is None:
        show_html(paragraph("Dry run: nothing was created."))
        return
    counts = (
        ", ".join(f"{number:,} {outcome}" for outcome, number in sorted(result.counts.items())) or "nothing to bill"
    )
    told = paragraph(f"Run {result.run_id}: {counts}.") + sentences(result.differences, kind="notice")
    show_html(told + outcomes_table(result.outcomes, limit=limit).html())


def show_month(in_month: InMonth) -> None:
    """Display what came in during a month, beside the state at both its ends."""
    month = in_month.month
    title = heading(f"{month.sentence[:1].upper()}{month.sentence[1:]}")
    show_html(title + money_table(in_month.rows, caption=f"Month {month.name}", limit=None).html())


def show_received(found: Reconciliation, *, top: int = 25) -> None:
    """Display totals, then per currency its charts and the orders with the largest due, then the exceptions."""
    show_html(heading(f"Received versus due as of {found.as_of}") + totals_table(found.totals).html())
    for currency in _currencies(found.totals):
        show_html(heading(f"Orders in {currency}"))
        for figure in currency_figures(found.statement, currency=currency, top=top):
            show_figure(figure)
        show_html(statement_table(found.statement, currency=currency, limit=top).html())
    show_html(heading("Exceptions") + exceptions_summary(found.exceptions).html())
    show_html(exceptions_table(found.exceptions, limit=top).html())


def _currencies(totals: pd.DataFrame) -> Iterable[str]:
    return [str(currency) for currency in totals["currency"]]
