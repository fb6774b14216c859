"""A slow, obvious reconciliation in plain Python ``Decimal``, to hold the real one against.

Written from the domain reference alone (2.2, 2.5, 2.6); shares no code with ``nsbill.reconcile``. Of the exceptions it
leaves out those that need facts beside books, settlements and activity (amounts by kind, subsidiaries, accounting
periods, income, clearing account), those of whole settlements, and what Amazon's sources differ in.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from reconcile_histories import GOODS, TAX, ZERO, History, Row
from reconcile_oracle_ledger import Paid, expect_ledger, expect_payment_exceptions
from reconcile_oracle_more import expect_more
from reconcile_oracle_open import divided, open_rows

__all__ = ["LEFT_OUT", "Rules", "Wrong", "expect"]

LEFT_OUT = {"SOURCE_DISAGREEMENT"}
"""Classes that the real one finds in these histories and the oracle does not look for."""

Key = tuple[str, str]
Wrong = Counter[tuple[Any, ...]]
_SALES, _REFUNDS = {"SALE", "RETROCHARGE"}, {"REFUND", "CHARGEBACK", "ATOZ"}
_MOST_NUMBERS = 12


@dataclass(frozen=True)
class Rules:
    """What the oracle is asked for; ``mode`` holds for marketplaces without one in ``modes``."""

    as_of: date
    mode: str = "exclude"
    basis: str = "settled"
    modes: dict[str, str] = field(default_factory=dict)


def expect(history: History, rules: Rules) -> tuple[dict[Key, Row], Wrong]:
    """Return the statement by (order, currency), and the exceptions as (class, order, currency, amount) with their number."""
    as_of, orders = rules.as_of, _chosen_orders(history.orders)
    of_sales_order = {order["sales_order_id"]: order["amazon_order_id"] for order in history.orders}
    bills = [
        {**bill, "amazon_order_id": bill["amazon_order_id"] or of_sales_order.get(bill["sales_order_id"])}
        for bill in history.bills
        if not bill["voided"] and bill["date"] <= as_of
    ]
    credits_ = [credit for credit in history.credits if not credit["voided"] and credit["date"] <= as_of]
    ends = {row["settlement_id"]: row["period_end"] and row["period_end"].date() for row in history.settlements}
    settled = _settled(history, ends, as_of)
    unsettled = [_dated(row, None, None) for row in open_rows(history.activity or [], history.settlements, as_of)]
    counted, waiting = divided(settled, unsettled, rules.basis, history.deposited)
    waiting = [line for line in waiting if line["event_class"] in _SALES]
    by_key = [_by_key(group) for group in (bills, credits_, counted, waiting, unsettled, settled)]
    keys = {key for group in by_key[:4] for key in group} | _shipped(orders, by_key[:4], as_of)
    cycles = _cycles(history.settlements, as_of)
    paid = Paid(history, of_sales_order, as_of)
    rows: dict[Key, Row] = {}
    for key in keys:
        of_bills, of_credits, of_lines, of_waiting, of_open, of_settled = (group.get(key, []) for group in by_key)
        row = _expect_row(orders.get(key[0]), of_bills, of_credits, of_lines, rules)
        _expect_open(row, of_waiting, of_open)
        _expect_parts(row, as_of, known=history.activity is not None)
        _expect_age(row, cycles.get(key[1], []), as_of)
        expect_ledger(row, key, paid)
        row["settled_lines"] = of_settled
        row["closed"] = _closed(of_settled)
        rows[key] = row
    same_order: dict[str, dict[str, Row]] = defaultdict(dict)
    for (name, currency), row in rows.items():
        same_order[name][currency] = row
    for (name, _), row in rows.items():
        _expect_status(row, same_order[name])
    wrong: Wrong = Counter(found for key, row in rows.items() for found in _expect_exceptions(key, row, as_of))
    wrong.update(expect_more(same_order, orders, history.bill_items, ends, as_of, settled=rules.basis == "settled"))
    if rules.basis == "settled":
        wrong.update(expect_payment_exceptions(rows, as_of))
    return rows, wrong


def _chosen_orders(orders: list[Row]) -> dict[str, Row]:
    """One sales order for each Amazon order: not a cancelled one if there is a choice, then the lowest id."""
    ranked = sorted(orders, key=lambda order: (order["status"] == "C", order["sales_order_id"]), reverse=True)
    return {order["amazon_order_id"]: order for order in ranked}


def _dated(line: Row, end: date | None, deposit: date | None) -> Row:
    posted = line["posted_at"].date() if line["posted_at"] else None
    return {**line, "posted": posted, "end": end, "day": posted or end or deposit, "closed": end or posted or deposit}


def _settled(history: History, ends: dict[str, date | None], as_of: date) -> list[Row]:
    """A settlement counts when its period has closed; one without a period, line by line."""
    deposits = {row["settlement_id"]: row["deposit_date"] for row in history.settlements}
    dated = [_dated(line, ends[line["settlement_id"]], deposits[line["settlement_id"]]) for line in history.lines]
    return [line for line in dated if line["closed"] <= as_of]


def _by_key(group: Iterable[Row]) -> dict[Key, list[Row]]:
    found: dict[Key, list[Row]] = defaultdict(list)
    for row in group:
        if row["amazon_order_id"]:
            found[row["amazon_order_id"], row["currency"]].append(row)
    return found


def _shipped(orders: dict[str, Row], documented: list[dict[Key, list[Row]]], as_of: date) -> set[Key]:
    """Orders that were shipped and have neither a document nor any money."""
    known = {name for group in documented for name, _ in group}
    return {
        (name, order["currency"])
        for name, order in orders.items()
        if order["ship_date"] is not None and order["ship_date"] <= as_of and order["status"] in "DEFG"
        if name not in known
    }


def _cycles(settlements: list[Row], as_of: date) -> dict[str, list[date]]:
    """The ends of the closed periods, by currency."""
    found: dict[str, set[date]] = defaultdict(set)
    for row in settlements:
        if row["period_end"] and row["period_end"].date() <= as_of:
            found[row["currency"]].add(row["period_end"].date())
    return {currency: sorted(days) for currency, days in found.items()}


def _closed(lines: list[Row]) -> dict[str, date | None]:
    return {
        name: max((line["closed"] for line in lines if line["event_class"] in events), default=None)
        for name, events in (("sales", _SALES), ("refunds", _REFUNDS))
    }


def _mode(rules: Rules, marketplace: str | None, bills: list[Row], lines: list[Row]) -> str:
    """The marketplace's mode, or the general one; detected: by which what was settled is what was billed."""
    mode = rules.modes.get(marketplace or "", rules.mode)
    if mode != "detect":
        return mode
    sales = [line for line in lines if line["event_class"] in _SALES]
    withheld = sum((line["amount"] for line in sales if line["line_kind"] == "TAX_WITHHELD"), ZERO)
    goods = sum((line["amount"] for line in sales if line["line_kind"] in GOODS), ZERO)
    billed = sum((bill["total"] for bill in bills), ZERO)
    return "include" if withheld and bills and goods == billed else "exclude"


