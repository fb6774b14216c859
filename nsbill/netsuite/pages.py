"""The pages of a saved search, read side by side into Arrow columns; what changed meanwhile is noticed.

Pages are cut by position (netsuite 7.2), so a search whose rows change while it is read repeats or misses some. A
total or a page that is not as announced, or an order that comes twice, makes the reading start anew. One thing cannot
be seen from outside: an order that leaves and another that enters between two pages. The next plan sees it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from nsbill.errors import NetSuiteError, SearchError
from nsbill.netsuite.client import Client
from nsbill.netsuite.columns import text_array
from nsbill.netsuite.parallel import in_parallel
from nsbill.netsuite.protocol import ask
from nsbill.progress import Progress, silent

__all__ = ["PAGE_SIZE", "PageSource", "SearchRows", "read_first_page", "read_pages"]

PAGE_SIZE = 1000
_SMALLEST = 5
_ATTEMPTS = 3
_TOO_MUCH = frozenset({"RESPONSE_TOO_LARGE", "SSS_TIME_LIMIT_EXCEEDED"})


@dataclass(frozen=True)
class PageSource:
    """The search to read: id, title for messages, number of columns, and whether its rows may repeat an order."""

    id: str
    title: str
    width: int
    one_row_an_order: bool = True


@dataclass(frozen=True)
class SearchRows:
    """Rows of a search in their order: ids, and for each column of the search its raw values and what people see."""

    total: int
    ids: pa.ChunkedArray
    raw: pa.Table
    shown: pa.Table
    sorted_by: tuple[str, ...] = ()

    @property
    def repeated(self) -> str | None:
        """An id that comes more than once, if there is one; a summary's rows have no ids."""
        counts = pc.value_counts(pc.drop_null(self.ids))
        again = pc.filter(counts.field("values"), pc.greater(counts.field("counts"), 1))
        return str(again[0].as_py()) if len(again) else None


@dataclass(frozen=True)
class _Span:
    """Rows ``start`` to ``start + size`` of the search: page ``start / size`` of pages of that size."""

    start: int
    size: int

    def cut(self, size: int, total: int) -> list[_Span]:
        return [_Span(start, size) for start in range(self.start, min(self.start + self.size, total), size)]


@dataclass(frozen=True)
class _Page:
    start: int
    total: int
    ids: pa.Array
    raw: pa.Table
    shown: pa.Table
    sorted_by: tuple[str, ...]
    problem: str = ""


@dataclass
class _Reader:
    """Reads spans of one search; the page size that NetSuite can answer is learned while reading."""

    client: Client
    source: PageSource
    size: int
    total: int = field(default=0)

    def first(self) -> _Page:
        """Read the first page, with smaller and smaller pages until one comes; learns total and page size."""
        spans = [_Span(0, self.size)]
        while True:
            page, further = self.work(spans[0], first=True)
            if page is not None:
                self.total = page.total
                return page
            spans = list(further)

    def work(self, span: _Span, *, first: bool = False) -> tuple[_Page | None, Iterable[_Span]]:
        """Read one span, or hand back the smaller ones that it must be cut into."""
        total = span.size if first else self.total
        if span.size > self.size:  # another page has found out that this is too much
            return None, span.cut(self.size, total)
        try:
            return self._page(span, first=first), ()
        except NetSuiteError as error:
            smaller = _smaller(span.size)
            if error.code == "INVALID_PAGE_RANGE" and not first:
                return self._gone(span), ()
            if error.code not in _TOO_MUCH or smaller is None:
                raise
            self.size = min(self.size, smaller)
            return None, span.cut(smaller, total)

    def _page(self, span: _Span, *, first: bool) -> _Page:
        index = span.start // span.size
        what = f"Saved search '{self.source.title}', page {index + 1}"
        request = {"action": "page", "search": self.source.id, "index": index, "page_size": span.size}
        answer = ask(self.client, what, request)
        rows: list[dict[str, Any]] = answer["rows"]
        total = int(answer["count"])
        return _Page(
            start=span.start,
            total=total,
            ids=text_array([row["id"] for row in rows]),
            raw=_columns(what, [row["values"] for row in rows], self.source.width),
            shown=_columns(what, [row["texts"] for row in rows], self.source.width),
            sorted_by=tuple(str(name) for name in answer.get("sorted_by") or ()),
            problem=_differs(span, len(rows), answer, total if first else self.total),
        )

    def _gone(self, span: _Span) -> _Page:
        none = _columns("", [], self.source.width)
        problem = f"the page that begins with row {span.start + 1:,} was no longer there"
        return _Page(span.start, self.total, text_array([]), none, none, (), problem)


