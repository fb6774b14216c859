"""Look a saved search over before anything is billed from it: what would make it useless, wrong, or surprising.

Pure: works on what ``inspect_search`` found and, if given, on the rows of a first page.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from nsbill.netsuite.pages import SearchRows
from nsbill.netsuite.rows import STATUS_LETTER, SearchColumn, places, usable, wanted_columns
from nsbill.netsuite.searches import SavedSearch
from nsbill.settings import Settings
from nsbill.vocabulary import ORDER_STATUS_TEXT

__all__ = ["Finding", "lint_search"]

_NEVER_BILLED = frozenset("ACGH")
"""Pending approval, cancelled, billed, closed: NetSuite refuses to bill such an order (netsuite 4.2)."""
_TO_NETSUITE = "Edit the search in NetSuite (Lists > Search > Saved Searches)"


@dataclass(frozen=True)
class Finding:
    """One look at a search. ``error``: it cannot be billed from; ``warning``: look at it; ``ok``: as it should be."""

    level: Literal["error", "warning", "ok"]
    subject: str
    sentence: str
    next_action: str = ""


def lint_search(search: SavedSearch, settings: Settings, *, rows: SearchRows | None = None) -> list[Finding]:
    """Return one or more findings for each thing that matters; ``rows``: the search's first page."""
    findings: list[Finding] = []
    for check in _CHECKS:
        findings += check(search, settings, rows)
    return findings


def _kind(search: SavedSearch, settings: Settings, rows: SearchRows | None) -> list[Finding]:
    subject = "record type"
    if search.record_type == "salesorder" or _names_sales_orders(search):
        return [Finding("ok", subject, "The search is on sales orders.")]
    if search.record_type == "transaction":
        sentence = "The search is on transactions of every type, and no criterion keeps it to sales orders."
        return [Finding("error", subject, sentence, f"{_TO_NETSUITE} and add the criterion 'Type is Sales Order'.")]
    sentence = f"The search is on records of type '{search.record_type}'."
    return [Finding("error", subject, sentence, "Choose a search on sales orders: nsbill searches.")]


def _names_sales_orders(search: SavedSearch) -> bool:
    kinds = [f for f in search.filters if f["name"] in ("type", "recordtype") and not f.get("join")]
    return any(f["operator"] in ("anyof", "is") and list(f["values"]) in (["SalesOrd"], ["salesorder"]) for f in kinds)


def _main_line(search: SavedSearch, settings: Settings, rows: SearchRows | None) -> list[Finding]:
    subject = "main line"
    if not search.main_line:
        sentence = "The search returns a row for every line of an order: it lacks the criterion on the main line."
        return [Finding("error", subject, sentence, f"{_TO_NETSUITE} and add the criterion 'Main Line is true'.")]
    if not all(_is_required(search.expression, name) for name in ("mainline",)):
        sentence = "The criterion on the main line stands inside OR or NOT, so lines of orders may still come."
        return [Finding("warning", subject, sentence, f"{_TO_NETSUITE}: put 'Main Line is true' outside of the OR.")]
    return [Finding("ok", subject, "The search returns one row an order (Main Line is true).")]


def _is_required(expression: tuple[Any, ...] | list[Any], name: str) -> bool:
    """Whether a term on ``name`` is joined to the whole by AND only; an unknown expression counts as one that is."""
    if not expression:
        return True
    words = [part.upper() for part in expression if isinstance(part, str)]
    if _is_term(expression):
        return str(expression[0]).lower() == name
    if "OR" in words or "NOT" in words:
        return False
    return any(_is_required(part, name) for part in expression if isinstance(part, list) and part)


def _is_term(expression: tuple[Any, ...] | list[Any]) -> bool:
    """A term is ``[name, operator, values…]``; anything else is terms and words in turn."""
    return isinstance(expression[0], str) and expression[0].upper() != "NOT"


def _columns(search: SavedSearch, settings: Settings, rows: SearchRows | None) -> list[Finding]:
    subject = "columns"
    found = places(search.columns, settings)
    lacking = [wanted for wanted in wanted_columns(settings) if wanted.name not in found]
    needed = ", ".join(wanted.fields[0] for wanted in lacking if wanted.needed)
    useful = ", ".join(wanted.fields[0] for wanted in lacking if not wanted.needed)
    findings = []
    if needed:
        there = ", ".join(sorted({column.name for column in search.columns if usable(column)})) or "none"
        sentence = f"The search lacks the columns {needed}; it has {there}."
        findings.append(Finding("error", subject, sentence, f"{_TO_NETSUITE} and add them to its results."))
    if useful:
        sentence = f"The search lacks the columns {useful}; orders are shown without them."
        findings.append(Finding("warning", subject, sentence, "Add them to the search's results if you want them."))
    return findings or [Finding("ok", subject, "The search has every column that nsbill reads.")]


def _unusable(search: SavedSearch, settings: Settings, rows: SearchRows | None) -> list[Finding]:
    subject = "column kinds"
    if search.summary:
        named = _named([column for column in search.columns if column.summary])
        sentence = f"The search sums orders up ({named}), so its rows are no orders."
        return [Finding("error", subject, sentence, f"{_TO_NETSUITE} and remove the summary types.")]
    joined = [column for column in search.columns if column.join]
    computed = [column for column in search.columns if not column.join and not usable(column)]
    findings = []
    if joined:
        sentence = f"nsbill does not read joined columns ({_named(joined)}); they may repeat orders."
        findings.append(Finding("warning", subject, sentence, "Remove them from the search's results if rows repeat."))
    if computed:
        sentence = f"nsbill does not read computed columns ({_named(computed)})."
        findings.append(Finding("warning", subject, sentence, "Nothing to do, unless nsbill should read one of them."))
    return findings or [Finding("ok", subject, "Every column is a plain field of the order.")]


