"""What Amazon's labels mean: (transaction type, amount type, amount description) → event class and line kind.

The table is ``vocabulary.csv`` beside this module. Amazon publishes no list of the values and renames them
without notice, so a combination that no row covers stays ``UNCLASSIFIED``: it is kept, summed and reported.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nsbill.errors import SettingsError
from nsbill.vocabulary import EventClass, LineKind

__all__ = ["LABELS", "SEPARATOR", "Rule", "Vocabulary", "default_vocabulary", "folded"]

LABELS = ("transaction_type", "amount_type", "amount_description")
"""The columns of Amazon's three labels."""

SEPARATOR = "\t"
"""Joins the three labels into one key; no cell of a tab-separated file can hold it."""

_GOODS = ("itemprice", "principal")
_FILE = "vocabulary.csv"
_GAPS = re.compile(r"[\s_]+")


def folded(label: str) -> str:
    """Return ``label`` as it is compared: trimmed, case folded, with spaces and underscores alike."""
    return _GAPS.sub(" ", label.strip()).casefold()


@dataclass(frozen=True)
class Rule:
    """One row of the table. Patterns are whole labels, prefixes ending in ``*``, or ``*``.

    An ``event_class`` or ``line_kind`` of None means that this row leaves it to a less specific one.
    """

    patterns: tuple[str, str, str]
    event_class: EventClass | None
    line_kind: LineKind | None
    why: str = ""

    @property
    def specificity(self) -> tuple[int, int]:
        """How many labels it names in full, then how many characters it names in all."""
        full = sum(not pattern.endswith("*") for pattern in self.patterns)
        return full, sum(len(pattern.rstrip("*")) for pattern in self.patterns)

    def covers(self, labels: tuple[str, str, str]) -> bool:
        """Say whether the three folded ``labels`` fit the patterns."""
        return all(
            label.startswith(pattern[:-1]) if pattern.endswith("*") else label == pattern
            for pattern, label in zip(self.patterns, labels, strict=True)
        )


@dataclass(frozen=True)
class Vocabulary:
    """The rules; of those that cover a combination the most specific one decides, the earlier one at a tie."""

    rules: tuple[Rule, ...]

    @classmethod
    def of(cls, rows: Iterable[Mapping[str, str]]) -> Vocabulary:
        """Build from rows with the columns of ``vocabulary.csv``; an unknown class or kind is refused."""
        return cls(tuple(_rule(number, row) for number, row in enumerate(rows, start=2)))

    @cached_property
    def _ranked(self) -> tuple[Rule, ...]:
        return tuple(sorted(self.rules, key=lambda rule: rule.specificity, reverse=True))

    def classify(self, transaction_type: str, amount_type: str, amount_description: str) -> tuple[EventClass, LineKind]:
        """Return event class and line kind of one combination; unknown ones are ACCOUNT and UNCLASSIFIED."""
        labels = (folded(transaction_type), folded(amount_type), folded(amount_description))
        covering = [rule for rule in self._ranked if rule.covers(labels)]
        event = next((rule.event_class for rule in covering if rule.event_class), EventClass.ACCOUNT)
        kind = next((rule.line_kind for rule in covering if rule.line_kind), LineKind.UNCLASSIFIED)
        return event, kind

    def columns(self, keys: pa.Array | pa.ChunkedArray) -> dict[str, pa.Array]:
        """Classify a whole column of keys: the three labels joined by ``SEPARATOR``.

        Returns the columns transaction_type, amount_type, amount_description (untouched), event_class, line_kind,
        and ``counts_units``: true on the price of goods, the one line of an item that stands for its units.
        Only the distinct combinations are looked at one by one.
        """
        encoded = pc.dictionary_encode(keys)
        if isinstance(encoded, pa.ChunkedArray):
            encoded = encoded.combine_chunks()
        distinct = [tuple(key.split(SEPARATOR)) for key in encoded.dictionary.to_pylist()]
        meaning = [self._known(*labels) for labels in distinct]
        codes = encoded.indices.to_numpy(zero_copy_only=False)
        named = {name: [labels[i] for labels in distinct] for i, name in enumerate(LABELS)}
        named |= {name: [str(pair[i]) for pair in meaning] for i, name in enumerate(("event_class", "line_kind"))}
        columns: dict[str, pa.Array] = {name: _spread(values, codes) for name, values in named.items()}
        goods = np.array([tuple(map(folded, labels[1:])) == _GOODS for labels in distinct], dtype=bool)
        return columns | {"counts_units": pa.array(goods[codes] if len(codes) else [], pa.bool_())}

    @cached_property
    def _cache(self) -> dict[tuple[str, str, str], tuple[EventClass, LineKind]]:
        return {}

    def _known(self, *labels: str) -> tuple[EventClass, LineKind]:
        key = (labels[0], labels[1], labels[2])
        if key not in self._cache:
            self._cache[key] = self.classify(*key)
        return self._cache[key]


@cache
def default_vocabulary() -> Vocabulary:
    """Load the vocabulary that comes with nsbill."""
    text = resources.files(__package__).joinpath(_FILE).read_text(encoding="utf-8")
    return Vocabulary.of(csv.DictReader(text.splitlines()))


def _rule(number: int, row: Mapping[str, str]) -> Rule:
    try:
        event = EventClass(row["event_class"]) if row["event_class"] else None
        kind = LineKind(row["line_kind"]) if row["line_kind"] else None
        first, second, third = (folded(row[name]) for name in LABELS)
    except (KeyError, ValueError) as error:
        raise SettingsError(
            f"{_FILE}, line {number}",
            f"is not a rule ({error})",
            "Correct the row.",
            valid=[*EventClass, *LineKind],
        ) from error
    return Rule((first, second, third), event, kind, row.get("why") or "")


def _spread(values: list[str], codes: np.ndarray) -> pa.Array:
    """Turn one value per distinct combination into a dictionary column with one code per line."""
    dictionary = list(dict.fromkeys(values))
    position = {value: i for i, value in enumerate(dictionary)}
    to_code = np.array([position[value] for value in values], dtype=np.int32)
    indices = to_code[codes] if len(codes) else np.empty(0, dtype=np.int32)
    return pa.DictionaryArray.from_arrays(pa.array(indices, pa.int32()), pa.array(dictionary, pa.string()))
