"""Books for the campaign: as many orders that wait for billing as are wanted, copied from a demo company's.

A careful account refuses a second bill, as NetSuite does. A careless one refuses nothing: external ids are dropped,
and a billed order may be billed again and again; there only nsbill's own protocol stands between an order and two bills.
"""

from __future__ import annotations

import sqlite3
import tempfile
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from nsbill.simulator import tables
from nsbill.simulator.world import build_world

__all__ = ["BookWriter", "CampaignBooks", "Sample", "make_books", "samples_of"]

_SAMPLE_ORDERS = 300
_CARELESS = """
CREATE TRIGGER forget_what_is_billed AFTER UPDATE OF quantitybilled ON txnline WHEN NEW.quantitybilled > OLD.quantitybilled
BEGIN UPDATE txnline SET quantitybilled = OLD.quantitybilled WHERE txn = NEW.txn AND line = NEW.line; END
"""


@dataclass(frozen=True)
class CampaignBooks:
    """Where the books are, and what a correct biller makes of them."""

    path: Path
    account: str
    due: dict[int, int]
    """Sales order id to what is still to be billed, in hundredths."""
    newest: int
    """Records with a higher id were made by the biller."""
    careless: bool


def make_books(path: Path, *, account: str, orders: int, first_id: int, seed: int, careless: bool) -> CampaignBooks:
    """Make books at ``path`` with ``orders`` orders to bill, with ids from ``first_id`` on; some have a first bill already."""
    with tempfile.TemporaryDirectory(prefix="nsbill-campaign-") as folder:
        build_world(path, Path(folder), orders=_SAMPLE_ORDERS, seed=seed, today=datetime.now(UTC).date())
    path.with_name("answer_key.json").unlink()  # of the sample company, which is taken out below
    with closing(tables.connect(path)) as books:
        books.execute("BEGIN")
        samples = samples_of(books)
        for table in ("txn", "txnline", "link"):
            books.execute(f"DELETE FROM {table}")
        writer = BookWriter(books, first_id)
        due = dict(writer.copy(samples[number % len(samples)]) for number in range(orders))
        newest = writer.next_id - 1
        preferences = {"concurrency_limit": "40", "transform_externalid": "dropped" if careless else "kept"}
        books.executemany("INSERT OR REPLACE INTO preference VALUES (?, ?)", list(preferences.items()))
        books.execute("UPDATE meta SET value = ? WHERE key = 'account'", (account,))
        if careless:
            books.execute(_CARELESS)
        books.execute("COMMIT")
    return CampaignBooks(path, account, due, newest, careless)


@dataclass(frozen=True)
class _Document:
    row: sqlite3.Row
    lines: list[sqlite3.Row]


@dataclass(frozen=True)
class Sample:
    """An order with the bills that it has already."""

    order: _Document
    bills: list[_Document]
    links: list[sqlite3.Row]

    @property
    def due(self) -> int:
        """What is left to bill, in minor units."""
        return int(self.order.row["total"]) - sum(int(bill.row["total"]) for bill in self.bills)


def samples_of(books: sqlite3.Connection) -> list[Sample]:
    """Orders that are Pending Billing, each once, whose amounts add up and of which something is left to bill."""
    orders = books.execute(
        "SELECT * FROM txn o WHERE type = 'SalesOrd' AND status = 'F' AND etail_order_id IS NOT NULL "
        "AND otherrefnum = etail_order_id AND otherrefnum GLOB '???-???????-???????' AND customform IS NULL "
        "AND total - tax = (SELECT SUM(amount) FROM txnline WHERE txn = o.id) AND (SELECT COUNT(*) FROM txn t "
        "WHERE t.type = 'SalesOrd' AND t.otherrefnum = o.otherrefnum) = 1 ORDER BY id"
    ).fetchall()
    found = [_sample(books, order) for order in orders]
    return [sample for sample in found if sample.due > 0]


def _sample(books: sqlite3.Connection, order: sqlite3.Row) -> Sample:
    bills = books.execute(
        "SELECT * FROM txn WHERE createdfrom = ? AND type IN ('CustInvc', 'CashSale') AND voided = 'F'", (order["id"],)
    ).fetchall()
    links = books.execute(
        "SELECT * FROM link WHERE previousdoc = ? AND linktype = 'OrdBill'", (order["id"],)
    ).fetchall()
    return Sample(_document(books, order), [_document(books, bill) for bill in bills], links)


def _document(books: sqlite3.Connection, row: sqlite3.Row) -> _Document:
    lines = books.execute("SELECT * FROM txnline WHERE txn = ? ORDER BY line", (row["id"],)).fetchall()
    return _Document(row, lines)


class BookWriter:
    """Copies samples under new ids, numbers and Amazon order ids."""

    def __init__(self, books: sqlite3.Connection, first_id: int) -> None:
        self._books, self.next_id = books, first_id

    def copy(self, sample: Sample) -> tuple[int, int]:
        """Write one more order like the sample, with its bills; returns its id and what is left to bill."""
        order_id = self.next_id
        text = f"{order_id:016d}"
        amazon_id = f"9{text[-16:-14]}-{text[-14:-7]}-{text[-7:]}"
        self._write(sample.order, tranid=f"SO{order_id}", otherrefnum=amazon_id, etail_order_id=amazon_id)
        new_ids = {sample.order.row["id"]: order_id}
        for bill in sample.bills:
            new_ids[bill.row["id"]] = self.next_id
            names = {"tranid": f"PRIOR{self.next_id}", "externalid": None, "createdfrom": order_id}
            self._write(bill, **names, otherrefnum=amazon_id, etail_order_id=amazon_id)
        for link in sample.links:
            documents = {name: new_ids[link[name]] for name in ("previousdoc", "nextdoc")}
            self._insert("link", {**dict(link), **documents})
        return order_id, sample.due

    def _write(self, document: _Document, **changes: object) -> None:
        self._insert("txn", {**dict(document.row), **changes, "id": self.next_id})
        for line in document.lines:
            self._insert("txnline", {**dict(line), "txn": self.next_id})
        self.next_id += 1

    def _insert(self, table: str, values: dict[str, object]) -> None:
        marks = ", ".join("?" for _ in values)
        self._books.execute(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks})", tuple(values.values()))
