"""The main job as an analyst does it: notebook 02 in a real JupyterLab in headless Chromium."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from demo_company import Company
from jupyter_lab import Lab, at_rest, keep_screenshots, open_notebook, outside_requests, run_all
from lab_fixtures import company, lab, page

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["company", "lab", "page"]  # pytest finds fixtures by their names here

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(400)]

_NOTEBOOK = "02_preview_and_bill.ipynb"
_CREATED = "() => /created/.test(document.querySelector('.nsbill-result')?.textContent ?? '')"
_CONFIRMABLE = "() => document.querySelector('.nsbill-confirm-box input')?.disabled === false"
_STATUS = "([grid, text]) => document.querySelector(`.nsbill-${grid} [role=status]`).textContent === text"
_FIRST_CELL = ".nsbill-orders tbody tr:not(.nsbill-grid-pad) td:nth-child(2)"


_SORTED_DOWN = """() => {
  const cells = [...document.querySelectorAll('.nsbill-orders tbody tr:not(.nsbill-grid-pad) td:nth-child(2)')];
  return cells.length > 1 && cells[0].textContent > cells.at(-1).textContent;
}"""


def test_the_grid_filters_sorts_and_ticks_by_mouse_and_by_keyboard(page: Page, lab: Lab, company: Company) -> None:
    before = company.bills()
    open_notebook(page, lab, _NOTEBOOK)
    run_all(page)
    grid = page.locator(".nsbill-orders")
    status = grid.locator("[role=status]")
    page.wait_for_selector(_FIRST_CELL)
    at_rest(page)
    assert status.inner_text().endswith("rows, 0 excluded")
    rows = int(status.inner_text().split()[0])

    header = grid.get_by_role("button", name="Sales order")
    header.press("Enter")
    page.wait_for_selector(".nsbill-orders th[aria-sort=ascending]")
    header.press("Enter")
    page.wait_for_selector(".nsbill-orders th[aria-sort=descending]")
    page.wait_for_function(_SORTED_DOWN)  # the rows come from Python, a moment after the header says so
    numbers = grid.locator("tbody tr:not(.nsbill-grid-pad) td:nth-child(2)").all_inner_texts()
    assert numbers == sorted(numbers, reverse=True)
    assert len(numbers) == rows

    first = numbers[0]
    box = grid.get_by_role("checkbox", name=f"Bill {first}")
    box.press("Space")
    page.wait_for_function(_STATUS, arg=["orders", f"{rows} rows, 1 excluded"])
    assert not page.locator(".nsbill-document h3").count()  # the box ticks, and opens nothing
    assert not box.is_checked()
    assert page.evaluate("document.activeElement.type") == "checkbox"
    assert page.locator("button.nsbill-create").is_disabled()

    grid.locator("tbody tr[tabindex]").nth(1).press("Enter")
    opened = page.locator(".nsbill-document")
    opened.locator("h3").wait_for()
    assert f"Invoice of {numbers[1]}" in opened.inner_text()
    assert "Total in " in opened.inner_text()
    keep_screenshots(page, "02-document")

    grid.get_by_label("Filter Orders to bill").fill(first.lower())
    page.wait_for_function(_STATUS, arg=["orders", f"1 of {rows} rows, 1 excluded"])
    assert grid.get_by_role("checkbox").count() == 1
    assert company.bills() == before


def test_preview_leave_one_out_confirm_create_and_the_books_have_each_order_once(
    page: Page, lab: Lab, company: Company
) -> None:
    before = company.bills()
    with company.desk() as desk:
        waiting = dict(
            zip(*(desk.preview().to_bill[name] for name in ("sales_order_number", "sales_order_id")), strict=True)
        )
    asked = outside_requests(page)
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))

    open_notebook(page, lab, _NOTEBOOK)
    run_all(page)
    page.wait_for_selector(_FIRST_CELL)
    at_rest(page)
    assert company.bills() == before  # running every cell created nothing
    assert f"{len(waiting):,}" in page.locator(".nsbill-preview").inner_text()

    number = page.locator(_FIRST_CELL).nth(3).inner_text()
    page.get_by_role("checkbox", name=f"Bill {number}").uncheck()
    page.locator("button.nsbill-update").click()
    page.wait_for_function(_CONFIRMABLE)
    text = page.locator(".nsbill-sum").inner_text()
    assert "1 excluded" in text
    assert "NetSuite account 9000001_SB1" in text
    create = page.locator("button.nsbill-create")
    assert create.is_disabled()
    page.locator(".nsbill-confirm-box input").check()
    page.wait_for_function("() => !document.querySelector('button.nsbill-create').disabled")
    assert create.inner_text() == f"Create {len(waiting) - 1} invoices"
    create.click()
    page.wait_for_function(_CREATED)

    left_out = waiting.pop(number)
    after = company.bills()
    made = {order: after[order] - before.get(order, 0) for order in after if after[order] != before.get(order, 0)}
    assert made == dict.fromkeys(waiting.values(), 1)
    assert left_out not in made
    assert f"{len(waiting)} created" in page.locator(".nsbill-result").inner_text()
    page.wait_for_function(_STATUS, arg=["outcomes", f"{len(waiting)} rows"])
    assert page.locator(".nsbill-outcomes tbody tr:not(.nsbill-grid-pad)").count() == len(waiting)
    assert (asked, problems) == ([], [])
    keep_screenshots(page, "02")


def test_when_someone_else_bills_meanwhile_the_panel_says_so_and_creates_nothing(
    page: Page, lab: Lab, company: Company
) -> None:
    open_notebook(page, lab, _NOTEBOOK)
    run_all(page)
    page.wait_for_selector(_FIRST_CELL)
    at_rest(page)
    page.locator(".nsbill-confirm-box input").check()
    page.wait_for_function("() => !document.querySelector('button.nsbill-create').disabled")
    with company.desk() as someone_else:
        someone_else.bill(someone_else.preview())
    before = company.bills()
    page.locator("button.nsbill-create").click()
    alert = page.locator(".nsbill-billing-panel [role=alert]")
    alert.wait_for()
    assert "Nothing was billed: the plan changed since it was seen" in alert.inner_text()
    assert company.bills() == before


def test_an_account_that_is_not_configured_is_a_sentence_and_no_traceback(page: Page, lab: Lab) -> None:
    open_notebook(page, lab, _NOTEBOOK)
    page.evaluate("""() => {
      const cells = jupyterapp.shell.currentWidget.content.widgets.map((cell) => cell.model.sharedModel);
      cells.find((cell) => cell.getSource().startsWith('workspace')).setSource('workspace = "no-such-workspace"');
    }""")
    run_all(page)
    error = page.locator(".jp-OutputArea-output").first
    error.wait_for()
    assert "SettingsError: Setting 'account': is not set" in error.inner_text()
    assert "Traceback" not in page.locator(".jp-Notebook").inner_text()
