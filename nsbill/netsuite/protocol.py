"""The protocol of nsbill's RESTlet: one envelope, one version check, and what the RESTlet says about itself."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nsbill.errors import NetSuiteError
from nsbill.netsuite.client import Call, Client
from nsbill.netsuite.replies import Reply, envelope_error

__all__ = ["PROTOCOL", "About", "about", "ask"]

PROTOCOL = (1, 1)
"""Major and minor version that this nsbill speaks; a RESTlet of the same major version and no older minor will do."""


@dataclass(frozen=True)
class About:
    """What the RESTlet says about itself and the account; ``None`` in the mappings: not visible to the role."""

    version: str
    account: str
    environment: str
    user_id: str
    role: str
    role_id: str
    preferences: Mapping[str, str | None]
    features: Mapping[str, bool | None]
    remaining_units: int


def about(client: Client) -> About:
    """Ask the RESTlet for its version, the account, user and role, and the preferences that matter (netsuite 5.3)."""
    what = "Ask the RESTlet about itself"
    body = _envelope(what, _send(client, what, {"action": "about"}))
    result = _result(what, body)
    texts = {name: str(result.get(name) or "") for name in ("account", "environment", "user_id", "role", "role_id")}
    return About(
        version=str(body["version"]),
        preferences=dict(result.get("preferences") or {}),
        features=dict(result.get("features") or {}),
        remaining_units=int(body.get("remaining_units") or 0),
        **texts,
    )


def ask(client: Client, what: str, request: Mapping[str, object]) -> Any:
    """Carry out one action of the RESTlet and return its result.

    Raises
    ------
    NetSuiteError
        The RESTlet refused (``SearchError`` where it is about a search), is of another version, or is not nsbill's.
    """
    return _result(what, _envelope(what, _send(client, what, request)))


def _send(client: Client, what: str, request: Mapping[str, object]) -> Reply:
    settings = client.settings
    return client.send(
        Call(
            what,
            "POST",
            settings.restlet_url,
            params={"script": settings.script, "deploy": settings.deploy},
            json=dict(request),
            headers={"Content-Type": "application/json"},
        )
    )


def _envelope(what: str, reply: Reply) -> Mapping[str, Any]:
    """Check that the answer is an envelope of a version that this nsbill understands."""
    body = reply.body
    version = re.fullmatch(r"(\d+)\.(\d+)(\.\d+)*", str(body.get("version"))) if isinstance(body, dict) else None
    if version is None or "ok" not in body:
        raise NetSuiteError(
            what,
            status=200,
            code="NO_ENVELOPE",
            detail="the RESTlet does not speak nsbill's protocol",
            remedy="Check 'script' and 'deploy' in the settings, or deploy nsbill's RESTlet: nsbill restlet export.",
        )
    found = (int(version[1]), int(version[2]))
    if found[0] > PROTOCOL[0]:
        raise _other_version(what, body["version"], "newer", "Install a newer nsbill.")
    if found < PROTOCOL:
        raise _other_version(what, body["version"], "older", "Export and deploy it again: nsbill restlet export.")
    return dict(body)


def _other_version(what: str, version: object, age: str, remedy: str) -> NetSuiteError:
    ours = ".".join(map(str, PROTOCOL))
    return NetSuiteError(
        what,
        status=200,
        code="RESTLET_VERSION",
        detail=f"the deployed RESTlet speaks version {version} of the protocol, {age} than this nsbill's {ours}",
        remedy=remedy,
    )


def _result(what: str, body: Mapping[str, Any]) -> Any:
    if body["ok"]:
        return body["result"]
    raise envelope_error(what, str(body["error"]["code"]), str(body["error"].get("message") or ""))
