"""The Login Audit Trail: why sign-ins were refused, which the answers never say (netsuite 1.1)."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass
from threading import Lock

__all__ = ["LoginAudit", "masked"]

_KEPT = 1000


@dataclass(frozen=True)
class _Entry:
    time: str
    reason: str
    kind: str
    token: str


class LoginAudit:
    """The last refusals and how often each reason occurred. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._entries: deque[_Entry] = deque(maxlen=_KEPT)
        self._counted: Counter[str] = Counter()

    def refused(self, reason: str, *, kind: str, token: str, time: str) -> None:
        """Note a refusal; ``kind`` is what was asked for, ``token`` what the caller showed, ``time`` an instant."""
        with self._lock:
            self._entries.append(_Entry(time, reason, kind, masked(token)))
            self._counted[reason] += 1

    def counted(self) -> dict[str, int]:
        """Return how often each reason occurred since the last reset."""
        with self._lock:
            return dict(self._counted)

    def rows(self) -> list[dict[str, object]]:
        """Return the last refusals, oldest first."""
        with self._lock:
            return [
                {"time": one.time, "reason": one.reason, "kind": one.kind, "token": one.token} for one in self._entries
            ]

    def reset(self) -> None:
        """Forget everything."""
        with self._lock:
            self._entries.clear()
            self._counted.clear()


def masked(token: str) -> str:
    """Show no more of a token than tells it from others: its first four and last two characters."""
    return f"{token[:4]}…{token[-2:]}" if len(token) > 12 else "…" * bool(token)
