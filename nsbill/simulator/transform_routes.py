"""Requests that transform a record into another, or show what that would make (netsuite 4.1)."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import unquote

from nsbill.simulator.books import Books
from nsbill.simulator.errors import Refusal, bad_request, method_not_allowed, not_imitated, user_error
from nsbill.simulator.records import record_type, shape
from nsbill.simulator.replies import REST_JSON, Reply
from nsbill.simulator.request import RECORD, Request, view_of
from nsbill.simulator.transform_body import RESOURCE
from nsbill.simulator.transforms import TRANSFORMATIONS, Transformation, Transformed, transform

__all__ = ["answer_transform"]

_ELSEWHERE = {
    "salesOrder": {"returnauthorization", "fulfillmentrequest"},
    "invoice": {"returnauthorization", "customerrefund"},
    "cashSale": {"returnauthorization", "customsale"},
}
"""Transformations that NetSuite has and the simulator has not (netsuite 4.1)."""


def answer_transform(books: Books, request: Request, preferences: Mapping[str, str]) -> Reply:
    """Transform a record into another, or show the result without saving it."""
    parts = [unquote(part) for part in request.path.removeprefix(RECORD).split("/")]
    if len(parts) != 4 or parts[2] != "!transform":
        raise bad_request()
    if request.method != "POST":
        raise method_not_allowed(request.method)
    if "type=collection" in request.headers.get("content-type", "").replace(" ", "").lower():
        raise bad_request("Batch operations are not supported for record transformation.")
    mode = request.headers.get("x-netsuite-propertynamevalidation", "warning").lower()
    preview = "type=create-form" in request.headers.get("accept", "").replace(" ", "").lower()
    done = transform(
        books,
        _wanted(parts[0], parts[1], parts[3], request.query.get("replace", "")),
        request.json(),
        strict_names=mode == "error",
        save=not preview,
        preferences=preferences,
    )
    headers = _warnings(done, mode)
    if preview:
        reply = Reply.json(_preview(books, request, done), kind=REST_JSON + "create-form")
        return Reply(reply.status, reply.body, {**reply.headers, **headers})
    canonical = RESOURCE[str(done.record.header["type"])]
    return Reply(204, b"", {"Location": f"{view_of(request).base}/{canonical}/{done.record_id}", **headers})


def _wanted(source: str, key: str, target: str, replace: str) -> Transformation:
    canonical, kind = record_type(source)
    by_name = {RESOURCE[one].lower(): one for before, one in TRANSFORMATIONS if before == kind}
    if target.lower() in by_name:
        replaced = frozenset(filter(None, replace.split(",")))
        return Transformation(kind, key, by_name[target.lower()], replaced)
    if target.lower() in _ELSEWHERE.get(canonical, set()):
        raise not_imitated(f"the transformation of {canonical} into {target}")
    raise _no_such_transformation()


def _no_such_transformation() -> Refusal:
    """Refuse a pair of records that NetSuite does not transform (text and code uncertain)."""
    return user_error("That is not a valid record transformation.")


def _warnings(done: Transformed, mode: str) -> dict[str, str]:
    texts = list(done.record.warnings)
    if done.unknown and mode != "ignore":
        texts.insert(0, _header_text(f"Unknown properties: {', '.join(done.unknown)}"))
    return {"Warning": ", ".join(f'299 - "{text}"' for text in texts)} if texts else {}


def _header_text(text: str) -> str:
    """Keep what may stand in a quoted text of a header."""
    return "".join(mark if mark.isascii() and mark.isprintable() and mark not in '"\\' else "?" for mark in text)


def _preview(books: Books, request: Request, done: Transformed) -> dict[str, object]:
    """Show a record that is not saved; its links lead to itself as a form, and to the transformation."""
    view, reader, record = view_of(request), books.reader(), done.record
    types = dict(reader.execute("SELECT id, itemtype FROM item").fetchall()) if view.expand else {}
    source = record.header.get("createdfrom")
    lines = [
        {**line, "itemtype": types.get(line["item"]), "orderdoc": source if line["orderline"] is not None else None}
        for line in record.lines
    ]
    content = shape(reader, record.header, lines, view)
    if view.fields:
        content = {name: value for name, value in content.items() if name in view.fields}
    address = f"{request.origin}{request.path}"
    links = [{"rel": "self", "href": request.origin + request.target}, {"rel": "transform", "href": address}]
    return {**content, "links": links}
