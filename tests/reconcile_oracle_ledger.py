"""The oracle of the books' money side: what NetSuite received, has open and has posted; and the payments that are wrong."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from decimal import Decimal
from typing import Any

from reconcile_histories import ZERO, History, Row

__all__ = ["Paid", "expect_ledger", "expect_payment_exceptions"]

Key = tuple[str, str]


class Paid:
    """The applications that stand, found by the order of the document that is paid, and of the memo that pays."""

    def __init__(self, history: History, of_sales_order: dict[str, str], as_of: date) -> None:
        documents = {bill["billing_record_id"]: bill for bill in history.bills}
        memos = {memo["credit_id"]: memo for memo in history.credits}
        self.as_of = as_of
        self.on_bills: dict[Key, list[tuple[Row, bool, bool]]] = defaultdict(list)
        self.on_memos: dict[Key, list[Row]] = defaultdict(list)
        self.by_memos: dict[Key, list[Row]] = defaultdict(list)

        def order_of(document: Row) -> Key:
            order = document["amazon_order_id"] or of_sales_order.get(str(document.get("sales_order_id")))
            return str(order), str(document["currency"])

        for application in history.applications:
            bill = documents.get(application["billing_record_id"])
            paid = bill or memos[application["credit_id"]]
            if application["voided"] or paid["voided"]:
                continue
            counts = max(application["date"], paid["date"]) <= as_of
            if bill is None:
                self.on_memos[order_of(paid)] += [application] if counts else []
                continue
            self.on_bills[order_of(paid)].append((application, counts, paid["date"] <= as_of))
            if counts and application["record_type"] == "creditMemo":
                self.by_memos[order_of(memos[application["payment_id"]])].append(application)


def expect_ledger(row: Row, key: Key, paid: Paid) -> None:
    """What NetSuite received, has open and has posted, document by document (2.2, books side)."""
    payments = cleared = residual = ZERO
    cash = sum((bill["total"] for bill in row["bills"] if bill["record_type"] == "cashSale"), ZERO)
    posted = sum((credit["total"] for credit in row["credits"] if credit["record_type"] == "cashRefund"), ZERO)
    posted += sum((application["amount"] for application in paid.on_memos.get(key, [])), ZERO)
    applied_memos = sum((application["amount"] for application in paid.by_memos.get(key, [])), ZERO)
    for application, counts, bill_counts in paid.on_bills.get(key, []):
        residual += application["amount"] if bill_counts else ZERO
        if counts and application["record_type"] == "creditMemo":
            cleared += application["amount"]
        elif counts:
            payments += application["amount"]
    for bill in row["bills"]:
        if bill["record_type"] == "invoice":
            residual += bill["amount_remaining"] - bill["total"]
    invoiced = row["billed_gross"] - cash
    row |= {"payments": payments, "cash": cash, "posted": posted, "applied_memos": applied_memos}
    row["ns_received"] = payments + cash - posted
    row["ns_due"] = invoiced - payments - cleared
    row["ns_residual"] = residual
    row["gap"] = row["ns_received"] - row["received"]
    row["unposted_refund"] = max(ZERO, min(row["credited"], row["refunded"]) - posted - applied_memos)
    row["gap_unexplained"] = row["gap"] - row["uncredited_refund"] - row["unposted_refund"]


def expect_payment_exceptions(rows: dict[Key, Row], as_of: date) -> list[tuple[Any, ...]]:
    """Compare, order by order, what is applied with what could be applied of what Amazon settled."""
    found: list[tuple[Any, ...]] = []
    lacking: list[tuple[Key, Decimal]] = []
    over: list[tuple[Key, Decimal]] = []
    for key, row in rows.items():
        if row["unposted_refund"] > 0 and _known(row["closed"]["refunds"], row["credits"], as_of):
            found.append(("REFUND_NOT_POSTED", *key, row["unposted_refund"]))
        if not row["bills"] or row["conflict"]:
            continue
        settled_refund = min(row["credited"], row["refunded"])
        by_memo = min(row["applied_memos"], max(ZERO, settled_refund - row["posted"]))
        early_memo = row["applied_memos"] - by_memo
        cash_to_come = min(row["cash"], max(ZERO, row["billed_gross"] - row["received_gross"]))
        can_be_applied = min(row["billed_gross"], row["received_gross"])
        rest = row["payments"] + row["cash"] + by_memo - cash_to_come - can_be_applied
        if rest > 0 and row["payments"] > 0:
            over.append((key, rest))
        elif -rest - early_memo > 0 and _known(row["closed"]["sales"], row["bills"], as_of):
            lacking.append((key, -rest - early_memo))
    lacks, exceeds = (_by_size(orders) for orders in (lacking, over))
    for size in lacks.keys() | exceeds.keys():
        missing, too_much = lacks.get(size, []), exceeds.get(size, [])
        if len(missing) == len(too_much) == 1:
            found.append(("PAYMENT_WRONG_ORDER", *missing[0], size[1]))
        else:
            found += [("PAYMENT_NOT_APPLIED", *key, size[1]) for key in missing]
            found += [("PAYMENT_OVER_APPLIED", *key, size[1]) for key in too_much]
    return found


def _by_size(orders: list[tuple[Key, Decimal]]) -> dict[tuple[str, Decimal], list[Key]]:
    """The orders of one currency that lack, or have too much, by the same amount."""
    found: dict[tuple[str, Decimal], list[Key]] = defaultdict(list)
    for key, amount in orders:
        found[key[1], amount].append(key)
    return found


def _known(closed: date | None, documents: list[Row], as_of: date) -> bool:
    """Whether settlement and newest document are older than today."""
    newest: date = max([document["date"] for document in documents] + ([closed] if closed else []))
    return newest < as_of
