"""Small text tables of exceptions, for the tests of the queue."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pandas as pd

from nsbill.exception_queue import ExceptionQueue, Taking
from nsbill.schemas import EXCEPTIONS

__all__ = ["ACCOUNT", "TODAY", "day", "exceptions", "order_number", "stands", "take"]

ACCOUNT = "1_SB1"
TODAY = date(2026, 11, 28)
_CLASSES = {"short": "SHORT_SETTLED", "over": "OVERPAID", "odd": "MALFORMED_ORDER_ID", "label": "UNCLASSIFIED_LINE"}


def order_number(number: int) -> str:
    """The Amazon order id that the tables call by a number."""
    return f"111-{number:07d}-0000000"


def day(text: str) -> date:
    """``11-05`` is that day of 2026."""
    return date.fromisoformat(f"2026-{text}")


def exceptions(table: str) -> pd.DataFrame:
    """EXCEPTIONS from ``class order-number|reference amount [currency] [evidence…]``, one row each, by ``;`` or line."""
    rows: list[dict[str, object]] = []
    for line in filter(None, (line.strip() for line in table.replace(";", "\n").splitlines())):
        name, which, amount, *rest = line.split()
        of_order = which.isdigit()
        rows.append(
            {
                "exception_class": _CLASSES[name],
                "seller_account": "main",
                "amazon_order_id": order_number(int(which)) if of_order else None,
                "settlement_id": None if of_order else "900",
                "reference": None if of_order else which,
                "currency": rest[0] if rest else "USD",
                "amount": Decimal(amount),
                "evidence": " ".join(rest[1:]) or "settlement 900, line 7",
                "action": "Look at it.",
            }
        )
    return EXCEPTIONS.frame(rows)


def take(queue: ExceptionQueue, as_of: str, table: str) -> Taking:
    """Take in a table as of a day."""
    return queue.take_in(exceptions(table), as_of=day(as_of), today=TODAY)


def stands(queue: ExceptionQueue) -> list[str]:
    """How every exception stands: ``E-1 10.00 open``, and ``gone`` when it is not found any more."""
    frame = queue.frame()
    rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
    return [
        f"{row['exception_id']} {row['amount']} {row['state']}" + (" gone" if row["gone_since"] else "") for row in rows
    ]
