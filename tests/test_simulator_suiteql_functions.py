from __future__ import annotations

from collections.abc import Iterator

import pytest
from simulator_account import Account, open_account, rest_error


@pytest.fixture(scope="module")
def ns(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    with open_account(tmp_path_factory.mktemp("books")) as account:
        yield account


# expression on order 106 (SO106 of 2026-02-01, 51.67, terms 1, 111-0000006-0000006) | its value as SuiteQL sends it
EXPRESSIONS = r"""
EXTRACT(YEAR FROM trandate)                              | 2026
EXTRACT(MONTH FROM trandate)                             | 2
REGEXP_SUBSTR(otherrefnum, '[0-9]+', 1, 2)               | 0000006
REGEXP_SUBSTR(tranid, '[[:digit:]]+')                    | 106
REGEXP_REPLACE(otherrefnum, '-', '')                     | 11100000060000006
LPAD(id, 8, '0')                                         | 00000106
RPAD(tranid, 7, '*')                                     | SO106**
LPAD(tranid, 2)                                          | SO
INITCAP('pending billing/part')                          | Pending Billing/Part
NVL2(terms, 'yes', 'no')                                 | yes
NVL2(duedate, 'yes', 'no')                               | no
LAST_DAY(trandate)                                       | 2/28/2026
MONTHS_BETWEEN(trandate, TO_DATE('2025-11-01', 'YYYY-MM-DD')) | 3
SIGN(0 - foreigntotal)                                   | -1
POWER(2, 10)                                             | 1024
TO_CHAR(foreigntotal, 'FM9990.00')                       | 51.67
TO_CHAR(foreigntotal * 1000, 'FM9,999,990.000')          | 51,670.000
TO_CHAR(id, 'FM0000000')                                 | 0000106
TO_CHAR(foreigntotal, '9')                               | ##
"""


@pytest.mark.parametrize("row", EXPRESSIONS.strip().splitlines())
def test_oracles_functions_give_what_oracle_gives(ns: Account, row: str) -> None:
    expression, expected = (part.strip() for part in row.rsplit("|", 1))
    assert ns.rows(f"SELECT {expression} AS found FROM transaction WHERE id = 106") == [{"found": expected}]


# condition on orders 101 to 113 | the orders that it lets through
CONDITIONS = r"""
REGEXP_LIKE(tranid, '^SO10[1-3]$')         | 101 102 103
REGEXP_LIKE(tranid, '^so10[12]$', 'i')     | 101 102
tranid LIKE 'SO\_0%' ESCAPE '\'            |
tranid LIKE 'SO10_'                        | 101 102 103 104 105 106 107 108 109
tranid LIKE 'SO!1%' ESCAPE '!'             | 101 102 103 104 105 106 107 108 109 110 111 112 113
"""


@pytest.mark.parametrize("row", CONDITIONS.strip().splitlines())
def test_conditions_on_texts(ns: Account, row: str) -> None:
    condition, expected = (part.strip() for part in row.rsplit("|", 1))
    rows = ns.rows(f"SELECT id FROM transaction WHERE type = 'SalesOrd' AND {condition} ORDER BY id")
    assert [row["id"] for row in rows] == expected.split()


def test_listagg_keeps_its_own_order_and_leaves_nulls_out(ns: Account) -> None:
    text = (
        "SELECT LISTAGG(externalid, ' ') WITHIN GROUP (ORDER BY id DESC) AS ids, "
        "LISTAGG(DISTINCT currency, ',') WITHIN GROUP (ORDER BY currency) AS money "
        "FROM transaction WHERE type = 'SalesOrd' AND id BETWEEN 101 AND 109"
    )
    assert ns.rows(text) == [{"ids": "SO-109 SO-106 SO-102 SO-101", "money": "1,2"}]


def test_neighbours_in_a_window(ns: Account) -> None:
    rows = ns.rows(
        "SELECT LAG(id) OVER (ORDER BY id) AS before, LEAD(id, 1, 0) OVER (ORDER BY id) AS after "
        "FROM transaction WHERE id IN (101, 102)"
    )
    assert rows == [{"after": "102"}, {"before": "101", "after": "0"}]


@pytest.mark.parametrize(
    "expression",
    [
        "TO_CHAR(foreigntotal, 'L999')",
        "LPAD(tranid, id)",
        "REGEXP_SUBSTR(tranid, memo)",
        "LISTAGG(tranid, ',')",
        "EXTRACT(YEAR FROM tranid)",
        "MONTHS_BETWEEN(trandate, tranid)",
    ],
)
def test_what_is_not_known_is_refused_and_not_guessed(ns: Account, expression: str) -> None:
    status, code, text = rest_error(ns.query(f"SELECT {expression} AS x FROM transaction WHERE id = 106"))
    assert (status, code) == (400, "INVALID_PARAMETER")
    assert text.endswith("Invalid or unsupported search.")
