"""``nsbill runs``: the kept runs, one of them, what changed between two, and which ones may be deleted."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from nsbill.cli import cli
from nsbill.errors import RunError
from nsbill.runs.folders import open_folder
from nsbill.runs.history import list_runs
from nsbill.runs.retention import plan_pruning, prune
from nsbill.runs.run_diff import diff_runs
from nsbill.runs.run_figures import find_run, headline

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
FEE = {"exception_class": "UNCLASSIFIED_LINE", "reference": "NewFee", "currency": "EUR", "amount": "-1.00"}
SHORT = {"exception_class": "SHORT_SETTLED", "amazon_order_id": "111", "currency": "EUR", "amount": "5.00"}
LATE = {"exception_class": "LATE_LINE", "amazon_order_id": "222", "currency": "JPY", "amount": "300"}


def keep_run(
    runs: Path,
    days_ago: float = 0,
    *,
    notebook: str = "11_scheduled_reconciliation",
    status: str = "succeeded",
    job: str | None = None,
    workspace: str = "/w",
    **results: Any,
) -> str:
    """Write the folder of a finished run; returns its id."""
    started = NOW - timedelta(days=days_ago)
    run_id = f"{started:%Y%m%dT%H%M%SZ}-aaaaaa"
    folder = runs / notebook / run_id
    folder.mkdir(parents=True)
    record = {
        "notebook": notebook,
        "status": status,
        "started_at": started.isoformat(),
        "seconds": 12.5,
        "who": {"user": "ada", "host": "desk", "pid": 7, "command": "nsbill"},
        "scheduled": {"job": job, "slot": started.isoformat()} if job else None,
        "parameters": {"workspace": workspace},
        "error": None if status == "succeeded" else {"kind": "cell", "cell": 3, "sentence": "Cell 3 raised\x1b[2J."},
        "results": results,
        "leaks": [],
    }
    (folder / "run.json").write_text(json.dumps(record))
    return run_id


def command(runs: Path, *arguments: str) -> Result:
    return CliRunner().invoke(cli, ["runs", *arguments, "--folder", str(runs)], catch_exceptions=False)


def two_runs(runs: Path) -> tuple[str, str]:
    one = keep_run(runs, 2, job="morning", as_of="2026-11-28", orders=88, exceptions=2, due={"EUR": "10.00", "JPY": "0"}, exception_list=[FEE, SHORT])  # fmt: skip
    two = keep_run(runs, 1, job="morning", as_of="2026-11-29", orders=90, exceptions=2, due={"EUR": "7.50", "JPY": "300"}, exception_list=[SHORT | {"amount": "4.00"}, LATE])  # fmt: skip
    return one, two


def test_the_list_says_what_each_run_found(tmp_path: Path) -> None:
    two_runs(tmp_path)
    keep_run(tmp_path, 3, notebook="10_scheduled_billing", created=5, rejected=1, unknown=0)
    listed = command(tmp_path, "list").output
    assert "due 7.50 EUR, 300 JPY, 2 exceptions" in listed
    assert "5 created, 1 refused" in listed
    assert command(tmp_path, "list", "morning").output.count("morning") == 2
    assert "1 older ones: -n 2" in command(tmp_path, "list", "morning", "-n", "1").output
    rows = json.loads(command(tmp_path, "list", "10_scheduled_billing", "--json").output)["runs"]
    assert [row["notebook"] for row in rows] == ["10_scheduled_billing"]


def test_amounts_of_four_currencies_are_listed_whole(tmp_path: Path) -> None:
    due = {"CAD": "1566.18", "EUR": "2070.75", "JPY": "118758", "USD": "6942.24"}
    keep_run(tmp_path, due=due, exceptions=272)
    whole = "due 1,566.18 CAD, 2,070.75 EUR, 118,758 JPY, 6,942.24 USD, 272 exceptions"
    assert whole in command(tmp_path, "list").output


def test_nsbill_runs_alone_lists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path)
    keep_run(tmp_path / "papermill_runs", workspace=str(tmp_path))
    alone = CliRunner().invoke(cli, ["runs", "--json", "--workspace", str(tmp_path)], catch_exceptions=False)
    assert len(json.loads(alone.output)["runs"]) == 1
    other = CliRunner().invoke(cli, ["runs", "--json", "--workspace", "elsewhere"], catch_exceptions=False)
    assert json.loads(other.output)["runs"] == []


def test_one_run_is_shown_whole_and_no_terminal_obeys_it(tmp_path: Path) -> None:
    run = keep_run(tmp_path, status="failed", job="morning", due={"JPY": "1200"}, exceptions=1, exception_list=[FEE])
    shown = command(tmp_path, "show", run[:12]).output
    for words in (
        "11_scheduled_reconciliation: failed",
        r"Cell 3 raised\x1b[2J.",
        "morning, for 2026-11-30T12:00:00+00:00",
        "ada on desk, process 7",
        "due = 1,200 JPY",
        "exceptions = 1",
        "    UNCLASSIFIED_LINE, NewFee, EUR, -1.00",
    ):
        assert words in shown
    assert json.loads(command(tmp_path, "show", "morning", "--json").output)["record"]["results"]["exceptions"] == 1


def test_a_run_is_found_by_id_beginning_folder_notebook_or_job(tmp_path: Path) -> None:
    one, two = two_runs(tmp_path)
    names = {one: one, "20261129": two, "morning": two, "11_scheduled_reconciliation": two}
    names[str(tmp_path / "11_scheduled_reconciliation" / one)] = one
    for name, run_id in names.items():
        assert find_run(tmp_path, name).row["run_id"] == run_id
    with pytest.raises(RunError, match="2 runs begin so: 20261129T"):
        find_run(tmp_path, "2026")
    with pytest.raises(RunError, match=r"no run in .* has this id"):
        find_run(tmp_path, "evening")


def test_what_changed_is_said_in_counts_amounts_and_exceptions(tmp_path: Path) -> None:
    one, two = two_runs(tmp_path)
    found = command(tmp_path, "diff", "morning")
    assert found.exit_code == 1
    assert found.output.splitlines() == [
        f"11_scheduled_reconciliation: {one} (succeeded) → {two} (succeeded)",
        "orders: 88 → 90  (+2)",
        "due EUR: 10.00 EUR → 7.50 EUR  (-2.50 EUR)",
        "due JPY: 0 JPY → 300 JPY  (+300 JPY)",
        "as_of: 2026-11-28 → 2026-11-29",
        "exception closed: UNCLASSIFIED_LINE, NewFee, -1.00 EUR",
        "exception changed: SHORT_SETTLED, 111, 5.00 → 4.00 EUR",
        "exception opened: LATE_LINE, 222, 300 JPY",
    ]
    same = command(tmp_path, "diff", one, one)
    assert (same.exit_code, same.output.splitlines()[-1]) == (0, "Nothing changed.")
    as_json = json.loads(command(tmp_path, "diff", one, two, "--json").output)
    assert [row["kind"] for row in as_json["rows"]] == ["closed", "changed", "opened"]
    assert {"figure": "due", "currency": "EUR", "before": "10.00", "after": "7.50"} in as_json["changes"]


def test_a_list_that_is_cut_is_not_compared_and_that_is_said(tmp_path: Path) -> None:
    one = keep_run(tmp_path, 2, exceptions=1, exception_list=[FEE])
    two = keep_run(tmp_path, 1, exceptions=600, exception_list=[LATE], exception_list_in_all=600)
    found = diff_runs(find_run(tmp_path, one), find_run(tmp_path, two))
    assert (found.rows, found.untold) == ([], ["exception_list"])
    assert "exception_list is cut in one of them" in command(tmp_path, "diff", one, two).output


def test_equal_rows_are_counted(tmp_path: Path) -> None:
    one = keep_run(tmp_path, 2, exception_list=[FEE, FEE])
    two = keep_run(tmp_path, 1, exception_list=[FEE])
    found = diff_runs(find_run(tmp_path, one), find_run(tmp_path, two))
    assert [(change.kind, change.row) for change in found.rows] == [("closed", FEE)]


@pytest.mark.parametrize(
    "other,problem",
    [
        ({"notebook": "10", "created": 1}, "of 11_scheduled_reconciliation and of 10"),
        ({"workspace": "/v", "orders": 1}, "of /w and of /v"),
        ({}, "recorded no figures"),
    ],
)
def test_runs_that_cannot_be_compared_are_refused(tmp_path: Path, other: dict[str, Any], problem: str) -> None:
    one, two = keep_run(tmp_path, 2, orders=1), keep_run(tmp_path, 1, **other)
    with pytest.raises(RunError, match=problem):
        diff_runs(find_run(tmp_path, one), find_run(tmp_path, two))


def test_the_run_before_is_one_of_the_same_job_and_workspace_with_figures(tmp_path: Path) -> None:
    first = keep_run(tmp_path, 5, job="morning", orders=1)
    keep_run(tmp_path, 4, job="evening", orders=2)
    keep_run(tmp_path, 3, job="morning", orders=3, workspace="/other")
    keep_run(tmp_path, 2, job="morning", status="failed")
    last = keep_run(tmp_path, 1, job="morning", orders=4)
    assert f"{first} (succeeded) → {last}" in command(tmp_path, "diff", last).output
    with pytest.raises(RunError, match="no run before it recorded figures"):
        command(tmp_path, "diff", first)


def test_nothing_is_made_of_figures_that_are_none() -> None:
    assert headline({}) == ""
    assert headline({"created": True, "due": "much", "exceptions": "3"}) == ""
    assert headline({"due": {"EUR": "0.00"}, "exceptions": 0}) == "due nothing, 0 exceptions"


def test_old_runs_go_and_the_newest_the_young_and_the_last_good_one_stay(tmp_path: Path) -> None:
    good = keep_run(tmp_path, 400, orders=1)
    ids = {days: keep_run(tmp_path, days, status="failed") for days in (300, 200, 100, 80, 5)}
    other = keep_run(tmp_path, 401, job="nightly")
    plan = plan_pruning(tmp_path, keep=2, days=90, now=NOW)
    assert plan.delete["run_id"].tolist() == [ids[300], ids[200], ids[100]]
    assert plan.kept == 4
    assert prune(plan) == [tmp_path / "11_scheduled_reconciliation" / ids[days] for days in (300, 200, 100)]
    assert set(list_runs(tmp_path)["run_id"]) == {good, other, ids[80], ids[5]}
    assert len(plan_pruning(tmp_path, keep=4, days=0, now=NOW).delete) == 0
    assert plan_pruning(tmp_path, keep=1, days=0, now=NOW).delete["run_id"].tolist() == [ids[80]]


def test_what_runs_what_was_interrupted_just_now_and_what_no_run_made_stays(tmp_path: Path) -> None:
    home = tmp_path / "n"
    with open_folder(tmp_path, Path("n.ipynb")) as folder:
        (home / ".partial-20260101T000000Z-bbbbbb").mkdir()
        (home / "my notes").mkdir()
        (home / "20260102T000000Z-cccccc").symlink_to(tmp_path)
        (home / ".deleting-20250101T000000Z-dddddd").mkdir()
        plan = plan_pruning(tmp_path, keep=1, days=0, now=datetime.now(UTC) + timedelta(hours=2))
        assert [Path(name).name for name in plan.delete["folder"]] == [".partial-20260101T000000Z-bbbbbb"]
        prune(plan)
        assert folder.partial.exists()
    left = plan_pruning(tmp_path, keep=1, days=0, now=datetime.now(UTC) + timedelta(hours=2))
    assert len(left.delete) == 0
    assert {path.name for path in home.iterdir()} == {folder.partial.name, "my notes", "20260102T000000Z-cccccc"}


def test_prune_says_what_it_would_do_and_deletes_with_yes_only(tmp_path: Path) -> None:
    old, new = keep_run(tmp_path, 400), keep_run(tmp_path, 1)
    said = command(tmp_path, "prune", "--keep", "1")
    assert f"Would delete: {tmp_path / '11_scheduled_reconciliation' / old}" in said.output
    assert "1 runs would be deleted, 1 stay. To delete them: --yes" in said.output
    assert len(list_runs(tmp_path)) == 2
    assert "1 runs deleted, 1 stay." in command(tmp_path, "prune", "--keep", "1", "--yes").output
    assert list_runs(tmp_path)["run_id"].tolist() == [new]
    assert json.loads(command(tmp_path, "prune", "--json").output) == {"deleted": [], "to_delete": [], "kept": 1}
