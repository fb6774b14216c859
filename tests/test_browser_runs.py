"""Notebook 05 in a real JupyterLab: the last runs, one job's, and what changed; a failure's text stays text."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from jupyter_lab import Lab, at_rest, jupyter_lab, keep_screenshots, open_notebook, outside_requests, run_all
from lab_fixtures import page
from run_folders import record

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["page"]  # pytest finds fixtures by their names here

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(400)]

_SAYS = "([part, text]) => document.querySelector(`.nsbill-${part}`)?.textContent.includes(text)"
_DRAWN = "() => document.querySelectorAll('.nsbill-charts .gtitle').length > 0"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder: Path = tmp_path_factory.mktemp("lab")
    runs = folder / "papermill_runs"
    record(runs, 0, "reconcile", due={"EUR": "100.10", "USD": "2500.00"}, exceptions=7, exception_list=[])
    record(runs, 1, None, created=12, rejected=1, unknown=0)
    record(runs, 2, "reconcile", status="failed")
    record(runs, 24, "reconcile", due={"EUR": "90.05", "USD": "2750.00"}, exceptions=9, exception_list=[])
    with jupyter_lab(folder, {}) as serving:
        notebook = folder / "notebooks" / "05_runs.ipynb"
        source = notebook.read_text(encoding="utf-8")
        notebook.write_text(source.replace('runs: str = \\"\\"', f'runs: str = \\"{runs}\\"'), encoding="utf-8")
        yield serving


def test_the_runs_are_listed_one_job_is_chosen_and_what_changed_is_said(page: Page, lab: Lab) -> None:
    asked, problems = outside_requests(page), list[str]()
    page.on("pageerror", lambda error: problems.append(str(error)))
    open_notebook(page, lab, "05_runs.ipynb")
    run_all(page)
    page.wait_for_function(_SAYS, arg=["changes", "due EUR: 100.10 EUR → 90.05 EUR"])
    at_rest(page)
    page.wait_for_function(_DRAWN)
    table = page.locator(".nsbill-runs")
    assert "<script>alert(1)</script> failed." in table.inner_text()
    assert table.locator("script").count() == 0
    keep_screenshots(page, "05")
    page.locator(".nsbill-runs-name select").select_option(label="10_billing")
    page.wait_for_function(_SAYS, arg=["changes", "no run before it recorded figures"])
    at_rest(page)
    assert "reconcile" not in table.inner_text()
    assert (asked, problems) == ([], [])
