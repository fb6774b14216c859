"""The state of the connection panel: which account, who is signed in, until when, and the doctor's lights."""

from __future__ import annotations

from collections import Counter

import traitlets

from nsbill.desk import Desk
from nsbill.doctor import Check, Light, examine
from nsbill.show.state import PanelState

__all__ = ["LIGHT_WORDS", "ConnectionState"]

LIGHT_WORDS = {
    Light.OK: "ok",
    Light.HINT: "to know",
    Light.WARNING: "to watch",
    Light.FAILED: "failed",
    Light.SKIPPED: "not looked at",
}
_KINDS = ("account", "account kind")
"""The checks that compare the account with what the profile says it is."""


class ConnectionState(PanelState):
    """What is known about the connection to NetSuite; reads only, and no secret is in it."""

    checks = traitlets.Tuple()
    """The doctor's checks, in its order, as far as they are done."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk

    def look(self) -> None:
        """Have the doctor look at workspace, credentials, hosts, permissions and search; reads only, tries no bill."""
        with self.doing("Looking at the connection"):
            self.checks = ()
            for check in examine(self.desk.workspace, tries=False):
                self.checks = (*self.checks, check)

    @property
    def blockers(self) -> list[str]:
        """Why no look can start now."""
        return [f"{self.busy}…"] if self.busy else []

    @property
    def production_sentence(self) -> str:
        """What nobody may overlook: this is a production account, or may be one though the profile says otherwise."""
        settings = self.desk.settings
        if settings.profile == "production":
            return f"PRODUCTION: what is created in account {settings.account} is in the company's real books."
        wrong = next((c for c in self.checks if c.name in _KINDS and c.light is Light.FAILED), None)
        return f"PERHAPS PRODUCTION: {wrong.sentence} {wrong.next_action}".strip() if wrong else ""

    @property
    def facts(self) -> list[tuple[str, str]]:
        """Pairs of what it is and its value: profile, account, who is signed in, how, and until when."""
        settings = self.desk.settings
        return [
            ("Profile", settings.profile),
            ("NetSuite account", settings.account),
            ("Signed in as", self._signed_in),
            ("Certificate", self._certificate),
        ]

    @property
    def summary(self) -> str:
        """The lights, counted; empty before the first look."""
        if not self.checks:
            return ""
        counts = Counter(check.light for check in self.checks)
        words = ", ".join(f"{counts[light]} {words}" for light, words in LIGHT_WORDS.items() if counts[light])
        return f"{len(self.checks)} checks: {words}."

    @property
    def well(self) -> bool:
        """Whether the doctor looked, and nothing failed or is to be watched."""
        return bool(self.checks) and not self.to_do

    @property
    def to_do(self) -> list[Check]:
        """The checks that failed or are to be watched, the failed ones first."""
        bad = [check for check in self.checks if check.light in {Light.FAILED, Light.WARNING}]
        return sorted(bad, key=lambda check: check.light is not Light.FAILED)

    @property
    def _signed_in(self) -> str:
        check = self._check("sign-in")
        if check is None:
            return "not looked at yet"
        if check.light is not Light.OK:
            return "nobody"
        return check.sentence.removeprefix("Signed in").removeprefix(" as ").rstrip(".") or "not told"

    @property
    def _certificate(self) -> str:
        check = self._check("certificate")
        if check is not None:
            return check.sentence.rstrip(".")
        return "none: no certificate file is named" if self.checks else "not looked at yet"

    def _check(self, name: str) -> Check | None:
        return next((check for check in self.checks if check.name == name), None)
