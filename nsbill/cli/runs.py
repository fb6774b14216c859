"""The group ``nsbill runs``: the runs that are kept, one of them, what changed between two, and deleting old ones."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from nsbill.cli.common import as_rows, echo_json, exit_with, json_option
from nsbill.money import format_money
from nsbill.runs.alert_text import one_line
from nsbill.runs.folders import NOTEBOOK, REPORT
from nsbill.runs.history import list_runs
from nsbill.runs.places import runs_folder
from nsbill.runs.retention import plan_pruning, prune
from nsbill.runs.run_diff import RunDiff, diff_runs, run_before
from nsbill.runs.run_figures import RunRecord, figures_of, find_run, headline, read_run
from nsbill.show.tables import money_table

__all__ = ["COMMANDS"]

_COLUMNS = ["run_id", "notebook", "job", "status", "seconds", "found", "problem"]
_LISTED = 20
_WIDTH = 120
"""No column is cut below this: what a run found is amounts, and a part of an amount says nothing."""

folder_option = click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of runs; papermill_runs/ when left out.",
)
of_workspace_option = click.option(
    "--workspace",
    type=click.Path(file_okay=False, path_type=Path),
    help="Only runs on this workspace; all when left out.",
)


@click.group(invoke_without_command=True)
@of_workspace_option
@json_option
@click.pass_context
def runs(context: click.Context, workspace: Path | None, as_json: bool) -> None:
    """Look at the notebook runs kept in papermill_runs/; without a command: list them."""
    if context.invoked_subcommand is None:
        _list(None, workspace, None, 30, as_json=as_json)


@runs.command("list")
@click.argument("name", required=False)
@of_workspace_option
@click.option("-n", "count", type=click.IntRange(1), default=30, show_default=True, help="How many, in a table.")
@folder_option
@json_option
def list_(name: str | None, workspace: Path | None, count: int, folder: Path | None, as_json: bool) -> None:
    """List the runs, newest first: of the notebook or job NAME, or all."""
    _list(name, workspace, folder, count, as_json=as_json)


@runs.command()
@click.argument("run")
@folder_option
@json_option
def show(run: str, folder: Path | None, as_json: bool) -> None:
    """Show what RUN recorded: who, when, how it ended, parameters, figures.

    RUN is a run's id or the beginning of it, its folder, or a notebook or job, whose newest run is meant.
    """
    found = find_run(folder or runs_folder(), run)
    if as_json:
        echo_json({**_plain_row(found), "record": found.record})
    else:
        click.echo("\n".join(one_line(line) for line in _lines(found)))


@runs.command()
@click.argument("run")
@click.argument("other", required=False)
@folder_option
@json_option
def diff(run: str, other: str | None, folder: Path | None, as_json: bool) -> None:
    """Say what changed from RUN to OTHER; with RUN alone (or a notebook, or a job), from the run before it.

    Counts, amounts by currency, exceptions that opened and closed. Exit code 1: something changed.
    """
    kept = folder or runs_folder()
    after = find_run(kept, other or run)
    before = find_run(kept, run) if other else run_before(kept, after)
    found = diff_runs(before, after)
    if as_json:
        echo_json(_diff_json(found))
    else:
        click.echo("\n".join(_diff_lines(found)))
    exit_with(0 if found.is_empty else 1)


@runs.command("prune")
@click.option("--keep", type=click.IntRange(1), default=30, show_default=True, help="How many of each stay anyway.")
@click.option("--days", type=click.IntRange(0), default=90, show_default=True, help="How old a run may become.")
@click.option("--yes", is_flag=True, help="Delete; without it, only what would be deleted is said.")
@folder_option
@json_option
def prune_(keep: int, days: int, yes: bool, folder: Path | None, as_json: bool) -> None:
    """Delete runs that are older than --days days and not among the newest --keep of their notebook, workspace and job.

    The last run that succeeded always stays, and so does a run that is under way.
    """
    plan = plan_pruning(folder or runs_folder(), keep=keep, days=days, now=datetime.now(UTC))
    gone = prune(plan) if yes else []
    if as_json:
        echo_json({"deleted": gone, "to_delete": plan.delete["folder"].tolist(), "kept": plan.kept})
        return
    for name in plan.delete["folder"]:
        click.echo(f"{'Deleted' if yes else 'Would delete'}: {name}")
    what = f"{len(gone)} runs deleted" if yes else f"{len(plan.delete)} runs would be deleted"
    more = " To delete them: --yes" if len(plan.delete) and not yes else ""
    click.echo(f"{what}, {plan.kept} stay.{more}")


def _list(name: str | None, workspace: Path | None, folder: Path | None, count: int, *, as_json: bool) -> None:
    found = list_runs(folder or runs_folder())
    if workspace is not None:
        found = found[found["workspace"].fillna("") == str(workspace.resolve())]
    if name is not None:
        found = found[(found["notebook"] == name) | (found["job"].fillna("") == name)]
    if as_json:
        echo_json({"runs": as_rows(found)})
        return
    shown = found.head(count)
    shown = shown.assign(found=[headline(read_run(row).results) for _, row in shown.iterrows()])
    columns = [column for column in _COLUMNS if column not in {"job", "problem"} or shown[column].notna().any()]
    click.echo(money_table(shown, columns, caption="Notebook runs", limit=count).text(width=_WIDTH))
    if len(found) > count:
        click.echo(f"… and {len(found) - count} older ones: -n {len(found)}")
    if len(found):
        click.echo("One of them: nsbill runs show RUN. What changed: nsbill runs diff RUN")


def _lines(found: RunRecord) -> list[str]:
    row, record = found.row, found.record
    lines = [f"{row['run_id']}  {row['notebook']}: {row['status']}"]
    lines += [f"  {row['problem']}"] if row["problem"] else []
    who, scheduled = record.get("who") or {}, record.get("scheduled")
    lines += [f"Started        {row['started_at']:%Y-%m-%d %H:%M:%S} UTC"] if row["started_at"] else []
    lines += [f"Duration       {row['seconds']:.1f} s"] if row["seconds"] is not None else []
    lines += [f"Job            {scheduled['job']}, for {scheduled['slot']}"] if scheduled else []
    lines += [f"By             {who['user']} on {who['host']}, process {who['pid']}"] if who else []
    lines += [f"Parameter      {name} = {value}" for name, value in (record.get("parameters") or {}).items()]
    lines += [f"Secret leaked  {leak['variable']} stood in {leak['file']}" for leak in record.get("leaks") or ()]
    lines += [f"{file:<14} {Path(row['folder']) / file}" for file in (REPORT, NOTEBOOK) if (Path(row["folder"]) / file).exists()]  # fmt: skip
    return [*lines, "", *_figure_lines(found)]


def _figure_lines(found: RunRecord) -> list[str]:
    figures = figures_of(found.results)
    lines = [f"{name} = {value}" for name, value in figures.facts.items()]
    lines += [f"{name} = {number:,}" for name, number in figures.counts.items()]
    by_name: dict[str, list[str]] = {}
    for (name, currency), amount in figures.amounts.items():
        by_name.setdefault(name, []).append(format_money(amount, currency))
    lines += [f"{name} = {', '.join(amounts)}" for name, amounts in by_name.items()]
    for name, rows in figures.rows.items():
        lines.append(f"{name}: {len(rows)} rows" + (", a part of them" if name in figures.cut else ""))
        lines += [f"    {', '.join(str(value) for value in row.values())}" for row in rows[:_LISTED]]
        lines += [f"    … and {len(rows) - _LISTED} more: --json"] if len(rows) > _LISTED else []
    return lines or ["It recorded no figures."]


def _diff_lines(found: RunDiff) -> list[str]:
    before, after = found.before.row, found.after.row
    head = f"{after['notebook']}: {before['run_id']} ({before['status']}) → {after['run_id']} ({after['status']})"
    return [head, *found.sentences]


def _diff_json(found: RunDiff) -> dict[str, Any]:
    changes = [
        {"figure": one.figure, "currency": one.currency, "before": one.before, "after": one.after}
        for one in found.changes
    ]
    rows = [{"list": one.list, "kind": one.kind, "row": one.row, "before": one.before} for one in found.rows]
    ends = {"before": found.before.row["run_id"], "after": found.after.row["run_id"]}
    return {**ends, "changes": changes, "rows": rows, "untold": found.untold}


def _plain_row(found: RunRecord) -> dict[str, Any]:
    return {name: value for name, value in found.row.items() if name != "results"}


COMMANDS = (runs,)
