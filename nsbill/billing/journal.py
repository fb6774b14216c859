"""The append-only journal of creates: intents before the request, outcomes after. SQLite file, or a database by URL.

States of one external id: (nothing) → intent → created | exists | rejected | unknown; unknown → created | exists | absent.
Only ``rejected`` and ``absent`` may be followed by another intent. Nothing is ever updated or deleted, but the lease.

An intent is written under the fence of a lease: a run that lost its lease can intend nothing more. Outcomes are always
written, whoever holds the lease by then: what is known about NetSuite is never dropped.
"""

from __future__ import annotations

import os
import platform
import uuid
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import sqlalchemy as sa

from nsbill.billing import journal_tables as t
from nsbill.billing.journal_alerts import AlertBook
from nsbill.billing.journal_entries import (
    INTENT,
    OPEN_STATES,
    REPEATABLE_STATES,
    Entry,
    PlannedBill,
    count_states,
    piece_after,
    planned_rows,
    read_entries,
)
from nsbill.billing.journal_history import Happening, read_history
from nsbill.billing.journal_lease import Lease, clock, demand, drop_lease, take_lease
from nsbill.billing.journal_opening import open_engine
from nsbill.billing.journal_queue import QueueBook
from nsbill.billing.journal_schedule import ScheduleBook
from nsbill.billing.journal_sendings import SendingBook
from nsbill.billing.journal_writer import Transaction, Writer
from nsbill.billing.plan import Plan
from nsbill.errors import JournalError
from nsbill.vocabulary import Outcome

__all__ = ["INTENT", "OPEN_STATES", "REPEATABLE_STATES", "Entry", "Journal", "PlannedBill"]


