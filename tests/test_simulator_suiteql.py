from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from simulator_account import SUITEQL, Account, open_account, rest_error

UNPROCESSED = "Invalid search query. Detailed unprocessed description follows. "
UNSUPPORTED = (400, "INVALID_PARAMETER", UNPROCESSED + "Search error occurred: Invalid or unsupported search.")


@pytest.fixture(scope="module")
def ns(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    with open_account(tmp_path_factory.mktemp("books")) as account:
        yield account


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Account]:
    with open_account(tmp_path) as account:
        yield account


def ids(ns: Account, condition: str) -> list[int]:
    return [int(row["id"]) for row in ns.rows(f"SELECT t.id FROM transaction t WHERE {condition} ORDER BY t.id")]


def test_values_are_texts_keys_lower_case_nulls_absent_and_every_item_has_links(ns: Account) -> None:
    body = ns.query(
        "SELECT ID, tranid AS TranId, voided, terms, foreigntotal FROM Transaction WHERE id IN (109, 112) ORDER BY id"
    ).json()
    assert body["items"] == [
        {"links": [], "id": "109", "tranid": "SO109", "voided": "F", "foreigntotal": "23.18"},
        {"links": [], "id": "112", "tranid": "SO112", "voided": "F", "terms": "1", "foreigntotal": "11"},
    ]
    assert {key: body[key] for key in ("count", "hasMore", "offset", "totalResults")} == {
        "count": 2,
        "hasMore": False,
        "offset": 0,
        "totalResults": 2,
    }


def test_dates_come_in_the_accounts_format_unless_they_are_written_out(ns: Account) -> None:
    rows = ns.rows(
        "SELECT trandate, TO_CHAR(trandate, 'YYYY-MM-DD') d, TO_CHAR(lastmodifieddate, 'YYYY-MM-DD HH24:MI:SS') m, lastmodifieddate FROM transaction WHERE id = 106"
    )
    assert rows == [
        {"trandate": "2/1/2026", "d": "2026-02-01", "m": "2026-02-01 02:00:00", "lastmodifieddate": "2/1/2026"}
    ]


def test_paging_has_links_and_totals(ns: Account) -> None:
    body = ns.query("SELECT id FROM transaction WHERE type = 'SalesOrd' ORDER BY id", limit=5, offset=5).json()
    assert [item["id"] for item in body["items"]] == ["106", "107", "108", "109", "110"]
    assert (body["count"], body["hasMore"], body["offset"], body["totalResults"]) == (5, True, 5, 13)
    assert {link["rel"]: link["href"].rpartition("?")[2] for link in body["links"]} == {
        "next": "limit=5&offset=10",
        "last": "limit=5&offset=10",
        "first": "limit=5&offset=0",
        "prev": "limit=5&offset=0",
        "self": "limit=5&offset=5",
    }


@pytest.mark.parametrize(
    "paging,name", [({"limit": 0}, "limit"), ({"limit": 1001}, "limit"), ({"limit": 10, "offset": 5}, "offset")]
)
def test_paging_outside_the_rules_is_refused(ns: Account, paging: dict[str, int], name: str) -> None:
    answer = ns.query("SELECT id FROM transaction", **paging)
    assert rest_error(answer)[:2] == (400, "INVALID_PARAMETER")
    assert answer.json()["o:errorDetails"][0]["o:errorQueryParam"] == name


def test_the_header_prefer_transient_is_required(ns: Account) -> None:
    answer = ns.call("POST", SUITEQL, json={"q": "SELECT id FROM transaction"})
    text = "The required request header 'Prefer' is missing or does not contain 'transient'."
    assert rest_error(answer) == (400, "INVALID_PARAMETER", text)
    assert rest_error(ns.call("GET", SUITEQL))[0] == 405


def test_no_more_rows_than_the_cap_are_given_or_announced(own: Account) -> None:
    own.simulator.control("preferences", {"suiteql_row_cap": 10})
    first = own.query("SELECT id FROM transaction ORDER BY id", limit=4).json()
    last = own.query("SELECT id FROM transaction ORDER BY id", limit=4, offset=8).json()
    assert (first["totalResults"], last["count"], last["hasMore"]) == (10, 2, False)


