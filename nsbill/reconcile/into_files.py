"""Reconcile into Parquet files: for more orders than fit the memory as frames, or than anybody looks at in one piece."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from nsbill.errors import ReconcileError
from nsbill.reconcile.agreement_schema import AGREEMENT
from nsbill.reconcile.books import KEY
from nsbill.reconcile.compare import Compared, Inputs, compare, compare_statement
from nsbill.reconcile.coverage import COVERAGE
from nsbill.reconcile.engine import Frame, arrow_of, assert_grain
from nsbill.reconcile.engine_duckdb import DuckEngine
from nsbill.reconcile.rules import ReconcileRules
from nsbill.reconcile.statement import StatementAlone, assert_identity
from nsbill.reconcile.tie_out_schemas import TIE_OUT, TIE_OUT_MONTHS
from nsbill.schema import Schema
from nsbill.schemas import ALLOCATION, EXCEPTIONS, SETTLEMENTS, STATEMENT, TOTALS
from nsbill.vocabulary import ReceiptBasis

__all__ = [
    "FILES",
    "TERMS",
    "ReconciledFiles",
    "Terms",
    "beside",
    "new_folder",
    "reconcile_into",
    "write_small",
    "write_statement",
]

TERMS = "reconciliation.json"
"""The file that says what a reconciliation went by."""

FILES: dict[str, Schema] = {
    "statement": STATEMENT,
    "exceptions": EXCEPTIONS,
    "settlements": SETTLEMENTS,
    "totals": TOTALS,
    "tie_out": TIE_OUT,
    "tie_out_months": TIE_OUT_MONTHS,
    "agreement": AGREEMENT,
    "allocation": ALLOCATION,
    "coverage": COVERAGE,
}
"""What is written, as ``<name>.parquet``: the frames of a ``Reconciliation``, each with its schema."""


@dataclass(frozen=True)
class Terms:
    """What a reconciliation went by: two with the same terms, but for the day, can be put together row by row."""

    as_of: date
    rules: str
    known: tuple[str, ...]
    nsbill: str

    @classmethod
    def of(cls, inputs: Inputs, rules: ReconcileRules) -> Terms:
        """The terms of a reconciliation that is made now."""
        named = {name: value for name, value in asdict(rules).items() if name != "as_of"}
        known = [name for name in ("applications", "activity", "proofs") if getattr(inputs, name) is not None]
        return cls(rules.as_of, json.dumps(named, sort_keys=True, default=str), tuple(known), version("nsbill"))

    @classmethod
    def read(cls, folder: Path) -> Terms:
        """Read those of a folder.

        Raises
        ------
        ReconcileError
            When it holds no reconciliation.
        """
        try:
            found = json.loads((folder / TERMS).read_text(encoding="utf-8"))
            return cls(date.fromisoformat(found["as_of"]), found["rules"], tuple(found["known"]), found["nsbill"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ReconcileError(
                f"{folder} holds no whole reconciliation ({error})", "Reconcile into a folder"
            ) from error

    def write(self, folder: Path) -> None:
        """Write them beside the files."""
        text = json.dumps({**asdict(self), "as_of": self.as_of.isoformat()}, indent=2)
        (folder / TERMS).write_text(text + "\n", encoding="utf-8")


@dataclass(frozen=True)
class ReconciledFiles:
    """A reconciliation in a folder: ``rows`` says how many each file of it has."""

    folder: Path
    as_of: date
    basis: ReceiptBasis
    rows: Mapping[str, int]

    def path(self, name: str) -> Path:
        """The file of one frame."""
        return self.folder / f"{name}.parquet"

    def frame(self, name: str) -> pd.DataFrame:
        """Read one of them into memory, in no order; those of single orders may be larger than it."""
        return FILES[name].from_arrow(pq.read_table(self.path(name)))


def reconcile_into(
    folder: Path,
    inputs: Inputs,
    rules: ReconcileRules,
    *,
    statement_only: bool = False,
    memory: str | None = None,
) -> ReconciledFiles:
    """Compare books and settlements as ``reconcile`` does, and write the frames to ``folder`` as Parquet files.

    The same rows with the same cents, in no order. Nothing of it has to fit the memory: with ``memory`` (such as ``1500MB``)
    what is more goes to files beside ``folder`` until it is done. ``statement_only`` leaves everything but the statement and the
    settlements out; it takes about a third of the time. The folder appears in one step, when all of it is written and checked.

    Raises
    ------
    SchemaError
        When an input is not of its schema.
    ReconcileError
        When the folder is there already, or the inputs contradict themselves, so that a figure would be a guess.
    """
    with new_folder(folder, memory=memory) as (partial, engine):
        if statement_only:
            found = compare_statement(engine, inputs, rules)
            write_statement(engine, found, partial)
            write_small({"settlements": found.settlements}, partial)
        else:
            _write_all(engine, compare(engine, inputs, rules), partial)
        Terms.of(inputs, rules).write(partial)
        rows = {path.stem: pq.read_metadata(path).num_rows for path in sorted(partial.glob("*.parquet"))}
    return ReconciledFiles(folder, rules.as_of, rules.basis, rows)


def write_statement(engine: DuckEngine, found: StatementAlone, folder: Path) -> None:
    """Write the statement; what goes straight to the file is asserted on the file."""
    written = engine.write(found.rows, folder / "statement.parquet", STATEMENT, labels=found.labels, as_written=True)
    assert_grain(engine, written, grain=KEY, what="statement rows")
    assert_identity(engine, written)


def _write_all(engine: DuckEngine, found: Compared, folder: Path) -> None:
    for name in ("statement", "exceptions", "totals", "allocation"):
        rows: Frame = getattr(found, name)
        engine.write(rows, folder / f"{name}.parquet", FILES[name])
    small: dict[str, pa.Table] = {name: arrow_of(frame, FILES[name]) for name, frame in found.small.items()}
    write_small({**small, "settlements": found.settlements}, folder)


def write_small(tables: Mapping[str, pa.Table], folder: Path) -> None:
    """Write what fits the memory."""
    for name, table in tables.items():
        pq.write_table(table, folder / f"{name}.parquet", compression="zstd")


@contextmanager
def new_folder(folder: Path, *, memory: str | None) -> Iterator[tuple[Path, DuckEngine]]:
    """Give a place to write to and an engine; what is written appears as ``folder`` in one step at the end, or not at all.

    Raises
    ------
    ReconcileError
        When the folder is there already, or another process made it meanwhile; when nothing can be written.
    """
    if folder.exists():
        raise ReconcileError(f"{folder} is there already", "Choose another folder, or delete it")
    with beside(folder) as partial, beside(folder) as spill, DuckEngine(memory=memory, spill=spill) as engine:
        yield partial, engine
        try:
            partial.rename(folder)
        except OSError as error:
            raise ReconcileError(
                f"{folder} cannot be written ({error.strerror})", "See whether somebody else made it meanwhile"
            ) from error


@contextmanager
def beside(folder: Path) -> Iterator[Path]:
    """A folder beside it, gone afterwards.

    Raises
    ------
    ReconcileError
        When it cannot be made.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    except OSError as error:
        raise ReconcileError(
            f"nothing can be written to {folder.parent} ({error.strerror})", "Choose another"
        ) from error
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)