_OF_ORDER = {
    "sales_order_id": "sales_order_id",
    "sales_order_number": "sales_order_number",
    "order_status": "status",
    "order_date": "order_date",
    "ship_date": "ship_date",
}


def _expect_row(order: Row | None, bills: list[Row], credits_: list[Row], lines: list[Row], rules: Rules) -> Row:
    seen_at = min((line["marketplace"] for line in lines if line["marketplace"]), default=None)
    marketplace = (order and order["marketplace"]) or seen_at
    tax_mode = _mode(rules, marketplace, bills, lines)
    row: Row = dict.fromkeys(
        ["received_gross", "refunded", "fee_withheld", "tax_collected", "tax_withheld", "reimbursed", "adjustments"],
        ZERO,
    )
    row |= {"order": order, "bills": bills, "credits": credits_, "lines": lines}
    row |= {"marketplace": marketplace, "tax_mode": tax_mode, "seller_account": "main"}
    for name, of_order in _OF_ORDER.items():
        row[name] = order[of_order] if order else None
    row["gross_kinds"] = GOODS if tax_mode == "include" else GOODS | {"TAX_WITHHELD"}
    for line in lines:
        kind, event, amount = line["line_kind"], line["event_class"], line["amount"]
        row["tax_collected"] += amount if kind in TAX else ZERO
        row["tax_withheld"] -= amount if kind == "TAX_WITHHELD" else ZERO
        if kind.startswith("FEE_"):
            row["fee_withheld"] -= amount
        elif kind == "REIMBURSEMENT":
            row["reimbursed"] += amount
        elif kind == "TAX_WITHHELD" and tax_mode == "include":
            pass  # apart: tax_withheld is subtracted on its own
        elif kind in GOODS or kind == "TAX_WITHHELD":
            if event in ("SALE", "RETROCHARGE"):
                row["received_gross"] += amount
            elif event in ("REFUND", "CHARGEBACK", "ATOZ"):
                row["refunded"] -= amount
            elif event == "REIMBURSEMENT" and kind in GOODS:
                row["reimbursed"] += amount
            else:
                row["adjustments"] += amount
        elif event == "REIMBURSEMENT":
            row["reimbursed"] += amount
        else:
            row["adjustments"] += amount
    row["net_cash"] = sum((line["amount"] for line in lines), ZERO)
    row["billed_gross"] = sum((bill["total"] for bill in bills), ZERO)
    row["credited"] = sum((credit["total"] for credit in credits_), ZERO)
    row["received"] = row["received_gross"] - row["refunded"]
    row["sale_leg"] = row["billed_gross"] - row["received_gross"]
    row["refund_leg"] = row["credited"] - row["refunded"]
    row["due"] = row["sale_leg"] - max(row["refund_leg"], ZERO)
    row["overpaid"] = max(ZERO, -row["sale_leg"])
    row["uncredited_refund"] = max(ZERO, -row["refund_leg"])
    row["refund_in_transit"] = max(ZERO, row["refund_leg"])
    numbers = [bill["number"] for bill in sorted(bills, key=lambda bill: (bill["date"], bill["number"]))]
    assert len(numbers) <= _MOST_NUMBERS
    row["billing_records"] = ", ".join(numbers) or None
    row["first_billed"] = min((bill["date"] for bill in bills), default=None)
    row["last_posted"] = max((line["posted"] for line in lines if line["posted"]), default=None)
    return row


