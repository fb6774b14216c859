"""Read flat V2 settlement reports: tab separated, one amount per line, found and typed by column name.

The text is read in pieces of some 16 MB, side by side on the processor's cores and handed on in file order. Number
and date formats follow the site's locale, so they are found per file, and a file that mixes them is refused. Layout
and traps: the project's notes on Amazon, sections 2, 8, 9 and 11.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nsbill.amazon import faults
from nsbill.amazon.faults import FlatFile, Formats
from nsbill.amazon.flat_settlements import currency_of, note_summary
from nsbill.amazon.flat_v2_cells import NEEDED, Cells, codes, read_cells
from nsbill.amazon.flat_v2_rows import Rows, rows_of
from nsbill.amazon.labels import Vocabulary
from nsbill.amazon.sniff import find_header
from nsbill.amazon.summary import Summary
from nsbill.amazon.text import SourceText, Span
from nsbill.errors import MoneyError
from nsbill.money import parse_amount
from nsbill.schemas import LINES

__all__ = ["FlatV2"]

_WORKERS = min(4, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
_BEGINNING = 65_536
_OF_FORMATS = ("amount", "total-amount", "posted-date-time", "settlement-start-date")


@dataclass
class FlatV2:
    """One flat V2 file. Iterate ``tables()`` to the end; then ``summaries`` holds what the file states.

    Raises
    ------
    SourceFileError
        On construction when it is no flat V2 file, while iterating when a line cannot be trusted.
    """

    source: SourceText
    seller_account: str
    vocabulary: Vocabulary
    summaries: dict[str, Summary] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        header = find_header(self.source.name, self.source.head())
        self.file = FlatFile(self.source, header.line, header.columns)
        self.file.require(NEEDED)
        self._currencies: dict[str, str] = {}
        self._stated: dict[str, str | None] | None = None
        self._read_already: dict[Span, Cells | None] = {}

    def tables(self) -> Iterator[tuple[str, pa.Table]]:
        """Yield (settlement id, lines of LINES) in file order, in bounded pieces; a settlement may come in several."""
        spans = list(self.source.spans_below(self.file.header_line))
        formats = self._formats(spans)
        read = 0
        for rows in self._in_order(spans, formats):
            if rows.fault:
                raise self.file.fault(*rows.fault, formats)
            read += 1
            self._note_summaries(rows.summaries, formats)
            yield from self._settlements(rows.lines)
        if not read:
            raise self.file.lost_rows(None, 0, 0)

    def _formats(self, spans: list[Span]) -> Formats:
        """Find the formats by the first amount with a decimal mark and the first date; every other must agree."""
        first_amount = first_date = None
        for cells in self._first_cells(spans):
            first_amount = first_amount or _first(cells, ("amount", "total-amount"), r"[.,]\d{1,2}$")
            first_date = first_date or _first(cells, ("posted-date-time", "settlement-start-date"), r"^\d")
            if first_amount and first_date:
                break
        return Formats.seen_in(first_amount, first_date)

    def _first_cells(self, spans: list[Span]) -> Iterator[Cells]:
        """Yield some rows from the beginning, then everything. A file that is only a beginning is read once."""
        if not spans:
            return
        beginning = self.source.beginning(spans[0], _BEGINNING)
        cells = read_cells(self.file, beginning)
        if beginning == spans[0]:
            self._read_already[beginning] = cells
        if cells is not None:
            yield cells
        for span in spans if beginning != spans[0] else spans[1:]:
            cells = read_cells(self.file, span, _OF_FORMATS)
            if cells is not None:
                yield cells

    def _in_order(self, spans: list[Span], formats: Formats) -> Iterator[Rows]:
        """Yield the rows of each piece in file order, while the next ones are being read."""
        if len(spans) <= 1:
            yield from filter(None, (self._rows(span, formats) for span in spans))
            return
        under_way: deque[Future[Rows | None]] = deque()
        with ThreadPoolExecutor(_WORKERS, thread_name_prefix="nsbill-flat-v2") as workers:
            try:
                for span in spans:
                    under_way.append(workers.submit(self._rows, span, formats))
                    if len(under_way) > _WORKERS:
                        yield from filter(None, [under_way.popleft().result()])
                while under_way:
                    yield from filter(None, [under_way.popleft().result()])
            finally:
                workers.shutdown(wait=False, cancel_futures=True)

    def _rows(self, span: Span, formats: Formats) -> Rows | None:
        cells = self._read_already[span] if span in self._read_already else read_cells(self.file, span)
        return None if cells is None else rows_of(cells, formats, self.vocabulary)

    def _note_summaries(self, rows: pa.Table, formats: Formats) -> None:
        for row in rows.to_pylist():  # one row per settlement
            note_summary(self.file, self.summaries, self._summary(row, formats))

    def _summary(self, row: dict[str, Any], formats: Formats) -> Summary:
        line = row["source_line"]
        try:
            total = parse_amount(row["total"], decimal_mark=formats.decimal_mark) if row["total"] else None
        except MoneyError as error:
            raise self.file.fault(faults.AMOUNT, line, formats) from error
        start, end, deposit = (self._instant(row[name], name, line, formats) for name in ("start", "end", "deposit"))
        return Summary(row["settlement_id"], line, row["currency"], start, end, deposit, total)

    def _instant(self, text: str | None, name: str, line: int, formats: Formats) -> datetime | None:
        if text is None:
            return None
        instant = formats.instant(text)
        if instant is None:
            column = {"start": "settlement-start-date", "end": "settlement-end-date", "deposit": "deposit-date"}[name]
            raise self.file.date_error(line, column, text, formats)
        return instant

    def _settlements(self, rows: pa.Table) -> Iterator[tuple[str, pa.Table]]:
        if not rows.num_rows:
            return
        column = rows["settlement_id"].combine_chunks()
        texts, of_rows = column.dictionary.to_pylist(), codes(column)
        there = np.flatnonzero(np.bincount(of_rows))
        if len(there) == 1:
            yield texts[there[0]], self._lines(texts[there[0]], rows)
            return
        for code in there[np.argsort([int(np.argmax(of_rows == code)) for code in there])]:
            yield texts[code], self._lines(texts[code], rows.filter(pa.array(of_rows == code)))

    def _lines(self, settlement_id: str, rows: pa.Table) -> pa.Table:
        constants = {
            "settlement_id": settlement_id,
            "seller_account": self.seller_account,
            "source_digest": self.source.digest,
            "currency": self._currency(settlement_id, rows),
        }
        columns: dict[str, Any] = {name: rows[name] for name in rows.column_names}
        columns |= {name: _constant(value, rows.num_rows) for name, value in constants.items()}
        return pa.table({name: columns[name] for name in LINES.names})

    def _currency(self, settlement_id: str, rows: pa.Table) -> str:
        """The settlement's currency, remembered for its other pieces."""
        stated = self._currencies.get(settlement_id) or self._stated_currency(settlement_id)
        self._currencies[settlement_id] = currency_of(self.file, settlement_id, rows, stated)
        return self._currencies[settlement_id]

    def _stated_currency(self, settlement_id: str) -> str | None:
        """The currency on the summary row, also when that row comes later in the file."""
        if settlement_id in self.summaries:
            return self.summaries[settlement_id].currency
        if self._stated is None:
            self._stated = {}
            for span in self.source.spans_below(self.file.header_line):
                cells = read_cells(self.file, span, ("settlement-id", "total-amount", "currency"))
                if cells is not None:
                    self._stated = _currencies_stated(cells) | self._stated
        return self._stated.get(settlement_id)


def _currencies_stated(cells: Cells) -> dict[str, str | None]:
    """The currency of each settlement in rows with a total; of several the first."""
    at = pa.array(np.flatnonzero(cells.filled("total-amount"))[::-1])
    names, currencies = (cells[name].take(at).to_pylist() for name in ("settlement-id", "currency"))
    return dict(zip(names, currencies, strict=True))


def _first(cells: Cells, names: tuple[str, str], pattern: str) -> str | None:
    """The first cell, of the first of two columns that is filled, that fits a pattern."""
    texts = pc.coalesce(*(cells[name].cast(pa.string()) for name in names))
    at = pc.index(pc.match_substring_regex(texts, pattern), value=True).as_py()
    return None if at < 0 else str(texts[at].as_py())


def _constant(value: str, count: int) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.repeat(pa.scalar(0, pa.int32()), count), pa.array([value], pa.string()))
