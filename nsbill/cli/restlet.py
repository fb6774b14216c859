"""Commands about the RESTlet: write its project out for the SuiteCloud CLI."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from nsbill.errors import WorkspaceError
from nsbill.netsuite.restlet import VERSION, export_project


@click.group()
def restlet() -> None:
    """The script that reads saved searches inside NetSuite; docs/netsuite-setup.md shows every step.

    Example: nsbill restlet export nsbill-restlet
    """


@restlet.command("export")
@click.argument("directory", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="Write into a folder that is not empty; files of the project are replaced.")
def export(directory: Path, force: bool) -> None:
    """Write the RESTlet's SuiteCloud project to DIR, and say how to deploy it.

    Nothing is sent to NetSuite: that is what the SuiteCloud CLI does afterwards.
    """
    if not force and directory.exists() and any(directory.iterdir()):
        raise WorkspaceError(directory, "is not empty", "Choose another folder, or add --force.")
    try:
        files = export_project(directory)
    except OSError as error:
        raise WorkspaceError(directory, f"cannot be written: {error.strerror}", "Choose another folder.") from error
    click.echo(f"Wrote {len(files)} files to {directory} (RESTlet protocol {VERSION}).\n")
    click.echo("Next, with Node and a Java Development Kit on this computer (the SuiteCloud CLI says which versions):")
    for line in _next_commands(directory):
        click.echo(f"  {line}")
    click.echo(
        "\nThen give the role 'nsbill' to the integration's user, and run the script 'nsbill make sample search' once."
    )
    click.echo("Every step: docs/netsuite-setup.md. Afterwards `nsbill doctor` says what is still missing.")


def _next_commands(directory: Path) -> list[str]:
    return [
        "npm install -g @oracle/suitecloud-cli",
        f"cd {shlex.quote(str(directory))}",
        "suitecloud account:setup      # signs in by browser; choose a sandbox first",
        "suitecloud project:validate",
        "suitecloud project:deploy",
    ]


COMMANDS = (restlet,)
