"""What is left to bill of each order, given the billing records that exist already. Pure."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa

from nsbill.money import MONEY, ZERO
from nsbill.schemas import PREVIEWS

__all__ = ["PARTLY_SHIPPED", "with_previews", "with_remainder"]

PARTLY_SHIPPED = ("D", "E")
"""Statuses of orders of which a part has shipped: how much may be billed, only NetSuite can say (netsuite 4.2)."""

_TEXT = pd.ArrowDtype(pa.string())
_COUNT = pd.ArrowDtype(pa.int64())
_MONEY = pd.ArrowDtype(MONEY)


def with_remainder(orders: pd.DataFrame, billed: pd.DataFrame) -> pd.DataFrame:
    """Return the orders with what of them is billed.

    Added columns: ``already_billed`` (money: Σ of its unvoided records), ``part`` (int: number of the next record),
    ``remaining`` and ``amount`` (money: total − already_billed), ``bill_numbers`` (text: its records), ``foreign_bill`` (text: numbers of
    its records in another currency), ``billed_elsewhere`` (text: records that carry its Amazon order id without
    being created from this sales order).
    """
    posted = billed[~billed["voided"]]
    own = posted.merge(orders[["sales_order_id", "currency"]], on="sales_order_id", suffixes=("", "_order"))
    same = own["currency"] == own["currency_order"]
    facts = orders.merge(_per_order(own[same]), on="sales_order_id", how="left", validate="one_to_one")
    facts = facts.merge(_numbers(own[~same], "foreign_bill"), on="sales_order_id", how="left", validate="one_to_one")
    facts = facts.merge(_elsewhere(orders, posted), on="sales_order_id", how="left", validate="one_to_one")
    facts = facts.merge(_parts(billed), on="sales_order_id", how="left", validate="one_to_one")
    facts["already_billed"] = facts["already_billed"].astype(_MONEY).fillna(ZERO)  # type: ignore[arg-type]
    facts["part"] = (facts["records"].fillna(0) + 1).astype(_COUNT)
    facts["remaining"] = (facts["total"] - facts["already_billed"]).astype(_MONEY)
    return facts.drop(columns="records").assign(amount=facts["remaining"])


def with_previews(facts: pd.DataFrame, previews: pd.DataFrame | None) -> pd.DataFrame:
    """Return ``facts`` with what NetSuite would bill now of partly shipped orders (schema PREVIEWS).

    ``amount`` becomes NetSuite's total there. Added columns: ``previewed`` (flag), ``refusal`` and ``no_answer`` (text).
    """
    found = PREVIEWS.frame() if previews is None else previews
    found = found[["sales_order_id", "total", "refusal", "no_answer"]].rename(columns={"total": "now"})
    made = facts.merge(found.assign(seen=True), on="sales_order_id", how="left", validate="one_to_one")
    partly = made["status"].isin(PARTLY_SHIPPED)
    made["previewed"] = made["seen"].notna() & partly
    made["amount"] = made["amount"].where(~made["previewed"] | made["now"].isna(), made["now"]).astype(_MONEY)
    return made.drop(columns=["seen", "now"])


def _per_order(records: pd.DataFrame) -> pd.DataFrame:
    """Σ total and the numbers per sales order; summed by Arrow, which keeps decimals exact."""
    table = pa.Table.from_pandas(records[["sales_order_id", "total"]], preserve_index=False)
    sums = table.group_by("sales_order_id").aggregate([("total", "sum")]).to_pandas(types_mapper=pd.ArrowDtype)
    named: pd.DataFrame = sums.rename(columns={"total_sum": "already_billed"})
    return named.merge(_numbers(records, "bill_numbers"), on="sales_order_id", how="left")


def _parts(billed: pd.DataFrame) -> pd.DataFrame:
    """How many records each order has or had: a voided one keeps its external id, so it counts."""
    linked = billed[billed["sales_order_id"].notna()]
    counts = linked.groupby("sales_order_id").size().astype(_COUNT)
    return counts.rename("records").reset_index()


def _elsewhere(orders: pd.DataFrame, posted: pd.DataFrame) -> pd.DataFrame:
    """Records with the order's Amazon id that were not created from this sales order: made by hand, or from a twin."""
    known = posted[posted["amazon_order_id"].notna()]
    pairs = orders[["sales_order_id", "amazon_order_id"]].merge(known, on="amazon_order_id", suffixes=("", "_from"))
    foreign = pairs[pairs["sales_order_id"] != pairs["sales_order_id_from"].fillna("")]
    return _numbers(foreign, "billed_elsewhere")


def _numbers(records: pd.DataFrame, name: str) -> pd.DataFrame:
    """The document numbers per sales order, comma separated, in the order of their ids."""
    ordered = records.sort_values("billing_record_id", key=pd.to_numeric)
    joined = ordered.groupby("sales_order_id")["number"].agg(", ".join).astype(_TEXT)
    return joined.rename(name).reset_index()
