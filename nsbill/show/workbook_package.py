"""Put rows into the sheets of a workbook that XlsxWriter made, as a stream.

XlsxWriter writes everything but the rows of frames: styles, headings, filters, print set-up. Below the heading each
such sheet has one row of empty cells, one per style; it tells the styles' numbers and is replaced by the rows. Only the
file format is relied on (ECMA-376), and the rows of 100,000 orders are never in memory at once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

from nsbill.show.workbook_rows import STYLES, column_letter, xml_rows
from nsbill.show.workbook_sheet import FrameSheet

__all__ = ["fill_sheets"]

_HEAVY = 20_000
_STYLE = re.compile(r'<c r="[A-Z]+2" s="(\d+)"/>')
_PLACE = re.compile(r'<row r="2"[^>]*>.*?</row>', re.DOTALL)
_DIMENSION = re.compile(r'<dimension ref="[^"]*"/>')


def fill_sheets(made: Path, filled: Path, sheets: Mapping[int, FrameSheet]) -> None:
    """Copy the workbook ``made`` to ``filled`` with the rows of frames in it; sheets by their number, first is 1."""
    parts = {f"xl/worksheets/sheet{number}.xml": sheet for number, sheet in sheets.items()}
    with ZipFile(made) as before, ZipFile(filled, "w", ZIP_DEFLATED) as after:
        for entry in before.infolist():
            content = before.read(entry)
            if entry.filename in parts:
                _write_filled(after, entry.filename, content.decode(), parts[entry.filename])
            else:
                after.writestr(entry, content)


def _write_filled(package: ZipFile, name: str, xml: str, sheet: FrameSheet) -> None:
    found = [int(number) for number in _STYLE.findall(xml)]
    head, tail = _PLACE.split(xml)
    last = f"{column_letter(len(sheet.schema.columns) - 1)}{sheet.table.num_rows + 1}"
    with package.open(name, "w", force_zip64=sheet.table.num_rows > _HEAVY) as out:
        out.write(_DIMENSION.sub(f'<dimension ref="A1:{last}"/>', head).encode())
        styles = dict(zip(STYLES, found, strict=True))
        for rows in xml_rows(sheet.table, styles=styles, formulas=sheet.formulas, first_row=2, widths=sheet.wrapped):
            out.write(rows)
        out.write(tail.encode())
