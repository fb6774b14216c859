"""Rows of a sheet as Office Open XML (ECMA-376, part 1, section 18.3), column by column with Arrow.

Amounts go into the file as the digits they have. Excel reads a number as a double and keeps 15 significant digits, so
amounts of 10¹³ and more (with two decimals: 16 digits) are written as text, and formulas that would need them as
values. Every cell carries its style; text is written inline and is text whatever it looks like.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from nsbill.money import MONEY, minor_units
from nsbill.show.files import FORMULA_LIKE
from nsbill.show.workbook_formulas import Formula

__all__ = ["BEYOND_EXCEL", "STYLES", "Cells", "cell_text", "column_letter", "xml_rows"]

BEYOND_EXCEL = Decimal(10) ** 13
"""Amounts of this size and more have more digits than Excel keeps."""

STYLES = ("plain", "quoted", "cents", "whole", "rate", "exact", "day", "instant", "count")
"""The styles that cells of a frame have; ``exact`` is an amount or number that had to become text."""

_CHUNK = 5_000
_TEXT = pa.large_string()
_LONGEST = 32_000
_MOST_UNITS = 32_700
"""A cell holds 32,767 UTF-16 code units."""
_MAYBE_LONG = 16_000
_SPECIAL = r"[\x00-\x08\x0B-\x1F\x7F\x{FFFE}\x{FFFF}]|_x[0-9a-fA-F]{4}_"
_TO_ESCAPE = re.compile("[\x00-\x08\x0b-\x1f\x7f\ufffe\uffff]|_(?=x[0-9a-fA-F]{4}_)")
_LINE, _MOST_LINES = 15, 12
"""Points of a line of text, and lines of a row at most."""
_EPOCH = 25_569
"""Excel's serial number of 1970-01-01."""
_FIRST_SERIAL, _LAST_SERIAL = 61, 2_958_465
"""1900-03-01, before which Excel's calendar is wrong, and 9999-12-31."""
_DIGITS = 15
_INTEGERS = 10**_DIGITS


@dataclass(frozen=True)
class Cells:
    """What a column of a sheet is made with: its letter, the styles' numbers, and the letters of its neighbours."""

    letter: str
    styles: Mapping[str, int]
    letters: Mapping[str, str]


def xml_rows(
    table: pa.Table,
    *,
    styles: Mapping[str, int],
    formulas: Mapping[str, Formula],
    first_row: int,
    widths: Mapping[str, int] | None = None,
) -> Iterator[bytes]:
    """Yield the ``<row>`` elements of a table in pieces; ``styles`` are the numbers of ``STYLES`` in the workbook.

    ``widths``: the columns' widths in characters, when texts are wrapped; every row is then made as high as it needs.
    """
    letters = {name: column_letter(index) for index, name in enumerate(table.column_names)}
    whole = [code for code in _currencies(table) if minor_units(code) == 0]
    for start in range(0, table.num_rows, _CHUNK):
        part = table.slice(start, _CHUNK).combine_chunks()
        numbers = pa.array(range(first_row + start, first_row + start + part.num_rows), pa.int64()).cast(_TEXT)
        cells = [
            _cells(part, name, numbers, Cells(letters[name], styles, letters), formulas.get(name), whole)
            for name in part.column_names
        ]
        high = _t('">') if widths is None else _heights(part, widths)
        rows = pc.binary_join_element_wise(_t('<row r="'), numbers, high, *cells, _t("</row>"), _t(""))
        yield "".join(rows.to_pylist()).encode()


def column_letter(index: int) -> str:
    """Return Excel's name of a zero-based column: 0 is A, 26 is AA."""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def cell_text(text: str) -> str:
    """Return at most what a cell can hold, and say so when that is not all."""
    if len(text) <= _LONGEST and len(text.encode("utf-16-le")) <= 2 * _MOST_UNITS:
        return text
    kept = text[:_LONGEST].encode("utf-16-le")[: 2 * _LONGEST].decode("utf-16-le", errors="ignore")
    return f"{kept}… (cut: {len(text):,} characters are more than a cell can hold)"


