"""One meaning per colour everywhere, chosen from Okabe and Ito's colours for colour-blind readers.

The first four reach a contrast of 3:1 on white and on near-black; the others do not on white, so they always
come with a pattern and an outline. A pattern goes with each meaning, so that colour is never the only cue.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

__all__ = ["GRID", "TEXT", "Meaning", "Paint"]

TEXT = "#797979"
"""The one grey that reads best on white (4.3:1) and on a dark page (4.3:1) alike."""

GRID = "rgba(128,128,128,0.28)"


@dataclass(frozen=True)
class Paint:
    """A fill, and the pattern drawn over it (plotly's shape names; empty for none)."""

    colour: str
    pattern: str = ""


class Meaning(Enum):
    """What a bar, a cell or a label stands for."""

    RECEIVED = Paint("#0072B2")
    DUE = Paint("#D55E00", "/")
    FEE = Paint("#009E73", ".")
    REFUND = Paint("#CC79A7", "\\")
    EXCEPTION = Paint("#E69F00", "x")
    OTHER = Paint("#56B4E9", "|")
    NEUTRAL = Paint("#8C8C8C")

    @property
    def colour(self) -> str:
        """The fill colour."""
        return self.value.colour

    @property
    def pattern(self) -> str:
        """The pattern's shape."""
        return self.value.pattern