@pytest.mark.parametrize(
    "query,text",
    [
        (
            "SELECT createdfrom FROM transaction",
            "Search error occurred: Unknown identifier 'createdfrom'. Available identifiers are: {transaction=transaction}.",
        ),
        (
            "SELECT t.x FROM transaction t JOIN customer c ON c.id = t.entity",
            "Search error occurred: Unknown identifier 'x'. Available identifiers are: {t=transaction, c=customer}.",
        ),
        (
            "SELECT z.id FROM transaction t",
            "Search error occurred: Unknown identifier 'z.id'. Available identifiers are: {t=transaction}.",
        ),
        ("SELECT id FROM transactiontablethatdoesnotexist", "Invalid search type: transactiontablethatdoesnotexist."),
        ("SELECT id FROM txn", "Invalid search type: txn."),
        ("SELECT id FROM credential", "Invalid search type: credential."),
        ("SELECT id FROM ns_transaction", "Invalid search type: ns_transaction."),
        (
            "SELECT id FROM transaction WHERE trandate >= '2026-02-01'",
            "Search error occurred: Invalid date value (must be M/D/YYYY).",
        ),
        (
            "SELECT id FROM transaction t JOIN customer c ON c.id = t.entity",
            "Search error occurred: Field 'id' is ambiguous.",
        ),
    ],
)
def test_wrong_names_and_dates_are_refused_in_netsuites_words(ns: Account, query: str, text: str) -> None:
    answer = ns.query(query)
    assert rest_error(answer) == (400, "INVALID_PARAMETER", UNPROCESSED + text)
    assert answer.json()["o:errorDetails"][0]["o:errorQueryParam"] == "q"


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM transaction",
        "UPDATE transaction SET memo = 'x'",
        "INSERT INTO transaction (id) VALUES (1)",
        "DROP TABLE transaction",
        "PRAGMA query_only = OFF",
        "ATTACH DATABASE 'x' AS y",
        "SELECT id FROM transaction; DELETE FROM transaction",
        "SELECT id FROM main.txn",
        "SELECT load_extension('x') FROM dual",
        "SELECT id FROM transaction LIMIT 5",
        "SELECT FROM WHERE",
        "SELECT type, COUNT(*) FROM transaction",
        "SELECT id FROM transaction WHERE id = 'abc'",
        "SELECT id FROM transaction WHERE id = ?",
        "nonsense",
    ],
)
def test_what_is_no_suiteql_select_is_refused_and_changes_nothing(ns: Account, query: str) -> None:
    assert rest_error(ns.query(query)) == UNSUPPORTED
    assert ns.rows("SELECT COUNT(*) n FROM transaction WHERE type = 'SalesOrd'") == [{"n": "13"}]


@pytest.mark.parametrize("statuses", ["'F'", "'SalesOrd:F'", "'F', 'SalesOrd:F'"])
def test_a_status_matches_in_both_spellings(ns: Account, statuses: str) -> None:
    assert ids(ns, f"t.type = 'SalesOrd' AND t.status IN ({statuses})") == [106, 109, 110, 111, 112]
    assert ids(ns, f"t.type = 'SalesOrd' AND t.status NOT IN ({statuses})") == [101, 102, 103, 104, 105, 107, 108, 113]


def test_a_typed_status_matches_its_type_only(ns: Account) -> None:
    assert ids(ns, "t.status = 'CustInvc:A'") == [901, 902]
    assert ids(ns, "t.status = 'SalesOrd:A'") == [101]


def test_an_account_that_knows_only_letters_silently_finds_nothing_by_the_other_spelling(own: Account) -> None:
    own.simulator.control("preferences", {"suiteql_status_match": "letter"})
    assert ids(own, "t.status = 'SalesOrd:F'") == []
    assert ids(own, "t.status IN ('F', 'SalesOrd:F') AND t.type = 'SalesOrd'") == [106, 109, 110, 111, 112]


def test_display_values(ns: Account) -> None:
    query = """SELECT BUILTIN.DF(t.status) s, BUILTIN.DF(t.entity) e, BUILTIN.DF(t.currency) c, BUILTIN.DF(t.trandate) d,
               BUILTIN.DF(t.custbody_celigo_etail_channel) m FROM transaction t WHERE t.id = 109"""
    assert ns.rows(query) == [
        {"s": "Sales Order : Pending Billing", "e": "C2 Amazon.de", "c": "Euro", "d": "2/1/2026", "m": "Amazon DE"}
    ]


