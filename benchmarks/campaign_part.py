"""One part of a campaign: fresh books, an account, billing processes that are killed by schedule, and the verdict."""

from __future__ import annotations

import multiprocessing
import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from random import Random

import sqlalchemy as sa

from benchmarks.campaign_account import READ_TIMEOUT, UNKNOWN_WAIT, FaultyAccount
from benchmarks.campaign_books import CampaignBooks
from benchmarks.campaign_judge import Verdict, judge
from benchmarks.campaign_worker import Job, work
from nsbill.credentials import TokenCredentials
from nsbill.desk import Desk
from nsbill.settings import load_settings, save_settings

__all__ = ["Part", "PartResult", "billing_environment", "listed", "run_part", "shown"]

_LOOK_EVERY = 0.02
_AT_HOLDER = 0.7
_OF_ACCOUNT = 0.1
_SECRETS = ("consumer_key", "consumer_secret", "token_id", "token_secret")
_LONGEST = 1800.0


@dataclass(frozen=True)
class Part:
    """What one part is to do. ``kills``: when so many records are there, something is killed."""

    books: CampaignBooks
    workspace: Path
    journal_url: str
    seed: int
    processes: int
    kills: tuple[int, ...]
    unknown_wait: int = UNKNOWN_WAIT


@dataclass
class PartResult:
    """What happened, beside the verdict."""

    verdict: Verdict = field(default_factory=Verdict)
    seconds: float = 0.0
    kills: int = 0
    account_kills: int = 0
    crashed: list[str] = field(default_factory=list)
    faults: dict[str, int] = field(default_factory=dict)


def run_part(part: Part) -> PartResult:
    """Bill the part's books with processes that are killed and started again, then judge."""
    result = PartResult()
    account = FaultyAccount(part.books.path, seed=part.seed)
    account.start()
    try:
        began = time.monotonic()
        environment = billing_environment(part.workspace, part.journal_url, account.keys, part.unknown_wait)
        workers = _Workers(part, environment, result)
        try:
            workers.run(account)
        finally:
            workers.end()
        result.seconds = time.monotonic() - began
        account.settle()
        seen = shown(part.workspace, account)
        result.verdict = judge(part.books, part.journal_url, listed=listed(part.books), shown=seen)
    finally:
        result.faults = {name: number for name, number in account.stop().items() if number}
    return result


def billing_environment(workspace: Path, journal_url: str, keys: dict[str, str], unknown_wait: int) -> dict[str, str]:
    """Write the workspace's settings; returns the environment of the billing processes."""
    plain = {name: value for name, value in keys.items() if name not in _SECRETS and name != "client_id"}
    save_settings(workspace, {**plain, "cash_sale_flow": True})
    return {
        **{f"NSBILL_{name.upper()}": keys[name] for name in _SECRETS},
        **({} if journal_url.startswith("sqlite") else {"NSBILL_JOURNAL_URL": journal_url}),
        "NSBILL_READ_TIMEOUT": str(READ_TIMEOUT),
        "NSBILL_UNKNOWN_WAIT": str(unknown_wait),
        "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
    }


class _Workers:
    """The billing processes of a part."""

    def __init__(self, part: Part, environment: dict[str, str], result: PartResult) -> None:
        self._part, self._environment, self._result = part, environment, result
        self._rng = Random(part.seed)
        self._processes = multiprocessing.get_context("forkserver")  # imports are paid once, not at every start
        self._processes.set_forkserver_preload(["benchmarks.campaign_worker"])
        self._running: dict[int, ForkServerProcess] = {}
        self._started = 0
        self._journal = sa.create_engine(part.journal_url)

    def run(self, account: FaultyAccount) -> None:
        """Keep every process at work until each says that nothing is left; kill by schedule."""
        until = time.monotonic() + _LONGEST
        kills = list(self._part.kills)
        for number in range(self._part.processes):
            self._start(number)
        while self._running:
            if time.monotonic() > until:
                self._result.crashed.append(f"not done after {_LONGEST:.0f} s")
                return
            if kills and _records(self._part.books) >= kills[0]:
                kills.pop(0)
                self._kill_something(account)
            for number, process in list(self._running.items()):
                if process.exitcode is not None:
                    self._ended(number, process.exitcode)
            time.sleep(_LOOK_EVERY)

    def end(self) -> None:
        """End what still runs."""
        for process in self._running.values():
            process.kill()
            process.join()
        self._journal.dispose()

    def _start(self, number: int) -> None:
        part = self._part
        self._started += 1
        job = Job(
            workspace=str(part.workspace),
            journal_url=part.journal_url,
            environment=self._environment,
            log=str(self._log(number)),
            seed=part.seed * 10_000 + self._started,
            number=number,
            workers=part.processes,
        )
        process = self._processes.Process(target=work, args=(job,), daemon=True)
        process.start()
        self._running[number] = process

    def _log(self, number: int) -> Path:
        return self._part.workspace / f"process-{number}.log"

    def _ended(self, number: int, code: int) -> None:
        del self._running[number]
        if code != 0:
            tail = self._log(number).read_text(encoding="utf-8")[-2000:]
            self._result.crashed.append(f"process {number} ended with {code}: {tail}")

    def _kill_something(self, account: FaultyAccount) -> None:
        """Kill the account, the process that holds the lease, or any other; and start it again."""
        self._result.kills += 1
        if self._rng.random() < _OF_ACCOUNT:
            self._result.account_kills += 1
            account.kill()
            account.start()
            return
        holders = [number for number, process in self._running.items() if process.pid == self._holder()]
        at_holder = holders and self._rng.random() < _AT_HOLDER
        number = self._rng.choice(holders if at_holder else sorted(self._running))
        process = self._running.pop(number)
        process.kill()
        process.join()
        self._start(number)

    def _holder(self) -> int | None:
        with self._journal.connect() as db:
            query = sa.text("SELECT pid FROM lease WHERE account = :account AND host IS NOT NULL")
            pid: int | None = db.execute(query, {"account": self._part.books.account}).scalar()
            return pid


def _records(books: CampaignBooks) -> int:
    """How many records the biller has made so far."""
    with closing(sqlite3.connect(books.path)) as connection:
        row = connection.execute("SELECT COUNT(*) FROM txn WHERE id > ?", (books.newest,)).fetchone()
    return int(row[0])


def listed(books: CampaignBooks) -> list[str]:
    """What the saved search has to give, asked of the books themselves."""
    with closing(sqlite3.connect(books.path)) as connection:
        rows = connection.execute("SELECT id FROM txn WHERE type = 'SalesOrd' AND status = 'F'").fetchall()
    return [str(row[0]) for row in rows]


def shown(workspace: Path, account: FaultyAccount) -> list[str]:
    """What stands in the two tables of one more plan, made without faults."""
    account.clear()
    with Desk(workspace, load_settings(workspace), TokenCredentials.of(account.keys)) as desk:
        plan = desk.preview()
    return [*plan.to_bill["sales_order_id"], *plan.skipped["sales_order_id"]]
