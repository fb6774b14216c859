"""A payments report as a table of texts: its rows as they stand in the file, with the line of each, and its errors.

DuckDB cuts the text into cells. It is asked for texts only and told every detail of the dialect, so it guesses nothing;
what it may pass over (a last row cut off inside quotes) shows when the lines of the rows are added up.
"""

from __future__ import annotations

import csv
from typing import Any

import duckdb
import numpy as np

from nsbill.amazon.payments_headers import PaymentsHeader
from nsbill.amazon.text import SourceText
from nsbill.errors import SourceFileError

__all__ = ["SPREADSHEET", "PaymentsSheet", "tidy"]

SPREADSHEET = "Was the file saved from a spreadsheet? Download it again and add it unopened."
_DOWNLOAD = "Download it again from Seller Central."
_BLANKS = "\u00a0\u202f\u2009\u2007\u3000\t"
"""Kinds of spaces that stand in cells, beside the plain one."""


_ROWS = r"""
CREATE OR REPLACE TEMP TABLE cells AS SELECT * FROM read_csv('{path}', columns = {{{columns}}}, header = false,
    auto_detect = false, delim = '{delimiter}', quote = '"', escape = '"', new_line = '{newline}', skip = {skip},
    parallel = false)
"""


def tidy(cell: str) -> str:
    """The SQL of a cell with plain spaces and none around it; null when it is empty. Texts of ASCII, nearly all, are quick."""
    plain = f"translate({cell}, '{_BLANKS}', '{' ' * len(_BLANKS)}')"
    ascii_only = f"strlen({cell}) = length({cell}) AND NOT contains({cell}, '\t')"
    return f"nullif(trim(CASE WHEN {ascii_only} THEN {cell} ELSE {plain} END), '')"


