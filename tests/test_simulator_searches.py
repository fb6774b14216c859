from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from simulator_books import make_books

from nsbill.simulator import tables
from nsbill.simulator.books import Books
from nsbill.simulator.errors import Refusal
from nsbill.simulator.restlet import Caller, Restlet
from nsbill.simulator.searches_dates import date_span

MAIN = ["mainline", "is", "T"]
TODAY = date(2026, 2, 10)


class Searches:
    """Searches put into the small books, run through the RESTlet without HTTP."""

    def __init__(self, folder: Path) -> None:
        self.database = make_books(folder / "books.db")
        self.books = Books(self.database)
        self.books.clock.offset = timedelta(days=TODAY.toordinal() - self.books.clock.today().toordinal())
        self.restlet = Restlet(self.books)
        self.connection = tables.connect(self.database)

    def ask(self, **request: Any) -> Any:
        reply = self.restlet.answer(request, Caller("Billing", None, 5000), version="1.1.0")
        return json.loads(reply.body)

    def put(self, criteria: Any, columns: list[Any], record_type: str = "salesorder") -> None:
        shown = [{"name": one} if isinstance(one, str) else one for one in columns]
        self.connection.execute(
            "INSERT OR REPLACE INTO savedsearch VALUES (1300, 'customsearch_x', 'X', 'Owner', ?, ?, '', ?, '')",
            (json.dumps(criteria), json.dumps(shown), record_type),
        )

    def page(
        self, criteria: Any, *columns: Any, index: int = 0, size: int = 1000, record_type: str = "salesorder"
    ) -> Any:
        self.put(criteria, list(columns) or ["tranid"], record_type)
        return self.ask(action="page", search="1300", index=index, page_size=size)

    def ids(self, *criteria: Any) -> list[int]:
        """Return the orders that criteria let through, on main lines."""
        expression: list[Any] = [MAIN]
        for one in criteria:
            expression += ["AND", one]
        answer = self.page(expression)
        assert answer["ok"], answer
        return [int(row["id"]) for row in answer["result"]["rows"]]

    def values(self, criteria: Any, *columns: Any, **options: Any) -> list[list[str | None]]:
        answer = self.page(criteria, *columns, **options)
        assert answer["ok"], answer
        return [row["values"] for row in answer["result"]["rows"]]

    def error(self, criteria: Any, *columns: Any, **options: Any) -> str:
        answer = self.page(criteria, *columns, **options)
        assert not answer["ok"], answer
        return str(answer["error"]["code"])


@pytest.fixture(scope="module")
def searches(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Searches]:
    found = Searches(tmp_path_factory.mktemp("searches"))
    found.connection.execute("UPDATE txn SET memo = 'Gift_wrap 100%', shipdate = '2026-01-31' WHERE id = 112")
    found.connection.execute("UPDATE txn SET trandate = '2026-02-10', memo = NULL WHERE id = 113")
    found.connection.execute("UPDATE txn SET createdfrom = 107 WHERE id = 111")
    yield found
    found.connection.close()
    found.books.close()


ALL = list(range(101, 114))


