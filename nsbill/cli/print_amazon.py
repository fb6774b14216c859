"""How settlements, proofs, unknown labels and changed meanings look on a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from typing import Any

import click
import pandas as pd

from nsbill.amazon.bank import BankStatement
from nsbill.amazon.labels_file import COLUMNS, FILE
from nsbill.amazon.proof_rows import Proof
from nsbill.amazon.unknown import CHOOSE
from nsbill.cli.common import as_rows
from nsbill.money import format_money
from nsbill.show.tables import text_table
from nsbill.vocabulary import LineKind

__all__ = ["print_activity", "print_changes", "print_proofs", "print_settlements", "print_statements", "print_unknown"]

_WIDTH = 118
_STATES = ((False, "Does not hold"), (None, "Cannot be told"), (True, "Holds"))


def print_settlements(settlements: pd.DataFrame, *, limit: int | None = None, err: bool = False) -> None:
    """Print settlements with period, total and whether they tie, and below them what needs a decision."""
    rows = as_rows(settlements)
    periods = [
        f"{row['period_start']:%Y-%m-%d} to {row['period_end']:%Y-%m-%d}"
        if row["period_start"] and row["period_end"]
        else "not stated"
        for row in rows
    ]
    columns = ["settlement_id", "marketplace", "period", "deposit_date", "currency", "total_amount", "lines", "ties"]
    shown = settlements.assign(period=pd.Series(periods, index=settlements.index, dtype="string[pyarrow]"))
    click.echo(text_table(shown, columns, caption="Amazon settlements", limit=limit), err=err)
    for row in rows[:limit]:
        for problem in _problems(row):
            click.echo(_wrapped(f"{row['settlement_id']}: {problem}"), err=err)


def _problems(row: dict[str, Any]) -> Iterable[str]:
    if row["residual"]:
        yield f"its lines add up to {format_money(row['lines_total'], row['currency'])}, off by {row['residual']:,}."
    if row["total_amount"] is None:
        yield "its file states no total, so nothing proves that it is whole."
    if row["unclassified_lines"]:
        yield f"{_count(row['unclassified_lines'], 'line')} with labels that are not known: nsbill settlements unknown"
    if row["problem"]:
        yield str(row["problem"])


def print_activity(sources: pd.DataFrame) -> None:
    """Print the files of activity; nothing when there are none."""
    if len(sources):
        columns = ["source_name", "first_posted", "last_posted", "records", "currency", "transaction_status", "amount"]
        caption = "Activity (payments reports, Finances API), never part of the settlements' totals"
        click.echo()
        click.echo(text_table(sources, columns, caption=caption, limit=None))


def print_statements(statements: Iterable[BankStatement]) -> None:
    """Print what was read of each bank statement."""
    for statement in statements:
        days = sorted(line.day for line in statement.lines)
        span = f", {days[0]} to {days[-1]}" if days else ""
        left = f"; lines without a movement: {', '.join(map(str, statement.left_out))}" if statement.left_out else ""
        of_amazon = sum(line.of_amazon for line in statement.lines)
        click.echo(
            _wrapped(f"{statement.name}: {_count(len(days), 'movement')}{span}, {of_amazon:,} with Amazon's name{left}")
        )


def print_proofs(proofs: pd.DataFrame, *, everything: bool) -> None:
    """Print how many proofs hold, and each that does not or cannot be told; with ``everything`` each."""
    rows = as_rows(proofs)
    click.echo(f"Proofs of {_count(len({row['settlement_id'] for row in rows} - {None}), 'settlement')}")
    for proof in Proof:
        states = [row["holds"] for row in rows if row["proof"] == proof]
        if states:
            told = {True: "hold", False: "do not hold", None: "cannot be told"}
            counted = ", ".join(f"{states.count(state):,} {word}" for state, word in told.items() if state in states)
            click.echo(f"  {proof:<25} {counted}")
    for state, title in _STATES if everything else _STATES[:2]:
        found = [row for row in rows if row["holds"] is state]
        if found:
            click.echo(f"\n{title}: {len(found):,}")
        for row in found:
            click.echo(f"  {row['settlement_id'] or 'bank':<12} {row['proof']}{_figures(row)}")
            click.echo(_wrapped(row["explanation"], indent=15))


def _figures(row: dict[str, Any]) -> str:
    named = (("expected", row["expected"]), ("found", row["found"]), ("off by", row["residual"] or None))
    figures = ", ".join(f"{name} {amount:,}" for name, amount in named if amount is not None)
    code = f" [{row['code']}]" if row["code"] else ""
    return f"{': ' if figures else ''}{figures}{' ' + row['currency'] if figures else ''}{code}"


def print_unknown(unknown: pd.DataFrame, folder: str) -> None:
    """Print each combination of labels that is not known, its money, an example, and the row to add."""
    if not len(unknown):
        click.echo("The vocabulary knows every label that is stored.")
        return
    rows = as_rows(unknown)
    combinations = dict.fromkeys((r["transaction_type"], r["amount_type"], r["amount_description"]) for r in rows)
    click.echo(
        f"Not in the vocabulary: {_count(len(combinations), 'combination')} of labels. The money stays in every total."
    )
    for labels in combinations:
        found = [r for r in rows if (r["transaction_type"], r["amount_type"], r["amount_description"]) == labels]
        click.echo(f"\n  {' | '.join(label or '(empty)' for label in labels)}")
        for row in found:
            order = f", order {row['order_reference']}" if row["order_reference"] else ""
            known = "; known by now" if row["known_by_now"] else ""
            text = (
                f"{_count(row['lines'], 'line')}, {format_money(row['amount'], row['currency'])}, event {row['event_class']}, in {_count(row['files'], 'file')} of "
                f"{row['within']}, first {row['source_name']}, line {row['source_line']}{order}{known}"
            )
            click.echo(_wrapped(text, indent=6))
        if not all(row["known_by_now"] for row in found):
            click.echo(f"      {found[0]['row']}")
    click.echo(
        _wrapped(
            f"\nTo make them known: put the rows into {folder}/{FILE}, whose first line is {','.join(COLUMNS)}; write a line kind instead of {CHOOSE}; then: nsbill settlements reclassify"
        )
    )
    click.echo(_wrapped(f"Line kinds: {', '.join(kind for kind in LineKind if kind is not LineKind.UNCLASSIFIED)}"))


def print_changes(changes: pd.DataFrame, *, dry_run: bool) -> None:
    """Print which labels mean something else now."""
    if not len(changes):
        click.echo("Everything that is stored has the meaning that the vocabulary gives it.")
        return
    columns = ["amount_description", "was_class", "was_kind", "event_class", "line_kind", "currency", "lines", "amount"]
    grouped = changes.groupby([name for name in columns if name not in {"lines", "amount"}], sort=False, dropna=False)
    summed = grouped.agg(lines=("lines", "sum"), amount=("amount", "sum")).reset_index()
    caption = "Would change" if dry_run else "Changed"
    click.echo(text_table(summed, columns, caption=caption, limit=None))


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def _wrapped(text: str, *, indent: int = 2) -> str:
    lead = "\n" if text.startswith("\n") else ""
    margin = " " * indent
    return lead + textwrap.fill(
        text.strip(), _WIDTH, initial_indent=margin, subsequent_indent=margin, break_long_words=False
    )
