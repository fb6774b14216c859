"""The parent's side of a run's child process: start it, give orders, listen, end it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from nsbill.progress import Progress

__all__ = ["Halt", "Outcome", "Worker"]

_LOG_LINES = 40
_PATIENCE = 15.0
"""Seconds past the limit of a run after which its process is killed, if it has not ended the run by itself."""
_LOOK_EVERY = 0.1


class Halt:
    """The order to stop a run at once, given from another thread or by a signal; the first reason counts."""

    def __init__(self) -> None:
        self._given = threading.Event()
        self.reason = ""

    def give(self, reason: str) -> None:
        """Order it."""
        if not self._given.is_set():
            self.reason = reason
            self._given.set()

    def is_given(self) -> bool:
        """Whether it was ordered."""
        return self._given.is_set()


@dataclass(frozen=True)
class Outcome:
    """How the notebook ended.

    ``kind`` is completed, cell_error, exit, timeout, dead_kernel, not_started, runner_error, child_died or
    stopped;
    ``cell`` counts the cells of the notebook from 0.
    """

    kind: str
    cell: int | None
    sentence: str | None
    completed: int
    total: int

    @property
    def is_complete(self) -> bool:
        """Whether every code cell ran to its end."""
        return self.kind == "completed" and self.completed == self.total


class Worker:
    """A child process for one run; leaving the context ends it, and its kernel, whatever happened.

    It is in a session of its own, so that Ctrl-C reaches only this process, which then ends it in order.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  # closed in __exit__
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "nsbill.runs.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=dict(environment),
            start_new_session=True,
            text=True,
            encoding="utf-8",
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._process as process, self._log:
            if kind is not None:
                process.kill()

    def execute(
        self,
        order: Mapping[str, object],
        progress: Progress,
        *,
        time_limit: float | None = None,
        halt: Halt | None = None,
    ) -> Outcome:
        """Have the notebook executed and wait for the outcome; every way of ending is an outcome.

        The child ends a run by itself when ``time_limit`` (seconds) is over; if it does not, it is killed.
        """
        done = total = 0
        with _Watched(self._process, time_limit, halt) as watched:
            for event in self._ask({"do": "execute", "time_limit": time_limit, **order}):
                if event["event"] == "outcome":
                    return Outcome(**{name: event[name] for name in Outcome.__dataclass_fields__})
                done, total = event["done"], event["total"]
                progress(done, total)
        if watched.kind is not None:
            self._process.wait()  # killed, but perhaps not gone yet: it must not be taken for one that can write the report
            return Outcome(watched.kind, None, watched.sentence, done, total)
        sentence = f"the process that ran the notebook ended without a word ({self._cause()}); memory may be short"
        return Outcome("child_died", None, sentence, done, total)

    def report(self, *, notebook: Path, target: Path, facts: Mapping[str, str]) -> str | None:
        """Have the HTML report written; returns what went wrong."""
        order = {"do": "report", "notebook": str(notebook), "target": str(target), "facts": dict(facts)}
        for event in self._ask(order):
            return event["problem"] and str(event["problem"])
        return f"its process ended without a word ({self._cause()})"

    @property
    def is_alive(self) -> bool:
        """Whether the child can take another order."""
        return self._process.poll() is None

    def log(self) -> str:
        """The end of what the child and the kernel wrote on standard error."""
        self._log.seek(0)
        lines = self._log.read().decode(errors="replace").splitlines()
        return "\n".join(lines[-_LOG_LINES:])

    def _ask(self, order: Mapping[str, object]) -> Iterator[dict[str, Any]]:
        """Give an order; yields the answers, none when the child dies."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with suppress(BrokenPipeError):  # it died before; then no answer comes
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
        for line in self._process.stdout:
            yield json.loads(line)

    def _cause(self) -> str:
        status = self._process.wait()
        return f"signal {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"


class _Watched:
    """Kills a process that is past its limit, or that is to stop, while the block runs; says why it did."""

    def __init__(self, process: subprocess.Popen[str], time_limit: float | None, halt: Halt | None) -> None:
        self._process, self._limit, self._halt = process, time_limit, halt
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.kind: str | None = None
        self.sentence = ""

    def __enter__(self) -> Self:
        if self._limit is not None or self._halt is not None:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()

    def _watch(self) -> None:
        until = None if self._limit is None else time.monotonic() + self._limit + _PATIENCE
        while not self._over.wait(_LOOK_EVERY):
            if self._halt is not None and self._halt.is_given():
                self.kind, self.sentence = "stopped", f"the run was stopped: {self._halt.reason}"
            elif until is not None and time.monotonic() > until:
                self.kind = "timeout"
                self.sentence = f"the run took longer than the {self._limit:g} s that it may take, and was killed"
            else:
                continue
            self._process.kill()
            return
