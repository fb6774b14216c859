"""Who may import whom, and other rules of the house, read from the source itself."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "nsbill"

LAYERS = {
    "nsbill.errors": 0,
    "nsbill.money": 0,
    "nsbill.vocabulary": 0,
    "nsbill.progress": 0,
    "nsbill.settings": 1,
    "nsbill.credentials": 1,
    "nsbill.schema": 1,
    "nsbill.schemas": 1,
    "nsbill.schemas_facts": 1,
    "nsbill.schemas_payments": 1,
    "nsbill.vault": 1,
    "nsbill.netsuite": 2,
    "nsbill.amazon": 2,
    "nsbill.billing": 3,
    "nsbill.reconcile": 3,
    "nsbill.billing.run": 4,
    "nsbill.billing.retry": 4,
    "nsbill.billing.limits": 4,
    "nsbill.exception_queue": 4,
    "nsbill.desk": 5,
    "nsbill.reading_desk": 6,
    "nsbill.doctor": 5,
    "nsbill.show": 6,
    "nsbill.runs": 7,
    "nsbill.cli": 8,
}
"""Imports go to a smaller number, or stay in the room (layers 0 and 1 are one each). The longest name that fits counts."""

SIMULATOR = "nsbill.simulator"

ROOMS = {
    "anywidget": ("nsbill.show.panel", "nsbill.show.grid"),
    "cryptography": ("nsbill.netsuite", "nsbill.simulator"),
    "duckdb": ("nsbill.amazon", "nsbill.reconcile"),
    "ipywidgets": ("nsbill.show.panel", "nsbill.show.grid"),
    "jupyter_scheduler": ("nsbill.runs.lab_jobs",),
    "jwt": ("nsbill.netsuite", "nsbill.simulator"),
    "keyring": ("nsbill.vault",),
    "narwhals": ("nsbill.amazon", "nsbill.reconcile"),
    "nbclient": ("nsbill.runs",),
    "nbconvert": ("nsbill.runs",),
    "papermill": ("nsbill.runs",),
    "plotly": ("nsbill.show.charts", "nsbill.show.theme", "nsbill.show.html", "nsbill.runs.html"),
    "pyspark": ("nsbill.reconcile.engine_spark",),
    "requests": ("nsbill.netsuite", "nsbill.runs.alert_webhook"),  # alerts are posted from there
    "requests_oauthlib": ("nsbill.netsuite",),
    "sqlalchemy": ("nsbill.billing.journal",),
    "sqlglot": ("nsbill.simulator",),
    "tornado": ("nsbill.simulator",),
    "xlsxwriter": ("nsbill.show.workbook",),
}
"""Heavy libraries and the modules (by the beginning of their name) that may import them; for types, any may."""


@cache
def _modules() -> dict[str, Path]:
    names = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        names[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return names


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def _imports(path: Path, *, for_types: bool = True) -> Iterator[tuple[int, str]]:
    """Every module that a file imports, wherever it does it, by line."""
    known = _modules()
    blocks = [node for node in ast.walk(_tree(path)) if isinstance(node, ast.If) and _is_for_types(node)]
    type_only = {id(part) for block in blocks for part in ast.walk(block)}
    for node in ast.walk(_tree(path)):
        if id(node) in type_only and not for_types:
            continue
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}:{node.lineno}: relative import"
            for alias in node.names:
                deeper = f"{node.module}.{alias.name}"
                yield node.lineno, deeper if deeper in known else str(node.module)


def _is_for_types(node: ast.If) -> bool:
    return ast.unparse(node.test) == "TYPE_CHECKING"


def _layer(module: str) -> tuple[int, str]:
    """Layer and room of a module."""
    fitting = [name for name in LAYERS if module == name or module.startswith(f"{name}.")]
    assert fitting, f"{module} stands in no layer; give it one in {Path(__file__).name}"
    layer = LAYERS[max(fitting, key=len)]
    return layer, f"layer {layer}" if layer <= 1 else ".".join(module.split(".")[:2])


def _is_in(module: str, room: str) -> bool:
    return module == room or module.startswith(f"{room}.")


def _findings(rule: Iterator[str]) -> str:
    return "\n".join(rule)


def test_imports_go_downward_only() -> None:
    def rule() -> Iterator[str]:
        for module, path in _modules().items():
            if module == "nsbill" or _is_in(module, SIMULATOR):
                continue
            own, room = _layer(module)
            for line, target in _imports(path):
                if target == "nsbill" or not _is_in(target, "nsbill") or _is_in(target, SIMULATOR):
                    continue
                other, other_room = _layer(target)
                if not (other < own or (other == own and other_room == room)):
                    yield f"{path.relative_to(ROOT)}:{line}: {module} ({own}) imports {target} ({other})"

    assert _findings(rule()) == ""


def test_the_simulator_imports_nothing_of_nsbill_and_only_the_command_line_imports_it() -> None:
    """A shared serializer would make client and simulator wrong together."""

    def rule() -> Iterator[str]:
        for module, path in _modules().items():
            for line, target in _imports(path):
                inside, there = _is_in(module, SIMULATOR), _is_in(target, SIMULATOR)
                if inside and _is_in(target, "nsbill") and not there:
                    yield f"{path.relative_to(ROOT)}:{line}: the simulator imports {target}"
                if there and not inside and not _is_in(module, "nsbill.cli"):
                    yield f"{path.relative_to(ROOT)}:{line}: {module} imports the simulator"

    assert _findings(rule()) == ""


def test_heavy_libraries_stay_in_their_rooms() -> None:
    def rule() -> Iterator[str]:
        for module, path in _modules().items():
            for line, target in _imports(path, for_types=False):
                rooms = ROOMS.get(target.split(".")[0])
                if rooms and not module.startswith(rooms):
                    yield f"{path.relative_to(ROOT)}:{line}: {module} imports {target}"

    assert _findings(rule()) == ""


@pytest.mark.parametrize("module", ["nsbill.cli", "nsbill.runs.runner", "nsbill.runs.results"])
def test_starting_is_fast_because_no_heavy_library_is_imported(module: str) -> None:
    code = f"import sys, {module}; print(*sorted(set({sorted(ROOMS)}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.split() == []


def test_no_module_is_longer_than_400_lines_and_no_function_than_60() -> None:
    def rule() -> Iterator[str]:
        for path in _modules().values():
            lines = len(path.read_text(encoding="utf-8").splitlines())
            if lines > 400:
                yield f"{path.relative_to(ROOT)}: {lines} lines"
            for node in ast.walk(_tree(path)):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    length = (node.end_lineno or 0) - node.lineno + 1
                    if length > 60:
                        yield f"{path.relative_to(ROOT)}:{node.lineno}: {node.name} has {length} lines"

    assert _findings(rule()) == ""


def test_money_never_becomes_a_binary_float_and_no_exception_is_swallowed() -> None:
    def rule() -> Iterator[str]:
        for path in _modules().values():
            for node in ast.walk(_tree(path)):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "float":
                    yield f"{path.relative_to(ROOT)}:{node.lineno}: float(…)"
                if isinstance(node, ast.ExceptHandler) and all(isinstance(part, ast.Pass) for part in node.body):
                    yield f"{path.relative_to(ROOT)}:{node.lineno}: except …: pass"

    assert _findings(rule()) == ""


def test_every_module_and_everything_public_in_it_says_what_it_is() -> None:
    def rule() -> Iterator[str]:
        for path in _modules().values():
            tree = _tree(path)
            if not ast.get_docstring(tree):
                yield f"{path.relative_to(ROOT)}: no docstring"
            classes = [node for node in tree.body if isinstance(node, ast.ClassDef) and not node.name.startswith("_")]
            owners: list[ast.Module | ast.ClassDef] = [tree, *classes]
            for owner in owners:
                for node in owner.body:
                    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                        continue
                    if not node.name.startswith("_") and not ast.get_docstring(node):
                        yield f"{path.relative_to(ROOT)}:{node.lineno}: {node.name} has no docstring"

    assert _findings(rule()) == ""


def test_the_package_holds_no_unfinished_work() -> None:
    def rule() -> Iterator[str]:
        for path in _modules().values():
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                if re.search(r"\b(TODO|FIXME|HACK)\b", line):
                    yield f"{path.relative_to(ROOT)}:{number}: {line.strip()}"

    assert _findings(rule()) == ""
