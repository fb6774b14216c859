"""How long each chart takes at any number of orders: drawing the figure, and turning it into what the page gets.

    python -m benchmarks.charts --orders 300 --orders 100000 [--json]

The statement is made up, of one currency, with orders in many states over three years; each chart is drawn seven times
and the median is told. Needs no NetSuite and no browser.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from datetime import date
from functools import partial
from statistics import median

import click
import duckdb
import pandas as pd
import plotly.graph_objects as go
import pyarrow as pa

from nsbill.schemas import ALLOCATION, EXCEPTIONS, LINES, SETTLEMENTS, STATEMENT
from nsbill.show.charts import aging, due_by_reason, due_by_status, order_waterfall, over_time, received_versus_due
from nsbill.show.charts_timeline import order_timeline
from nsbill.show.order_events import order_events
from nsbill.show.received_filter import ReceivedFilter, shown_orders

_AS_OF = date(2026, 10, 31)
_REPEATS = 7
_LIMIT = 2.0
"""Seconds in which a chart has to be there (issue 7)."""

_ORDERS = """
WITH numbered AS (SELECT range AS n, (hash(range) >> 1)::BIGINT AS r FROM range({orders})),
made AS (
    SELECT n, r % 7 AS fate, (1000 + (r >> 4) % 30000) / 100.0::DECIMAL(18, 2) AS billed,
           DATE '2023-11-01' + ((r >> 20) % 1080)::INTEGER AS billed_day, (r >> 33) % 130 - 10 AS age
    FROM numbered
),
paid AS (
    SELECT *, CASE WHEN fate = 0 THEN 0 WHEN fate = 2 THEN billed / 2 WHEN fate = 5 THEN billed + 3 ELSE billed END::DECIMAL(18, 2) AS came,
           CASE WHEN fate = 3 THEN billed / 4 ELSE 0 END::DECIMAL(18, 2) AS refunded,
           CASE WHEN fate = 4 THEN billed / 4 ELSE 0 END::DECIMAL(18, 2) AS credited
    FROM made
)
SELECT 'main' AS seller_account, printf('%03d-%07d-%07d', 100 + n % 900, n % 10000000, 9999999 - n % 10000000) AS amazon_order_id,
       'USD' AS currency, CASE WHEN n % 3 = 0 THEN 'Amazon.ca' ELSE 'Amazon.com' END AS marketplace,
       billed_day - 2 AS order_date, billed_day - 1 AS ship_date, billed_day AS first_billed, billed_day + 14 AS last_posted,
       billed AS billed_gross, credited, came AS received_gross, refunded, came - refunded AS received,
       0::DECIMAL(18, 2) AS fee_withheld, 'exclude' AS tax_mode, 0::DECIMAL(18, 2) AS tax_collected, 0::DECIMAL(18, 2) AS tax_withheld,
       0::DECIMAL(18, 2) AS reimbursed, 0::DECIMAL(18, 2) AS adjustments, came - refunded AS net_cash,
       billed - came AS sale_leg, credited - refunded AS refund_leg, billed - came - greatest(credited - refunded, 0) AS due,
       greatest(came - billed, 0) AS overpaid, greatest(refunded - credited, 0) AS uncredited_refund,
       greatest(credited - refunded, 0) AS refund_in_transit,
       CASE WHEN n % 2 = 0 THEN greatest(billed - came, 0) ELSE 0 END::DECIMAL(18, 2) AS due_deferred, 0::DECIMAL(18, 2) AS due_released_open,
       CASE WHEN n % 2 = 1 THEN greatest(billed - came, 0) ELSE 0 END::DECIMAL(18, 2) AS due_unposted, 0::DECIMAL(18, 2) AS due_short,
       ['AWAITING_SETTLEMENT', 'SETTLED', 'PARTIALLY_SETTLED', 'REFUND_UNCREDITED', 'REFUND_IN_TRANSIT', 'OVERPAID', 'SETTLED'][fate + 1] AS status,
       billed_day + 30 AS expected_settled, age AS age_days,
       CASE WHEN came < billed THEN CASE WHEN age <= 0 THEN 'not yet expected' WHEN age <= 7 THEN '1–7' WHEN age <= 14 THEN '8–14'
           WHEN age <= 30 THEN '15–30' WHEN age <= 60 THEN '31–60' WHEN age <= 90 THEN '61–90' ELSE 'over 90' END END AS aging_bucket,
       'Made up.' AS explanation
