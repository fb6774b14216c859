"""One line of the doctor's: what was looked at, how it is, and what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from nsbill.errors import NetSuiteError, NsbillError

__all__ = ["Check", "Light", "checked", "refused"]


class Light(StrEnum):
    """How a check ended."""

    OK = "ok"
    HINT = "hint"
    """Nothing is wrong, but something could not be seen, or is worth knowing."""
    WARNING = "warning"
    """It works now and will hurt later, or for some orders."""
    FAILED = "failed"
    SKIPPED = "skipped"
    """Could not be looked at, because of a check before it."""


@dataclass(frozen=True)
class Check:
    """A finding: what was looked at, how it is, in one sentence, and what to do when it is not as it should be."""

    name: str
    light: Light
    sentence: str
    next_action: str = ""


def refused(name: str, error: NsbillError) -> Check:
    """Turn an error into a failed check; the error's own advice is what to do."""
    text, remedy = str(error), error.remedy if isinstance(error, NetSuiteError) else ""
    return Check(name, Light.FAILED, text.removesuffix(remedy).strip(), remedy)


def checked(name: str, look: Callable[[], Check | Iterable[Check]]) -> Iterator[Check]:
    """Carry out one look; what nsbill cannot do becomes a failed check, and the other checks go on."""
    try:
        found = look()
        yield from [found] if isinstance(found, Check) else found
    except NsbillError as error:
        yield refused(name, error)
