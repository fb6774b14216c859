"""Requests on records: one, its sublist, and lists (netsuite 3)."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import unquote

from nsbill.simulator.books import Books
from nsbill.simulator.errors import method_not_allowed, not_imitated
from nsbill.simulator.records import find, get_record, item_sublist, list_records, record_type
from nsbill.simulator.replies import REST_JSON, Reply
from nsbill.simulator.request import RECORD, Request, view_of
from nsbill.simulator.suiteql import page_of, paging_links

__all__ = ["answer_record"]


def answer_record(books: Books, request: Request, preferences: Mapping[str, str]) -> Reply:
    """Answer a request on records: one, its item sublist, or a list of ids."""
    name, *rest = [unquote(part) for part in request.path.removeprefix(RECORD).split("/")]
    if name == "metadata-catalog":
        raise not_imitated("the metadata catalog")
    canonical, kind = record_type(name)
    if request.method in ("POST", "PATCH", "PUT", "DELETE"):
        raise not_imitated(f"{request.method} on {canonical}")
    if request.method != "GET":
        raise method_not_allowed(request.method)
    view = view_of(request)
    connection = books.reader()
    if not rest:
        return _record_list(books, request, canonical, kind)
    if len(rest) == 1:
        return Reply.json(get_record(connection, kind, rest[0], view), kind=REST_JSON + "singular")
    if rest[1:] == ["item"]:
        row = find(connection, kind, rest[0])
        lines = connection.execute("SELECT * FROM txnline WHERE txn = ? ORDER BY line", (row["id"],)).fetchall()
        href = f"{view.base}/{canonical}/{row['id']}"
        content = item_sublist(connection, [dict(line) for line in lines], kind, href, view)
        return Reply.json(content, kind=REST_JSON + "collection")
    raise not_imitated("this sub-resource")


def _record_list(books: Books, request: Request, canonical: str, kind: str) -> Reply:
    query = request.query
    if "q" in query or "ids" in query:
        raise not_imitated("record filtering by query parameter")
    limit, offset = page_of(query)
    ids, total = list_records(books.reader(), kind, limit, offset)
    url = f"{request.origin}{RECORD}{canonical}"
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
