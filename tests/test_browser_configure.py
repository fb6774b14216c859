"""Notebook 01 as the person who sets up billing uses it, in a real JupyterLab: connection, limits, TOML, undo, save."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from demo_company import Company
from jupyter_lab import Lab, at_rest, keep_screenshots, open_notebook, outside_requests, run_all
from lab_fixtures import company, lab, page

from nsbill.settings import load_settings
from nsbill.vocabulary import BillingStatus, ClosedPeriod

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["company", "lab", "page"]  # pytest finds fixtures by their names here

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(400)]

_SAYS = "([part, text]) => document.querySelector(`.nsbill-settings-panel .nsbill-${part}`)?.textContent.includes(text)"
_ENABLED = "name => document.querySelector(`button.nsbill-${name}`)?.disabled === false"
_DISABLED = "name => document.querySelector(`button.nsbill-${name}`)?.disabled === true"
_SIGNS_IN = {"ADMI_LOGIN_OAUTH": "FULL", "ADMI_RESTWEBSERVICES": "FULL"}
_HOSTILE = "<img src=x onerror=document.title='bad'>"


def opened(page: Page, lab: Lab) -> None:
    """Notebook 01, with both of its panels read."""
    open_notebook(page, lab, "01_configure_billing.ipynb")
    run_all(page)
    page.wait_for_selector(".nsbill-connection-panel .lights", state="attached")
    page.wait_for_function(_SAYS, arg=["blockers", "Nothing to save"])
    at_rest(page)


def test_limits_and_period_policy_are_refused_shown_as_toml_undone_and_saved(
    page: Page, lab: Lab, company: Company
) -> None:
    asked, problems, kept = outside_requests(page), list[str](), load_settings(company.workspace)
    page.on("pageerror", lambda error: problems.append(str(error)))
    opened(page, lab)
    orders, total = page.locator(".nsbill-max-orders input"), page.locator(".nsbill-max-total input")

    total.fill(f"USD={_HOSTILE}")
    page.wait_for_function(_SAYS, arg=["blockers", "max_total"])
    assert _HOSTILE in page.locator(".nsbill-settings-panel .nsbill-blockers").inner_text()
    assert page.locator(".nsbill-settings-panel img").count() == 0
    assert "bad" not in page.title()
    assert page.locator("button.nsbill-save").is_disabled()
    keep_screenshots(page, "01-refused")

    total.fill("USD=1000.00")
    orders.fill("25")
    orders.press("Tab")
    page.locator(".nsbill-closed-period select").select_option(label="Date it in the next open period")
    page.wait_for_function(_SAYS, arg=["limits", "at most 25 orders and at most USD=1000.00"])
    page.locator(".nsbill-show-toml").press("Enter")
    page.wait_for_function(_SAYS, arg=["toml", "max_orders = 25"])
    toml = page.locator(".nsbill-toml").inner_text()
    assert "Changed and not saved: closed_period, max_orders, max_total." in toml
    assert 'closed_period = "next-open"' in toml
    secrets = [company.environment[f"NSBILL_{name}"] for name in ("CONSUMER_SECRET", "TOKEN_ID", "TOKEN_SECRET")]
    assert not any(secret in toml for secret in secrets)
    keep_screenshots(page, "01-toml")
    assert load_settings(company.workspace) == kept  # nothing is written before Save

    page.locator("button.nsbill-undo").click()
    page.wait_for_function(_SAYS, arg=["limits", "any number of orders and any total"])
    assert (orders.input_value(), total.input_value()) == ("0", "")
    page.wait_for_function(_DISABLED, arg="save")

    orders.fill("25")
    orders.press("Tab")
    page.wait_for_function(_ENABLED, arg="save")
    page.locator("button.nsbill-save").press("Enter")
    page.wait_for_function(_SAYS, arg=["saved", "Saved. "])
    at_rest(page)
    saved = load_settings(company.workspace)
    assert (saved.max_orders, saved.max_total, saved.closed_period) == (25, "", ClosedPeriod.BLOCK)
    assert (asked, problems) == ([], [])


def test_another_billing_status_is_said_beside_netsuites_and_saving_writes_it(
    page: Page, lab: Lab, company: Company
) -> None:
    opened(page, lab)
    page.locator(".nsbill-status").get_by_label("Pending Fulfillment").check()
    page.wait_for_function(_SAYS, arg=["netsuite", "chosen here is Pending Fulfillment"])
    page.locator("button.nsbill-use-netsuites").click()
    page.wait_for_function(_SAYS, arg=["netsuite", "selects Pending Billing, as chosen here"])
    page.locator(".nsbill-status").get_by_label("Pending Fulfillment").check()
    page.wait_for_function(_ENABLED, arg="save")
    keep_screenshots(page, "01-status")
    page.locator("button.nsbill-save").click()
    page.wait_for_function(_SAYS, arg=["saved", "Billing status: Pending Fulfillment"])
    at_rest(page)
    with company.desk() as desk:
        assert desk.criterion().letters == ("B",)
        desk.save_settings(billing_status=BillingStatus.PENDING_BILLING)


def test_the_doctors_lights_unfold_and_a_permission_that_is_missing_is_red_with_what_to_do(
    page: Page, lab: Lab, company: Company
) -> None:
    opened(page, lab)
    panel = page.locator(".nsbill-connection-panel")
    assert "9000001_SB1" in panel.inner_text()
    panel.locator("summary").click()
    panel.locator(".lights").get_by_text("sign-in").wait_for()
    keep_screenshots(page, "01-lights")
    held = {"REPO_ANALYTICS": "EDIT", "LIST_FIND": "VIEW", "TRAN_SALESORD": "EDIT"}
    (role,) = company.simulator.control("roles")["roles"]
    company.simulator.control("roles", {"role": role, "permissions": _SIGNS_IN | held})
    panel.locator("button.nsbill-look-again").click()
    panel.locator(".lights .failed").first.wait_for()
    at_rest(page)
    failed = panel.locator("tr:has(.failed)", has_text="invoices")
    assert "permission" in failed.inner_text()
    keep_screenshots(page, "01-failed")
    company.simulator.control("roles", {"role": role, "permissions": {}})  # everything again


def test_a_production_account_is_marked_in_red(page: Page, lab: Lab) -> None:
    open_notebook(page, lab, "01_configure_billing.ipynb")
    page.evaluate("""() => {
      const cells = jupyterapp.shell.currentWidget.content.widgets.map((cell) => cell.model.sharedModel);
      const opening = cells.find((cell) => cell.getSource().startsWith('import os'));
      opening.setSource(opening.getSource().replace('import os', 'import os; os.environ["NSBILL_PROFILE"] = "production"'));
    }""")
    run_all(page)
    banner = page.locator(".nsbill-connection-panel .production")
    banner.wait_for()
    at_rest(page)
    assert banner.inner_text().startswith("PRODUCTION: what is created in account 9000001_SB1")
    assert banner.evaluate("element => getComputedStyle(element).backgroundColor") == "rgb(176, 0, 32)"
    keep_screenshots(page, "01-production")
