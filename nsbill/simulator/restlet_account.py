"""What the RESTlet's action ``about`` tells: the account, the caller's role, preferences and features it can see."""

from __future__ import annotations

import re

from nsbill.simulator import permissions
from nsbill.simulator.books import Books

__all__ = ["about"]

_USER = "1"
_FEATURES = ("ADVSHIPPING", "SUBSIDIARIES", "MULTICURRENCY")
_PREFERENCES = ("invoice_in_advance", "show_unfulfilled_items", "dates_outside_period")


def about(books: Books, role: str) -> dict[str, object]:
    """Describe account and caller; what the role may not see is null (knob ``account_settings_visible``)."""
    account, preferences = books.account(), books.preferences()
    visible = preferences["account_settings_visible"] == "T"
    return {
        "account": account,
        "environment": "SANDBOX" if "_SB" in account.upper() else "PRODUCTION",
        "user_id": _USER,
        "role": _script_id(role),
        "role_id": str(permissions.role_id(role)),
        "preferences": {name: preferences[name] if visible else None for name in _PREFERENCES},
        "features": dict.fromkeys(_FEATURES, True if visible else None),
    }


def _script_id(role: str) -> str:
    """Return a role's script id; the standard roles have theirs without ``customrole``."""
    words = re.sub(r"[^a-z0-9]+", "_", role.lower()).strip("_")
    return words if role == "Administrator" else f"customrole_{words}"
