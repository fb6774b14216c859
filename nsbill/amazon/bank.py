"""Read a bank statement as CSV, to match deposits with: any bank's layout, refused where it can be read in two ways."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from itertools import islice
from pathlib import Path

from nsbill.amazon.bank_cells import DATE_FORMATS, NUMBER_FORMATS, Money, amounts, dates
from nsbill.amazon.bank_columns import Columns, columns_of
from nsbill.errors import SourceFileError

__all__ = ["BankLine", "BankStatement", "looks_like_bank", "read_bank"]

_HEADER_WITHIN = 50
_DELIMITERS = (",", ";", "\t")
_AMAZON = re.compile(r"amazon|amzn|\bamz\b", re.IGNORECASE)
_AGAIN = "Export the statement again as CSV (UTF-8)."
_IN = frozenset({"c", "cr", "credit", "h", "haben", "in", "+", "bij", "kredit"})
_OUT = frozenset({"d", "dr", "debit", "s", "soll", "out", "-", "af"})
_CODE = re.compile(r"[A-Z]{3}")


@dataclass(frozen=True)
class BankLine:
    """One movement; ``amount`` is positive when money came in, in ``currency``."""

    file: str
    line: int
    day: date
    amount: Decimal
    currency: str
    text: str

    @property
    def of_amazon(self) -> bool:
        """Whether its text names Amazon."""
        return _AMAZON.search(self.text) is not None

    def __str__(self) -> str:
        return f"line {self.line} of {self.file} ({self.day}, {self.amount:,} {self.currency})"


@dataclass(frozen=True)
class BankStatement:
    """The movements of one file; ``left_out`` are the lines that hold no movement, such as a closing balance."""

    name: str
    lines: tuple[BankLine, ...]
    left_out: tuple[int, ...] = ()

    def up_to(self, day: date) -> BankStatement:
        """The same statement without the movements after ``day``."""
        return replace(self, lines=tuple(line for line in self.lines if line.day <= day))


@dataclass(frozen=True)
class _Row:
    line: int
    cells: tuple[str, ...]


def read_bank(
    path: Path,
    *,
    columns: Mapping[str, str] | None = None,
    numbers: str | None = None,
    day_format: str | None = None,
    currency: str | None = None,
) -> BankStatement:
    """Read the movements of ``path``.

    ``columns``: role to column name, for what is not recognised (roles: date, amount, debit, credit, sign, currency,
    text), or column numbers in a file without a header. ``numbers``: 'point' or 'comma'. ``day_format``: 'ymd',
    'dmy' or 'mdy'. ``currency``: of a statement that does not name its own.

    Raises
    ------
    SourceFileError
        When it cannot be read, or could be read in two ways; says the line and what to state.
    """
    for stated, known in ((numbers, NUMBER_FORMATS), (day_format, DATE_FORMATS)):
        if stated is not None and stated not in known:
            raise ValueError(f"'{stated}' is none of {', '.join(known)}")
    header, rows = _table(path, columns or {})
    rows = [row for row in rows if any(cell.strip() for cell in row.cells)]
    moving = [row for row in rows if _moves(path.name, header, row)]
    days = dates(path.name, header.name("date"), [(r.line, r.cells[header.at["date"]]) for r in moving], day_format)
    money = _amounts(path.name, header, moving, numbers)
    lines = tuple(
        BankLine(
            path.name, row.line, day, amount, _currency(path.name, header, row, code, currency), _text(header, row)
        )
        for row, day, (amount, code) in zip(moving, days, money, strict=True)
    )
    kept = {row.line for row in moving}
    return BankStatement(path.name, lines, tuple(row.line for row in rows if row.line not in kept))


def looks_like_bank(path: Path) -> bool:
    """Say whether a file has a header of a bank statement, and not one of a settlement; it may be unreadable all the same."""
    try:
        text = _decoded(path)
    except SourceFileError:
        return False
    return any(_names_bank(path.name, text, delimiter) for delimiter in _DELIMITERS)


def _names_bank(name: str, text: str, delimiter: str) -> bool:
    rows = _parsed(name, text, delimiter)
    try:
        first = list(islice(rows, _HEADER_WITHIN))
    except SourceFileError:  # no CSV with this delimiter
        return False
    for row in first:
        try:
            header = columns_of(name, row.cells, row.line, {})
        except SourceFileError:  # it names something twice, and read_bank says so
            return True
        if header is not None:
            return not any("settlement" in column.casefold() for column in header.names)
    return False


# --- the table --------------------------------------------------------------------------------------------------------


def _table(path: Path, mapping: Mapping[str, str]) -> tuple[Columns, list[_Row]]:
    text = _decoded(path)
    headerless = bool(mapping) and all(name.isdigit() for name in mapping.values())
    first = next((line for line in text.splitlines() if line.strip()), "nothing")
    for delimiter in sorted(_DELIMITERS, key=first.count, reverse=True) if headerless else _DELIMITERS:
        rows = list(_parsed(path.name, text, delimiter))
        for number, row in enumerate(rows[:_HEADER_WITHIN]):
            header = columns_of(path.name, row.cells, row.line, mapping)
            if header is not None:
                return header, [_fitting(path.name, header, other) for other in rows[number + (not headerless) :]]
    missing = (
        f"columns named {', '.join(mapping.values())}" if mapping else "a date and an amount (or debit and credit)"
    )
    raise SourceFileError(
        path.name,
        found=f"no header in the first {_HEADER_WITHIN} lines; the first is '{first[:80]}'",
        expected=f"a line that names {missing}, separated by comma, semicolon or tab",
        remedy="Say what the columns are: --bank-columns date=…,amount=…; without a header by number: date=1,amount=2.",
    )


def _decoded(path: Path) -> str:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise SourceFileError(
            path, found=f"no readable file ({error.strerror})", expected="a CSV file", remedy="Check the name."
        ) from error
    if b"\0" in raw or raw.startswith(b"PK\x03\x04"):
        raise SourceFileError(path.name, found="no plain text", expected="a CSV file", remedy=_AGAIN)
    for encoding in ("utf-8-sig", "cp1252"):
        text = raw.decode(encoding, errors="ignore")
        if text.encode(encoding.removesuffix("-sig")) == raw.removeprefix(codecs.BOM_UTF8):
            return text
    raise SourceFileError(path.name, found="text in an unknown encoding", expected="UTF-8", remedy=_AGAIN)


def _parsed(name: str, text: str, delimiter: str) -> Iterator[_Row]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    before = 0
    try:
        for cells in reader:
            yield _Row(before + 1, tuple(cells))
            before = reader.line_num
    except csv.Error as error:
        raise SourceFileError(
            name, line=before + 1, found=f"no CSV ({error})", expected="CSV", remedy=_AGAIN
        ) from error


def _fitting(name: str, header: Columns, row: _Row) -> _Row:
    """The row with as many cells as the header; more than that means a delimiter inside of a text."""
    width = len(header.names)
    if any(cell.strip() for cell in row.cells[width:]):
        raise SourceFileError(
            name,
            line=row.line,
            found=f"{len(row.cells)} cells",
            expected=f"{width}, as in the header",
            remedy="A text holds the delimiter without being quoted: quote it, or export with another delimiter.",
        )
    return _Row(row.line, (row.cells + ("",) * width)[:width])


def _moves(name: str, header: Columns, row: _Row) -> bool:
    """Whether the row holds a movement: an amount and a date. An amount without a date is refused."""
    holds = any(row.cells[header.at[role]].strip() for role in ("amount", "debit", "credit") if role in header.at)
    dated = bool(row.cells[header.at["date"]].strip())
    if holds and not dated:
        raise SourceFileError(
            name,
            line=row.line,
            column=header.name("date"),
            found="an amount without a date",
            expected="a date",
            remedy="If it is a total or not booked yet, delete the line.",
        )
    return holds and dated


# --- what the cells say -----------------------------------------------------------------------------------------------


def _amounts(name: str, header: Columns, rows: Sequence[_Row], numbers: str | None) -> list[Money]:
    if "amount" in header.at:
        place = header.at["amount"]
        found = amounts(name, header.name("amount"), [(row.line, row.cells[place]) for row in rows], numbers)
        return _signed(name, header, rows, found) if "sign" in header.at else found
    roles = [role for role in ("debit", "credit") if role in header.at]
    filled = {r: [row for row in rows if row.cells[header.at[r]].strip()] for r in roles}
    cells = [(role, row) for role in roles for row in filled[role]]
    titles = " / ".join(header.name(role) for role in roles)
    read = amounts(name, titles, [(row.line, row.cells[header.at[role]]) for role, row in cells], numbers)
    return _netted(name, titles, rows, list(zip(cells, read, strict=True)))


def _netted(
    name: str, titles: str, rows: Sequence[_Row], read: Sequence[tuple[tuple[str, _Row], Money]]
) -> list[Money]:
    """Credits less debits. Debits are written with or without a minus sign, but in one way."""
    debits = {value[0] > 0 for (role, _), value in read if role == "debit" and value[0]}
    by_line: dict[int, Money] = {}
    for (role, row), (value, code) in read:
        if by_line.get(row.line, (0, None))[0] and value:
            raise _two_ways(name, row, titles, "a debit and a credit in one line", "one of them")
        if role == "debit" and len(debits) > 1:
            raise _two_ways(name, row, titles, "debits with and without a minus sign", "one way to write them")
        if role == "credit" and value < 0:
            raise _two_ways(name, row, titles, f"a negative credit, {value:,}", "credits that are positive")
        if value or row.line not in by_line:
            by_line[row.line] = (-value if role == "debit" and True in debits else value, code)
    return [by_line[row.line] for row in rows]


def _signed(name: str, header: Columns, rows: Sequence[_Row], read: Sequence[Money]) -> list[Money]:
    """Give amounts the sign that their own column says; where they have one, both must agree."""
    bare = all(value >= 0 for value, _ in read)
    found: list[Money] = []
    for row, (value, code) in zip(rows, read, strict=True):
        word = row.cells[header.at["sign"]].strip().casefold()
        if word not in _IN | _OUT:
            raise _two_ways(name, row, header.name("sign"), f"'{word}'", "credit or debit (C/D, CR/DR, H/S)")
        if not bare and (value < 0) != (word in _OUT) and value:
            raise _two_ways(name, row, header.name("sign"), f"'{word}' beside {value:,}", "a sign that agrees")
        found.append((-value if bare and word in _OUT else value, code))
    return found


def _two_ways(name: str, row: _Row, column: str, found: str, expected: str) -> SourceFileError:
    remedy = "Name the column of the signed amount: --bank-columns amount=…, or correct the line."
    return SourceFileError(name, line=row.line, column=column, found=found, expected=expected, remedy=remedy)


def _currency(name: str, header: Columns, row: _Row, code: str | None, stated: str | None) -> str:
    """The currency of a line: beside its amount, in its column, in the header, or as the user says; all must agree."""
    own = row.cells[header.at["currency"]].strip().upper() if "currency" in header.at else ""
    named = {c for c in (own, code, header.currency) if c} or ({stated.upper()} if stated else set())
    if len(named) != 1 or not _CODE.fullmatch(next(iter(named))):
        raise SourceFileError(
            name,
            line=row.line,
            column=header.name("currency") if "currency" in header.at else None,
            found=" and ".join(sorted(named)) if named else "no currency",
            expected="one currency code of three letters",
            remedy="Say it: --bank-currency USD; or name its column: --bank-columns currency=….",
        )
    return next(iter(named))


def _text(header: Columns, row: _Row) -> str:
    places = (
        [header.at["text"]]
        if "text" in header.at
        else [n for n in range(len(row.cells)) if n not in header.at.values()]
    )
    return " ".join(" ".join(row.cells[n] for n in places).split())
