"""Input number ``n`` of a seed: a pure function of the two, from template and mutations to bytes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from benchmarks.fuzz_bytes import BYTES
from benchmarks.fuzz_damage import CELLS, COLUMNS, ROWS
from benchmarks.fuzz_dress import DRESSES
from benchmarks.fuzz_judge import Expected
from benchmarks.fuzz_oracle import Reading, parse_v1, parse_v2
from benchmarks.fuzz_oracle_finances import parse_finances
from benchmarks.fuzz_oracle_payments import parse_payments
from benchmarks.fuzz_oracle_xml import parse_xml
from benchmarks.fuzz_paper import PAPER_DAMAGES, PAPER_DRESSES
from benchmarks.fuzz_reading import Read, read_finances, read_payments, read_v1, read_v2, read_xml
from benchmarks.fuzz_templates import V2
from benchmarks.fuzz_templates_finances import FINANCES
from benchmarks.fuzz_templates_payments import PAYMENTS
from benchmarks.fuzz_templates_v1 import V1
from benchmarks.fuzz_templates_xml import XML

__all__ = ["FORMATS", "Format", "Input", "make_input"]

Draft = Any
"""A ``Sheet`` or a ``Paper``."""
Group = Mapping[str, Callable[[Any, Random], object]]

_DRESS_ONLY = 0.2
_SHEET_DAMAGES: tuple[tuple[Group, int], ...] = ((CELLS, 10), (ROWS, 5), (COLUMNS, 3), (BYTES, 9))
_PAPER_DAMAGES: tuple[tuple[Group, int], ...] = ((PAPER_DAMAGES, 2), (BYTES, 1))
_RARE = {"long line": 0.2, "long cell": 0.3, "damaged archive": 0.5}
"""Costly to read, or soon exhausted: tried less often than the others of their group."""


@dataclass(frozen=True)
class Format:
    """One file format: how valid files are made, how nsbill reads them, how the oracle does."""

    name: str
    templates: Mapping[str, Callable[[Random], Draft]]
    read: Read
    parse: Callable[[bytes], Reading]
    dresses: Group = field(default_factory=lambda: DRESSES)
    damages: tuple[tuple[Group, int], ...] = _SHEET_DAMAGES
    activity: bool = False
    """Tells money from another side: never among the settlements."""


_CSV_DRESSES = {name: dress for name, dress in DRESSES.items() if name not in {"quotes", "CR"}}
"""Quotes mean something there; and nobody has seen a CSV with line ends of carriage returns."""

FORMATS = {
    "v2": Format("v2", V2, read_v2, parse_v2),
    "v1": Format("v1", V1, read_v1, parse_v1),
    "payments": Format("payments", PAYMENTS, read_payments, parse_payments, _CSV_DRESSES, activity=True),
    "finances": Format(
        "finances", FINANCES, read_finances, parse_finances, PAPER_DRESSES, _PAPER_DAMAGES, activity=True
    ),
    "xml": Format("xml", XML, read_xml, parse_xml, PAPER_DRESSES, _PAPER_DAMAGES),
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
    for name in rng.sample(list(chosen.dresses), rng.choice((0, 1, 1, 2, 3)) if only_dress else rng.choice((0, 0, 1))):
        chosen.dresses[name](sheet, rng)
        names.append(name)
    expected = Expected(dict(sheet.lines_total), dict(sheet.stated)) if only_dress else None
    for _ in range(0 if only_dress else rng.choice((1, 1, 1, 1, 2, 3))):
        names.append(_damaged(chosen, sheet, rng))
    return Input(number, chosen, template, tuple(names), sheet.render(), expected)


def _damaged(chosen: Format, sheet: Draft, rng: Random) -> str:
    group = rng.choices([group for group, _ in chosen.damages], [weight for _, weight in chosen.damages])[0]
    name = rng.choices(list(group), [_RARE.get(name, 1) for name in group])[0]
    if group is not BYTES and not sheet.rows:
        return f"{name} (of nothing)"
    change = group[name](sheet, rng)
    if callable(change):
        sheet.after.append(change)
    return name
