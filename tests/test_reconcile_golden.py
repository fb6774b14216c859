"""Golden files: statement and exceptions of fixed cases, every cell as it was when somebody last looked at them.

A change of one is a change of what finance sees. Look at the difference that the test shows; when it is wanted, renew the
files with ``NSBILL_RENEW_GOLDEN=1 python -m pytest tests/test_reconcile_golden.py`` and commit them with the reason.
"""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import pytest
from reconcile_tables import Case
from test_reconcile_statement import SCENARIOS
from test_reconcile_worked_example import CASE, INCLUDED

GOLDEN = Path(__file__).parent / "golden"
RENEW = bool(os.environ.get("NSBILL_RENEW_GOLDEN"))
CASES = {
    "worked-example": CASE,
    "worked-example-tax-included": INCLUDED,
    "every-status": SCENARIOS,
}


@pytest.mark.parametrize("name", CASES)
def test_statement_and_exceptions_are_those_of_the_golden_files(name: str) -> None:
    case: Case = CASES[name]
    found = case.run()
    for kind in ("statement", "exceptions"):
        path, text = GOLDEN / f"{name}.{kind}.csv", _text(getattr(found, kind))
        if RENEW:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="")
        assert text.splitlines() == path.read_text(encoding="utf-8").splitlines(), f"{path.name} differs"


def test_nobody_left_a_golden_file_without_its_case() -> None:
    wanted = {f"{name}.{kind}.csv" for name in CASES for kind in ("statement", "exceptions")}
    assert {path.name for path in GOLDEN.iterdir()} == wanted


def _text(frame: pd.DataFrame) -> str:
    """One line for each cell that is not empty: a change shows as one line, whatever the columns are."""
    lines = ["row,column,value"]
    for number, row in enumerate(frame.astype(object).where(frame.notna(), None).to_dict("records")):
        lines += [f'{number},{column},"{value}"' for column, value in row.items() if value is not None]
    return "\n".join(lines) + "\n"
