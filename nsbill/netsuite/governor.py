"""The concurrency governor: every thread of this process that talks to one account shares its slots.

Which number is right is the job of ``Window``; here requests queue for their slot, first come first served.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from weakref import WeakValueDictionary

from nsbill.netsuite.window import Start, Window

__all__ = ["Governor", "governor_of"]

_shared: WeakValueDictionary[tuple[str, str], Governor] = WeakValueDictionary()
_sharing = threading.Lock()


def governor_of(account: str, host: str) -> Governor:
    """Return the governor of an account on a host; the same one for everybody in this process who uses it now."""
    with _sharing:
        found = _shared.get((account, host))
        if found is None:
            found = _shared[account, host] = Governor()
        return found


class Governor:
    """The slots of one account in this process. Safe to use from several threads."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.ceiling = 1
        """The most that the settings of the latest request allow."""
        self.known_limit: int | None = None
        """What NetSuite says this integration may use, where it says it (``governanceLimits``)."""
        self._window = Window()
        self._clock = clock
        self._lock = threading.Lock()
        self._queue: deque[threading.Condition] = deque()
        self._nobody = threading.Condition(self._lock)
        self._want_alone = 0
        self._is_alone = False
        self._has_asked = False

    @property
    def limit(self) -> int:
        """How many requests may be in flight now."""
        return min(self._window.limit, self._most(self.ceiling))

    @property
    def in_flight(self) -> int:
        """How many requests are in flight."""
        return self._window.in_flight

    @property
    def refused(self) -> int:
        """How many requests NetSuite refused because too many were in flight."""
        return self._window.refused

    @property
    def answered(self) -> int:
        """How many requests NetSuite answered otherwise."""
        return self._window.answered

    @contextmanager
    def slot(self, ceiling: int) -> Iterator[Start]:
        """Hold a slot while the block runs; waits for one. ``ceiling``: the most in flight for this request."""
        start = self.enter(ceiling)
        try:
            yield start
        finally:
            self.leave(start)

    @contextmanager
    def alone(self, instead_of: Start | None = None) -> Iterator[Start]:
        """Hold the only slot: nothing else of this account is in flight while the block runs, and nothing begins before.

        ``instead_of`` is a slot that the caller holds; it is given back.
        """
        with self._lock:
            self._want_alone += 1
            try:
                if instead_of is not None:
                    self._window.ended(instead_of)
                    self._wake()
                self._nobody.wait_for(lambda: not (self._is_alone or self._window.in_flight))
                self._is_alone = True
            finally:
                self._want_alone -= 1
                self._wake()
            start = self._window.started(self._clock())
        try:
            yield start
        finally:
            with self._lock:
                self._is_alone = False
            self.leave(start)

    def enter(self, ceiling: int) -> Start:
        """Wait for a slot and take it; whoever got one calls ``leave``."""
        with self._lock:
            self.ceiling = ceiling
            me = threading.Condition(self._lock)
            self._queue.append(me)
            try:
                while (wait := self._wait_of(me, ceiling)) > 0:
                    me.wait(None if math.isinf(wait) else wait)
                return self._window.started(self._clock())
            finally:
                self._queue.remove(me)
                self._wake()

    def leave(self, start: Start) -> None:
        """Give a slot back."""
        with self._lock:
            self._window.ended(start)
            self._wake()

    def good(self, start: Start) -> None:
        """Tell that NetSuite answered and did not refuse for too many in flight. Call it while holding the slot."""
        with self._lock:
            self._window.good(start, self._clock())

    def blocked(self, start: Start) -> None:
        """Tell that NetSuite refused because too many were in flight. Call it while holding the slot if possible."""
        with self._lock:
            self._window.blocked(start, self._clock())

    def should_ask(self) -> bool:
        """Say once, and to one thread only, that it is worth asking NetSuite for the limit: more are wanted than begun with."""
        with self._lock:
            if self._has_asked or len(self._queue) < 2:
                return False
            self._has_asked = True
            return True

    def _most(self, ceiling: int) -> int:
        return ceiling if self.known_limit is None else max(1, min(ceiling, self.known_limit))

    def _wait_of(self, me: threading.Condition, ceiling: int) -> float:
        if self._want_alone or self._is_alone or self._queue[0] is not me:
            return math.inf
        return self._window.wait_for_slot(self._clock(), self._most(ceiling))

    def _wake(self) -> None:
        """Wake whoever is next; those who want to be alone go first."""
        if self._want_alone or self._is_alone:
            self._nobody.notify_all()
        elif self._queue:
            self._queue[0].notify()
