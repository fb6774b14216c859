"""Mutations of cells, rows and columns that may change the meaning: what spreadsheets, editors and bad luck do to files.

A reader may refuse the result or read what it says; never something else.
"""

from __future__ import annotations

from random import Random

from benchmarks.fuzz_sheet import HEADER_AGAIN, Sheet

__all__ = ["CELLS", "COLUMNS", "ODD_AMOUNTS", "ODD_CURRENCIES", "ODD_DATES", "ODD_IDS", "ODD_TEXTS", "ROWS"]

_FULLWIDTH = {ord("0") + n: 0xFF10 + n for n in range(10)}
_ARABIC = {ord("0") + n: 0x0660 + n for n in range(10)}
_OTHER_MARK = str.maketrans(".,", ",.")

ODD_AMOUNTS = (
    "", " ", "1,234.56", "1.234,56", "1 234.56", "1\u00a0234,56", "1\u202f234,56", "1'234.56", "1,44,957.78", "1,234",
    "1.234", "1e3", "1E-2", "1.5e2", ".5", "5.", ",5", "-.5", "+5", "--5", "+-5", "5-", "(5.00)", "5.005", "0.001", "-0.00",
    "0", "00012.30", "9999999999999999.99", "99999999999999999.99", "1234567890123456789", "-1234567890123456.78",
    "1.2.3", "1,2,3", ".", "-", "+", "NaN", "nan", "inf", "Infinity", "-inf", "null", "NULL", "None", "#REF!", "#VALUE!",
    "########", "0x10", "1_000", "$5.00", "5.00 USD", "€5,00", "￥500", "−5.00", "–5.00", "５.００", "٥.٠٠", "5·00", "5٫00",
    "true", "5.00\u200b", "\ufeff5.00", "5 .00", "5. 00", "- 5.00", "=5.00", "5.00%", "5/2", "'5.00", '"5.00"', "5\\", "1.10.",
)  # fmt: skip

ODD_DATES = (
    "06/05/26", "06/05/2026", "05.06.2026", "2026-06-05", "2026-06-05 10:11:12", "2026-06-05T10:11:12Z",
    "2026-06-05T10:11:12+00:00", "2026-06-05 10:11:12 PST", "2026-06-05 10:11:12 UTC+2", "2026-06-05 10:11:12 utc",
    "2026-02-30 10:11:12 UTC", "2026-13-01 10:11:12 UTC", "31.02.2026 10:11:12 UTC", "01.13.2026 10:11:12 UTC",
    "0001-01-01 00:00:00 UTC", "9999-12-31 23:59:59 UTC", "0000-00-00 00:00:00 UTC", "01.01.0001 00:00:00 UTC",
    "31.12.9999 23:59:59 UTC", "2026-06-05 24:00:00 UTC", "2026-06-05 10:11:60 UTC", "2026-06-05 10:61:12 UTC",
    "5.6.2026 1:02:03 UTC", "2026-6-5 1:2:3 UTC", "26-06-05 10:11:12 UTC", "05.06.26 10:11:12 UTC", "05.06.2026 10:11 UTC",
    "2026-06-05 10:11:12 UTC UTC", "2026-06-05  10:11:12 UTC", "2026-06-05 10:11:12.123 UTC", "45812.42", "Jun 5, 2026",
    "heute", "########", "", "２０２６-06-05 10:11:12 UTC", "12026-06-05 10:11:12 UTC", "-2026-06-05 10:11:12 UTC",
    "05.06.2026 10:11:12 UTC", "2026-06-05 10:11:12 UTC",
)  # fmt: skip

ODD_IDS = (
    "", " ", "123 456 789", "1.2395580393E10", "123955803930000000000000000000", "ABC", "12395580393A", "-12395580393",
    "+12395580393", "0", "12395580393.0", "１２３９５５８０３９３", "12,395,580,393", "1234", "00000000001", "null",
    "../../../etc/passwd", "..", "a/b", "12395580393\u00a0", "settlement-id", "12345678901234567890", "NaN",
)  # fmt: skip

