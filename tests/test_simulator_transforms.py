from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulator_account import RECORD, Account, open_account, rest_error

from nsbill.simulator.billing_rules import OrderLine, part_of, status_after

NOT_VALID = (400, "USER_ERROR", "Error while accessing a resource. That is not a valid record transformation.")
NO_LINE = (
    400,
    "USER_ERROR",
    "Error while accessing a resource. You must enter at least one line item for this transaction.",
)
EXISTS = (400, "USER_ERROR", "Error while accessing a resource. This record already exists.")
PERIOD = (
    400,
    "USER_ERROR",
    "Error while accessing a resource. The transaction date you specified is not within the date range of your accounting period.",
)


@pytest.fixture
def ns(tmp_path: Path) -> Iterator[Account]:
    with open_account(tmp_path) as account:
        yield account


def record(ns: Account, location: str) -> dict[str, Any]:
    path = location.removeprefix(ns.url + RECORD)
    body: dict[str, Any] = ns.get(path, params={"expandSubResources": "true"}).json(parse_float=Decimal)
    return body


def lines(body: dict[str, Any]) -> list[tuple[int, int, Decimal, Decimal]]:
    return [(one["orderLine"], one["quantity"], one["amount"], one["tax1Amt"]) for one in body["item"]["items"]]


def order_status(ns: Account, order: int) -> str:
    return str(ns.get(f"/salesOrder/{order}").json()["status"]["id"])


def quantity(**by_line: int) -> dict[str, Any]:
    items = [{"orderLine": int(line[1:]), "quantity": number} for line, number in by_line.items()]
    return {"item": {"items": items}}


def test_success_is_204_with_the_new_address_and_nothing_else(ns: Account) -> None:
    answer = ns.transform(106, body={"externalId": "INV-106"})
    assert answer.status_code == 204
    assert answer.content == b""
    assert "Content-Type" not in answer.headers
    location = answer.headers["Location"]
    assert location.startswith(f"{ns.url}{RECORD}/invoice/")
    body = record(ns, location)
    assert body["externalId"] == "INV-106"
    assert body["tranId"] == "INV1003"
    assert body["createdFrom"]["id"] == "106"
    assert (body["tranDate"], body["dueDate"]) == ("2026-02-10", "2026-02-24")
    assert body["postingPeriod"]["refName"] == "Feb 2026"
    assert body["total"] == Decimal("51.67")
    for name in (
        "entity",
        "currency",
        "subsidiary",
        "terms",
        "otherRefNum",
        "memo",
        "custbody_celigo_etail_order_id",
        "custbody_celigo_etail_channel",
        "exchangeRate",
    ):
        assert body[name] == ns.get("/salesOrder/106").json(parse_float=Decimal)[name], name
    assert order_status(ns, 106) == "G"


def test_a_cash_sale_carries_the_payment_method_and_no_terms(ns: Account) -> None:
    answer = ns.transform(109, "cashsale")
    assert answer.headers["Location"].startswith(f"{ns.url}{RECORD}/cashSale/")
    body = record(ns, answer.headers["Location"])
    assert (body["tranId"], body["status"]["refName"]) == ("CS1001", "Not Deposited")
    assert body["paymentOption"]["refName"] == "Credit Card"
    assert "terms" not in body
    assert "dueDate" not in body


@pytest.mark.parametrize(
    "order,expected",
    [(101, NOT_VALID), (102, NOT_VALID), (103, NOT_VALID), (104, NOT_VALID), (107, NOT_VALID), (108, NOT_VALID)],
)
@pytest.mark.parametrize("target", ["invoice", "cashSale"])
def test_orders_that_may_not_be_billed_are_refused(
    ns: Account, order: int, target: str, expected: tuple[int, str, str]
) -> None:
    before = order_status(ns, order)
    assert rest_error(ns.transform(order, target)) == expected
    assert order_status(ns, order) == before


def test_an_order_without_goods_needs_no_shipping(ns: Account) -> None:
    assert ns.transform(113).status_code == 204
    assert order_status(ns, 113) == "G"


def test_an_unknown_order_is_nonexistent(ns: Account) -> None:
    missing = (404, "NONEXISTENT_ID", "Record does not exist.")
    assert rest_error(ns.transform(4711)) == missing
    assert rest_error(ns.transform(901)) == missing  # an invoice


def test_a_partly_shipped_order_bills_what_is_shipped_and_its_charges_once(ns: Account) -> None:
    body = record(ns, ns.transform(105).headers["Location"])
    assert lines(body) == [(1, 2, Decimal(20), Decimal("1.6")), (3, 1, Decimal(5), Decimal(0))]
    assert order_status(ns, 105) == "D"
    assert rest_error(ns.transform(105)) == NOT_VALID


