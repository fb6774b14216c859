"""A small table file as the fuzz makes it: cells by column, and the dress (line ends, encoding, archive) around them.

Templates build one, mutations change it, ``render`` turns it into bytes; what only bytes can show (a cut, a flipped bit)
is done by ``after``, functions from bytes to bytes.
"""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random

__all__ = ["HEADER_AGAIN", "Bytes", "Roles", "Sheet", "packed"]

HEADER_AGAIN = "\0header"
"""The only cell of a row where the header stands once more, as in downloads that were put one after the other."""

Bytes = Callable[[bytes], bytes]


@dataclass(frozen=True)
class Roles:
    """Which columns mean what to the mutations; by name, in lower case."""

    amounts: tuple[str, ...]
    total: str
    dates: tuple[str, ...]
    settlement: str
    currency: str
    order: str
    quantity: str
    texts: tuple[str, ...]
    optional: tuple[str, ...]
    """May be left out of a file."""
    extra: tuple[str, ...] = ("amazon-new-column", "amount-in-words", "Größe")
    """Names of columns that nobody knows and that may be there."""


@dataclass
class Sheet:
    """The file. ``lines_total`` and ``stated``: per settlement, what its lines add up to and what it says of them."""

    roles: Roles
    columns: list[str]
    rows: list[list[str]]
    lines_total: dict[str, Decimal]
    stated: dict[str, Decimal | None]
    header: list[str] = field(default_factory=list)
    """The names as the file writes them; ``columns`` are what the cells are."""
    preamble: list[str] = field(default_factory=list)
    separator: str = "\t"
    quoting: str = ""
    """Quotes around cells: none, around ``all``, or where they are ``needed``."""
    mark: str = ""
    """The decimal mark, where amounts are grouped and it must be known."""
    newline: str = "\n"
    newline_after: dict[int, str] = field(default_factory=dict)
    """Other line ends, by number of the line (0-based)."""
    last_newline: bool = True
    bom: bool = False
    encoding: str = "utf-8"
    packed: str = ""
    after: list[Bytes] = field(default_factory=list)
    after_packing: list[Bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.header = self.header or list(self.columns)

    def at(self, column: str) -> int:
        """Position of a column; -1 when the file has none of that name."""
        return self.columns.index(column) if column in self.columns else -1

    def filled(self, *columns: str) -> list[tuple[int, int]]:
        """The cells (row, position) of these columns that hold something; header rows inside the file are no cells."""
        positions = [at for at in map(self.at, columns) if at >= 0]
        return [
            (number, at)
            for number, row in enumerate(self.rows)
            for at in positions
            if at < len(row) and row[at].strip() and row[0] != HEADER_AGAIN
        ]

    def money_rows(self) -> list[int]:
        """The rows that hold an amount."""
        return sorted({row for row, _ in self.filled(*self.roles.amounts)})

    def any_cell(self, rng: Random, *columns: str) -> tuple[int, int] | None:
        """One of the filled cells of these columns."""
        cells = self.filled(*columns)
        return rng.choice(cells) if cells else None

    def render(self) -> bytes:
        """The bytes of the file."""
        lines = [*self.preamble, self._line(self.header), *map(self._line, self.rows)]
        ends = [self.newline_after.get(number, self.newline) for number in range(len(lines))]
        if not self.last_newline:
            ends[-1] = ""
        text = "".join(line + end for line, end in zip(lines, ends, strict=True))
        data = text.encode(self.encoding, errors="replace")
        if self.bom and self.encoding == "utf-8":
            data = b"\xef\xbb\xbf" + data
        for change in self.after:
            data = change(data)
        data = packed(data, self.packed)
        for change in self.after_packing:
            data = change(data)
        return data

    def _line(self, cells: list[str]) -> str:
        if cells[:1] == [HEADER_AGAIN]:
            cells = self.header
        if self.quoting and any(map(str.strip, cells)):
            cells = [self._quoted(cell) for cell in cells]
        return self.separator.join(cells)  # a line of nothing stays without quotes

    def _quoted(self, cell: str) -> str:
        needed = self.quoting == "all" or any(mark in cell for mark in (self.separator, '"', "\n", "\r"))
        return '"' + cell.replace('"', '""') + '"' if needed else cell


def packed(data: bytes, how: str) -> bytes:
    """Put the bytes into an archive: ``gz``, ``zip`` or none."""
    if how == "gz":
        return gzip.compress(data, compresslevel=1, mtime=0)
    if how == "zip":
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr(zipfile.ZipInfo("50011020300.txt"), data)
        return buffer.getvalue()
    return data
