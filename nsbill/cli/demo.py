"""The demo: the whole job on a simulated company, from saved search to report."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nsbill.billing.run import RunResult
from nsbill.cli.billing import result_facts
from nsbill.cli.common import echo_json, exit_with, json_option, stop_on_signal, utc_today, workspace_option
from nsbill.cli.connection import simulated
from nsbill.cli.notebooks import run_here
from nsbill.cli.print import print_outcomes, print_plan, print_reconciliation
from nsbill.cli.reconciling import totals_facts
from nsbill.cli.reporting import write_reports
from nsbill.cli.worlds import AMAZON_FILES, ensure_world
from nsbill.desk import Desk
from nsbill.errors import RunError, WorkspaceError
from nsbill.progress import console_progress
from nsbill.settings import load_settings
from nsbill.simulator.server import Simulator
from nsbill.simulator.world_catalogue import company_settings
from nsbill.vocabulary import BillingMode, BillingStatus, TieState

if TYPE_CHECKING:
    import pandas as pd

_NOTEBOOKS = ("10_scheduled_billing", "11_scheduled_reconciliation")


@click.command()
@click.option("--orders", type=click.IntRange(30, 1_000_000), help="Size of the company.  [default: 300]")
@click.option("--seed", type=int, help="Seed of the company; the same seed makes the same one.  [default: 7]")
@click.option("--mode", type=click.Choice([m.value for m in BillingMode]), default="invoice", show_default=True)
@click.option(
    "--status", type=click.Choice([s.value for s in BillingStatus]), default="pending-billing", show_default=True
)
@workspace_option
@json_option
def demo(orders: int | None, seed: int | None, mode: str, status: str, workspace: Path, as_json: bool) -> None:
    """Bill and reconcile a simulated company, end to end. Needs no NetSuite account.

    Run again on the same workspace, it finds nothing to bill and creates nothing.
    """
    profile = load_settings(workspace).profile
    if profile != "simulator":
        raise WorkspaceError(
            workspace, f"it is configured for a {profile} account", "Run the demo elsewhere: --workspace DIR."
        )
    began = time.monotonic()
    say = _Speaker(err=as_json)
    world = ensure_world(workspace, orders=orders, seed=seed, today=utc_today())
    say(f"1. A simulated NetSuite with {world.orders} sales orders (seed {world.seed}) in {workspace}")
    with simulated(workspace) as simulator:
        if status == BillingStatus.PENDING_FULFILLMENT.value:
            simulator.control("preferences", {"invoice_in_advance": True})
        with Desk.open(workspace) as desk, stop_on_signal() as stop:
            facts = _bill_and_reconcile(desk, simulator, mode, status, say, stop)
        if stop.is_set():
            exit_with(130)
        say("\n5. The scheduled notebooks, run unattended by papermill")
        facts["run_dirs"] = _run_notebooks(workspace, say)
    facts["seconds"] = round(time.monotonic() - began, 1)
    _closing_words(facts, workspace, say)
    if as_json:
        echo_json({"orders": world.orders, **facts})


class _Speaker:
    """Prints for people: to standard output, or beside it when that carries JSON."""

    def __init__(self, *, err: bool) -> None:
        self.err = err

    def __call__(self, text: str) -> None:
        click.echo(text, err=self.err)


def _bill_and_reconcile(
    desk: Desk, simulator: Simulator, mode: str, status: str, say: _Speaker, stop: Any
) -> dict[str, Any]:
    criterion = desk.save_settings(
        saved_search=simulator.credentials()["saved_search"],
        billing_status=status,
        invoice_flow=mode != BillingMode.CASH_SALE.value,
        cash_sale_flow=mode != BillingMode.INVOICE.value,
        **company_settings(),
    )
    say(f"   Saved search '{criterion.search.title}'. {criterion.sentence}\n\n2. The plan")
    plan = desk.preview()
    print_plan(plan, err=say.err)
    say("\n3. Billing")
    result = None
    if len(plan.to_bill):
        with console_progress("Billing") as progress:
            result = desk.bill(plan, progress=progress, stop=stop)
        print_outcomes(result, err=say.err)
    else:
        say("Nothing to bill: every billable order has its billing record.")
    facts = {"to_bill": len(plan.to_bill), "skipped": len(plan.skipped), **_counts(result)}
    if stop.is_set():
        return facts
    say("\n4. Amazon's settlements, and what they prove")
    with console_progress("Reading", unit="file") as progress:
        files = sorted((desk.workspace / AMAZON_FILES).glob("*.txt"))
        added = desk.add_settlements(files, accept_untied=True, progress=progress)
    refused = [f.message for f in added if f.state == "refused"]
    facts["settlements"] = len(added) - len(refused)
    say("\n".join(refused) or _told(len(added), desk.store.settlements()))
    found = desk.reconcile()
    print_reconciliation(found, err=say.err)
    html, workbook = write_reports(desk.workspace, found)
    return {**facts, **totals_facts(found), "report": html, "workbook": workbook}


def _told(files: int, settlements: pd.DataFrame) -> str:
    """Say whether the lines of every settlement add up, and which ones' do not."""
    off = settlements[settlements["ties"] == TieState.DOES_NOT_TIE.value]
    if off.empty:
        return f"{files} settlement files; the lines of each add up to its stated total."
    kept = "; ".join(f"{row.source_name} is off by {row.residual:,} {row.currency}" for row in off.itertuples())
    return (
        f"{files} settlement files; {kept}, kept here and marked (nsbill settlements add refuses such a file, "
        f"unless --accept-untied says otherwise). The lines of each other file add up to its stated total."
    )


def _counts(result: RunResult | None) -> dict[str, Any]:
    if result is None:
        return {"created": 0, "existing": 0, "rejected": 0, "unknown": 0}
    return {k: v for k, v in result_facts(result).items() if k in {"created", "existing", "rejected", "unknown"}}


def _run_notebooks(workspace: Path, say: _Speaker) -> list[Path]:
    """Run the scheduled notebooks side by side: one only reads, and the other has nothing left to bill."""
    with ThreadPoolExecutor() as pool, console_progress("Notebooks", unit="notebook") as progress:
        started = [pool.submit(run_here, name, workspace, {}) for name in _NOTEBOOKS]
        for done, future in enumerate(as_completed(started), 1):
            progress(done, len(started), future.result().notebook)
    runs = [future.result() for future in started]
    for run in runs:
        if run.status != "succeeded":
            raise RunError(run.notebook, f"did not succeed ({run.problem})", f"Look at {run.folder}.")
        say(f"   {run.folder}")
    return [run.folder for run in runs]


def _closing_words(facts: dict[str, Any], workspace: Path, say: _Speaker) -> None:
    where = "" if workspace == Path("workspace") else f" --workspace {workspace}"
    say(
        f"\nDone in {facts['seconds']} s. "
        f"The exceptions are planted in the demo company, to show that they are found.\n"
        f"  Report:    {facts['report']}\n  Workbook:  {facts['workbook']}\n  Runs:      {facts['run_dirs'][0].parent.parent}\n"
        f"  Journal:   nsbill journal{where}\nNext: nsbill lab{where}   (JupyterLab with the notebooks, on this company)"
    )


COMMANDS = (demo,)