def test_billing_in_advance_takes_everything_and_leaves_the_order_pending_fulfillment(ns: Account) -> None:
    ns.simulator.control("preferences", {"invoice_in_advance": "T"})
    body = record(ns, ns.transform(102).headers["Location"])
    assert body["total"] == Decimal("26.6")
    assert order_status(ns, 102) == "B"
    assert rest_error(ns.transform(102)) == NO_LINE


def test_parts_add_up_to_the_order_and_the_last_one_carries_the_cent(ns: Account) -> None:
    parts = [record(ns, ns.transform(112, body=quantity(_1=1)).headers["Location"]) for _ in range(3)]
    assert [lines(part)[0][2:] for part in parts] == [
        (Decimal("3.33"), Decimal("0.33")),
        (Decimal("3.33"), Decimal("0.33")),
        (Decimal("3.34"), Decimal("0.34")),
    ]
    assert sum(part["total"] for part in parts) == Decimal("11.00")
    assert order_status(ns, 112) == "G"


def test_an_order_stays_pending_billing_while_it_is_partly_billed(ns: Account) -> None:
    body = record(ns, ns.transform(106, body=quantity(_1=1, _2=0)).headers["Location"])
    assert [line[:2] for line in lines(body)] == [(1, 1), (3, 1), (4, 1)]
    assert order_status(ns, 106) == "F"
    rest = record(ns, ns.transform(106).headers["Location"])
    assert lines(rest) == [(1, 1, Decimal(10), Decimal("0.81")), (2, 1, Decimal("25.99"), Decimal("2.08"))]
    assert order_status(ns, 106) == "G"


def test_yen_are_never_divided(ns: Account) -> None:
    parts = [record(ns, ns.transform(110, body=quantity(_1=1)).headers["Location"])["total"] for _ in range(3)]
    assert parts == [Decimal(366), Decimal(366), Decimal(368)]


def test_more_than_is_billable_is_refused_unless_unfulfilled_items_are_shown(ns: Account) -> None:
    status, code, text = rest_error(ns.transform(105, body=quantity(_2=1)))
    assert (status, code) == (400, "USER_ERROR")
    assert (
        text
        == "Error while accessing a resource. You have entered an Invalid Field Value 1 for the following field: quantity"
    )
    ns.simulator.control("preferences", {"show_unfulfilled_items": "T"})
    body = record(ns, ns.transform(105).headers["Location"])
    assert [line[:2] for line in lines(body)] == [(1, 2), (2, 0), (3, 1)]


def test_an_unknown_order_line_and_an_empty_choice_are_refused(ns: Account) -> None:
    assert rest_error(ns.transform(106, body=quantity(_9=1)))[2].endswith(
        "Invalid Field Value 9 for the following field: orderLine"
    )
    assert rest_error(ns.transform(106, body=quantity(_1=0, _2=0, _3=0, _4=0))) == NO_LINE


@pytest.mark.parametrize("external_id", ["INV-107", "SO-101"])
def test_an_external_id_is_unique_over_all_transactions(ns: Account, external_id: str) -> None:
    assert rest_error(ns.transform(106, body={"externalId": external_id})) == EXISTS
    assert order_status(ns, 106) == "F"


@pytest.mark.parametrize(
    "body,field",
    [
        ({"tranDate": "2/10/2026"}, "tranDate"),
        ({"tranDate": "2026-02-30"}, "tranDate"),
        ({"tranDate": 20260210}, "tranDate"),
        ({"externalId": "has space"}, "externalId"),
        ({"externalId": 5}, "externalId"),
        ({"item": []}, "item"),
        ({"memo": {"id": "1"}}, "memo"),
        ({"terms": {"name": "Net 14"}}, "terms"),
    ],
)
def test_values_of_the_wrong_form_are_refused(ns: Account, body: dict[str, Any], field: str) -> None:
    expected = f"Invalid value for the resource or sub-resource field '{field}'. Provide a valid value."
    assert rest_error(ns.transform(106, body=body)) == (400, "INVALID_CONTENT", expected)


@pytest.mark.parametrize("day", ["2026-01-15", "2025-12-31"])
def test_a_date_in_a_closed_or_missing_period_is_refused(ns: Account, day: str) -> None:
    assert rest_error(ns.transform(106, body={"tranDate": day})) == PERIOD


def test_a_closed_period_posts_into_the_next_open_one_when_the_account_allows_it(ns: Account) -> None:
    ns.simulator.control("preferences", {"dates_outside_period": "allow"})
    body = record(ns, ns.transform(106, body={"tranDate": "2026-01-15"}).headers["Location"])
    assert (body["tranDate"], body["postingPeriod"]["refName"]) == ("2026-01-15", "Feb 2026")


def test_the_date_is_today_when_none_is_given(ns: Account) -> None:
    answer = ns.call("POST", f"{RECORD}/salesOrder/106/!transform/invoice")
    today = ns.simulator.control("clock")["now"][:10]
    assert record(ns, answer.headers["Location"])["tranDate"] == today


