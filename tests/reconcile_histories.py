"""Random books, settlements and activity for the reconciliation's tests: every combination may occur, sensible or not."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from nsbill import schemas
from nsbill.amazon.proof_rows import PROOFS, Proof

__all__ = ["GOODS", "SETTLEMENTS", "TAX", "ZERO", "History", "Row", "random_history", "settlements_of"]

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
_KINDS = [
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
_EVENTS = ["SALE"] * 6 + ["REFUND"] * 3 + ["CHARGEBACK", "ATOZ", "RETROCHARGE", "REIMBURSEMENT", "ACCOUNT"]
SETTLEMENTS: dict[str, tuple[str, date | None, date | None, date | None]] = {
    "K": ("USD", date(2026, 9, 30), date(2026, 10, 14), date(2026, 10, 16)),
    "K1": ("USD", date(2026, 10, 14), date(2026, 10, 28), date(2026, 10, 30)),
    "K2": ("USD", date(2026, 10, 28), date(2026, 11, 11), date(2026, 11, 13)),
    "N": ("USD", None, None, None),
    "D": ("USD", None, None, date(2026, 11, 2)),
    "E": ("EUR", date(2026, 10, 6), date(2026, 10, 20), date(2026, 10, 22)),
    "Y": ("JPY", date(2026, 10, 2), date(2026, 10, 16), date(2026, 10, 18)),
}
"""Currency, start, end, deposit date. N counts line by line; D too, and lines without a date on its deposit date."""
_HOME = {"USD": "K", "EUR": "E", "JPY": "Y"}
_AT_BANK = ("K", "E", "N")
_MARKETPLACES = {"USD": "Amazon.com", "EUR": "Amazon.de", "JPY": "Amazon.co.jp"}


@dataclass
class History:
    """Random books, settlements and activity, as rows of the schemas."""

    orders: list[Row] = field(default_factory=list)
    bills: list[Row] = field(default_factory=list)
    credits: list[Row] = field(default_factory=list)
    lines: list[Row] = field(default_factory=list)
    settlements: list[Row] = field(default_factory=list)
    applications: list[Row] = field(default_factory=list)
    bill_items: list[Row] = field(default_factory=list)
    activity: list[Row] | None = None
    deposited: tuple[str, ...] | None = None
    """The settlements whose deposit was found at the bank; none: no bank statement was given."""

    def frames(self) -> dict[str, Any]:
        """The frames that ``reconcile`` takes."""
        return {
            "orders": schemas.ORDERS.frame(self.orders),
            "billing_records": schemas.BILLING_RECORDS.frame(self.bills),
            "credits": schemas.CREDITS.frame(self.credits),
            "lines": schemas.LINES.frame(self.lines),
            "settlements": schemas.SETTLEMENTS.frame(self.settlements),
            "applications": schemas.APPLICATIONS.frame(self.applications),
            "bill_items": schemas.BILL_ITEMS.frame(self.bill_items),
            "activity": None if self.activity is None else schemas.ACTIVITY.frame(self.activity),
            "proofs": None if self.deposited is None else PROOFS.frame(self._proofs(self.deposited)),
        }

    def _proofs(self, deposited: tuple[str, ...]) -> list[Row]:
        return [
            {
                "settlement_id": row["settlement_id"],
                "seller_account": row["seller_account"],
                "currency": row["currency"],
                "proof": Proof.DEPOSIT.value,
                "holds": True if row["settlement_id"] in deposited else None,
                "explanation": "as planted",
            }
            for row in self.settlements
        ]

    def books_on(self, day: date) -> dict[str, list[Row]]:
        """The books as they were on a day: only its documents, and what was open by then."""
        dates = {row.get("billing_record_id") or row["credit_id"]: row["date"] for row in (*self.bills, *self.credits)}
        paid = {id(row): dates[row["billing_record_id"] or row["credit_id"]] for row in self.applications}
        known = [row for row in self.applications if max(row["date"], paid[id(row)]) <= day]
        later: dict[str, Decimal] = defaultdict(lambda: ZERO)
        for row in self.applications:
            if max(row["date"], paid[id(row)]) > day and not row["voided"]:
                later[row["billing_record_id"]] += row["amount"]
        bills = [
            {**bill, "amount_remaining": bill["amount_remaining"] + later[bill["billing_record_id"]]}
            for bill in self.bills
            if bill["date"] <= day
        ]
        there = {bill["billing_record_id"] for bill in bills}
        return {
            "bills": bills,
            "credits": [row for row in self.credits if row["date"] <= day],
            "applications": known,
            "bill_items": [row for row in self.bill_items if row["billing_record_id"] in there],
        }


def random_history(seed: int, orders: int, *, activity: bool = False, bank: bool = False) -> History:
    """Make ``orders`` random orders in October 2026.

    ``activity``: Amazon also says what is posted and not settled. ``bank``: some deposits were found at the bank.
    """
    dice, made = random.Random(seed), History()
    pages = _Pages(made, random.Random(f"activity {seed}"))
    for number in range(orders):
        if number % 40 == 0:
            _refunded_in_full(made, number)
        elif number % 40 == 1:
            _paid_wrongly(made, number)
        else:
            currency = _random_order(dice, made, number)
            pages.add(_order_id(number), currency)
    _random_applications(random.Random(f"applications {seed}"), made)
    made.activity = pages.written() if activity else None
    made.deposited = _AT_BANK if bank else None
    made.settlements = settlements_of(made.lines)
    return made


def settlements_of(lines: list[Row]) -> list[Row]:
    """The settlements that hold these lines, those without any too."""
    totals: dict[str, Decimal] = defaultdict(lambda: ZERO)
    counts: dict[str, int] = defaultdict(int)
    for line in lines:
        totals[line["settlement_id"]] += line["amount"]
        counts[line["settlement_id"]] += 1
    return [
        {
            "settlement_id": name,
            "seller_account": "main",
            "currency": currency,
            "period_start": _instant(start),
            "period_end": _instant(end),
            "deposit_date": deposit,
            "deposit_day": _day(deposit) if deposit else None,
            "total_amount": totals[name],
            "lines_total": totals[name],
            "residual": ZERO,
            "lines": counts[name],
            "unclassified_lines": 0,
            "ties": "ties",
            "source_name": f"{name}.txt",
            "source_digest": "d" * 64,
        }
        for name, (currency, start, end, deposit) in SETTLEMENTS.items()
    ]


def _order_id(number: int) -> str:
    return f"111-{number:07d}-0000001"


def _instant(day: date | None) -> datetime | None:
    return datetime(day.year, day.month, day.day, 3, tzinfo=UTC) if day else None


def _day(day: date) -> int:
    return (day - date(1970, 1, 1)).days


def _refunded_in_full(made: History, number: int) -> None:
    """What chance rarely makes: billed, settled, all of it refunded and credited."""
    order, total, day = _order_id(number), Decimal("10.00"), date(2026, 10, 3)
    record = {"amazon_order_id": order, "date": day, "currency": "USD", "total": total, "voided": False}
    made.bills.append(
        {
            **record,
            "billing_record_id": f"B{number}",
            "record_type": "cashSale",
            "number": f"CS{number}",
            "amount_remaining": ZERO,
        }
    )
    made.credits.append({**record, "credit_id": f"C{number}", "record_type": "cashRefund", "number": f"CR{number}"})
    _add_line(made, order, "K", "SALE", "PRINCIPAL", total, day)
    _add_line(made, order, "K", "REFUND", "PRINCIPAL", -total, day)


def _paid_wrongly(made: History, number: int) -> None:
    """Two orders, settled in full; the payment of the one is applied to the other, by an amount that is no other's."""
    day, total = date(2026, 10, 3), Decimal(7_000_00 + number) / 100
    for place in (1, 2):
        order = f"111-{number:07d}-000000{place}"
        made.bills.append(
            {
                "billing_record_id": f"W{number}.{place}",
                "record_type": "invoice",
                "number": f"WINV{number}.{place}",
                "amazon_order_id": order,
                "date": day,
                "currency": "USD",
                "total": total,
                "amount_remaining": total if place == 1 else -total,
                "voided": False,
            }
        )
        _add_line(made, order, "K", "SALE", "PRINCIPAL", total, day)
    for part in (1, 2):
        _add_application(made, made.bills[-1], f"PW{number}.{part}", "customerPayment", total, day=day, voided=False)


