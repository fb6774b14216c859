"""The header of a payments report: found by its column names, in any language, below a preamble of any length.

``payments_columns.csv`` beside this module says which names stand for which part of the report, and on which sites.
``payments_words.csv`` does the same for words inside cells: types, statuses, months, time zones, currencies. Both hold
what was seen in files or in others' readers of them (Amazon notes, sections 5 and 9); the words for the two statuses
were seen in English, German, Portuguese and Japanese, and are plain translations in the other languages.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType

from nsbill.errors import SourceFileError

__all__ = ["AMOUNTS", "PaymentsHeader", "find_payments_header", "fold", "looks_like_payments", "words"]

AMOUNTS = (
    "product sales", "product sales tax", "shipping credits", "shipping credits tax", "gift wrap credits",
    "gift wrap credits tax", "regulatory fee", "tax on regulatory fee", "amazon points", "promotional rebates",
    "promotional rebates tax", "sales tax collected", "low value goods", "marketplace facilitator tax",
    "marketplace withheld tax", "TCS", "TDS", "selling fees", "fba fees", "other transaction fees", "other",
)  # fmt: skip
"""The parts that hold money and add up to ``total``; in English, as in ``payments_columns.csv``."""

PLACE = "place"
"""The part of a buyer's city, state and postcode: personal, never kept."""

_NEEDED = ("date/time", "type", "total")
_ENOUGH = 4
"""So many columns of money beside the needed ones make a header."""

_DELIMITERS = (",", ";")
_SEVERAL = frozenset({"TCS", PLACE})
"""Parts that several columns of one report share."""

_APOSTROPHES = re.compile("[’‘ʼ´`]")
_PERSONAL = re.compile(
    r"\b(order|ship|shipping|buyer|customer|recipient)\b.*\b(city|town|state|postal|postcode|zip|address|name|phone|e-?mail)\b"
)
"""Names of columns that are not in the table and still name a person or a place."""

_LINES = 50
_LONG = 10_000
"""A line that is longer is no header; a JSON document may stand on one line."""

_DOWNLOAD = "Download it again from Seller Central: Payments, Reports Repository, Date Range Reports, Transaction."


@dataclass(frozen=True)
class PaymentsHeader:
    """The header: its line, the delimiter, the names as they stand in the file, and what each column is.

    ``parts`` holds for each column the part of ``payments_columns.csv``, or None for a column that nsbill does not know.
    """

    line: int
    delimiter: str
    names: tuple[str, ...]
    parts: tuple[str | None, ...]

    def column(self, part: str) -> int | None:
        """Where a part stands, from 0; None when the report has no such column."""
        return self.parts.index(part) if part in self.parts else None

    @property
    def amounts(self) -> list[int]:
        """The columns of money that add up to the total, in file order."""
        return [i for i, part in enumerate(self.parts) if part in AMOUNTS]

    @property
    def unknown(self) -> list[int]:
        """The columns that nsbill does not know."""
        return [i for i, part in enumerate(self.parts) if part is None]


def looks_like_payments(head: Sequence[str]) -> bool:
    """Say whether a payments report's header, in any language, is among the first lines of a text."""
    return any(_parts_of(names) for line in head[:_LINES] for _, names in _readings(line))


def find_payments_header(name: str, head: Sequence[str]) -> PaymentsHeader:
    """Find the header among the first lines of the file called ``name``.

    Raises
    ------
    SourceFileError
        When there is none, when the delimiter is not clear, or when a known column stands there twice.
    """
    for number, line in enumerate(head[:_LINES], start=1):
        found = [(delimiter, names, parts) for delimiter, names in _readings(line) if (parts := _parts_of(names))]
        if len(found) == 1:
            delimiter, names, parts = found[0]
            _refuse_twins(name, number, names, parts)
            return PaymentsHeader(number, delimiter, names, parts)
    raise SourceFileError(
        name,
        found="no line with the column names of a payments report",
        expected=f"such a line among the first {_LINES}, with at least date/time, type, total and {_ENOUGH} amounts",
        remedy=f"{_DOWNLOAD} If its columns are named in another language, please report the header line.",
    )


def fold(text: str) -> str:
    """Return ``text`` as names and words are compared: no spaces, case, kind of apostrophe or colon at the end."""
    plain = _APOSTROPHES.sub("'", unicodedata.normalize("NFKC", text)).casefold()
    return "".join(plain.split()).rstrip(":")


@cache
def words(what: str) -> Mapping[str, str]:
    """Return the words of one kind of ``payments_words.csv``, folded, with their meanings."""
    rows = _table("payments_words.csv")
    return MappingProxyType({fold(row["word"]): row["meaning"] for row in rows if row["what"] == what})


@cache
def _known() -> Mapping[str, str]:
    return MappingProxyType({fold(row["header"]): row["part"] for row in _table("payments_columns.csv")})


def _table(file: str) -> list[dict[str, str]]:
    text = resources.files(__package__).joinpath(file).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def _readings(line: str) -> list[tuple[str, tuple[str, ...]]]:
    """The line cut at each delimiter that stands there often enough."""
    plain = line.lstrip("\ufeff").replace("\r", "")
    return [
        (delimiter, tuple(cell.strip() for cell in next(csv.reader([plain], delimiter=delimiter))))
        for delimiter in _DELIMITERS
        if len(plain) < _LONG and plain.count(delimiter) >= len(_NEEDED) + _ENOUGH - 1
    ]


def _parts_of(names: tuple[str, ...]) -> tuple[str | None, ...]:
    """What each column is; empty when these are not the names of a payments report's columns."""
    parts = tuple(_part(name) for name in names)
    enough = sum(part in AMOUNTS for part in parts) >= _ENOUGH
    return parts if enough and all(part in parts for part in _NEEDED) else ()


def _part(name: str) -> str | None:
    return _known().get(fold(name)) or (PLACE if _PERSONAL.search(name.casefold()) else None)


def _refuse_twins(file: str, line: int, names: tuple[str, ...], parts: tuple[str | None, ...]) -> None:
    twin = next((i for i, part in enumerate(parts) if part and part not in _SEVERAL and part in parts[:i]), None)
    if twin is not None:
        raise SourceFileError(
            file,
            line=line,
            column=names[twin],
            found=f"a second column that holds '{parts[twin]}', beside '{names[parts.index(parts[twin])]}'",
            expected="one",
            remedy=_DOWNLOAD,
        )
