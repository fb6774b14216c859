"""Settlement lines added up to pieces, and pieces to orders."""

from __future__ import annotations

from collections.abc import Collection

import narwhals as nw

from nsbill.money import ZERO
from nsbill.reconcile.added_up import Parts, added_up
from nsbill.reconcile.engine import AMOUNT, Engine, Frame
from nsbill.vocabulary import EventClass, LineKind

__all__ = [
    "CLAIM_EVENTS",
    "GOODS",
    "REFUND_EVENTS",
    "SALE_EVENTS",
    "goods_and_withheld",
    "per_order",
    "pieces_of",
]

SALE_EVENTS = (EventClass.SALE.value, EventClass.RETROCHARGE.value)
CLAIM_EVENTS = (EventClass.CHARGEBACK.value, EventClass.ATOZ.value)
REFUND_EVENTS = (EventClass.REFUND.value, *CLAIM_EVENTS)

_TAX = tuple(kind.value for kind in LineKind if kind.name.startswith("TAX_") and kind is not LineKind.TAX_WITHHELD)
GOODS = (
    LineKind.PRINCIPAL.value,
    LineKind.SHIPPING.value,
    LineKind.GIFT_WRAP.value,
    LineKind.PROMOTION.value,
    *_TAX,
)
"""The line kinds of what the buyer pays or gets back, tax included (domain reference 2.2)."""
_GOODS_WITHOUT_TAX = tuple(kind for kind in GOODS if kind not in _TAX)
_FEES = tuple(kind.value for kind in LineKind if kind.name.startswith("FEE_"))
_REST = tuple(
    kind.value
    for kind in LineKind
    if kind.value not in (*GOODS, *_FEES) and kind not in (LineKind.TAX_WITHHELD, LineKind.REIMBURSEMENT)
)


def pieces_of(
    engine: Engine,
    lines: Frame,
    *,
    what: str,
    kinds: Collection[str] | None = None,
    currency: str | None = None,
    day: nw.Expr | None = None,
    statement_only: bool = False,
    by_settlement: bool = True,
) -> Frame:
    """Add lines up per Amazon order, currency, settlement and event class; every line kind goes into exactly one sum. Held.

    A group-by of so many groups costs by its keys and sums, so that those are left out of which nothing can come: sums of
    none of the ``kinds`` that the lines have, the only ``currency`` of all, the ``day`` of a line when it is the day on
    which each was posted, what exceptions need for the ``statement_only``, and not ``by_settlement`` the settlement: then
    a piece has one marketplace, as with it the least of them.
    """
    ordered = lines.filter(~nw.col("amazon_order_id").is_null()).with_columns(
        line_marketplace=nw.col("marketplace"), **({} if day is None else {"line_day": day})
    )
    place = "settlement_id" if by_settlement else "line_marketplace"
    key = ["amazon_order_id", *(["currency"] if currency is None else []), place, "event_class"]
    sums = {
        "goods": GOODS,
        "fees": _FEES,
        "withheld": (LineKind.TAX_WITHHELD.value,),
        "reimbursement": (LineKind.REIMBURSEMENT.value,),
        "rest": _REST,
        "tax": _TAX,
    }
    absent = [name for name, own in sums.items() if kinds is not None and not set(own) & set(kinds)]
    pieces = ordered.group_by(*key).agg(
        **{name: _sum_of(own) for name, own in sums.items() if name not in absent},
        total=nw.col("amount").sum().cast(AMOUNT),
        lines=nw.len(),
        last_posted_day=nw.col("posted_day").max(),
        **({} if day is None else {"last_day": nw.col("line_day").max()}),
        **({"line_marketplace": nw.col("line_marketplace").min()} if by_settlement else {}),
        **({} if statement_only else _facts_of_lines()),
    )
    held = engine.hold(pieces, grain=key, what=what, grouped=True)
    filled = {
        **{name: nw.lit(ZERO).cast(AMOUNT) for name in absent},
        **({} if currency is None else {"currency": nw.lit(currency)}),
        **({"last_day": nw.col("last_posted_day")} if day is None else {}),
    }
    others = [name for name in held.collect_schema().names() if name not in filled]
    return held.select(**dict(sorted({**{name: nw.col(name) for name in others}, **filled}.items())))


def _facts_of_lines() -> dict[str, nw.Expr]:
    """What exceptions ask of pieces beyond the statement."""
    is_promotion = nw.col("amount_type").str.strip_chars().str.to_lowercase() == "promotion"
    promoted_tax = nw.when(is_promotion & nw.col("line_kind").is_in(list(_TAX))).then(nw.col("amount"))
    return {
        "promotion": _sum_of((LineKind.PROMOTION.value,)),
        "promotion_tax": promoted_tax.otherwise(nw.lit(ZERO)).sum().cast(AMOUNT),
        "goods_lines": _lines_of(_GOODS_WITHOUT_TAX),
        "tax_lines": _lines_of(_TAX),
        "first_line": nw.col("source_line").min(),
        "last_line": nw.col("source_line").max(),
    }


