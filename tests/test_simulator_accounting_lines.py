from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from simulator_account import Account, open_account, rest_error


@pytest.fixture
def ns(tmp_path: Path) -> Iterator[Account]:
    with open_account(tmp_path) as account:
        yield account


LINES = """
SELECT l.transactionline AS line, a.acctnumber AS account, l.debit, l.credit, l.amountunpaid AS unpaid, l.posting
FROM transactionaccountingline l JOIN account a ON a.id = l.account
WHERE l.transaction = {} ORDER BY l.transactionline
"""


def bill(ns: Account, order: int, target: str = "invoice") -> str:
    answer = ns.transform(order, target)
    assert answer.status_code == 204, answer.text
    return answer.headers["Location"].rsplit("/", 1)[1]


def test_an_invoice_is_posted_in_the_subsidiarys_currency_and_balances(ns: Account) -> None:
    rows = ns.rows(LINES.format(bill(ns, 106)))  # 2 x 10.00, 25.99, shipping 4.99, discount -3.00, tax 3.69; rate 1.25
    assert rows == [
        {"line": "0", "account": "1100", "debit": "64.59", "unpaid": "64.59", "posting": "T"},
        {"line": "1", "account": "4000", "credit": "25", "posting": "T"},
        {"line": "2", "account": "4000", "credit": "32.49", "posting": "T"},
        {"line": "3", "account": "4100", "credit": "6.24", "posting": "T"},
        {"line": "4", "account": "4200", "debit": "3.75", "posting": "T"},
        {"line": "9000", "account": "2200", "credit": "4.61", "posting": "T"},
    ]


def test_a_cash_sale_goes_to_undeposited_funds(ns: Account) -> None:
    rows = ns.rows(LINES.format(bill(ns, 109, "cashSale")))
    assert rows[0] == {"line": "0", "account": "1150", "debit": "28.98", "posting": "T"}  # 23.18 at 1.25


def test_every_document_balances_to_the_cent(ns: Account) -> None:
    for order in (105, 110, 112):
        bill(ns, order)
    sums = ns.rows(
        "SELECT l.transaction AS id, SUM(l.amount) AS total FROM transactionaccountingline l GROUP BY l.transaction"
    )
    assert len(sums) > 10
    assert {Decimal(row["total"]) for row in sums} == {Decimal(0)}


def test_orders_do_not_post(ns: Account) -> None:
    assert {row["posting"] for row in ns.rows(LINES.format(106))} == {"F"}


def test_a_table_that_the_account_lacks_looks_unknown(ns: Account) -> None:
    ns.simulator.control("preferences", {"suiteql_missing_tables": "transactionaccountingline, subsidiary"})
    status, code, text = rest_error(ns.query("SELECT amount FROM transactionaccountingline"))
    assert (status, code) == (400, "INVALID_PARAMETER")
    assert text.endswith("Search error occurred: Record 'transactionaccountingline' was not found.")
    assert ns.query("SELECT id FROM currency").status_code == 200


def test_a_role_without_invoices_sees_none_and_gets_no_error(ns: Account) -> None:
    bill(ns, 106)
    seen = "SELECT DISTINCT type AS type FROM transaction ORDER BY 1"
    before = [row["type"] for row in ns.rows(seen)]
    ns.simulator.control(
        "roles",
        {
            "role": "Billing",  # of the books in simulator_books
            "permissions": {
                "ADMI_LOGIN_OAUTH": "FULL",
                "ADMI_RESTWEBSERVICES": "FULL",
                "REPO_ANALYTICS": "EDIT",
                "TRAN_SALESORD": "VIEW",
            },
        },
    )
    assert "CustInvc" in before
    assert [row["type"] for row in ns.rows(seen)] == ["SalesOrd"]
    assert rest_error(ns.query("SELECT id FROM customer"))[2].endswith("Record 'customer' was not found.")
