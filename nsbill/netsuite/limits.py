"""How many requests NetSuite says may be in flight: the answer of ``governanceLimits`` (netsuite 8.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["PATH", "SlotLimits", "read_limits"]

PATH = "/services/rest/system/v1/governanceLimits"
"""Answered to administrators only, unless an account allows more."""


@dataclass(frozen=True)
class SlotLimits:
    """The concurrency limits of an account and of the integration that asked; ``None``: not stated."""

    account: int | None
    unallocated: int | None
    """What is left for all integrations without a reserved part."""
    integration: int | None
    kind: str
    """``integrationSpecific`` (a part is reserved for this integration), ``accountLimit`` or ``internal``."""

    @property
    def usable(self) -> int | None:
        """The most that this integration may have in flight, others resting; ``None`` when NetSuite did not say."""
        if self.kind == "integrationSpecific":
            return self.integration
        return self.unallocated if self.unallocated is not None else self.account


def read_limits(body: Any) -> SlotLimits:
    """Read NetSuite's answer; names that are missing, and values that are no positive numbers, count as not stated."""
    found: dict[str, Any] = body if isinstance(body, dict) else {}
    return SlotLimits(
        account=_count(found.get("accountConcurrencyLimit")),
        unallocated=_count(found.get("accountUnallocatedConcurrencyLimit")),
        integration=_count(found.get("integrationConcurrencyLimit")),
        kind=str(found.get("integrationLimitType", "")),
    )


def _count(value: object) -> int | None:
    number = str(value)
    return int(number) if number.isascii() and number.isdigit() and int(number) > 0 else None
