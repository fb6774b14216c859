"""Progress on long work: one callback signature, a console bar, and silence."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

__all__ = ["Progress", "console_progress", "silent"]


class Progress(Protocol):
    """Called with how many of how many are done, and a short note for people."""

    def __call__(self, done: int, total: int, note: str = "") -> None:
        """Take the news; must be quick and must not raise."""


def silent(done: int, total: int, note: str = "") -> None:
    """Report nothing."""


@contextmanager
def console_progress(label: str, *, enabled: bool = True, unit: str = "order") -> Iterator[Progress]:
    """Yield a callback that draws a bar on standard error; plain when that is not a terminal."""
    if not enabled:
        yield silent
        return
    from tqdm import tqdm  # imported here so that reading commands start fast

    watched = sys.stderr.isatty()
    seconds, delay = (0.2, 0.3) if watched else (10.0, 10.0)  # a log wants a line now and then, and none for short work
    with tqdm(desc=label, unit=f" {unit}s", mininterval=seconds, delay=delay, dynamic_ncols=True) as bar:

        def report(done: int, total: int, note: str = "") -> None:
            bar.total = total
            bar.set_postfix_str(note, refresh=False)
            bar.update(done - bar.n)

        yield report
