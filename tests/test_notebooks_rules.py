"""The notebooks in git are thin, clean, and can be run by name with parameters."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest

from nsbill.runs.parameters import inspect_parameters

FOLDER = Path(__file__).parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _code_cells(path: Path) -> list[Any]:
    return [cell for cell in _read(path)["cells"] if cell["cell_type"] == "code"]


def _source(cell: Any) -> str:
    return "".join(cell["source"])


def _program(path: Path) -> ast.Module:
    """The code of a notebook; its cells must be plain Python, so that they run under papermill and lint."""
    return ast.parse("\n".join(_source(cell) for cell in _code_cells(path)), filename=path.name)


def test_the_notebooks_of_the_main_job_are_there() -> None:
    assert {
        "00_start_here",
        "01_configure_billing",
        "02_preview_and_bill",
        "03_received_vs_due",
        "04_settlements_and_exceptions",
        "05_runs",
        "10_scheduled_billing",
        "11_scheduled_reconciliation",
        "12_month_end_report",
    } <= {path.stem for path in NOTEBOOKS}


@each_notebook
def test_it_is_stored_without_outputs_and_execution_counts(path: Path) -> None:
    assert [cell["outputs"] for cell in _code_cells(path) if cell["outputs"]] == []
    assert [cell["execution_count"] for cell in _code_cells(path) if cell["execution_count"]] == []


@each_notebook
def test_it_keeps_its_kernel_and_nothing_of_the_machine(path: Path) -> None:
    metadata = _read(path)["metadata"]
    assert {name: metadata["kernelspec"][name] for name in ("name", "language")} == {
        "name": "python3",
        "language": "python",
    }
    assert "version" not in metadata.get("language_info", {})
    assert not {"widgets", "papermill"} & set(metadata)
    assert _read(path)["nbformat"] == 4


@each_notebook
def test_its_logic_is_in_the_package(path: Path) -> None:
    forbidden = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.For, ast.AsyncFor, ast.While, ast.Lambda)
    found = [
        f"{type(node).__name__}: {ast.unparse(node)[:60]}"
        for node in ast.walk(_program(path))
        if isinstance(node, forbidden)
    ]
    assert found == []


@each_notebook
def test_it_has_at_most_40_lines_of_code_in_12_cells(path: Path) -> None:
    lines = [line for cell in _code_cells(path) for line in _source(cell).splitlines() if line.strip()]
    assert len(lines) <= 40
    assert len(_code_cells(path)) <= 12
    assert all(_source(cell).strip() for cell in _read(path)["cells"]), "no empty cell"


@each_notebook
def test_exactly_one_cell_is_tagged_parameters_and_each_parameter_has_a_type_and_a_help(path: Path) -> None:
    tagged = [cell for cell in _code_cells(path) if "parameters" in cell["metadata"].get("tags", [])]
    assert len(tagged) == 1
    for parameter in inspect_parameters(path).values():
        assert parameter.base_type in {"str", "int", "bool"}, f"{parameter.name}: amounts and dates are text"
        assert parameter.help, f"{parameter.name} has no comment that says what it is"
    assert "Decimal" not in _source(tagged[0])


@each_notebook
def test_it_begins_with_a_title(path: Path) -> None:
    first = _read(path)["cells"][0]
    assert first["cell_type"] == "markdown"
    assert _source(first).startswith("# ")
