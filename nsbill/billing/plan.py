"""Pure: orders + settings + what is billed already → ``Plan``: what will be billed, what not and why.

Every order that the search returned stands in exactly one of the two tables, so nothing is lost in silence.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import pandas as pd

from nsbill.billing.periods import Periods, joined, with_dates
from nsbill.billing.reasons import AWAITS_PREVIEW, Given, explain_skips
from nsbill.billing.remainder import PARTLY_SHIPPED, with_previews, with_remainder
from nsbill.billing.routes import record_types, route_words
from nsbill.money import format_money, format_totals, sum_by_currency
from nsbill.schemas import PLAN_SKIPPED, PLAN_TO_BILL
from nsbill.settings import Settings
from nsbill.vocabulary import ORDER_STATUS_TEXT, BillingMode, BillingStatus, ClosedPeriod, RecordType, SkipReason

__all__ = [
    "Known",
    "Plan",
    "build_plan",
    "external_ids",
    "is_same_plan",
    "orders_to_preview",
    "plan_changes",
    "plan_difference",
]


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
    route: str = ""
    """In words, what the orders become."""
    closed_period: ClosedPeriod = ClosedPeriod.BLOCK
    """The policy for dates in closed accounting periods."""
    currencies: Mapping[str, str] | None = None
    """NetSuite's currency ids to ISO codes, as they were read for the plan; a run need not ask again."""

    @property
    def orders(self) -> int:
        """How many orders the search returned."""
        return len(self.to_bill) + len(self.skipped)

    @property
    def totals(self) -> dict[str, Decimal]:
        """Σ amount to bill per currency."""
        return sum_by_currency(zip(self.to_bill["currency"], self.to_bill["amount"], strict=True))

    @property
    def undecided(self) -> int:
        """How many orders would be dated in a closed period, and the policy is to ask first what is to become of them."""
        closed = int((self.skipped["reason"] == SkipReason.CLOSED_PERIOD.value).sum())
        return closed if self.closed_period is ClosedPeriod.ASK else 0

    @property
    def sentence(self) -> str:
        """The plan in one sentence."""
        return (
            f"{len(self.to_bill)} of {self.orders} orders to bill ({format_totals(self.totals)}), "
            f"{len(self.skipped)} skipped; fingerprint {self.fingerprint[:12]}"
        )


@dataclass(frozen=True)
class Known:
    """What is known beside the orders and their bills; everything has the value of not knowing."""

    unresolved: frozenset[str] = frozenset()
    """Sales order ids with a create whose outcome is unknown; they wait until it is resolved."""
    periods: pd.DataFrame | None = None
    """The accounting periods (schema ACCOUNTING_PERIODS)."""
    in_advance: bool | None = None
    """The account's preference to invoice in advance of fulfilment."""
    previews: pd.DataFrame | None = None
    """What NetSuite would bill now of partly shipped orders (schema PREVIEWS)."""
    notices: tuple[str, ...] = ()
    """Sentences that the plan is to carry, such as what could not be looked at."""