def _random_order(dice: random.Random, made: History, number: int) -> str:
    order, ordered = _order_id(number), date(2026, 10, 1) + timedelta(days=dice.randrange(20))
    total = Decimal(dice.choice([1000, 2500, 997, dice.randrange(500, 30000)])) / 100
    currency = dice.choices(["USD", "EUR", "JPY"], [85, 10, 5])[0]
    items = [
        (f"{number:07d}{place}", f"S-{place}", dice.choice([1, 1, 2, 3])) for place in range(dice.choice([1, 1, 2]))
    ]
    has_order = dice.random() < 0.9
    if has_order:
        for copy in range(2 if dice.random() < 0.05 else 1):
            made.orders.append(_sales_order(dice, number, copy, order, ordered, currency, total))
    for part in range(dice.choice([0, 1, 1, 1, 1, 2, 2, 3])):
        bill: Row = {
            "billing_record_id": f"B{number}.{part}",
            "record_type": "invoice",
            "number": f"INV{number}.{part}",
            "sales_order_id": f"S{number}",
            "amazon_order_id": order if dice.random() < 0.7 or not has_order else None,
            "date": ordered + timedelta(days=dice.randrange(40)),
            "currency": currency,
            "total": total if dice.random() < 0.6 else total - 1,
            "amount_remaining": ZERO,
            "voided": dice.random() < 0.1,
        }
        made.bills.append(bill)
        _random_items(dice, made, bill["billing_record_id"], items)
    for part in range(dice.choice([0, 0, 0, 1, 1, 2])):
        made.credits.append(
            {
                "credit_id": f"C{number}.{part}",
                "record_type": "creditMemo",
                "number": f"CM{number}.{part}",
                "amazon_order_id": order,
                "date": ordered + timedelta(days=dice.randrange(40)),
                "currency": currency,
                "total": dice.choice([Decimal("5.00"), Decimal("10.00"), Decimal("9.97"), total]),
                "voided": dice.random() < 0.1,
            }
        )
    _random_lines(dice, made, order, currency, total, ordered, items)
    return currency


