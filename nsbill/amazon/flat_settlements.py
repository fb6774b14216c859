"""What flat V2 and flat V1 files have in common: a settlement states itself once, and has one currency."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from nsbill.amazon.faults import FlatFile
from nsbill.amazon.summary import Summary

__all__ = ["currency_of", "note_summary"]

_JOINED = "Were files joined? Add the downloads one by one."


def note_summary(file: FlatFile, summaries: dict[str, Summary], summary: Summary) -> None:
    """Add a summary row to those of the file.

    Raises
    ------
    SourceFileError
        When its settlement has one already.
    """
    if summary.settlement_id in summaries:
        raise file.error(
            summary.line,
            "settlement-id",
            found=f"a second summary row of settlement {summary.settlement_id}",
            expected="one per settlement",
            remedy=_JOINED,
        )
    summaries[summary.settlement_id] = summary


def currency_of(file: FlatFile, settlement_id: str, rows: pa.Table, stated: str | None) -> str:
    """Return the currency of a settlement: as stated, or of its ``rows`` themselves; never of nothing.

    Raises
    ------
    SourceFileError
        When there is none, or a row has another.
    """
    column = rows["currency"]
    own = pc.unique(column.drop_null()).to_pylist() if column.null_count < rows.num_rows else []
    currency = stated or (own[0] if own else None)
    if currency is None:
        raise file.error(
            rows["source_line"][0].as_py(),
            "currency",
            found=f"no currency for settlement {settlement_id}, neither in a summary row nor in its lines",
            expected="a code such as USD",
            remedy="The summary row is missing: download the complete file again.",
        )
    other = next((code for code in own if code != currency), None)
    if other is not None:
        raise file.error(
            rows["source_line"][pc.index(column.cast(pa.string()), other).as_py()].as_py(),
            "currency",
            found=f"lines in {other} in settlement {settlement_id}",
            expected=f"its currency {currency} throughout",
            remedy=_JOINED,
        )
    return str(currency)
