"""What orders, invoices and cash sales become: fulfilments, payments, credits, refunds; and knobs of billing."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import requests
from simulator_account import RECORD, Account, open_account, rest_error

from nsbill.simulator.order_effects import put_back, ship

NOT_VALID = (400, "USER_ERROR", "Error while accessing a resource. That is not a valid record transformation.")
LINKS = "SELECT linktype, previousdoc, previousline, nextline, nexttype, foreignamount FROM nexttransactionlinelink WHERE nextdoc = ? ORDER BY previousdoc, nextline"


@pytest.fixture
def ns(tmp_path: Path) -> Iterator[Account]:
    with open_account(tmp_path) as account:
        yield account


def make(ns: Account, path: str, body: Any = None, **options: Any) -> requests.Response:
    source, target = path.split(" > ")
    content = {"tranDate": "2026-02-10"} | (body or {})
    return ns.call("POST", f"{RECORD}/{source}/!transform/{target}", json=content, **options)


def made(ns: Account, path: str, body: Any = None, **options: Any) -> dict[str, Any]:
    answer = make(ns, path, body, **options)
    assert answer.status_code == 204, answer.text
    return read(ns, answer.headers["Location"].removeprefix(ns.url + RECORD))


def read(ns: Account, path: str) -> dict[str, Any]:
    answer = ns.get(path, params={"expandSubResources": "true"})
    assert answer.status_code == 200, answer.text
    content: dict[str, Any] = answer.json(parse_float=Decimal)
    return content


def links(ns: Account, record: dict[str, Any]) -> list[tuple[str, ...]]:
    return [tuple(row.values()) for row in ns.rows(LINKS, record["id"])]


def status(ns: Account, path: str) -> str:
    return str(read(ns, path)["status"]["id"])


def line(number: int, **values: Any) -> dict[str, Any]:
    return {"orderLine": number} | values


def items(*lines: dict[str, Any]) -> dict[str, Any]:
    return {"item": {"items": list(lines)}}


def apply(*lines: dict[str, Any]) -> dict[str, Any]:
    return {"apply": {"items": list(lines)}}


def set_(ns: Account, **preferences: object) -> None:
    ns.simulator.control("preferences", preferences)


# -- fulfilments


def test_a_shipped_fulfilment_makes_an_order_ready_to_bill(ns: Account) -> None:
    record = made(ns, "salesOrder/102 > itemFulfillment", {"shipStatus": {"id": "C"}})
    assert record["shipStatus"]["refName"] == "Shipped"
    assert record["createdFrom"]["id"] == "102"
    assert [(one["orderLine"], one["quantity"]) for one in record["item"]["items"]] == [(1, 2)]  # not the charge
    assert links(ns, record) == [("ShipRcpt", "102", "1", "1", "ItemShip", "0")]
    order = read(ns, "/salesOrder/102")
    assert order["status"]["id"] == "F"
    assert [one["quantityFulfilled"] for one in order["item"]["items"]] == [2, 0]
    assert ns.transform(102).status_code == 204
    assert status(ns, "/salesOrder/102") == "G"


def test_parts_are_shipped_and_billed_in_turn(ns: Account) -> None:
    part = items(line(1, quantity=1)) | {"shipStatus": "C"}
    made(ns, "salesOrder/102 > itemFulfillment", part)
    assert status(ns, "/salesOrder/102") == "E"
    made(ns, "salesOrder/102 > invoice")
    assert status(ns, "/salesOrder/102") == "D"
    assert rest_error(make(ns, "salesOrder/102 > invoice")) == NOT_VALID
    made(ns, "salesOrder/102 > itemFulfillment", part)
    assert status(ns, "/salesOrder/102") == "F"
    made(ns, "salesOrder/102 > invoice")
    assert status(ns, "/salesOrder/102") == "G"


def test_goods_that_are_only_picked_are_reserved_and_not_shipped(ns: Account) -> None:
    record = made(ns, "salesOrder/102 > itemFulfillment", items(line(1, quantity=1)))
    assert record["shipStatus"]["refName"] == "Picked"
    assert status(ns, "/salesOrder/102") == "B"
    assert rest_error(make(ns, "salesOrder/102 > itemFulfillment", items(line(1, quantity=2))))[2].endswith(
        "Invalid Field Value 2 for the following field: quantity"
    )
    made(ns, "salesOrder/102 > itemFulfillment")
    assert rest_error(make(ns, "salesOrder/102 > itemFulfillment"))[2].endswith(
        "at least one line item for this transaction."
    )
    set_(ns, fulfillment_status="shipped")
    assert made(ns, "salesOrder/105 > itemFulfillment")["shipStatus"]["id"] == "C"
    assert status(ns, "/salesOrder/105") == "F"


@pytest.mark.parametrize("order", [101, 103, 106, 107, 108])
def test_orders_in_other_states_cannot_be_fulfilled(ns: Account, order: int) -> None:
    assert rest_error(make(ns, f"salesOrder/{order} > itemFulfillment")) == NOT_VALID


def test_lines_that_are_not_received_stay_out(ns: Account) -> None:
    text = "Error while accessing a resource. You must enter at least one line item for this transaction."
    assert rest_error(make(ns, "salesOrder/102 > itemFulfillment", items(line(1, itemreceive=False))))[2] == text


def test_a_location_can_be_mandatory_on_fulfilled_lines(ns: Account) -> None:
    set_(ns, fulfillment_location="mandatory")
    assert rest_error(make(ns, "salesOrder/102 > itemFulfillment"))[2].endswith(
        "enter value(s) for: Inventory Location"
    )
    assert make(ns, "salesOrder/102 > itemFulfillment", items(line(1, location={"id": "1"}))).status_code == 204


# -- payments


def test_a_payment_pays_its_invoice_by_default(ns: Account) -> None:
    record = made(ns, "invoice/901 > customerPayment", {"externalId": "PAY-901"})
    assert (record["payment"], record["applied"], record["unapplied"]) == (Decimal("5.8"),) * 2 + (Decimal(0),)
    assert (record["status"]["refName"], record["tranId"]) == ("Not Deposited", "PYMT2")
    assert links(ns, record) == [("Payment", "901", "0", "0", "CustPymt", "5.8")]
    invoice = read(ns, "/invoice/901")
    assert (invoice["status"]["refName"], invoice["amountRemaining"]) == ("Paid In Full", Decimal(0))
    assert rest_error(make(ns, "invoice/901 > customerPayment")) == NOT_VALID


def test_a_payment_of_part_leaves_the_invoice_open_and_more_stays_unapplied(ns: Account) -> None:
    part = made(ns, "invoice/902 > customerPayment", {"payment": 10, "account": {"id": "1"}})
    assert (part["applied"], part["status"]["refName"]) == (Decimal(10), "Deposited")
    assert read(ns, "/invoice/902")["amountRemaining"] == Decimal("0.8")
    rest = made(ns, "invoice/902 > customerPayment", {"payment": 3.5})
    assert (rest["applied"], rest["unapplied"]) == (Decimal("0.8"), Decimal("2.7"))


def test_one_payment_can_settle_several_invoices(ns: Account) -> None:
    record = made(ns, "invoice/901 > customerPayment", apply({"doc": {"id": "902"}, "apply": True, "amount": 4.2}))
    assert record["payment"] == Decimal(10)
    assert [(row[1], row[5]) for row in links(ns, record)] == [("901", "5.8"), ("902", "4.2")]
    other = made(
        ns,
        "invoice/902 > customerPayment",
        {"payment": 6.6} | apply({"doc": {"id": "902"}, "apply": True, "amount": 6.6}),
    )
    assert other["unapplied"] == Decimal(0)
    assert status(ns, "/invoice/902") == "B"


@pytest.mark.parametrize(
    "body,text",
    [
        ({"payment": 0}, "Please enter a payment amount greater than 0."),
        (apply({"doc": {"id": "901"}, "apply": False}), "Please enter a payment amount greater than 0."),
        (apply({"doc": {"id": "901"}, "apply": True, "amount": 5.81}), "You cannot apply more than the amount due."),
        ({"payment": 1} | apply({"doc": {"id": "901"}, "apply": True, "amount": 2}), "more than your total payments."),
        (apply({"doc": {"id": "904"}, "apply": True}), "Invalid Field Value 904 for the following field: doc"),
        (apply({"doc": {"id": "4711"}, "apply": True}), "Invalid Field Value 4711 for the following field: doc"),
        ({"account": {"id": "99"}}, "Invalid Field Value 99 for the following field: account"),
    ],
)
def test_payments_that_do_not_add_up_leave_no_trace(ns: Account, body: dict[str, Any], text: str) -> None:
    assert rest_error(make(ns, "invoice/901 > customerPayment", body))[2].endswith(text)
    assert read(ns, "/invoice/901")["amountRemaining"] == Decimal("5.8")
    assert ns.rows("SELECT COUNT(*) n FROM transaction WHERE type = 'CustPymt'") == [{"n": "1"}]


# -- credits and refunds


def test_a_credit_memo_settles_its_invoice_only_when_told_to(ns: Account) -> None:
    free = made(ns, "invoice/902 > creditMemo")
    assert (free["total"], free["unapplied"], free["status"]["refName"]) == (Decimal("10.8"), Decimal("10.8"), "Open")
    assert read(ns, "/invoice/902")["amountRemaining"] == Decimal("10.8")
    applied = made(
        ns, "invoice/902 > creditMemo", apply({"doc": {"id": "902"}, "line": 0, "apply": True, "amount": 10.8})
    )
    assert (applied["applied"], applied["status"]["refName"]) == (Decimal("10.8"), "Fully Applied")
    assert ("Payment", "902", "0", "0", "CustCred", "10.8") in links(ns, applied)
    assert status(ns, "/invoice/902") == "B"


def test_part_of_an_invoice_can_be_credited(ns: Account) -> None:
    invoice = made(ns, "salesOrder/112 > invoice")
    credit = made(ns, f"invoice/{invoice['id']} > creditMemo", items(line(1, quantity=1)))
    assert (credit["total"], credit["item"]["items"][0]["quantity"]) == (Decimal("3.66"), 1)
    small = made(ns, f"invoice/{invoice['id']} > creditMemo", items(line(1, quantity=1, amount=1)))
    assert small["subtotal"] == Decimal(1)


def test_a_cash_sale_can_be_refunded(ns: Account) -> None:
    sale = made(ns, "salesOrder/109 > cashSale")
    refund = made(ns, f"cashSale/{sale['id']} > cashrefund", {"externalId": "CR-109"})
    assert (refund["total"], refund["createdFrom"]["id"]) == (sale["total"], sale["id"])
    assert refund["paymentOption"]["refName"] == "Credit Card"
    assert [row[0] for row in links(ns, refund)] == ["SaleRet"]


# -- billing an order


def test_an_order_can_be_billed_by_its_external_id_unless_the_account_refuses_that(ns: Account) -> None:
    assert made(ns, "salesOrder/eid:SO-106 > invoice")["createdFrom"]["id"] == "106"
    set_(ns, transform_by_externalid="F")
    assert rest_error(make(ns, "salesOrder/eid:SO-109 > cashSale"))[:2] == (404, "NONEXISTENT_ID")


def test_an_added_line_stands_alone(ns: Account) -> None:
    body = items(
        {"item": {"id": "12"}, "quantity": 2, "rate": 1.5, "description": "Gift"}, {"item": {"id": "21"}, "amount": 1}
    )
    record = made(ns, "salesOrder/111 > invoice", body)
    got = [(one["item"]["id"], one["quantity"], one["amount"], one.get("orderLine")) for one in record["item"]["items"]]
    assert got == [("11", 1, Decimal(10), 1), ("12", 2, Decimal(3), None), ("21", 1, Decimal(1), None)]
    assert record["total"] == Decimal(14)
    assert [row[2] for row in links(ns, record)] == ["1"]
    assert status(ns, "/salesOrder/111") == "G"


def test_an_added_line_needs_an_item_and_an_amount(ns: Account) -> None:
    assert rest_error(make(ns, "salesOrder/111 > invoice", items({"item": {"id": "12"}})))[2].endswith(
        "value(s) for: Amount"
    )
    refused = rest_error(make(ns, "salesOrder/111 > invoice", items({"item": {"id": "99"}, "amount": 1})))
    assert refused[2].endswith("Invalid Field Value 99 for the following field: item")


def test_rate_amount_and_texts_of_a_line_can_be_changed_and_tax_follows(ns: Account) -> None:
    first, second = (
        line(1, rate=5, description="Reduced"),
        line(2, amount=51.98, custcol_celigo_etail_order_line_id="x"),
    )
    record = made(ns, "salesOrder/106 > invoice", items(first, second))
    got = [(one["amount"], one["tax1Amt"], one["description"]) for one in record["item"]["items"][:2]]
    assert got == [(Decimal(10), Decimal("0.81"), "Reduced"), (Decimal("51.98"), Decimal("4.16"), "Line 2")]
    assert record["item"]["items"][1]["custcol_celigo_etail_order_line_id"] == "x"


@pytest.mark.parametrize(
    "lines,text",
    [
        ([line(1, quantity=1.5)], "Invalid Field Value 1.5 for the following field: quantity"),
        (
            [line(1, quantity=-1)],
            "Invalid value for the resource or sub-resource field 'quantity'. Provide a valid value.",
        ),
        ([line(1, amount=1.005)], "field 'amount'. Provide a valid value."),
        ([line(1), line(1)], "field 'orderLine'. Provide a valid value."),
        (
            [{"item": {"id": "12"}, "quantity": 10**9, "rate": 10**9}],
            "Invalid Field Value 1000000000 for the following field: quantity",
        ),
        ([{"item": {"id": "12"}, "amount": 10**30}], "field 'amount'. Provide a valid value."),
        ([line(1, item={"id": "12"})], "Invalid Field Value 12 for the following field: item"),
        ([{"quantity": 1}], "field 'orderLine'. Provide a valid value."),
    ],
)
def test_lines_that_make_no_sense_are_refused(ns: Account, lines: list[dict[str, Any]], text: str) -> None:
    assert rest_error(make(ns, "salesOrder/106 > invoice", items(*lines)))[2].endswith(text)


def test_whole_quantities_may_be_written_with_decimals(ns: Account) -> None:
    assert made(ns, "salesOrder/106 > invoice", items(line(1, quantity=2.0)))["item"]["items"][0]["quantity"] == 2


def test_yen_have_no_decimals_in_a_body_either(ns: Account) -> None:
    refused = rest_error(make(ns, "salesOrder/110 > invoice", items(line(1, amount=10.5))))
    assert refused[2].endswith("for the following field: amount")


def test_replacing_the_lines_bills_those_alone(ns: Account) -> None:
    record = made(ns, "salesOrder/106 > invoice", items(line(2)), params={"replace": "item"})
    assert [one["orderLine"] for one in record["item"]["items"]] == [2]
    assert status(ns, "/salesOrder/106") == "F"


def test_an_unknown_name_on_a_line_is_treated_like_one_in_the_body(ns: Account) -> None:
    body = items(line(1, colour="red"))
    strict = {"X-NetSuite-PropertyNameValidation": "error"}
    assert "item.items[0].colour" in rest_error(make(ns, "salesOrder/106 > invoice", body, headers=strict))[2]
    assert "item.items[0].colour" in make(ns, "salesOrder/106 > invoice", body).headers["Warning"]
    assert "bad??name?" in make(ns, "salesOrder/112 > invoice", {"bad\r\nname\u2028": 1}).headers["Warning"]


def test_the_external_id_can_be_dropped_by_the_account(ns: Account) -> None:
    set_(ns, transform_externalid="dropped")
    assert "externalId" not in made(ns, "salesOrder/106 > invoice", {"externalId": "INV-107"})


def test_forms_that_fix_the_target_refuse_the_other_one(ns: Account) -> None:
    with ns.simulator.control_state.books.writing() as connection:
        connection.executemany("UPDATE txn SET customform = ? WHERE id = ?", [(69, 106), (70, 109), (68, 112)])
    assert rest_error(make(ns, "salesOrder/106 > cashSale")) == NOT_VALID
    assert rest_error(make(ns, "salesOrder/109 > invoice")) == NOT_VALID
    assert make(ns, "salesOrder/112 > cashSale").status_code == 204
    set_(ns, order_forms="by_payment")
    assert rest_error(make(ns, "salesOrder/111 > cashSale")) == NOT_VALID
    set_(ns, order_forms="any")
    assert make(ns, "salesOrder/106 > cashSale").status_code == 204


def test_invoices_can_wait_for_approval_and_cannot_be_paid_meanwhile(ns: Account) -> None:
    set_(ns, invoice_approval="pending")
    record = made(ns, "salesOrder/106 > invoice")
    assert (record["status"]["refName"], record["approvalStatus"]["id"]) == ("Pending Approval", "1")
    assert ns.rows("SELECT approvalstatus FROM transaction WHERE id = ?", record["id"]) == [{"approvalstatus": "1"}]
    assert status(ns, "/salesOrder/106") == "G"
    assert rest_error(make(ns, f"invoice/{record['id']} > customerPayment")) == NOT_VALID
    approved = made(ns, "salesOrder/112 > invoice", {"approvalStatus": {"id": "2"}})
    assert (approved["status"]["id"], approved["approvalStatus"]["id"]) == ("A", "2")


def test_refusals_can_carry_the_codes_of_suitescript(ns: Account) -> None:
    set_(ns, transform_refusal_code="INVALID_INITIALIZE_REF")
    text = "You can not initialize invoice: invalid reference 107."
    assert rest_error(make(ns, "salesOrder/107 > invoice")) == (400, "INVALID_INITIALIZE_REF", text)
    empty = items(*[line(number, quantity=0) for number in (1, 2, 3, 4)])
    assert rest_error(make(ns, "salesOrder/106 > invoice", empty))[1] == "VALID_LINE_ITEM_REQD"


def test_closed_periods_by_knob(ns: Account) -> None:
    january = {"tranDate": "2026-01-15"}
    set_(ns, closed_period_code="TRAN_PRD_CLOSED")
    assert rest_error(make(ns, "salesOrder/106 > invoice", january))[1] == "TRAN_PRD_CLOSED"
    outside = {"tranDate": "2026-02-10", "postingPeriod": {"id": "3"}}
    assert rest_error(make(ns, "salesOrder/106 > invoice", outside))[1] == "TRAN_PRD_CLOSED"
    set_(ns, dates_outside_period="warn", default_posting_period="current")
    answer = make(ns, "salesOrder/106 > invoice", january)
    assert "posting period" in answer.headers["Warning"]
    assert read(ns, answer.headers["Location"].removeprefix(ns.url + RECORD))["postingPeriod"]["refName"] == "Rest"
    assert make(ns, "salesOrder/112 > invoice", outside).status_code == 204
    assert rest_error(make(ns, "salesOrder/111 > invoice", {"postingPeriod": {"id": "1"}}))[1] == "TRAN_PRD_CLOSED"


def test_mandatory_fields_without_a_column_are_satisfied_by_the_body(ns: Account) -> None:
    set_(ns, mandatory_fields="department")
    assert rest_error(make(ns, "salesOrder/106 > invoice"))[2].endswith("Please enter value(s) for: Department")
    assert make(ns, "salesOrder/106 > invoice", {"department": {"id": "3"}}).status_code == 204
    set_(ns, mandatory_fields="paymentoption")
    assert make(ns, "salesOrder/112 > invoice").status_code == 204  # an invoice's form has none
    assert rest_error(make(ns, "salesOrder/111 > cashSale"))[2].endswith("Please enter value(s) for: Payment Method")
    assert make(ns, "invoice/901 > customerPayment").status_code == 204


def test_a_dry_run_can_pick_fields_and_links_to_the_transformation(ns: Account) -> None:
    accept = {"Accept": "application/vnd.oracle.resource+json; type=create-form"}
    answer = make(ns, "salesOrder/106 > invoice", headers=accept, params={"fields": "total,dueDate"})
    address = f"{ns.url}{RECORD}/salesOrder/106/!transform/invoice"
    assert answer.json(parse_float=Decimal) == {
        "links": [
            {"rel": "self", "href": f"{address}?fields=total%2CdueDate"},
            {"rel": "transform", "href": address},
        ],
        "dueDate": "2026-02-24",
        "total": Decimal("51.67"),
    }
    payment = make(ns, "invoice/901 > customerPayment", headers=accept).json(parse_float=Decimal)
    assert (payment["payment"], payment.get("id")) == (Decimal("5.8"), None)
    assert status(ns, "/invoice/901") == "A"


# -- effects on the order, taken back


def test_taking_a_bill_or_a_fulfilment_back_restores_the_order(ns: Account) -> None:
    shipment = made(ns, "salesOrder/102 > itemFulfillment", {"shipStatus": "C"})
    bill = made(ns, "salesOrder/102 > invoice")
    books = ns.simulator.control_state.books
    with books.writing() as connection:
        put_back(connection, int(bill["id"]), "2026-02-11T00:00:00Z")
    assert status(ns, "/salesOrder/102") == "F"
    with books.writing() as connection:
        ship(connection, int(shipment["id"]), "A", "2026-02-11T00:00:00Z")
    assert status(ns, "/salesOrder/102") == "B"
    with books.writing() as connection:
        ship(connection, int(shipment["id"]), "C", "2026-02-11T00:00:00Z")
        put_back(connection, int(shipment["id"]), "2026-02-11T00:00:00Z")
    order = read(ns, "/salesOrder/102")
    assert [(one["quantityBilled"], one["quantityFulfilled"]) for one in order["item"]["items"]] == [(0, 0), (0, 0)]
    assert ns.rows("SELECT COUNT(*) n FROM nexttransactionlink WHERE previousdoc = 102") == [{"n": "0"}]
