"""Commands that plan and bill: plan, bill, resume."""

from __future__ import annotations

from pathlib import Path

import click

from nsbill.billing.dry_run import ExactCheck
from nsbill.billing.limits import check_answered, check_limits, parse_limits
from nsbill.billing.plan import Plan
from nsbill.billing.run import RunResult
from nsbill.cli.common import as_rows, echo_json, exit_with, json_option, stop_on_signal, workspace_option
from nsbill.cli.connection import open_desk
from nsbill.cli.print import print_exact, print_outcomes, print_plan
from nsbill.desk import Desk
from nsbill.errors import BillingRefused
from nsbill.money import format_totals
from nsbill.progress import console_progress
from nsbill.vocabulary import ClosedPeriod

exclude_option = click.option(
    "--exclude", multiple=True, metavar="ID=REASON", help="Leave a sales order (internal id) out; may be repeated."
)

closed_period_option = click.option(
    "--closed-period",
    type=click.Choice([ClosedPeriod.BLOCK.value, ClosedPeriod.NEXT_OPEN.value]),
    callback=lambda _context, _option, value: ClosedPeriod(value) if value else None,
    help="Orders dated in a closed accounting period: leave them out, or date them in the next open one.",
)
exact_option = click.option(
    "--exact",
    is_flag=False,
    flag_value="all",
    metavar="[N|all]",
    callback=lambda _context, _option, value: _exact(value),
    help="Let NetSuite reckon N of the records (or all) without saving them, and compare.",
)


@click.command()
@exclude_option
@closed_period_option
@exact_option
@workspace_option
@json_option
def plan(
    exclude: tuple[str, ...],
    closed_period: ClosedPeriod | None,
    exact: int | None,
    workspace: Path,
    as_json: bool,
) -> None:
    """Show what would be billed, what not and why. Creates nothing."""
    with open_desk(workspace) as desk:
        with console_progress("Saved search", unit="row") as progress:
            made = desk.preview(_reasons(exclude), closed_period=closed_period, progress=progress)
        check = _check_exactly(desk, made, exact)
    if as_json:
        echo_json({**plan_facts(made), **exact_facts(check)})
    else:
        print_plan(made)
    print_exact(check, err=as_json)
    exit_with(1 if len(made.skipped) or made.notices or (check and check.differences) else 0)


@click.command()
@exclude_option
@closed_period_option
@exact_option
@click.option("--max-orders", type=click.IntRange(0), help="Bill nothing when the plan has more orders.")
@click.option(
    "--max-total",
    multiple=True,
    metavar="USD=1000.00",
    help="Bill nothing when the plan is over more money; may be repeated. A currency that is not named is not billed.",
)
@click.option("--fingerprint", help="Bill only if the plan is this one (as printed by nsbill plan, 12 characters do).")
@click.option("--dry-run", is_flag=True, help="Stop after the plan.")
@click.option("--yes", is_flag=True, help="Do not ask; for scripts. Without it the plan is shown and confirmed.")
@click.option("--production", metavar="ACCOUNT", help="Needed for a production account: its id, typed out.")
@workspace_option
@json_option
def bill(
    exclude: tuple[str, ...],
    closed_period: ClosedPeriod | None,
    exact: int | None,
    max_orders: int | None,
    max_total: tuple[str, ...],
    fingerprint: str | None,
    dry_run: bool,
    yes: bool,
    production: str | None,
    workspace: Path,
    as_json: bool,
) -> None:
    """Create one billing record for each order of the plan, once."""
    highest = parse_limits(",".join(max_total)) if max_total else None
    with open_desk(workspace) as desk, stop_on_signal() as stop:
        for outcome, number in desk.settle_open().items():
            click.echo(f"{number} earlier creates without a clear answer were looked up: {outcome}.", err=True)
        made = desk.preview(_reasons(exclude), closed_period=closed_period)
        if made.undecided and not (yes or dry_run):
            question = f"{made.undecided} orders would be dated in a closed accounting period. Use the next open one?"
            answer = ClosedPeriod.NEXT_OPEN if click.confirm(question, err=True) else ClosedPeriod.BLOCK
            made = desk.preview(_reasons(exclude), closed_period=answer)
        print_plan(made, err=as_json)
        check = _check_exactly(desk, made, exact)
        print_exact(check, err=as_json)
        if dry_run or not len(made.to_bill):
            click.echo("Nothing was created.", err=True)
            if as_json:
                echo_json({**plan_facts(made), **exact_facts(check)})
            exit_with(1 if len(made.skipped) or (check and check.differences) else 0)
        desk.check_account(production=production)
        check_limits(made, max_orders=max_orders, max_total=highest)
        check_answered(made)
        if check and check.differences:
            raise BillingRefused(
                "exact",
                f"NetSuite would create {len(check.differences)} records otherwise than planned",
                "Compare those orders in NetSuite, or leave them out: --exclude ID=REASON.",
            )
        if fingerprint and not made.fingerprint.startswith(fingerprint):
            raise click.ClickException(f"The plan is {made.fingerprint[:12]}, not {fingerprint}; nothing was created.")
        question = f"Create {len(made.to_bill)} billing records over {format_totals(made.totals)} in {made.account}?"
        if not yes and not click.confirm(question, err=True):
            raise click.Abort
        if stop.is_set():  # while the plan was made; a run is not even begun then
            click.echo("Nothing was created.", err=True)
            exit_with(130)
        with console_progress("Billing") as progress:
            result = desk.bill(made, production=production, newcomers_wait=yes, progress=progress, stop=stop)
        _finish(result, as_json=as_json, stopped=stop.is_set())


