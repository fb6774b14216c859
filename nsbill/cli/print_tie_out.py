"""How the tie-out and the agreement of sources are summed up on a terminal: a line each, and the first residuals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from nsbill.cli.common import as_rows

if TYPE_CHECKING:
    import pandas as pd

    from nsbill.reconcile import Reconciliation

__all__ = ["print_tie_out"]


def print_tie_out(found: Reconciliation, *, limit: int = 5, err: bool = False) -> None:
    """Print how many settlements tie, what cannot be told, the first residuals, and whether the sources agree."""
    steps = found.tie_out
    if len(steps):
        holds = steps["holds"]
        broken = steps[(~holds).fillna(value=False)]
        settlements, wrong = steps["settlement_id"].nunique(), broken["settlement_id"].nunique()
        untold = steps[holds.isna()].groupby("step", sort=False).size()
        listed = ", ".join(f"{step} of {number:,}" for step, number in untold.items())
        text = f"Tie-out: {settlements - wrong:,} of {settlements:,} settlements tie as far as can be told"
        click.echo(f"{text}{f' (cannot be told: {listed})' if listed else ''}", err=err)
        for row in as_rows(broken.head(limit)):
            figures = "" if row["residual"] is None else f", off by {row['residual']:,} {row['currency']}"
            click.echo(f"  {row['settlement_id']}: {row['step']} does not hold{figures}", err=err)
        if len(broken) > limit:
            click.echo(f"  … and {len(broken) - limit:,} more (see them all: nsbill settlements check)", err=err)
    _print_agreement(found.agreement, err=err)


def _print_agreement(agreement: pd.DataFrame, *, err: bool) -> None:
    if len(agreement):
        counted = agreement.groupby("state").size()
        listed = ", ".join(f"{number:,} {state}" for state, number in counted.items())
        click.echo(f"Orders that two sources of Amazon speak of: {listed}", err=err)