def _heights(part: pa.Table, widths: Mapping[str, int]) -> pa.Array:
    """The end of each row's tag, with the height of its longest wrapped text."""
    lines = pa.array([1] * part.num_rows, pa.int64())
    for name, width in widths.items():
        if pa.types.is_string(part[name].type) or pa.types.is_large_string(part[name].type):
            length = pc.fill_null(pc.utf8_length(part[name]).cast(pa.int64()), 0)
            needed = pc.divide(pc.add(pc.max_element_wise(length, 1), width - 2), max(width - 1, 1))
            lines = pc.max_element_wise(lines, needed)
    points = pc.multiply(pc.min_element_wise(lines, _MOST_LINES), _LINE).cast(_TEXT)
    tall = pc.binary_join_element_wise(_t('" ht="'), points, _t('" customHeight="1">'), _t(""))
    flat = pc.if_else(pc.greater(lines, 1), tall, _t('">'))
    return pa.concat_arrays(flat.chunks) if isinstance(flat, pa.ChunkedArray) else flat


def _currencies(table: pa.Table) -> list[str]:
    return [str(code) for code in pc.unique(table["currency"]).to_pylist() if code] if _has_currency(table) else []


def _has_currency(table: pa.Table) -> bool:
    return "currency" in table.column_names


def _cells(
    part: pa.Table, name: str, numbers: pa.Array, cells: Cells, formula: Formula | None, whole: Sequence[str]
) -> pa.Array:
    """The cells of one column, one text a row; no cell where the value is empty."""
    column = part[name].combine_chunks()
    if isinstance(column, pa.ChunkedArray):  # an empty or a single chunk, by Arrow's version
        column = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
    kind = column.type
    if kind == MONEY:
        made = _money(part, column, numbers, cells, formula=formula, whole=whole)
    elif pa.types.is_decimal(kind):
        made = _rates(column, numbers, cells)
    elif pa.types.is_date(kind):
        made = _days(column, numbers, cells)
    elif pa.types.is_timestamp(kind):
        made = _instants(column, numbers, cells)
    elif pa.types.is_boolean(kind):
        digit = pc.if_else(column, _t("1"), _t("0"))
        made = _cell(cells, numbers, _style(cells, "plain"), _t('" t="b"><v>'), digit, _t("</v></c>"))
    elif pa.types.is_integer(kind):
        made = _integers(column, numbers, cells)
    else:
        made = _texts(column.cast(_TEXT), numbers, cells)
    return pc.fill_null(made, "")


def _money(
    part: pa.Table,
    column: pa.Array,
    numbers: pa.Array,
    cells: Cells,
    *,
    formula: Formula | None,
    whole: Sequence[str],
) -> pa.Array:
    digits = column.cast(_TEXT)
    style = _style(cells, "cents")
    if whole and _has_currency(part):  # no decimals for yen, unless a fraction has to stay visible
        is_whole = pc.and_(
            pc.is_in(part["currency"].combine_chunks(), pa.array(whole, part["currency"].type)),
            pc.ends_with(digits, ".00"),
        )
        style = pc.if_else(pc.fill_null(is_whole, False), _style(cells, "whole"), style)
    number = _cell(cells, numbers, style, _t('"><v>'), digits, _t("</v></c>"))
    if formula is not None:
        live = _live(part, column, formula)
        code = _formula_code(formula, numbers, cells.letters)
        with_code = _cell(cells, numbers, style, _t('"><f>'), code, _t("</f><v>"), digits, _t("</v></c>"))
        number = pc.if_else(live, with_code, number)
    too_long = _too_long(column)
    if not pc.any(too_long).as_py():
        return number
    grouped = pa.array([None if value is None else f"{value:,f}" for value in column.to_pylist()], _TEXT)
    return pc.if_else(too_long, _inline(cells, numbers, _style(cells, "exact"), grouped), number)


def _formula_code(formula: Formula, numbers: pa.Array, letters: Mapping[str, str]) -> pa.Array:
    """The formula of every row: its text with the row's number in each place of it."""
    pieces = formula.excel(lambda name: f"{letters[name]}\x00").split("\x00")
    parts = [_t(pieces[0])]
    for piece in pieces[1:]:
        parts += [numbers, _t(piece)]
    return pc.binary_join_element_wise(*parts, _t(""))


def _live(part: pa.Table, column: pa.Array, formula: Formula) -> pa.Array:
    """Where a formula can stand: all it needs is there, as numbers."""
    limit = pa.scalar(BEYOND_EXCEL if len(formula.terms) <= 3 else BEYOND_EXCEL / 10, pa.decimal128(20, 2))
    live = pc.less(pc.abs(column), limit)
    for name in formula.inputs:
        live = pc.and_(live, pc.less(pc.abs(part[name].combine_chunks()), limit))
    return pc.fill_null(live, False)


