"""The HTTP side: each request runs through sign-in, the account's limit, latency and faults to its answer."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any
from uuid import uuid4

from tornado.httputil import format_timestamp
from tornado.web import RequestHandler

from nsbill.simulator.assertions import token_refused
from nsbill.simulator.control import Control, ControlError
from nsbill.simulator.errors import (
    Refusal,
    bearer_refused,
    concurrency_exceeded,
    login_refused,
    record_changed,
    unexpected_error,
    user_error,
)
from nsbill.simulator.faults import Fault
from nsbill.simulator.oauth2 import token_error
from nsbill.simulator.replies import Reply, render_json, rest_error, restlet_error
from nsbill.simulator.request import WHO_AM_I, Request, kind_of
from nsbill.simulator.restlet_host import SCRIPT_ERRORS, script_error
from nsbill.simulator.routes import Routes
from nsbill.simulator.services import slots_for_integration

__all__ = ["ControlHandler", "Gateway"]

_LOOPBACK = ("127.0.0.1", "::1")


class Gateway(RequestHandler):
    """Answers every path of the imitated hosts."""

    def initialize(self, control: Control, routes: Routes, workers: ThreadPoolExecutor) -> None:
        """Take what all requests share."""
        self._control, self._routes, self._workers = control, routes, workers

    async def answer(self) -> None:
        """Answer one request."""
        request = self._read()
        kind = kind_of(request)
        self._control.traffic.arrived(kind)
        fault = self._control.faults.draw(kind)
        if fault is not None and fault.kind == "drop_before":
            self._drop()
            return
        preferences = self._control.books.preferences()
        try:
            answered = self._give_token if kind == "token" else self._serve
            reply = await answered(request, preferences, fault, kind)
        except Refusal as refusal:
            reply = _refused(refusal, request, kind)
        if fault is not None and fault.kind == "drop_after_commit":
            self._drop()
            return
        self._send(reply)

    get = post = put = patch = delete = head = options = answer

    def _read(self) -> Request:
        """Take the request as the imitated hosts see it; a proxy on this machine may have ended TLS."""
        sent = self.request
        headers = {name.lower(): value for name, value in sent.headers.get_all()}
        forwarded = headers.get("x-forwarded-proto", "").lower() == "https" and sent.remote_ip in _LOOPBACK
        scheme = "https" if forwarded else sent.protocol
        return Request(sent.method or "", sent.uri or "", sent.host, headers, sent.body, scheme)

    async def _give_token(self, request: Request, preferences: dict[str, str], fault: Fault | None, kind: str) -> Reply:
        """Answer the token endpoint, which takes none of the account's slots."""
        if fault is not None and fault.kind == "401":
            raise token_refused("invalid_client", "overload")
        return await self._carry_out(
            partial(self._control.sign_in.give_token, request, preferences), preferences, fault
        )

    async def _serve(self, request: Request, preferences: dict[str, str], fault: Fault | None, kind: str) -> Reply:
        """Sign in, take a slot, answer."""
        authorizations = self.request.headers.get_list("Authorization")
        admitted = self._control.sign_in.admit(request, authorizations, preferences, kind=kind)
        if fault is not None and fault.kind == "401":
            raise _overload_401(request, self._control.books.account())
        traffic = self._control.traffic
        if not traffic.enter(slots_for_integration(preferences), kind):
            raise await self._over_limit(request, preferences)
        answer = self._control.services.answer if kind == "system" else self._routes.answer
        try:
            return await self._carry_out(partial(answer, admitted, preferences), preferences, fault)
        finally:
            traffic.leave()

    async def _over_limit(self, request: Request, preferences: dict[str, str]) -> Refusal:
        """Return what a request without a slot is told: 429, or after a while a 401 (netsuite 1.1)."""
        how = preferences["overload_answer"]
        if how == "mixed":
            how = "401" if self._control.traffic.refused() % 2 == 0 else "429"
        if how == "429":
            return _concurrency_exceeded(preferences)
        await asyncio.sleep(int(preferences["overload_delay_ms"] or 0) / 1000)
        return _overload_401(request, self._control.books.account())

    async def _carry_out(self, answer: Callable[[], Reply], preferences: dict[str, str], fault: Fault | None) -> Reply:
        """Let a worker answer, with latency and faults around it."""
        kind = fault.kind if fault is not None else ""
        if kind == "429":
            raise _concurrency_exceeded(preferences)
        if kind == "error_500_before":
            raise unexpected_error(secrets.token_hex(10))
        if kind in SCRIPT_ERRORS:
            raise script_error(SCRIPT_ERRORS[kind])
        if kind == "locked":
            raise user_error("This record has been locked by a user defined workflow.")
        if kind == "changed":
            raise record_changed()
        wait = self._control.latency_ms + (fault.milliseconds if fault is not None and kind == "slow_before" else 0)
        if wait:
            await asyncio.sleep(wait / 1000)
        reply = await asyncio.get_running_loop().run_in_executor(self._workers, answer)
        if fault is not None and kind == "slow_after_commit":
            await asyncio.sleep(fault.milliseconds / 1000)
        if kind == "error_500_after_commit":
            raise unexpected_error(secrets.token_hex(10))
        return reply

    def _drop(self) -> None:
        """Close the connection without an answer."""
        self._control.traffic.answered(0)
        self.detach().close()

    def _send(self, reply: Reply) -> None:
        self._control.traffic.answered(reply.status)
        self.set_status(reply.status)
        self.clear_header("Content-Type")
        self.set_header("Date", format_timestamp(self._control.books.clock.now()))
        self.set_header("X-N-OperationId", str(uuid4()))
        for name, value in reply.headers.items():
            self.set_header(name, value)
        if reply.body and self.request.method != "HEAD":
            self.write(reply.body)
        self.finish()

    def compute_etag(self) -> None:
        """Send no ETag: NetSuite sends none."""

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Report a fault of the simulator itself as NetSuite reports one of its own."""
        self._send(rest_error(unexpected_error(secrets.token_hex(10))))


def _concurrency_exceeded(preferences: dict[str, str]) -> Refusal:
    seconds = preferences["retry_after_seconds"]
    return concurrency_exceeded(int(seconds) if seconds else None)


def _overload_401(request: Request, account: str) -> Refusal:
    """Refuse as NetSuite was seen to do under load: like a bad sign-in, though the sign-in was good."""
    bearer = request.headers.get("authorization", "")[:7].lower() == "bearer "
    return bearer_refused("overload", account) if bearer else login_refused("overload")


def _refused(refusal: Refusal, request: Request, kind: str) -> Reply:
    """Write a refusal in the words of the host that was asked."""
    if kind == "token" and refusal.code.islower():  # OAuth's own codes; faults and full slots answer as REST does
        return token_error(refusal)
    of_restlets = kind == "restlet" or request.path == WHO_AM_I
    return restlet_error(refusal) if of_restlets else rest_error(refusal)


class ControlHandler(RequestHandler):
    """Answers the control routes: GET looks, PUT and POST change."""

    def initialize(self, control: Control) -> None:
        """Take the running parts."""
        self._control = control

    def get(self, name: str) -> None:
        """Look."""
        self._answer(name, None)

    def put(self, name: str) -> None:
        """Change."""
        try:
            body = json.loads(self.request.body)
        except ValueError:
            body = None
        if not isinstance(body, dict):
            self._send(400, {"error": "the body must be a JSON object"})
            return
        self._answer(name, body)

    post = put

    def _answer(self, name: str, body: dict[str, object] | None) -> None:
        try:
            self._send(200, self._control.call(name, body))
        except ControlError as error:
            self._send(400, {"error": str(error)})

    def _send(self, status: int, content: dict[str, object]) -> None:
        self.set_status(status)
        self.set_header("Content-Type", "application/json")
        self.finish(render_json(content))
