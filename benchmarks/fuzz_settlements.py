"""Fuzz the reading of Amazon's files: valid ones are mutated, and each must be refused clearly or read as what it says.

    python -m benchmarks.fuzz_settlements --inputs 20000 --seed 1

Exit code 0 only without a finding. A finding is: another exception than SourceFileError; a refusal that is no whole
sentence or names no line where one line is to blame; a file accepted though nobody could trust it, or with other money
than its text says (by an independent reading, ``fuzz_oracle``); a file refused or changed by another dress of the same
content; a store that keeps anything of a refused file. Findings are written to a folder, bytes and reason, and
``--only NUMBER`` runs one input again. Out of reach: see ``fuzz_judge``.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

from benchmarks.fuzz_inputs import FORMATS, make_input
from benchmarks.fuzz_judge import ACCEPTED, FINDING, NO_TOTAL, REFUSED, UNTIED
from benchmarks.fuzz_worker import Batch, Found, Work, run_batch, run_one

__all__ = ["Totals", "main", "run"]

_BATCH = 500
_KEPT_OF_A_KIND = 5
_KINDS = (ACCEPTED, UNTIED, NO_TOTAL, REFUSED, FINDING)


@dataclass
class Totals:
    """All batches together."""

    inputs: int = 0
    store_checks: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    by_mutation: dict[str, Counter[str]] = field(default_factory=dict)
    by_template: dict[str, Counter[str]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    findings: list[Found] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)

    def add(self, batch: Batch) -> None:
        """Add one batch."""
        self.inputs += batch.inputs
        self.store_checks += batch.store_checks
        self.verdicts.update(batch.verdicts)
        for mine, other in ((self.by_mutation, batch.by_mutation), (self.by_template, batch.by_template)):
            for name, counts in other.items():
                mine.setdefault(name, Counter()).update(counts)
        for name, seconds in batch.seconds.items():
            self.seconds[name] = self.seconds.get(name, 0) + seconds
        for found in batch.findings:
            self.findings.append(found)
            self.kinds[kind_of(found)] += 1


def kind_of(found: Found) -> str:
    """Group findings whose reasons differ by figures and quoted texts only."""
    return re.sub(r"\s+", " ", re.sub(r"\d+", "#", re.sub(r"'[^']*'|\"[^\"]*\"", "…", found.reason)))[:160]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.fuzz_settlements",
        description="Mutate valid Amazon files; each must be refused clearly, or read as what it says.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--inputs", type=int, default=2000, help="how many")
    parser.add_argument("--seed", type=int, default=1, help="decides every input")
    parser.add_argument("--start", type=int, default=0, help="number of the first input, to go on with an earlier run")
    parser.add_argument("--only", type=int, help="run this input alone and show it")
    parser.add_argument("--format", choices=(*FORMATS, "all"), default="v2", help="what kind of file")
    parser.add_argument("--processes", type=int, default=2, help="at once; 1: in this process")
    parser.add_argument("--store-every", type=int, default=400, help="add each n-th input to a store too; 0: never")
    parser.add_argument(
        "--own-instances", action="store_true", help="a DuckDB instance for each file, as elsewhere; slower"
    )
    parser.add_argument("--findings", type=Path, help="folder for findings (default: a new temporary one)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(arguments)
    formats = tuple(FORMATS) if options.format == "all" else (options.format,)
    work = Work(options.seed, formats, options.store_every, options.own_instances)
    if options.only is not None:
        return _show(work, options.only)
    began = time.perf_counter()
    kept = _Kept(options.findings)
    totals = run(work, options.start, options.inputs, processes=options.processes, on_findings=kept.write)
    report = _report(totals, time.perf_counter() - began, kept.folder if totals.findings else None)
    sys.stdout.write((json.dumps(report) if options.json else _table(report, totals)) + "\n")
    return 1 if totals.findings else 0


def run(
    work: Work,
    start: int,
    inputs: int,
    *,
    processes: int,
    on_findings: Callable[[list[Found]], None] = lambda _: None,
) -> Totals:
    """Run ``inputs`` inputs from number ``start`` on, in batches over ``processes``; findings are told as they come."""
    totals, told = Totals(), time.monotonic()
    for batch in _batches(work, start, inputs, processes):
        totals.add(batch)
        if batch.findings:
            on_findings(batch.findings)
        if time.monotonic() - told > 15:
            told = time.monotonic()
            sys.stderr.write(f"{totals.inputs:,} of {inputs:,} inputs, {len(totals.findings)} findings\n")
            sys.stderr.flush()
    return totals


def _batches(work: Work, start: int, inputs: int, processes: int) -> Iterator[Batch]:
    ranges = iter([range(at, min(at + _BATCH, start + inputs)) for at in range(start, start + inputs, _BATCH)])
    if processes == 1:
        yield from (run_batch(work, numbers) for numbers in ranges)
        return
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn"), max_tasks_per_child=40) as pool:
        pending: dict[Future[Batch], range] = {}
        for numbers in ranges:
            pending[pool.submit(run_batch, work, numbers)] = numbers
            if len(pending) >= 2 * processes:
                yield from _done(pending)
        while pending:
            yield from _done(pending)


def _done(pending: dict[Future[Batch], range]) -> Iterator[Batch]:
    for future in wait(pending, return_when=FIRST_COMPLETED).done:
        numbers = pending.pop(future)
        try:
            yield future.result()
        except BrokenProcessPool:
            sys.stderr.write(
                f"A process died in inputs {numbers.start} to {numbers.stop - 1}. Run them again with --processes 1 --start "
                f"{numbers.start} --inputs {len(numbers)}: the last input is the one.\n"
            )
            raise


def _show(work: Work, number: int) -> int:
    """Run one input and print all about it."""
    made = make_input(work.seed, number, work.formats)
    verdict = run_one(made)
    sys.stdout.write(f"input {number} of seed {work.seed}: {made.title}\n{len(made.data)} bytes\n{verdict.outcome}\n")
    sys.stdout.write(f"{verdict.reason}\n\n")
    sys.stdout.write(made.data[:20_000].decode("utf-8", errors="backslashreplace") + "\n")
    return 1 if verdict.outcome == FINDING else 0


class _Kept:
    """The folder of findings: the first of each kind, bytes and reason. Made when there is one."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self._seen: Counter[str] = Counter()

    def write(self, findings: list[Found]) -> None:
        """Write what a batch found."""
        self.folder = self.folder or Path(tempfile.mkdtemp(prefix="nsbill-fuzz-"))
        self.folder.mkdir(parents=True, exist_ok=True)
        for found in findings:
            kind = kind_of(found)
            self._seen[kind] += 1
            if self._seen[kind] <= _KEPT_OF_A_KIND:
                (self.folder / f"{found.number}.input").write_bytes(found.data)
                (self.folder / f"{found.number}.txt").write_text(f"{found.title}\n{found.reason}\n", encoding="utf-8")