class Journal:
    """The journal of one workspace or team. Safe to use from several threads and processes."""

    def __init__(self, url: str | sa.URL) -> None:
        self._engine = open_engine(url)
        self._reading = self._engine.execution_options(reading=True)
        self._writer = Writer(self._engine)
        self._accounts: dict[str, str] = {}

    @classmethod
    def open(cls, url_or_workspace: str | Path) -> Journal:
        """Open the journal at a database URL (the setting ``journal_url``), or ``journal.db`` of a workspace."""
        if isinstance(url_or_workspace, str) and "://" in url_or_workspace:
            return cls(url_or_workspace)
        return cls.in_workspace(Path(url_or_workspace))

    @classmethod
    def in_workspace(cls, workspace: Path) -> Journal:
        """Open ``journal.db`` of the workspace, creating it when it is not there."""
        workspace.mkdir(parents=True, exist_ok=True)
        return cls(sa.URL.create("sqlite", database=str(workspace / "journal.db")))

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    @property
    def queue(self) -> QueueBook:
        """The exception queue, which is kept in the same database."""
        return QueueBook(self._reading, self._writer)

    @property
    def schedule(self) -> ScheduleBook:
        """The slots of the schedule, which are kept in the same database."""
        return ScheduleBook(self._engine, self._reading, self._writer)

    @property
    def alerts(self) -> AlertBook:
        """The incidents of alerts, which are kept in the same database."""
        return AlertBook(self._reading, self._writer)

    @property
    def sendings(self) -> SendingBook:
        """Who was told of incidents, which is kept in the same database."""
        return SendingBook(self._reading, self._writer)

    def probe(self) -> int:
        """Check that the journal can be written, without writing anything that stays; returns its number of runs.

        Raises
        ------
        JournalError
            It cannot be read or written.
        """
        try:
            with self._engine.connect() as db:
                db.execute(t.run.delete().where(t.run.c.run_id == ""))  # no run has this id; it takes the write lock
                runs = db.execute(sa.select(sa.func.count()).select_from(t.run)).scalar_one()
                db.rollback()
        except sa.exc.SQLAlchemyError as error:
            cause = str(getattr(error, "orig", None) or error)
            raise JournalError(f"it cannot be written ({cause})", "Check the workspace's journal.db.") from error
        return int(runs)

    def now(self) -> datetime:
        """The journal's clock, by which everything in it is dated; that of the server when there is one."""
        with self._reading.connect() as db:
            return clock(db)

    def start_run(self, plan: Plan, settings_text: str, *, fence: int | None = None) -> str:
        """Write down a run and everything it is going to create, in one transaction; returns the run id.

        Raises
        ------
        LeaseLost
            ``fence`` is given, and another run has the account by now.
        """

        def step(to: Transaction) -> str:
            db = to.db
            if fence is not None:
                demand(db, plan.account, fence)
            now = clock(db)
            run_id = f"{now:%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:6]}"
            number = db.execute(sa.select(sa.func.coalesce(sa.func.max(t.run.c.number), 0))).scalar_one() + 1
            db.execute(
                t.run.insert(),
                {
                    "run_id": run_id,
                    "account": plan.account,
                    "started_at": now,
                    "fingerprint": plan.fingerprint,
                    "settings": settings_text,
                    "who": f"{platform.node()} process {os.getpid()}",
                    "fence": fence,
                    "number": number,
                },
            )
            for rows in planned_rows(plan, run_id):
                db.execute(t.planned.insert(), rows)
            return run_id

        return self._writer.write_alone(step)

    def intend(self, run_id: str, bill: PlannedBill, *, fence: int | None = None) -> str | None:
        """Write the intent to create, unless an earlier one is open or done; returns the state before.

        A returned state other than ``None``, ``rejected`` and ``absent`` means: no intent was written, do not create.

        Raises
        ------
        LeaseLost
            ``fence`` is given, and another run has taken the account since; no intent was written.
        JournalError
            It is not certain that the intent was written, so do not create.
        """

        def step(to: Transaction) -> str | None:
            account = self._account(to.db, run_id)
            if fence is not None and (account, fence) not in to.fences:
                demand(to.db, account, fence)
                to.fences.add((account, fence))
            last_id, before = self._last(to.db, account, bill.external_id)
            if before is None or before in REPEATABLE_STATES:
                self._append(
                    to.db, run_id=run_id, external_id=bill.external_id, kind=INTENT, fence=fence, follows=last_id
                )
            return before

        return self._writer.write(step, key=bill.external_id)

    def intends(self, run_id: str, external_id: str, *, fence: int | None = None) -> bool:
        """Say whether the intent of this run and this ``fence`` is still the latest about a record; writes nothing.

        Raises
        ------
        LeaseLost
            ``fence`` is given, and another run has taken the account since.
        """
        with self._reading.connect() as db:
            account = self._account(db, run_id)
            if fence is not None:
                demand(db, account, fence)
            return self._is_intent_of(db, account, run_id, external_id, fence)

    def withdraw(self, run_id: str, external_id: str, detail: str, *, fence: int | None = None) -> None:
        """Take an intent back whose create was not sent, unless another process has written about the record since."""

        def step(to: Transaction) -> None:
            account = self._account(to.db, run_id)
            if self._is_intent_of(to.db, account, run_id, external_id, fence):
                kind = Outcome.ABSENT.value
                follows, _ = self._last(to.db, account, external_id)
                self._append(
                    to.db,
                    run_id=run_id,
                    external_id=external_id,
                    kind=kind,
                    detail=detail,
                    fence=fence,
                    follows=follows,
                )

        self._writer.write(step, key=external_id)

    def record(
        self,
        run_id: str,
        external_id: str,
        outcome: Outcome,
        record_id: str | None = None,
        detail: str | None = None,
        *,
        fence: int | None = None,
        fix: str | None = None,
        code: str | None = None,
        only_after: int | None = None,
    ) -> str:
        """Write an outcome, whoever holds the account by now; returns the latest state. ``fix``, ``code``: a refusal's.

        ``only_after``: write nothing unless this event (``Entry.event_id``) is still the latest. Give it with what a
        look-up found absent: that says nothing about an intent, or a record, that another process has added since.
        """

        def step(to: Transaction) -> str:
            follows, before = self._last(to.db, self._account(to.db, run_id), external_id)
            if only_after is not None and follows != only_after and before is not None:
                return before
            self._append(
                to.db,
                run_id=run_id,
                external_id=external_id,
                kind=outcome.value,
                record_id=record_id,
                detail=detail,
                fence=fence,
                fix=fix,
                code=code,
                follows=follows,
            )
            return outcome.value

        return self._writer.write(step, key=external_id)

    def note(self, run_id: str, kind: str, detail: str, *, fence: int | None = None) -> None:
        """Write something about the run as a whole: finished, interrupted, resumed."""
        self._writer.write_alone(lambda to: self._append(to.db, run_id=run_id, kind=kind, detail=detail, fence=fence))

    def entries(self, run_id: str) -> list[Entry]:
        """Every planned record of a run with its latest state, in the order of the plan."""
        query = t.entries_query().where(t.planned.c.run_id == run_id).order_by(t.planned.c.position)
        return self._entries(query)

    def each_entry(self, run_id: str, *, states: Collection[str] | None = None) -> Iterator[Entry]:
        """Give the planned records of a run one by one, all, or those whose latest state is one of ``states``.

        They are read a few hundred at a time, when they are reached: a state is as it was then, not at the beginning.
        """
        position = -1
        while piece := self._entries(piece_after(run_id, position, states)):
            yield from piece
            position = piece[-1].position

    def states(self, run_id: str) -> Counter[tuple[str | None, bool]]:
        """Count a run's planned records by latest state, and by whether this run wrote that state."""
        with self._reading.connect() as db:
            return count_states(db, run_id)

    def open_entries(self, account: str) -> list[Entry]:
        """Every record of the account that NetSuite may or may not have; the latest plan of each."""
        latest = t.latest_event.c
        query = t.entries_query().where(t.planned.c.account == account, latest.kind.in_(OPEN_STATES))
        return self._entries(query.where(latest.run_id == t.planned.c.run_id))

    def runs(self) -> Sequence[sa.RowMapping]:
        """Every run, newest first, with how many records it planned and how many of them have which state."""
        with self._reading.connect() as db:
            return db.execute(t.runs_query()).mappings().all()

    def last_run(self, account: str) -> str | None:
        """The id of the account's newest run that had something to create: an empty one hides no interrupted one."""
        planned = sa.exists().where(t.planned.c.run_id == t.run.c.run_id)
        query = sa.select(t.run.c.run_id).where(t.run.c.account == account, planned).order_by(*t.newest_run_first())
        with self._reading.connect() as db:
            found: str | None = db.execute(query.limit(1)).scalar()
            return found

    def events(self, *, run_id: str | None = None, order: str | None = None) -> Sequence[sa.RowMapping]:
        """Every event of a run, or of an order (sales order id, number, or Amazon order id), oldest first."""
        query = t.events_query()
        if run_id is not None:
            query = query.where(t.event.c.run_id == run_id)
        if order is not None:
            columns = (t.planned.c.sales_order_id, t.planned.c.sales_order_number, t.planned.c.amazon_order_id)
            query = query.where(sa.or_(*(column == order for column in columns)))
        with self._reading.connect() as db:
            return db.execute(query).mappings().all()

    def history(self, *, run_id: str | None = None, order: str | None = None) -> list[Happening]:
        """Everything on a run, or on an order, oldest first: runs, events, decisions, take-overs of the lease."""
        with self._reading.connect() as db:
            return read_history(db, run_id=run_id, order=order)

    def decide(
        self,
        account: str,
        sales_order_id: str,
        kind: Literal["exclude", "include"],
        *,
        reason: str,
        author: str,
        number: str | None = None,
        amazon_order_id: str | None = None,
    ) -> None:
        """Write down that an order is left out of every plan from now on, or is not any more."""
        row = {
            "account": account,
            "sales_order_id": sales_order_id,
            "sales_order_number": number,
            "amazon_order_id": amazon_order_id,
            "kind": kind,
            "reason": reason,
            "author": author,
        }
        self._writer.write_alone(lambda to: to.db.execute(t.decision.insert(), {**row, "at": clock(to.db)}))

    def excluded(self, account: str) -> dict[str, str]:
        """The orders that are left out by a decision: sales order id → ``reason (author, date)``."""
        query = sa.select(t.decision).where(t.decision.c.account == account).order_by(t.decision.c.decision_id)
        with self._reading.connect() as db:
            latest = {row["sales_order_id"]: row for row in db.execute(query).mappings()}
        return {
            order: f"{row['reason']} ({row['author']}, {row['at']:%Y-%m-%d})"
            for order, row in latest.items()
            if row["kind"] == "exclude"
        }

    @contextmanager
    def lease(self, account: str, *, seconds: int = 120) -> Iterator[Lease]:
        """Hold the account's lease, so that one run at a time creates; renew it while working.

        Its ``token`` is the fence of what is written under it.

        Raises
        ------
        JournalError
            Another run holds it; says who, since when, until when, and what can be done meanwhile.
        """
        held = self._writer.write_alone(lambda to: take_lease(to.db, account, seconds))
        try:
            yield Lease(self._engine, account, held, seconds)
        finally:
            self._writer.write_alone(lambda to: drop_lease(to.db, account, held))

    def _entries(self, query: sa.Select[Any]) -> list[Entry]:
        with self._reading.connect() as db:
            return read_entries(db, query)

    def _account(self, db: sa.Connection, run_id: str) -> str:
        """The account of a run; remembered, since a run's never changes."""
        if run_id not in self._accounts:
            account: str | None = db.execute(sa.select(t.run.c.account).where(t.run.c.run_id == run_id)).scalar()
            if account is None:
                raise JournalError(f"there is no run {run_id}", "List the runs: nsbill journal.")
            self._accounts[run_id] = account
        return self._accounts[run_id]

    @staticmethod
    def _is_intent_of(db: sa.Connection, account: str, run_id: str, external_id: str, fence: int | None) -> bool:
        found = db.execute(t.LAST_EVENT, {"account": account, "external_id": external_id}).first()
        return found is not None and (found.kind, found.run_id, found.fence) == (INTENT, run_id, fence)

    @staticmethod
    def _last(db: sa.Connection, account: str, external_id: str) -> tuple[int, str | None]:
        """Number and kind of the latest event of an external id; 0 and ``None`` when there is none."""
        found = db.execute(t.LAST_EVENT, {"account": account, "external_id": external_id}).first()
        return (found.event_id, found.kind) if found else (0, None)

    def _append(self, db: sa.Connection, *, run_id: str, kind: str, **values: str | int | None) -> None:
        row = dict.fromkeys(t.EVENT_VALUES) | values | {"run_id": run_id, "kind": kind}
        row["account"] = self._account(db, run_id)
        if db.dialect.name == "postgresql":
            db.execute(t.ADD_EVENT_BY_SERVER_CLOCK, row)
        else:
            db.execute(t.ADD_EVENT, {**row, "at": clock(db)})
