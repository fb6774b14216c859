"""The waterfall of one Amazon order: what was billed, what arrived, what Amazon kept, what cash is left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import pyarrow as pa

from nsbill.errors import ReconcileError
from nsbill.money import ZERO
from nsbill.show.charts_theme import Series, add_series, axis_format, chart_text, finish, says_so
from nsbill.show.names import code_text
from nsbill.show.palette import TEXT, Meaning

__all__ = ["Step", "order_waterfall", "waterfall_steps"]


@dataclass(frozen=True)
class Step:
    """One bar: a change on top of what was before, or a level that stands on the ground."""

    label: str
    amount: Decimal
    meaning: Meaning
    level: bool = False


def order_waterfall(
    statement: pd.DataFrame, amazon_order_id: str, *, currency: str, seller_account: str | None = None
) -> go.Figure:
    """Chart one order from billed to received gross to net cash; columns those of STATEMENT.

    Raises
    ------
    ReconcileError
        When two seller accounts have that order and none is named.
    """
    title = f"Order {amazon_order_id}, {currency}: from billed to net cash"
    wanted = (statement["amazon_order_id"] == amazon_order_id) & (statement["currency"] == currency)
    if seller_account is not None:
        wanted &= statement["seller_account"] == seller_account
    rows = pa.Table.from_pandas(statement[wanted], preserve_index=False).to_pylist()
    if not rows:
        return says_so(title, f"No Amazon order {amazon_order_id} in {currency}.")
    if len(rows) > 1:
        sellers = ", ".join(sorted(str(row["seller_account"]) for row in rows))
        raise ReconcileError(
            f"the Amazon order {amazon_order_id} stands in several seller accounts ({sellers})", "Name one of them."
        )
    subtitle = f"{code_text(rows[0]['status'])}. {rows[0]['explanation']}"
    return _draw(waterfall_steps(rows[0]), title=title, subtitle=subtitle, currency=currency)


def waterfall_steps(row: dict[str, Any]) -> list[Step]:
    """Return the steps of one statement row; the changes after ``received gross`` lead exactly to ``net_cash``.

    The identity is that of domain reference 2.2. Where the invoices carry the facilitator's tax, what Amazon remits
    of it is a step; anything that the identity leaves over is shown as an exception.
    """
    known = row["received_gross"] - row["refunded"] - row["fee_withheld"] + row["reimbursed"] + row["adjustments"]
    over = row["net_cash"] - known
    open_leg = Step("still to come", -row["sale_leg"], Meaning.DUE)
    if row["sale_leg"] < 0:
        open_leg = Step("overpaid", -row["sale_leg"], Meaning.EXCEPTION)
    steps = [
        Step("billed", row["billed_gross"], Meaning.NEUTRAL, level=True),
        open_leg,
        Step("received gross", row["received_gross"], Meaning.RECEIVED, level=True),
        Step("refunds", -row["refunded"], Meaning.REFUND),
        Step("fees", -row["fee_withheld"], Meaning.FEE),
    ]
    if over and over == -row["tax_withheld"]:
        steps.append(Step("tax that Amazon remits", over, Meaning.OTHER))
    elif over:
        steps.append(Step("not explained", over, Meaning.EXCEPTION))
    steps.append(Step("reimbursed", row["reimbursed"], Meaning.OTHER))
    if row["adjustments"]:
        steps.append(Step("adjustments", row["adjustments"], Meaning.OTHER))
    return [*steps, Step("net cash", row["net_cash"], Meaning.RECEIVED, level=True)]


def _draw(steps: Sequence[Step], *, title: str, subtitle: str, currency: str) -> go.Figure:
    figure = go.Figure()
    bases, ends = _spans(steps)
    for index, step in enumerate(steps):
        series = Series(step.label, step.meaning, [step.amount], labelled=True)
        add_series(
            figure, series, positions=[step.label], keys=[step.label], currency=currency, horizontal=False, legend=False
        )
        figure.data[-1].base = [str(bases[index])]
        if not step.amount:
            figure.data[-1].text = ["0"]
    low, high = min([*bases, *ends, ZERO]), max([*bases, *ends, ZERO])
    room = (high - low) * Decimal("0.15") or Decimal(1)  # an axis of cents says nothing where all is nought
    for index, end in enumerate(ends[:-1]):
        figure.add_shape(
            type="line",
            x0=index,
            x1=index + 1,
            y0=str(end),
            y1=str(end),
            line={"width": 1, "dash": "dot", "color": TEXT},
            layer="below",
        )
    figure.update_xaxes(
        type="category", showgrid=False, categoryorder="array", categoryarray=[chart_text(step.label) for step in steps]
    )
    figure.update_yaxes(
        type="linear",
        title=currency,
        tickformat=axis_format(currency),
        range=[str(low - room if low < 0 or _ends_below(steps, ends, low) else ZERO), str(high + room)],
    )
    finish(figure, title=title, subtitle=subtitle, height=420)
    return figure.update_layout(barmode="overlay")


def _ends_below(steps: Sequence[Step], ends: Sequence[Decimal], low: Decimal) -> bool:
    """Whether a bar goes down to the ground: its label stands under it and needs room there."""
    return any(step.amount < 0 and end == low for step, end in zip(steps, ends, strict=True))


def _spans(steps: Sequence[Step]) -> tuple[list[Decimal], list[Decimal]]:
    """Return where each bar starts and where it ends."""
    bases, ends, here = [], [], ZERO
    for step in steps:
        base = ZERO if step.level else here
        here = base + step.amount
        bases.append(base)
        ends.append(here)
    return bases, ends
