"""nsbill.netsuite.applications: what was applied to invoices and credit memos, once each, however the links repeat."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from simulator_books import make_books

from nsbill.credentials import TokenCredentials
from nsbill.errors import NetSuiteError
from nsbill.netsuite import applications
from nsbill.netsuite.applications import load_applications
from nsbill.netsuite.books import load_billing_records, load_credits, load_currencies
from nsbill.netsuite.client import Client
from nsbill.netsuite.suiteql import query_page
from nsbill.settings import Settings
from nsbill.simulator import tables
from nsbill.simulator.server import Simulator
from nsbill.simulator.world import build_world

NOW = "2026-02-06T10:00:00Z"
# invoice 901 (10.80) has 5.00 of payment 903; 902 (10.80) is open; credit memo 904 (2.50) is open
EXISTING = ("903", "customerPayment", "901", None, "5.00")


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows as plain Python values; what is empty is None."""
    rows: list[dict[str, Any]] = pa.Table.from_pandas(frame, preserve_index=False).to_pylist()
    return rows


class Books:
    """The small books on a simulator, and a client of them."""

    def __init__(self, path: Path, client: Client) -> None:
        self.path, self.client = path, client

    def add(self, key: int, kind: str, total: int, *, voided: str = "F") -> None:
        """Add a document that pays."""
        self.run(
            "INSERT INTO txn (id, type, tranid, status, entity, subsidiary, currency, trandate, createddate, "
            "lastmodifieddate, total, paid, voided) VALUES (?, ?, ?, 'C', 201, 1, 1, '2026-02-06', ?, ?, ?, ?, ?)",
            (key, kind, f"{kind}{key}", NOW, NOW, total, total, voided),
        )

    def link(self, paid: int, payer: int, kind: str, amount: int, *, link: str = "Payment", line: int = 0) -> None:
        """Apply a document to one line of another, and say so on it."""
        paid_kind = "CustCred" if paid == 904 else "CustInvc"
        values = (link, paid, line, paid_kind, payer, 0, kind, amount, NOW)
        self.run("INSERT INTO link VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", values)
        self.run("UPDATE txn SET paid = paid + ? WHERE id = ?", (amount, paid))

    def run(self, statement: str, values: tuple[object, ...]) -> None:
        with closing(tables.connect(self.path)) as connection:
            connection.execute(statement, values)

    def load(self) -> pd.DataFrame:
        currencies = load_currencies(self.client)
        return load_applications(
            self.client,
            currencies,
            billing_records=load_billing_records(self.client, currencies),
            credit_records=load_credits(self.client, currencies),
        )

    def found(self) -> list[tuple[object, ...]]:
        """Payment, type, invoice, credit memo, amount of what is loaded."""
        names = ("payment_id", "record_type", "billing_record_id", "credit_id")
        return [(*(row[name] for name in names), str(row["amount"])) for row in records(self.load())]


def client_of(simulator: Simulator) -> Client:
    keys = simulator.credentials()
    names = ("consumer_key", "consumer_secret", "token_id", "token_secret")
    settings = Settings(account=keys["account"], base_url=simulator.url)
    return Client(settings, TokenCredentials.of({name: keys[name] for name in names}))


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    path = make_books(tmp_path / "books.db")
    with Simulator(path) as simulator:
        client = client_of(simulator)
        yield Books(path, client)
        client.close()


def test_payments_credit_memos_and_customer_refunds_come_with_what_they_pay(books: Books) -> None:
    books.add(910, "CustPymt", 300)
    books.link(901, 910, "CustPymt", 100)
    books.link(902, 910, "CustPymt", 200)
    books.link(902, 904, "CustCred", 50)
    books.add(911, "CustRfnd", 150)
    books.link(904, 911, "CustRfnd", 150, link="Refund")
    assert books.found() == [
        EXISTING,
        ("904", "creditMemo", "902", None, "0.50"),
        ("910", "customerPayment", "901", None, "1.00"),
        ("910", "customerPayment", "902", None, "2.00"),
        ("911", "customerRefund", None, "904", "1.50"),
    ]
    row = records(books.load())[4]
    assert (row["number"], str(row["date"]), row["currency"], row["voided"]) == (
        "CustRfnd911",
        "2026-02-06",
        "USD",
        False,
    )


