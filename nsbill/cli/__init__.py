"""The command line. Commands only translate: options in, desk calls, sentences and exit codes out.

Exit codes: 0 done and clean; 1 done, with differences, skips or exceptions found; 2 error; 130 interrupted.
A command's module is imported when the command is used, so that ``nsbill --help`` is there at once.
"""

from __future__ import annotations

import sys
from importlib import import_module

import click

from nsbill import __version__
from nsbill.errors import NsbillError

__all__ = ["COMMANDS", "cli", "main"]

COMMANDS = {
    "demo": ("demo", "Bill and reconcile a simulated company, end to end."),
    "lab": ("lab", "Open JupyterLab on the notebooks."),
    "app": ("lab", "Serve notebooks 02 to 04 as pages without code."),
    "simulator": ("lab", "Run a simulated NetSuite with a demo company in the foreground."),
    "settings": ("accounts", "Show and change the settings of a workspace."),
    "doctor": ("doctor", "Check account, sign-in, RESTlet, permissions and saved search; creates nothing."),
    "searches": ("accounts", "List the saved searches on sales orders."),
    "restlet": ("restlet", "Write out the RESTlet's project, to deploy it to NetSuite."),
    "plan": ("billing", "Show what would be billed, what not and why."),
    "bill": ("billing", "Create one billing record for each order of the plan, once."),
    "resume": ("billing", "Finish an interrupted run."),
    "retry": ("retry", "Try creates again that NetSuite refused."),
    "exclude": ("journal", "Leave an order out of every plan, with a reason."),
    "include": ("journal", "Let an order be billed again."),
    "journal": ("journal", "List the runs, or tell the story of a run or an order."),
    "settlements": ("amazon", "Add, list and check Amazon settlement files."),
    "reconcile": ("reconciling", "Show received and due per Amazon order and currency."),
    "exceptions": ("exceptions", "List what is wrong, with money, evidence and action; keep track of it."),
    "report": ("reporting", "Write an HTML report, an Excel workbook, CSV and Parquet; of a month too."),
    "run": ("notebooks", "Run a notebook unattended; the result is kept in papermill_runs/."),
    "runs": ("runs", "List the notebook runs; show one, compare two, delete old ones."),
    "schedule": ("scheduling", "Run notebooks on a schedule; check, start, pause and look at it."),
    "alerts": ("alerting", "List what is wrong with scheduled runs and who was told; try rules and routes."),
}
"""Command to its module in this package and its line in the overview, in the order in which they are met."""


class _Overview(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        commands = import_module(f"nsbill.cli.{COMMANDS[cmd_name][0]}").COMMANDS
        found: click.Command = next(command for command in commands if command.name == cmd_name)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(cls=_Overview, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="nsbill")
def cli() -> None:
    """Bill Amazon orders in NetSuite exactly once, and prove what was received and what is still due.

    New here? Run `nsbill demo`: it needs no NetSuite account.
    """


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
