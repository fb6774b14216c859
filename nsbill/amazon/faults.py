"""What can be wrong in a flat file, and the sentence that says so: file, line, column, found, expected, remedy.

Reading only marks a row with a fault number; this module goes back to the raw line when there is one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice

import pyarrow as pa

from nsbill.amazon.text import SourceText
from nsbill.errors import SourceFileError

__all__ = ["NAMES", "FlatFile", "Formats", "explained"]

LAYOUT, PADDING, SETTLEMENT_ID, CURRENCY, AMOUNT, POSTED, QUANTITY = range(1, 8)
NAMES = ("LAYOUT", "PADDING", "SETTLEMENT_ID", "CURRENCY", "AMOUNT", "POSTED", "QUANTITY")

_DOWNLOAD = "Download it again from Seller Central."
_SPREADSHEET = "Was the file saved from a spreadsheet? Download it again and add it unopened."

_ISO = "%Y-%m-%d %H:%M:%S UTC"
_DOTTED = "%d.%m.%Y %H:%M:%S UTC"
_PICTURE = {_ISO: "YYYY-MM-DD HH:MM:SS UTC", _DOTTED: "dd.mm.yyyy HH:MM:SS UTC"}
_TIME = "[0-9]{2}:[0-9]{2}:[0-9]{2} UTC"
_SHAPE = {
    _ISO: f"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}} {_TIME}",
    _DOTTED: rf"[0-9]{{2}}\.[0-9]{{2}}\.[0-9]{{4}} {_TIME}",
}
_MARKS = {".": "point", ",": "comma"}


@dataclass(frozen=True)
class Formats:
    """How one file writes numbers and instants. One format each; a file that mixes them is refused."""

    decimal_mark: str
    strptime: str

    @classmethod
    def seen_in(cls, amount: str | None, date: str | None) -> Formats:
        """Take them from the first amount with a decimal mark and the first date of the file."""
        mark = "," if amount and amount.rfind(",") > amount.rfind(".") else "."
        dotted = date is not None and re.match(r"\d+\.", date) is not None
        return cls(mark, _DOTTED if dotted else _ISO)

    @property
    def picture(self) -> str:
        """The date format as people write it."""
        return _PICTURE[self.strptime]

    @property
    def dotted(self) -> bool:
        """Whether dates are dd.mm.yyyy."""
        return self.strptime == _DOTTED

    @property
    def shape(self) -> str:
        """The date format as a regular expression for the whole text."""
        return _SHAPE[self.strptime]

    def instant(self, text: str) -> datetime | None:
        """Parse an instant of this file, in UTC; None when it is none."""
        if not re.fullmatch(self.shape, text):
            return None
        try:
            return datetime.strptime(text, self.strptime).replace(tzinfo=UTC)
        except ValueError:
            return None


@dataclass(frozen=True)
class FlatFile:
    """A tab-separated file whose header was found: knows its cells, and words its errors."""

    source: SourceText
    header_line: int
    columns: tuple[str, ...]

    def require(self, needed: Sequence[str]) -> None:
        """Raise SourceFileError when a needed column is missing."""
        missing = [name for name in needed if name not in self.columns]
        if missing:
            raise self.error(
                self.header_line,
                None,
                found=f"no column {', '.join(missing)}",
                expected="the 23 or 24 columns of a flat V2 settlement report",
                remedy=_DOWNLOAD,
            )

    def error(self, line: int | None, column: str | None, *, found: str, expected: str, remedy: str) -> SourceFileError:
        """Build the error about this file."""
        return SourceFileError(
            self.source.name, line=line, column=column, found=found, expected=expected, remedy=remedy
        )

    def lost_rows(self, line: int | None, found: int, expected: int) -> SourceFileError:
        """Build the error about a text of which not every line is a row."""
        return self.error(
            line,
            None,
            found=f"{found} rows that could be read" if found else "no row below the header",
            expected=f"{expected} rows" if expected else "at least a summary row",
            remedy="The file is damaged or incomplete: download it again.",
        )

    def endless_line(self, line: int, size: int) -> SourceFileError:
        """Build the error about a line that is too long to be a row."""
        return self.error(line, None, found=f"a line of {size:,} bytes", expected="rows of a report", remedy=_DOWNLOAD)

    def fault(self, number: int, line: int, formats: Formats) -> SourceFileError:
        """Build the error about the row in ``line`` that was marked with fault ``number``."""
        if number == LAYOUT:
            return self.error(
                line,
                None,
                found="a row that is neither a summary row (a total, no amount) nor a money row (an amount, no total)",
                expected="one of the two",
                remedy=_DOWNLOAD,
            )
        column = {
            PADDING: "transaction-type", SETTLEMENT_ID: "settlement-id", CURRENCY: "currency", AMOUNT: "amount",
            POSTED: "posted-date-time", QUANTITY: "quantity-purchased",
        }[number]  # fmt: skip
        cell = self.cell(line, column)
        if number == AMOUNT:
            return self._amount_error(line, cell or self.cell(line, "total-amount"), formats)
        if number == POSTED:
            return self.date_error(line, column, cell, formats)
        expected, remedy = {
            PADDING: ("a name without spaces before it", f"Tabs became spaces. {_SPREADSHEET}"),
            SETTLEMENT_ID: ("5 to 20 digits", _SPREADSHEET),
            CURRENCY: ("a code of three capital letters such as USD", _DOWNLOAD),
            QUANTITY: ("a whole number", _SPREADSHEET),
        }[number]
        return self.error(line, column, found=repr(cell), expected=expected, remedy=remedy)

    def date_error(self, line: int, column: str, cell: str, formats: Formats) -> SourceFileError:
        """Build the error about an instant that is not in the format of this file."""
        return self.error(
            line,
            column,
            found=repr(cell.strip(" ")),
            expected=f"a UTC time like the file's first one, {formats.picture}",
            remedy=f"A file uses one date format throughout. {_SPREADSHEET}",
        )

    def _amount_error(self, line: int, cell: str, formats: Formats) -> SourceFileError:
        mark = formats.decimal_mark
        column = "amount" if self.cell(line, "amount").strip(" ") else "total-amount"
        remedy = _SPREADSHEET
        if re.fullmatch(r"[+-]?\d+[.,]\d{1,2}", cell.strip(" ")):
            remedy = f"The file mixes decimal points and decimal commas. {_SPREADSHEET}"
        return self.error(
            line,
            column,
            found=repr(cell.strip(" ")),
            expected=f"an amount such as 1234{mark}56: a decimal {_MARKS[mark]} as in the file's first amount, "
            "at most two decimals, no thousands mark",
            remedy=remedy,
        )

    def cell(self, line: int, column: str) -> str:
        """Read one cell of the raw file, untouched; empty when the line has no such cell."""
        with self.source.plain.open("rb") as file:
            raw = next(islice(file, line - 1, None), b"")
        cells = raw.decode("utf-8").rstrip("\r\n").split("\t")
        at = self.columns.index(column)
        return cells[at] if at < len(cells) else ""

    def cell_count_error(self) -> SourceFileError | None:
        """Find the first row with more or fewer cells than the header; walks the lines, after a failure only."""
        tabs = len(self.columns) - 1
        with self.source.plain.open("rb") as file:
            rows = islice(enumerate(file, start=1), self.header_line, None)
            wrong = next(((n, raw) for n, raw in rows if raw.strip(b"\r\n") and raw.count(b"\t") != tabs), None)
        if wrong is None:
            return None
        line, raw = wrong
        cut_off = line == self.source.lines
        remedy = f"The file is cut off. {_DOWNLOAD}" if cut_off else f"A cell holds a tab or a line end. {_DOWNLOAD}"
        if b"    " in raw:
            remedy = f"Tabs became spaces. {_SPREADSHEET}"
        found = f"{raw.count(bytes([9])) + 1} cells"
        return self.error(line, None, found=found, expected=f"{tabs + 1} as in the header", remedy=remedy)


@contextmanager
def explained(file: FlatFile) -> Iterator[None]:
    """Turn the refusal of a malformed text into a SourceFileError that names the line."""
    try:
        yield
    except pa.ArrowInvalid as error:
        counted = file.cell_count_error()
        first_line = str(error).splitlines()[0]
        raise counted or file.error(
            None, None, found=f"text that cannot be split into columns ({first_line})", expected="tab-separated rows",
            remedy=_DOWNLOAD,
        ) from error  # fmt: skip