ODD_CURRENCIES = (
    "",
    "usd",
    "Usd",
    "US",
    "USDX",
    "€",
    "$",
    "EUR ",
    "eur",
    "GBP",
    "JPY",
    "XXX",
    "U S",
    "ＵＳＤ",
    "840",
    "\u00a0USD",
)
_ODD_QUANTITIES = (
    "",
    "0",
    "-1",
    "1.0",
    "1,0",
    "1e3",
    "2 ",
    "two",
    "99999999999999999999",
    "1.5",
    "+1",
    "１",
    "NaN",
    "0x1",
)
_ODD_ORDERS = (
    "", "1211397397571528200", "1.1121E+18", "111-0000000-0000001 ", "111 0000000 0000001", "111-000000-0000001", "S01-",
    "FBA15ABCDEF", "FBA15abc", "111-0000000-0000001\u00a0", "１１１-0000000-0000001", "order-id", "S01-1234567-1234567", "#N/A",
)  # fmt: skip
ODD_TEXTS = (
    "", "    Order", "  Order", "Order    ", "order", "ORDER", "Principal", "ItemPrice", "\u00a0", "x" * 300, "a\u2028b", "a\x0bb",
    "a\x0cb", "a\x85b", "a\x1cb", "a\x1fb", "NULL", "\\N", "#N/A", "=1+1", "\u202eredrO", "amount", "settlement-id", "日本", "\ufeff", '"',
    "'", "\\", "\\t", "\\n", "a\x7fb", "\x1b[31m", "%s", "{}", "; DROP TABLE", "e\u0301", "\U0001f600",
)  # fmt: skip


def _put(sheet: Sheet, rng: Random, columns: tuple[str, ...], values: tuple[str, ...]) -> None:
    """Write one of ``values`` into one of the filled cells of ``columns``."""
    if cell := sheet.any_cell(rng, *columns):
        sheet.rows[cell[0]][cell[1]] = rng.choice(values)


def _money(sheet: Sheet) -> tuple[str, ...]:
    return (*sheet.roles.amounts, *([sheet.roles.total] * 2))


def _odd_amount(sheet: Sheet, rng: Random) -> None:
    _put(sheet, rng, _money(sheet), ODD_AMOUNTS)


def _rewritten_amount(sheet: Sheet, rng: Random) -> None:
    """The same number, written otherwise: the total still ties if it is understood, so a wrong reading shows."""
    cell = sheet.any_cell(rng, *_money(sheet))
    if not cell:
        return
    text = sheet.rows[cell[0]][cell[1]].strip()
    sign, digits = ("-", text[1:]) if text[:1] == "-" else ("", text)
    whole = digits.replace(",", ".").partition(".")[0]
    forms = (
        text.translate(_OTHER_MARK), text + "0", text + "00", text.replace("-", "−"), text.translate(_FULLWIDTH),
        text.translate(_ARABIC), f"({digits})" if sign else digits, f"{digits}{sign}", f"{sign}0{digits}", f"{sign}000{digits}",
        f"\u00a0{text}", f"{text}\u00a0", f" {text}", f"{text} ", f"${text}", f"{text} EUR", f'"{text}"', f"'{text}",
        f"{sign} {digits}", f"{sign}{whole}", f"{sign}{_grouped(whole, ',')}{digits[len(whole):]}", f"{text}\u200b", f"{text}\x0b",
        f"{sign}{whole[:-1]}.{whole[-1:]}e1", f"+{digits}", f"-{digits}", f"--{digits}", text.rstrip("0"), text[:-1], f"{text}\x0c",
    )  # fmt: skip
    sheet.rows[cell[0]][cell[1]] = rng.choice(forms)


def _random_amount(sheet: Sheet, rng: Random) -> None:
    if cell := sheet.any_cell(rng, *_money(sheet)):
        text = sheet.rows[cell[0]][cell[1]]
        digits = [at for at, character in enumerate(text) if character.isdigit()]
        at = rng.choice(digits) if digits else 0
        sheet.rows[cell[0]][cell[1]] = text[:at] + rng.choice("0123456789.,-+eE ") + text[at + rng.randint(0, 1) :]


