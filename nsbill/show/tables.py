"""The tables of a reconciliation and of a billing run, ready for a notebook, a report or the command line."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from nsbill.money import format_money, format_totals
from nsbill.schemas import EXCEPTIONS, PLAN_SKIPPED, PLAN_TO_BILL, TOTALS
from nsbill.show.names import code_text, column_title
from nsbill.show.table import Table, money_table, text_table

if TYPE_CHECKING:
    from nsbill.billing.plan import Plan

__all__ = [
    "Table",
    "exceptions_summary",
    "exceptions_table",
    "money_table",
    "outcomes_table",
    "plan_tables",
    "settlements_table",
    "statement_table",
    "text_table",
    "totals_table",
]

STATEMENT_COLUMNS = (
    "amazon_order_id", "marketplace", "billed_gross", "received_gross", "refunded", "credited",
    "due", "currency", "status", "aging_bucket", "explanation",
)  # fmt: skip


def statement_table(
    statement: pd.DataFrame,
    *,
    currency: str | None = None,
    limit: int | None = 20,
    columns: Sequence[str] = STATEMENT_COLUMNS,
    caption: str = "",
) -> Table:
    """Show the orders with the largest due first, of one currency or of each in turn; columns of STATEMENT."""
    rows = pa.Table.from_pandas(statement, preserve_index=False)
    if currency is not None:
        rows = rows.filter(pc.equal(rows["currency"], currency))
        columns = [name for name in columns if name != "currency"]  # the caption names it
    rows = rows.take(
        pc.sort_indices(rows, [("currency", "ascending"), ("due", "descending"), ("amazon_order_id", "ascending")])
    )
    what = caption or f"Received versus due per Amazon order{f', {currency}' if currency else ''}"
    return money_table(_frame(rows), columns, caption=what, limit=limit, empty_note="no Amazon orders")


def exceptions_table(exceptions: pd.DataFrame, *, currency: str | None = None, limit: int | None = 20) -> Table:
    """Show what is wrong, the largest amounts first; columns of EXCEPTIONS."""
    rows = pa.Table.from_pandas(exceptions, preserve_index=False)
    if currency is not None:
        rows = rows.filter(pc.equal(rows["currency"], currency))
    rows = rows.append_column("size", pc.abs(rows["amount"]))
    order = [
        ("currency", "ascending"),
        ("size", "descending"),
        ("exception_class", "ascending"),
        ("evidence", "ascending"),
    ]
    columns = ["exception_class", "amazon_order_id", "settlement_id", "amount", "currency", "evidence", "action"]
    sorted_rows = _frame(rows.take(pc.sort_indices(rows, order)))
    return money_table(sorted_rows, columns, caption="Exceptions", limit=limit, empty_note="no exceptions")


def exceptions_summary(exceptions: pd.DataFrame) -> Table:
    """Count the exceptions per class and currency, with the money in question."""
    rows = pa.Table.from_pandas(exceptions[EXCEPTIONS.names], preserve_index=False)
    return _counted(
        rows,
        ["exception_class", "currency"],
        "amount",
        caption="Exceptions by class",
        unit="cases",
        empty_note="no exceptions",
    )


def settlements_table(settlements: pd.DataFrame, *, limit: int | None = 20) -> Table:
    """Show whether the lines of each settlement add up to its stated total; columns of SETTLEMENTS."""
    columns = [
        "settlement_id", "period_start", "period_end", "deposit_date", "currency",
        "total_amount", "lines_total", "residual", "ties", "lines", "unclassified_lines", "source_name",
    ]  # fmt: skip
    return money_table(
        settlements, columns, caption="Settlements and tie-out", limit=limit, empty_note="no settlements"
    )


def totals_table(totals: pd.DataFrame) -> Table:
    """Show the totals, one column per currency; currencies stand side by side and are never added."""
    rows = pa.Table.from_pandas(totals[TOTALS.names], preserve_index=False).to_pylist()
    measures = [name for name in TOTALS.names if name != "currency"]
    body = tuple((column_title(name), *(_measure(row[name], row["currency"]) for row in rows)) for name in measures)
    return Table(
        caption="Totals per currency",
        headers=("", *(str(row["currency"]) for row in rows)),
        numeric=(False, *(True for _ in rows)),
        rows=body if rows else (),
        empty_note="no Amazon orders",
    )


def plan_tables(plan: Plan, *, limit: int | None = 20) -> tuple[Table, ...]:
    """Show a plan: totals of what it bills, reasons of what it skips, then the orders of both."""
    to_bill = pa.Table.from_pandas(plan.to_bill[PLAN_TO_BILL.names], preserve_index=False)
    skipped = pa.Table.from_pandas(plan.skipped[PLAN_SKIPPED.names], preserve_index=False)
    nothing = "nothing to bill"
    columns = [
        "sales_order_number",
        "amazon_order_id",
        "record_type",
        "transaction_date",
        "amount",
        "currency",
        "customer",
    ]
    left_out = ["sales_order_number", "amazon_order_id", "amount", "currency", "reason", "explanation"]
    total = format_totals(plan.totals)
    return (
        _counted(
            to_bill,
            ["record_type", "currency"],
            "amount",
            caption=f"To bill: {total}",
            unit="orders",
            empty_note=nothing,
        ),
        _counted(
            skipped,
            ["reason", "currency"],
            "amount",
            caption="Skipped by reason",
            unit="orders",
            empty_note="nothing skipped",
        ),
        money_table(plan.to_bill, columns, caption="Orders to bill", limit=limit, empty_note=nothing),
        money_table(plan.skipped, left_out, caption="Orders skipped", limit=limit, empty_note="nothing skipped"),
    )


def outcomes_table(outcomes: pd.DataFrame, *, limit: int | None = 20) -> Table:
    """Show how a run went, order by order; columns of OUTCOMES."""
    columns = [
        "sales_order_number",
        "amazon_order_id",
        "record_type",
        "outcome",
        "record_id",
        "amount",
        "currency",
        "message",
    ]
    titles = {"record_type": "Record"}
    return money_table(
        outcomes, columns, caption="Outcomes", limit=limit, titles=titles, empty_note="nothing was planned"
    )


def _counted(rows: pa.Table, by: list[str], money: str, *, caption: str, unit: str, empty_note: str) -> Table:
    """Count and sum per group; groups in the order of their names."""
    groups = (
        rows.group_by(by).aggregate([(money, "sum"), ([], "count_all")]).sort_by([(name, "ascending") for name in by])
    )
    body = tuple(
        (code_text(row[by[0]] or ""), f"{row['count_all']:,}", _group_sum(row[f"{money}_sum"], row["currency"]))
        for row in groups.to_pylist()
    )
    headers = (column_title(by[0]), unit.capitalize(), column_title(money))
    return Table(caption=caption, headers=headers, numeric=(False, True, True), rows=body, empty_note=empty_note)


def _group_sum(amount: Decimal | None, currency: str | None) -> str:
    return format_money(amount if currency else None, currency or "")


def _measure(value: Decimal | int, currency: str) -> str:
    return format_money(value, currency) if isinstance(value, Decimal) else f"{value:,}"


def _frame(table: pa.Table) -> pd.DataFrame:
    frame: pd.DataFrame = table.to_pandas(types_mapper=pd.ArrowDtype)
    return frame
