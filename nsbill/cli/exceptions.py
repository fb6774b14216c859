"""Commands about what is wrong: list it, tell one exception's history; own it, note, close, open again."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from nsbill.billing.journal import Journal
from nsbill.cli.common import as_of_option, as_rows, echo_json, exit_with, json_option, workspace_option
from nsbill.cli.connection import open_desk
from nsbill.exception_queue import ExceptionQueue, Handled
from nsbill.exception_queue.listing import OPEN_STATES, as_of_then, chosen, put_aside
from nsbill.settings import load_settings
from nsbill.vocabulary import ExceptionState

if TYPE_CHECKING:
    import pandas as pd

_ALL = "all"
_STATES = [state.value for state in ExceptionState]
_BY_HAND = [state for state in _STATES if state != ExceptionState.RESOLVED.value]
_COLUMNS = [
    "exception_id", "exception_class", "amazon_order_id", "settlement_id", "amount", "currency", "first_seen", "state",
    "owner", "action", "evidence",
]  # fmt: skip

ids_argument = click.argument("ids", nargs=-1, required=True, metavar="ID…")
by_option = click.option(
    "--by", default=getpass.getuser, metavar="NAME", help="Who does this; your login name when left out."
)


@click.group(invoke_without_command=True)
@click.option("--class", "only", metavar="CLASS", help="Those of one class, such as OVERPAID.")
@click.option(
    "--state",
    type=click.Choice([*_STATES, _ALL], case_sensitive=False),
    help="Those in one state; when left out, those that somebody still has to do something about.",
)
@click.option("--owner", metavar="NAME", help="Those of one owner; an empty name: of nobody.")
@click.option("--order", metavar="AMAZON_ORDER_ID", help="Those of one Amazon order.")
@click.option(
    "--bank",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Bank statement (CSV) in which the settlements' deposits are looked for; may be given several times.",
)
@as_of_option
@workspace_option
@json_option
@click.pass_context
def exceptions(
    context: click.Context,
    only: str | None,
    state: str | None,
    owner: str | None,
    order: str | None,
    bank: tuple[Path, ...],
    as_of: date | None,
    workspace: Path,
    as_json: bool,
) -> None:
    """List what is wrong, with the money in question, the evidence, and what to do; keep track of who does it.

    Reconciles, takes the result into the queue, and lists the queue, the largest amounts of each currency first. As of an
    earlier day than the queue is, it lists what was wrong then and leaves the queue as it is.

    Exit code 1: some of what is listed is open.
    """
    if context.invoked_subcommand is not None:
        _hand_on(context)
        return
    from nsbill.amazon.bank import read_bank

    with open_desk(workspace) as desk:
        found = desk.reconcile(as_of, bank=[read_bank(path) for path in bank])
        taking = desk.take_exceptions(found)
        queue = desk.exception_queue()
    listed = queue if taking.taken else as_of_then(found.exceptions, queue)
    states = OPEN_STATES if taking.taken else None
    if state is not None:
        states = None if state == _ALL else frozenset({state})
    rows = chosen(listed, exception_class=only, states=states, owner=owner, order=order)
    if as_json:
        echo_json({"exceptions": as_rows(rows), "taken": taking.taken, "queue": taking.sentence})
    else:
        _print(rows, taking.sentence, put_aside(queue) if taking.taken else 0)
    unknown = rows["state"].isna()  # found as of another day, and never seen by the queue
    exit_with(1 if (rows["state"].isin(OPEN_STATES) | unknown).any() else 0)


@exceptions.command()
@click.argument("exception_id", metavar="ID")
@workspace_option
@json_option
def show(exception_id: str, workspace: Path, as_json: bool) -> None:
    """Tell how an exception stands and what happened to it, in sentences, with the evidence of each day."""
    with _queue(workspace) as queue:
        row = queue.one(exception_id)
        events, sentences = queue.history(exception_id)
    if as_json:
        told = [{**event, "sentence": words} for event, words in zip(events, sentences, strict=True)]
        echo_json({"exception": row, "events": told})
    else:
        _print_one(row, sentences)


@exceptions.command()
@ids_argument
@click.option("--to", "owner", required=True, metavar="NAME", help="Who takes care of them; an empty name: nobody.")
@by_option
@workspace_option
@json_option
def assign(ids: tuple[str, ...], owner: str, by: str, workspace: Path, as_json: bool) -> None:
    """Say who takes care of exceptions. Exit code 1: nothing was changed."""
    _do(workspace, as_json, lambda queue: queue.assign(ids, owner=owner, by=by))


@exceptions.command()
@ids_argument
@click.option("--text", required=True, metavar="TEXT", help="The note.")
@by_option
@workspace_option
@json_option
def note(ids: tuple[str, ...], text: str, by: str, workspace: Path, as_json: bool) -> None:
    """Add a note to exceptions; it stays in their history."""
    _do(workspace, as_json, lambda queue: queue.note(ids, text=text, by=by))


@exceptions.command()
@ids_argument
@click.option("--as", "state", type=click.Choice(_BY_HAND), required=True, help="The state.")
@click.option("--reason", default="", metavar="TEXT", help="Why; 'closed' and 'accepted' need it.")
@by_option
@workspace_option
@json_option
def mark(ids: tuple[str, ...], state: str, reason: str, by: str, workspace: Path, as_json: bool) -> None:
    """Set the state of exceptions, such as waiting. Exit code 1: nothing was changed."""
    _do(workspace, as_json, lambda queue: queue.mark(ids, ExceptionState(state), by=by, reason=reason))


@exceptions.command()
@ids_argument
@click.option("--reason", required=True, metavar="TEXT", help="Why nothing is left to do.")
@click.option("--accept", is_flag=True, help="Nothing was corrected: the difference is borne.")
@by_option
@workspace_option
@json_option
def close(ids: tuple[str, ...], reason: str, accept: bool, by: str, workspace: Path, as_json: bool) -> None:
    """Close exceptions. They open again by themselves when the amount changes, or when they are back after being gone."""
    state = ExceptionState.ACCEPTED if accept else ExceptionState.CLOSED
    _do(workspace, as_json, lambda queue: queue.mark(ids, state, by=by, reason=reason))


@exceptions.command()
@ids_argument
@click.option("--reason", default="", metavar="TEXT", help="Why.")
@by_option
@workspace_option
@json_option
def reopen(ids: tuple[str, ...], reason: str, by: str, workspace: Path, as_json: bool) -> None:
    """Open exceptions again. Exit code 1: nothing was changed."""
    _do(workspace, as_json, lambda queue: queue.mark(ids, ExceptionState.OPEN, by=by, reason=reason))


def _hand_on(context: click.Context) -> None:
    """Let ``exceptions --workspace W show E-1`` mean that workspace; options of the listing say nothing to ``show``."""
    given = {name for name in context.params if context.get_parameter_source(name) is ParameterSource.COMMANDLINE}
    if given - {"workspace"}:
        raise click.UsageError(
            f"Write the options behind '{context.invoked_subcommand}'; those before it are the list's."
        )
    if given:
        context.obj = context.params["workspace"]


@contextmanager
def _queue(workspace: Path) -> Iterator[ExceptionQueue]:
    """Open the queue alone: working on it needs no NetSuite."""
    context = click.get_current_context()
    if context.obj is not None and context.get_parameter_source("workspace") is not ParameterSource.COMMANDLINE:
        workspace = context.obj
    settings = load_settings(workspace)
    journal = Journal.open(settings.journal_url or workspace)
    try:
        yield ExceptionQueue(journal, account=settings.account, seller_account=settings.seller_account)
    finally:
        journal.close()


def _do(workspace: Path, as_json: bool, work: Callable[[ExceptionQueue], list[Handled]]) -> None:
    with _queue(workspace) as queue:
        handled = work(queue)
    if as_json:
        facts = [{"exception_id": h.exception_id, "changed": h.changed, "sentence": h.sentence} for h in handled]
        echo_json({"exceptions": facts})
    else:
        click.echo("\n".join(f"{one.exception_id} {one.sentence}." for one in handled))
    exit_with(0 if any(one.changed for one in handled) else 1)


def _print(rows: pd.DataFrame, sentence: str, aside: int) -> None:
    from nsbill.show.tables import text_table

    click.echo(text_table(rows, _COLUMNS, caption=f"{len(rows)} exceptions", limit=None))
    click.echo(sentence)
    if aside:
        click.echo(f"{aside} closed or accepted ones are found all the same: nsbill exceptions --state all")
    if len(rows):
        click.echo("More on one: nsbill exceptions show ID. Work on them: assign, note, mark, close, reopen.")


def _print_one(row: dict[str, object], sentences: list[str]) -> None:
    from nsbill.money import format_money
    from nsbill.show.names import code_text, visible

    state = ExceptionState(str(row["state"]))
    about = {
        "Amazon order": row["amazon_order_id"],
        "Settlement": row["settlement_id"],
        "Reference": row["reference"],
        "State": f"{state}: {state.meaning}",
        "Owner": row["owner"] or "nobody",
        "Evidence": row["evidence"],
        "To do": row["action"],
    }
    amount = format_money(row["amount"], str(row["currency"]))  # type: ignore[arg-type]  # a Decimal
    click.echo(f"{row['exception_id']}  {code_text(str(row['exception_class']))}  {amount}")
    for title, text in about.items():
        if text is not None:
            click.echo(f"  {title + ':':<14}{visible(str(text))}")
    click.echo("\n".join(["", *map(visible, sentences)]))


COMMANDS = (exceptions,)
