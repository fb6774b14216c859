"""Amazon's side: the settlement lines that count by the as-of date, added up per order, settlement and event."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import pyarrow as pa
import pyarrow.compute as pc

from nsbill.errors import ReconcileError
from nsbill.money import ZERO
from nsbill.reconcile.activity import open_activity
from nsbill.reconcile.basis import DEFERRED, RELEASED, Waiting, by_basis, read_waiting
from nsbill.reconcile.engine import AMOUNT, Engine, Frame
from nsbill.reconcile.rules import ReconcileRules
from nsbill.schemas import DATE, DAY
from nsbill.vocabulary import EventClass, LineKind, OrderRoute

__all__ = [
    "CLAIM_EVENTS",
    "GOODS",
    "REFUND_EVENTS",
    "SALE_EVENTS",
    "Settled",
    "check_lines",
    "closed_settlements",
    "goods_and_withheld",
    "per_order",
    "read_settled",
]

SALE_EVENTS = (EventClass.SALE.value, EventClass.RETROCHARGE.value)
CLAIM_EVENTS = (EventClass.CHARGEBACK.value, EventClass.ATOZ.value)
REFUND_EVENTS = (EventClass.REFUND.value, *CLAIM_EVENTS)

_PIECE = ("amazon_order_id", "currency", "settlement_id", "event_class")
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


@dataclass(frozen=True)
class Settled:
    """Amazon's side as of one day.

    ``lines``: the settlement lines that count. ``pieces``: one row per Amazon order, currency, settlement and event class, with the sums that the statement
    needs and the first and last file line; ``counted``: those that count as received on the rules' basis, and what is
    posted and in no settlement (settlement ``deferred`` or ``released``) where it does; ``waiting``: posted and not
    counted, the same way, with the day on which deferred money matures. ``odd``: the lines with a malformed order id or unknown labels.
    ``settlements``: those that count, as they came. ``period_ends``: per currency, ascending day numbers.
    """

    lines: Frame
    pieces: Frame
    counted: Frame
    waiting: Waiting
    odd: Frame
    settlements: pa.Table
    period_ends: dict[str, list[int]]
    currencies: frozenset[str]
    posted_days: range


def read_settled(
    engine: Engine,
    *,
    lines: Frame,
    settlements: pa.Table,
    rules: ReconcileRules,
    activity: pa.Table | None = None,
    deposited: Sequence[str] | None = None,
    whole: bool = True,
) -> Settled:
    """Keep what is settled by the as-of date: lines of settlements whose period has closed (UTC date).

    A settlement without a period end counts line by line, by the day on which each was posted. ``activity`` (schema
    ACTIVITY) adds what is posted and not settled; ``deposited`` are the settlements whose deposit was found at the bank.
    ``whole``: the lines are all lines of the settlements; else they are those of some orders, and not compared with the settlements.

    Raises
    ------
    ReconcileError
        When lines and settlements do not belong together, or a line has no date at all.
    """
    dated = _with_close_day(settlements)
    closing = engine.hold(
        engine.frame(dated).select("settlement_id", "close_day", "deposit_day"),
        grain=["settlement_id"],
        what="settlements",
    )
    found_lines = _sums_of_settlements(engine, lines)
    if whole:
        _check_that_lines_are_complete(found_lines, dated, rules)
    day = nw.coalesce("posted_day", "close_day", "deposit_day")
    counts_on = nw.coalesce("close_day", "posted_day", "deposit_day")
    counted = lines.join(closing, on="settlement_id", how="inner").filter(counts_on <= rules.as_of_day)
    pieces = _pieces(counted.with_columns(line_day=day))
    odd = (nw.col("order_route") == OrderRoute.MALFORMED.value) | (nw.col("line_kind") == LineKind.UNCLASSIFIED.value)
    closed = _closed(dated, rules)
    held = engine.hold(pieces, grain=_PIECE, what="settled amounts", grouped=True)
    found = open_activity(engine, activity, settlements=dated, rules=rules)
    unsettled = engine.hold(
        _open_pieces(found.transactions), grain=_PIECE, what="amounts in no settlement", grouped=True
    )
    received, waiting = by_basis(held, unsettled, rules=rules, deposited=deposited, activity=found.given)
    return Settled(
        lines=counted,
        pieces=held,
        counted=received,
        waiting=read_waiting(engine, waiting, found),
        odd=counted.filter(odd),
        settlements=closed.select(settlements.column_names),
        period_ends=_period_ends(closed),
        currencies=_currencies(settlements, activity),
        posted_days=_with_activity(_posted_days(found_lines), activity),
    )


def _currencies(*tables: pa.Table | None) -> frozenset[str]:
    return frozenset(code for table in tables if table is not None for code in pc.unique(table["currency"]).to_pylist())


def _with_activity(days: range, activity: pa.Table | None) -> range:
    """The span of posted days, widened by that of the activity."""
    span = pc.min_max(activity["posted_day"]).as_py() if activity is not None else {"min": None}
    if span["min"] is None:
        return days
    known = [*([days[0], days[-1]] if days else []), span["min"], span["max"]]
    return range(min(known), max(known) + 1)


def _with_close_day(settlements: pa.Table) -> pa.Table:
    close_day = settlements["period_end"].cast(DATE).cast(DAY)
    return settlements.append_column("close_day", close_day)


def closed_settlements(settlements: pa.Table, rules: ReconcileRules) -> pa.Table:
    """The settlements that count by the as-of date (schema SETTLEMENTS), and ``close_day``."""
    return _closed(_with_close_day(settlements), rules)


def _closed(dated: pa.Table, rules: ReconcileRules) -> pa.Table:
    known = pc.coalesce(dated["close_day"], dated["deposit_day"], pa.scalar(rules.as_of_day, DAY))
    closed = dated.filter(pc.less_equal(known, pa.scalar(rules.as_of_day, DAY)))
    return closed.sort_by([("currency", "ascending"), ("close_day", "ascending"), ("settlement_id", "ascending")])


def _period_ends(closed: pa.Table) -> dict[str, list[int]]:
    ends: dict[str, set[int]] = {}
    for currency, day in zip(closed["currency"].to_pylist(), closed["close_day"].to_pylist(), strict=True):
        if day is not None:
            ends.setdefault(currency, set()).add(day)
    return {currency: sorted(days) for currency, days in ends.items()}


def check_lines(engine: Engine, *, lines: Frame, settlements: pa.Table, rules: ReconcileRules) -> None:
    """Compare the lines of each settlement with what the settlement says of itself.

    Raises
    ------
    ReconcileError
        When they do not belong together, or a line has no date at all.
    """
    _check_that_lines_are_complete(_sums_of_settlements(engine, lines), _with_close_day(settlements), rules)


def _sums_of_settlements(engine: Engine, lines: Frame) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = engine.read(
        lines.group_by("settlement_id", "seller_account", "currency").agg(
            lines=nw.len(),
            total=nw.col("amount").sum(),
            dated=nw.col("posted_day").count(),
            first=nw.col("posted_day").min(),
            last=nw.col("posted_day").max(),
        )
    ).to_pylist()
    return rows


def _posted_days(found: list[dict[str, Any]]) -> range:
    days = [row[end] for row in found for end in ("first", "last") if row[end] is not None]
    return range(min(days), max(days) + 1) if days else range(0)


def _check_that_lines_are_complete(found: list[dict[str, Any]], settlements: pa.Table, rules: ReconcileRules) -> None:
    told = {row["settlement_id"]: row for row in settlements.to_pylist()}
    for row in sorted(found, key=lambda row: (row["settlement_id"], row["currency"])):
        _fits(row, told.get(row["settlement_id"]))
    with_lines = {row["settlement_id"] for row in found}
    for identifier, settlement in sorted(told.items()):
        if settlement["seller_account"] != rules.seller_account:
            raise ReconcileError(
                f"settlement {identifier} is of the seller account '{settlement['seller_account']}', "
                f"and the rules name '{rules.seller_account}'",
                "Reconcile one seller account at a time, or correct the setting 'seller_account'",
            )
        if settlement["lines"] and identifier not in with_lines:
            raise ReconcileError(f"the lines of settlement {identifier} are missing", "Add its file again")


def _fits(found: dict[str, object], told: dict[str, object] | None) -> None:
    identifier = found["settlement_id"]
    if told is None:
        raise ReconcileError(
            f"settlement {identifier} has lines but is not among the settlements", "Add its file again"
        )
    for name in ("seller_account", "currency"):
        if found[name] != told[name]:
            raise ReconcileError(
                f"settlement {identifier} has lines of the {name.replace('_', ' ')} '{found[name]}' "
                f"and says '{told[name]}' of itself",
                "Add its file again",
            )
    if (found["lines"], found["total"]) != (told["lines"], told["lines_total"]):
        raise ReconcileError(
            f"settlement {identifier} has {found['lines']} lines that add up to {found['total']}, "
            f"and {told['lines']} lines with {told['lines_total']} were stored",
            "Add its file again",
        )
    undated = told["close_day"] is None and told["deposit_day"] is None and found["dated"] != found["lines"]
    if undated:
        raise ReconcileError(
            f"settlement {identifier} has lines without any date: no posted date, period end or deposit date",
            "Download the report again from Amazon",
        )


def _open_pieces(transactions: Frame) -> Frame:
    state = nw.when(nw.col("is_deferred")).then(nw.lit(DEFERRED)).otherwise(nw.lit(RELEASED))
    return _pieces(transactions.with_columns(settlement_id=state, line_day=nw.col("posted_day")))


def _pieces(lines: Frame) -> Frame:
    """Add up per order, currency, settlement and event class; every line kind goes into exactly one sum."""
    ordered = lines.filter(~nw.col("amazon_order_id").is_null())
    is_promotion = nw.col("amount_type").str.strip_chars().str.to_lowercase() == "promotion"
    return ordered.group_by("amazon_order_id", "currency", "settlement_id", "event_class").agg(
        goods=_sum_of(GOODS),
        fees=_sum_of(_FEES),
        withheld=_sum_of((LineKind.TAX_WITHHELD.value,)),
        reimbursement=_sum_of((LineKind.REIMBURSEMENT.value,)),
        rest=_sum_of(_REST),
        tax=_sum_of(_TAX),
        promotion=_sum_of((LineKind.PROMOTION.value,)),
        promotion_tax=nw.when(is_promotion & nw.col("line_kind").is_in(list(_TAX)))
        .then(nw.col("amount"))
        .otherwise(nw.lit(ZERO))
        .sum()
        .cast(AMOUNT),
        total=nw.col("amount").sum().cast(AMOUNT),
        goods_lines=_lines_of(_GOODS_WITHOUT_TAX),
        tax_lines=_lines_of(_TAX),
        lines=nw.len(),
        first_line=nw.col("source_line").min(),
        last_line=nw.col("source_line").max(),
        last_day=nw.col("line_day").max(),
        last_posted_day=nw.col("posted_day").max(),
        line_marketplace=nw.col("marketplace").min(),
    )


def goods_and_withheld() -> dict[str, nw.Expr]:
    """Sums over lines: what the buyer paid, tax included, and the facilitator tax beside it."""
    return {"goods": _sum_of(GOODS), "withheld": _sum_of((LineKind.TAX_WITHHELD.value,))}


def _lines_of(kinds: tuple[str, ...]) -> nw.Expr:
    return nw.when(nw.col("line_kind").is_in(list(kinds))).then(1).otherwise(0).sum().cast(nw.Int64)


def _sum_of(kinds: tuple[str, ...]) -> nw.Expr:
    of_kinds = nw.col("line_kind").is_in(list(kinds))
    return nw.when(of_kinds).then(nw.col("amount")).otherwise(nw.lit(ZERO)).sum().cast(AMOUNT)


def per_order(engine: Engine, pieces: Frame) -> Frame:
    """Add the pieces up per Amazon order and currency; the gross amounts follow when the tax mode is known.

    ``…_goods``: what the buyer pays or gets back, tax included; ``…_withheld``: the facilitator tax beside it. Nearly every
    order has one piece, and what is alone needs no group-by, the dearest step of all when every group has one row.
    """
    key = ["amazon_order_id", "currency"]
    amounts, counts = _amounts_of_piece(), _counts_of_piece()
    parts = pieces.select(
        *key,
        "last_posted_day",
        "line_marketplace",
        last_sale_day=nw.when(_is_of((EventClass.SALE.value,))).then(nw.col("last_day")),
        **{name: amount.cast(AMOUNT) for name, amount in amounts.items()},
        **{name: count.cast(nw.Int64) for name, count in counts.items()},
    )
    often = pieces.group_by(*key).agg(pieces=nw.len()).filter(nw.col("pieces") > 1)
    several = engine.hold(often.select(*key), grain=key, what="orders of several pieces", grouped=True)
    added = (
        parts.join(several, on=key, how="semi")
        .group_by(*key)
        .agg(
            nw.col("last_posted_day", "last_sale_day").max(),
            nw.col("line_marketplace").min(),
            *(nw.col(name).sum().cast(AMOUNT) for name in amounts),
            *(nw.col(name).sum().cast(nw.Int64) for name in counts),
        )
    )
    names = [*key, "last_posted_day", "last_sale_day", "line_marketplace", *amounts, *counts]
    alone = parts.join(several, on=key, how="anti")
    both = nw.concat([alone.select(*names), added.select(*names)])
    return engine.hold(both, grain=key, what="settled orders", grouped=True)


def _amounts_of_piece() -> dict[str, nw.Expr]:
    """What a piece adds to the sums of its order, by its event class."""
    zero = nw.lit(ZERO)
    reimbursement, account = _is_of((EventClass.REIMBURSEMENT.value,)), _is_of((EventClass.ACCOUNT.value,))
    goods, rest = nw.col("goods"), nw.col("rest")
    return {
        **_goods_and_tax("received", SALE_EVENTS),
        **_goods_and_tax("refunded", REFUND_EVENTS),
        **_goods_and_tax("claimed", CLAIM_EVENTS),
        "other_rest": nw.when(reimbursement).then(zero).otherwise(rest) + nw.when(account).then(goods).otherwise(zero),
        "other_withheld": nw.when(account | reimbursement).then(nw.col("withheld")).otherwise(zero),
        "fee_withheld": zero - nw.col("fees"),
        "tax_collected": nw.col("tax"),
        "tax_withheld": zero - nw.col("withheld"),
        "reimbursed": nw.col("reimbursement") + nw.when(reimbursement).then(goods + rest).otherwise(zero),
        "net_cash": nw.col("total"),
        "sale_promotion": _amount_of("promotion", (EventClass.SALE.value,)),
        "sale_promotion_tax": _amount_of("promotion_tax", (EventClass.SALE.value,)),
    }


def _counts_of_piece() -> dict[str, nw.Expr]:
    return {
        "lines": nw.col("lines"),
        "sale_lines": _lines_of_events((EventClass.SALE.value,)),
        "claim_lines": _lines_of_events(CLAIM_EVENTS),
        "buyer_lines": _lines_of_events((*SALE_EVENTS, *REFUND_EVENTS)),
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
