"""Asynchronous requests: queued, carried out in the background, exactly once, also over a restart."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import requests
from simulator_account import RECORD, SUITEQL, Account, open_account, rest_error
from simulator_books import make_books

from nsbill.simulator.books import Books
from nsbill.simulator.jobs import claim, create_job
from nsbill.simulator.request import Request
from nsbill.simulator.server import Simulator

ASYNC = {"Prefer": "respond-async"}
JOB = "/services/rest/async/v1/job"


@pytest.fixture
def ns(tmp_path: Path) -> Iterator[Account]:
    with open_account(tmp_path) as account:
        yield account


def path_of(ns: Account, answer: requests.Response) -> str:
    location = answer.headers["Location"]
    assert location.startswith(f"{ns.url}{JOB}/"), location
    return location.removeprefix(ns.url)


def wait_for(ns: Account, job: str) -> dict[str, Any]:
    end = time.monotonic() + 10
    while True:
        state: dict[str, Any] = ns.call("GET", job).json()
        if state["completed"]:
            return state
        assert time.monotonic() < end, f"{job} did not end: {state}"
        time.sleep(0.02)


def until(ns: Account, reached: Callable[[list[str]], bool]) -> list[list[str]]:
    """Watch the states of all tasks until they are as wanted; return all that was seen."""
    reader, seen, end = ns.simulator.control_state.books.reader(), [], time.monotonic() + 10
    while time.monotonic() < end:
        seen.append([row[0] for row in reader.execute("SELECT state FROM task ORDER BY job, id")])
        if reached(seen[-1]):
            return seen
        time.sleep(0.01)
    raise AssertionError(f"the last states were {seen[-1]}")


def at_once(ns: Account, *orders: int) -> None:
    with ThreadPoolExecutor(len(orders)) as pool:
        answers = list(pool.map(lambda order: ns.get(f"/salesOrder/{order}", headers=ASYNC), orders))
    assert [answer.status_code for answer in answers] == [202] * len(orders)


def test_a_queued_transform_answers_202_at_once_and_its_result_later(ns: Account) -> None:
    ns.simulator.control("latency", {"latency_ms": 500})
    answer = ns.transform(106, body={"externalId": "INV-106"}, headers=ASYNC)
    assert (answer.status_code, answer.content) == (202, b"")
    assert answer.headers["Preference-Applied"] == "respond-async"
    job = path_of(ns, answer)
    until(ns, lambda states: states == ["processing"])
    ns.simulator.control("latency", {"latency_ms": 0})
    with ns.simulator.control_state.books.writing():  # the task cannot end meanwhile
        state = ns.call("GET", job).json()
        assert (state["id"], state["completed"], state["progress"]) == (job.rpartition("/")[2], False, "processing")
        assert state["task"]["links"][0]["href"] == f"{ns.url}{job}/task"
        assert ns.call("GET", f"{job}/task/1").json()["progress"] == "processing"
        assert ns.call("GET", f"{job}/task/1/result").status_code == 404
    assert wait_for(ns, job)["progress"] == "succeeded"
    tasks = ns.call("GET", f"{job}/task/").json()
    assert [item["id"] for item in tasks["items"]] == ["1"]
    task = ns.call("GET", tasks["items"][0]["links"][0]["href"].removeprefix(ns.url)).json()
    assert (task["completed"], task["progress"], task["id"]) == (True, "succeeded", "1")
    assert task["startTime"] <= task["endTime"]
    result = ns.call("GET", next(link["href"] for link in task["links"] if link["rel"] == "related")[len(ns.url) :])
    assert (result.status_code, result.content) == (204, b"")
    new = result.headers["Location"]
    assert ns.get(new.removeprefix(ns.url + RECORD)).json()["externalId"] == "INV-106"


def test_the_result_of_a_refused_request_is_the_refusal(ns: Account) -> None:
    job = path_of(ns, ns.transform(101, headers=ASYNC))
    assert wait_for(ns, job)["progress"] == "failed"
    result = ns.call("GET", f"{job}/task/1/result")
    assert rest_error(result)[:2] == (400, "USER_ERROR")
    assert result.headers["Content-Type"] == "application/vnd.oracle.resource+json; type=error"


def test_a_record_can_be_read_asynchronously(ns: Account) -> None:
    job = path_of(ns, ns.get("/salesOrder/106", params={"fields": "total,tranId"}, headers=ASYNC))
    wait_for(ns, job)
    body = ns.call("GET", f"{job}/task/1/result").json(parse_float=Decimal)
    assert (body["total"], body["tranId"]) == (Decimal("51.67"), "SO106")
    assert "memo" not in body


def test_a_used_idempotency_key_is_a_conflict_that_names_the_first_job(ns: Account) -> None:
    headers = {**ASYNC, "X-NetSuite-Idempotency-Key": "cac827ea-3543-4cda-add2-bae634326c27"}
    first = ns.transform(106, headers=headers)
    second = ns.transform(112, headers=headers)
    assert second.status_code == 400
    assert (second.json()["title"], rest_error(second)[1]) == ("Conflict", "IDEMPOTENCY_ERROR")
    assert second.headers["Location"] == first.headers["Location"]
    assert second.headers["Preference-Applied"] == "respond-async"
    wait_for(ns, path_of(ns, first))
    assert ns.get("/salesOrder/112").json()["status"]["id"] == "F"


def test_the_idempotency_key_is_ignored_without_respond_async(ns: Account) -> None:
    headers = {"X-NetSuite-Idempotency-Key": "cac827ea-3543-4cda-add2-bae634326c27"}
    parts = {"item": {"items": [{"orderLine": 1, "quantity": 1}]}}
    assert ns.transform(112, body=parts, headers=headers).status_code == 204
    assert ns.transform(112, body=parts, headers=headers).status_code == 204


def test_queries_cannot_be_asynchronous(ns: Account) -> None:
    answer = ns.call(
        "POST", SUITEQL, json={"q": "SELECT id FROM transaction"}, headers={"Prefer": "transient, respond-async"}
    )
    assert rest_error(answer)[:2] == (400, "INVALID_PARAMETER")


@pytest.mark.parametrize("path", ["/99", "/99/task", "/99/task/1", "/x", "/1/task/7", "/1/task/1/nothing"])
def test_unknown_jobs_and_tasks_do_not_exist(ns: Account, path: str) -> None:
    wait_for(ns, path_of(ns, ns.get("/salesOrder/106", headers=ASYNC)))
    assert rest_error(ns.call("GET", JOB + path))[:2] == (404, "NONEXISTENT_ID")


def test_the_location_can_be_without_a_host(ns: Account) -> None:
    ns.simulator.control("preferences", {"async_location": "relative"})
    assert ns.get("/salesOrder/106", headers=ASYNC).headers["Location"] == f"{JOB}/1"


def test_no_more_requests_are_carried_out_at_once_than_there_are_processors(ns: Account) -> None:
    ns.simulator.control("preferences", {"async_processors": 2, "concurrency_limit": 20})
    ns.simulator.control("latency", {"latency_ms": 300})
    at_once(ns, 101, 102, 103, 104)
    seen = until(ns, lambda states: states == ["succeeded"] * 4)
    assert max(states.count("processing") for states in seen) == 2


@pytest.mark.parametrize("takes,highest", [("F", 0), ("T", 3)])
def test_whether_processors_take_slots_of_the_account_is_a_knob(ns: Account, takes: str, highest: int) -> None:
    ns.simulator.control("preferences", {"async_takes_slot": takes, "async_processors": 3})
    ns.simulator.control("latency", {"latency_ms": 300})
    at_once(ns, 101, 102, 103)
    ns.simulator.control("statistics", {"reset": True})
    until(ns, lambda states: states == ["succeeded"] * 3)
    assert ns.simulator.control("statistics")["highest_in_flight"] == highest


def test_what_is_queued_survives_a_restart(tmp_path: Path) -> None:
    database = make_books(tmp_path / "books.db")
    with Simulator(database, latency_ms=300) as simulator:
        account = Account(simulator)
        for order in (106, 112):
            assert account.transform(order, headers=ASYNC).status_code == 202
    with Simulator(database) as simulator:
        account = Account(simulator)
        for job in (1, 2):
            assert wait_for(account, f"{JOB}/{job}")["progress"] == "succeeded"
        assert account.rows("SELECT COUNT(*) n FROM transaction WHERE type = 'CustInvc'") == [{"n": "4"}]


def test_a_job_of_a_killed_simulator_is_carried_out_once_by_the_next(tmp_path: Path) -> None:
    database = make_books(tmp_path / "books.db")
    body = b'{"tranDate": "2026-02-10"}'
    headers = {"content-type": "application/json"}
    books = Books(database)
    with books.writing() as connection:
        request = Request("POST", f"{RECORD}/salesOrder/106/!transform/invoice", "127.0.0.1", headers, body)
        create_job(connection, [request], key=None, parallel=False)
    command = [sys.executable, "-m", "nsbill.simulator", str(database), "--latency-ms", "60000"]
    root = Path(__file__).parents[1]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=root) as process:
        end = time.monotonic() + 30
        while books.reader().execute("SELECT state FROM task").fetchone()[0] != "processing":
            assert time.monotonic() < end
            time.sleep(0.05)
        process.kill()
    with books.writing() as connection:
        connection.execute("UPDATE task SET lease = 0")  # as if the time had passed
    books.close()
    with Simulator(database) as simulator:
        account = Account(simulator)
        assert wait_for(account, f"{JOB}/1")["progress"] == "succeeded"
        assert account.rows("SELECT COUNT(*) n FROM transaction WHERE type = 'CustInvc'") == [{"n": "3"}]


def test_a_task_of_a_simulator_that_was_killed_is_taken_when_its_lease_is_over(tmp_path: Path) -> None:
    books = Books(make_books(tmp_path / "books.db"))
    request = Request("GET", f"{RECORD}/salesOrder/106", "127.0.0.1", permissions={"TRAN_SALESORD": "VIEW"})

    def take(runner: str, now: float) -> Any:
        with books.writing() as connection:
            return claim(connection, runner, now=now, lease=5, started="2026-02-01T00:00:00Z", processors=1)

    with books.writing() as connection:
        create_job(connection, [request, request], key=None, parallel=True)
    first = take("killed", 100)
    assert first[1] == request
    assert take("other", 104) is None
    again = take("other", 106)
    assert (again[0].job, again[0].number) == (first[0].job, first[0].number)
    books.close()


def items(ns: Account, method: str, path: str, content: Any, **headers: str) -> requests.Response:
    media = {"Content-Type": "application/vnd.oracle.resource+json; type=collection"}
    return ns.call(method, RECORD + path, data=json.dumps(content), headers=media | headers)


def results(ns: Account, answer: requests.Response) -> list[requests.Response]:
    assert answer.status_code == 202, answer.text
    job = path_of(ns, answer)
    wait_for(ns, job)
    tasks = ns.call("GET", f"{job}/task").json()["items"]
    return [ns.call("GET", f"{job}/task/{task['id']}/result") for task in tasks]


def test_a_batch_creates_one_record_a_task_and_a_bad_one_stops_no_other(ns: Account) -> None:
    customers = [{"externalId": f"new-{number}", "companyName": f"New {number}"} for number in range(3)]
    for customer in customers:
        customer["subsidiary"] = {"id": "1"}  # type: ignore[assignment]
    customers[1] = {"companyName": {"id": "1"}}  # type: ignore[dict-item]
    answers = results(ns, items(ns, "POST", "/customer", {"items": customers}, Prefer="respond-async"))
    assert [answer.status_code for answer in answers] == [204, 400, 204]
    assert ns.get("/customer/eid:new-2").json()["companyName"] == "New 2"


@pytest.mark.parametrize("mode", ["respond-async", 'respond-async, batch-processing="parallel"'])
def test_a_batch_changes_records_by_id_or_external_id(ns: Account, mode: str) -> None:
    content = {"items": [{"id": "106", "memo": "one"}, {"externalId": "SO-109", "memo": "two"}, {"id": 9, "memo": "x"}]}
    answers = results(ns, items(ns, "PATCH", "/salesOrder", content, Prefer=mode))
    assert [answer.status_code for answer in answers] == [204, 204, 404]
    assert [ns.get(f"/salesOrder/{order}").json()["memo"] for order in (106, 109)] == ["one", "two"]


def test_a_batch_reads_and_deletes_by_ids(ns: Account) -> None:
    answer = ns.get("/salesOrder", params={"expandRecords": "true", "ids": "101,eid:SO-106,7"}, headers=ASYNC)
    found = results(ns, answer)
    assert [one.status_code for one in found] == [200, 200, 404]
    assert [one.json()["tranId"] for one in found[:2]] == ["SO101", "SO106"]
    answer = ns.call("DELETE", f"{RECORD}/salesOrder", params={"ids": "101,7"}, headers=ASYNC)
    assert [one.status_code for one in results(ns, answer)] == [204, 404]
    assert ns.get("/salesOrder/101").status_code == 404


def test_a_batch_puts_by_external_id(ns: Account) -> None:
    content = {"items": [{"externalId": "put-1", "companyName": "Put", "subsidiary": {"id": "1"}}]}
    for _ in range(2):
        answers = results(ns, items(ns, "PUT", "/customer", content, Prefer="respond-async"))
        assert [answer.status_code for answer in answers] == [204]
    assert ns.get("/customer/eid:put-1").json()["companyName"] == "Put"


@pytest.mark.parametrize(
    "method,path,content,headers,code",
    [
        ("POST", "/salesOrder", {"items": [{}]}, {}, "INVALID_PARAMETER"),
        ("POST", "/salesOrder", {"items": [{}] * 101}, ASYNC, "INVALID_REQUEST"),
        ("POST", "/salesOrder", {"items": []}, ASYNC, "INVALID_REQUEST"),
        ("POST", "/salesOrder", {"items": [7]}, ASYNC, "INVALID_CONTENT"),
        ("PATCH", "/salesOrder", {"items": [{"memo": "x"}]}, ASYNC, "INVALID_CONTENT"),
        ("PUT", "/salesOrder", {"items": [{"id": "106"}]}, ASYNC, "INVALID_CONTENT"),
        ("PATCH", "/salesOrder/106", {"items": [{"id": "106"}]}, ASYNC, "INVALID_REQUEST"),
        ("POST", "/salesOrder/106/!transform/invoice", {"items": [{}]}, ASYNC, "INVALID_REQUEST"),
    ],
)
def test_batches_that_are_not_well_formed_are_refused_at_once(
    ns: Account, method: str, path: str, content: Any, headers: dict[str, str], code: str
) -> None:
    assert rest_error(items(ns, method, path, content, **headers))[:2] == (400, code)
