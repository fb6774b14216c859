"""Fixtures of the browser tests: a demo company, a JupyterLab that knows its workspace, and a page of the browser.

A test module imports what it uses and lists it in ``__all__``; company and server are shared by its tests.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from conftest import find_browser
from demo_company import Company, demo_company
from jupyter_lab import Lab, browser_page, jupyter_lab

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["company", "lab", "page"]


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    """A hundred orders, up to today."""
    with demo_company(tmp_path_factory.mktemp("company")) as made:
        yield made


@pytest.fixture(scope="module")
def lab(company: Company, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """JupyterLab as ``nsbill lab`` opens it on the company's workspace."""
    environment = {**company.environment, "NSBILL_WORKSPACE": str(company.workspace)}
    with jupyter_lab(tmp_path_factory.mktemp("lab"), environment) as serving:
        yield serving


@pytest.fixture
def page() -> Iterator[Page]:
    """A page of its own for each test."""
    browser = find_browser()
    assert browser is not None
    with browser_page(browser) as opened:
        yield opened
