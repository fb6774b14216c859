"""Which line of a flat V1 file gets the units of which quantity row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["Quantities"]


@dataclass(frozen=True)
class Quantities:
    """The quantity rows of a file: ``units`` of the rows with a price, and the rows that found no price.

    Rows are counted from 0 below the header; both arrays of rows ascend.
    """

    price_rows: np.ndarray
    units: np.ndarray
    lone_rows: np.ndarray

    @classmethod
    def of(cls, pairs: pa.Table) -> Quantities:
        """Take them from the result of ``quantity_pairs``."""
        found = pc.is_valid(pairs["price_row"])
        paired = pairs.filter(found).sort_by("price_row")
        return cls(
            paired["price_row"].to_numpy(),
            paired["quantity"].fill_null(0).to_numpy(),  # a quantity that is no number is refused where its row is read
            pairs.filter(pc.invert(found))["quantity_row"].to_numpy(),
        )

    def are_lone(self, rows: np.ndarray) -> np.ndarray:
        """Say of each row whether it is a quantity row without a price."""
        return np.isin(rows, self.lone_rows)

    def units_of(self, rows: np.ndarray) -> pa.Array:
        """Return the units that a quantity row gives to each row; null where none does."""
        if not len(self.price_rows):
            return pa.nulls(len(rows), pa.int64())
        at = np.minimum(np.searchsorted(self.price_rows, rows), len(self.price_rows) - 1)
        return pa.array(self.units[at], pa.int64(), mask=self.price_rows[at] != rows)