class PaymentsSheet:
    """The rows of one payments report in the DuckDB table ``cells``: columns ``c0``, ``c1``, …; ``rowid`` counts from 0.

    Raises
    ------
    SourceFileError
        When the text below the header cannot be cut into rows of as many cells.
    """

    def __init__(self, source: SourceText, header: PaymentsHeader) -> None:
        self.source, self.header = source, header
        self.connection = duckdb.connect()
        self._load()
        self.lines = self._lines()

    @property
    def preamble(self) -> list[str]:
        """The lines above the header."""
        return self.source.head()[: self.header.line - 1]

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of a query that returns few."""
        return self.connection.execute(query).fetchall()

    def text(self, part: str) -> str:
        """The SQL of a part's cell without blanks around it; null when it is empty or the report has no such column."""
        at = self.header.column(part)
        return "NULL::VARCHAR" if at is None else f"nullif(trim(c{at}), '')"

    def raw(self, part: str) -> str:
        """The SQL of a part's cell, untouched."""
        at = self.header.column(part)
        return "NULL::VARCHAR" if at is None else f"c{at}"

    def cell(self, row: int, column: int) -> str:
        """One cell, untouched; empty when it is."""
        found = self.rows(f"SELECT c{column} FROM cells WHERE rowid = {row}")  # noqa: S608  # our own numbers
        return str(found[0][0] or "")

    def error(self, row: int | None, column: int | None, *, found: str, expected: str, remedy: str) -> SourceFileError:
        """Build the error about a row (from 0) and a column (from 0) of this file."""
        return SourceFileError(
            self.source.name,
            line=None if row is None else int(self.lines[row]),
            column=None if column is None else self.header.names[column] or f"column {column + 1}",
            found=found,
            expected=expected,
            remedy=remedy,
        )

    def _load(self) -> None:
        header = self.header
        statement = _ROWS.format(
            path=str(self.source.plain).replace("'", "''"),
            columns=", ".join(f"'c{i}': 'VARCHAR'" for i in range(len(header.names))),
            delimiter=header.delimiter,
            newline=self.source.newline.replace("\r", "\\r").replace("\n", "\\n"),
            skip=header.line,
        )
        try:
            self.connection.execute(statement)
        except (duckdb.InvalidInputException, duckdb.ConversionException) as error:
            first_line = str(error).splitlines()[0]
            raise self._wrong_row() or SourceFileError(
                self.source.name,
                found=f"text that cannot be split into cells ({first_line})",
                expected=f"cells separated by '{header.delimiter}', with quotes around those that hold one",
                remedy=_DOWNLOAD,
            ) from error
        if self._has_surplus():
            raise self._wrong_row() or SourceFileError(
                self.source.name,
                found="more cells than the header has columns",
                expected=f"{len(header.names)} cells in every row",
                remedy=_DOWNLOAD,
            )

    def _has_surplus(self) -> bool:
        """Whether a row has empty cells behind its last column: DuckDB drops them without a word.

        Every delimiter of the text stands between two cells of a row, or inside a cell.
        """
        delimiter = self.header.delimiter
        cells = self._concatenated()
        query = f"SELECT count(*), coalesce(sum(len(t) - len(replace(t, '{delimiter}', ''))), 0) FROM ({cells})"  # noqa: S608
        [(rows, inside)] = self.rows(query)
        spans = self.source.spans_below(self.header.line)
        there = sum(self.source.read(span).count(delimiter.encode()) for span in spans)
        return there != int(rows) * (len(self.header.names) - 1) + int(inside)

    def _concatenated(self) -> str:
        """The SQL of each row's number and of all its cells as one text."""
        cells = ", ".join(f"c{i}" for i in range(len(self.header.names)))
        return f"SELECT rowid, concat({cells}) AS t FROM cells"  # noqa: S608  # our own names

    def _lines(self) -> np.ndarray:
        """The line on which each row starts. A cell in quotes may hold line ends; an empty line is no row."""
        after = self.header.line
        [(count,)] = self.rows("SELECT count(*) FROM cells")
        blanks = [line for line in self.source.blanks if line > after]
        if after + count + len(blanks) == self.source.lines:
            return self.source.line_numbers(0, count, after=after)
        more = self._line_ends()
        lines = after + 1 + np.concatenate([[0], np.cumsum(more + 1)])
        for blank in blanks:
            row = int(np.searchsorted(lines, blank, side="right")) - 1
            inside = 0 <= row < count and lines[row] < blank <= lines[row] + more[row]
            if not inside:
                lines[np.searchsorted(lines, blank) :] += 1
        if lines[-1] != self.source.lines + 1:
            raise self._wrong_row() or SourceFileError(
                self.source.name,
                line=int(lines[-1]),
                found="text after the last complete row",
                expected="the end of the file",
                remedy=f"The file is cut off. {_DOWNLOAD}",
            )
        return lines[:-1]

    def _line_ends(self) -> np.ndarray:
        """How many line ends the cells of each row hold."""
        query = f"SELECT len(t) - len(replace(t, chr(10), '')) AS n FROM ({self._concatenated()}) ORDER BY rowid"  # noqa: S608
        found: np.ndarray = self.connection.sql(query).fetchnumpy()["n"]
        return found.astype(np.int64)

    def _wrong_row(self) -> SourceFileError | None:
        """Find the first row with more or fewer cells than the header, or cut off; walks the rows, after a failure only."""
        wanted = len(self.header.names)
        with self.source.plain.open(encoding="utf-8-sig", newline="") as file:
            for _ in range(self.header.line):
                file.readline()
            reader = csv.reader(file, delimiter=self.header.delimiter, strict=True)
            starts = self.header.line
            try:
                for row in reader:
                    if row and len(row) != wanted:
                        return self._count_error(starts + 1, len(row), wanted)
                    starts = self.header.line + reader.line_num
            except csv.Error as error:
                return SourceFileError(
                    self.source.name,
                    line=starts + 1,
                    found=f"a row that cannot be split into cells ({error})",
                    expected="quotes in pairs",
                    remedy=f"The file is cut off or was edited. {_DOWNLOAD}",
                )
        return None

    def _count_error(self, line: int, found: int, wanted: int) -> SourceFileError:
        last = line == self.source.lines
        remedy = (
            "The file is cut off, or a note stands below its rows." if last else "Were files joined, or cells edited?"
        )
        return SourceFileError(
            self.source.name,
            line=line,
            found=f"{found} cells",
            expected=f"{wanted} as in the header",
            remedy=f"{remedy} {_DOWNLOAD}",
        )
