"""Charts of runs over time: what was due after each, in one currency, and how long each took."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from nsbill.money import format_money
from nsbill.show.charts_theme import axis_format, chart_text, finish, says_so
from nsbill.show.palette import Meaning

__all__ = ["due_over_runs", "seconds_of_runs"]


def due_over_runs(due: pd.DataFrame, *, currency: str) -> go.Figure:
    """Chart what was due after each run (schema ``RUN_DUE``), one line for each job or notebook."""
    title = f"Due after each run, {currency}"
    rows = due[due["currency"] == currency]
    if not len(rows):
        return says_so(title, f"No run recorded what is due in {currency}.")
    figure = go.Figure()
    for number, (name, of_it) in enumerate(rows.groupby("name", sort=True)):
        figure.add_scatter(
            x=list(of_it["started_at"]),
            y=[str(amount) for amount in of_it["due"]],  # numeric texts: the figure holds exact amounts
            name=chart_text(str(name)),
            mode="lines+markers",
            line={"color": Meaning.DUE.colour, "dash": ("solid", "dash", "dot", "dashdot")[number % 4], "width": 2},
            marker={"color": Meaning.DUE.colour, "size": 7, "symbol": number % 10},
            customdata=[[format_money(amount, currency)] for amount in of_it["due"]],
            hovertemplate="<b>%{x|%Y-%m-%d %H:%M} UTC</b><br>due: %{customdata[0]}<extra>%{fullData.name}</extra>",
        )
    figure.update_xaxes(title="run started, UTC", type="date")
    figure.update_yaxes(title=f"due, {currency}", tickformat=axis_format(currency), type="linear", rangemode="tozero")
    return finish(figure, title=title, height=320)


def seconds_of_runs(runs: pd.DataFrame) -> go.Figure:
    """Chart how long each run took (schema ``RUN_OVERVIEW``); those that did not succeed stand apart."""
    title = "How long each run took"
    rows = runs[runs["seconds"].notna() & runs["started_at"].notna()]
    if not len(rows):
        return says_so(title, "No run has ended yet.")
    figure = go.Figure()
    good = rows["status"] == "succeeded"
    for name, meaning, symbol, of_it in (
        ("succeeded", Meaning.NEUTRAL, "circle", rows[good]),
        ("not succeeded", Meaning.EXCEPTION, "x", rows[~good]),
    ):
        if len(of_it):
            figure.add_scatter(
                x=list(of_it["started_at"]),
                y=[int(seconds) for seconds in of_it["seconds"]],
                name=name,
                mode="markers",
                marker={"color": meaning.colour, "size": 8, "symbol": symbol},
                customdata=[[chart_text(str(name))] for name in of_it["name"]],
                hovertemplate="<b>%{customdata[0]}</b><br>%{x|%Y-%m-%d %H:%M} UTC: %{y} s<extra></extra>",
            )
    figure.update_xaxes(title="run started, UTC", type="date")
    figure.update_yaxes(title="seconds", rangemode="tozero")
    return finish(figure, title=title, height=300)
