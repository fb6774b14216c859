"""What the states of all panels share: one action at a time, and errors as sentences."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import traitlets

from nsbill.errors import NsbillError

__all__ = ["PanelState"]


class PanelState(traitlets.HasTraits):
    """What a panel knows, without widgets. ``busy`` says what is going on, ``error`` what went wrong last."""

    busy = traitlets.Unicode()
    error = traitlets.Unicode()
    failure = traitlets.Instance(Exception, allow_none=True)
    """The exception behind ``error``, with its traceback, for whoever asks."""

    @property
    def figures(self) -> dict[str, object]:
        """What a run record keeps of what was read."""
        return {}

    @contextmanager
    def doing(self, what: str) -> Iterator[None]:
        """Mark the state busy; turn an exception into ``error``, so that no traceback reaches an analyst."""
        self.set_trait("error", "")
        self.set_trait("failure", None)
        self.set_trait("busy", what)
        try:
            yield
        except Exception as error:
            self.fail(error)
        finally:
            self.set_trait("busy", "")

    def fail(self, failure: Exception) -> None:
        """Say what went wrong, and be free for the next action."""
        if isinstance(failure, NsbillError):
            sentence = str(failure)
        else:  # a fault of nsbill itself must neither vanish nor be a wall of text
            sentence = f"Something unexpected happened ({type(failure).__name__}: {failure}). Please report it."
        self.set_trait("failure", failure)
        self.set_trait("error", sentence)
        self.set_trait("busy", "")

    def raise_failure(self) -> None:
        """Raise what the last action ended with, if it failed: a run without a person must not go on."""
        if self.failure is not None:
            raise self.failure
