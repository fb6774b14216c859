"""Whether Amazon's sources say the same of an order: settlement lines, payments reports, the Finances API.

They are compared per order **and settlement**, because a settlement is closed for ever while the other sources are
pictures of one day: they may not reach as far back, and what they call deferred may have been released since. So only
what is known to be covered by both is called a difference; everything else "cannot be compared". Only the net decides:
the parts are called by other names in each source, so that the same net made of other parts is shown and no exception.
Answers of ``listFinancialEvents`` (v0) are left out: the signs of their fees are not reliable (Amazon notes, section 2).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import narwhals as nw
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from nsbill.money import ZERO
from nsbill.reconcile.activity import each_once
from nsbill.reconcile.agreement_schema import AGREEMENT, COMPARED, Agreement
from nsbill.reconcile.agreement_spans import covered, settlement_of
from nsbill.reconcile.agreement_texts import disagreements, reason
from nsbill.reconcile.engine import AMOUNT, Engine, Frame, checked
from nsbill.reconcile.pieces import GOODS, REFUND_EVENTS, SALE_EVENTS
from nsbill.reconcile.rules import ReconcileRules
from nsbill.reconcile.settled import Settled
from nsbill.reconcile.tie_out_sums import SettlementSums
from nsbill.schemas import DAY
from nsbill.vocabulary import LineKind, TieState, TransactionStatus

__all__ = ["Agreed", "agreement_of"]

KEY = ("amazon_order_id", "settlement_id", "currency")
_FORMATS = {"PAYMENTS_CSV": "payments", "FINANCES_TRANSACTIONS": "finances"}
_PARTS = tuple(name for name in COMPARED if name != "net")
_OPEN = (TransactionStatus.DEFERRED.value, TransactionStatus.DEFERRED_RELEASED.value)


@dataclass(frozen=True)
class Agreed:
    """The sources side by side (AGREEMENT), and where they differ as exceptions (columns of EXCEPTIONS)."""

    rows: pd.DataFrame
    exceptions: Sequence[Frame] = ()


def agreement_of(
    engine: Engine,
    *,
    settled: Settled,
    activity: pa.Table | None,
    sums: Mapping[str, SettlementSums],
    rules: ReconcileRules,
) -> Agreed:
    """Compare what the sources say of each Amazon order in each closed settlement.

    ``activity`` has the schema ACTIVITY, files in the order of adding; of what overlaps, the file added last counts
    (``activity.each_once``). ``sums`` are those of the closed settlements. Without activity there is nothing to compare.
    """
    if activity is None or not activity.num_rows or not settled.settlements.num_rows:
        return Agreed(AGREEMENT.frame())
    rows = _rows(engine, settled, activity, sums, rules)
    return Agreed(checked(engine.read(rows.sort(*KEY)), AGREEMENT), [disagreements(rows)])


def _rows(
    engine: Engine,
    settled: Settled,
    activity: pa.Table,
    sums: Mapping[str, SettlementSums],
    rules: ReconcileRules,
) -> Frame:
    """AGREEMENT, with the number of lines and the places of the rows beside it, for evidence."""
    settlements = settled.settlements.to_pylist()
    posted = _posted(activity, rules)
    rows = _each_once(posted, settlements)
    facts = engine.frame(_facts(settled.settlements))
    of_orders = engine.frame(rows).filter(~nw.col("amazon_order_id").is_null())
    in_closed = of_orders.join(facts, on="settlement_id", how="inner")
    released = in_closed.filter(~nw.col("is_open"), nw.col("currency") == nw.col("settlement_currency"))
    told = engine.hold(_by_order(released), grain=KEY, what="orders in activity")
    totals = engine.read(released.group_by("source", "settlement_id").agg(net=nw.col("amount").sum())).to_pylist()
    cover = engine.frame(covered(posted, settlements, sums, totals))
    own = _own(settled, told)
    joined = (
        told.join(own, on=list(KEY), how="left")
        .join(cover, on="settlement_id", how="left")
        .join(facts, on="settlement_id", how="left")
        .join(_waiting(of_orders), on=["amazon_order_id", "currency"], how="left")
        .with_columns(nw.col("settlement_lines", "settlement_unknown").fill_null(0))
        .with_columns(**{f"settlement_{name}": nw.col(f"settlement_{name}").fill_null(ZERO) for name in COMPARED})
        .with_columns(seller_account=nw.lit(rules.seller_account))
        .with_columns(payments_agree=_agrees("payments"), finances_agree=_agrees("finances"))
        .with_columns(payments_parts_differ=_parts_differ("payments"), finances_parts_differ=_parts_differ("finances"))
        .with_columns(state=_state(), difference=_difference())
        .with_columns(explanation=reason())
    )
    money = [f"{source}_{name}" for source in ("settlement", "payments", "finances") for name in COMPARED]
    return engine.hold(
        joined.with_columns(nw.col(*money, "difference").cast(AMOUNT)),
        grain=KEY,
        what="agreement of sources",
    )


def _posted(activity: pa.Table, rules: ReconcileRules) -> pa.Table:
    """What was posted by the as-of date in the formats that are compared, with ``source``; overlaps are still in it."""
    rows = activity.filter(pc.is_in(activity["source_format"], pa.array(list(_FORMATS))))
    rows = rows.filter(pc.fill_null(pc.less_equal(rows["posted_day"], pa.scalar(rules.as_of_day, DAY)), False))
    payments = pc.equal(rows["source_format"], "PAYMENTS_CSV")
    return rows.append_column("source", pc.if_else(payments, "payments", "finances"))


def _each_once(posted: pa.Table, settlements: list[dict[str, object]]) -> pa.Table:
    """Each transaction once, with the settlement that it is in and whether its money may still move (``is_open``)."""
    rows = each_once(posted)
    place = rows.column_names.index("settlement_id")
    rows = rows.set_column(place, "settlement_id", settlement_of(rows, settlements))
    waits = pc.fill_null(pc.is_in(rows["transaction_status"], pa.array(list(_OPEN))), False)
    return rows.append_column("is_open", waits)


def _by_order(released: Frame) -> Frame:
    """Per order and settlement, the amounts of both sources side by side; null where a source has no row."""
    kind, event = nw.col("line_kind"), nw.col("event_class")
    goods = kind.is_in(list(GOODS))
    holds = {
        "receipts": goods & event.is_in(list(SALE_EVENTS)),
        "refunds": goods & event.is_in(list(REFUND_EVENTS)),
        "fees": kind.str.starts_with("FEE_"),
        "tax_withheld": kind == LineKind.TAX_WITHHELD.value,
    }
    part = nw.lit("other")
    for name, condition in holds.items():
        part = nw.when(condition).then(nw.lit(name)).otherwise(part)
    parted = released.with_columns(part=part)
    sums: dict[str, nw.Expr] = {}
    for source in ("payments", "finances"):
        mine = nw.col("source") == source
        sums[f"{source}_rows"] = nw.when(mine).then(1).otherwise(0).sum()
        sums[f"{source}_unknown"] = nw.when(mine & (kind == LineKind.UNCLASSIFIED.value)).then(1).otherwise(0).sum()
        sums[f"{source}_first"] = nw.when(mine).then(nw.col("source_line")).min()
        sums[f"{source}_last"] = nw.when(mine).then(nw.col("source_line")).max()
        sums[f"{source}_file"] = nw.when(mine).then(nw.col("source_digest")).min()
        sums[f"{source}_other_file"] = nw.when(mine).then(nw.col("source_digest")).max()
        sums[f"{source}_net"] = nw.when(mine).then(nw.col("amount")).sum()
        for name in _PARTS:
            is_part = mine & (nw.col("part") == name)
            sums[f"{source}_{name}"] = nw.when(is_part).then(nw.col("amount")).otherwise(nw.lit(ZERO)).sum()
    grouped = parted.group_by(*KEY).agg(**sums)
    blank = {
        f"{source}_{name}": nw.when(nw.col(f"{source}_rows") > 0).then(nw.col(f"{source}_{name}"))
        for source in ("payments", "finances")
        for name in COMPARED
    }
    return grouped.with_columns(**blank)


def _own(settled: Settled, told: Frame) -> Frame:
    """The settlement's own side of the orders that activity speaks of."""
    pieces = settled.pieces.join(told.select(*KEY), on=list(KEY), how="semi")
    event, zero = nw.col("event_class"), nw.lit(ZERO)
    sale, refund = event.is_in(list(SALE_EVENTS)), event.is_in(list(REFUND_EVENTS))
    amounts = pieces.with_columns(
        receipts=nw.when(sale).then(nw.col("goods")).otherwise(zero),
        refunds=nw.when(refund).then(nw.col("goods")).otherwise(zero),
        other=nw.col("rest") + nw.col("reimbursement") + nw.when(sale | refund).then(zero).otherwise(nw.col("goods")),
        tax_withheld=nw.col("withheld"),
        net=nw.col("total"),
    )
    grouped = amounts.group_by(*KEY).agg(
        settlement_lines=nw.col("lines").sum(),
        settlement_first=nw.col("first_line").min(),
        settlement_last=nw.col("last_line").max(),
        **{f"settlement_{name}": nw.col(name).sum() for name in COMPARED},
    )
    unknown = settled.odd.filter(nw.col("line_kind") == LineKind.UNCLASSIFIED.value)
    counted = unknown.join(told.select(*KEY), on=list(KEY), how="semi").group_by(*KEY).agg(settlement_unknown=nw.len())
    return grouped.join(counted, on=list(KEY), how="left")