def _expect_open(row: Row, waiting: list[Row], unsettled: list[Row]) -> None:
    """What Amazon has posted of the sale and does not count as received, and until when it defers it."""
    row["deferred_gross"], row["released_gross"] = (
        sum((line["amount"] for line in waiting if (line.get("state") == "deferred") is deferred
             and line["line_kind"] in row["gross_kinds"]), ZERO)
        for deferred in (True, False)
    )  # fmt: skip
    held = [line for line in unsettled if line["state"] == "deferred" and line["event_class"] in _SALES]
    told = held if waiting else []
    row["maturity_date"] = max((line["matures"] for line in told if line["matures"]), default=None)
    row["deferral_reason"] = max((line["deferral_reason"] for line in told if line["deferral_reason"]), default=None)


def _expect_parts(row: Row, as_of: date, *, known: bool) -> None:
    """What Amazon defers, what it has released; the rest is unposted, or short after a whole cycle."""
    sales = [line["day"] for line in row["lines"] if line["event_class"] == "SALE"]
    is_short = bool(sales) and max(sales) < as_of - timedelta(days=14)
    still = max(row["sale_leg"], ZERO)
    deferred = max(min(row["deferred_gross"], still), ZERO)
    released = max(min(row["released_gross"], still - deferred), ZERO)
    rest = still - deferred - released
    row |= {"due_deferred": deferred if known else None, "due_released_open": released if known or released else None}
    row |= {"due_short": rest if is_short else ZERO, "due_unposted": ZERO if is_short else rest}


def _expect_age(row: Row, ends: list[date], as_of: date) -> None:
    order = row["order"]
    base = ((order["ship_date"] or order["order_date"]) if order else None) or row["first_billed"]
    if (row["due_deferred"] or ZERO) > 0 and row["maturity_date"]:
        base = row["maturity_date"] - timedelta(days=12)
    row["expected_settled"] = row["age_days"] = row["aging_bucket"] = None
    if base is None:
        return
    release = base + timedelta(days=12)
    end = next((end for end in ends if end >= release), None)
    if end is None and ends:
        end = ends[-1]
        while end < release:
            end += timedelta(days=14)
    row["expected_settled"] = end or release + timedelta(days=14)
    row["age_days"] = (as_of - row["expected_settled"]).days
    if row["due"] > 0:  # an unbilled row can be due too, after a negative sale
        limits = {0: "not yet expected", 7: "1–7", 14: "8–14", 30: "15–30", 60: "31–60", 90: "61–90"}
        row["aging_bucket"] = next((name for last, name in limits.items() if row["age_days"] <= last), "over 90")


def _buyer_lines(row: Row) -> list[Row]:
    return [line for line in row["lines"] if line["event_class"] not in ("REIMBURSEMENT", "ACCOUNT")]


def _expect_status(row: Row, same_order: dict[str, Row]) -> None:
    billed = {code for code, other in same_order.items() if other["bills"]}
    settled = {code for code, other in same_order.items() if _buyer_lines(other)}
    row["billed_anywhere"] = bool(billed)
    row["conflict"] = bool(billed) and bool(settled) and len(billed | settled) > 1
    received, refunded = row["received_gross"], row["refunded"]
    if row["conflict"]:
        row["status"] = "CURRENCY_CONFLICT"
    elif not row["bills"] and (row["lines"] or not row["credits"]):
        row["status"] = "NOT_BILLED"
    elif row["sale_leg"] < 0:
        row["status"] = "OVERPAID"
    elif row["refund_leg"] < 0:
        row["status"] = "REFUND_UNCREDITED"
    elif row["refund_leg"] > 0:
        row["status"] = "REFUND_IN_TRANSIT"
    elif 0 < received < row["billed_gross"]:
        row["status"] = "PARTIALLY_SETTLED"
    elif (row["due_deferred"] or ZERO) > 0:
        row["status"] = "DEFERRED"
    elif received <= 0 < row["sale_leg"]:
        row["status"] = "AWAITING_SETTLEMENT"
    elif received == refunded > 0:
        row["status"] = "REFUNDED_FULL"
    else:
        row["status"] = "SETTLED"


