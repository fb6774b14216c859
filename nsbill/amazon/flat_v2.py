"""Read flat V2 settlement reports: tab separated, one amount per line, found and typed by column name.

DuckDB splits and types the text in one streaming pass without sniffing; amounts go from text to decimal, never
through a binary number. Number and date formats follow the site's locale, so they are found per file, and a
file that mixes them is refused. Layout and traps: the project's notes on Amazon, sections 2, 8, 9 and 11.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from nsbill.amazon import faults
from nsbill.amazon.faults import FlatFile, Formats
from nsbill.amazon.flat_v2_sql import MONEY_ROW, NEEDED, SUMMARY_ROW, raw_rows, typed_rows
from nsbill.amazon.labels import Vocabulary
from nsbill.amazon.sniff import find_header
from nsbill.amazon.summary import Summary
from nsbill.amazon.text import SourceText
from nsbill.errors import MoneyError
from nsbill.money import parse_amount
from nsbill.schemas import LINES

__all__ = ["FlatV2"]

_BATCH = 262_144


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
        self._connection = duckdb.connect()
        self._rows = raw_rows(self.file)
        self._currencies: dict[str, str] = {}

    def tables(self) -> Iterator[tuple[str, pa.Table]]:
        """Yield (settlement id, lines of LINES) in file order, in bounded pieces; a settlement may come in several."""
        with faults.explained(self.file):
            formats = self._formats()
            read, after = 0, self.file.header_line
            query = self._connection.sql(typed_rows(self.file, formats))
            for batch in query.to_arrow_reader(_BATCH):
                rows = pa.Table.from_batches([batch])
                lines = self.source.line_numbers(read, rows.num_rows, after=after)
                read += rows.num_rows
                rows = rows.append_column("source_line", pa.array(lines, pa.int64()))
                self._refuse_faults(rows, formats)
                self._note_summaries(rows.filter(pc.equal(rows["row_class"], SUMMARY_ROW)), formats)
                yield from self._settlements(rows.filter(pc.equal(rows["row_class"], MONEY_ROW)))
            self._refuse_lost_rows(read)

    def _formats(self) -> Formats:
        """Find the formats by the first amount with a decimal mark and the first date; every other must agree."""
        first_amount = self._first('coalesce(amount, "total-amount")', "regexp_matches({}, '[.,]\\d{{1,2}}\\s*$')")
        date = 'coalesce("posted-date-time", "settlement-start-date")'
        first_date = self._first(date, "regexp_matches({}, '^\\s*\\d')")
        return Formats.seen_in(first_amount, first_date)

    def _first(self, column: str, condition: str) -> str | None:
        found = self._one(f"SELECT {column} FROM {self._rows} WHERE {condition.format(column)}")  # noqa: S608  # our own text
        return None if found is None else found.strip()

    def _one(self, query: str, *values: str) -> str | None:
        """The first value of a query, asked beside the one that streams."""
        found = self._connection.cursor().execute(f"{query} LIMIT 1", values).fetchall()
        return None if not found or found[0][0] is None else str(found[0][0])

    def _refuse_faults(self, rows: pa.Table, formats: Formats) -> None:
        if pc.max(rows["fault"]).as_py():
            at = pc.index(pc.greater(rows["fault"], 0), value=True).as_py()
            raise self.file.fault(rows["fault"][at].as_py(), rows["source_line"][at].as_py(), formats)

    def _note_summaries(self, rows: pa.Table, formats: Formats) -> None:
        for row in rows.to_pylist():  # one row per settlement
            summary = self._summary(row, formats)
            if summary.settlement_id in self.summaries:
                raise self.file.error(
                    summary.line,
                    "settlement-id",
                    found=f"a second summary row of settlement {summary.settlement_id}",
                    expected="one per settlement",
                    remedy="Were files joined? Add the downloads one by one.",
                )
            self.summaries[summary.settlement_id] = summary

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
        for settlement_id in pc.unique(rows["settlement_id"]).to_pylist():
            part = rows.filter(pc.equal(rows["settlement_id"], settlement_id))
            yield settlement_id, self._lines(settlement_id, part)

    def _lines(self, settlement_id: str, rows: pa.Table) -> pa.Table:
        constants = {
            "settlement_id": settlement_id,
            "seller_account": self.seller_account,
            "source_digest": self.source.digest,
            "currency": self._currency(settlement_id, rows),
        }
        columns: dict[str, pa.Array] = {name: _constant(value, rows.num_rows) for name, value in constants.items()}
        columns |= self.vocabulary.columns(rows["labels"])
        columns |= {name: rows[name] for name in rows.column_names if name not in columns}
        columns["quantity"] = pc.if_else(columns["counts_units"], rows["quantity"], pa.scalar(None, pa.int64()))
        columns["posted_at"] = rows["posted_at"].cast(LINES.arrow.field("posted_at").type)
        return pa.table({name: columns[name] for name in LINES.names})

    def _currency(self, settlement_id: str, rows: pa.Table) -> str:
        """The settlement's currency: of its summary row, or of the lines themselves; never of nothing."""
        stated = self._stated_currency(settlement_id)
        own = pc.unique(rows["currency"].drop_null()).to_pylist()
        currency = stated or self._currencies.get(settlement_id) or (own[0] if own else None)
        line = rows["source_line"][0].as_py()
        if currency is None:
            raise self.file.error(
                line,
                "currency",
                found=f"no currency for settlement {settlement_id}, neither in a summary row nor in its lines",
                expected="a code such as USD",
                remedy="The summary row is missing: download the complete file again.",
            )
        other = next((code for code in own if code != currency), None)
        if other is not None:
            raise self.file.error(
                line,
                "currency",
                found=f"lines in {other} in settlement {settlement_id}",
                expected=f"its currency {currency} throughout",
                remedy="Were files joined? Add the downloads one by one.",
            )
        self._currencies[settlement_id] = currency
        return currency

    def _stated_currency(self, settlement_id: str) -> str | None:
        """The currency on the summary row, also when that row comes later in the file."""
        if settlement_id in self.summaries:
            return self.summaries[settlement_id].currency
        if settlement_id not in self._currencies:
            return self._one(
                f"SELECT trim(currency) FROM {self._rows} "  # noqa: S608  # our own text
                'WHERE trim("settlement-id") = ? AND nullif(trim("total-amount"), \'\') IS NOT NULL',
                settlement_id,
            )
        return None

    def _refuse_lost_rows(self, read: int) -> None:
        after = self.file.header_line
        expected = self.source.lines - after - sum(line > after for line in self.source.blanks)
        if read != expected or read == 0:
            raise self.file.error(
                None,
                None,
                found=f"{read} rows that could be read" if read else "no row below the header",
                expected=f"{expected} rows" if expected else "at least a summary row",
                remedy="The file is damaged or incomplete: download it again.",
            )


def _constant(value: str, count: int) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.repeat(pa.scalar(0, pa.int32()), count), pa.array([value], pa.string()))
