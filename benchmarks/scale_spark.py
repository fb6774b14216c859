"""The reconciliation on a Spark cluster: a master and two workers on this machine, and the same figures as DuckDB's.

Starts a standalone master and two workers, each a process of its own that listens on 127.0.0.1 only, reconciles the data of
``benchmarks.reconcile`` on DuckDB and on the cluster, compares every frame cell by cell, and stops all of it again. Ends
with 1 when a frame differs, or when an executor did nothing. Nothing secret goes anywhere: the figures do, and the
addresses of the files. It needs the extra ``nsbill[spark]`` and Java; see docs/scale.md.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow.parquet as pq

from benchmarks.reconcile_data import Data, generate
from nsbill.reconcile import ReconcileRules, Reconciliation, reconcile
from nsbill.schemas import BILLING_RECORDS, CREDITS, ORDERS

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

__all__ = ["REQUIRED", "differences", "frames_of", "main"]

REQUIRED = ("statement", "exceptions", "settlements", "totals", "tie_out", "agreement", "allocation", "coverage")
"""Frames that a reconciliation has at least; what else it has is compared too."""

WORKERS = 2

_HERE = "127.0.0.1"
_WAIT = 60.0
_BOOKS = {"orders": ORDERS, "billing_records": BILLING_RECORDS, "credits": CREDITS}

_FOR_FEW_LINES = {
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.dataFrameQueryContext.enabled": "false",
}
"""What costs more than it brings when there are hardly any lines; of no consequence for the figures."""


@dataclass(frozen=True)
class Executor:
    """One process that computed, and how much."""

    name: str
    address: str
    tasks: int
    busy_seconds: float
    shuffled_mb: float


@dataclass(frozen=True)
class Outcome:
    """What was compared and what it cost."""

    lines: int
    master: str
    seconds_to_start: float
    seconds_duckdb: float
    seconds_spark: float
    executors: list[Executor]
    rows: dict[str, int]
    different: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Whether every frame is equal and every executor worked."""
        worked = [executor for executor in self.executors if executor.tasks]
        return not self.different and len(worked) == WORKERS and set(REQUIRED) <= self.rows.keys()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale_spark", description=__doc__)
    parser.add_argument("--lines", type=int, default=100_000, help="settlement lines, about (default 100,000)")
    parser.add_argument("--memory", default="1g", help="of each worker and of the driver (default 1g)")
    parser.add_argument("--quick", action="store_true", help="settings for few lines: nothing is compiled")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="nsbill-scale-") as temporary:
        folder = Path(temporary)
        data = generate(folder / "data", lines=options.lines)
        settings = {"spark.driver.memory": options.memory, "spark.executor.memory": options.memory}
        outcome = _compared(data, folder, {**settings, **(_FOR_FEW_LINES if options.quick else {})}, options.memory)
    for text in [json.dumps(asdict(outcome))] if options.json else _as_text(outcome):
        print(text)
    return 0 if outcome.good else 1


def frames_of(reconciliation: Reconciliation) -> dict[str, pd.DataFrame]:
    """Every frame of a reconciliation, by its name."""
    names = [name for name in dir(reconciliation) if not name.startswith("_")]
    values = {name: getattr(reconciliation, name) for name in names}
    return {name: value for name, value in values.items() if isinstance(value, pd.DataFrame)}


def differences(first: Reconciliation, second: Reconciliation) -> list[str]:
    """Say which frames differ in a cell, a type or the order of rows, or are only in one of the two."""
    ours, theirs = frames_of(first), frames_of(second)
    found = [f"{name}: only in one of the two" for name in sorted(ours.keys() ^ theirs.keys())]
    for name in sorted(ours.keys() & theirs.keys()):
        try:
            pd.testing.assert_frame_equal(ours[name], theirs[name], obj=name, check_exact=True)
        except AssertionError as error:
            found.append(f"{name}: {error}")
    return found


def _compared(data: Data, folder: Path, settings: dict[str, str], memory: str) -> Outcome:
    given = _inputs(data)
    rules = ReconcileRules(as_of=data.as_of(), seller_account="main")
    ours, seconds_duckdb = _timed(given, rules, None)
    began = time.perf_counter()
    with _cluster(folder / "cluster", memory) as master, _session(master, folder, settings) as spark:
        seconds_to_start = time.perf_counter() - began
        theirs, seconds_spark = _timed(given, rules, spark)
        executors = _executors(spark)
    return Outcome(
        lines=data.lines,
        master=master,
        seconds_to_start=round(seconds_to_start, 1),
        seconds_duckdb=round(seconds_duckdb, 1),
        seconds_spark=round(seconds_spark, 1),
        executors=executors,
        rows={name: len(frame) for name, frame in frames_of(ours).items()},
        different=differences(ours, theirs),
    )


def _inputs(data: Data) -> dict[str, Any]:
    """Books as frames: the driver hands them to the executors. Lines as files: each executor reads its share itself."""
    books = {name: schema.from_arrow(pq.read_table(data.books_files(name))) for name, schema in _BOOKS.items()}
    return {**books, "settlements": data.settlement_rows(), "lines": data.lines_files()}


