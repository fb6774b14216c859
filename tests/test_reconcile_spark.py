"""The same reconciliation on DuckDB and on a local Spark: every frame equal, cell by cell, to the cent."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import pandas as pd
import pytest
from reconcile_tables import Case
from test_reconcile_statement import SCENARIOS
from test_reconcile_worked_example import CASE, INCLUDED

from nsbill.errors import ReconcileError
from nsbill.reconcile import Reconciliation, reconcile


@pytest.fixture(scope="module")
def spark() -> Iterator[Any]:
    """A local session with two threads; skipped where there is no pyspark or no Java."""
    sql = pytest.importorskip("pyspark.sql", reason="pyspark is not installed (pip install pyspark==4.3.0)")
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        pytest.skip("there is no Java, which Spark needs (apt-get install openjdk-17-jre-headless)")
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    os.environ["PYSPARK_PYTHON"] = sys.executable
    settings = {"spark.ui.enabled": "false", "spark.sql.shuffle.partitions": "2", "spark.log.level": "OFF"}
    builder = sql.SparkSession.builder.master("local[2]").appName("nsbill tests")
    for name, value in {**settings, "spark.ui.showConsoleProgress": "false"}.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    yield session
    session.stop()


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
def test_spark_and_duckdb_make_the_same_frames(spark: Any, case: Case) -> None:
    given: dict[str, Any] = dict(case.frames())
    ours = reconcile(**given, rules=case.reconcile_rules())
    theirs = reconcile(**given, rules=case.reconcile_rules(), engine=spark)
    compared = 0
    for field in fields(Reconciliation):
        first, second = getattr(ours, field.name), getattr(theirs, field.name)
        if isinstance(first, pd.DataFrame):
            pd.testing.assert_frame_equal(first, second, obj=field.name)
            compared += len(first)
        else:
            assert first == second, field.name
    assert compared > 20


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_it_leaves_nothing_behind_in_the_session(spark: Any) -> None:
    before = spark.conf.getAll
    reconcile(**dict(CASE.frames()), rules=CASE.reconcile_rules(), engine=spark)  # type: ignore[arg-type]
    assert spark.sparkContext._jsc.getPersistentRDDs().isEmpty()
    assert spark.conf.getAll == before


def test_what_is_no_session_is_refused_with_a_sentence() -> None:
    with pytest.raises(ReconcileError, match="Spark"):
        reconcile(**dict(CASE.frames()), rules=CASE.reconcile_rules(), engine="spark")  # type: ignore[arg-type]
