"""What an order becomes: an invoice or a cash sale, by the flows that are on and the field that routes. Pure."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa

from nsbill.settings import Settings
from nsbill.vocabulary import BillingMode, RecordType

__all__ = ["record_types", "route_words"]

_TEXT = pd.ArrowDtype(pa.string())


def record_types(orders: pd.DataFrame, settings: Settings) -> pd.Series:
    """Return the record type of each order (schema ORDERS).

    With one flow on it is always that one; with both, ``route_field`` says: filled is ``route_filled``, empty the other.
    """
    if settings.mode is not BillingMode.AUTO:
        always = RecordType.INVOICE if settings.mode is BillingMode.INVOICE else RecordType.CASH_SALE
        return pd.Series(always.value, index=orders.index, dtype=_TEXT)
    filled, empty = _by_field(settings)
    routed: pd.Series = orders["route_value"].notna().map({True: filled.value, False: empty.value})
    return routed.astype(_TEXT)


def route_words(settings: Settings) -> str:
    """Say in a few words what the orders become."""
    if settings.mode is BillingMode.INVOICE:
        return "every order becomes an invoice"
    if settings.mode is BillingMode.CASH_SALE:
        return "every order becomes a cash sale"
    filled, empty = _by_field(settings)
    field = {"paymentmethod": "payment method"}.get(settings.route_field, settings.route_field)
    return f"by {field}: filled becomes {_a(filled)}, empty {_a(empty)}"


def _by_field(settings: Settings) -> tuple[RecordType, RecordType]:
    pair = (RecordType.CASH_SALE, RecordType.INVOICE)
    return pair if settings.route_filled == "cash-sale" else (pair[1], pair[0])


def _a(record: RecordType) -> str:
    return f"an {record.title}" if record is RecordType.INVOICE else f"a {record.title}"
