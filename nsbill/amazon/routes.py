"""What the order-id of a line is: an Amazon order, an order of another channel, an FBA shipment, or nothing known."""

from __future__ import annotations

import re

from nsbill.vocabulary import OrderRoute

__all__ = ["route_of", "route_sql"]

_SHAPES = (
    (r"\d{3}-\d{7}-\d{7}", OrderRoute.AMAZON_ORDER),
    (r"S\d{2}-\d{7}-\d{7}", OrderRoute.MULTI_CHANNEL),
    (r"FBA[0-9A-Z]+", OrderRoute.FBA_SHIPMENT),
)
"""Whole texts, trimmed. The order decides."""


def route_of(order_id: str | None) -> OrderRoute:
    """Route one order id; blank is ``none``, anything of another shape ``malformed`` (its money stays in every total)."""
    text = (order_id or "").strip()
    if not text:
        return OrderRoute.NONE
    return next((route for shape, route in _SHAPES if re.fullmatch(shape, text, re.ASCII)), OrderRoute.MALFORMED)


def route_sql(column: str) -> str:
    """The same as an SQL expression for DuckDB over ``column``, which is trimmed and null when blank."""
    cases = " ".join(f"WHEN regexp_full_match({column}, '{shape}') THEN '{route.value}'" for shape, route in _SHAPES)
    return f"CASE WHEN {column} IS NULL THEN '{OrderRoute.NONE.value}' {cases} ELSE '{OrderRoute.MALFORMED.value}' END"
