"""What nsbill makes of a file: through its readers' public face, with one DuckDB connection for the whole process.

A new DuckDB instance for each of a million small files would be most of the time; a cursor of one instance reads the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from benchmarks.fuzz_oracle import Money, trimmed
from nsbill.amazon.flat_v2 import FlatV2
from nsbill.amazon.labels import default_vocabulary
from nsbill.amazon.reading import ActivityReader, SettlementReader, reader_of
from nsbill.amazon.text import open_text

__all__ = ["Outcome", "one_connection", "read_finances", "read_payments", "read_v1", "read_v2", "read_xml"]

_COLUMNS = ("source_line", "settlement_id", "amount", "currency", "posted_at")
_TEXTS = {
    "v2": ("transaction_type", "amount_type", "amount_description", "order_reference"),
    "v1": ("transaction_type", "order_reference"),
    "xml": (),
    "finances": ("transaction_type", "transaction_status"),
    "payments": ("transaction_type", "order_reference", "transaction_status"),
}
"""The columns that hold a file's own texts, in the order in which the oracle gives them."""


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
    return _settlements(FlatV2(open_text(path, scratch), "fuzz", default_vocabulary()), "v2")


def read_v1(path: Path, scratch: Path) -> Outcome:
    """Read a flat V1 file to its end."""
    from nsbill.amazon.flat_v1 import FlatV1

    return _settlements(FlatV1(open_text(path, scratch), "fuzz", default_vocabulary()), "v1")


def _settlements(reader: SettlementReader, what: str) -> Outcome:
    money = [line for name, table in reader.tables() for line in _money(table, name, _TEXTS[what])]
    return Outcome(money, {name: summary.total_amount for name, summary in reader.summaries.items()})


def _money(table: pa.Table, settlement: str | None, texts: Sequence[str]) -> Iterator[Money]:
    columns: list[list[Any]] = [table[name].to_pylist() for name in _COLUMNS]
    labels = list(zip(*(table[name].to_pylist() for name in texts), strict=True)) or [()] * table.num_rows
    for line, name, amount, currency, posted, own in zip(*columns, labels, strict=True):
        if settlement is not None and name != settlement:
            raise AssertionError(f"a line of settlement {name} came as one of {settlement}")
        yield Money(line, name or "", amount, currency, tuple(trimmed(text or "") for text in own), posted)


def read_xml(path: Path, scratch: Path) -> Outcome:
    """Read a settlement report in XML to its end; lines have no number that a text could prove."""
    from nsbill.amazon.settlement_xml import SettlementXml

    outcome = _settlements(SettlementXml(open_text(path, scratch), "fuzz", default_vocabulary()), "xml")
    return replace(outcome, money=[replace(line, line=0) for line in outcome.money])


def read_payments(path: Path, scratch: Path) -> Outcome:
    """Read a payments report to its end."""
    from nsbill.amazon.payments_csv import PaymentsCsv

    return _activity(PaymentsCsv(open_text(path, scratch), "fuzz", default_vocabulary()), "payments")


def read_finances(path: Path, scratch: Path) -> Outcome:
    """Read an answer of the Finances API to its end; per record and currency, what its amounts add up to."""
    reader = reader_of(open_text(path, scratch), "fuzz", default_vocabulary())
    assert not isinstance(reader, FlatV2)
    records: dict[Money, Decimal] = {}
    for table in reader.tables():
        assert isinstance(table, pa.Table), "a settlement among the Finances API"
        for line in _money(table, None, _TEXTS["finances"]):
            record = replace(line, settlement="", amount=Decimal(0))
            records[record] = records.get(record, Decimal(0)) + line.amount
    money = [replace(record, amount=amount) for record, amount in records.items()]
    return Outcome(money, {"": None})


def _activity(reader: ActivityReader, what: str) -> Outcome:
    money = [line for table in reader.tables() for line in _money(table, None, _TEXTS[what])]
    return Outcome(money, dict.fromkeys({line.settlement for line in money}))


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
