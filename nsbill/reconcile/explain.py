"""One sentence per statement row: why it is in this state, with the figures and the date."""

from __future__ import annotations

import narwhals as nw

from nsbill.money import ZERO
from nsbill.reconcile.rules import ReconcileRules
from nsbill.reconcile.texts import Amounts, Parts, sentence
from nsbill.vocabulary import StatementStatus

__all__ = ["explanation"]


def explanation(amounts: Amounts, rules: ReconcileRules) -> nw.Expr:
    """The sentence for each row, by its status."""
    by_status = {
        StatementStatus.CURRENCY_CONFLICT: _conflict(amounts),
        StatementStatus.NOT_BILLED: _not_billed(amounts, rules),
        StatementStatus.OVERPAID: sentence(
            _billed(amounts), "; Amazon has settled ", amounts.plain("received_gross"), " for it",
            _posted(), ", which is ", amounts.plain("overpaid"), " more than was billed.",
        ),
        StatementStatus.REFUND_UNCREDITED: sentence(
            "Amazon took ", amounts.money_parts("refunded"), " for refunds", _posted(), " and ", amounts.plain("credited"),
            " is credited, so ", amounts.plain("uncredited_refund"), " lacks a credit memo; ", _sale_part(amounts), ".",
        ),
        StatementStatus.REFUND_IN_TRANSIT: sentence(
            "Credited ", amounts.money_parts("credited"), ", of which Amazon has taken ", amounts.plain("refunded"),
            ", so ", amounts.plain("refund_in_transit"), " is still to be taken; ", _sale_part(amounts),
            "; ", amounts.plain("due"), " is due in all.",
        ),
        StatementStatus.PARTIALLY_SETTLED: sentence(
            _billed(amounts), "; Amazon has settled ", amounts.plain("received_gross"), " of it, ",
            amounts.plain("sale_leg"), _still(amounts), _expected(), ".",
        ),
        StatementStatus.DEFERRED: sentence(
            _billed(amounts), "; Amazon has posted it and defers ", amounts.plain("due_deferred"), _until(), ", ",
            amounts.plain("sale_leg"), " is still to come", _expected(), ".",
        ),
        StatementStatus.AWAITING_SETTLEMENT: sentence(
            _billed(amounts), "; Amazon has settled nothing of it, ", amounts.plain("sale_leg"), _still(amounts),
            _expected(), ".",
        ),
        StatementStatus.REFUNDED_FULL: sentence(
            _billed(amounts), "; Amazon has settled it in full and taken all of it back for refunds", _posted(),
            ", which is credited; nothing is due.",
        ),
        StatementStatus.SETTLED: _settled(amounts),  # asked first, as the last here: nearly every row is settled
    }  # fmt: skip
    text: nw.Expr = nw.lit(None, dtype=nw.String)
    for status, words in by_status.items():
        text = nw.when(nw.col("status") == status.value).then(words).otherwise(text)
    return text


def _billed(amounts: Amounts) -> Parts:
    several = sentence(" in ", nw.col("bills").cast(nw.String), " records from ")
    return (
        "Billed ",
        *amounts.money_parts("billed_gross"),
        nw.when(nw.col("bills") > 1).then(several).otherwise(nw.lit(" on ")),
        nw.col("first_billed").cast(nw.String),
    )


def _posted() -> nw.Expr:
    """`` (last on 2026-10-14)``; nothing when no line has a posted date."""
    known = sentence(" (last on ", nw.col("posted_text"), ")")
    return nw.when(nw.col("posted_text").is_null()).then(nw.lit("")).otherwise(known)


def _until() -> nw.Expr:
    """`` until 2026-11-12 (DD7)``, as far as it is known."""
    day = sentence(" until ", nw.col("maturity_text"))
    why = sentence(" (", nw.col("deferral_reason"), ")")
    nothing = nw.lit("")
    return sentence(
        nw.when(nw.col("maturity_text").is_null()).then(nothing).otherwise(day),
        nw.when(nw.col("deferral_reason").is_null()).then(nothing).otherwise(why),
    )


def _still(amounts: Amounts) -> nw.Expr:
    """`` is still to come``, with what is known of it: deferred, released, or all of it missing."""
    parts = (
        ("due_deferred", sentence(" is deferred", _until())),
        ("due_released_open", nw.lit(" is released, not settled")),
    )
    told = [
        nw.when((nw.col(name) > nw.lit(ZERO)).fill_null(False))
        .then(sentence(", of which ", amounts.plain(name), words))
        .otherwise(nw.lit(""))
        for name, words in parts
    ]
    is_short = nw.col("due_short") == nw.col("sale_leg")
    missing = nw.lit(" is missing though everything must have been posted")
    return nw.when(is_short).then(missing).otherwise(sentence(" is still to come", *told))


def _expected() -> nw.Expr:
    age, day = nw.col("age_days"), nw.col("expected_text")
    ago = nw.when(age == 1).then(nw.lit("1 day ago")).otherwise(sentence(age.cast(nw.String), " days ago"))
    late = sentence(", expected by ", day, ", ", ago)
    when_known = nw.when(age > 0).then(late).otherwise(sentence(", expected by ", day))
    return nw.when(age.is_null()).then(nw.lit("")).otherwise(when_known)


def _sale_part(amounts: Amounts) -> nw.Expr:
    open_part = sentence(amounts.plain("sale_leg"), " of the sale is still to come", _expected())
    whole = sentence("the sale of ", amounts.plain("billed_gross"), " is settled in full")
    return nw.when(nw.col("sale_leg") > nw.lit(ZERO)).then(open_part).otherwise(whole)


def _conflict(amounts: Amounts) -> nw.Expr:
    return sentence(
        "This order is billed in one currency and settled in another (",
        nw.col("one_currency"),
        " and ",
        nw.col("other_currency"),
        "): billed ",
        amounts.money_parts("billed_gross"),
        ", settled ",
        amounts.money_parts("received_gross"),
        "; two currencies are never netted.",
    )


def _not_billed(amounts: Amounts, rules: ReconcileRules) -> nw.Expr:
    as_of = rules.as_of.isoformat()
    unknown = sentence("no sales order and no billing record with this Amazon order id is known on ", as_of)
    known = sentence("sales order ", nw.col("sales_order_number"), " has no invoice or cash sale on ", as_of)
    who = nw.when(nw.col("sales_order_id").is_null()).then(unknown).otherwise(known)
    settled = sentence("Amazon has settled ", amounts.money_parts("received_gross"), _posted(), ", but ", who, ".")
    total = sentence(" for ", nw.col("order_total").cast(nw.String), " ", nw.col("order_currency"))
    shipped = sentence("Shipped on ", nw.col("ship_date").cast(nw.String), total, ", but ", who, ".")
    return nw.when(nw.col("lines") > 0).then(settled).otherwise(shipped)


def _settled(amounts: Amounts) -> nw.Expr:
    refunds = sentence("; ", amounts.plain("refunded"), " was refunded and is credited")
    nothing = sentence(_billed(amounts), "; nothing is to come and nothing is due.")
    full = sentence(
        _billed(amounts),
        "; Amazon has settled it in full",
        _posted(),
        nw.when(nw.col("refunded") > nw.lit(ZERO)).then(refunds).otherwise(nw.lit("")),
        "; nothing is due.",
    )
    unbilled = sentence("Nothing is billed, settled or due.")
    told = nw.when(nw.col("lines") > 0).then(full).otherwise(nothing)
    return nw.when(nw.col("bills") > 0).then(told).otherwise(unbilled)
