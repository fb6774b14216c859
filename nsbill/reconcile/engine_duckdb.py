"""The engine that reconciles on this machine: a short-lived in-memory DuckDB connection, which spills to disk."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import narwhals as nw
import numpy as np
import pyarrow as pa

from nsbill.errors import ReconcileError, SchemaError
from nsbill.reconcile.engine import (
    Frame,
    Repeated,
    assert_grain,
    counted_empty,
    first_line,
    records_of,
    repeated_keys,
)
from nsbill.schema import DATE, Schema

if TYPE_CHECKING:
    import duckdb

__all__ = ["DuckEngine"]

_HASHES_AT_ONCE = 20_000_000
"""Of eight bytes each."""

_PARQUET = "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, DICTIONARY_SIZE_LIMIT 1000, ROW_GROUP_SIZE 61440"
"""How files are written. Dictionaries of more values, as DuckDB builds them by itself, cost more than what they save."""


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
        kept: Frame = nw.from_native(self._table(frame.to_native(), what))
        if not grouped:
            assert_grain(self, kept, grain=grain, what=what)
        return kept

    def repeated(self, frame: Frame, *, keys: Sequence[str], what: str) -> Repeated | None:
        """Find the ``keys`` that stand in several rows.

        Their hashes are sorted first, which is a third of the work of a group-by. Where no hash stands twice, no key does; of
        those that do, the keys themselves are counted.
        """
        rows, hashed = frame.to_native(), f"hash({', '.join(map(_quoted, keys))})"
        with _sentences(f"looking for {what} failed"):
            twice = _hashes_of_several(rows, hashed)
        if not len(twice):
            return None
        hashes = self._table(self._connection.from_arrow(pa.table({"hashed": twice})), what)
        perhaps: Frame = nw.from_native(self._table(rows.filter(f"{hashed} IN (FROM {hashes.alias})"), what))
        found = self._table(repeated_keys(perhaps, keys).to_native(), what)
        if not found.limit(1).fetchall():
            return None
        held: Frame = nw.from_native(found)
        return Repeated(held, perhaps.join(held, on=list(keys), how="semi"))

    def empty_cells(self, frame: Frame, paths: Sequence[Path | str], names: Sequence[str]) -> list[str]:
        """Say which of these columns have an empty cell: Parquet files say it of themselves, nearly always."""
        if not paths:
            return []
        told = self._connection.sql(
            "SELECT path_in_schema, sum(stats_null_count), count(*) = count(stats_null_count) "
            "FROM parquet_metadata(?) GROUP BY ALL",
            params=[[str(path) for path in paths]],
        ).fetchall()
        without = {name for name, empty, whole in told if whole and not empty}
        return counted_empty(self, frame, [name for name in names if name not in without])

    def read(self, frame: Frame) -> pa.Table:
        """Compute ``frame`` and return it as an Arrow table."""
        with _sentences("reading a result failed"):
            table: pa.Table = frame.to_native().to_arrow_table()
        return table

    def write(
        self,
        frame: Frame,
        path: Path,
        schema: Schema,
        *,
        labels: Mapping[str, Collection[str]] | None = None,
        as_written: bool = False,
    ) -> Frame:
        """Write the columns of ``schema`` to a Parquet file, in no order, and return the file as a lazy frame.

        ``labels``: every text that these columns may hold. As numbers of labels they are written in a fraction of the
        time; in the file they are texts as any other. ``as_written``: each join keeps its right side in memory and lets the
        left one pass. Else DuckDB chooses by the sizes it guesses, and guesses that a fifth of the rows passes a filter.

        Raises
        ------
        ReconcileError
            When a value does not fit its column or is none of its labels, or the file cannot be written.
        SchemaError
            When a cell is empty that may not be.
        """
        pattern = self._connection.from_arrow(schema.arrow.empty_table())
        kinds = {name: str(kind) for name, kind in zip(pattern.columns, pattern.types, strict=True)}
        kinds |= {name: f"ENUM({', '.join(map(_text, texts))})" for name, texts in (labels or {}).items()}
        cast = ", ".join(f"CAST({_quoted(name)} AS {kind}) AS {_quoted(name)}" for name, kind in kinds.items())
        told = frame.to_native().project(cast)
        with _sentences(f"writing the {schema.name} failed"), self._joins(as_written=as_written):
            self._connection.execute(f"COPY ({told.sql_query()}) TO {_text(str(path))} ({_PARQUET})")
        return records_of(self, [path], schema)

    @contextmanager
    def _joins(self, *, as_written: bool) -> Iterator[None]:
        if as_written:
            self._connection.execute("SET disabled_optimizers = 'build_side_probe_side'")
        try:
            yield
        finally:
            self._connection.execute("RESET disabled_optimizers")

    def _table(self, rows: duckdb.DuckDBPyRelation, what: str) -> duckdb.DuckDBPyRelation:
        """Compute rows into a table of its own."""
        self._held += 1
        name = f"held_{self._held}"
        with _sentences(f"computing the {what} failed"):
            rows.create(name)
        return self._connection.table(name)


def _hashes_of_several(rows: duckdb.DuckDBPyRelation, hashed: str) -> np.ndarray:
    """The hashes that stand in several rows; in as many parts as keep what is sorted at once within bounds."""
    parts = rows.aggregate("count(*)").fetchall()[0][0] // _HASHES_AT_ONCE + 1
    found = []
    for part in range(parts):
        own = rows.project(f"{hashed} AS hashed")
        own = own.filter(f"hashed % {parts} = {part}") if parts > 1 else own
        hashes = np.asarray(own.fetchnumpy()["hashed"])
        hashes.sort()
        found.append(np.unique(hashes[1:][hashes[1:] == hashes[:-1]]))
    return np.concatenate(found)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


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