FROM paid
"""


@click.command()
@click.option("--orders", "sizes", type=int, multiple=True, default=(300, 10_000, 100_000), show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def main(sizes: tuple[int, ...], as_json: bool) -> None:  # noqa: FBT001 -- click passes it by name
    """Print the seconds of each chart for each number of orders; ends with 1 when one takes longer than two seconds."""
    found = {size: measure(size) for size in sizes}
    if as_json:
        click.echo(json.dumps(found, indent=1))
    else:
        click.echo(f"{'seconds':44}" + "".join(f"{size:>12,}" for size in sizes))
        for chart in found[sizes[0]]:
            click.echo(f"{chart:44}" + "".join(f"{found[size][chart]:>12.3f}" for size in sizes))
    slow = sorted({chart for each in found.values() for chart, seconds in each.items() if seconds >= _LIMIT})
    if slow:
        raise click.ClickException(f"Slower than {_LIMIT:g} s: {', '.join(slow)}.")


def measure(orders: int) -> dict[str, float]:
    """Return the median seconds of each chart of ``orders`` orders."""
    statement = made_up(orders)
    return {name: _seconds(draw) for name, draw in _charts(statement).items()}


def made_up(orders: int) -> pd.DataFrame:
    """Return a statement (schema STATEMENT) of that many orders, the same for the same number; largest due first."""
    with duckdb.connect() as connection:
        table = connection.sql(_ORDERS.format(orders=orders)).to_arrow_table()
    for column in STATEMENT.columns:
        if column.name not in table.column_names:
            table = table.append_column(column.name, pa.nulls(table.num_rows, column.type))
    return STATEMENT.from_arrow(table.sort_by([("due", "descending"), ("amazon_order_id", "ascending")]))


def _charts(statement: pd.DataFrame) -> Mapping[str, Callable[[], object]]:
    first = str(statement["amazon_order_id"].iloc[0])
    drawn: Mapping[str, Callable[[], go.Figure]] = {
        "received versus due per order": lambda: received_versus_due(statement, currency="USD"),
        "due by reason": lambda: due_by_reason(statement, currency="USD"),
        "due by age": lambda: aging(statement, currency="USD"),
        "due by status": lambda: due_by_status(statement, currency="USD"),
        "over time": lambda: over_time(statement, currency="USD"),
        "one order: waterfall": lambda: order_waterfall(statement, first, currency="USD"),
        "one order: timeline": lambda: _timeline(statement, first),
    }
    chosen = ReceivedFilter("Amazon.com", frozenset({"AWAITING_SETTLEMENT"}), begin=date(2025, 1, 1))
    return {
        **{name: partial(_as_sent, draw) for name, draw in drawn.items()},
        "filter: marketplace, status, period": lambda: shown_orders(
            statement, EXCEPTIONS.frame(), chosen, currency="USD"
        ),
    }


def _as_sent(draw: Callable[[], go.Figure]) -> str:
    """Draw a figure and make of it what the page gets."""
    return str(draw().to_json())


def _timeline(statement: pd.DataFrame, order: str) -> go.Figure:
    rows = statement[statement["amazon_order_id"] == order]
    row = pa.Table.from_pandas(rows, preserve_index=False).to_pylist()[0]
    events = order_events(
        row, as_of=_AS_OF, bills=ALLOCATION.frame(), lines=LINES.frame(), settlements=SETTLEMENTS.frame()
    )
    return order_timeline(events, order, currency="USD", as_of=_AS_OF)


def _seconds(work: Callable[[], object]) -> float:
    work()  # imports and caches are not what is measured
    taken = []
    for _ in range(_REPEATS):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return round(median(taken), 3)


if __name__ == "__main__":
    main()
