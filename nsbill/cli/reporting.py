"""The command that writes reports: HTML page, Excel workbook, CSV and Parquet of every frame."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import click

from nsbill.cli.common import as_of_option, echo_json, exit_with, full_load_option, json_option, workspace_option
from nsbill.cli.connection import open_desk
from nsbill.cli.reconciling import totals_facts
from nsbill.reconcile import Reconciliation
from nsbill.reconcile.month import Month, month_rows
from nsbill.reconcile.sources import source_rows
from nsbill.show.report_files import FORMATS, InMonth, write_report_files

__all__ = ["COMMANDS", "report", "write_reports"]


@click.command()
@as_of_option
@click.option("--month", "month_name", metavar="YYYY-MM", help="Report about this month: what came in, and its end.")
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), help="Folder; the workspace's reports/ if left out."
)
@click.option("--formats", default="html,xlsx", show_default=True, help=f"Any of {', '.join(FORMATS)}, with commas.")
@full_load_option
@workspace_option
@json_option
def report(
    as_of: date | None,
    month_name: str | None,
    out: Path | None,
    formats: str,
    full_load: bool,
    workspace: Path,
    as_json: bool,
) -> None:
    """Write the reconciliation as an offline HTML report and an Excel workbook, and every frame as CSV and Parquet.

    With --month, the report is as of the month's last day and says what was billed, received, refunded and kept in
    that month. A month that is not over needs --as-of with a day in it, and the report says so.
    """
    wanted = _formats(formats)
    named = _parsed(month_name)
    with open_desk(workspace) as desk:
        month = _looked_at(named, as_of, desk.today()) if named else None
        books, known = desk.books(full_load=full_load), desk.facts()
        found = desk.reconcile(month.as_of if month else as_of, books=books, facts=known)
        before = desk.reconcile(month.begin, books=books, facts=known) if month else None
        in_month = InMonth(month, month_rows(before, found)) if month and before else None
        sources = source_rows(desk.store.lines_files(), found) if {*wanted} - {"html"} else None
        facts = {"Account": desk.settings.account, "Seller account": desk.settings.seller_account}
    folder = out or workspace / "reports"
    written = write_report_files(folder, found, formats=wanted, in_month=in_month, sources=sources, facts=facts)
    if as_json:
        paths = [str(path) for each in written.values() for path in each]
        month_facts = {"month": month.name, "month_is_over": month.whole} if month else {}
        echo_json({**totals_facts(found), "books": books.facts, **month_facts, "reports": paths})
    else:
        click.echo("\n".join(books.sentences))
        _echo(found, month, written)
    exit_with(1 if len(found.exceptions) else 0)


def write_reports(workspace: Path, found: Reconciliation) -> tuple[Path, Path]:
    """Write page and workbook of a reconciliation into the workspace; returns their paths."""
    written = write_report_files(workspace / "reports", found)
    return written["html"][0], written["xlsx"][0]


def _formats(text: str) -> list[str]:
    wanted = [name.strip().lower() for name in text.split(",") if name.strip()]
    unknown = [name for name in wanted if name not in FORMATS]
    if unknown or not wanted:
        raise click.BadParameter(
            f"{text!r}: choose from {', '.join(FORMATS)}, with commas between.", param_hint="--formats"
        )
    return wanted


def _parsed(text: str | None) -> Month | None:
    if text is None:
        return None
    try:
        return Month.parse(text)
    except ValueError as error:
        raise click.BadParameter(f"{text!r} is no month such as 2026-10.", param_hint="--month") from error


def _looked_at(month: Month, as_of: date | None, today: date) -> Month:
    """The month up to the day that is asked for; refuses what is not there yet, and days of other months."""
    if as_of is None:
        if month.last >= today:
            raise click.UsageError(
                f"{month.name} is not over: today is {today}. For the month so far, add --as-of with a day in it."
            )
        return month
    if not month.first <= as_of <= month.last:
        raise click.UsageError(f"--as-of {as_of} is not in {month.name}. Leave it out for the month's last day.")
    if as_of > today:
        raise click.UsageError(f"--as-of {as_of} has not come yet: today is {today}.")
    return Month(month.year, month.number, as_of)


def _echo(found: Reconciliation, month: Month | None, written: dict[str, list[Path]]) -> None:
    about = f", {month.sentence}" if month else ""
    click.echo(
        f"Received versus due as of {found.as_of}{about}: {len(found.statement):,} orders, "
        f"{len(found.exceptions):,} exceptions."
    )
    for ending, paths in written.items():
        if len(paths) == 1:
            click.echo(f"  {ending:<8} {paths[0]}")
        else:
            click.echo(f"  {ending:<8} {paths[0].parent}/: {', '.join(path.name for path in paths)}")


COMMANDS = (report,)
