"""A refreshed statement is the statement that a whole reconciliation makes: of what came since, changed, or was taken back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
from reconcile_histories import History, random_history, settlements_of
from test_reconcile_into_files import in_files, ordered
from test_reconcile_statement import SCENARIOS
from test_reconcile_worked_example import CASE

from benchmarks.reconcile_data import Data, generate
from nsbill.errors import ReconcileError
from nsbill.reconcile import Inputs, ReconcileRules, reconcile, reconcile_into
from nsbill.reconcile.into_files import TERMS
from nsbill.reconcile.refresh import CHANGED, refresh_statement
from nsbill.schemas import ACTIVITY, BILLING_RECORDS, CREDITS, ORDERS
from nsbill.vocabulary import ReceiptBasis, TaxMode

Rows = list[dict[str, Any]]
BOOKS = ("orders", "bills", "credits", "applications")


def rules_on(day: date, **changes: Any) -> ReconcileRules:
    return ReconcileRules(as_of=day, seller_account="main", **changes)


def inputs_of(history: History) -> Inputs:
    frames = history.frames()
    return Inputs(credit_records=frames.pop("credits"), **frames)


def known_on(history: History, day: date, missing: set[str]) -> History:
    """The history as it was known on a day, before the files of some settlements were added."""
    kept = {row["settlement_id"] for row in history.settlements} - missing
    lines = [
        row
        for row in history.lines
        if row["settlement_id"] in kept and (row["posted_at"] is None or row["posted_at"].date() <= day)
    ]
    ends = {row["settlement_id"]: row["period_end"] for row in history.settlements}
    closed = {name for name in kept if ends[name] is None or ends[name].date() <= day}
    lines = [row for row in lines if row["settlement_id"] in closed]
    settlements = [row for row in settlements_of(lines) if row["settlement_id"] in closed]
    books: dict[str, Any] = history.books_on(day)
    return History(history.orders, lines=lines, settlements=settlements, **books)


def shaken(history: History, random: Random) -> History:
    """Some documents are voided, some orders change, and one bill is gone: as books do in a month."""
    orders = [
        {**row, "total": row["total"] + Decimal("1.00")} if random.random() < 0.05 else row for row in history.orders
    ]
    bills = [{**row, "voided": True} if random.random() < 0.04 else row for row in history.bills]
    credit_rows = [{**row, "voided": True} if random.random() < 0.1 else row for row in history.credits]
    return History(
        orders, bills, credit_rows, history.lines, history.settlements, history.applications, history.bill_items
    )


def changed_orders(before: History, now: History) -> pd.DataFrame:
    """Orders of which any row of the books is new, other or gone; by plain comparison of rows."""
    found: list[dict[str, object]] = []
    for history, other in ((before, now), (now, before)):
        of_document = {
            row.get("billing_record_id") or row["credit_id"]: order_of(row, history)
            for row in (*history.bills, *history.credits)
        }
        for name in BOOKS:
            there = {json.dumps(row, sort_keys=True, default=str) for row in getattr(other, name)}
            for row in getattr(history, name):
                if json.dumps(row, sort_keys=True, default=str) not in there:
                    if name == "applications":
                        ids = (row["billing_record_id"], row["credit_id"], row["payment_id"])
                        orders = {of_document.get(key) for key in ids if key}
                    else:
                        orders = {order_of(row, history)}
                    found += [{"amazon_order_id": order} for order in orders if order]
    return CHANGED.frame(found)


def order_of(row: dict[str, Any], history: History) -> str | None:
    by_sales_order = {order["sales_order_id"]: order["amazon_order_id"] for order in history.orders}
    found: str | None = row["amazon_order_id"] or by_sales_order.get(row.get("sales_order_id"))
    return found


def cases() -> Iterator[Any]:
    days = [date(2026, 10, 12), date(2026, 10, 20), date(2026, 10, 29), date(2026, 11, 12)]
    for seed, (first, second, late) in enumerate([(0, 2, 0), (1, 3, 1), (3, 3, 0)]):
        yield pytest.param(
            40 + seed, days[first], days[second], late, id=f"{days[first]} to {days[second]}, {late} late"
        )


@pytest.mark.parametrize("seed, first, second, late", list(cases()))
def test_a_refreshed_statement_is_the_whole_one(
    seed: int, first: date, second: date, late: int, tmp_path: Path
) -> None:
    random = Random(seed)
    full = random_history(seed, 250)
    names = sorted({row["settlement_id"] for row in full.settlements})
    before = known_on(full, first, missing=set(random.sample(names, late)))
    now = shaken(known_on(full, second, missing=set()), random)
    base, fresh = tmp_path / "base", tmp_path / "fresh"
    reconcile_into(base, inputs_of(before), rules_on(first), statement_only=True)
    changed = changed_orders(before, now)
    given = in_files({k: v for k, v in now.frames().items() if v is not None}, tmp_path / "in")
    expected = reconcile(**{k: v for k, v in now.frames().items() if v is not None}, rules=rules_on(second)).statement
    found = refresh_statement(fresh, base, given, rules_on(second), changed=changed)
    pd.testing.assert_frame_equal(ordered(found.frame()), ordered(expected))
    found.write(tmp_path / "whole.parquet")
    written = pd.read_parquet(tmp_path / "whole.parquet", dtype_backend="pyarrow")
    assert sorted(written["due"]) == sorted(expected["due"])
    assert found.rows <= len(expected)


def books_of(data: Data, *, with_month: bool) -> dict[str, pd.DataFrame]:
    return {
        name: schema.from_arrow(pq.read_table(data.books_files(name, with_month=with_month)))
        for name, schema in (("orders", ORDERS), ("billing_records", BILLING_RECORDS), ("credits", CREDITS))
    }


@pytest.mark.parametrize("late", [None, 20])
def test_a_month_on_top_touches_few_orders_and_changes_the_age_of_all(late: int | None, tmp_path: Path) -> None:
    data = generate(tmp_path / "data", lines=6_000)
    files = [path for place, path in enumerate(data.lines_files()) if place != late]
    settlements = data.settlement_rows()
    settlements = settlements[settlements["settlement_id"].isin([path.name.split("-")[0] for path in files])]
    before: dict[str, Any] = books_of(data, with_month=False)
    now: dict[str, Any] = books_of(data, with_month=True)
    first, second = data.as_of(), data.as_of(with_month=True)
    base = reconcile_into(tmp_path / "base", inputs(before, files, settlements), rules_on(first), statement_only=True)
    voided = now["billing_records"].index[5:200:40]
    now["billing_records"].loc[voided, "voided"] = True
    ids = [now[name]["amazon_order_id"][len(before[name]) :] for name in now]
    changed = pd.concat([*ids, now["billing_records"]["amazon_order_id"][voided]]).to_frame()
    every, more = data.lines_files(with_month=True), data.settlement_rows(with_month=True)
    expected = reconcile(**now, lines=every, settlements=more, rules=rules_on(second)).statement
    found = refresh_statement(
        tmp_path / "fresh", base.folder, inputs(now, every, more), rules_on(second), changed=CHANGED.conform(changed)
    )
    pd.testing.assert_frame_equal(ordered(found.frame()), ordered(expected))
    assert (expected["status"] == "NOT_BILLED").sum() >= len(voided)
    assert 50 < found.rows < len(expected) / 5
    assert not base.frame("statement")["age_days"].equals(found.frame()["age_days"])


def inputs(books: dict[str, pd.DataFrame], files: list[Path], settlements: pd.DataFrame) -> Inputs:
    return Inputs(books["orders"], books["billing_records"], books["credits"], files, settlements)


CASE_ON = date.fromisoformat(CASE.as_of)


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return reconcile_into(tmp_path / "base", case_inputs(), CASE.reconcile_rules()).folder


def case_inputs(**changes: Any) -> Inputs:
    frames: dict[str, Any] = dict(CASE.frames())
    return Inputs(**{"credit_records": frames.pop("credits"), **frames, **changes})


@pytest.mark.parametrize(
    "rules, given, words",
    [
        ({"as_of": CASE_ON - timedelta(days=1)}, {}, "which is after"),
        ({"tax_mode": TaxMode.INCLUDE}, {}, r"made by other terms \(rules\)"),
        ({}, {"activity": ACTIVITY.frame()}, r"made by other terms \(known\)"),
        ({"basis": ReceiptBasis.POSTED}, {"activity": ACTIVITY.frame()}, "cannot be refreshed"),
    ],
)
def test_what_cannot_be_put_together_is_refused(
    base: Path, tmp_path: Path, rules: dict[str, Any], given: dict[str, Any], words: str
) -> None:
    with pytest.raises(ReconcileError, match=words) as refused:
        refresh_statement(
            tmp_path / "new",
            base,
            case_inputs(**given),
            replace(CASE.reconcile_rules(), **rules),
            changed=CHANGED.frame(),
        )
    assert "Reconcile into a new folder" in str(refused.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["base"]


def test_a_settlement_that_is_gone_or_incomplete_is_refused(base: Path, tmp_path: Path) -> None:
    frames = CASE.frames()
    new, rules = tmp_path / "new", CASE.reconcile_rules()
    without = case_inputs(settlements=frames["settlements"].iloc[1:])
    with pytest.raises(ReconcileError, match="was counted and is not there any more"):
        refresh_statement(new, base, without, rules, changed=CHANGED.frame())
    other = frames["settlements"].copy()
    other.loc[0, "lines"] = int(other["lines"][0]) + 1
    with pytest.raises(ReconcileError, match=r"lines with .* were stored"):
        refresh_statement(new, base, case_inputs(settlements=other), rules, changed=CHANGED.frame())
    (base / TERMS).write_text("{}")
    with pytest.raises(ReconcileError, match="holds no whole reconciliation"):
        refresh_statement(new, base, case_inputs(), rules, changed=CHANGED.frame())


def test_nothing_new_touches_only_what_was_open(tmp_path: Path) -> None:
    frames: dict[str, Any] = dict(SCENARIOS.frames())
    given, rules = Inputs(credit_records=frames.pop("credits"), **frames), SCENARIOS.reconcile_rules()
    before = reconcile_into(tmp_path / "base", given, rules)
    found = refresh_statement(tmp_path / "new", before.folder, given, rules, changed=CHANGED.frame())
    rows = before.frame("statement")
    pd.testing.assert_frame_equal(ordered(found.frame()), ordered(rows))
    closed = rows[rows["status"].isin(["SETTLED", "REFUNDED_FULL"])]
    assert 0 < len(closed) == len(rows) - found.rows
