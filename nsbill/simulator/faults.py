"""Faults on demand: counted or by rate, seeded, repeatable; they model what goes wrong between a client and NetSuite."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from random import Random
from threading import Lock

__all__ = ["KINDS", "PLACES", "Fault", "FaultPlan"]

PLACES = ("record", "transform", "suiteql", "restlet", "async", "token", "system", "any")
KINDS = (
    "drop_before",
    "drop_after_commit",
    "error_500_before",
    "error_500_after_commit",
    "429",
    "401",
    "slow_before",
    "slow_after_commit",
    "locked",
    "changed",
    "script_error",
    "script_timeout",
)
_OF_SCRIPTS = ("script_error", "script_timeout")
"""What only a RESTlet can meet."""
_NAMES = {"where", "kind", "times", "rate", "skip", "seconds"}


@dataclass(frozen=True)
class Fault:
    """One rule: where and what, the next ``times`` matching requests or a ``rate`` of them, after ``skip``."""

    where: str
    kind: str
    times: int | None = None
    rate_ppm: int | None = None
    skip: int = 0
    milliseconds: int = 0

    @staticmethod
    def parse(entry: object) -> Fault:
        """Read one rule of the control route, or raise ``ValueError`` with a sentence."""
        if not isinstance(entry, Mapping):
            raise ValueError("each fault must be an object")
        unknown = sorted(set(entry) - _NAMES)
        if unknown:
            raise ValueError(f"unknown fault settings: {', '.join(unknown)}; known: {', '.join(sorted(_NAMES))}")
        where, kind = str(entry.get("where", "any")), str(entry.get("kind"))
        if where not in PLACES:
            raise ValueError(f"unknown place '{where}'; known: {', '.join(PLACES)}")
        if kind not in KINDS:
            raise ValueError(f"unknown kind '{kind}'; known: {', '.join(KINDS)}")
        if kind in _OF_SCRIPTS and where != "restlet":
            raise ValueError(f"the kind '{kind}' happens to RESTlets only: give where as restlet")
        if ("times" in entry) == ("rate" in entry):
            raise ValueError("give either times or rate")
        times = _number(entry, "times", highest=10**9) if "times" in entry else None
        rate = _number(entry, "rate", highest=1, factor=1_000_000) if "rate" in entry else None
        seconds = _number(entry, "seconds", highest=3600, factor=1000) if "seconds" in entry else 0
        skip = _number(entry, "skip", highest=10**9) if "skip" in entry else 0
        return Fault(where, kind, times, rate, skip, seconds)


def _number(entry: Mapping[str, object], name: str, *, highest: int, factor: int = 1) -> int:
    value = entry[name]
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        raise ValueError(f"{name} must be a number")
    number = Decimal(value)
    if not 0 <= number <= highest or (factor == 1 and number != int(number)):
        raise ValueError(
            f"{name} must be a whole number" if factor == 1 else f"{name} must lie between 0 and {highest}"
        )
    return int(number * factor)


class FaultPlan:
    """The faults in force and how often each fired. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._faults: list[Fault] = []
        self._seen: list[int] = []
        self._fired: list[int] = []
        self._random = Random(1)
        self._seed = 1

    def set(self, faults: list[Fault], *, seed: int) -> None:
        """Replace the faults; counting and the random sequence start again."""
        with self._lock:
            self._faults = list(faults)
            self._seen = [0] * len(faults)
            self._fired = [0] * len(faults)
            self._seed = seed
            self._random = Random(seed)

    def draw(self, kind: str) -> Fault | None:
        """Return the fault that hits this request of ``kind``, the first in order, or none."""
        with self._lock:
            for index, fault in enumerate(self._faults):
                if fault.where not in ("any", kind):
                    continue
                self._seen[index] += 1
                if self._seen[index] > fault.skip and self._hits(index, fault):
                    self._fired[index] += 1
                    return fault
            return None

    def _hits(self, index: int, fault: Fault) -> bool:
        if fault.times is not None:
            return self._fired[index] < fault.times
        return self._random.randrange(1_000_000) < (fault.rate_ppm or 0)

    def state(self) -> dict[str, object]:
        """Return seed and faults with how often each was looked at and fired."""
        with self._lock:
            rows: list[dict[str, object]] = []
            for fault, seen, fired in zip(self._faults, self._seen, self._fired, strict=True):
                row: dict[str, object] = {
                    "where": fault.where,
                    "kind": fault.kind,
                    "skip": fault.skip,
                    "seen": seen,
                    "fired": fired,
                }
                if fault.times is not None:
                    row["times"] = fault.times
                if fault.rate_ppm is not None:
                    row["rate"] = Decimal(fault.rate_ppm) / 1_000_000
                if fault.milliseconds:
                    row["seconds"] = Decimal(fault.milliseconds) / 1000
                rows.append(row)
            return {"seed": self._seed, "faults": rows}
