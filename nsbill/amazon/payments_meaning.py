"""What an amount of a payments report is: from its type, its column and its description to event class and line kind.

The labels that are stored stay as they stand in the file, in its language. The vocabulary is asked twice, with the labels of
the file and with their English names (type as in settlements; column as ``payments/`` and its part), and the most specific
rule of both answers decides. So the rules that come with nsbill hold in every language, and a rule of the user may name
what stands in the file.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from nsbill.amazon.labels import Rule, Vocabulary, folded
from nsbill.amazon.payments_headers import fold, words
from nsbill.vocabulary import EventClass, LineKind

__all__ = ["Meanings", "fulfilment_of", "status_of"]

_OF_AN_ITEM = frozenset({EventClass.SALE, EventClass.REFUND, EventClass.CHARGEBACK, EventClass.ATOZ})
"""Rows of these describe the product; on all others the description says what the amount is for."""


@dataclass
class Meanings:
    """Classifies amounts by a vocabulary."""

    vocabulary: Vocabulary
    _ranked: list[Rule] = field(init=False)

    def __post_init__(self) -> None:
        self._ranked = sorted(self.vocabulary.rules, key=lambda rule: rule.specificity, reverse=True)

    def describes_product(self, type_cell: str) -> bool:
        """Say whether the description of rows of this type is a product's title, and so no label."""
        return self.of(type_cell, "", None, "")[0] in _OF_AN_ITEM

    def of(self, type_cell: str, header: str, part: str | None, description: str) -> tuple[EventClass, LineKind]:
        """Return event class and line kind of an amount; ``part`` is None for a column that nsbill does not know.

        An amount under a type that no rule names is UNCLASSIFIED whatever its column, unless a rule names its description:
        nobody knows whether it is a sale.
        """
        english = words("type").get(fold(type_cell), type_cell)
        as_it_stands = (folded(type_cell), folded(header), folded(description))
        translated = (folded(english), f"payments/{part}".casefold() if part else folded(header), folded(description))
        covering = [rule for rule in self._ranked if rule.covers(as_it_stands) or rule.covers(translated)]
        event = next((rule.event_class for rule in covering if rule.event_class), EventClass.ACCOUNT)
        if not any(rule.patterns[0] != "*" or rule.patterns[2] != "*" for rule in covering):
            return event, LineKind.UNCLASSIFIED
        return event, next((rule.line_kind for rule in covering if rule.line_kind), LineKind.UNCLASSIFIED)


def status_of(cell: str) -> str | None:
    """Return the TransactionStatus that a word of the report stands for; None for an unknown word."""
    return words("status").get(fold(cell))


def fulfilment_of(cell: str) -> str:
    """Return AFN or MFN for the report's word, or the word itself when it is another."""
    return words("fulfilment").get(fold(cell), cell)