def _expect_exceptions(key: tuple[str, str], row: Row, as_of: date) -> list[tuple[Any, ...]]:
    order, bills, lines = row["order"], row["bills"], row["lines"]
    sales = [line for line in lines if line["event_class"] == "SALE"]
    claims = [line for line in lines if line["event_class"] in ("CHARGEBACK", "ATOZ")]
    cancelled = order is not None and order["status"] == "C"
    found: dict[str, Decimal] = {}
    if not row["conflict"]:
        _expect_sale_leg(found, row, sales, key[1], as_of)
        if cancelled and sales:
            found["CANCELLED_BUT_SETTLED"] = row["received_gross"]
        elif order and not bills and row["received_gross"] > 0:
            found["SETTLED_NOT_BILLED"] = row["received_gross"]
    elif bills:
        found["CURRENCY_MISMATCH"] = row["billed_gross"]
    if lines and order is None and not row["billed_anywhere"]:
        found["ORPHAN_ORDER_ID"] = row["received_gross"] or row["net_cash"]
    if bills and row["uncredited_refund"] > 0:
        found["REFUND_WITHOUT_CREDIT_MEMO"] = row["uncredited_refund"]
    newest = max((credit["date"] for credit in row["credits"]), default=as_of)
    if row["refund_in_transit"] > 0 and (as_of - newest).days > 30:
        found["CREDIT_MEMO_WITHOUT_REFUND"] = row["refund_in_transit"]
    _expect_odd(found, row, cancelled=cancelled)
    if (row["due_deferred"] or ZERO) > 0 and row["maturity_date"] and row["maturity_date"] < as_of:
        found["DEFERRED_OVERDUE"] = row["due_deferred"]
    if row["due"] > 0 and (row["age_days"] or 0) > 90:
        found["STALE_DUE"] = row["due"]
    if claims:
        found["CHARGEBACK_OR_CLAIM"] = -sum(
            (line["amount"] for line in claims if line["line_kind"] in row["gross_kinds"]), ZERO
        )
    return [(name, *key, amount) for name, amount in found.items()]


def _expect_odd(found: dict[str, Decimal], row: Row, *, cancelled: bool) -> None:
    refunds = {line["line_kind"] for line in row["lines"] if line["event_class"] == "REFUND"} & GOODS
    residual = row["tax_collected"] - row["tax_withheld"]
    if cancelled and row["bills"]:
        found["CANCELLED_BUT_BILLED"] = row["billed_gross"]
    if row["bills"] and not row["conflict"] and row["tax_withheld"] and residual:
        found["TAX_RESIDUAL"] = residual
    if refunds and refunds <= TAX:
        found["TAX_ONLY_REFUND"] = row["refunded"]


def _expect_sale_leg(found: dict[str, Decimal], row: Row, sales: list[Row], currency: str, as_of: date) -> None:
    order, leg = row["order"], row["sale_leg"]
    promotions = sum((line["amount"] for line in sales if line["line_kind"] == "PROMOTION"), ZERO)
    of_tax = sum(
        (line["amount"] for line in sales if line["line_kind"] in TAX and line["amount_type"] == "Promotion"), ZERO
    )
    same_currency = order is not None and order["currency"] == currency
    newest_sale = max((line["day"] for line in sales), default=as_of)
    if row["bills"] and row["overpaid"] > 0:
        found["OVERPAID"] = row["overpaid"]
    if len(row["bills"]) > 1 and same_currency and row["billed_gross"] > order["total"]:
        found["DUPLICATE_BILLING"] = row["billed_gross"] - order["total"]
    elif row["bills"] and promotions < 0 and leg in (-promotions, -promotions - of_tax):
        found["PROMOTION_NOT_BILLED"] = leg
    elif row["received_gross"] > 0 and leg > 0 and (as_of - newest_sale).days > 14:
        found["SHORT_SETTLED"] = leg
    elif row["billed_gross"] > 0 and not sales and row["due"] > 0 and (row["age_days"] or 0) > 0:
        found["BILLED_NOT_SETTLED"] = row["due"]
