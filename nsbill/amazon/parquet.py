"""One Parquet file per settlement: its lines, and in the file's own metadata what was stated and counted.

A file is written aside and renamed when whole, so that a reader sees all of a settlement or nothing.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from nsbill.amazon.summary import Summary
from nsbill.errors import SourceFileError, WorkspaceError
from nsbill.money import ZERO, exact
from nsbill.schemas import LINES
from nsbill.vocabulary import LineKind, TieState

__all__ = [
    "Origin",
    "SettlementFacts",
    "SettlementTables",
    "SettlementWriter",
    "make_durable",
    "read_facts",
    "read_lines",
    "read_lines_of_order",
    "write_settlements",
]

_KEY = b"nsbill.settlement"
_OTHER_CHANNEL = "non-amazon"  # fulfilled for other channels: names no marketplace that settles
_UNLIKE_TEXT = frozenset({"source_line", "amount", "posted_at"})
_WHOLE_DICTIONARY = 64 * 1024 * 1024
_EPOCH = date(1970, 1, 1)
_MOST = 500
"""Each settlement of a file that is being read holds a file open; a seller's years in all marketplaces are fewer."""


@dataclass(frozen=True)
class Origin:
    """Where the settlements of one file come from; the same for all of them. ``added_at`` is UTC."""

    seller_account: str
    source_name: str
    source_digest: str
    content_digest: str
    added_at: datetime


@runtime_checkable
class SettlementTables(Protocol):
    """A reader of settlements. Iterate ``tables()`` to the end; then ``summaries`` holds what the file states."""

    @property
    def summaries(self) -> Mapping[str, Summary]:
        """What the file states of each settlement, by settlement id."""
        ...

    def tables(self) -> Iterator[tuple[str, pa.Table]]:
        """Yield (settlement id, lines of LINES) in file order, in bounded pieces; a settlement may come in several."""
        ...


@dataclass(frozen=True)
class SettlementFacts:
    """What is known of a stored settlement: stated by its file, counted while reading, and where it came from."""

    settlement_id: str
    seller_account: str
    currency: str
    marketplace: str | None
    period_start: datetime | None
    period_end: datetime | None
    deposit_date: date | None
    total_amount: Decimal | None
    lines_total: Decimal
    lines: int
    unclassified_lines: int
    source_name: str
    source_digest: str
    content_digest: str
    settlements_in_source: tuple[str, ...]
    added_at: datetime

    @property
    def residual(self) -> Decimal | None:
        """Sum of the lines minus the stated total; None when no total is stated."""
        return None if self.total_amount is None else self.lines_total - self.total_amount

    @property
    def ties(self) -> TieState:
        """Whether the lines add up to the stated total."""
        if self.residual is None:
            return TieState.CANNOT_TIE
        return TieState.TIES if self.residual == 0 else TieState.DOES_NOT_TIE

    @property
    def file_name(self) -> str:
        """The name of its Parquet file."""
        return f"{self.settlement_id}-{self.source_digest[:12]}.parquet"

    def row(self, problem: str | None) -> dict[str, object]:
        """The row of SETTLEMENTS."""
        day = (self.deposit_date - _EPOCH).days if self.deposit_date else None
        derived = {"residual": self.residual, "ties": str(self.ties), "deposit_day": day, "problem": problem}
        return {**asdict(self), **derived}


def write_settlements(reader: SettlementTables, aside: Path, origin: Origin) -> list[SettlementFacts]:
    """Write each settlement of a file as ``<settlement id>.parquet`` into ``aside``, on the disk; return their facts.

    A settlement of which the file states only a summary gets a file without lines. Whether the lines add up to what
    is stated is in the facts; to refuse is up to the caller.

    Raises
    ------
    SourceFileError
        When the reader finds something that cannot be trusted; ``aside`` then holds files that mean nothing.
    """
    writers: dict[str, SettlementWriter] = {}
    with ExitStack() as stack:
        for name, table in reader.tables():
            if name not in writers:
                if len(writers) == _MOST:
                    raise SourceFileError(
                        origin.source_name,
                        found=f"more than {_MOST} settlements",
                        expected="one, or a few downloads joined",
                        remedy="Add the downloads one by one.",
                    )
                writers[name] = stack.enter_context(closing(SettlementWriter(aside / f"{name}.parquet")))
            writers[name].write(table)
        for name in reader.summaries.keys() - writers.keys():
            writers[name] = stack.enter_context(closing(SettlementWriter(aside / f"{name}.parquet")))
        found: list[SettlementFacts] = []
        for name, writer in writers.items():
            facts = writer.facts(name, reader.summaries.get(name), origin, tuple(sorted(writers)))
            writer.finish(facts)
            found.append(facts)
    return found


