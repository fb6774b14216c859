"""Open the engine that computes a reconciliation: DuckDB on this machine, or the caller's Spark."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nsbill.reconcile.engine import Engine
from nsbill.reconcile.engine_duckdb import DuckEngine

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

__all__ = ["open_engine"]


def open_engine(spark: SparkSession | None = None) -> Engine:
    """Open DuckDB, or an engine on the caller's Spark session; use it as a context manager."""
    if spark is None:
        return DuckEngine()
    from nsbill.reconcile.engine_spark import SparkEngine  # pyspark is needed only by those who bring a session

    return SparkEngine(spark)
