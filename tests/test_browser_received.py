"""Notebook 03 as an analyst uses it, in a real JupyterLab in headless Chromium: filter, click a bar, look, write files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from conftest import find_browser
from demo_company import Company
from jupyter_lab import (
    Lab,
    at_rest,
    browser_page,
    click_bar,
    keep_screenshots,
    open_notebook,
    outside_requests,
    run_all,
)
from lab_fixtures import company, lab

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["company", "lab"]  # pytest finds fixtures by their names here

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(400)]

_NOTEBOOK = "03_received_vs_due.ipynb"
_TITLE = "([part, text]) => document.querySelector(`.nsbill-${part} .gtitle`)?.textContent.includes(text)"
_SAYS = "([part, text]) => document.querySelector(`.nsbill-${part}`)?.textContent.includes(text)"
_ROWS = "([grid, text]) => document.querySelector(`.nsbill-${grid} [role=status]`)?.textContent === text"
_HEIGHTS = """() => [...document.querySelectorAll('.nsbill-received-panel .js-plotly-plot')].map(
  plot => plot.getBoundingClientRect().height)"""


@pytest.fixture(scope="module")
def received(lab: Lab) -> Iterator[Page]:
    """A page with notebook 03 opened, run and read; the tests here go on in it as a person would."""
    browser = find_browser()
    assert browser is not None
    with browser_page(browser) as page:
        open_notebook(page, lab, _NOTEBOOK)
        run_all(page)
        page.wait_for_selector(".nsbill-statement tbody tr[tabindex]")
        at_rest(page)
        page.wait_for_selector(".nsbill-timeline .gtitle")
        yield page


def rows_of(page: Page, grid: str) -> int:
    return int(page.locator(f".nsbill-{grid} [role=status]").inner_text().split()[0].replace(",", ""))


def test_a_status_and_a_period_narrow_everything_and_what_is_left_out_is_said(received: Page) -> None:
    page = received
    everything = rows_of(page, "statement")
    box = page.locator(".nsbill-statuses input:visible").first
    label = page.locator(".nsbill-statuses label:has(input):visible").first.inner_text()
    count = int(label.rsplit("(", 1)[1].rstrip(")").replace(",", ""))
    assert 0 < count < everything
    box.check()
    page.wait_for_function(_ROWS, arg=["statement", f"{count} row{'' if count == 1 else 's'}"])
    page.wait_for_function(_SAYS, arg=["left-out", f"Shown: {count} of {everything} orders"])
    page.wait_for_function(
        f"() => document.querySelector('.nsbill-main-chart .gtitle-subtitle')?.textContent.includes(', {count} order')"
    )
    page.locator(".nsbill-period-begin input").fill("2001-01-01")
    page.locator(".nsbill-period-end input").fill("2001-12-31")
    page.locator(".nsbill-period-end input").press("Enter")
    page.wait_for_function(_ROWS, arg=["statement", "0 rows"])
    page.wait_for_function(_SAYS, arg=["left-out", "ordered from 2001-01-01 up to 2001-12-31"])
    page.locator("button.nsbill-show-all").click()
    page.wait_for_function(_ROWS, arg=["statement", f"{everything} rows"])
    assert page.locator(".nsbill-left-out").inner_text() == ""
    assert not box.is_checked()


def test_a_clicked_bar_opens_its_order_with_timeline_waterfall_and_lines(received: Page) -> None:
    page = received
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    asked = outside_requests(page)
    key = click_bar(page, "main-chart", other_than=page.locator(".nsbill-order input").input_value())
    page.wait_for_function("key => document.querySelector('.nsbill-order input').value === key", arg=key)
    page.wait_for_function(_TITLE, arg=["waterfall", key])
    page.wait_for_function(_TITLE, arg=["timeline", key])
    page.wait_for_function(
        """() => { const at = document.querySelector('.nsbill-one-order').getBoundingClientRect().top;
                   return at >= -5 && at < innerHeight / 2; }"""
    )
    assert key in page.locator(".nsbill-one-order").inner_html()
    assert "Its row of the statement" in page.locator(".nsbill-order-tables").inner_text()
    assert (problems, asked) == ([], [])
    keep_screenshots(page, "03-order", at="nsbill-one-order")


def test_charts_keep_their_height_when_the_window_is_made_higher_and_wider(received: Page) -> None:
    page = received
    heights = page.evaluate(_HEIGHTS)
    assert min(heights) > 200
    for width, height in ((1280, 1500), (1280, 900), (1700, 900), (1280, 1000)):
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(1500)  # nothing says that a chart is done
        assert page.evaluate(_HEIGHTS) == heights


def test_a_row_chosen_by_keyboard_opens_its_order_too(received: Page) -> None:
    page = received
    row = page.locator(".nsbill-statement tbody tr[tabindex]").nth(1)
    number = row.locator("td").first.inner_text()
    row.focus()
    page.keyboard.press("Enter")
    page.wait_for_function(_TITLE, arg=["waterfall", number])
    page.wait_for_function(_TITLE, arg=["timeline", number])


@pytest.mark.parametrize(
    "button, title",
    [
        ("Due by age", "Due by age"),
        ("Due by status", "Due by status"),
        ("Over time", "Billed, received and due by month"),
        ("Due by reason", "Due by reason"),
    ],
)
def test_each_chart_is_a_button_away(received: Page, button: str, title: str) -> None:
    page = received
    page.locator(".nsbill-choose-chart button", has_text=button).click()
    page.wait_for_function(_TITLE, arg=["second-chart", title])
    keep_screenshots(page, f"03-{button.lower().replace(' ', '-')}", at="nsbill-choose-chart")


def test_files_are_written_named_and_not_replaced_by_themselves(received: Page, company: Company) -> None:
    page, reports = received, company.workspace / "reports"
    page.locator("button.nsbill-export-xlsx").click()
    page.wait_for_function(_SAYS, arg=["export", "Written: "])
    (book,) = reports.glob("*.xlsx")
    assert book.name in page.locator(".nsbill-export").inner_text()
    assert page.locator("button.nsbill-export-xlsx").is_disabled()
    assert "there already" in page.locator(".nsbill-export").inner_text()
    page.locator("button.nsbill-export-parquet").click()
    page.wait_for_function(_SAYS, arg=["export", "statement.parquet"])
    assert (reports / book.stem / "statement.parquet").is_file()


def test_a_page_that_cannot_be_written_is_a_sentence(received: Page, company: Company) -> None:
    page = received
    (book,) = (company.workspace / "reports").glob("*.xlsx")
    in_the_way = Path(book).with_suffix(".html")
    in_the_way.mkdir()
    page.locator("button.nsbill-export-html").click()
    page.wait_for_function(_SAYS, arg=["export", "is there already"])
    page.locator(".nsbill-replace input").check()
    page.wait_for_function("() => !document.querySelector('button.nsbill-export-html').disabled")
    page.locator("button.nsbill-export-html").click()
    page.wait_for_function(_SAYS, arg=["export", "cannot be written"])
    assert "Traceback" not in page.locator(".jp-Notebook").inner_text()
    in_the_way.rmdir()
    keep_screenshots(page, "03-files", at="nsbill-order-tables")
