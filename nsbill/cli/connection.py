"""Open the desk of a workspace; for the simulator profile, find or start the workspace's simulated NetSuite."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nsbill import credentials
from nsbill.desk import Desk
from nsbill.errors import SettingsError, WorkspaceError
from nsbill.settings import Settings, load_settings

if TYPE_CHECKING:
    from nsbill.simulator.server import Simulator

__all__ = ["announced", "connected", "environment_of", "open_desk", "running_simulator", "simulated"]

BOOKS = "simulator.db"
ADDRESS = "simulator.json"
_FIELDS = ("base_url", "account", "consumer_key", "consumer_secret", "token_id", "token_secret", "script", "deploy")


@contextmanager
def open_desk(workspace: Path) -> Iterator[Desk]:
    """Yield the desk: of the configured account, or of the workspace's simulated company."""
    with connected(workspace), Desk.open(workspace) as desk:
        yield desk


@contextmanager
def connected(workspace: Path, *, announce: bool = False) -> Iterator[None]:
    """Make sure that the environment names an account to talk to, with its credentials, while the block runs.

    ``announce``: other processes on the same workspace shall use a simulator that is started here.
    """
    settings = load_settings(workspace)
    if settings.profile != "simulator" or os.environ.get("NSBILL_BASE_URL"):
        _warn_of_expiry(settings)
        with _environment(_handed_on(settings)):
            yield
        return
    address = running_simulator(workspace)
    if address:
        with _environment(environment_of(address)):
            yield
        return
    with simulated(workspace) as simulator, announced(simulator, workspace) if announce else nullcontext():
        yield


@contextmanager
def simulated(workspace: Path, *, port: int = 0) -> Iterator[Simulator]:
    """Run the workspace's simulated NetSuite while the block runs, with the environment pointing to it."""
    from nsbill.simulator.server import Simulator  # not needed, and not imported, with a real account

    books = workspace / BOOKS
    if not books.exists():
        raise WorkspaceError(
            workspace,
            "it has neither a NetSuite account configured nor a simulated company",
            "Make one with: nsbill demo --workspace " + str(workspace),
        )
    with Simulator(books, port=port) as simulator, _environment(environment_of(simulator.credentials())):
        yield simulator


@contextmanager
def announced(simulator: Simulator, workspace: Path) -> Iterator[Path]:
    """Tell other processes that this simulator serves the workspace, while the block runs; the file holds keys."""
    path = workspace / ADDRESS
    aside = path.with_name(f".{ADDRESS}.{os.getpid()}")
    aside.touch(mode=0o600)
    aside.write_text(json.dumps({**simulator.credentials(), "instance": simulator.instance}, indent=2) + "\n")
    aside.replace(path)
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def running_simulator(workspace: Path) -> dict[str, str] | None:
    """Return the address of a simulator that serves this workspace in another process, if one answers."""
    path = workspace / ADDRESS
    if not path.exists():
        return None
    address: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    try:
        with urllib.request.urlopen(f"{address['base_url']}/_simulator/health", timeout=2) as answer:  # noqa: S310 -- http on loopback
            healthy = json.load(answer).get("instance") == address.get("instance")
    except (urllib.error.URLError, ValueError, OSError):
        return None
    return address if healthy else None


def environment_of(address: Mapping[str, str]) -> dict[str, str]:
    """The variables that point nsbill, and its child processes, to a simulator."""
    variables = {f"NSBILL_{name.upper()}": address[name] for name in _FIELDS}
    # a simulator answers at once, so a lost answer need not be waited for as long as NetSuite's own limit
    return {"NSBILL_READ_TIMEOUT": "30", "NSBILL_UNKNOWN_WAIT": "2", "NSBILL_SIGN_IN": "token", **variables}


def _handed_on(settings: Settings) -> dict[str, str]:
    """The credentials from wherever they are, for child processes, and so that a run can keep them out of its files."""
    found = credentials.find_credentials(settings)
    return credentials.environment_of(found.credentials) if found else {}


def _warn_of_expiry(settings: Settings) -> None:
    if not settings.certificate_file:
        return
    from nsbill.netsuite.certificate import certificate_expiry  # not needed with a token

    try:
        expiry = certificate_expiry(settings)
    except SettingsError as error:  # what is watched cannot be read; what signs in is another file
        _warn_once(str(error))
    else:
        _warn_once(expiry.warning if expiry else None)


@cache
def _warn_once(sentence: str | None) -> None:
    if sentence:
        click.echo(f"Warning: {sentence}", err=True)


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    kept = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in kept.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
