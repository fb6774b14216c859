"""The HTTP side: each request runs through sign-in, the account's limit, latency and faults to its answer."""

from __future__ import annotations

import asyncio
import json
import secrets
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tornado.web import RequestHandler

from nsbill.simulator.auth import SignedRequest
from nsbill.simulator.control import Control, ControlError
from nsbill.simulator.errors import Refusal, concurrency_exceeded, login_refused, unexpected_error, user_error
from nsbill.simulator.faults import Fault
from nsbill.simulator.replies import Reply, render_json, rest_error, restlet_error
from nsbill.simulator.request import Request, kind_of
from nsbill.simulator.routes import Routes

__all__ = ["ControlHandler", "Gateway"]

_METHODS = ("get", "post", "put", "patch", "delete", "head", "options")


class Gateway(RequestHandler):
    """Answers every path of the imitated hosts."""

    def initialize(self, control: Control, routes: Routes, workers: ThreadPoolExecutor) -> None:
        """Take what all requests share."""
        self._control, self._routes, self._workers = control, routes, workers

    async def answer(self) -> None:
        """Answer one request."""
        headers = {name.lower(): value for name, value in self.request.headers.get_all()}
        request = Request(
            self.request.method or "", self.request.uri or "", self.request.host, headers, self.request.body
        )
        kind = kind_of(request)
        traffic = self._control.traffic
        traffic.arrived(kind)
        fault = self._control.faults.draw(kind)
        preferences = self._control.books.preferences()
        if fault is not None and fault.kind == "drop_before":
            self._drop()
            return
        try:
            self._sign_in(request, preferences, fault)
            if not traffic.enter(int(preferences["concurrency_limit"]), kind):
                raise _over_limit(preferences)
            try:
                reply = await self._carry_out(request, preferences, fault)
            finally:
                traffic.leave()
        except Refusal as refusal:
            reply = restlet_error(refusal) if kind == "restlet" else rest_error(refusal)
        if fault is not None and fault.kind == "drop_after_commit":
            self._drop()
            return
        self._send(reply)

    get = post = put = patch = delete = head = options = answer

    def _sign_in(self, request: Request, preferences: dict[str, str], fault: Fault | None) -> None:
        books = self._control.books
        authorizations = self.request.headers.get_list("Authorization")
        if len(authorizations) > 1:
            raise login_refused("parameter_rejected")
        signed = SignedRequest(
            request.method, request.target, request.host, authorizations[0] if authorizations else None, request.body
        )
        self._control.verifier.verify(
            signed,
            account=books.account(),
            credentials=books.credentials(),
            now=int(books.clock.now().timestamp()),
            check_body_hash=preferences["check_body_hash"] == "T",
        )
        if fault is not None and fault.kind == "401":
            raise login_refused("overload")

    async def _carry_out(self, request: Request, preferences: dict[str, str], fault: Fault | None) -> Reply:
        kind = fault.kind if fault is not None else ""
        if kind == "429":
            raise _over_limit(preferences)
        if kind == "error_500_before":
            raise unexpected_error(secrets.token_hex(10))
        if kind == "locked":
            raise user_error("This record has been locked by a user defined workflow.")
        wait = self._control.latency_ms + (fault.milliseconds if fault is not None and kind == "slow_before" else 0)
        if wait:
            await asyncio.sleep(wait / 1000)
        reply = await asyncio.get_running_loop().run_in_executor(
            self._workers, self._routes.answer, request, preferences
        )
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


def _over_limit(preferences: dict[str, str]) -> Refusal:
    seconds = preferences["retry_after_seconds"]
    return concurrency_exceeded(int(seconds) if seconds else None)


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
