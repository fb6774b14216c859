"""Carries out asynchronous requests in the background, each exactly once (netsuite 8.2)."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from threading import Event, Thread

from nsbill.simulator.books import Books
from nsbill.simulator.errors import unexpected_error
from nsbill.simulator.jobs import Task, claim, finish, hold, release
from nsbill.simulator.limits import Traffic
from nsbill.simulator.replies import Reply, rest_error
from nsbill.simulator.request import Request

__all__ = ["JobRunner"]

_POLL_SECONDS = 0.5  # how often tasks queued by another process on the same books are looked for
_LEASE_SECONDS = 5.0  # how long a task of a simulator that was killed waits until another takes it
_MOST_PROCESSORS = 50

Answer = Callable[[Request, dict[str, str]], Reply]


class JobRunner:
    """Works at the queued tasks of one account until it is stopped.

    Taking a task, and carrying it out with its result, are one transaction each: when the simulator is killed in
    between, nothing was done and whoever serves the books next does it. As many are under way as the preference
    ``async_processors`` says, over all simulators on these books. ``queued`` is set when there is a new task.
    """

    def __init__(
        self, books: Books, answer: Answer, traffic: Traffic, latency_ms: Callable[[], int], *, queued: Event
    ) -> None:
        self._books, self._answer, self._traffic, self._latency_ms = books, answer, traffic, latency_ms
        self._name = secrets.token_hex(8)
        self._woken, self._stopping = queued, Event()
        self._thread = Thread(target=self._run, name="simulated-netsuite-jobs", daemon=True)

    def start(self) -> None:
        """Begin, also with what an earlier simulator left."""
        self._thread.start()

    def stop(self) -> None:
        """Finish what is being carried out, give back the rest, and end."""
        self._stopping.set()
        self._woken.set()
        self._thread.join()

    def _run(self) -> None:
        with ThreadPoolExecutor(_MOST_PROCESSORS, thread_name_prefix="simulated-netsuite-job") as pool:
            while not self._stopping.is_set():
                self._woken.clear()
                if not self._begin_one(pool):
                    self._woken.wait(_POLL_SECONDS)
        with self._books.writing() as connection:
            release(connection, self._name)

    def _begin_one(self, pool: ThreadPoolExecutor) -> bool:
        open_tasks = "SELECT 1 FROM task WHERE state IN ('pending', 'processing') LIMIT 1"
        if self._books.reader().execute(open_tasks).fetchone() is None:
            return False
        preferences = self._books.preferences()
        with self._books.writing() as connection:
            taken = claim(
                connection,
                self._name,
                now=time.time(),
                lease=_LEASE_SECONDS + self._latency_ms() / 1000,
                started=self._books.clock.instant(),
                processors=min(int(preferences["async_processors"]), _MOST_PROCESSORS),
            )
        if taken is None:
            return False
        future = pool.submit(self._carry_out, *taken)
        future.add_done_callback(lambda done: self._settle(taken[0], done))
        return True

    def _carry_out(self, task: Task, request: Request) -> None:
        preferences = dict(self._books.preferences())
        takes_slot = preferences["async_takes_slot"] == "T"
        limit = int(preferences["concurrency_limit"])
        with self._traffic.occupied(lambda: limit, "async") if takes_slot else nullcontext():
            if self._stopping.wait(self._latency_ms() / 1000):
                return
            with self._books.writing() as connection:
                if hold(connection, task, self._name):
                    finish(connection, task, self._answer(request, preferences), self._books.clock.instant())

    def _settle(self, task: Task, done: Future[None]) -> None:
        """Keep a fault of the simulator itself as NetSuite reports one of its own; look for the next task."""
        if done.exception() is not None:
            with self._books.writing() as connection:
                if hold(connection, task, self._name):
                    reply = rest_error(unexpected_error(secrets.token_hex(10)))
                    finish(connection, task, reply, self._books.clock.instant())
        self._woken.set()
