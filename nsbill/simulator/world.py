"""Builds the demo company from a seed: NetSuite's books, Amazon's settlement files, and the answer key.

The same orders, seed and day give the same books and byte-identical files. The answer key says what a correct
reconciliation reports once every order that is Pending Billing has been billed as invoices (tax mode "exclude").
"""

from __future__ import annotations

import random
import sqlite3
import uuid
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

from nsbill.simulator import tables
from nsbill.simulator.world_amazon import post_order
from nsbill.simulator.world_answers import AnswerKey
from nsbill.simulator.world_books import book_order
from nsbill.simulator.world_catalogue import (
    ACCOUNT,
    DEPLOY,
    MARKETS,
    SAVED_SEARCH,
    SCRIPT,
    accounting_periods,
    saved_searches,
    static_rows,
)
from nsbill.simulator.world_chains import lose_a_line, plant_chain_faults, write_bank
from nsbill.simulator.world_finances import Activity
from nsbill.simulator.world_history import Calendar, History, history_of
from nsbill.simulator.world_ledger import Ledger
from nsbill.simulator.world_more import MoreFaults, Places
from nsbill.simulator.world_orders import Order, OrderMaker
from nsbill.simulator.world_payments import Case, Payments
from nsbill.simulator.world_planted import Slot, plan_slots, planted_each
from nsbill.simulator.world_writer import DocumentWriter

__all__ = ["WorldSummary", "build_world"]


@dataclass(frozen=True)
class WorldSummary:
    """What was built, and where its files are."""

    orders: int
    seed: int
    today: date
    settlement_files: tuple[Path, ...]
    answer_key: Path
    bank_statement: Path
    finances: Path


def build_world(database: Path, amazon_files: Path, *, orders: int, seed: int, today: date) -> WorldSummary:
    """Create the books at ``database``, settlement files in ``amazon_files``, and ``answer_key.json`` beside the books.

    A bank statement with the deposits and an answer of the Finances API lie among the settlement files; what is wrong in
    them has ``needs: bank`` and ``needs: activity`` in the key.

    Raises
    ------
    FileExistsError
        When there are books at ``database`` already, or other files in ``amazon_files``; both are left alone.
    ValueError
        For fewer orders than the planted faults need.
    """
    if database.exists():
        raise FileExistsError(
            f"{database} holds books already; remove it, or choose another place for the demo company"
        )
    rng = random.Random(seed)
    slots = plan_slots(rng, orders)
    database.parent.mkdir(parents=True, exist_ok=True)
    amazon_files.mkdir(parents=True, exist_ok=True)
    aside = database.with_name(f"{database.name}.building")
    _remove(aside)
    connection = tables.create(aside)
    connection.execute("PRAGMA journal_mode = OFF")  # nobody else sees the unfinished file, and a failed one is removed
    connection.execute("PRAGMA synchronous = OFF")
    try:
        connection.execute("BEGIN")
        indexes = _drop_indexes(connection)
        _fill_static(connection, rng, orders=orders, seed=seed, today=today)
        builder = _Builder(rng, connection, orders=orders, seed=seed, today=today)
        builder.build(slots)
        _refuse_strange_files(builder.ledgers, amazon_files)
        for statement in indexes:
            connection.execute(statement)
        connection.execute("COMMIT")
        connection.execute("PRAGMA journal_mode = WAL")
    except BaseException:
        connection.close()
        _remove(aside)
        raise
    connection.close()
    bank = write_bank(amazon_files, builder.ledgers, builder.answers, seed=seed, today=today)
    lose_a_line(builder.ledgers, builder.answers, seed=seed)
    files = tuple(path for ledger in builder.ledgers for path in ledger.write(amazon_files))
    finances = builder.activity.write(amazon_files, builder.ledgers, builder.answers, builder.answers.faulty)
    answer_key = builder.answers.write(database.with_name("answer_key.json"), builder.ledgers)
    aside.replace(database)  # last, so that books stand for a finished company
    return WorldSummary(orders, seed, today, files, answer_key, bank, finances)


def _drop_indexes(connection: sqlite3.Connection) -> list[str]:
    """Drop the indexes and return how to make them again: filling first and sorting once is faster."""
    found = connection.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
    ).fetchall()
    for name, _ in found:
        connection.execute(f"DROP INDEX {name}")
    return [statement for _, statement in found]


def _remove(books: Path) -> None:
    """Remove unfinished books with their side files: an old write-ahead log must never meet new books."""
    for ending in ("", "-wal", "-shm"):
        books.with_name(f"{books.name}{ending}").unlink(missing_ok=True)


def _refuse_strange_files(ledgers: tuple[Ledger, ...], folder: Path) -> None:
    """Keep settlements of two companies apart: together they would reconcile with neither."""
    own = {path for ledger in ledgers for path, _ in ledger.files(folder)}
    strange = sorted(path.name for path in folder.glob("*.txt") if path not in own)
    if strange:
        raise FileExistsError(
            f"{folder} holds files of another company, such as {strange[0]}; empty it or choose another"
        )


