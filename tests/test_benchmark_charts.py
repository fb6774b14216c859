"""benchmarks.charts: its statement holds together, and it prints seconds for every chart and size."""

from __future__ import annotations

import json

from click.testing import CliRunner

from benchmarks import charts
from nsbill.money import ZERO


def test_the_statement_that_is_drawn_holds_together() -> None:
    rows = charts.made_up(500).to_dict("records")
    assert len({row["amazon_order_id"] for row in rows}) == 500
    assert {row["status"] for row in rows} >= {"SETTLED", "OVERPAID", "REFUND_IN_TRANSIT", "AWAITING_SETTLEMENT"}
    for row in rows:
        assert row["due"] == row["sale_leg"] - row["refund_in_transit"]
        parts = sum((row[name] for name in ("due_deferred", "due_released_open", "due_unposted", "due_short")), ZERO)
        assert parts == max(row["sale_leg"], ZERO)
        assert (row["aging_bucket"] is not None) == (row["due"] > 0)


def test_it_prints_the_seconds_of_every_chart_for_each_size() -> None:
    run = CliRunner().invoke(charts.main, ["--orders", "50", "--orders", "60", "--json"])
    assert run.exit_code == 0
    found = json.loads(run.stdout)
    assert set(found) == {"50", "60"}
    assert {"received versus due per order", "due by reason", "over time", "one order: timeline"} <= set(found["50"])
    assert all(0 <= seconds < 2 for seconds in found["60"].values())
