"""The engine that reconciles on this machine: a short-lived in-memory DuckDB connection, which spills to disk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import narwhals as nw
import pyarrow as pa

from nsbill.errors import ReconcileError, SchemaError
from nsbill.reconcile.engine import Frame, assert_grain, first_line, records_of
from nsbill.schema import DATE, Schema

if TYPE_CHECKING:
    import duckdb

__all__ = ["DuckEngine"]


class DuckEngine:
    """An ``Engine`` on DuckDB; it lives in memory and ends with its context.

    ``memory``: how much it may use, such as ``1500MB``, before it puts what it holds into files in the folder ``spill``. The
    process needs some 300 MB more. Without it, DuckDB takes most of the machine's.

    Raises
    ------
    ReconcileError
        When ``memory`` is not an amount of memory.
    """

    def __init__(self, *, memory: str | None = None, spill: Path | None = None) -> None:
        import duckdb  # imported here so that commands that do not reconcile start fast

        config: dict[str, str | bool | int | float | list[str]] = {"preserve_insertion_order": "false"}
        config |= {"memory_limit": memory} if memory is not None else {}
        config |= {"temp_directory": str(spill)} if spill is not None else {}
        try:
            self._connection = duckdb.connect(":memory:", config=config)
        except duckdb.Error as error:
            raise ReconcileError(f"the memory limit is {memory!r}", "Write a number and a unit: 1500MB, 6GB") from error
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

    def parquet(self, paths: Sequence[Path | str], schema: Schema) -> Frame:
        """Make a lazy frame of Parquet files that hold ``schema``."""
        if not paths:
            return self.frame(schema.arrow.empty_table())
        with _sentences(f"the Parquet files of the {schema.name} cannot be read"):
            files = self._connection.read_parquet([str(path) for path in paths], union_by_name=True)
            pattern = self._connection.from_arrow(schema.arrow.empty_table())
            files = _with_later_columns(files, pattern, schema)
        _check_columns(files, pattern, schema.name)
        days = [
            f'("{c.name}" - DATE \'1970-01-01\')::INTEGER AS "{c.name}_day"' for c in schema.columns if c.type == DATE
        ]
        return nw.from_native(files.project(", ".join(["*", *days])) if days else files)

    def hold(self, frame: Frame, *, grain: Sequence[str], what: str, grouped: bool = False) -> Frame:
        """Compute ``frame`` once into a table of its own, and assert that ``grain`` is unique in it."""
        self._held += 1
        name = f"held_{self._held}"
        with _sentences(f"computing the {what} failed"):
            frame.to_native().create(name)
        kept: Frame = nw.from_native(self._connection.table(name))
        if not grouped:
            assert_grain(self, kept, grain=grain, what=what)
        return kept

    def read(self, frame: Frame) -> pa.Table:
        """Compute ``frame`` and return it as an Arrow table."""
        with _sentences("reading a result failed"):
            table: pa.Table = frame.to_native().to_arrow_table()
        return table

    def write(self, frame: Frame, path: Path, schema: Schema) -> Frame:
        """Write the columns of ``schema`` to a Parquet file, in no order, and return the file as a lazy frame.

        Raises
        ------
        ReconcileError
            When a value does not fit its column, or the file cannot be written.
        SchemaError
            When a cell is empty that may not be.
        """
        pattern = self._connection.from_arrow(schema.arrow.empty_table())
        kinds = zip(pattern.columns, pattern.types, strict=True)
        cast = ", ".join(f'CAST("{name}" AS {kind}) AS "{name}"' for name, kind in kinds)
        with _sentences(f"writing the {schema.name} failed"):
            frame.to_native().project(cast).write_parquet(str(path), compression="zstd")
        return records_of(self, [path], schema)


@contextmanager
def _sentences(what: str) -> Iterator[None]:
    """Turn an error of DuckDB into a ReconcileError."""
    import duckdb

    try:
        yield
    except duckdb.ConversionException as error:
        raise ReconcileError(f"{what}: {first_line(error)}", "Look for an absurd amount in the data") from error
    except duckdb.Error as error:
        raise ReconcileError(
            f"{what}: {first_line(error)}", "Check the files and the free memory, then try again"
        ) from error


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
