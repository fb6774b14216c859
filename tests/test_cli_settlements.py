"""The commands about settlements: what they print, as text and as JSON, and how they end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from settlement_files import ORDER_1, lines, plain_rows, summary, write

from nsbill.cli import cli
from nsbill.errors import NsbillError

DATA = Path(__file__).parent / "data"
EXAMPLE = (str(DATA / "worked_example_k.txt"), str(DATA / "worked_example_k1.txt"))
BANK = "Date,Description,Amount,Currency\n2026-06-01,Rent,-900.00,USD\n2026-06-18,AMAZON,53.49,USD\n2026-07-02,AMAZON,7.01,USD\n2026-07-31,Rent,-900.00,USD\n"


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    return tmp_path / "w"


def run(workspace: Path, *words: str) -> Result:
    result = CliRunner().invoke(cli, ["settlements", *words, "--workspace", str(workspace)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def refusal(workspace: Path, *words: str) -> str:
    """What the command says when it ends with an error of nsbill's own; exit code 2 is given where commands are run."""
    result = CliRunner().invoke(cli, ["settlements", *words, "--workspace", str(workspace)])
    assert isinstance(result.exception, NsbillError), result
    assert result.stdout == ""
    return str(result.exception)


def facts(result: Result) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(result.stdout)
    return read


def moon(tmp_path: Path) -> str:
    """A file with labels that nobody knows."""
    rows = lines(f"Refund | {ORDER_1} | ItemFees | Moon fee | -1.00 |", "33333333333")
    return str(write(tmp_path / "moon.txt", [summary("-1.00", "33333333333"), *rows]))


def test_add_says_one_line_per_file_and_sums_up(workspace: Path, tmp_path: Path) -> None:
    bad = str(write(tmp_path / "bad.txt", plain_rows("12.00")))
    first = run(workspace, "add", EXAMPLE[0])
    assert (first.exit_code, first.stdout.splitlines()[-1]) == (0, "1 files: 1 added")
    result = run(workspace, "add", *EXAMPLE, bad)
    assert result.exit_code == 2
    told = result.stdout.splitlines()
    assert [line.split()[0] for line in told[:3]] == ["already", "added", "refused"]
    assert told[3] == "3 files: 1 added, 1 already there, 1 refused"
    again = facts(run(workspace, "add", *EXAMPLE, "--json"))
    assert again["counts"] == {"already there": 2}
    assert [row["settlements"] for row in again["files"]] == [["20000000001"], ["20000000002"]]


def test_list_fits_into_120_columns_and_says_what_needs_a_decision(workspace: Path, tmp_path: Path) -> None:
    run(workspace, "add", *EXAMPLE, moon(tmp_path))
    untied = write(tmp_path / "untied.txt", plain_rows("-1234567890.12", "44444444444"))
    run(workspace, "add", str(untied), "--accept-untied")
    shown = run(workspace, "list")
    assert shown.exit_code == 0
    assert max(map(len, shown.stdout.splitlines())) <= 120
    for text in (
        "20000000001  Amazon.com   2026-06-01 to 2026-06-15  2026-06-17    USD",
        "33333333333: 1 line with labels that are not known: nsbill settlements unknown",
        "44444444444: its lines add up to 11.01 USD, off by 1,234,567,901.13.",
    ):
        assert text in shown.stdout
    listed = facts(run(workspace, "list", "--json"))
    totals = {row["settlement_id"]: row["total_amount"] for row in listed["settlements"]}
    assert (len(totals), totals["20000000001"]) == (4, "53.49")
    assert listed["activity"] == []


def test_check_shows_only_what_does_not_hold_or_cannot_be_told(workspace: Path) -> None:
    run(workspace, "add", *EXAMPLE)
    shown = run(workspace, "check")
    assert shown.exit_code == 0
    assert "lines sum to total        2 hold" in shown.stdout
    assert "Cannot be told: 2" in shown.stdout
    assert "first known of its chain" in shown.stdout
    assert "The lines add up" not in shown.stdout
    assert shown.stdout.splitlines()[-1] == "10 proofs: 8 hold, 0 do not, 2 cannot be told."
    everything = run(workspace, "check", "--all").stdout
    assert "Activity 23.49, previous reserve 50.00, current reserve -20.00: together 53.49, as stated." in everything
    assert max(map(len, everything.splitlines())) <= 120


