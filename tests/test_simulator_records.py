from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
import requests
from simulator_account import RECORD, Account, open_account, rest_error
from simulator_books import make_books

from nsbill.simulator.replies import Cents, decimal_text, render_json, scaled_text
from nsbill.simulator.server import Simulator


@pytest.fixture(scope="module")
def ns(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    with open_account(tmp_path_factory.mktemp("books")) as account:
        yield account


def test_an_order_comes_with_references_enumerations_and_links_for_sublists(ns: Account) -> None:
    answer = ns.get("/salesOrder/106")
    body = answer.json()
    base = f"{ns.url}{RECORD}"
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/vnd.oracle.resource+json; type=singular"
    assert body["id"] == "106"
    assert body["status"] == {"id": "F", "refName": "Pending Billing"}
    assert body["orderStatus"] == {"id": "F", "refName": "Pending Billing"}
    assert body["currency"] == {
        "links": [{"rel": "self", "href": f"{base}/currency/1"}],
        "id": "1",
        "refName": "US Dollar",
    }
    assert body["item"] == {"links": [{"rel": "self", "href": f"{base}/salesOrder/106/item"}]}
    assert body["otherRefNum"] == "111-0000006-0000006"
    assert body["custbody_celigo_etail_channel"]["refName"] == "Amazon US"
    assert "paymentOption" not in body  # null


def test_amounts_are_exact_json_numbers(ns: Account) -> None:
    text = ns.get("/salesOrder/106").text
    assert '"total":51.67' in text
    assert '"taxTotal":3.69' in text
    assert '"total":1100.0' in ns.get("/salesOrder/110").text
    body = ns.get("/salesOrder/106").json(parse_float=Decimal)
    assert body["total"] == Decimal("51.67")


def test_expanded_lines_carry_line_numbers_quantities_and_amounts(ns: Account) -> None:
    body = ns.get("/salesOrder/106", params={"expandSubResources": "true"}).json(parse_float=Decimal)
    item = body["item"]
    lines = [
        (one["line"], one["item"]["refName"], one["quantity"], one["amount"], one["tax1Amt"]) for one in item["items"]
    ]
    assert lines == [
        (1, "MUG", 2, Decimal("20.00"), Decimal("1.61")),
        (2, "POT", 1, Decimal("25.99"), Decimal("2.08")),
        (3, "SHIPPING", 1, Decimal("4.99"), Decimal("0.0")),
        (4, "PROMO", 1, Decimal("-3.00"), Decimal("0.0")),
    ]
    assert (item["count"], item["hasMore"], item["offset"], item["totalResults"]) == (4, False, 0, 4)
    assert item["items"][0]["quantityFulfilled"] == 2
    assert ns.get("/salesOrder/106/item").json()["items"][3]["line"] == 4


def test_fields_keeps_only_what_was_asked_for_and_stands_in_the_link(ns: Account) -> None:
    body = ns.get("/salesOrder/106", params={"fields": "id,tranId"}).json()
    assert set(body) == {"links", "id", "tranId"}
    assert body["links"][0]["href"].endswith("/salesOrder/106?fields=id,tranId")


def test_simple_enum_format_gives_bare_ids(ns: Account) -> None:
    assert ns.get("/salesOrder/106", params={"simpleEnumFormat": "true"}).json()["status"] == "F"


@pytest.mark.parametrize("path", ["/salesorder/106", "/SALESORDER/eid:SO-106", "/salesOrder/eid%3ASO-106"])
def test_type_names_ignore_case_and_external_ids_stand_for_ids(ns: Account, path: str) -> None:
    body = ns.get(path).json()
    assert body["tranId"] == "SO106"
    assert body["links"][0]["href"] == f"{ns.url}{RECORD}/salesOrder/106"


def test_an_invoice_tells_its_order_and_what_is_open(ns: Account) -> None:
    body = ns.get("/invoice/eid:INV-107").json(parse_float=Decimal)
    assert body["createdFrom"]["id"] == "107"
    assert body["createdFrom"]["refName"] == "Sales Order #SO107"
    assert (body["total"], body["amountPaid"], body["amountRemaining"]) == (
        Decimal("10.8"),
        Decimal("5.0"),
        Decimal("5.8"),
    )
    assert body["status"] == {"id": "A", "refName": "Open"}


def test_payments_and_credit_memos_have_their_own_fields(ns: Account) -> None:
    payment = ns.get("/customerPayment/903").json()
    assert payment["customer"]["id"] == "201"
    assert "entity" not in payment
    assert ns.get("/creditMemo/904").json(parse_float=Decimal)["unapplied"] == Decimal("2.5")


@pytest.mark.parametrize("path", ["/salesOrder/99999", "/invoice/106", "/salesOrder/eid:NOPE", "/salesOrder/x"])
def test_what_does_not_exist_is_nonexistent(ns: Account, path: str) -> None:
    assert rest_error(ns.get(path)) == (404, "NONEXISTENT_ID", "Record does not exist.")


def test_an_unknown_record_type_is_named(ns: Account) -> None:
    assert rest_error(ns.get("/purchase/1")) == (
        404,
        "NONEXISTENT_RECORD_TYPE",
        "Record type 'purchase' does not exist.",
    )


def test_unknown_paths_answer_in_netsuites_shape(ns: Account) -> None:
    answer = ns.call("GET", "/services/rest/nothing")
    assert rest_error(answer) == (404, "NOT_FOUND", "The requested resource does not exist.")


def test_a_list_gives_ids_only_page_by_page(ns: Account) -> None:
    page = ns.get("/salesOrder", params={"limit": "5", "offset": "10"}).json()
    assert [one["id"] for one in page["items"]] == ["111", "112", "113"]
    assert (page["count"], page["hasMore"], page["offset"], page["totalResults"]) == (3, False, 10, 13)
    assert {link["rel"] for link in page["links"]} == {"self", "first", "prev"}
    assert set(page["items"][0]) == {"links", "id"}


def test_an_offset_that_is_no_multiple_of_the_limit_is_refused(ns: Account) -> None:
    status, code, text = rest_error(ns.get("/salesOrder", params={"limit": "5", "offset": "3"}))
    assert (status, code) == (400, "INVALID_PARAMETER")
    assert text == "Invalid value '3' for the query parameter 'offset'. Provide a multiple of the limit."


def test_sublists_and_their_lines_have_addresses_of_their_own(ns: Account) -> None:
    sublist = ns.get("/salesOrder/106/item").json(parse_float=Decimal)
    line = ns.get("/salesOrder/106/item/2")
    assert sublist["items"][1] == line.json(parse_float=Decimal)
    assert sublist["links"] == [{"rel": "self", "href": f"{ns.url}{RECORD}/salesOrder/106/item"}]
    assert line.headers["Content-Type"].endswith("type=singular")
    assert line.json()["links"][0]["href"].endswith("/salesOrder/106/item/2")
    assert line.json()["item"]["links"][0]["href"] == f"{ns.url}{RECORD}/inventoryItem/12"
    assert rest_error(ns.get("/salesOrder/106/item/9")) == (404, "NONEXISTENT_ID", "Record does not exist.")
    assert rest_error(ns.get("/salesOrder/106/apply"))[:2] == (404, "NOT_FOUND")


def test_a_payment_shows_what_it_is_applied_to(ns: Account) -> None:
    body = ns.get("/customerPayment/903", params={"expandSubResources": "true"}).json(parse_float=Decimal)
    assert (body["payment"], body["applied"], body["unapplied"]) == (5, 5, 0)
    (line,) = body["apply"]["items"]
    assert line["links"][0]["href"] == f"{ns.url}{RECORD}/customerPayment/903/apply/901"
    assert (line["doc"]["id"], line["apply"], line["amount"], line["due"], line["total"], line["type"]) == (
        "901", True, Decimal("5.0"), Decimal("10.8"), Decimal("10.8"), "Invoice",
    )  # fmt: skip


@pytest.mark.parametrize(
    "path,field,value",
    [
        ("/currency/3", "symbol", "JPY"),
        ("/subsidiary/2", "name", "DE GmbH"),
        ("/term/1", "daysUntilNetDue", 14),
        ("/paymentMethod/3", "name", "Credit Card"),
        ("/inventoryItem/11", "itemId", "MUG"),
        ("/discountItem/31", "itemId", "PROMO"),
        ("/account/4", "acctName", "Amazon Clearing"),
        ("/accountingPeriod/1", "closed", True),
        ("/customer/201", "companyName", "Amazon.com"),
    ],
)
def test_what_records_refer_to_can_be_read(ns: Account, path: str, field: str, value: object) -> None:
    assert ns.get(path).json()[field] == value


def test_an_item_is_found_under_its_own_type_only(ns: Account) -> None:
    assert rest_error(ns.get("/discountItem/11"))[1] == "NONEXISTENT_ID"


def test_look_ups_can_only_be_read(ns: Account) -> None:
    assert rest_error(ns.call("PATCH", f"{RECORD}/currency/1", json={"name": "x"}))[:2] == (405, "METHOD_NOT_ALLOWED")


def test_head_answers_like_get_without_a_body_and_options_name_the_methods(ns: Account) -> None:
    head = ns.call("HEAD", f"{RECORD}/salesOrder/106")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Content-Type"].endswith("type=singular")
    assert ns.call("HEAD", f"{RECORD}/salesOrder/99999").status_code == 404
    options = ns.call("OPTIONS", f"{RECORD}/salesOrder/106")
    assert (options.status_code, options.headers["Allow"]) == (204, "GET, HEAD, DELETE, PATCH, PUT, OPTIONS")
    assert ns.call("OPTIONS", f"{RECORD}/currency").headers["Allow"] == "GET, HEAD, OPTIONS"


def test_the_metadata_catalog_lists_record_types(ns: Account) -> None:
    items = {one["name"]: one["links"] for one in ns.get("/metadata-catalog").json()["items"]}
    assert {"salesOrder", "invoice", "customerPayment", "deposit", "customer", "currency"} <= set(items)
    media = [(link["rel"], link.get("mediaType")) for link in items["invoice"]]
    assert ("canonical", "application/json") in media
    assert ("alternate", "application/schema+json") in media
    chosen = ns.get("/metadata-catalog", params={"select": "invoice,cashSale"}).json()["items"]
    assert [one["name"] for one in chosen] == ["invoice", "cashSale"]


def test_a_schema_tells_types_and_what_can_be_filtered(ns: Account) -> None:
    answer = ns.get("/metadata-catalog/salesorder", headers={"Accept": "application/schema+json"})
    properties = answer.json()["properties"]
    assert answer.headers["Content-Type"] == "application/schema+json"
    assert properties["tranDate"] == {"title": "Date", "type": "string", "format": "date", "x-ns-filterable": True}
    assert (properties["total"]["type"], properties["total"]["format"]) == ("number", "double")
    assert properties["status"]["properties"]["id"]["enum"] == list("ABCDEFGH")
    assert properties["status"]["readOnly"] is True
    assert properties["custbody_celigo_etail_order_id"]["x-ns-custom-field"] is True
    assert "orderLine" not in properties["item"]["properties"]["items"]["items"]["properties"]
    assert set(ns.get("/salesOrder/106").json()) - {"links"} <= set(properties)


def test_an_openapi_document_has_the_paths_of_a_type(ns: Account) -> None:
    answer = ns.get("/metadata-catalog", params={"select": "invoice"}, headers={"Accept": "application/swagger+json"})
    document = answer.json()
    assert document["openapi"].startswith("3.")
    assert set(document["paths"]["/invoice/{id}"]) == {"get", "patch", "put", "delete"}
    assert "invoice" in document["components"]["schemas"]


def test_books_and_credentials_survive_a_restart(tmp_path: Path) -> None:
    database = make_books(tmp_path / "books.db")
    with Simulator(database) as first:
        account = Account(first)
        keys, instance = account.keys, first.instance
        assert account.transform(106, body={"externalId": "KEPT"}).status_code == 204
    with Simulator(database) as second:
        account = Account(second)
        assert {**account.keys, "base_url": ""} == {**keys, "base_url": ""}
        assert account.get("/invoice/eid:KEPT").status_code == 200
        assert second.instance != instance


def test_credentials_are_written_for_the_owner_only(ns: Account, tmp_path: Path) -> None:
    target = tmp_path / "credentials.json"
    ns.simulator.write_credentials(target)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert '"saved_search": "customsearch_nsbill_orders_to_bill"' in target.read_text()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_it_listens_on_this_machine_only_and_is_gone_after_stop(tmp_path: Path) -> None:
    with open_account(tmp_path) as account:
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+", account.url)
        assert requests.get(f"{account.url}/_simulator/health", timeout=5).json()["sales_orders"] == 13
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{account.url}/_simulator/health", timeout=5)


def test_missing_books_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no books there; build a world first"):
        Simulator(tmp_path / "nothing.db").start()


@pytest.mark.parametrize(
    "hundredths,number,text",
    [
        (0, "0.0", "0.00"),
        (5, "0.05", "0.05"),
        (-5, "-0.05", "-0.05"),
        (120, "1.2", "1.20"),
        (10**17 + 1, "1000000000000000.01", "1000000000000000.01"),
    ],
)
def test_numbers_are_written_from_hundredths_exactly(hundredths: int, number: str, text: str) -> None:
    assert render_json(Cents(hundredths)) == number
    assert decimal_text(hundredths) == text
    assert scaled_text(hundredths, 2) == number.removesuffix(".0")


def test_a_binary_float_is_never_written() -> None:
    with pytest.raises(TypeError, match="float cannot be written exactly"):
        render_json({"total": 0.1})


def test_a_port_in_use_is_an_error_and_the_first_simulator_goes_on(ns: Account, tmp_path: Path) -> None:
    port = int(ns.url.rpartition(":")[2])
    with pytest.raises(RuntimeError, match="The simulator could not start"):
        Simulator(make_books(tmp_path / "second.db"), port=port).start()
    assert ns.get("/salesOrder/106").status_code == 200
