"""Amazon's side: the settlement lines that count by the as-of date, added up per order, settlement and event."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import narwhals as nw
import pyarrow as pa
import pyarrow.compute as pc

from nsbill.errors import ReconcileError
from nsbill.money import ZERO
from nsbill.reconcile.activity import open_activity
from nsbill.reconcile.basis import DEFERRED, RELEASED, Waiting, by_basis, read_waiting
from nsbill.reconcile.engine import Engine, Frame
from nsbill.reconcile.rules import ReconcileRules
from nsbill.schemas import DATE, DAY
from nsbill.vocabulary import EventClass, LineKind, OrderRoute

__all__ = [
    "CLAIM_EVENTS",
    "GOODS",
    "REFUND_EVENTS",
    "SALE_EVENTS",
    "Settled",
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
) -> Settled:
    """Keep what is settled by the as-of date: lines of settlements whose period has closed (UTC date).

    A settlement without a period end counts line by line, by the day on which each was posted. ``activity`` (schema
    ACTIVITY) adds what is posted and not settled; ``deposited`` are the settlements whose deposit was found at the bank.

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
    posted_days = _check_that_lines_are_complete(engine, lines, dated, rules)
    day = nw.coalesce("posted_day", "close_day", "deposit_day")
    counts_on = nw.coalesce("close_day", "posted_day", "deposit_day")
    counted = lines.join(closing, on="settlement_id", how="inner").filter(counts_on <= rules.as_of_day)
    pieces = _pieces(counted.with_columns(line_day=day))
    odd = (nw.col("order_route") == OrderRoute.MALFORMED.value) | (nw.col("line_kind") == LineKind.UNCLASSIFIED.value)
    closed = _closed(dated, rules)
    held = engine.hold(pieces, grain=_PIECE, what="settled amounts")
    found = open_activity(engine, activity, settlements=dated, rules=rules)
    unsettled = engine.hold(_open_pieces(found.transactions), grain=_PIECE, what="amounts in no settlement")
    received, waiting = by_basis(held, unsettled, rules=rules, deposited=deposited, activity=found.given)
    return Settled(
        lines=counted,
        pieces=held,
        counted=received,
        waiting=read_waiting(engine, waiting, found),
        odd=counted.filter(odd),
        settlements=closed.select(settlements.column_names),
        period_ends=_period_ends(closed),
        currencies=frozenset(pc.unique(settlements["currency"]).to_pylist()),
        posted_days=_with_activity(posted_days, activity),
    )


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


def _check_that_lines_are_complete(engine: Engine, lines: Frame, settlements: pa.Table, rules: ReconcileRules) -> range:
    """Compare the lines of each settlement with what the settlement says of itself; return the span of posted days."""
    found = engine.read(
        lines.group_by("settlement_id", "seller_account", "currency").agg(
            lines=nw.len(),
            total=nw.col("amount").sum(),
            dated=nw.col("posted_day").count(),
            first=nw.col("posted_day").min(),
            last=nw.col("posted_day").max(),
        )
    ).to_pylist()
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
    days = [row[end] for row in found for end in ("first", "last") if row[end] is not None]
    return range(min(days), max(days) + 1) if days else range(0)


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
        .sum(),
        total=nw.col("amount").sum(),
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
    return nw.when(nw.col("line_kind").is_in(list(kinds))).then(1).otherwise(0).sum()


def _sum_of(kinds: tuple[str, ...], amount: str = "amount", by: str = "line_kind") -> nw.Expr:
    return nw.when(nw.col(by).is_in(list(kinds))).then(nw.col(amount)).otherwise(nw.lit(ZERO)).sum()


def per_order(pieces: Frame) -> Frame:
    """Add the pieces up per Amazon order and currency; the gross amounts follow when the tax mode is known.

    ``…_goods``: what the buyer pays or gets back, tax included; ``…_withheld``: the facilitator tax beside it.
    """
    reimbursement, account = EventClass.REIMBURSEMENT.value, EventClass.ACCOUNT.value
    is_other = nw.col("event_class").is_in([account, reimbursement])
    amounts = pieces.with_columns(
        won=nw.col("reimbursement")
        + nw.when(nw.col("event_class") == reimbursement)
        .then(nw.col("goods") + nw.col("rest"))
        .otherwise(nw.lit(ZERO)),
        adjusting=nw.when(nw.col("event_class") == reimbursement).then(nw.lit(ZERO)).otherwise(nw.col("rest"))
        + nw.when(nw.col("event_class") == account).then(nw.col("goods")).otherwise(nw.lit(ZERO)),
        loose_tax=nw.when(is_other).then(nw.col("withheld")).otherwise(nw.lit(ZERO)),
    )
    return amounts.group_by("amazon_order_id", "currency").agg(
        **_goods_and_tax("received", SALE_EVENTS),
        **_goods_and_tax("refunded", REFUND_EVENTS),
        **_goods_and_tax("claimed", CLAIM_EVENTS),
        other_rest=nw.col("adjusting").sum(),
        other_withheld=nw.col("loose_tax").sum(),
        fee_withheld=nw.lit(ZERO) - nw.col("fees").sum(),
        tax_collected=nw.col("tax").sum(),
        tax_withheld=nw.lit(ZERO) - nw.col("withheld").sum(),
        reimbursed=nw.col("won").sum(),
        net_cash=nw.col("total").sum(),
        sale_promotion=_sum_of((EventClass.SALE.value,), "promotion", "event_class"),
        sale_promotion_tax=_sum_of((EventClass.SALE.value,), "promotion_tax", "event_class"),
        lines=nw.col("lines").sum(),
        sale_lines=_count_of((EventClass.SALE.value,)),
        claim_lines=_count_of(CLAIM_EVENTS),
        buyer_lines=_count_of((*SALE_EVENTS, *REFUND_EVENTS)),
        refund_goods_lines=_count_of((EventClass.REFUND.value,), "goods_lines"),
        refund_tax_lines=_count_of((EventClass.REFUND.value,), "tax_lines"),
        last_sale_day=_last_of((EventClass.SALE.value,)),
        last_posted_day=nw.col("last_posted_day").max(),
        line_marketplace=nw.col("line_marketplace").min(),
    )


def _goods_and_tax(name: str, events: tuple[str, ...]) -> dict[str, nw.Expr]:
    return {
        f"{name}_goods": _sum_of(events, "goods", "event_class"),
        f"{name}_withheld": _sum_of(events, "withheld", "event_class"),
    }


def _count_of(events: tuple[str, ...], lines: str = "lines") -> nw.Expr:
    return nw.when(nw.col("event_class").is_in(list(events))).then(nw.col(lines)).otherwise(0).sum()


def _last_of(events: tuple[str, ...]) -> nw.Expr:
    return nw.when(nw.col("event_class").is_in(list(events))).then(nw.col("last_day")).max()
