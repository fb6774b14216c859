"""How one payments report writes amounts, and in which currency: told by the file itself, refused when it cannot be told.

The decimal mark follows the language of the seller's account and not the currency, so it is found by the amounts
themselves (Amazon notes, sections 9 and 11). No amount has more than two decimals and groups have three digits (in India
two and three), so an amount with any mark in it can be read in one way only: ``1,234`` is a thousand and more of a file with
decimal points, ``1.234`` of one with decimal commas, if that shows in another of its amounts. A file whose amounts contradict
each other is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from nsbill.amazon.payments_headers import words
from nsbill.amazon.payments_sheet import SPREADSHEET, PaymentsSheet, tidy
from nsbill.errors import SourceFileError

__all__ = ["Numbers", "currency_of"]

_MINUS = "\u2212\u2010\u2011\u2012\u2013\uff0d#"
"""What stands for a minus, beside the plain one; '#' as Amazon notes, section 11, 21 say."""

_SYMBOLS = {
    "USD": r"\$", "CAD": r"\$", "AUD": r"\$", "MXN": r"\$", "SGD": r"\$", "BRL": r"R\$", "EUR": "€", "GBP": "£", "INR": "₹",
    "JPY": "[¥￥]",
}  # fmt: skip
"""The sign of a currency may stand at its amounts. That of another currency is a fault: all amounts are in one."""

_GROUPED = {
    ".": r"[+-]?(?:\d{1,16}|\d{1,3}(?:,\d{3})+|\d{1,3}(?: \d{3})+)(?:\.\d{1,2})?",
    ",": r"[+-]?(?:\d{1,16}|\d{1,3}(?:\.\d{3})+|\d{1,3}(?: \d{3})+)(?:,\d{1,2})?",
}
_LAKH = r"[+-]?\d{1,2}(?:,\d{2})*,\d{3}(?:\.\d{1,2})?"
_NAMES = {".": "decimal points", ",": "decimal commas"}
_CODE = re.compile(r"(?<![A-Za-z])[A-Z]{3}(?![A-Za-z])")


@dataclass(frozen=True)
class Numbers:
    """The decimal mark and the currency of one report."""

    mark: str
    currency: str

    @classmethod
    def of(cls, sheet: PaymentsSheet, currency: str) -> Numbers:
        """Find the decimal mark by all amounts of the report.

        Raises
        ------
        SourceFileError
            When some amounts have decimal points and others decimal commas, or when points may be either mark.
        """
        columns = [*sheet.header.amounts, sheet.header.parts.index("total")]
        point, comma = (cls(mark, currency) for mark in _NAMES)
        kind = f"CASE WHEN {point.fits('x')} THEN '.' WHEN {comma.fits('x')} THEN ',' END"
        cells = f"unnest([{', '.join(f'c{i}' for i in columns)}]) AS cell, unnest({columns}) AS col"
        seen = sheet.rows(
            "SELECT kind, count(*), min({'n': n, 'col': col, 'cell': cell}), "  # noqa: S608
            rf"count(*) FILTER (WHERE regexp_matches(x, ',\d{{1,2}}$|[.].*[.]')) FROM ("
            f"SELECT n, col, cell, x, {kind} AS kind FROM (SELECT n, col, cell, {point.plain('cell')} AS x FROM ("
            f"SELECT rowid AS n, {cells} FROM cells)) WHERE regexp_matches(x, '[.,]')"
            ") WHERE kind IS NOT NULL GROUP BY kind ORDER BY count(*) DESC"
        )
        if len(seen) > 1:
            (mark, _, usual, _), (other, _, odd, _) = seen
            raise sheet.error(
                odd["n"],
                odd["col"],
                found=f"{odd['cell'].strip()!r}, which has {_NAMES[other]}",
                expected=f"{_NAMES[mark]} as in {usual['cell'].strip()!r} and most others",
                remedy=f"The file mixes decimal points and decimal commas. {SPREADSHEET}",
            )
        for mark, _, odd, sure in seen:
            if mark == "," and not sure:
                raise sheet.error(
                    odd["n"],
                    odd["col"],
                    found=f"{odd['cell'].strip()!r}, and no amount with a decimal comma in the file",
                    expected="amounts that show whether a point is a decimal mark or a thousands mark",
                    remedy=f"It may stand for a thousand and more, or for a changed amount. {SPREADSHEET}",
                )
        return cls(seen[0][0] if seen else ".", currency)

    @property
    def example(self) -> str:
        """A thousand and more as this report writes it."""
        return "1,234.56" if self.mark == "." else "1.234,56"

    def plain(self, cell: str) -> str:
        """The SQL of a cell's text with a plain minus and without the sign of the currency; null when it is empty."""
        text = f"translate({tidy(cell)}, '{_MINUS}', '{'-' * len(_MINUS)}')"
        symbol = _SYMBOLS.get(self.currency)
        if symbol is not None:
            text = rf"regexp_replace({text}, '^([+-]?) ?{symbol} ?([+-]?)', '\1\2')"
            text = rf"regexp_replace({text}, '(\d) ?{symbol}$', '\1')"
        return f"CASE WHEN {cell} = '0' OR regexp_full_match({cell}, '-?[0-9.,]+') THEN {cell} ELSE {text} END"

    def fits(self, plain: str) -> str:
        """The SQL that says whether a plain text is an amount of this report."""
        shape = f"regexp_full_match({plain}, '{_GROUPED[self.mark]}')"
        lakh = self.currency == "INR" and self.mark == "."
        return f"({shape} OR regexp_full_match({plain}, '{_LAKH}'))" if lakh else shape

    def amount(self, plain: str) -> str:
        """The SQL of a plain text as an amount; null when it is none or empty."""
        digits = f"replace({plain}, ' ', '')"
        digits = f"replace({digits}, ',', '')" if self.mark == "." else f"replace(replace({digits}, '.', ''), ',', '.')"
        return f"CASE WHEN {plain} = '0' THEN 0 WHEN {self.fits(plain)} THEN try_cast({digits} AS DECIMAL(18, 2)) END"


