"""What billing records bill, item by item, by SuiteQL; of those that share an order, whose receipts must be shared out."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from nsbill.netsuite.client import Client
from nsbill.netsuite.columns import ID, TEXT
from nsbill.netsuite.documents import plain_name
from nsbill.netsuite.suiteql import Query, as_ids, chunks, query_table
from nsbill.schemas import BILL_ITEMS

__all__ = ["load_bill_items", "sharing_an_order"]


def sharing_an_order(billing_records: pd.DataFrame) -> list[str]:
    """The ids of records (schema BILLING_RECORDS, not voided) that stand beside others of the same order."""
    counted = billing_records[~billing_records["voided"]]
    beside = counted["sales_order_id"].notna() & counted.duplicated("sales_order_id", keep=False)
    beside |= counted["amazon_order_id"].notna() & counted.duplicated("amazon_order_id", keep=False)
    ids: list[str] = counted.loc[beside, "billing_record_id"].tolist()
    return ids


def load_bill_items(client: Client, record_ids: list[str]) -> pd.DataFrame:
    """Load the item lines of these billing records (schema BILL_ITEMS), in parallel.

    The item's name in NetSuite counts as Amazon's SKU; Amazon's order item id is what the setting ``order_item_field``
    holds. A quantity that is no whole number is left empty: units that cannot be counted tell nothing.
    """
    wheres = [f"l.transaction IN ({', '.join(chunk)})" for chunk in chunks(as_ids(record_ids))]
    if not wheres:
        return BILL_ITEMS.frame()
    with ThreadPoolExecutor(min(client.settings.slots, len(wheres))) as pool:
        parts = list(pool.map(lambda where: _load(client, where), wheres))
    return pd.concat(parts, ignore_index=True)


def _load(client: Client, where: str) -> pd.DataFrame:
    field = plain_name(client.settings.order_item_field) if client.settings.order_item_field else ""
    query = Query(
        "Read the items of the billing records",
        {
            "id": ("l.uniquekey", ID),
            "record": ("l.transaction", ID),
            "line": ("l.id", ID),
            "item": ("BUILTIN.DF(l.item)", TEXT),
            "quantity": ("l.quantity", TEXT),
            **({"code": (f"l.{field}", TEXT)} if field else {}),
        },
        "transactionline l",
        f"l.mainline = 'F' AND l.taxline = 'F' AND l.item IS NOT NULL AND {where}",
    )
    c = query_table(client, query)
    whole = pc.match_substring_regex(c["quantity"], r"^-?[0-9]{1,9}(\.0*)?$")
    digits = pc.extract_regex(pc.if_else(whole, c["quantity"], None), r"(?P<units>[0-9]+)")
    return BILL_ITEMS.from_arrow(
        pa.table(
            {
                "billing_record_id": c["record"],
                "line": c["line"].cast(pa.int64()),
                "sku": c["item"],
                "order_item_code": c["code"] if field else pa.nulls(c.num_rows, pa.string()),
                "quantity": pc.struct_field(digits, "units").cast(pa.int64()),
            }
        )
    )
