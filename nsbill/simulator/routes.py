"""What is answered: each request of the imitated paths to its reply. No HTTP server in here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from urllib.parse import parse_qsl, unquote, urlsplit

from nsbill.simulator.books import DEPLOY, SCRIPT, Books
from nsbill.simulator.errors import Refusal, bad_request, method_not_allowed, not_imitated, unsupported_media_type
from nsbill.simulator.records import View, find, get_record, item_sublist, list_records, record_type, shape
from nsbill.simulator.replies import REST_JSON, Reply, rest_error, restlet_error
from nsbill.simulator.restlet import Restlet
from nsbill.simulator.suiteql import SuiteQL, page_of, paging_links
from nsbill.simulator.transforms import TARGETS, transform

__all__ = ["Request", "Routes", "kind_of"]

RECORD = "/services/rest/record/v1/"
SUITEQL = "/services/rest/query/v1/suiteql"
RESTLET = "/app/site/hosting/restlet.nl"


@dataclass(frozen=True)
class Request:
    """One HTTP request; header names lower case; ``target`` is the raw path with its query."""

    method: str
    target: str
    host: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def path(self) -> str:
        """The raw path."""
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        """The query's parameters."""
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))

    def json(self) -> object:
        """Parse the body, numbers exactly; ``None`` for an empty one."""
        if not self.body:
            return None
        media = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media not in ("application/json", "application/vnd.oracle.resource+json"):
            raise unsupported_media_type()
        try:
            content: object = json.loads(self.body, parse_float=Decimal, parse_constant=_refuse_constant)
        except ValueError:
            raise bad_request() from None
        return content


def _refuse_constant(name: str) -> object:
    raise ValueError(name)


def kind_of(request: Request) -> str:
    """Tell which part of NetSuite a request is for: record, transform, suiteql, restlet, other."""
    path = request.path
    if path == RESTLET:
        return "restlet"
    if path == SUITEQL:
        return "suiteql"
    if path.startswith(RECORD):
        return "transform" if "!transform" in unquote(path) else "record"
    return "other"


