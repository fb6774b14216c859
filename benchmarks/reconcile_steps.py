"""The ways of the benchmark of the reconciliation, one in a process: ``python -m benchmarks.reconcile_steps WAY FOLDER``.

Prints what it cost as JSON: seconds by the clock, processor seconds, the peak of the whole process. Imports are over before the
clock starts. Books and lines lie in Parquet files and results go to Parquet files, nsbill's and pandas's alike; only Spark gets
the books as frames, and gives frames back.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.cost import cost_of
from benchmarks.reconcile_data import Data, generate
from benchmarks.reconcile_pandas import FIGURES, figures, named
from benchmarks.reconcile_pandas_whole import whole_statement
from nsbill.reconcile import Inputs, ReconcileRules, Reconciliation, reconcile, reconcile_into
from nsbill.reconcile.pieces import GOODS
from nsbill.reconcile.refresh import CHANGED, refresh_statement
from nsbill.schemas import STATEMENT

__all__ = ["MEMORY", "SCANNED", "SELLER", "WAYS"]

SELLER = "main"

SCANNED = (
    "settlement_id", "seller_account", "source_line", "event_class", "line_kind", "amount_type", "amount", "currency",
    "order_route", "amazon_order_id", "posted_at", "posted_day", "marketplace",
)  # fmt: skip
"""The columns of LINES that every reconciliation reads."""

_PARQUET = "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, DICTIONARY_SIZE_LIMIT 1000, ROW_GROUP_SIZE 61440"
_BOOKS = ("orders", "billing_records", "credits")
MEMORY, _MEMORY = "NSBILL_BENCHMARK_MEMORY", "1500MB"
"""The variable that says how much memory DuckDB may use, and how much that is without it; the process needs 300 MB more."""


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


def floor(data: Data) -> Callable[[], dict[str, Any]]:
    """By hand, as little as any statement asks for: lines added up by order, the books joined, the rows of ``out`` written again."""
    connection = duckdb.connect(config={"preserve_insertion_order": False, "memory_limit": "1500MB"})
    connection.execute(f"CREATE TABLE told AS FROM read_parquet('{data.folder / 'out' / 'statement.parquet'}')")
    kinds = {"goods": GOODS, "tax": [kind for kind in GOODS if kind.startswith("TAX")]}
    sums = ", ".join(
        f"sum(CASE WHEN list_contains({list(own)}, line_kind) THEN amount ELSE 0 END)::DECIMAL(18, 2) AS {name}"
        for name, own in kinds.items()
    )

    def work() -> dict[str, Any]:
        lines = connection.read_parquet([str(path) for path in data.lines_files()])
        by_order = (
            f"amazon_order_id, {sums}, sum(amount)::DECIMAL(18, 2) AS net, count(*) AS lines, max(posted_day) AS day"
        )
        lines.filter("amazon_order_id IS NOT NULL").aggregate(by_order, "amazon_order_id").create("by_order")
        for name, column in (("orders", "sales_order_id"), ("billing_records", "total")):
            frame = connection.read_parquet(str(data.folder / f"{name}.parquet"))
            frame.project(f"amazon_order_id, {column}").create(name)
        connection.execute(
            "CREATE TABLE joined AS SELECT amazon_order_id, net, sales_order_id, total FROM by_order "
            "FULL JOIN orders USING (amazon_order_id) FULL JOIN billing_records USING (amazon_order_id)"
        )
        target = data.folder / "floor.parquet"
        connection.execute(f"COPY told TO '{target}' ({_PARQUET})")
        return {}

    return work


def inputs(data: Data, *, with_month: bool = False) -> Inputs:
    """All files."""
    orders, bills, credit_rows = (data.books_files(name, with_month=with_month) for name in _BOOKS)
    lines, settlements = data.lines_files(with_month=with_month), data.settlement_rows(with_month=with_month)
    return Inputs(orders, bills, credit_rows, lines, settlements)


def _rules(data: Data, *, with_month: bool = False) -> ReconcileRules:
    return ReconcileRules(as_of=data.as_of(with_month=with_month), seller_account=SELLER)


def nsbill_into(data: Data, *, statement_only: bool) -> Callable[[], dict[str, Any]]:
    """``reconcile_into()`` within a limit of memory, into a folder beside the data."""
    out = data.folder / "out"
    shutil.rmtree(out, ignore_errors=True)

    def work() -> dict[str, Any]:
        memory = os.environ.get(MEMORY, _MEMORY)
        return {"files": reconcile_into(out, inputs(data), _rules(data), statement_only=statement_only, memory=memory)}

    return work


def nsbill_all(data: Data) -> Callable[[], dict[str, Any]]:
    """Everything: statement with its sentences, exceptions with evidence, tie-out, allocation."""
    return nsbill_into(data, statement_only=False)


def nsbill_statement(data: Data) -> Callable[[], dict[str, Any]]:
    """The statement alone, with its sentences, as pandas makes it; that lines are complete and nothing is there twice is checked."""
    return nsbill_into(data, statement_only=True)


def nsbill_month(data: Data) -> Callable[[], dict[str, Any]]:
    """The statement of ``out`` brought up to date by a month more; the orders that the month brought are told to it."""
    fresh = data.folder / "fresh"
    shutil.rmtree(fresh, ignore_errors=True)

    def work() -> dict[str, Any]:
        new = [
            pq.read_table(data.books_files(name, with_month=True)[-1], columns=["amazon_order_id"]) for name in _BOOKS
        ]
        changed = CHANGED.from_arrow(pa.concat_tables(new))
        given, rules = inputs(data, with_month=True), _rules(data, with_month=True)
        memory = os.environ.get(MEMORY, _MEMORY)
        done = refresh_statement(fresh, data.folder / "out", given, rules, changed=changed, memory=memory)
        return {"refreshed": done}

    return work


def nsbill_pyspark(data: Data) -> Callable[[], dict[str, Any]]:
    """``reconcile()`` on a local Spark with two threads, frames in pandas; starting it is not counted."""
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master("local[2]").config("spark.driver.memory", "6g")
    session = builder.config("spark.ui.enabled", "false").config("spark.sql.session.timeZone", "UTC").getOrCreate()
    given: dict[str, Any] = dict(books(data))
    settlements = data.settlement_rows()

    def work() -> dict[str, Any]:
        lines = data.lines_files()
        return {"result": reconcile(**given, lines=lines, settlements=settlements, rules=_rules(data), engine=session)}

    return work


def plain_pandas(data: Data) -> Callable[[], dict[str, Any]]:
    """The statement alone in tuned pandas, every column and sentence of it (benchmarks/reconcile_pandas_whole.py)."""
    settlements = data.settlement_rows()

    def work() -> dict[str, Any]:
        given: dict[str, Any] = dict(books(data))
        day = data.as_of()
        found = figures(**given, lines=data.lines_files(), settlements=settlements, as_of=day, whole=True)
        target = data.folder / "pandas.parquet"
        pq.write_table(whole_statement(found, seller_account=SELLER, as_of=day), target, compression="zstd")
        return {"written": target}

    return work


def pandas_figures(data: Data) -> Callable[[], dict[str, Any]]:
    """The figures, status and age alone in tuned pandas, in whole cents, without sentences (benchmarks/reconcile_pandas.py)."""
    settlements = data.settlement_rows()

    def work() -> dict[str, Any]:
        given: dict[str, Any] = dict(books(data))
        found = named(figures(**given, lines=data.lines_files(), settlements=settlements, as_of=data.as_of()))
        found.to_parquet(data.folder / "pandas-figures.parquet", index=False, compression="zstd")
        return {"figures": found}

    return work


WAYS: dict[str, Callable[[Data], Callable[[], dict[str, Any]]]] = {
    "scan": scan,
    "floor": floor,
    "nsbill-duckdb": nsbill_all,
    "nsbill-statement": nsbill_statement,
    "nsbill-month": nsbill_month,
    "nsbill-pyspark": nsbill_pyspark,
    "pandas": plain_pandas,
    "pandas-figures": pandas_figures,
}


def totals(found: dict[str, Any]) -> dict[str, Any]:
    """What a way found, in whole cents and counts, so that ways can be compared."""
    if "result" in found:
        result: Reconciliation = found["result"]
        return _of_statement(result.statement)
    if "files" in found:
        return _of_file(found["files"].path("statement"))
    if "refreshed" in found:
        return {"touched": found["refreshed"].touched, "rows again": found["refreshed"].rows}
    if "written" in found:
        return _of_file(found["written"])
    if "figures" in found:
        return {**_counted(found["figures"]), **{name: int(found["figures"][name].sum()) for name in FIGURES}}
    return {}


def _of_statement(rows: pd.DataFrame) -> dict[str, Any]:
    return {**_counted(rows), **{name: int(rows[name].sum() * 100) for name in FIGURES}}


def _of_file(path: Path) -> dict[str, Any]:
    """The same of a file, by DuckDB: a hundred million lines make a statement that is larger than memory."""
    with duckdb.connect() as connection:
        rows = connection.read_parquet(str(path))
        sums = ", ".join(f"(sum({name}) * 100)::BIGINT AS {name}" for name in FIGURES)
        figures = rows.aggregate(f"count(*) AS rows, sum(age_days)::BIGINT AS ages, {sums}").to_arrow_table()
        statuses = rows.aggregate("status, count(*) AS orders", "status").order("status").fetchall()
    found: dict[str, Any] = figures.to_pylist()[0]
    return {**found, "statuses": dict(statuses)}


def _counted(rows: pd.DataFrame) -> dict[str, Any]:
    statuses = rows["status"].astype(str).value_counts().sort_index()
    return {
        "rows": len(rows),
        "statuses": {str(k): int(v) for k, v in statuses.items()},
        "ages": int(rows["age_days"].sum()),
    }


def compare(data: Data) -> dict[str, Any]:
    """Assert that the statements that pandas and nsbill wrote are the same in every row and column.

    Raises
    ------
    SystemExit
        Naming the columns that differ, and an order in which they do.
    """
    with duckdb.connect(config={"memory_limit": "4GB", "temp_directory": str(data.folder / "spill")}) as connection:
        for name, path in (
            ("ours", data.folder / "out" / "statement.parquet"),
            ("theirs", data.folder / "pandas.parquet"),
        ):
            connection.read_parquet(str(path)).create_view(name)
        same = "ours FULL JOIN theirs USING (seller_account, amazon_order_id, currency)"
        others = [name for name in STATEMENT.names if name not in ("seller_account", "amazon_order_id", "currency")]
        differ = {name: f"ours.{name} IS DISTINCT FROM theirs.{name}" for name in others}
        counts = ", ".join(f"count(*) FILTER ({test}) AS {name}" for name, test in differ.items())
        told = connection.sql(f"SELECT count(*) AS rows, {counts} FROM {same}").to_arrow_table().to_pylist()[0]
        wrong = [name for name in others if told[name]]
        if wrong:
            first = connection.sql(
                f"SELECT amazon_order_id, ours.{wrong[0]}, theirs.{wrong[0]} FROM {same} WHERE {differ[wrong[0]]}"
            )
            raise SystemExit(
                f"{', '.join(f'{name} in {told[name]} rows' for name in wrong)} differ, such as {first.limit(1).fetchall()[0]}"
            )
    return {"rows": told["rows"], "columns": len(STATEMENT.names)}


def main(arguments: list[str] | None = None) -> None:
    """Do it and print what it cost."""
    parser = argparse.ArgumentParser()
    parser.add_argument("way", choices=[*WAYS, "compare"])
    parser.add_argument("folder", type=Path)
    options = parser.parse_args(arguments)
    data = generate(options.folder, lines=0)
    if options.way == "compare":
        print(json.dumps(compare(data)))
        return
    work = WAYS[options.way](data)
    found, cost = cost_of(work)
    print(json.dumps({**cost, "totals": totals(found)}))


if __name__ == "__main__":
    main()
