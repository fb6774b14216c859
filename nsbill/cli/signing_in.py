"""Commands about how nsbill signs in: certificate, login, logout; and what ``settings show`` says of it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from nsbill.cli.common import workspace_option
from nsbill.credentials import (
    SECRETS,
    TOKEN_SECRETS,
    CertificateCredentials,
    find_credentials,
    masked,
    read_key_file,
    variable_of,
)
from nsbill.errors import SettingsError
from nsbill.settings import Settings, load_settings, save_settings
from nsbill.vault import demand_keyring, forget_secrets, keep_secrets

__all__ = ["COMMANDS", "sign_in_facts", "sign_in_lines"]

_STEPS = """\
In NetSuite, account {account} (each account, also a sandbox, needs this for itself; refreshing a sandbox clears it):
 1. Setup > Company > Enable Features > SuiteCloud: REST Web Services, Server SuiteScript and OAuth 2.0 are on.
 2. Setup > Integration > Manage Integrations: create or edit the integration record of nsbill. On its OAuth 2.0 part
    tick Client Credentials (Machine to Machine) Grant, and the scopes RESTlets and REST Web Services.
    Saving a new record shows the client id, only this once.
 3. Setup > Integration > Manage Authentication > OAuth 2.0 Client Credentials (M2M) Setup > Create New:
    choose the entity (the user nsbill works as), the role, and the application (the integration record of step 2),
    and upload {certificate}
    NetSuite then lists the certificate with its certificate id.
