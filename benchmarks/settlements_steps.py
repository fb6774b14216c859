"""One way to read a flat V2 file, done in a process of its own: ``python -m benchmarks.settlements_steps WAY FILE MARK``.

It prints its seconds, its processor seconds and its peak memory as JSON. Imports are over before the clock starts;
the peak is that of the whole process, the interpreter included.
"""

from __future__ import annotations

import csv
import json
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa

from benchmarks.cost import cost_of
from benchmarks.settlements_file import COLUMNS
from nsbill.amazon.flat_v2 import FlatV2
from nsbill.amazon.labels import default_vocabulary
from nsbill.amazon.store import SettlementStore
from nsbill.amazon.text import open_text

__all__ = ["WAYS"]

_INSTANTS = ("settlement-start-date", "settlement-end-date", "deposit-date", "posted-date-time")
_AMOUNTS = ("total-amount", "amount")
_DATES = {".": "%Y-%m-%d %H:%M:%S UTC", ",": "%d.%m.%Y %H:%M:%S UTC"}


def nsbill_store(file: Path, _: str, folder: Path) -> int:
    """``settlements add``: the raw file kept, digest, checks, classification, Parquet, tie, all of it on the disk."""
    store = SettlementStore(folder / "workspace", seller_account="main")
    (result,) = store.add([file])
    (row,) = store.settlements().to_dict("records")
    if result.state != "added" or str(row["ties"]) != "ties" or row["unclassified_lines"]:
        raise SystemExit(f"{result.state}: {result.message}")
    return int(row["lines"])


def nsbill_text(file: Path, _: str, folder: Path) -> int:
    """Digest and survey of the bytes only."""
    return open_text(file, folder).lines - 2


def nsbill_tables(file: Path, _: str, folder: Path) -> int:
    """Digest, survey, checks, types and classification; nothing written."""
    reader = FlatV2(open_text(file, folder), "main", default_vocabulary())
    return sum(table.num_rows for _, table in reader.tables())


def raw_to_parquet(file: Path, mark: str, folder: Path) -> int:
    """DuckDB, explicit types, into Parquet: nothing checked, nothing classified, nothing kept."""
    with duckdb.connect() as connection:
        connection.execute(f"COPY (SELECT * FROM {_raw(file, mark)}) TO '{folder / 'raw.parquet'}' (FORMAT parquet)")
        found = connection.execute(f"SELECT count(amount) FROM '{folder / 'raw.parquet'}'").fetchall()
    return int(found[0][0])


def raw_to_memory(file: Path, mark: str, _: Path) -> int:
    """DuckDB, explicit types, into a table in memory."""
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE raw AS SELECT * FROM {_raw(file, mark)}")
        found = connection.execute("SELECT count(amount) FROM raw").fetchall()
    return int(found[0][0])


def pandas_decimal(file: Path, mark: str, _: Path) -> int:
    """pandas.read_csv, amounts to exact decimals (by Arrow, faster than Python's Decimal), instants; into memory."""
    frame: Any = pd.read_csv(file, sep="\t", dtype=str, quoting=csv.QUOTE_NONE, na_values=[""], keep_default_na=False)
    for name in _AMOUNTS:
        texts = frame[name] if mark == "." else frame[name].str.replace(",", ".")
        frame[name] = texts.astype(pd.ArrowDtype(pa.string())).astype(pd.ArrowDtype(pa.decimal128(18, 2)))
    for name in _INSTANTS:
        frame[name] = pd.to_datetime(frame[name], format=_DATES[mark])
    return int(frame["amount"].notna().sum())


def _raw(file: Path, mark: str) -> str:
    kinds = {**dict.fromkeys(_INSTANTS, "TIMESTAMP"), **dict.fromkeys(_AMOUNTS, "DECIMAL(18, 2)")}
    columns = ", ".join(f"'{name}': '{kinds.get(name, 'VARCHAR')}'" for name in COLUMNS)
    return (
        f"read_csv('{file}', columns = {{{columns}}}, header = true, auto_detect = false, delim = '\t', quote = '', "
        f"escape = '', new_line = '\\n', timestampformat = '{_DATES[mark]}', decimal_separator = '{mark}')"
    )


WAYS: dict[str, Callable[[Path, str, Path], int]] = {
    "nsbill-store": nsbill_store,
    "nsbill-text": nsbill_text,
    "nsbill-tables": nsbill_tables,
    "raw-to-parquet": raw_to_parquet,
    "raw-to-memory": raw_to_memory,
    "pandas-decimal": pandas_decimal,
}


def main(way: str, file: str, mark: str) -> None:
    """Do it and print what it cost."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=Path(file).parent)))
        lines, cost = cost_of(lambda: WAYS[way](Path(file), mark, folder))
    print(json.dumps({"lines": lines, **cost}))


if __name__ == "__main__":
    main(*sys.argv[1:])
