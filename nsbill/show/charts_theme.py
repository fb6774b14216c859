"""The look of every chart: transparent, a grey that reads on light and dark, exact amounts as text.

Bar lengths are handed to plotly as numeric texts ("1234.50"), so a figure holds exact amounts; the browser turns
them into pixels, and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from html import escape
from textwrap import wrap
from typing import Any

import plotly.graph_objects as go

from nsbill.money import format_money, minor_units
from nsbill.show.names import shorten, visible
from nsbill.show.palette import GRID, TEXT, Meaning

__all__ = [
    "Series",
    "add_series",
    "axis_format",
    "axis_label",
    "bar_label",
    "chart_text",
    "finish",
    "says_so",
]

_LABEL_WIDTH = 40
_SUBTITLE_WIDTH = 85  # characters; charts are drawn as narrow as half a page
_SUBTITLE_LINE = 16  # pixels


@dataclass(frozen=True)
class Series:
    """One named set of bars: an exact amount per position, drawn when any is not zero."""

    name: str
    meaning: Meaning
    amounts: Sequence[Decimal]
    pattern: str | None = None
    labelled: bool = False
    notes: Sequence[str] = field(default_factory=tuple)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to draw."""
        return not any(self.amounts)


def add_series(
    figure: go.Figure,
    series: Series,
    *,
    positions: Sequence[str],
    keys: Sequence[str],
    currency: str,
    horizontal: bool,
    row: int | None = None,
    legend: bool = True,
) -> None:
    """Add one series of bars; ``customdata`` per bar: key, exact amount, and for the hover amount, note, heading."""
    exact = [str(amount) for amount in series.amounts]
    texts = [format_money(amount, currency) for amount in series.amounts]
    labels = [bar_label(amount, currency) if series.labelled else "" for amount in series.amounts]
    headings = [chart_text(key) for key in keys]
    notes = list(series.notes) or [""] * len(exact)
    lengths: dict[str, Any] = {"x": exact, "y": list(positions), "orientation": "h"}
    if not horizontal:
        lengths = {"x": list(positions), "y": exact}
    bar = go.Bar(
        **lengths,
        name=series.name,
        legendgroup=series.name,
        showlegend=legend,
        marker={
            "color": series.meaning.colour,
            "pattern": {
                "shape": series.meaning.pattern if series.pattern is None else series.pattern,
                "fillmode": "overlay",
                "fgcolor": "rgba(255,255,255,0.75)",
                "size": 6,
                "solidity": 0.25,
            },
            "line": {"color": TEXT, "width": 0.5},
        },
        customdata=[list(cells) for cells in zip(keys, exact, texts, notes, headings, strict=True)],
        hovertemplate=f"<b>%{{customdata[4]}}</b><br>{_escaped(series.name)}: %{{customdata[2]}}%{{customdata[3]}}<extra></extra>",
        text=labels,
        textposition="outside" if series.labelled else "none",
        textfont={"size": 11},
        constraintext="none",
        cliponaxis=False,
    )
    if row is None:
        figure.add_trace(bar)
    else:
        figure.add_trace(bar, row=row, col=1)


def finish(figure: go.Figure, *, title: str, height: int, subtitle: str = "") -> go.Figure:
    """Give the figure its look, and return it. Texts are plain and are escaped here."""
    heading: dict[str, Any] = {"text": f"<b>{chart_text(title)}</b>", "x": 0, "xref": "container", "xanchor": "left"}
    heading |= {"y": 1, "yref": "container", "yanchor": "top", "pad": {"t": 12, "l": 12}, "font": {"size": 15}}
    told = wrap(visible(subtitle), _SUBTITLE_WIDTH)
    if told:
        heading["subtitle"] = {"text": "<br>".join(_escaped(line) for line in told), "font": {"size": 12}}
    above = 96 if any(bar.showlegend is not False for bar in figure.data) else 72
    figure.update_layout(
        template="none",
        title=heading,
        height=height + _SUBTITLE_LINE * max(0, len(told) - 1),
        barmode="relative",
        bargap=0.25,
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": TEXT, "size": 12, "family": "system-ui, 'Segoe UI', 'DejaVu Sans', Arial, sans-serif"},
        margin={"t": above + _SUBTITLE_LINE * max(0, len(told) - 1), "r": 24, "b": 56, "l": 24},
        legend={
            "orientation": "h",
            "x": 0,
            "xanchor": "left",
            "y": 1,
            "yanchor": "bottom",
            "yref": "paper",
            "traceorder": "normal",
        },
        hoverlabel={"align": "left", "namelength": -1},
        separators=".,",
    )
    figure.update_xaxes(gridcolor=GRID, zerolinecolor=TEXT, automargin=True, ticklabelstandoff=4, title_standoff=10)
    figure.update_yaxes(gridcolor=GRID, zerolinecolor=TEXT, automargin=True, ticklabelstandoff=4, title_standoff=10)
    return figure


def says_so(title: str, sentence: str) -> go.Figure:
    """Return a figure without bars that says in one sentence why there are none."""
    figure = go.Figure()
    figure.add_annotation(
        text=chart_text(sentence, width=None),
        showarrow=False,
        font={"size": 14, "color": TEXT},
        x=0.5,
        y=0.5,
        xref="paper",
        yref="paper",
    )
    finish(figure, title=title, height=220)
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    return figure


def bar_label(amount: Decimal, currency: str) -> str:
    """Return the exact amount to stand at a bar, without the currency, which the axis names; none for zero."""
    return format_money(amount, currency).removesuffix(currency).rstrip() if amount else ""


def axis_format(currency: str) -> str:
    """Return the number format of an amount axis: grouped thousands, no decimals for yen."""
    return ",.0f" if minor_units(currency) == 0 else ",.2~f"


def chart_text(text: str, *, width: int | None = _LABEL_WIDTH * 3) -> str:
    """Return text from anywhere for plotly, which reads some HTML: escaped, harmless, and cut to ``width``."""
    plain = visible(text)
    return _escaped(plain if width is None else shorten(plain, width))


def _escaped(text: str) -> str:
    """Escape what plotly reads as a tag; it shows an escaped quotation mark as it is written."""
    return escape(text, quote=False)


def axis_label(text: str) -> str:
    """Return text from anywhere as a tick label: an order id stays whole, a monster is cut in its middle."""
    return chart_text(text, width=_LABEL_WIDTH)
