"""Orders and billing records written as small text tables, for the tests of planning and billing."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pandas as pd

from nsbill.schemas import BILLING_RECORDS, ORDERS


def amazon_id(number: int) -> str:
    """A well-formed Amazon order id."""
    return f"111-0000000-{number:07d}"


def rows(text: str) -> list[dict[str, str | None]]:
    """Read ``a | b`` lines below a header line; ``-`` is empty."""
    lines = [[cell.strip() for cell in line.split("|")] for line in text.strip().splitlines()]
    return [dict(zip(lines[0], [None if c == "-" else c for c in line], strict=True)) for line in lines[1:]]


def orders(text: str) -> pd.DataFrame:
    """Columns: id | amazon | status | total | currency | payment. ``amazon``: a number, or any text."""
    return ORDERS.frame(
        [
            {
                "sales_order_id": row["id"],
                "sales_order_number": f"SO{row['id']}",
                "amazon_order_id": _amazon(row["amazon"]),
                "order_date": date(2026, 10, 1),
                "ship_date": date(2026, 10, 3),
                "status": row["status"],
                "currency": row.get("currency") or "USD",
                "total": Decimal(row["total"] or 0),
                "payment_method": row.get("payment"),
                "route_value": row.get("payment"),
            }
            for row in rows(text)
        ]
    )


def bills(text: str) -> pd.DataFrame:
    """Columns: id | order | amazon | total | currency | voided."""
    return BILLING_RECORDS.frame(
        [
            {
                "billing_record_id": row["id"],
                "record_type": "invoice",
                "number": f"INV{row['id']}",
                "sales_order_id": row["order"],
                "amazon_order_id": _amazon(row["amazon"]),
                "date": date(2026, 10, 5),
                "currency": row.get("currency") or "USD",
                "total": Decimal(row["total"] or 0),
                "amount_remaining": Decimal(0),
                "voided": row.get("voided") == "T",
            }
            for row in rows(text)
        ]
    )


def _amazon(text: str | None) -> str | None:
    return amazon_id(int(text)) if text and text.isdigit() else text
