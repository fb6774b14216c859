"""Read and write the exception queue in the journal's database; what an event means is decided elsewhere.

Everything is written under one lock, in one transaction: a take-in of any size is there whole or not at all, and what it
was decided on is still so when it is written. A file has one writer anyway; on PostgreSQL a lock of the server does it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from itertools import islice
from typing import Any, TypeVar

import sqlalchemy as sa

from nsbill.billing import journal_queue_tables as q
from nsbill.billing.journal_lease import clock
from nsbill.billing.journal_writer import Writer

__all__ = ["QueueBook", "QueueWriting"]

T = TypeVar("T")

BATCH = 5_000
_ONE_LOOK_UP = 500
_LOCK = 7_263_401_128
"""An arbitrary number by which writers of the queue wait for each other on PostgreSQL."""
_EVENT_VALUES = tuple(name for name in q.queue_event.c.keys() if name != "event_id")  # noqa: SIM118 -- a collection


class QueueBook:
    """The queue's tables in one journal."""

    def __init__(self, reading: sa.Engine, writer: Writer) -> None:
        self._reading, self._writer = reading, writer

    def standing(self, account: str, seller_account: str) -> Sequence[sa.RowMapping]:
        """Every exception of a seller account as it stands now, in the order of the numbers."""
        with self._reading.connect() as db:
            return db.execute(q.standing_query(*q.of_seller(account, seller_account))).mappings().all()

    def newest_event(self) -> int:
        """The number of the latest event of the whole queue; 0: there is none."""
        with self._reading.connect() as db:
            return int(db.execute(q.newest_event_query()).scalar_one())

    def standing_since(self, account: str, seller_account: str, event_id: int) -> dict[int, sa.RowMapping]:
        """The exceptions that something has happened to since an event, as they stand now."""
        with self._reading.connect() as db:
            item_ids = db.execute(q.touched_query(event_id)).scalars().all()
            return _numbered(db, account, seller_account, item_ids)

    def newest_taking(self, account: str, seller_account: str) -> sa.RowMapping | None:
        """The reconciliation that was taken in last."""
        with self._reading.connect() as db:
            return db.execute(q.newest_taking_query(account, seller_account)).mappings().first()

    def numbered(self, account: str, seller_account: str, item_ids: Iterable[int]) -> dict[int, sa.RowMapping]:
        """The exceptions of these numbers as they stand now; what is not there, or of others, is left out."""
        with self._reading.connect() as db:
            return _numbered(db, account, seller_account, item_ids)

    def history(self, item_id: int) -> Sequence[sa.RowMapping]:
        """What happened to an exception, oldest first."""
        with self._reading.connect() as db:
            return db.execute(q.history_query(item_id)).mappings().all()

    def write(self, step: Callable[[QueueWriting], T]) -> T:
        """Do a step in a transaction of its own, alone; it may be done anew when another writer was in the way.

        Raises
        ------
        JournalError
            It is not certain that it was written.
        """
        return self._writer.write_alone(lambda to: step(QueueWriting(to.db)))


class QueueWriting:
    """One transaction on the queue: nobody else writes to it until it has ended. ``now``: the journal's clock."""

    def __init__(self, db: sa.Connection) -> None:
        self._db = db
        if db.dialect.name == "postgresql":
            db.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
        self.now: datetime = clock(db)

    def newest_taking(self, account: str, seller_account: str) -> sa.RowMapping | None:
        """The reconciliation that was taken in last."""
        return self._db.execute(q.newest_taking_query(account, seller_account)).mappings().first()

    def positions(self, account: str, seller_account: str) -> Sequence[sa.Row[Any]]:
        """Every exception of a seller account, with no more than what a reconciliation is compared with."""
        return self._db.execute(q.positions_query(*q.of_seller(account, seller_account))).all()

    def numbered(self, account: str, seller_account: str, item_ids: Iterable[int]) -> dict[int, sa.RowMapping]:
        """The exceptions of these numbers as they stand now; what is not there, or of others, is left out."""
        return _numbered(self._db, account, seller_account, item_ids)

    def next_number(self) -> int:
        """The number that the next new exception gets."""
        newest = self._db.execute(sa.select(sa.func.coalesce(sa.func.max(q.queue_item.c.item_id), 0))).scalar_one()
        return int(newest) + 1

    def add_taking(
        self,
        account: str,
        seller_account: str,
        *,
        as_of: date,
        who: str,
        exceptions: int,
        digest: str,
        follows: int,
    ) -> int:
        """Write down that a reconciliation is taken in; returns its number."""
        row = {
            "account": account,
            "seller_account": seller_account,
            "as_of": as_of,
            "at": self.now,
            "who": who,
            "exceptions": exceptions,
            "digest": digest,
            "follows": follows,
        }
        self._db.execute(q.queue_taking.insert(), row)
        return int(
            self._db.execute(sa.select(sa.func.max(q.queue_taking.c.taking_id))).scalar_one()
        )  # nobody else writes

    def add_items(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Add exceptions that were never seen before."""
        for piece in _pieces(rows, BATCH):
            self._db.execute(q.queue_item.insert(), [dict(row) for row in piece])

    def add_events(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Add events, all at the time of this transaction; what a row does not name is empty."""
        for piece in _pieces(self._whole(rows), BATCH):
            self._db.execute(q.queue_event.insert().inline(), piece)

    def _whole(self, rows: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
        empty = dict.fromkeys(_EVENT_VALUES)
        for row in rows:
            yield {**empty, "at": self.now, **row}


def _pieces(rows: Iterable[T], size: int) -> Iterator[list[T]]:
    rest = iter(rows)
    while piece := list(islice(rest, size)):
        yield piece


def _numbered(
    db: sa.Connection, account: str, seller_account: str, item_ids: Iterable[int]
) -> dict[int, sa.RowMapping]:
    """Numbers are those of the whole journal, which accounts may share: each finds its own only."""
    mine = q.of_seller(account, seller_account)
    found: dict[int, sa.RowMapping] = {}
    for piece in _pieces(sorted(set(item_ids)), _ONE_LOOK_UP):
        rows = db.execute(q.standing_query(*mine, q.queue_item.c.item_id.in_(piece))).mappings()
        found.update((row["item_id"], row) for row in rows)
    return found
