from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from simulator_account import RESTLET, Account, open_account

SEARCH = "customsearch_nsbill_orders_to_bill"


@pytest.fixture
def ns(tmp_path: Path) -> Iterator[Account]:
    with open_account(tmp_path) as account:
        yield account


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
    assert (answer["ok"], answer["version"], answer["remaining_units"]) == (True, "1.0.0", 4995)


@pytest.mark.parametrize("key", ["1201", SEARCH, SEARCH.upper()])
def test_a_search_is_found_by_id_and_by_script_id(ns: Account, key: str) -> None:
    found = ns.result(action="inspect_search", search=key)
    assert (found["id"], found["title"]) == ("1201", "Orders to bill")
    assert [column["index"] for column in found["columns"]] == list(range(13))
    assert found["columns"][10] == {
        "index": 10,
        "name": "fxamount",
        "label": "Fxamount",
        "type": "currency",
        "join": None,
        "summary": None,
        "formula": None,
        "sort": None,
    }
    assert found["filters"][2] == {"name": "otherrefnum", "operator": "isnotempty", "values": [], "join": None}
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


def test_a_criterion_of_another_kind_is_not_rewritten(ns: Account) -> None:
    criterion = ns.result(action="inspect_search", search="1202")["status_criterion"]
    assert (criterion["present"], criterion["operator"], criterion["writable"]) == (True, "noneof", False)
    assert refused(ns, action="set_status", search="1202", statuses=["SalesOrd:F"]) == (
        200,
        "STATUS_NOT_WRITABLE",
        "The criterion on the status uses the operator 'noneof'.",
    )


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


def test_other_methods_and_other_bodies_are_refused(ns: Account) -> None:
    place = {"script": "501", "deploy": "1"}
    assert ns.call("GET", RESTLET, params=place).status_code == 405
    assert ns.call("POST", RESTLET, params=place, data="x", headers={"Content-Type": "text/plain"}).status_code == 415
