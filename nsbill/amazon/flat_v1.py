"""Read flat V1 settlement reports: tab separated and wide, nine amount columns, quantities in rows of their own.

Each amount becomes a line with the labels of ``nsbill.amazon.flat_v1_columns``; a row with two amounts becomes two
lines with one line number. The quantity of an item stands in a row without money: its units go to the line with the
price of the goods. A quantity row that has no such line becomes a line of 0.00 with the amount type
``quantity-purchased``, so that its units are not lost and no total changes.

DuckDB splits and types the text in a streaming pass; amounts go from text to decimal, never through a binary number.
Number and date formats are found per file, and a file that mixes them is refused. Layout and traps: the project's
notes on Amazon, sections 3, 9 and 11.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from nsbill.amazon.faults import FlatFile
from nsbill.amazon.flat_settlements import currency_of, note_summary
from nsbill.amazon.flat_v1_columns import NEEDED, PROMOTIONS, amount_columns
from nsbill.amazon.flat_v1_faults import Fault, V1Formats, explained, fault_error
from nsbill.amazon.flat_v1_quantities import Quantities
from nsbill.amazon.flat_v1_sql import RowClass, quantity_pairs, raw_rows, typed_rows
from nsbill.amazon.flat_v1_summaries import summary_of
from nsbill.amazon.labels import Vocabulary
from nsbill.amazon.sniff import SourceFormat, find_header
from nsbill.amazon.summary import Summary
from nsbill.amazon.text import SourceText
from nsbill.money import MONEY, ZERO
from nsbill.schemas import LINES
from nsbill.vocabulary import OrderRoute

__all__ = ["FlatV1"]

_BATCH = 262_144
_PIECE = 8 * 1024 * 1024


@dataclass
class FlatV1:
    """One flat V1 file. Iterate ``tables()`` to the end; then ``summaries`` holds what the file states.

    Raises
    ------
    SourceFileError
        On construction when it is no flat V1 file, while iterating when a line cannot be trusted.
    """

    source: SourceText
    seller_account: str
    vocabulary: Vocabulary
    summaries: dict[str, Summary] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        header = find_header(self.source.name, self.source.head(), SourceFormat.FLAT_V1)
        self.file = FlatFile(self.source, header.line, header.columns)
        there = self.file.columns
        promotions = PROMOTIONS if any(name in there for name in PROMOTIONS) else ()
        missing = [name for name in (*NEEDED, *promotions) if name not in there]
        if missing:
            raise self.file.error(
                header.line,
                None,
                found=f"no column {', '.join(missing)}",
                expected="the 33 or 36 columns of a flat V1 settlement report",
                remedy="Download it again from Seller Central.",
            )
        self._connection = duckdb.connect()
        self._currencies: dict[str, str] = {}

    def tables(self) -> Iterator[tuple[str, pa.Table]]:
        """Yield (settlement id, lines of LINES) in file order, in bounded pieces; a settlement may come in several."""
        with explained(self.file):
            formats = self._formats()
            quantities = Quantities.of(self._connection.sql(quantity_pairs(self.file)).to_arrow_table())
            read = 0
            for batch in self._connection.sql(typed_rows(self.file, formats)).to_arrow_reader(_BATCH):
                if not batch.num_rows:
                    continue
                rows = self._with_lines(pa.Table.from_batches([batch]))
                read = rows["row"][-1].as_py() + 1
                self._refuse_faults(rows, formats)
                self._note_summaries(_of_class(rows, RowClass.SUMMARY), formats)
                rows = _of_class(rows, RowClass.MONEY, RowClass.QUANTITY)
                yield from self._settlements(rows, quantities, formats)
            self._refuse_lost_rows(read)

    def _formats(self) -> V1Formats:
        """Find the formats by the first amount with a decimal mark and the first time; every other must agree."""
        amounts = ["total-amount", *(amount.name for amount in amount_columns(self.file.columns))]
        times = ["posted-date", "settlement-start-date"]
        return V1Formats.seen_in(self._first(amounts, r"[.,]\d{1,2}\s*$"), self._first(times, r"^\s*\d"))

    def _first(self, names: list[str], pattern: str) -> str | None:
        """The first cell in some columns that fits a pattern, in file order."""
        cells = ", ".join(f"c{self.file.columns.index(name)}" for name in names)
        fitting = f"list_filter([{cells}], lambda cell: regexp_matches(cell, '{pattern}'))[1]"
        found = self._one(f"SELECT {fitting} FROM {raw_rows(self.file)} WHERE {fitting} IS NOT NULL")  # noqa: S608  # our own text
        return None if found is None else found.strip()

    def _one(self, query: str, *values: str) -> str | None:
        """The first value of a query, asked beside the one that streams."""
        found = self._connection.cursor().execute(f"{query} LIMIT 1", values).fetchall()
        return None if not found or found[0][0] is None else str(found[0][0])

    def _with_lines(self, rows: pa.Table) -> pa.Table:
        """Add the line number in the file; empty lines are no rows but count as lines."""
        numbers = rows["row"].to_numpy()
        first, last = int(numbers[0]), int(numbers[-1])
        lines = self.source.line_numbers(first, last - first + 1, after=self.file.header_line)
        return rows.append_column("source_line", pa.array(lines[numbers - first], pa.int64()))

    def _refuse_faults(self, rows: pa.Table, formats: V1Formats) -> None:
        if pc.max(rows["fault"]).as_py():
            row = rows.filter(pc.greater(rows["fault"], 0)).slice(0, 1).to_pylist()[0]
            fault = Fault(row["fault"])
            column = {
                Fault.PADDING: "transaction-type",
                Fault.SETTLEMENT_ID: "settlement-id",
                Fault.CURRENCY: "currency",
                Fault.AMOUNT: row["amount_column"],
                Fault.NO_AMOUNT: row["without_amount"],
                Fault.TIME: row["no_time"],
                Fault.QUANTITY: "quantity-purchased",
            }.get(fault)
            raise fault_error(self.file, fault, row["source_line"], column, formats)

    def _note_summaries(self, rows: pa.Table, formats: V1Formats) -> None:
        for row in rows.to_pylist():  # one row per settlement
            note_summary(self.file, self.summaries, summary_of(row, self.file, formats))

    def _settlements(
        self, rows: pa.Table, quantities: Quantities, formats: V1Formats
    ) -> Iterator[tuple[str, pa.Table]]:
        for settlement_id in pc.unique(rows["settlement_id"]).to_pylist():
            part = rows.filter(pc.equal(rows["settlement_id"], settlement_id))
            constants = {
                "seller_account": self.seller_account,
                "source_digest": self.source.digest,
                "currency": self._currency(settlement_id, part),
            }
            lines = self._lines(part, quantities, formats)
            if lines.num_rows:
                texts = {name: pa.repeat(pa.scalar(value), lines.num_rows) for name, value in constants.items()}
                yield (
                    settlement_id,
                    pa.table({name: texts[name] if name in texts else lines[name] for name in LINES.names}),
                )

    def _lines(self, rows: pa.Table, quantities: Quantities, formats: V1Formats) -> pa.Table:
        """The rows that are lines, with what they mean and their units."""
        kinds, numbers = rows["row_class"].to_numpy(), rows["row"].to_numpy()
        lone = (kinds == RowClass.QUANTITY) & quantities.are_lone(numbers)
        is_line = (kinds == RowClass.MONEY) | lone
        rows, numbers, lone = rows.filter(pa.array(is_line)), numbers[is_line], pa.array(lone[is_line])
        columns: dict[str, Any] = {name: rows[name] for name in rows.column_names}
        columns |= self.vocabulary.columns(rows["labels"])
        counts = pc.or_(columns["counts_units"], lone)
        given = quantities.units_of(numbers)
        two = pc.fill_null(pc.and_(counts, pc.not_equal(given, rows["quantity"])), fill_value=False)
        if pc.any(two).as_py():
            line = rows["source_line"][pc.index(two, value=True).as_py()].as_py()
            raise fault_error(self.file, Fault.QUANTITY, line, "quantity-purchased", formats)
        units = pc.coalesce(given, rows["quantity"])
        columns["quantity"] = pc.if_else(counts, units, pa.scalar(None, pa.int64()))
        columns["amount"] = pc.if_else(lone, pa.scalar(ZERO, MONEY), rows["amount"])
        columns["posted_at"] = rows["posted_at"].cast(LINES.arrow.field("posted_at").type)
        columns["amazon_order_id"] = pc.if_else(
            pc.equal(rows["order_route"], str(OrderRoute.AMAZON_ORDER)),
            pc.utf8_trim(rows["order_reference"], " "),
            None,
        )
        return pa.table(columns)

    def _currency(self, settlement_id: str, rows: pa.Table) -> str:
        """The settlement's currency, remembered for its other pieces."""
        stated = self._currencies.get(settlement_id) or self._stated_currency(settlement_id)
        self._currencies[settlement_id] = currency_of(self.file, settlement_id, rows, stated)
        return self._currencies[settlement_id]

    def _stated_currency(self, settlement_id: str) -> str | None:
        """The currency on the summary row, also when that row comes later in the file."""
        if settlement_id in self.summaries:
            return self.summaries[settlement_id].currency
        cells = {
            name: f"nullif(trim(c{self.file.columns.index(name)}), '')"
            for name in ("settlement-id", "total-amount", "currency")
        }
        return self._one(
            f"SELECT {cells['currency']} FROM {raw_rows(self.file)} "  # noqa: S608  # our own text
            f"WHERE {cells['settlement-id']} = ? AND {cells['total-amount']} IS NOT NULL",
            settlement_id,
        )

    def _refuse_lost_rows(self, read: int) -> None:
        """Refuse a text of which not every line became a row, and every cell a cell; DuckDB lets empty ones go."""
        after = self.file.header_line
        expected = self.source.lines - after - sum(line > after for line in self.source.blanks)
        if read == expected > 0 and self._tabs() == read * (len(self.file.columns) - 1):
            return
        raise self.file.cell_count_error() or self.file.error(
            None,
            None,
            found=f"{read} rows that could be read" if read else "no row below the header",
            expected=f"{expected} rows" if expected else "at least a summary row",
            remedy="The file is damaged or incomplete: download it again.",
        )

    def _tabs(self) -> int:
        """Count the tabs below the header."""
        with self.source.plain.open("rb") as file:
            for _ in range(self.file.header_line):
                file.readline()
            return sum(piece.count(b"\t") for piece in iter(lambda: file.read(_PIECE), b""))


def _of_class(rows: pa.Table, *kinds: RowClass) -> pa.Table:
    return rows.filter(pc.is_in(rows["row_class"], pa.array([kind.value for kind in kinds], pa.int8())))
