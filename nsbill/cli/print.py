"""How plans, outcomes and reconciliations look on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from nsbill.billing.plan import Plan
from nsbill.billing.run import RunResult
from nsbill.cli.print_tie_out import print_tie_out
from nsbill.money import format_totals
from nsbill.show.tables import text_table
from nsbill.vocabulary import ClosedPeriod

if TYPE_CHECKING:
    from nsbill.billing.dry_run import ExactCheck
    from nsbill.reconcile import Reconciliation

__all__ = ["print_exact", "print_outcomes", "print_plan", "print_reconciliation"]


_CLOSED = {
    ClosedPeriod.BLOCK: "orders dated in them are left out",
    ClosedPeriod.NEXT_OPEN: "records are dated in the next open one",
    ClosedPeriod.ASK: "to be asked first",
}


def print_plan(plan: Plan, *, limit: int = 8, err: bool = False) -> None:
    """Print a plan: to bill, skipped and why, totals per currency, fingerprint."""
    to_bill = ["sales_order_number", "amazon_order_id", "record_type", "currency", "amount", "transaction_date"]
    blocks = [
        f"Plan for account {plan.account}: {plan.route}",
        text_table(plan.to_bill, to_bill, caption=f"To bill: {len(plan.to_bill)} of {plan.orders} orders", limit=limit),
    ]
    if len(plan.skipped):
        why = plan.skipped.groupby("reason").agg(orders=("sales_order_id", "size"), example=("explanation", "first"))
        blocks.append(f"Skipped: {len(plan.skipped)} orders")
        blocks += [
            f"  {row.orders:>6}  {str(reason).replace('_', ' ')}, for example: {row.example}"
            for reason, row in why.iterrows()
        ]
    told = plan.to_bill[plan.to_bill["note"].notna()]
    blocks += [f"  {row.sales_order_number}: {row.note}" for row in told.head(limit).itertuples()]
    if len(told) > limit:
        blocks.append(f"  … and {len(told) - limit} more with a note (see them all with --json)")
    blocks += [f"Note: {notice}" for notice in plan.notices]
    periods = plan.to_bill["period"].dropna().value_counts()
    if len(periods):
        listed = ", ".join(f"{name} ({number})" for name, number in periods.items())
        blocks.append(f"Accounting periods: {listed}. Closed ones: {_CLOSED[plan.closed_period]}.")
    if plan.undecided:
        blocks.append(
            f"To be answered before anything is billed: {plan.undecided} orders would be dated in a closed accounting "
            f"period. Say what to do: --closed-period next-open, or block."
        )
    blocks.append(f"Totals to bill: {format_totals(plan.totals)}")
    blocks.append(f"Fingerprint: {plan.fingerprint[:12]}")
    click.echo("\n".join(blocks), err=err)


def print_exact(check: ExactCheck | None, *, err: bool = False) -> None:
    """Print what comparing a plan with NetSuite's dry run gave; nothing when nobody asked for it."""
    if check is None:
        return
    click.echo(f"Asked NetSuite about {check.checked} records: {len(check.differences)} differ from the plan.", err=err)
    for sentence in check.differences:
        click.echo(f"  {sentence}", err=err)


def print_outcomes(result: RunResult, *, limit: int = 10, err: bool = False) -> None:
    """Print how a run went; every order without its record is listed with its sentence."""
    counts = ", ".join(f"{number} {outcome}" for outcome, number in result.counts.items()) or "nothing to do"
    click.echo(f"Run {result.run_id}: {counts}. Created: {format_totals(result.totals)}.", err=err)
    told = result.outcomes[~result.outcomes["outcome"].isin(["created"])]
    if len(told):
        columns = ["sales_order_number", "amazon_order_id", "currency", "amount", "outcome"]
        click.echo(text_table(told, columns, caption="Not simply created", limit=limit), err=err)
        for row in told.dropna(subset=["message"]).head(limit).itertuples():
            click.echo(f"  {row.sales_order_number}: {row.message}", err=err)
    for sentence in result.differences:
        click.echo(f"Difference: {sentence}", err=err)
    for sentence in result.left_out:
        click.echo(sentence, err=err)
    if not result.complete:
        click.echo(f"Not every order has its record yet. Next: nsbill resume {result.run_id}", err=err)


def print_reconciliation(found: Reconciliation, *, limit: int = 8, err: bool = False) -> None:
    """Print received, due and exceptions per currency, the largest dues, and whether the settlements tie."""
    totals = ["currency", "orders", "billed_gross", "received", "fee_withheld", "due", "overpaid", "exceptions"]
    click.echo(text_table(found.totals, totals, caption=f"Received and due as of {found.as_of}", limit=None), err=err)
    due = found.statement[found.statement["due"] > 0]
    columns = ["amazon_order_id", "currency", "billed_gross", "received", "due", "aging_bucket", "status"]
    click.echo(text_table(due, columns, caption=f"Largest dues of {len(due)} orders", limit=limit), err=err)
    if len(found.exceptions):
        counted = found.exceptions.groupby("exception_class").size().sort_values(ascending=False)
        listed = ", ".join(f"{number} {name}" for name, number in counted.items())
        click.echo(f"Exceptions: {len(found.exceptions)} ({listed})", err=err)
    else:
        click.echo("Exceptions: none", err=err)
    print_tie_out(found, err=err)
