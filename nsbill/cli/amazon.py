"""Commands about Amazon's files: settlements and what proves them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click
import pandas as pd

from nsbill.amazon.bank import BankStatement, read_bank
from nsbill.amazon.bank_columns import parse_mapping
from nsbill.amazon.store import SettlementStore
from nsbill.cli.common import as_rows, echo_json, exit_with, json_option, workspace_option
from nsbill.cli.print_amazon import (
    print_activity,
    print_changes,
    print_proofs,
    print_settlements,
    print_statements,
    print_unknown,
)
from nsbill.progress import console_progress
from nsbill.settings import load_settings


@click.group()
def settlements() -> None:
    """Add, list and check Amazon's settlement files. Needs no NetSuite account."""


@settlements.command("add")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--accept-untied", is_flag=True, help="Keep files whose lines do not add up to their stated total.")
@workspace_option
@json_option
def add(files: tuple[Path, ...], accept_untied: bool, workspace: Path, as_json: bool) -> None:
    """Add FILES, folders or patterns such as 'in/*.txt'; a refused file does not stop the others.

    Settlement reports (flat V2, flat V1, XML) become settlements. Payments reports (date range, CSV) and answers of
    the Finances API (JSON) are kept beside them as activity. Each may be packed as .gz or .zip. What a file is, is
    told by its content. Nothing of a refused file is kept; the same file again changes nothing.
    """
    with console_progress("Reading", unit="file") as progress:
        results = _store(workspace).add(files, progress=progress, accept_untied=accept_untied)
    counted = Counter[str](result.state for result in results)
    if as_json:
        echo_json({"files": [vars(result) for result in results], "counts": dict(counted)})
    else:
        for result in results:
            click.echo(f"{result.state:>13}  {result.path.name}  {result.message}")
        states = ("added", "already there", "refused")
        click.echo(f"{len(results):,} files: {', '.join(f'{counted[s]:,} {s}' for s in states if counted[s])}")
    exit_with(2 if counted["refused"] else 0)


@settlements.command("list")
@workspace_option
@json_option
def list_(workspace: Path, as_json: bool) -> None:
    """List the settlements: period, deposit date, total, lines, whether they tie, and what needs a decision."""
    store = _store(workspace)
    found, sources = store.settlements(), store.sources()
    if as_json:
        echo_json({"settlements": as_rows(found), "activity": as_rows(sources)})
    else:
        print_settlements(found)
        print_activity(sources)


@settlements.command("check")
@click.option(
    "--bank",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Bank statement (CSV) to find deposits in; may be repeated.",
)
@click.option(
    "--bank-columns",
    metavar="ROLE=NAME,…",
    help="Columns by name, or by number without a header: date=…,amount=… (also debit, credit, sign, currency, text).",
)
@click.option(
    "--bank-numbers",
    type=click.Choice(["point", "comma"]),
    help="Decimal mark of the statement; told by its amounts when left out.",
)
@click.option(
    "--bank-dates",
    type=click.Choice(["ymd", "dmy", "mdy"]),
    help="Order of day and month; told by its dates when left out.",
)
@click.option("--bank-currency", metavar="CODE", help="Currency of a statement that does not name it.")
@click.option("--settlement", "only", multiple=True, metavar="ID", help="Only this settlement; may be repeated.")
@click.option("--all", "everything", is_flag=True, help="Show the proofs that hold, too.")
@click.option("--csv", "target", type=click.Path(dir_okay=False, path_type=Path), help="Write all proofs to this file.")
@workspace_option
@json_option
def check(  # one argument per option
    bank: tuple[Path, ...],
    bank_columns: str | None,
    bank_numbers: str | None,
    bank_dates: str | None,
    bank_currency: str | None,
    only: tuple[str, ...],
    everything: bool,
    target: Path | None,
    workspace: Path,
    as_json: bool,
) -> None:
    """Prove that each settlement ties out, with every residual shown.

    Lines sum to the stated total; activity and balance movements give the payout; each settlement starts where the
    one before it in its ledger ends and takes over the reserve and the negative balance that one left; deposits are
    found in a bank statement by their total, from the deposit date to 5 business days later, and never chosen between
    two that fit. Exit code 1 when something does not hold; what cannot be told is shown and is no difference.
    """
    try:
        mapping = parse_mapping(bank_columns) if bank_columns else {}
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--bank-columns") from error
    statements = [
        read_bank(path, columns=mapping, numbers=bank_numbers, day_format=bank_dates, currency=bank_currency)
        for path in dict.fromkeys(path.resolve() for path in bank)
    ]
    proofs = _only(_store(workspace).check(statements), only)
    if target:
        proofs.to_csv(target, index=False)
    _show(proofs, statements, everything=everything, as_json=as_json)
    exit_with(1 if (~proofs["holds"].fillna(value=True)).any() else 0)