class Routes:
    """Answers signed-in requests on the books of one account."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._suiteql = SuiteQL(books)
        self._restlet = Restlet(books)

    def answer(self, request: Request, preferences: Mapping[str, str]) -> Reply:
        """Answer a request; refusals become error replies of its host."""
        kind = kind_of(request)
        try:
            return {
                "restlet": self._answer_restlet,
                "suiteql": self._answer_suiteql,
                "transform": self._answer_transform,
                "record": self._answer_record,
            }.get(kind, _answer_unknown)(request, preferences)
        except Refusal as refusal:
            return restlet_error(refusal) if kind == "restlet" else rest_error(refusal)

    def _answer_restlet(self, request: Request, preferences: Mapping[str, str]) -> Reply:
        query = request.query
        if query.get("script") not in SCRIPT or query.get("deploy") not in DEPLOY:
            text = "That script deployment does not exist, or you do not have permission to run it."
            raise Refusal(404, "SSS_INVALID_SCRIPTLET_ID", text)
        if request.method != "POST":
            raise Refusal(405, "SSS_INVALID_METHOD", f"The script has no function for the method {request.method}.")
        return self._restlet.answer(request.json(), units=int(preferences["restlet_units"]))

    def _answer_suiteql(self, request: Request, preferences: Mapping[str, str]) -> Reply:
        if request.method != "POST":
            raise method_not_allowed(request.method)
        url = f"http://{request.host}{SUITEQL}"
        prefer = request.headers.get("prefer")
        return self._suiteql.answer(
            url=url, body=request.json(), query=request.query, prefer=prefer, preferences=preferences
        )

    def _answer_record(self, request: Request, preferences: Mapping[str, str]) -> Reply:
        name, *rest = [unquote(part) for part in request.path.removeprefix(RECORD).split("/")]
        if name == "metadata-catalog":
            raise not_imitated("the metadata catalog")
        canonical, kind = record_type(name)
        if request.method in ("POST", "PATCH", "PUT", "DELETE"):
            raise not_imitated(f"{request.method} on {canonical}")
        if request.method != "GET":
            raise method_not_allowed(request.method)
        view = _view(request)
        connection = self._books.reader()
        if not rest:
            return self._record_list(request, canonical, kind)
        if len(rest) == 1:
            return Reply.json(get_record(connection, kind, rest[0], view), kind=REST_JSON + "singular")
        if rest[1:] == ["item"]:
            row = find(connection, kind, rest[0])
            lines = connection.execute("SELECT * FROM txnline WHERE txn = ? ORDER BY line", (row["id"],)).fetchall()
            href = f"{view.base}/{canonical}/{row['id']}"
            content = item_sublist(connection, [dict(line) for line in lines], kind, href, view)
            return Reply.json(content, kind=REST_JSON + "collection")
        raise not_imitated("this sub-resource")

    def _record_list(self, request: Request, canonical: str, kind: str) -> Reply:
        query = request.query
        if "q" in query or "ids" in query:
            raise not_imitated("record filtering by query parameter")
        limit, offset = page_of(query)
        ids, total = list_records(self._books.reader(), kind, limit, offset)
        url = f"http://{request.host}{RECORD}{canonical}"
        items = [{"links": [{"rel": "self", "href": f"{url}/{key}"}], "id": str(key)} for key in ids]
        page = {
            "links": paging_links(url, limit, offset, total),
            "count": len(ids),
            "hasMore": offset + len(ids) < total,
            "items": items,
            "offset": offset,
            "totalResults": total,
        }
        return Reply.json(page, kind=REST_JSON + "collection")

    def _answer_transform(self, request: Request, preferences: Mapping[str, str]) -> Reply:
        parts = [unquote(part) for part in request.path.removeprefix(RECORD).split("/")]
        if len(parts) != 4 or parts[2] != "!transform":
            raise bad_request()
        if request.method != "POST":
            raise method_not_allowed(request.method)
        source, target = record_type(parts[0])[0], parts[3].lower()
        if source != "salesOrder" or target not in TARGETS:
            raise not_imitated(f"the transformation of {source} into {parts[3]}")
        if "respond-async" in request.headers.get("prefer", "").lower():
            raise not_imitated("asynchronous requests")
        done = transform(
            self._books,
            parts[1],
            TARGETS[target],
            request.json(),
            strict_names=request.headers.get("x-netsuite-propertynamevalidation", "warning").lower() == "error",
            save=not _wants_preview(request),
            preferences=preferences,
        )
        headers = {}
        if done.warnings and request.headers.get("x-netsuite-propertynamevalidation", "warning").lower() != "ignore":
            headers["Warning"] = f'299 - "Unknown properties: {", ".join(done.warnings)}"'
        view = _view(request)
        if done.record_id is None:
            content = shape(self._books.reader(), done.record.header, [dict(line) for line in done.record.lines], view)
            reply = Reply.json(content, kind=REST_JSON + "create-form")
            return Reply(reply.status, reply.body, {**reply.headers, **headers})
        canonical = record_type(target)[0]
        return Reply(204, b"", {"Location": f"{view.base}/{canonical}/{done.record_id}", **headers})


def _view(request: Request) -> View:
    query = request.query
    return View(
        base=f"http://{request.host}{RECORD.rstrip('/')}",
        expand=query.get("expandSubResources", "false").lower() == "true",
        simple_enums=query.get("simpleEnumFormat", "false").lower() == "true",
        fields=tuple(filter(None, query.get("fields", "").split(","))),
    )


def _wants_preview(request: Request) -> bool:
    return "type=create-form" in request.headers.get("accept", "").replace(" ", "").lower()


def _answer_unknown(request: Request, preferences: Mapping[str, str]) -> Reply:
    if request.path.startswith("/services/rest/"):
        raise Refusal(404, "NOT_FOUND", "The requested resource does not exist.")
    raise Refusal(404, "NOT_FOUND", "The requested page does not exist.")