def build_plan(
    orders: pd.DataFrame,
    problems: pd.DataFrame,
    billed: pd.DataFrame,
    *,
    settings: Settings,
    status_effective: tuple[str, ...],
    today: date,
    exclude: Mapping[str, str] | None = None,
    known: Known | None = None,
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
        Transaction date of the new records, unless the setting takes the ship date or a given one.
    exclude
        Sales order ids that the user leaves out, each with the reason.
    known
        What else NetSuite and the journal say.
    """
    known = known or Known()
    given = Given(settings, status_effective, exclude or {}, known.unresolved, known.in_advance)
    facts = _decide(orders, billed, given, known, today)
    keep = facts["reason"].isna()
    to_bill = facts[keep].sort_values("sales_order_id", key=_as_number, ignore_index=True)
    to_bill["shipped_only"] = (to_bill["previewed"] & (to_bill["amount"] < to_bill["remaining"])).astype(_FLAG)
    to_bill["note"] = joined(to_bill["date_note"], _notes(to_bill))
    to_bill = PLAN_TO_BILL.conform(to_bill)
    left = facts[~keep]
    skipped = pd.concat([PLAN_SKIPPED.conform(left.assign(amount=left["remaining"])), problems])
    return Plan(
        account=settings.account,
        mode=settings.mode,
        status_setting=settings.billing_status,
        status_effective=status_effective,
        to_bill=to_bill,
        skipped=PLAN_SKIPPED.check(skipped.sort_values("sales_order_id", key=_as_number, ignore_index=True)),
        notices=(*_notices(to_bill, given), *known.notices),
        fingerprint=_fingerprint(settings.account, to_bill),
        route=route_words(settings),
        closed_period=settings.closed_period,
    )


def orders_to_preview(
    orders: pd.DataFrame,
    billed: pd.DataFrame,
    *,
    settings: Settings,
    status_effective: tuple[str, ...],
    today: date,
    exclude: Mapping[str, str] | None = None,
    known: Known,
) -> pd.DataFrame:
    """Return the partly shipped orders that a plan can bill only if NetSuite's dry run says how much.

    Columns: ``sales_order_id``, ``record_type``, ``transaction_date``; parameters as those of ``build_plan``.
    """
    given = Given(settings, status_effective, exclude or {}, known.unresolved, known.in_advance)
    facts = _decide(orders[orders["status"].isin(PARTLY_SHIPPED)], billed, given, known, today)
    awaits = (facts["explanation"] == AWAITS_PREVIEW).fillna(False).astype(bool)
    return facts.loc[awaits, ["sales_order_id", "record_type", "transaction_date"]].reset_index(drop=True)


def is_same_plan(seen: Plan, fresh: Plan, *, newcomers_wait: bool = False) -> bool:
    """Whether a fresh plan would create what the seen one would; ``newcomers_wait``: of the orders of the seen one."""
    if not newcomers_wait:
        return fresh.fingerprint == seen.fingerprint
    of_both = fresh.to_bill[fresh.to_bill["sales_order_id"].isin(seen.to_bill["sales_order_id"])]
    return _fingerprint(fresh.account, of_both) == seen.fingerprint


def plan_difference(seen: Plan, fresh: Plan) -> str:
    """Say how a fresh plan differs from the one that was seen."""
    parts = plan_changes(seen, fresh) or ["amounts, dates or record types of the same orders changed"]
    return "the plan changed since it was seen: " + "; ".join(parts)


def plan_changes(seen: Plan, fresh: Plan, *, apart: Collection[str] = ()) -> list[str]:
    """Say what came, what went and what changed between two plans; empty when they bill the same.

    ``apart``: sales order ids that are not looked at, such as those that somebody left out or took back in between.
    """
    before, now = (plan.to_bill[~plan.to_bill["sales_order_id"].isin(list(apart))] for plan in (seen, fresh))
    was, is_ = set(before["sales_order_number"]), set(now["sales_order_number"])
    ours, theirs = _contents(before), _contents(now)
    other = {*before["sales_order_number"][~ours.isin(theirs)], *now["sales_order_number"][~theirs.isin(ours)]}
    found = (
        ("no longer to bill", was - is_),
        ("new", is_ - was),
        ("with another amount, date or record type", other & was & is_),
    )
    return [f"{len(numbers)} {words} ({_some(numbers)})" for words, numbers in found if numbers]


def _contents(rows: pd.DataFrame) -> pd.Series:
    """What each row would create, as one text."""
    columns = ("sales_order_number", "record_type", "amount", "currency", "transaction_date")
    text = rows["sales_order_id"].astype(str)
    for name in columns:
        text = text + "|" + rows[name].astype(str)
    return text


def _some(numbers: Collection[str]) -> str:
    return ", ".join(sorted(numbers)[:5]) + (" …" if len(numbers) > 5 else "")


def _decide(orders: pd.DataFrame, billed: pd.DataFrame, given: Given, known: Known, today: date) -> pd.DataFrame:
    """Return the orders with everything that a plan says about each; ``reason`` is empty for those it bills."""
    facts = with_previews(with_remainder(orders, billed), known.previews)
    facts["record_type"] = record_types(facts, given.settings)
    facts["external_id"] = external_ids(facts)
    periods = None if known.periods is None else Periods(known.periods)
    return explain_skips(with_dates(facts, periods, settings=given.settings, today=today), given)


def external_ids(facts: pd.DataFrame) -> pd.Series:
    """External id of each new record: a function of sales order id, record type and part, in NetSuite's characters."""
    prefix = facts["record_type"].map({RecordType.INVOICE.value: "INV", RecordType.CASH_SALE.value: "CS"})
    joined: pd.Series = (
        "nsbill-" + prefix.astype(_TEXT) + "-" + facts["sales_order_id"] + "-" + facts["part"].astype(_TEXT)
    )
    return joined


_TEXT = PLAN_TO_BILL.frame()["external_id"].dtype
_FLAG = PLAN_TO_BILL.frame()["shipped_only"].dtype


def _notes(to_bill: pd.DataFrame) -> pd.Series:
    """Say of each partial bill what it leaves, and of each further part what is billed already."""
    told = to_bill[to_bill["shipped_only"] | (to_bill["already_billed"] > 0)]
    notes = pd.Series([_note(row) for _, row in told.iterrows()], index=told.index, dtype=_TEXT)
    return notes.reindex(to_bill.index)


def _note(row: pd.Series) -> str:
    parts = []
    if row["shipped_only"]:
        left = format_money(row["remaining"] - row["amount"], row["currency"])
        parts.append(f"Bills what has shipped; {left} stay until the rest has.")
    if row["already_billed"]:
        before = format_money(row["already_billed"], row["currency"])
        parts.append(f"Part {row['part']}: {before} are billed by {row['bill_numbers']}.")
    return " ".join(parts)


def _notices(to_bill: pd.DataFrame, given: Given) -> tuple[str, ...]:
    settings, effective = given.settings, given.status_effective
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
    ahead = int((to_bill["status"] == BillingStatus.PENDING_FULFILLMENT.letter).sum())
    if ahead and given.in_advance is None:
        notices.append(
            f"{ahead} of the orders are Pending Fulfillment. Whether 'Invoice in Advance of Fulfillment' is on is not "
            f"visible to this role; if it is off, NetSuite refuses them."
        )
    return tuple(notices)


def _as_number(ids: pd.Series) -> pd.Series:
    return pd.to_numeric(ids)


def _fingerprint(account: str, to_bill: pd.DataFrame) -> str:
    """SHA-256 over what would be created; the same whatever order the rows came in."""
    what = ["sales_order_id", "external_id", "record_type", "transaction_date", "currency", "amount"]
    rows = sorted(zip(*(to_bill[name].astype(str) for name in what), strict=True))
    return hashlib.sha256(json.dumps([account, rows]).encode()).hexdigest()