def test_a_link_that_stands_twice_is_read_once_and_those_of_other_lines_are_added(books: Books) -> None:
    books.add(910, "CustPymt", 300)
    for line, amount in ((1, 100), (1, 100), (2, 200)):
        books.link(902, 910, "CustPymt", amount, line=line)
    assert books.found() == [EXISTING, ("910", "customerPayment", "902", None, "3.00")]


def test_what_was_created_from_an_invoice_does_not_pay_it(books: Books) -> None:
    books.link(901, 904, "CustCred", 250, link="SaleRet")
    assert books.found() == [EXISTING]


def test_a_voided_payment_is_told_as_voided(books: Books) -> None:
    books.add(910, "CustPymt", 300, voided="T")
    books.link(902, 910, "CustPymt", 300)
    assert [row["voided"] for row in records(books.load())] == [False, True]


def test_the_order_is_that_of_the_document_that_is_paid(books: Books) -> None:
    books.run("UPDATE txn SET otherrefnum = '111-0000007-0000007' WHERE id = 901", ())
    assert [row["amazon_order_id"] for row in records(books.load())] == ["111-0000007-0000007"]


def test_nothing_is_asked_when_nothing_can_be_applied(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError("a query was sent")

    monkeypatch.setattr(applications, "query_page", never)
    currencies = load_currencies(books.client)
    bills = load_billing_records(books.client, currencies, where="t.id = 902")
    assert len(bills) == 1
    empty = load_credits(books.client, currencies).head(0)
    assert len(load_applications(books.client, currencies, billing_records=bills, credit_records=empty)) == 0


class Pages:
    """Answers with at most ``most`` rows, as a full page does, and remembers how many documents each query named."""

    def __init__(self, most: int) -> None:
        self.most, self.asked = most, [0]
        self.real = query_page

    def __call__(self, client: Client, what: str, query: str) -> tuple[list[dict[str, str]], int]:
        rows, announced = self.real(client, what, query)
        self.asked.append(query.partition("previousdoc IN (")[2].partition(")")[0].count(",") + 1)
        return rows[: self.most], announced


def test_a_full_page_is_asked_for_again_in_halves(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    books.add(910, "CustPymt", 300)
    books.link(902, 910, "CustPymt", 300)
    whole = books.found()
    pages = Pages(1)
    monkeypatch.setattr(applications, "query_page", pages)
    assert books.found() == whole == [EXISTING, ("910", "customerPayment", "902", None, "3.00")]
    assert max(pages.asked) == 3  # the two invoices and the credit memo, then one and two, then one each
    assert len(pages.asked) > 3


def test_more_payments_of_one_document_than_a_page_holds_are_refused(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    books.add(910, "CustPymt", 100)
    books.link(901, 910, "CustPymt", 100)
    monkeypatch.setattr(applications, "query_page", Pages(1))
    with pytest.raises(NetSuiteError, match="2 payments are applied to document 901, and only 1 can be read"):
        books.load()


def test_what_is_applied_in_the_demo_company_is_what_its_invoices_say(tmp_path: Path) -> None:
    today = datetime.now(UTC).date()
    build_world(tmp_path / "simulator.db", tmp_path / "files", orders=200, seed=5, today=today)
    with Simulator(tmp_path / "simulator.db") as simulator, closing(client_of(simulator)) as client:
        currencies = load_currencies(client)
        bills, memos = load_billing_records(client, currencies), load_credits(client, currencies)
        found = records(load_applications(client, currencies, billing_records=bills, credit_records=memos))
    paid: dict[Any, Decimal] = {}
    for row in found:
        paid[row["billing_record_id"]] = paid.get(row["billing_record_id"], Decimal("0.00")) + Decimal(
            str(row["amount"])
        )
    assert {row["record_type"] for row in found} == {"customerPayment", "creditMemo", "customerRefund"}
    for bill in records(bills):
        if bill["record_type"] == "invoice":
            applied = paid.get(bill["billing_record_id"], Decimal("0.00"))
            assert Decimal(str(bill["total"])) - applied == bill["amount_remaining"], bill["number"]
    with closing(tables.connect(tmp_path / "simulator.db")) as connection:
        links = connection.execute("SELECT COUNT(*) FROM link WHERE linktype IN ('Payment', 'Refund')").fetchone()[0]
    assert len(found) == links