def read_pages(
    client: Client, source: PageSource, *, page_size: int = PAGE_SIZE, progress: Progress = silent
) -> SearchRows:
    """Read every row of a search, as many pages at once as the account's governor lets.

    Raises
    ------
    SearchError
        The search repeats orders, or it changed while it was read, three times; says what changed.
    """
    changed = ""
    for _ in range(_ATTEMPTS):
        rows, changed = _read(client, source, page_size, progress)
        repeated = rows.repeated if not changed else None
        if not changed and repeated is None:
            return rows
        if repeated is not None and not source.one_row_an_order:
            problem = f"it returns the same order several times, such as the one with id {repeated}"
            raise _unusable(source, "REPEATED_ORDERS", problem, "Add the criterion 'Main Line is true' to it.")
        changed = changed or f"the order with id {repeated} came twice"
    problem = f"it changed while it was read, {_ATTEMPTS} times: {changed}"
    raise _unusable(source, "CHANGED_WHILE_READ", problem, "Try again when no import is running.")


def read_first_page(client: Client, source: PageSource, *, page_size: int = PAGE_SIZE) -> SearchRows:
    """Read the first page only, for a look at what a search gives."""
    return _joined([_Reader(client, source, page_size).first()])


def _read(client: Client, source: PageSource, page_size: int, progress: Progress) -> tuple[SearchRows, str]:
    """Read all pages once; returns the rows and, when something changed meanwhile, what."""
    reader = _Reader(client, source, page_size)
    first = reader.first()
    if first.problem:
        return _joined([first]), first.problem
    pages, done = [first], len(first.ids)
    progress(done, reader.total, "rows")
    rest = [_Span(start, reader.size) for start in range(reader.size, reader.total, reader.size)]
    for page in in_parallel(client.settings.slots, reader.work, rest):
        if page is None:
            continue
        if page.problem:  # what is read already is worth nothing any more
            return _joined([first]), page.problem
        pages.append(page)
        done += len(page.ids)
        progress(done, reader.total, "rows")
    return _joined(sorted(pages, key=lambda page: page.start)), ""


def _differs(span: _Span, rows: int, answer: dict[str, Any], total: int) -> str:
    """Say how a page is not what the first one announced; empty when it is."""
    count, expected = int(answer["count"]), max(0, min(span.size, total - span.start))
    if count != total:
        return f"the number of rows went from {total:,} to {count:,}"
    if int(answer["page_count"]) != -(-total // span.size):
        return f"{total:,} rows were announced on {answer['page_count']} pages of {span.size:,}"
    if rows != expected:
        return f"the page that begins with row {span.start + 1:,} brought {rows:,} rows, not {expected:,}"
    return ""


def _smaller(size: int) -> int | None:
    """Return the next smaller page size whose pages have the same edges: the largest divisor up to one half."""
    return next((part for part in range(size // 2, _SMALLEST - 1, -1) if size % part == 0), None)


def _columns(what: str, rows: Sequence[Sequence[object]], width: int) -> pa.Table:
    """Turn rows into columns named by their position."""
    if any(len(row) != width for row in rows):
        raise SearchError(
            what,
            status=200,
            code="COLUMNS_CHANGED",
            detail=f"the search no longer has the {width} columns that it had a moment ago",
            remedy="Somebody is editing it in NetSuite; try again.",
        )
    columns = zip(*rows, strict=True) if rows else ((),) * width
    return pa.table({str(index): text_array(list(column)) for index, column in enumerate(columns)})


def _joined(pages: Sequence[_Page]) -> SearchRows:
    return SearchRows(
        total=pages[0].total,
        ids=pa.chunked_array([page.ids.cast(pa.string()) for page in pages]),
        raw=pa.concat_tables([page.raw for page in pages]),
        shown=pa.concat_tables([page.shown for page in pages]),
        sorted_by=pages[0].sorted_by,
    )


def _unusable(source: PageSource, code: str, problem: str, remedy: str) -> SearchError:
    return SearchError(f"Saved search '{source.title}'", status=200, code=code, detail=problem, remedy=remedy)
