"""Requests on records: one, its sublists, lists, writes and metadata (netsuite 3)."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import unquote

from nsbill.simulator.books import Books
from nsbill.simulator.errors import Refusal, bad_request, method_not_allowed
from nsbill.simulator.record_body import Validation
from nsbill.simulator.record_catalogue import resource_of
from nsbill.simulator.record_fields import Resource
from nsbill.simulator.record_lists import list_page
from nsbill.simulator.record_metadata import answer_metadata
from nsbill.simulator.record_sublists import read_sublist, show_line, show_sublist
from nsbill.simulator.record_writes import (
    Write,
    Written,
    change_record,
    create_record,
    delete_record,
    put_record,
)
from nsbill.simulator.records import find_row, get_record
from nsbill.simulator.replies import REST_JSON, Reply
from nsbill.simulator.request import RECORD, Request, view_of

__all__ = ["answer_record"]

_FORMS = ("type=create-form", "type=edit-form", "type=select-options")


def answer_record(books: Books, request: Request, preferences: Mapping[str, str]) -> Reply:
    """Answer a request on records."""
    name, *rest = [unquote(part) for part in request.path.removeprefix(RECORD).split("/")]
    method = "GET" if request.method == "HEAD" else request.method
    if rest and not rest[-1]:
        raise bad_request()
    if name == "metadata-catalog":
        if method != "GET":
            raise method_not_allowed(request.method)
        return answer_metadata(rest, request.query, request.headers.get("accept", ""), view_of(request).base)
    resource = resource_of(name)
    if method == "OPTIONS":
        return _options(resource, rest)
    if method == "GET":
        return _read(books, request, resource, rest, preferences)
    return _write(books, request, resource, rest, preferences)


def _read(books: Books, request: Request, resource: Resource, rest: list[str], preferences: Mapping[str, str]) -> Reply:
    view, connection = view_of(request), books.reader()
    if not rest:
        content = list_page(connection, resource, request.query, base=view.base, preferences=preferences)
        return Reply.json(content, kind=REST_JSON + "collection")
    if len(rest) == 1:
        return Reply.json(get_record(connection, resource, rest[0], view), kind=REST_JSON + "singular")
    sublist = resource.sublist(rest[1])
    if sublist is None or len(rest) > 3:
        raise _no_such_resource()
    row = dict(find_row(connection, resource, rest[0]))
    href = f"{view.base}/{resource.name}/{row['id']}"
    lines = read_sublist(connection, resource, row, sublist)
    if len(rest) == 3:
        content = show_line(connection, sublist, lines, rest[2], href, view)
        return Reply.json(content, kind=REST_JSON + "singular")
    return Reply.json(show_sublist(connection, sublist, lines, href, view), kind=REST_JSON + "collection")


def _write(
    books: Books, request: Request, resource: Resource, rest: list[str], preferences: Mapping[str, str]
) -> Reply:
    method = request.method
    if len(rest) != (0 if method == "POST" else 1):
        raise _wrong_place(request, rest)
    if any(form in request.headers.get("accept", "").replace(" ", "").lower() for form in _FORMS):
        raise Refusal(501, "UNSUPPORTED_OPERATION", "The simulator does not imitate forms of records yet.")
    if method == "DELETE":
        delete_record(books, resource, rest[0], preferences)
        return Reply(204)
    if method not in ("POST", "PATCH", "PUT"):
        raise method_not_allowed(method)
    write = _write_of(request, resource, preferences)
    if method == "POST":
        return _saved(request, resource, create_record(books, resource, write), write.validation)
    if method == "PATCH":
        return _saved(request, resource, change_record(books, resource, rest[0], write), write.validation)
    return _saved(request, resource, put_record(books, resource, rest[0], write), write.validation)


def _write_of(request: Request, resource: Resource, preferences: Mapping[str, str]) -> Write:
    """Read what comes with a write: ``replace`` names sublists, with ``replaceSelectedFields`` also fields to clear."""
    names = [name.strip() for name in request.query.get("replace", "").split(",") if name.strip()]
    clears = request.query.get("replaceSelectedFields", "false").lower() == "true"
    if not clears:
        unknown = [name for name in names if resource.sublist(name) is None]
        if unknown:
            text = f"Invalid value '{unknown[0]}' for the query parameter 'replace'."
            raise Refusal(400, "INVALID_PARAMETER", text, query_param="replace")
    return Write(
        request.json(),
        Validation.of(request.headers, preferences),
        preferences,
        frozenset(names),
        tuple(names) if clears else (),
    )


def _saved(request: Request, resource: Resource, written: Written, validation: Validation) -> Reply:
    """Answer 204 with the record's address; never 201, never the record itself (netsuite 3.6)."""
    headers = {"Location": f"{view_of(request).base}/{resource.name}/{written.id}"}
    if written.warnings and "warning" in (validation.names, validation.values):
        headers["Warning"] = f'299 - "Unknown properties: {", ".join(written.warnings)}"'
    return Reply(204, b"", headers)


def _options(resource: Resource, rest: list[str]) -> Reply:
    if not rest:
        allowed = ["GET", "HEAD", *sorted(resource.methods & {"POST"})]
    elif len(rest) == 1:
        allowed = ["GET", "HEAD", *sorted(resource.methods - {"POST"})]
    else:
        allowed = ["GET", "HEAD"]
    return Reply(204, b"", {"Allow": ", ".join([*allowed, "OPTIONS"])})


def _wrong_place(request: Request, rest: list[str]) -> Refusal:
    return method_not_allowed(request.method) if len(rest) < 2 else _no_such_resource()


def _no_such_resource() -> Refusal:
    return Refusal(404, "NOT_FOUND", "The requested resource does not exist.")
