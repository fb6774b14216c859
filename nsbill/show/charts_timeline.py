"""The timeline of one Amazon order: each event a mark on its day, with its amount, one lane for each kind."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import plotly.graph_objects as go

from nsbill.money import format_money
from nsbill.show.charts_theme import axis_label, bar_label, chart_text, finish, says_so
from nsbill.show.order_events import LANES, OrderEvent
from nsbill.show.palette import TEXT, Meaning

__all__ = ["order_timeline"]

_SYMBOLS = {
    Meaning.NEUTRAL: "square",
    Meaning.RECEIVED: "circle",
    Meaning.REFUND: "triangle-left",
    Meaning.OTHER: "star",
    Meaning.DUE: "diamond",
}
_LANE = 46  # pixels


def order_timeline(events: Sequence[OrderEvent], amazon_order_id: str, *, currency: str, as_of: date) -> go.Figure:
    """Chart the events of one order; a hollow mark is what has not happened, the dotted line the as-of day."""
    title = f"Order {amazon_order_id}, {currency}: what happened when"
    if not events:
        return says_so(title, "No day of this order is known.")
    figure = go.Figure()
    for event in _summed(events):
        _mark(figure, event, currency=currency)
    first, last = min(event.day for event in events), max([*(event.day for event in events), as_of])
    room = timedelta(days=max(2, (last - first).days // 12))
    lanes = [lane for lane in LANES if lane in {event.lane for event in events}]
    _as_of_line(figure, as_of)
    figure.update_xaxes(
        type="date", title=f"date (amounts in {currency})", range=[str(first - room), str(last + room)],
        tickformat="%Y-%m-%d", nticks=10, zeroline=False,
    )  # fmt: skip
    figure.update_yaxes(
        type="category", categoryorder="array", categoryarray=lanes, range=[len(lanes) - 0.4, -0.7], zeroline=False
    )
    told = "posted, settled and deposited: the money after fees"
    finish(figure, title=title, subtitle=told, height=158 + _LANE * len(lanes))
    return figure.update_layout(margin={"t": 90})  # the as-of day stands between subtitle and lanes


def _mark(figure: go.Figure, event: OrderEvent, *, currency: str) -> None:
    exact = "" if event.amount is None else format_money(event.amount, currency)
    label = "" if event.amount is None else bar_label(event.amount, currency) or "0"
    symbol = _SYMBOLS.get(event.meaning, "circle")
    figure.add_scatter(
        x=[str(event.day)],
        y=[event.lane],
        mode="markers+text",
        name=event.lane,
        showlegend=False,
        text=[label],
        textposition="bottom center" if event.meaning is Meaning.REFUND else "top center",
        textfont={"size": 11},
        cliponaxis=False,
        marker={
            "symbol": f"{symbol}-open" if event.expected else symbol,
            "size": 12,
            "color": event.meaning.colour,
            "line": {"color": event.meaning.colour if event.expected else TEXT, "width": 2 if event.expected else 0.5},
        },
        customdata=[[event.lane, "" if event.amount is None else str(event.amount), exact, chart_text(event.words)]],
        hovertemplate="<b>%{customdata[0]}</b>, %{x|%Y-%m-%d}<br>%{customdata[3]}<br>%{customdata[2]}<extra></extra>",
    )


def _summed(events: Sequence[OrderEvent]) -> list[OrderEvent]:
    """Events that would lie on each other are one mark: same lane, day and meaning; their amounts added, their words joined."""
    groups: dict[tuple[str, date, Meaning, bool], list[OrderEvent]] = {}
    for event in events:
        groups.setdefault((event.lane, event.day, event.meaning, event.expected), []).append(event)
    return [_one(group) for group in groups.values()]


def _one(group: Sequence[OrderEvent]) -> OrderEvent:
    first = group[0]
    if len(group) == 1:
        return first
    amounts = [event.amount for event in group if event.amount is not None]
    words = "; ".join(dict.fromkeys(event.words for event in group))
    return OrderEvent(
        first.lane, first.day, words, first.meaning, sum(amounts[1:], amounts[0]) if amounts else None, first.expected
    )


def _as_of_line(figure: go.Figure, as_of: date) -> None:
    day = str(as_of)
    figure.add_shape(
        type="line", x0=day, x1=day, y0=0, y1=1, yref="paper", layer="below", line={"width": 1, "dash": "dot", "color": TEXT}
    )  # fmt: skip
    figure.add_annotation(
        x=day, y=1, yref="paper", yanchor="bottom", showarrow=False, text=axis_label(f"as of {as_of}"), font={"size": 11}
    )  # fmt: skip
