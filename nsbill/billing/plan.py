"""Pure: orders + settings + what is billed already → ``Plan``: what will be billed, what not and why.

Every order that the search returned stands in exactly one of the two tables, so nothing is lost in silence.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import pandas as pd

from nsbill.billing.reasons import explain_skips
from nsbill.billing.remainder import with_remainder
from nsbill.money import format_totals, sum_by_currency
from nsbill.schemas import PLAN_SKIPPED, PLAN_TO_BILL
from nsbill.settings import Settings
from nsbill.vocabulary import ORDER_STATUS_TEXT, BillingMode, BillingStatus, RecordType

__all__ = ["Plan", "build_plan", "external_ids"]


@dataclass(frozen=True)
class Plan:
    """What a billing run will do. ``fingerprint`` names exactly this: account, orders, record types, amounts, dates."""

    account: str
    mode: BillingMode
    status_setting: BillingStatus
    status_effective: tuple[str, ...]
    to_bill: pd.DataFrame
    skipped: pd.DataFrame
    notices: tuple[str, ...]
    fingerprint: str

    @property
    def orders(self) -> int:
        """How many orders the search returned."""
        return len(self.to_bill) + len(self.skipped)

    @property
    def totals(self) -> dict[str, Decimal]:
        """Σ amount to bill per currency."""
        return sum_by_currency(zip(self.to_bill["currency"], self.to_bill["amount"], strict=True))

    @property
    def sentence(self) -> str:
        """The plan in one sentence."""
        return (
            f"{len(self.to_bill)} of {self.orders} orders to bill ({format_totals(self.totals)}), "
            f"{len(self.skipped)} skipped; fingerprint {self.fingerprint[:12]}"
        )


def build_plan(
    orders: pd.DataFrame,
    problems: pd.DataFrame,
    billed: pd.DataFrame,
    *,
    settings: Settings,
    status_effective: tuple[str, ...],
    today: date,
    exclude: Mapping[str, str] | None = None,
    unresolved: frozenset[str] = frozenset(),
) -> Plan:
    """Decide for each order what it becomes, or why it is left out.

    Parameters
    ----------
    orders
        Schema ORDERS: what the saved search returned.
    problems
        Schema PLAN_SKIPPED: rows of the search that could not be read.
    billed
        Schema BILLING_RECORDS: records that already bill these orders.
    status_effective
        The status letters that NetSuite's own criterion lets through; NetSuite's wins over the setting.
    today
        Transaction date of the new records, unless the setting takes the ship date.
    exclude
        Sales order ids that the user leaves out, each with the reason.
    unresolved
        Sales order ids with a create whose outcome is unknown; they wait until it is resolved.
    """
    facts = with_remainder(orders, billed)
    facts["record_type"] = _route(facts, settings.mode)
    facts["external_id"] = external_ids(facts)
    facts = explain_skips(facts, settings=settings, exclude=exclude or {}, unresolved=unresolved)
    keep = facts["reason"].isna()
    to_bill = facts[keep].sort_values("sales_order_id", key=_as_number, ignore_index=True)
    to_bill["transaction_date"] = _transaction_dates(to_bill, settings, today)
    to_bill = PLAN_TO_BILL.conform(to_bill)
    skipped = pd.concat([PLAN_SKIPPED.conform(facts[~keep]), problems])
    return Plan(
        account=settings.account,
        mode=settings.mode,
        status_setting=settings.billing_status,
        status_effective=status_effective,
        to_bill=to_bill,
        skipped=PLAN_SKIPPED.check(skipped.sort_values("sales_order_id", key=_as_number, ignore_index=True)),
        notices=_notices(to_bill, settings, status_effective),
        fingerprint=_fingerprint(settings.account, to_bill),
    )


def external_ids(facts: pd.DataFrame) -> pd.Series:
    """External id of each new record: a function of sales order id, record type and part, in NetSuite's characters."""
    prefix = facts["record_type"].map({RecordType.INVOICE.value: "INV", RecordType.CASH_SALE.value: "CS"})
    joined: pd.Series = (
        "nsbill-" + prefix.astype(_TEXT) + "-" + facts["sales_order_id"] + "-" + facts["part"].astype(_TEXT)
    )
    return joined


_TEXT = PLAN_TO_BILL.frame()["external_id"].dtype


def _route(facts: pd.DataFrame, mode: BillingMode) -> pd.Series:
    """Payment method filled: cash sale; empty: invoice; when only one flow is on, always that one."""
    invoice, cash_sale = RecordType.INVOICE.value, RecordType.CASH_SALE.value
    if mode is BillingMode.AUTO:
        routed = facts["payment_method"].notna().map({True: cash_sale, False: invoice})
    else:
        routed = pd.Series(invoice if mode is BillingMode.INVOICE else cash_sale, index=facts.index)
    return routed.astype(_TEXT)


def _transaction_dates(to_bill: pd.DataFrame, settings: Settings, today: date) -> pd.Series:
    dates = pd.Series(today, index=to_bill.index, dtype=to_bill["order_date"].dtype)
    if settings.transaction_date == "ship-date":
        dates = to_bill["ship_date"].fillna(dates)
    return dates


def _notices(to_bill: pd.DataFrame, settings: Settings, effective: tuple[str, ...]) -> tuple[str, ...]:
    notices = []
    if set(effective) != {settings.billing_status.letter}:
        there = ", ".join(ORDER_STATUS_TEXT.get(letter, letter) for letter in effective) or "no status at all"
        notices.append(
            f"The saved search in NetSuite selects {there}, the setting says {settings.billing_status.text}. "
            f"NetSuite's criterion wins; to write the setting into the search: "
            f"nsbill settings set billing_status={settings.billing_status.value}"
        )
    if settings.mode is BillingMode.CASH_SALE:
        unpaid = int(to_bill["payment_method"].isna().sum())
        if unpaid:
            notices.append(
                f"{unpaid} of the orders become cash sales without having a payment method; "
                f"cash sales are for orders paid at the time of sale, invoices for those that Amazon settles later."
            )
    return tuple(notices)


def _as_number(ids: pd.Series) -> pd.Series:
    return pd.to_numeric(ids)


def _fingerprint(account: str, to_bill: pd.DataFrame) -> str:
    """SHA-256 over what would be created; the same whatever order the rows came in."""
    what = ["sales_order_id", "external_id", "record_type", "transaction_date", "currency", "amount"]
    rows = sorted(zip(*(to_bill[name].astype(str) for name in what), strict=True))
    return hashlib.sha256(json.dumps([account, rows]).encode()).hexdigest()
