"""Commands that stay up: the simulated NetSuite, JupyterLab on the notebooks, and notebooks as pages."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import click

from nsbill.cli.common import utc_today, workspace_option
from nsbill.cli.connection import BOOKS, announced, connected, simulated
from nsbill.cli.worlds import ensure_world
from nsbill.errors import MissingExtra, WorkspaceError
from nsbill.runs.places import notebooks_folder
from nsbill.settings import load_settings

_PAGES = ("02_preview_and_bill", "03_received_vs_due", "04_settlements_and_exceptions")
_NOTHING_FROM_OUTSIDE = (
    "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; connect-src 'self' ws: data: blob:; "
    "frame-ancestors 'self'"
)
_IDLE_SECONDS = 1_800
_JOBS = "nsbill.runs.lab_jobs.RunnerJobs"


@click.command()
@click.option(
    "--orders", type=click.IntRange(30, 1_000_000), default=300, show_default=True, help="Size of a new company."
)
@click.option("--seed", type=int, default=7, show_default=True, help="Seed of a new company.")
@click.option("--port", type=int, default=0, help="Port on 127.0.0.1; a free one when left out.")
@click.option(
    "--credentials-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write address and keys here as JSON, for any other client.",
)
@click.option("--workspace", type=click.Path(file_okay=False, path_type=Path), help="Keep the company here.")
def simulator(orders: int, seed: int, port: int, credentials_file: Path | None, workspace: Path | None) -> None:
    """Run a simulated NetSuite with a demo company in the foreground, until Ctrl-C."""
    with ExitStack() as stack:
        folder = workspace or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="nsbill-")))
        world = ensure_world(folder, orders=None if (folder / BOOKS).exists() else orders, seed=seed, today=utc_today())
        running = stack.enter_context(simulated(folder, port=port))
        stack.enter_context(announced(running, folder))
        if credentials_file:
            running.write_credentials(credentials_file)
            stack.callback(credentials_file.unlink, missing_ok=True)
        stopped = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stopped.set())
        click.echo(f"Simulated NetSuite with {world.orders} orders on {running.url}. Stop with Ctrl-C.")
        if credentials_file:
            click.echo(f"Address and keys: {credentials_file}")
        stopped.wait()
    click.echo("Stopped.")


@click.command()
@click.option("--port", type=int, default=8888, show_default=True, help="Port on 127.0.0.1.")
@click.option("--browser/--no-browser", default=True, show_default=True, help="Open a browser window.")
@workspace_option
def lab(port: int, browser: bool, workspace: Path) -> None:
    """Open JupyterLab on the notebooks; with the simulated NetSuite unless an account is configured."""
    folder = notebooks_folder()
    _check_company(workspace)
    command = [sys.executable, "-m", "jupyterlab", "--ip=127.0.0.1", f"--port={port}"]
    command += [f"--ServerApp.root_dir={folder}", "--LabApp.default_url=/lab/tree/00_start_here.ipynb"]
    command += [] if browser else ["--no-browser"]
    if importlib.util.find_spec("jupyter_scheduler") is not None:
        command.append(f"--Scheduler.execution_manager_class={_JOBS}")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")
    raise SystemExit(_serve(command, workspace, {}))


@click.command()
@click.option("--port", type=int, default=8866, show_default=True, help="Port on 127.0.0.1.")
@click.option("--browser/--no-browser", default=True, show_default=True, help="Open a browser window.")
@workspace_option
def app(port: int, browser: bool, workspace: Path) -> None:
    """Serve preview and bill, received versus due, and settlements and exceptions as pages without code.

    For people who do not use notebooks. The address, with its token, is printed; whoever has it may do what the
    pages can: create billing records too.
    """
    if importlib.util.find_spec("voila") is None:
        raise MissingExtra("nsbill app", "Voila", "app")
    _check_company(workspace)
    with tempfile.TemporaryDirectory(prefix="nsbill-app-") as place:
        pages, settings = Path(place, "pages"), Path(place, "settings")
        pages.mkdir()
        settings.mkdir()
        for name in _PAGES:
            shutil.copy(notebooks_folder() / f"{name}.ipynb", pages)
        (settings / "voila.json").write_text(json.dumps(_voila_settings()), encoding="utf-8")
        command = [sys.executable, "-m", "voila", "--Voila.ip=127.0.0.1", f"--port={port}", "--Voila.port_retries=0"]
        command += ["--Voila.auto_token=True", *([] if browser else ["--no-browser"]), str(pages)]
        code = _serve(command, workspace, {"JUPYTER_CONFIG_PATH": str(settings)})
    raise SystemExit(code)


def _voila_settings() -> dict[str, object]:
    """Pages ask for nothing outside, show no code and no traceback, and a page that was left ends after a while."""
    return {
        "Voila": {"tornado_settings": {"headers": {"Content-Security-Policy": _NOTHING_FROM_OUTSIDE}}},
        "VoilaConfiguration": {"strip_sources": True, "show_tracebacks": False},
        "MappingKernelManager": {"cull_interval": 60, "cull_idle_timeout": _IDLE_SECONDS},
    }


def _check_company(workspace: Path) -> None:
    if load_settings(workspace).profile == "simulator" and not (workspace / BOOKS).exists():
        raise WorkspaceError(workspace, "it has no simulated company yet", "Make one first: nsbill demo.")


def _serve(command: list[str], workspace: Path, environment: Mapping[str, str]) -> int:
    """Run a server for the workspace until it ends; returns its exit code."""
    with connected(workspace, announce=True):
        own = {**os.environ, "NSBILL_WORKSPACE": str(workspace.resolve()), **environment}
        return _stay(subprocess.Popen(command, env=own))  # noqa: S603 -- our own words


def _stay(child: subprocess.Popen[bytes]) -> int:
    """Wait for ``child``, and end it, and only then return, when this process is asked to end."""

    def end(number: int, frame: object) -> None:
        child.terminate()

    kept = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        while True:
            try:
                return child.wait()
            except KeyboardInterrupt:  # Ctrl-C reached JupyterLab too, and it asks the user whether to stop
                continue
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


COMMANDS = (simulator, lab, app)
