"""One billing process of the campaign: bills, resumes and looks up with the real nsbill until nothing is left to do.

It is killed at any time and started again. What it does next is drawn from its seed: its own share of the orders, all
of them, or another process's run; with the lease, after taking the lease away as if it had expired, or without heeding it.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from random import Random
from unittest.mock import patch

import sqlalchemy as sa

from nsbill.billing.journal import Journal
from nsbill.desk import Desk
from nsbill.errors import BillingRefused, JournalError, NetSuiteError, NoAnswer

__all__ = ["Job", "work"]

_MANNERS = (("heed", 25), ("take", 15), ("ignore", 60))
"""How the lease is treated, with weights: heeded; taken away as if expired; ignored, so that processes overlap for long."""
_WORK = (("share", 65), ("all", 10), ("resume", 25))
_EXPECTED = (JournalError, BillingRefused, NetSuiteError, NoAnswer)
"""What may end a run in this campaign. Anything else is a fault of nsbill, and ends this process with a traceback."""


@dataclass(frozen=True)
class Job:
    """What a billing process is told. ``number``: which of ``workers`` shares is its own."""

    workspace: str
    journal_url: str
    environment: dict[str, str]
    log: str
    seed: int
    number: int
    workers: int


def work(job: Job) -> None:
    """Work until everything is billed; the life of a billing process."""
    log = os.open(job.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, sys.stderr.fileno())
    os.environ.update(job.environment)
    with Desk.open(job.workspace) as desk:
        worker = _Worker(desk, job.journal_url, Random(job.seed), job.number, job.workers)
        while not worker.turn():
            pass


class _Worker:
    def __init__(self, desk: Desk, journal_url: str, rng: Random, number: int, workers: int) -> None:
        self.desk, self.rng, self.number, self.workers = desk, rng, number, workers
        self.account = desk.settings.account
        self.lease = _Manners(journal_url, self.account)
        self._others: dict[str, str] | None = None

    def turn(self) -> bool:
        """Do one thing; what stops it is told. Returns whether nothing is left: nothing open, nothing to bill."""
        manner, work = self._draw(_MANNERS), self._draw(_WORK)
        try:
            with self.lease.treated(manner):
                self.desk.settle_open()
                if work == "resume" and self.desk.journal.last_run(self.account):
                    self.desk.resume()
                    return False
                plan = self.desk.preview(self._not_mine() if work == "share" else None)
                if len(plan.to_bill):
                    self.desk.bill(plan)
                    return False
            return not self.desk.journal.open_entries(self.account) and not len(self.desk.preview().to_bill)
        except _EXPECTED as error:
            sys.stderr.write(f"{manner} {work}: {type(error).__name__}: {error}\n")
            time.sleep(self.rng.uniform(0.05, 0.5))
            return False

    def _draw(self, choices: tuple[tuple[str, int], ...]) -> str:
        names, weights = zip(*choices, strict=True)
        chosen: str = self.rng.choices(names, weights)[0]
        return chosen

    def _not_mine(self) -> dict[str, str]:
        """Everybody else's share, as orders that are left out."""
        if self._others is None:
            orders = self.desk.preview().to_bill["sales_order_id"]
            self._others = {order: "another process's" for order in orders if not self._is_mine(int(order))}
        return self._others

    def _is_mine(self, order: int) -> bool:
        return order // 7 % self.workers == self.number


class _Manners:
    """Ways to treat the lease. That two processes ignore it is what a clock gone wrong would come to."""

    def __init__(self, journal_url: str, account: str) -> None:
        self._engine = sa.create_engine(journal_url)
        self._account = account

    @contextmanager
    def treated(self, manner: str) -> Iterator[None]:
        """Treat the lease in this manner inside the block."""
        if manner == "take":
            with self._engine.begin() as db:
                db.execute(sa.text("UPDATE lease SET host = NULL WHERE account = :a"), {"a": self._account})
        with patch.object(Journal, "lease", _not_heeded) if manner == "ignore" else nullcontext():
            yield


@dataclass(frozen=True)
class _NoLease:
    """Stands for a lease whose holder never learns that another has it: nothing fences it off."""

    token: int = 1_000_000_000

    def renew(self) -> None:
        """Nothing to renew."""


@contextmanager
def _not_heeded(*_: object, **__: object) -> Iterator[_NoLease]:
    yield _NoLease()
