"""Activity in the store: one Parquet file per source file, with what was counted in the file's own metadata.

Activity (payments reports, answers of the Finances API) tells what a settlement will or did pay from another side. It
is kept beside the settlements and never added to them, and files of activity overlap: a report of March and one of
the quarter hold the same rows, an answer fetched later the same transactions with a newer status. Nothing is dropped
here; ``files`` is in the order of adding, so that whoever nets them can let the last word count.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from nsbill.amazon.parquet import make_durable
from nsbill.amazon.reading import ActivityReader
from nsbill.amazon.sniff import SourceFormat, recognise
from nsbill.amazon.text import SourceText
from nsbill.errors import WorkspaceError
from nsbill.money import MONEY, ZERO, exact, format_money
from nsbill.schemas import ACTIVITY, COUNT, INSTANT, TEXT, Column, Schema
from nsbill.vocabulary import LineKind, TransactionStatus

__all__ = ["ACTIVITY_FILES", "ActivityFacts", "ActivityShelf", "ActivityTotal"]

ACTIVITY_FILES = Schema(
    "activity files",
    (
        Column("source_name", TEXT, "name of the file as it was added"),
        Column("source_format", TEXT, "SourceFormat, by name"),
        Column("source_digest", TEXT, "SHA-256 of the raw file"),
        Column("seller_account", TEXT, "seller account"),
        Column("added_at", INSTANT, "UTC"),
        Column("first_posted", INSTANT, "UTC", nullable=True),
        Column("last_posted", INSTANT, "UTC", nullable=True),
        Column("records", COUNT, "rows of the report, or records of the document, that hold money"),
        Column("orders", COUNT, "different Amazon orders among them"),
        Column("lines", COUNT, "amounts"),
        Column("unclassified_lines", COUNT, "amounts whose labels are not in the vocabulary"),
        Column("currency", TEXT, "ISO 4217 code; empty for a file without amounts", nullable=True),
        Column("transaction_status", TEXT, "TransactionStatus; empty when the source says nothing", nullable=True),
        Column("amount", MONEY, "Σ of the amounts of that currency and status, without transfers"),
        Column("transferred", MONEY, "Σ of its transfers between Amazon and the bank, with the source's own sign"),
    ),
)
"""The files of activity; grain: one row per file, currency and transaction status."""

_KEY = b"nsbill.activity"
_PIECE = "activity.parquet"
_NEARLY_UNIQUE = frozenset({"source_line", "amount", "posted_at"})
_TITLES = {
    SourceFormat.PAYMENTS_CSV.name: ("payments report", "row"),
    SourceFormat.FINANCES_TRANSACTIONS.name: ("Finances API transactions", "record"),
    SourceFormat.FINANCES_EVENTS.name: ("Finances API events", "record"),
}
_STATUSES = {
    TransactionStatus.RELEASED: "released",
    TransactionStatus.DEFERRED: "deferred",
    TransactionStatus.DEFERRED_RELEASED: "deferred and released since",
    None: "without status",
}


@dataclass(frozen=True)
class ActivityTotal:
    """The sums of one currency and status: of transfers between Amazon and the bank, and of everything else."""

    currency: str
    status: TransactionStatus | None
    amount: Decimal
    transferred: Decimal


@dataclass(frozen=True)
class ActivityFacts:
    """What is known of a stored file of activity."""

    source_format: str
    source_name: str
    source_digest: str
    content_digest: str
    seller_account: str
    added_at: datetime
    first_posted: datetime | None
    last_posted: datetime | None
    records: int
    orders: int
    lines: int
    unclassified_lines: int
    totals: tuple[ActivityTotal, ...]
    notes: tuple[str, ...]

    @property
    def file_name(self) -> str:
        """The name of its Parquet file."""
        return f"{self.source_digest}.parquet"

    @property
    def description(self) -> str:
        """The file in one sentence, without a full stop."""
        title, unit = _TITLES[self.source_format]
        parts = [f"{title}, {_number(self.records, unit)} of {_number(self.orders, 'order')}"]
        if self.first_posted and self.last_posted:
            parts.append(_span(self.first_posted, self.last_posted))
        parts += [f"{_STATUSES[total.status]} {format_money(total.amount, total.currency)}" for total in self.totals]
        moved: dict[str, Decimal] = {}
        for total in self.totals:
            moved[total.currency] = moved.get(total.currency, ZERO) + total.transferred
        parts += [f"transfers {format_money(amount, currency)}" for currency, amount in moved.items() if amount]
        if self.unclassified_lines:
            parts.append(f"{_number(self.unclassified_lines, 'amount')} unclassified")
        return ", ".join(parts) + "".join(f"; {note}" for note in self.notes)

    def rows(self) -> Iterator[dict[str, object]]:
        """The rows of ACTIVITY_FILES."""
        own = asdict(self)
        for total in self.totals or (None,):
            status = str(total.status) if total and total.status else None
            yield own | {
                "currency": total.currency if total else None,
                "transaction_status": status,
                "amount": total.amount if total else ZERO,
                "transferred": total.transferred if total else ZERO,
            }


class ActivityShelf:
    """The folder of activity in a workspace."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._known: dict[tuple[str, int, int], ActivityFacts] = {}

    def write(
        self,
        reader: ActivityReader,
        text: SourceText,
        aside: Path,
        seller_account: str,
        *,
        added_at: datetime | None = None,
    ) -> ActivityFacts:
        """Read the file to its end into the folder ``aside``; ``place`` then makes it visible. ``added_at``: not now."""
        count = _Count()
        with closing(_open(aside / _PIECE)) as writer:
            for table in reader.tables():
                piece = table.select(ACTIVITY.names).cast(ACTIVITY.arrow)
                writer.write_table(piece)
                count.add(piece)
            facts = ActivityFacts(
                source_format=recognise(text.head()).name,
                source_name=text.name,
                source_digest=text.digest,
                content_digest=text.content_digest,
                seller_account=seller_account,
                added_at=added_at or datetime.now(UTC),
                notes=tuple(reader.notes),
                **count.facts(),
            )
            values = json.dumps(asdict(facts), default=str, sort_keys=True)
            writer.add_key_value_metadata({_KEY: values.encode()})
        make_durable(aside / _PIECE)
        return facts

    def place(self, facts: ActivityFacts, aside: Path) -> None:
        """Move the file that ``write`` left in ``aside`` to its place; it counts once its raw file is there."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (aside / _PIECE).replace(self.folder / facts.file_name)
        make_durable(self.folder)

    def facts(self, kept: Collection[str]) -> list[ActivityFacts]:
        """The facts of the files whose raw file is among the digests ``kept``, in the order of adding."""
        paths = [path for path in sorted(self.folder.glob("*.parquet")) if path.stem in kept]
        return sorted(map(self._facts, paths), key=lambda facts: (facts.added_at, facts.source_digest))

    def files(self, kept: Collection[str]) -> list[Path]:
        """The Parquet files (ACTIVITY) in the order of adding."""
        return [self.folder / facts.file_name for facts in self.facts(kept)]

    def frame(self, kept: Collection[str]) -> pd.DataFrame:
        """All rows of all files, ACTIVITY, in the order of adding; of overlapping files both."""
        tables = [pq.ParquetFile(file).read() for file in self.files(kept)]
        return ACTIVITY.from_arrow(pa.concat_tables(tables)) if tables else ACTIVITY.frame()

    def listing(self, kept: Collection[str]) -> pd.DataFrame:
        """The files with their sums, ACTIVITY_FILES."""
        return ACTIVITY_FILES.frame([row for facts in self.facts(kept) for row in facts.rows()])

    def _facts(self, path: Path) -> ActivityFacts:
        """The facts of one file; read again only when the file is another."""
        state = path.stat()
        key = (path.name, state.st_mtime_ns, state.st_size)
        if key not in self._known:
            self._known[key] = _read_facts(path)
        return self._known[key]


class _Count:
    """Adds up what the pieces of a file say."""

    def __init__(self) -> None:
        self.lines = self.unclassified = 0
        self.first: datetime | None = None
        self.last: datetime | None = None
        self._records: list[pa.Array] = []
        self._orders: set[str] = set()
        self._sums: dict[tuple[str, str | None, bool], Decimal] = {}

    def add(self, piece: pa.Table) -> None:
        """Take in one piece."""
        self.lines += piece.num_rows
        self.unclassified += pc.sum(pc.equal(piece["line_kind"], str(LineKind.UNCLASSIFIED))).as_py() or 0
        self._records.append(pc.unique(piece["source_line"]))
        self._orders.update(pc.unique(piece["amazon_order_id"].drop_null()).to_pylist())
        span = pc.min_max(piece["posted_at"]).as_py()
        self.first = min(filter(None, (self.first, span["min"])), default=None)
        self.last = max(filter(None, (self.last, span["max"])), default=None)
        moved = pc.equal(piece["line_kind"], str(LineKind.TRANSFER))
        groups = piece.select(["currency", "transaction_status", "amount"]).append_column("moved", moved)
        for row in (
            groups.group_by(["currency", "transaction_status", "moved"]).aggregate([("amount", "sum")]).to_pylist()
        ):
            key = (row["currency"], row["transaction_status"], row["moved"])
            self._sums[key] = self._sums.get(key, ZERO) + row["amount_sum"]

    def facts(self) -> dict[str, Any]:
        """What was counted, as fields of ActivityFacts."""
        keys = {(currency, status) for currency, status, _ in self._sums}
        statuses = list(_STATUSES)
        totals = tuple(
            ActivityTotal(
                currency,
                _status(status),
                self._sums.get((currency, status, False), ZERO),
                self._sums.get((currency, status, True), ZERO),
            )
            for currency, status in sorted(keys, key=lambda key: (key[0], statuses.index(_status(key[1]))))
        )
        records = pc.count_distinct(pa.chunked_array(self._records, pa.int64())).as_py()
        return {
            "first_posted": self.first, "last_posted": self.last, "records": records, "orders": len(self._orders),
            "lines": self.lines, "unclassified_lines": self.unclassified, "totals": totals,
        }  # fmt: skip


def _open(path: Path) -> pq.ParquetWriter:
    repeating = [name for name in ACTIVITY.names if name not in _NEARLY_UNIQUE]
    return pq.ParquetWriter(path, ACTIVITY.arrow, compression="zstd", use_dictionary=repeating, store_schema=False)


def _read_facts(path: Path) -> ActivityFacts:
    try:
        values: dict[str, Any] = json.loads((pq.read_metadata(path).metadata or {})[_KEY])
        for name in ("added_at", "first_posted", "last_posted"):
            values[name] = datetime.fromisoformat(values[name]) if values[name] else None
        values["totals"] = tuple(
            ActivityTotal(
                total["currency"],
                _status(total["status"]),
                exact(total["amount"]),
                exact(total["transferred"]),
            )
            for total in values["totals"]
        )
        values["notes"] = tuple(values["notes"])
        return ActivityFacts(**{field.name: values[field.name] for field in fields(ActivityFacts)})
    except (OSError, pa.ArrowInvalid, KeyError, ValueError, TypeError) as error:
        raise WorkspaceError(
            path,
            f"is no activity that nsbill stored ({error})",
            "Move it away and add its source file again.",
        ) from error


def _status(name: str | None) -> TransactionStatus | None:
    return TransactionStatus(name) if name else None


def _number(count: int, unit: str) -> str:
    return f"{count:,} {unit}" + ("s" if count != 1 else "")


def _span(first: datetime, last: datetime) -> str:
    if first.date() == last.date():
        return f"{last.day} {last:%b} {last:%Y}"
    start = f"{first.day} {first:%b}" + (f" {first:%Y}" if first.year != last.year else "")
    return f"{start} to {last.day} {last:%b} {last:%Y}"
