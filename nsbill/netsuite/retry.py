"""May a failed request be sent again, when, and why: one rule for every call.

Reads are repeated. A create is repeated only when it was certainly not begun: blocked, or not even sent; what became of
any other one is unknown, and is looked up (netsuite 4.5).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from nsbill.errors import NetSuiteError, NoAnswer, SignInRefused, TooManyRequests

__all__ = ["Call", "Retry", "retry_after", "should_retry"]

FIRST_WAIT = 0.25
BLOCKED_TRIES = 12
"""With the waits below a blocked request is tried for about a minute and a half."""
_LONGEST_WAIT = 20.0
_UNCLEAR_TRIES = 5
_SLOW_TRIES = 2
_LONGEST_RETRY_AFTER = 300.0


@dataclass(frozen=True)
class Call:
    """One request. ``what`` names it for people; ``creates`` marks a request that must never be re-sent blindly."""

    what: str
    method: str
    url: str
    params: Mapping[str, str] = field(default_factory=dict)
    json: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    creates: bool = False


@dataclass(frozen=True)
class Retry:
    """Send again after ``wait`` seconds, for ``reason``; ``alone``: with nothing else of the account in flight."""

    wait: float
    reason: str
    alone: bool = False


def should_retry(
    call: Call, error: NoAnswer | NetSuiteError, attempt: int, *, draw: Callable[[float, float], float] = random.uniform
) -> Retry | None:
    """Decide whether ``call`` is sent again after failing with ``error``; ``None``: no.

    ``attempt`` counts the failures of this call for the same cause, from 1. ``draw(low, high)`` gives the jitter.
    """
    advised = error.retry_after
    if advised is not None and advised > _LONGEST_RETRY_AFTER:
        return None  # nobody wants a command that sleeps for hours; the error says how long
    if isinstance(error, TooManyRequests):
        reason = "the account's concurrency limit blocked it before it began"
        return Retry(_wait(attempt, advised, draw), reason) if attempt < BLOCKED_TRIES else None
    if isinstance(error, SignInRefused):
        reason = "the sign-in was refused before it began, which can be overload; once, and alone"
        return Retry(_wait(attempt, advised, draw), reason, alone=True) if attempt == 1 else None
    if not error.was_sent:
        reason = "there was no connection, or signing in for it failed, so it was not sent"
        return Retry(_wait(attempt, advised, draw), reason) if attempt < _UNCLEAR_TRIES else None
    if call.creates:
        return None  # its outcome is unknown, or it was refused for a reason of its own
    if isinstance(error, NoAnswer):
        reason = "a read changes nothing, so an unclear answer may be asked for again"
        tries = _SLOW_TRIES if error.slow else _UNCLEAR_TRIES  # after a time-out the first one may still be at work
        return Retry(_wait(attempt, advised, draw), reason) if attempt < tries else None
    return None  # a clear refusal stays one


def retry_after(header: str | None, now: datetime) -> float | None:
    """Read a ``Retry-After`` header, seconds or an HTTP date, as seconds from ``now``; ``None``: none, or unreadable."""
    if header is None:
        return None
    text = header.strip()
    if text.isascii() and text.isdigit():
        return int(text) * 1.0
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (until.replace(tzinfo=until.tzinfo or UTC) - now).total_seconds())


def _wait(attempt: int, advised: float | None, draw: Callable[[float, float], float]) -> float:
    """Full jitter, so that threads which were blocked together do not come back together; never before the advised time."""
    step: float = min(_LONGEST_WAIT, FIRST_WAIT * 2.0 ** (attempt - 1))
    return (advised or 0.0) + draw(0.0, step)