class _Builder:
    """Lets every order live once, in the books and in the settlements."""

    def __init__(
        self, rng: random.Random, connection: sqlite3.Connection, *, orders: int, seed: int, today: date
    ) -> None:
        self._rng = rng
        self._today = today.toordinal()
        self._calendar = Calendar.before(rng, self._today)
        self._maker = OrderMaker(rng, self._today)
        self._writer = DocumentWriter(connection, _period_ids(connection))
        self._each = planted_each(orders)
        self._payments = Payments(connection, self._writer, self._calendar, each=self._each, seed=seed)
        self._more = MoreFaults(each=self._each, seed=seed)
        self.activity = Activity(each=self._each, seed=seed, today=self._today)
        self._dice = random.Random(f"places {seed}")
        self._connection = connection
        self._twin: Order | None = None
        self._seed = seed
        self.ledgers = tuple(Ledger(rng, market, self._calendar) for market in MARKETS)
        self.answers = AnswerKey(orders=orders, seed=seed, today=today)

    def build(self, slots: list[Slot]) -> None:
        """Write the orders, what is in the settlements only, and close the settlements."""
        for slot in slots:
            order, history = self._live(slot)
            booked = book_order(self._rng, self._writer, order, history)
            tally = post_order(self._rng, self.ledgers[order.market.index], order, history)
            self.answers.order(order, booked, tally)
            self._payments.order(order, history, booked, tally)
            case = Case(order, history, booked, tally)
            self._more.order(case)
            self.activity.order(case)
        self._payments.close(self.answers)
        self._plant_more()
        self._strangers()
        self._unknown_labels()
        for ledger in self.ledgers:
            ledger.close()
        plant_chain_faults(self.ledgers, self.answers, seed=self._seed)

    def _plant_more(self) -> None:
        """Plant what is planted in finished books and open settlements."""
        self._writer.flush()
        places = Places(self._connection, self._writer, self.ledgers, self._calendar, self.answers, self._dice)
        self._more.close(places, set(self._payments.faulty))

    def _live(self, slot: Slot) -> tuple[Order, History]:
        order = self._maker.order(slot)
        if slot.feature == "imported_twice":
            if self._twin is None:
                self._twin = order
            else:
                order, self._twin = replace(self._twin, slot=slot), None
        return order, history_of(self._rng, order, self._calendar)

    def _strangers(self) -> None:
        """Settle sales that the books do not know: a well-formed id without a sales order, and ids of another form."""
        for number in range(self._each):
            order, history = self._live(Slot("F", self._rng.randint(34, 66)))
            tally = post_order(self._rng, self.ledgers[order.market.index], order, history)
            self.answers.orphan(order, tally)
            order, history = self._live(Slot("F", self._rng.randint(34, 66)))
            shown = f"{12 + number % 80}-{3456 + 7 * number}"
            tally = post_order(self._rng, self.ledgers[order.market.index], order, history, order_id=shown)
            period = self._calendar.period(order.market, history.parcels[0].posted)
            settlement = self.ledgers[order.market.index].settlements[period]
            self.answers.malformed(shown, settlement.settlement_id, order.market.currency, tally)

    def _unknown_labels(self) -> None:
        """Charge fees that no vocabulary knows, one label a settlement until every settlement has one."""
        places = [(ledger, settlement) for ledger in self.ledgers for settlement in ledger.settlements]
        self._rng.shuffle(places)
        for number in range(self._each):
            ledger, settlement = places[number % len(places)]
            label, amount = f"Marketplace Levy {number // len(places) + 1:02d}", 0
            for _ in range(self._rng.randint(1, 2)):
                part = -ledger.market.rounded(self._rng.randrange(200, 900) * ledger.market.fee_scale // 100, 1000)
                ledger.charge(settlement, label, part)
                amount += part
            self.answers.unclassified(settlement.settlement_id, ledger.market.currency, amount)


def _fill_static(connection: sqlite3.Connection, rng: random.Random, *, orders: int, seed: int, today: date) -> None:
    """Write everything but transactions: lists, searches, sign-in, meta."""
    rows = static_rows()
    rows["accountingperiod"] = accounting_periods(today - timedelta(days=100), today + timedelta(days=400))
    rows["savedsearch"] = saved_searches(f"{today - timedelta(days=80)}T09:00:00Z")
    rows["credential"] = [(*(f"{rng.getrandbits(256):064x}" for _ in range(4)), "Billing integration")]
    meta = {
        "account": ACCOUNT,
        "script": SCRIPT,
        "deploy": DEPLOY,
        "saved_search": SAVED_SEARCH,
        "orders": str(orders),
        "seed": str(seed),
        "today": today.isoformat(),
        "instance": str(uuid.UUID(int=rng.getrandbits(128), version=4)),
    }
    rows["meta"] = list(meta.items())
    for table, found in rows.items():
        places = ", ".join("?" * len(found[0]))
        connection.executemany(f"INSERT INTO {table} VALUES ({places})", found)


def _period_ids(connection: sqlite3.Connection) -> dict[str, int]:
    return {row["startdate"][:7]: row["id"] for row in connection.execute("SELECT id, startdate FROM accountingperiod")}
