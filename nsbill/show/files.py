"""Files that people open: written aside and renamed, and safe to open in a spreadsheet."""

from __future__ import annotations

import glob
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from nsbill.errors import WorkspaceError

__all__ = ["FORMULA_LIKE", "export_frame", "looks_like_a_formula", "writing_aside"]

_DAY = 24 * 60 * 60
_FORMULA_STARTS = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
FORMULA_LIKE = r"^[\s\p{Z}\x0B\x1C-\x1F\x{85}]*[=+\-@＝＋－＠]|^[\t\r\n]"
"""The same as ``looks_like_a_formula``, for Arrow's regular expressions."""


def looks_like_a_formula(text: str) -> bool:
    """Say whether a spreadsheet may take ``text`` for a formula or a command."""
    return text.startswith(("\t", "\r", "\n")) or text.lstrip().startswith(_FORMULA_STARTS)


def export_frame(frame: pd.DataFrame, path: Path | str) -> Path:
    """Write a frame as CSV or Parquet, by the suffix of ``path``; amounts exact, dates ISO.

    CSV is UTF-8 with a byte order mark, for Excel. Its *text* cells that a spreadsheet would take for a formula get a
    leading apostrophe; amounts never do. Parquet holds every text untouched.

    Raises
    ------
    WorkspaceError
        For another suffix, or when the file cannot be written.
    """
    path = Path(path)
    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata()
    if path.suffix == ".parquet":
        from pyarrow import parquet

        with writing_aside(path) as aside:
            parquet.write_table(table, aside)
    elif path.suffix == ".csv":
        from pyarrow import csv

        with writing_aside(path) as aside, aside.open("wb") as out:
            out.write(b"\xef\xbb\xbf")
            csv.write_csv(_guarded(table), out)
    else:
        raise WorkspaceError(path, "is neither .csv nor .parquet", "Choose one of these two.")
    return path


@contextmanager
def writing_aside(path: Path) -> Iterator[Path]:
    """Yield a path beside ``path`` to write to; it takes the place of ``path`` only when all went well and is on the disk.

    What a killed process left beside the same file is removed when it is a day old.

    Raises
    ------
    WorkspaceError
        When the folder or the file cannot be written.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(path)
    except OSError as error:
        raise _cannot_write(path, error) from error
    try:
        yield aside
        with aside.open("rb+") as written:
            os.fsync(written.fileno())
        aside.replace(path)
    except OSError as error:
        raise _cannot_write(path, error) from error
    finally:
        aside.unlink(missing_ok=True)


def _remove_leftovers(path: Path) -> None:
    """Remove parts of ``path`` that nobody writes to any more."""
    name = glob.escape(f".{path.name}.")
    for part in path.parent.glob(f"{name}*.part*"):
        if time.time() - part.stat().st_mtime > _DAY:
            part.unlink(missing_ok=True)


def _cannot_write(path: Path, error: OSError) -> WorkspaceError:
    problem = f"cannot be written ({error.strerror or error})"
    return WorkspaceError(path, problem, "Close it where it is open, check folder and disk, then try again.")


def _guarded(table: pa.Table) -> pa.Table:
    for index, field in enumerate(table.schema):
        if pa.types.is_string(field.type) or pa.types.is_large_string(field.type):
            table = table.set_column(index, field.name, _apostrophes(table.column(index)))
    return table


def _apostrophes(column: pa.ChunkedArray) -> pa.ChunkedArray:
    risky = pc.match_substring_regex(column, FORMULA_LIKE)
    prefixed = pc.binary_join_element_wise(pa.scalar("'", column.type), column, pa.scalar("", column.type))
    return pc.if_else(risky, prefixed, column)
