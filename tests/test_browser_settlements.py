"""Notebooks 04 and 03 as an analyst uses them, in a real JupyterLab in headless Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from conftest import find_browser
from demo_company import Company
from jupyter_lab import Lab, at_rest, browser_page, keep_screenshots, open_notebook, outside_requests, run_all
from lab_fixtures import company, lab
from settlement_files import plain_rows, text_of

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["company", "lab"]  # pytest finds fixtures by their names here

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(400)]

_NEW = "12345678901"
_BANK_COLUMN = 12
_ROW = ".nsbill-{} tbody tr[tabindex]"
_ENABLED = "name => document.querySelector(`button.nsbill-${name}`).disabled === false"
_STATUS = "([grid, text]) => document.querySelector(`.nsbill-${grid} [role=status]`).textContent === text"
_SAYS = "([part, text]) => document.querySelector(`.nsbill-${part}`)?.textContent.includes(text)"
_DROP = """([name, text]) => {
  const carried = new DataTransfer();
  carried.items.add(new File([text], name));
  const panel = document.querySelector('.nsbill-settlements-panel h3');  // anywhere on the panel
  const drop = new DragEvent('drop', {dataTransfer: carried, bubbles: true, cancelable: true});
  panel.dispatchEvent(drop);
  return drop.defaultPrevented;
}"""


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    """One page for all tests here: they go on from notebook to notebook as a person would."""
    browser = find_browser()
    assert browser is not None
    with browser_page(browser) as opened:
        yield opened


@pytest.fixture(scope="module")
def settlements(page: Page, lab: Lab) -> Page:
    """The page with notebook 04 opened and run."""
    open_notebook(page, lab, "04_settlements_and_exceptions.ipynb")
    run_all(page)
    page.wait_for_selector(_ROW.format("chain"))
    at_rest(page)
    return page


def test_drop_a_file_see_its_tie_out_take_an_exception_and_write_a_note(settlements: Page, company: Company) -> None:
    page = settlements
    before, asked = company.bills(), outside_requests(page)
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    stored = page.locator(_ROW.format("chain")).count()

    assert page.evaluate(_DROP, [f"{_NEW}.txt", text_of(plain_rows())])
    page.wait_for_function(_SAYS, arg=["added", "1 file: 1 added"])
    page.wait_for_function(_STATUS, arg=["chain", f"{stored + 1} rows"])
    row = page.locator(_ROW.format("chain"), has_text=_NEW)
    assert "✓ 0.00" in row.inner_text()
    assert page.locator(".nsbill-chain tbody tr[tabindex='0']").count() == 1  # Tab goes on behind the table
    row.focus()
    row.press("ArrowUp")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_function(_STATUS, arg=["lines", "5 rows"])
    assert "lines sum to total" in page.locator(".nsbill-steps").inner_text()

    first = page.locator(_ROW.format("queue")).first
    name = first.locator("td").first.inner_text()
    assert page.locator("button.nsbill-take").is_disabled()
    assert "Choose one or more exceptions" in page.locator(".nsbill-blockers").inner_text()
    first.click()
    page.wait_for_function(_ENABLED, arg="take")
    page.locator(".nsbill-by input").fill("Ada")
    page.locator("button.nsbill-take").click()
    page.wait_for_function(_SAYS, arg=["queue-done", f"{name} is Ada's."])
    page.locator(".nsbill-note input").fill("<b>asked</b> Amazon")
    page.wait_for_function(_ENABLED, arg="add-note")
    page.locator("button.nsbill-add-note").click()
    page.wait_for_function(_SAYS, arg=["queue-done", f"{name} has the note."])
    page.wait_for_function(_SAYS, arg=["exception", "Ada noted: <b>asked</b> Amazon"])
    with company.desk() as desk:
        kept = desk.exceptions.one(name)
        assert (kept["owner"], kept["note"]) == ("Ada", "<b>asked</b> Amazon")
    assert (company.bills(), asked, problems) == (before, [], [])
    keep_screenshots(page, "04")


def test_a_broken_file_with_a_hostile_name_is_a_sentence_and_nothing_of_it_is_kept(
    settlements: Page, company: Company
) -> None:
    page = settlements
    kept = len(list((company.workspace / "sources").iterdir()))
    name = "<img src=x onerror=document.title='bad'>.txt"
    broken = {"name": name, "mimeType": "text/plain", "buffer": text_of(plain_rows("99.00", "55555")).encode()}
    page.locator(".nsbill-drop input[type=file]").set_input_files(broken)  # type: ignore[arg-type]  # a file payload
    page.wait_for_function(_SAYS, arg=["added", "1 file: 1 refused"])
    text = page.locator(".nsbill-added").inner_text()
    assert f"{name}, line 2, column 'total-amount'" in text
    assert "expected the stated total of 99.00 USD" in text
    assert page.locator(".nsbill-added img").count() == 0
    assert "bad" not in page.title()
    assert "Traceback" not in page.locator(".jp-Notebook").inner_text()
    assert len(list((company.workspace / "sources").iterdir())) == kept
    assert not page.locator("button.nsbill-compare").is_disabled()


def test_a_bank_statement_is_dropped_and_the_deposits_are_found_in_it_from_then_on(
    settlements: Page, lab: Lab, company: Company
) -> None:
    page, before = settlements, company.bills()
    untold = page.locator(f"{_ROW.format('chain')} td:nth-child({_BANK_COLUMN})", has_text="?")
    asked = untold.count()
    assert asked > 5
    assert page.evaluate(_DROP, ["<i>broken.csv", "Date,Text,Amount,Currency\n2026-06-17,AMAZON,soon,USD\n"])
    page.wait_for_function(_SAYS, arg=["added", "<i>broken.csv, line 2"])
    at_rest(page)
    statement = (company.workspace / "amazon_files" / "bank_statement.csv").read_text(encoding="utf-8")
    assert page.evaluate(_DROP, ["bank_statement.csv", statement])
    page.wait_for_function(_SAYS, arg=["added", "Bank statement kept: "])
    at_rest(page)
    open_notebook(page, lab, "04_settlements_and_exceptions.ipynb")  # the next session needs no parameter
    run_all(page)
    page.wait_for_function(_SAYS, arg=["headline", "Bank statements kept1"])
    at_rest(page)
    assert "Bank statements kept\n1" in page.locator(".nsbill-headline").inner_text()
    assert untold.count() < asked - 5  # the deposits are found now, or are known to be missing
    keep_screenshots(page, "04-bank")
    assert company.bills() == before


def test_the_statement_is_filtered_and_a_row_opens_its_order(page: Page, lab: Lab) -> None:
    open_notebook(page, lab, "03_received_vs_due.ipynb")
    run_all(page)
    page.wait_for_selector(_ROW.format("statement"))
    at_rest(page)
    grid = page.locator(".nsbill-statement")
    number = grid.locator("tbody tr[tabindex] td").nth(11 * 3).inner_text()
    total = int(grid.locator("[role=status]").inner_text().split()[0])
    grid.get_by_label("Filter Amazon order").fill(number)
    page.wait_for_function(_STATUS, arg=["statement", f"1 of {total} rows"])
    grid.locator("tbody tr[tabindex]").click()
    page.wait_for_function(
        "number => document.querySelector('.nsbill-waterfall .gtitle')?.textContent.includes(number)", arg=number
    )
    assert page.locator(".nsbill-order input").input_value() == number
    keep_screenshots(page, "03")


@pytest.mark.parametrize("number, shows", [("00_start_here", "overview"), ("01_configure_billing", "status")])
def test_the_other_panels_open_too(page: Page, lab: Lab, number: str, shows: str) -> None:
    open_notebook(page, lab, f"{number}.ipynb")
    run_all(page)
    page.locator(f".nsbill-{shows}").wait_for()
    at_rest(page)
    assert "Traceback" not in page.locator(".jp-Notebook").inner_text()
    keep_screenshots(page, number[:2])