def _too_long(column: pa.Array) -> pa.Array:
    return pc.greater_equal(pc.abs(column), pa.scalar(BEYOND_EXCEL, pa.decimal128(20, 2)))


def _days(column: pa.Array, numbers: pa.Array, cells: Cells) -> pa.Array:
    serial = pc.add(column.cast(pa.date32()).cast(pa.int32()).cast(pa.int64()), _EPOCH)
    day = _cell(cells, numbers, _style(cells, "day"), _t('"><v>'), serial.cast(_TEXT), _t("</v></c>"))
    fits = pc.and_(pc.greater_equal(serial, _FIRST_SERIAL), pc.less_equal(serial, _LAST_SERIAL))
    return pc.if_else(fits, day, _inline(cells, numbers, _style(cells, "plain"), column.cast(_TEXT)))


def _instants(column: pa.Array, numbers: pa.Array, cells: Cells) -> pa.Array:
    """UTC; Excel knows no time zones."""
    ticks = column.cast(pa.timestamp("us")).cast(pa.int64()).cast(pa.float64())
    serial = pc.add(pc.divide(ticks, 86_400_000_000.0), pa.scalar(_EPOCH, pa.float64()))
    return _cell(cells, numbers, _style(cells, "instant"), _t('"><v>'), serial.cast(_TEXT), _t("</v></c>"))


def _rates(column: pa.Array, numbers: pa.Array, cells: Cells) -> pa.Array:
    """Decimals that are no amounts, such as rates; with more than 15 digits as text."""
    digits = column.cast(_TEXT)
    number = _cell(cells, numbers, _style(cells, "rate"), _t('"><v>'), digits, _t("</v></c>"))
    significant = pc.utf8_length(pc.replace_substring_regex(digits, r"^-?0*\.?0*|\.", ""))
    fits = pc.less_equal(significant, _DIGITS)
    return pc.if_else(fits, number, _inline(cells, numbers, _style(cells, "exact"), digits))


def _integers(column: pa.Array, numbers: pa.Array, cells: Cells) -> pa.Array:
    digits = column.cast(_TEXT)
    number = _cell(cells, numbers, _style(cells, "count"), _t('"><v>'), digits, _t("</v></c>"))
    wide = column.cast(pa.int64())
    fits = pc.and_(pc.less(wide, _INTEGERS), pc.greater(wide, -_INTEGERS))
    return pc.if_else(fits, number, _inline(cells, numbers, _style(cells, "exact"), digits))


def _texts(column: pa.Array, numbers: pa.Array, cells: Cells) -> pa.Array:
    odd = pc.or_(pc.match_substring_regex(column, _SPECIAL), pc.greater(pc.utf8_length(column), _MAYBE_LONG))
    escaped = column
    for raw, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        escaped = pc.replace_substring(escaped, raw, entity)
    if pc.any(odd).as_py():
        rare = pc.if_else(odd, column, pa.scalar(None, _TEXT)).to_pylist()
        escaped = pc.coalesce(pa.array([None if text is None else _escaped(text) for text in rare], _TEXT), escaped)
    risky = pc.match_substring_regex(column, FORMULA_LIKE)
    style = pc.if_else(risky, _style(cells, "quoted"), _style(cells, "plain"))
    return _inline(cells, numbers, style, escaped)


def _escaped(text: str) -> str:
    """Write a text that has control characters, is too long, or looks like the escape of one (section 22.9.2.19)."""
    safe = _TO_ESCAPE.sub(lambda match: f"_x{ord(match[0]):04X}_", cell_text(text))
    return safe.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _inline(cells: Cells, numbers: pa.Array, style: pa.Array | pa.Scalar, text: pa.Array) -> pa.Array:
    opening = _t('" t="inlineStr"><is><t xml:space="preserve">')
    return _cell(cells, numbers, style, opening, text.cast(_TEXT), _t("</t></is></c>"))


def _cell(cells: Cells, numbers: pa.Array, style: pa.Array | pa.Scalar, *content: pa.Array | pa.Scalar) -> pa.Array:
    return pc.binary_join_element_wise(_t(f'<c r="{cells.letter}'), numbers, _t('" s="'), style, *content, _t(""))


def _style(cells: Cells, name: str) -> pa.Scalar:
    return _t(str(cells.styles[name]))


def _t(text: str) -> pa.Scalar:
    return pa.scalar(text, _TEXT)
