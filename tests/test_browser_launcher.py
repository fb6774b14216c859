"""The launcher of a real JupyterLab has a card for each notebook, and a card opens its notebook."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from conftest import find_browser
from jupyter_lab import browser_page, jupyter_lab, keep_screenshots, outside_requests

pytestmark = [pytest.mark.browser, pytest.mark.slow]

_NOTEBOOKS = sorted(path.name for path in (Path(__file__).parents[1] / "notebooks").glob("[0-9][0-9]_*.ipynb"))
_INSTALLED = Path(sys.prefix) / "share" / "jupyter" / "labextensions" / "nsbill-launcher"
_CARDS = ".jp-LauncherCard[data-category=nsbill]"


def _title(name: str) -> str:
    return name[3:].removesuffix(".ipynb").replace("_", " ").capitalize()


def test_each_notebook_has_a_card_that_opens_it_and_elsewhere_there_are_none(tmp_path: Path) -> None:
    browser = find_browser()
    assert browser is not None
    assert _INSTALLED.is_dir(), "this installation of nsbill is older than its cards: pip install --no-deps -e ."
    with jupyter_lab(tmp_path, {}) as lab, browser_page(browser) as page:
        asked, problems = outside_requests(page), list[str]()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(f"{lab.url}/lab?reset&token={lab.token}")
        page.wait_for_selector(_CARDS)
        titles = [text.strip() for text in page.locator(f"{_CARDS} .jp-LauncherCard-label").all_inner_texts()]
        assert titles == [_title(name) for name in _NOTEBOOKS]
        keep_screenshots(page, "launcher")
        page.locator(_CARDS, has_text="Settlements and exceptions").click()
        page.wait_for_selector(".jp-NotebookPanel h1")
        assert "Settlements and exceptions" in page.locator(".jp-NotebookPanel h1").first.inner_text()
        assert (asked, problems) == ([], [])

        (tmp_path / "notebooks" / "00_start_here.ipynb").unlink()  # now it is any folder
        page.goto(f"{lab.url}/lab?reset&token={lab.token}")
        page.wait_for_selector(".jp-LauncherCard")
        page.wait_for_timeout(1_500)
        assert page.locator(_CARDS).count() == 0
