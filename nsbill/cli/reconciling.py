"""The command that proves what was received: reconcile."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import click

from nsbill.amazon.bank import read_bank
from nsbill.cli.common import (
    as_of_option,
    as_rows,
    echo_json,
    exit_with,
    full_load_option,
    json_option,
    workspace_option,
)
from nsbill.cli.connection import open_desk
from nsbill.cli.print import print_reconciliation
from nsbill.reconcile import Reconciliation
from nsbill.vocabulary import ReceiptBasis


@click.command()
@as_of_option
@click.option(
    "--basis",
    type=click.Choice([basis.value for basis in ReceiptBasis]),
    default=ReceiptBasis.SETTLED.value,
    show_default=True,
    help="What counts as received: whatever Amazon has posted, released, settled, or what has reached the bank.",
)
@click.option(
    "--bank",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Bank statement (CSV) in which the settlements' deposits are looked for; may be given several times.",
)
@full_load_option
@workspace_option
@json_option
def reconcile(
    as_of: date | None, basis: str, bank: tuple[Path, ...], full_load: bool, workspace: Path, as_json: bool
) -> None:
    """Compare NetSuite's books with Amazon's settlements: received and due per Amazon order and currency."""
    with open_desk(workspace) as desk:
        statements = [read_bank(path) for path in bank]
        books = desk.books(full_load=full_load)
        found = desk.reconcile(as_of, bank=statements, basis=ReceiptBasis(basis), books=books)
    if as_json:
        echo_json({**totals_facts(found), "books": books.facts, "statement": as_rows(found.statement)})
    else:
        click.echo("\n".join(books.sentences))
        print_reconciliation(found)
    exit_with(1 if len(found.exceptions) else 0)


def totals_facts(found: Reconciliation) -> dict[str, object]:
    """Received, due and exceptions as JSON-ready facts; amounts per currency."""
    by_currency = found.totals.set_index("currency")
    return {
        "as_of": found.as_of,
        "received": by_currency["received"].to_dict(),
        "due": by_currency["due"].to_dict(),
        "exceptions": len(found.exceptions),
        "exceptions_by_class": found.exceptions.groupby("exception_class").size().to_dict(),
    }


COMMANDS = (reconcile,)
