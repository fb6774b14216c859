"""What a file is, told by its content and never by its name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from nsbill.amazon.payments_headers import looks_like_payments
from nsbill.errors import SourceFileError

__all__ = ["ACCEPTED", "Header", "SourceFormat", "find_header", "recognise", "refuse_what_is_no_text"]

ACCEPTED = (
    "a settlement report (flat V2, flat V1 or XML), a payments report (date range, CSV) "
    "or an answer of the Finances API (JSON)"
)
"""What nsbill reads, for a sentence about a file that is something else."""

_TABBED = "(.txt, tab separated)"
_DOWNLOAD = "Download it again from Seller Central: Payments, Reports Repository, flat file V2."
_SPREADSHEET = "Was it saved from a spreadsheet? Download it again and add it unopened."

_V2_COLUMNS = frozenset({"settlement-id", "total-amount", "transaction-type", "amount-type", "amount"})
_V1_COLUMNS = frozenset({"settlement-id", "total-amount", "price-type", "item-related-fee-type"})
_ORDER_COLUMNS = frozenset({"amazon-order-id", "purchase-date"})

_ENVELOPE = re.compile(r"<(\w+:)?AmazonEnvelope\b")
_SETTLEMENT = re.compile(r"\bSettlementReport\b")
_TRANSACTIONS = re.compile(r'"transactions"\s*:')
_TRANSACTION = (re.compile(r'"transactionType"\s*:'), re.compile(r'"totalAmount"\s*:'))
_EVENTS = re.compile(r'"(FinancialEvents|\w+EventList)"\s*:')
_ENOUGH = 65_536
"""So many characters of a document tell what it is: one on a single line may be very long."""
_TOO_MANY_FOR_PREAMBLE = 4
"""Filled cells: a preamble has words or a name and a value, the shortest row of a settlement has six."""
_MANY = 12
"""So many separators in a line make a wide table, such as a payments report in a language that is not known."""

_MAGIC = (
    (b"%PDF", "a PDF document"),
    (b"\xd0\xcf\x11\xe0", "an Excel workbook (.xls)"),
    (b"\xff\xfe", "UTF-16 text, as a spreadsheet saves it"),
    (b"\xfe\xff", "UTF-16 text, as a spreadsheet saves it"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"PAR1", "a Parquet file"),
)


class SourceFormat(StrEnum):
    """What a text is; the value is its name for people. Those from ``ALL_ORDERS`` on are named, and refused."""

    FLAT_V2 = "a flat V2 settlement report"
    FLAT_V1 = "a flat V1 settlement report"
    SETTLEMENT_XML = "a settlement report in XML"
    PAYMENTS_CSV = "a payments (date range) report"
    FINANCES_TRANSACTIONS = "transactions of the Finances API (JSON)"
    FINANCES_EVENTS = "financial events of the Finances API v0 (JSON)"
    ALL_ORDERS = "an all-orders report"
    XML = "an XML document"
    HTML = "a web page"
    JSON = "a JSON document"
    TABLE = "a table with column names that nsbill does not know"
    UNKNOWN = "a text without the columns of a settlement report"


@dataclass(frozen=True)
class Header:
    """The header line: its number in the file, and the column names as they are compared."""

    line: int
    columns: tuple[str, ...]


def refuse_what_is_no_text(name: str, head: bytes, *, whole: bool, packed_again: bool = False) -> None:
    """Raise SourceFileError when the first bytes, or the ``whole`` content, are those of a document that is no text."""
    found = next((title for magic, title in _MAGIC if head.startswith(magic)), None)
    if head.startswith(b"PK\x03\x04") and (b"xl/" in head or b"[Content_Types].xml" in head):
        found = "an Excel workbook (.xlsx)"
    if packed_again and head.startswith((b"PK\x03\x04", b"\x1f\x8b")):
        found = found or "an archive inside the archive"
    if whole and not head.strip(b"\xef\xbb\xbf \r\n\t"):
        found = "nothing: the file is empty"
    if found:
        raise SourceFileError(name, found=found, expected=ACCEPTED, remedy=_DOWNLOAD)


def recognise(head: Sequence[str]) -> SourceFormat:
    """Tell what the first lines of a text are. A report whose tabs were lost is still named as what it was."""
    text = "\n".join(line[:_ENOUGH] for line in head)[:_ENOUGH]
    start = text.lstrip()
    if start[:14].lower().startswith(("<!doctype html", "<html")):
        return SourceFormat.HTML
    if start.startswith("<"):
        return SourceFormat.SETTLEMENT_XML if _ENVELOPE.search(text) and _SETTLEMENT.search(text) else SourceFormat.XML
    if start.startswith(("{", "[")):
        return _kind_of_json(text)
    return _kind_of_table(head)


def _kind_of_json(text: str) -> SourceFormat:
    if _TRANSACTIONS.search(text) or all(key.search(text) for key in _TRANSACTION):
        return SourceFormat.FINANCES_TRANSACTIONS
    return SourceFormat.FINANCES_EVENTS if _EVENTS.search(text) else SourceFormat.JSON


def _kind_of_table(head: Sequence[str]) -> SourceFormat:
    tables = (
        (_V2_COLUMNS, SourceFormat.FLAT_V2),
        (_V1_COLUMNS, SourceFormat.FLAT_V1),
        (_ORDER_COLUMNS, SourceFormat.ALL_ORDERS),
    )
    for columns, found in tables:
        if any(columns <= set(_names(line)) for line in head):
            return found
    for columns, found in tables:
        if any(columns <= _words(line) for line in head):
            return found
    if looks_like_payments(head):
        return SourceFormat.PAYMENTS_CSV
    wide = any(line.count(",") >= _MANY or line.count(";") >= _MANY for line in head)
    return SourceFormat.TABLE if wide else SourceFormat.UNKNOWN


def find_header(name: str, head: Sequence[str], wanted: SourceFormat = SourceFormat.FLAT_V2) -> Header:
    """Find the header of a flat settlement report, V2 or V1, among the first lines, below any preamble.

    Raises
    ------
    SourceFileError
        When the text is something else (which is named), when its tabs were lost, or a column stands there twice.
    """
    needed = _V2_COLUMNS if wanted is SourceFormat.FLAT_V2 else _V1_COLUMNS
    for number, line in enumerate(head, start=1):
        columns = _names(line)
        if set(columns) >= needed:
            _refuse_padding(name, number, line)
            _refuse_twins(name, number, columns)
            _refuse_rows_above(name, head[: number - 1])
            return Header(number, columns)
        if _words(line) >= needed:
            raise SourceFileError(
                name,
                line=number,
                found="column names that are not separated by tabs",
                expected="tab-separated columns",
                remedy=_SPREADSHEET,
            )
    found = recognise(head)
    raise SourceFileError(
        name, found=f"what looks like {found.value}", expected=f"{wanted.value} {_TABBED}", remedy=_DOWNLOAD
    )


def _names(line: str) -> tuple[str, ...]:
    return tuple(cell.strip().strip('"').lower() for cell in line.lstrip("\ufeff").split("\t"))


def _words(line: str) -> set[str]:
    return set(re.split(r'[\s,;"]+', line.lower()))


def _refuse_padding(name: str, number: int, line: str) -> None:
    """Refuse names with spaces before them: there some tabs became runs of spaces, and cells moved."""
    padded = next((cell for cell in line.split("\t") if cell.startswith("  ")), None)
    if padded is not None:
        raise SourceFileError(
            name,
            line=number,
            column=padded.strip(),
            found=f"{len(padded) - len(padded.lstrip())} spaces before the column's name, so tabs became spaces",
            expected="columns separated by single tabs",
            remedy=_SPREADSHEET,
        )


def _refuse_rows_above(name: str, above: Sequence[str]) -> None:
    """Refuse rows of a table above the header: a joined file lost its first header there, and its money with it."""
    for number, line in enumerate(above, start=1):
        filled = sum(bool(cell.strip()) for cell in line.split("\t"))
        if filled >= _TOO_MANY_FOR_PREAMBLE:
            raise SourceFileError(
                name,
                line=number,
                found=f"a row of {filled} cells above the header",
                expected="the header above all rows, or a few words of a preamble",
                remedy="Were files joined, and is the first header damaged? Add the downloads one by one.",
            )


def _refuse_twins(name: str, number: int, columns: tuple[str, ...]) -> None:
    twin = next((column for column in columns if column and columns.count(column) > 1), None)
    if twin is not None:
        raise SourceFileError(
            name, line=number, column=twin, found="the column twice", expected="it once", remedy=_DOWNLOAD
        )
