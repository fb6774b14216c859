"""A small, coherent reconciliation in four currencies, with names that try to break whatever shows them."""

from __future__ import annotations

from dataclasses import MISSING, fields
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pandas as pd
import pyarrow as pa

from nsbill import schemas
from nsbill.money import MONEY, ZERO
from nsbill.reconcile import Reconciliation
from nsbill.schema import COUNT, FLAG, Schema
from nsbill.schemas import EXCEPTIONS, SETTLEMENTS, STATEMENT, TOTALS
from nsbill.vocabulary import AgingBucket, ExceptionClass, StatementStatus, TaxMode, TieState

AS_OF = date(2026, 10, 31)
SCRIPT = "<script>alert(1)</script>"
FORMULA = '=HYPERLINK("http://evil.example","click")'
RIGHT_TO_LEFT = "abc\u202edef\u202c"
LONG = "L" * 200
HOSTILE = (SCRIPT, FORMULA, RIGHT_TO_LEFT, LONG, "+1+1", "-2", "@SUM(A1)", "\tx", "a & b <b>bold</b>")


def order_row(
    amazon_order_id: str,
    currency: str = "USD",
    *,
    billed: str = "0",
    received_gross: str = "0",
    credited: str = "0",
    refunded: str = "0",
    fees: str = "0",
    reimbursed: str = "0",
    age: int | None = None,
    seller: str = "main",
    marketplace: str = "Amazon.com",
    status: StatementStatus = StatementStatus.AWAITING_SETTLEMENT,
    explanation: str = "Billed; no settlement names it yet.",
) -> dict[str, Any]:
    """One statement row whose derived amounts follow domain reference 2.2."""
    b, g, c, r, f, m = (Decimal(text) for text in (billed, received_gross, credited, refunded, fees, reimbursed))
    sale_leg, refund_leg = b - g, c - r
    due = sale_leg - max(refund_leg, ZERO)
    return {
        "seller_account": seller, "amazon_order_id": amazon_order_id, "currency": currency, "marketplace": marketplace,
        "sales_order_id": "5001", "sales_order_number": "SO5001", "order_status": "G",
        "order_date": AS_OF - timedelta(days=40), "ship_date": AS_OF - timedelta(days=38),
        "billing_records": "INV7001", "first_billed": AS_OF - timedelta(days=37), "last_posted": None,
        "billed_gross": b, "credited": c, "received_gross": g, "refunded": r, "received": g - r, "fee_withheld": f,
        "tax_collected": ZERO, "tax_withheld": ZERO, "reimbursed": m, "adjustments": ZERO, "net_cash": g - r - f + m,
        "due_unposted": max(ZERO, sale_leg), "due_short": ZERO,
        "sale_leg": sale_leg, "refund_leg": refund_leg, "due": due, "overpaid": max(ZERO, -sale_leg),
        "uncredited_refund": max(ZERO, -refund_leg), "refund_in_transit": max(ZERO, refund_leg),
        "status": status.value, "expected_settled": AS_OF - timedelta(days=age) if age is not None else None,
        "age_days": age, "aging_bucket": bucket(age) if due > 0 and age is not None else None,
        "explanation": explanation,
    }  # fmt: skip


def bucket(age: int) -> str:
    """The AgingBucket of an age in days."""
    for limit, name in zip((0, 7, 14, 30, 60, 90), AgingBucket, strict=False):
        if age <= limit:
            return name.value
    return AgingBucket.OVER_90.value


