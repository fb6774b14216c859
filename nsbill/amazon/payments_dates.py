"""How one payments report writes instants: one shape per file, months in any language, every time zone named.

The zone is that of the seller's account and may change within a file (daylight saving), so it is taken from each cell
and becomes UTC exactly. A zone that is not known, or that means several, is refused: an hour more or less moves a row
to another day (Amazon notes, sections 9 and 11).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from nsbill.amazon.payments_headers import fold, words
from nsbill.amazon.payments_sheet import SPREADSHEET, PaymentsSheet, tidy

__all__ = ["PARTS", "Dates"]

PARTS = ("date/time", "transaction release date")
"""The parts of the report that hold instants."""

_TIME = r"(\d{1,2})[:.](\d{2})[:.](\d{2})(?: ?([ap])\.? ?m\.?)?(?: ?([^\d\s].*))?$"
_CLOCK = ("hour", "minute", "second", "half", "zone")
_WORD = r"([^\d\s,.]+)\.?"
_OFFSET = re.compile(r"(?:GMT|UTC)([+-])(\d{1,2})(?::?(\d{2}))?")


@dataclass(frozen=True)
class Shape:
    """One way to write an instant: its pattern, what its groups are, and an example for people."""

    pattern: str
    groups: tuple[str, ...]
    picture: str


SHAPES = (
    Shape(rf"^{_WORD} (\d{{1,2}}),? (\d{{4}}),? {_TIME}", ("month", "day", "year"), "Jun 3, 2026 2:15:12 AM PDT"),
    Shape(
        rf"^(\d{{1,2}})\.? (?:de )?{_WORD} (?:de )?(\d{{4}}),? {_TIME}",
        ("day", "month", "year"),
        "29 June 2026 5:39:32 pm GMT+9",
    ),
    Shape(rf"^(\d{{1,2}})\.(\d{{1,2}})\.(\d{{4}}),? {_TIME}", ("day", "month", "year"), "03.06.2026 17:39:32 UTC"),
    Shape(rf"^(\d{{4}})[/-](\d{{1,2}})[/-](\d{{1,2}}) {_TIME}", ("year", "month", "day"), "2026/02/13 3:21:05 JST"),
)


@dataclass(frozen=True)
class Dates:
    """The shape of one report's instants, and what its words for months and zones mean."""

    shape: Shape
    months: dict[str, int]
    minutes: dict[str, int]

    @classmethod
    def of(cls, sheet: PaymentsSheet) -> Dates | None:
        """Find the shape by the first instant and look up every word for a month or a zone; None without instants.

        Raises
        ------
        SourceFileError
            For an instant in no known or in another shape, an unknown month, an unknown or missing time zone.
        """
        columns = [at for part in PARTS if (at := sheet.header.column(part)) is not None]
        first = sheet.rows(f"SELECT {cls.plain('c' + str(columns[0]))} AS t FROM cells WHERE t IS NOT NULL LIMIT 1")  # noqa: S608
        if not first:
            return None
        shape = next((shape for shape in SHAPES if re.match(shape.pattern, first[0][0], re.IGNORECASE)), SHAPES[0])
        found = cls(shape, {}, {})
        for at in columns:
            seen = sheet.rows(
                f"SELECT p.month, p.zone, min(n) FROM (SELECT n, {found.cut('t')} AS p "  # noqa: S608
                f"FROM (SELECT rowid AS n, {cls.plain(f'c{at}')} AS t FROM cells) WHERE t IS NOT NULL) GROUP BY ALL ORDER BY 3"
            )
            for month, zone, row in seen:
                found._learn(sheet, row, at, month, zone)
        return found

    @staticmethod
    def plain(cell: str) -> str:
        """The SQL of a cell's text with single plain spaces; null when it is empty."""
        text = tidy(cell)
        return f"CASE WHEN contains({text}, '  ') THEN regexp_replace({text}, ' +', ' ', 'g') ELSE {text} END"

    def cut(self, plain: str) -> str:
        """The SQL that cuts a plain text into its groups; all are empty when it has another shape."""
        names = ", ".join(f"'{name}'" for name in (*self.shape.groups, *_CLOCK))
        return f"regexp_extract({plain}, '(?i){self.shape.pattern}', [{names}])"

    def instant(self, cut: str) -> str:
        """The SQL of a cut text as a timestamp in UTC; null for a day or time that does not exist."""
        month = f"{_map(self.months)}[{cut}.month]" if self.months else f"{cut}.month"
        hour = f"try_cast({cut}.hour AS INTEGER)"
        half = f"CASE WHEN {cut}.half = '' THEN {hour} WHEN {hour} BETWEEN 1 AND 12 THEN {hour} % 12 + CASE WHEN lower({cut}.half) = 'p' THEN 12 ELSE 0 END END"
        text = f"{cut}.year || '-' || {month} || '-' || {cut}.day || ' ' || ({half}) || ':' || {cut}.minute || ':' || {cut}.second"
        return f"try_strptime({text}, '%Y-%m-%d %H:%M:%S') - to_minutes({_map(self.minutes)}[{cut}.zone])"

    def _learn(self, sheet: PaymentsSheet, row: int, at: int, month: str, zone: str) -> None:
        if not month:
            raise sheet.error(
                row,
                at,
                found=repr(sheet.cell(row, at).strip()),
                expected=f"a date and time with its zone such as '{self.shape.picture}', and one form throughout the file",
                remedy=SPREADSHEET,
            )
        if not month.isdecimal() and month not in self.months:
            self.months[month] = _month(sheet, row, at, month)
        if zone not in self.minutes:
            self.minutes[zone] = _minutes(sheet, row, at, zone)


def _month(sheet: PaymentsSheet, row: int, at: int, name: str) -> int:
    known = words("month").get(fold(name))
    if known is None:
        raise sheet.error(
            row,
            at,
            found=f"the month {name!r} in {sheet.cell(row, at).strip()!r}",
            expected="the name of a month in a language of Amazon's sites",
            remedy="Please report the name, so that it can be added to payments_words.csv.",
        )
    return int(known)


def _minutes(sheet: PaymentsSheet, row: int, at: int, zone: str) -> int:
    """How many minutes a zone is ahead of UTC."""
    offset = _OFFSET.fullmatch(zone.upper())
    if offset:
        minutes = int(offset[2]) * 60 + int(offset[3] or 0)
        if minutes <= 14 * 60 and int(offset[3] or 0) < 60:
            return -minutes if offset[1] == "-" else minutes
    known = words("zone").get(fold(zone))
    if known is None:
        what = f"the time zone {zone!r}" if zone else "no time zone"
        raise sheet.error(
            row,
            at,
            found=f"{what} in {sheet.cell(row, at).strip()!r}",
            expected="UTC, an offset such as GMT-8, or one of the names in payments_words.csv such as PDT",
            remedy="An abbreviation that means several zones (IST, CST, BST) would be a guess. "
            "Choose another language or zone in Seller Central and download the file again, or report the zone.",
        )
    return int(known)


def _map(words_: dict[str, int]) -> str:
    pairs = ", ".join(f"'{word.replace(chr(39), chr(39) * 2)}': {value}" for word, value in words_.items())
    return f"MAP {{{pairs}}}"