def _decimal_marks(sheet: Sheet, rng: Random) -> None:
    """The other decimal mark in some of the amounts, as when two files of two sites were put together."""
    share = rng.choice((0.1, 0.5, 0.9, 1))
    for number, at in sheet.filled(*sheet.roles.amounts, sheet.roles.total):
        if rng.random() < share:
            sheet.rows[number][at] = sheet.rows[number][at].translate(_OTHER_MARK)


def _grouped(whole: str, mark: str) -> str:
    short = len(whole) < 100  # Python reads no endless numbers
    return f"{int(whole):,}".replace(",", mark) if short and whole.isdecimal() else whole


def _grouping(sheet: Sheet, rng: Random) -> None:
    """Thousands marks in all amounts, as a spreadsheet shows them."""
    mark = rng.choice(",. \u00a0\u202f'")
    for number, at in sheet.filled(*sheet.roles.amounts, sheet.roles.total):
        text = sheet.rows[number][at]
        whole = text.replace(",", ".").partition(".")[0]
        sign = whole[: len(whole) - len(whole.lstrip("-"))]
        sheet.rows[number][at] = sign + _grouped(whole[len(sign) :], mark) + text[len(whole) :]


def _odd_date(sheet: Sheet, rng: Random) -> None:
    _put(sheet, rng, sheet.roles.dates, ODD_DATES)


def _other_dates(sheet: Sheet, rng: Random) -> None:
    """Day and month change places in some of the dates, or the other way of writing them comes in."""
    share = rng.choice((0.1, 0.5, 1))
    for number, at in sheet.filled(*sheet.roles.dates):
        text = sheet.rows[number][at]
        if rng.random() < share and len(text) >= 10:
            if text[2:3] == ".":
                sheet.rows[number][at] = rng.choice(
                    (f"{text[3:5]}.{text[:2]}{text[5:]}", f"{text[6:10]}-{text[3:5]}-{text[:2]}{text[10:]}")
                )
            elif text[4:5] == "-":
                sheet.rows[number][at] = rng.choice((f"{text[:4]}-{text[8:10]}-{text[5:7]}{text[10:]}", f"{text[8:10]}.{text[5:7]}.{text[:4]}{text[10:]}"))  # fmt: skip


def _odd_id(sheet: Sheet, rng: Random) -> None:
    _put(sheet, rng, (sheet.roles.settlement,), ODD_IDS)


def _near_id(sheet: Sheet, rng: Random) -> None:
    """One digit of one settlement id; in all rows or in one."""
    if cell := sheet.any_cell(rng, sheet.roles.settlement):
        old = sheet.rows[cell[0]][cell[1]]
        at = rng.randrange(len(old))
        new = old[:at] + rng.choice("0123456789") + old[at + 1 :]
        everywhere = rng.random() < 0.3
        for number, position in sheet.filled(sheet.roles.settlement):
            if (everywhere and sheet.rows[number][position] == old) or number == cell[0]:
                sheet.rows[number][position] = new


def _odd_currency(sheet: Sheet, rng: Random) -> None:
    if not sheet.roles.currency:
        return
    at, value = sheet.at(sheet.roles.currency), rng.choice(ODD_CURRENCIES)
    rows = [row for row in sheet.rows if len(row) > at]
    for row in rows if rng.random() < 0.3 else rng.sample(rows, 1) if rows else []:
        row[at] = value


def _odd_order(sheet: Sheet, rng: Random) -> None:
    _put(sheet, rng, (sheet.roles.order,), _ODD_ORDERS)


def _odd_quantity(sheet: Sheet, rng: Random) -> None:
    _put(sheet, rng, (sheet.roles.quantity,), _ODD_QUANTITIES)


def _odd_text(sheet: Sheet, rng: Random) -> None:
    _put(sheet, rng, sheet.roles.texts, ODD_TEXTS)


def _anything_anywhere(sheet: Sheet, rng: Random) -> None:
    """Any odd value in any cell, empty ones too."""
    row = rng.choice(sheet.rows)
    if row[0] != HEADER_AGAIN:
        values = rng.choice((ODD_AMOUNTS, ODD_DATES, ODD_IDS, ODD_CURRENCIES, _ODD_ORDERS, ODD_TEXTS, _ODD_QUANTITIES))
        row[rng.randrange(len(row))] = rng.choice(values)


