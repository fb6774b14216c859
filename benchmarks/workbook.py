"""The Excel workbook of many orders, beside plain ``pandas.to_excel`` of the same statement, each in its own process.

pandas writes one sheet with values through XlsxWriter: no formulas, no formats per currency, no guard, no other sheets.
Peak memory is that of the whole process, with the frame that is written.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from nsbill.money import MONEY, ZERO
from nsbill.reconcile import Reconciliation
from nsbill.schemas import EXCEPTIONS, SETTLEMENTS, STATEMENT, TOTALS, Column
from nsbill.show.workbook import write_workbook
from nsbill.show.workbook_formulas import formulas_of
from nsbill.vocabulary import ExceptionClass, StatementStatus, TaxMode

__all__ = ["Figure", "main", "sample"]

AS_OF = date(2026, 10, 31)
_CURRENCIES = ("USD", "EUR", "GBP", "JPY")
_EXCEPTIONS_PER_ORDER = 0.02


@dataclass(frozen=True)
class Figure:
    """One way and what it cost."""

    benchmark: str
    way: str
    orders: int
    columns: int
    seconds: float
    cpu_seconds: float
    peak_mb: int
    file_mb: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.workbook", description=__doc__)
    parser.add_argument("--orders", type=int, default=100_000, help="rows of the statement (default 100,000)")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--way", choices=_WAYS, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.way:
        print(json.dumps(asdict(_measure(options.way, options.orders))))
        return 0
    figures = [_in_a_process(way, options.orders) for way in _WAYS]
    ours, plain = figures
    ratio = {
        "benchmark": "workbook ratios",
        "orders": options.orders,
        "ratio_to_pandas": round(ours.seconds / plain.seconds, 3),
        "ratio_to_pandas_cpu": round(ours.cpu_seconds / plain.cpu_seconds, 3),
        "peak_mb": ours.peak_mb,
    }
    for text in _as_json(figures, ratio) if options.json else _as_table(figures, ratio):
        print(text)
    return 0


def sample(orders: int) -> Reconciliation:
    """Make a reconciliation of this size: four currencies, every state, two exceptions in a hundred orders."""
    random = np.random.default_rng(6)
    billed = random.integers(500, 30_000, orders)
    state = random.integers(0, 6, orders)
    whole = np.arange(orders) % len(_CURRENCIES) == _CURRENCIES.index("JPY")
    cents = {
        "billed_gross": billed,
        "received_gross": np.where(state == 0, 0, np.where(state == 1, billed // 3, billed)),
        "refunded": np.where(state == 3, billed // 2, 0),
        "credited": np.where(state >= 3, billed // 2, 0),
        "fee_withheld": billed // 7,
    }
    given = {name: _amounts(np.where(whole, amount * 100, amount)) for name, amount in cents.items()}
    statement = _statement(orders, state, given)
    exceptions = _exceptions(statement, int(orders * _EXCEPTIONS_PER_ORDER))
    frame = STATEMENT.from_arrow(statement)
    return Reconciliation(
        as_of=AS_OF,
        tax_mode=TaxMode.EXCLUDE,
        statement=frame,
        exceptions=exceptions,
        settlements=SETTLEMENTS.frame(),
        totals=_totals(statement, exceptions),
    )


def _measure(way: str, orders: int) -> Figure:
    found = sample(orders)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "workbook.xlsx"
        began, cpu = time.perf_counter(), time.process_time()
        _WAYS[way](path, found)
        seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - cpu
        size = path.stat().st_size
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return Figure(
        "workbook", way, orders, len(STATEMENT.names), round(seconds, 2), round(cpu_seconds, 2),
        round(peak / (1024 * 1024 if sys.platform == "darwin" else 1024)), round(size / 1_000_000, 1),
    )  # fmt: skip


def _write_ours(path: Path, found: Reconciliation) -> None:
    write_workbook(path, found)


def _write_plain(path: Path, found: Reconciliation) -> None:
    found.statement.to_excel(path, engine="xlsxwriter", sheet_name="Statement", index=False)


_WAYS = {"nsbill workbook": _write_ours, "pandas to_excel": _write_plain}


def _in_a_process(way: str, orders: int) -> Figure:
    command = [sys.executable, "-m", "benchmarks.workbook", "--orders", str(orders), "--way", way]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=Path(__file__).parents[1])
    return Figure(**json.loads(done.stdout))


def _amounts(cents: np.ndarray) -> pa.ChunkedArray:
    """Turn whole cents into exact amounts."""
    texts = [f"{whole}.{rest:02d}" for whole, rest in zip(*divmod(cents, 100), strict=True)]
    return pa.chunked_array([pa.array(texts).cast(MONEY)])


def _statement(orders: int, state: np.ndarray, given: dict[str, pa.ChunkedArray]) -> pa.Table:
    numbers = range(orders)
    states = list(StatementStatus)
    texts = {
        "amazon_order_id": [f"{111 + n % 9}-{n:07d}-{9_999_999 - n:07d}" for n in numbers],
        "currency": [_CURRENCIES[n % 4] for n in numbers],
        "marketplace": [("Amazon.com", "Amazon.de", "Amazon.co.uk", "Amazon.co.jp")[n % 4] for n in numbers],
        "status": [states[n % len(states)].value for n in state],
        "billing_records": [f"INV{n}" for n in numbers],
        "explanation": [
            f"Billed {n % 300}.00 USD on 2026-10-{1 + n % 28:02d}; Amazon has settled nothing of it, {n % 300}.00 is "
            f"still to come, expected by 2026-11-07."
            for n in numbers
        ],
    }
    columns: dict[str, pa.Array | pa.ChunkedArray] = {}
    for column in STATEMENT.columns:
        known = given.get(column.name)
        columns[column.name] = known if known is not None else _filled(column, orders, texts.get(column.name))
    table = pa.table(columns)
    for name, formula in formulas_of(STATEMENT).items():  # a formula stands behind its inputs in the schema
        table = table.set_column(table.column_names.index(name), name, formula.evaluate(table).cast(MONEY))
    return table


def _filled(column: Column, rows: int, texts: list[str] | None) -> pa.Array:
    if texts is not None:
        return pa.array(texts, column.type)
    if column.type == MONEY:
        return pa.array([ZERO] * rows, MONEY)
    if pa.types.is_date(column.type):
        return pa.array([AS_OF] * rows, column.type)
    if pa.types.is_integer(column.type):
        return pa.array(range(rows), column.type)
    if pa.types.is_string(column.type):
        return pa.array([f"{column.name[:12]} {n % 1000}" for n in range(rows)], column.type)
    return pa.nulls(rows, column.type)


def _exceptions(statement: pa.Table, wanted: int) -> pd.DataFrame:
    classes = [kind.value for kind in ExceptionClass][:15]
    part = statement.slice(0, wanted)
    columns = {column.name: _filled(column, part.num_rows, None) for column in EXCEPTIONS.columns}
    columns["exception_class"] = pa.array([classes[n % len(classes)] for n in range(part.num_rows)])
    for name, source in (("currency", "currency"), ("amazon_order_id", "amazon_order_id"), ("amount", "billed_gross")):
        columns[name] = part[source]
    return EXCEPTIONS.from_arrow(pa.table(columns))


def _totals(statement: pa.Table, exceptions: pd.DataFrame) -> pd.DataFrame:
    rows: list[dict[str, object]] = []
    for currency in sorted(_CURRENCIES):
        mine = statement.filter(pc.equal(statement["currency"], currency))
        counts: dict[str, object] = {"currency": currency, "orders": mine.num_rows}
        counts |= {name: Decimal(pc.sum(mine[name]).as_py() or 0) for name in TOTALS.money if name in STATEMENT.names}
        rows.append(counts | {"exceptions": int((exceptions["currency"] == currency).sum())})
    return TOTALS.frame(rows)


def _as_json(figures: Sequence[Figure], ratio: dict[str, object]) -> Iterator[str]:
    yield from (json.dumps(asdict(figure)) for figure in figures)
    yield json.dumps(ratio)


def _as_table(figures: Sequence[Figure], ratio: dict[str, object]) -> Iterator[str]:
    yield f"{'way':<18}{'orders':>10}{'columns':>9}{'seconds':>9}{'CPU s':>8}{'peak MB':>9}{'file MB':>9}"
    for f in figures:
        yield (
            f"{f.way:<18}{f.orders:>10,}{f.columns:>9}{f.seconds:>9.1f}{f.cpu_seconds:>8.1f}{f.peak_mb:>9,}"
            f"{f.file_mb:>9.1f}"
        )
    yield ""
    yield from (f"{name:<22}{value:>10,}" for name, value in ratio.items() if isinstance(value, int | float))


if __name__ == "__main__":
    raise SystemExit(main())