@pytest.mark.parametrize(
    "term,found",
    [
        (["status", "anyof", "SalesOrd:F", "SalesOrd:B"], [102, 106, 109, 110, 111, 112, 113]),
        (["status", "anyof", ["SalesOrd:E", "SalesOrd:D"]], [104, 105]),
        (["statusref", "noneof", "SalesOrd:F", "SalesOrd:G"], [101, 102, 103, 104, 105, 108, 113]),
        (["status", "anyof", "E"], [105]),
        (["status", "anyof", "pendingBilling"], []),
        (["status", "anyof", "CustInvc:A"], []),
        (["type", "anyof", "SalesOrd"], ALL),
        (["entity", "anyof", "202", "203"], [109, 110]),
        (["terms", "anyof", "@NONE@"], [109, 110]),
        (["terms", "noneof", "@NONE@"], [101, 102, 103, 104, 105, 106, 107, 108, 111, 112, 113]),
        (["paymentmethod", "anyof", "3", "@NONE@"], ALL),
        (["paymentmethod", "noneof", "3"], [one for one in ALL if one != 109]),
        (["internalid", "anyof", "101", "113"], [101, 113]),
        (["internalidnumber", "greaterthan", "111"], [112, 113]),
        (["internalidnumber", "between", "103", "105"], [103, 104, 105]),
        (["internalidnumber", "notlessthanorequalto", "111"], [112, 113]),
        (["fxamount", "equalto", "51.67"], [106]),
        (["fxamount", "greaterthan", "51.665"], [105, 106, 110]),
        (["fxamount", "notbetween", "0", "51.67"], [105, 110]),
        (["amount", "equalto", "13.5"], [101, 103, 107, 108]),
        (["otherrefnum", "isempty", ""], [111]),
        (["otherrefnum", "equalto", "111-0000006-0000006"], [106]),
        (["otherrefnum", "startswith", "302"], [109]),
        (["otherrefnum", "doesnotstartwith", "111"], [109, 110, 111]),
        (["tranid", "is", "so106"], [106]),
        (["tranid", "isnot", "SO106"], [one for one in ALL if one != 106]),
        (["memo", "contains", "GIFT"], [112]),
        (["memo", "contains", "Gift%00"], [112]),
        (["memo", "contains", "t.w"], []),
        (["memo", "startswith", "_ift"], []),
        (["memo", "doesnotcontain", "order"], [112, 113]),
        (["memo", "haskeywords", "100 gift"], [112]),
        (["externalid", "isnotempty", ""], [101, 102, 106, 109]),
        (["mainline", "is", True], ALL),
        (["taxline", "is", "F"], ALL),
        (["trandate", "on", "2/10/2026"], [113]),
        (["trandate", "on", "today"], [113]),
        (["trandate", "onorafter", "2026-02-02"], [113]),
        (["trandate", "before", "today"], [one for one in ALL if one != 113]),
        (["trandate", "within", "2/1/2026", "2/9/2026"], [one for one in ALL if one != 113]),
        (["trandate", "within", "thismonth"], ALL),
        (["trandate", "within", "lastmonth"], []),
        (["trandate", "notwithin", "daysago9", "yesterday"], [113]),
        (["trandate", "after", "daysago9"], [113]),
        (["shipdate", "within", "lastmonth"], [112]),
        (["shipdate", "onorbefore", "daysago10"], [112]),
        (["shipdate", "isempty", ""], [101, 102, 103, 108, 113]),
        (["datecreated", "on", "2/1/2026"], ALL),
        (["datecreated", "after", "2/1/2026"], []),
        (["customer.companyname", "is", "amazon.de"], [109]),
        (["customer.subsidiary", "anyof", "3"], [110]),
        (["createdfrom.status", "anyof", "SalesOrd:G"], [111]),
        (["createdfrom.tranid", "is", "SO107"], [111]),
        (["formulanumeric: {fxamount} * 2", "greaterthan", "103.34"], [105, 110]),
        (["formulatext: CASE WHEN {status} = 'Pending Billing' THEN 'Y' END", "is", "y"], [106, 109, 110, 111, 112]),
        (["formulatext: NVL({otherrefnum}, 'none {x}')", "is", "none {x}"], [111]),
        (["formuladate: {trandate} + 9", "on", "today"], [one for one in ALL if one != 113]),
        (["formulanumeric: {today} - {trandate}", "equalto", "0"], [113]),
        (["formulatext: {customer.companyname} || {entity.id}", "is", "Amazon.de202"], [109]),
    ],
)  # fmt: skip
def test_each_type_of_field_has_its_operators(searches: Searches, term: list[Any], found: list[int]) -> None:
    assert searches.ids(term) == found


@pytest.mark.parametrize(
    "value,first,last",
    [
        ("2/29/2028", "2028-02-29", "2028-02-29"), ("2026-01-05", "2026-01-05", "2026-01-05"),
        ("2/1/2026 11:59 pm", "2026-02-01", "2026-02-01"), ("TODAY", "2026-11-22", "2026-11-22"),
        ("tomorrow", "2026-11-23", "2026-11-23"), ("thisweek", "2026-11-22", "2026-11-28"),
        ("lastweek", "2026-11-15", "2026-11-21"), ("lastmonth", "2026-10-01", "2026-10-31"),
        ("nextmonth", "2026-12-01", "2026-12-31"), ("thisquarter", "2026-10-01", "2026-12-31"),
        ("lastquarter", "2026-07-01", "2026-09-30"), ("nextquarter", "2027-01-01", "2027-03-31"),
        ("thisyear", "2026-01-01", "2026-12-31"), ("lastyear", "2025-01-01", "2025-12-31"),
        ("thismonthtodate", "2026-11-01", "2026-11-22"), ("thisyeartodate", "2026-01-01", "2026-11-22"),
        ("daysago30", "2026-10-23", "2026-10-23"), ("weeksfromnow2", "2026-12-06", "2026-12-06"),
        ("monthsago9", "2026-02-22", "2026-02-22"), ("quartersago4", "2025-11-22", "2025-11-22"),
        ("ninetydaysago", "2026-08-24", "2026-08-24"),
    ],
)  # fmt: skip
def test_dates_may_be_written_or_relative(value: str, first: str, last: str) -> None:
    assert date_span(value, date(2026, 11, 22)) == (first, last)


