"""What the order-id of a line is: an Amazon order, an order of another channel, an FBA shipment, or nothing known."""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.compute as pc

from nsbill.vocabulary import OrderRoute

__all__ = ["route_column", "route_of", "route_sql"]

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


def route_column(order_ids: pa.StringArray) -> pa.DictionaryArray:
    """The same for a whole Arrow column of trimmed texts without nulls."""
    routes = [*(route for _, route in _SHAPES), OrderRoute.MALFORMED, OrderRoute.NONE]
    names = pa.array(map(str, routes), pa.string())
    usual = _fits(order_ids, _SHAPES[0][0])
    if usual.true_count == len(order_ids):
        return pa.DictionaryArray.from_arrays(pa.repeat(pa.scalar(0, pa.int32()), len(order_ids)), names)
    codes = pc.if_else(pc.equal(order_ids, ""), len(routes) - 1, len(_SHAPES))
    for code, (shape, _) in reversed(list(enumerate(_SHAPES))):
        codes = pc.if_else(_fits(order_ids, shape), code, codes)
    return pa.DictionaryArray.from_arrays(codes.cast(pa.int32()), names)


def _fits(texts: pa.StringArray, shape: str) -> pa.BooleanArray:
    return pc.match_substring_regex(texts, rf"\A(?:{shape})\z")
