"""Batches: one request for up to 100 records of one type, taken apart into one request a record (netsuite 8.3)."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import quote, unquote, urlencode

from nsbill.simulator.errors import bad_request, invalid_parameter, invalid_value
from nsbill.simulator.records import record_type
from nsbill.simulator.replies import render_json
from nsbill.simulator.request import RECORD, Request

__all__ = ["batch_requests", "is_batch"]

_MOST = 100
_OF_BATCH = ("ids", "expandRecords")


def is_batch(request: Request) -> bool:
    """Say whether a request on records asks for several: a collection body, or ``ids`` in the query."""
    if request.method in ("POST", "PATCH", "PUT"):
        media = request.headers.get("content-type", "").replace(" ", "").lower()
        return "type=collection" in media and request.path.startswith(RECORD)
    several = request.method == "DELETE" or request.query.get("expandRecords", "").lower() == "true"
    return request.method in ("DELETE", "GET") and several and "ids" in request.query


def batch_requests(request: Request) -> list[Request]:
    """Return the requests that a batch stands for, or refuse one that is not well formed (texts uncertain)."""
    name, *rest = [unquote(part) for part in request.path.removeprefix(RECORD).split("/")]
    if rest:
        raise bad_request("A batch addresses one record type, and no record of it.")
    canonical = record_type(name)[0]
    if request.method in ("DELETE", "GET"):
        keys = [key.strip() for key in request.query["ids"].split(",") if key.strip()]
        return [_one(request, canonical, key, b"") for key in _limited(keys)]
    content = request.json()
    items = content.get("items") if isinstance(content, dict) else None
    if not isinstance(items, list) or not items:
        raise bad_request('A batch needs a collection: {"items": [...]}.')
    return [_write(request, canonical, item, f"items[{place}]") for place, item in enumerate(_limited(items))]


def _limited(items: list[object] | list[str]) -> list[object]:
    if not items:
        raise invalid_parameter("The parameter ids names no record.", query_param="ids")
    if len(items) > _MOST:
        raise bad_request(f"A batch request can contain a maximum of {_MOST} records.")
    return list(items)


def _write(request: Request, canonical: str, item: object, path: str) -> Request:
    """One record of a collection: PATCH finds it by ``id`` or ``externalId`` (the id wins), PUT by ``externalId``."""
    if not isinstance(item, dict):
        raise invalid_value("items", path)
    body = dict(item)
    key: object = None
    if request.method == "PATCH" and body.get("id") is not None:
        key = str(body.pop("id"))
    elif request.method in ("PATCH", "PUT"):
        external = body.get("externalId")
        if not isinstance(external, str) or not external:
            raise invalid_value("externalId", f"{path}.externalId")
        body.pop("externalId")
        key = f"eid:{external}"
    return _one(request, canonical, key, render_json(body).encode())


def _one(request: Request, canonical: str, key: object, body: bytes) -> Request:
    query = urlencode({name: value for name, value in request.query.items() if name not in _OF_BATCH})
    path = RECORD + canonical + ("" if key is None else "/" + quote(str(key), safe=":"))
    headers = dict(request.headers)
    if body:
        headers["content-type"] = "application/vnd.oracle.resource+json; type=singular"
    return replace(request, target=path + (f"?{query}" if query else ""), headers=headers, body=body)
