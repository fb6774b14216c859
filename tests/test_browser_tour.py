"""Notebook 00 as a newcomer uses it, in a real JupyterLab in headless Chromium: the tour, step by step."""

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

_SAYS = "([part, text]) => document.querySelector(`.nsbill-${part}`)?.textContent.includes(text)"
_ENABLED = "name => document.querySelector(`button.nsbill-${name}`)?.disabled === false"


def press(page: Page, name: str) -> None:
    """Press a button by keyboard, once it may be pressed."""
    page.wait_for_function(_ENABLED, arg=name)
    page.locator(f"button.nsbill-{name}").press("Enter")


def test_the_tour_bills_three_orders_once_and_tells_what_happened_in_netsuite(
    page: Page, lab: Lab, company: Company
) -> None:
    before, asked = company.bills(), outside_requests(page)
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    open_notebook(page, lab, "00_start_here.ipynb")
    run_all(page)
    page.wait_for_function(_SAYS, arg=["tour-happened-look", "nothing changed in it."])
    at_rest(page)
    assert "Orders to bill" in page.locator(".nsbill-overview").inner_text()
    keep_screenshots(page, "00")

    press(page, "tour-plan")
    page.wait_for_function(_SAYS, arg=["tour-told-plan", "Bill 3 orders, together "])
    at_rest(page)
    assert company.bills() == before
    assert page.locator("button.nsbill-tour-bill").is_disabled()
    page.locator(".nsbill-tour-confirm input").check()
    press(page, "tour-bill")
    page.wait_for_function(_SAYS, arg=["tour-happened-bill", "and created 3 records."])
    at_rest(page)
    billed = company.bills()
    made = {order: number - before.get(order, 0) for order, number in billed.items() if number != before.get(order, 0)}
    assert sorted(made.values()) == [1, 1, 1]
    for order in made:
        assert f"salesOrder/{order}/!transform/invoice" in page.locator(".nsbill-tour-happened-bill").inner_text()

    press(page, "tour-again")
    page.wait_for_function(_SAYS, arg=["tour-told-again", "Nothing was billed: the plan changed since it was seen"])
    at_rest(page)
    assert page.locator(".nsbill-tour-told-again").inner_text().count("1 record in NetSuite") == 3
    press(page, "tour-paid")
    page.wait_for_function(_SAYS, arg=["tour-told-paid", "Their rows of the statement"])
    at_rest(page)
    assert company.bills() == billed
    assert "Traceback" not in page.locator(".jp-Notebook").inner_text()
    assert (asked, problems) == ([], [])
    keep_screenshots(page, "00-tour")


def test_on_an_account_that_is_not_the_simulator_the_tour_says_so_and_offers_nothing(
    page: Page, lab: Lab, company: Company
) -> None:
    before = company.bills()
    open_notebook(page, lab, "00_start_here.ipynb")
    page.evaluate("""() => {
      const cells = jupyterapp.shell.currentWidget.content.widgets.map((cell) => cell.model.sharedModel);
      const opening = cells.find((cell) => cell.getSource().startsWith('import os'));
      opening.setSource(opening.getSource().replace('import os', 'import os; os.environ["NSBILL_PROFILE"] = "sandbox"'));
    }""")
    run_all(page)
    page.wait_for_function(_SAYS, arg=["overview", "is not the simulator, so the tour creates nothing in it"])
    at_rest(page)
    assert page.locator("button.nsbill-tour-plan").is_hidden()
    assert page.locator("button.nsbill-tour-bill").is_hidden()
    assert company.bills() == before
    keep_screenshots(page, "00-real")
