"""Charts of a reconciliation, one currency each: a statement goes in, a plotly figure comes out.

Nothing is dropped: the bars of a chart add up to the statement's totals of that currency, exactly.
Meaning of the amounts: domain reference 2.2 (received, due) and 2.5 (ageing).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go
import pyarrow as pa
import pyarrow.compute as pc
from plotly.subplots import make_subplots

from nsbill.money import MONEY, ZERO, format_money
from nsbill.show.charts_due import aging, due_by_reason, due_by_status
from nsbill.show.charts_months import over_time
from nsbill.show.charts_order import order_waterfall
from nsbill.show.charts_parts import PARTS, SERIES, of_currency, signed_parts, total
from nsbill.show.charts_theme import Series, add_series, axis_format, axis_label, finish, says_so
from nsbill.show.palette import Meaning

__all__ = [
    "aging",
    "currency_figures",
    "due_by_reason",
    "due_by_status",
    "order_waterfall",
    "over_time",
    "received_versus_due",
]


def received_versus_due(statement: pd.DataFrame, *, currency: str, top: int = 25) -> go.Figure:
    """Chart received and due per Amazon order, largest due first; the orders after ``top`` are one bar of their own scale.

    Columns: those of STATEMENT; amounts in ``currency``. ``received`` and ``due`` are each split by sign: what was
    refunded beyond what was received, what Amazon paid too much, and what it will take back are named series.
    """
    title = f"Received versus due per Amazon order, {currency}"
    rows = signed_parts(of_currency(statement, currency))
    if not rows.num_rows:
        return says_so(title, f"No Amazon orders in {currency}.")
    rows = rows.take(
        pc.sort_indices(
            rows, [("due_net", "descending"), ("amazon_order_id", "ascending"), ("seller_account", "ascending")]
        )
    )
    top = max(top, 1)
    shown, rest = rows.slice(0, top), rows.slice(top)
    figure = go.Figure()
    if rest.num_rows:
        heights = [shown.num_rows, 2.2]
        figure = make_subplots(
            rows=2, cols=1, row_heights=heights, vertical_spacing=min(0.25, 2.6 / (sum(heights) + 2))
        )
    keys = _strings(shown, "amazon_order_id")
    labels = _unique_labels(keys, _strings(shown, "seller_account"))
    used = _draw_orders(figure, shown, keys=keys, labels=labels, currency=currency, row=1 if rest.num_rows else None)
    if rest.num_rows:
        name = f"{rest.num_rows:,} more order{'s' if rest.num_rows > 1 else ''}"
        summed = pa.table({part: pa.array([total(rest[part])], MONEY) for part in PARTS})
        _draw_orders(figure, summed, keys=[name], labels=[name], currency=currency, row=2, in_legend=used)
        figure.update_xaxes(title=f"the {name} together, {currency} (scale of its own)", row=2, col=1)
    figure.update_xaxes(title=f"{currency}", row=1 if rest.num_rows else None, col=1 if rest.num_rows else None)
    figure.update_xaxes(type="linear", tickformat=axis_format(currency), nticks=8)
    totals = f"Received {format_money(total(rows['received_net']), currency)}, due {format_money(total(rows['due_net']), currency)}, {rows.num_rows:,} orders"
    height = 190 + 24 * shown.num_rows + (110 if rest.num_rows else 0)
    return finish(figure, title=title, subtitle=totals, height=height)


def currency_figures(statement: pd.DataFrame, *, currency: str, top: int = 25) -> list[go.Figure]:
    """Return the charts of one currency: received versus due per order; due by reason, age and status; over time."""
    more = (due_by_reason, aging, due_by_status, over_time)
    orders = received_versus_due(statement, currency=currency, top=top)
    if not (statement["currency"] == currency).any():
        return [orders]  # it says that there are none
    return [orders, *(draw(statement, currency=currency) for draw in more)]


def _draw_orders(
    figure: go.Figure,
    parts: pa.Table,
    *,
    keys: Sequence[str],
    labels: Sequence[str],
    currency: str,
    row: int | None,
    in_legend: frozenset[str] = frozenset(),
) -> frozenset[str]:
    """Draw every part that has an amount; return the names that are in the legend by now."""
    drawn = set(in_legend)
    for part, name, meaning, pattern in SERIES:
        series = Series(name, meaning, parts[part].to_pylist(), pattern=pattern)
        if not series.empty:
            add_series(
                figure,
                series,
                positions=labels,
                keys=keys,
                currency=currency,
                horizontal=True,
                row=row,
                legend=name not in drawn,
            )
            drawn.add(name)
    if not drawn:  # orders that are all zero still get their labels
        zeros = Series("received", Meaning.RECEIVED, [ZERO] * len(labels))
        add_series(figure, zeros, positions=labels, keys=keys, currency=currency, horizontal=True, row=row)
    ticks = [axis_label(label) for label in labels]
    place = {} if row is None else {"row": row, "col": 1}
    figure.update_yaxes(
        type="category", showgrid=False, categoryorder="array", categoryarray=list(labels), range=[len(labels) - 0.4, -0.6],
        tickmode="array", tickvals=list(labels), ticktext=ticks, **place,
    )  # fmt: skip
    return frozenset(drawn)


def _strings(rows: pa.Table, column: str) -> list[str]:
    texts: list[str] = rows[column].to_pylist()
    return texts


def _unique_labels(keys: Sequence[str], sellers: Sequence[str]) -> list[str]:
    """Name the seller account too when two of them have the same order id: equal labels would be stacked."""
    seen = Counter(keys)
    return [f"{key} ({seller})" if seen[key] > 1 else key for key, seller in zip(keys, sellers, strict=True)]