def test_check_finds_deposits_in_a_bank_statement(workspace: Path, tmp_path: Path) -> None:
    run(workspace, "add", *EXAMPLE)
    bank = tmp_path / "bank.csv"
    bank.write_text(BANK)
    shown = run(workspace, "check", "--bank", str(bank))
    assert shown.exit_code == 0
    assert "bank.csv: 4 movements, 2026-06-01 to 2026-07-31, 2 with Amazon's name" in shown.stdout
    assert "deposit in bank           2 hold" in shown.stdout
    bank.write_text(BANK.replace("7.01", "7.10"))
    result = run(workspace, "check", "--bank", str(bank), "--json")
    assert result.exit_code == 1
    found = facts(result)
    (deposit,) = [row for row in found["proof"] if row["code"] == "DEPOSIT_MISMATCH"]
    assert (deposit["expected"], deposit["found"], deposit["residual"]) == ("7.01", "7.10", "0.09")
    assert found["counts"] == {"hold": 9, "do_not_hold": 1, "cannot_be_told": 2}


def test_check_takes_the_columns_and_formats_of_a_statement(workspace: Path, tmp_path: Path) -> None:
    run(workspace, "add", *EXAMPLE)
    bank = tmp_path / "bank.csv"
    bank.write_text("07/02/2026;7,01;AMAZON\n07/01/2026;-900,00;Rent\n12/07/2026;-9,00;Rent\n")
    assert refusal(workspace, "check", "--bank", str(bank)).startswith("bank.csv: found no header")
    stated = ("--bank", str(bank), "--bank-columns", "date=1,amount=2", "--bank-currency", "USD", "--bank-dates", "mdy")
    shown = run(workspace, "check", *stated, "--bank-numbers", "comma", "--settlement", "20000000002", "--all")
    assert "line 1 of bank.csv (2026-07-02, 7.01 USD): AMAZON" in shown.stdout
    wrong = run(workspace, "check", "--bank", str(bank), "--bank-columns", "when=1")
    assert (wrong.exit_code, "is not of the form date=" in wrong.stderr) == (2, True)


def test_check_writes_all_proofs_as_csv_and_takes_single_settlements(workspace: Path, tmp_path: Path) -> None:
    run(workspace, "add", *EXAMPLE)
    target = tmp_path / "proofs.csv"
    shown = run(workspace, "check", "--settlement", "20000000002", "--csv", str(target))
    assert "5 proofs: 5 hold" in shown.stdout
    written = target.read_text(encoding="utf-8").splitlines()
    assert len(written) == 6
    assert written[1].startswith("20000000002,main,USD,lines sum to total,7.01,7.01,0.00,True,,")
    unknown = run(workspace, "check", "--settlement", "2")
    assert (unknown.exit_code, "2 is not stored" in unknown.stderr) == (2, True)


def test_an_empty_store_lists_and_checks_nothing(workspace: Path) -> None:
    assert run(workspace, "list").exit_code == 0
    assert run(workspace, "check").stdout.splitlines()[-1] == "0 proofs: 0 hold, 0 do not, 0 cannot be told."
    assert run(workspace, "unknown").stdout == "The vocabulary knows every label that is stored.\n"
    assert run(workspace, "reclassify").exit_code == 0


def test_unknown_labels_become_known_by_the_row_that_is_offered(workspace: Path, tmp_path: Path) -> None:
    run(workspace, "add", moon(tmp_path))
    shown = run(workspace, "unknown")
    assert shown.exit_code == 1
    row = "Refund,ItemFees,Moon fee,,<line kind>,"
    for text in (
        "Refund | ItemFees | Moon fee",
        "1 line, -1.00 USD, event REFUND, in 1 file",
        f"order {ORDER_1}",
        row,
    ):
        assert text in shown.stdout
    header = facts(run(workspace, "unknown", "--json"))["unknown"][0]
    assert (header["amount"], header["row"]) == ("-1.00", row)
    own = workspace / "vocabulary.csv"
    own.write_text(f"transaction_type,amount_type,amount_description,event_class,line_kind,why\n{row}\n")
    assert refusal(workspace, "reclassify").startswith(f"{own}, line 2: has the unknown line_kind")
    own.write_text(own.read_text().replace("<line kind>", "FEE_OTHER"))
    assert "known by now" in run(workspace, "unknown").stdout
    told = run(workspace, "reclassify", "--dry-run")
    assert (told.exit_code, "Would change" in told.stdout) == (1, True)
    done = run(workspace, "reclassify", "--json")
    assert (done.exit_code, facts(done)["changes"][0]["line_kind"]) == (0, "FEE_OTHER")
    assert run(workspace, "unknown").exit_code == 0
    assert "Everything that is stored" in run(workspace, "reclassify").stdout
