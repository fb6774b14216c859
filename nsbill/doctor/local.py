"""Checks that need no sign-in: workspace and journal, settings, credentials, the two hosts, the clock."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from nsbill.billing.journal import Journal
from nsbill.credentials import find_credentials
from nsbill.doctor.check import Check, Light, checked
from nsbill.errors import WorkspaceError
from nsbill.netsuite.certificate import certificate_expiry
from nsbill.netsuite.probes import Reached, reach
from nsbill.settings import Settings, load_settings

__all__ = ["check_account", "check_credentials", "check_hosts", "check_workspace"]

_CLOCK_LIMIT = 300
"""Seconds that a clock may be off before NetSuite refuses signatures (netsuite 1.1)."""
_CLOCK_WORRY = 60
_PATIENCE = 20.0


def check_workspace(workspace: Path) -> Iterator[Check]:
    """Can files be written, and can the journal be written."""
    folder = list(checked("workspace", lambda: _workspace(workspace)))
    yield from folder
    if folder[0].light is Light.FAILED:
        yield Check("journal", Light.SKIPPED, "Not looked at: the workspace cannot be written.")
        return
    yield from checked("journal", lambda: _journal(workspace))


def _workspace(workspace: Path) -> Check:
    try:
        workspace.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=workspace, prefix=".nsbill-doctor-") as file:
            file.write(b"x")
            file.flush()
    except OSError as error:
        raise WorkspaceError(
            workspace, f"it cannot be written ({error.strerror})", "Choose another folder with --workspace, or free it."
        ) from error
    return Check("workspace", Light.OK, f"{workspace} can be written.")


def _journal(workspace: Path) -> Check:
    journal = Journal.open(load_settings(workspace).journal_url or workspace)
    try:
        runs = journal.probe()
    finally:
        journal.close()
    return Check("journal", Light.OK, f"It can be written and has {runs} {'run' if runs == 1 else 'runs'}.")


def check_account(settings: Settings) -> Check:
    """Which account is meant, and what kind it claims to be."""
    account, profile = settings.account, settings.profile
    if not account:
        remedy = "Name it: nsbill settings set profile=sandbox account=1234567_SB1"
        return Check("account", Light.FAILED, "No account is set.", remedy)
    suffix = account.upper().rpartition("_")[2] if "_" in account else ""
    seems = "a sandbox" if suffix.startswith("SB") else "a release preview" if suffix.startswith("RP") else "production"
    if profile == "sandbox" and seems == "production":
        sentence = f"Account {account} has the id of a production account, and the profile is sandbox: no guard is on."
        return Check("account", Light.FAILED, sentence, "Say what it is: nsbill settings set profile=production")
    if profile == "production":
        sentence = f"{account} is a PRODUCTION account: every command that creates needs --production {account}."
        return Check("account", Light.OK, sentence)
    return Check("account", Light.OK, f"{account}, {seems} account, profile {profile}.")


def check_credentials(settings: Settings) -> Iterator[Check]:
    """Are there credentials, from where, and how long does the certificate last."""
    yield from checked("credentials", lambda: _credentials(settings))
    yield from checked("certificate", lambda: _certificate(settings))


def _credentials(settings: Settings) -> Check:
    found = find_credentials(settings)
    if found is None:
        remedy = "By certificate: nsbill settings certificate. By token: nsbill settings login."
        return Check("credentials", Light.FAILED, "There are none, in environment, key file or keyring.", remedy)
    if found.way == "certificate":
        return Check("credentials", Light.OK, f"Certificate and key, from {found.source}.")
    sentence = f"Token (TBA), from {found.source}. NetSuite takes no new ones from release 2027.1 on."
    return Check("credentials", Light.OK, sentence)


def _certificate(settings: Settings) -> list[Check]:
    expiry = certificate_expiry(settings)
    if expiry is None:
        return []
    if expiry.warning:
        sentence, _, remedy = expiry.warning.partition(". ")
        light = Light.FAILED if expiry.days_left < 0 else Light.WARNING
        return [Check("certificate", light, f"{sentence}.", remedy)]
    return [Check("certificate", Light.OK, f"Valid until {expiry.day}, {expiry.days_left} days.")]


def check_hosts(settings: Settings) -> Iterator[Check]:
    """Are the REST host and the RESTlet host there, and do their clocks agree with this one."""
    addresses = {"REST host": f"{settings.rest_url}/services/rest/record/v1/", "RESTlet host": settings.restlet_url}
    clocks: list[Reached] = []
    for name, url in addresses.items():
        yield from checked(name, partial(_host, name, url, settings, clocks))
    yield _clock(clocks)


def _host(name: str, url: str, settings: Settings, clocks: list[Reached]) -> Check:
    found = reach(url, timeout=min(_PATIENCE, settings.connect_timeout + settings.read_timeout))
    clocks.append(found)
    if found.status >= 500:
        return Check(name, Light.WARNING, f"{found.host} answers with status {found.status}.", "Try again later.")
    return Check(name, Light.OK, f"{found.host} answers.")


def _clock(clocks: list[Reached]) -> Check:
    ahead = next((found.clock_ahead for found in clocks if found.clock_ahead is not None), None)
    if ahead is None:
        return Check("clock", Light.SKIPPED, "No host told its time.")
    off = abs(round(ahead))
    words = f"This machine's clock is {off} s {'ahead of' if ahead > 0 else 'behind'} NetSuite's"
    if off > _CLOCK_LIMIT:
        sentence = f"{words}: sign-ins are refused beyond {_CLOCK_LIMIT} s."
        return Check(
            "clock", Light.FAILED, sentence, "Set the clock, for instance by switching time synchronisation on."
        )
    if off > _CLOCK_WORRY:
        return Check("clock", Light.WARNING, f"{words}.", "Switch time synchronisation on.")
    return Check("clock", Light.OK, "It agrees with NetSuite's.")
