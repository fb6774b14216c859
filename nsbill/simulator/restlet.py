"""The RESTlet that nsbill deploys, as its callers see it (protocol 1.1.0): about, list, inspect, rewrite and page searches."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from nsbill.simulator.books import Books
from nsbill.simulator.errors import Refusal
from nsbill.simulator.permissions import Permissions, check_restlet
from nsbill.simulator.replies import Reply, plain_json
from nsbill.simulator.restlet_account import about
from nsbill.simulator.searches import RECORD_TYPES, Search, find_search, save_criteria, visible_searches
from nsbill.simulator.searches_columns import described
from nsbill.simulator.searches_expression import placed_terms
from nsbill.simulator.searches_fields import STATUS_WORDS
from nsbill.simulator.searches_rows import SearchRunner
from nsbill.simulator.searches_status import status_criterion, with_statuses

__all__ = ["MAX_CHARACTERS", "Caller", "Restlet", "is_first"]

MAX_CHARACTERS = 9_000_000
"""A longer page is refused by the script, before NetSuite's own limit of 10 MB a string (netsuite 7.3)."""

_ROWS = "rows as JSON"
_MAX_PAGES = 1000
_LIST_PAGE = 1000
_STEP = 5
"""Units of search.load, Search.save, runPaged and fetch each (netsuite 7.2)."""
_CONFIG = 10


def is_first(version: str) -> bool:
    """Say whether a version of the script is one that has neither ``about`` nor GET; the knob may deploy one."""
    return version.startswith("1.0.")


class Caller:
    """Who calls, and the governance units that are left for this call."""

    def __init__(self, role: str, rights: Permissions | None, units: int) -> None:
        self.role, self.rights, self.units = role, rights, units

    def need(self, units: int) -> None:
        """Refuse before a step that the units left do not cover."""
        if self.units < units:
            raise Refusal(400, "SSS_USAGE_LIMIT_EXCEEDED", "Script Execution Usage Limit Exceeded")

    def use(self, units: int) -> None:
        """Use up units."""
        self.need(units)
        self.units -= units