def test_unknown_property_names_are_refused_warned_of_or_ignored(ns: Account) -> None:
    def send(order: int, mode: str | None) -> Any:
        headers = {"X-NetSuite-PropertyNameValidation": mode} if mode else {}
        return ns.transform(order, body={"extrenalId": "typo"}, headers=headers)

    refused = rest_error(send(106, "error"))
    assert refused == (400, "INVALID_CONTENT", "Property 'extrenalId' was not found in the resource 'invoice'.")
    assert "extrenalId" in send(106, None).headers["Warning"]
    assert "Warning" not in send(112, "ignore").headers


def test_a_mandatory_field_is_asked_for_by_its_label(ns: Account) -> None:
    ns.simulator.control("preferences", {"mandatory_fields": "terms"})
    text = "Error while accessing a resource. Please enter value(s) for: Terms"
    assert rest_error(ns.transform(110)) == (400, "USER_ERROR", text)
    assert ns.transform(106).status_code == 204


def test_a_dry_run_shows_the_record_and_saves_nothing(ns: Account) -> None:
    accept = {"Accept": "application/vnd.oracle.resource+json; type=create-form"}
    answer = ns.transform(106, headers=accept, params={"expandSubResources": "true"})
    body = answer.json(parse_float=Decimal)
    assert (answer.status_code, body["total"], len(body["item"]["items"])) == (200, Decimal("51.67"), 4)
    assert "id" not in body
    assert "tranId" not in body
    assert order_status(ns, 106) == "F"


def test_transformations_that_are_missing_here_or_in_netsuite_say_so(ns: Account) -> None:
    assert rest_error(ns.transform(106, "returnAuthorization"))[0:2] == (501, "UNSUPPORTED_OPERATION")
    assert rest_error(ns.transform(106, "customerPayment")) == NOT_VALID
    assert rest_error(ns.call("GET", f"{RECORD}/salesOrder/106/!transform/invoice"))[0] == 405


@pytest.mark.parametrize(
    "raw,media,status",
    [
        ("{", "application/json", 400),
        ("[]", "application/json", 400),
        ("{}", "text/plain", 415),
        ('{"memo":NaN}', "application/json", 400),
    ],
)
def test_bodies_that_are_not_json_objects_are_refused(ns: Account, raw: str, media: str, status: int) -> None:
    answer = ns.call("POST", f"{RECORD}/salesOrder/106/!transform/invoice", data=raw, headers={"Content-Type": media})
    assert answer.status_code == status


def test_lines_are_linked_one_by_one(ns: Account) -> None:
    location = ns.transform(106).headers["Location"]
    new = location.rpartition("/")[2]
    rows = ns.rows(
        "SELECT previousline, nextline, linktype, nexttype, foreignamount FROM nexttransactionlinelink "
        "WHERE previousdoc = 106 AND nextdoc = ? ORDER BY nextline",
        new,
    )
    assert [tuple(row.values()) for row in rows] == [
        ("1", "1", "OrdBill", "CustInvc", "20"),
        ("2", "2", "OrdBill", "CustInvc", "25.99"),
        ("3", "3", "OrdBill", "CustInvc", "4.99"),
        ("4", "4", "OrdBill", "CustInvc", "-3"),
    ]


@given(
    amount=st.integers(-(10**9), 10**9),
    pieces=st.lists(st.integers(0, 5), min_size=1, max_size=6),
    unit=st.sampled_from([1, 100]),
)
def test_shares_always_add_up(amount: int, pieces: list[int], unit: int) -> None:
    ordered = sum(pieces)
    if ordered == 0:
        return
    amount *= unit
    shares, before = [], 0
    for now in pieces:
        shares.append(part_of(amount, before=before, now=now, ordered=ordered, unit=unit))
        before += now
    assert sum(shares) == amount
    assert all(share % unit == 0 and share * amount >= 0 for share in shares)


@pytest.mark.parametrize(
    "quantities,expected",  # ordered, billed, fulfilled of a goods line, then of a charge
    [
        ([(2, 0, 0, True)], "B"),
        ([(2, 2, 0, True)], "B"),
        ([(2, 0, 1, True)], "E"),
        ([(2, 1, 1, True)], "D"),
        ([(2, 0, 2, True)], "F"),
        ([(2, 1, 2, True)], "F"),
        ([(2, 2, 2, True), (1, 0, 0, False)], "F"),
        ([(2, 2, 2, True), (1, 1, 0, False)], "G"),
    ],
)
def test_the_status_follows_from_what_is_shipped_and_billed(
    quantities: list[tuple[int, int, int, bool]], expected: str
) -> None:
    order = [
        OrderLine(line, q, billed, shipped, goods, False, 0, 0)
        for line, (q, billed, shipped, goods) in enumerate(quantities, 1)
    ]
    assert status_after("F", order) == expected