def _report(totals: Totals, seconds: float, folder: Path | None) -> dict[str, object]:
    return {
        "inputs": totals.inputs,
        "findings": len(totals.findings),
        "verdicts": {kind: totals.verdicts[kind] for kind in _KINDS},
        "store_checks": totals.store_checks,
        "seconds": round(seconds, 1),
        "inputs_per_second": round(totals.inputs / seconds, 1),
        "ms_per_input": {name: round(1000 * s / max(1, totals.inputs), 2) for name, s in totals.seconds.items()},
        "kinds_of_findings": dict(totals.kinds.most_common()),
        "findings_folder": str(folder) if folder else None,
        "templates": {name: dict(counts) for name, counts in sorted(totals.by_template.items())},
        "mutations": {name: dict(counts) for name, counts in sorted(totals.by_mutation.items())},
    }


def _table(report: dict[str, object], totals: Totals) -> str:
    head = f"{'mutation':<26}" + "".join(
        f"{kind.split(':')[0][:14]:>16}" for kind in ("ties", "not footing", "no total", "refused", "findings")
    )
    rows = [
        f"{name[:26]:<26}" + "".join(f"{counts[kind]:>16,}" for kind in _KINDS)
        for name, counts in [*sorted(totals.by_mutation.items()), ("all inputs", totals.verdicts)]
    ]
    facts = [
        f"{name}: {report[name]}"
        for name in ("inputs", "findings", "store_checks", "seconds", "inputs_per_second", "ms_per_input")
    ]
    kinds = [f"{count:>7,}  {kind}" for kind, count in totals.kinds.most_common(40)]
    where = [f"findings are in {report['findings_folder']}"] if report["findings_folder"] else []
    return "\n".join([head, *rows, "", *facts, *where, *kinds])


if __name__ == "__main__":
    sys.exit(main())
