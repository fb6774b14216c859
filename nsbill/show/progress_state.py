"""What the states of panels that work through many orders share: how far they are; pause, go on and stop."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import traitlets

from nsbill.billing.brake import Brake
from nsbill.progress import Progress
from nsbill.show.state import PanelState

__all__ = ["ProgressState"]


class ProgressState(PanelState):
    """Progress of what is under way, and the brake of what creates records."""

    creating = traitlets.Bool()
    """Whether records are being created."""
    paused = traitlets.Bool()
    done = traitlets.Int()
    total = traitlets.Int()
    note = traitlets.Unicode()

    def __init__(self) -> None:
        super().__init__()
        self._brake = Brake()
        self._began = self._paused_at = 0.0

    @contextmanager
    def creating_records(self, total: int) -> Iterator[tuple[Progress, Brake]]:
        """Mark that records are created in the block, which hands progress and brake to the run."""
        self.start_progress(total)
        self.creating = True
        try:
            yield self.report, self._brake
        finally:
            self.creating = self.paused = False

    def pause(self) -> None:
        """Start no more creates until ``go_on``; the run, its plan and its hold of the account stay."""
        if not self.pause_blockers:
            self._brake.pause()
            self._paused_at = time.monotonic()
            self.paused = self._brake.paused

    def go_on(self) -> None:
        """Go on with a paused run."""
        if self.paused:
            self._began += time.monotonic() - self._paused_at
            self.paused = False
            self._brake.go_on()

    def stop(self) -> None:
        """Start no more creates, also of a paused run; those in flight are finished and recorded."""
        self._brake.set()
        self.paused = False
        self.note = "Stopping: finishing what is in flight…"

    @property
    def stopping(self) -> bool:
        """Whether a stop was asked for."""
        return self._brake.is_set()

    @property
    def pause_blockers(self) -> list[str]:
        """Why there is nothing to pause."""
        if not self.creating:
            return ["Nothing is being created."]
        if self.stopping:
            return ["The run is stopping."]
        return ["The run is paused already."] if self.paused else []

    @property
    def progress_sentence(self) -> str:
        """How far, how fast, how long still."""
        text = f"{self.done:,} of {self.total:,}" + (f" ({self.note})" if self.note else "")
        if self.paused:
            return f"Paused at {text}. What is in flight is finished and recorded; no more is started until Resume."
        seconds = time.monotonic() - self._began
        if not self.creating or seconds < 1 or not self.done:
            return text
        left = round((self.total - self.done) * seconds / self.done)
        return f"{text}, {self.done / seconds:,.1f} a second, about {left // 60}:{left % 60:02d} left"

    def start_progress(self, total: int = 0) -> None:
        """Begin to count anew."""
        self._brake = Brake()
        self.done, self.total, self.note = 0, total, ""
        self._began = time.monotonic()

    def report(self, done: int, total: int, note: str = "") -> None:
        """Take the news of how far it is."""
        with self.hold_trait_notifications():
            self.total, self.done = total, done
            if not self.stopping:
                self.note = note
