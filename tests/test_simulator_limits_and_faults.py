from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from simulator_account import RECORD, SUITEQL, Account, open_account, rest_error

from nsbill.simulator.control import ControlError
from nsbill.simulator.faults import Fault, FaultPlan
from nsbill.simulator.limits import Traffic


@pytest.fixture
def ns(tmp_path: Path) -> Iterator[Account]:
    with open_account(tmp_path) as account:
        yield account


def faults(ns: Account, *rules: dict[str, Any], seed: int = 1) -> None:
    answer = requests.put(f"{ns.url}/_simulator/faults", json={"faults": list(rules), "seed": seed}, timeout=5)
    assert answer.status_code == 200, answer.text


def invoices(ns: Account, order: int) -> int:
    return int(
        ns.rows(
            f"SELECT COUNT(DISTINCT nextdoc) n FROM nexttransactionlinelink WHERE linktype = 'OrdBill' AND previousdoc = {order}"
        )[0]["n"]
    )


class Occupied:
    """Keeps slots of the account busy until it is left."""

    def __init__(self, ns: Account, slots: int) -> None:
        self.ns, self.slots = ns, slots

    def __enter__(self) -> None:
        traffic = self.ns.simulator.control_state.traffic
        assert all(traffic.enter(100, "test") for _ in range(self.slots))

    def __exit__(self, *error: object) -> None:
        for _ in range(self.slots):
            self.ns.simulator.control_state.traffic.leave()


def test_rest_over_the_limit_is_429_without_retry_after(ns: Account) -> None:
    with Occupied(ns, 5):
        answer = ns.get("/salesOrder/106")
    assert answer.status_code == 429
    assert "Retry-After" not in answer.headers
    body = answer.json()
    assert (body["title"], body["status"], body["o:errorCode"]) == ("Bad Request", 429, "USER_ERROR")
    assert body["o:errorDetails"] == [
        {"detail": "Concurrent request limit exceeded. Request blocked.", "o:errorCode": "CONCURRENCY_LIMIT_EXCEEDED"}
    ]
    assert ns.get("/salesOrder/106").status_code == 200


def test_a_restlet_over_the_limit_is_400(ns: Account) -> None:
    with Occupied(ns, 5):
        answer = ns.restlet(action="list_searches")
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "SSS_REQUEST_LIMIT_EXCEEDED"


def test_a_blocked_transform_did_nothing(ns: Account) -> None:
    with Occupied(ns, 5):
        assert ns.transform(106).status_code == 429
    assert invoices(ns, 106) == 0
    assert ns.simulator.control("statistics")["refused"] == {"transform": 1}


def test_limit_and_retry_after_are_knobs(ns: Account) -> None:
    ns.simulator.control("preferences", {"concurrency_limit": 1, "retry_after_seconds": "3"})
    with Occupied(ns, 1):
        assert ns.get("/salesOrder/106").headers["Retry-After"] == "3"


def test_under_load_a_slow_401_can_stand_in_for_429_in_the_words_of_each_host(ns: Account) -> None:
    ns.simulator.control("preferences", {"overload_answer": "401", "overload_delay_ms": "300"})
    with Occupied(ns, 5):
        start = time.monotonic()
        rest = ns.get("/salesOrder/106")
        assert time.monotonic() - start >= 0.3
        restlet = ns.restlet(action="list_searches")
    assert rest_error(rest)[:2] == (401, "INVALID_LOGIN")
    assert (restlet.status_code, restlet.json()["error"]["code"]) == (401, "INVALID_LOGIN_ATTEMPT")
    statistics = ns.simulator.control("statistics")
    assert statistics["refused"] == {"record": 1, "restlet": 1}
    assert statistics["sign_in_refusals"] == {}
    assert ns.get("/salesOrder/106").status_code == 200


def test_mixed_overload_answers_take_turns(ns: Account) -> None:
    ns.simulator.control("preferences", {"overload_answer": "mixed", "overload_delay_ms": ""})
    with Occupied(ns, 5):
        assert [ns.get("/salesOrder/106").status_code for _ in range(4)] == [429, 401, 429, 401]


def test_a_slice_of_the_slots_can_be_the_integrations_limit(ns: Account) -> None:
    ns.simulator.control("preferences", {"integration_limit": "2"})
    with Occupied(ns, 1):
        assert ns.get("/salesOrder/106").status_code == 200
    with Occupied(ns, 2):
        assert ns.get("/salesOrder/106").status_code == 429


