"""The items of billing records that share an order, read from the simulator."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest
from demo_company import Company, demo_company

from nsbill import schemas
from nsbill.netsuite.bill_items import load_bill_items, sharing_an_order
from nsbill.netsuite.books import load_billing_records, load_currencies


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    with demo_company(tmp_path_factory.mktemp("company"), orders=100) as made:
        yield made


def in_the_books(workspace: Path) -> dict[str, list[tuple[str, int, str]]]:
    """Item name, units and Amazon's item id of each billing record's item lines, by the simulator's own tables."""
    query = (
        "SELECT t.id, i.itemid, l.quantity, l.etail_line_id FROM txn t JOIN txnline l ON l.txn = t.id "
        "JOIN item i ON i.id = l.item WHERE t.type IN ('CustInvc', 'CashSale') ORDER BY t.id, l.line"
    )
    found: dict[str, list[tuple[str, int, str]]] = {}
    with closing(sqlite3.connect(workspace / "simulator.db")) as books:
        for record, *line in books.execute(query):
            found.setdefault(str(record), []).append(tuple(line))
    return found


def test_items_are_read_with_their_units_and_nothing_is_asked_for_no_records(company: Company) -> None:
    books = in_the_books(company.workspace)
    with company.desk() as desk:
        bills = load_billing_records(desk.client, load_currencies(desk.client))
        ids = bills["billing_record_id"].tolist()
        items = load_bill_items(desk.client, ids)
        assert load_bill_items(desk.client, []).empty
    schemas.BILL_ITEMS.check(items)
    read = {
        record: list(zip(*(own[name].tolist() for name in ("sku", "quantity", "order_item_code")), strict=True))
        for record, own in items.astype(object).where(items.notna(), None).groupby("billing_record_id")
    }
    assert len(read) > 20
    assert {record: sorted(own, key=str) for record, own in read.items()} == {
        record: sorted(own, key=str) for record, own in books.items() if record in ids
    }


def test_only_records_beside_others_of_their_order_are_asked_for() -> None:
    rows = [
        ("1", "S1", "A", False),
        ("2", "S1", "A", False),
        ("3", "S2", "B", False),
        ("4", "S3", "C", False),
        ("5", "S4", "C", False),
        ("6", "S5", "D", False),
        ("7", "S5", "D", True),
        ("8", None, None, False),
        ("9", None, None, False),
    ]
    names = ("billing_record_id", "sales_order_id", "amazon_order_id", "voided")
    frame = pd.DataFrame([dict(zip(names, row, strict=True)) for row in rows])
    assert sharing_an_order(frame) == ["1", "2", "4", "5"]