def _emptied(sheet: Sheet, rng: Random) -> None:
    row = rng.choice(sheet.rows)
    row[rng.randrange(len(row))] = ""


def _long_cell(sheet: Sheet, rng: Random) -> None:
    row = rng.choice(sheet.rows)
    unit = rng.choice(("x", "9", " ", "ü", '"', "5,"))
    row[rng.randrange(len(row))] = unit * rng.choice((300, 3_000, 40_000, 200_000))


def _moved_cells(sheet: Sheet, rng: Random) -> None:
    """A cell too many, or one too few, so that the rest of the row moves; sometimes made good at its end."""
    row = rng.choice(sheet.rows)
    at = rng.randrange(len(row))
    if rng.random() < 0.5:
        row.insert(at, "")
        if rng.random() < 0.6:
            row.pop()
    elif len(row) > 1:
        del row[at]
        if rng.random() < 0.6:
            row.append("")


def _merged_cells(sheet: Sheet, rng: Random) -> None:
    row = rng.choice(sheet.rows)
    if len(row) > 2:
        at = rng.randrange(len(row) - 1)
        row[at : at + 2] = [rng.choice(("", " ")).join(row[at : at + 2]), *([""] if rng.random() < 0.5 else [])]


CELLS = {
    "odd amount": _odd_amount, "rewritten amount": _rewritten_amount, "a digit of an amount": _random_amount,
    "decimal marks": _decimal_marks, "thousands marks": _grouping, "odd date": _odd_date, "other dates": _other_dates,
    "odd settlement id": _odd_id, "near settlement id": _near_id, "odd currency": _odd_currency, "odd order id": _odd_order,
    "odd quantity": _odd_quantity, "odd text": _odd_text, "anything anywhere": _anything_anywhere, "emptied cell": _emptied,
    "long cell": _long_cell, "moved cells": _moved_cells, "merged cells": _merged_cells,
}  # fmt: skip


def _dropped_rows(sheet: Sheet, rng: Random) -> None:
    for _ in range(rng.choice((1, 1, 2, len(sheet.rows)))):
        if sheet.rows:
            del sheet.rows[rng.randrange(len(sheet.rows))]


def _doubled_row(sheet: Sheet, rng: Random) -> None:
    sheet.rows.insert(rng.randint(0, len(sheet.rows)), list(rng.choice(sheet.rows)))


def _doubled_file(sheet: Sheet, rng: Random) -> None:
    again = [list(row) for row in sheet.rows]
    sheet.rows += [[HEADER_AGAIN], *again] if rng.random() < 0.5 else again


def _swapped_cells(sheet: Sheet, rng: Random) -> None:
    """Two rows exchange one cell."""
    a, b = rng.choice(sheet.rows), rng.choice(sheet.rows)
    at = rng.randrange(min(len(a), len(b)))
    a[at], b[at] = b[at], a[at]


def _sorted_column(sheet: Sheet, rng: Random) -> None:
    """One column was sorted on its own."""
    at = sheet.at(rng.choice(sheet.columns))
    rows = [row for row in sheet.rows if len(row) > at and row[0] != HEADER_AGAIN]
    for row, cell in zip(rows, sorted(row[at] for row in rows), strict=True):
        row[at] = cell


def _filled_down(sheet: Sheet, rng: Random) -> None:
    """One column was filled down from its first cell."""
    at = sheet.at(rng.choice((*sheet.columns, sheet.roles.total, *sheet.roles.dates)))
    rows = [row for row in sheet.rows if len(row) > at >= 0]
    first = next((row[at] for row in rows if row[at]), "")
    for row in rows[: rng.randint(1, len(rows))] if rows else []:
        row[at] = row[at] or first


def _header_again(sheet: Sheet, rng: Random) -> None:
    sheet.rows.insert(rng.randint(0, len(sheet.rows)), [HEADER_AGAIN] if rng.random() < 0.5 else list(sheet.columns))


def _other_header_again(sheet: Sheet, rng: Random) -> None:
    """A second header whose columns stand otherwise, as in files of two layouts put together."""
    names = list(sheet.columns)
    rng.shuffle(names)
    sheet.rows.insert(rng.randint(0, len(sheet.rows)), names)