def _timed(given: dict[str, Any], rules: ReconcileRules, spark: SparkSession | None) -> tuple[Reconciliation, float]:
    began = time.perf_counter()
    made = reconcile(**given, rules=rules, engine=spark)
    frames_of(made)
    return made, time.perf_counter() - began


@contextmanager
def _cluster(folder: Path, memory: str) -> Iterator[str]:
    """Start a master and its workers, yield the master's address, and stop them all."""
    folder.mkdir()
    port = _free_port()
    address = f"spark://{_HERE}:{port}"
    started: list[subprocess.Popen[bytes]] = []
    try:
        master = ["org.apache.spark.deploy.master.Master", "--host", _HERE, "--port", str(port), "--webui-port", "0"]
        started.append(_start("master", master, folder))
        _wait_for(port, started[0], folder / "master.log")
        for number in range(1, WORKERS + 1):
            worker = ["org.apache.spark.deploy.worker.Worker", "--host", _HERE, "--webui-port", "0", "--cores", "1"]
            worker += ["--memory", memory, "--work-dir", str(folder / f"worker-{number}"), address]
            started.append(_start(f"worker-{number}", worker, folder))
        yield address
    finally:
        for process in reversed(started):
            _stop(process)


def _start(name: str, command: list[str], folder: Path) -> subprocess.Popen[bytes]:
    """Start a daemon of Spark; ``spark-class`` becomes the Java process, so that its id is the one to stop."""
    import pyspark

    home = Path(pyspark.__file__).parent
    surroundings = {
        **os.environ,
        "SPARK_HOME": str(home),
        "SPARK_LOCAL_IP": _HERE,
        "SPARK_LOCAL_DIRS": str(folder / "local"),
        "SPARK_DAEMON_MEMORY": "256m",
    }
    with (folder / f"{name}.log").open("wb") as log:
        return subprocess.Popen(
            [str(home / "bin" / "spark-class"), *command],
            env=surroundings, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
        )  # fmt: skip


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _free_port() -> int:
    with socket.socket() as found:
        found.bind((_HERE, 0))
        port: int = found.getsockname()[1]
        return port


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + _WAIT
    while time.monotonic() < end:
        if process.poll() is not None:
            raise SystemExit(f"the master ended with code {process.returncode}:\n{log.read_text(errors='replace')}")
        with suppress(OSError), socket.create_connection((_HERE, port), timeout=1):
            return
        time.sleep(0.1)
    raise SystemExit(f"the master did not listen within {_WAIT:.0f} s:\n{log.read_text(errors='replace')}")


@contextmanager
def _session(master: str, folder: Path, settings: dict[str, str]) -> Iterator[SparkSession]:
    """Open a session that begins to compute only when all workers have given it an executor."""
    from pyspark.sql import SparkSession

    os.environ["SPARK_LOCAL_IP"] = _HERE
    os.environ["PYSPARK_PYTHON"] = sys.executable
    fixed = {
        "spark.cores.max": str(WORKERS),
        "spark.executor.cores": "1",
        "spark.scheduler.minRegisteredResourcesRatio": "1.0",
        "spark.scheduler.maxRegisteredResourcesWaitingTime": f"{_WAIT:.0f}s",
        "spark.sql.shuffle.partitions": str(2 * WORKERS),
        "spark.local.dir": str(folder / "driver"),
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "OFF",
    }
    builder = SparkSession.builder.master(master).appName("nsbill")
    for name, value in {**fixed, **settings}.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    try:
        yield session
    finally:
        session.stop()


def _executors(spark: SparkSession) -> list[Executor]:
    """Ask Spark what each executor did; the driver is in its list too, and computes nothing."""
    listed = spark.sparkContext._jsc.sc().statusStore().executorList(False)  # noqa: SLF001 -- nothing public says it
    every = [listed.apply(place) for place in range(listed.size())]
    return [
        Executor(
            name=f"executor {one.id()}",
            address=one.hostPort(),
            tasks=one.totalTasks(),
            busy_seconds=round(one.totalDuration() / 1000, 1),
            shuffled_mb=round(one.totalShuffleRead() / 1e6, 1),
        )
        for one in every
        if one.id() != "driver"
    ]


def _as_text(outcome: Outcome) -> Iterator[str]:
    yield f"{outcome.lines:,} settlement lines; master {outcome.master}, {WORKERS} workers of one core"
    yield f"started in {outcome.seconds_to_start:.1f} s"
    for one in sorted(outcome.executors, key=lambda executor: executor.name):
        yield (
            f"{one.name} at {one.address}: {one.tasks:,} tasks, {one.busy_seconds:,.1f} s of work, "
            f"{one.shuffled_mb:,.1f} MB from the other steps"
        )
    yield f"DuckDB {outcome.seconds_duckdb:.1f} s, Spark {outcome.seconds_spark:.1f} s"
    for name, rows in outcome.rows.items():
        differs = any(text.startswith(f"{name}:") for text in outcome.different)
        yield f"  {name:<16} {rows:>9,} rows  {'DIFFERENT' if differs else 'equal'}"
    yield from outcome.different
    yield "Every frame is equal, and every executor worked." if outcome.good else "NOT as it should be."


if __name__ == "__main__":
    raise SystemExit(main())
