"""The alerts of the service: seen to in a thread, so that a mail server that does not answer keeps no job waiting."""

from __future__ import annotations

import threading
from datetime import datetime

from nsbill.runs.alert_delivery import Told, look_and_tell
from nsbill.runs.schedule_file import Schedule
from nsbill.runs.schedule_log import ServiceLog

__all__ = ["AlertThread"]

_PATIENCE = 60.0
"""Seconds that a service which stops waits for a message that is being sent."""


class AlertThread:
    """A ``Heartbeat`` of the service. What one look did is written into the log at the next, by the service's own thread."""

    def __init__(self, log: ServiceLog) -> None:
        self._log = log
        self._thread: threading.Thread | None = None
        self._told = Told((), ())
        self._said: frozenset[str] = frozenset()

    def __call__(self, schedule: Schedule, problem: str | None, now: datetime) -> None:
        """Begin a look, unless one is under way."""
        if self._thread is not None and self._thread.is_alive():
            return
        self._say(now)
        self._thread = threading.Thread(target=self._look, args=(schedule, problem, now), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Wait for what is being sent."""
        if self._thread is not None:
            self._thread.join(_PATIENCE)
            self._say(None)

    def _look(self, schedule: Schedule, problem: str | None, now: datetime) -> None:
        try:
            self._told = look_and_tell(schedule, schedule.jobs.values(), now, problem=problem)
        except Exception as error:  # nobody else would hear of it
            self._told = Told((), (f"Alerts could not be seen to: {type(error).__name__}: {error}",))

    def _say(self, now: datetime | None) -> None:
        """Write what the last look did; a trouble that goes on is said once."""
        told, self._told = self._told, Told((), ())
        for delivery in told.deliveries:
            self._log.write("alert", delivery.sentence, at=now, route=delivery.route, sent=delivery.sent)
        for sentence in told.troubles:
            if sentence not in self._said:
                self._log.write("trouble", sentence, at=now)
        self._said = frozenset(told.troubles)
