"""What Amazon says beside settlements, each transaction once, and which of it is in no closed settlement yet.

Files of activity overlap on purpose: a report of March and one of the quarter hold the same rows, an answer of the
Finances API that was fetched later the same transactions with a newer status. The last word counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import narwhals as nw
import pyarrow as pa
import pyarrow.compute as pc

from nsbill.reconcile.engine import Engine, Frame, lookup
from nsbill.reconcile.rules import ReconcileRules
from nsbill.schemas import DATE, DAY
from nsbill.vocabulary import LineKind, TransactionStatus

__all__ = ["OpenActivity", "each_once", "open_activity"]

_DEFERRED = TransactionStatus.DEFERRED.value
_WITHOUT_STATUS = "FINANCES_EVENTS"
"""Answers of ``listFinancialEvents`` (v0) do not say whether money is deferred."""


@dataclass(frozen=True)
class OpenActivity:
    """Amounts that Amazon has posted and not settled as of a day; columns of LINES, and ``is_deferred``, ``matures_day``.

    ``transactions``: one row per amount that names an order. Where a payments report and the Finances API both speak of an
    order, the one that was added last does.
    """

    transactions: Frame


@dataclass(frozen=True)
class _Report:
    """What one file without transaction ids says in one currency; ``about``: currency, format, marketplace."""

    file: int
    about: tuple[str, str, str | None]
    first: pa.Scalar
    last: pa.Scalar
    rows: pa.Table


def each_once(activity: pa.Table) -> pa.Table:
    """Keep each transaction's last word (schema ACTIVITY, files in the order of adding).

    A transaction with an id counts as the file that was added last says. A payments report has no ids: of two that
    overlap, in one currency and for one marketplace, the one that was added last counts for the time that it covers. A
    deferred transaction that was released since gives way to the successor that names it, whatever its own file says.
    Nothing is compared line by line: byte-identical lines are legitimate. Adds ``file``, its place in the order of adding.
    """
    numbered = activity.append_column("file", _file_numbers(activity))
    by_id = numbered.filter(pc.is_valid(numbered["transaction_id"]))
    without = numbered.filter(pc.is_null(numbered["transaction_id"]))
    return pa.concat_tables(
        [_without_predecessors(_last_of_each(by_id)), _uncovered(without)], promote_options="default"
    )


def open_activity(engine: Engine, activity: pa.Table, *, settlements: pa.Table, rules: ReconcileRules) -> OpenActivity:
    """Find what was posted by the as-of date and is in none of the closed ``settlements`` (with ``close_day``).

    Deferred money never is. Released money is in the settlement that its row names; where it names none, in the one
    whose period holds the day of its release. What was released after the as-of date, as its row or a later one says, was
    deferred on it.
    """
    to_come = pc.fill_null(pc.greater(activity["posted_day"], rules.as_of_day), False)
    rows = each_once(activity.filter(pc.invert(to_come)))
    released_later = pc.is_in(rows["transaction_id"], _predecessors(activity.filter(to_come)))
    rows = rows.append_column("released_later", released_later)
    rows = rows.filter(pc.not_equal(rows["line_kind"], LineKind.TRANSFER.value))
    rows = rows.filter(pc.not_equal(rows["source_format"], _WITHOUT_STATUS))
    rows = rows.append_column("released_day", _day(rows, "released_at"))
    rows = rows.append_column("maturity_day", _day(rows, "maturity_at"))
    as_of = rules.as_of_day
    frame = engine.frame(rows).filter(nw.coalesce("posted_day", "released_day") <= as_of)
    later = (nw.col("released_day") > as_of).fill_null(False) | nw.col("released_later")
    deferred = ((nw.col("transaction_status") == _DEFERRED).fill_null(False)) | later
    frame = frame.with_columns(
        is_deferred=deferred, on_day=nw.coalesce("released_day", "posted_day"),
        matures_day=nw.when(deferred).then(nw.coalesce("maturity_day", "released_day")),
    )  # fmt: skip
    closed = engine.frame(_closed_periods(settlements, as_of))
    named = closed.select(nw.col("settlement_id"), named=nw.lit(1)).unique("settlement_id")
    days = _days_of_closed_periods(engine, settlements, as_of)
    known = frame.join(named, on="settlement_id", how="left").join(days, on=["currency", "on_day"], how="left")
    in_named = ~nw.col("named").is_null()
    in_period = nw.col("settlement_id").is_null() & ~nw.col("in_period").is_null()
    still_open = known.filter(nw.col("is_deferred") | ~(in_named | in_period), ~nw.col("amazon_order_id").is_null())
    key = ("amazon_order_id", "currency")
    of_last = nw.when(nw.col("file") == nw.col("last_file")).then(nw.col("source_format"))
    spoken = (
        still_open.with_columns(last_file=nw.col("file").max().over(*key))
        .with_columns(of_last=of_last)
        .with_columns(last_format=nw.col("of_last").max().over(*key))
        .filter(nw.col("source_format") == nw.col("last_format"))
    )
    return OpenActivity(spoken)


def _file_numbers(activity: pa.Table) -> pa.Array:
    """The place of each row's file in the order of adding, which is the order in the frame."""
    encoded = activity["source_digest"].combine_chunks().dictionary_encode()
    indices = encoded.indices if isinstance(encoded, pa.DictionaryArray) else encoded.combine_chunks().indices
    return indices.cast(pa.int64())


