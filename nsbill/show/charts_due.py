"""Charts of what is due: by days past the expected settlement, and by status; one currency each."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import pyarrow as pa
import pyarrow.compute as pc

from nsbill.money import MONEY, ZERO, format_money
from nsbill.show.charts_parts import PARTS, SERIES, of_currency, signed_parts, total
from nsbill.show.charts_theme import Series, add_series, axis_format, chart_text, finish, says_so
from nsbill.show.names import code_text
from nsbill.show.palette import Meaning
from nsbill.vocabulary import AgingBucket, StatementStatus

__all__ = ["aging", "due_by_status"]

_NO_AGE = "age not known"


def aging(statement: pd.DataFrame, *, currency: str) -> go.Figure:
    """Chart what is due by days past the expected settlement: every AgingBucket, in order.

    The bars add up to the sum of ``due`` over the orders where it is positive; the subtitle names the rest.
    """
    title = f"Due by age, {currency}"
    rows = signed_parts(of_currency(statement, currency))
    late = rows.filter(pc.greater(rows["due"], pa.scalar(ZERO, MONEY)))
    if not late.num_rows:
        return says_so(title, f"Nothing is due in {currency}.")
    buckets = [bucket.value for bucket in AgingBucket]
    aged = pc.fill_null(late["aging_bucket"], _NO_AGE)
    late = late.set_column(late.column_names.index("aging_bucket"), "aging_bucket", aged)
    sums = _grouped(late, "aging_bucket")
    buckets += [key for key in sums if key not in buckets]
    amounts = [sums[bucket]["due"] if bucket in sums else ZERO for bucket in buckets]
    counts = [sums[bucket]["orders"] if bucket in sums else 0 for bucket in buckets]
    figure = go.Figure()
    series = Series("due", Meaning.DUE, amounts, labelled=True, notes=[f"<br>{_orders(count)}" for count in counts])
    positions = [chart_text(bucket) for bucket in buckets]
    add_series(figure, series, positions=positions, keys=buckets, currency=currency, horizontal=False, legend=False)
    ticks = [
        f"{label.replace('not yet ', 'not yet<br>')}<br>{_orders(count)}"
        for label, count in zip(positions, counts, strict=True)
    ]
    figure.update_xaxes(
        type="category",
        showgrid=False,
        title="days past the expected settlement",
        tickmode="array",
        tickangle=0,
        tickvals=positions,
        ticktext=ticks,
    )
    figure.update_yaxes(type="linear", title=f"due, {currency}", tickformat=axis_format(currency), rangemode="tozero")
    _headroom(figure, amounts, axis="y")
    return finish(figure, title=title, subtitle=_aged_and_not(rows, late, currency), height=400)


def due_by_status(statement: pd.DataFrame, *, currency: str) -> go.Figure:
    """Chart the sum of ``due`` per StatementStatus, positive and negative parts apart; statuses without orders are left out."""
    title = f"Due by status, {currency}"
    rows = signed_parts(of_currency(statement, currency))
    if not rows.num_rows:
        return says_so(title, f"No Amazon orders in {currency}.")
    sums = _grouped(rows, "status")
    known = [status.value for status in StatementStatus if status.value in sums]
    statuses = known + sorted(key for key in sums if key not in known)
    positions = [f"{chart_text(code_text(status))}<br>{_orders(sums[status]['orders'])}" for status in statuses]
    figure = go.Figure()
    for part, name, meaning, pattern in SERIES[2:]:
        series = Series(name, meaning, [sums[status][part] for status in statuses], pattern=pattern, labelled=True)
        if not series.empty:
            add_series(figure, series, positions=positions, keys=statuses, currency=currency, horizontal=True)
    if not figure.data:
        return says_so(title, f"Nothing is due in {currency}, in {_orders(rows.num_rows)}.")
    _headroom(figure, [sums[s][part] for s in statuses for part in PARTS[2:]], axis="x")
    figure.update_xaxes(type="linear", title=f"due, {currency}", tickformat=axis_format(currency), nticks=6)
    figure.update_yaxes(
        type="category",
        showgrid=False,
        categoryorder="array",
        categoryarray=positions,
        range=[len(positions) - 0.4, -0.6],
    )
    subtitle = f"Due {format_money(total(rows['due_net']), currency)} in all"
    finish(figure, title=title, subtitle=subtitle, height=max(400, 190 + 36 * len(positions)))
    below = {"yref": "container", "y": 0.01, "yanchor": "bottom", "xref": "container", "x": 0.02}
    return figure.update_layout(legend=below, margin={"t": 72, "b": 96})


def _grouped(rows: pa.Table, by: str) -> dict[str, dict[str, Any]]:
    sums = rows.group_by(by).aggregate([*((part, "sum") for part in PARTS), ([], "count_all")])
    return {
        row[by]: {**{part: row[f"{part}_sum"] for part in PARTS}, "orders": row["count_all"]}
        for row in sums.to_pylist()
    }


def _orders(count: int) -> str:
    return f"{count:,} order" if count == 1 else f"{count:,} orders"


def _aged_and_not(rows: pa.Table, late: pa.Table, currency: str) -> str:
    text = f"Due {format_money(total(late['due']), currency)} in {_orders(late.num_rows)}"
    negative = rows.filter(pc.less(rows["due_net"], pa.scalar(ZERO, MONEY)))
    if negative.num_rows:
        text += f"; not aged: {_orders(negative.num_rows)} with a negative due, {format_money(total(negative['due_net']), currency)}"
    return text


def _headroom(figure: go.Figure, amounts: Sequence[Decimal], *, axis: str) -> None:
    """Leave room for the labels outside the longest bars."""
    low, high = min([*amounts, ZERO]), max([*amounts, ZERO])
    room = (high - low) * Decimal("0.12" if axis == "y" else "0.5")
    bounds = [str(low - room) if low < 0 else "0", str(high + room) if high > 0 else str(room)]
    getattr(figure, f"update_{axis}axes")(range=bounds)
