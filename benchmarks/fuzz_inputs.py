"""Input number ``n`` of a seed: a pure function of the two, from template and mutations to bytes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random

from benchmarks.fuzz_bytes import BYTES
from benchmarks.fuzz_damage import CELLS, COLUMNS, ROWS
from benchmarks.fuzz_dress import DRESSES
from benchmarks.fuzz_judge import Expected
from benchmarks.fuzz_oracle import Reading, parse_v1, parse_v2
from benchmarks.fuzz_oracle_payments import parse_payments
from benchmarks.fuzz_reading import Read, read_payments, read_v1, read_v2
from benchmarks.fuzz_sheet import Sheet
from benchmarks.fuzz_templates import V2
from benchmarks.fuzz_templates_payments import PAYMENTS
from benchmarks.fuzz_templates_v1 import V1

__all__ = ["FORMATS", "Format", "Input", "make_input"]

_DRESS_ONLY = 0.2
_GROUPS: tuple[tuple[Mapping[str, Callable[[Sheet, Random], object]], int], ...] = (
    (CELLS, 10), (ROWS, 5), (COLUMNS, 3), (BYTES, 9),
)  # fmt: skip
_RARE = {"long line": 0.2, "long cell": 0.3, "damaged archive": 0.5}
"""Costly to read, or soon exhausted: tried less often than the others of their group."""


@dataclass(frozen=True)
class Format:
    """One file format: how valid files are made, how nsbill reads them, how the oracle does."""

    name: str
    templates: Mapping[str, Callable[[Random], Sheet]]
    read: Read
    parse: Callable[[bytes], Reading]
    dresses: tuple[str, ...] = tuple(DRESSES)


_NOT_IN_CSV = {"quotes", "CR"}
"""Quotes mean something there; and nobody has seen a CSV with line ends of carriage returns."""

FORMATS = {
    "v2": Format("v2", V2, read_v2, parse_v2),
    "v1": Format("v1", V1, read_v1, parse_v1),
    "payments": Format(
        "payments", PAYMENTS, read_payments, parse_payments, tuple(name for name in DRESSES if name not in _NOT_IN_CSV)
    ),
}


@dataclass(frozen=True)
class Input:
    """One input. ``expected``: set when only the dress was changed."""

    number: int
    format: Format
    template: str
    mutations: tuple[str, ...]
    data: bytes
    expected: Expected | None

    @property
    def title(self) -> str:
        """What it is, for people."""
        return f"{self.format.name}, {self.template}: {' + '.join(self.mutations) or 'untouched'}"


def make_input(seed: int, number: int, formats: tuple[str, ...] = ("v2",)) -> Input:
    """Make input ``number`` of ``seed``."""
    rng = Random(f"{seed}:{number}:{','.join(formats)}")
    chosen = FORMATS[rng.choice(formats)]
    template = rng.choice(list(chosen.templates))
    sheet = chosen.templates[template](rng)
    names: list[str] = []
    only_dress = rng.random() < _DRESS_ONLY
    for name in rng.sample(chosen.dresses, rng.choice((0, 1, 1, 2, 3)) if only_dress else rng.choice((0, 0, 1))):
        DRESSES[name](sheet, rng)
        names.append(name)
    expected = Expected(dict(sheet.lines_total), dict(sheet.stated)) if only_dress else None
    for _ in range(0 if only_dress else rng.choice((1, 1, 1, 1, 2, 3))):
        names.append(_damaged(sheet, rng))
    return Input(number, chosen, template, tuple(names), sheet.render(), expected)


def _damaged(sheet: Sheet, rng: Random) -> str:
    group = rng.choices([group for group, _ in _GROUPS], [weight for _, weight in _GROUPS])[0]
    name = rng.choices(list(group), [_RARE.get(name, 1) for name in group])[0]
    if group is not BYTES and not sheet.rows:
        return f"{name} (of nothing)"
    change = group[name](sheet, rng)
    if callable(change):
        sheet.after.append(change)
    return name
