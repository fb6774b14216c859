"""Requests that transform a record into another (netsuite 4.1)."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import unquote

from nsbill.simulator.books import Books
from nsbill.simulator.errors import bad_request, method_not_allowed, not_imitated
from nsbill.simulator.records import record_type, shape
from nsbill.simulator.replies import REST_JSON, Reply
from nsbill.simulator.request import RECORD, Request, view_of
from nsbill.simulator.transforms import TARGETS, transform

__all__ = ["answer_transform"]


def answer_transform(books: Books, request: Request, preferences: Mapping[str, str]) -> Reply:
    """Transform a record into another, or show the result without saving it."""
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
        books,
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
    view = view_of(request)
    if done.record_id is None:
        content = shape(books.reader(), done.record.header, [dict(line) for line in done.record.lines], view)
        reply = Reply.json(content, kind=REST_JSON + "create-form")
        return Reply(reply.status, reply.body, {**reply.headers, **headers})
    canonical = record_type(target)[0]
    return Reply(204, b"", {"Location": f"{view.base}/{canonical}/{done.record_id}", **headers})


def _wants_preview(request: Request) -> bool:
    return "type=create-form" in request.headers.get("accept", "").replace(" ", "").lower()