def _show(proofs: pd.DataFrame, statements: list[BankStatement], *, everything: bool, as_json: bool) -> None:
    states = as_rows(proofs[["holds"]])
    words = {True: "hold", False: "do_not_hold", None: "cannot_be_told"}
    counts = {word: sum(row["holds"] is state for row in states) for state, word in words.items()}
    if as_json:
        echo_json({"proof": as_rows(proofs), "counts": counts})
        return
    print_statements(statements)
    print_proofs(proofs, everything=everything)
    do_not, cannot = counts["do_not_hold"], counts["cannot_be_told"]
    click.echo(f"\n{len(proofs):,} proofs: {counts['hold']:,} hold, {do_not:,} do not, {cannot:,} cannot be told.")


def _only(proofs: pd.DataFrame, wanted: tuple[str, ...]) -> pd.DataFrame:
    """The proofs of the settlements that were asked for."""
    there = set(proofs["settlement_id"].dropna())
    missing = [name for name in wanted if name not in there]
    if missing:
        raise click.BadParameter(
            f"{', '.join(missing)} is not stored; see: nsbill settlements list", param_hint="--settlement"
        )
    return proofs[proofs["settlement_id"].isin(wanted)] if wanted else proofs


@settlements.command("unknown")
@workspace_option
@json_option
def unknown(workspace: Path, as_json: bool) -> None:
    """List the labels that the vocabulary does not know, each with its money, an example, and the row to add.

    The workspace's own vocabulary is WORKSPACE/vocabulary.csv. It extends and overrides the one that comes with
    nsbill: of all rows that cover a combination the most specific one decides, of two that are equal the workspace's.
    A label may end in * to cover all that begin so. Exit code 1 when something is not known.
    """
    found = _store(workspace).unknown()
    if as_json:
        echo_json({"unknown": as_rows(found)})
    else:
        print_unknown(found, str(workspace))
    exit_with(1 if len(found) else 0)


@settlements.command("reclassify")
@click.option("--dry-run", is_flag=True, help="Only show what would change.")
@workspace_option
@json_option
def reclassify(dry_run: bool, workspace: Path, as_json: bool) -> None:
    """Apply a changed vocabulary to what is stored.

    A file is classified when it is added, with the vocabulary of that day. This reads the raw files again, which the
    workspace keeps, with the vocabulary of today, and replaces what lines mean, file by file; amounts, lines and labels
    stay. A raw file that does not give the same amounts again is left as it was and named. It may be stopped and
    started again at any time.
    """
    with console_progress("Reading", unit="file") as progress:
        changes = _store(workspace).reclassify(dry_run=dry_run, progress=progress)
    if as_json:
        echo_json({"changes": as_rows(changes), "dry_run": dry_run})
    else:
        print_changes(changes, dry_run=dry_run)
    exit_with(1 if dry_run and len(changes) else 0)


def _store(workspace: Path) -> SettlementStore:
    return SettlementStore(workspace, seller_account=load_settings(workspace).seller_account)


COMMANDS = (settlements,)