def test_a_month_earlier_than_the_31st_is_its_last_day() -> None:
    assert date_span("monthsago1", date(2026, 3, 31)) == ("2026-02-28", "2026-02-28")


@pytest.mark.parametrize("value", ["13/1/2026", "2026-2-30", "someday", "thisfortnight", ""])
def test_dates_that_are_none_are_refused(value: str) -> None:
    with pytest.raises(Refusal, match="SSS_INVALID_SRCH_FILTER_VAL"):
        date_span(value, date(2026, 11, 22))


SMALL = ["internalidnumber", "lessthan", "103"]
BIG = ["internalidnumber", "greaterthan", "111"]
ODD = ["internalid", "anyof", "101", "103", "113"]


@pytest.mark.parametrize(
    "criterion,found",
    [
        ([SMALL, "OR", BIG], [101, 102, 112, 113]),
        ([SMALL, "or", [BIG, "and", ODD]], [101, 102, 113]),
        ([SMALL, "OR", BIG, "AND", ODD], [101, 102, 113]),
        ([[SMALL, "OR", BIG], "AND", ODD], [101, 113]),
        (["NOT", [SMALL, "OR", BIG]], list(range(103, 112))),
        ([SMALL, "AND", "NOT", ODD], [102]),
        (["NOT", ["NOT", SMALL]], [101, 102]),
        ([["NOT", "NOT", SMALL]], [101, 102]),
        ([[[SMALL]]], [101, 102]),
    ],
)
def test_criteria_are_joined_by_and_or_not_and_parentheses(
    searches: Searches, criterion: list[Any], found: list[int]
) -> None:
    assert searches.ids(criterion) == found


def test_no_criteria_let_every_line_of_every_order_through(searches: Searches) -> None:
    bodies = searches.page([["mainline", "is", "T"]])["result"]["count"]
    items = searches.page([["mainline", "is", "F"], "AND", ["taxline", "is", "F"]])["result"]["count"]
    taxes = searches.page(["taxline", "is", "T"])["result"]["count"]
    assert (bodies, items, taxes) == (13, 19, 11)
    assert searches.page([])["result"]["count"] == 13 + 19 + 11


@pytest.mark.parametrize(
    "criteria,code",
    [
        ([MAIN, "AND"], "SSS_INVALID_SRCH_FILTER_EXPR"),
        ([MAIN, MAIN], "SSS_INVALID_SRCH_FILTER_EXPR"),
        ([MAIN, "AND", 7], "SSS_INVALID_SRCH_FILTER_EXPR"),
        (["NOT"], "SSS_INVALID_SRCH_FILTER_EXPR"),
        (["nosuchfield", "is", "1"], "SSS_INVALID_SRCH_FILTER"),
        (["billingaddress.city", "is", "1"], "SSS_INVALID_SRCH_FILTER"),
        (["trandate", "contains", "2026"], "SSS_INVALID_SRCH_OPERATOR"),
        (["fxamount", "startswith", "5"], "SSS_INVALID_SRCH_OPERATOR"),
        (["tranid", "greaterthan", "5"], "SSS_INVALID_SRCH_OPERATOR"),
        (["status", "anyof"], "SSS_INVALID_SRCH_OPERATOR"),
        (["fxamount", "equalto", "many"], "SSS_INVALID_SRCH_FILTER_VAL"),
        (["trandate", "on", "2/30/2026"], "SSS_INVALID_SRCH_FILTER_VAL"),
        (["formulanumeric: {fxamount} +", "equalto", "1"], "SSS_SEARCH_ERROR_OCCURRED"),
        (["formulanumeric: {nosuchfield}", "equalto", "1"], "SSS_SEARCH_ERROR_OCCURRED"),
        (["formulatext: (SELECT tranid FROM transaction)", "is", "1"], "SSS_SEARCH_ERROR_OCCURRED"),
        (["formulanumeric: {fxamount}; DROP TABLE txn", "equalto", "1"], "SSS_SEARCH_ERROR_OCCURRED"),
    ],
)
def test_criteria_that_are_wrong_are_refused(searches: Searches, criteria: Any, code: str) -> None:
    assert searches.error(criteria) == code


