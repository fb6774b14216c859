"""The command that says what is wrong with a set-up."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from nsbill.cli.common import echo_json, exit_with, json_option, workspace_option
from nsbill.cli.connection import connected

if TYPE_CHECKING:
    from nsbill.doctor import Check

_COLOURS = {"ok": "green", "hint": "cyan", "warning": "yellow", "failed": "red", "skipped": "bright_black"}


@click.command()
@workspace_option
@json_option
def doctor(workspace: Path, as_json: bool) -> None:
    """Look at everything that billing needs, one line each, with what to do. Creates nothing.

    Exit code: 0 all is well, 1 something failed or will.
    """
    from nsbill.doctor import Light, examine  # reads half the package

    found = []
    with connected(workspace):
        for check in examine(workspace):
            found.append(check)
            if not as_json:
                _print(check)
    bad = [check for check in found if check.light in {Light.FAILED, Light.WARNING}]
    if as_json:
        checks = [
            {"name": c.name, "light": c.light.value, "sentence": c.sentence, "next_action": c.next_action}
            for c in found
        ]
        echo_json({"ok": not bad, "checks": checks})
    else:
        failed = sum(check.light is Light.FAILED for check in bad)
        click.echo("All is well." if not bad else f"{failed} failed, {len(bad) - failed} to watch.")
    exit_with(1 if bad else 0)


def _print(check: Check) -> None:
    click.secho(f"{check.light.value:<8}", fg=_COLOURS[check.light.value], nl=False)
    click.echo(f"{check.name:<24} {check.sentence}")
    if check.next_action and check.light.value != "ok":
        click.echo(f"{'':<33}→ {check.next_action}")


COMMANDS = (doctor,)