def currency_of(sheet: PaymentsSheet) -> str:
    """Tell the currency of all amounts: as the preamble states it, else by the marketplaces of the rows.

    Raises
    ------
    SourceFileError
        When neither tells it, when they contradict each other, or when there are several.
    """
    stated = _stated(sheet.preamble)
    sites = _sites(sheet)
    of_sites = set(sites.values())
    if len(stated) == 1 and (not sites or stated <= of_sites):
        return next(iter(stated))
    if not stated and len(of_sites) == 1:
        return next(iter(of_sites))
    preamble = f"{_listed(stated)} in the lines above the header" if stated else "no currency above the header"
    rows = f"marketplaces of {_listed(of_sites)}" if of_sites else "no row with a marketplace of a known currency"
    raise SourceFileError(
        sheet.source.name,
        found=f"{preamble}, and {rows}",
        expected="one currency, stated above the header as in 'All amounts in USD', or by the marketplaces of the rows",
        remedy="Add the file as it was downloaded, with the lines above its header.",
    )


def _stated(preamble: Iterable[str]) -> set[str]:
    known = set(words("currency").values())
    text = "\n".join(preamble)
    spelled = {code for phrase, code in words("stated").items() if phrase in "".join(text.split())}
    return spelled | {code for code in _CODE.findall(text) if code in known}


def _sites(sheet: PaymentsSheet) -> dict[str, str]:
    """The marketplaces of the rows whose currency is known."""
    found = sheet.rows(f"SELECT DISTINCT lower({sheet.text('marketplace')}) FROM cells")  # noqa: S608
    return {site: words("currency")[site] for (site,) in found if site in words("currency")}


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
