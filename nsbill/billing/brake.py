"""Halt a run from outside: stop it for good, or pause it, so that it starts no more creates until it goes on."""

from __future__ import annotations

import threading

__all__ = ["Brake", "is_paused", "wait_while_paused"]


class Brake(threading.Event):
    """Set: stop. Paused: what is in flight is finished, the next creates wait. A stop ends a pause."""

    def __init__(self) -> None:
        super().__init__()
        self._going = threading.Event()
        self._going.set()

    @property
    def paused(self) -> bool:
        """Whether creates wait."""
        return not self._going.is_set()

    def pause(self) -> None:
        """Let no create begin until ``go_on``; does nothing once a stop was asked for."""
        self._going.clear()
        if self.is_set():  # a stop that came in between must not find the creates waiting
            self._going.set()

    def go_on(self) -> None:
        """End the pause."""
        self._going.set()

    def set(self) -> None:
        """Stop."""
        super().set()
        self._going.set()

    def wait_while_paused(self) -> None:
        """Return when the run may go on, or is to stop."""
        self._going.wait()


def is_paused(stop: threading.Event) -> bool:
    """Say whether a run is paused; a plain event can only stop it."""
    return isinstance(stop, Brake) and stop.paused


def wait_while_paused(stop: threading.Event) -> None:
    """Wait until a paused run may go on, or is to stop."""
    if isinstance(stop, Brake):
        stop.wait_while_paused()