def _facts(settlements: pa.Table) -> pa.Table:
    """Per settlement: its currency, the day on which it closed, and whether its lines are known to be all of it."""
    return pa.table(
        {
            "settlement_id": settlements["settlement_id"],
            "settlement_currency": settlements["currency"],
            "closed_day": settlements["period_end"].cast(pa.date32()).cast(DAY),
            "is_whole": pc.equal(settlements["ties"], TieState.TIES.value),
        }
    )


def _waiting(of_orders: Frame) -> Frame:
    """Per order and source: since when some of its money is deferred, or was released nobody knows whereto."""
    return (
        of_orders.filter(nw.col("is_open"))
        .group_by("amazon_order_id", "currency")
        .agg(
            payments_open=nw.when(nw.col("source") == "payments").then(nw.col("posted_day")).min(),
            finances_open=nw.when(nw.col("source") == "finances").then(nw.col("posted_day")).min(),
        )
    )


def _agrees(source: str) -> nw.Expr:
    """True: the same net. False: another, and both are known to be whole. Null: no rows, or nobody can tell."""
    same = nw.col(f"{source}_net") == nw.col("settlement_net")
    waits = (nw.col(f"{source}_open") <= nw.col("closed_day")).fill_null(False)
    whole = nw.col(f"{source}_cover") & nw.col("is_whole") & ~waits
    told = nw.when(same).then(nw.lit(True)).otherwise(nw.when(whole).then(nw.lit(False)))
    return nw.when(nw.col(f"{source}_rows") > 0).then(told)


