"""The ways of the benchmark of the reconciliation, one in a process: ``python -m benchmarks.reconcile_steps WAY FOLDER``.

Prints what it cost as JSON: seconds by the clock, processor seconds, the peak of the whole process. Imports are over and the
books are in memory before the clock starts, because NetSuite's side comes over the network; lines are read from the store.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.reconcile_data import Data, generate
from benchmarks.reconcile_pandas import FIGURES, statement
from nsbill.reconcile import ReconcileRules, Reconciliation, reconcile

__all__ = ["SCANNED", "WAYS"]

SCANNED = (
    "settlement_id", "seller_account", "source_line", "event_class", "line_kind", "amount_type", "amount", "currency",
    "order_route", "amazon_order_id", "posted_at", "posted_day", "marketplace",
)  # fmt: skip
"""The columns of LINES that every reconciliation reads."""

_BOOKS = ("orders", "billing_records", "credits")


def books(data: Data) -> dict[str, pd.DataFrame]:
    """The books as ``reconcile`` takes them."""
    return {name: pq.read_table(data.books_files(name)).to_pandas(types_mapper=pd.ArrowDtype) for name in _BOOKS}


def scan(data: Data) -> Callable[[], dict[str, Any]]:
    """Read the needed columns of all lines and look at every value once: the least of each, by DuckDB."""

    def work() -> dict[str, Any]:
        with duckdb.connect() as connection:
            files = [str(path) for path in data.lines_files()]
            least = ", ".join(f"min({name})" for name in SCANNED)
            connection.read_parquet(files).aggregate(f"{least}, sum(amount)").to_arrow_table()
        return {}

    return work


def nsbill(data: Data, engine: object | None = None) -> Callable[[], dict[str, Any]]:
    """``reconcile()``, all of it: statement with its sentences, exceptions with evidence, tie-out, allocation."""
    given: dict[str, Any] = dict(books(data))
    settlements = data.settlement_rows()
    rules = ReconcileRules(as_of=data.as_of(), seller_account="main")
    more: dict[str, Any] = {} if engine is None else {"engine": engine}

    def work() -> dict[str, Any]:
        found = reconcile(**given, lines=data.lines_files(), settlements=settlements, rules=rules, **more)
        return {"result": found}

    return work


def nsbill_pyspark(data: Data) -> Callable[[], dict[str, Any]]:
    """The same on a local Spark with two threads; starting it is not counted."""
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master("local[2]").config("spark.driver.memory", "6g")
    session = builder.config("spark.ui.enabled", "false").config("spark.sql.session.timeZone", "UTC").getOrCreate()
    return nsbill(data, session)


def plain_pandas(data: Data) -> Callable[[], dict[str, Any]]:
    """The statement alone in tuned pandas (benchmarks/reconcile_pandas.py): less work than the others do."""
    given: dict[str, Any] = dict(books(data))
    settlements = data.settlement_rows()

    def work() -> dict[str, Any]:
        found = statement(**given, lines=data.lines_files(), settlements=settlements, as_of=data.as_of())
        return {"statement": found}

    return work


WAYS: dict[str, Callable[[Data], Callable[[], dict[str, Any]]]] = {
    "scan": scan,
    "nsbill-duckdb": nsbill,
    "nsbill-pyspark": nsbill_pyspark,
    "pandas": plain_pandas,
}


def totals(found: dict[str, Any]) -> dict[str, Any]:
    """What a way found, in whole cents and counts, so that ways can be compared."""
    if "result" in found:
        result: Reconciliation = found["result"]
        sums = {name: int(result.statement[name].sum() * 100) for name in FIGURES}
        return {**_counted(result.statement), **sums, "exceptions": len(result.exceptions)}
    if "statement" in found:
        return {**_counted(found["statement"]), **{name: int(found["statement"][name].sum()) for name in FIGURES}}
    return {}


def _counted(rows: pd.DataFrame) -> dict[str, Any]:
    statuses = rows["status"].astype(str).value_counts().sort_index()
    return {
        "rows": len(rows),
        "statuses": {str(k): int(v) for k, v in statuses.items()},
        "ages": int(rows["age_days"].sum()),
    }


def compare(data: Data) -> None:
    """Assert that pandas and nsbill have the same cents, status and age in every row; for sizes that fit twice.

    Raises
    ------
    SystemExit
        Naming what differs.
    """
    ours = nsbill(data)()["result"].statement
    theirs = plain_pandas(data)()["statement"]
    wanted = [*FIGURES, "status", "age_days"]
    table = pa.Table.from_pandas(ours[["amazon_order_id", "currency", *wanted]], preserve_index=False)
    left = table.to_pandas().set_index(["amazon_order_id", "currency"]).sort_index()
    right = theirs.set_index(["amazon_order_id", "currency"])[wanted].sort_index()
    if not left.index.equals(right.index):
        raise SystemExit(f"pandas has {len(right)} rows and nsbill {len(left)}")
    for name in wanted:
        mine = left[name].map(lambda amount: int(amount * 100)) if name in FIGURES else left[name]
        unknown = mine.isna().to_numpy() & right[name].isna().to_numpy()  # the age of an order that nobody knows
        differ = (mine.to_numpy() != right[name].to_numpy()) & ~unknown
        if differ.any():
            raise SystemExit(f"{name} differs in {differ.sum()} rows, such as {left.index[differ][0]}")


def main(arguments: list[str] | None = None) -> None:
    """Do it and print what it cost."""
    parser = argparse.ArgumentParser()
    parser.add_argument("way", choices=[*WAYS, "compare"])
    parser.add_argument("folder", type=Path)
    options = parser.parse_args(arguments)
    data = generate(options.folder, lines=0)
    if options.way == "compare":
        compare(data)
        return
    work = WAYS[options.way](data)
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
    found = work()
    seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    peak = _peak()
    cost = {"seconds": seconds, "cpu_seconds": cpu, "peak_mb": peak / 1e6}
    print(json.dumps({**cost, "totals": totals(found)}))


def _peak() -> int:
    """Bytes of memory held at most. ``ru_maxrss`` would begin with those of the process that started this one."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    main()
