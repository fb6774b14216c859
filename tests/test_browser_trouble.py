"""Runs of notebook 02 that do not go straight, in a real JupyterLab: refused, without a clear answer, paused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from demo_company import Company
from jupyter_lab import Lab, at_rest, keep_screenshots, open_notebook, run_all
from lab_fixtures import company, lab, page

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["company", "lab", "page"]  # pytest finds fixtures by their names here

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(400)]

_SAYS = "([part, text]) => document.querySelector(`.nsbill-${part}`)?.textContent.includes(text)"
_ENABLED = "name => document.querySelector(`button.nsbill-${name}`).disabled === false"


def opened(page: Page, lab: Lab) -> None:
    """Notebook 02 with its plan."""
    open_notebook(page, lab, "02_preview_and_bill.ipynb")
    run_all(page)
    page.wait_for_selector(".nsbill-orders tbody tr[tabindex]")
    at_rest(page)


def confirm(page: Page) -> None:
    page.locator(".nsbill-confirm-box input").check()
    page.wait_for_function(_ENABLED, arg="create")


def only(page: Page, number: int) -> None:
    """Leave out all but the first few orders, and confirm."""
    page.locator(".nsbill-orders .nsbill-grid-untick").click()
    page.locator("button.nsbill-update").wait_for()  # it is shown once the ticks differ from the plan
    for place in range(number):
        page.locator(".nsbill-orders tbody input[type=checkbox]").nth(place).check()
    page.locator("button.nsbill-update").click()
    page.wait_for_function(_SAYS, arg=["sum", f"Create {number} invoice"])
    at_rest(page)
    confirm(page)


@pytest.fixture(autouse=True)
def _quiet(company: Company) -> Iterator[None]:
    """A company without faults again, however a test ended."""
    yield
    company.simulator.control("preferences", {"mandatory_fields": ""})
    company.simulator.control("faults", {"faults": [], "seed": 1})
    company.simulator.control("latency", {"latency_ms": 0})


def test_refused_creates_are_mended_and_retried_and_an_unclear_one_is_looked_up(
    page: Page, lab: Lab, company: Company
) -> None:
    before, control = company.bills(), company.simulator.control
    opened(page, lab)
    only(page, 2)  # the others are for the next test
    control("preferences", {"mandatory_fields": "class"})
    page.locator("button.nsbill-create").click()
    page.wait_for_function(_SAYS, arg=["result", "2 refused by NetSuite"])
    page.wait_for_selector(".nsbill-outcomes tbody tr[tabindex]")
    at_rest(page)
    assert company.bills() == before
    assert "Fill 'Class' on the order" in page.locator(".nsbill-outcomes").inner_text()
    keep_screenshots(page, "02-refused")
    control("preferences", {"mandatory_fields": ""})
    page.locator(".nsbill-fixed input").check()
    page.locator("button.nsbill-retry").click()
    page.wait_for_function(_SAYS, arg=["result", "2 created"])
    at_rest(page)

    page.locator("button.nsbill-preview-button").click()
    page.wait_for_selector(".nsbill-result", state="hidden")
    at_rest(page)
    page.locator(".nsbill-orders tbody input[type=checkbox]").first.check()
    page.locator("button.nsbill-update").click()
    page.wait_for_function(_SAYS, arg=["sum", "Create 1 invoice,"])
    at_rest(page)
    confirm(page)
    lost = {"where": "transform", "kind": "drop_after_commit", "times": 1}
    mute = {"where": "record", "kind": "drop_before", "times": 99}
    control("faults", {"faults": [lost, mute], "seed": 1})
    page.locator("button.nsbill-create").click()
    page.wait_for_function(_SAYS, arg=["unresolved", "1 create has no clear answer"])
    at_rest(page)
    keep_screenshots(page, "02-unclear")
    control("faults", {"faults": [], "seed": 1})
    page.locator("button.nsbill-resolve").click()
    page.wait_for_function(_SAYS, arg=["unresolved", "Looked up 1: 1 created after all."])
    after = company.bills()
    assert (
        sorted(after[order] - before.get(order, 0) for order in after if after[order] != before.get(order, 0))
        == [1] * 3
    )


def test_a_run_is_paused_shows_it_and_bills_each_order_once_when_it_goes_on(
    page: Page, lab: Lab, company: Company
) -> None:
    opened(page, lab)
    before = company.bills()
    confirm(page)
    company.simulator.control("latency", {"latency_ms": 400})
    page.locator("button.nsbill-create").click()
    page.wait_for_function("() => / created/.test(document.querySelector('.nsbill-progress')?.textContent ?? '')")
    pause = page.locator("button.nsbill-pause")
    pause.press("Enter")
    page.wait_for_function("() => document.querySelector('.nsbill-progress').textContent.startsWith('Paused at')")
    assert pause.inner_text() == "Resume"
    page.wait_for_timeout(2_000)  # what was in flight
    held = company.bills()
    keep_screenshots(page, "02-paused")
    page.wait_for_timeout(2_000)
    assert company.bills() == held != before
    company.simulator.control("latency", {"latency_ms": 0})
    pause.click()
    page.wait_for_function(_SAYS, arg=["result", " created"])
    after = company.bills()
    assert {after[order] - before.get(order, 0) for order in after} <= {0, 1}
    made = sum(after.values()) - sum(before.values())
    assert f"{made} created" in page.locator(".nsbill-result").inner_text()
    assert sum(held.values()) < sum(after.values())
