"""What one way of doing the work came to, and how it is printed: a table for people, one JSON object a line for programs."""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass

from benchmarks.account import Account

__all__ = ["Measured", "Stopwatch", "measured", "print_results", "timed"]


@dataclass
class Stopwatch:
    """Filled when its block has ended: seconds passed, processor seconds of this process, and what the account counted.

    ``peak_mb_before``, ``peak_mb``: the most memory that this process ever had, when the block began and when it ended.
    """

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    requests: int = 0
    refused: int = 0
    peak_mb_before: int = 0
    peak_mb: int = 0


@dataclass(frozen=True)
class Measured:
    """One way and its figures. ``sampled``: how many were really done when the time is scaled up from a sample."""

    benchmark: str
    way: str
    slots: int
    latency_ms: int
    unit: str
    done: int
    sampled: int | None
    requests: int
    refused: int
    refused_percent: float
    seconds: float
    per_second: float
    ratio_to_limit: float
    cpu_ms_per_request: float
    peak_mb_before: int
    peak_mb: int
    slots_found: int | None = None


@contextmanager
def timed(account: Account) -> Iterator[Stopwatch]:
    """Measure the block."""
    account.control("statistics", {"reset": True})
    watch = Stopwatch(peak_mb_before=_peak_mb())
    began, cpu = time.perf_counter(), time.process_time()
    yield watch
    watch.seconds, watch.cpu_seconds = time.perf_counter() - began, time.process_time() - cpu
    watch.peak_mb = _peak_mb()
    counted = account.control("statistics")
    watch.requests, watch.refused = sum(counted["requests"].values()), sum(counted["refused"].values())


def measured(
    watch: Stopwatch,
    account: Account,
    *,
    benchmark: str,
    way: str,
    unit: str,
    done: int,
    of_a_request: int = 1,
    sampled: int | None = None,
    slots_found: int | None = None,
) -> Measured:
    """Make figures of a measured block: ``done`` units, ``of_a_request`` of which one request can do at most.

    Theoretical limit: slots / latency requests a second, each with a full load of units.
    """
    seconds = watch.seconds * done / sampled if sampled else watch.seconds
    at_the_limit = done / of_a_request / account.limit_per_second
    return Measured(
        benchmark=benchmark,
        way=way,
        slots=account.slots,
        latency_ms=account.latency_ms,
        unit=unit,
        done=done,
        sampled=sampled,
        requests=watch.requests,
        refused=watch.refused,
        refused_percent=round(100 * watch.refused / max(1, watch.requests), 2),
        seconds=round(seconds, 2),
        per_second=round(done / seconds, 1),
        ratio_to_limit=round(at_the_limit / seconds, 3),
        cpu_ms_per_request=round(1000 * watch.cpu_seconds / max(1, watch.requests), 2),
        peak_mb_before=watch.peak_mb_before,
        peak_mb=watch.peak_mb,
        slots_found=slots_found,
    )


def print_results(results: Sequence[Measured], *, as_json: bool) -> None:
    """Print what was measured."""
    if as_json:
        for result in results:
            sys.stdout.write(json.dumps(asdict(result)) + "\n")
        return
    first = results[0]
    limit = first.slots * 1000 / first.latency_ms
    sys.stdout.write(
        f"{first.slots} slots, {first.latency_ms} ms a request: at most {limit:.1f} requests a second. "
        f"Load of the machine: {os.getloadavg()[0]:.1f}.\n"
        f"{'way':<34}{first.unit + 's':>9}{'seconds':>9}{'a second':>10}{'of limit':>10}{'refused':>9}{'cpu ms':>8}"
        f"{'MB before':>11}{'peak MB':>9}\n"
    )
    for r in results:
        note = f"  (scaled up from {r.sampled} {r.unit}s)" if r.sampled else ""
        sys.stdout.write(
            f"{r.way:<34}{r.done:>9}{r.seconds:>9.1f}{r.per_second:>10.1f}{r.ratio_to_limit:>10.3f}"
            f"{r.refused_percent:>8.2f}%{r.cpu_ms_per_request:>8.1f}"
            f"{r.peak_mb_before:>11}{r.peak_mb:>9}{note}\n"
        )


def _peak_mb() -> int:
    """The most memory that this process has had so far; getrusage counts kilobytes, on macOS bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1024 * 1024 if sys.platform == "darwin" else 1024))
