from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests
from simulator_account import RESTLET, Account, open_account, rest_error

from nsbill.simulator.control import ControlError
from nsbill.simulator.errors import Refusal
from nsbill.simulator.permissions import allowed, check_restlet, may_read

LIMITS = "/services/rest/system/v1/governanceLimits"
LEAST = {
    "ADMI_LOGIN_OAUTH": "FULL",
    "ADMI_RESTWEBSERVICES": "FULL",
    "LIST_FIND": "FULL",
    "REPO_ANALYTICS": "EDIT",
    "TRAN_SALESORD": "EDIT",
    "TRAN_CUSTINVC": "CREATE",
    "TRAN_CASHSALE": "CREATE",
    "TRAN_CUSTPYMT": "VIEW",
    "LIST_CUSTJOB": "VIEW",
    "LIST_CURRENCY": "VIEW",
    "LIST_SUBSIDIARY": "VIEW",
}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    with open_account(tmp_path_factory.mktemp("permissions")) as account:
        yield account


@pytest.fixture
def ns(shared: Account) -> Iterator[Account]:
    yield shared
    permit(shared, {})
    with shared.simulator.control_state.books.writing() as connection:
        connection.execute("DELETE FROM preference")


def permit(ns: Account, permissions: dict[str, str]) -> None:
    ns.simulator.control("roles", {"role": "Billing", "permissions": permissions})


def without(*names: str, **levels: str) -> dict[str, str]:
    return {name: level for name, level in (LEAST | levels).items() if name not in names}


def test_the_least_permissions_suffice_for_billing(ns: Account) -> None:
    permit(ns, LEAST)
    assert ns.get("/salesOrder/106").status_code == 200
    assert ns.transform(106).status_code == 204
    assert ns.transform(109, "cashSale").status_code == 204
    assert ns.query("SELECT id FROM transaction").status_code == 200
    assert ns.result(action="list_searches")["searches"]


# what is missing | request | the permission that is named
LACKS = """
 ADMI_RESTWEBSERVICES | order   | Setup -> REST Web Services
 TRAN_SALESORD        | order   | Transactions -> Sales Order
 ADMI_RESTWEBSERVICES | query   | Setup -> REST Web Services
 REPO_ANALYTICS       | query   | Reports -> SuiteAnalytics Workbook
 TRAN_CUSTINVC        | invoice | Transactions -> Invoice
 TRAN_SALESORD        | invoice | Transactions -> Sales Order
 TRAN_CASHSALE        | sale    | Transactions -> Cash Sale
"""


@pytest.mark.parametrize("row", [tuple(map(str.strip, line.split("|"))) for line in LACKS.strip().splitlines()])
def test_what_the_role_may_not_do_is_refused_by_the_name_of_the_permission(
    ns: Account, row: tuple[str, str, str]
) -> None:
    missing, what, label = row
    permit(ns, without(missing))
    answer = {
        "order": lambda: ns.get("/salesOrder/106"),
        "query": lambda: ns.query("SELECT id FROM transaction"),
        "invoice": lambda: ns.transform(112),
        "sale": lambda: ns.transform(112, "cashSale"),
    }[what]()
    text = (
        f"Permission Violation: You need the '{label}' permission to access this page. "
        "Please contact your account administrator."
    )
    assert rest_error(answer) == (403, "INSUFFICIENT_PERMISSION", text)
    assert answer.json()["title"] == "Forbidden"
    assert ns.simulator.control("statistics")["sign_in_refusals"] == {}


def test_seeing_invoices_is_not_enough_to_make_them(ns: Account) -> None:
    permit(ns, without(TRAN_CUSTINVC="VIEW"))
    assert ns.transform(112).status_code == 403
    assert ns.get("/salesOrder/112").json()["status"]["id"] == "F"


def test_the_restlet_runs_without_rest_web_services(ns: Account) -> None:
    permit(ns, without("ADMI_RESTWEBSERVICES"))
    assert ns.restlet(action="list_searches").json()["ok"]


def test_a_restlet_call_is_refused_when_the_role_may_not_log_in(ns: Account) -> None:
    permit(ns, without("ADMI_LOGIN_OAUTH"))
    assert ns.restlet(action="list_searches").status_code == 401


@pytest.mark.parametrize("missing", ["LIST_FIND", "TRAN_SALESORD"])
def test_a_script_that_searches_needs_perform_search_and_sales_order(missing: str) -> None:
    check_restlet(None, "page")
    check_restlet(LEAST, "page")
    check_restlet(without(missing), "about")
    with pytest.raises(Refusal) as refused:
        check_restlet(without(missing), "page")
    assert (refused.value.status, refused.value.code) == (403, "INSUFFICIENT_PERMISSION")


