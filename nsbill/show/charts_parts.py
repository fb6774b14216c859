"""What the charts draw: a statement's rows of one currency, received and due split by sign, exactly."""

from __future__ import annotations

from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from nsbill.money import MONEY, ZERO
from nsbill.show.palette import Meaning

__all__ = ["PARTS", "SERIES", "of_currency", "orders_text", "signed_parts", "total"]

PARTS = ("received", "refunded_more", "due", "overpaid", "to_be_taken_back")
"""Amounts per order that are drawn: the first two add up to ``received``, the others to ``due``."""

SERIES: tuple[tuple[str, str, Meaning, str | None], ...] = (
    ("received", "received", Meaning.RECEIVED, None),
    ("refunded_more", "refunded beyond what was received", Meaning.REFUND, None),
    ("due", "due", Meaning.DUE, None),
    ("overpaid", "overpaid by Amazon", Meaning.EXCEPTION, None),
    ("to_be_taken_back", "refund that Amazon will take", Meaning.REFUND, "+"),
)
"""Series of received and due: part, name, meaning, pattern where two series share a meaning."""


def of_currency(statement: pd.DataFrame, currency: str, *more: str) -> pa.Table:
    """Return the rows of one currency as an Arrow table of the columns that charts use, and ``more`` of them."""
    columns = ["seller_account", "amazon_order_id", "currency", "received", "due", "overpaid", "status", "aging_bucket"]
    table = pa.Table.from_pandas(statement[[*columns, *more]], preserve_index=False)
    return table.filter(pc.equal(table["currency"], currency))


def signed_parts(rows: pa.Table) -> pa.Table:
    """Split received and due by sign, exactly: the parts of each add up to it again.

    ``due = sale_leg − refund_in_transit``, so what is negative in it is overpayment first, refunds to come after.
    """
    zero = _zero()
    received, due, overpaid = rows["received"], rows["due"], rows["overpaid"]
    negative = pc.min_element_wise(due, zero)
    taken = pc.negate(pc.min_element_wise(overpaid, pc.negate(negative)))
    parts = {
        "received": pc.max_element_wise(received, zero),
        "refunded_more": pc.min_element_wise(received, zero),
        "due": pc.max_element_wise(due, zero),
        "overpaid": taken,
        "to_be_taken_back": pc.subtract(negative, taken),
        "received_net": received,
        "due_net": due,
    }
    kept = rows.select(["seller_account", "amazon_order_id", "status", "aging_bucket"])
    for name, values in parts.items():
        kept = kept.append_column(name, values.cast(MONEY))
    return kept


def orders_text(count: int) -> str:
    """Return a number of orders in words."""
    return f"{count:,} order" if count == 1 else f"{count:,} orders"


def total(column: pa.ChunkedArray) -> Decimal:
    """Return the exact sum of an amount column; zero for no rows."""
    found: Decimal | None = pc.sum(column).as_py()
    return ZERO if found is None else found


def _zero() -> pa.Scalar:
    return pa.scalar(ZERO, MONEY)
