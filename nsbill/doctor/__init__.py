"""``nsbill doctor``: look at everything that billing needs, one line each, with what to do. Creates nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from nsbill.credentials import load_credentials
from nsbill.doctor.account import SignedIn, check_limits, check_permissions, check_preferences, check_search, sign_in
from nsbill.doctor.check import Check, Light, refused
from nsbill.doctor.local import check_account, check_credentials, check_hosts, check_workspace
from nsbill.errors import SettingsError
from nsbill.netsuite.client import Client
from nsbill.settings import Settings, load_settings

__all__ = ["Check", "Light", "examine"]

_SIGNED_IN = ("sign-in", "RESTlet", "permissions", "saved search", "preferences", "limits")


def examine(workspace: Path, *, tries: bool = True) -> Iterator[Check]:
    """Yield one check after the other, as they are done; those that another one makes useless are skipped.

    ``tries``: whether a bill is tried on one order, without saving it, to see whether the role may create it.
    """
    yield from check_workspace(workspace)
    try:
        settings = load_settings(workspace)
    except SettingsError as error:
        yield refused("settings", error)
        yield from _skipped(_SIGNED_IN, "the settings cannot be read")
        return
    yield check_account(settings)
    credentials = list(check_credentials(settings))
    yield from credentials
    if not settings.account:
        yield from _skipped(_SIGNED_IN, "no account is set")
        return
    hosts = list(check_hosts(settings))
    yield from hosts
    for checks, reason in ((credentials, "there are no usable credentials"), (hosts[:2], "a host cannot be reached")):
        if any(check.light is Light.FAILED for check in checks):
            yield from _skipped(_SIGNED_IN, reason)
            return
    yield from _signed_in(settings, tries=tries)


def _signed_in(settings: Settings, *, tries: bool) -> Iterator[Check]:
    known = SignedIn(tries=tries)
    credentials = load_credentials(settings)
    with Client(settings, credentials) as client:
        yield from sign_in(client, credentials, known)
        if not known.ok:
            yield from _skipped(_SIGNED_IN[1:], known.reason)
            return
        if known.about:
            yield from check_search(client, known)
        else:
            yield from _skipped(("saved search", "preferences"), "the RESTlet does not answer")
        yield from check_permissions(client, known)
        if known.about:
            yield from check_preferences(client, known.about)
        yield from check_limits(client)


def _skipped(names: tuple[str, ...], reason: str) -> Iterator[Check]:
    for name in names:
        yield Check(name, Light.SKIPPED, f"Not looked at: {reason}.")
