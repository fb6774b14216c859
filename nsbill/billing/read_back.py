"""After creating: read the new records back from NetSuite and compare them with what was planned. Never creates."""

from __future__ import annotations

import pandas as pd

from nsbill.errors import NetSuiteError, NoAnswer
from nsbill.money import format_money
from nsbill.netsuite.books import billing_records_by_id
from nsbill.netsuite.client import Client
from nsbill.vocabulary import Outcome

__all__ = ["read_back"]


def read_back(client: Client, currencies: dict[str, str], outcomes: pd.DataFrame) -> tuple[str, ...]:
    """Compare each created record (schema OUTCOMES) with NetSuite's; one sentence for each difference.

    Compared: amount, currency, the sales order it comes from, external id, and that it is there at all.
    """
    made = outcomes[outcomes["outcome"].isin([Outcome.CREATED.value]) & outcomes["record_id"].notna()]
    if made.empty:
        return ()
    try:
        found = billing_records_by_id(client, currencies, made["record_id"].tolist())
    except (NoAnswer, NetSuiteError) as error:
        return (f"The new records could not be read back for comparison. {error}",)
    both = made.merge(found, left_on="record_id", right_on="billing_record_id", how="left", suffixes=("", "_found"))
    differs = (
        both["billing_record_id"].isna()
        | (both["total"] != both["amount"]).fillna(True)
        | (both["currency_found"] != both["currency"]).fillna(True)
        | (both["sales_order_id_found"] != both["sales_order_id"]).fillna(True)
        | (both["external_id_found"] != both["external_id"]).fillna(True)
    )
    return tuple(_sentence(row) for _, row in both[differs].iterrows())


def _sentence(row: pd.Series) -> str:
    planned = f"planned {format_money(row['amount'], row['currency'])} for {row['sales_order_number']}"
    if pd.isna(row["billing_record_id"]):
        return f"Record {row['record_id']} is not to be found any more; {planned}. Look at the order in NetSuite."
    return (
        f"{row['number']} bills {format_money(row['total'], row['currency_found'])} of sales order "
        f"{row['sales_order_id_found']} with external id {row['external_id_found']}; {planned} as {row['external_id']}. "
        f"Compare it with the order, then void or correct it in NetSuite."
    )
