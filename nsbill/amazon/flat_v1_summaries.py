"""What a summary row of a flat V1 file states: period, deposit and total of a settlement."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nsbill.amazon.faults import FlatFile
from nsbill.amazon.flat_v1_faults import Fault, V1Formats, fault_error, time_error
from nsbill.amazon.summary import Summary
from nsbill.errors import MoneyError
from nsbill.money import parse_amount

__all__ = ["summary_of"]

_TIMES = {"start": "settlement-start-date", "end": "settlement-end-date", "deposit": "deposit-date"}


def summary_of(row: Mapping[str, Any], file: FlatFile, formats: V1Formats) -> Summary:
    """Read one summary row; what it leaves empty is None.

    Raises
    ------
    SourceFileError
        When a cell is no amount or no time in the formats of the file.
    """
    line = row["source_line"]
    try:
        total = parse_amount(row["total"], decimal_mark=formats.decimal_mark) if row["total"] else None
    except MoneyError as error:
        raise fault_error(file, Fault.AMOUNT, line, "total-amount", formats) from error
    instants = {name: None if row[name] is None else formats.instant(row[name]) for name in _TIMES}
    wrong = next((name for name in _TIMES if row[name] is not None and instants[name] is None), None)
    if wrong is not None:
        raise time_error(file, line, _TIMES[wrong], row[wrong], formats)
    start, end, deposit = (instants[name] for name in _TIMES)
    return Summary(row["settlement_id"], line, row["currency"], start, end, deposit, total)
