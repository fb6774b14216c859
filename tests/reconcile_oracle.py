"""A slow, obvious reconciliation in plain Python ``Decimal``, to hold the real one against; and random histories.

Written from the domain reference alone (2.2, 2.5, 2.6); shares no code with ``nsbill.reconcile``.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from reconcile_oracle_more import expect_more

from nsbill import schemas

Row = dict[str, Any]
ZERO = Decimal("0.00")
GOODS = {
    "PRINCIPAL",
    "SHIPPING",
    "GIFT_WRAP",
    "PROMOTION",
    "TAX_PRINCIPAL",
    "TAX_SHIPPING",
    "TAX_GIFT_WRAP",
    "TAX_OTHER",
}
TAX = {kind for kind in GOODS if kind.startswith("TAX_")}
KINDS = [
    *sorted(GOODS),
    "TAX_WITHHELD",
    "FEE_COMMISSION",
    "FEE_FBA",
    "FEE_CLOSING",
    "FEE_SHIPPING_CHARGEBACK",
    "FEE_GIFTWRAP_CHARGEBACK",
    "FEE_REFUND_COMMISSION",
    "FEE_OTHER",
    "REIMBURSEMENT",
    "ADJUSTMENT",
    "SERVICE_FEE",
]
EVENTS = ["SALE"] * 6 + ["REFUND"] * 3 + ["CHARGEBACK", "ATOZ", "RETROCHARGE", "REIMBURSEMENT", "ACCOUNT"]


@dataclass
class History:
    """Random books and settlements, as rows of the schemas."""

    orders: list[Row] = field(default_factory=list)
    bills: list[Row] = field(default_factory=list)
    credits: list[Row] = field(default_factory=list)
    lines: list[Row] = field(default_factory=list)
    settlements: list[Row] = field(default_factory=list)
    applications: list[Row] = field(default_factory=list)

    def frames(self) -> dict[str, Any]:
        """The frames that ``reconcile`` takes."""
        return {
            "orders": schemas.ORDERS.frame(self.orders),
            "billing_records": schemas.BILLING_RECORDS.frame(self.bills),
            "credits": schemas.CREDITS.frame(self.credits),
            "lines": schemas.LINES.frame(self.lines),
            "settlements": schemas.SETTLEMENTS.frame(self.settlements),
            "applications": schemas.APPLICATIONS.frame(self.applications),
        }

    def books_on(self, day: date) -> dict[str, list[Row]]:
        """The books as they were on a day: only its documents, and what was open by then."""
        dates = {row.get("billing_record_id") or row["credit_id"]: row["date"] for row in (*self.bills, *self.credits)}
        paid = {id(row): dates[row["billing_record_id"] or row["credit_id"]] for row in self.applications}
        known = [row for row in self.applications if max(row["date"], paid[id(row)]) <= day]
        later = [row for row in self.applications if max(row["date"], paid[id(row)]) > day and not row["voided"]]
        bills = []
        for bill in self.bills:
            if bill["date"] <= day:
                then = [row["amount"] for row in later if row["billing_record_id"] == bill["billing_record_id"]]
                bills.append({**bill, "amount_remaining": bill["amount_remaining"] + sum(then, ZERO)})
        return {
            "bills": bills,
            "credits": [row for row in self.credits if row["date"] <= day],
            "applications": known,
        }


def random_history(seed: int, orders: int) -> History:
    """Make ``orders`` random orders in October 2026; every combination may occur, sensible or not."""
    dice, made = random.Random(seed), History()
    ends = {
        "K": date(2026, 10, 14),
        "K1": date(2026, 10, 28),
        "K2": date(2026, 11, 11),
        "N": None,
        "E": date(2026, 10, 20),
    }
    for number in range(orders):
        if number % 40:
            _random_order(dice, made, number)
        else:
            _refunded_in_full(made, number)
    _random_applications(random.Random(f"applications {seed}"), made)
    for name, end in ends.items():
        own = [line for line in made.lines if line["settlement_id"] == name]
        total = sum((line["amount"] for line in own), ZERO)
        made.settlements.append(
            {
                "settlement_id": name,
                "seller_account": "main",
                "currency": "EUR" if name == "E" else "USD",
                "period_end": datetime(end.year, end.month, end.day, 23, 59, tzinfo=UTC) if end else None,
                "total_amount": total,
                "lines_total": total,
                "residual": ZERO,
                "lines": len(own),
                "unclassified_lines": 0,
                "ties": "ties",
                "source_name": f"{name}.txt",
                "source_digest": "d" * 64,
            }
        )
    return made


def _refunded_in_full(made: History, number: int) -> None:
    """What chance rarely makes: billed, settled, all of it refunded and credited."""
    order, total, day = f"111-{number:07d}-0000001", Decimal("10.00"), date(2026, 10, 3)
    record = {"amazon_order_id": order, "date": day, "currency": "USD", "total": total, "voided": False}
    made.bills.append(
        record
        | {
            "billing_record_id": f"B{number}",
            "record_type": "cashSale",
            "number": f"CS{number}",
            "amount_remaining": ZERO,
        }
    )
    made.credits.append(record | {"credit_id": f"C{number}", "record_type": "cashRefund", "number": f"CR{number}"})
    _add_line(made, order, "K", "SALE", "PRINCIPAL", total, day)
    _add_line(made, order, "K", "REFUND", "PRINCIPAL", -total, day)


def _random_order(dice: random.Random, made: History, number: int) -> None:
    order, start = f"111-{number:07d}-0000001", date(2026, 10, 1)
    total = Decimal(dice.choice([1000, 2500, 997])) / 100
    ordered = start + timedelta(days=dice.randrange(20))
    currency = "EUR" if dice.random() < 0.1 else "USD"
    if dice.random() < 0.9:
        made.orders.append(
            {
                "sales_order_id": f"S{number}",
                "sales_order_number": f"SO{number}",
                "amazon_order_id": order,
                "order_date": ordered,
                "ship_date": ordered + timedelta(days=2) if dice.random() < 0.8 else None,
                "status": dice.choice("BCDEFGGGGH"),
                "marketplace": dice.choice([None, "Amazon.com"]),
                "currency": currency,
                "total": total,
            }
        )
    for part in range(dice.choice([0, 1, 1, 1, 1, 2, 2, 3])):
        made.bills.append(
            {
                "billing_record_id": f"B{number}.{part}",
                "record_type": "invoice",
                "number": f"INV{number}.{part}",
                "sales_order_id": f"S{number}",
                "amazon_order_id": order if dice.random() < 0.7 or not _has_order(made, number) else None,
                "date": ordered + timedelta(days=dice.randrange(40)),
                "currency": currency,
                "total": total if dice.random() < 0.6 else total - 1,
                "amount_remaining": ZERO,
                "voided": dice.random() < 0.1,
            }
        )
    for part in range(dice.choice([0, 0, 0, 1, 1, 2])):
        made.credits.append(
            {
                "credit_id": f"C{number}.{part}",
                "record_type": "creditMemo",
                "number": f"CM{number}.{part}",
                "amazon_order_id": order,
                "date": ordered + timedelta(days=dice.randrange(40)),
                "currency": currency,
                "total": Decimal(dice.choice([500, 1000, 997])) / 100,
                "voided": dice.random() < 0.1,
            }
        )
    _random_lines(dice, made, order, total, ordered)


def _has_order(made: History, number: int) -> bool:
    return any(order["sales_order_id"] == f"S{number}" for order in made.orders)


def _random_lines(dice: random.Random, made: History, order: str, total: Decimal, ordered: date) -> None:
    lines: list[tuple[str, str, Decimal]] = []
    if dice.random() < 0.6:
        promotion = Decimal(dice.choice([0, 0, -100, -150])) / 100
        lines += [("SALE", "PRINCIPAL", total), ("SALE", "FEE_COMMISSION", Decimal("-1.50"))]
        lines += [("SALE", "PROMOTION", promotion)] if promotion else []
    if dice.random() < 0.2:
        lines.append((dice.choice(["REFUND", "CHARGEBACK", "ATOZ"]), "PRINCIPAL", -total))
    for _ in range(dice.choice([0, 0, 1, 4])):
        lines.append((dice.choice(EVENTS), dice.choice(KINDS), Decimal(dice.randrange(-900, 900)) / 100))
    for event, kind, amount in lines:
        settlement = dice.choice(["K", "K", "K1", "K2", "N", "E"]) if dice.random() < 0.3 else "K"
        _add_line(made, order, settlement, event, kind, amount, ordered + timedelta(days=dice.randrange(12)))


def _add_line(made: History, order: str, settlement: str, event: str, kind: str, amount: Decimal, posted: date) -> None:
    made.lines.append(
        {
            "settlement_id": settlement,
            "seller_account": "main",
            "source_digest": "d" * 64,
            "source_line": len(made.lines) + 2,
            "event_class": event,
            "line_kind": kind,
            "transaction_type": event,
            "amount_type": "any",
            "amount_description": kind,
            "amount": amount,
            "currency": "EUR" if settlement == "E" else "USD",
            "order_route": "amazon_order",
            "order_reference": order,
            "amazon_order_id": order,
            "posted_at": datetime(posted.year, posted.month, posted.day, 3, tzinfo=UTC),
            "posted_day": (posted - date(1970, 1, 1)).days,
            "marketplace": "Amazon.de" if settlement == "E" else "Amazon.com",
        }
    )


def _random_applications(dice: random.Random, made: History) -> None:
    """Pay, credit and refund what was billed; mostly what is due, sometimes anything."""
    memos = [row for row in made.credits if row["record_type"] == "creditMemo"]
    for bill in made.bills:
        if bill["record_type"] == "cashSale" or dice.random() < 0.1:
            bill["record_type"] = "cashSale"
            continue
        for part in range(dice.choice([0, 1, 1, 1, 2])):
            share = dice.choice([bill["total"], bill["total"], bill["total"] - 1, Decimal("2.00"), Decimal("3.00")])
            name = f"P{bill['billing_record_id'] if dice.random() < 0.9 else dice.randrange(40)}.{part}"
            _add_application(dice, made, bill, name, dice.choice(["customerPayment"] * 9 + ["journalEntry"]), share)
        own = [memo for memo in memos if memo["amazon_order_id"] == bill["amazon_order_id"]]
        if memos and dice.random() < 0.3:
            memo = dice.choice(own or memos)
            if memo["currency"] == bill["currency"]:
                _add_application(dice, made, bill, memo["credit_id"], "creditMemo", Decimal("1.50"), memo)
    for memo in memos:
        if dice.random() < 0.5:
            share = dice.choice([memo["total"], memo["total"], Decimal("1.00")])
            _add_application(dice, made, memo, f"F{memo['credit_id']}", "customerRefund", share)
    for bill in made.bills:
        if bill["record_type"] == "invoice":
            applied = [row for row in made.applications if row["billing_record_id"] == bill["billing_record_id"]]
            paid = sum((row["amount"] for row in applied if not row["voided"]), ZERO)
            bill["amount_remaining"] = bill["total"] - paid - (Decimal("0.25") if dice.random() < 0.05 else ZERO)


def _add_application(
    dice: random.Random, made: History, document: Row, payment: str, kind: str, amount: Decimal, memo: Row | None = None
) -> None:
    made.applications.append(
        {
            "payment_id": payment,
            "record_type": kind,
            "number": payment,
            "date": memo["date"] if memo else document["date"] + timedelta(days=dice.randrange(-5, 30)),
            "currency": document["currency"],
            "billing_record_id": document.get("billing_record_id"),
            "credit_id": document.get("credit_id"),
            "amazon_order_id": document["amazon_order_id"],
            "amount": amount,
            "voided": bool(memo and memo["voided"]) or dice.random() < 0.05,
        }
    )


def expect(history: History, as_of: date, tax_mode: str) -> tuple[dict[tuple[str, str], Row], set[tuple[Any, ...]]]:
    """Return the statement by (order, currency), and the exceptions as (class, order, currency, amount)."""
    orders = {order["amazon_order_id"]: order for order in history.orders}
    by_sales_order = {order["sales_order_id"]: order["amazon_order_id"] for order in history.orders}
    ends = {row["settlement_id"]: row["period_end"] and row["period_end"].date() for row in history.settlements}
    bills = [
        {**bill, "amazon_order_id": bill["amazon_order_id"] or by_sales_order.get(bill["sales_order_id"])}
        for bill in history.bills
        if not bill["voided"] and bill["date"] <= as_of
    ]
    credits_ = [credit for credit in history.credits if not credit["voided"] and credit["date"] <= as_of]
    lines = [line for line in history.lines if (ends[line["settlement_id"]] or line["posted_at"].date()) <= as_of]
    keys = {(row["amazon_order_id"], row["currency"]) for rows in (bills, credits_, lines) for row in rows}
    documented = {order for order, _ in keys}
    for name, order in orders.items():
        shipped = order["ship_date"] is not None and order["ship_date"] <= as_of and order["status"] in "DEFG"
        if shipped and name not in documented:
            keys.add((name, order["currency"]))
    period_ends: dict[str, list[date]] = {}
    for settlement in history.settlements:
        end = ends[settlement["settlement_id"]]
        if end and end <= as_of:
            period_ends.setdefault(settlement["currency"], []).append(end)
    rows = {}
    for name, currency in keys:
        of_bills, of_credits, of_lines = (
            [row for row in group if (row["amazon_order_id"], row["currency"]) == (name, currency)]
            for group in (bills, credits_, lines)
        )
        rows[name, currency] = _expect_row(orders.get(name), of_bills, of_credits, of_lines, tax_mode)
        _expect_parts(rows[name, currency], as_of)
        _expect_age(rows[name, currency], sorted(period_ends.get(currency, [])), as_of)
    for (name, currency), row in rows.items():
        _expect_status(row, {other: rows[name, other] for order, other in rows if order == name}, currency)
        _expect_ledger(row, (name, currency), history, by_sales_order, as_of)
        row["closed"] = {
            kind: max((ends[line["settlement_id"]] or line["posted_at"].date() for line in of_kind), default=None)
            for kind, of_kind in (
                ("sales", [line for line in row["lines"] if line["event_class"] in ("SALE", "RETROCHARGE")]),
                ("refunds", [line for line in row["lines"] if line["event_class"] in ("REFUND", "CHARGEBACK", "ATOZ")]),
            )
        }
    wrong = {wrong for key, row in rows.items() for wrong in _expect_exceptions(key, row, as_of)}
    wrong |= expect_more(rows, orders, ends, as_of)
    return rows, wrong | _expect_payment_exceptions(rows, as_of)


def _expect_ledger(
    row: Row, key: tuple[str, str], history: History, by_sales_order: dict[str, str], as_of: date
) -> None:
    """What NetSuite received, has open and has posted, document by document (2.2, books side)."""
    bills = {bill["billing_record_id"]: bill for bill in history.bills}
    memos = {memo["credit_id"]: memo for memo in history.credits}

    def order_of(document: Row) -> tuple[str, str]:
        order = document["amazon_order_id"] or by_sales_order.get(str(document["sales_order_id"]))
        return str(order), str(document["currency"])

    payments = cash = posted = applied_memos = cleared = residual = ZERO
    for bill in row["bills"]:
        cash += bill["total"] if bill["record_type"] == "cashSale" else ZERO
    for credit in row["credits"]:
        posted += credit["total"] if credit["record_type"] == "cashRefund" else ZERO
    for application in history.applications:
        paid = bills.get(application["billing_record_id"]) or memos[application["credit_id"]]
        counts = max(application["date"], paid["date"]) <= as_of
        if application["voided"] or paid["voided"]:
            continue
        mine, amount = order_of(paid) == key, application["amount"]
        if "billing_record_id" in paid:
            residual += amount if mine and paid["date"] <= as_of else ZERO
            if application["record_type"] == "creditMemo" and counts:
                cleared += amount if mine else ZERO
                applied_memos += amount if order_of(memos[application["payment_id"]]) == key else ZERO
            elif counts and mine:
                payments += amount
        elif counts and mine:
            posted += amount
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


def _expect_payment_exceptions(rows: dict[tuple[str, str], Row], as_of: date) -> set[tuple[Any, ...]]:
    """Compare, order by order, what is applied with what could be applied of what Amazon settled."""
    found: set[tuple[Any, ...]] = set()
    lacking: list[tuple[tuple[str, str], Decimal]] = []
    over: list[tuple[tuple[str, str], Decimal]] = []
    for key, row in rows.items():
        if row["unposted_refund"] > 0 and _known(row["closed"]["refunds"], row["credits"], as_of):
            found.add(("REFUND_NOT_POSTED", *key, row["unposted_refund"]))
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
    for key, amount in lacking:
        rivals = [other for other, size in lacking if (other[1], size) == (key[1], amount)]
        partners = [other for other, size in over if (other[1], size) == (key[1], amount)]
        paired = len(rivals) == len(partners) == 1
        found.add(("PAYMENT_WRONG_ORDER" if paired else "PAYMENT_NOT_APPLIED", *key, amount))
        if paired:
            over.remove((partners[0], amount))
    return found | {("PAYMENT_OVER_APPLIED", *key, amount) for key, amount in over}


def _known(closed: date | None, documents: list[Row], as_of: date) -> bool:
    """Whether settlement and newest document are older than today."""
    newest: date = max([document["date"] for document in documents] + ([closed] if closed else []))
    return newest < as_of


def _expect_row(order: Row | None, bills: list[Row], credits_: list[Row], lines: list[Row], tax_mode: str) -> Row:
    row: Row = dict.fromkeys(
        ["received_gross", "refunded", "fee_withheld", "tax_collected", "tax_withheld", "reimbursed", "adjustments"],
        ZERO,
    )
    row |= {"order": order, "bills": bills, "credits": credits_, "lines": lines}
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
    row["billing_records"] = ", ".join(
        bill["number"] for bill in sorted(bills, key=lambda bill: (bill["date"], bill["number"]))
    )
    row["first_billed"] = min((bill["date"] for bill in bills), default=None)
    row["last_posted"] = max((line["posted_at"].date() for line in lines), default=None)
    return row


def _expect_parts(row: Row, as_of: date) -> None:
    """Nothing is known of deferred or released money: what is due is unposted, or short after a whole cycle."""
    sales = [line["posted_at"].date() for line in row["lines"] if line["event_class"] == "SALE"]
    is_short = bool(sales) and max(sales) < as_of - timedelta(days=14)
    still = max(row["sale_leg"], ZERO)
    row |= {"due_deferred": None, "due_released_open": None}
    row |= {"due_short": still if is_short else ZERO, "due_unposted": ZERO if is_short else still}


def _expect_age(row: Row, ends: list[date], as_of: date) -> None:
    order = row["order"]
    base = (order["ship_date"] or order["order_date"]) if order else row["first_billed"]
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


def _expect_status(row: Row, same_order: dict[str, Row], currency: str) -> None:
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
    same_currency = order is not None and order["currency"] == currency
    newest_sale = max((line["posted_at"].date() for line in sales), default=as_of)
    if row["bills"] and row["overpaid"] > 0:
        found["OVERPAID"] = row["overpaid"]
    if len(row["bills"]) > 1 and same_currency and row["billed_gross"] > order["total"]:
        found["DUPLICATE_BILLING"] = row["billed_gross"] - order["total"]
    elif row["bills"] and promotions < 0 and leg == -promotions:
        found["PROMOTION_NOT_BILLED"] = leg
    elif row["received_gross"] > 0 and leg > 0 and (as_of - newest_sale).days > 14:
        found["SHORT_SETTLED"] = leg
    elif row["billed_gross"] > 0 and not sales and row["due"] > 0 and row["age_days"] > 0:
        found["BILLED_NOT_SETTLED"] = row["due"]
