"""The processes in which the service has jobs run: ``nsbill schedule run-now``, one for each slot."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from nsbill.billing.journal_schedule import Origin
from nsbill.runs.schedule_file import Job, Schedule

__all__ = ["Child", "Launch", "launch_process"]


class Child(Protocol):
    """A run under way."""

    @property
    def pid(self) -> int:
        """Its process."""

    def poll(self) -> int | None:
        """Its exit code; ``None`` while it runs."""

    def stop(self) -> None:
        """Ask it to end in order."""

    def last_words(self) -> str:
        """The last line that it wrote on standard error."""


Launch = Callable[[Schedule, Job, datetime, Origin], Child]
"""Starts the run of a slot; it claims the slot itself."""


class _Process:
    def __init__(self, command: list[str]) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  # closed when its last words were read
        # in a session of its own: Ctrl-C reaches the service only, which then decides
        self._process = subprocess.Popen(  # noqa: S603  # nsbill's own command; names were checked with the file
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._errors,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def poll(self) -> int | None:
        return self._process.poll()

    def stop(self) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)

    def last_words(self) -> str:
        with self._errors as file:
            file.seek(0)
            lines = file.read().decode(errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "")


def launch_process(schedule: Schedule, job: Job, slot: datetime, origin: Origin) -> Child:
    """Start ``nsbill schedule run-now`` for a slot, with the Python and the environment of this process."""
    command = [sys.executable, "-P", "-m", "nsbill.cli", "schedule", "run-now", job.name]
    command += ["--slot", slot.isoformat(), "--origin", origin, "--file", str(schedule.path)]
    return _Process(command)
