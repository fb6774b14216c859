"""The charts of a report as PNG pictures: the figures of the page, drawn by Chromium on this machine, without network.

kaleido (the extra ``png``) drives the browser; it needs Chrome or Chromium, which it finds by itself or by ``BROWSER_PATH``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from nsbill.errors import MissingExtra, WorkspaceError
from nsbill.show.files import writing_aside

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from nsbill.reconcile import Reconciliation

__all__ = ["CHARTS", "chart_places", "write_charts", "write_pictures"]

CHARTS = ("received-versus-due", "due-by-reason", "due-by-age", "due-by-status", "over-time")
"""The charts of a currency that has orders, in the order in which ``currency_figures`` makes them."""

_WIDTH, _SCALE = 1000, 2
_NO_BROWSER = "Install Chromium or Chrome, or name one in BROWSER_PATH."


def chart_places(folder: Path, reconciliation: Reconciliation) -> list[Path]:
    """Return where ``write_charts`` writes: one file for each currency with orders and each of ``CHARTS``."""
    return [folder / f"{code.lower()}-{name}.png" for code in _currencies(reconciliation.totals) for name in CHARTS]


def write_charts(folder: Path, reconciliation: Reconciliation) -> list[Path]:
    """Draw every chart of the report's page into ``folder``; returns the paths. Amounts are of one currency in each.

    Raises
    ------
    MissingExtra
        When kaleido is not installed.
    WorkspaceError
        When no browser is found, it draws nothing, or a file cannot be written; files that were complete before stay.
    """
    from nsbill.show.charts import currency_figures

    figures = [
        figure
        for code in _currencies(reconciliation.totals)
        for figure in currency_figures(reconciliation.statement, currency=code)
    ]
    places = chart_places(folder, reconciliation)
    write_pictures(dict(zip(places, figures, strict=True)))
    return places


def write_pictures(figures: Mapping[Path, go.Figure]) -> None:
    """Write each figure as PNG to its path, on white ground.

    Raises
    ------
    MissingExtra
        When kaleido is not installed.
    WorkspaceError
        When no browser is found, it draws nothing, or a file cannot be written; files that were complete before stay.
    """
    try:
        import kaleido
        from kaleido.errors import ChromeNotFoundError, KaleidoError
    except ImportError as error:
        raise MissingExtra("A chart as PNG", "kaleido", "png") from error
    if not figures:
        return
    with ExitStack() as stack:
        wanted = [
            {
                "fig": _on_white(figure),
                "path": str(stack.enter_context(writing_aside(path))),
                "opts": {"format": "png", "width": _WIDTH, "height": figure.layout.height, "scale": _SCALE},
            }
            for path, figure in figures.items()
        ]
        try:
            problems = kaleido.write_fig_from_object_sync(
                wanted, kopts={"mathjax": False}
            )  # which would come from outside
        except ChromeNotFoundError as error:
            raise WorkspaceError(next(iter(figures)), "cannot be drawn: no browser was found", _NO_BROWSER) from error
        except KaleidoError as error:
            raise _not_drawn(figures, error) from error
        if problems:
            raise _not_drawn(figures, problems[0]) from problems[0]


def _not_drawn(figures: Mapping[Path, go.Figure], error: Exception) -> WorkspaceError:
    problem = f"cannot be drawn ({type(error).__name__}: {error})"
    return WorkspaceError(next(iter(figures)).parent, problem, "Try again; the HTML page has the same charts.")


def _on_white(figure: go.Figure) -> dict[str, object]:
    """The figure as data, on the ground that a document has; in a page it shows the page's own."""
    content = json.loads(figure.to_json())
    return {**content, "layout": {**content["layout"], "paper_bgcolor": "white", "plot_bgcolor": "white"}}


def _currencies(totals: pd.DataFrame) -> list[str]:
    """The currencies that have orders; others have no charts."""
    return [str(code) for code in totals.loc[totals["orders"] > 0, "currency"]]
