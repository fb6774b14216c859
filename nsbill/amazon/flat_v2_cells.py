"""The cells of a piece of a flat V2 file: each column as its distinct texts, and one code per row.

A settlement repeats itself: a piece of a hundred thousand rows holds a few dozen labels, some thousand amounts and
one instant per order. So pyarrow reads every column as a dictionary, and checking and typing is done once for each
distinct text, whatever the number of rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from nsbill.amazon.faults import FlatFile, explained
from nsbill.amazon.text import Span

__all__ = ["KNOWN", "NEEDED", "TEXTS", "Cells", "codes", "of_rows", "read_cells"]

NEEDED = (
    "settlement-id", "settlement-start-date", "settlement-end-date", "deposit-date", "total-amount", "currency",
    "transaction-type", "order-id", "shipment-id", "marketplace-name", "amount-type", "amount-description", "amount",
    "fulfillment-id", "posted-date-time", "order-item-code", "sku", "quantity-purchased",
)  # fmt: skip
"""The columns that become lines and headers; the others may be absent, and unknown ones may be present."""

KNOWN = frozenset(
    (*NEEDED, "merchant-order-id", "adjustment-id", "posted-date", "merchant-order-item-id",
     "merchant-adjustment-item-id", "promotion-id")
)  # fmt: skip
"""The 24 columns of the report (Amazon notes, section 2). The cells of any other column are kept by its name."""

TEXTS = pa.dictionary(pa.int32(), pa.string())
"""The type of a column of cells."""

_LONGEST = 256 * 1024 * 1024


@dataclass(frozen=True)
class Cells:
    """The rows of one piece. ``lines`` are their line numbers, ``raw`` the columns as they are in the file.

    Columns are dictionary arrays by column name; an empty cell is null. Unnamed columns are called ``column 25``.
    ``trimmed`` are the same without spaces around the texts; there, what was only spaces is null.
    """

    lines: np.ndarray
    raw: dict[str, pa.DictionaryArray]
    trimmed: dict[str, pa.DictionaryArray]

    def __len__(self) -> int:
        return len(self.lines)

    def __getitem__(self, name: str) -> pa.DictionaryArray:
        """Return a trimmed column."""
        return self.trimmed[name]

    @property
    def names(self) -> list[str]:
        """The columns that were read."""
        return list(self.raw)

    def filled(self, name: str) -> np.ndarray:
        """Say of each row whether its cell holds anything but spaces."""
        column = self[name]
        return np.asarray(column.indices.is_valid()) if column.null_count else np.ones(len(column), dtype=bool)


def read_cells(file: FlatFile, span: Span, only: Sequence[str] = ()) -> Cells | None:
    """Read the rows of ``span``: the needed columns and the unknown ones, or ``only`` some; None when it has none.

    Raises
    ------
    SourceFileError
        When a row has more or fewer cells than the header.
    """
    lines = file.source.rows_in(span)
    if not len(lines):
        return None
    if span.size > _LONGEST:
        raise file.endless_line(span.first_line, span.size)
    names = _columns(file, only)
    with explained(file):
        table = csv.read_csv(
            pa.py_buffer(file.source.read(span)),
            read_options=csv.ReadOptions(
                column_names=[f"c{i}" for i in range(len(file.columns))], block_size=span.size + 1, use_threads=False
            ),
            parse_options=csv.ParseOptions(
                delimiter="\t", quote_char=False, double_quote=False, escape_char=False, ignore_empty_lines=True
            ),
            convert_options=csv.ConvertOptions(
                check_utf8=False,  # the survey of the bytes did
                include_columns=list(names),
                column_types=dict.fromkeys(names, TEXTS),
                strings_can_be_null=True,
                null_values=[""],
            ),
        )
    if table.num_rows != len(lines):
        raise file.lost_rows(span.first_line, table.num_rows, len(lines))
    raw = {name: table[column].chunk(0) for column, name in names.items()}
    return Cells(lines, raw, {name: _trimmed(column) for name, column in raw.items()})


def _columns(file: FlatFile, only: Sequence[str]) -> dict[str, str]:
    """The columns to be read: position → name."""
    wanted = set(only) or {*NEEDED, "adjustment-id"}
    return {
        f"c{i}": name or f"column {i + 1}"
        for i, name in enumerate(file.columns)
        if name in wanted or (not only and name not in KNOWN)
    }


def _trimmed(column: pa.DictionaryArray) -> pa.DictionaryArray:
    texts = pc.ascii_trim(column.dictionary, " ")
    if texts.equals(column.dictionary):
        return column
    some = pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)
    return pc.dictionary_encode(some.take(column.indices))


def codes(column: pa.DictionaryArray) -> np.ndarray:
    """Return the code of each row; an empty cell has the code after the last text."""
    indices = column.indices
    whole = indices.fill_null(len(column.dictionary)) if indices.null_count else indices
    return np.asarray(whole.to_numpy())


def of_rows(column: pa.DictionaryArray, of_texts: np.ndarray, *, empty: object) -> np.ndarray:
    """Spread one value per distinct text to the rows; ``empty`` is that of empty cells."""
    values: np.ndarray = np.append(of_texts, np.array([empty], dtype=of_texts.dtype))
    return np.asarray(values[codes(column)])
