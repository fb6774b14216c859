"""What may stand in the cells of a flat V2 file: which rows are money, and the first that cannot be trusted.

Texts are judged once each; rows are looked at only where a text is doubtful.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nsbill.amazon import faults
from nsbill.amazon.faults import Formats
from nsbill.amazon.flat_v2_cells import Cells, of_rows
from nsbill.money import MONEY
from nsbill.schemas import INSTANT

__all__ = ["MONEY_ROW", "SUMMARY_ROW", "Judged", "Typed", "first_fault", "judged", "kinds_of_rows"]

MONEY_ROW, SUMMARY_ROW, NO_ROW, ODD_ROW = range(4)

_LABELS = ("amount-type", "amount-description", "order-id", "sku", "quantity-purchased")
"""A row with one of these and neither an amount nor a total is no summary row: its money stands elsewhere."""
_STATED = ("total-amount", "settlement-start-date", "settlement-end-date", "deposit-date")
_FIRST, _LAST = (pa.scalar(f"{day} 00:00:00").cast(pa.timestamp("us")) for day in ("2000-01-01", "2099-12-31"))


@dataclass(frozen=True)
class Typed:
    """The distinct texts of a column as values; what is no such value is null and not ``good``."""

    good: pa.BooleanArray
    values: pa.Array


@dataclass(frozen=True)
class Judged:
    """Amounts, instants and quantities of a piece, per distinct text."""

    amounts: Typed
    posted: Typed
    quantities: Typed


def judged(cells: Cells, formats: Formats) -> Judged:
    """Turn the texts of a piece into values. Amounts go from text to decimal, never through a binary number."""
    return Judged(
        _amounts(cells["amount"].dictionary, formats.decimal_mark),
        _instants(cells["posted-date-time"].dictionary, formats),
        _quantities(cells["quantity-purchased"].dictionary),
    )


def kinds_of_rows(cells: Cells) -> np.ndarray | None:
    """Tell money rows, summary rows, rows that say nothing (empty, or the header again) and odd ones; None: all money."""
    amount, total = cells["amount"], cells["total-amount"]
    if not amount.null_count and total.null_count == len(cells):
        return None
    has_amount, has_total = cells.filled("amount"), cells.filled("total-amount")
    stated = np.logical_or.reduce([cells.filled(name) for name in _STATED])
    empty = ~np.logical_or.reduce([cells.filled(name) for name in cells.names])
    kinds = np.full(len(cells), ODD_ROW, dtype=np.int8)
    kinds[empty | _repeats_header(cells)] = NO_ROW
    labelled = np.logical_or.reduce([cells.filled(name) for name in _LABELS])
    kinds[~has_amount & ~cells.filled("transaction-type") & stated & (has_total | ~labelled)] = SUMMARY_ROW
    kinds[has_amount & ~has_total] = MONEY_ROW
    return kinds


def first_fault(cells: Cells, kinds: np.ndarray | None, found: Judged) -> tuple[int, int] | None:
    """Return fault number and line of the first row that cannot be trusted, or None."""
    ids, currencies = cells["settlement-id"].dictionary, cells["currency"].dictionary
    padded = pc.starts_with(cells.raw["transaction-type"].dictionary, "    ")
    checks = (  # of one row the first counts; summary rows have only the first three
        (faults.PADDING, cells.raw["transaction-type"], pc.invert(padded), True),
        (faults.SETTLEMENT_ID, cells["settlement-id"], _fits(ids, "[0-9]{5,20}"), False),
        (faults.CURRENCY, cells["currency"], _fits(currencies, "[A-Z]{3}"), True),
        (faults.AMOUNT, cells["amount"], found.amounts.good, True),
        (faults.POSTED, cells["posted-date-time"], found.posted.good, True),
        (faults.QUANTITY, cells["quantity-purchased"], found.quantities.good, True),
    )
    wrong = np.zeros(len(cells), dtype=np.int8)
    everywhere = {faults.PADDING, faults.SETTLEMENT_ID, faults.CURRENCY}
    for number, column, good, may_be_empty in reversed(checks):
        if (may_be_empty or not column.null_count) and _all(good):
            continue
        bad = ~of_rows(column, np.asarray(good), empty=may_be_empty)
        if kinds is not None:
            bad &= (kinds == MONEY_ROW) | ((kinds == SUMMARY_ROW) & (number in everywhere))
        wrong[bad] = number
    if kinds is not None:
        wrong[kinds == ODD_ROW] = faults.LAYOUT
    at = np.flatnonzero(wrong)
    return (int(wrong[at[0]]), int(cells.lines[at[0]])) if len(at) else None


def _repeats_header(cells: Cells) -> np.ndarray:
    same = np.ones(len(cells), dtype=bool)
    for name in cells.names:
        column = cells[name]
        unnamed = name.startswith("column ")
        same &= of_rows(column, np.asarray(pc.equal(pc.utf8_lower(column.dictionary), name)), empty=unnamed)
        if not same.any():
            break
    return same


def _amounts(texts: pa.StringArray, mark: str) -> Typed:
    good = _fits(texts, rf"[+-]?[0-9]{{1,16}}([{mark}][0-9]{{1,2}})?")
    plain = texts if mark == "." else pc.replace_substring(texts, ",", ".")
    return Typed(good, _kept(good, plain).cast(MONEY))


def _quantities(texts: pa.StringArray) -> Typed:
    good = _fits(texts, "-?[0-9]{1,9}")
    return Typed(good, _kept(good, texts).cast(pa.int64()))


def _instants(texts: pa.StringArray, formats: Formats) -> Typed:
    """Instants of the years 2000 to 2099 in the one format of the file."""
    shaped = _fits(texts, formats.shape)
    iso = pc.utf8_slice_codeunits(_kept(shaped, texts), 0, 19)
    if formats.dotted:
        iso = pc.replace_substring_regex(iso, r"(..)\.(..)\.(....) (.*)", r"\3-\2-\1 \4")
    try:
        values = iso.cast(pa.timestamp("us"))
    except pa.ArrowInvalid:  # a 30th of February: look for it one by one
        values = pa.array([text and formats.instant(text) for text in _kept(shaped, texts).to_pylist()], INSTANT)
        values = values.cast(pa.timestamp("us"))
    good = pc.fill_null(pc.and_(pc.greater_equal(values, _FIRST), pc.less_equal(values, _LAST)), False)
    return Typed(good, values.cast(INSTANT))


def _fits(texts: pa.StringArray, pattern: str) -> pa.BooleanArray:
    return pc.match_substring_regex(texts, rf"\A(?:{pattern})\z")


def _kept(good: pa.BooleanArray, texts: pa.StringArray) -> pa.StringArray:
    return texts if _all(good) else pc.if_else(good, texts, pa.scalar(None, pa.string()))


def _all(good: pa.BooleanArray) -> bool:
    return bool(good.true_count == len(good))
