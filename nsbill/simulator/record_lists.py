"""Lists of records: ids only, page by page, filtered by ``q`` (netsuite 3.4)."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from urllib.parse import quote

from nsbill.simulator.errors import bad_request, invalid_parameter
from nsbill.simulator.filters import Condition, parse_filter
from nsbill.simulator.record_fields import Resource
from nsbill.simulator.suiteql import page_of, paging_links

__all__ = ["list_page"]

_MAX_RESULTS = 100_000
_MAX_PAGES = 1000


def list_page(
    connection: sqlite3.Connection,
    resource: Resource,
    query: Mapping[str, str],
    *,
    base: str,
    preferences: Mapping[str, str],
) -> dict[str, object]:
    """Return one page of ids; ``base`` is the address of ``/services/rest/record/v1``.

    A batch read (``expandRecords`` with ``ids``) is asynchronous only (netsuite 8.3) and answered elsewhere; half of one is refused.
    """
    if "ids" in query or query.get("expandRecords", "").lower() == "true":
        text = "Reading several records needs expandRecords=true, ids, and the header Prefer: respond-async."
        raise bad_request(text)
    limit, offset = page_of(query)
    if offset // limit >= _MAX_PAGES:
        raise invalid_parameter(f"A list has at most {_MAX_PAGES} pages. Use a filter.", query_param="offset")
    any_case = preferences["filter_text_case"] == "insensitive"
    found = parse_filter(query["q"], resource, any_case=any_case) if "q" in query else Condition("1")
    where = f"FROM {resource.source} WHERE {resource.condition} AND {found.sql}"
    total = min(int(connection.execute(f"SELECT COUNT(*) {where}", found.values).fetchone()[0]), _MAX_RESULTS)
    statement = f"SELECT id {where} ORDER BY id LIMIT ? OFFSET ?"
    rows = connection.execute(statement, (*found.values, max(0, min(limit, total - offset)), offset))
    ids = [row[0] for row in rows]
    url = f"{base}/{resource.name}"
    links = paging_links(url, limit, offset, total)
    if "q" in query:
        links = [{**link, "href": link["href"].replace("?", f"?q={quote(query['q'])}&", 1)} for link in links]
    return {
        "links": links,
        "count": len(ids),
        "hasMore": offset + len(ids) < total,
        "items": [{"links": [{"rel": "self", "href": f"{url}/{key}"}], "id": str(key)} for key in ids],
        "offset": offset,
        "totalResults": total,
    }
