from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from simulator_account import RESTLET, Account, open_account

from nsbill.simulator import tables

SEARCH = "customsearch_nsbill_orders_to_bill"


@pytest.fixture
def ns(tmp_path: Path) -> Iterator[Account]:
    with open_account(tmp_path) as account:
        yield account


@pytest.fixture(scope="module")
def still(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """An account that a test only looks at."""
    with open_account(tmp_path_factory.mktemp("still")) as account:
        yield account


def host_error(answer: requests.Response) -> tuple[int, str, str]:
    error = answer.json()["error"]
    return answer.status_code, error["code"], error["message"]


def refused(ns: Account, **request: object) -> tuple[int, str, str]:
    answer = ns.restlet(**request)
    body = answer.json()
    assert body["ok"] is False
    return answer.status_code, body["error"]["code"], body["error"]["message"]


def test_searches_are_listed_by_title(ns: Account) -> None:
    found = ns.result(action="list_searches")["searches"]
    assert [(one["id"], one["script_id"], one["title"], one["record_type"]) for one in found] == [
        ("1202", "customsearch_open_orders", "Open sales orders", "salesorder"),
        ("1201", SEARCH, "Orders to bill", "salesorder"),
    ]


def test_every_answer_says_version_and_units_left(ns: Account) -> None:
    answer = ns.restlet(action="inspect_search", search="1201").json()
    assert (answer["ok"], answer["version"], answer["remaining_units"]) == (True, "1.1.0", 4995)


@pytest.mark.parametrize("key", ["1201", SEARCH, SEARCH.upper()])
def test_a_search_is_found_by_id_and_by_script_id(ns: Account, key: str) -> None:
    found = ns.result(action="inspect_search", search=key)
    assert (found["id"], found["title"]) == ("1201", "Orders to bill")
    assert [column["index"] for column in found["columns"]] == list(range(13))
    assert found["columns"][10] == {
        "index": 10,
        "name": "fxamount",
        "label": "Fxamount",
        "join": None,
        "summary": None,
        "formula": None,
        "function": None,
        "sort": None,
        "type": "currency",
    }
    leaf = {"name": "otherrefnum", "operator": "isnotempty", "values": [""], "join": None, "formula": None}
    assert found["filters"][2] == leaf
    assert found["filter_expression"][4] == ["otherrefnum", "isnotempty", ""]
    assert found["status_criterion"] == {
        "present": True,
        "operator": "anyof",
        "values": ["SalesOrd:F"],
        "writable": True,
        "reason": None,
    }


def test_rows_carry_values_and_texts_in_the_order_of_the_columns(ns: Account) -> None:
    page = ns.result(action="page", search=SEARCH, index=0, page_size=1000)
    assert (page["count"], page["page_size"], page["page_count"], page["index"]) == (4, 1000, 1, 0)
    names = [column["name"] for column in ns.result(action="inspect_search", search=SEARCH)["columns"]]
    row = next(row for row in page["rows"] if row["id"] == "109")
    values, texts = dict(zip(names, row["values"], strict=True)), dict(zip(names, row["texts"], strict=True))
    assert values == {
        "internalid": "109",
        "tranid": "SO109",
        "otherrefnum": "302-0000009-0000009",
        "trandate": "2026-02-01",
        "shipdate": "2026-02-03",
        "statusref": "pendingBilling",
        "entity": "202",
        "subsidiary": "2",
        "custbody_celigo_etail_channel": "2",
        "currency": "2",
        "fxamount": "23.18",
        "paymentmethod": "3",
        "terms": None,
    }
    shown = {name: text for name, text in texts.items() if text is not None}
    assert shown == {
        "statusref": "Pending Billing",
        "entity": "Amazon.de",
        "subsidiary": "DE GmbH",
        "custbody_celigo_etail_channel": "Amazon DE",
        "currency": "Euro",
        "paymentmethod": "Credit Card",
    }


def test_orders_without_a_purchase_order_number_are_left_out_and_rows_come_by_internal_id(ns: Account) -> None:
    rows = ns.result(action="page", search="1201", index=0, page_size=5)["rows"]
    assert [row["id"] for row in rows] == ["106", "109", "110", "112"]


def test_pages_follow_each_other_to_the_end(ns: Account) -> None:
    pages = [ns.result(action="page", search="1202", index=index, page_size=5) for index in (0, 1)]
    assert [[row["id"] for row in page["rows"]] for page in pages] == [
        ["101", "102", "104", "105", "106"],
        ["109", "110", "111", "112", "113"],
    ]
    assert refused(ns, action="page", search="1202", index=2, page_size=5) == (
        200,
        "INVALID_PAGE_RANGE",
        "Invalid page range.",
    )


def test_billed_orders_leave_the_search(ns: Account) -> None:
    assert ns.transform(106).status_code == 204
    assert ns.result(action="page", search=SEARCH, index=0, page_size=5)["count"] == 3


def test_the_status_criterion_is_rewritten_and_nothing_else(ns: Account) -> None:
    before = ns.result(action="inspect_search", search=SEARCH)
    change = ns.result(action="set_status", search=SEARCH, statuses=["SalesOrd:B"])
    after = ns.result(action="inspect_search", search=SEARCH)
    assert change == {"before": ["SalesOrd:F"], "after": ["SalesOrd:B"]}
    assert after["status_criterion"]["values"] == ["SalesOrd:B"]
    assert [one for one in after["filters"] if one["name"] != "status"] == [
        one for one in before["filters"] if one["name"] != "status"
    ]
    rows = ns.result(action="page", search=SEARCH, index=0, page_size=5)["rows"]
    assert [row["id"] for row in rows] == ["102", "113"]


def test_books_of_older_searches_become_an_expression_when_they_are_rewritten(ns: Account) -> None:
    ns.result(action="set_status", search="1202", statuses=["SalesOrd:F"])
    found = ns.result(action="inspect_search", search="1202")
    assert found["filter_expression"] == [["mainline", "is", "T"], "AND", ["status", "anyof", "SalesOrd:F"]]


@pytest.mark.parametrize(
    "request_,code,text",
    [
        ({}, "SSS_MISSING_REQD_ARGUMENT", "Missing a required argument: action"),
        ({"action": "drop"}, "SSS_INVALID_ACTION", "Unknown action 'drop'."),
        ({"action": "inspect_search"}, "SSS_MISSING_REQD_ARGUMENT", "Missing a required argument: search"),
        ({"action": "inspect_search", "search": "9"}, "INVALID_SEARCH", "That search or mass update does not exist."),
        (
            {"action": "page", "search": "1201", "index": 0},
            "SSS_MISSING_REQD_ARGUMENT",
            "Missing a required argument: page_size",
        ),
        (
            {"action": "page", "search": "1201", "index": -1, "page_size": 5},
            "INVALID_PAGE_RANGE",
            "Invalid page range.",
        ),
        (
            {"action": "page", "search": "1201", "index": 0, "page_size": 4},
            "SSS_INVALID_PAGE_SIZE",
            "The page size must be between 5 and 1000.",
        ),
        (
            {"action": "set_status", "search": "1201", "statuses": ["F"]},
            "SSS_INVALID_SRCH_FILTER_VAL",
            "The statuses must be a list of values such as SalesOrd:F.",
        ),
    ],
)
def test_errors_that_the_script_catches_come_with_status_200(
    ns: Account, request_: dict[str, object], code: str, text: str
) -> None:
    assert refused(ns, **request_) == (200, code, text)


def test_running_out_of_units_is_an_error(ns: Account) -> None:
    ns.simulator.control("preferences", {"restlet_units": 10})
    assert refused(ns, action="page", search="1201", index=0, page_size=5)[1] == "SSS_USAGE_LIMIT_EXCEEDED"


def test_numeric_and_script_ids_both_reach_the_script_and_others_do_not(ns: Account) -> None:
    body = {"action": "list_searches"}
    assert ns.call("POST", RESTLET, params={"script": "501", "deploy": "1"}, json=body).json()["ok"] is True
    wrong = ns.call("POST", RESTLET, params={"script": "502", "deploy": "1"}, json=body)
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (404, "SSS_INVALID_SCRIPTLET_ID")


PLACE = {"script": "501", "deploy": "1"}


def test_get_answers_as_about_and_takes_no_body(ns: Account) -> None:
    told = ns.call("GET", RESTLET, params=PLACE).json()
    assert told["result"] == ns.result(action="about")
    assert (told["result"]["account"], told["result"]["environment"]) == ("9000001_SB1", "SANDBOX")
    assert (told["result"]["role"], told["remaining_units"]) == ("customrole_billing", 4990)
    assert host_error(ns.call("GET", RESTLET, params=PLACE, json={"action": "about"}))[:2] == (400, "INVALID_REQUEST")


def test_preferences_are_told_as_they_are_now_or_not_at_all(ns: Account) -> None:
    ns.simulator.control("preferences", {"invoice_in_advance": "T"})
    assert ns.result(action="about")["preferences"]["invoice_in_advance"] == "T"
    ns.simulator.control("preferences", {"account_settings_visible": "F"})
    told = ns.result(action="about")
    assert {*told["preferences"].values(), *told["features"].values()} == {None}


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_methods_without_an_entry_point_are_refused(still: Account, method: str) -> None:
    assert host_error(still.call(method, RESTLET, params=PLACE, json={}))[:2] == (405, "SSS_INVALID_METHOD")


@pytest.mark.parametrize("media", ["text/plain", "application/xml", "application/vnd.oracle.resource+json"])
def test_a_body_that_does_not_say_it_is_json_is_refused(still: Account, media: str) -> None:
    answer = still.call("POST", RESTLET, params=PLACE, data=b'{"action":"about"}', headers={"Content-Type": media})
    assert host_error(answer)[:2] == (415, "UNSUPPORTED_MEDIA_TYPE")


def test_a_body_that_is_no_json_is_refused(still: Account) -> None:
    answer = still.call("POST", RESTLET, params=PLACE, data=b"{", headers={"Content-Type": "application/json"})
    assert answer.status_code == 400


def test_a_script_that_is_not_deployed_does_not_exist(ns: Account) -> None:
    ns.simulator.control("preferences", {"restlet_deployed": "F"})
    assert host_error(ns.restlet(action="about"))[:2] == (404, "SSS_INVALID_SCRIPTLET_ID")


def test_an_older_script_has_neither_about_nor_get(ns: Account) -> None:
    ns.simulator.control("preferences", {"restlet_version": "1.0.0"})
    assert ns.call("GET", RESTLET, params=PLACE).status_code == 405
    assert refused(ns, action="about")[1] == "SSS_INVALID_ACTION"
    assert ns.restlet(action="list_searches").json()["version"] == "1.0.0"


def test_strings_over_the_limit_do_not_pass_in_or_out(ns: Account) -> None:
    ns.simulator.control("preferences", {"restlet_max_bytes": 300})
    assert host_error(ns.restlet(action="page", search="1201", index=0, page_size=5))[:2] == (
        400,
        "SSS_FILE_CONTENT_SIZE_EXCEEDED",
    )
    assert host_error(ns.restlet(action="x" * 400))[:2] == (400, "SSS_FILE_CONTENT_SIZE_EXCEEDED")


@pytest.mark.parametrize(
    "kind,code", [("script_error", "UNEXPECTED_ERROR"), ("script_timeout", "SSS_TIME_LIMIT_EXCEEDED")]
)
def test_an_error_that_the_script_does_not_catch_hides_its_details_in_the_message(
    ns: Account, kind: str, code: str
) -> None:
    ns.simulator.control("faults", {"faults": [{"where": "restlet", "kind": kind, "times": 1}]})
    status, told, message = host_error(ns.restlet(action="about"))
    assert (status, told) == (400, code)
    assert (json.loads(message)["type"], json.loads(message)["name"]) == ("error.SuiteScriptError", code)
    assert ns.restlet(action="about").json()["ok"] is True


def test_a_role_without_perform_search_is_told_so_by_the_script(ns: Account) -> None:
    role = {"role": "Billing", "permissions": {"TRAN_SALESORD": "VIEW", "ADMI_LOGIN_OAUTH": "FULL"}}
    ns.simulator.control("roles", role)
    status, code, text = refused(ns, action="list_searches")
    assert (status, code) == (200, "INSUFFICIENT_PERMISSION")
    assert "Perform Search" in text
    assert ns.result(action="about")["role"] == "customrole_billing"


def test_searches_for_other_roles_do_not_exist(ns: Account, tmp_path: Path) -> None:
    connection = tables.connect(tmp_path / "books.db")
    connection.execute("UPDATE savedsearch SET roles = 'Controller, Auditor' WHERE id = 1202")
    connection.execute("UPDATE savedsearch SET roles = 'Auditor, Billing' WHERE id = 1201")
    connection.close()
    assert [one["id"] for one in ns.result(action="list_searches")["searches"]] == ["1201"]
    assert refused(ns, action="inspect_search", search="1202")[1] == "INVALID_SEARCH"
    assert refused(ns, action="set_status", search="1202", statuses=["SalesOrd:F"])[1] == "INVALID_SEARCH"


@pytest.mark.parametrize(
    "request_,units",
    [
        ({"action": "about"}, 10),
        ({"action": "list_searches"}, 10),
        ({"action": "inspect_search", "search": "1201"}, 5),
        ({"action": "page", "search": "1201", "index": 0, "page_size": 5}, 15),
        ({"action": "page", "search": "1201", "index": 9, "page_size": 5}, 10),
        ({"action": "nothing"}, 0),
    ],
)
def test_units_are_charged_step_by_step(still: Account, request_: dict[str, object], units: int) -> None:
    assert still.restlet(**request_).json()["remaining_units"] == 5000 - units


def test_a_search_needs_no_more_than_a_thousand_pages(ns: Account, tmp_path: Path) -> None:
    connection = tables.connect(tmp_path / "books.db")
    connection.execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) "
        "INSERT INTO txn (type, tranid, status, entity, subsidiary, currency, trandate, createddate, lastmodifieddate, otherrefnum) "
        "SELECT 'SalesOrd', 'X' || i, 'F', 201, 1, 1, '2026-02-01', '', '', 'x' FROM n"
    )
    connection.close()
    assert refused(ns, action="page", search="1201", index=0, page_size=5)[1] == "INVALID_PAGE_RANGE"
    assert ns.result(action="page", search="1201", index=0, page_size=6)["page_count"] == 834
