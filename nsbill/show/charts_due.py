"""Charts of what is due: by reason, by days past the expected settlement, and by status; one currency each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import pyarrow as pa
import pyarrow.compute as pc

from nsbill.money import MONEY, ZERO, format_money
from nsbill.show.charts_parts import PARTS, SERIES, of_currency, orders_text, signed_parts, total
from nsbill.show.charts_theme import Series, add_series, axis_format, chart_text, finish, says_so
from nsbill.show.names import code_text
from nsbill.show.palette import Meaning
from nsbill.vocabulary import AgingBucket, StatementStatus

__all__ = ["REASONS", "aging", "due_by_reason", "due_by_status"]

_NO_AGE = "age not known"


@dataclass(frozen=True)
class Reason:
    """A part of due: a column of STATEMENT, in words, as a series; ``minus`` when it lessens what is due."""

    column: str
    words: str
    series: str
    meaning: Meaning
    pattern: str | None = None
    minus: bool = False


REASONS = (
    Reason("due_deferred", "deferred by Amazon", "due", Meaning.DUE),
    Reason("due_released_open", "released, not received yet", "due", Meaning.DUE),
    Reason("due_unposted", "nothing posted yet", "due", Meaning.DUE),
    Reason("due_short", "short: all is posted, less than billed", "due", Meaning.DUE),
    Reason("overpaid", "overpaid by Amazon", "overpaid by Amazon", Meaning.EXCEPTION, minus=True),
    Reason("refund_in_transit", "credited, Amazon will take it", "refund that Amazon will take", Meaning.REFUND, "+", minus=True),
)  # fmt: skip
"""The parts of due (domain reference 2.2): the first four add up to what is positive of the sale leg."""

_NOT_DIVIDED = Reason("not_divided", "not divided", "not divided", Meaning.EXCEPTION, "x")


def due_by_reason(statement: pd.DataFrame, *, currency: str) -> go.Figure:
    """Chart why money is due: ``REASONS``; the bars add up to the sum of ``due`` exactly.

    What the four parts leave over of the sale leg, which should be nothing, is a bar of its own.
    """
    title = f"Due by reason, {currency}"
    columns = [reason.column for reason in REASONS]
    rows = of_currency(statement, currency, "sale_leg", *(name for name in columns if name != "overpaid"))
    if not rows.num_rows:
        return says_so(title, f"No Amazon orders in {currency}.")
    parts = _reason_parts(rows)
    sums = {reason: total(amounts) for reason, amounts in parts.items()}
    shown = [reason for reason in parts if reason is not _NOT_DIVIDED or sums[reason]]
    if not any(sums.values()):
        return says_so(title, f"Nothing is due in {currency}, in {orders_text(rows.num_rows)}.")
    positions = {reason: f"{chart_text(reason.words)}<br>{_known_orders(rows, reason, parts)}" for reason in shown}
    figure = go.Figure()
    for reason in shown:
        series = Series(reason.series, reason.meaning, [sums[reason]], pattern=reason.pattern, labelled=True)
        where, keys = [positions[reason]], [reason.words]
        add_series(figure, series, positions=where, keys=keys, currency=currency, horizontal=True, legend=False)
    _headroom(figure, list(sums.values()), axis="x")
    _sideways(figure, list(positions.values()), currency=currency)
    told = f"Due {format_money(total(rows['due']), currency)} in all"
    if rows["due_deferred"].null_count == rows.num_rows:
        told += "; what is deferred or released is not known: no payments report or Finances answer says it"
    return finish(figure, title=title, subtitle=told, height=max(400, 130 + 42 * len(positions)))


def _reason_parts(rows: pa.Table) -> dict[Reason, pa.ChunkedArray]:
    """The amounts of each reason per order, signed so that an order's add up to its due."""
    zero = pa.scalar(ZERO, MONEY)
    left = pc.max_element_wise(rows["sale_leg"], zero)
    parts = {}
    for reason in REASONS:
        amounts = pc.fill_null(rows[reason.column], zero)
        parts[reason] = pc.negate(amounts) if reason.minus else amounts
        left = left if reason.minus else pc.subtract(left, amounts)
    return {reason: amounts.cast(MONEY) for reason, amounts in {**parts, _NOT_DIVIDED: left}.items()}


def _known_orders(rows: pa.Table, reason: Reason, parts: Mapping[Reason, pa.ChunkedArray]) -> str:
    if reason.column in rows.column_names and rows[reason.column].null_count == rows.num_rows:
        return "not known"
    return orders_text(pc.sum(pc.not_equal(parts[reason], pa.scalar(ZERO, MONEY))).as_py())


def _sideways(figure: go.Figure, positions: Sequence[str], *, currency: str) -> None:
    """Axes of bars that lie, from top to bottom."""
    figure.update_xaxes(type="linear", title=f"due, {currency}", tickformat=axis_format(currency), nticks=6)
    figure.update_yaxes(
        type="category",
        showgrid=False,
        categoryorder="array",
        categoryarray=list(positions),
        range=[len(positions) - 0.4, -0.6],
    )


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
    series = Series("due", Meaning.DUE, amounts, labelled=True, notes=[f"<br>{orders_text(count)}" for count in counts])
    positions = [chart_text(bucket) for bucket in buckets]
    add_series(figure, series, positions=positions, keys=buckets, currency=currency, horizontal=False, legend=False)
    ticks = [
        f"{label.replace('not yet ', 'not yet<br>')}<br>{orders_text(count)}"
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
    positions = [f"{chart_text(code_text(status))}<br>{orders_text(sums[status]['orders'])}" for status in statuses]
    figure = go.Figure()
    for part, name, meaning, pattern in SERIES[2:]:
        series = Series(name, meaning, [sums[status][part] for status in statuses], pattern=pattern, labelled=True)
        if not series.empty:
            add_series(figure, series, positions=positions, keys=statuses, currency=currency, horizontal=True)
    if not figure.data:
        return says_so(title, f"Nothing is due in {currency}, in {orders_text(rows.num_rows)}.")
    _headroom(figure, [sums[s][part] for s in statuses for part in PARTS[2:]], axis="x")
    _sideways(figure, positions, currency=currency)
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


def _aged_and_not(rows: pa.Table, late: pa.Table, currency: str) -> str:
    text = f"Due {format_money(total(late['due']), currency)} in {orders_text(late.num_rows)}"
    negative = rows.filter(pc.less(rows["due_net"], pa.scalar(ZERO, MONEY)))
    if negative.num_rows:
        text += f"; not aged: {orders_text(negative.num_rows)} with a negative due, {format_money(total(negative['due_net']), currency)}"
    return text


def _headroom(figure: go.Figure, amounts: Sequence[Decimal], *, axis: str) -> None:
    """Leave room for the labels outside the longest bars."""
    low, high = min([*amounts, ZERO]), max([*amounts, ZERO])
    room = (high - low) * Decimal("0.12" if axis == "y" else "0.5")
    bounds = [str(low - room) if low < 0 else "0", str(high + room) if high > 0 else str(room)]
    getattr(figure, f"update_{axis}axes")(range=bounds)