def _sum_row(sheet: Sheet, rng: Random) -> None:
    """A spreadsheet's own sum below the amounts."""
    row = [""] * len(sheet.columns)
    at = sheet.at(rng.choice((*sheet.roles.amounts, sheet.roles.total)))
    if at >= 0:
        row[at] = str(next(iter(sheet.lines_total.values())))
        row[0] = rng.choice(("", "Total", "Summe", row[0]))
        sheet.rows.append(row)


def _split_line(sheet: Sheet, rng: Random) -> None:
    """A line end inside a cell."""
    row = rng.choice(sheet.rows)
    at = rng.randrange(len(row))
    cut = rng.randint(0, len(row[at]))
    row[at] = row[at][:cut] + rng.choice(("\n", "\r\n", "\r", "\n\n")) + row[at][cut:]


def _joined_lines(sheet: Sheet, rng: Random) -> None:
    sheet.newline_after[rng.randint(0, len(sheet.rows))] = rng.choice(("", " ", "\t"))


ROWS = {
    "dropped rows": _dropped_rows, "doubled row": _doubled_row, "doubled file": _doubled_file, "swapped cells": _swapped_cells,
    "sorted column": _sorted_column, "filled down": _filled_down, "header again": _header_again,
    "another header again": _other_header_again, "sum row": _sum_row, "split line": _split_line, "joined lines": _joined_lines,
}  # fmt: skip


def _swapped_names(sheet: Sheet, rng: Random) -> None:
    """Two names of the header change places, and their cells do not."""
    a = sheet.at(rng.choice((*sheet.columns, *sheet.roles.amounts, sheet.roles.total)))
    b = rng.randrange(len(sheet.header))
    if a >= len(sheet.header):
        return  # cut short by another mutation
    sheet.header[a], sheet.header[b] = sheet.header[b], sheet.header[a]


def _renamed_column(sheet: Sheet, rng: Random) -> None:
    at = rng.randrange(len(sheet.header))
    name = sheet.header[at]
    sheet.header[at] = rng.choice(
        (
            f"{name}s",
            name[:-1],
            f"{name} (USD)",
            "",
            name.replace("-", " "),
            name.replace("-", "_"),
            f"  {name}",
            f'"{name}"',
            "Betrag",
            "x" * 5000,
        )
    )


def _removed_column(sheet: Sheet, rng: Random) -> None:
    at = rng.randrange(len(sheet.columns))
    for row in (sheet.columns, sheet.header, *sheet.rows):
        if len(row) > at and len(row) > 1:
            del row[at]


def _column_twice(sheet: Sheet, rng: Random) -> None:
    at = rng.randrange(len(sheet.columns))
    for row in (sheet.columns, sheet.header, *sheet.rows):
        if len(row) > at and row[0] != HEADER_AGAIN:
            row.append(row[at])


def _moved_column(sheet: Sheet, rng: Random) -> None:
    """The cells of a column move by one row, as when a cell was inserted in a spreadsheet."""
    at = rng.randrange(len(sheet.columns))
    rows = [row for row in sheet.rows if len(row) > at and row[0] != HEADER_AGAIN]
    cells = [row[at] for row in rows]
    for row, cell in zip(rows, cells[1:] + cells[:1], strict=True):
        row[at] = cell


def _no_header(sheet: Sheet, rng: Random) -> None:
    sheet.header = rng.choice(([""], sheet.header[: len(sheet.header) // 2], list(sheet.rows[0])))


def _longer_rows(sheet: Sheet, rng: Random) -> None:
    """Tabs behind the last cell, in all rows or in one."""
    rows = [*sheet.rows, sheet.header] if rng.random() < 0.3 else rng.sample(sheet.rows, 1)
    for row in rows:
        row.extend([""] * rng.choice((1, 1, 5)))


COLUMNS = {
    "swapped names": _swapped_names, "renamed column": _renamed_column, "removed column": _removed_column,
    "column twice": _column_twice, "moved column": _moved_column, "no header": _no_header, "tabs behind": _longer_rows,
}  # fmt: skip
