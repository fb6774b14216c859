"""Write transactions of a journal; those of threads that wait at the same time are committed together.

A commit waits for the disk, or the server, for milliseconds. Twenty threads that each write an intent would wait for one
another twenty times; together they wait once. Whoever returns from ``write`` knows that its own rows are on the disk.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import sqlalchemy as sa

from nsbill.errors import JournalError

__all__ = ["Transaction", "Writer"]

T = TypeVar("T")

_TOGETHER = 64
_TRIES = 100
"""How often a write is begun anew because another writer was faster; each time, that one got on."""
_FASTER = ("40001", "40P01")
"""PostgreSQL's codes for: begin anew, since another transaction was in the way."""


@dataclass(frozen=True)
class Transaction:
    """One transaction; ``fences``: accounts and tokens that were found in force in it already."""

    db: sa.Connection
    fences: set[tuple[str, int]] = field(default_factory=set)


@dataclass(eq=False)
class _Job(Generic[T]):
    key: str
    step: Callable[[Transaction], T]
    alone: bool = False
    woken: threading.Event = field(default_factory=threading.Event)
    """Set when it is done, or when its thread is to do it, with those that wait behind it."""
    done: bool = False
    value: T | None = None
    error: BaseException | None = None

    def result(self) -> T:
        if self.error is not None:
            raise self.error
        return self.value  # type: ignore[return-value]  # it is done, without an error

    def fail(self, error: BaseException) -> None:
        self.error, self.done = error, True


class Writer:
    """All writing of one journal in this process: one transaction at a time, first come first served."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._waiting: deque[_Job[Any]] = deque()
        self._busy = False

    def write(self, step: Callable[[Transaction], T], *, key: str) -> T:
        """Do a small step, in one transaction with what other threads wait to write; return when it is committed.

        ``key``: what the step is about. Steps are done in the order of their keys, so that two processes which write about
        the same things do not wait for each other. An exception of a step undoes that step, and no other.

        Raises
        ------
        JournalError
            It is not certain that it was written.
        """
        return self._through(_Job(key, step))

    def write_alone(self, step: Callable[[Transaction], T]) -> T:
        """Do a step in a transaction of its own: one that takes long, or takes locks."""
        return self._through(_Job("", step, alone=True))

    def _through(self, job: _Job[T]) -> T:
        with self._lock:
            leading, self._busy = not self._busy, True
            self._waiting.append(job)
        if not leading:
            try:
                job.woken.wait()
            except BaseException:  # a second Ctrl-C: nobody may be left waiting for this thread
                self._give_up(job)
                raise
        if not job.done:
            together = self._take()
            try:
                self._do(sorted(together, key=lambda one: one.key))
            finally:
                self._hand_over()
                for one in together:
                    one.woken.set()
        return job.result()

    def _take(self) -> list[_Job[Any]]:
        """Take what waits, the thread's own job first, up to the next one that is to be alone."""
        with self._lock:
            together = [self._waiting.popleft()]
            while self._waiting and len(together) < _TOGETHER and not (together[0].alone or self._waiting[0].alone):
                together.append(self._waiting.popleft())
        return together

    def _hand_over(self) -> None:
        """Wake the first that waits, to go on with it."""
        with self._lock:
            self._busy = bool(self._waiting)
            if self._waiting:
                self._waiting[0].woken.set()

    def _give_up(self, job: _Job[Any]) -> None:
        with self._lock:
            waited = job in self._waiting
            if waited:
                self._waiting.remove(job)
        if waited and job.woken.is_set():
            self._hand_over()

    def _do(self, jobs: Sequence[_Job[T]]) -> None:
        """Commit all jobs together; when one fails, undo all and do each by itself."""
        try:
            if len(jobs) > 1 and self._committed_together(jobs):
                return
            for job in jobs:
                self._do_alone(job)
        except BaseException:
            for job in jobs:
                if not job.done:
                    job.fail(JournalError("writing was interrupted", "Look at it: nsbill journal."))
            raise

    def _committed_together(self, jobs: Sequence[_Job[T]]) -> bool:
        try:
            self._commit(jobs)
        except (sa.exc.DBAPIError, JournalError):
            return False  # each says by itself what is wrong with it
        return True

    def _do_alone(self, job: _Job[T]) -> None:
        for tries_left in reversed(range(_TRIES)):
            try:
                return self._commit([job])
            except JournalError as error:
                return job.fail(error)
            except sa.exc.DBAPIError as error:
                if not tries_left or not _another_was_faster(error):
                    return job.fail(_not_written(error))
            except sa.exc.TimeoutError as error:
                return job.fail(_not_written(error))
        return None

    def _commit(self, jobs: Sequence[_Job[T]]) -> None:
        with self._engine.begin() as db:
            transaction = Transaction(db)
            values = [job.step(transaction) for job in jobs]
        for job, value in zip(jobs, values, strict=True):
            job.value, job.done = value, True


def _another_was_faster(error: sa.exc.DBAPIError) -> bool:
    return isinstance(error, sa.exc.IntegrityError) or getattr(error.orig, "sqlstate", None) in _FASTER


def _not_written(error: sa.exc.SQLAlchemyError) -> JournalError:
    cause = str(getattr(error, "orig", None) or error).strip()
    failed = JournalError(f"it cannot be written ({cause})", "Mend that, then: nsbill resume.")
    failed.__cause__ = error
    return failed
