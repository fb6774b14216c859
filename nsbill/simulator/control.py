"""The control routes under ``/_simulator/``: what a test or a demonstration may change and look at."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal

from nsbill.simulator import certificates, permissions
from nsbill.simulator.books import Books
from nsbill.simulator.faults import Fault, FaultPlan
from nsbill.simulator.limits import Traffic
from nsbill.simulator.services import Services
from nsbill.simulator.sign_in import SignIn

__all__ = ["Control", "ControlError"]

_HIGHEST_LATENCY = 600_000


class ControlError(Exception):
    """A control request that cannot be carried out; its text says why."""


@dataclass
class Control:
    """The parts of a running simulator that control routes reach."""

    books: Books
    sign_in: SignIn
    services: Services
    traffic: Traffic = field(default_factory=Traffic)
    faults: FaultPlan = field(default_factory=FaultPlan)
    latency_ms: int = 0
    instance: str = ""

    def call(self, path: str, body: Mapping[str, object] | None) -> dict[str, object]:
        """Carry out a control route: ``body`` changes, no body only looks.

        Raises
        ------
        ControlError
            Unknown route, unknown setting or impossible value; nothing was changed.
        """
        actions = {
            "health": self._health,
            "faults": self._faults,
            "preferences": self._preferences,
            "latency": self._latency,
            "statistics": self._statistics,
            "clock": self._clock,
            "certificates": self._certificates,
            "roles": self._roles,
            "login_audit": self._login_audit,
        }
        name = path.strip("/").removeprefix("_simulator/")
        if name not in actions:
            raise ControlError(f"unknown control route '{name}'; known: {', '.join(sorted(actions))}")
        try:
            return actions[name](None if body is None else _exact(body))
        except ValueError as error:
            raise ControlError(str(error)) from None

    def _health(self, body: Mapping[str, object] | None) -> dict[str, object]:
        orders = self.books.reader().execute("SELECT COUNT(*) FROM txn WHERE type = 'SalesOrd'").fetchone()[0]
        return {
            "ok": True,
            "instance": self.instance,
            "account": self.books.account(),
            "sales_orders": orders,
            "now": self.books.clock.instant(),
        }

    def _faults(self, body: Mapping[str, object] | None) -> dict[str, object]:
        if body is not None:
            _only(body, "faults", "seed")
            rows = body.get("faults", [])
            if not isinstance(rows, list):
                raise ValueError("faults must be a list")
            self.faults.set([Fault.parse(row) for row in rows], seed=_whole(body, "seed", 1))
        return self.faults.state()

    def _preferences(self, body: Mapping[str, object] | None) -> dict[str, object]:
        if body is not None:
            changes = {
                key: ("T" if value else "F") if isinstance(value, bool) else str(value) for key, value in body.items()
            }
            self.books.set_preferences(changes)
        return dict(self.books.preferences())

    def _latency(self, body: Mapping[str, object] | None) -> dict[str, object]:
        if body is not None:
            _only(body, "latency_ms")
            self.latency_ms = _whole(body, "latency_ms", 0, highest=_HIGHEST_LATENCY)
        return {"latency_ms": self.latency_ms}

    def _statistics(self, body: Mapping[str, object] | None) -> dict[str, object]:
        if body is not None:
            _only(body, "reset")
            self.traffic.reset()
            self.sign_in.audit.reset()
        return self.traffic.statistics() | {"sign_in_refusals": self.sign_in.audit.counted()}

    def _clock(self, body: Mapping[str, object] | None) -> dict[str, object]:
        if body is not None:
            _only(body, "offset_seconds")
            self.books.clock.offset = timedelta(seconds=_whole(body, "offset_seconds", 0, lowest=-(10**9)))
        return {"now": self.books.clock.instant(), "offset_seconds": int(self.books.clock.offset.total_seconds())}

    def _certificates(self, body: Mapping[str, object] | None) -> dict[str, object]:
        """List certificates, upload one, or revoke one."""
        if body is None:
            return {"certificates": certificates.listed(self.books)}
        _only(body, "pem", "role", "revoke")
        if "revoke" in body:
            certificates.revoke(self.books, _text(body, "revoke"))
            return {"certificates": certificates.listed(self.books)}
        identifier = certificates.upload(self.books, _text(body, "pem"), _text(body, "role") if "role" in body else "")
        found = certificates.find(self.books, identifier)
        assert found is not None
        return {"certificate_id": identifier, "client_id": found.client_id}

    def _roles(self, body: Mapping[str, object] | None) -> dict[str, object]:
        if body is not None:
            _only(body, "role", "permissions")
            held = body.get("permissions")
            if not isinstance(held, dict):
                raise ValueError("permissions must be an object of permission ids with levels")
            permissions.set_role(self.books, _text(body, "role"), held)
        return {"roles": permissions.roles(self.books)}

    def _login_audit(self, body: Mapping[str, object] | None) -> dict[str, object]:
        """Show the refused sign-ins; an administrator may unlock every token."""
        if body is not None:
            _only(body, "unlock")
            self.sign_in.verifier.unlock()
        return {"entries": self.sign_in.audit.rows()}


def _text(body: Mapping[str, object], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name} must be a text")
    return value


def _exact(body: Mapping[str, object]) -> dict[str, object]:
    content: dict[str, object] = json.loads(json.dumps(dict(body), default=str), parse_float=Decimal)
    return content


def _only(body: Mapping[str, object], *names: str) -> None:
    unknown = sorted(set(body) - set(names))
    if unknown:
        raise ValueError(f"unknown settings: {', '.join(unknown)}; known: {', '.join(names)}")


def _whole(body: Mapping[str, object], name: str, default: int, *, lowest: int = 0, highest: int = 10**9) -> int:
    value = body.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= highest:
        raise ValueError(f"{name} must be a whole number between {lowest} and {highest}")
    return value
