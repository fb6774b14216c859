"""Carry out a plan once: intent, create, outcome for each order; resume; unknown outcomes resolved first."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal

import pandas as pd

from nsbill.billing.journal import OPEN_STATES, REPEATABLE_STATES, Entry, Journal
from nsbill.billing.plan import Plan
from nsbill.billing.read_back import read_back
from nsbill.billing.resolve import Resolution, look_up, resolve_open
from nsbill.errors import JournalError, NetSuiteError, NoAnswer, SignInRefused, TooManyRequests
from nsbill.money import sum_by_currency
from nsbill.netsuite.books import load_currencies
from nsbill.netsuite.client import Client
from nsbill.netsuite.records import transform_order
from nsbill.progress import Progress, silent
from nsbill.schemas import OUTCOMES
from nsbill.vocabulary import Outcome

__all__ = ["NOT_STARTED", "RunResult", "carry_out", "resume_run", "settle_open"]

NOT_STARTED = "not started"
_DONE = frozenset({Outcome.CREATED.value, Outcome.EXISTS.value})
_REFUSED = frozenset({Outcome.REJECTED.value})
_LONGEST_INLINE_WAIT = 60
_RENEW_EVERY = 30.0
_IN_QUEUE = 6


@dataclass(frozen=True)
class RunResult:
    """How a run went: one outcome for each planned order (schema OUTCOMES); a sentence for each record that differs."""

    run_id: str
    outcomes: pd.DataFrame
    differences: tuple[str, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """Number of orders per outcome."""
        return dict(Counter(self.outcomes["outcome"]))

    @property
    def totals(self) -> dict[str, Decimal]:
        """Σ amount of the created records per currency."""
        made = self.outcomes[self.outcomes["outcome"] == Outcome.CREATED.value]
        return sum_by_currency(zip(made["currency"], made["amount"], strict=True))

    @property
    def complete(self) -> bool:
        """Whether every planned order has its record."""
        return all(outcome in _DONE for outcome in self.outcomes["outcome"])

    def count(self, outcome: Outcome | str) -> int:
        """Number of orders with this outcome."""
        return self.counts.get(str(outcome), 0)


def carry_out(
    plan: Plan, *, journal: Journal, client: Client, progress: Progress = silent, stop: threading.Event | None = None
) -> RunResult:
    """Create the billing records of ``plan``, each once. ``stop``: finish what is in flight, start nothing more.

    Raises
    ------
    JournalError
        Another run holds the account.
    SignInRefused
        The credentials stopped working; what was done is in the journal.
    """
    with journal.lease(plan.account) as lease:
        run_id = journal.start_run(plan, client.settings.model_dump_json())
        return _Run(run_id, journal, client, progress, stop, lease.renew).finish()


def resume_run(
    run_id: str,
    *,
    journal: Journal,
    client: Client,
    progress: Progress = silent,
    stop: threading.Event | None = None,
) -> RunResult:
    """Finish an interrupted run: resolve what is open by look-up, then create what was never started."""
    with journal.lease(client.settings.account) as lease:
        if not journal.entries(run_id):
            raise JournalError(f"run {run_id} has no planned records", "List the runs: nsbill journal.")
        journal.note(run_id, "resumed", "resumed")
        return _Run(run_id, journal, client, progress, stop, lease.renew).finish()


def settle_open(account: str, *, journal: Journal, client: Client) -> dict[str, int]:
    """Look up every open create of the account, whatever run it is of; creates nothing. Returns outcomes by count.

    What turns out absent may be planned again; what is still unknown stays so until its waiting time is over.
    """
    waiting = journal.open_entries(account)
    if not waiting:
        return {}
    counts: Counter[str] = Counter()
    with journal.lease(account):
        currencies = load_currencies(client)
        for entry in waiting:
            found = resolve_open(client, currencies, entry)
            counts[found.outcome.value] += 1
            if found.outcome is not Outcome.UNKNOWN and entry.by_run is not None:
                journal.record(entry.by_run, entry.bill.external_id, found.outcome, found.record_id, found.detail)
    return dict(counts)


class _Run:
    """The state of one run in this process; everything that must last is in the journal."""

    def __init__(
        self,
        run_id: str,
        journal: Journal,
        client: Client,
        progress: Progress,
        stop: threading.Event | None,
        renew: Callable[[], None],
    ) -> None:
        self.run_id, self.journal, self.client = run_id, journal, client
        self.progress, self.stop, self.renew = progress, stop or threading.Event(), renew
        self.currencies = load_currencies(client)
        self.tally: Counter[str] = Counter()

    def finish(self) -> RunResult:
        """Resolve, create, resolve again; the journal has the outcome of every step."""
        entries = self.journal.entries(self.run_id)
        self.total = len(entries)
        self.tally.update(e.state for e in entries if e.state in _DONE | _REFUSED and e.by_run == self.run_id)
        self._each((e for e in entries if e.state in OPEN_STATES), self._resolve)
        self._each((e for e in entries if e.state in _DONE and e.by_run != self.run_id), self._check_again)
        for _ in range(2):  # a create found absent is tried once more
            self._each(self._to_create(), self._create)
            if self.stop.is_set() or not self._wait_for_open():
                break
        self.journal.note(self.run_id, "stopped" if self.stop.is_set() else "finished", str(dict(self.tally)))
        return self._result()

    def _to_create(self) -> list[Entry]:
        """What certainly does not exist and was not refused by this very run."""
        return [
            e
            for e in self.journal.entries(self.run_id)
            if e.state in {None, Outcome.ABSENT.value} or (e.state in _REFUSED and e.by_run != self.run_id)
        ]

    def _each(self, entries: Iterable[Entry], step: Callable[[Entry], str]) -> None:
        """Run ``step`` on each entry in parallel; how many at once is the governor's to say.

        A few more are begun than may be in flight: they write their outcomes, and queue, so that no slot waits.
        """
        todo: Iterator[Entry] = iter(entries)
        running: set[Future[str]] = set()
        renewed = time.monotonic()
        with ThreadPoolExecutor(self.client.settings.slots + _IN_QUEUE) as pool:
            try:
                while True:
                    while len(running) < self.client.governor.limit + _IN_QUEUE and not self.stop.is_set():
                        entry = next(todo, None)
                        if entry is None:
                            break
                        running.add(pool.submit(step, entry))
                    if not running:
                        return
                    done, running = wait(running, timeout=_RENEW_EVERY, return_when=FIRST_COMPLETED)
                    for future in done:
                        self.tally[future.result()] += 1
                    self._report()
                    if time.monotonic() - renewed > _RENEW_EVERY:
                        self.renew()
                        renewed = time.monotonic()
            except BaseException:
                self.stop.set()  # nothing more is started; what is in flight is finished by the pool
                raise

    def _create(self, entry: Entry) -> str:
        """Create one billing record by the protocol: slot, intent, request, outcome.

        The intent is written when the slot is there: waiting for one must not eat up the time after which an intent
        without an outcome may count as absent.
        """
        with self.client.turn():
            return NOT_STARTED if self.stop.is_set() else self._create_in_turn(entry)

    def _create_in_turn(self, entry: Entry) -> str:
        bill = entry.bill
        before = self.journal.intend(self.run_id, bill)
        if before is not None and before not in REPEATABLE_STATES:
            # another run is at it, or has done it; its waiting time is not the one that this entry was read with
            return self._resolve(replace(entry, at=None))
        try:
            record_id = transform_order(
                self.client,
                bill.sales_order_id,
                bill.record_type,
                external_id=bill.external_id,
                transaction_date=bill.transaction_date,
            )
        except NoAnswer as error:
            return self._after_no_answer(entry, error)
        except SignInRefused as error:
            self._record(entry, Resolution(Outcome.ABSENT, detail=str(error)))  # refused before it began
            raise  # no other order would fare better
        except TooManyRequests as error:
            return self._record(entry, Resolution(Outcome.ABSENT, detail=str(error)))  # blocked before it began
        except NetSuiteError as error:
            return self._record(entry, self._after_refusal(entry, error))
        return self._record(entry, Resolution(Outcome.CREATED, record_id))

    def _after_no_answer(self, entry: Entry, error: NoAnswer) -> str:
        """Write down that the outcome is unknown, then look once: often the record is there."""
        self._record(entry, Resolution(Outcome.UNKNOWN, detail=str(error)))
        try:
            found = look_up(self.client, self.currencies, entry.bill, found_as=Outcome.CREATED)
        except (NoAnswer, NetSuiteError):
            found = None  # the outcome is in the journal as unknown, and looked up again before the run ends
        return self._record(entry, found) if found else Outcome.UNKNOWN.value

    def _after_refusal(self, entry: Entry, error: NetSuiteError) -> Resolution:
        """Look once after any refusal: a bill that is there already is refused as a duplicate, or for the order's state."""
        try:
            found = look_up(self.client, self.currencies, entry.bill, found_as=Outcome.EXISTS)
        except (NoAnswer, NetSuiteError):
            found = None  # the refusal itself was clear: this request created nothing
        return found or Resolution(Outcome.REJECTED, detail=str(error))

    def _resolve(self, entry: Entry) -> str:
        """Look an open create up. One that stays unknown is not written again: its waiting time has begun already."""
        try:
            found = resolve_open(self.client, self.currencies, entry)
        except NoAnswer:
            return Outcome.UNKNOWN.value
        return Outcome.UNKNOWN.value if found.outcome is Outcome.UNKNOWN else self._record(entry, found)

    def _check_again(self, entry: Entry) -> str:
        """A record that an earlier run made, and that is planned again: it may have been deleted in NetSuite since."""
        try:
            found = look_up(self.client, self.currencies, entry.bill, found_as=Outcome.EXISTS)
        except NoAnswer:
            return str(entry.state)  # nothing new is known, so nothing is written; the other orders go on
        gone = Resolution(Outcome.ABSENT, detail="the record of an earlier run is no longer in NetSuite")
        return self._record(entry, found or gone)

    def _record(self, entry: Entry, found: Resolution) -> str:
        self.journal.record(self.run_id, entry.bill.external_id, found.outcome, found.record_id, found.detail)
        return found.outcome.value

    def _wait_for_open(self) -> bool:
        """Wait until open creates may count as absent, if that is soon, and resolve them; True when some are absent."""
        still_open = [e for e in self.journal.entries(self.run_id) if e.state in OPEN_STATES]
        if not still_open or self.client.settings.unknown_wait > _LONGEST_INLINE_WAIT:
            return False
        self.tally[Outcome.UNKNOWN.value] -= len(still_open)
        now = datetime.now(UTC)
        newest = max((e.at for e in still_open if e.at), default=now)
        left = self.client.settings.unknown_wait - (now - newest).total_seconds()
        self.stop.wait(max(0.0, left) + 0.05)
        self._each(still_open, self._resolve)
        absent = self.tally.pop(Outcome.ABSENT.value, 0)
        return absent > 0

    def _report(self) -> None:
        names = (Outcome.CREATED, Outcome.EXISTS, Outcome.REJECTED, Outcome.UNKNOWN)
        note = ", ".join(f"{self.tally[name.value]} {name.value}" for name in names if self.tally[name.value])
        self.progress(min(self.total, sum(self.tally.values())), self.total, note)

    def _result(self) -> RunResult:
        rows: list[dict[str, object]] = [
            {
                "sales_order_id": e.bill.sales_order_id,
                "sales_order_number": e.bill.sales_order_number,
                "amazon_order_id": e.bill.amazon_order_id,
                "record_type": e.bill.record_type.value,
                "external_id": e.bill.external_id,
                "currency": e.bill.currency,
                "amount": e.bill.amount,
                "outcome": _outcome(e.state),
                "record_id": e.record_id,
                "message": e.detail,
            }
            for e in self.journal.entries(self.run_id)
        ]
        outcomes = OUTCOMES.frame(rows)
        return RunResult(self.run_id, outcomes, read_back(self.client, self.currencies, outcomes))


def _outcome(state: str | None) -> str:
    if state in OPEN_STATES:
        return Outcome.UNKNOWN.value
    return NOT_STARTED if state in {None, Outcome.ABSENT.value} else str(state)