def _sales_order(
    dice: random.Random, number: int, copy: int, order: str, ordered: date, currency: str, total: Decimal
) -> Row:
    return {
        "sales_order_id": f"S{number}" + "x" * copy,
        "sales_order_number": f"SO{number}" + "x" * copy,
        "amazon_order_id": order,
        "order_date": ordered,
        "ship_date": ordered + timedelta(days=2) if dice.random() < 0.8 else None,
        "status": dice.choice("BCDEFGGGGH"),
        "marketplace": dice.choice([None, _MARKETPLACES[currency]]),
        "currency": currency,
        "total": total,
    }


def _random_items(dice: random.Random, made: History, record: str, items: list[tuple[str, str, int]]) -> None:
    """What a record bills of the order's items; sometimes nothing is known, sometimes no item id."""
    for place, (code, sku, units) in enumerate(items):
        if dice.random() < 0.75:
            made.bill_items.append(
                {
                    "billing_record_id": record,
                    "line": place + 1,
                    "sku": dice.choice([sku, sku, sku, "S-other", None]),
                    "order_item_code": code if dice.random() < 0.4 else None,
                    "quantity": dice.choice([units, units, 1, None]),
                }
            )


def _random_lines(
    dice: random.Random,
    made: History,
    order: str,
    currency: str,
    total: Decimal,
    ordered: date,
    items: list[tuple[str, str, int]],
) -> None:
    lines: list[tuple[str, str, Decimal]] = []
    taxed_promotion = False
    if dice.random() < 0.6:
        promotion = Decimal(dice.choice([0, 0, -100, -150])) / 100
        lines += [("SALE", "PRINCIPAL", total), ("SALE", "FEE_COMMISSION", Decimal("-1.50"))]
        lines += [("SALE", "PROMOTION", promotion)] if promotion else []
        taxed_promotion = bool(promotion) and dice.random() < 0.3
        if dice.random() < 0.3:
            lines += [("SALE", "TAX_PRINCIPAL", Decimal("0.83")), ("SALE", "TAX_WITHHELD", Decimal("-0.83"))]
    if dice.random() < 0.2:
        part = dice.choice([total, total, Decimal("3.33")])
        lines.append((dice.choice(["REFUND", "CHARGEBACK", "ATOZ"]), "PRINCIPAL", -part))
    for _ in range(dice.choice([0, 0, 1, 4])):
        lines.append((dice.choice(_EVENTS), dice.choice(_KINDS), Decimal(dice.randrange(-900, 900)) / 100))
    for event, kind, amount in lines:
        settlement = dice.choice([*SETTLEMENTS, "K", "K1"]) if dice.random() < 0.15 else _HOME[currency]
        posted = ordered + timedelta(days=dice.randrange(12))
        undated = dice.random() < 0.05 and SETTLEMENTS[settlement][3] is not None
        item = dice.choice(items) if dice.random() < 0.8 else None
        if item and event in ("REFUND", "CHARGEBACK", "ATOZ") and dice.random() < 0.1:
            item = (f"9{item[0][1:]}", item[1], item[2])  # an item that is none of the order's
        _add_line(made, order, settlement, event, kind, amount, None if undated else posted, item)
    if taxed_promotion:  # the tax of a promotion stands among the promotions
        _add_line(made, order, _HOME[currency], "SALE", "TAX_PRINCIPAL", Decimal("-0.08"), ordered)
        made.lines[-1]["amount_type"] = "Promotion"
    if dice.random() < 0.02 and lines:
        made.lines.append({**made.lines[-1]})  # byte-identical lines are legitimate


