"""The tie-out chain as people look at it: one row per settlement, one marked cell per step, what is wrong first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any

import pandas as pd
import pyarrow as pa

from nsbill.money import format_money
from nsbill.reconcile.tie_out_schemas import TIE_OUT, TieStep
from nsbill.schema import COUNT, TEXT, Column, Schema

__all__ = ["CHAIN", "GOOD", "STEP_TITLES", "UNTOLD", "WRONG", "chain_of", "steps_of"]

GOOD, WRONG, UNTOLD = "✓", "✗", "?"

STEP_TITLES = {
    TieStep.LINES: "Lines",
    TieStep.PARTS: "Parts",
    TieStep.ORDERS: "Orders",
    TieStep.TOTAL: "Total",
    TieStep.RESERVE: "Reserve",
    TieStep.BALANCE: "Balance",
    TieStep.PERIODS: "Periods",
    TieStep.DEPOSIT: "Bank",
    TieStep.CLEARING: "Clearing",
}
"""Short headings of the steps, in the order of the chain."""

CHAIN = Schema(
    "tie-out chain",
    (
        Column("settlement_id", TEXT, "Amazon settlement id"),
        Column("month", TEXT, "month in which its period closed", nullable=True),
        Column("currency", TEXT, "ISO 4217 code of the residuals"),
        Column("verdict", TEXT, "a mark, and how many steps do not hold"),
        Column("breaks", COUNT, "how many steps do not hold"),
        *(Column(step.name.lower(), TEXT, f"mark and residual of: {step}", nullable=True) for step in TieStep),
    ),
)
"""Grain: one row per settlement."""

Row = Mapping[str, Any]


def chain_of(tie_out: pd.DataFrame) -> pd.DataFrame:
    """Return TIE_OUT as CHAIN: settlements with steps that do not hold first, then the newest."""
    rows = pa.Table.from_pandas(tie_out[TIE_OUT.names], preserve_index=False).to_pylist()
    settlements = [_chain_row(list(steps)) for _, steps in groupby(rows, lambda row: row["settlement_id"])]
    settlements.reverse()
    settlements.sort(key=lambda row: -int(row["breaks"]))
    return CHAIN.frame(settlements)


def steps_of(tie_out: pd.DataFrame, settlement: str) -> pd.DataFrame:
    """Return the steps of one settlement, TIE_OUT, with ``mark`` as a column more."""
    rows = tie_out[tie_out["settlement_id"] == settlement]
    marks = [_mark(holds) for holds in pa.Array.from_pandas(rows["holds"]).to_pylist()]
    return rows.assign(mark=pd.Series(marks, index=rows.index, dtype="string[pyarrow]"))


def _chain_row(steps: list[Row]) -> dict[str, Any]:
    first = steps[0]
    breaks = sum(row["holds"] is False for row in steps)
    return {
        "settlement_id": first["settlement_id"],
        "month": first["month"],
        "currency": first["currency"],
        "verdict": _verdict(breaks, steps),
        "breaks": breaks,
        **{TieStep(row["step"]).name.lower(): _cell(row) for row in steps},
    }


def _verdict(breaks: int, steps: Iterable[Row]) -> str:
    if breaks:
        return f"{WRONG} {breaks} off"
    untold = sum(row["holds"] is None for row in steps)
    return f"{GOOD} ties" if not untold else f"{GOOD} ties, {untold} ?"


def _cell(row: Row) -> str:
    residual = row["residual"]
    if residual is None:
        return _mark(row["holds"])
    return f"{_mark(row['holds'])} {format_money(residual, row['currency']).removesuffix(row['currency']).rstrip()}"


def _mark(holds: bool | None) -> str:  # noqa: FBT001 -- a cell of the frame
    return UNTOLD if holds is None else GOOD if holds else WRONG
