"""Command that tries refused creates again: retry."""

from __future__ import annotations

from pathlib import Path

import click

from nsbill.cli.billing import result_facts
from nsbill.cli.common import as_rows, echo_json, exit_with, json_option, stop_on_signal, workspace_option
from nsbill.cli.connection import open_desk
from nsbill.cli.print import print_outcomes
from nsbill.progress import console_progress


@click.command()
@click.argument("run_id", required=False)
@click.option("--failed", is_flag=True, help="Those that NetSuite refused; others are the job of nsbill resume.")
@click.option("--fixed", is_flag=True, help="You have mended the causes: try those too that needed mending first.")
@click.option("--production", metavar="ACCOUNT", help="Needed for a production account: its id, typed out.")
@workspace_option
@json_option
def retry(
    run_id: str | None, failed: bool, fixed: bool, production: str | None, workspace: Path, as_json: bool
) -> None:
    """Try creates of a run (the newest, or RUN_ID) again that NetSuite refused; nothing is planned anew.

    Each is looked up first. What NetSuite refused for a passing reason is tried again; what needed mending only with
    --fixed; what can only do harm never.
    """
    if not failed:
        raise click.UsageError("Say which creates: --failed. To finish an interrupted run: nsbill resume.")
    with open_desk(workspace) as desk, stop_on_signal() as stop, console_progress("Trying again") as progress:
        result = desk.retry(run_id, fixed=fixed, production=production, progress=progress, stop=stop)
    print_outcomes(result, err=as_json)
    if as_json:
        facts = {**result_facts(result), "left_out": list(result.left_out)}
        echo_json({**facts, "outcomes": as_rows(result.outcomes)})
    exit_with(130 if stop.is_set() else 0 if result.clean and not result.left_out else 1)


COMMANDS = (retry,)
