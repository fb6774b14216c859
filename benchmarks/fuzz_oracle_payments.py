"""A payments report read a second time: by Python's own CSV reader, cell by cell, apart from nsbill's reader."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from benchmarks.fuzz_amounts import amount_of
from benchmarks.fuzz_oracle import Money, Reading, physical_lines, text_of, trimmed
from benchmarks.fuzz_templates_payments import LANGUAGES, Language

__all__ = ["parse_payments"]

_CURRENCY = re.compile(r"(?<![A-Za-z])(USD|BRL|EUR|JPY)(?![A-Za-z])")
_EN = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_PT = ("jan", "fev", "mar", "abr", "mai", "jun", "jul", "ago", "set", "out", "nov", "dez")


def parse_payments(data: bytes) -> Reading:
    """Read a report of one of the languages that the templates write."""
    reading = Reading(certain_posted=False)
    text = text_of(data, reading)
    if text is None:
        return reading
    lines = physical_lines(text, reading)
    if any(line.count('"') % 2 for line in lines):
        reading.unsure = "a line end or a stray quote in a quoted cell"
        return reading
    for number, line in enumerate(lines[:50]):
        for language in LANGUAGES:
            names = [_folded(cell) for cell in _cells(line)]
            if {_folded(name) for name in (language.date, language.kind, language.total)} <= set(names):
                _read(reading, language, lines, number + 1, names)
                return reading
    reading.blame(None, "no header of a payments report")
    return reading


def _folded(name: str) -> str:
    return "".join(name.lstrip("\ufeff").split()).casefold().rstrip(":")


def _cells(line: str, delimiter: str = ",") -> list[str]:
    csv.field_size_limit(10**7)
    return [trimmed(cell) for cell in next(csv.reader([line.replace("\r", " ")], delimiter=delimiter), [])]


def _read(reading: Reading, language: Language, lines: Sequence[str], header: int, names: list[str]) -> None:
    money = [_folded(name) for name in language.money]
    known = {*money, *map(_folded, (language.total, language.date, language.kind))}
    twin = next((name for name in known if names.count(name) > 1), None)
    if twin:
        reading.blame(header, f"the column {twin} twice")
        return
    currency = next(iter(_CURRENCY.findall("\n".join(lines[: header - 1]))), "")
    reading.certain_currency = bool(currency)
    rows = [(n, _cells(line)) for n, line in enumerate(lines[header:], start=header + 1) if trimmed(line)]
    rows = [(n, cells) for n, cells in rows if any(cells) and [_folded(cell) for cell in cells] != names]
    for n, cells in rows:
        if len(cells) != len(names):
            reading.blame(n, f"{len(cells)} cells")
    rows = [(n, cells) for n, cells in rows if len(cells) == len(names)]
    at = [names.index(name) for name in (*money, _folded(language.total)) if name in names]
    marks = {found[1] for _, cells in rows for i in at if (found := amount_of(cells[i])) and found[1]}
    if len(marks) > 1:
        reading.blame(None, "decimal points and decimal commas")
        return
    mark = next(iter(marks), language.mark)
    for n, cells in rows:
        _row(reading, language, n, dict(zip(names, cells, strict=True)), money, mark, currency)


def _row(
    reading: Reading, language: Language, line: int, cells: dict[str, str], money: list[str], mark: str, currency: str
) -> None:
    values: list[Decimal] = []
    for name in (*money, _folded(language.total)):
        cell = cells.get(name, "")
        found = amount_of(cell, mark=mark) if cell else (Decimal(0), "")
        if found is None or (not cell and name == _folded(language.total)):
            reading.blame(line, f"the amount {cell[:40]!r} in {name}")
            return
        values.append(found[0])
    *parts, total = values
    parts.append(total - sum(parts, Decimal(0)))  # what columns hold that are not known; all of a row is its total
    settlement, kind, order = (
        cells.get(_folded(name), "") for name in (language.settlement, language.kind, language.order)
    )
    status = cells.get(_folded(language.status), "") if language.status else ""
    meant = {_bare(word): meaning for word, meaning in language.statuses.items()}
    texts = (kind, order, meant.get(_bare(status), ""))
    posted = _instant(cells.get(_folded(language.date), ""))
    reading.money += [Money(line, settlement, part, currency, texts, posted) for part in parts if part]


def _bare(word: str) -> str:
    """A status word as it may be compared: no reader has to be stricter about spaces and capitals in it."""
    return "".join(word.split()).casefold()


def _instant(cell: str) -> datetime | None:
    """The forms that the templates write; others are not compared."""
    us = re.fullmatch(r"([A-Z][a-z]{2}) (\d\d?), (\d{4}) (\d\d?):(\d\d):(\d\d) (AM|PM) PDT", cell, re.ASCII)
    if us and us[1].lower() in _EN:
        hour = int(us[4]) % 12 + (12 if us[7] == "PM" else 0)
        return _utc(int(us[3]), _EN.index(us[1].lower()) + 1, us[2], hour, us[5], us[6], offset=-7)
    br = re.fullmatch(r"(\d\d?) de ([a-z]{3})\. de (\d{4}) (\d\d):(\d\d):(\d\d) GMT-8", cell, re.ASCII)
    if br and br[2] in _PT:
        return _utc(int(br[3]), _PT.index(br[2]) + 1, br[1], br[4], br[5], br[6], offset=-8)
    de = re.fullmatch(r"(\d\d)\.(\d\d)\.(\d{4}) (\d\d):(\d\d):(\d\d) UTC", cell, re.ASCII)
    if de:
        return _utc(int(de[3]), int(de[2]), de[1], de[4], de[5], de[6], offset=0)
    jp = re.fullmatch(r"(\d{4})/(\d\d)/(\d\d) (\d\d?):(\d\d):(\d\d) JST", cell, re.ASCII)
    return _utc(int(jp[1]), int(jp[2]), jp[3], jp[4], jp[5], jp[6], offset=9) if jp else None


def _utc(year: int, month: int, *rest: str | int, offset: int) -> datetime | None:
    try:
        there = datetime(year, month, *map(int, rest), tzinfo=UTC)  # type: ignore[misc, arg-type]  # day, hour, minute, second
        return there - timedelta(hours=offset)
    except (ValueError, OverflowError):
        return None