def test_lines_come_as_rows_with_body_item_and_tax(searches: Searches) -> None:
    columns = ("line", "mainline", "taxline", "item", "quantity", "rate", "fxamount", "memo", "item.x")[:-1]
    answer = searches.page(["internalid", "anyof", "106"], *columns, {"name": "displayname", "join": "item"})
    assert [row["id"] for row in answer["result"]["rows"]] == ["106"] * 6
    assert [row["values"] for row in answer["result"]["rows"]] == [
        ["0", "T", "F", None, None, None, "51.67", "Amazon order", None],
        ["1", "F", "F", "11", "2", "10.00", "20.00", "Line 1", "Mug"],
        ["2", "F", "F", "12", "1", "25.99", "25.99", "Line 2", "Pot"],
        ["3", "F", "F", "21", "1", "4.99", "4.99", "Line 3", "Shipping"],
        ["4", "F", "F", "31", "1", "-3.00", "-3.00", "Line 4", "Promotion"],
        ["9000", "F", "T", None, None, None, "3.69", "Tax", None],
    ]
    assert answer["result"]["rows"][1]["texts"][3] == "MUG"


def test_amounts_without_fx_are_in_the_subsidiarys_currency(searches: Searches) -> None:
    assert searches.values([MAIN, "AND", ["internalid", "anyof", "109"]], "fxamount", "amount", "total", "exchangerate") == [
        ["23.18", "28.98", "28.98", "1.25"]
    ]  # fmt: skip


def test_formula_columns_have_the_notation_of_their_type(searches: Searches) -> None:
    formulas = [
        ("formulatext", "{tranid} || ' ' || {entity}"), ("formulanumeric", "{fxamount} / 3"), ("formulanumeric", "1 / 2"),
        ("formulacurrency", "{fxamount} / 3"), ("formuladate", "ADD_MONTHS({trandate}, 1)"),
        ("formulatext", "TO_CHAR({trandate}, 'YYYY')"), ("formulapercent", "{quantity}"), ("formulatext", "{trandate}"),
    ]  # fmt: skip
    columns = [{"name": name, "formula": formula, "label": "Same"} for name, formula in formulas]
    assert searches.values([MAIN, "AND", ["internalid", "anyof", "107"]], *columns) == [
        ["SO107 Amazon.com", "3.6", "0.5", "3.60", "2026-03-01", "2026", None, "2/1/2026"]
    ]


def test_sorts_are_by_column_then_by_id_with_empty_values_last(searches: Searches) -> None:
    criteria = [MAIN, "AND", ["internalidnumber", "greaterthan", "107"]]
    answer = searches.page(criteria, {"name": "shipdate", "sort": "ASC"}, {"name": "fxamount", "sort": "DESC"})
    assert [row["id"] for row in answer["result"]["rows"]] == ["112", "110", "109", "111", "108", "113"]
    assert answer["result"]["sorted_by"] == ["shipdate", "fxamount", "internalid"]
    by_text = searches.page(criteria, {"name": "entity", "sort": "DESC"}, {"name": "internalid", "sort": "DESC"})
    assert [row["id"] for row in by_text["result"]["rows"]] == ["109", "113", "112", "111", "108", "110"]
    assert by_text["result"]["sorted_by"] == ["entity", "internalid"]


def test_summaries_group_count_and_add_up(searches: Searches) -> None:
    criteria = [MAIN, "AND", ["status", "anyof", "SalesOrd:F"]]
    columns = [
        {"name": "currency", "summary": "GROUP"}, {"name": "internalid", "summary": "COUNT"},
        {"name": "fxamount", "summary": "SUM", "sort": "DESC"}, {"name": "fxamount", "summary": "AVG"},
        {"name": "trandate", "summary": "MAX"}, {"name": "tranid", "summary": "MIN"},
        {"name": "formulanumeric", "summary": "SUM", "formula": "CASE WHEN {terms} IS NULL THEN 1 ELSE 0 END"},
        {"name": "memo"},
    ]  # fmt: skip
    answer = searches.page(criteria, *columns)["result"]
    assert [row["values"] for row in answer["rows"]] == [
        ["2", "1", "23.18", "23.18", "2026-02-01", "SO109", "1", None],
        ["1", "3", "72.67", "24.22", "2026-02-01", "SO106", "0", None],
        ["3", "1", "1100.00", "1100.00", "2026-02-01", "SO110", "1", None],
    ]
    assert [(row["id"], row["texts"][0]) for row in answer["rows"]] == [
        (None, "Euro"),
        (None, "US Dollar"),
        (None, "Yen"),
    ]
    assert (answer["count"], answer["sorted_by"]) == (3, ["currency", "fxamount"])


