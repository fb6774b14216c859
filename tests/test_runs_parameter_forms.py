"""Days, months, amounts and choices are held to what a parameter's help says, before anything is started."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from notebooks_for_tests import write_notebook

from nsbill.errors import RunError
from nsbill.runs.parameters import checked_parameters, inspect_parameters, on_workspace

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
PARAMETERS = """\
as_of: str = ""  # day as YYYY-MM-DD; empty: today
month: str = ""  # month as YYYY-MM; empty: the last one
limit: str = "100.00"  # amount as 1000.00
basis: str = "settled"  # one of posted, settled, in-bank; which money counts
mode: Literal["fast", "slow"] = "fast"  # how
"""


@pytest.mark.parametrize(
    "name, value",
    [
        ("as_of", "2026-02-28"),
        ("as_of", ""),
        ("month", "2026-12"),
        ("month", ""),
        ("limit", "0.50"),
        ("basis", "in-bank"),
        ("mode", "slow"),
    ],
)
def test_what_fits_is_taken_as_it_is(tmp_path: Path, name: str, value: str) -> None:
    declared = inspect_parameters(write_notebook(tmp_path, "formed", "1", parameters=PARAMETERS))
    assert checked_parameters("formed", declared, {name: value}) == {name: value}


@pytest.mark.parametrize(
    "name, value, sentence",
    [
        ("as_of", "yesterday", "parameter 'as_of' takes a day as YYYY-MM-DD, not 'yesterday'"),
        ("as_of", "2026-02-29", "takes a day as YYYY-MM-DD"),
        ("as_of", "20260228", "takes a day as YYYY-MM-DD"),
        ("month", "2026-13", "parameter 'month' takes a month as YYYY-MM, not '2026-13'"),
        ("month", "2026-02-28", "takes a month as YYYY-MM"),
        ("limit", "1,000.00", "parameter 'limit' takes an exact amount such as 1000.00, not '1,000.00'"),
        ("limit", "", "takes an exact amount"),
        ("basis", "deposited", "parameter 'basis' takes one of posted, settled, in-bank, not 'deposited'"),
        ("basis", "", "takes one of posted"),
        ("mode", "medium", "parameter 'mode' takes one of fast, slow, not 'medium'"),
    ],
)
def test_what_does_not_fit_starts_nothing(tmp_path: Path, name: str, value: str, sentence: str) -> None:
    declared = inspect_parameters(write_notebook(tmp_path, "formed", "1", parameters=PARAMETERS))
    with pytest.raises(RunError) as refusal:
        checked_parameters("formed", declared, {name: value})
    assert sentence in str(refusal.value)
    assert "nothing was started" in str(refusal.value)


@pytest.mark.parametrize(
    "notebook, name, value",
    [
        ("11_scheduled_reconciliation", "as_of", "yesterday"),
        ("12_month_end_report", "month", "November"),
        ("12_month_end_report", "as_of", "30.11.2026"),
        ("10_scheduled_billing", "max_total", "lots"),
        ("03_received_vs_due", "as_of", "today"),
    ],
)
def test_the_notebooks_say_what_their_texts_look_like(notebook: str, name: str, value: str) -> None:
    declared = inspect_parameters(NOTEBOOKS / f"{notebook}.ipynb")
    with pytest.raises(RunError, match=f"parameter '{name}' takes"):
        checked_parameters(notebook, declared, {name: value})
    default = ast.literal_eval(declared[name].default)
    assert checked_parameters(notebook, declared, {name: default}) == {name: default}


def test_a_workspace_is_given_to_notebooks_that_ask_for_one(tmp_path: Path) -> None:
    asks = write_notebook(tmp_path, "asks", "1", parameters='workspace: str = ""')
    asks_for_none = write_notebook(tmp_path, "none", "1")
    assert on_workspace(asks, tmp_path, {"top": 3}) == {"workspace": str(tmp_path.resolve()), "top": 3}
    assert on_workspace(asks, tmp_path, {"workspace": "elsewhere"}) == {"workspace": "elsewhere"}
    assert on_workspace(asks_for_none, tmp_path, {}) == {}
