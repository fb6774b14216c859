"""nsbill.netsuite.lint: what is said about a saved search before anything is billed from it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest

from nsbill.netsuite.lint import Finding, lint_search
from nsbill.netsuite.pages import SearchRows
from nsbill.netsuite.rows import SearchColumn
from nsbill.netsuite.searches import SavedSearch, StatusCriterion
from nsbill.settings import Settings

SETTINGS = Settings(account="9000001_SB1")
NAMES = [
    "internalid",
    "tranid",
    "otherrefnum",
    "trandate",
    "shipdate",
    "statusref",
    "entity",
    "subsidiary",
    "custbody_celigo_etail_channel",
    "currency",
    "fxamount",
    "paymentmethod",
]


def column(index: int, name: str, **more: Any) -> SearchColumn:
    return SearchColumn(index, name, name.title(), more.pop("join", None), "text", **more)


def term(name: str, operator: str = "is", *values: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "operator": operator, "values": list(values), "join": None, "formula": None} | more


MAIN = term("mainline", "is", "T")
FILTERS = (MAIN, term("status", "anyof", "SalesOrd:F"), term("otherrefnum", "isnotempty"))
GOOD = SavedSearch(
    "1201",
    "customsearch_to_bill",
    "Orders to bill",
    tuple(column(index, name, sort="ASC" if name == "internalid" else None) for index, name in enumerate(NAMES)),
    FILTERS,
    StatusCriterion(("SalesOrd:F",), writable=True, reason=None),
    "salesorder",
    (["mainline", "is", "T"], "AND", ["status", "anyof", "SalesOrd:F"], "AND", ["otherrefnum", "isnotempty", ""]),
)


def rows(*orders: tuple[str, str], total: int | None = None, sorted_by: tuple[str, ...] = ()) -> SearchRows:
    ids = [order for order, _ in orders]
    cells = {str(index): pa.array([None] * len(ids), pa.string()) for index in range(len(NAMES))}
    cells[str(NAMES.index("statusref"))] = pa.array([status for _, status in orders], pa.string())
    table = pa.table(cells)
    return SearchRows(
        len(ids) if total is None else total, pa.chunked_array([pa.array(ids, pa.string())]), table, table, sorted_by
    )


def found(search: SavedSearch, seen: SearchRows | None = None, *, level: str = "", subject: str = "") -> list[Finding]:
    findings = lint_search(search, SETTINGS, rows=seen)
    return [f for f in findings if f.level == (level or f.level) and f.subject == (subject or f.subject)]


def only(search: SavedSearch, subject: str, seen: SearchRows | None = None) -> Finding:
    [finding] = found(search, seen, subject=subject)
    return finding


def test_a_good_search_has_nothing_to_complain_about() -> None:
    seen = rows(("1", "pendingBilling"), ("2", "pendingBilling"), sorted_by=("internalid",))
    findings = lint_search(GOOD, SETTINGS, rows=seen)
    assert {f.level for f in findings} == {"ok"}
    assert [f.subject for f in findings] == [
        "record type",
        "main line",
        "columns",
        "column kinds",
        "one row an order",
        "status criterion",
        "statuses found",
        "sort",
        "Amazon orders",
        "rows",
    ]
    assert only(GOOD, "statuses found", seen).sentence == "The first 2 rows are all Pending Billing."


def test_every_complaint_ends_in_what_to_do() -> None:
    worst = replace(
        GOOD, filters=(), columns=(), status=StatusCriterion((), writable=False, reason="OR"), expression=()
    )
    complaints = [f for f in lint_search(worst, SETTINGS, rows=rows(total=0)) if f.level != "ok"]
    assert len(complaints) >= 5
    assert all(f.next_action.strip() for f in complaints)


def test_a_search_on_all_transactions_needs_the_criterion_on_the_type() -> None:
    wide = replace(GOOD, record_type="transaction")
    assert only(wide, "record type").level == "error"
    narrow = replace(wide, filters=(*FILTERS, term("type", "anyof", "SalesOrd")))
    assert only(narrow, "record type").level == "ok"
    several = replace(wide, filters=(*FILTERS, term("type", "anyof", "SalesOrd", "CustInvc")))
    assert only(several, "record type").level == "error"
    assert "type 'item'" in only(replace(GOOD, record_type="item"), "record type").sentence


@pytest.mark.parametrize("values, level", [(["T"], "ok"), (["true"], "ok"), (["F"], "error"), ([], "error")])
def test_the_criterion_on_the_main_line_must_say_true(values: list[str], level: str) -> None:
    search = replace(GOOD, filters=(term("mainline", "is", *values), *FILTERS[1:]))
    assert only(search, "main line").level == level


def test_a_main_line_criterion_of_a_joined_record_is_not_the_orders() -> None:
    search = replace(GOOD, filters=(term("mainline", "is", "T", join="createdfrom"), *FILTERS[1:]))
    assert only(search, "main line").level == "error"


@pytest.mark.parametrize(
    "expression, level",
    [
        ((["mainline", "is", "T"],), "ok"),
        (([["mainline", "is", "T"], "and", ["memo", "is", "x"]], "AND", ["type", "anyof", "SalesOrd"]), "ok"),
        ((["mainline", "is", "T"], "OR", ["memo", "is", "x"]), "warning"),
        ((["status", "anyof", "F"], "AND", [["mainline", "is", "T"], "or", ["memo", "is", "x"]]), "warning"),
        (("NOT", ["mainline", "is", "T"]), "warning"),
        ((), "ok"),
    ],
)
def test_a_main_line_criterion_inside_or_does_not_hold(expression: tuple[Any, ...], level: str) -> None:
    assert only(replace(GOOD, expression=expression), "main line").level == level


def test_missing_columns_are_an_error_when_needed_and_a_warning_when_useful() -> None:
    names = [n for n in NAMES if n not in ("fxamount", "currency", "entity")]
    search = replace(GOOD, columns=tuple(column(i, n) for i, n in enumerate(names)))
    error, warning = found(search, subject="columns")
    assert (error.level, warning.level) == ("error", "warning")
    assert "lacks the columns currency, fxamount; it has " in error.sentence
    assert "lacks the columns entity;" in warning.sentence


def test_either_spelling_of_the_status_column_will_do_and_a_joined_one_will_not() -> None:
    plain = tuple(replace(c, name="status") if c.name == "statusref" else c for c in GOOD.columns)
    assert only(replace(GOOD, columns=plain), "columns").level == "ok"
    joined = tuple(replace(c, join="createdfrom") if c.name == "statusref" else c for c in GOOD.columns)
    assert found(replace(GOOD, columns=joined), subject="columns", level="error")


def test_what_the_settings_need_is_what_the_search_must_have() -> None:
    both = Settings(account="1_SB1", cash_sale_flow=True, transaction_date="ship-date", amazon_order_id_field="memo")
    [error, *_] = [f for f in lint_search(GOOD, both) if f.subject == "columns"]
    assert (error.level, "lacks the columns memo;" in error.sentence) == ("error", True)


def test_summary_joined_and_formula_columns_are_named() -> None:
    summed = replace(GOOD, columns=(*GOOD.columns, column(12, "amount", summary="SUM")))
    assert only(summed, "column kinds").level == "error"
    assert "(Amount)" in only(summed, "column kinds").sentence
    more = (column(12, "email", join="customer"), column(13, "formulatext", formula="{memo}"))
    joined, computed = found(replace(GOOD, columns=(*GOOD.columns, *more)), subject="column kinds")
    assert (joined.level, computed.level) == ("warning", "warning")
    assert "joined columns (Email)" in joined.sentence
    assert "computed columns (Formulatext)" in computed.sentence


def test_orders_that_repeat_in_the_first_page_are_an_error() -> None:
    seen = rows(("7", "pendingBilling"), ("7", "pendingBilling"), ("8", "pendingBilling"))
    finding = only(GOOD, "one row an order", seen)
    assert (finding.level, "(ids 7)" in finding.sentence) == ("error", True)


@pytest.mark.parametrize(
    "values, operator, level, words",
    [
        (("SalesOrd:F",), "anyof", "ok", "only Pending Billing"),
        (("F",), "anyof", "ok", "only Pending Billing"),
        (("SalesOrd:E",), "anyof", "ok", "only Pending Billing/Partially Fulfilled"),
        (("SalesOrd:B", "SalesOrd:F"), "anyof", "warning", "several statuses through: Pending Fulfillment, Pending"),
        (("SalesOrd:G",), "noneof", "warning", "several statuses through: Pending Approval"),
        (("SalesOrd:G",), "anyof", "error", "refuses to bill"),
        ((), None, "warning", "no criterion on the order's status"),
    ],
)
def test_the_status_criterion_should_name_one_billable_status(
    values: tuple[str, ...], operator: str | None, level: str, words: str
) -> None:
    search = replace(GOOD, status=StatusCriterion(values, writable=True, reason=None, operator=operator))
    finding = only(search, "status criterion")
    assert (finding.level, words in finding.sentence) == (level, True), finding.sentence


def test_a_status_criterion_that_cannot_be_rewritten_says_why() -> None:
    fixed = StatusCriterion(("SalesOrd:F",), writable=False, reason="The term stands inside OR.")
    finding = only(replace(GOOD, status=fixed), "status criterion")
    assert (finding.level, "inside OR" in finding.sentence) == ("warning", True)


@pytest.mark.parametrize(
    "statuses, level, words",
    [
        (["pendingBilling", "pendingBilling"], "ok", "all Pending Billing"),
        (["pendingBilling", "SalesOrd:B"], "warning", "1 Pending Billing, 1 Pending Fulfillment"),
        (["fullyBilled"], "warning", "1 Billed"),
        (["somethingNew", None], "warning", "1 somethingNew, 1 none"),
    ],
)
def test_mixed_statuses_in_the_rows_are_counted(statuses: list[str], level: str, words: str) -> None:
    finding = only(GOOD, "statuses found", rows(*((str(i), s) for i, s in enumerate(statuses))))
    assert (finding.level, words in finding.sentence) == (level, True), finding.sentence


def test_the_order_of_rows_is_unambiguous_only_with_the_internal_id_as_a_key() -> None:
    by_date = replace(
        GOOD, columns=tuple(replace(c, sort="ASC" if c.name == "trandate" else None) for c in GOOD.columns)
    )
    assert only(by_date, "sort").level == "ok"
    assert "adds the internal id" in only(by_date, "sort").sentence
    seen = rows(("1", "pendingBilling"), sorted_by=("trandate", "internalid"))
    assert only(by_date, "sort", seen).sentence == "The order of the rows is unambiguous: by trandate, internalid."
    assert only(by_date, "sort", rows(("1", "pendingBilling"))).level == "warning"


def test_a_search_without_a_criterion_on_amazon_is_only_hinted_at() -> None:
    search = replace(GOOD, filters=FILTERS[:2])
    finding = only(search, "Amazon orders")
    assert (finding.level, finding.next_action.startswith("Nothing to do")) == ("warning", True)
    assert only(replace(GOOD, filters=(*FILTERS[:2], term("entity", "anyof", "5"))), "Amazon orders").level == "ok"


def test_a_search_that_finds_nothing_is_said_to() -> None:
    assert "finds nothing now" in only(GOOD, "rows", rows()).sentence
    assert only(GOOD, "rows", rows(("1", "pendingBilling"), total=4210)).sentence == "The search finds 4,210 rows."