def test_a_job_waits_for_a_slot_and_holds_it(ns: Account) -> None:
    traffic = ns.simulator.control_state.traffic
    done = threading.Event()

    def work() -> None:
        with traffic.occupied(lambda: 1, "job"):
            done.wait(5)

    with Occupied(ns, 1):
        job = threading.Thread(target=work)
        job.start()
        time.sleep(0.05)
        assert traffic.statistics()["in_flight"] == 1
    deadline = time.monotonic() + 5
    while traffic.statistics()["in_flight"] == 0:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    done.set()
    job.join(5)
    assert traffic.statistics()["in_flight"] == 0
    assert traffic.statistics()["refused"] == {}


def test_every_answer_carries_the_simulators_time_and_an_id_of_its_own(ns: Account) -> None:
    ns.simulator.control("clock", {"offset_seconds": 200})
    answers = [ns.get("/salesOrder/106"), ns.get("/salesOrder/999999"), ns.restlet(action="list_searches")]
    assert len({answer.headers["X-N-OperationId"] for answer in answers}) == 3
    for answer in answers:
        ahead = parsedate_to_datetime(answer.headers["Date"]) - datetime.now(UTC)
        assert timedelta(seconds=195) < ahead < timedelta(seconds=205)


def test_rest_and_restlet_share_the_slots_and_waiting_requests_do_not_block_each_other(ns: Account) -> None:
    ns.simulator.control("latency", {"latency_ms": 400})
    barrier = threading.Barrier(5)

    def call(number: int) -> int:
        barrier.wait(10)
        return ns.restlet(action="list_searches").status_code if number % 2 else ns.get("/salesOrder/106").status_code

    start = time.monotonic()
    with ThreadPoolExecutor(5) as pool:
        codes = list(pool.map(call, range(5)))
    assert codes == [200] * 5
    assert time.monotonic() - start >= 0.4
    assert ns.simulator.control("statistics")["highest_in_flight"] > 1


def test_the_slots_are_counted_and_never_exceeded() -> None:
    traffic = Traffic()
    assert [traffic.enter(2, "record") for _ in range(3)] == [True, True, False]
    traffic.leave()
    assert traffic.enter(2, "record")
    assert traffic.statistics()["highest_in_flight"] == 2


def test_an_answer_lost_after_the_commit_leaves_the_record(ns: Account) -> None:
    faults(ns, {"where": "transform", "kind": "drop_after_commit", "times": 1})
    with pytest.raises(requests.ConnectionError):
        ns.transform(106, body={"externalId": "LOST"})
    assert ns.get("/invoice/eid:LOST").status_code == 200
    assert invoices(ns, 106) == 1


def test_a_connection_dropped_before_leaves_nothing(ns: Account) -> None:
    faults(ns, {"where": "transform", "kind": "drop_before", "times": 1})
    with pytest.raises(requests.ConnectionError):
        ns.transform(106)
    assert invoices(ns, 106) == 0
    assert ns.transform(106).status_code == 204


@pytest.mark.parametrize("kind,created", [("error_500_before", 0), ("error_500_after_commit", 1)])
def test_an_unexpected_error_may_come_before_or_after_the_record_was_saved(
    ns: Account, kind: str, created: int
) -> None:
    faults(ns, {"where": "transform", "kind": kind, "times": 1})
    status, code, text = rest_error(ns.transform(106))
    assert (status, code) == (500, "UNEXPECTED_ERROR")
    assert text.startswith("An unexpected error occurred. Error ID: ")
    assert len(text) == len("An unexpected error occurred. Error ID: ") + 20
    assert invoices(ns, 106) == created


@pytest.mark.parametrize(
    "kind,expected",
    [
        ("429", (429, "CONCURRENCY_LIMIT_EXCEEDED")),
        ("401", (401, "INVALID_LOGIN")),
        ("locked", (400, "USER_ERROR")),
    ],
)
def test_refusals_on_demand_leave_nothing(ns: Account, kind: str, expected: tuple[int, str]) -> None:
    faults(ns, {"where": "transform", "kind": kind, "times": 1})
    answer = ns.transform(106)
    assert rest_error(answer)[:2] == expected
    assert invoices(ns, 106) == 0
    assert ns.transform(106).status_code == 204