def _parts_differ(source: str) -> nw.Expr:
    """Whether the same net is made of other parts, as far as all labels are known."""
    labels_known = (nw.col(f"{source}_unknown") == 0) & (nw.col("settlement_unknown") == 0)
    differ = nw.lit(False)
    for name in _PARTS:
        differ = differ | (nw.col(f"{source}_{name}") != nw.col(f"settlement_{name}")).fill_null(False)
    return nw.col(f"{source}_agree").fill_null(False) & labels_known & differ


def _state() -> nw.Expr:
    """The first that holds: some source differs, cannot be compared, has other parts; else they agree."""
    differs, open_, parts = nw.lit(False), nw.lit(False), nw.lit(False)
    for source in ("payments", "finances"):
        agree = nw.col(f"{source}_agree")
        differs = differs | (~agree).fill_null(False)
        open_ = open_ | ((nw.col(f"{source}_rows") > 0) & agree.is_null())
        parts = parts | nw.col(f"{source}_parts_differ")
    state = nw.when(parts).then(nw.lit(Agreement.OTHER_PARTS.value)).otherwise(nw.lit(Agreement.AGREES.value))
    state = nw.when(open_).then(nw.lit(Agreement.NOT_COMPARABLE.value)).otherwise(state)
    return nw.when(differs).then(nw.lit(Agreement.DIFFERS.value)).otherwise(state)


def _difference() -> nw.Expr:
    """What a source that differs has more than the settlement; the payments reports' before the Finances API's."""
    found = nw.lit(None, dtype=AMOUNT)
    for source in ("finances", "payments"):
        more = nw.col(f"{source}_net") - nw.col("settlement_net")
        found = nw.when((~nw.col(f"{source}_agree")).fill_null(False)).then(more).otherwise(found)
    return found
