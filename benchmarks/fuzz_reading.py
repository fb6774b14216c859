"""What nsbill makes of a file: through its readers' public face, with one DuckDB connection for the whole process.

A new DuckDB instance for each of a million small files would be most of the time; a cursor of one instance reads the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from benchmarks.fuzz_oracle import Money
from nsbill.amazon.flat_v2 import FlatV2
from nsbill.amazon.labels import default_vocabulary
from nsbill.amazon.text import open_text

__all__ = ["Outcome", "one_connection", "read_v2"]

_COLUMNS = ("source_line", "settlement_id", "amount", "currency", "posted_at")
_TEXTS = ("transaction_type", "amount_type", "amount_description", "order_reference")


@dataclass
class Outcome:
    """An accepted file: its amounts, and per settlement the total that it states (None: nothing)."""

    money: list[Money] = field(default_factory=list)
    stated: dict[str, Decimal | None] = field(default_factory=dict)

    def sums(self) -> dict[str, Decimal]:
        """Per settlement what its lines add up to."""
        sums = dict.fromkeys(self.stated, Decimal(0))
        for money in self.money:
            sums[money.settlement] = sums.get(money.settlement, Decimal(0)) + money.amount
        return sums

    def untied(self) -> list[str]:
        """The settlements whose lines do not meet the stated total; the store refuses their file."""
        sums = self.sums()
        return [name for name, total in self.stated.items() if total is not None and sums[name] != total]

    def complete(self) -> bool:
        """Whether every settlement of the file states its total."""
        return all(self.stated.get(name) is not None for name in self.sums())


Read = Callable[[Path, Path], Outcome]


def read_v2(path: Path, scratch: Path) -> Outcome:
    """Read a flat V2 file to its end."""
    reader = FlatV2(open_text(path, scratch), "fuzz", default_vocabulary())
    money = [line for name, table in reader.tables() for line in _money(table, name)]
    return Outcome(money, {name: summary.total_amount for name, summary in reader.summaries.items()})


def _money(table: pa.Table, settlement: str) -> Iterator[Money]:
    columns: list[list[Any]] = [table[name].to_pylist() for name in _COLUMNS]
    texts = zip(*(table[name].to_pylist() for name in _TEXTS), strict=True)
    for line, name, amount, currency, posted, labels in zip(*columns, texts, strict=True):
        if name != settlement:
            raise AssertionError(f"a line of settlement {name} came as one of {settlement}")
        yield Money(line, name, amount, currency, tuple((text or "").strip() for text in labels), _utc(posted))


def _utc(posted: datetime | None) -> datetime | None:
    return posted


@contextmanager
def one_connection() -> Iterator[None]:
    """Let ``duckdb.connect()`` without arguments give cursors of one instance with one thread, for this process."""
    real = duckdb.connect
    shared = real(config={"threads": 1})

    def connect(*arguments: Any, **options: Any) -> duckdb.DuckDBPyConnection:
        return real(*arguments, **options) if arguments or options else shared.cursor()

    duckdb.connect = connect
    try:
        yield
    finally:
        duckdb.connect = real
        shared.close()