def _add_line(
    made: History,
    order: str,
    settlement: str,
    event: str,
    kind: str,
    amount: Decimal,
    posted: date | None,
    item: tuple[str, str, int] | None = None,
) -> None:
    currency = SETTLEMENTS[settlement][0]
    code, sku, units = item or (None, None, None)
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
            "currency": currency,
            "order_route": "amazon_order",
            "order_reference": order,
            "amazon_order_id": order,
            "order_item_code": code,
            "sku": sku,
            "quantity": units if kind == "PRINCIPAL" else None,
            "posted_at": _instant(posted),
            "posted_day": _day(posted) if posted else None,
            "marketplace": _MARKETPLACES[currency],
        }
    )


class _Pages:
    """What Amazon says of open money: answers of the Finances API, fetched twice; the second has the last word."""

    def __init__(self, made: History, dice: random.Random) -> None:
        self._made, self._dice = made, dice
        self._pages: dict[str, list[Row]] = {"a": [], "b": []}

    def written(self) -> list[Row]:
        return [*self._pages["a"], *self._pages["b"]]

    def add(self, order: str, currency: str) -> None:
        dice = self._dice
        if dice.random() < 0.6:
            return
        posted = date(2026, 10, 8) + timedelta(days=dice.randrange(30))
        name, released = f"T{order}", posted + timedelta(days=dice.randrange(9))
        lines = [
            ("SALE", "PRINCIPAL", Decimal(dice.choice([300, 1000, 2500])) / 100),
            ("SALE", "FEE_COMMISSION", Decimal("-0.75")),
        ]
        lines += [("SALE", "TAX_PRINCIPAL", Decimal("0.40")), ("SALE", "TAX_WITHHELD", Decimal("-0.40"))]
        lines += [("REFUND", "PRINCIPAL", Decimal("-2.00"))] if dice.random() < 0.2 else []
        first = dice.choice(["DEFERRED", "RELEASED"])
        settlement = dice.choice([None, None, None, _HOME[currency], "unknown"])
        common: dict[str, Any] = {"order": order, "currency": currency, "posted": posted, "settlement": settlement}
        self._write("a", name, first, released if first == "RELEASED" else None, lines, **common)
        again = dice.random()
        if again < 0.3:  # fetched again: released by now, or changed
            self._write("b", name, "RELEASED", released, lines[: dice.choice([2, 4])], **common)
        elif again < 0.4 and first == "DEFERRED":  # a transaction of its own releases it
            extra = json.dumps({"DEFERRED_TRANSACTION_ID": name})
            later = {**common, "posted": released + timedelta(days=1), "settlement": None}
            self._write("b", f"{name}-r", "RELEASED", released + timedelta(days=1), lines, extra=extra, **later)

    def _write(
        self,
        page: str,
        name: str,
        status: str,
        released: date | None,
        lines: list[tuple[str, str, Decimal]],
        *,
        order: str,
        currency: str,
        posted: date,
        settlement: str | None,
        extra: str | None = None,
    ) -> None:
        matures = posted + timedelta(days=7 + len(order) % 3) if status == "DEFERRED" else None
        for event, kind, amount in lines:
            self._pages[page].append(
                {
                    "settlement_id": settlement,
                    "seller_account": "main",
                    "source_digest": page * 64,
                    "source_line": len(self._pages[page]) + 1,
                    "event_class": event,
                    "line_kind": kind,
                    "transaction_type": "Shipment",
                    "amount_type": "any",
                    "amount_description": kind,
                    "amount": amount,
                    "currency": currency,
                    "order_route": "amazon_order",
                    "order_reference": order,
                    "amazon_order_id": order,
                    "posted_at": _instant(posted),
                    "posted_day": _day(posted),
                    "marketplace": _MARKETPLACES[currency],
                    "source_format": "FINANCES_TRANSACTIONS",
                    "transaction_id": name,
                    "transaction_status": status,
                    "released_at": _instant(released),
                    "maturity_at": _instant(matures),
                    "deferral_reason": "DD7" if matures else None,
                    "extra": extra,
                }
            )


