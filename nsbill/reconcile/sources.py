"""Where the money stands: the file and the lines of every order in every settlement, and of what names no order."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import narwhals as nw
import pandas as pd
import pyarrow as pa

from nsbill.errors import ReconcileError
from nsbill.money import MONEY, ZERO
from nsbill.reconcile.engine import arrow_of, checked, lines_of
from nsbill.reconcile.engines import open_engine
from nsbill.reconcile.result import Reconciliation
from nsbill.schemas import COUNT, SETTLEMENTS, TEXT, Column, Schema

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

__all__ = ["SOURCES", "source_rows"]

SOURCES = Schema(
    "sources",
    (
        Column("seller_account", TEXT, "seller account"),
        Column("amazon_order_id", TEXT, "Amazon order id; empty: lines that name no order", nullable=True),
        Column("currency", TEXT, "ISO 4217 code of the amount"),
        Column("settlement_id", TEXT, "Amazon settlement id"),
        Column("event_class", TEXT, "EventClass: sale, refund, …"),
        Column("amount", MONEY, "sum of these lines, signed from the seller's side"),
        Column("lines", COUNT, "number of money lines"),
        Column("first_line", COUNT, "number of the first of them in the file, its heading is 1"),
        Column("last_line", COUNT, "number of the last of them; others may stand between"),
        Column("source_name", TEXT, "name of the file as it was added"),
        Column("source_digest", TEXT, "SHA-256 of the raw file"),
    ),
)
"""Sources; grain: one row per Amazon order (or none), currency, settlement and event class."""

_KEY = ("amazon_order_id", "currency", "settlement_id", "event_class")


def source_rows(
    lines: Sequence[Path | str] | pd.DataFrame, reconciliation: Reconciliation, *, engine: SparkSession | None = None
) -> pd.DataFrame:
    """Find the lines behind the settlements of a reconciliation; returns a frame of ``SOURCES``.

    ``lines``: a frame of ``LINES`` or the Parquet files that hold it. Every line of the settlements is in exactly one
    row, so the amounts of a settlement add up to the sum of its lines. ``engine``: a Spark session to compute on.

    Raises
    ------
    ReconcileError
        When they do not.
    """
    settlements = arrow_of(reconciliation.settlements, SETTLEMENTS)
    with open_engine(engine) as opened:
        found = lines_of(opened, lines)
        told = opened.frame(settlements.select(["settlement_id", "source_name"]))
        sums = (
            found.join(told, on="settlement_id", how="inner")
            .group_by(*_KEY, "seller_account", "source_name", "source_digest")
            .agg(
                amount=nw.col("amount").sum(),
                lines=nw.len(),
                first_line=nw.col("source_line").min(),
                last_line=nw.col("source_line").max(),
            )
            .sort("amazon_order_id", "settlement_id", "currency", "first_line", "event_class", nulls_last=True)
        )
        table = opened.read(sums.select(*SOURCES.names))
    _check_that_all_is_there(table, settlements)
    return checked(table, SOURCES)


def _check_that_all_is_there(found: pa.Table, settlements: pa.Table) -> None:
    sums = found.group_by("settlement_id").aggregate([("amount", "sum"), ("lines", "sum")]).to_pylist()
    by_settlement = {row["settlement_id"]: (row["amount_sum"], row["lines_sum"]) for row in sums}
    for row in settlements.select(["settlement_id", "lines_total", "lines"]).to_pylist():
        amount, lines = by_settlement.get(row["settlement_id"], (ZERO, 0))
        if (amount, lines) != (row["lines_total"], row["lines"]):
            raise ReconcileError(
                f"the lines of settlement {row['settlement_id']} are {lines} and add up to {amount}, "
                f"and {row['lines']} with {row['lines_total']} were reconciled",
                "Report again; if it stays, add its file again",
            )
