"""One process of the fuzz: makes inputs, lets nsbill read them, judges, counts."""

from __future__ import annotations

import signal
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from benchmarks.fuzz_inputs import Input, make_input
from benchmarks.fuzz_judge import FINDING, Verdict, judge_error, judge_outcome
from benchmarks.fuzz_reading import Outcome, one_connection
from benchmarks.fuzz_store import check_store

__all__ = ["Batch", "Found", "Work", "run_batch", "run_one"]

_NAME = "50011020300.txt"
_SECONDS = 30


@dataclass(frozen=True)
class Work:
    """What a run is asked for. ``store_every``: each n-th input is added to a store too.

    ``own_instances``: a DuckDB instance for each file, as outside of the fuzz; slower.
    """

    seed: int
    formats: tuple[str, ...] = ("v2",)
    store_every: int = 0
    own_instances: bool = False


@dataclass(frozen=True)
class Found:
    """One finding."""

    number: int
    title: str
    reason: str
    data: bytes


@dataclass
class Batch:
    """What a range of inputs came to."""

    inputs: int = 0
    store_checks: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    by_mutation: dict[str, Counter[str]] = field(default_factory=dict)
    by_template: dict[str, Counter[str]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    findings: list[Found] = field(default_factory=list)

    def count(self, made: Input, verdict: Verdict) -> None:
        """Count one verdict."""
        self.inputs += 1
        self.verdicts[verdict.outcome] += 1
        for name in made.mutations or ("untouched",):
            self.by_mutation.setdefault(name, Counter())[verdict.outcome] += 1
        self.by_template.setdefault(f"{made.format.name}: {made.template}", Counter())[verdict.outcome] += 1
        if verdict.outcome == FINDING:
            self.findings.append(Found(made.number, made.title, verdict.reason, made.data))

    def fail(self, number: int, reason: str) -> None:
        """Note an input that the fuzz itself could not make or judge."""
        self.inputs += 1
        self.verdicts[FINDING] += 1
        self.findings.append(Found(number, "the fuzz itself failed", f"the fuzz itself failed: {reason}", b""))

    @contextmanager
    def timed(self, what: str) -> Iterator[None]:
        """Add the time of a block to ``what``."""
        began = time.perf_counter()
        yield
        self.seconds[what] = self.seconds.get(what, 0.0) + time.perf_counter() - began


def run_batch(work: Work, numbers: range) -> Batch:
    """Run inputs with these numbers."""
    batch = Batch()
    with nullcontext() if work.own_instances else one_connection(), _scratch() as folder:
        for number in numbers:
            try:
                _run(work, number, folder, batch)
            except Exception:  # of the fuzz itself: told, and no reason to lose a long run
                batch.fail(number, traceback.format_exc(limit=-3))
    return batch


def _run(work: Work, number: int, folder: Path, batch: Batch) -> None:
    with batch.timed("making"):
        made = make_input(work.seed, number, work.formats)
    verdict, outcome = _judged(made, folder, batch)
    if work.store_every and number % work.store_every == 0 and verdict.outcome != FINDING:
        batch.store_checks += 1
        with batch.timed("store"):
            verdict = check_store(folder / _NAME, verdict, outcome, activity=made.format.activity)
    batch.count(made, verdict)


def run_one(made: Input) -> Verdict:
    """Run one input, its store check included."""
    with _scratch() as folder:
        verdict, outcome = _judged(made, folder, Batch())
        if verdict.outcome == FINDING:
            return verdict
        return check_store(folder / _NAME, verdict, outcome, activity=made.format.activity)


def _judged(made: Input, folder: Path, batch: Batch) -> tuple[Verdict, Outcome | None]:
    path = folder / _NAME
    path.write_bytes(made.data)
    parse = partial(made.format.parse, made.data)
    try:
        with batch.timed("reading"), _no_longer_than(_SECONDS):
            outcome = made.format.read(path, folder)
    except Exception as error:
        with batch.timed("judging"):
            return judge_error(error, _NAME, parse, made.expected), None
    with batch.timed("judging"):
        return judge_outcome(outcome, parse(), made.expected), outcome


@contextmanager
def _no_longer_than(seconds: int) -> Iterator[None]:
    """Raise TimeoutError in a block that does not end."""

    def stop(*_: object) -> None:
        raise TimeoutError(f"not read within {seconds} seconds")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def _scratch() -> Iterator[Path]:
    """A folder in memory where there is one."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(prefix="nsbill-fuzz-", dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)