@click.command()
@click.argument("run_id", required=False)
@click.option("--production", metavar="ACCOUNT", help="Needed for a production account: its id, typed out.")
@workspace_option
@json_option
def resume(run_id: str | None, production: str | None, workspace: Path, as_json: bool) -> None:
    """Finish an interrupted run (the newest, or RUN_ID): look up what is open, then create what was not started."""
    with open_desk(workspace) as desk, stop_on_signal() as stop:
        with console_progress("Resuming") as progress:
            result = desk.resume(run_id, production=production, progress=progress, stop=stop)
        _finish(result, as_json=as_json, stopped=stop.is_set())


def plan_facts(made: Plan) -> dict[str, object]:
    """The plan as one JSON object."""
    return {
        "account": made.account,
        "mode": made.mode,
        "route": made.route,
        "closed_period": made.closed_period,
        "undecided": made.undecided,
        "orders": made.orders,
        "to_bill": len(made.to_bill),
        "skipped": len(made.skipped),
        "skipped_by_reason": made.skipped["reason"].value_counts().to_dict(),
        "totals": made.totals,
        "fingerprint": made.fingerprint,
        "notices": list(made.notices),
        "orders_to_bill": as_rows(made.to_bill),
        "orders_skipped": as_rows(made.skipped),
    }


def exact_facts(check: ExactCheck | None) -> dict[str, object]:
    """What comparing the plan with NetSuite's dry run gave; empty when nobody asked for it."""
    return {} if check is None else {"exact": {"checked": check.checked, "differences": list(check.differences)}}


def result_facts(result: RunResult) -> dict[str, object]:
    """The outcome of a run as one JSON object."""
    return {
        "run_id": result.run_id,
        "created": result.count("created"),
        "existing": result.count("exists"),
        "rejected": result.count("rejected"),
        "unknown": result.count("unknown"),
        "not_started": result.count("not started"),
        "totals": result.totals,
        "differences": list(result.differences),
    }


def _finish(result: RunResult, *, as_json: bool, stopped: bool) -> None:
    print_outcomes(result, err=as_json)
    if as_json:
        echo_json({**result_facts(result), "outcomes": as_rows(result.outcomes)})
    exit_with(130 if stopped else 0 if result.clean else 1)


def _exact(text: str | None) -> int | None:
    """Read the value of ``--exact``: 0 stands for all."""
    if text is None or text == "all":
        return None if text is None else 0
    if text.isdecimal() and int(text) > 0:
        return int(text)
    raise click.BadParameter(f"{text!r} is neither a number of orders nor 'all'.")


def _check_exactly(desk: Desk, made: Plan, exact: int | None) -> ExactCheck | None:
    if exact is None:
        return None
    with console_progress("Dry runs", unit="record") as progress:
        return desk.check_exactly(made, sample=exact or None, progress=progress)


def _reasons(exclude: tuple[str, ...]) -> dict[str, str]:
    parts = (text.partition("=") for text in exclude)
    return {order: reason or "no reason given" for order, _, reason in parts}


COMMANDS = (plan, bill, resume)
