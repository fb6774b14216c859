"""After creating: read the new records back from NetSuite and compare them with plan and order. Never creates."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pandas as pd

from nsbill.billing.result import DONE
from nsbill.errors import NetSuiteError, NoAnswer
from nsbill.money import format_money, minor_units
from nsbill.netsuite.bill_lines import load_billed_lines
from nsbill.netsuite.books import billing_records_by_id
from nsbill.netsuite.client import Client
from nsbill.vocabulary import Outcome

__all__ = ["COULD_NOT", "read_back"]

COULD_NOT = ""
"""Stands for an external id where nothing could be compared at all."""

_PIECE = 500
"""Records that are compared at once, so that memory does not grow with the run."""


def read_back(client: Client, currencies: dict[str, str], outcomes: pd.DataFrame) -> dict[str, str]:
    """Compare each record of a run (schema OUTCOMES) with NetSuite's; external id → one sentence, where it differs.

    Compared: that it is there at all; total and currency with the plan; the sales order that it comes from; the
    external id, unless somebody else made it; and each line (item, quantity, amount) with the order's. Read in pieces
    of 500 records.
    """
    made = outcomes[outcomes["outcome"].isin(DONE) & outcomes["record_id"].notna()]
    if made.empty:
        return {}
    starts = range(0, len(made), _PIECE)

    def compare(start: int) -> dict[str, str]:
        return _compare(client, currencies, made.iloc[start : start + _PIECE])

    found: dict[str, str] = {}
    try:
        with ThreadPoolExecutor(min(client.settings.slots, len(starts))) as pool:
            for one in pool.map(compare, starts):
                found |= one
    except (NoAnswer, NetSuiteError) as error:
        return found | {COULD_NOT: f"The new records could not be read back for comparison. {error}"}
    return found


def _compare(client: Client, currencies: dict[str, str], made: pd.DataFrame) -> dict[str, str]:
    ids = [str(record) for record in made["record_id"].unique()]
    with ThreadPoolExecutor(1) as beside:
        lines = beside.submit(load_billed_lines, client, ids)
        records = billing_records_by_id(client, currencies, ids)
    both = made.merge(records, left_on="record_id", right_on="billing_record_id", how="left", suffixes=("", "_found"))
    by_hand = both["outcome"] == Outcome.EXISTS.value
    differs = (
        both["billing_record_id"].isna()
        | (both["total"] != both["amount"]).fillna(True)
        | (both["currency_found"] != both["currency"]).fillna(True)
        | (both["sales_order_id_found"] != both["sales_order_id"]).fillna(True)
        | (~by_hand & (both["external_id_found"] != both["external_id"])).fillna(True)
    )
    found = {str(row["external_id"]): _sentence(row) for _, row in both[differs].iterrows()}
    there = both[both["billing_record_id"].notna()]
    for external_id, sentence in _lines(there, lines.result()).items():
        found[external_id] = f"{found[external_id]} {sentence}" if external_id in found else sentence
    return found


def _sentence(row: pd.Series) -> str:
    planned = f"planned {format_money(row['amount'], row['currency'])} for {row['sales_order_number']}"
    if pd.isna(row["billing_record_id"]):
        return f"Record {row['record_id']} is not to be found any more; {planned}. Look at the order in NetSuite."
    order = "no sales order" if pd.isna(row["sales_order_id_found"]) else f"sales order {row['sales_order_id_found']}"
    carried = "no external id" if pd.isna(row["external_id_found"]) else f"external id {row['external_id_found']}"
    bills = format_money(row["total"], row["currency_found"])
    return (
        f"{row['number']} bills {bills} of {order} with {carried}; {planned} as {row['external_id']}. "
        f"Compare it with the order, then void or correct it in NetSuite."
    )


def _lines(records: pd.DataFrame, lines: pd.DataFrame) -> dict[str, str]:
    """Compare the lines of records with their orders' lines; external id → sentence."""
    if lines.empty and len(records):
        note = "NetSuite shows no links between lines of orders and of bills, so the lines were not compared. "
        return {COULD_NOT: f"{note}Compare some of the new records by hand: {', '.join(records['number'][:3])}."}
    lines = lines.merge(records[["billing_record_id", "currency"]], on="billing_record_id")
    same = (
        (lines["item_id"] == lines["order_item_id"]).fillna(False)
        & (lines["quantity"] == lines["order_quantity"]).fillna(
            lines["quantity"].isna() & lines["order_quantity"].isna()
        )
        & (lines["amount"] == lines["order_amount"]).fillna(False)
    )
    told: dict[str, list[str]] = {}
    for line in lines[~same].itertuples(index=False):
        if not _is_share(line):
            told.setdefault(str(line.billing_record_id), []).append(_line(line))
    for record in set(records["record_id"]) - set(lines["billing_record_id"]):
        told[str(record)] = ["none of its lines comes from the order"]
    different = records[records["record_id"].isin(list(told))]
    return {
        str(
            row.external_id
        ): f"{row.number}, made from {row.sales_order_number}: {'; '.join(told[str(row.record_id)])}. "
        f"Compare it with the order, then void or correct it in NetSuite."
        for row in different.itertuples(index=False)
    }


def _is_share(line: Any) -> bool:
    """Whether a line bills a part of the order's line at the order's price; rounding may put a cent to each part."""
    if pd.isna(line.quantity) or pd.isna(line.order_quantity) or line.item_id != line.order_item_id:
        return False
    part, whole = abs(Decimal(line.quantity)), abs(Decimal(line.order_quantity))
    if part == whole:
        return bool(line.amount == line.order_amount)
    if part > whole or pd.isna(line.amount) or pd.isna(line.order_amount):
        return False
    rounded = Decimal(2).scaleb(-minor_units(line.currency))  # one unit for each part's rounding, and one carried
    return bool(abs(line.amount * whole - line.order_amount * part) <= whole * rounded)


def _line(line: Any) -> str:
    return (
        f"line {line.line} bills {_times(line.quantity, line.item, line.amount)}, line {line.order_line} of the order "
        f"has {_times(line.order_quantity, line.order_item, line.order_amount)}"
    )


def _times(quantity: Any, item: Any, amount: Any) -> str:
    count = "" if pd.isna(quantity) else f"{abs(Decimal(quantity)):f} × "
    return f"{count}{'no item' if pd.isna(item) else item} for {'nothing' if pd.isna(amount) else -amount}"