def goods_and_withheld() -> dict[str, nw.Expr]:
    """Sums over lines: what the buyer paid, tax included, and the facilitator tax beside it."""
    return {"goods": _sum_of(GOODS), "withheld": _sum_of((LineKind.TAX_WITHHELD.value,))}


def _lines_of(kinds: tuple[str, ...]) -> nw.Expr:
    return nw.when(nw.col("line_kind").is_in(list(kinds))).then(1).otherwise(0).sum().cast(nw.Int64)


def _sum_of(kinds: tuple[str, ...]) -> nw.Expr:
    of_kinds = nw.col("line_kind").is_in(list(kinds))
    return nw.when(of_kinds).then(nw.col("amount")).otherwise(nw.lit(ZERO)).sum().cast(AMOUNT)


def per_order(engine: Engine, pieces: Frame, *, currency: str | None = None, statement_only: bool = False) -> Frame:
    """Add the pieces up per Amazon order and currency; the gross amounts follow when the tax mode is known.

    ``…_goods``: what the buyer pays or gets back, tax included; ``…_withheld``: the facilitator tax beside it. ``currency``:
    the only one that there is. Held, unless it is made for the ``statement_only``, which asks for it once, and then
    without what exceptions alone need.
    """
    key = ["amazon_order_id"] if currency else ["amazon_order_id", "currency"]
    of_sale = nw.when(_is_of((EventClass.SALE.value,)))
    parts = Parts(
        most={"last_posted_day": nw.col("last_posted_day"), "last_sale_day": of_sale.then(nw.col("last_day"))},
        least={"line_marketplace": nw.col("line_marketplace")},
        amounts={**_amounts_of_piece(), **({} if statement_only else _amounts_of_exceptions())},
        counts={**_counts_of_piece(), **({} if statement_only else _counts_of_exceptions())},
    )
    several = engine.repeated(pieces, keys=key, what="orders of several pieces")
    both, added = added_up(pieces, several, parts, keys=key)
    if added is not None:
        both = nw.concat([both, engine.hold(added, grain=key, what="orders of several pieces", grouped=True)])
    told = both.with_columns(currency=nw.lit(currency)) if currency else both
    return told if statement_only else engine.hold(told, grain=key, what="settled orders", grouped=True)


def _amounts_of_piece() -> dict[str, nw.Expr]:
    """What a piece adds to the sums of its order, by its event class."""
    zero = nw.lit(ZERO)
    reimbursement, account = _is_of((EventClass.REIMBURSEMENT.value,)), _is_of((EventClass.ACCOUNT.value,))
    goods, rest = nw.col("goods"), nw.col("rest")
    return {
        **_goods_and_tax("received", SALE_EVENTS),
        **_goods_and_tax("refunded", REFUND_EVENTS),
        "other_rest": nw.when(reimbursement).then(zero).otherwise(rest) + nw.when(account).then(goods).otherwise(zero),
        "other_withheld": nw.when(account | reimbursement).then(nw.col("withheld")).otherwise(zero),
        "fee_withheld": zero - nw.col("fees"),
        "tax_collected": nw.col("tax"),
        "tax_withheld": zero - nw.col("withheld"),
        "reimbursed": nw.col("reimbursement") + nw.when(reimbursement).then(goods + rest).otherwise(zero),
        "net_cash": nw.col("total"),
    }


def _amounts_of_exceptions() -> dict[str, nw.Expr]:
    return {
        **_goods_and_tax("claimed", CLAIM_EVENTS),
        "sale_promotion": _amount_of("promotion", (EventClass.SALE.value,)),
        "sale_promotion_tax": _amount_of("promotion_tax", (EventClass.SALE.value,)),
    }


def _counts_of_piece() -> dict[str, nw.Expr]:
    return {
        "lines": nw.col("lines"),
        "sale_lines": _lines_of_events((EventClass.SALE.value,)),
        "buyer_lines": _lines_of_events((*SALE_EVENTS, *REFUND_EVENTS)),
    }


def _counts_of_exceptions() -> dict[str, nw.Expr]:
    return {
        "claim_lines": _lines_of_events(CLAIM_EVENTS),
        "refund_goods_lines": _lines_of_events((EventClass.REFUND.value,), "goods_lines"),
        "refund_tax_lines": _lines_of_events((EventClass.REFUND.value,), "tax_lines"),
    }


def _goods_and_tax(name: str, events: tuple[str, ...]) -> dict[str, nw.Expr]:
    return {f"{name}_goods": _amount_of("goods", events), f"{name}_withheld": _amount_of("withheld", events)}


def _is_of(events: tuple[str, ...]) -> nw.Expr:
    return nw.col("event_class").is_in(list(events))


def _amount_of(amount: str, events: tuple[str, ...]) -> nw.Expr:
    return nw.when(_is_of(events)).then(nw.col(amount)).otherwise(nw.lit(ZERO))


def _lines_of_events(events: tuple[str, ...], lines: str = "lines") -> nw.Expr:
    return nw.when(_is_of(events)).then(nw.col(lines)).otherwise(0)
