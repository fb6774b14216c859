"""Commands about the account: settings, signing in, and saved searches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from nsbill.cli.common import as_rows, echo_json, json_option, workspace_option
from nsbill.cli.connection import open_desk
from nsbill.cli.signing_in import COMMANDS as SIGN_IN_COMMANDS
from nsbill.cli.signing_in import sign_in_facts, sign_in_lines
from nsbill.credentials import SECRETS
from nsbill.errors import SettingsError
from nsbill.settings import Settings, load_settings, save_settings, validated

_IN_NETSUITE = frozenset({"saved_search", "billing_status"})
"""The settings that are also written to, or looked up in, NetSuite."""
_TO_CONNECT = frozenset(
    {
        "profile",
        "account",
        "base_url",
        "script",
        "deploy",
        "sign_in",
        "client_id",
        "certificate_id",
        "private_key_file",
        "certificate_file",
    }
)
"""The settings without which NetSuite cannot be asked."""


@click.group()
def settings() -> None:
    """Show and change the settings of a workspace."""


@settings.command("show")
@workspace_option
@json_option
def show(workspace: Path, as_json: bool) -> None:
    """Show every setting, as it is in force (file and NSBILL_* together), and how nsbill signs in; no secrets."""
    current = load_settings(workspace)
    values = current.model_dump(mode="json")
    if as_json:
        echo_json({**values, "credentials": sign_in_facts(current)})
        return
    for name, field in Settings.model_fields.items():
        click.echo(f"{name} = {values[name]!r}" + (f"   # {field.description}" if field.description else ""))
    click.echo("\n" + "\n".join(sign_in_lines(current)))


@settings.command("set")
@click.argument("assignments", nargs=-1, required=True, metavar="NAME=VALUE…")
@workspace_option
def set_(assignments: tuple[str, ...], workspace: Path) -> None:
    """Change settings. The saved search is looked up, and the billing status written to it, in NetSuite.

    Example: nsbill settings set saved_search=customsearch_orders billing_status=pending-billing
    """
    changes = dict(_assignment(text) for text in assignments)
    if not _IN_NETSUITE & changes.keys():
        save_settings(workspace, changes)
        click.echo("Saved.")
        return
    validated({**load_settings(workspace).model_dump(), **changes})
    to_connect = {name: changes.pop(name) for name in sorted(_TO_CONNECT & changes.keys())}
    if to_connect:
        save_settings(workspace, to_connect)
        click.echo(f"Saved: {', '.join(to_connect)}.")
    with open_desk(workspace) as desk:
        criterion = desk.save_settings(**changes)
    click.echo(f"Saved. {criterion.sentence}")


@click.command()
@workspace_option
@json_option
def searches(workspace: Path, as_json: bool) -> None:
    """List the saved searches on sales orders, and the billing status of the chosen one."""
    with open_desk(workspace) as desk:
        found = desk.searches()
        chosen = desk.criterion() if desk.settings.saved_search else None
    if as_json:
        echo_json({"searches": as_rows(found), "chosen": chosen.search.script_id if chosen else None})
        return
    for row in as_rows(found):
        mark = "*" if chosen and row["id"] == chosen.search.id else " "
        click.echo(f"{mark} {row['id']:>8}  {row['script_id']:<40}  {row['title']}")
    click.echo(chosen.sentence if chosen else "None is chosen. Choose: nsbill settings set saved_search=ID")


def _assignment(text: str) -> tuple[str, Any]:
    name, sign, value = text.partition("=")
    if not sign:
        raise SettingsError(text, "has no value", "Write NAME=VALUE.", valid=Settings.model_fields)
    if name in SECRETS:
        raise SettingsError(name, "is a secret, and no secret is written to the file", "Keep it: nsbill settings login")
    if value.lower() in {"true", "false", "on", "off"}:
        return name, value.lower() in {"true", "on"}
    text_only = name in Settings.model_fields and Settings.model_fields[name].annotation is str
    return name, int(value) if value.isdigit() and not text_only else value


for _command in SIGN_IN_COMMANDS:
    settings.add_command(_command)


COMMANDS = (settings, searches)
