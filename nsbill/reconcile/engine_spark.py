"""The engine for data beyond one machine: the caller's Spark session, with the same expressions and the same cents.

Spark reads the settlement lines itself. The caller's session is left as it was: everything runs in a session of its own
on the same Spark application, with the caller's settings save those that figures depend on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import narwhals as nw
import pyarrow as pa

from nsbill.errors import ReconcileError, SchemaError
from nsbill.reconcile.engine import Frame, Repeated, assert_grain, counted_empty, first_line, repeated_keys
from nsbill.schema import DATE, Schema

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

__all__ = ["SparkEngine"]

_SETTINGS = {
    "spark.sql.ansi.enabled": "true",  # an amount that does not fit is an error; else it would become empty
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.decimalOperations.allowPrecisionLoss": "true",  # of 38 digits, two stay behind the point
    "spark.sql.execution.arrow.useLargeVarTypes": "false",
    "spark.sql.parquet.mergeSchema": "true",  # files of an older version lack columns that others have
    "spark.sql.files.ignoreMissingFiles": "false",  # these two would leave money out in silence
    "spark.sql.files.ignoreCorruptFiles": "false",
}
"""What the figures depend on, whatever the caller's settings say."""

_TOO_LARGE = ("NUMERIC_VALUE_OUT_OF_RANGE", "ARITHMETIC_OVERFLOW", "CAST_OVERFLOW")


class SparkEngine:
    """An ``Engine`` on a Spark session; what it holds lies with the executors until its context ends."""

    def __init__(self, caller: SparkSession) -> None:
        self._session = _own_session(caller)
        self._held: list[DataFrame] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._session.sparkContext._jsc.sc().isStopped():  # noqa: SLF001 -- nothing public says it
            for kept in self._held:
                _release(kept)

    def frame(self, table: pa.Table) -> Frame:
        """Make a lazy frame of an Arrow table; amounts go over as decimals."""
        nullable = pa.schema([field.with_nullable(True) for field in table.schema])
        with _sentences("handing a table to Spark failed"):
            made: Frame = nw.from_native(self._session.createDataFrame(table.cast(nullable)))
            return made

    def parquet(self, paths: Sequence[Path | str], schema: Schema) -> Frame:
        """Make a lazy frame of Parquet files that hold ``schema``; every worker must be able to read them."""
        if not paths:
            return self.frame(schema.arrow.empty_table())
        from pyspark.sql import functions
        from pyspark.sql.pandas.types import from_arrow_schema

        with _sentences(f"Spark cannot read the Parquet files of the {schema.name}"):
            files = self._session.read.parquet(*map(_address, paths))
            found = {field.name: field.dataType for field in files.schema}
        wanted = {field.name: field.dataType for field in from_arrow_schema(schema.arrow)}
        later = {c.name for c in schema.columns if c.nullable and c.name not in found}
        _check_columns(found, {name: kind for name, kind in wanted.items() if name not in later}, schema.name)
        columns = [functions.lit(None).cast(wanted[n]).alias(n) if n in later else functions.col(n) for n in wanted]
        dates = [c.name for c in schema.columns if c.type == DATE]
        columns += [functions.unix_date(functions.col(n)).alias(f"{n}_day") for n in dates if n not in later]
        columns += [functions.lit(None).cast("int").alias(f"{n}_day") for n in dates if n in later]
        chosen: Frame = nw.from_native(files.select(*columns))
        return chosen

    def hold(self, frame: Frame, *, grain: Sequence[str], what: str, grouped: bool = False) -> Frame:
        """Compute ``frame`` once, keep it with the executors, and assert that ``grain`` is unique in it.

        A checkpoint and no cache: plans that grow with every step would take Spark longer to read than to carry out.
        When an executor is lost with what it held, Spark says so and the reconciliation fails; none of it is guessed.
        """
        with _sentences(f"computing the {what} failed"):
            native = frame.to_native().localCheckpoint()
        self._held.append(native)
        kept: Frame = nw.from_native(native)
        if not grouped:
            assert_grain(self, kept, grain=grain, what=what)
        return kept

    def repeated(self, frame: Frame, *, keys: Sequence[str], what: str) -> Repeated | None:
        """Find the ``keys`` that stand in several rows."""
        found = self.hold(repeated_keys(frame, keys), grain=keys, what=what, grouped=True)
        if not self.read(found.head(1)).num_rows:
            return None
        return Repeated(found, frame.join(found, on=list(keys), how="semi"))

    def empty_cells(self, frame: Frame, paths: Sequence[Path | str], names: Sequence[str]) -> list[str]:
        """Say which of these columns have an empty cell; what files say of themselves Spark does not tell."""
        del paths
        return counted_empty(self, frame, names)

    def read(self, frame: Frame) -> pa.Table:
        """Compute ``frame`` and return it as an Arrow table."""
        with _sentences("reading a result failed"):
            table: pa.Table = frame.to_native().toArrow()
        return table


def _own_session(caller: SparkSession) -> SparkSession:
    """A session beside the caller's, with the caller's settings as far as they are free."""
    try:
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise ReconcileError("Spark is not installed", "Install it: pip install 'nsbill[spark]'") from error
    if not isinstance(caller, SparkSession):
        raise ReconcileError(
            f"the engine is a {type(caller).__module__}.{type(caller).__name__} and not a pyspark.sql.SparkSession",
            "Give SparkSession.builder.getOrCreate(), or nothing for this machine; Spark Connect is not supported",
        )
    with _sentences("a session on Spark cannot be opened"):
        own = caller.newSession()
        for name, value in {**caller.conf.getAll, **_SETTINGS}.items():
            if own.conf.isModifiable(name):
                own.conf.set(name, value)
    return own


def _release(kept: DataFrame) -> None:
    """Free what a local checkpoint holds; ``unpersist`` of the frame itself knows nothing of it."""
    kept._jdf.queryExecution().analyzed().rdd().unpersist(False)  # noqa: SLF001 -- nothing public does it


def _address(path: Path | str) -> str:
    """The address of a file; a path of this machine is no pattern, and is not looked for in the cluster's own storage."""
    if isinstance(path, str):
        return path
    return "file:///" + re.sub(r"([\\*?\[\]{}])", r"\\\1", path.absolute().as_posix().lstrip("/"))


def _check_columns(found: Mapping[str, Any], wanted: Mapping[str, Any], name: str) -> None:
    missing = [column for column in wanted if column not in found]
    if missing:
        raise SchemaError(name, "lacks " + ", ".join(missing), present=list(found))
    wrong = [
        f"{column} is {found[column].simpleString()}, not {kind.simpleString()}"
        for column, kind in wanted.items()
        if found[column] != kind
    ]
    if wrong:
        raise SchemaError(name, "has columns of another type: " + "; ".join(wrong))


@contextmanager
def _sentences(what: str) -> Iterator[None]:
    """Turn an error of Spark, or of the way to it, into a ReconcileError."""
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    try:
        yield
    except PySparkException as error:
        remedy = "Look at Spark's log and its free memory, then try again"
        if str(error.getCondition() or "").startswith(_TOO_LARGE):
            remedy = "Look for an absurd amount in the data"
        raise ReconcileError(f"{what}: {first_line(error)}", remedy) from error
    except (Py4JError, ConnectionError) as error:
        raise ReconcileError(f"{what}: {first_line(error)}", "Look whether Spark still runs, then try again") from error
