"""Amazon's side: the settlement lines that count by the as-of date, added up per order, settlement and event."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import pyarrow as pa
import pyarrow.compute as pc

from nsbill.errors import ReconcileError
from nsbill.reconcile.activity import OpenActivity, open_activity
from nsbill.reconcile.basis import DEFERRED, RELEASED, Waiting, by_basis, read_waiting
from nsbill.reconcile.engine import Engine, Frame, lookup, only
from nsbill.reconcile.pieces import pieces_of
from nsbill.reconcile.rules import ReconcileRules
from nsbill.schemas import DATE, DAY
from nsbill.vocabulary import LineKind, OrderRoute, ReceiptBasis

__all__ = ["Settled", "check_lines", "closed_settlements", "read_settled"]


@dataclass(frozen=True)
class Settled:
    """Amazon's side as of one day.

    ``lines``: the settlement lines that count. ``pieces``: one row per Amazon order, currency, settlement and event class
    (``pieces.pieces_of``); ``counted``: those that count as received on the rules' basis, and what is posted and in no
    settlement (settlement ``deferred`` or ``released``) where it does; ``waiting``: posted and not counted, the same
    way, with the day on which deferred money matures. ``odd``: the lines with a malformed order id or unknown labels.
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
    statement_only: bool = False,
) -> Settled:
    """Keep what is settled by the as-of date: lines of settlements whose period has closed (UTC date).

    A settlement without a period end counts line by line, by the day on which each was posted. ``activity`` (schema
    ACTIVITY) adds what is posted and not settled; ``deposited`` are the settlements whose deposit was found at the bank.
    ``whole``: the lines are all lines of the settlements; else they are those of some orders, and not compared with the
    settlements. ``statement_only``: the pieces hold what the statement needs, and no more.

    Raises
    ------
    ReconcileError
        When lines and settlements do not belong together, or a line has no date at all.
    """
    dated = _with_close_day(settlements)
    found_lines, kinds = _sums_of_settlements(engine, lines)
    if whole:
        _check_that_lines_are_complete(found_lines, dated, rules)
    closed = _closed(dated, rules)
    counted, day, currency = lines, None, only(_currencies(settlements))
    if not (whole and _all_count(found_lines, dated, rules)):
        counted, currency = _counted(engine, lines, dated, rules), None
        day = nw.coalesce("posted_day", "close_day", "deposit_day")
    pieces = pieces_of(
        engine,
        counted,
        what="settled amounts",
        kinds=kinds,
        currency=currency,
        day=day,
        statement_only=statement_only,
        by_settlement=not (statement_only and rules.basis is ReceiptBasis.SETTLED),
    )
    open_ = None if activity is None else open_activity(engine, activity, settlements=dated, rules=rules)
    unsettled = None if open_ is None else _unsettled(engine, open_, statement_only=statement_only)
    received, waiting = by_basis(pieces, unsettled, rules=rules, deposited=deposited)
    odd = (nw.col("order_route") == OrderRoute.MALFORMED.value) | (nw.col("line_kind") == LineKind.UNCLASSIFIED.value)
    return Settled(
        lines=counted,
        pieces=pieces,
        counted=received,
        waiting=read_waiting(engine, waiting, open_),
        odd=counted.filter(odd),
        settlements=closed.select(settlements.column_names),
        period_ends=_period_ends(closed),
        currencies=_currencies(settlements, activity),
        posted_days=_with_activity(_posted_days(found_lines), activity),
    )


def _unsettled(engine: Engine, activity: OpenActivity, *, statement_only: bool) -> Frame:
    """The pieces of what is in no settlement yet: what stands there for the settlement says why."""
    state = nw.when(nw.col("is_deferred")).then(nw.lit(DEFERRED)).otherwise(nw.lit(RELEASED))
    transactions = activity.transactions.with_columns(settlement_id=state)
    return pieces_of(engine, transactions, what="amounts in no settlement", statement_only=statement_only)


def _all_count(found: list[dict[str, Any]], settlements: pa.Table, rules: ReconcileRules) -> bool:
    """Whether every line counts and has a posted day: the usual case, in which no line has to be asked for its settlement."""
    close_day, ids = settlements["close_day"], settlements["settlement_id"]
    closed = not close_day.null_count and pc.all(pc.less_equal(close_day, rules.as_of_day)).as_py()
    once = len(pc.unique(ids)) == len(ids)  # where not, holding them says which stands twice
    return bool(closed and once) and all(row["dated"] == row["lines"] for row in found)


def _counted(engine: Engine, lines: Frame, settlements: pa.Table, rules: ReconcileRules) -> Frame:
    """The lines that count, each with the days of its settlement."""
    days = settlements.select(["settlement_id", "close_day", "deposit_day"])
    closing = lookup(engine, days, grain=["settlement_id"], what="settlements")
    counts_on = nw.coalesce("close_day", "posted_day", "deposit_day")
    return lines.join(closing, on="settlement_id", how="inner").filter(counts_on <= rules.as_of_day)


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
    found, _ = _sums_of_settlements(engine, lines)
    _check_that_lines_are_complete(found, _with_close_day(settlements), rules)


def _sums_of_settlements(engine: Engine, lines: Frame) -> tuple[list[dict[str, Any]], frozenset[str]]:
    """What the lines of each settlement add up to, and every line kind that there is."""
    by = ["settlement_id", "seller_account", "currency"]
    found = engine.read(
        lines.group_by(*by, "line_kind").agg(
            lines=nw.len(),
            total=nw.col("amount").sum(),
            dated=nw.col("posted_day").count(),
            first=nw.col("posted_day").min(),
            last=nw.col("posted_day").max(),
        )
    )
    how = {"lines": "sum", "total": "sum", "dated": "sum", "first": "min", "last": "max"}
    sums = found.group_by(by).aggregate(list(how.items())).rename_columns([*by, *how])
    rows: list[dict[str, Any]] = sums.to_pylist()
    return rows, frozenset(found["line_kind"].to_pylist())


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