class Restlet:
    """Answers the RESTlet's actions."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._runner = SearchRunner(books)
        self._actions: dict[str, Callable[[Mapping[str, object], Caller], dict[str, object]]] = {
            "about": self._about,
            "list_searches": self._list,
            "inspect_search": self._inspect,
            "set_status": self._set_status,
            "page": self._page,
        }

    def answer(self, request: object, caller: Caller, *, version: str) -> Reply:
        """Carry out one request; errors that the script catches come back as HTTP 200 with ``ok: false``."""
        try:
            content: dict[str, object] = {"result": self._carry_out(request, caller, version)}
        except Refusal as refusal:
            content = {"error": {"code": refusal.code, "message": refusal.detail}}
        envelope = {"ok": "result" in content, "version": version, "remaining_units": caller.units} | content
        return _with_rows(envelope)

    def _carry_out(self, request: object, caller: Caller, version: str) -> dict[str, object]:
        arguments = request if isinstance(request, dict) else {}
        action = str(_needed(arguments, "action"))
        if action not in self._actions or (action == "about" and is_first(version)):
            raise Refusal(400, "SSS_INVALID_ACTION", f"Unknown action '{action}'.")
        check_restlet(caller.rights, action)
        return self._actions[action](arguments, caller)

    def _about(self, request: Mapping[str, object], caller: Caller) -> dict[str, object]:
        caller.use(_CONFIG)
        return about(self._books, caller.role)

    def _list(self, request: Mapping[str, object], caller: Caller) -> dict[str, object]:
        caller.use(_STEP)
        found = visible_searches(self._books.reader(), caller.role)
        for _ in range(0, len(found), _LIST_PAGE):
            caller.use(_STEP)
        searches = [
            {
                "id": str(search.id),
                "script_id": search.script_id,
                "title": search.title,
                "record_type": search.record_type,
                "owner": search.owner,
            }
            for search in found
            if search.record_type in RECORD_TYPES
        ]
        return {"searches": searches}

    def _inspect(self, request: Mapping[str, object], caller: Caller) -> dict[str, object]:
        key = _needed(request, "search")
        caller.use(_STEP)
        search = self._find(key, caller)
        terms = [one.term for one in placed_terms(search.criteria) if one.term is not None]
        return {
            "id": str(search.id),
            "script_id": search.script_id,
            "title": search.title,
            "record_type": search.record_type,
            "columns": [described(index, column) for index, column in enumerate(search.columns)],
            "filter_expression": search.criteria,
            "filters": [
                {
                    "name": term.label,
                    "operator": term.operator,
                    "values": list(term.values),
                    "join": term.join,
                    "formula": term.formula,
                }
                for term in terms
            ],
            "status_criterion": status_criterion(search.criteria),
        }

    def _set_status(self, request: Mapping[str, object], caller: Caller) -> dict[str, object]:
        """Rewrite the status criterion only; it is added when there is none."""
        key, statuses = _needed(request, "search"), _needed(request, "statuses")
        valid = {f"SalesOrd:{letter}" for letter in STATUS_WORDS["SalesOrd"]}
        if (
            not isinstance(statuses, list)
            or not statuses
            or not all(isinstance(one, str) and one in valid for one in statuses)
        ):
            text = "The statuses must be a list of values such as SalesOrd:F."
            raise Refusal(400, "SSS_INVALID_SRCH_FILTER_VAL", text)
        caller.need(3 * _STEP)
        caller.use(_STEP)
        with self._books.writing() as connection:
            search = find_search(connection, key, caller.role)
            before = status_criterion(search.criteria)
            if not before["writable"]:
                raise Refusal(400, "STATUS_NOT_WRITABLE", str(before["reason"]))
            changed = with_statuses(search.criteria, statuses)
            caller.use(2 * _STEP)
            save_criteria(connection, search, changed, self._books.clock.instant())
        return {"before": before["values"], "after": status_criterion(changed)["values"]}

    def _page(self, request: Mapping[str, object], caller: Caller) -> dict[str, object]:
        key, index, size = (_needed(request, name) for name in ("search", "index", "page_size"))
        if isinstance(size, bool) or not isinstance(size, int) or not 5 <= size <= 1000:
            raise Refusal(400, "SSS_INVALID_PAGE_SIZE", "The page size must be between 5 and 1000.")
        if isinstance(index, bool) or not isinstance(index, int) or index < 0:
            raise _no_such_page()
        caller.need(3 * _STEP)
        caller.use(_STEP)
        search = self._find(key, caller)
        caller.use(_STEP)
        found = self._runner.run(search)
        pages = -(-found.count // size)
        if pages > _MAX_PAGES:
            raise Refusal(400, "INVALID_PAGE_RANGE", f"A search may have at most {_MAX_PAGES} pages.")
        if index > 0 and index >= pages:
            raise _no_such_page()
        if pages:
            caller.use(_STEP)
        return {
            "count": found.count,
            "page_size": size,
            "page_count": pages,
            "index": index,
            "sorted_by": list(found.sorted_by),
            _ROWS: _fitting(found.rows(index, size)),
        }

    def _find(self, key: object, caller: Caller) -> Search:
        return find_search(self._books.reader(), key, caller.role)


def _with_rows(envelope: dict[str, object]) -> Reply:
    """Write the envelope; the rows of a page are JSON already and are put in as the last part of the result."""
    result = envelope.get("result")
    rows = result.pop(_ROWS, None) if isinstance(result, dict) else None
    reply = plain_json(envelope)
    if rows is None:
        return reply
    body = b'%b,"rows":%b}}' % (reply.body.removesuffix(b"}}"), str(rows).encode())
    return Reply(reply.status, body, reply.headers)


def _no_such_page() -> Refusal:
    return Refusal(400, "INVALID_PAGE_RANGE", "Invalid page range.")


def _fitting(rows: list[str]) -> str:
    """Return the rows as a JSON list, or refuse one that is too long for SuiteScript, with a page size that fits."""
    text = f"[{','.join(rows)}]"
    if len(text) <= MAX_CHARACTERS:
        return text
    smaller = len(rows) * MAX_CHARACTERS // len(text)
    advice = "Remove long columns from the search." if smaller < 5 else f"Ask for a page_size of {smaller}."
    raise Refusal(400, "RESPONSE_TOO_LARGE", f"The page is longer than {MAX_CHARACTERS} characters. {advice}")


def _needed(request: Mapping[str, object], name: str) -> object:
    if request.get(name) in (None, ""):
        raise Refusal(400, "SSS_MISSING_REQD_ARGUMENT", f"Missing a required argument: {name}")
    return request[name]
