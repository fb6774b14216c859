"""From the text of a flat V2 settlement to Parquet in the store, beside DuckDB's raw read of the same file and pandas.

The file is made with the profile of real ones (Amazon notes, section 12), once with decimal points and once with
decimal commas. Each way runs in a process of its own. The raw read is DuckDB with one explicit type per column
(DECIMAL(18, 2), TIMESTAMP, VARCHAR) and no sniffing, all 24 columns into Parquet, with nothing checked; a second figure
is that into a table in memory. nsbill's time is that of ``settlements add``: copy and digest of the raw file, checks,
classification, Parquet, tie to the total, all of it on the disk.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

from benchmarks.settlements_file import generate
from benchmarks.settlements_steps import WAYS

__all__ = ["Figure", "Ratios", "main"]

_SAMPLE = 1_000_000
_MEASURED = (
    ("raw-to-parquet", "."), ("nsbill-store", "."), ("raw-to-memory", "."), ("nsbill-store", ","),
    ("raw-to-parquet", ","), ("pandas-decimal", "."),
)  # fmt: skip
_PARTS = (("nsbill-text", "."), ("nsbill-tables", "."))


@dataclass(frozen=True)
class Figure:
    """One way and what it cost. ``sampled``: how many lines were really read when the time is scaled up."""

    benchmark: str
    way: str
    decimal_mark: str
    lines: int
    sampled: int | None
    seconds: float
    cpu_seconds: float
    lines_per_second: float
    peak_mb: float


@dataclass(frozen=True)
class Ratios:
    """The figures against each other: by the clock, and by processor seconds, which a busy machine changes less."""

    benchmark: str
    lines: int
    ratio_to_raw_read: float
    ratio_to_raw_read_cpu: float
    ratio_to_raw_read_in_memory: float
    ratio_to_raw_read_comma: float
    times_faster_than_pandas_decimal: float
    times_faster_than_pandas_decimal_cpu: float
    comma_to_point: float
    comma_to_point_cpu: float
    peak_mb: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.settlements", description=__doc__)
    parser.add_argument("--lines", type=int, default=1_000_000, help="rows of the file (default 1,000,000)")
    parser.add_argument("--repeat", type=int, default=1, help="rounds of everything; the fastest of each counts")
    parser.add_argument("--parts", action="store_true", help="also what the parts of nsbill's reading cost")
    parser.add_argument("--folder", type=Path, help="where to put the files; they are deleted")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        files = {".": Path(folder) / "point.txt", ",": Path(folder) / "comma.txt"}
        for mark, file in files.items():
            generate(file, lines=options.lines, decimal_mark=mark)
        ways = [*_MEASURED, *(_PARTS if options.parts else ())]
        rounds = [
            [_measured(way, files[mark], mark, options.lines) for way, mark in ways] for _ in range(options.repeat)
        ]
    figures = [min(same, key=lambda figure: figure.seconds) for same in zip(*rounds, strict=True)]
    ratios = _ratios({(figure.way, figure.decimal_mark): figure for figure in figures})
    for text in _as_json(figures, ratios) if options.json else _as_table(figures, ratios):
        print(text)
    return 0


def _measured(way: str, file: Path, mark: str, lines: int) -> Figure:
    sampled = _SAMPLE if way == "pandas-decimal" and lines > _SAMPLE else None
    if sampled:
        file = _cut(file, sampled)
    command = [sys.executable, "-m", "benchmarks.settlements_steps", way, str(file), mark]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=Path(__file__).parents[1])
    cost = json.loads(done.stdout)
    if cost["lines"] != (sampled or lines) - 1:
        raise SystemExit(f"{way} found {cost['lines']:,} money lines instead of {(sampled or lines) - 1:,}")
    scale = lines / sampled if sampled else 1
    seconds = cost["seconds"] * scale
    return Figure(
        "settlements", way, mark, lines, sampled, round(seconds, 3), round(cost["cpu_seconds"] * scale, 3),
        round(lines / seconds), round(cost["peak_mb"], 1),
    )  # fmt: skip


def _cut(file: Path, lines: int) -> Path:
    """Write the header and the first rows of a file beside it."""
    target = file.with_name(f"first {file.name}")
    with file.open("rb") as source, target.open("wb") as sample:
        sample.writelines(islice(source, lines + 1))
    return target


def _ratios(figures: dict[tuple[str, str], Figure]) -> Ratios:
    nsbill, comma = figures["nsbill-store", "."], figures["nsbill-store", ","]
    raw, pandas = figures["raw-to-parquet", "."], figures["pandas-decimal", "."]
    return Ratios(
        benchmark="settlements ratios",
        lines=nsbill.lines,
        ratio_to_raw_read=round(nsbill.seconds / raw.seconds, 2),
        ratio_to_raw_read_cpu=round(nsbill.cpu_seconds / raw.cpu_seconds, 2),
        ratio_to_raw_read_in_memory=round(nsbill.seconds / figures["raw-to-memory", "."].seconds, 2),
        ratio_to_raw_read_comma=round(comma.seconds / figures["raw-to-parquet", ","].seconds, 2),
        times_faster_than_pandas_decimal=round(pandas.seconds / nsbill.seconds, 2),
        times_faster_than_pandas_decimal_cpu=round(pandas.cpu_seconds / nsbill.cpu_seconds, 2),
        comma_to_point=round(comma.seconds / nsbill.seconds, 2),
        comma_to_point_cpu=round(comma.cpu_seconds / nsbill.cpu_seconds, 2),
        peak_mb=max(nsbill.peak_mb, comma.peak_mb),
    )


def _as_json(figures: Sequence[Figure], ratios: Ratios) -> Iterator[str]:
    for figure in figures:
        yield json.dumps(asdict(figure))
    yield json.dumps(asdict(ratios))


def _as_table(figures: Sequence[Figure], ratios: Ratios) -> Iterator[str]:
    yield f"{'way':<16} {'mark':<5} {'seconds':>8} {'CPU s':>8} {'lines/s':>12} {'peak MB':>8}"
    for figure in figures:
        scaled = f"  scaled up from {figure.sampled:,} lines" if figure.sampled else ""
        yield (
            f"{figure.way:<16} {figure.decimal_mark:<5} {figure.seconds:>8.2f} {figure.cpu_seconds:>8.2f} "
            f"{figure.lines_per_second:>12,} {figure.peak_mb:>8,.0f}{scaled}"
        )
    yield ""
    for name, value in asdict(ratios).items():
        if name != "benchmark":
            yield f"{name:<38} {value:>12,}"
    yield ""
    used = dict.fromkeys(figure.way for figure in figures)
    yield from (f"{way}: {WAYS[way].__doc__}" for way in used)


if __name__ == "__main__":
    raise SystemExit(main())