def test_the_scripts_lack_of_a_permission_comes_back_in_its_envelope(ns: Account) -> None:
    permit(ns, without("LIST_FIND"))
    answer = ns.restlet(action="list_searches")
    assert answer.status_code == 200
    assert answer.json()["error"]["code"] == "INSUFFICIENT_PERMISSION"
    assert "'Lists -> Perform Search'" in answer.json()["error"]["message"]


def test_a_table_that_the_role_may_not_see_looks_missing(ns: Account) -> None:
    permit(ns, without("LIST_CUSTJOB"))
    status, code, text = rest_error(ns.query("SELECT id FROM customer"))
    assert (status, code) == (400, "INVALID_PARAMETER")
    assert "Record 'customer' was not found" in text
    assert ns.query("SELECT id FROM currency").status_code == 200


def test_levels_include_the_lower_ones() -> None:
    held = {"TRAN_CUSTINVC": "CREATE", "TRAN_CASHSALE": "NONE"}
    assert allowed(held, "TRAN_CUSTINVC")
    assert allowed(held, "TRAN_CUSTINVC", "CREATE")
    assert not allowed(held, "TRAN_CUSTINVC", "EDIT")
    assert not allowed(held, "TRAN_CASHSALE")
    assert not allowed(held, "TRAN_SALESORD")
    assert allowed(None, "TRAN_SALESORD", "FULL")


def test_record_types_that_the_role_cannot_see_are_known_by_any_spelling() -> None:
    assert may_read({"TRAN_SALESORD": "VIEW"}, "salesOrder")
    assert not may_read({"TRAN_SALESORD": "VIEW"}, "Customer")
    assert not may_read({"TRAN_SALESORD": "VIEW"}, "inventoryItem")
    assert may_read({"LIST_ITEM": "VIEW"}, "inventoryItem")
    assert may_read({}, "term")
    assert may_read(None, "customer")


def test_impossible_roles_are_refused_and_change_nothing(ns: Account) -> None:
    permit(ns, LEAST)
    for body, text in (
        ({"role": "Billing", "permissions": {"TRAN_SALESORD": "ALL"}}, "level of TRAN_SALESORD must be one of"),
        ({"role": "Billing", "permissions": {"salesorder": "VIEW"}}, "'salesorder' is no permission id"),
        ({"role": "Billing"}, "permissions must be an object"),
        ({"permissions": {}}, "role must be a text"),
    ):
        with pytest.raises(ControlError, match=text):
            ns.simulator.control("roles", body)
    assert requests.get(f"{ns.url}/_simulator/roles", timeout=5).json()["roles"] == {"Billing": LEAST}


def test_limits_are_for_administrators_unless_the_knob_says_everyone(ns: Account) -> None:
    assert rest_error(ns.call("GET", LIMITS))[:2] == (403, "INSUFFICIENT_PERMISSION")
    ns.simulator.control("preferences", {"governance_limits": "everyone"})
    assert ns.call("GET", LIMITS).json() == {
        "accountConcurrencyLimit": 5,
        "accountUnallocatedConcurrencyLimit": 5,
        "integrationConcurrencyLimit": 5,
        "integrationLimitType": "accountLimit",
    }
    ns.simulator.control("preferences", {"concurrency_limit": 15, "integration_limit": "4"})
    assert ns.call("GET", LIMITS).json() == {
        "accountConcurrencyLimit": 15,
        "accountUnallocatedConcurrencyLimit": 11,
        "integrationConcurrencyLimit": 4,
        "integrationLimitType": "integrationSpecific",
    }
    assert ns.call("POST", LIMITS, json={}).status_code == 405


def test_the_token_info_says_whose_token_it_is(ns: Account) -> None:
    content = ns.call("GET", "/rest/tokeninfo").json()
    assert content["company"]["id"] == "9000001_SB1"
    assert content["role"]["name"] == "Billing"
    refused = requests.get(f"{ns.url}/rest/tokeninfo", timeout=5)
    assert refused.status_code == 401
    assert refused.json()["error"]["code"] == "INVALID_LOGIN_ATTEMPT"


def test_an_unknown_script_is_no_matter_of_permissions(ns: Account) -> None:
    permit(ns, LEAST)
    answer = ns.call("POST", RESTLET, params={"script": "customscript_other", "deploy": "1"}, json={})
    assert answer.status_code == 404