@pytest.mark.parametrize("kind,created_at_timeout", [("slow_before", 0), ("slow_after_commit", 1)])
def test_a_slow_answer_outlasts_the_clients_patience(ns: Account, kind: str, created_at_timeout: int) -> None:
    faults(ns, {"where": "transform", "kind": kind, "times": 1, "seconds": 3})
    with ns.session() as session, pytest.raises(requests.ReadTimeout):
        session.post(f"{ns.url}{RECORD}/salesOrder/106/!transform/invoice", json={"tranDate": "2026-02-10"}, timeout=1)
    assert invoices(ns, 106) == created_at_timeout


def test_faults_hit_their_place_only_after_skipping_and_as_often_as_told(ns: Account) -> None:
    faults(ns, {"where": "suiteql", "kind": "error_500_before", "times": 2, "skip": 1})
    codes = [ns.query("SELECT id FROM currency").status_code for _ in range(5)]
    assert codes == [200, 500, 500, 200, 200]
    assert ns.get("/salesOrder/106").status_code == 200
    state = requests.get(f"{ns.url}/_simulator/faults", timeout=5).json()
    assert state["faults"] == [
        {"where": "suiteql", "kind": "error_500_before", "skip": 1, "seen": 5, "fired": 2, "times": 2}
    ]


def test_a_rate_is_repeatable_by_its_seed() -> None:
    def drawn(seed: int) -> list[bool]:
        plan = FaultPlan()
        plan.set([Fault.parse({"where": "any", "kind": "429", "rate": "0.3"})], seed=seed)
        return [plan.draw("record") is not None for _ in range(200)]

    assert drawn(7) == drawn(7)
    assert drawn(7) != drawn(8)
    assert 30 < sum(drawn(7)) < 90


@pytest.mark.parametrize(
    "body,text",
    [
        ({"faults": [{"where": "moon", "kind": "429", "times": 1}]}, "unknown place 'moon'"),
        ({"faults": [{"kind": "429"}]}, "give either times or rate"),
        ({"faults": [{"kind": "boom", "times": 1}]}, "unknown kind 'boom'"),
        ({"faults": [{"kind": "429", "rate": 1.5}]}, "rate must lie between 0 and 1"),
        ({"faults": [{"kind": "429", "times": 1, "delay": 3}]}, "unknown fault settings: delay"),
        ({"fault": []}, "unknown settings: fault"),
    ],
)
def test_impossible_faults_are_refused_with_a_reason(ns: Account, body: dict[str, Any], text: str) -> None:
    answer = requests.put(f"{ns.url}/_simulator/faults", json=body, timeout=5)
    assert answer.status_code == 400
    assert text in answer.json()["error"]


def test_unknown_preferences_and_control_routes_are_refused(ns: Account) -> None:
    with pytest.raises(ControlError, match="unknown preference 'invoice_in_advace'"):
        ns.simulator.control("preferences", {"invoice_in_advace": "T"})
    with pytest.raises(ControlError, match="unknown control route 'nothing'"):
        ns.simulator.control("nothing")
    assert requests.put(f"{ns.url}/_simulator/latency", data="x", timeout=5).status_code == 400


def test_statistics_count_by_kind_and_start_again_on_demand(ns: Account) -> None:
    ns.get("/salesOrder/106")
    ns.transform(106)
    ns.restlet(action="list_searches")
    ns.call("POST", SUITEQL, json={"q": "x"})
    seen = requests.get(f"{ns.url}/_simulator/statistics", timeout=5).json()
    assert seen["requests"] == {"record": 1, "transform": 1, "restlet": 1, "suiteql": 1}
    assert seen["answers"] == {"200": 2, "204": 1, "400": 1}
    assert (seen["in_flight"], seen["highest_in_flight"]) == (0, 1)
    assert ns.simulator.control("statistics", {"reset": True})["requests"] == {}


def test_stopping_does_not_wait_for_a_request_that_takes_too_long(tmp_path: Path) -> None:
    with open_account(tmp_path) as account:
        faults(account, {"where": "record", "kind": "slow_before", "times": 1, "seconds": 60})
        with account.session() as session, pytest.raises(requests.ReadTimeout):
            session.get(f"{account.url}{RECORD}/salesOrder/106", timeout=0.3)
        start = time.monotonic()
    assert time.monotonic() - start < 10
