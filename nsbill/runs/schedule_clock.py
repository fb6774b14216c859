"""The clock that the service goes by; another one stands in for it where a week has to pass in minutes."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Protocol

__all__ = ["Clock", "StopRequests", "SystemClock"]


class StopRequests:
    """How often somebody has asked the service to stop: once, no new runs; twice, running ones are ended too."""

    def __init__(self) -> None:
        self.count = 0
        self.woken = threading.Event()

    def ask(self) -> None:
        """Ask, from a signal's handler or another thread."""
        self.count += 1
        self.woken.set()


class Clock(Protocol):
    """Tells the time and waits."""

    def now(self) -> datetime:
        """The time, in UTC."""

    def wait(self, seconds: float, wake: threading.Event) -> None:
        """Let time pass, or less of it when ``wake`` is set meanwhile."""


class SystemClock:
    """The clock of this machine."""

    def now(self) -> datetime:
        """The time, in UTC."""
        return datetime.now(UTC)

    def wait(self, seconds: float, wake: threading.Event) -> None:
        """Let time pass; a request to stop wakes at once."""
        wake.wait(seconds)
        wake.clear()
