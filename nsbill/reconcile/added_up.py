"""Rows added up by key where nearly every key has one row: a group-by of what is alone would be the dearest step of all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import narwhals as nw

from nsbill.reconcile.engine import AMOUNT, Frame, Repeated

__all__ = ["Parts", "added_up"]


@dataclass(frozen=True)
class Parts:
    """What each row brings to its key: ``amounts`` and ``counts`` are added, of ``least`` and ``most`` one is kept."""

    amounts: Mapping[str, nw.Expr] = field(default_factory=dict)
    counts: Mapping[str, nw.Expr] = field(default_factory=dict)
    least: Mapping[str, nw.Expr] = field(default_factory=dict)
    most: Mapping[str, nw.Expr] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """The columns that it makes, in order."""
        return [*self.most, *self.least, *self.amounts, *self.counts]

    def of_rows(self) -> dict[str, nw.Expr]:
        """What one row brings."""
        return {
            **self.most,
            **self.least,
            **{name: amount.cast(AMOUNT) for name, amount in self.amounts.items()},
            **{name: count.cast(nw.Int64) for name, count in self.counts.items()},
        }

    def together(self) -> list[nw.Expr]:
        """What several rows bring, of columns with these names."""
        return [
            *(nw.col(name).max() for name in self.most),
            *(nw.col(name).min() for name in self.least),
            *(nw.col(name).sum().cast(AMOUNT) for name in self.amounts),
            *(nw.col(name).sum().cast(nw.Int64) for name in self.counts),
        ]


def added_up(rows: Frame, several: Repeated | None, parts: Parts, *, keys: Sequence[str]) -> tuple[Frame, Frame | None]:
    """Return what is alone with its ``keys``, and what the keys of ``several`` (``Engine.repeated`` of the rows) bring together."""
    alone = rows.select(*keys, **parts.of_rows())
    if several is None:
        return alone, None
    added = several.rows.select(*keys, **parts.of_rows()).group_by(*keys).agg(*parts.together())
    return alone.join(several.keys, on=list(keys), how="anti"), added.select(*keys, *parts.names)
