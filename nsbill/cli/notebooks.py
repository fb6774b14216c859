"""The command that runs a notebook."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import click

from nsbill.cli.common import echo_json, exit_with, json_option, workspace_option
from nsbill.cli.connection import connected
from nsbill.progress import Progress, console_progress, silent
from nsbill.runs.parameters import on_workspace
from nsbill.runs.places import find_notebook, runs_folder
from nsbill.runs.runner import Run, run_notebook

__all__ = ["COMMANDS", "run_here"]


@click.command()
@click.argument("notebook")
@click.option("-p", "parameters", multiple=True, metavar="NAME=VALUE", help="A parameter; may be repeated.")
@click.option("--timeout", type=click.IntRange(1), help="Seconds that one cell may take.")
@workspace_option
@json_option
def run(notebook: str, parameters: tuple[str, ...], timeout: int | None, workspace: Path, as_json: bool) -> None:
    """Run NOTEBOOK (a name such as 10_scheduled_billing, or a path) and keep the result in papermill_runs/."""
    given = dict(_parameter(text) for text in parameters)
    with connected(workspace), console_progress("Cells", unit="cell") as progress:
        done = run_here(notebook, workspace, given, timeout=timeout, progress=progress)
    if as_json:
        echo_json({"run_id": done.run_id, "status": done.status, "folder": done.folder, "results": done.results})
    else:
        click.echo(f"{done.status}: {done.folder}" + (f"\n{done.problem}" if done.problem else ""))
    exit_with(0 if done.status == "succeeded" else 2)


def run_here(
    notebook: str,
    workspace: Path,
    parameters: Mapping[str, object],
    *,
    timeout: int | None = None,
    progress: Progress = silent,
) -> Run:
    """Run one of the project's notebooks on a workspace, with the environment that is set now."""
    path = find_notebook(notebook)
    return run_notebook(
        path,
        parameters=on_workspace(path, workspace, parameters),
        runs_folder=runs_folder(),
        environment={name: value for name, value in os.environ.items() if name.startswith("NSBILL_")},
        timeout_per_cell=timeout,
        progress=progress,
    )


def _parameter(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign:
        raise click.UsageError(f"Parameter '{text}' has no value; write -p NAME=VALUE.")
    return name, value


COMMANDS = (run,)
