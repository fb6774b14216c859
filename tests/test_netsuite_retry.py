"""nsbill.netsuite.retry: which failed request is sent again, when, and why; every branch of the rule."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from nsbill.errors import NetSuiteError, NoAnswer, SearchError, SignInRefused, TooManyRequests
from nsbill.netsuite.retry import Call, retry_after, should_retry

READ = Call("Read", "GET", "https://x.example/record")
CREATE = Call("Create", "POST", "https://x.example/!transform/invoice", creates=True)
NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)


def refused(kind: type[NetSuiteError], status: int, code: str) -> NetSuiteError:
    return kind("Read", status=status, code=code, detail="no")


def unclear(*, slow: bool = False, was_sent: bool = True) -> NoAnswer:
    error = NoAnswer("Read", "x.example", "status 500 UNEXPECTED_ERROR")
    error.slow, error.was_sent = slow, was_sent
    return error


FAILURES: dict[str, NoAnswer | NetSuiteError] = {
    "429": refused(TooManyRequests, 429, "CONCURRENCY_LIMIT_EXCEEDED"),
    "RESTlet limit": refused(TooManyRequests, 400, "SSS_REQUEST_LIMIT_EXCEEDED"),
    "401": refused(SignInRefused, 401, "INVALID_LOGIN"),
    "5xx or cut": unclear(),
    "timed out": unclear(slow=True),
    "no token": unclear(was_sent=False),
    "400": refused(NetSuiteError, 400, "USER_ERROR"),
    "404": refused(NetSuiteError, 404, "NONEXISTENT_ID"),
    "search": refused(SearchError, 400, "INVALID_SEARCH"),
}

TABLE = """
request | failure       | sent again | alone | reason
read    | 429           | 11 times   | no    | blocked it before it began
create  | 429           | 11 times   | no    | blocked it before it began
read    | RESTlet limit | 11 times   | no    | blocked it before it began
create  | RESTlet limit | 11 times   | no    | blocked it before it began
read    | 401           | 1 times    | yes   | can be overload
create  | 401           | 1 times    | yes   | can be overload
read    | 5xx or cut    | 4 times    | no    | a read changes nothing
create  | 5xx or cut    | 0 times    | no    |
read    | timed out     | 1 times    | no    | a read changes nothing
create  | timed out     | 0 times    | no    |
read    | no token      | 4 times    | no    | it was not sent
create  | no token      | 4 times    | no    | it was not sent
read    | 400           | 0 times    | no    |
create  | 400           | 0 times    | no    |
read    | 404           | 0 times    | no    |
read    | search        | 0 times    | no    |
"""
ROWS = [[cell.strip() for cell in line.split("|")] for line in TABLE.strip().splitlines()[1:]]


@pytest.mark.parametrize("request_, failure, times, alone, reason", ROWS, ids=[f"{r[0]} {r[1]}" for r in ROWS])
def test_what_is_sent_again(request_: str, failure: str, times: str, alone: str, reason: str) -> None:
    call, error = READ if request_ == "read" else CREATE, FAILURES[failure]
    answers = [should_retry(call, error, attempt) for attempt in range(1, 20)]
    again = [answer for answer in answers if answer is not None]
    assert len(again) == int(times.partition(" ")[0])
    assert answers[: len(again)] == again, "once given up, it is not taken up again"
    assert {answer.alone for answer in again} <= {alone == "yes"}
    assert all(reason in answer.reason for answer in again)


def test_waits_double_to_a_limit_and_are_drawn_from_the_whole_range() -> None:
    highest = [should_retry(READ, FAILURES["429"], n, draw=lambda _low, high: high) for n in range(1, 12)]
    assert [r.wait for r in highest if r] == [0.25, 0.5, 1, 2, 4, 8, 16, 20, 20, 20, 20]
    lowest = should_retry(READ, FAILURES["429"], 9, draw=lambda low, _high: low)
    assert lowest is not None
    assert lowest.wait == 0


def test_the_time_that_netsuite_asks_for_comes_before_the_jitter() -> None:
    error = refused(TooManyRequests, 429, "CONCURRENCY_LIMIT_EXCEEDED")
    error.retry_after = 30.0
    retry = should_retry(CREATE, error, 1, draw=lambda _low, high: high)
    assert retry is not None
    assert retry.wait == 30.25
    error.retry_after = 3600.0
    assert should_retry(CREATE, error, 1) is None, "nobody waits an hour for one request"


@pytest.mark.parametrize(
    "header, seconds",
    [
        (None, None),
        ("7", 7),
        (" 0 ", 0),
        ("Mon, 23 Nov 2026 12:00:40 GMT", 40),
        ("Mon, 23 Nov 2026 11:00:00 GMT", 0),
        ("soon", None),
        ("-3", None),
        ("1.5", None),
        ("", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str | None, seconds: float | None) -> None:
    assert retry_after(header, NOW) == seconds