Afterwards:
    {set_command}
    nsbill searches --workspace {workspace}"""


@click.command()
@click.option(
    "--key", "kind", default="ec", show_default=True, help="Kind of key: ec, ec-384, ec-521, rsa-3072 or rsa-4096."
)
@click.option("--days", type=int, default=730, show_default=True, help="How long it is valid; two years at most.")
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), help="Folder for both files; WORKSPACE/keys if left out."
)
@workspace_option
def certificate(kind: str, days: int, out: Path | None, workspace: Path) -> None:
    """Make a private key and the certificate to upload to NetSuite, and say where to upload it.

    The key stays on this machine, in a file that only you can read. A certificate that is in use stays in use until
    its successor has been uploaded and set.
    """
    from nsbill.netsuite.certificate import create_certificate

    settings = load_settings(workspace)
    if not settings.account:
        raise SettingsError("account", "is not set", "Set it first: nsbill settings set account=1234567")
    made = create_certificate((out or workspace / "keys").resolve(), account=settings.realm, kind=kind, days=days)
    files = {"private_key_file": str(made.private_key_file), "certificate_file": str(made.certificate_file)}
    set_command = ["nsbill settings set"] + ([] if settings.client_id else ["client_id=…"]) + ["certificate_id=…"]
    if settings.certificate_id:
        set_command += [f"{name}={path}" for name, path in files.items()]
    else:
        save_settings(workspace, files)
    click.echo(f"Private key, to stay here and be shown to nobody:  {made.private_key_file}")
    click.echo(f"Certificate, to upload, valid until {made.valid_until}:   {made.certificate_file}\n")
    values = {"account": settings.realm, "certificate": made.certificate_file, "workspace": workspace}
    click.echo(_STEPS.format(**values, set_command=" ".join([*set_command, f"--workspace {workspace}"])))


@click.command()
@click.option(
    "--by",
    type=click.Choice(["token", "certificate"]),
    default="token",
    show_default=True,
    help="Keep a token's four secrets, or the private key of a certificate.",
)
@click.option("--from-environment", is_flag=True, help="Take the secrets from the NSBILL_… variables; asks nothing.")
@click.option(
    "--key-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="PEM file of the private key, with --by certificate.",
)
@workspace_option
def login(by: str, from_environment: bool, key_file: Path | None, workspace: Path) -> None:
    """Keep the secrets of the workspace's account in the operating system's keyring.

    They are asked for without being shown. Where there is no keyring (servers, containers), set the NSBILL_… variables
    instead.
    """
    settings = load_settings(workspace)
    demand_keyring(settings.account)
    if by == "certificate":
        secrets = {"private_key": _key_to_keep(settings, key_file, from_environment=from_environment)}
    elif from_environment:
        secrets = _from_environment(TOKEN_SECRETS)
    else:
        secrets = {name: _asked(name) for name in TOKEN_SECRETS}
    keep_secrets(settings.account, secrets)
    click.echo(f"Kept in the keyring for account {settings.account}:")
    for name, value in secrets.items():
        click.echo(f"  {name} {'(PEM)' if name == 'private_key' else masked(value)}")
    click.echo(_note_on_variables(secrets, "go before the keyring"), nl=False)
    if by == "token":
        click.echo("NetSuite takes no new integrations with tokens from release 2027.1 on; a certificate stays:")
        click.echo("  nsbill settings certificate")


@click.command()
@workspace_option
def logout(workspace: Path) -> None:
    """Remove the secrets of the workspace's account from the operating system's keyring."""
    settings = load_settings(workspace)
    removed = forget_secrets(settings.account, SECRETS)
    if removed:
        click.echo(f"Removed from the keyring for account {settings.account}: {', '.join(removed)}.")
    else:
        click.echo(f"Nothing was kept in the keyring for account {settings.account}.")
    click.echo(_note_on_variables(SECRETS, "are still in force"), nl=False)
    if settings.private_key_file:
        click.echo(f"The private key in {settings.private_key_file} stays where it is.")


def sign_in_facts(settings: Settings) -> dict[str, Any]:
    """How nsbill would sign in: way, source, masked ids, expiry; ``problem`` says what hinders it. Never fails."""
    facts: dict[str, Any] = {"way": None, "source": None, "ids": {}, "problem": None, "expiry": None, "warning": None}
    try:
        found = find_credentials(settings)
        if found:
            facts |= {"way": found.way, "source": found.source, "ids": _ids(found.credentials)}
    except SettingsError as error:
        facts["problem"] = str(error)
    if settings.certificate_file:
        facts |= _expiry_facts(settings)
    return facts


def sign_in_lines(settings: Settings) -> list[str]:
    """The same for people."""
    facts = sign_in_facts(settings)
    if facts["way"]:
        ids = ", ".join(f"{name} {shown}" for name, shown in facts["ids"].items())
        lines = [f"Signs in by {facts['way']}, secrets from the {facts['source']}: {ids}."]
    elif facts["problem"]:
        lines = [f"Cannot sign in. {facts['problem']}"]
    elif settings.profile == "simulator":
        lines = ["Signs in by the token that the simulated company hands out."]
    else:
        lines = ["There are no credentials yet: nsbill settings certificate, or nsbill settings login."]
    if facts["expiry"]:
        lines.append(f"The certificate is valid until {facts['expiry']}.")
    return lines + ([f"Warning: {facts['warning']}"] if facts["warning"] else [])


def _expiry_facts(settings: Settings) -> dict[str, Any]:
    from nsbill.netsuite.certificate import certificate_expiry

    try:
        expiry = certificate_expiry(settings)
    except SettingsError as error:
        return {"warning": str(error)}
    return {"expiry": expiry.day.isoformat(), "warning": expiry.warning} if expiry else {}


def _ids(credentials: object) -> dict[str, str]:
    """What tells one set of credentials from another; the secrets themselves not even masked."""
    if isinstance(credentials, CertificateCredentials):
        names: tuple[str, ...] = ("client_id", "certificate_id")
    else:
        names = ("consumer_key", "token_id")
    return {name: masked(getattr(credentials, name)) for name in names}


def _asked(name: str) -> str:
    answer: str = click.prompt(name.replace("_", " ").capitalize(), hide_input=True)
    return answer.strip()


def _key_to_keep(settings: Settings, key_file: Path | None, *, from_environment: bool) -> str:
    if from_environment:
        return _from_environment(["private_key"])["private_key"]
    path = key_file or (Path(settings.private_key_file) if settings.private_key_file else None)
    if path is None:
        raise SettingsError("private_key_file", "is not set", "Name the key with --key-file, or set the setting.")
    return read_key_file(path)


def _from_environment(names: tuple[str, ...] | list[str]) -> dict[str, str]:
    missing = [variable_of(name) for name in names if not os.environ.get(variable_of(name))]
    if missing:
        raise SettingsError("credentials", f"not set in the environment: {', '.join(missing)}", "Export them first.")
    return {name: os.environ[variable_of(name)] for name in names}


def _note_on_variables(names: Mapping[str, str] | tuple[str, ...], what: str) -> str:
    """A line on the variables that are set, since they would be used whatever the keyring holds."""
    there = [variable_of(name) for name in names if os.environ.get(variable_of(name))]
    return f"Note: {', '.join(there)} in the environment {what}.\n" if there else ""


COMMANDS = (certificate, login, logout)
