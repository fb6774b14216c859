"""The engine under the lazy frames: a short-lived in-memory DuckDB connection.

Everything above this module is written as lazy Narwhals expressions. An eager pandas frame never reaches them:
it becomes a DuckDB relation here (``sum(when(…))`` inside a group-by is wrong on eager frames).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import narwhals as nw
import pandas as pd
import pyarrow as pa

from nsbill.errors import ReconcileError, SchemaError
from nsbill.schemas import DATE, DAY, LINES, Schema

if TYPE_CHECKING:
    import duckdb

__all__ = ["Engine", "Frame", "arrow_of", "checked", "with_day_numbers"]

Frame = nw.LazyFrame[Any]
"""A lazy Narwhals frame."""


class Engine:
    """Turns tables and Parquet files into lazy frames, holds intermediate ones, and reads results.

    Use it as a context manager: every frame made by it ends with it.
    """

    def __init__(self) -> None:
        import duckdb  # imported here so that commands that do not reconcile start fast

        self._connection = duckdb.connect(":memory:", config={"preserve_insertion_order": "false"})
        self._held = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def frame(self, table: pa.Table) -> Frame:
        """Make a lazy frame of an Arrow table."""
        return nw.from_native(self._connection.from_arrow(table))

    def parquet(self, paths: Sequence[Path], schema: Schema) -> Frame:
        """Make a lazy frame of Parquet files that hold ``schema``; in older ones, columns that may be empty may be missing.

        Raises
        ------
        SchemaError
            When a column is missing or of another type.
        """
        if not paths:
            return self.frame(schema.arrow.empty_table())
        with _sentences("the Parquet files of the settlement lines cannot be read"):
            files = self._connection.read_parquet([str(path) for path in paths], union_by_name=True)
            pattern = self._connection.from_arrow(schema.arrow.empty_table())
            files = _with_later_columns(files, pattern, schema)
        _check_columns(files, pattern, schema.name)
        return nw.from_native(files)

    def lines(self, lines: Sequence[Path] | pd.DataFrame) -> Frame:
        """Make a lazy frame of settlement lines: a frame of ``LINES``, or the Parquet files that hold it.

        Raises
        ------
        SchemaError
            When it is not of the schema.
        """
        if isinstance(lines, pd.DataFrame):
            return self.frame(arrow_of(lines, LINES))
        return self.parquet(lines, LINES)

    def hold(self, frame: Frame, *, grain: Sequence[str], what: str) -> Frame:
        """Compute ``frame`` once, keep the result, and assert that ``grain`` is unique in it.

        Raises
        ------
        ReconcileError
            Naming the first duplicate.
        """
        self._held += 1
        name = f"held_{self._held}"
        with _sentences(f"computing the {what} failed"):
            frame.to_native().create(name)
        kept: Frame = nw.from_native(self._connection.table(name))
        repeated = kept.group_by(list(grain)).agg(times=nw.len()).filter(nw.col("times") > 1)
        first = self.read(repeated.sort(*grain).head(1)).to_pylist()
        if first:
            key = ", ".join(f"{column} {first[0][column]!r}" for column in grain)
            raise ReconcileError(
                f"the {what} hold {key} {first[0]['times']} times, where once is the rule",
                "Remove the duplicate, or load the data again",
            )
        return kept

    def read(self, frame: Frame) -> pa.Table:
        """Compute ``frame`` and return it as an Arrow table."""
        with _sentences("reading a result failed"):
            table: pa.Table = frame.to_native().to_arrow_table()
        return table


@contextmanager
def _sentences(what: str) -> Iterator[None]:
    """Turn an error of the engine into a ReconcileError."""
    import duckdb

    try:
        yield
    except duckdb.ConversionException as error:
        raise ReconcileError(f"{what}: {_first_line(error)}", "Look for an absurd amount in the data") from error
    except duckdb.Error as error:
        raise ReconcileError(
            f"{what}: {_first_line(error)}", "Check the files and the free memory, then try again"
        ) from error


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0].rstrip(". ")


def _with_later_columns(
    files: duckdb.DuckDBPyRelation, pattern: duckdb.DuckDBPyRelation, schema: Schema
) -> duckdb.DuckDBPyRelation:
    """Add the columns that the schema got after all of the files were written: empty, where they may be."""
    kinds = dict(zip(pattern.columns, pattern.types, strict=True))
    later = [c.name for c in schema.columns if c.nullable and c.name not in files.columns]
    return files.project(", ".join(["*", *(f'NULL::{kinds[name]} AS "{name}"' for name in later)])) if later else files


def _check_columns(files: duckdb.DuckDBPyRelation, pattern: duckdb.DuckDBPyRelation, name: str) -> None:
    found = dict(zip(files.columns, map(str, files.types), strict=True))
    wanted = dict(zip(pattern.columns, map(str, pattern.types), strict=True))
    missing = [column for column in wanted if column not in found]
    if missing:
        raise SchemaError(name, "lacks " + ", ".join(missing), present=list(found))
    wrong = [f"{column} is {found[column]}, not {kind}" for column, kind in wanted.items() if found[column] != kind]
    if wrong:
        raise SchemaError(name, "has columns of another type: " + "; ".join(wrong))


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