def _random_applications(dice: random.Random, made: History) -> None:
    """Pay, credit and refund what was billed; mostly what is due, sometimes anything."""
    memos = [row for row in made.credits if row["record_type"] == "creditMemo"]
    of_order: dict[str, list[Row]] = defaultdict(list)
    for memo in memos:
        of_order[memo["amazon_order_id"]].append(memo)
    random_bills = [bill for bill in made.bills if not bill["number"].startswith("WINV")]
    for bill in random_bills:
        if bill["record_type"] == "cashSale" or dice.random() < 0.1:
            bill["record_type"] = "cashSale"
            continue
        for part in range(dice.choice([0, 1, 1, 1, 2])):
            share = dice.choice([bill["total"], bill["total"], bill["total"] - 1, Decimal("2.00"), Decimal("3.00")])
            name = f"P{bill['billing_record_id'] if dice.random() < 0.9 else dice.randrange(40)}.{part}"
            kind = dice.choice(["customerPayment"] * 9 + ["journalEntry"])
            _random_application(dice, made, bill, name, kind, share)
        own = of_order[bill["amazon_order_id"]]
        if memos and dice.random() < 0.3:
            memo = dice.choice(own or memos)
            if memo["currency"] == bill["currency"]:
                _random_application(dice, made, bill, memo["credit_id"], "creditMemo", Decimal("1.50"), memo)
    for memo in memos:
        if dice.random() < 0.5:
            share = dice.choice([memo["total"], memo["total"], Decimal("1.00")])
            _random_application(dice, made, memo, f"F{memo['credit_id']}", "customerRefund", share)
    paid: dict[str, Decimal] = defaultdict(lambda: ZERO)
    for row in made.applications:
        paid[row["billing_record_id"]] += ZERO if row["voided"] else row["amount"]
    for bill in random_bills:
        if bill["record_type"] == "invoice":
            odd = Decimal("0.25") if dice.random() < 0.05 else ZERO
            bill["amount_remaining"] = bill["total"] - paid[bill["billing_record_id"]] - odd


def _random_application(
    dice: random.Random, made: History, document: Row, payment: str, kind: str, amount: Decimal, memo: Row | None = None
) -> None:
    day = memo["date"] if memo else document["date"] + timedelta(days=dice.randrange(-5, 30))
    voided = bool(memo and memo["voided"]) or dice.random() < 0.05
    _add_application(made, document, payment, kind, amount, day=day, voided=voided)


def _add_application(
    made: History, document: Row, payment: str, kind: str, amount: Decimal, *, day: date, voided: bool
) -> None:
    made.applications.append(
        {
            "payment_id": payment,
            "record_type": kind,
            "number": payment,
            "date": day,
            "currency": document["currency"],
            "billing_record_id": document.get("billing_record_id"),
            "credit_id": document.get("credit_id"),
            "amazon_order_id": document["amazon_order_id"],
            "amount": amount,
            "voided": voided,
        }
    )
