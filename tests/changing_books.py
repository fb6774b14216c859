"""Books in a simulator that people work at: random changes, through NetSuite's calls and beside them."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from random import Random

import pandas as pd
from simulator_account import RECORD, Account

from nsbill.netsuite.applications import load_applications
from nsbill.netsuite.bill_items import load_bill_items, sharing_an_order
from nsbill.netsuite.books import load_billing_records, load_credits, load_currencies, load_sales_orders
from nsbill.netsuite.client import Client
from nsbill.netsuite.whole_books import Books
from nsbill.simulator import tables

__all__ = ["Work", "assert_same", "plain_books"]

_OLD = "2025-12-31T10:00:00Z"


def plain_books(client: Client) -> dict[str, pd.DataFrame]:
    """Every frame read whole, by the loaders that keep nothing."""
    currencies = load_currencies(client)
    bills, memos = load_billing_records(client, currencies), load_credits(client, currencies)
    return {
        "orders": load_sales_orders(client, currencies),
        "billing_records": bills,
        "credits": memos,
        "applications": load_applications(client, currencies, billing_records=bills, credit_records=memos),
        "bill_items": load_bill_items(client, sharing_an_order(bills)),
    }


def assert_same(books: Books, client: Client) -> None:
    """Compare each frame with the one that is read whole, cell by cell."""
    for name, frame in plain_books(client).items():
        pd.testing.assert_frame_equal(getattr(books, name), frame, obj=name)


class Work:
    """Does one random thing at a time; what NetSuite refuses is refused, and counts as nothing done."""

    def __init__(self, ns: Account, path: Path, seed: int) -> None:
        self.ns, self.path, self.random = ns, path, Random(seed)
        self.done: set[str] = set()

    def something(self) -> None:
        """Do one thing."""
        things = {
            "create": self.create, "bill": self.bill, "pay": self.pay, "unapply": self.unapply, "credit": self.credit,
            "edit": self.edit, "delete": self.delete, "void": self.void, "rename": self.rename, "late": self.late,
            "empty": self.empty,
        }  # fmt: skip
        name = self.random.choice(sorted(things))
        if things[name]():
            self.done.add(name)

    def create(self) -> bool:
        """A new sales order."""
        reference = f"111-{self.random.randrange(10**7):07d}-{self.random.randrange(10**7):07d}"
        body = {
            "entity": {"id": "201"}, "tranDate": "2026-02-08", "otherRefNum": reference,
            "item": {"items": [{"item": {"id": "21"}, "quantity": 1, "rate": self.random.randrange(1, 900) / 100}]},
        }  # fmt: skip
        return self.ns.call("POST", f"{RECORD}/salesOrder", json=body).status_code == 204

    def bill(self) -> bool:
        """An invoice or a cash sale of some order."""
        target = self.random.choice(["invoice", "cashSale"])
        return self.ns.transform(self.pick("SalesOrd"), target).status_code == 204

    def pay(self) -> bool:
        """A payment of a part of some invoice."""
        body = {"payment": self.random.randrange(1, 300) / 100, "tranDate": "2026-02-11"}
        path = f"{RECORD}/invoice/{self.pick('CustInvc')}/!transform/customerPayment"
        return self.ns.call("POST", path, json=body).status_code == 204

    def unapply(self) -> bool:
        """Some application taken back."""
        found = self.rows("SELECT nextdoc, previousdoc FROM link WHERE linktype = 'Payment' AND nexttype = 'CustPymt'")
        if not found:
            return False
        payment, invoice = self.random.choice(found)
        body = {"apply": {"items": [{"doc": {"id": str(invoice)}, "apply": False}]}}
        return self.ns.patch(f"/customerPayment/{payment}", body).status_code == 204

    def credit(self) -> bool:
        """A credit memo of some invoice, applied to it or not."""
        invoice = self.pick("CustInvc")
        applied = {"apply": {"items": [{"doc": {"id": invoice}, "apply": True, "amount": 0.5}]}}
        body = {"tranDate": "2026-02-12"} | (applied if self.random.random() < 0.5 else {})
        return self.ns.call("POST", f"{RECORD}/invoice/{invoice}/!transform/creditMemo", json=body).status_code == 204

    def edit(self) -> bool:
        """Another Amazon order id on an order, or another date of an invoice."""
        if self.random.random() < 0.5:
            return self.ns.patch(f"/salesOrder/{self.pick('SalesOrd')}", {"otherRefNum": "111-7"}).status_code == 204
        return self.ns.patch(f"/invoice/{self.pick('CustInvc')}", {"tranDate": "2026-02-20"}).status_code == 204

    def delete(self) -> bool:
        """Some record, if nothing depends on it."""
        types = {
            "SalesOrd": "salesOrder",
            "CustInvc": "invoice",
            "CustPymt": "customerPayment",
            "CustCred": "creditMemo",
        }
        kind = self.random.choice(sorted(types))
        return self.ns.delete(f"/{types[kind]}/{self.pick(kind)}").status_code == 204

    def void(self) -> bool:
        """A void that leaves the date of last change alone."""
        kind = self.random.choice(["CustInvc", "CustPymt", "CustCred", "CashSale"])
        return self.run("UPDATE txn SET voided = 'T' WHERE id = ?", self.pick(kind))

    def rename(self) -> bool:
        """Another name of a customer or of a sales channel, which no order's date tells."""
        table, column = self.random.choice([("customer", "companyname"), ("channel", "name")])
        name = f"Name {self.random.randrange(1000)}"
        return self.run(f"UPDATE {table} SET {column} = ? WHERE id % 2 = ?", name, self.random.randrange(2))

    def late(self) -> bool:
        """An order that was saved long ago and committed only now."""
        key = self.rows("SELECT MAX(id) + 1 FROM txn")[0][0]
        return self.run(
            "INSERT INTO txn (id, type, tranid, status, entity, subsidiary, currency, trandate, createddate, "
            "lastmodifieddate, otherrefnum, total) VALUES (?, 'SalesOrd', ?, 'F', 201, 1, 1, '2025-12-31', ?, ?, ?, 700)",
            key, f"SO{key}", _OLD, _OLD, f"111-0000000-{key:07d}",
        )  # fmt: skip

    def empty(self) -> bool:
        """An order that carries no Amazon order id any more."""
        return self.ns.patch(f"/salesOrder/{self.pick('SalesOrd')}", {"otherRefNum": ""}).status_code == 204

    def pick(self, kind: str) -> str:
        """The id of some record of a kind."""
        found = self.rows("SELECT id FROM txn WHERE type = ? ORDER BY id", kind)
        return str(self.random.choice(found)[0]) if found else "0"

    def rows(self, statement: str, *values: object) -> list[tuple[int, ...]]:
        """Look into the books."""
        with closing(tables.connect(self.path)) as connection:
            return [tuple(row) for row in connection.execute(statement, values)]

    def run(self, statement: str, *values: object) -> bool:
        """Change the books beside NetSuite's calls; tells whether anything was changed."""
        with closing(tables.connect(self.path)) as connection:
            return connection.execute(statement, values).rowcount > 0