def test_amounts_are_exact_in_sums_and_comparisons(ns: Account) -> None:
    assert ns.rows("SELECT SUM(foreigntotal) s, MAX(foreigntotal) m FROM transaction WHERE id IN (106, 109)") == [
        {"s": "74.85", "m": "51.67"}
    ]
    assert ids(ns, "t.foreigntotal = 51.67") == [106]
    assert ids(ns, "t.foreigntotal = '51.67'") == [106]
    assert ids(ns, "t.foreigntotal BETWEEN 23.18 AND 51.670") == [102, 106, 109]
    assert ids(ns, "t.type = 'CustInvc' AND t.foreignamountpaid + t.foreignamountunpaid = t.foreigntotal") == [901, 902]
    assert ns.rows(
        "SELECT foreigntotal * 2 a, foreigntotal / 2 b, -foreigntotal c, ROUND(foreigntotal, 1) d, foreigntotal || ' x' e FROM transaction WHERE id = 106"
    ) == [{"a": "103.34", "b": "25.835", "c": "-51.67", "d": "51.7", "e": "51.67 x"}]


def test_money_by_type(ns: Account) -> None:
    rows = ns.rows(
        "SELECT id, foreigntotal t, foreignamountpaid p, foreignamountunpaid u, foreignpaymentamountused x, foreignpaymentamountunused y FROM transaction WHERE id >= 901 ORDER BY id"
    )
    assert rows == [
        {"id": "901", "t": "10.8", "p": "5", "u": "5.8"},
        {"id": "902", "t": "10.8", "p": "0", "u": "10.8"},
        {"id": "903", "t": "5", "x": "5", "y": "0"},
        {"id": "904", "t": "-2.5", "x": "0", "y": "2.5"},
    ]


def test_the_sign_of_credits_is_a_knob(own: Account) -> None:
    own.simulator.control("preferences", {"suiteql_credits_negative": "F"})
    assert own.rows("SELECT foreigntotal t FROM transaction WHERE id = 904") == [{"t": "2.5"}]


def test_sales_lines_are_negative_beside_a_main_line_and_a_tax_line(ns: Account) -> None:
    rows = ns.rows(
        "SELECT id, mainline m, taxline x, quantity q, foreignamount a, itemtype i FROM transactionline WHERE transaction = 106 ORDER BY id"
    )
    assert [tuple(row.get(key, "") for key in ("m", "x", "q", "a", "i")) for row in rows] == [
        ("T", "F", "", "51.67", ""),
        ("F", "F", "-2", "-20", "InvtPart"),
        ("F", "F", "-1", "-25.99", "InvtPart"),
        ("F", "F", "-1", "-4.99", "OthCharge"),
        ("F", "F", "-1", "3", "Discount"),
        ("F", "T", "", "-3.69", ""),
    ]


@pytest.mark.parametrize(
    "condition,count",
    [
        ("l.mainline = 'T'", 1),
        ("l.mainline = 'F' AND l.taxline = 'F'", 4),
        ("l.mainline = 'F'", 5),
        ("l.taxline = 'T'", 1),
        ("1 = 1", 6),
    ],
)
def test_a_query_gets_the_part_of_the_lines_that_it_asks_for(ns: Account, condition: str, count: int) -> None:
    where = ns.rows(
        f"SELECT COUNT(*) n FROM transactionline l JOIN transaction t ON t.id = l.transaction WHERE t.id = 106 AND {condition}"
    )
    on = ns.rows(
        f"SELECT COUNT(*) n FROM transaction t JOIN transactionline l ON l.transaction = t.id AND {condition} WHERE t.id = 106"
    )
    assert where == on == [{"n": str(count)}]


def test_a_left_join_keeps_rows_whose_lines_do_not_match(ns: Account) -> None:
    query = "SELECT t.id, l.createdfrom c FROM transaction t LEFT JOIN transactionline l ON l.transaction = t.id AND l.mainline = 'T' AND l.createdfrom = 107 WHERE t.id IN (901, 902) ORDER BY t.id"
    assert ns.rows(query) == [{"id": "901", "c": "107"}, {"id": "902"}]


def test_links_lead_from_orders_to_invoices_to_payments(ns: Account) -> None:
    query = """SELECT DISTINCT l.previousdoc AS so_id, inv.id AS inv_id, p.nextdoc AS pay_id
               FROM nexttransactionlinelink l JOIN transaction inv ON inv.id = l.nextdoc
               LEFT JOIN nexttransactionlinelink p ON p.previousdoc = inv.id AND p.linktype = 'Payment'
               WHERE l.linktype = 'OrdBill' AND l.nexttype IN ('CustInvc', 'CashSale') AND l.previousdoc IN ('104', '107') ORDER BY so_id"""
    assert ns.rows(query) == [{"so_id": "104", "inv_id": "902"}, {"so_id": "107", "inv_id": "901", "pay_id": "903"}]


