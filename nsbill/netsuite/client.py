"""One call to NetSuite: a slot, timeouts, the retry rule, errors mapped.

What may be sent again is decided in ``retry``, how many are in flight in ``governor``. Everything unclear about a
create is ``NoAnswer``, is never sent again, and is looked up.
"""

from __future__ import annotations

import math
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import NewConnectionError

from nsbill.credentials import Credentials
from nsbill.errors import NetSuiteError, NoAnswer, SignInRefused, TooManyRequests
from nsbill.netsuite.governor import governor_of
from nsbill.netsuite.limits import PATH, SlotLimits, read_limits
from nsbill.netsuite.replies import Reply, error_of, parse_json
from nsbill.netsuite.retry import Call, Retry, retry_after, should_retry
from nsbill.netsuite.session import open_session, renew_sign_in
from nsbill.netsuite.window import Start
from nsbill.settings import Settings

__all__ = ["Call", "Client"]

_CONNECTIONS = 200
"""Connections that may be kept open: as many as the setting ``slots`` can ever allow."""
CREATE_PATIENCE = 300.0
"""Seconds after which a create that was blocked is not sent any more (the intent to create it is as old)."""
_READ_TIMEOUT = 330.0
"""Seconds for an answer to a read: a RESTlet is stopped after 300 (netsuite 7.3), queries and records take less."""