def statement_of(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """A checked STATEMENT frame."""
    return STATEMENT.frame([{**_given(STATEMENT), **row} for row in rows])


def sample_statement(orders: int = 60) -> pd.DataFrame:
    """Orders in USD, EUR, GBP and JPY in all states, then the hostile ones."""
    rows = [_ordinary(index) for index in range(orders)]
    for name in HOSTILE:
        rows.append(order_row(name, "USD", billed="10.00", age=3, marketplace=name, explanation=name, seller=name))
    return statement_of(rows)


def sample_reconciliation(orders: int = 60, *, statement: pd.DataFrame | None = None) -> Reconciliation:
    """A reconciliation around the statement; its totals are the statement's."""
    frame = sample_statement(orders) if statement is None else statement
    exceptions = _exceptions()
    parts: dict[str, Any] = {
        "as_of": AS_OF, "tax_mode": TaxMode.EXCLUDE, "statement": frame, "exceptions": exceptions,
        "settlements": _settlements(), "totals": totals_of(frame, exceptions),
    }  # fmt: skip
    for field in fields(Reconciliation):  # whatever else it has by now is empty here
        if field.name not in parts and field.default is MISSING and field.default_factory is MISSING:
            parts[field.name] = getattr(schemas, field.name.upper()).frame()
    return Reconciliation(**parts)


def _given(schema: Schema) -> dict[str, Any]:
    """What a row has when nothing is said: nothing of every amount, the usual of every state."""
    usual = {"tax_mode": TaxMode.EXCLUDE.value}
    empty: dict[pa.DataType, Any] = {MONEY: ZERO, COUNT: 0, FLAG: False}
    return {
        column.name: empty.get(column.type, usual.get(column.name, "none"))
        for column in schema.columns
        if not column.nullable
    }


def totals_of(statement: pd.DataFrame, exceptions: pd.DataFrame) -> pd.DataFrame:
    """TOTALS by plain Python, so that what is shown is compared with sums made elsewhere."""
    rows: list[dict[str, Any]] = []
    currencies = sorted({*statement["currency"], *exceptions["currency"]})
    for currency in currencies:
        mine = statement[statement["currency"] == currency].to_dict("records")
        row: dict[str, Any] = {"currency": currency, "orders": len(mine)}
        for name in TOTALS.money:
            row[name] = sum((r[name] for r in mine), ZERO)
        row["exceptions"] = int((exceptions["currency"] == currency).sum())
        rows.append(row)
    return TOTALS.frame([{**_given(TOTALS), **row} for row in rows])


def _ordinary(index: int) -> dict[str, Any]:
    currency = ("USD", "EUR", "GBP", "JPY", "USD", "USD")[index % 6]
    marketplace = {"USD": "Amazon.com", "EUR": "Amazon.de", "GBP": "Amazon.co.uk", "JPY": "Amazon.co.jp"}[currency]
    unit = Decimal(1) if currency == "JPY" else Decimal("0.01")
    billed = (Decimal(1900 + 737 * (index % 29)) * (Decimal("0.01") if currency != "JPY" else Decimal(1))).quantize(
        unit
    )
    amazon = f"{111 + index % 9}-{1000000 + index:07d}-{7000000 - index:07d}"
    fees = (billed * Decimal("0.15")).quantize(unit)
    part = (billed * Decimal("0.4")).quantize(unit)
    s = StatementStatus
    shape: dict[str, Any] = (
        {"billed": billed, "age": index % 110 - 10, "explanation": "Billed; no settlement names it yet."},
        {"billed": billed, "received_gross": billed, "fees": fees, "status": s.SETTLED, "explanation": "Settled in full."},
        {"billed": billed, "received_gross": part, "fees": fees, "age": index % 40, "status": s.PARTIALLY_SETTLED, "explanation": "One of two shipments is settled."},
        {"billed": billed, "received_gross": billed, "refunded": part, "fees": fees, "status": s.REFUND_UNCREDITED, "explanation": "Amazon refunded the buyer; NetSuite has no credit memo."},
        {"billed": billed, "received_gross": billed, "credited": part, "fees": fees, "status": s.REFUND_IN_TRANSIT, "explanation": "A credit memo waits for Amazon's refund."},
        {"billed": billed, "received_gross": billed + unit * 300, "fees": fees, "status": s.OVERPAID, "explanation": "Amazon paid more than was billed."},
        {"received_gross": part, "refunded": billed, "reimbursed": part, "status": s.NOT_BILLED, "explanation": "Settled, but never billed."},
    )[index % 7]  # fmt: skip
    fields: dict[str, Any] = {key: str(value) if isinstance(value, Decimal) else value for key, value in shape.items()}
    return order_row(amazon, currency, marketplace=marketplace, **fields)


def _exceptions() -> pd.DataFrame:
    kinds = list(ExceptionClass)
    rows: list[dict[str, object]] = [
        {
            "exception_class": kinds[index % len(kinds)].value, "seller_account": "main",
            "amazon_order_id": f"111-{1000000 + index}-{7000000 - index}", "settlement_id": None,
            "currency": ("USD", "EUR", "GBP", "JPY")[index % 4], "amount": Decimal(100 + index),
            "evidence": f"settlement 500{index}, lines 12 and 13", "action": "Raise a credit memo, then look again.",
        }
        for index in range(12)
    ]  # fmt: skip
    rows += [
        {
            "exception_class": ExceptionClass.ORPHAN_ORDER_ID.value, "seller_account": name, "amazon_order_id": name,
            "settlement_id": name, "currency": "USD", "amount": Decimal("-1.50"), "evidence": name, "action": name,
        }
        for name in HOSTILE
    ]  # fmt: skip
    return EXCEPTIONS.frame([{**_given(EXCEPTIONS), **row} for row in rows])


def _settlements() -> pd.DataFrame:
    rows: list[dict[str, object]] = []
    for index, (currency, stated, lines, ties) in enumerate(
        (
            ("USD", Decimal("5349.53"), Decimal("5349.53"), TieState.TIES),
            ("EUR", Decimal("701.00"), Decimal("700.99"), TieState.DOES_NOT_TIE),
            ("JPY", None, Decimal(12000), TieState.CANNOT_TIE),
        )
    ):
        rows.append(
            {
                "settlement_id": f"1234567{index}", "seller_account": "main", "currency": currency,
                "marketplace": "Amazon.com", "period_start": datetime(2026, 10, 1, 7, 0, tzinfo=UTC),
                "period_end": datetime(2026, 10, 15, 7, 0, tzinfo=UTC), "deposit_date": date(2026, 10, 17),
                "deposit_day": 20743, "total_amount": stated, "lines_total": lines,
                "residual": None if stated is None else lines - stated, "lines": 210, "unclassified_lines": 0,
                "ties": ties.value, "source_name": HOSTILE[index], "source_digest": "ab" * 32,
            }
        )  # fmt: skip
    return SETTLEMENTS.frame([{**_given(SETTLEMENTS), **row} for row in rows])
