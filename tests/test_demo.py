"""The main job, as a newcomer runs it: nsbill demo, twice; and the reconciliation against the planted truth."""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from demo_company import demo_company

from nsbill.amazon.bank import read_bank
from nsbill.cli import cli, notebooks
from nsbill.cli.worlds import ensure_world
from nsbill.errors import WorkspaceError
from nsbill.reconcile import Reconciliation
from nsbill.simulator.world_chains import BANK_STATEMENT
from nsbill.simulator.world_finances import FINANCES_ANSWER

SEARCH = "customsearch_nsbill_orders_to_bill"


def demo(workspace: Path, *words: str) -> dict[str, Any]:
    result = CliRunner().invoke(cli, ["demo", "--json", "--workspace", str(workspace), *words])
    assert result.exception is None, (result.exception, result.stderr[-2000:])
    assert "20 settlement files; amazon-" in result.stderr  # the one that lacks a line
    assert "kept here and marked" in result.stderr
    read: dict[str, Any] = json.loads(result.stdout)
    return read


@pytest.mark.slow
def test_the_demo_does_the_whole_job_and_a_second_time_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notebooks, "runs_folder", lambda: tmp_path / "papermill_runs")
    workspace = tmp_path / "workspace"
    first = demo(workspace, "--orders", "100", "--seed", "3")
    key = json.loads((workspace / "answer_key.json").read_text())
    assert first["orders"] == 100
    assert first["created"] == first["to_bill"] == key["billable"]["pending-billing"]["count"]
    assert first["skipped"] == sum(key["skipped"].values())
    assert (first["existing"], first["rejected"], first["unknown"]) == (0, 0, 0)
    assert first["exceptions"] == sum(
        "needs" not in row for row in key["exceptions"]
    )  # neither bank statement nor Finances API is given
    for folder in first["run_dirs"]:
        run = json.loads((Path(folder) / "run.json").read_text())
        assert run["status"] == "succeeded"
        assert "Succeeded" in (Path(folder) / "report.html").read_text()
    reconciled = json.loads((Path(first["run_dirs"][1]) / "run.json").read_text())["results"]
    assert (reconciled["received"], reconciled["due"]) == (first["received"], first["due"])
    second = demo(workspace)
    assert (second["to_bill"], second["created"]) == (0, 0)
    assert (second["received"], second["due"], second["exceptions"]) == (
        first["received"],
        first["due"],
        first["exceptions"],
    )


def scored(found: Reconciliation, key: dict[str, Any]) -> tuple[Counter[object], Counter[object]]:
    """What was planted and not found, and what was found and not planted."""
    rows = found.exceptions.astype(object).where(found.exceptions.notna(), None)
    got = Counter(
        zip(rows.exception_class, rows.amazon_order_id, rows.settlement_id, rows.currency, rows.amount, strict=True)
    )
    names = ("exception_class", "amazon_order_id", "settlement_id", "currency")
    want = Counter((*(row[n] for n in names), Decimal(row["amount"])) for row in key["exceptions"])
    return Counter(want - got), Counter(got - want)


@pytest.mark.parametrize("orders, seed", [(300, 7), (300, 8), (1000, 1)])
def test_every_planted_exception_is_found_and_nothing_else(tmp_path: Path, orders: int, seed: int) -> None:
    with demo_company(tmp_path, orders=orders, seed=seed) as company, company.desk() as desk:
        desk.save_settings(saved_search=SEARCH)
        plan = desk.preview()
        key = json.loads((tmp_path / "answer_key.json").read_text())
        billable = key["billable"]["pending-billing"]
        assert len(plan.to_bill) == billable["count"]
        assert plan.skipped["reason"].value_counts().to_dict() == key["skipped"]
        assert plan.totals == {currency: Decimal(total) for currency, total in billable["totals"].items()}
        assert desk.bill(plan).complete
        desk.add_settlements([tmp_path / "amazon_files" / FINANCES_ANSWER])
        found = desk.reconcile(bank=[read_bank(tmp_path / "amazon_files" / BANK_STATEMENT)])
        assert scored(found, key) == (Counter(), Counter())
        assert set(found.agreement["state"]) == {"agrees", "differs"}  # the parts are the same, too
        statement = found.statement.set_index(["amazon_order_id", "currency"])
        for told in key["statement"]:
            row = statement.loc[(told["amazon_order_id"], told["currency"])]
            for name in ("billed_gross", "received_gross", "refunded", "credited", "fee_withheld", "net_cash"):
                assert row[name] == Decimal(told[name]), (told["amazon_order_id"], name)


def test_a_workspace_keeps_its_company(tmp_path: Path) -> None:
    from datetime import date

    made = ensure_world(tmp_path, orders=30, seed=1, today=date(2026, 11, 1))
    assert (made.orders, made.seed, made.made) == (30, 1, True)
    kept = ensure_world(tmp_path, orders=None, seed=None, today=date(2026, 12, 1))
    assert (kept.orders, kept.today, kept.made) == (30, date(2026, 11, 1), False)
    with pytest.raises(WorkspaceError, match="holds a demo company with 30 orders and seed 1"):
        ensure_world(tmp_path, orders=31, seed=None, today=date(2026, 11, 1))
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".building")] == []