def _last_of_each(rows: pa.Table) -> pa.Table:
    last = rows.group_by("transaction_id").aggregate([("file", "max")])
    joined = rows.join(last, keys="transaction_id")
    return joined.filter(pc.equal(joined["file"], joined["file_max"])).select(rows.column_names).cast(rows.schema)


def _without_predecessors(rows: pa.Table) -> pa.Table:
    """Leave out what was deferred and released since, where its successor is there."""
    return rows.filter(pc.invert(pc.is_in(rows["transaction_id"], _predecessors(rows))))


def _predecessors(rows: pa.Table) -> pa.Array:
    """The ids of the deferred transactions that these rows release."""
    named = pc.extract_regex(pc.fill_null(rows["extra"], ""), r'"DEFERRED_TRANSACTION_ID":\s*"(?P<id>[^"]+)"')
    return pc.unique(pc.drop_null(pc.struct_field(named, "id")))


def _uncovered(rows: pa.Table) -> pa.Table:
    """Of files without transaction ids, the rows that no file added later covers in time."""
    reports = [report for number in pc.unique(rows["file"]).to_pylist() for report in _reports(rows, number)]
    kept = []
    for report in reports:
        own = report.rows
        for later in reports:
            if later.file > report.file and later.about == report.about and later.first.is_valid:
                at = own["posted_at"]
                inside = pc.and_(pc.greater_equal(at, later.first), pc.less_equal(at, later.last))
                own = own.filter(pc.invert(pc.fill_null(inside, False)))
        kept.append(own)
    return pa.concat_tables(kept) if kept else rows


def _reports(rows: pa.Table, number: int) -> Iterator[_Report]:
    of_file = rows.filter(pc.equal(rows["file"], number))
    for currency in pc.unique(of_file["currency"]).to_pylist():
        own = of_file.filter(pc.equal(of_file["currency"], currency))
        span = pc.min_max(own["posted_at"])
        about = (currency, own["source_format"][0].as_py(), _marketplace_of(own))
        yield _Report(number, about, span["min"], span["max"], own)


def _marketplace_of(rows: pa.Table) -> str | None:
    """The marketplace that most of the rows name."""
    counts = rows.group_by("marketplace").aggregate([("amount", "count")]).to_pylist()
    named = [(row["amount_count"], row["marketplace"]) for row in counts if row["marketplace"]]
    return max(named)[1] if named else None


def _day(rows: pa.Table, name: str) -> pa.ChunkedArray:
    return rows[name].cast(DATE).cast(DAY)


def _closed_periods(settlements: pa.Table, as_of_day: int) -> pa.Table:
    known = pc.coalesce(settlements["close_day"], settlements["deposit_day"])
    return settlements.filter(pc.less_equal(known, pa.scalar(as_of_day, DAY)).fill_null(False))


def _days_of_closed_periods(engine: Engine, settlements: pa.Table, as_of_day: int) -> Frame:
    """Every day that lies in a closed period, per currency: one row per ``currency`` and ``on_day``."""
    days: set[tuple[str, int]] = set()
    for row in _closed_periods(settlements, as_of_day).select(["currency", "period_start", "close_day"]).to_pylist():
        if row["period_start"] is not None and row["close_day"] is not None:
            first = pa.scalar(row["period_start"].date(), DATE).cast(DAY).as_py()
            days.update((row["currency"], day) for day in range(first, row["close_day"] + 1))
    ordered = sorted(days)
    table = pa.table(
        {
            "currency": pa.array([currency for currency, _ in ordered], pa.string()),
            "on_day": pa.array([day for _, day in ordered], DAY),
            "in_period": pa.array([1] * len(ordered), pa.int64()),
        }
    )
    return lookup(engine, table, grain=["currency", "on_day"], what="days of closed settlements")
