"""How many requests may be in flight: found by growing while answers are good and shrinking when one is refused.

Pure: no threads and no clock of its own; every method is told the time in seconds. The limit is NetSuite's secret
(5 to 20 and more, shared with other integrations; netsuite 8.1), and each refused request costs, so a level that was
refused is tried again only after so many good answers that refusals stay below half a percent.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass

__all__ = ["Start", "Window"]

_FIRST_LEVEL = 4
"""Where a new account begins; the smallest account has 5 slots for all its integrations."""
_FIRST_REACH = 8
"""How far it grows, a step at a time, before so many requests have proved good at once."""
_STEPS_PER_ANSWER = 10
"""At first one slot more each tenth of the usual answer time: a refusal is then known before the next step."""
_REACH = 2
"""At first growth goes no further than to the double of what had a good answer: a refusal can be slow (netsuite 1.1)."""
_ROUNDS = 3
"""A level that was refused holds when as many rounds of answers were good there; then one more slot a round."""
_ANSWERS_PER_PROBE = 200
_MOST_DOUBLINGS = 4
_SHORTEST_REST, _LONGEST_REST = 5.0, 300.0
"""Seconds between two tries of a level that was refused: at least, and at most when answers are rare."""
_GENTLE_STEPS = 2
_STEEP = 0.7
_STRAGGLER = 3
_SMOOTHING = 0.2


@dataclass(frozen=True)
class Start:
    """A request that was let in: its number, when (seconds), and how many were in flight with it, itself included."""

    number: int
    at: float
    level: int


class Window:
    """The slots of one account as one process sees them. Not safe for threads; ``Governor`` makes it so."""

    def __init__(self) -> None:
        self.limit = _FIRST_LEVEL
        """How many requests may be in flight now."""
        self.refused = 0
        """How many requests were refused because too many were in flight."""
        self.answered = 0
        """How many requests were answered otherwise."""
        self._flying: OrderedDict[int, Start] = OrderedDict()
        self._numbers = 0
        self._usual: float | None = None
        self._proven = 0
        self._next_step = 0.0
        self._barrier: int | None = None  # the lowest level that is believed to be refused
        self._good_at_barrier = 0
        self._failed_probes = 0
        self._refused_at: float | None = None
        self._good_since = 0
        self._last_shrink = 0  # the newest request's number at that time
        self._streak = 0

    @property
    def in_flight(self) -> int:
        """How many requests are in flight."""
        return len(self._flying)

    def wait_for_slot(self, now: float, ceiling: int) -> float:
        """Say whether a request may start: 0 now, seconds to wait, or infinity: not before another one has ended."""
        if self.in_flight < min(self.limit, ceiling):
            return 0.0
        if self.in_flight > self.limit or self.in_flight >= ceiling:
            return math.inf
        wait = self._wait_for_growth(now)
        if wait <= 0:
            self.limit += 1
            self._next_step = now + (self._usual or 0.0) / (_STEPS_PER_ANSWER if self._barrier is None else 1)
            return 0.0
        return wait

    def started(self, now: float) -> Start:
        """Count a request as in flight."""
        self._numbers += 1
        start = Start(self._numbers, now, self.in_flight + 1)
        self._flying[start.number] = start
        return start

    def ended(self, start: Start) -> None:
        """Count a request as no longer in flight; harmless when it is not."""
        self._flying.pop(start.number, None)

    def good(self, start: Start, now: float) -> None:
        """Take note of an answer that was no refusal of the limit. Call it before ``ended``."""
        self.answered += 1
        self._good_since += 1
        took = now - start.at
        self._usual = took if self._usual is None else self._usual + _SMOOTHING * (took - self._usual)
        self._proven = min(max(self._proven, start.level), self.limit)
        if self._barrier is not None and start.level >= self._barrier and start.number > self._last_shrink:
            self._good_at_barrier += 1
            rounds = _ROUNDS if self._refused_at is not None else 1
            if self._good_at_barrier >= rounds * self._barrier and not self._has_straggler(now):
                self._barrier, self._good_at_barrier, self._failed_probes = self._barrier + 1, 0, 0
                self._refused_at = None

    def blocked(self, start: Start, now: float) -> None:
        """Take note of a request refused for too many in flight; shrink. Call it before ``ended`` where that is possible.

        What was accepted is what was in flight less what was refused, so requests of the same burst (started before
        the shrink) lower the limit by one each; only a later one is news.
        """
        self.refused += 1
        if start.number <= self._last_shrink:
            self._shrink_to(self.limit - 1, (self._barrier or self.limit) - 1)
            return
        level = max(start.level, self.in_flight)
        probe = self._barrier is not None and level >= self._barrier
        self._failed_probes = self._failed_probes + 1 if probe else 0
        self._streak = self._streak + 1 if self._good_since < 2 * self.limit else 1
        steep = self._streak > _GENTLE_STEPS  # others have taken many slots; what is left below is found a slot a round
        self._shrink_to(min(self.limit, int(level * _STEEP) if steep else level - 1), level)
        self._last_shrink, self._good_since, self._refused_at = self._numbers, 0, now
        self._next_step = now + (self._usual or 0.0)

    def _shrink_to(self, limit: int, barrier: int) -> None:
        self.limit = max(1, limit)
        self._barrier, self._good_at_barrier = max(barrier, self.limit + 1), 0
        self._proven = min(self._proven, self.limit)

    def _wait_for_growth(self, now: float) -> float:
        if self._usual is None or self._has_straggler(now):
            return math.inf
        if self._barrier is not None and self.limit + 1 >= self._barrier:
            return self._wait_for_probe(now, self._barrier)
        if self._barrier is None and self.limit + 1 > max(_FIRST_REACH, _REACH * self._proven):
            return math.inf
        return self._next_step - now

    def _wait_for_probe(self, now: float, barrier: int) -> float:
        """One request goes to the level that was refused; nothing goes beyond it before it has proved to hold."""
        if self.limit >= barrier:
            return math.inf
        if self._refused_at is None:  # the barrier was passed before, so the account has more slots than it had
            return 0.0
        longest = self._refused_at + _LONGEST_REST - now
        due = _ANSWERS_PER_PROBE * 2 ** min(self._failed_probes, _MOST_DOUBLINGS)
        if self._good_since < due:
            return longest
        return min(longest, self._refused_at + _SHORTEST_REST - now)

    def _has_straggler(self, now: float) -> bool:
        """Whether the oldest request in flight takes far longer than usual: it may be on its way to a slow refusal."""
        if not self._flying or self._usual is None:
            return False
        oldest = next(iter(self._flying.values()))
        return now - oldest.at > _STRAGGLER * self._usual
