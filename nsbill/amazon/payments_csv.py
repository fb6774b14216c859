"""Read payments reports ("date range", "unified transaction"): what Amazon posted, released and deferred, row by row.

One row of the report tells one event of an order's line, with each kind of money in a column of its own; here each amount
that is not zero becomes a row of ACTIVITY. **The amounts of a report's row always add up to its total**, or the file is
refused. The report comes in the language of the seller's account: names and words are data (``payments_headers``).

Reports that start in 2025 or later tell for each row whether its money is released, and when it was; older ones do not,
and their rows have no status. Buyers' cities, states and postcodes are not kept. Layouts, mapping and traps: the project's
notes on Amazon, sections 5, 9 and 11.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nsbill.amazon.labels import Vocabulary
from nsbill.amazon.payments_dates import Dates
from nsbill.amazon.payments_headers import find_payments_header
from nsbill.amazon.payments_meaning import Meanings, fulfilment_of, status_of
from nsbill.amazon.payments_numbers import Numbers, currency_of
from nsbill.amazon.payments_rows import PaymentsRows
from nsbill.amazon.payments_sheet import PaymentsSheet
from nsbill.amazon.sniff import SourceFormat
from nsbill.amazon.text import SourceText
from nsbill.money import MONEY
from nsbill.schemas import ACTIVITY, INSTANT
from nsbill.vocabulary import TransactionStatus

__all__ = ["PaymentsCsv"]

_PRICE = "product sales"
"""The part whose amount stands for the units of its row."""

_COPIED = (
    "settlement_id", "order_reference", "order_route", "amazon_order_id", "sku", "marketplace", "description", "extra",
)  # fmt: skip
_DAY = 86_400_000_000
"""Microseconds."""


@dataclass
class PaymentsCsv:
    """One payments report. Iterate ``tables()``; then ``notes`` says what whoever added the file should know.

    Raises
    ------
    SourceFileError
        On construction when it is no payments report, while iterating when a row cannot be trusted.
    """

    source: SourceText
    seller_account: str
    vocabulary: Vocabulary
    notes: list[str] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        self.header = find_payments_header(self.source.name, self.source.head())
        self._meanings = Meanings(self.vocabulary)

    def tables(self) -> Iterator[pa.Table]:
        """Yield rows of ACTIVITY in file order, in bounded pieces."""
        sheet = PaymentsSheet(self.source, self.header)
        with closing(sheet.connection):
            if not len(sheet.lines):
                return
            currency = currency_of(sheet)
            _refuse_unknown_statuses(sheet)
            rows = PaymentsRows(sheet, Numbers.of(sheet, currency), Dates.of(sheet))
            empty = 0
            for batch in rows.batches():
                table, without = self._activity(batch, rows)
                empty += without
                yield table
        self._note(rows, empty)

    def _activity(self, batch: pa.Table, rows: PaymentsRows) -> tuple[pa.Table, int]:
        """The amounts of a batch as rows of ACTIVITY, and how many rows of the report hold none."""
        by_column = [batch[f"a{column}"].combine_chunks() for column in rows.money]
        is_some = [pc.fill_null(pc.not_equal(amounts, pa.scalar(0, MONEY)), False) for amounts in by_column]
        mask = np.column_stack([some.to_numpy(zero_copy_only=False) for some in is_some])
        at_row, at_column = np.nonzero(mask)  # in file order: by row, then by column
        columns: dict[str, Any] = {name: batch[name].take(at_row) for name in _COPIED}
        columns |= self._labels(batch, rows, at_row, at_column)
        is_price = np.array([self.header.parts[column] == _PRICE for column in rows.money])[at_column]
        posted = batch["posted_at"].cast(pa.timestamp("us")).take(at_row)
        days = np.floor_divide(posted.cast(pa.int64()).to_numpy(), _DAY)
        constants = {
            "seller_account": self.seller_account, "source_digest": self.source.digest, "currency": rows.numbers.currency,
            "source_format": SourceFormat.PAYMENTS_CSV.name,
        }  # fmt: skip
        columns |= {name: pa.repeat(pa.scalar(value), len(at_row)) for name, value in constants.items()}
        columns |= {
            "source_line": pa.array(rows.sheet.lines[batch["n"].to_numpy()][at_row], pa.int64()),
            "amount": pa.concat_arrays(by_column).take(at_column * batch.num_rows + at_row),
            "quantity": pc.if_else(is_price, batch["quantity"].take(at_row), pa.scalar(None, pa.int64())),
            "posted_at": posted.cast(INSTANT),
            "posted_day": pa.array(days, pa.int32()),
            "released_at": batch["released_at"].cast(pa.timestamp("us")).take(at_row).cast(INSTANT),
            "fulfilment": _mapped(batch["fulfilment"], fulfilment_of).take(at_row),
            "transaction_status": _mapped(batch["status"], status_of).take(at_row),
        }
        absent = (name for name in ACTIVITY.names if name not in columns)
        columns |= {name: pa.nulls(len(at_row), ACTIVITY.arrow.field(name).type) for name in absent}
        table = pa.table({name: columns[name] for name in ACTIVITY.names})
        return table.cast(ACTIVITY.arrow), int((~mask.any(axis=1)).sum())

    def _labels(self, batch: pa.Table, rows: PaymentsRows, at_row: np.ndarray, at_column: np.ndarray) -> dict[str, Any]:
        """The labels as they stand in the file, and what they mean; each combination is looked at once."""
        types = batch["type"].combine_chunks().dictionary_encode()
        is_product = [self._meanings.describes_product(name) for name in types.dictionary.to_pylist()]
        without = pa.array(is_product, pa.bool_()).take(types.indices)
        texts = pc.if_else(without, "", pc.fill_null(batch["description"].combine_chunks(), "")).dictionary_encode()
        text_of, type_of = (codes.indices.to_numpy()[at_row].astype(np.int64) for codes in (texts, types))
        keys = (type_of * len(rows.money) + at_column) * max(len(texts.dictionary), 1) + text_of
        _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
        meaning = []
        for i in first:
            column = rows.money[at_column[i]]
            type_cell, text = types.dictionary[type_of[i]].as_py(), texts.dictionary[text_of[i]].as_py()
            meaning.append(self._meanings.of(type_cell, self.header.names[column], self.header.parts[column], text))
        headers = pa.array([self.header.names[column] for column in rows.money])
        return {
            "transaction_type": types.dictionary.take(pa.array(type_of)),
            "amount_type": headers.take(pa.array(at_column)),
            "amount_description": texts.dictionary.take(pa.array(text_of)),
            "event_class": pa.array([str(event) for event, _ in meaning], pa.string()).take(pa.array(inverse)),
            "line_kind": pa.array([str(kind) for _, kind in meaning], pa.string()).take(pa.array(inverse)),
        }

    def _note(self, rows: PaymentsRows, empty: int) -> None:
        names = ", ".join(f"'{self.header.names[column]}'" for column in rows.found)
        if names:
            self.notes.append(f"columns of money that nsbill does not know, counted as unclassified: {names}")
        if empty:
            self.notes.append(f"{empty:,} {'row holds' if empty == 1 else 'rows hold'} no amount")


def _refuse_unknown_statuses(sheet: PaymentsSheet) -> None:
    status = sheet.text("transaction status")
    query = f"SELECT {status} AS s, min(rowid) FROM cells WHERE s IS NOT NULL GROUP BY s ORDER BY 2"  # noqa: S608
    for word, row in sheet.rows(query):
        if status_of(word) is None:
            raise sheet.error(
                row,
                sheet.header.column("transaction status"),
                found=repr(word),
                expected=f"a word for {TransactionStatus.RELEASED} or {TransactionStatus.DEFERRED} in a language of Amazon's sites",
                remedy="Whether this money counts as released would be a guess; "
                "please report the word, so that it can be added to payments_words.csv.",
            )


def _mapped(texts: pa.ChunkedArray, meaning: Callable[[str], str | None]) -> pa.Array:
    """Each text by its meaning; only distinct ones are looked at."""
    encoded = texts.combine_chunks().dictionary_encode()
    values = pa.array([meaning(text) for text in encoded.dictionary.to_pylist()], pa.string())
    return values.take(encoded.indices)
