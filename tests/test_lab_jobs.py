"""JupyterLab's Jobs panel runs notebooks by nsbill's runner; with jupyter-scheduler itself where the extra is installed."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import nbformat
import pytest
from click.testing import CliRunner
from conftest import find_browser
from demo_company import Company, demo_company
from jupyter_lab import browser_page
from nbformat.v4 import new_code_cell, new_notebook

from nsbill.cli import cli, lab
from nsbill.errors import RunError

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

ROOT = Path(__file__).parents[1]
needs_extra = pytest.mark.skipif(
    importlib.util.find_spec("jupyter_scheduler") is None,
    reason="jupyter-scheduler is not installed: pip install 'nsbill[jobs]'",
)


@pytest.mark.parametrize("there", [True, False])
def test_lab_names_the_runner_to_jupyter_scheduler_only_where_that_is_installed(
    there: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    commands: list[list[str]] = []

    def serve(command: list[str], workspace: Path, environment: object) -> int:
        commands.append(command)
        return 0

    monkeypatch.setattr(lab, "_check_company", lambda _workspace: None)
    monkeypatch.setattr(lab, "_serve", serve)
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: object() if there else None)
    result = CliRunner().invoke(cli, ["lab", "--no-browser", "--workspace", str(tmp_path)])
    assert result.exit_code == 0, result.output
    named = [word for word in commands[0] if "cheduler" in word]
    assert named == (["--Scheduler.execution_manager_class=nsbill.runs.lab_jobs.RunnerJobs"] if there else [])
    assert "cheduler" not in result.output


class _StandIn:
    """What ``RunnerJobs`` uses of jupyter-scheduler's manager."""

    def __init__(self, parameters: dict[str, Any] | None, staging_paths: dict[str, str]) -> None:
        self.model, self.staging_paths = SimpleNamespace(parameters=parameters), staging_paths


@pytest.fixture
def manager(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Make a manager for a staged notebook of one code cell, by its source and the form's parameters."""
    executors = ModuleType("jupyter_scheduler.executors")
    executors.__dict__["DefaultExecutionManager"] = _StandIn
    monkeypatch.setitem(sys.modules, "jupyter_scheduler", ModuleType("jupyter_scheduler"))
    monkeypatch.setitem(sys.modules, "jupyter_scheduler.executors", executors)
    monkeypatch.delitem(sys.modules, "nsbill.runs.lab_jobs", raising=False)
    spec = importlib.util.find_spec("nsbill.runs.lab_jobs")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)  # not kept: what others import is made with the real one
    spec.loader.exec_module(module)
    (tmp_path / "notebooks").mkdir()
    staging = tmp_path / "staging"
    staging.mkdir()
    monkeypatch.chdir(tmp_path)

    def make(source: str, parameters: dict[str, Any] | None) -> Any:
        first = new_code_cell('workspace: str = ""\ntop: int = 1', metadata={"tags": ["parameters"]})
        nbformat.write(new_notebook(cells=[first, new_code_cell(source)]), staging / "small.ipynb")
        paths = {"input": "small.ipynb", "ipynb": "small-1.ipynb", "html": "small-1.html"}
        return module.RunnerJobs(parameters, {name: str(staging / path) for name, path in paths.items()})

    return make


def _records(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in sorted((folder / "papermill_runs").glob("*/*/run.json"))]


