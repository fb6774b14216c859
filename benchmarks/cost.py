"""What a piece of work costs, for benchmarks that do each way in a process of its own."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

__all__ = ["cost_of"]

Found = TypeVar("Found")


def cost_of(work: Callable[[], Found]) -> tuple[Found, dict[str, float]]:
    """Do it; return what it found, and its ``seconds``, ``cpu_seconds`` and ``peak_mb``, the peak of the whole process."""
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
    found = work()
    seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return found, {"seconds": seconds, "cpu_seconds": cpu, "peak_mb": _peak() / 1e6}


def _peak() -> int:
    """Bytes of memory held at most. ``ru_maxrss`` would begin with those of the process that started this one."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024
