"""nsbill.netsuite: one call; what is repeated, what never is, and what a user is told. Against a real simulator."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from weakref import WeakValueDictionary

import pytest
from demo_company import Company, demo_company

from nsbill.credentials import TokenCredentials
from nsbill.errors import NetSuiteError, NoAnswer, SearchError, SignInRefused, TooManyRequests
from nsbill.netsuite import governor, retry
from nsbill.netsuite.books import load_billing_records, load_currencies, load_sales_orders
from nsbill.netsuite.client import Client
from nsbill.netsuite.limits import read_limits
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
    monkeypatch.setattr(governor, "_shared", WeakValueDictionary())  # what other tests found out is not known here
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


def preferences(company: Company, **changes: object) -> None:
    company.simulator.control("preferences", changes)


def test_a_create_that_timed_out_is_unknown_and_is_not_sent_again(company: Company, ns: Client) -> None:
    order = a_billable_order(ns)
    ns.settings = ns.settings.model_copy(update={"read_timeout": 1})
    faulty(company, where="transform", kind="slow_before", times=1, seconds=2)
    before = requests_of(company, "transform")
    with pytest.raises(NoAnswer, match="no answer within the read timeout"):
        create(ns, order)
    assert requests_of(company, "transform") == before + 1


def test_a_sign_in_that_is_refused_twice_ends_it_after_two_requests(company: Company, ns: Client) -> None:
    order = a_billable_order(ns)
    faulty(company, where="transform", kind="401", times=99)
    before = requests_of(company, "transform")
    with pytest.raises(SignInRefused, match="Create the invoice"):
        create(ns, order)
    assert requests_of(company, "transform") == before + 2


def test_those_who_wait_for_a_slot_do_not_try_credentials_that_were_found_bad(company: Company, ns: Client) -> None:
    """Five failures lock a user out for half an hour (netsuite 1.1)."""
    load_currencies(ns)
    faulty(company, where="suiteql", kind="401", times=999)
    before = requests_of(company, "suiteql")
    ns.settings = ns.settings.model_copy(update={"slots": 4})
    held = [ns.governor.enter(4) for _ in range(4)]
    with ThreadPoolExecutor(12) as pool:
        asked = [pool.submit(load_currencies, ns) for _ in range(12)]
        until = time.monotonic() + 10
        while len(ns.governor._queue) < 12 and time.monotonic() < until:
            time.sleep(0.001)
        for start in held:
            ns.governor.leave(start)
        errors = [future.exception() for future in asked]
    assert {type(error) for error in errors} == {SignInRefused}
    sent = requests_of(company, "suiteql") - before
    assert sent <= 4 + 1, "those that were in flight, and one more alone"
    faulty(company, where="suiteql", kind="401", times=0)
    assert load_currencies(ns), "and the same client may go on when the credentials are mended"


def test_overload_told_as_a_refused_sign_in_is_found_out_and_slows_down(company: Company, ns: Client) -> None:
    preferences(company, concurrency_limit=2, overload_answer="401", overload_delay_ms=0)
    company.simulator.control("latency", {"latency_ms": 40})
    try:
        with ThreadPoolExecutor(12) as pool:
            found = list(pool.map(lambda _: load_currencies(ns), range(40)))
        assert all("USD" in currencies.values() for currencies in found)
        assert ns.governor.refused > 0
        assert ns.governor.limit <= 3
    finally:
        company.simulator.control("latency", {"latency_ms": 0})
        preferences(company, concurrency_limit=5, overload_answer="429")


def test_retry_after_is_waited_for(company: Company, ns: Client) -> None:
    preferences(company, retry_after_seconds=1)
    faulty(company, where="suiteql", kind="429", times=1)
    began = time.monotonic()
    load_currencies(ns)
    assert time.monotonic() - began >= 1
    preferences(company, retry_after_seconds=900)
    faulty(company, where="suiteql", kind="429", times=1)
    with pytest.raises(TooManyRequests):
        load_currencies(ns)
    preferences(company, retry_after_seconds="")


def test_errors_keep_the_request_id_by_which_netsuite_finds_them(
    company: Company, ns: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    faulty(company, where="record", kind="error_500_before", times=99)
    with pytest.raises(NoAnswer, match=r"status 500 UNEXPECTED_ERROR.*\(request [0-9a-f-]{36}\)") as failed:
        find_by_external_id(ns, RecordType.INVOICE, "test")
    assert failed.value.request_id
    faulty(company, where="record", kind="429", times=0)
    with pytest.raises(NetSuiteError, match="answered 404") as refused:
        create(ns, "999999999")
    assert refused.value.request_id


def test_clients_of_one_process_share_the_slots_of_an_account(company: Company, ns: Client) -> None:
    with company.desk() as other:
        assert other.client.governor is ns.governor
        load_currencies(other.client)
        assert ns.governor.answered > 0


def test_the_ceiling_follows_the_settings(ns: Client) -> None:
    ns.settings = ns.settings.model_copy(update={"slots": 2})
    load_currencies(ns)
    assert (ns.governor.ceiling, ns.governor.limit) == (2, 2)


def test_a_turn_is_used_by_the_next_request_and_given_back(ns: Client) -> None:
    with ns.turn():
        assert ns.governor.in_flight == 1
        load_currencies(ns)
        assert ns.governor.in_flight == 0
    with ns.turn():
        pass
    assert ns.governor.in_flight == 0
    with pytest.raises(KeyError), ns.turn():
        raise KeyError("in the block")
    assert ns.governor.in_flight == 0


def test_netsuites_own_word_on_the_limit_is_used_where_it_may_be_known(company: Company, ns: Client) -> None:
    assert ns.slot_limit() is None, "the role may not know"
    preferences(company, governance_limits="everyone")
    limits = ns.slot_limit()
    assert limits is not None
    assert (limits.account, limits.usable, ns.governor.known_limit) == (5, 5, 5)
    preferences(company, integration_limit=3)
    limits = ns.slot_limit()
    assert limits is not None
    assert (limits.kind, limits.usable, ns.governor.limit) == ("integrationSpecific", 3, 3)
    preferences(company, governance_limits="administrator", integration_limit="")


def test_the_limit_is_asked_for_when_many_requests_wait(company: Company, ns: Client) -> None:
    preferences(company, governance_limits="everyone", concurrency_limit=6)
    company.simulator.control("latency", {"latency_ms": 30})
    try:
        with ThreadPoolExecutor(15) as pool:
            list(pool.map(lambda _: load_currencies(ns), range(60)))
        assert (ns.governor.known_limit, ns.governor.ceiling) == (6, 20)
        assert ns.governor.limit <= 6
        assert requests_of(company, "system") > 0
    finally:
        company.simulator.control("latency", {"latency_ms": 0})
        preferences(company, governance_limits="administrator", concurrency_limit=5)


@pytest.mark.parametrize(
    "body, usable",
    [
        ({"accountConcurrencyLimit": 15, "accountUnallocatedConcurrencyLimit": 9, "integrationLimitType": "accountLimit"}, 9),
        ({"accountConcurrencyLimit": "15", "integrationLimitType": "internal"}, 15),
        ({"accountConcurrencyLimit": 15, "integrationConcurrencyLimit": 4, "integrationLimitType": "integrationSpecific"}, 4),
        ({"accountConcurrencyLimit": 0}, None),
        ({}, None),
        (["what"], None),
    ],
)  # fmt: skip
def test_the_limits_are_read_as_far_as_they_are_stated(body: object, usable: int | None) -> None:
    assert read_limits(body).usable == usable


def test_proxies_of_the_environment_are_used_for_the_hosts_that_they_are_meant_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", "1-sb1.restlets.api.netsuite.com")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/etc/company.pem")
    secrets = TokenCredentials.of(dict.fromkeys(("consumer_key", "consumer_secret", "token_id", "token_secret"), "x"))
    with Client(Settings(account="1_SB1"), secrets) as client:
        assert client._session.proxies == {"https://1-sb1.suitetalk.api.netsuite.com": "http://proxy.example:3128"}
        assert client._session.verify == "/etc/company.pem"


def test_a_create_to_a_host_that_takes_no_connection_was_certainly_not_sent(
    company: Company, ns: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        closed = f"http://127.0.0.1:{nobody.getsockname()[1]}"
    ns.settings = ns.settings.model_copy(update={"base_url": closed})
    with pytest.raises(NoAnswer, match="refused the connection") as caught:
        create(ns, "5001")
    assert not caught.value.was_sent


def test_a_create_that_was_cut_may_have_been_sent(company: Company, ns: Client) -> None:
    faulty(company, where="transform", kind="drop_before", times=1)
    with pytest.raises(NoAnswer) as caught:
        create(ns, a_billable_order(ns))
    assert caught.value.was_sent


def test_a_create_that_was_blocked_for_too_long_is_not_sent_any_more(
    company: Company, ns: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = a_billable_order(ns)
    monkeypatch.setattr("nsbill.netsuite.client.CREATE_PATIENCE", 0.0)
    before = requests_of(company, "transform")
    for kind, error in (("429", TooManyRequests), ("401", SignInRefused)):
        faulty(company, where="transform", kind=kind, times=1)
        with pytest.raises(error):
            create(ns, order)
    assert requests_of(company, "transform") == before + 2
    faulty(company, where="suiteql", kind="429", times=1)
    assert load_currencies(ns), "a read may be late"
