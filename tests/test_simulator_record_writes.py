from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from simulator_account import RECORD, Account, open_account, rest_error
from simulator_books import make_books

from nsbill.simulator.books import Books
from nsbill.simulator.errors import Refusal
from nsbill.simulator.record_catalogue import resource_of
from nsbill.simulator.record_fields import Resource
from nsbill.simulator.record_routes import answer_record
from nsbill.simulator.request import Request


@pytest.fixture(scope="module")
def ns(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    with open_account(tmp_path_factory.mktemp("books")) as account:
        account.simulator.control("preferences", {"concurrency_limit": "20"})
        yield account


@pytest.fixture
def knob(ns: Account) -> Iterator[Any]:
    changed: dict[str, str] = {}

    def turn(**preferences: str) -> None:
        now = ns.simulator.control("preferences")
        for name, value in preferences.items():
            changed.setdefault(name, now[name])
            ns.simulator.control("preferences", {name: value})

    yield turn
    for name, value in changed.items():
        ns.simulator.control("preferences", {name: value})


def _lines(*lines: dict[str, Any]) -> dict[str, Any]:
    return {"items": list(lines)}


MUG = {"item": {"id": "11"}, "quantity": 2, "rate": 10.00, "taxAmount": 1.60}
SALE = {"entity": {"id": "201"}, "tranDate": "2026-02-10", "item": {"items": [MUG]}}


def _posted(ns: Account, record: str, body: Any, **headers: str) -> tuple[int, str, str]:
    return rest_error(ns.call("POST", f"{RECORD}/{record}", json=body, headers=headers))


def _totals(ns: Account, path: str) -> tuple[Decimal, ...]:
    body = ns.record(path)
    return body["subtotal"], body["taxTotal"], body["total"]


def _wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


# --- creating ---------------------------------------------------------------------------------------------------


def test_an_order_is_created_with_204_its_address_and_no_body(ns: Account) -> None:
    answer = ns.call("POST", f"{RECORD}/salesorder", json=SALE | {"externalId": "NEW-1", "otherRefNum": "111-1-1"})
    assert (answer.status_code, answer.content) == (204, b"")
    key = answer.headers["Location"].rpartition("/")[2]
    assert answer.headers["Location"] == f"{ns.url}{RECORD}/salesOrder/{key}"
    body = ns.record(f"/salesOrder/{key}")
    assert body["status"] == {"id": "A", "refName": "Pending Approval"}
    assert (body["externalId"], body["otherRefNum"], body["tranDate"]) == ("NEW-1", "111-1-1", "2026-02-10")
    assert (body["subtotal"], body["taxTotal"], body["total"]) == (Decimal("20.0"), Decimal("1.6"), Decimal("21.6"))
    assert body["currency"]["refName"] == "US Dollar"  # the subsidiary's
    assert body["terms"]["refName"] == "Net 14"  # the customer's
    assert body["tranId"].startswith("SO")
    assert ns.rows("SELECT status, foreigntotal FROM transaction WHERE id = ?", key) == [
        {"status": "A", "foreigntotal": "21.6"}
    ]


def test_orders_start_where_the_knob_says(ns: Account, knob: Any) -> None:
    knob(new_order_status="B")
    key = ns.create("salesOrder", SALE)
    assert ns.record(f"/salesOrder/{key}")["status"]["id"] == "B"
    key = ns.create("salesOrder", SALE | {"orderStatus": {"id": "A"}})
    assert ns.record(f"/salesOrder/{key}")["status"]["id"] == "A"


def test_an_invoice_stands_alone_open_and_due_by_its_terms(ns: Account) -> None:
    key = ns.create("invoice", SALE | {"custbody_celigo_etail_order_id": "111-0000099-0000099"})
    body = ns.record(f"/invoice/{key}")
    assert (body["status"]["refName"], body["dueDate"], body["amountRemaining"]) == (
        "Open",
        "2026-02-24",
        Decimal("21.6"),
    )
    assert body["postingPeriod"]["refName"] == "Feb 2026"
    assert body["custbody_celigo_etail_order_id"] == "111-0000099-0000099"
    assert "createdFrom" not in body


@pytest.mark.parametrize("extra,status", [({}, "B"), ({"account": {"id": "1"}}, "C"), ({"undepFunds": True}, "B")])
def test_a_cash_sale_waits_for_a_deposit_unless_an_account_is_named(ns: Account, extra: Any, status: str) -> None:
    key = ns.create("cashSale", SALE | {"paymentMethod": {"id": "3"}} | extra)
    body = ns.record(f"/cashSale/{key}")
    assert (body["status"]["id"], body["paymentOption"]["refName"]) == (status, "Credit Card")


@pytest.mark.parametrize(
    "line,amounts",
    [
        ({"quantity": 3, "rate": 3.33}, ("9.99", "0", "9.99")),
        ({"quantity": 3, "amount": 10}, ("10", "0", "10")),
        ({"rate": 5}, ("5", "0", "5")),
        ({"grossAmt": 10.80, "taxAmount": 0.80}, ("10", "0.8", "10.8")),
        ({"amount": 7, "rate": 99, "tax1Amt": 1}, ("7", "1", "8")),
    ],
)
def test_amounts_follow_from_what_a_line_gives(ns: Account, line: Any, amounts: tuple[str, ...]) -> None:
    key = ns.create("invoice", SALE | {"item": _lines({"item": {"id": "11"}, **line})})
    assert _totals(ns, f"/invoice/{key}") == tuple(Decimal(one) for one in amounts)


def test_amounts_stay_exact_beyond_binary_fractions(ns: Account) -> None:
    line = '{"item":{"id":"11"},"quantity":1,"amount":9007199254740.93,"taxAmount":0.07}'
    body = f'{{"entity":{{"id":"201"}},"tranDate":"2026-02-10","item":{{"items":[{line}]}}}}'
    answer = ns.call("POST", f"{RECORD}/invoice", data=body, headers={"Content-Type": "application/json"})
    key = answer.headers["Location"].rpartition("/")[2]
    assert '"total":9007199254741.0,' in ns.get(f"/invoice/{key}").text
    assert '"subtotal":9007199254740.93,' in ns.get(f"/invoice/{key}").text


# what is wrong | record | body | code | text | path
WRONG: list[tuple[str, Any, str, str, str | None]] = [
    ("invoice", {"item": SALE["item"]}, "USER_ERROR", "Please enter value(s) for: Customer", None),
    ("invoice", {"entity": {"id": "201"}}, "USER_ERROR", "You must enter at least one line item", "item"),
    ("invoice", SALE | {"entity": {"id": "999"}}, "USER_ERROR", "Invalid Field Value 999 for the following field: entity", "entity"),
    ("invoice", SALE | {"entity": {"externalId": "no"}}, "USER_ERROR", "Invalid Field Value no for", "entity"),
    ("invoice", SALE | {"terms": {"id": "77"}}, "USER_ERROR", "Invalid Field Value 77 for the following field: terms", "terms"),
    ("invoice", SALE | {"subsidiary": {"id": "2"}}, "USER_ERROR", "field: subsidiary", "subsidiary"),
    ("invoice", SALE | {"currency": {"id": "2"}}, "USER_ERROR", "Please enter value(s) for: Exchange Rate", None),
    ("invoice", SALE | {"tranDate": "2026-01-31"}, "USER_ERROR", "not within the date range of your accounting period", "tranDate"),
    ("invoice", SALE | {"tranDate": "10.2.2026"}, "INVALID_CONTENT", "field 'tranDate'", "tranDate"),
    ("invoice", SALE | {"tranDate": "2026-02-30"}, "INVALID_CONTENT", "field 'tranDate'", "tranDate"),
    ("invoice", SALE | {"memo": 5}, "INVALID_CONTENT", "field 'memo'", "memo"),
    ("invoice", SALE | {"externalId": "a|b"}, "INVALID_CONTENT", "field 'externalId'", "externalId"),
    ("invoice", SALE | {"status": {"id": "B"}}, "USER_ERROR", "set a value for element status", "status"),
    ("invoice", SALE | {"total": 5}, "USER_ERROR", "The field is read-only", "total"),
    ("invoice", SALE | {"item": []}, "INVALID_CONTENT", "field 'item'", "item"),
    ("invoice", SALE | {"item": _lines({"quantity": 1})}, "USER_ERROR", "Please enter value(s) for: Item", None),
    ("invoice", SALE | {"item": _lines(MUG, {"item": {"id": "12"}})}, "USER_ERROR", "Please enter value(s) for: Amount", None),
    ("invoice", SALE | {"item": _lines(MUG, {"item": {"id": "98"}, "amount": 1})}, "USER_ERROR", "Invalid Field Value 98 for the following field: item", "item.items[1].item"),
    ("invoice", SALE | {"item": _lines(MUG | {"quantity": 1.5})}, "INVALID_CONTENT", "field 'quantity'", "item.items[0].quantity"),
    ("invoice", SALE | {"item": _lines(MUG | {"rate": 1.005})}, "INVALID_CONTENT", "field 'rate'", "item.items[0].rate"),
    ("invoice", SALE | {"item": _lines(MUG | {"rate": "ten"})}, "INVALID_CONTENT", "field 'rate'", "item.items[0].rate"),
    ("invoice", SALE | {"item": _lines({"item": {"id": "31"}, "amount": -5})}, "USER_ERROR", "cannot be negative", "item"),
    ("invoice", {"entity": {"id": "203"}, "item": _lines(MUG | {"rate": 10.50})}, "INVALID_CONTENT", "field 'amount'", "item"),
    ("cashSale", SALE | {"undepFunds": False}, "USER_ERROR", "Please enter value(s) for: Account", None),
    ("salesOrder", SALE | {"orderStatus": {"id": "F"}}, "USER_ERROR", "set a value for element orderStatus", "orderStatus"),
    ("salesOrder", SALE | {"orderStatus": {"id": "Q"}}, "USER_ERROR", "Invalid Field Value Q", "orderStatus"),
    ("customer", {"companyName": "X"}, "USER_ERROR", "Please enter value(s) for: Primary Subsidiary", None),
    ("customer", {"companyName": "X", "subsidiary": {"id": "1"}, "entityId": "C1"}, "USER_ERROR", "This entity already exists.", "entityId"),
]  # fmt: skip


@pytest.mark.parametrize("record,body,code,text,path", WRONG)
def test_what_is_wrong_is_refused_and_nothing_is_kept(
    ns: Account, record: str, body: Any, code: str, text: str, path: str | None
) -> None:
    before = ns.get(f"/{record}").json()["totalResults"]
    answer = ns.call("POST", f"{RECORD}/{record}", json=body)
    status, found, detail = rest_error(answer)
    assert (status, found) == (400, code)
    assert text in detail
    assert answer.json()["o:errorDetails"][0].get("o:errorPath") == path
    assert ns.get(f"/{record}").json()["totalResults"] == before


def test_the_help_pages_words_for_a_bad_reference_are_a_knob(ns: Account, knob: Any) -> None:
    knob(invalid_reference="invalid_content")
    assert _posted(ns, "invoice", SALE | {"item": _lines(MUG | {"item": {"id": "9999"}})}) == (
        400,
        "INVALID_CONTENT",
        "Error while accessing resource: You have entered an Invalid Field Value 9999 for the following field: item",
    )


def test_read_only_properties_can_be_ignored_by_a_knob(ns: Account, knob: Any) -> None:
    knob(read_only_fields="ignore")
    key = ns.create("invoice", SALE | {"status": {"id": "B"}, "total": 1})
    assert ns.record(f"/invoice/{key}")["status"]["id"] == "A"


def test_mandatory_fields_of_the_form_count_for_new_bills_too(ns: Account, knob: Any) -> None:
    knob(mandatory_fields="memo")
    assert _posted(ns, "invoice", SALE)[2].endswith("Please enter value(s) for: Memo")


@pytest.mark.parametrize(
    "mode,status,warned", [("error", 400, False), ("warning", 204, True), ("ignore", 204, False), ("", 204, True)]
)
def test_unknown_properties_are_treated_as_the_header_says(ns: Account, mode: str, status: int, warned: bool) -> None:
    headers = {"X-NetSuite-PropertyNameValidation": mode} if mode else {}
    body = SALE | {"foo": 1, "item": _lines(MUG | {"bar": 2})}
    answer = ns.call("POST", f"{RECORD}/invoice", json=body, headers=headers)
    assert answer.status_code == status
    assert ("Warning" in answer.headers) is warned
    if warned:
        assert answer.headers["Warning"] == '299 - "Unknown properties: foo, item.items[0].bar"'
    if mode == "error":
        assert rest_error(answer)[1:] == ("INVALID_CONTENT", "Property 'foo' was not found in the resource 'invoice'.")


def test_values_of_the_wrong_form_can_be_let_through_but_wrong_references_never(ns: Account) -> None:
    headers = {"X-NetSuite-PropertyValueValidation": "warning"}
    answer = ns.call("POST", f"{RECORD}/invoice", json=SALE | {"memo": 5, "dueDate": "soon"}, headers=headers)
    assert (answer.status_code, answer.headers["Warning"]) == (204, '299 - "Unknown properties: memo, dueDate"')
    answer = ns.call("POST", f"{RECORD}/invoice", json=SALE | {"terms": {"id": "77"}}, headers=headers)
    assert answer.status_code == 400


def test_an_unknown_validation_mode_is_refused(ns: Account) -> None:
    answer = ns.call("POST", f"{RECORD}/invoice", json=SALE, headers={"X-NetSuite-PropertyNameValidation": "loud"})
    assert rest_error(answer)[:2] == (400, "INVALID_PARAMETER")
    assert answer.json()["o:errorDetails"][0]["o:errorHeader"] == "X-NetSuite-PropertyNameValidation"


@pytest.mark.parametrize(
    "data,media,status,code",
    [
        ("{", "application/json", 400, "INVALID_REQUEST"),
        ("[]", "application/json", 400, "INVALID_REQUEST"),
        ('{"x":NaN}', "application/json", 400, "INVALID_REQUEST"),
        ("{}", "text/plain", 415, "UNSUPPORTED_MEDIA_TYPE"),
        ("{}", "application/vnd.oracle.resource+json; type=collection", 400, "INVALID_PARAMETER"),
        ("{}", "application/vnd.oracle.resource+json; type=singular", 400, "USER_ERROR"),
    ],
)
def test_bodies_need_the_right_form(ns: Account, data: str, media: str, status: int, code: str) -> None:
    answer = ns.call("POST", f"{RECORD}/invoice", data=data, headers={"Content-Type": media})
    assert rest_error(answer)[:2] == (status, code)


def test_an_external_id_is_unique_over_all_transactions_or_by_type(ns: Account, knob: Any) -> None:
    ns.create("invoice", SALE | {"externalId": "ONE"})
    exists = (400, "USER_ERROR", "Error while accessing a resource. This record already exists.")
    assert _posted(ns, "invoice", SALE | {"externalId": "ONE"}) == exists
    assert _posted(ns, "cashSale", SALE | {"externalId": "ONE"}) == exists
    knob(externalid_namespace="type")
    assert _posted(ns, "invoice", SALE | {"externalId": "ONE"}) == exists
    assert ns.create("cashSale", SALE | {"externalId": "ONE"}).isdigit()
    assert ns.record("/cashSale/eid:ONE")["tranId"].startswith("CS")


def test_eight_at_once_with_one_external_id_make_one_record(ns: Account) -> None:
    answers: list[int] = []

    def post() -> None:
        answers.append(ns.call("POST", f"{RECORD}/invoice", json=SALE | {"externalId": "RACE"}).status_code)

    threads = [threading.Thread(target=post) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [204] + [400] * 7
    assert len(ns.rows("SELECT id FROM transaction WHERE externalid = ?", "RACE")) == 1


# --- changing ---------------------------------------------------------------------------------------------------


def test_a_patch_changes_what_it_names_and_answers_204_with_the_address(ns: Account) -> None:
    key = ns.create("invoice", SALE | {"memo": "old", "otherRefNum": "A"})
    answer = ns.patch(f"/invoice/{key}", {"memo": "new"})
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["Location"] == f"{ns.url}{RECORD}/invoice/{key}"
    body = ns.record(f"/invoice/{key}")
    assert (body["memo"], body["otherRefNum"], body["total"]) == ("new", "A", Decimal("21.6"))


def test_null_empties_a_field_and_so_does_replace_with_selected_fields(ns: Account) -> None:
    key = ns.create("invoice", SALE | {"memo": "old", "otherRefNum": "A"})
    assert ns.patch(f"/invoice/{key}", {"memo": None}).status_code == 204
    assert "memo" not in ns.record(f"/invoice/{key}")
    params = {"replaceSelectedFields": "true", "replace": "otherRefNum,memo"}
    assert ns.patch(f"/invoice/{key}", {"memo": "kept"}, params=params).status_code == 204
    body = ns.record(f"/invoice/{key}")
    assert body["memo"] == "kept"
    assert "otherRefNum" not in body


def test_replace_names_sublists_only(ns: Account) -> None:
    answer = ns.patch("/invoice/902", {}, params={"replace": "memo"})
    assert rest_error(answer)[:2] == (400, "INVALID_PARAMETER")
    assert answer.json()["o:errorDetails"][0]["o:errorQueryParam"] == "replace"


def test_lines_with_a_number_are_changed_and_others_added(ns: Account) -> None:
    key = ns.create("salesOrder", SALE)
    lines = _lines({"line": 1, "quantity": 3}, {"item": {"id": "21"}, "amount": 4.99})
    assert ns.patch(f"/salesOrder/{key}", {"item": lines}).status_code == 204
    body = ns.record(f"/salesOrder/{key}")
    assert [(one["line"], one["quantity"], one["amount"]) for one in body["item"]["items"]] == [
        (1, 3, Decimal("30.0")),
        (2, 1, Decimal("4.99")),
    ]
    assert (body["total"], body["taxTotal"]) == (Decimal("36.59"), Decimal("1.6"))


def test_replace_item_keeps_named_lines_and_removes_the_rest(ns: Account) -> None:
    key = ns.create("salesOrder", SALE | {"item": _lines(MUG, MUG, MUG)})
    lines = _lines({"line": 2, "description": "stays"}, {"item": {"id": "12"}, "amount": 5})
    assert ns.patch(f"/salesOrder/{key}", {"item": lines}, params={"replace": "item"}).status_code == 204
    items = ns.record(f"/salesOrder/{key}")["item"]["items"]
    assert [(one["line"], one.get("description")) for one in items] == [(2, "stays"), (4, None)]


def test_a_line_cannot_be_named_twice_nor_get_another_item(ns: Account) -> None:
    key = ns.create("salesOrder", SALE)
    twice = ns.patch(f"/salesOrder/{key}", {"item": _lines({"line": 1}, {"line": 1})})
    assert twice.json()["o:errorDetails"][0]["o:errorPath"] == "item.items[1].line"
    other = ns.patch(f"/salesOrder/{key}", {"item": _lines({"line": 1, "item": {"id": "12"}})})
    assert "set a value for element item.items[0].item" in rest_error(other)[2]


def test_billed_quantities_and_lines_of_an_order_stay(ns: Account) -> None:
    assert "cannot be less" in rest_error(ns.patch("/salesOrder/107", {"item": _lines({"line": 1, "quantity": 0})}))[2]
    lines = {"item": _lines({"item": {"id": "12"}, "amount": 5})}
    answer = ns.patch("/salesOrder/107", lines, params={"replace": "item"})
    assert "linked to other transactions" in rest_error(answer)[2]


def test_closing_every_line_closes_the_order_and_opening_one_opens_it(ns: Account) -> None:
    key = ns.create("salesOrder", SALE | {"orderStatus": {"id": "B"}})
    ns.patch(f"/salesOrder/{key}", {"item": _lines({"line": 1, "isClosed": True})})
    assert ns.record(f"/salesOrder/{key}")["status"]["refName"] == "Closed"
    ns.patch(f"/salesOrder/{key}", {"item": _lines({"line": 1, "isClosed": False})})
    assert ns.record(f"/salesOrder/{key}")["status"]["refName"] == "Pending Fulfillment"


def test_an_order_is_approved_by_its_order_status_and_by_nothing_else(ns: Account) -> None:
    key = ns.create("salesOrder", SALE)
    assert "element status" in rest_error(ns.patch(f"/salesOrder/{key}", {"status": {"id": "B"}}))[2]
    assert ns.patch(f"/salesOrder/{key}", {"orderStatus": {"id": "B"}}).status_code == 204
    assert ns.record(f"/salesOrder/{key}")["status"]["id"] == "B"
    assert rest_error(ns.patch("/salesOrder/106", {"orderStatus": {"id": "B"}}))[0] == 400


@pytest.mark.parametrize(
    "path,change",
    [
        ("/salesOrder/101", {"orderStatus": None}),
        ("/salesOrder/101", {"tranDate": None}),
        ("/invoice/902", {"approvalStatus": None}),
        ("/invoice/902", {"tranId": None}),
        ("/salesOrder/101", {"item": {"items": [{"line": 1, "quantity": None}]}}),
        ("/customer/201", {"companyName": None}),
    ],
)
def test_what_a_record_must_have_cannot_be_emptied(ns: Account, path: str, change: Any) -> None:
    status, code, text = rest_error(ns.patch(path, change))
    assert (status, code) == (400, "USER_ERROR")
    assert "Please enter value(s) for:" in text


def test_the_customer_can_be_repeated_but_not_exchanged(ns: Account) -> None:
    key = ns.create("invoice", SALE)
    assert ns.patch(f"/invoice/{key}", {"entity": {"id": "201"}, "memo": "x"}).status_code == 204
    assert "element entity" in rest_error(ns.patch(f"/invoice/{key}", {"entity": {"id": "202"}}))[2]


def test_what_is_posted_to_a_closed_period_stays_as_it_is(ns: Account, knob: Any) -> None:
    key = ns.create("invoice", SALE)
    assert "accounting period" in rest_error(ns.patch(f"/invoice/{key}", {"tranDate": "2026-01-15"}))[2]
    named = ns.patch(f"/invoice/{key}", {"postingPeriod": {"id": "1"}})
    assert "accounting period" in rest_error(named)[2]
    knob(dates_outside_period="allow")
    old = ns.create("invoice", SALE | {"tranDate": "2026-01-15"})
    assert ns.record(f"/invoice/{old}")["postingPeriod"]["refName"] == "Feb 2026"
    connection = sqlite3.connect(ns.simulator.control_state.books.database)
    connection.execute("UPDATE txn SET postingperiod = 1 WHERE id = ?", (old,))  # January was open then
    connection.commit()
    connection.close()
    assert "accounting period" in rest_error(ns.patch(f"/invoice/{old}", {"memo": "x"}))[2]
    assert "accounting period" in rest_error(ns.delete(f"/invoice/{old}"))[2]
    knob(non_gl_changes="T")
    assert ns.patch(f"/invoice/{old}", {"memo": "x"}).status_code == 204
    assert ns.patch(f"/invoice/{old}", {"item": _lines({"line": 1, "quantity": 1})}).status_code == 400


@pytest.mark.parametrize("lock,status", [("optimistic", 400), ("off", 204)])
def test_a_record_that_changed_between_reading_and_saving_is_refused(
    ns: Account, knob: Any, lock: str, status: int
) -> None:
    key = ns.create("invoice", SALE)
    knob(record_lock=lock)
    answers: list[Any] = []
    patch = threading.Thread(target=lambda: answers.append(ns.patch(f"/invoice/{key}", {"memo": "mine"})))
    books = ns.simulator.control_state.books
    with books.writing() as connection:  # another writer holds the books while the PATCH has read and waits
        patch.start()
        _wait_for(lambda: ns.simulator.control("statistics")["in_flight"] > 0)
        time.sleep(0.3)
        connection.execute("UPDATE txn SET memo = 'theirs' WHERE id = ?", (key,))
    patch.join()
    assert answers[0].status_code == status
    if status == 400:
        assert rest_error(answers[0])[1] == "RCRD_HAS_BEEN_CHANGED"
        assert ns.record(f"/invoice/{key}")["memo"] == "theirs"


def test_invoices_may_wait_for_approval(ns: Account, knob: Any) -> None:
    knob(invoice_approval="pending")
    key = ns.create("invoice", SALE)
    body = ns.record(f"/invoice/{key}")
    assert (body["approvalStatus"]["refName"], body["status"]["refName"]) == ("Pending Approval", "Pending Approval")
    assert rest_error(ns.patch(f"/invoice/{key}", {"approvalStatus": {"id": "9"}}))[0] == 400
    assert ns.patch(f"/invoice/{key}", {"approvalStatus": {"id": "2"}}).status_code == 204
    assert ns.record(f"/invoice/{key}")["status"]["refName"] == "Open"
    approved = ns.create("invoice", SALE | {"approvalStatus": {"id": "2"}})
    assert ns.record(f"/invoice/{approved}")["status"]["id"] == "A"


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_changing_what_does_not_exist_is_nonexistent(ns: Account, method: str) -> None:
    assert rest_error(ns.call(method, f"{RECORD}/invoice/99999", json={})) == (
        404,
        "NONEXISTENT_ID",
        "Record does not exist.",
    )


@pytest.mark.parametrize(
    "method,path", [("POST", "/invoice/902"), ("PATCH", "/invoice"), ("DELETE", "/invoice"), ("PUT", "/invoice")]
)
def test_methods_have_their_places(ns: Account, method: str, path: str) -> None:
    assert rest_error(ns.call(method, RECORD + path, json=SALE))[:2] == (405, "METHOD_NOT_ALLOWED")


# --- upsert -----------------------------------------------------------------------------------------------------


def test_put_creates_by_external_id_and_then_changes(ns: Account) -> None:
    answer = ns.call("PUT", f"{RECORD}/invoice/eid:UP-1", json=SALE)
    assert answer.status_code == 204
    first = answer.headers["Location"]
    answer = ns.call("PUT", f"{RECORD}/invoice/eid:UP-1", json={"memo": "second"})
    assert (answer.status_code, answer.headers["Location"]) == (204, first)
    body = ns.record("/invoice/eid:UP-1")
    assert (body["memo"], body["total"], body["externalId"]) == ("second", Decimal("21.6"), "UP-1")


def test_put_works_only_with_an_external_id(ns: Account) -> None:
    assert rest_error(ns.call("PUT", f"{RECORD}/invoice/902", json=SALE))[:2] == (400, "INVALID_REQUEST")
    answer = ns.call("PUT", f"{RECORD}/invoice/eid:UP-2", json=SALE | {"externalId": "OTHER"})
    assert rest_error(answer)[1] == "INVALID_CONTENT"
    assert ns.get("/invoice/eid:UP-2").status_code == 404


# --- deleting ---------------------------------------------------------------------------------------------------


def test_deleting_a_bill_puts_its_order_back(ns: Account) -> None:
    assert ns.transform(106, body={"externalId": "BACK"}).status_code == 204
    assert ns.record("/salesOrder/106")["status"]["id"] == "G"
    answer = ns.delete("/invoice/eid:BACK")
    assert (answer.status_code, answer.content) == (204, b"")
    order = ns.record("/salesOrder/106")
    assert order["status"]["id"] == "F"
    assert [one["quantityBilled"] for one in order["item"]["items"]] == [0, 0, 0, 0]
    assert ns.rows("SELECT nextdoc FROM nexttransactionlinelink WHERE previousdoc = 106") == []
    assert ns.transform(106, body={"externalId": "BACK"}).status_code == 204  # the id is free again


def test_changing_a_bills_quantity_changes_what_is_billed_of_the_order(ns: Account) -> None:
    answer = ns.transform(112)
    key = answer.headers["Location"].rpartition("/")[2]
    assert (
        ns.patch(
            f"/invoice/{key}", {"item": _lines({"line": 1, "quantity": 1, "amount": 3.33, "taxAmount": 0.33})}
        ).status_code
        == 204
    )
    order = ns.record("/salesOrder/112")
    assert (order["status"]["id"], order["item"]["items"][0]["quantityBilled"]) == ("F", 1)
    assert ns.rows("SELECT foreignamount FROM nexttransactionlinelink WHERE nextdoc = ?", key) == [
        {"foreignamount": "3.33"}
    ]
    more = ns.patch(f"/invoice/{key}", {"item": _lines({"line": 1, "quantity": 4})})
    assert "more than what is left to bill" in rest_error(more)[2]


def test_a_fulfilment_counts_once_it_is_shipped_and_deleting_it_takes_the_goods_back(ns: Account) -> None:
    order = ns.create("salesOrder", SALE | {"orderStatus": {"id": "B"}})
    made = ns.call("POST", f"{RECORD}/salesOrder/{order}/!transform/itemFulfillment", json={"tranDate": "2026-02-10"})
    assert made.status_code == 204, made.text
    key = made.headers["Location"].rpartition("/")[2]
    other = ns.create("salesOrder", SALE | {"orderStatus": {"id": "B"}})
    picked = ns.call("POST", f"{RECORD}/salesOrder/{other}/!transform/itemFulfillment", json={"tranDate": "2026-02-10"})
    assert ns.delete(f"/itemFulfillment/{picked.headers['Location'].rpartition('/')[2]}").status_code == 204
    assert ns.patch(f"/itemFulfillment/{key}", {"shipStatus": {"id": "C"}, "memo": "gone"}).status_code == 204
    shown = ns.record(f"/itemFulfillment/{key}")
    assert (shown["shipStatus"]["refName"], shown["item"]["items"][0]["orderLine"]) == ("Shipped", 1)
    assert ns.record(f"/salesOrder/{order}")["status"]["id"] == "F"
    bill = ns.transform(order).headers["Location"].rpartition("/")[2]
    assert "dependent records" in rest_error(ns.delete(f"/itemFulfillment/{key}"))[2]
    assert ns.delete(f"/invoice/{bill}").status_code == 204
    assert ns.delete(f"/itemFulfillment/{key}").status_code == 204
    body = ns.record(f"/salesOrder/{order}")
    assert (body["status"]["id"], body["item"]["items"][0]["quantityFulfilled"]) == ("B", 0)


DEPENDENT = "Error while accessing a resource. This record cannot be deleted because it has dependent records."


@pytest.mark.parametrize("path", ["/invoice/901", "/salesOrder/107", "/customer/201"])
def test_what_others_depend_on_cannot_be_deleted(ns: Account, path: str) -> None:
    assert rest_error(ns.delete(path)) == (400, "USER_ERROR", DEPENDENT)
    assert ns.get(path).status_code == 200


def test_an_order_without_bills_can_be_deleted(ns: Account) -> None:
    key = ns.create("salesOrder", SALE)
    assert ns.delete(f"/salesOrder/{key}").status_code == 204
    assert rest_error(ns.get(f"/salesOrder/{key}"))[1] == "NONEXISTENT_ID"
    assert ns.rows("SELECT id FROM transactionline WHERE transaction = ?", key) == []


# --- customers --------------------------------------------------------------------------------------------------


def test_a_customer_is_created_found_by_external_id_changed_and_deleted(ns: Account) -> None:
    body = {
        "companyName": "Amazon.fr", "subsidiary": {"id": "2"}, "externalId": "AMZ-FR", "email": "a@example.com",
        "custentity_celigo_etail_channel": {"id": "2"}, "custentity_celigo_amzio_accounts": "FR",
    }  # fmt: skip
    key = ns.create("customer", body)
    shown = ns.record("/customer/eid:AMZ-FR")
    assert (shown["id"], shown["companyName"], shown["custentity_celigo_amzio_accounts"]) == (key, "Amazon.fr", "FR")
    assert shown["custentity_celigo_etail_channel"]["refName"] == "Amazon DE"
    assert _posted(ns, "customer", body)[2].endswith("This entity already exists.")
    assert ns.patch(f"/customer/{key}", {"isInactive": True}).status_code == 204
    refused = _posted(ns, "invoice", SALE | {"entity": {"externalId": "AMZ-FR"}})
    assert refused[2].endswith(f"Invalid Field Value {key} for the following field: entity")
    ns.patch(f"/customer/{key}", {"isInactive": False})
    invoice = ns.create("invoice", SALE | {"entity": {"externalId": "AMZ-FR"}})
    assert ns.record(f"/invoice/{invoice}")["entity"]["id"] == key
    ns.delete(f"/invoice/{invoice}")
    assert ns.delete(f"/customer/{key}").status_code == 204
    assert ns.rows("SELECT id FROM customer WHERE id = ?", key) == []


# --- whatever comes in ------------------------------------------------------------------------------------------

ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 11, 901, 10**15, 10**30, "", "x", "A", "9999-12-31", {}, [], {"id": None}, {"id": "1"}, {"id": "-5"},
    {"externalId": "INV-107"}, {"items": []}, {"items": [None]}, {"items": [{}]}, {"items": [{"line": 1}]},
)  # fmt: skip
PLACES = ["/salesOrder/106", "/invoice/901", "/invoice/902", "/customerPayment/903", "/creditMemo/904", "/customer/201"]
FULL: dict[str, Any] = {
    "salesOrder": SALE, "invoice": SALE, "cashSale": SALE, "cashRefund": SALE, "creditMemo": SALE,
    "customerPayment": {"customer": {"id": "201"}, "payment": 5, "tranDate": "2026-02-10"},
    "customerRefund": {
        "customer": {"id": "201"}, "account": {"id": "1"}, "tranDate": "2026-02-10",
        "apply": {"items": [{"doc": {"id": "904"}, "apply": True, "amount": 1}]},
    },
    "deposit": {
        "account": {"id": "1"}, "subsidiary": {"id": "1"}, "tranDate": "2026-02-10",
        "other": {"items": [{"account": {"id": "4"}, "amount": 5}]},
    },
    "customer": {"companyName": "Odd", "subsidiary": {"id": "1"}},
}  # fmt: skip


def _odd_bodies(resource: Resource, base: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every property, of the record and of its lines, with every odd value."""
    for field in resource.fields:
        yield from ({**base, field.name: value} for value in ODD)
    for sublist in resource.sublists:
        yield from ({**base, sublist.name: value} for value in ODD)
        given = base.get(sublist.name, {"items": [{"line": 1, "doc": {"id": "902"}, "id": 903}]})["items"][0]
        known = {name: value for name, value in given.items() if name in sublist.by_name}
        for field in sublist.fields:
            yield from ({**base, sublist.name: {"items": [{**known, field.name: value}]}} for value in ODD)


def test_no_body_however_odd_makes_it_fail_or_unbalances_the_books(tmp_path: Path) -> None:
    """In-process, on the routes themselves: an exception other than a refusal would come through."""
    books = Books(make_books(tmp_path / "books.db"))
    preferences = books.preferences() | {"read_only_fields": "ignore"}
    targets = [("POST", f"/{name}", name, body) for name, body in FULL.items()]
    targets += [("PATCH", path, path.split("/")[1], {}) for path in PLACES]
    headers = {"content-type": "application/json", "x-netsuite-propertynamevalidation": "ignore"}
    answers: Counter[int] = Counter()
    for method, path, name, base in targets:
        for body in _odd_bodies(resource_of(name), base):
            request = Request(method, RECORD + path, "localhost", headers, json.dumps(body).encode())
            try:
                answers[answer_record(books, request, preferences).status] += 1
            except Refusal as refusal:
                answers[refusal.status] += 1
    wrong = books.reader().execute(
        "SELECT id, type, total, paid, status FROM txn WHERE paid < 0 OR total < 0 OR paid > total OR "
        "(type = 'CustInvc' AND status IN ('A', 'B') AND (status = 'B') <> (paid = total))"
    )
    assert [dict(row) for row in wrong] == []
    books.close()
    assert set(answers) == {204, 400}
    assert min(answers.values()) > 1000
