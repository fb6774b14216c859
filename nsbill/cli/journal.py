"""Commands about what was done and decided: journal, exclude, include."""

from __future__ import annotations

import getpass
from contextlib import closing
from pathlib import Path

import click

from nsbill.billing.journal import Journal
from nsbill.billing.story import how_it_stands, run_sentence, told
from nsbill.cli.common import echo_json, exit_with, json_option, workspace_option
from nsbill.cli.connection import open_desk
from nsbill.settings import load_settings

author_option = click.option(
    "--author", default=getpass.getuser, metavar="NAME", help="Who decides; your login name when left out."
)


@click.command()
@click.argument("run_id", required=False)
@click.option("--order", help="Tell the story of one order: sales order id or number, or Amazon order id.")
@workspace_option
@json_option
def journal(run_id: str | None, order: str | None, workspace: Path, as_json: bool) -> None:
    """List the runs, or tell the story of a run or an order in sentences."""
    with closing(Journal.open(load_settings(workspace).journal_url or workspace)) as book:
        if not run_id and not order:
            runs = book.runs()
            if as_json:
                echo_json({"runs": [dict(run) for run in runs]})
            else:
                click.echo("\n".join(map(run_sentence, runs)) or "No runs yet. Bill something: nsbill bill.")
            return
        found = book.history(run_id=run_id, order=order)
    sentences, stands = told(found), how_it_stands(found) if order else []
    if as_json:
        rows = zip(found, sentences, strict=True)
        events = [{"what": one.what, **one.row, "at": one.at, "sentence": sentence} for one, sentence in rows]
        echo_json({"events": events, "stands": stands})
        return
    click.echo("\n".join(sentences) or "The journal has nothing on it. List the runs: nsbill journal.")
    if stands:
        click.echo("\n" + "\n".join(stands))


@click.command()
@click.argument("order")
@click.option("--reason", required=True, metavar="TEXT", help="Why; every plan shows it.")
@author_option
@workspace_option
@json_option
def exclude(order: str, reason: str, author: str, workspace: Path, as_json: bool) -> None:
    """Leave ORDER out of every plan until it is included again. ORDER: internal id, number, or Amazon order id."""
    with open_desk(workspace) as desk:
        name = desk.exclude(order, reason=reason, author=author)
    if as_json:
        echo_json({"sales_order_id": name.sales_order_id, "number": name.number, "excluded": True})
    else:
        click.echo(f"{name} is left out of every plan. To lift that: nsbill include {name.sales_order_id}")


@click.command()
@click.argument("order")
@click.option("--reason", default="", metavar="TEXT", help="Why.")
@author_option
@workspace_option
@json_option
def include(order: str, reason: str, author: str, workspace: Path, as_json: bool) -> None:
    """Let ORDER be billed again. ORDER: internal id, number, or Amazon order id. Exit code 1: it was not left out."""
    with open_desk(workspace) as desk:
        name, why = desk.include(order, reason=reason, author=author)
    if as_json:
        echo_json({"sales_order_id": name.sales_order_id, "number": name.number, "was_excluded": why})
    elif why is None:
        click.echo(f"{name} was not left out; nothing was changed.")
    else:
        click.echo(f"{name} is in the plans again; it was left out: {why}.")
    exit_with(1 if why is None else 0)


COMMANDS = (journal, exclude, include)
