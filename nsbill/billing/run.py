"""Carry out a plan once: intent, create, outcome for each order; resume; unknown outcomes resolved first."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from itertools import islice

import pandas as pd

from nsbill.billing.brake import is_paused, wait_while_paused
from nsbill.billing.journal import OPEN_STATES, REPEATABLE_STATES, Entry, Journal
from nsbill.billing.journal_lease import Lease
from nsbill.billing.plan import Plan
from nsbill.billing.read_back import COULD_NOT
from nsbill.billing.read_back_early import EarlyReadBack
from nsbill.billing.resolve import TAKEN, Resolution, explain_refusal, holding_time, look_up, resolve_open, waiting_time
from nsbill.billing.result import DONE, NOT_STARTED, RunResult, outcomes_of
from nsbill.errors import JournalError, LeaseLost, NetSuiteError, NoAnswer, SignInRefused, TooManyRequests
from nsbill.netsuite.books import load_currencies
from nsbill.netsuite.client import Client
from nsbill.netsuite.records import transform_order
from nsbill.progress import Progress, silent
from nsbill.vocabulary import Outcome

__all__ = ["NOT_STARTED", "Run", "RunResult", "carry_out", "resume_run", "settle_open"]

_REFUSED = frozenset({Outcome.REJECTED.value})
_LONGEST_INLINE_WAIT = 60
_RENEW_EVERY = 30.0
_IN_QUEUE = 6
_PIECE = 5000
"""Outcomes that are written into the frame of outcomes at once."""


def carry_out(
    plan: Plan, *, journal: Journal, client: Client, progress: Progress = silent, stop: threading.Event | None = None
) -> RunResult:
    """Create the billing records of ``plan``, each once. ``stop``: finish what is in flight, start nothing more.

    A ``Brake`` as ``stop`` can also pause the run.

    Raises
    ------
    JournalError
        Another run holds the account.
    SignInRefused
        The credentials stopped working; what was done is in the journal.
    """
    with journal.lease(plan.account) as lease:
        run_id = journal.start_run(plan, client.settings.model_dump_json(), fence=lease.token)
        return Run(run_id, journal, client, lease, progress, stop, currencies=plan.currencies).finish()


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
        if not journal.states(run_id):
            raise JournalError(f"run {run_id} has no planned records", "List the runs: nsbill journal.")
        journal.note(run_id, "resumed", "resumed", fence=lease.token)
        return Run(run_id, journal, client, lease, progress, stop).finish()


def settle_open(account: str, *, journal: Journal, client: Client) -> dict[str, int]:
    """Look up every open create of the account, whatever run it is of; creates nothing. Returns outcomes by count.

    What turns out absent may be planned again; what is still unknown stays so until its waiting time is over.
    """
    if not journal.open_entries(account):
        return {}
    counts: Counter[str] = Counter()
    with journal.lease(account) as lease:
        currencies = load_currencies(client)

        def settle(entry: Entry) -> str:
            try:
                found = resolve_open(client, currencies, entry, now=journal.now())
            except (NoAnswer, TooManyRequests):
                return Outcome.UNKNOWN.value
            if found.outcome is not Outcome.UNKNOWN and entry.by_run is not None:
                return _write_looked_up(journal, entry.by_run, entry, found, lease.token)
            return found.outcome.value

        waiting = journal.open_entries(account)  # again: what is open now that no other run is at work
        renewed = time.monotonic()
        with ThreadPoolExecutor(client.settings.slots) as pool:
            for outcome in pool.map(settle, waiting):
                counts[outcome] += 1
                if time.monotonic() - renewed > _RENEW_EVERY:
                    lease.renew()
                    renewed = time.monotonic()
    return dict(counts)


class Run:
    """One run in this process, under a held lease; everything that must last is in the journal."""

    def __init__(
        self,
        run_id: str,
        journal: Journal,
        client: Client,
        lease: Lease,
        progress: Progress = silent,
        stop: threading.Event | None = None,
        *,
        currencies: Mapping[str, str] | None = None,
    ) -> None:
        self.run_id, self.journal, self.client, self.lease = run_id, journal, client, lease
        self.progress, self.stop = progress, stop or threading.Event()
        self.currencies = dict(currencies or load_currencies(client))
        states = journal.states(run_id)
        self.total = states.total()
        self.tally: Counter[str] = Counter()
        """Orders by outcome; at first what was settled before this process began."""
        for (state, ours), number in states.items():
            if ours and state in DONE | _REFUSED:
                self.tally[str(state)] += number
        self.left_out: dict[str, str] = {}
        self.early = EarlyReadBack(client, self.currencies, self.total)

    def finish(self) -> RunResult:
        """Resolve, create, resolve again; the journal has the outcome of every step."""
        with self.early:
            self._each(self.journal.each_entry(self.run_id, states=OPEN_STATES), self._resolve)
            done = self.journal.each_entry(self.run_id, states=DONE)
            self._each((e for e in done if e.by_run != self.run_id), self._check_again)
            self._create_all(self._to_create)
            return self._end()

    def retry(self, failed: Sequence[Entry]) -> RunResult:
        """Try refused creates of this run again: each is looked up, and created if it is not there."""
        again = {entry.bill.external_id for entry in failed}
        self.tally.subtract(str(e.state) for e in failed if e.by_run == self.run_id)

        def to_create() -> Iterator[Entry]:
            current = self.journal.each_entry(self.run_id, states=REPEATABLE_STATES)
            return (e for e in current if e.bill.external_id in again)

        with self.early:
            self._create_all(to_create)
            return self._end()

    def _to_create(self) -> Iterator[Entry]:
        """What certainly does not exist, was not refused by this very run, and was not excluded since it was planned."""
        excluded = self.journal.excluded(self.client.settings.account)
        for e in self.journal.each_entry(self.run_id):
            if e.state not in {None, Outcome.ABSENT.value} and (e.state not in _REFUSED or e.by_run == self.run_id):
                continue
            if e.bill.sales_order_id not in excluded:
                self.left_out.pop(e.bill.external_id, None)
                yield e
                continue
            self.left_out[e.bill.external_id] = (
                f"{e.bill.sales_order_number} was not billed: it is excluded: {excluded[e.bill.sales_order_id]}. "
                f"To lift that: nsbill include {e.bill.sales_order_number}, then: nsbill resume {self.run_id}"
            )

    def _create_all(self, to_create: Callable[[], Iterator[Entry]]) -> None:
        self._each(to_create(), self._create)
        if not self.stop.is_set() and self._wait_for_open():  # a create found absent is tried once more
            self._each((e for e in to_create() if e.state == Outcome.ABSENT.value), self._create)
            if not self.stop.is_set():
                self._wait_for_open()

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
                    self.early.go_on(left=max(1, self.total - self.tally.total()))
                    self._report()
                    if time.monotonic() - renewed > _RENEW_EVERY:
                        self.lease.renew()
                        renewed = time.monotonic()
            except BaseException:
                self.stop.set()  # nothing more is started; what is in flight is finished by the pool
                raise

    def _create(self, entry: Entry) -> str:
        """Create one billing record by the protocol: look-up if it was tried before, intent, slot, request, outcome.

        The intent is written while the order queues for its slot, which is not held meanwhile. A long wait must not eat
        up the time after which an intent without an outcome may count as absent: then it is taken back and written anew.
        """
        wait_while_paused(self.stop)
        if self.stop.is_set():
            return NOT_STARTED
        if entry.state is not None:
            try:
                found = look_up(self.client, self.currencies, entry.bill, found_as=Outcome.CREATED)
            except (NoAnswer, TooManyRequests):
                return entry.state  # nothing is known, so nothing is sent
            if found:
                return self._record(entry, found)
        if not self._intend(entry):
            return self._taken_by_another(entry)
        intended = time.monotonic()
        with self.client.turn():
            waited = time.monotonic() - intended
            if not (self.stop.is_set() or is_paused(self.stop)):
                return self._send(entry, waited)
            self._not_sent(entry, waited)
        return self._create(entry)  # once the pause is over; what is stopped is not started

    def _send(self, entry: Entry, waited: float) -> str:
        """Create in the slot that was waited for, if the intent still holds."""
        if waited > holding_time(self.client.settings.unknown_wait):
            self._not_sent(entry, waited)
            if not self._intend(entry):
                return self._taken_by_another(entry)
        if not self._still_intends(entry, waited):
            return self._taken_by_another(entry)
        return self._create_in_turn(entry)

    def _still_intends(self, entry: Entry, waited: float) -> bool:
        """Look at the intent once more, right before the request: whether it holds, and the account is still ours."""
        try:
            return self.journal.intends(self.run_id, entry.bill.external_id, fence=self.lease.token)
        except LeaseLost:
            self._not_sent(entry, waited)
            raise

    def _not_sent(self, entry: Entry, waited: float) -> None:
        detail = f"not sent after waiting {waited:.1f} s for a slot"
        self.journal.withdraw(self.run_id, entry.bill.external_id, detail, fence=self.lease.token)

    def _intend(self, entry: Entry) -> bool:
        """Write the intent; False when another run is at this order, or has done it."""
        before = self.journal.intend(self.run_id, entry.bill, fence=self.lease.token)
        return before is None or before in REPEATABLE_STATES

    def _taken_by_another(self, entry: Entry) -> str:
        """Look up what another run is at; its waiting time is not the one that this entry was read with."""
        return self._resolve(replace(entry, at=None))

    def _create_in_turn(self, entry: Entry) -> str:
        bill = entry.bill
        try:
            record_id = transform_order(
                self.client,
                bill.sales_order_id,
                bill.record_type,
                external_id=bill.external_id,
                transaction_date=bill.transaction_date,
            )
        except (NoAnswer, NetSuiteError) as error:
            return self._after_failure(entry, error)
        return self._record(entry, Resolution(Outcome.CREATED, record_id))

    def _after_failure(self, entry: Entry, error: NoAnswer | NetSuiteError) -> str:
        """Write down what the failure of a create means: not begun, unknown, or refused."""
        not_begun = Resolution(Outcome.ABSENT, detail=str(error))
        if isinstance(error, TooManyRequests) and error.was_sent:
            return self._record(entry, not_begun)  # blocked
        if isinstance(error, SignInRefused) or not error.was_sent:
            self._record(entry, not_begun)
            raise error  # no other order would fare better
        if isinstance(error, NetSuiteError):
            return self._record(entry, explain_refusal(self.client, self.currencies, entry.bill, error))
        self._record(entry, Resolution(Outcome.UNKNOWN, detail=self._unclear(error)))
        try:  # look once: often the record is there
            found = look_up(self.client, self.currencies, entry.bill, found_as=Outcome.CREATED)
        except (NoAnswer, NetSuiteError):
            found = None  # the outcome is in the journal as unknown, and looked up again before the run ends
        return self._record(entry, found) if found else Outcome.UNKNOWN.value

    def _unclear(self, error: NoAnswer) -> str:
        trace = f" (request {error.request_id})" if error.request_id else ""
        return (
            f"{error.what}: no clear answer from {error.host}: {error.problem}{trace}. NetSuite may or may not have it; it "
            f"is looked up, never simply sent again. What is not there after {self.client.settings.unknown_wait} s is "
            f"created by: nsbill resume {self.run_id}"
        )

    def _resolve(self, entry: Entry) -> str:
        """Look an open create up. One that stays unknown is not written again: its waiting time has begun already."""
        try:
            found = resolve_open(self.client, self.currencies, entry, now=self.journal.now())
        except (NoAnswer, TooManyRequests):
            return Outcome.UNKNOWN.value
        return Outcome.UNKNOWN.value if found.outcome is Outcome.UNKNOWN else self._record_looked_up(entry, found)

    def _check_again(self, entry: Entry) -> str:
        """A record that an earlier run made, and that is planned again: it may have been deleted in NetSuite since."""
        try:
            found = look_up(self.client, self.currencies, entry.bill, found_as=Outcome.EXISTS)
        except (NoAnswer, TooManyRequests):
            return str(entry.state)  # nothing new is known, so nothing is written; the other orders go on
        gone = Resolution(Outcome.ABSENT, detail="the record of an earlier run is no longer in NetSuite")
        return self._record_looked_up(entry, found or gone)

    def _record(self, entry: Entry, found: Resolution) -> str:
        return self._noted(entry, found, _write(self.journal, self.run_id, entry, found, self.lease.token))

    def _record_looked_up(self, entry: Entry, found: Resolution) -> str:
        return self._noted(entry, found, _write_looked_up(self.journal, self.run_id, entry, found, self.lease.token))

    def _noted(self, entry: Entry, found: Resolution, state: str) -> str:
        """Let a record that is there be read back; returns the state."""
        if found.outcome.value in DONE:
            self.early.made(replace(entry, state=state, record_id=found.record_id))
        return state

    def _wait_for_open(self) -> bool:
        """Wait until open creates may count as absent, if that is soon, and resolve them; True when some are absent."""
        still_open = list(self.journal.each_entry(self.run_id, states=OPEN_STATES))
        if not still_open or self.client.settings.unknown_wait > _LONGEST_INLINE_WAIT:
            return False
        self.tally[Outcome.UNKNOWN.value] -= len(still_open)
        now, wait = self.journal.now(), self.client.settings.unknown_wait
        left = max(((e.at or now) + waiting_time(e, wait) - now).total_seconds() for e in still_open)
        self.stop.wait(max(0.0, left) + 0.05)
        self._each(still_open, self._resolve)
        absent = self.tally.pop(Outcome.ABSENT.value, 0)
        return absent > 0

    def _report(self) -> None:
        names = (Outcome.CREATED, Outcome.EXISTS, Outcome.REJECTED, Outcome.UNKNOWN)
        note = ", ".join(f"{self.tally[name.value]} {name.value}" for name in names if self.tally[name.value])
        self.progress(min(self.total, sum(self.tally.values())), self.total, note)

    def _end(self) -> RunResult:
        """Write that the run has ended, read its records back, and write down what of them differs."""
        fence = self.lease.token
        self.early.go_on(left=0)
        kind = "stopped" if self.stop.is_set() else "finished"
        self.journal.note(self.run_id, kind, str(dict(self.tally)), fence=fence)
        outcomes, taken = self._outcomes()
        different = self.early.rest(outcomes)
        told = outcomes[outcomes["external_id"].isin(list(different))]
        names = ("external_id", "outcome", "record_id", "message")
        for external_id, outcome, record, message in zip(*(told[name].tolist() for name in names), strict=True):
            sentence = different[external_id]
            if message is pd.NA or message != sentence:
                self.journal.record(self.run_id, external_id, Outcome(outcome), record, sentence, fence=fence)
        if COULD_NOT in different:
            self.journal.note(self.run_id, "not compared", different[COULD_NOT], fence=fence)
        return RunResult(self.run_id, outcomes, (*different.values(), *taken), tuple(self.left_out.values()))

    def _outcomes(self) -> tuple[pd.DataFrame, list[str]]:
        """Read how every order ended (schema OUTCOMES), and a sentence for each external id that somebody else has."""
        pieces: list[pd.DataFrame] = []
        taken: list[str] = []
        entries = self.journal.each_entry(self.run_id)
        while piece := list(islice(entries, _PIECE)):
            pieces.append(outcomes_of(piece))
            taken += [str(e.detail) for e in piece if e.state in _REFUSED and e.code == TAKEN]
        return pd.concat(pieces, ignore_index=True) if pieces else outcomes_of(()), taken


def _write(
    journal: Journal, run_id: str, entry: Entry, found: Resolution, fence: int, *, only_after: int | None = None
) -> str:
    """Write an outcome; returns the latest state. ``only_after``: see ``Journal.record``."""
    return journal.record(
        run_id,
        entry.bill.external_id,
        found.outcome,
        found.record_id,
        found.detail,
        fence=fence,
        fix=found.fix,
        code=found.code,
        only_after=only_after,
    )


def _write_looked_up(journal: Journal, run_id: str, entry: Entry, found: Resolution, fence: int) -> str:
    """Write what a look-up showed. That nothing is there counts only if nobody has begun anything since ``entry``."""
    only_after = entry.event_id if found.outcome is Outcome.ABSENT else None
    return _write(journal, run_id, entry, found, fence, only_after=only_after)