def test_a_job_is_a_run_with_checked_parameters_on_the_workspace_of_lab(
    manager: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("NSBILL_WORKSPACE", "there")
    manager("print(workspace, top + 1)", {"top": "25"}).execute()
    (record,) = _records(tmp_path)
    assert (record["notebook"], record["status"]) == ("small", "succeeded")
    assert record["parameters"] == {"workspace": "there", "top": 25}
    assert "there 26" in (tmp_path / "staging" / "small-1.ipynb").read_text()
    assert "there 26" in (tmp_path / "staging" / "small-1.html").read_text()
    assert len(nbformat.read(tmp_path / "staging" / "small.ipynb", 4).cells) == 2  # the input stays as it was


def test_a_job_that_fails_says_why_and_hands_over_what_was_made_without_secrets(
    manager: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("NSBILL_TOKEN_SECRET", "s3cr3t-of-the-test-account")
    source = "import os\nprint(os.environ['NSBILL_TOKEN_SECRET'])\nraise ValueError('no such file')"
    with pytest.raises(RunError, match=r"Notebook small: .*no such file.*nsbill runs show \S+") as failed:
        manager(source, None).execute()
    (record,) = _records(tmp_path)
    assert record["status"] == "failed"
    assert record["run_id"] in str(failed.value)
    made = (tmp_path / "staging" / "small-1.ipynb").read_text() + (tmp_path / "staging" / "small-1.html").read_text()
    assert "no such file" in made
    assert "s3cr3t-of-the-test-account" not in made + str(failed.value)


def test_a_parameter_that_the_notebook_does_not_have_starts_nothing(manager: Any, tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"has no parameter 'topp'.*Did you mean 'top'"):
        manager("pass", {"topp": "1"}).execute()
    assert _records(tmp_path) == []
    assert not (tmp_path / "staging" / "small-1.ipynb").exists()


@contextmanager
def _lab(folder: Path, company: Company) -> Iterator[str]:
    """``nsbill lab`` on a copy of the notebooks; yields its address, with token."""
    shutil.copytree(ROOT / "notebooks", folder / "notebooks")
    own = {f"JUPYTER_{name}_DIR": str(folder / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")}
    own |= {"JUPYTERLAB_SETTINGS_DIR": str(folder / "user"), "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces")}
    own |= {**company.environment, "NSBILL_BASE_URL": company.simulator.url, "PYTHONPATH": str(ROOT)}
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = ["lab", "--no-browser", "--port", str(port), "--workspace", str(company.workspace)]
    command = [sys.executable, "-c", "from nsbill.cli import main; main()", *words]
    with (folder / "lab.log").open("w+") as log:
        child = subprocess.Popen(command, cwd=folder, env={**os.environ, **own}, stdout=log, stderr=log)
        try:
            told = re.compile(r"http://127\.0\.0\.1:\d+/lab\S*\?token=\w+")
            found, until = None, time.monotonic() + 90
            while found is None:
                assert child.poll() is None, (folder / "lab.log").read_text()
                assert time.monotonic() < until, (folder / "lab.log").read_text()
                time.sleep(0.1)
                found = told.search((folder / "lab.log").read_text())
            yield found[0]
        finally:
            child.send_signal(signal.SIGTERM)
            child.wait(60)


def _create_job(page: Page, name: str, parameters: dict[str, str]) -> None:
    """Create a job of notebook 11 by its form, which checks a field when it is left."""
    page.get_by_role("tab", name="11_scheduled_reconciliation.ipynb").click()
    page.locator("[data-command='scheduling:create-from-notebook']").first.click()
    page.wait_for_function(
        "() => document.querySelector('.jp-create-job-form [name=inputFile]')?.value.startsWith('11_')"
    )
    form = page.locator(".jp-create-job-form")
    form.locator("input[name=jobName]").fill(name)
    for number, words in enumerate(parameters.items()):
        form.locator("[title='Add new parameter']").click()
        for part, word in zip(("name", "value"), words, strict=True):
            field = form.locator(f"input[name=parameter-{number}-{part}]")
            field.press_sequentially(word)
            field.press("Tab")
    page.get_by_role("button", name="Create", exact=True).click()
    page.get_by_text(f'Your job "{name}" has been created').wait_for()


def _row_of(page: Page, name: str, status: str) -> Locator:
    """The row of a job in the list, which is loaded again until the job has the status."""
    row = page.locator(".jp-notebook-jobs-panel tr", has=page.get_by_text(name, exact=True))
    for _ in range(90):
        page.get_by_role("button", name="Reload", exact=True).click()
        page.wait_for_timeout(1_000)
        if status in row.inner_text():
            break
    assert status in row.inner_text()
    return row


@needs_extra
@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.timeout(400)
def test_jobs_created_from_the_form_end_as_completed_and_as_failed_with_the_runs_sentence(tmp_path: Path) -> None:
    browser = find_browser()
    assert browser is not None
    (tmp_path / "w").mkdir()
    with (
        demo_company(tmp_path / "w", orders=30) as company,
        _lab(tmp_path, company) as address,
        browser_page(browser, width=1600) as page,
    ):
        page.goto(address.replace("00_start_here", "11_scheduled_reconciliation"))
        page.wait_for_selector(".jp-NotebookPanel .jp-Cell")
        _create_job(page, "good", {"top": "5"})
        _row_of(page, "good", "Completed")
        _create_job(page, "bad", {"workspace": str(tmp_path / "nowhere")})
        _row_of(page, "bad", "Failed").get_by_text("bad", exact=True).click()
        sentence = page.get_by_text("Notebook 11_scheduled_reconciliation: ").inner_text()
    bad, good = sorted(_records(tmp_path), key=lambda record: str(record["status"]))
    assert (good["status"], bad["status"]) == ("succeeded", "failed")
    assert good["parameters"] == {"workspace": str(company.workspace.resolve()), "top": 5}
    assert good["results"]
    assert "Setting 'account'" in sentence
    assert f"nsbill runs show {bad['run_id']}" in sentence
    outputs = sorted(path.suffix for path in (tmp_path / "data").glob("scheduler_staging_area/*/*-20*"))
    assert outputs == [".html", ".html", ".ipynb", ".ipynb"]
