"""The command line. Commands only translate: options in, desk calls, sentences and exit codes out.

Exit codes: 0 done and clean; 1 done, with differences, skips or exceptions found; 2 error; 130 interrupted.
"""

from __future__ import annotations

import sys

import click

from nsbill import __version__
from nsbill.cli import accounts, amazon, billing, demo, lab, notebooks, reconciling
from nsbill.errors import NsbillError

__all__ = ["cli", "main"]


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="nsbill")
def cli() -> None:
    """Bill Amazon orders in NetSuite exactly once, and prove what was received and what is still due.

    New here? Run `nsbill demo`: it needs no NetSuite account.
    """


for module in (demo, lab, accounts, billing, amazon, reconciling, notebooks):
    for command in module.COMMANDS:
        cli.add_command(command)


def main() -> None:
    """Run the command line; errors that nsbill raises on purpose become one sentence without a traceback."""
    try:
        code = cli.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = 2
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        code = 130
    except NsbillError as error:
        click.echo(f"Error: {error}", err=True)
        code = 2
    sys.exit(code if isinstance(code, int) else 0)