@pytest.mark.parametrize(
    "query,expected",
    [
        ("SELECT id FROM transaction ORDER BY id DESC FETCH FIRST 2 ROWS ONLY", ["904", "903"]),
        ("SELECT TOP 1 id FROM transaction ORDER BY id", ["101"]),
        ("SELECT id FROM transaction WHERE ROWNUM <= 1", ["101"]),
        (
            "WITH o AS (SELECT id, foreigntotal v FROM transaction WHERE type = 'SalesOrd') SELECT id FROM o WHERE v > 50 ORDER BY id",
            ["105", "106", "110"],
        ),
        ("SELECT id FROM (SELECT id, status FROM transaction WHERE type = 'SalesOrd') WHERE status = 'H'", ["108"]),
        (
            "SELECT id FROM transaction WHERE id IN (SELECT nextdoc FROM nexttransactionlinelink WHERE linktype = 'OrdBill') ORDER BY id",
            ["901", "902"],
        ),
        (
            "SELECT t.id FROM transaction t WHERE EXISTS (SELECT 1 FROM nexttransactionlinelink l WHERE l.previousdoc = t.id AND l.linktype = 'OrdBill') ORDER BY 1",
            ["104", "107"],
        ),
        (
            "SELECT id FROM transaction WHERE type = 'CustCred' UNION SELECT id FROM currency ORDER BY id",
            ["1", "2", "3", "904"],
        ),
        (
            "SELECT id FROM transaction WHERE type = 'CustInvc' AND trandate = TO_DATE('2026-02-05', 'YYYY-MM-DD') ORDER BY id",
            ["901", "902"],
        ),
        (
            "SELECT id FROM transaction WHERE type = 'CustInvc' AND trandate > TO_DATE('2/1/2026', 'MM/DD/YYYY') + 3 AND trandate <= '2/5/2026' ORDER BY id",
            ["901", "902"],
        ),
        (
            "SELECT id FROM transaction WHERE lastmodifieddate >= TO_DATE('2026-02-05 01:00:00', 'YYYY-MM-DD HH24:MI:SS') AND type = 'CustPymt'",
            ["903"],
        ),
        ("SELECT id FROM transaction WHERE otherrefnum LIKE '302-%'", ["109"]),
        ("SELECT id FROM transaction WHERE tranid LIKE 'so1%'", []),
        ("SELECT id FROM transaction WHERE UPPER(tranid) = 'INV1001' AND NVL(externalid, '-') <> '-'", ["901"]),
        (
            "SELECT CASE WHEN foreigntotal > 50 THEN 'big' ELSE 'small' END id FROM transaction WHERE id IN (106, 101) ORDER BY foreigntotal",
            ["small", "big"],
        ),
        (
            "SELECT status id FROM transaction WHERE type = 'SalesOrd' GROUP BY status HAVING COUNT(*) > 1 ORDER BY status",
            ["B", "F"],
        ),
    ],
)
def test_queries_in_oracles_dialect_run(ns: Account, query: str, expected: list[str]) -> None:
    assert [row["id"] for row in ns.rows(query)] == expected


def test_null_is_an_empty_text_when_texts_are_joined(ns: Account) -> None:
    query = "SELECT tranid || ' ' || terms AS a, CONCAT(tranid, NULL) AS b, NULL || NULL AS c FROM transaction WHERE id = 109"
    assert ns.rows(query) == [{"a": "SO109 ", "b": "SO109"}]


def test_parameters_are_bound_in_order_and_never_run(ns: Account) -> None:
    assert ns.rows(
        "SELECT id FROM transaction WHERE id BETWEEN ? AND ? AND type = ? ORDER BY id", "108", "110", "SalesOrd"
    ) == [{"id": "108"}, {"id": "109"}, {"id": "110"}]
    assert ns.rows("SELECT id FROM transaction WHERE tranid = ? OR memo = '?'", "x' OR '1'='1") == []


def test_a_count_is_new_after_every_change(own: Account) -> None:
    query = "SELECT id FROM transaction WHERE type = 'CustInvc'"
    assert own.query(query).json()["totalResults"] == 2
    assert own.transform(106).status_code == 204
    assert own.query(query).json()["totalResults"] == 3
