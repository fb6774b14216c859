"""Mutations that keep the meaning: another dress of the same file. It must be accepted, with the same money."""

from __future__ import annotations

from decimal import Decimal
from random import Random

from benchmarks.fuzz_amounts import amount_of
from benchmarks.fuzz_sheet import HEADER_AGAIN, Sheet

__all__ = ["DRESSES"]

_SAMPLES = {"utf-8": ("Größe-1", "青い皿", "naïve ✓"), "cp1252": ("Größe-1", "½ Ç"), "cp932": ("青い皿",)}


def _shuffled_columns(sheet: Sheet, rng: Random) -> None:
    order = list(range(len(sheet.columns)))
    rng.shuffle(order)
    sheet.columns = [sheet.columns[i] for i in order]
    sheet.header = [sheet.header[i] for i in order]
    sheet.rows = [[row[i] for i in order] if len(row) == len(order) else row for row in sheet.rows]


def _shuffled_rows(sheet: Sheet, rng: Random) -> None:
    """Files are not sorted; here the summary rows move too."""
    rng.shuffle(sheet.rows)


def _crlf(sheet: Sheet, rng: Random) -> None:
    sheet.newline, sheet.newline_after = "\r\n", {}


def _carriage_returns(sheet: Sheet, rng: Random) -> None:
    sheet.newline, sheet.newline_after, sheet.last_newline = "\r", {}, True


def _mixed_ends(sheet: Sheet, rng: Random) -> None:
    sheet.newline = "\n"
    sheet.newline_after = {n: "\r\n" for n in range(len(sheet.rows)) if rng.random() < 0.5}


def _no_last_end(sheet: Sheet, rng: Random) -> None:
    sheet.last_newline = False


def _bom(sheet: Sheet, rng: Random) -> None:
    sheet.bom = True


def _gz(sheet: Sheet, rng: Random) -> None:
    sheet.packed = "gz"


def _zip(sheet: Sheet, rng: Random) -> None:
    sheet.packed = "zip"


def _trailing_spaces(sheet: Sheet, rng: Random) -> None:
    for row in sheet.rows:
        for at in range(len(row) if row[0] != HEADER_AGAIN else 0):
            if rng.random() < 0.2 and (row[at] or rng.random() < 0.1):
                row[at] += " " * (rng.choice((1, 1, 4)) if row[at] else 1)


def _blank_lines(sheet: Sheet, rng: Random) -> None:
    for _ in range(rng.randint(1, 4)):
        sheet.rows.insert(rng.randint(0, len(sheet.rows)), [rng.choice(("", "", "    "))])


def _blank_last_line(sheet: Sheet, rng: Random) -> None:
    sheet.rows.append([rng.choice(("", "    "))])


def _blank_cells(sheet: Sheet, rng: Random) -> None:
    """A row of empty cells, as spreadsheets leave them."""
    sheet.rows.insert(rng.randint(0, len(sheet.rows)), [""] * len(sheet.columns))


def _extra_column(sheet: Sheet, rng: Random) -> None:
    at = rng.randint(0, len(sheet.columns))
    name = rng.choice(sheet.roles.extra)
    if name in sheet.columns:
        return
    sheet.columns.insert(at, name)
    sheet.header.insert(at, name)
    for row in sheet.rows:
        if len(row) == len(sheet.columns) - 1:
            row.insert(at, rng.choice(("", "x", "12.34", "-0,5", "12.07.2026")) if "".join(row).strip() else "")


def _missing_column(sheet: Sheet, rng: Random) -> None:
    """Only those that nsbill does not need."""
    names = [name for name in sheet.roles.optional if name in sheet.columns]
    if names:
        at = sheet.at(rng.choice(names))
        for row in (sheet.columns, sheet.header, *sheet.rows):
            if len(row) > at:
                del row[at]


def _header_case(sheet: Sheet, rng: Random) -> None:
    change = rng.choice((str.upper, str.title, str.capitalize))
    sheet.header = [change(name) for name in sheet.header]


def _header_spaces(sheet: Sheet, rng: Random) -> None:
    sheet.header = [name + " " * rng.choice((0, 0, 1, 3)) for name in sheet.header]


def _preamble(sheet: Sheet, rng: Random) -> None:
    sheet.preamble = (
        rng.choice((["Amazon Payments Europe S.C.A."], ["", ""], ["Period\t01.01.2026", ""])) + sheet.preamble
    )


def _twin_row(sheet: Sheet, rng: Random) -> None:
    """One more line that is byte-identical to another, and a total that counts it. Never dedupe lines."""
    rows = sheet.money_rows()
    if not rows:
        return
    twin = list(sheet.rows[rng.choice(rows)])
    sheet.rows.append(twin)
    own, total = sheet.at(sheet.roles.settlement), sheet.at(sheet.roles.total)
    settlement = twin[own].strip()
    cells = [twin[at].strip() for at in map(sheet.at, sheet.roles.amounts) if at >= 0]
    values = [found[0] for cell in cells if (found := amount_of(cell, mark=sheet.mark))]
    sheet.lines_total[settlement] += sum(values, Decimal(0))
    if sheet.stated[settlement] is None:
        return
    sheet.stated[settlement] = sheet.lines_total[settlement]
    for number, _ in sheet.filled(sheet.roles.total):
        row = sheet.rows[number]
        if row[own].strip() == settlement:
            row[total] = str(sheet.lines_total[settlement]).replace(".", "," if "," in row[total] else ".")


def _text(sheet: Sheet, rng: Random) -> None:
    """A SKU in characters beyond ASCII, in UTF-8 or in what older downloads use."""
    sheet.encoding = rng.choice(("utf-8", "utf-8", "cp1252"))
    if not all(cell.isascii() for row in (*sheet.rows, sheet.header, sheet.preamble) for cell in row):
        sheet.encoding = "utf-8"
    at = sheet.at("sku")
    for number in sheet.money_rows() if at >= 0 else ():
        if rng.random() < 0.5:
            sheet.rows[number][at] = rng.choice(_SAMPLES[sheet.encoding])


def _quotes(sheet: Sheet, rng: Random) -> None:
    """Quotes have no meaning here; a single one must not swallow lines."""
    at = sheet.at("sku")
    for number in sheet.money_rows() if at >= 0 else ():
        if rng.random() < 0.3:
            sheet.rows[number][at] = rng.choice(('"', '12" plate', '"a" b', "'", '""', "a\\", "\\", "a,b;c"))


def _plus_signs(sheet: Sheet, rng: Random) -> None:
    for number, at in sheet.filled(*sheet.roles.amounts):
        cell = sheet.rows[number][at]
        if rng.random() < 0.3 and cell[0].isdigit():
            sheet.rows[number][at] = f"+{cell}"


DRESSES = {
    "shuffled columns": _shuffled_columns, "shuffled rows": _shuffled_rows, "CRLF": _crlf, "CR": _carriage_returns,
    "mixed line ends": _mixed_ends, "no last line end": _no_last_end, "byte order mark": _bom, "gz": _gz, "zip": _zip,
    "trailing spaces": _trailing_spaces, "blank lines": _blank_lines, "blank last line": _blank_last_line,
    "row of empty cells": _blank_cells, "extra column": _extra_column, "missing column": _missing_column,
    "header case": _header_case, "header spaces": _header_spaces, "preamble": _preamble, "twin row": _twin_row,
    "other characters": _text, "quotes": _quotes, "plus signs": _plus_signs,
}  # fmt: skip
"""By name; each changes a sheet in place."""
