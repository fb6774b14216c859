"""The basis of "received": which posted money counts, which still waits, and for what (domain reference 2.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import narwhals as nw
import pyarrow as pa
import pyarrow.compute as pc

from nsbill.amazon.proof_rows import Proof
from nsbill.errors import ReconcileError
from nsbill.money import ZERO
from nsbill.reconcile.activity import OpenActivity
from nsbill.reconcile.engine import AMOUNT, Engine, Frame
from nsbill.reconcile.rules import ReconcileRules
from nsbill.schemas import DATE, DAY, TEXT
from nsbill.vocabulary import EventClass, ReceiptBasis

__all__ = [
    "DEFERRED",
    "RELEASED",
    "WAITING",
    "Waiting",
    "by_basis",
    "deposited_settlements",
    "read_waiting",
    "with_due_parts",
]

DEFERRED, RELEASED = "deferred", "released"
"""What stands in ``settlement_id`` of amounts that are in no settlement yet."""

WAITING = ("deferred_goods", "deferred_withheld", "released_goods", "released_withheld")
_SALES = [EventClass.SALE.value, EventClass.RETROCHARGE.value]
_KEY = ["amazon_order_id", "currency"]


@dataclass(frozen=True)
class Waiting:
    """Posted money that does not count as received on the basis.

    ``amounts``: one row per Amazon order and currency, ``WAITING`` and ``matures_day``, ``deferral_reason``; none when nothing
    waits. ``known``: whether anything is known of money outside of settlements. ``days``: every day on which money
    matures, and ``dates`` the dates of these.
    """

    amounts: Frame | None
    known: bool
    days: tuple[int, ...]
    dates: pa.Table

    @property
    def sides(self) -> tuple[Frame, ...]:
        """The amounts, where there are any."""
        return () if self.amounts is None else (self.amounts,)


def deposited_settlements(proofs: pa.Table) -> list[str] | None:
    """The settlements whose deposit was found at the bank (schema PROOFS); ``None`` when no bank statement was given."""
    of_bank = proofs.filter(pc.equal(proofs["proof"], Proof.DEPOSIT.value))
    if not of_bank.num_rows:
        return None
    found: list[str] = of_bank.filter(pc.fill_null(of_bank["holds"], False))["settlement_id"].to_pylist()
    return found


def by_basis(
    settled: Frame, unsettled: Frame | None, *, rules: ReconcileRules, deposited: Sequence[str] | None
) -> tuple[Frame, Frame | None]:
    """Divide the pieces into those that count as received and those that wait; ``unsettled``: none when nothing is known.

    Raises
    ------
    ReconcileError
        When nothing is known of what the basis asks for.
    """
    is_deferred = nw.col("settlement_id") == DEFERRED
    if rules.basis is ReceiptBasis.SETTLED:
        return settled, unsettled
    if rules.basis is ReceiptBasis.DEPOSITED:
        if deposited is None:
            raise _unknown("deposited", "no bank statement was given", "Give one: --bank FILE")
        at_bank = nw.col("settlement_id").is_in(list(deposited))
        not_yet = settled.filter(~at_bank)
        return settled.filter(at_bank), not_yet if unsettled is None else nw.concat([not_yet, unsettled])
    if unsettled is None:
        remedy = "Add payments reports or answers of the Finances API: nsbill settlements add"
        raise _unknown(rules.basis.value, "nothing is known of money outside of settlements", remedy)
    if rules.basis is ReceiptBasis.RELEASED:
        return nw.concat([settled, unsettled.filter(~is_deferred)]), unsettled.filter(is_deferred)
    return nw.concat([settled, unsettled]), unsettled.filter(nw.col("settlement_id") == "")


def _unknown(basis: str, why: str, remedy: str) -> ReconcileError:
    return ReconcileError(f"what is {basis} cannot be told: {why}", f"{remedy}, or ask for the basis 'settled'")


def read_waiting(engine: Engine, pieces: Frame | None, activity: OpenActivity | None) -> Waiting:
    """Add up what waits, per Amazon order and currency, and find when deferred money matures and why it is deferred."""
    known = activity is not None
    if pieces is None:
        return Waiting(None, known, (), _maturity_dates(pa.array([], DAY)))
    is_deferred = nw.col("settlement_id") == DEFERRED
    of_sales = pieces.filter(nw.col("event_class").is_in(_SALES))
    sums = of_sales.group_by(*_KEY).agg(
        deferred_goods=nw.when(is_deferred).then(nw.col("goods")).otherwise(nw.lit(ZERO)).sum(),
        deferred_withheld=nw.when(is_deferred).then(nw.col("withheld")).otherwise(nw.lit(ZERO)).sum(),
        released_goods=nw.when(is_deferred).then(nw.lit(ZERO)).otherwise(nw.col("goods")).sum(),
        released_withheld=nw.when(is_deferred).then(nw.lit(ZERO)).otherwise(nw.col("withheld")).sum(),
    )
    if activity is None:
        unknown = {"matures_day": nw.lit(None, dtype=nw.Int32), "deferral_reason": nw.lit(None, dtype=nw.String)}
        told = sums.with_columns(**unknown)
    else:
        deferred = activity.transactions.filter(nw.col("is_deferred"), nw.col("event_class").is_in(_SALES))
        when = deferred.group_by(*_KEY).agg(
            matures_day=nw.col("matures_day").max(), deferral_reason=nw.col("deferral_reason").max()
        )
        told = sums.join(when, on=_KEY, how="left")
    amounts = engine.hold(told, grain=_KEY, what="amounts that wait")
    found = engine.read(amounts.select("matures_day"))["matures_day"]
    days = pc.drop_null(pc.unique(found)).cast(DAY)
    return Waiting(amounts if len(found) else None, known, tuple(days.to_pylist()), _maturity_dates(days))


def _maturity_dates(days: pa.Array) -> pa.Table:
    dates = days.cast(DATE)
    return pa.table({"matures_day": days, "maturity_date": dates, "maturity_text": dates.cast(TEXT)})


def with_due_parts(rows: Frame, waiting: Waiting, *, all_posted: nw.Expr) -> Frame:
    """Divide a positive sale leg: deferred, released and not settled, short, and of what nothing is posted.

    They add up to the sale leg exactly. What Amazon holds counts first, up to the leg: more than was billed is no part
    of what is due. ``all_posted``: whether everything of the order must have been posted by now; then the rest is short.
    The first two are empty where nothing is known of money outside of settlements; but what is settled and not at the
    bank is known, and shown as released (basis "deposited").
    """
    zero, sale, nothing = nw.lit(ZERO), nw.col("sale_leg"), nw.lit(None, dtype=AMOUNT)
    open_sale = nw.when(sale > zero).then(sale).otherwise(zero)
    if waiting.amounts is None:
        held = zero.cast(AMOUNT) if waiting.known else nothing
        parts = {"due_deferred": held, "due_released_open": held}
        return rows.with_columns(**parts, **_unposted_or_short(open_sale, all_posted))
    deferred, released = nw.col("due_deferred"), nw.col("due_released_open")
    told = (  # in steps: an expression inside of the next would be written down many times
        rows.with_columns(open_sale=open_sale)
        .with_columns(due_deferred=_between(nw.col("deferred_gross"), nw.col("open_sale")))
        .with_columns(due_released_open=_between(nw.col("released_gross"), nw.col("open_sale") - deferred))
    )
    parts = _unposted_or_short(nw.col("open_sale") - deferred - released, all_posted)
    if not waiting.known:
        parts |= {
            "due_deferred": nothing,
            "due_released_open": nw.when(released > zero).then(released).otherwise(nothing),
        }
    return told.with_columns(**parts).drop("open_sale")


def _unposted_or_short(rest: nw.Expr, all_posted: nw.Expr) -> dict[str, nw.Expr]:
    zero = nw.lit(ZERO)
    return {
        "due_unposted": nw.when(all_posted).then(zero).otherwise(rest),
        "due_short": nw.when(all_posted).then(rest).otherwise(zero),
    }


def _between(amount: nw.Expr, most: nw.Expr) -> nw.Expr:
    zero = nw.lit(ZERO)
    capped = nw.when(amount > most).then(most).otherwise(amount)
    return nw.when(capped > zero).then(capped).otherwise(zero)