def test_a_criterion_on_a_summary_chooses_groups(searches: Searches) -> None:
    criteria = [MAIN, "AND", ["count(internalid)", "greaterthan", "1"], "AND", ["sum(fxamount)", "lessthan", "100"]]
    columns = [{"name": "statusref", "summary": "GROUP"}, {"name": "internalid", "summary": "COUNT"}]
    assert searches.values(criteria, *columns) == [["pendingFulfillment", "2"]]
    assert searches.error([MAIN, "AND", [["sum(fxamount)", "lessthan", "9"], "OR", MAIN]], *columns) == (
        "SSS_INVALID_SRCH_FILTER"
    )


def test_summaries_without_groups_are_one_row_and_pages_of_groups_follow_each_other(searches: Searches) -> None:
    assert searches.values([MAIN], {"name": "internalid", "summary": "COUNT"}) == [["13"]]
    group = {"name": "tranid", "summary": "GROUP"}
    pages = [searches.values([MAIN], group, index=index, size=5) for index in range(3)]
    assert [len(page) for page in pages] == [5, 5, 3]
    assert [row[0] for page in pages for row in page] == [f"SO{number}" for number in ALL]


def test_searches_on_all_transactions_see_other_types(searches: Searches) -> None:
    criteria = [MAIN, "AND", ["type", "anyof", "CustInvc", "CustCred"]]
    answer = searches.page(criteria, "type", "status", "fxamount", "createdfrom", record_type="transaction")["result"]
    assert [row["values"] for row in answer["rows"]] == [
        ["CustInvc", "open", "10.80", "107"],
        ["CustInvc", "open", "10.80", "104"],
        ["CustCred", "open", "-2.50", "901"],
    ]
    assert answer["rows"][0]["texts"] == ["Invoice", "Open", None, "Sales Order #SO107"]


@pytest.mark.parametrize(
    "column,code",
    [
        ({"name": "nosuchcolumn"}, "SSS_INVALID_SRCH_COL"),
        ({"name": "tranid", "join": "applyingtransaction"}, "SSS_INVALID_SRCH_COL"),
        ({"name": "trandate", "function": "month"}, "SSS_INVALID_SRCH_COL"),
        ({"name": "formulanumeric", "formula": "SUM({fxamount})"}, "SSS_INVALID_SRCH_COL"),
        ({"name": "formulanumeric", "formula": "NOSUCH({fxamount})"}, "SSS_SEARCH_ERROR_OCCURRED"),
        ({"name": "formuladate", "formula": "{tranid}"}, "SSS_SEARCH_ERROR_OCCURRED"),
        ({"name": "fxamount", "summary": "MEDIAN"}, "SSS_INVALID_SRCH_COL"),
    ],
)
def test_columns_that_cannot_be_evaluated_are_refused_and_not_left_empty(
    searches: Searches, column: dict[str, str], code: str
) -> None:
    assert searches.error([MAIN], "tranid", column) == code


def test_texts_with_quotes_braces_and_other_scripts_pass_unharmed(searches: Searches) -> None:
    text = '"quoted" {0} \\ tab\t newline\n 価格 🎁 \''
    searches.connection.execute("UPDATE txn SET memo = ? WHERE id = 108", (text,))
    shown = searches.values(
        [MAIN, "AND", ["internalid", "anyof", "108"]], "memo", {"name": "formulatext", "formula": "'{0}'"}
    )
    searches.connection.execute("UPDATE txn SET memo = 'Amazon order' WHERE id = 108")
    assert shown == [[text, "{0}"]]


def test_what_is_written_between_two_pages_shows_in_the_second(searches: Searches) -> None:
    first = searches.page([MAIN], size=5)["result"]
    searches.connection.execute("UPDATE txn SET type = 'Estimate' WHERE id = 101")
    second = searches.page([MAIN], size=5, index=1)["result"]
    searches.connection.execute("UPDATE txn SET type = 'SalesOrd' WHERE id = 101")
    assert (first["count"], second["count"]) == (13, 12)
    assert second["rows"][0]["id"] == "107"


def test_pages_of_lines_repeat_and_miss_rows_unless_the_sort_is_unambiguous(searches: Searches) -> None:
    def lines(**preferences: str) -> list[tuple[str, str | None]]:
        searches.books.set_preferences(preferences)
        pages = [searches.page([], "line", index=index, size=5)["result"]["rows"] for index in range(9)]
        return [(row["id"], row["values"][0]) for page in pages for row in page]

    steady, unstable = lines(search_unstable_pages="F"), lines(search_unstable_pages="T")
    assert len(steady) == len(set(steady)) == len(unstable) == 43
    assert len(set(unstable)) < 43
    assert [order for order, _ in unstable] == [order for order, _ in steady]
