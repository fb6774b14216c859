from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import pytest
from simulator_account import RECORD, Account, open_account, rest_error

from nsbill.simulator import tables
from nsbill.simulator.errors import Refusal
from nsbill.simulator.filters import OPERATORS, parse_filter
from nsbill.simulator.record_catalogue import RESOURCES


@pytest.fixture(scope="module")
def ns(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    with open_account(tmp_path_factory.mktemp("books")) as account:
        yield account


def _ids(ns: Account, q: str, record: str = "salesOrder") -> str:
    answer = ns.get(f"/{record}", params={"q": q})
    assert answer.status_code == 200, answer.text
    return " ".join(item["id"] for item in answer.json()["items"])


# q | ids
FILTERS = """
 otherRefNum IS "111-0000006-0000006"                            | 106
 otherRefNum is 111-0000006-0000006                              | 106
 otherrefnum EMPTY                                               | 111
 otherRefNum EMPTY_NOT AND status ANY_OF [F]                     | 106 109 110 112
 externalId START_WITH SO-10 AND externalId END_WITH 6           | 106
 externalId ENDWITH 09                                           | 109
 externalId START_WITH_NOT SO-10                                 |
 tranId CONTAIN o11                                              | 110 111 112 113
 memo IS "amazon ORDER" AND id LESS 103                          | 101 102
 id BETWEEN [102, 104]                                           | 102 103 104
 id BETWEEN_NOT [102,112]                                        | 101 113
 id WITHIN [112,113]                                             | 112 113
 id ANY_OF [101,113,999]                                         | 101 113
 id ANY_OF_NOT [101,102,103,104,105,106,107,108,109,110,111]     | 112 113
 id GREATER 111                                                  | 112 113
 id GREATER_NOT 102                                              | 101 102
 id GREATER_OR_EQUAL 112                                         | 112 113
 id LESS_OR_EQUAL 102                                            | 101 102
 total EQUAL 51.67                                               | 106
 total GREATER 53.60                                             | 110
 taxTotal EQUAL 0 AND id GREATER 101                             | 111 113
 subtotal EQUAL 1000                                             | 110
 status IS G                                                     | 107
 status EQUAL_NOT F AND id GREATER 107                           | 108 113
 subsidiary ANY_OF [2,3]                                         | 109 110
 terms EMPTY                                                     | 109 110
 exchangeRate EQUAL 1.25 AND id LESS 102                         | 101
 tranDate ON "2/1/2026" AND id EQUAL 101                         | 101
 tranDate ON_NOT 2/1/2026                                        |
 tranDate AFTER 1/31/2026 AND tranDate BEFORE 2/2/2026 AND id LESS 102 | 101
 createdDate ON_OR_AFTER 2/1/2026 AND createdDate ON_OR_BEFORE 2/1/2026 AND id EQUAL 101 | 101
 id EQUAL 101 OR id EQUAL 102 AND status IS G                    | 101
 (id EQUAL 101 OR id EQUAL 102) AND status IS B                  | 102
 ((id EQUAL 101)) or (id equal 103 and status is C)              | 101 103
"""


@pytest.mark.parametrize("row", [line.split("|") for line in FILTERS.strip().splitlines()])
def test_a_filter_finds(ns: Account, row: list[str]) -> None:
    assert _ids(ns, row[0].strip()) == row[1].strip()


# q | what the refusal says
BAD = """
 nosuch IS x                     | Field 'nosuch' does not exist on the record type 'salesOrder'.
 "memo" IS x                     | Field 'memo' does not exist on the record type 'salesOrder'.
 item IS x                       | Field 'item' does not exist on the record type 'salesOrder'.
 memo GREATER x                  | Operator 'GREATER' cannot be used with the field 'memo'.
 total CONTAIN 5                 | Operator 'CONTAIN' cannot be used with the field 'total'.
 memo LIKE x                     | Operator 'LIKE' cannot be used with the field 'memo'.
 total EQUAL ten                 | Invalid value 'ten' for the field 'total'.
 total EQUAL 1.005               | Invalid value '1.005' for the field 'total'.
 total EQUAL NaN                 | Invalid value 'NaN' for the field 'total'.
 tranDate ON 2026-02-01          | Invalid value '2026-02-01' for the field 'tranDate'.
 tranDate ON 2/30/2026           | Invalid value '2/30/2026' for the field 'tranDate'.
 id BETWEEN [1]                  | Operator 'BETWEEN' needs two values.
 id ANY_OF []                    | Expected a value instead of ']'.
 id ANY_OF 5                     | Expected '[' instead of '5'.
 memo IS                         | The filter ends where a value should stand.
 memo                            | The filter ends where an operator should stand.
 (memo IS x                      | The filter ends where ')' should stand.
 memo IS x)                      | Unexpected ')'.
 memo IS "x                      | A text in double quotes is not closed.
 memo IS two words               | Unexpected 'words'.
"""


@pytest.mark.parametrize("row", [line.split("|") for line in BAD.strip().splitlines()])
def test_a_filter_that_cannot_be_read_is_refused_naming_q(ns: Account, row: list[str]) -> None:
    answer = ns.get("/salesOrder", params={"q": row[0].strip()})
    status, code, text = rest_error(answer)
    assert (status, code) == (400, "INVALID_PARAMETER")
    assert answer.json()["o:errorDetails"][0]["o:errorQueryParam"] == "q"
    assert text.endswith(f"Search error occurred: {row[1].strip()}")


def test_an_empty_filter_is_refused(ns: Account) -> None:
    assert rest_error(ns.get("/salesOrder", params={"q": " "}))[1] == "INVALID_PARAMETER"


def test_a_property_that_is_only_computed_cannot_be_filtered(ns: Account) -> None:
    text = rest_error(ns.get("/invoice", params={"q": "approvalStatus ANY_OF [2]"}))[2]
    assert text.endswith("Field 'approvalStatus' cannot be used in a filter.")


def test_amounts_open_and_references_of_other_types_can_be_filtered(ns: Account) -> None:
    assert _ids(ns, "amountRemaining EQUAL 5.8 AND createdFrom ANY_OF [107]", "invoice") == "901"
    assert _ids(ns, "isInactive IS false AND companyName CONTAIN amazon.d", "customer") == "202"
    assert _ids(ns, "closed IS true", "accountingPeriod") == "1"


def test_values_never_become_part_of_the_statement(ns: Account) -> None:
    assert _ids(ns, """memo IS "x' OR '1'='1" """) == ""
    assert _ids(ns, r'memo IS_NOT "say \"hi\"" AND id EQUAL 101') == "101"


def test_texts_are_compared_by_case_where_the_knob_says_so(ns: Account) -> None:
    ns.simulator.control("preferences", {"filter_text_case": "sensitive"})
    try:
        assert _ids(ns, 'memo IS "amazon order"') == ""
        assert _ids(ns, "memo CONTAIN Amazon AND id EQUAL 101") == "101"
    finally:
        ns.simulator.control("preferences", {"filter_text_case": "insensitive"})


def test_a_filtered_list_is_paged_and_its_links_keep_the_filter(ns: Account) -> None:
    page = ns.get("/salesOrder", params={"q": "status ANY_OF [F]", "limit": "2"}).json()
    assert (page["count"], page["totalResults"], page["hasMore"], page["offset"]) == (2, 5, True, 0)
    links = {link["rel"]: link["href"] for link in page["links"]}
    assert set(links) == {"self", "next", "last"}
    following = ns.call("GET", links["next"].removeprefix(ns.url)).json()
    assert [item["id"] for item in following["items"]] == ["110", "111"]
    assert {link["rel"] for link in following["links"]} == {"self", "next", "last", "first", "prev"}


@pytest.mark.parametrize(
    "limit,offset", [("0", "0"), ("1001", "0"), ("5", "3"), ("x", "0"), ("1", "1000"), ("1", "-1")]
)
def test_paging_has_rules(ns: Account, limit: str, offset: str) -> None:
    answer = ns.get("/salesOrder", params={"limit": limit, "offset": offset})
    assert rest_error(answer)[:2] == (400, "INVALID_PARAMETER")


def test_a_page_behind_the_last_is_empty(ns: Account) -> None:
    page = ns.get("/salesOrder", params={"limit": "10", "offset": "50"}).json()
    assert (page["items"], page["count"], page["hasMore"], page["totalResults"]) == ([], 0, False, 13)


def test_reading_several_by_ids_needs_the_asynchronous_form(ns: Account) -> None:
    status, code, text = rest_error(ns.get("/salesOrder", params={"expandRecords": "true", "ids": "101,eid:SO-102"}))
    assert (status, code) == (400, "INVALID_PARAMETER")
    assert "Prefer: respond-async" in text
    assert rest_error(ns.get("/salesOrder", params={"ids": "101"}))[:2] == (400, "INVALID_REQUEST")


def test_every_operator_makes_a_statement_that_runs_on_every_property() -> None:
    """Also those that no example uses, on every record type."""
    connection = tables.create(":memory:")
    tried = 0
    values = {"money": "1.50", "number": "1.5", "date": "1/2/2026", "instant": "1/2/2026", "flag": "true", "text": "x"}
    for resource in RESOURCES.values():
        for field in resource.fields:
            kind = "whole" if field.name == "id" else field.kind
            for operator in ("EMPTY", *OPERATORS[kind]) if field.filterable else ():
                value = values.get(kind, "1")
                written = {"EMPTY": "", "ANY_OF": f"[{value}]"}.get(operator, value)
                written = f"[{value},{value}]" if operator in ("BETWEEN", "WITHIN") else written
                for suffix in ("", "_NOT"):
                    found = parse_filter(f"{field.name} {operator}{suffix} {written}", resource, any_case=True)
                    statement = f"SELECT COUNT(*) FROM {resource.source} WHERE {resource.condition} AND {found.sql}"
                    assert connection.execute(statement, found.values).fetchone()[0] >= 0
                    tried += 1
    connection.close()
    assert tried > 500


def test_filters_nested_too_deep_are_refused_and_not_a_crash() -> None:
    text = "(" * 3000 + "id EQUAL 1" + ")" * 3000
    with pytest.raises(Refusal, match="nested too deep"):
        parse_filter(text, RESOURCES["salesorder"], any_case=True)


def test_a_filter_reads_only(ns: Account) -> None:
    before = ns.get("/salesOrder").json()["totalResults"]
    ns.get("/salesOrder", params={"q": 'memo IS "1); DELETE FROM txn; --"'})
    assert ns.get("/salesOrder").json()["totalResults"] == before
    with sqlite3.connect(ns.simulator.control_state.books.database) as connection:
        assert connection.execute("SELECT COUNT(*) FROM txn").fetchone()[0] == 17
    connection.close()
    assert ns.call("POST", f"{RECORD}/salesOrder/106", json={}).status_code == 405
