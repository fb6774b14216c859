"""One call to NetSuite: slots, timeouts, retries where they are safe, errors mapped.

Retry rule: reads are repeated; a create is repeated only when NetSuite says that it was blocked before it began
(concurrency limit, one sign-in refusal). Everything unclear about a create is ``NoAnswer`` and is looked up.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import requests

from nsbill.credentials import Credentials
from nsbill.errors import NetSuiteError, NoAnswer, SignInRefused, TooManyRequests
from nsbill.netsuite.replies import Reply, error_of, parse_json
from nsbill.netsuite.session import open_session
from nsbill.settings import Settings

__all__ = ["Call", "Client"]

_READ_TRIES = 5
_BLOCKED_TRIES = 12
_FIRST_WAIT = 0.25
_LONGEST_WAIT = 20.0


@dataclass(frozen=True)
class Call:
    """One request. ``what`` names it for people; ``creates`` marks a request that must never be re-sent blindly."""

    what: str
    method: str
    url: str
    params: Mapping[str, str] = field(default_factory=dict)
    json: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    creates: bool = False


class Client:
    """A signed-in connection that keeps at most ``settings.slots`` requests in flight. Use as a context manager."""

    def __init__(self, settings: Settings, credentials: Credentials) -> None:
        self.settings = settings
        self._session = open_session(settings, credentials, connections=settings.slots)
        self._slots = threading.BoundedSemaphore(settings.slots)
        self._alone = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def send(self, call: Call) -> Reply:
        """Send ``call``, repeating it where that is safe.

        Raises
        ------
        NoAnswer
            No clear answer; for a create the outcome is unknown.
        NetSuiteError
            NetSuite refused; for a create nothing was created.
        """
        attempt = 0
        while True:
            attempt += 1
            try:
                return self._send_once(call)
            except (NoAnswer, NetSuiteError) as error:
                wait = _wait_before_retry(call, error, attempt)
                if wait is None:
                    raise
                if isinstance(error, SignInRefused):
                    return self._send_alone(call)
            time.sleep(wait)

    def _send_once(self, call: Call) -> Reply:
        settings = self.settings
        host = urlsplit(call.url).netloc
        try:
            with self._slots:
                response = self._session.request(
                    call.method,
                    call.url,
                    params=dict(call.params),
                    json=call.json,
                    headers={"Accept": "*/*", **call.headers},
                    timeout=(settings.connect_timeout, settings.read_timeout),
                    allow_redirects=False,
                )
                text = response.text
        except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError) as error:
            raise NoAnswer(call.what, host, _plain(error)) from error
        if response.status_code >= 500:
            failure = error_of(call.what, response)
            problem = f"status {failure.status} {failure.code}: {failure.detail.rstrip('. ')}"
            raise NoAnswer(call.what, host, problem, "Try again later.")
        if not 200 <= response.status_code < 300:
            raise error_of(call.what, response)
        try:
            body = parse_json(text) if text.strip() else None
        except ValueError as error:
            raise NoAnswer(call.what, host, "the answer is not JSON", "Is this a NetSuite address?") from error
        return Reply(response.status_code, body, response.headers.get("Location"))

    def _send_alone(self, call: Call) -> Reply:
        """Send again with no other repeated sign-in beside it: a 401 can really be overload (netsuite.md 1.1)."""
        with self._alone:
            time.sleep(_jittered(_FIRST_WAIT))
            return self._send_once(call)


def _wait_before_retry(call: Call, error: NoAnswer | NetSuiteError, attempt: int) -> float | None:
    """Decide whether ``call`` may be sent again: seconds to wait before, or ``None`` for no."""
    if isinstance(error, TooManyRequests):  # blocked before it began, so a create is safe to repeat too
        return _jittered(_backoff(attempt)) if attempt < _BLOCKED_TRIES else None
    if isinstance(error, SignInRefused):  # refused before it began; once, serially, since it may be overload
        return 0.0 if attempt == 1 else None
    if call.creates:  # anything unclear about a create is looked up, never repeated
        return None
    if isinstance(error, NoAnswer):  # a read changes nothing
        return _jittered(_backoff(attempt)) if attempt < _READ_TRIES else None
    return None  # a clear refusal stays one


def _backoff(attempt: int) -> float:
    return min(_LONGEST_WAIT, _FIRST_WAIT * 2.0 ** (attempt - 1))


def _jittered(seconds: float) -> float:
    """Full jitter, so that threads which were blocked together do not come back together."""
    return random.uniform(seconds / 10, seconds)


def _plain(error: Exception) -> str:
    """The cause of a connection failure in plain words, without addresses of objects."""
    if isinstance(error, requests.ConnectTimeout):
        return "the host did not accept a connection in time"
    if isinstance(error, requests.Timeout):
        return "no answer within the read timeout"
    text = str(error)
    for mark, words in (
        ("Name or service not known", "the host name is unknown"),
        ("nodename nor servname", "the host name is unknown"),
        ("Failed to resolve", "the host name is unknown"),
        ("Connection refused", "the host refused the connection"),
    ):
        if mark in text:
            return words
    return "the connection was cut"
