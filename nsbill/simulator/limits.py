"""The account-wide concurrency limit, shared by REST and RESTlets (netsuite 8.1), and request statistics."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock

__all__ = ["Traffic"]

_PAUSE_SECONDS = 0.005


class Traffic:
    """Counts requests and slots of one account. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._in_flight = 0
        self._highest = 0
        self._requests: Counter[str] = Counter()
        self._refused: Counter[str] = Counter()
        self._answers: Counter[str] = Counter()

    def arrived(self, kind: str) -> None:
        """Count a request of ``kind``, as ``kind_of`` names it."""
        with self._lock:
            self._requests[kind] += 1

    def answered(self, status: int) -> None:
        """Count an answer that was sent."""
        with self._lock:
            self._answers[str(status)] += 1

    def enter(self, limit: int, kind: str) -> bool:
        """Take a slot; say whether one was free. Whoever got one calls ``leave``."""
        return self._entered(limit, kind, count=True)

    def _entered(self, limit: int, kind: str, *, count: bool) -> bool:
        with self._lock:
            if self._in_flight >= limit:
                if count:
                    self._refused[kind] += 1
                return False
            self._in_flight += 1
            self._highest = max(self._highest, self._in_flight)
            return True

    def leave(self) -> None:
        """Give the slot back."""
        with self._lock:
            self._in_flight -= 1

    @contextmanager
    def occupied(self, limit: Callable[[], int], kind: str) -> Iterator[None]:
        """Hold a slot in the block, waiting for one as NetSuite's own processors do; ``limit`` is asked each time."""
        while not self._entered(limit(), kind, count=False):
            time.sleep(_PAUSE_SECONDS)
        try:
            yield
        finally:
            self.leave()

    def refused(self) -> int:
        """Return how many requests found no slot since the last reset."""
        with self._lock:
            return sum(self._refused.values())

    async def drained(self) -> None:
        """Wait until no request is being carried out."""
        while self.statistics()["in_flight"]:  # noqa: ASYNC110 - slots are counted across threads, an event is not
            await asyncio.sleep(0.01)

    def reset(self) -> None:
        """Start counting again; slots in use stay in use."""
        with self._lock:
            self._highest = self._in_flight
            for counter in (self._requests, self._refused, self._answers):
                counter.clear()

    def statistics(self) -> dict[str, object]:
        """Return requests by kind, refused by kind, answers by status, slots in use and the highest number."""
        with self._lock:
            return {
                "requests": dict(self._requests),
                "refused": dict(self._refused),
                "answers": dict(self._answers),
                "in_flight": self._in_flight,
                "highest_in_flight": self._highest,
            }
