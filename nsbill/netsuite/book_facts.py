"""What else the books tell of bills, by SuiteQL: amounts by kind, subsidiaries, and what is posted into another period."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from nsbill.netsuite.client import Client
from nsbill.netsuite.columns import AMOUNT, DATE, FLAG, ID, TEXT, demand, mapped
from nsbill.netsuite.documents import DAY, amazon_field
from nsbill.netsuite.suiteql import Query, query_table
from nsbill.schemas_facts import BILL_SUBSIDIARIES, BILLED_KINDS, POSTED_ELSEWHERE
from nsbill.vocabulary import BilledKind, RecordType

__all__ = ["load_bill_subsidiaries", "load_billed_kinds", "load_posted_elsewhere"]

_BILLS = "t.type IN ('CustInvc', 'CashSale') AND t.voided = 'F'"
_TYPE = {record.suiteql_type: record.value for record in RecordType}
_KIND_OF_TYPE = {"ShipItem": BilledKind.SHIPPING.value, "Discount": BilledKind.PROMOTION.value}
"""What a line's item type says where the setting ``kind_items`` does not name the item: NetSuite's own shipping line, and
a discount."""


def load_billed_kinds(client: Client) -> pd.DataFrame:
    """Load what invoices and cash sales bill of each kind (schema BILLED_KINDS), by the setting ``kind_items``.

    Tax lines are tax, the named items what the setting says, shipping and discount lines of NetSuite's own what they are,
    and every other item is goods. NetSuite's lines for the cost of goods come in pairs that cancel.
    """
    query = Query(
        "Read what the bills bill by kind",
        {
            "id": ("l.uniquekey", ID),
            "record": ("l.transaction", ID),
            "item": ("BUILTIN.DF(l.item)", TEXT),
            "itemtype": ("l.itemtype", TEXT),
            "taxline": ("l.taxline", FLAG),
            "amount": ("l.foreignamount", AMOUNT),
        },
        "transactionline l JOIN transaction t ON t.id = l.transaction",
        f"l.mainline = 'F' AND {_BILLS}",
    )
    c = query_table(client, query)
    named = mapped(c["item"], {item: kind.value for item, kind in client.settings.kind_items.items()})
    kind = pc.coalesce(named, mapped(c["itemtype"], _KIND_OF_TYPE), pa.scalar(BilledKind.PRINCIPAL.value))
    kind = pc.if_else(pc.fill_null(c["taxline"], False), BilledKind.TAX.value, kind)
    lines = pa.table(
        {"billing_record_id": c["record"], "kind": kind, "amount": pc.negate(c["amount"])}
    )  # stored negative
    sums = (
        lines.filter(pc.is_valid(lines["amount"]))
        .group_by(["billing_record_id", "kind"])
        .aggregate([("amount", "sum")])
    )
    return BILLED_KINDS.from_arrow(sums.rename_columns(["billing_record_id", "kind", "amount"]))


def load_bill_subsidiaries(client: Client) -> pd.DataFrame:
    """Load the subsidiary of every invoice and cash sale by its name (schema BILL_SUBSIDIARIES)."""
    columns = {"id": ("t.id", ID), "subsidiary": ("BUILTIN.DF(t.subsidiary)", TEXT)}
    c = query_table(client, Query("Read the subsidiaries of the bills", columns, "transaction t", _BILLS))
    return BILL_SUBSIDIARIES.from_arrow(pa.table({"billing_record_id": c["id"], "subsidiary": c["subsidiary"]}))


def load_posted_elsewhere(client: Client, currencies: Mapping[str, str]) -> pd.DataFrame:
    """Load bills and credits whose posting period is not the one around their date (schema POSTED_ELSEWHERE)."""
    query = Query(
        "Read what is posted into another period than its date's",
        {
            "id": ("t.id", ID),
            "type": ("t.type", TEXT),
            "tranid": ("t.tranid", TEXT),
            "amazon_id": (f"t.{amazon_field(client.settings)}", TEXT),
            "trandate": (DAY.format("t.trandate"), DATE),
            "period": ("p.periodname", TEXT),
            "currency": ("t.currency", ID),
            "total": ("t.foreigntotal", AMOUNT),
        },
        "transaction t JOIN accountingperiod p ON p.id = t.postingperiod",
        "t.type IN ('CustInvc', 'CashSale', 'CustCred', 'CashRfnd') AND t.voided = 'F'"
        " AND (t.trandate < p.startdate OR t.trandate > p.enddate)",
    )
    c = query_table(client, query)
    codes = mapped(c["currency"], dict(currencies))
    return POSTED_ELSEWHERE.from_arrow(
        pa.table(
            {
                "document_id": c["id"],
                "record_type": mapped(c["type"], _TYPE),
                "number": c["tranid"],
                "amazon_order_id": c["amazon_id"],
                "date": c["trandate"],
                "period": c["period"],
                "currency": demand(
                    query.what, "currency", codes, c["currency"], rows=c["id"], words="a known currency"
                ),
                "total": pc.abs(c["total"]),
            }
        )
    )
