"""The same reconciliation on DuckDB and on a local Spark: every frame equal, cell by cell, to the cent."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from reconcile_tables import Case
from test_reconcile_statement import SCENARIOS
from test_reconcile_worked_example import CASE, INCLUDED

from benchmarks.scale_spark import REQUIRED, differences, frames_of
from nsbill.errors import ReconcileError
from nsbill.reconcile import reconcile
from nsbill.reconcile.engine import records_of
from nsbill.reconcile.engine_duckdb import DuckEngine
from nsbill.schemas import ORDERS

_SETTINGS = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "OFF",
    # two parts, and no fewer: what is not told apart or ordered across parts would be seen
    "spark.sql.shuffle.partitions": "2",
    "spark.sql.adaptive.enabled": "false",
    # each of a few hundred small queries would be compiled for a few rows
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.dataFrameQueryContext.enabled": "false",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
}
"""Of no consequence for the figures; they take more than half of the time away."""


@pytest.fixture(scope="module")
def spark() -> Iterator[Any]:
    """A local session with two threads."""
    from pyspark.sql import SparkSession

    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    os.environ["PYSPARK_PYTHON"] = sys.executable
    builder = SparkSession.builder.master("local[2]").appName("nsbill tests")
    for name, value in _SETTINGS.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    yield session
    session.stop()


@pytest.mark.spark
@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::ResourceWarning")
@pytest.mark.parametrize(
    "case",
    [
        pytest.param(CASE, id="worked example"),
        pytest.param(INCLUDED, id="worked example, tax included"),
        pytest.param(SCENARIOS, id="an order of every status"),
    ],
)
def test_spark_and_duckdb_make_the_same_frames_and_nothing_is_left_in_the_session(spark: Any, case: Case) -> None:
    before = spark.conf.getAll
    given: dict[str, Any] = dict(case.frames())
    ours = reconcile(**given, rules=case.reconcile_rules())
    theirs = reconcile(**given, rules=case.reconcile_rules(), engine=spark)
    assert differences(ours, theirs) == []
    assert sum(map(len, frames_of(ours).values())) > 20
    assert spark.sparkContext._jsc.getPersistentRDDs().isEmpty()
    assert spark.conf.getAll == before


@pytest.mark.spark
@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::ResourceWarning")
def test_books_in_files_are_the_same_records_with_day_numbers(spark: Any, tmp_path: Path) -> None:
    from nsbill.reconcile.engine_spark import SparkEngine

    orders = SCENARIOS.frames()["orders"]
    path = tmp_path / "orders.parquet"
    pq.write_table(pa.Table.from_pandas(orders, schema=ORDERS.arrow, preserve_index=False), path)
    found = []
    for engine in (SparkEngine(spark), DuckEngine()):
        with engine as opened:
            rows = opened.read(records_of(opened, [path], ORDERS).sort("sales_order_id"))
            found.append(rows.select([*ORDERS.names, "order_date_day", "ship_date_day"]).to_pylist())
    assert found[0] == found[1]
    assert len(found[0]) == len(orders)
    first = found[0][0]
    assert first["order_date_day"] == (first["order_date"] - date(1970, 1, 1)).days


@pytest.mark.spark
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_master_and_two_workers_make_the_same_frames_and_both_work(tmp_path: Path) -> None:
    quick = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.scale_spark", "--lines", "3000", "--json", "--quick"],
        cwd=Path(__file__).parents[1],
        env={**os.environ, "JAVA_TOOL_OPTIONS": quick, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert found["different"] == []
    assert set(REQUIRED) <= set(found["rows"])
    assert found["rows"]["statement"] > 500
    assert len(found["executors"]) == 2
    assert all(executor["tasks"] > 0 for executor in found["executors"])
    assert list(tmp_path.iterdir()) == []  # logs, data and shuffled pieces went with it


def test_a_cent_a_frame_and_a_type_that_differ_are_seen() -> None:
    ours = CASE.run()
    assert differences(ours, CASE.run()) == []
    cent = ours.statement.assign(due=ours.statement["due"] + Decimal("0.01"))
    found = differences(ours, replace(ours, statement=cent, coverage=ours.coverage.iloc[:0]))
    assert [text.split(":")[0] for text in found] == ["coverage", "statement"]


@pytest.mark.spark
def test_what_is_no_session_is_refused_with_a_sentence() -> None:
    with pytest.raises(ReconcileError, match="Spark"):
        reconcile(**dict(CASE.frames()), rules=CASE.reconcile_rules(), engine="spark")  # type: ignore[arg-type]
