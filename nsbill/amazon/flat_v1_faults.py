"""How a flat V1 file writes amounts and times, and the sentence about each thing that can be wrong in it.

Reading only marks a row with a fault number and a column; this module goes back to the raw line when there is one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum

import duckdb

from nsbill.amazon.faults import FlatFile
from nsbill.errors import SourceFileError

__all__ = ["Fault", "V1Formats", "explained", "fault_error", "time_error"]


class Fault(IntEnum):
    """What can be wrong with a row; of several the one with the lowest number is told."""

    LAYOUT = 1
    PADDING = 2
    SETTLEMENT_ID = 3
    CURRENCY = 4
    AMOUNT = 5
    NO_AMOUNT = 6
    TIME = 7
    QUANTITY = 8


_DOWNLOAD = "Download it again from Seller Central."
_SPREADSHEET = "Was the file saved from a spreadsheet? Download it again and add it unopened."
_MARKS = {".": "point", ",": "comma"}


@dataclass(frozen=True)
class _Times:
    """A way to write an instant: as people read it, as a pattern, and for strptime."""

    picture: str
    shape: str
    strptime: str


_OFFSET = _Times(
    "2025-08-14T06:23:59+00:00",
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])",
    "%Y-%m-%dT%H:%M:%S%z",
)
_SPACED = _Times(
    "2025-08-14 06:23:59 UTC",
    r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2} UTC",
    "%Y-%m-%d %H:%M:%S UTC",
)
_DOTTED = _Times(
    "14.08.2025 06:23:59 UTC",
    r"[0-9]{2}\.[0-9]{2}\.[0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} UTC",
    "%d.%m.%Y %H:%M:%S UTC",
)


@dataclass(frozen=True)
class V1Formats:
    """How one file writes numbers and instants. One format each; a file that mixes them is refused."""

    decimal_mark: str
    times: _Times

    @classmethod
    def seen_in(cls, amount: str | None, time: str | None) -> V1Formats:
        """Take them from the first amount with a decimal mark and the first time of the file."""
        mark = "," if amount and amount.rfind(",") > amount.rfind(".") else "."
        if time and re.match(r"\d+\.", time):
            return cls(mark, _DOTTED)
        return cls(mark, _SPACED if time and re.match(r"\S+ ", time) else _OFFSET)

    def instant(self, text: str) -> datetime | None:
        """Parse an instant of this file, in UTC; None when it is none."""
        if not re.fullmatch(self.times.shape, text):
            return None
        try:
            moment = datetime.strptime(text, self.times.strptime)  # noqa: DTZ007  # the shape names UTC or has an offset
        except ValueError:
            return None
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)

    def sql_instant(self, column: str) -> str:
        """The same as an SQL expression for DuckDB: a timestamp in UTC, null when it is none."""
        fits = f"regexp_full_match({column}, '{self.times.shape}')"
        if self.times is _OFFSET:
            with_offset = f"regexp_replace({column}, 'Z$', '+00:00')"
            moment = f"make_timestamp(epoch_us(try_strptime({with_offset}, '{self.times.strptime}')))"
        else:
            moment = f"try_strptime({column}, '{self.times.strptime}')"
        return f"CASE WHEN {fits} THEN {moment} END"


def fault_error(file: FlatFile, fault: Fault, line: int, column: str | None, formats: V1Formats) -> SourceFileError:
    """Build the error about the row in ``line`` that was marked with ``fault`` in ``column``."""
    if fault == Fault.LAYOUT:
        return file.error(
            line,
            None,
            found="a row that is neither an amount, nor a summary (dates and a total, nothing else), nor a quantity",
            expected="one of the three",
            remedy=_DOWNLOAD,
        )
    assert column is not None
    cell = file.cell(line, column)
    if fault == Fault.AMOUNT:
        return _amount_error(file, line, column, cell, formats)
    if fault == Fault.TIME:
        return time_error(file, line, column, cell, formats)
    expected, remedy = {
        Fault.PADDING: ("a name without spaces before it", f"Tabs became spaces. {_SPREADSHEET}"),
        Fault.SETTLEMENT_ID: ("5 to 20 digits", _SPREADSHEET),
        Fault.CURRENCY: ("a code of three capital letters such as USD", _DOWNLOAD),
        Fault.NO_AMOUNT: ("an amount, for the cell beside it names one", _SPREADSHEET),
        Fault.QUANTITY: ("a whole number, the same wherever a line and its quantity row both state it", _SPREADSHEET),
    }[fault]
    return file.error(line, column, found=repr(cell), expected=expected, remedy=remedy)


def time_error(file: FlatFile, line: int, column: str, cell: str, formats: V1Formats) -> SourceFileError:
    """Build the error about an instant that is not in the format of this file."""
    return file.error(
        line,
        column,
        found=repr(cell.strip()),
        expected=f"a time written as the file's first one, such as {formats.times.picture}",
        remedy=f"A file uses one date format throughout. {_SPREADSHEET}",
    )


def _amount_error(file: FlatFile, line: int, column: str, cell: str, formats: V1Formats) -> SourceFileError:
    mark = formats.decimal_mark
    remedy = _SPREADSHEET
    if re.fullmatch(r"[+-]?\d+[.,]\d{1,2}", cell.strip()):
        remedy = f"The file mixes decimal points and decimal commas. {_SPREADSHEET}"
    return file.error(
        line,
        column,
        found=repr(cell.strip()),
        expected=f"an amount such as 1234{mark}56: a decimal {_MARKS[mark]} as in the file's first amount, "
        "at most two decimals, no thousands mark",
        remedy=remedy,
    )


@contextmanager
def explained(file: FlatFile) -> Iterator[None]:
    """Turn DuckDB's refusal of a malformed text into a SourceFileError that names the line."""
    try:
        yield
    except (duckdb.InvalidInputException, duckdb.ConversionException) as error:
        raise file.cell_count_error() or file.error(
            None,
            None,
            found=f"text that cannot be split into columns ({str(error).splitlines()[0]})",
            expected="tab-separated rows",
            remedy=_DOWNLOAD,
        ) from error
