"""nsbill.netsuite: one call; what is repeated, what never is, and what a user is told. Against a real simulator."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest
from demo_company import Company, demo_company

from nsbill.credentials import TokenCredentials
from nsbill.errors import NetSuiteError, NoAnswer, SearchError, SignInRefused, TooManyRequests
from nsbill.netsuite import retry
from nsbill.netsuite.books import load_billing_records, load_currencies, load_sales_orders
from nsbill.netsuite.client import Client
from nsbill.netsuite.records import find_by_external_id, transform_order
from nsbill.netsuite.searches import inspect_search, list_searches, load_orders, write_status
from nsbill.settings import Settings
from nsbill.vocabulary import BillingStatus, RecordType

SEARCH = "customsearch_nsbill_orders_to_bill"


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    with demo_company(tmp_path_factory.mktemp("company"), orders=100) as made:
        yield made


@pytest.fixture
def ns(company: Company, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    monkeypatch.setattr(retry, "FIRST_WAIT", 0.001)
    company.simulator.control("faults", {"faults": [], "seed": 1})
    with company.desk() as desk:
        yield desk.client


def faulty(company: Company, **fault: object) -> None:
    company.simulator.control("faults", {"faults": [fault], "seed": 1})


def requests_of(company: Company, kind: str) -> int:
    counted = company.simulator.control("statistics")["requests"]
    assert isinstance(counted, dict)
    return int(counted.get(kind, 0))


def a_billable_order(ns: Client) -> str:
    orders = load_orders(ns, inspect_search(ns, SEARCH), load_currencies(ns)).orders
    return str(orders["sales_order_id"].iloc[0])


def create(ns: Client, order: str) -> str:
    return transform_order(
        ns, order, RecordType.INVOICE, external_id=f"test-{order}", transaction_date=date(2026, 11, 1)
    )


@pytest.mark.parametrize("kind", ["error_500_before", "drop_before", "429", "401"])
def test_a_read_is_repeated_after(company: Company, ns: Client, kind: str) -> None:
    faulty(company, where="suiteql", kind=kind, times=1)
    assert set(load_currencies(ns).values()) >= {"USD", "EUR", "JPY"}


@pytest.mark.parametrize("kind", ["error_500_before", "error_500_after_commit", "drop_before", "drop_after_commit"])
def test_a_create_without_a_clear_answer_is_sent_once(company: Company, ns: Client, kind: str) -> None:
    order = a_billable_order(ns)
    faulty(company, where="transform", kind=kind, times=1)
    before = requests_of(company, "transform")
    with pytest.raises(NoAnswer, match=f"Create the invoice of sales order {order}: no clear answer"):
        create(ns, order)
    assert requests_of(company, "transform") == before + 1
    assert (find_by_external_id(ns, RecordType.INVOICE, f"test-{order}") is not None) is kind.endswith("after_commit")


@pytest.mark.parametrize("kind", ["429", "401"])
def test_a_create_that_was_blocked_before_it_began_is_sent_again(company: Company, ns: Client, kind: str) -> None:
    order = a_billable_order(ns)
    faulty(company, where="transform", kind=kind, times=1)
    record_id = create(ns, order)
    found = find_by_external_id(ns, RecordType.INVOICE, f"test-{order}")
    assert found is not None
    assert (found.record_id, found.sales_order_id) == (record_id, order)


def test_a_second_create_with_the_same_external_id_is_refused(ns: Client) -> None:
    order = a_billable_order(ns)
    create(ns, order)
    with pytest.raises(NetSuiteError, match="NetSuite answered 400 USER_ERROR"):
        create(ns, order)


def test_waiting_for_a_slot_has_an_end(company: Company, ns: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "BLOCKED_TRIES", 3)
    faulty(company, where="suiteql", kind="429", times=99)
    with pytest.raises(TooManyRequests, match="Lower 'slots'"):
        load_currencies(ns)


def test_wrong_credentials_are_one_sentence_with_the_way_out(company: Company) -> None:
    settings = company.desk().settings
    wrong = TokenCredentials.of(dict.fromkeys(("consumer_key", "consumer_secret", "token_id", "token_secret"), "wrong"))
    with Client(settings, wrong) as client, pytest.raises(SignInRefused, match="Login Audit Trail names the reason"):
        list_searches(client)
    with Client(settings, wrong) as client, pytest.raises(SignInRefused, match="401 INVALID_LOGIN"):
        load_currencies(client)


def test_an_unreachable_host_is_one_sentence(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "FIRST_WAIT", 0.001)
    settings = Settings(account="1_SB1", base_url="http://127.0.0.1:9")
    secrets = TokenCredentials.of(dict.fromkeys(("consumer_key", "consumer_secret", "token_id", "token_secret"), "x"))
    with Client(settings, secrets) as client, pytest.raises(NoAnswer, match=r"127\.0\.0\.1:9: the host refused"):
        list_searches(client)


def test_an_unknown_search_names_the_command_that_lists_them(ns: Client) -> None:
    with pytest.raises(SearchError, match=r"'nope'.*does not exist.*nsbill searches"):
        inspect_search(ns, "nope")


def test_a_search_without_the_needed_columns_says_which_and_what_it_has(ns: Client) -> None:
    search = inspect_search(ns, "customsearch_open_orders")
    with pytest.raises(SearchError, match=r"lacks the columns currency, fxamount, otherrefnum; it has .*tranid"):
        load_orders(ns, search, load_currencies(ns))


def test_the_status_criterion_is_rewritten_and_read_back(ns: Client) -> None:
    assert inspect_search(ns, SEARCH).status.billing_status is BillingStatus.PENDING_BILLING
    before, after = write_status(ns, SEARCH, BillingStatus.PENDING_FULFILLMENT)
    assert (before, after) == (("SalesOrd:F",), ("SalesOrd:B",))
    kept = inspect_search(ns, SEARCH)
    assert kept.status.letters == {"B"}
    assert {f["name"] for f in kept.filters} == {"mainline", "status", "otherrefnum"}
    write_status(ns, SEARCH, BillingStatus.PENDING_BILLING)


def test_all_pages_are_read(ns: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = load_orders(ns, inspect_search(ns, SEARCH), load_currencies(ns)).orders
    monkeypatch.setattr("nsbill.netsuite.searches.PAGE_SIZE", 7)
    monkeypatch.setattr("nsbill.netsuite.suiteql.PAGE_SIZE", 7)
    paged = load_orders(ns, inspect_search(ns, SEARCH), load_currencies(ns)).orders
    assert len(whole) > 14
    assert paged.equals(whole)
    assert len(load_sales_orders(ns, load_currencies(ns))) == 100
    records = load_billing_records(ns, load_currencies(ns))
    assert records["billing_record_id"].is_unique
