"""Evidence: where an exception was seen, as documents, settlements and file lines."""

from __future__ import annotations

import narwhals as nw

from nsbill.reconcile.engine import Engine, Frame
from nsbill.reconcile.pieces import CLAIM_EVENTS, REFUND_EVENTS, SALE_EVENTS
from nsbill.reconcile.texts import in_one_text, lines_text, sentence

__all__ = ["ANYWHERE", "CLAIMS", "DOCUMENTS", "EVERY_CURRENCY", "REFUNDS", "SALES", "with_evidence"]

SALES, REFUNDS, CLAIMS = "sales", "refunds", "claims"
ANYWHERE = "anywhere"
EVERY_CURRENCY = "every currency"
DOCUMENTS = "documents"
"""Which settlement lines speak for an exception; ``DOCUMENTS`` means none do."""

_MOST_SETTLEMENTS = 4
_PLACE_KEY = ("amazon_order_id", "place_currency", "lines_of")


def with_evidence(engine: Engine, found: Frame, pieces: Frame) -> Frame:
    """Add ``evidence`` to exceptions of orders.

    ``found`` has ``amazon_order_id, currency, lines_of`` (one of the names above) and the document numbers.
    """
    places = _places(engine, found, pieces)
    every = nw.col("lines_of") == EVERY_CURRENCY
    keyed = found.with_columns(place_currency=nw.when(every).then(nw.lit("")).otherwise(nw.col("currency")))
    joined = keyed.join(places, on=list(_PLACE_KEY), how="left")
    parts = [
        sentence_or_null("sales order ", "sales_order_number"),
        sentence_or_null("billing records ", "billing_records"),
        sentence_or_null("credits ", "credit_records"),
        nw.col("places"),
    ]
    return joined.with_columns(evidence=nw.concat_str(parts, separator="; ", ignore_nulls=True))


def sentence_or_null(label: str, column: str) -> nw.Expr:
    """``label`` and the column's text; null when the column is, so that a joined text leaves it out."""
    return nw.concat_str([nw.lit(label), nw.col(column)])


def _places(engine: Engine, found: Frame, pieces: Frame) -> Frame:
    events = {SALES: SALE_EVENTS, REFUNDS: REFUND_EVENTS, CLAIMS: CLAIM_EVENTS}
    groups = []
    for name in (SALES, REFUNDS, CLAIMS, ANYWHERE, EVERY_CURRENCY):
        asked = found.filter(nw.col("lines_of") == name).select("amazon_order_id")
        spoken = pieces.join(asked, on="amazon_order_id", how="semi")
        if name in events:
            spoken = spoken.filter(nw.col("event_class").is_in(list(events[name])))
        currency = nw.lit("") if name == EVERY_CURRENCY else nw.col("currency")
        groups.append(_per_settlement(spoken.with_columns(place_currency=currency, lines_of=nw.lit(name))))
    placed = nw.concat(groups)
    return in_one_text(
        engine,
        placed,
        keys=_PLACE_KEY,
        value="text",
        order_by=nw.col("settlement_id"),
        into="places",
        separator="; ",
        most=_MOST_SETTLEMENTS,
    )


def _per_settlement(pieces: Frame) -> Frame:
    grouped = pieces.group_by(*_PLACE_KEY, "settlement_id").agg(
        first_line=nw.col("first_line").min(),
        last_line=nw.col("last_line").max(),
        lines=nw.col("lines").sum(),
        line_currency=nw.col("currency").min(),
    )
    foreign = sentence(" (", nw.col("line_currency"), ")")
    text = sentence(lines_text(), nw.when(nw.col("lines_of") == EVERY_CURRENCY).then(foreign).otherwise(nw.lit("")))
    return grouped.select(*_PLACE_KEY, "settlement_id", text.alias("text"))
