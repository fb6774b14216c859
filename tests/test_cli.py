"""The command line: help everywhere, one sentence on errors, exit codes, JSON; in real processes where it matters."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from demo_company import Company, demo_company

from nsbill import cli as cli_module
from nsbill.cli import COMMANDS, cli
from nsbill.cli.connection import announced
from nsbill.errors import NsbillError

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    with demo_company(tmp_path_factory.mktemp("company"), orders=60) as made, announced(made.simulator, made.workspace):
        made.desk().close()
        yield made


def run(company: Company, *words: str) -> Result:
    return run_in(company.workspace, *words)


def run_in(workspace: Path, *words: str) -> Result:
    return CliRunner().invoke(cli, [*words, "--workspace", str(workspace)])


def facts(result: Result) -> dict[str, object]:
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    read: dict[str, object] = json.loads(result.stdout)
    return read


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_and_stands_in_the_readme(name: str) -> None:
    shown = CliRunner().invoke(cli, [name, "--help"])
    assert shown.exit_code == 0
    assert len(shown.output.splitlines()) > 4
    assert f"nsbill {name} " in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_overview_lists_every_command() -> None:
    shown = CliRunner().invoke(cli, ["--help"]).output
    assert [name for name in COMMANDS if f"\n  {name} " not in shown] == []


def test_the_overview_imports_nothing_heavy() -> None:
    code = "import sys, nsbill.cli; print([m for m in ('pandas', 'duckdb', 'plotly', 'papermill') if m in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


def test_the_whole_path_by_commands(company: Company) -> None:
    assert run(company, "settings", "set", "saved_search=customsearch_nsbill_orders_to_bill").exit_code == 0
    plan = facts(run(company, "plan", "--json"))
    assert plan["to_bill"] + plan["skipped"] == plan["orders"]  # type: ignore[operator]
    orders = plan["orders_to_bill"]
    assert isinstance(orders, list)
    first = orders[0]["sales_order_id"]
    wrong = run(company, "bill", "--yes", "--fingerprint", "0" * 12)
    assert wrong.exit_code == 1
    assert "nothing was created" in wrong.stderr
    declined = CliRunner().invoke(cli, ["bill", "--workspace", str(company.workspace)], input="n\n")
    assert "Create " in declined.stderr
    assert company.bills().get(first) is None
    billed = run(company, "bill", "--yes", "--json", "--exclude", f"{first}=wait for the buyer")
    assert billed.exit_code == 0
    assert facts(billed)["created"] == len(orders) - 1
    again = run(company, "plan", "--json")
    assert (again.exit_code, facts(again)["to_bill"]) == (1, 1)  # 1: some orders are skipped, with reasons
    assert facts(run(company, "bill", "--dry-run", "--json"))["to_bill"] == 1
    assert company.bills().get(first) is None
    assert run(company, "bill", "--yes").exit_code == 0
    told = run(company, "journal", "--order", first).output
    assert "exists in NetSuite with internal id" in told
    runs = facts(run(company, "journal", "--json"))["runs"]
    assert isinstance(runs, list)
    assert [r["created"] for r in runs] == [1, len(orders) - 1]


def test_reading_commands_and_their_exit_codes(company: Company) -> None:
    listed = facts(run(company, "settlements", "list", "--json"))["settlements"]
    assert isinstance(listed, list)
    assert sorted(row["ties"] for row in listed) == ["does_not_tie"] + ["ties"] * 19  # one file lacks a line
    checked = run(company, "settlements", "check", "--json")
    assert checked.exit_code == 1  # the breaks of the demo company are planted
    codes = {row["code"] for row in facts(checked)["proof"] if row["holds"] is False}  # type: ignore[attr-defined]
    assert codes
    chain = {"SETTLEMENT_GAP", "SETTLEMENT_OVERLAP", "RESERVE_BREAK", "BALANCE_BREAK"}
    assert codes - chain == {"SETTLEMENT_DOES_NOT_FOOT"}
    found = run(company, "reconcile", "--json")
    assert found.exit_code == 1  # exceptions are planted
    read = facts(found)
    statement = read["statement"]
    assert isinstance(statement, list)
    assert set(read["received"]) == {row["currency"] for row in statement}  # type: ignore[call-overload]
    assert "Short settled" in run(company, "exceptions", "--class", "short_settled").output
    only = facts(run(company, "exceptions", "--class", "short_settled", "--json"))["exceptions"]
    assert isinstance(only, list)
    assert {row["exception_class"] for row in only} == {"SHORT_SETTLED"}
    reports = facts(run(company, "report", "--json"))["reports"]
    assert isinstance(reports, list)
    assert [Path(path).stat().st_size > 10_000 for path in reports] == [True, True]
    assert facts(run(company, "settings", "show", "--json"))["profile"] == "simulator"
    assert "customsearch_open_orders" in run(company, "searches").output


@pytest.mark.parametrize(
    "words, sentence",
    [
        (["settings", "set", "edition=premium", "cash_sale_flow=true"], "premium edition does not allow cash sales"),
        (["settings", "set", "invoice_flow=off"], "both flows are off"),
        (["settings", "set", "saved_search=99"], "does not exist"),
        (["settings", "set", "nonsense"], "has no value"),
        (["run", "10_scheduled_billing", "-p", "max_oders=3"], "max_oders"),
        (["run", "11_no_such"], "there is no such notebook. There are: 00_start_here"),
        (["resume", "no-such-run"], "has no planned records"),
    ],
)
def test_bad_input_is_one_sentence_and_changes_nothing(company: Company, words: list[str], sentence: str) -> None:
    before = (company.workspace / "nsbill.toml").read_text()
    result = run(company, *words)
    assert isinstance(result.exception, NsbillError), result.output
    assert sentence in str(result.exception)
    assert "\n" not in str(result.exception)
    assert (company.workspace / "nsbill.toml").read_text() == before


def test_the_demo_keeps_out_of_a_workspace_with_a_real_account(tmp_path: Path) -> None:
    (tmp_path / "nsbill.toml").write_text('profile = "sandbox"\naccount = "1_SB1"\n')
    result = run_in(tmp_path, "demo")
    assert "configured for a sandbox account" in str(result.exception)
    assert [path.name for path in tmp_path.iterdir()] == ["nsbill.toml"]


def test_every_command_takes_a_workspace_and_reading_ones_json() -> None:
    for name in COMMANDS:
        found = cli.get_command(None, name)  # type: ignore[arg-type]
        for command in getattr(found, "commands", {name: found}).values():
            options = {text for option in command.params for text in option.opts}
            if name == "restlet":
                continue  # writes files that come with nsbill; no workspace is asked
            # each job of a schedule names its own workspace, and runs are kept beside the notebooks
            place = {"schedule": "--file", "alerts": "--file", "runs": "--folder"}.get(name, "--workspace")
            assert place in options, name
            assert "--json" in options or command.name in {
                *("app", "lab", "simulator", "set", "certificate", "login", "logout"),
                *("start", "pause", "unpause", "export"),
            }, f"{name} {command.name}"


def test_errors_end_the_process_with_code_2_and_without_a_traceback(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "from nsbill.cli import main; main()", "plan", "--workspace", str(tmp_path)]
    shown = subprocess.run(command, capture_output=True, text=True, check=False)
    assert shown.returncode == 2
    assert shown.stderr.startswith("Error: ")
    assert "Traceback" not in shown.stderr
    assert len(shown.stderr.splitlines()) == 1


def test_a_settlement_file_that_does_not_add_up_is_refused_and_leaves_nothing(company: Company, tmp_path: Path) -> None:
    good = next((company.workspace / "amazon_files").glob("amazon-com_*.txt"))
    bad = tmp_path / "cut.txt"
    bad.write_text("\n".join(good.read_text().splitlines()[:-3]) + "\n")
    result = CliRunner().invoke(cli, ["settlements", "add", str(bad), "--workspace", str(tmp_path / "w")])
    assert result.exit_code == 2
    assert "download it again" in result.output
    assert list((tmp_path / "w").rglob("*.parquet")) == []


def test_the_public_names_are_the_ones_said() -> None:
    assert cli_module.__all__ == sorted(cli_module.__all__)
