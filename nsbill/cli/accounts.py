"""Commands about the account: settings and saved searches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from nsbill.cli.common import as_rows, echo_json, json_option, workspace_option
from nsbill.cli.connection import open_desk
from nsbill.errors import SettingsError
from nsbill.settings import Settings, load_settings


@click.group()
def settings() -> None:
    """Show and change the settings of a workspace."""


@settings.command("show")
@workspace_option
@json_option
def show(workspace: Path, as_json: bool) -> None:
    """Show every setting, as it is in force (file and NSBILL_* together). Secrets are not settings."""
    values = load_settings(workspace).model_dump(mode="json")
    if as_json:
        echo_json(values)
        return
    for name, field in Settings.model_fields.items():
        click.echo(f"{name} = {values[name]!r}" + (f"   # {field.description}" if field.description else ""))


@settings.command("set")
@click.argument("assignments", nargs=-1, required=True, metavar="NAME=VALUE…")
@workspace_option
def set_(assignments: tuple[str, ...], workspace: Path) -> None:
    """Change settings, and write the billing status to the saved search in NetSuite.

    Example: nsbill settings set saved_search=customsearch_orders billing_status=pending-billing
    """
    changes = dict(_assignment(text) for text in assignments)
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
    if value.lower() in {"true", "false", "on", "off"}:
        return name, value.lower() in {"true", "on"}
    return name, int(value) if value.isdigit() and name not in {"saved_search", "account"} else value


COMMANDS = (settings, searches)
