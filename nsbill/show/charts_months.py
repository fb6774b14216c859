"""The chart over time: what was billed month by month, what of it was received by now, and what is still due."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import pyarrow as pa
import pyarrow.compute as pc

from nsbill.money import ZERO, format_money
from nsbill.show.charts_parts import PARTS, SERIES, of_currency, orders_text, signed_parts, total
from nsbill.show.charts_theme import Series, add_series, axis_format, finish, says_so
from nsbill.show.palette import Meaning

__all__ = ["over_time"]

_BELOW = {
    "yref": "container", "y": 0.01, "yanchor": "bottom", "xref": "container", "x": 0.02,
    "entrywidth": 230, "entrywidthmode": "pixels",
}  # fmt: skip
"""Up to six names in columns under the chart: above it they would lie on the title where the page is narrow."""
_MONTHS = 24
_NO_DAY = "no day known"
_DAYS = ("first_billed", "order_date", "last_posted")


def over_time(statement: pd.DataFrame, *, currency: str) -> go.Figure:
    """Chart billed, received and due by the month in which each order was first billed; columns of STATEMENT.

    An order that is not billed stands in the month in which it was ordered, else in that of its latest settlement line.
    All of an order counts in one month, so the bars tell how well each month was collected by the as-of day, and add
    up to the statement's totals exactly. Months before the last 24 are one bar.
    """
    title = f"Billed, received and due by month of billing, {currency}"
    rows = of_currency(statement, currency, "billed_gross", *_DAYS)
    if not rows.num_rows:
        return says_so(title, f"No Amazon orders in {currency}.")
    sums = _by_month(rows)
    months = list(sums)
    notes = [f"<br>{orders_text(sums[month]['orders'])}" for month in months]
    figure = go.Figure()
    billed = Series("billed", Meaning.NEUTRAL, [sums[month]["billed_gross"] for month in months], notes=notes)
    add_series(figure, billed, positions=months, keys=months, currency=currency, horizontal=False)
    figure.data[0].offsetgroup = "billed"  # a bar of its own beside what came of it and what is to come
    for part, name, meaning, pattern in SERIES:
        series = Series(name, meaning, [sums[month][part] for month in months], pattern=pattern, notes=notes)
        if not series.empty:
            add_series(figure, series, positions=months, keys=months, currency=currency, horizontal=False)
            figure.data[-1].offsetgroup = "of it"
    figure.update_xaxes(
        type="category", showgrid=False, categoryorder="array", categoryarray=months, title="month of first billing"
    )
    figure.update_yaxes(type="linear", title=currency, tickformat=axis_format(currency), rangemode="tozero")
    told = (
        f"Billed {format_money(total(rows['billed_gross']), currency)}, received "
        f"{format_money(total(rows['received']), currency)} and due {format_money(total(rows['due']), currency)} by now, "
        f"each order in the month of its first bill"
    )
    finish(figure, title=title, subtitle=told, height=470)
    return figure.update_layout(legend=_BELOW, margin={"t": 96, "b": 128})


def _by_month(rows: pa.Table) -> dict[str, dict[str, Any]]:
    """Sums of each month, in order, months without orders too; what is older than the last 24 comes first, as one."""
    months = pc.fill_null(pc.strftime(pc.coalesce(*(rows[day] for day in _DAYS)), format="%Y-%m"), _NO_DAY)
    parts = signed_parts(rows).append_column("billed_gross", rows["billed_gross"]).append_column("month", months)
    wanted = (*PARTS, "billed_gross")
    sums = parts.group_by("month").aggregate([*((part, "sum") for part in wanted), ([], "count_all")])
    found = {
        row["month"]: {**{part: row[f"{part}_sum"] for part in wanted}, "orders": row["count_all"]}
        for row in sums.to_pylist()
    }
    undated = found.pop(_NO_DAY, None)
    known = sorted(found)
    last = _all_months(known[0], known[-1]) if known else []
    earlier, last = last[:-_MONTHS], last[-_MONTHS:]
    ordered = {month: found.get(month, _none(wanted)) for month in last}
    if earlier:
        ordered = {f"before {last[0]}": _added([found[m] for m in earlier if m in found], wanted), **ordered}
    return {**ordered, **({_NO_DAY: undated} if undated else {})}


def _all_months(first: str, last: str) -> list[str]:
    return [str(month) for month in pd.period_range(first, last, freq="M")]


def _none(wanted: tuple[str, ...]) -> dict[str, Any]:
    return {**dict.fromkeys(wanted, ZERO), "orders": 0}


def _added(months: list[dict[str, Any]], wanted: tuple[str, ...]) -> dict[str, Any]:
    amounts: dict[str, Decimal] = {part: sum((month[part] for month in months), ZERO) for part in wanted}
    return {**amounts, "orders": sum(month["orders"] for month in months)}