def _named(columns: list[SearchColumn]) -> str:
    return ", ".join(column.label or column.name for column in columns)


def _repeated(search: SavedSearch, settings: Settings, rows: SearchRows | None) -> list[Finding]:
    if rows is None or search.summary:
        return []
    counted = Counter(rows.ids.to_pylist())
    again = [key for key, number in counted.items() if number > 1]
    if not again:
        return [Finding("ok", "one row an order", f"No order repeats in the first {len(rows.ids):,} rows.")]
    some = ", ".join(map(str, again[:3])) + (" …" if len(again) > 3 else "")
    sentence = f"{len(again):,} orders come several times in the first {len(rows.ids):,} rows (ids {some})."
    action = f"{_TO_NETSUITE}: add 'Main Line is true', and remove joined columns."
    return [Finding("error", "one row an order", sentence, action)]


def _status(search: SavedSearch, settings: Settings, rows: SearchRows | None) -> list[Finding]:
    subject, letters = "status criterion", search.status.letters
    action = "Save the billing status in nsbill's settings: it is then written to the search."
    findings = []
    if not letters:
        sentence = "The search has no criterion on the order's status, so orders in every status come."
        findings.append(Finding("warning", subject, sentence, action))
    elif len(letters) > 1:
        sentence = f"The criterion lets several statuses through: {_statuses(letters)}."
        findings.append(Finding("warning", subject, sentence, action))
    elif letters <= _NEVER_BILLED:
        sentence = f"The criterion lets only {_statuses(letters)} through, which NetSuite refuses to bill."
        findings.append(Finding("error", subject, sentence, action))
    if not search.status.writable:
        sentence = f"nsbill cannot rewrite the criterion on the status: {search.status.reason or 'no reason given'}"
        action = f"{_TO_NETSUITE} and change the status there by hand."
        findings.append(Finding("warning", subject, sentence.rstrip(". ") + ".", action))
    return findings or [Finding("ok", subject, f"The search lets only {_statuses(letters)} through.")]


def _status_rows(search: SavedSearch, settings: Settings, rows: SearchRows | None) -> list[Finding]:
    place = places(search.columns, settings).get("status")
    if rows is None or place is None or not len(rows.ids):
        return []
    counted = Counter(STATUS_LETTER.get(value, value or "none") for value in rows.raw[str(place)].to_pylist())
    listed = ", ".join(f"{number:,} {ORDER_STATUS_TEXT.get(letter, letter)}" for letter, number in counted.items())
    if len(counted) > 1 or set(counted) & _NEVER_BILLED:
        sentence = (
            f"The first {len(rows.ids):,} rows are in several statuses, or in one that is never billed: {listed}."
        )
        action = "Narrow the search's criterion on the status; NetSuite refuses to bill the others one by one."
        return [Finding("warning", "statuses found", sentence, action)]
    return [Finding("ok", "statuses found", f"The first {len(rows.ids):,} rows are all {listed.split(' ', 1)[1]}.")]


def _statuses(letters: frozenset[str]) -> str:
    return ", ".join(ORDER_STATUS_TEXT.get(letter, letter) for letter in sorted(letters))


def _order(search: SavedSearch, settings: Settings, rows: SearchRows | None) -> list[Finding]:
    subject = "sort"
    keys = rows.sorted_by if rows is not None else ()
    keys = keys or tuple(column.name for column in search.columns if column.sort and not column.join)
    if "internalid" in keys:
        return [Finding("ok", subject, f"The order of the rows is unambiguous: by {', '.join(keys)}.")]
    if rows is None:
        by = f"sorted by {', '.join(keys)} only" if keys else "not sorted"
        sentence = f"The search is {by}; nsbill's RESTlet adds the internal id as last key, so pages fit together."
        return [Finding("ok", subject, sentence)]
    sentence = "Rows with the same sort keys may come in any order, so pages may repeat or miss orders."
    return [Finding("warning", subject, sentence, f"{_TO_NETSUITE} and sort its results by Internal ID.")]


def _amazon(search: SavedSearch, settings: Settings, rows: SearchRows | None) -> list[Finding]:
    fields = {settings.amazon_order_id_field, settings.marketplace_field, "entity", "name", "customer"}
    if any(f["name"] in fields or (f.get("join") or "").startswith("customer") for f in search.filters):
        return [Finding("ok", "Amazon orders", "A criterion keeps the search to Amazon's orders.")]
    sentence = "No criterion keeps the search to Amazon's orders; nsbill skips orders without an Amazon order id."
    action = f"Nothing to do; to read fewer rows, add a criterion on '{settings.amazon_order_id_field}'."
    return [Finding("warning", "Amazon orders", sentence, action)]


def _rows_there(search: SavedSearch, settings: Settings, rows: SearchRows | None) -> list[Finding]:
    if rows is None:
        return []
    if rows.total:
        return [Finding("ok", "rows", f"The search finds {rows.total:,} rows.")]
    sentence = "The search finds nothing now: no order is to be billed, or its criteria or the role hide them."
    return [Finding("warning", "rows", sentence, "Open the search in NetSuite with the integration's role to compare.")]


_Check = Callable[[SavedSearch, Settings, SearchRows | None], list[Finding]]
_CHECKS: tuple[_Check, ...] = (
    _kind,
    _main_line,
    _columns,
    _unusable,
    _repeated,
    _status,
    _status_rows,
    _order,
    _amazon,
    _rows_there,
)
