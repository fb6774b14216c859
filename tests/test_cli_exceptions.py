"""The commands of the exception queue, on a simulated company with planted exceptions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from demo_company import Company, demo_company
from reconcile_tables import records

from nsbill.cli import cli
from nsbill.cli.connection import announced
from nsbill.errors import JournalError


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    with demo_company(tmp_path_factory.mktemp("company"), orders=60) as made, announced(made.simulator, made.workspace):
        made.desk().close()
        yield made


def run(company: Company, *words: str) -> Result:
    return CliRunner().invoke(cli, ["exceptions", *words, "--workspace", str(company.workspace)])


def rows(result: Result) -> list[dict[str, Any]]:
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    listed: list[dict[str, Any]] = json.loads(result.stdout)["exceptions"]
    return listed


@pytest.fixture(scope="module")
def listed(company: Company) -> list[dict[str, Any]]:
    """What the first listing shows."""
    result = run(company, "--json")
    assert result.exit_code == 1, "exceptions are planted"
    return rows(result)


def test_the_list_is_what_the_reconciliation_finds_largest_money_first_per_currency(
    company: Company, listed: list[dict[str, Any]]
) -> None:
    with company.desk() as desk:
        found = desk.reconcile().exceptions
    assert sorted(map(key, listed)) == sorted(map(key, records(found)))
    sizes = [(row["currency"], -abs(float(row["amount"]))) for row in listed]
    assert sizes == sorted(sizes)
    assert {row["state"] for row in listed} == {"open"}
    assert all(row["exception_id"].startswith("E-") and row["first_seen"] for row in listed)
    assert rows(run(company, "--json")) == listed, "listing once more changes nothing"
    text = run(company).output
    assert listed[0]["exception_class"].replace("_", " ").capitalize() in text
    assert "nothing changed" in text


def key(row: dict[str, Any]) -> tuple[str, ...]:
    names = ("exception_class", "amazon_order_id", "settlement_id", "reference", "currency", "amount", "evidence")
    return tuple(str(row[name]) for name in names)


def test_filters_choose_by_class_owner_order_and_state(company: Company, listed: list[dict[str, Any]]) -> None:
    one = next(row for row in listed if row["amazon_order_id"])
    of_class = rows(run(company, "--class", one["exception_class"].lower(), "--json"))
    assert of_class == [row for row in listed if row["exception_class"] == one["exception_class"]]
    order, name = one["amazon_order_id"], one["exception_id"]
    assert run(company, "assign", name, "--to", "zoe", "--by", "ann").exit_code == 0
    assert [row["exception_id"] for row in rows(run(company, "--owner", "zoe", "--json"))] == [name]
    assert len(rows(run(company, "--owner", "", "--json"))) == len(listed) - 1
    assert name in [row["exception_id"] for row in rows(run(company, "--order", order, "--json"))]
    none = run(company, "--state", "waiting", "--json")
    assert (none.exit_code, rows(none)) == (0, [])
    assert len(rows(run(company, "--state", "all", "--json"))) == len(listed)


def test_several_are_worked_on_at_once_and_the_history_is_told(company: Company, listed: list[dict[str, Any]]) -> None:
    first, second = (row["exception_id"] for row in listed[-2:])
    assert run(company, "note", first, second, "--text", "asked the bank", "--by", "ann").output.splitlines() == [
        f"{first} has the note.", f"{second} has the note.",
    ]  # fmt: skip
    assert run(company, "mark", first, "--as", "waiting", "--reason", "case 7", "--by", "ann").exit_code == 0
    closed = run(company, "close", first, second, "--reason", "credited", "--by", "bob", "--json")
    assert [row["sentence"] for row in rows(closed)] == ["is closed", "is closed"]
    again = run(company, "close", first, "--reason", "credited")
    assert (again.exit_code, again.output) == (1, f"{first} was closed already.\n")
    told = run(company, "show", first).output
    for words in (
        "first found as of",
        "ann noted: asked the bank",
        "ann set it to waiting: case 7",
        "bob set it to closed",
    ):
        assert words in told
    assert "State:" in told
    listing = run(company)
    assert "2 closed or accepted ones are found all the same" in listing.output
    assert {first, second} & {row["exception_id"] for row in rows(run(company, "--json"))} == set()
    assert rows(run(company, "--state", "closed", "--json"))[0]["note"] == "credited"
    assert run(company, "--state", "closed").exit_code == 0, "none of these is open"
    facts = json.loads(run(company, "show", second, "--json").stdout)
    assert facts["exception"]["state"] == "closed"
    assert [event["kind"] for event in facts["events"]] == ["seen", "note", "state"]
    assert run(company, "close", first, "--accept", "--reason", "a cent").output == f"{first} is accepted.\n"
    assert run(company, "reopen", first, second, "--by", "ann").exit_code == 0
    assert {first, second} <= {row["exception_id"] for row in rows(run(company, "--json"))}


def test_as_of_an_earlier_day_the_list_is_of_that_day_and_the_queue_is_left_as_it_is(
    company: Company, listed: list[dict[str, Any]]
) -> None:
    day = max(date.fromisoformat(row["first_seen"]) for row in listed) - timedelta(days=20)
    with company.desk() as desk:
        found = desk.reconcile(day).exceptions
    earlier = run(company, "--as-of", str(day), "--json")
    assert sorted(map(key, rows(earlier))) == sorted(map(key, records(found)))
    facts = json.loads(earlier.stdout)
    assert (facts["taken"], earlier.exit_code) == (False, 1)
    assert f"these are as of {day}" in facts["queue"]
    assert len(rows(run(company, "--state", "all", "--json"))) == len(listed)


WRONG = """
show E-999999                        | the queue has no E-999999
assign E-1 E-999999 --to ann         | the queue has no E-999999
close overpaid --reason x            | no name of an exception: 'overpaid'
close E-1 --reason                   | requires an argument
close E-1                            | Missing option '--reason'
mark E-1 --as resolved               | 'resolved' is not one of
--state nonsense                     | 'nonsense' is not one of
"""


@pytest.mark.usefixtures("listed")
@pytest.mark.parametrize("line", WRONG.strip().splitlines())
def test_a_wrong_word_is_named(company: Company, line: str) -> None:
    words, problem = (cell.strip() for cell in line.split("|"))
    pieces = words.split()
    result = CliRunner().invoke(cli, ["exceptions", *pieces], env={"NSBILL_WORKSPACE": str(company.workspace)})
    said = str(result.exception) if isinstance(result.exception, JournalError) else result.output
    assert problem in said
    assert result.exit_code != 0


@pytest.mark.usefixtures("listed")
def test_a_workspace_before_the_subcommand_is_that_of_the_subcommand(company: Company, tmp_path: Path) -> None:
    words = ["exceptions", "--workspace", str(company.workspace), "show", "E-1"]
    other = {"NSBILL_WORKSPACE": str(tmp_path)}
    assert CliRunner().invoke(cli, words, env=other).output.startswith("E-1 ")
    mixed = CliRunner().invoke(cli, ["exceptions", "--class", "OVERPAID", "show", "E-1"], env=other)
    assert (mixed.exit_code, "Write the options behind 'show'" in mixed.output) == (2, True)
