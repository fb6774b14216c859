"""The lines of billing records beside the lines of the orders that they bill, by SuiteQL."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa

from nsbill.money import MONEY
from nsbill.netsuite.client import Client
from nsbill.netsuite.columns import AMOUNT, ID, TEXT
from nsbill.netsuite.suiteql import Query, as_ids, query_table
from nsbill.schemas import Column, Schema

__all__ = ["BILLED_LINES", "load_billed_lines"]

_TEXT = pa.string()

BILLED_LINES = Schema(
    "billed lines",
    (
        Column("billing_record_id", _TEXT, "NetSuite internal id of the billing record"),
        Column("line", _TEXT, "its line"),
        Column("item_id", _TEXT, "internal id of the item on the bill", nullable=True),
        Column("item", _TEXT, "name of the item on the bill", nullable=True),
        Column("quantity", _TEXT, "quantity on the bill, sales are negative", nullable=True),
        Column("amount", MONEY, "amount on the bill without tax, sales are negative", nullable=True),
        Column("order_line", _TEXT, "line of the sales order"),
        Column("order_item_id", _TEXT, "internal id of the item on the order", nullable=True),
        Column("order_item", _TEXT, "name of the item on the order", nullable=True),
        Column("order_quantity", _TEXT, "quantity on the order, sales are negative", nullable=True),
        Column("order_amount", MONEY, "amount on the order without tax, sales are negative", nullable=True),
    ),
)
"""Lines of billing records that were made from a line of an order; grain: one row per line of a billing record."""


def load_billed_lines(client: Client, record_ids: list[str]) -> pd.DataFrame:
    """Load the linked lines of these billing records (schema BILLED_LINES); at most 500 records at once.

    Lines without a link are not here: NetSuite's own for cost of goods, and stand-alone ones. Their amounts, if any,
    show in the record's total. Links join by ``transactionline.id`` (netsuite 6.2).
    """
    query = Query(
        "Read the lines of the new billing records",
        {
            "id": ("b.uniquekey", ID),
            "record": ("l.nextdoc", ID),
            "line": ("l.nextline", ID),
            "item_id": ("b.item", TEXT),
            "item": ("BUILTIN.DF(b.item)", TEXT),
            "quantity": ("b.quantity", TEXT),
            "amount": ("b.foreignamount", AMOUNT),
            "order_line": ("l.previousline", ID),
            "order_item_id": ("o.item", TEXT),
            "order_item": ("BUILTIN.DF(o.item)", TEXT),
            "order_quantity": ("o.quantity", TEXT),
            "order_amount": ("o.foreignamount", AMOUNT),
        },
        "nexttransactionlinelink l"
        " JOIN transactionline b ON b.transaction = l.nextdoc AND b.id = l.nextline"
        " JOIN transactionline o ON o.transaction = l.previousdoc AND o.id = l.previousline",
        f"l.linktype = 'OrdBill' AND l.nextdoc IN ({', '.join(as_ids(record_ids))})",
    )
    found = query_table(client, query)
    return BILLED_LINES.from_arrow(
        found.rename_columns({**{n: n for n in found.column_names}, "record": "billing_record_id"})
    )
