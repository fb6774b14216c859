"""Charts of a reconciliation, one currency each: a statement goes in, a plotly figure comes out.

Nothing is dropped: the bars of a chart add up to the statement's totals of that currency, exactly.
Meaning of the amounts: domain reference 2.2 (received, due) and 2.5 (ageing).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import pyarrow as pa
import pyarrow.compute as pc
from plotly.subplots import make_subplots

from nsbill.money import MONEY, ZERO, format_money
from nsbill.show.charts_theme import Series, add_series, axis_format, axis_label, chart_text, finish, says_so
from nsbill.show.names import code_text
from nsbill.show.palette import Meaning
from nsbill.vocabulary import AgingBucket, StatementStatus

__all__ = ["aging", "due_by_status", "received_versus_due"]

_NO_AGE = "age not known"
_PARTS = ("received", "refunded_more", "due", "overpaid", "to_be_taken_back")


def received_versus_due(statement: pd.DataFrame, *, currency: str, top: int = 25) -> go.Figure:
    """Chart received and due per Amazon order, largest due first; the orders after ``top`` are one bar of their own scale.

    Columns: those of STATEMENT; amounts in ``currency``. ``received`` and ``due`` are each split by sign: what was
    refunded beyond what was received, what Amazon paid too much, and what it will take back are named series.
    """
    title = f"Received versus due per Amazon order, {currency}"
    rows = _signed_parts(_of_currency(statement, currency))
    if not rows.num_rows:
        return says_so(title, f"No Amazon orders in {currency}.")
    rows = rows.take(
        pc.sort_indices(
            rows, [("due_net", "descending"), ("amazon_order_id", "ascending"), ("seller_account", "ascending")]
        )
    )
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
        summed = pa.table({part: pa.array([_sum(rest[part])], MONEY) for part in _PARTS})
        _draw_orders(figure, summed, keys=[name], labels=[name], currency=currency, row=2, in_legend=used)
        figure.update_xaxes(title=f"the {name} together, {currency} (scale of its own)", row=2, col=1)
    figure.update_xaxes(title=f"{currency}", row=1 if rest.num_rows else None, col=1 if rest.num_rows else None)
    figure.update_xaxes(type="linear", tickformat=axis_format(currency), nticks=8)
    totals = f"Received {format_money(_sum(rows['received_net']), currency)}, due {format_money(_sum(rows['due_net']), currency)}, {rows.num_rows:,} orders"
    height = 190 + 24 * shown.num_rows + (110 if rest.num_rows else 0)
    return finish(figure, title=title, subtitle=totals, height=height)


def aging(statement: pd.DataFrame, *, currency: str) -> go.Figure:
    """Chart what is due by days past the expected settlement: every AgingBucket, in order.

    The bars add up to the sum of ``due`` over the orders where it is positive; the subtitle names the rest.
    """
    title = f"Due by age, {currency}"
    rows = _signed_parts(_of_currency(statement, currency))
    late = rows.filter(pc.greater(rows["due"], _zero()))
    if not late.num_rows:
        return says_so(title, f"Nothing is due in {currency}.")
    buckets = [bucket.value for bucket in AgingBucket]
    sums = _grouped(
        late.set_column(
            late.column_names.index("aging_bucket"), "aging_bucket", pc.fill_null(late["aging_bucket"], _NO_AGE)
        ),
        "aging_bucket",
    )
    buckets += [key for key in sums if key not in buckets]
    amounts = [sums[bucket]["due"] if bucket in sums else ZERO for bucket in buckets]
    counts = [sums[bucket]["orders"] if bucket in sums else 0 for bucket in buckets]
    figure = go.Figure()
    series = Series("due", Meaning.DUE, amounts, labelled=True, notes=[f"<br>{_orders(count)}" for count in counts])
    positions = [chart_text(bucket) for bucket in buckets]
    add_series(figure, series, positions=positions, keys=buckets, currency=currency, horizontal=False, legend=False)
    ticks = [f"{label}<br>{_orders(count)}" for label, count in zip(positions, counts, strict=True)]
    figure.update_xaxes(
        type="category",
        showgrid=False,
        title="days past the expected settlement",
        tickmode="array",
        tickvals=positions,
        ticktext=ticks,
    )
    figure.update_yaxes(type="linear", title=f"due, {currency}", tickformat=axis_format(currency), rangemode="tozero")
    _headroom(figure, amounts, axis="y")
    return finish(figure, title=title, subtitle=_aged_and_not(rows, late, currency), height=400)


def due_by_status(statement: pd.DataFrame, *, currency: str) -> go.Figure:
    """Chart the sum of ``due`` per StatementStatus, positive and negative parts apart; statuses without orders are left out."""
    title = f"Due by status, {currency}"
    rows = _signed_parts(_of_currency(statement, currency))
    if not rows.num_rows:
        return says_so(title, f"No Amazon orders in {currency}.")
    sums = _grouped(rows, "status")
    known = [status.value for status in StatementStatus if status.value in sums]
    statuses = known + sorted(key for key in sums if key not in known)
    positions = [f"{chart_text(code_text(status))}, {_orders(sums[status]['orders'])}" for status in statuses]
    figure = go.Figure()
    for part, name, meaning, pattern in _SERIES[2:]:
        series = Series(name, meaning, [sums[status][part] for status in statuses], pattern=pattern, labelled=True)
        if not series.empty:
            add_series(figure, series, positions=positions, keys=statuses, currency=currency, horizontal=True)
    if not figure.data:
        return says_so(title, f"Nothing is due in {currency}, in {_orders(rows.num_rows)}.")
    _headroom(figure, [sums[s][part] for s in statuses for part in _PARTS[2:]], axis="x")
    figure.update_xaxes(type="linear", title=f"due, {currency}", tickformat=axis_format(currency), nticks=6)
    figure.update_yaxes(
        type="category",
        showgrid=False,
        categoryorder="array",
        categoryarray=positions,
        range=[len(positions) - 0.4, -0.6],
    )
    subtitle = f"Due {format_money(_sum(rows['due_net']), currency)} in all"
    return finish(figure, title=title, subtitle=subtitle, height=max(400, 170 + 34 * len(positions)))


_SERIES: tuple[tuple[str, str, Meaning, str | None], ...] = (
    ("received", "received", Meaning.RECEIVED, None),
    ("refunded_more", "refunded beyond what was received", Meaning.REFUND, None),
    ("due", "due", Meaning.DUE, None),
    ("overpaid", "overpaid by Amazon (negative due)", Meaning.EXCEPTION, None),
    ("to_be_taken_back", "refund that Amazon will still take (negative due)", Meaning.REFUND, "+"),
)
"""Series of received and due: part, name, meaning, pattern where two series share a meaning."""


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
    for part, name, meaning, pattern in _SERIES:
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


def _of_currency(statement: pd.DataFrame, currency: str) -> pa.Table:
    columns = ["seller_account", "amazon_order_id", "currency", "received", "due", "overpaid", "status", "aging_bucket"]
    table = pa.Table.from_pandas(statement[columns], preserve_index=False)
    return table.filter(pc.equal(table["currency"], currency))


def _signed_parts(rows: pa.Table) -> pa.Table:
    """Split received and due by sign, exactly: the parts of each add up to it again.

    ``due = sale_leg − refund_in_transit``, so what is negative in it is overpayment first, refunds to come after.
    """
    zero = _zero()
    received, due, overpaid = rows["received"], rows["due"], rows["overpaid"]
    negative = pc.min_element_wise(due, zero)
    taken = pc.negate(pc.min_element_wise(overpaid, pc.negate(negative)))
    parts = {
        "received": pc.max_element_wise(received, zero),
        "refunded_more": pc.min_element_wise(received, zero),
        "due": pc.max_element_wise(due, zero),
        "overpaid": taken,
        "to_be_taken_back": pc.subtract(negative, taken),
        "received_net": received,
        "due_net": due,
    }
    kept = rows.select(["seller_account", "amazon_order_id", "status", "aging_bucket"])
    for name, values in parts.items():
        kept = kept.append_column(name, values.cast(MONEY))
    return kept


def _grouped(rows: pa.Table, by: str) -> dict[str, dict[str, Any]]:
    sums = rows.group_by(by).aggregate([*((part, "sum") for part in _PARTS), ([], "count_all")])
    return {
        row[by]: {**{part: row[f"{part}_sum"] for part in _PARTS}, "orders": row["count_all"]}
        for row in sums.to_pylist()
    }


def _sum(column: pa.ChunkedArray) -> Decimal:
    total: Decimal | None = pc.sum(column).as_py()
    return ZERO if total is None else total


def _zero() -> pa.Scalar:
    return pa.scalar(ZERO, MONEY)


def _strings(rows: pa.Table, column: str) -> list[str]:
    texts: list[str] = rows[column].to_pylist()
    return texts


def _unique_labels(keys: Sequence[str], sellers: Sequence[str]) -> list[str]:
    """Name the seller account too when two of them have the same order id: equal labels would be stacked."""
    seen = Counter(keys)
    return [f"{key} ({seller})" if seen[key] > 1 else key for key, seller in zip(keys, sellers, strict=True)]


def _orders(count: int) -> str:
    return f"{count:,} order" if count == 1 else f"{count:,} orders"


def _aged_and_not(rows: pa.Table, late: pa.Table, currency: str) -> str:
    text = f"Due {format_money(_sum(late['due']), currency)} in {_orders(late.num_rows)}"
    negative = rows.filter(pc.less(rows["due_net"], _zero()))
    if negative.num_rows:
        text += f"; not aged: {_orders(negative.num_rows)} with a negative due, {format_money(_sum(negative['due_net']), currency)}"
    return text


def _headroom(figure: go.Figure, amounts: Sequence[Decimal], *, axis: str) -> None:
    """Leave room for the labels outside the longest bars."""
    low, high = min([*amounts, ZERO]), max([*amounts, ZERO])
    room = (high - low) * Decimal("0.12" if axis == "y" else "0.3")
    bounds = [str(low - room) if low < 0 else "0", str(high + room) if high > 0 else str(room)]
    getattr(figure, f"update_{axis}axes")(range=bounds)
