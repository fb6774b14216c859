"""Two small services: the account's concurrency limits and what a token stands for (netsuite 2, 8.1)."""

from __future__ import annotations

from collections.abc import Mapping

from nsbill.simulator import permissions
from nsbill.simulator.books import Books
from nsbill.simulator.errors import method_not_allowed, missing_permission
from nsbill.simulator.replies import Reply
from nsbill.simulator.request import GOVERNANCE_LIMITS, Request

__all__ = ["ADMINISTRATOR", "Services", "slots_for_integration"]

ADMINISTRATOR = "Administrator"


def slots_for_integration(preferences: Mapping[str, str]) -> int:
    """Return how many requests at once the integration may send: its reserved slice, or the account's limit."""
    limit, reserved = int(preferences["concurrency_limit"]), preferences["integration_limit"]
    return min(limit, int(reserved)) if reserved else limit


class Services:
    """Answers both services for signed-in callers."""

    def __init__(self, books: Books) -> None:
        self._books = books

    def answer(self, request: Request, preferences: Mapping[str, str]) -> Reply:
        """Answer a request, or raise the refusal."""
        if request.method != "GET":
            raise method_not_allowed(request.method)
        if request.path == GOVERNANCE_LIMITS:
            return self._limits(request, preferences)
        return self._token_info(request)

    def _limits(self, request: Request, preferences: Mapping[str, str]) -> Reply:
        """Answer as an administrator sees it; at least one slot always stays unallocated."""
        if preferences["governance_limits"] == "administrator" and request.role != ADMINISTRATOR:
            raise missing_permission("Setup -> Integration Management")
        limit, reserved = int(preferences["concurrency_limit"]), preferences["integration_limit"]
        own = slots_for_integration(preferences)
        return Reply.json(
            {
                "accountConcurrencyLimit": limit,
                "accountUnallocatedConcurrencyLimit": max(limit - own, 1) if reserved else limit,
                "integrationConcurrencyLimit": own,
                "integrationLimitType": "integrationSpecific" if reserved else "accountLimit",
            }
        )

    def _token_info(self, request: Request) -> Reply:
        """Say whose token it is; the shape follows Oracle's older samples and is uncertain."""
        account = self._books.account()
        return Reply.json(
            {
                "company": {"id": account, "name": self._books.meta("company") or "Demo company"},
                "role": {"id": permissions.role_id(request.role), "name": request.role},
                "user": {"id": 1, "name": "Integration user"},
            }
        )
