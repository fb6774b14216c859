"""Commands about Amazon's settlement files."""

from __future__ import annotations

from pathlib import Path

import click

from nsbill.amazon.store import SettlementStore
from nsbill.cli.common import as_rows, echo_json, exit_with, json_option, workspace_option
from nsbill.cli.print import print_settlements
from nsbill.progress import console_progress
from nsbill.settings import load_settings
from nsbill.show.tables import text_table


@click.group()
def settlements() -> None:
    """Add, list and check Amazon settlement files (flat V2). Needs no NetSuite account."""


@settlements.command("add")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--accept-untied", is_flag=True, help="Keep files whose lines do not add up to their stated total.")
@workspace_option
@json_option
def add(files: tuple[Path, ...], accept_untied: bool, workspace: Path, as_json: bool) -> None:
    """Add FILES, folders or patterns such as 'in/*.txt'; a refused file does not stop the others."""
    with console_progress("Reading", unit="file") as progress:
        results = _store(workspace).add(files, progress=progress, accept_untied=accept_untied)
    if as_json:
        echo_json({"files": [vars(result) for result in results]})
    else:
        for result in results:
            click.echo(f"{result.state:>13}  {result.path.name}  {result.message}")
    exit_with(2 if any(result.state == "refused" for result in results) else 0)


@settlements.command("list")
@workspace_option
@json_option
def list_(workspace: Path, as_json: bool) -> None:
    """List the settlements with period, total, and whether their lines add up to it."""
    found = _store(workspace).settlements()
    if as_json:
        echo_json({"settlements": as_rows(found)})
    else:
        print_settlements(found)


@settlements.command("check")
@workspace_option
@json_option
def check(workspace: Path, as_json: bool) -> None:
    """Prove that each settlement ties out, with every residual shown."""
    proof = _store(workspace).check()
    if as_json:
        echo_json({"proof": as_rows(proof)})
    else:
        click.echo(text_table(proof, caption="Proof", limit=None))
    broken = int((~proof["holds"].fillna(True)).sum())
    if not as_json:
        click.echo(f"{len(proof)} proofs, {broken} do not hold, {int(proof['holds'].isna().sum())} cannot be told.")
    exit_with(1 if broken else 0)


def _store(workspace: Path) -> SettlementStore:
    return SettlementStore(workspace, seller_account=load_settings(workspace).seller_account)


COMMANDS = (settlements,)
