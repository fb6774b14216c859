"""Carry out requests side by side, as many as the account's governor lets; one failure ends the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypeVar

__all__ = ["in_parallel"]

Task = TypeVar("Task")
Result = TypeVar("Result")


def in_parallel(
    threads: int, work: Callable[[Task], tuple[Result, Iterable[Task]]], tasks: Iterable[Task]
) -> Iterator[Result]:
    """Yield the result of ``work`` for each task as it comes; ``work`` may hand back further tasks.

    Threads are started only while tasks wait, so there are never more than tasks. When ``work`` raises, or the caller
    stops listening, tasks that have not begun are dropped, those under way are waited for, and the error is raised.
    """
    pool = ThreadPoolExecutor(max(1, threads), thread_name_prefix="nsbill-netsuite")
    try:
        waiting: set[Future[tuple[Result, Iterable[Task]]]] = {pool.submit(work, task) for task in tasks}
        while waiting:
            done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            for future in done:
                result, further = future.result()
                waiting |= {pool.submit(work, task) for task in further}
                yield result
    finally:
        pool.shutdown(cancel_futures=True)