class Client:
    """A signed-in connection. Threads share it; all of a process share the account's slots. Use as a context manager."""

    def __init__(self, settings: Settings, credentials: Credentials) -> None:
        self.settings = settings
        """May be replaced while in use; the ceiling of slots and the timeouts follow."""
        self.governor = governor_of(settings.account, urlsplit(settings.rest_url).netloc)
        self._session = open_session(settings, credentials, connections=_CONNECTIONS)
        _read_environment_once(self._session, settings)
        self._thread = threading.local()
        self.heard: Callable[[Call, Reply], object] = _not_listened_to
        """Gets each call that NetSuite answered well, and its answer, in the thread that asked; must not raise."""
        self._sign_in_failures = 0
        self._sign_in_error: SignInRefused | None = None

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
        """Send ``call``, again where that is safe.

        Raises
        ------
        NoAnswer
            No clear answer; for a create the outcome is unknown.
        SignInRefused
            The credentials were refused, also when asked again alone.
        NetSuiteError
            NetSuite refused; for a create nothing was created.
        """
        failures: Counter[str] = Counter()
        known_failures = self._sign_in_failures
        last_send = time.monotonic() + (CREATE_PATIENCE if call.creates else math.inf)
        last_error: NoAnswer | NetSuiteError | None = None
        self._ask_for_limit()
        while True:
            with self._slot() as start:
                if last_error is not None and time.monotonic() > last_send:
                    raise last_error
                if self._sign_in_error is not None and self._sign_in_failures != known_failures:
                    raise self._sign_in_error.with_traceback(None)  # found bad while this request waited
                try:
                    return self._attempt(call, start)
                except (NoAnswer, NetSuiteError) as error:
                    retry = self._judge(call, error, failures)
                    last_error = error
                    if time.monotonic() + retry.wait > last_send:
                        raise
                    if retry.alone:
                        reply, retry = self._send_alone(call, start, retry, failures, error, known_failures, last_send)
                        if reply is not None:
                            return reply
            time.sleep(retry.wait)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for a slot before the block begins, and keep it for this thread's next request.

        What must be written down shortly before a request is written inside the block: there may be a long wait
        before. The slot is given back after the request, or at the end of the block.
        """
        self._ask_for_limit()
        held = self._thread.held = self.governor.enter(self.settings.slots)
        try:
            yield
        finally:
            if self._held() is held:
                self._thread.held = None
                self.governor.leave(held)

    def slot_limit(self) -> SlotLimits | None:
        """Ask NetSuite how many requests may be in flight; ``None`` when the role may not know. Sent once.

        Raises
        ------
        NoAnswer
            No clear answer.
        NetSuiteError
            Refused for another reason.
        """
        call = Call("Read the concurrency limits", "GET", f"{self.settings.rest_url}{PATH}")
        with self._slot() as start:
            try:
                reply = self._attempt(call, start)
            except NetSuiteError as error:
                if error.status in {401, 403, 404}:
                    return None
                raise
        limits = read_limits(reply.body)
        self.governor.known_limit = limits.usable
        return limits

    def _ask_for_limit(self) -> None:
        """Ask for the limit once, when many requests are wanted; a job never fails for the want of it."""
        if self._held() is not None or not self.governor.should_ask():
            return
        try:
            self.slot_limit()
        except (NoAnswer, NetSuiteError):
            self.governor.known_limit = None  # found by trying, as in most accounts

    def _held(self) -> Start | None:
        held: Start | None = getattr(self._thread, "held", None)
        return held

    @contextmanager
    def _slot(self) -> Iterator[Start]:
        """The slot of this thread's turn, or one that is free."""
        start = self._held() or self.governor.enter(self.settings.slots)
        self._thread.held = None
        try:
            yield start
        finally:
            self.governor.leave(start)

    def _attempt(self, call: Call, start: Start) -> Reply:
        """Send once; tell the governor what came of it."""
        response = self._exchange(call)
        status, advised = response.status_code, retry_after(response.headers.get("Retry-After"), datetime.now(UTC))
        if status >= 500:
            failure = error_of(call.what, response)
            problem = f"status {status} {failure.code}: {failure.detail.rstrip('. ')}"
            unclear = NoAnswer(
                call.what, urlsplit(call.url).netloc, problem, "Try again later.", request_id=failure.request_id
            )
            unclear.retry_after = advised
            raise unclear
        if not 200 <= status < 300:
            error = error_of(call.what, response)
            error.retry_after = advised
            if isinstance(error, TooManyRequests):
                self.governor.blocked(start)
            elif isinstance(error, SignInRefused):
                renew_sign_in(self._session, response.request.headers.get("Authorization"))
            else:
                self.governor.good(start)
            raise error
        self.governor.good(start)
        try:
            body = parse_json(response.text) if response.text.strip() else None
        except ValueError as error:
            host, problem = urlsplit(call.url).netloc, "the answer is not JSON"
            raise NoAnswer(call.what, host, problem, "Is this a NetSuite address?") from error
        reply = Reply(status, body, response.headers.get("Location"))
        self.heard(call, reply)
        return reply

    def _exchange(self, call: Call) -> requests.Response:
        """One HTTP request and its whole answer, or ``NoAnswer``."""
        settings = self.settings
        patience = settings.read_timeout if call.creates else min(settings.read_timeout, _READ_TIMEOUT)
        try:
            return self._session.request(
                call.method,
                call.url,
                params=dict(call.params),
                json=call.json,
                headers={"Accept": "*/*", **call.headers},
                timeout=(settings.connect_timeout, patience),
                allow_redirects=False,
            )
        except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError) as error:
            unclear = NoAnswer(call.what, urlsplit(call.url).netloc, _plain(error))
            unclear.slow = isinstance(error, requests.ReadTimeout)
            unclear.was_sent = not _never_connected(error)
            raise unclear from error

    def _judge(self, call: Call, error: NoAnswer | NetSuiteError, failures: Counter[str]) -> Retry:
        """Return how ``call`` is sent again, or raise ``error``."""
        failures[type(error).__name__] += 1
        retry = should_retry(call, error, failures[type(error).__name__])
        if retry is not None:
            return retry
        if isinstance(error, SignInRefused):
            # whoever waits for a slot need not try these credentials too: five failures lock a user out (netsuite 1.1)
            self._sign_in_error = error
            self._sign_in_failures += 1
        raise error

    def _send_alone(
        self,
        call: Call,
        refused: Start,
        retry: Retry,
        failures: Counter[str],
        error: NoAnswer | NetSuiteError,
        known_failures: int,
        last_send: float,
    ) -> tuple[Reply | None, Retry]:
        """Try a refused sign-in once more with nothing else in flight; nothing new begins before that is known.

        Returns the reply, or ``None`` and how to go on when this try failed for another reason.
        """
        with self.governor.alone(refused) as start:
            if self._sign_in_failures != known_failures or time.monotonic() + retry.wait > last_send:
                raise error  # another thread has tried these credentials again meanwhile, or it is too late for this create
            time.sleep(retry.wait)
            try:
                reply = self._attempt(call, start)
            except (NoAnswer, NetSuiteError) as again:
                return None, self._judge(call, again, failures)
            if refused.level > 1:
                self.governor.blocked(refused)  # the credentials are good: it was too many at once
            return reply, retry


def _not_listened_to(call: Call, reply: Reply) -> None:
    """Nobody wants to hear what is asked."""


def _read_environment_once(session: requests.Session, settings: Settings) -> None:
    """Settle proxies and the certificate bundle for both hosts; looking them up anew took a quarter of a request's work."""
    for url in (settings.rest_url, settings.restlet_url):
        parts = urlsplit(url)
        for scheme, proxy in requests.utils.get_environ_proxies(url).items():
            if scheme in {parts.scheme, "all"}:
                session.proxies[f"{parts.scheme}://{parts.hostname}"] = proxy
    session.verify = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True
    session.trust_env = False


def _never_connected(error: Exception) -> bool:
    """Whether not even a connection was there: the host is unknown, refused it, or did not accept it in time."""
    if isinstance(error, requests.ConnectTimeout | requests.exceptions.ProxyError):
        return True
    cause = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(cause, NewConnectionError)  # an unknown name is one too


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