class SettlementWriter:
    """Writes the lines of one settlement to ``path`` as they come, and adds up what they say."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines_total, self.lines, self.unclassified = ZERO, 0, 0
        self.currency: str | None = None
        self._marketplaces: Counter[str] = Counter()
        self._writer: pq.ParquetWriter | None = None

    def write(self, table: pa.Table) -> None:
        """Append a piece of the settlement, with the columns of LINES."""
        self._open(table.schema).write_table(table)
        self.lines += table.num_rows
        self.lines_total += pc.sum(table["amount"]).as_py()
        self.unclassified += _counts(table["line_kind"])[LineKind.UNCLASSIFIED]
        self.currency = table["currency"][0].as_py()
        for name, count in _counts(table["marketplace"]).items():
            if not name.casefold().startswith(_OTHER_CHANNEL):
                self._marketplaces[name] += count

    def facts(
        self, settlement_id: str, summary: Summary | None, origin: Origin, settlements_in_source: tuple[str, ...]
    ) -> SettlementFacts:
        """Put together what is known: stated, counted, and where it comes from."""
        currency = self.currency or (summary.currency if summary else None) or ""
        return SettlementFacts(
            settlement_id=settlement_id,
            currency=currency,
            marketplace=self._marketplaces.most_common(1)[0][0] if self._marketplaces else None,
            period_start=summary.period_start if summary else None,
            period_end=summary.period_end if summary else None,
            deposit_date=summary.deposit.date() if summary and summary.deposit else None,
            total_amount=summary.total_amount if summary else None,
            lines_total=self.lines_total,
            lines=self.lines,
            unclassified_lines=self.unclassified,
            settlements_in_source=settlements_in_source,
            **{field.name: getattr(origin, field.name) for field in fields(Origin)},
        )

    def finish(self, facts: SettlementFacts) -> None:
        """Write the facts into the file, close it, and see it on the disk."""
        text = json.dumps(asdict(facts), default=str, sort_keys=True)
        self._open(LINES.arrow).add_key_value_metadata({_KEY: text.encode()})
        self.close()
        make_durable(self.path)

    def close(self) -> None:
        """Close the file, finished or not."""
        if self._writer is not None:
            self._writer.close()

    def _open(self, schema: pa.Schema) -> pq.ParquetWriter:
        if self._writer is None:
            repeating = [name for name in schema.names if name not in _UNLIKE_TEXT]
            self._writer = pq.ParquetWriter(
                self.path,
                schema,
                compression="zstd",
                use_dictionary=repeating,
                dictionary_pagesize_limit=_WHOLE_DICTIONARY,
                column_encoding={"source_line": "DELTA_BINARY_PACKED"},
                store_schema=False,
            )
        return self._writer


def _counts(column: pa.ChunkedArray) -> Counter[str]:
    """How often each of a handful of texts occurs."""
    return Counter({pair["values"]: pair["counts"] for pair in pc.value_counts(column.drop_null()).to_pylist()})


def read_facts(path: Path) -> SettlementFacts:
    """Read the facts of a stored settlement from the end of its file."""
    try:
        metadata = pq.read_metadata(path).metadata or {}
        values: dict[str, Any] = json.loads(metadata[_KEY])
        return _parsed(values)
    except (OSError, pa.ArrowInvalid, KeyError, ValueError, TypeError) as error:
        raise WorkspaceError(
            path,
            f"is no settlement that nsbill stored ({error})",
            "Move it away and add its source file again.",
        ) from error


def read_lines(path: Path) -> pa.Table:
    """Read the lines of a stored settlement, with the columns of LINES.

    A file stored by an earlier nsbill lacks the columns that were added since; they are empty.
    """
    return _with_all_columns(pq.ParquetFile(path).read())


def read_lines_of_order(path: Path, amazon_order_id: str) -> pa.Table:
    """Read the lines of one Amazon order, with the columns of LINES; the other columns only where there are any."""
    file = pq.ParquetFile(path)
    named = pc.equal(file.read(columns=["amazon_order_id"])["amazon_order_id"], amazon_order_id)
    if not pc.any(named).as_py():
        return pa.Table.from_pylist([], schema=LINES.arrow)
    return _with_all_columns(file.read().filter(named))


def _with_all_columns(table: pa.Table) -> pa.Table:
    for column in LINES.columns:
        if column.nullable and column.name not in table.column_names:
            table = table.append_column(column.name, pa.nulls(table.num_rows, column.type))
    return table.select(LINES.names) if set(LINES.names) <= set(table.column_names) else table


def _parsed(values: dict[str, Any]) -> SettlementFacts:
    for name in ("period_start", "period_end", "added_at"):
        values[name] = datetime.fromisoformat(values[name]) if values[name] else None
    values["deposit_date"] = date.fromisoformat(values["deposit_date"]) if values["deposit_date"] else None
    for name in ("total_amount", "lines_total"):
        values[name] = None if values[name] is None else exact(values[name])
    values["settlements_in_source"] = tuple(values["settlements_in_source"])
    return SettlementFacts(**{field.name: values[field.name] for field in fields(SettlementFacts)})


def make_durable(path: Path) -> None:
    """Have the operating system write a file, or the entries of a folder, to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
