"""Received versus due per order: nsbill beside a scan of the lines and plain pandas, from files into files.

Lines and books have the profile of real ones (benchmarks/reconcile_data.py). Each way runs in a process of its own, in one
run. ``ratio_to_scan``: nsbill's time over that of reading the needed columns of all lines from the store.
nsbill-duckdb also finds exceptions with evidence, ties settlements out and shares receipts out among bills; nsbill-statement writes the
statement alone. pandas writes that same file, every column and sentence of it, and both files are compared in every row;
``statement_times_faster_than_pandas`` is the same work twice. pandas-figures makes 17 amounts, status and age only. All must find the
same cents, statuses and ages, or the benchmark fails.
``--month`` adds a month and brings the statement up to date; ``month_share`` is its time over that of the statement,
``month_share_of_full`` over that of everything.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.reconcile_data import Data, generate
from benchmarks.reconcile_steps import MEMORY, WAYS

__all__ = ["Figure", "Ratios", "main"]


@dataclass(frozen=True)
class Figure:
    """One way and what it cost."""

    benchmark: str
    way: str
    lines: int
    seconds: float
    cpu_seconds: float
    lines_per_second: int
    peak_mb: float


@dataclass(frozen=True)
class Ratios:
    """The figures against each other: by the clock, and by processor seconds, which a busy machine changes less."""

    benchmark: str
    engine: str
    lines: int
    statement_rows: int
    seconds: float
    peak_mb: float
    ratio_to_scan: float | None
    ratio_to_scan_cpu: float | None
    times_faster_than_pandas: float | None
    times_faster_than_pandas_cpu: float | None
    statement_ratio_to_scan: float | None
    statement_times_faster_than_pandas: float | None
    statement_times_faster_than_pandas_cpu: float | None
    statement_times_faster_than_pandas_figures: float | None
    rows_compared: int | None
    month_share: float | None
    month_share_cpu: float | None
    month_share_of_full: float | None
    load: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reconcile", description=__doc__)
    parser.add_argument("--lines", type=int, default=1_000_000, help="settlement lines, about (default 1,000,000)")
    parser.add_argument("--engine", choices=["duckdb", "pyspark", "pandas"], default="duckdb", help="what is measured")
    parser.add_argument("--repeat", type=int, default=1, help="rounds of everything; the fastest of each counts")
    parser.add_argument("--without-pandas", action="store_true", help="leave pandas out, where memory is short")
    parser.add_argument("--month", action="store_true", help="measure a month on top, too")
    parser.add_argument("--memory", help="how much DuckDB may use (default 1500MB); the process needs 300 MB more")
    parser.add_argument("--folder", type=Path, help="keep the data here, and take them when they are there")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    options = parser.parse_args(arguments)
    if options.memory:
        os.environ[MEMORY] = options.memory
    if options.month and options.engine != "duckdb":
        parser.error("--month is measured with --engine duckdb only")
    with tempfile.TemporaryDirectory() as temporary:
        folder = (options.folder or Path(temporary)) / f"{options.lines}"
        data = generate(folder, lines=options.lines)
        measured = "pandas" if options.engine == "pandas" else f"nsbill-{options.engine}"
        ways = ["scan", measured, *(["nsbill-statement"] if options.engine == "duckdb" else [])]
        ways += ["nsbill-month"] if options.month else []
        ways = list(dict.fromkeys([*ways, *([] if options.without_pandas else ["pandas", "pandas-figures"])]))
        rounds = [[_child(way, folder) for way in ways] for _ in range(options.repeat)]
        costs = {way: min(same, key=lambda cost: cost["seconds"]) for way, *same in zip(ways, *rounds, strict=True)}
        _same_everywhere(costs)
        compared = _child("compare", folder)["rows"] if {"nsbill-statement", "pandas"} <= costs.keys() else None
        figures, ratios = _figures(costs, data), _ratios(costs, data, measured, options.engine, compared)
    for text in _as_json(figures, ratios) if options.json else _as_table(figures, ratios):
        print(text)
    return 0


def _child(way: str, folder: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.reconcile_steps", way, str(folder)]
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1])
    if done.returncode:
        raise SystemExit(f"{way} failed with code {done.returncode}")
    cost: dict[str, Any] = json.loads(done.stdout) if done.stdout else {}
    return cost


def _same_everywhere(costs: dict[str, dict[str, Any]]) -> None:
    """Every way that makes a statement must have made the same one."""
    made = {way: cost["totals"] for way, cost in costs.items() if "due" in cost["totals"]}
    first = next(iter(made.values()))
    for way, totals in made.items():
        differ = [name for name in first if first[name] != totals[name]]
        if differ:
            raise SystemExit(f"{way} differs in {', '.join(differ)}: {totals} and {first}")


def _figures(costs: dict[str, dict[str, Any]], data: Data) -> list[Figure]:
    return [
        Figure(
            "reconcile", way, data.lines, round(cost["seconds"], 3), round(cost["cpu_seconds"], 3),
            round(data.lines / cost["seconds"]), round(cost["peak_mb"], 1),
        )
        for way, cost in costs.items()
    ]  # fmt: skip


def _ratios(costs: dict[str, dict[str, Any]], data: Data, measured: str, engine: str, compared: int | None) -> Ratios:
    ours, scan, pandas = costs[measured], costs["scan"], costs.get("pandas")
    alone, month = costs.get("nsbill-statement"), costs.get("nsbill-month")
    return Ratios(
        benchmark="reconcile ratios",
        engine=engine,
        lines=data.lines,
        statement_rows=ours["totals"]["rows"],
        seconds=round(ours["seconds"], 2),
        peak_mb=round(ours["peak_mb"], 1),
        ratio_to_scan=_over(ours, scan),
        ratio_to_scan_cpu=_over(ours, scan, "cpu_seconds"),
        times_faster_than_pandas=_over(pandas, ours),
        times_faster_than_pandas_cpu=_over(pandas, ours, "cpu_seconds"),
        statement_ratio_to_scan=_over(alone, scan),
        statement_times_faster_than_pandas=_over(pandas, alone),
        statement_times_faster_than_pandas_cpu=_over(pandas, alone, "cpu_seconds"),
        statement_times_faster_than_pandas_figures=_over(costs.get("pandas-figures"), alone),
        rows_compared=compared,
        month_share=_over(month, alone),
        month_share_cpu=_over(month, alone, "cpu_seconds"),
        month_share_of_full=_over(month, ours),
        load=round(os.getloadavg()[0], 1),
    )


def _over(one: dict[str, Any] | None, other: dict[str, Any] | None, unit: str = "seconds") -> float | None:
    """What one took over what the other took; nothing when one was not measured."""
    return round(one[unit] / other[unit], 3) if one and other else None


def _as_json(figures: Sequence[Figure], ratios: Ratios) -> Iterator[str]:
    for figure in figures:
        yield json.dumps(asdict(figure))
    yield json.dumps(asdict(ratios))


def _as_table(figures: Sequence[Figure], ratios: Ratios) -> Iterator[str]:
    yield f"{'way':<16} {'seconds':>9} {'CPU s':>9} {'lines/s':>12} {'peak MB':>9}"
    for figure in figures:
        yield (
            f"{figure.way:<16} {figure.seconds:>9.2f} {figure.cpu_seconds:>9.2f} {figure.lines_per_second:>12,} "
            f"{figure.peak_mb:>9,.0f}"
        )
    yield ""
    for name, value in asdict(ratios).items():
        if name != "benchmark":
            yield f"{name:<30} {value if value is not None else '-':>14}"
    yield ""
    yield from (f"{figure.way}: {WAYS[figure.way].__doc__}" for figure in figures)


if __name__ == "__main__":
    raise SystemExit(main())
