"""Which settlements a source covers whole, so that what it lacks of them is a difference and not a gap in what was added.

A settlement is covered by a source in one of two ways. Either the source's rows of Amazon orders in it add up to the
settlement's own: then nothing can be missing that another row does not make up. Or the source's files reach, without a
hole, from the first to the last line of an order in it. A payments report that knows deferred money is indexed by the
time of the event, which lies before the release (Amazon notes, sections 1 and 5): there it must reach
``LOOKBACK`` further back. Whatever is not proved to be covered cannot be compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from nsbill.reconcile.tie_out_sums import SettlementSums

__all__ = ["LOOKBACK", "covered", "settlement_of"]

LOOKBACK = timedelta(days=60)
"""Time from an event to its release: 7 days after delivery, terms of invoiced orders (30 days), and some to spare."""

_WHOLE_DAY = timedelta(days=1)
"""Payments reports are of whole days: a shorter time without a row between two of them hides none."""

Row = Mapping[str, Any]
Span = tuple[datetime, datetime]


def settlement_of(rows: pa.Table, settlements: Sequence[Row]) -> pa.Array:
    """The settlement of each row of activity: the one that it names, else the only one whose period holds its release.

    Null where none or several do.
    """
    named = rows["settlement_id"]
    if named.null_count == 0 or not settlements:
        return named
    at = pc.coalesce(rows["released_at"], rows["posted_at"])
    found = pa.nulls(rows.num_rows, pa.string())
    times = pa.array([0] * rows.num_rows, pa.int32())
    for one in settlements:
        if one["period_start"] is None or one["period_end"] is None:
            continue
        start, end = (pa.scalar(one[name], at.type) for name in ("period_start", "period_end"))
        inside = pc.and_(pc.greater_equal(at, start), pc.less(at, end))
        inside = pc.fill_null(pc.and_(inside, pc.equal(rows["currency"], one["currency"])), False)
        found = pc.if_else(inside, one["settlement_id"], found)
        times = pc.add(times, inside.cast(pa.int32()))
    only = pc.if_else(pc.equal(times, 1), found, None)
    return pc.coalesce(named, only)


def covered(
    activity: pa.Table, settlements: Sequence[Row], sums: Mapping[str, SettlementSums], totals: Iterable[Row]
) -> pa.Table:
    """One row per settlement: ``settlement_id, payments_cover, finances_cover``.

    ``activity`` are the rows of all files with ``source``, those that another file speaks for too; ``totals`` the sums of
    what counts of Amazon orders per ``source, settlement_id``.
    """
    added = {(row["source"], row["settlement_id"]): row["net"] for row in totals}
    files = _files(activity)
    columns: dict[str, list[object]] = {"settlement_id": [], "payments_cover": [], "finances_cover": []}
    for one in settlements:
        name = one["settlement_id"]
        own = sums[name]
        columns["settlement_id"].append(name)
        for source in ("payments", "finances"):
            whole = added.get((source, name)) == own.net_cash or _spanned(source, one, own, files)
            columns[f"{source}_cover"].append(whole)
    kinds = {"settlement_id": pa.string(), "payments_cover": pa.bool_(), "finances_cover": pa.bool_()}
    return pa.table({name: pa.array(columns[name], kind) for name, kind in kinds.items()})


def _files(activity: pa.Table) -> list[Row]:
    """Per file, currency and marketplace: source, first and last time, and whether it knows deferred money."""
    statuses = activity.append_column("told", pc.is_valid(activity["transaction_status"]).cast(pa.int8()))
    keys = ["source", "source_digest", "currency", "marketplace"]
    wanted = [("posted_at", "min"), ("posted_at", "max"), ("told", "max"), ("posted_at", "count")]
    found: list[Row] = statuses.group_by(keys).aggregate(wanted).to_pylist()
    return found


def _spanned(source: str, settlement: Row, sums: SettlementSums, files: Sequence[Row]) -> bool:
    """Whether the files reach over all lines of orders; those of payments must name the settlement's marketplace."""
    if sums.posted is None:
        return False
    own = [file for file in files if file["source"] == source and file["currency"] == settlement["currency"]]
    if source == "payments":
        market = (settlement["marketplace"] or "").casefold()
        own = [file for file in own if market and (file["marketplace"] or "").casefold() == market]
    own = [file for file in own if file["posted_at_min"] is not None]
    first, last = sums.posted
    if source == "payments" and any(file["told_max"] for file in own):
        first -= LOOKBACK
    hole = _WHOLE_DAY if source == "payments" else timedelta(0)
    spans = _merged([(file["posted_at_min"], file["posted_at_max"]) for file in own], hole)
    return any(begin <= first and last <= end for begin, end in spans)


def _merged(spans: Sequence[Span], hole: timedelta) -> list[Span]:
    """The spans, those that overlap or leave less than ``hole`` between them made one."""
    merged: list[Span] = []
    for begin, end in sorted(spans):
        if merged and (begin <= merged[-1][1] or begin - merged[-1][1] < hole):
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((begin, end))
    return merged
