"""Commands that plan and bill: plan, bill, resume, journal."""

from __future__ import annotations

from pathlib import Path

import click

from nsbill.billing.plan import Plan
from nsbill.billing.run import RunResult
from nsbill.billing.story import run_sentence, story
from nsbill.cli.common import as_rows, echo_json, exit_with, json_option, stop_on_signal, workspace_option
from nsbill.cli.connection import open_desk
from nsbill.cli.print import print_outcomes, print_plan
from nsbill.money import format_totals
from nsbill.progress import console_progress

exclude_option = click.option(
    "--exclude", multiple=True, metavar="ID=REASON", help="Leave a sales order (internal id) out; may be repeated."
)


@click.command()
@exclude_option
@workspace_option
@json_option
def plan(exclude: tuple[str, ...], workspace: Path, as_json: bool) -> None:
    """Show what would be billed, what not and why. Creates nothing."""
    with open_desk(workspace) as desk, console_progress("Saved search", unit="row") as progress:
        made = desk.preview(_reasons(exclude), progress=progress)
    if as_json:
        echo_json(plan_facts(made))
    else:
        print_plan(made)
    exit_with(1 if len(made.skipped) or made.notices else 0)


@click.command()
@exclude_option
@click.option("--fingerprint", help="Bill only if the plan is this one (as printed by nsbill plan, 12 characters do).")
@click.option("--dry-run", is_flag=True, help="Stop after the plan.")
@click.option("--yes", is_flag=True, help="Do not ask; for scripts. Without it the plan is shown and confirmed.")
@click.option("--production", metavar="ACCOUNT", help="Needed for a production account: its id, typed out.")
@workspace_option
@json_option
def bill(
    exclude: tuple[str, ...],
    fingerprint: str | None,
    dry_run: bool,
    yes: bool,
    production: str | None,
    workspace: Path,
    as_json: bool,
) -> None:
    """Create one billing record for each order of the plan, once."""
    with open_desk(workspace) as desk, stop_on_signal() as stop:
        for outcome, number in desk.settle_open().items():
            click.echo(f"{number} earlier creates without a clear answer were looked up: {outcome}.", err=True)
        made = desk.preview(_reasons(exclude))
        print_plan(made, err=as_json)
        if dry_run or not len(made.to_bill):
            click.echo("Nothing was created.", err=True)
            if as_json:
                echo_json(plan_facts(made))
            exit_with(1 if len(made.skipped) else 0)
        desk.check_account(production=production)
        if fingerprint and not made.fingerprint.startswith(fingerprint):
            raise click.ClickException(f"The plan is {made.fingerprint[:12]}, not {fingerprint}; nothing was created.")
        question = f"Create {len(made.to_bill)} billing records over {format_totals(made.totals)} in {made.account}?"
        if not yes and not click.confirm(question, err=True):
            raise click.Abort
        with console_progress("Billing") as progress:
            result = desk.bill(made, production=production, progress=progress, stop=stop)
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


@click.command()
@click.argument("run_id", required=False)
@click.option("--order", help="Tell the story of one order: sales order id or number, or Amazon order id.")
@workspace_option
@json_option
def journal(run_id: str | None, order: str | None, workspace: Path, as_json: bool) -> None:
    """List the runs, or tell the story of a run or an order in sentences."""
    from nsbill.billing.journal import Journal

    book = Journal.in_workspace(workspace)
    if run_id or order:
        events = book.events(run_id=run_id, order=order)
        if as_json:
            echo_json({"events": [dict(event) for event in events]})
        else:
            click.echo("\n".join(story(events)) or "The journal has nothing on it.")
    elif as_json:
        echo_json({"runs": [dict(run) for run in book.runs()]})
    else:
        click.echo("\n".join(run_sentence(run) for run in book.runs()) or "No runs yet. Bill something: nsbill bill.")
    book.close()


def plan_facts(made: Plan) -> dict[str, object]:
    """The plan as one JSON object."""
    return {
        "account": made.account,
        "mode": made.mode,
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
    exit_with(130 if stopped else 0 if result.complete and not result.differences else 1)


def _reasons(exclude: tuple[str, ...]) -> dict[str, str]:
    parts = (text.partition("=") for text in exclude)
    return {order: reason or "no reason given" for order, _, reason in parts}


COMMANDS = (plan, bill, resume, journal)
