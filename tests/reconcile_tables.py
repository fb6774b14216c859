"""Small text tables for the reconciliation's tests: what is in the books and the settlements, cell by cell.

Columns are separated by ``|``; an empty cell is null; what a table leaves out gets a harmless default.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pandas as pd

from nsbill import schemas
from nsbill.reconcile import ReconcileRules, Reconciliation, reconcile
from nsbill.reconcile.book_facts import BookFacts
from nsbill.vocabulary import EventClass, LineKind, OrderRoute

SELLER = "main"


def order_id(name: str) -> str:
    """A well-formed Amazon order id for a speaking name; the same one for the same name."""
    return f"111-{zlib.crc32(name.encode()) % 10**7:07d}-0000001"


TRANSACTION_TYPES = {
    "Order": EventClass.SALE,
    "Refund": EventClass.REFUND,
    "Chargeback Refund": EventClass.CHARGEBACK,
    "A-to-z Guarantee Refund": EventClass.ATOZ,
    "Order_Retrocharge": EventClass.RETROCHARGE,
    "SAFE-T Reimbursement": EventClass.REIMBURSEMENT,
    "other-transaction": EventClass.ACCOUNT,
}

Row = dict[str, str | None]


def table(text: str) -> list[Row]:
    """Read a text table: one mapping of header to cell for each row."""
    rows = [[cell.strip() for cell in line.split("|")] for line in text.splitlines() if line.strip()]
    if not rows:
        return []
    header = rows[0]
    return [{name: cell or None for name, cell in zip(header, row, strict=True)} for row in rows[1:]]


@dataclass(frozen=True)
class Case:
    """The inputs of one reconciliation, as text tables."""

    as_of: str = "2026-11-30"
    orders: str = ""
    bills: str = ""
    credits: str = ""
    lines: str = ""
    applications: str | None = None
    settlements: str = "settlement | end\nK | 2026-10-14\nK1 | 2026-10-28"
    rules: dict[str, object] = field(default_factory=dict)
    facts: BookFacts | None = None

    def with_(self, **changes: object) -> Case:
        """The same case with other tables."""
        return replace(self, **changes)  # type: ignore[arg-type]

    def frames(self) -> dict[str, pd.DataFrame]:
        """The frames that ``reconcile`` takes; that of applications only when there is a table of them."""
        lines = line_frame(table(self.lines))
        bills, credits_ = table(self.bills), table(self.credits)
        frames = {
            "orders": order_frame(table(self.orders)),
            "billing_records": bill_frame(bills),
            "credits": credit_frame(credits_),
            "lines": lines,
            "settlements": settlement_frame(table(self.settlements), lines),
        }
        if self.applications is not None:
            applied = table(self.applications)
            frames["billing_records"] = bill_frame(_with_remaining(bills, applied))
            frames["applications"] = application_frame(applied, frames["billing_records"], frames["credits"])
        return frames

    def run(self, *, files: Sequence[Path] | None = None) -> Reconciliation:
        """Reconcile; from Parquet files when given."""
        frames: dict[str, object] = dict(self.frames())
        if files is not None:
            frames["lines"] = list(files)
        return reconcile(**frames, rules=self.reconcile_rules(), facts=self.facts)  # type: ignore[arg-type]

    def reconcile_rules(self) -> ReconcileRules:
        """The rules of this case."""
        return ReconcileRules(as_of=date.fromisoformat(self.as_of), seller_account=SELLER, **self.rules)  # type: ignore[arg-type]


def records(frame: pd.DataFrame) -> list[dict[str, object]]:
    """The rows of a result as plain Python values; what is empty is None."""
    import pyarrow as pa

    rows: list[dict[str, object]] = pa.Table.from_pandas(frame, preserve_index=False).to_pylist()
    return rows


def statement_row(result: Reconciliation, order: str = "A", currency: str = "USD") -> dict[str, object]:
    """The one statement row of an order and currency."""
    found = [
        row
        for row in records(result.statement)
        if (row["amazon_order_id"], row["currency"]) == (order_id(order), currency)
    ]
    assert len(found) == 1, found
    return found[0]


def found_exceptions(result: Reconciliation, *names: str) -> list[tuple[str, str, str, str]]:
    """Class, order by its name, currency and amount of each exception, sorted; an order not named shows its id."""
    known = {order_id(name): name for name in (*names, "A", "B", "C", "D")}
    return sorted(
        (
            str(row["exception_class"]),
            known.get(str(row["amazon_order_id"]), str(row["amazon_order_id"] or "")),
            str(row["currency"]),
            str(row["amount"]),
        )
        for row in records(result.exceptions)
    )


def exception_row(result: Reconciliation, name: str) -> dict[str, object]:
    """The only exception of a class."""
    (found,) = [row for row in records(result.exceptions) if row["exception_class"] == name]
    return found


def order_frame(rows: list[Row]) -> pd.DataFrame:
    """ORDERS of ``order, total`` and optionally any other column; ``id`` defaults to 5001, 5002, …."""
    return schemas.ORDERS.frame(
        [
            {
                "sales_order_id": row.get("id") or str(5001 + place),
                "sales_order_number": row.get("number") or f"SO{row.get('id') or 5001 + place}",
                "amazon_order_id": _order(row.get("order")),
                "order_date": _date(row.get("date") or "2026-09-28"),
                "ship_date": _date(row.get("ship")),
                "status": row.get("status") or "G",
                "marketplace": row.get("marketplace"),
                "currency": row.get("currency") or "USD",
                "total": Decimal(row.get("total") or "0.00"),
            }
            for place, row in enumerate(rows)
        ]
    )


def bill_frame(rows: list[Row]) -> pd.DataFrame:
    """BILLING_RECORDS of ``order, number, date, total``; ``sales_order`` instead of ``order`` links by sales order."""
    return schemas.BILLING_RECORDS.frame(
        [
            {
                "billing_record_id": row.get("id") or str(7001 + place),
                "record_type": row.get("type") or "invoice",
                "number": row.get("number") or f"INV{7001 + place}",
                "sales_order_id": row.get("sales_order"),
                "amazon_order_id": _order(row.get("order")),
                "date": _date(row.get("date") or "2026-10-01"),
                "currency": row.get("currency") or "USD",
                "total": Decimal(row["total"] or ""),
                "amount_remaining": Decimal(row.get("remaining") or "0.00"),
                "voided": row.get("voided") == "T",
            }
            for place, row in enumerate(rows)
        ]
    )


def credit_frame(rows: list[Row]) -> pd.DataFrame:
    """CREDITS of ``order, date, total``."""
    return schemas.CREDITS.frame(
        [
            {
                "credit_id": row.get("id") or str(9001 + place),
                "record_type": row.get("type") or "creditMemo",
                "number": row.get("number") or f"CM{9001 + place}",
                "amazon_order_id": _order(row.get("order")),
                "date": _date(row.get("date") or "2026-10-30"),
                "currency": row.get("currency") or "USD",
                "total": Decimal(row["total"] or ""),
                "voided": row.get("voided") == "T",
            }
            for place, row in enumerate(rows)
        ]
    )


def application_frame(rows: list[Row], bills: pd.DataFrame, memos: pd.DataFrame) -> pd.DataFrame:
    """APPLICATIONS of ``number, to, amount`` and optionally ``type, date``; ``to`` and ``number`` are documents' numbers.

    A credit memo that pays has its own id; every other payment's id is its number.
    """
    of_bills = {str(row["number"]): row for row in records(bills)}
    of_memos = {str(row["number"]): row for row in records(memos)}
    made: list[dict[str, object]] = []
    for row in rows:
        number, paid = str(row["number"]), str(row["to"])
        document = of_bills.get(paid) or of_memos.get(paid) or {}
        payer = of_memos.get(number)
        made.append(
            {
                "payment_id": payer["credit_id"] if payer else number,
                "record_type": row.get("type") or ("creditMemo" if payer else "customerPayment"),
                "number": number,
                "date": _date(row.get("date")) or (payer["date"] if payer else date(2026, 10, 20)),
                "currency": row.get("currency") or document.get("currency") or "USD",
                "billing_record_id": document.get("billing_record_id", paid if not document else None),
                "credit_id": document.get("credit_id"),
                "amazon_order_id": document.get("amazon_order_id"),
                "amount": Decimal(row["amount"] or ""),
                "voided": row.get("voided") == "T",
            }
        )
    return schemas.APPLICATIONS.frame(made)


def _with_remaining(bills: list[Row], applied: list[Row]) -> list[Row]:
    """Say of each invoice that names nothing else that what is applied is all that is paid."""
    paid: dict[str | None, Decimal] = {}
    for row in applied:
        if row.get("voided") != "T":
            paid[row["to"]] = paid.get(row["to"], Decimal("0.00")) + Decimal(row["amount"] or "")
    found: list[Row] = []
    for row in bills:
        cash = row.get("type") == "cashSale"
        left = Decimal("0.00") if cash else Decimal(row["total"] or "") - paid.get(row.get("number"), Decimal("0.00"))
        found.append({**row, "remaining": row.get("remaining") or str(left)})
    return found


def line_frame(rows: list[Row]) -> pd.DataFrame:
    """LINES of ``settlement, type, order, kind, amount``; file lines count up from 2 within each settlement."""
    next_line: dict[str, int] = {}
    made = []
    for row in rows:
        settlement = row["settlement"] or ""
        next_line[settlement] = next_line.get(settlement, 1) + 1
        made.append(_line(row, settlement, next_line[settlement]))
    return schemas.LINES.frame(made)


def _line(row: Row, settlement: str, source_line: int) -> dict[str, object]:
    order = _order(row.get("order"))
    route = OrderRoute.AMAZON_ORDER if order else OrderRoute.NONE
    reference = order
    if row.get("reference"):
        route, reference = OrderRoute.MALFORMED, row["reference"]
    posted = _date(row.get("posted") if "posted" in row else "2026-10-10")
    kind = LineKind[row["kind"] or ""]
    return {
        "settlement_id": settlement,
        "seller_account": row.get("seller") or SELLER,
        "source_digest": "d" * 64,
        "source_line": source_line,
        "event_class": row.get("event") or TRANSACTION_TYPES[row["type"] or ""].value,
        "line_kind": kind.value,
        "transaction_type": row["type"],
        "amount_type": row.get("amount type") or "ItemPrice",
        "amount_description": row.get("description") or kind.value,
        "amount": Decimal(row["amount"] or ""),
        "currency": row.get("currency") or "USD",
        "order_route": route.value,
        "order_reference": reference,
        "amazon_order_id": order if route is OrderRoute.AMAZON_ORDER else None,
        "posted_at": datetime(posted.year, posted.month, posted.day, 12, tzinfo=UTC) if posted else None,
        "posted_day": (posted - date(1970, 1, 1)).days if posted else None,
        "marketplace": row.get("marketplace"),
        "order_item_code": row.get("item"),
        "sku": row.get("sku"),
    }


def settlement_frame(rows: list[Row], lines: pd.DataFrame) -> pd.DataFrame:
    """SETTLEMENTS of ``settlement, end``; sums and counts come from the lines. Those without lines are kept."""
    made: list[dict[str, object]] = []
    for row in rows:
        own = [line for line in records(lines) if line["settlement_id"] == row["settlement"]]
        total = sum((Decimal(str(line["amount"])) for line in own), Decimal("0.00"))
        stated = Decimal(row.get("states") or str(total))
        start, end, deposit = (_date(row.get(name)) for name in ("start", "end", "deposit"))
        made.append(
            {
                "settlement_id": row["settlement"],
                "seller_account": row.get("seller") or SELLER,
                "currency": row.get("currency") or "USD",
                "period_start": datetime(start.year, start.month, start.day, 7, tzinfo=UTC) if start else None,
                "period_end": datetime(end.year, end.month, end.day, 7, tzinfo=UTC) if end else None,
                "deposit_date": deposit,
                "deposit_day": (deposit - date(1970, 1, 1)).days if deposit else None,
                "total_amount": stated,
                "lines_total": total,
                "residual": total - stated,
                "lines": len(own),
                "unclassified_lines": sum(line["line_kind"] == "UNCLASSIFIED" for line in own),
                "ties": "ties" if total == stated else "does_not_tie",
                "source_name": f"{row['settlement']}.txt",
                "source_digest": "d" * 64,
            }
        )
    return schemas.SETTLEMENTS.frame(made)


def _order(text: str | None) -> str | None:
    return order_id(text) if text else None


def _date(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
