"""Golden files: statement and exceptions of fixed cases, every cell as it was when somebody last looked at them.

A change of one is a change of what finance sees. Look at the difference that the test shows; when it is wanted, renew the
files with ``NSBILL_RENEW_GOLDEN=1 python -m pytest tests/test_reconcile_golden.py`` and commit them with the reason.
"""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import pandas as pd
import pytest
from demo_company import demo_company
from reconcile_tables import Case
from test_reconcile_statement import SCENARIOS
from test_reconcile_worked_example import CASE, INCLUDED

from nsbill.amazon.bank import read_bank
from nsbill.reconcile import Reconciliation
from nsbill.simulator.world_chains import BANK_STATEMENT

GOLDEN = Path(__file__).parent / "golden"
RENEW = bool(os.environ.get("NSBILL_RENEW_GOLDEN"))
CASES = {
    "worked-example": CASE,
    "worked-example-tax-included": INCLUDED,
    "every-status": SCENARIOS,
}


COMPANY = "demo-company-before-billing"
KINDS = ("statement", "exceptions")


@pytest.mark.parametrize("name", CASES)
def test_statement_and_exceptions_are_those_of_the_golden_files(name: str) -> None:
    case: Case = CASES[name]
    compare(name, case.run())


def test_those_of_a_small_demo_company_are_those_of_its_golden_files(tmp_path: Path) -> None:
    day = date(2026, 11, 22)
    with demo_company(tmp_path, orders=60, seed=9, today=day) as company, company.desk() as desk:
        bank = read_bank(tmp_path / "amazon_files" / BANK_STATEMENT)
        compare(COMPANY, desk.reconcile(day, bank=[bank]))


def compare(name: str, found: Reconciliation) -> None:
    """Hold both frames against the files, or write them anew."""
    for kind in KINDS:
        path, text = GOLDEN / f"{name}.{kind}.csv", _text(getattr(found, kind))
        if RENEW:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="")
        assert text.splitlines() == path.read_text(encoding="utf-8").splitlines(), f"{path.name} differs"


def test_nobody_left_a_golden_file_without_its_case() -> None:
    wanted = {f"{name}.{kind}.csv" for name in (*CASES, COMPANY) for kind in KINDS}
    assert {path.name for path in GOLDEN.iterdir()} == wanted


def _text(frame: pd.DataFrame) -> str:
    """One line for each cell that is not empty: a change shows as one line, whatever the columns are."""
    lines = ["row,column,value"]
    for number, row in enumerate(frame.astype(object).where(frame.notna(), None).to_dict("records")):
        lines += [f'{number},{column},"{value}"' for column, value in row.items() if value is not None]
    return "\n".join(lines) + "\n"
