"""nsbill.billing.retry: which refused creates are tried again, and why others are not; and the command."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from demo_company import Company, demo_company

from nsbill.billing.journal import Entry, PlannedBill
from nsbill.billing.retry import choose_failed
from nsbill.cli import cli
from nsbill.cli.connection import announced
from nsbill.vocabulary import RecordType

SEARCH = "customsearch_nsbill_orders_to_bill"

TABLE = """
order | state    | fix       | fixed | again | why not
1     | rejected | retry     | no    | yes   |
2     | rejected | retry     | yes   | yes   |
3     | rejected | fix-first | no    | no    | something must be mended first. NetSuite says 3. Then: nsbill retry --failed --fixed
4     | rejected | fix-first | yes   | yes   |
5     | rejected | never     | no    | no    | can only do harm. NetSuite says 5.
6     | rejected | never     | yes   | no    | can only do harm. NetSuite says 6.
7     | rejected |           | no    | no    | something must be mended first
8     | rejected |           | yes   | yes   |
9     | rejected | retry     | yes   | no    | it is excluded: disputed. To lift that: nsbill include
10    | created  |           | yes   | no    |
11    | unknown  |           | yes   | no    |
12    | absent   |           | yes   | no    |
"""
ROWS = [[cell.strip() for cell in line.split("|")] for line in TABLE.strip().splitlines()[1:]]


def entry(order: str, state: str, fix: str) -> Entry:
    bill = PlannedBill(
        order, f"SO{order}", "111-1111111-1111111", RecordType.INVOICE, 1, f"nsbill-INV-{order}-1",
        date(2026, 2, 1), "USD", Decimal("1.00"),
    )  # fmt: skip
    at = datetime(2026, 2, 1, tzinfo=UTC)
    return Entry(bill, state, "run", at, None, f"NetSuite says {order}.", fix=fix or None)


@pytest.mark.parametrize("order, state, fix, fixed, again, why", ROWS, ids=[row[0] for row in ROWS])
def test_refused_creates_are_chosen_by_the_class_of_the_refusal(
    order: str, state: str, fix: str, fixed: str, again: str, why: str
) -> None:
    chosen = choose_failed([entry(order, state, fix)], fixed=fixed == "yes", excluded={"9": "disputed"})
    assert len(chosen.again) == (again == "yes")
    assert len(chosen.left_out) == bool(why)
    if why:
        assert chosen.left_out[0].startswith(f"SO{order} was not tried again: ")
        assert why in chosen.left_out[0]


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    with demo_company(tmp_path_factory.mktemp("company"), orders=40) as made, announced(made.simulator, made.workspace):
        with made.desk() as desk:
            desk.save_settings(saved_search=SEARCH)
        yield made


def nsbill(company: Company, *words: str) -> Result:
    return CliRunner().invoke(cli, [*words, "--workspace", str(company.workspace)], env=company.environment)


def test_the_command_tries_again_what_passes_by_itself_and_the_rest_when_it_is_mended(company: Company) -> None:
    control = company.simulator.control
    locked, changed = ({"where": "transform", "kind": kind, "times": 1} for kind in ("locked", "changed"))
    control("faults", {"faults": [locked, changed], "seed": 1})
    assert nsbill(company, "bill", "--yes").exit_code == 1
    planned = sum(company.bills().values())

    done = nsbill(company, "retry", "--failed")
    assert done.exit_code == 1, "one must be mended first"
    assert "1 rejected" in done.output
    assert "was not tried again: something must be mended first" in done.output
    assert sum(company.bills().values()) == planned + 1

    done = nsbill(company, "retry", "--failed", "--fixed")
    assert done.exit_code == 0, done.output
    assert sum(company.bills().values()) == planned + 2
    assert nsbill(company, "retry", "--failed", "--fixed").exit_code == 0
    assert max(company.bills().values()) <= 2, "parts of an order that was billed before"
    assert sum(company.bills().values()) == planned + 2


def test_the_command_wants_to_be_told_which_creates(company: Company) -> None:
    done = nsbill(company, "retry")
    assert done.exit_code == 2
    assert "nsbill resume" in done.output


def test_an_unknown_run_is_refused(company: Company) -> None:
    done = nsbill(company, "retry", "--failed", "no-such-run")
    assert "no-such-run has no planned records" in str(done.exception)


def test_a_production_account_must_be_named(company: Company, tmp_path: Path) -> None:
    done = CliRunner().invoke(
        cli,
        ["retry", "--failed", "--workspace", str(company.workspace)],
        env={**company.environment, "NSBILL_PROFILE": "production", "NSBILL_BASE_URL": company.simulator.url},
    )
    assert "--production 9000001_SB1" in str(done.exception)
