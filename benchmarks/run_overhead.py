"""What ``nsbill run`` costs over bare papermill: the same notebook, both as commands, one after the other in turns.

    python -m benchmarks.run_overhead --rounds 7

nsbill checks parameters, watches every cell, searches the output for secrets, and writes ``run.json`` and an HTML report that
opens offline; papermill does none of that. Medians; processor seconds are of all processes together. Ends with 1 when
the overhead is above ``--most`` percent, by the clock.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from nsbill.cli.connection import simulated
from nsbill.runs.places import notebooks_folder

__all__ = ["Overhead", "main", "measure"]

_NOTEBOOKS = ("11_scheduled_reconciliation", "10_scheduled_billing")


@dataclass(frozen=True)
class Overhead:
    """One notebook: median seconds and processor seconds of both ways."""

    notebook: str
    rounds: int
    papermill_seconds: float
    nsbill_seconds: float
    papermill_cpu: float
    nsbill_cpu: float
    load: float

    @property
    def percent(self) -> float:
        """How much longer nsbill takes, by the clock."""
        return round(100 * (self.nsbill_seconds / self.papermill_seconds - 1), 1)

    @property
    def cpu_percent(self) -> float:
        """How much more processor time it takes."""
        return round(100 * (self.nsbill_cpu / self.papermill_cpu - 1), 1)


def measure(notebook: str, home: Path, *, rounds: int) -> Overhead:
    """Run the notebook both ways in turns, ``rounds`` times, after one of each that does not count."""
    workspace = home / "workspace"
    source = home / "notebooks" / f"{notebook}.ipynb"
    bare = [sys.executable, "-m", "papermill", str(source), str(home / "bare.ipynb"), "-p", "workspace", str(workspace)]
    ours = [sys.executable, "-m", "nsbill.cli", "run", notebook, "--workspace", str(workspace)]
    found = []
    for number in range(rounds + 1):
        turn = [("bare", bare), ("ours", ours)] if number % 2 else [("ours", ours), ("bare", bare)]
        found.append({way: _timed(command, home) for way, command in turn})
    counted = found[1:]
    medians = {
        (way, what): round(statistics.median(one[way][what] for one in counted), 2)
        for way in ("bare", "ours")
        for what in (0, 1)
    }
    load = round(os.getloadavg()[0], 1)
    return Overhead(
        notebook, rounds, medians["bare", 0], medians["ours", 0], medians["bare", 1], medians["ours", 1], load
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.run_overhead",
        description="Compare nsbill run with bare papermill.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--orders", type=int, default=300, help="size of the demo company")
    parser.add_argument("--most", type=float, default=15, help="percent")
    parser.add_argument("--json", action="store_true", help="print one JSON object a line")
    options = parser.parse_args(arguments)
    within = True
    with tempfile.TemporaryDirectory(prefix="nsbill-overhead-") as folder:
        home = Path(folder)
        shutil.copytree(notebooks_folder(), home / "notebooks")
        demo = ["demo", "--orders", str(options.orders), "--workspace", str(home / "workspace")]
        subprocess.run([sys.executable, "-m", "nsbill.cli", *demo], cwd=home, check=True, stdout=subprocess.DEVNULL)
        with simulated(home / "workspace"):
            for notebook in _NOTEBOOKS:
                result = measure(notebook, home, rounds=options.rounds)
                within &= result.percent <= options.most
                _tell(result, as_json=options.json)
    return 0 if within else 1


def _timed(command: list[str], home: Path) -> tuple[float, float]:
    """Seconds, and processor seconds of the process and of all that it waited for."""
    began = time.perf_counter()
    process = subprocess.Popen(command, cwd=home, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    said = process.stderr.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}: {said.decode()[-2000:]}")
    return time.perf_counter() - began, used.ru_utime + used.ru_stime


def _tell(result: Overhead, *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(
            json.dumps({**asdict(result), "percent": result.percent, "cpu_percent": result.cpu_percent}) + "\n"
        )
    else:
        sys.stdout.write(
            f"{result.notebook}: papermill {result.papermill_seconds} s, nsbill run {result.nsbill_seconds} s "
            f"({result.percent:+} %); processor {result.papermill_cpu} s, {result.nsbill_cpu} s ({result.cpu_percent:+} %); "
            f"medians of {result.rounds} rounds, load {result.load}\n"
        )
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
