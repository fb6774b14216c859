"""What computes the lazy frames: the small surface that every engine has, and what goes in and comes out of it.

Everything above this module is written as lazy Narwhals expressions, once, for all engines. An eager pandas frame never
reaches them: an engine makes a lazy frame of it (``sum(when(…))`` inside a group-by is wrong on eager frames).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Protocol, Self

import narwhals as nw
import pandas as pd
import pyarrow as pa

from nsbill.errors import ReconcileError, SchemaError
from nsbill.schema import Schema
from nsbill.schemas import DATE, DAY, LINES

__all__ = [
    "AMOUNT",
    "Engine",
    "Frame",
    "Given",
    "Repeated",
    "arrow_of",
    "assert_grain",
    "checked",
    "counted_empty",
    "first_line",
    "lines_of",
    "lookup",
    "only",
    "records_of",
    "repeated_keys",
    "with_day_numbers",
]

Frame = nw.LazyFrame[Any]
"""A lazy Narwhals frame."""

Given = pd.DataFrame | Sequence[Path | str]
"""Rows as a frame of their schema, or the Parquet files that hold it; files can be larger than memory."""

AMOUNT = nw.Decimal(18, 2)
"""An amount. What engines make of sums (twenty and more digits) is cast to it early: it is half as wide and twice as fast."""


class Repeated(NamedTuple):
    """Keys that stand in several rows: ``keys``, held, one row for each, with ``times``; and the ``rows`` that have them.

    Where a part of a key is empty, it is among the keys, but its rows are not among the rows.
    """

    keys: Frame
    rows: Frame


class Engine(Protocol):
    """Turns tables and Parquet files into lazy frames, holds intermediate ones, and reads results.

    Use it as a context manager: every frame made by it ends with it. ``engines.open_engine`` opens one.
    """

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def frame(self, table: pa.Table) -> Frame:
        """Make a lazy frame of an Arrow table."""

    def parquet(self, paths: Sequence[Path | str], schema: Schema) -> Frame:
        """Make a lazy frame of Parquet files that hold ``schema``; in older ones, columns that may be empty may be missing.

        ``<name>_day`` (days since 1970-01-01) stands beside every date column.

        Raises
        ------
        SchemaError
            When a column is missing or of another type.
        """

    def hold(self, frame: Frame, *, grain: Sequence[str], what: str, grouped: bool = False) -> Frame:
        """Compute ``frame`` once, keep the result, and assert that ``grain`` is unique in it.

        ``grouped``: the frame is a group-by of just this grain, so that it is unique by construction and not counted.

        Raises
        ------
        ReconcileError
            Naming the first duplicate.
        """

    def repeated(self, frame: Frame, *, keys: Sequence[str], what: str) -> Repeated | None:
        """Find the ``keys`` that stand in several rows of ``frame``; ``None``: each stands once."""

    def empty_cells(self, frame: Frame, paths: Sequence[Path | str], names: Sequence[str]) -> list[str]:
        """Say which of these columns of ``frame``, which was made of the Parquet files ``paths``, have an empty cell."""

    def read(self, frame: Frame) -> pa.Table:
        """Compute ``frame`` and return it as an Arrow table, in the frame's order, amounts exact."""


def lines_of(engine: Engine, lines: Given) -> Frame:
    """Make a lazy frame of settlement lines: a frame of ``LINES``, or the Parquet files that hold it.

    Raises
    ------
    SchemaError
        When it is not of the schema.
    """
    if isinstance(lines, pd.DataFrame):
        return engine.frame(arrow_of(lines, LINES))
    return engine.parquet(lines, LINES)


def records_of(engine: Engine, given: Given, schema: Schema) -> Frame:
    """Make a lazy frame of the books' records, with day numbers beside the dates.

    Raises
    ------
    SchemaError
        When they are not of the schema, or a cell is empty that may not be.
    """
    if isinstance(given, pd.DataFrame):
        return engine.frame(with_day_numbers(arrow_of(given, schema)))
    frame = engine.parquet(given, schema)
    empty = engine.empty_cells(frame, given, [column.name for column in schema.columns if not column.nullable])
    if empty:
        raise SchemaError(schema.name, "has empty cells in " + ", ".join(empty))
    return frame


def lookup(engine: Engine, table: pa.Table, *, grain: Sequence[str], what: str) -> Frame:
    """Hold a small table that was made here; its grain is asserted here too, which takes an engine longer.

    Raises
    ------
    ReconcileError
        Naming the first duplicate.
    """
    unique = table.group_by(list(grain)).aggregate([]).num_rows == table.num_rows
    return engine.hold(engine.frame(table), grain=grain, what=what, grouped=unique)


def counted_empty(engine: Engine, frame: Frame, names: Sequence[str]) -> list[str]:
    """Say which of these columns have an empty cell, by counting."""
    if not names:
        return []
    counts = frame.select(nw.len().alias("rows"), *(nw.col(name).count() for name in names))
    found = engine.read(counts).to_pylist()[0]
    return [name for name in names if found[name] != found["rows"]]


def repeated_keys(frame: Frame, keys: Sequence[str]) -> Frame:
    """The keys that stand in several rows, with ``times``."""
    return frame.group_by(list(keys)).agg(times=nw.len()).filter(nw.col("times") > 1)


def assert_grain(engine: Engine, kept: Frame, *, grain: Sequence[str], what: str) -> None:
    """Raise a ReconcileError that names the first duplicate of ``grain``."""
    repeated = engine.repeated(kept, keys=grain, what=f"duplicates of {what}")
    if repeated is not None:
        first = engine.read(repeated.keys.sort(*grain).head(1)).to_pylist()[0]
        key = ", ".join(f"{column} {first[column]!r}" for column in grain)
        raise ReconcileError(
            f"the {what} hold {key} {first['times']} times, where once is the rule",
            "Remove the duplicate, or load the data again",
        )


def only(values: Collection[str]) -> str | None:
    """The only one of these, if there is just one."""
    return next(iter(values)) if len(values) == 1 else None


def first_line(error: Exception) -> str:
    """What an engine says of its error, without the trace that follows."""
    return str(error).splitlines()[0].rstrip(". ")


def arrow_of(frame: pd.DataFrame, schema: Schema) -> pa.Table:
    """Check a pandas frame against ``schema`` and return its columns as an Arrow table; the frame is not changed."""
    schema.check(frame)
    return pa.Table.from_pandas(frame[schema.names], schema=schema.arrow, preserve_index=False)


def with_day_numbers(table: pa.Table) -> pa.Table:
    """Add ``<name>_day`` (days since 1970-01-01) beside every date column; engines differ in date arithmetic."""
    for field in table.schema:
        if field.type == DATE:
            table = table.append_column(f"{field.name}_day", table[field.name].cast(DAY))
    return table


def checked(table: pa.Table, schema: Schema) -> pd.DataFrame:
    """Cast a result to ``schema``, exactly or not at all, and return it as pandas with Arrow types.

    Raises
    ------
    ReconcileError
        When an amount does not fit decimal(18, 2).
    """
    nullable = pa.schema([field.with_nullable(True) for field in schema.arrow])
    try:
        exact = table.select(schema.names).cast(nullable)
    except pa.ArrowInvalid as error:
        raise ReconcileError(
            f"a value of the {schema.name} does not fit its column ({error})", "Look for an absurd amount in the data"
        ) from error
    frame: pd.DataFrame = exact.to_pandas(types_mapper=pd.ArrowDtype)
    return schema.check(frame)
