"""What is answered: each request of the imitated paths to its reply. No HTTP server in here."""

from __future__ import annotations

from collections.abc import Mapping
from threading import Event

from nsbill.simulator.async_routes import answer_async, queue, refuse_async, wants_async
from nsbill.simulator.books import Books
from nsbill.simulator.errors import Refusal, method_not_allowed
from nsbill.simulator.record_routes import answer_record
from nsbill.simulator.replies import Reply, rest_error, restlet_error
from nsbill.simulator.request import SUITEQL, Request, kind_of
from nsbill.simulator.restlet import Restlet
from nsbill.simulator.restlet_host import answer_restlet
from nsbill.simulator.suiteql import SuiteQL
from nsbill.simulator.transform_routes import answer_transform

__all__ = ["Routes"]


class Routes:
    """Answers signed-in requests on the books of one account."""

    def __init__(self, books: Books, job_queued: Event | None = None) -> None:
        self._books = books
        self._job_queued = job_queued or Event()
        self._suiteql = SuiteQL(books)
        self._restlet = Restlet(books)

    def answer(self, request: Request, preferences: Mapping[str, str]) -> Reply:
        """Answer a request; refusals become error replies of its host."""
        kind = kind_of(request)
        try:
            if kind in ("record", "transform") and wants_async(request):
                return self._queue(request, preferences)
            return {
                "restlet": self._answer_restlet,
                "suiteql": self._answer_suiteql,
                "transform": self._answer_transform,
                "record": self._answer_record,
                "async": self._answer_async,
            }.get(kind, _answer_unknown)(request, preferences)
        except Refusal as refusal:
            return restlet_error(refusal) if kind == "restlet" else rest_error(refusal)

    def _queue(self, request: Request, preferences: Mapping[str, str]) -> Reply:
        reply = queue(self._books, request, preferences)
        self._job_queued.set()
        return reply

    def _answer_async(self, request: Request, preferences: Mapping[str, str]) -> Reply:
        return answer_async(self._books, request)

    def _answer_restlet(self, request: Request, preferences: Mapping[str, str]) -> Reply:
        return answer_restlet(self._restlet, request, preferences)

    def _answer_suiteql(self, request: Request, preferences: Mapping[str, str]) -> Reply:
        if request.method != "POST":
            raise method_not_allowed(request.method)
        refuse_async(request)
        url = f"{request.origin}{SUITEQL}"
        prefer = request.headers.get("prefer")
        return self._suiteql.answer(
            url=url,
            body=request.json(),
            query=request.query,
            prefer=prefer,
            preferences=preferences,
            permissions=request.permissions,
        )

    def _answer_record(self, request: Request, preferences: Mapping[str, str]) -> Reply:
        return answer_record(self._books, request, preferences)

    def _answer_transform(self, request: Request, preferences: Mapping[str, str]) -> Reply:
        return answer_transform(self._books, request, preferences)


def _answer_unknown(request: Request, preferences: Mapping[str, str]) -> Reply:
    if request.path.startswith("/services/rest/"):
        raise Refusal(404, "NOT_FOUND", "The requested resource does not exist.")
    raise Refusal(404, "NOT_FOUND", "The requested page does not exist.")
