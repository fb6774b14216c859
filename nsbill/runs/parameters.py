"""The parameters of a notebook: what its parameters cell declares, and whether given values fit.

papermill itself lets a misspelt name pass with a log line and enforces no types; here both are refused. Its own
inspection reads the cell with a regular expression, which misses ``int | None`` and any line with two equals
signs, so the cell is parsed as Python instead.
"""

from __future__ import annotations

import ast
import difflib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nsbill.errors import RunError
from nsbill.runs.parameter_forms import form_problem
from nsbill.runs.results import plain_values

__all__ = ["Parameter", "checked_parameters", "inspect_parameters", "on_workspace"]

_BOOLEANS = {"true": True, "false": False}
_TYPES = ("str", "int", "bool", "float")


@dataclass(frozen=True)
class Parameter:
    """One parameter: its name, annotated type (``str``, ``int``, …; empty when not annotated), default and help."""

    name: str
    type: str
    default: str
    help: str

    @property
    def base_type(self) -> str:
        """The annotated type without an allowed ``None``: ``int`` for ``int | None``."""
        return re.sub(r"^Optional\[(.*)\]$|\s*\|\s*None$", r"\1", self.type)

    @property
    def may_be_none(self) -> bool:
        """Whether the annotation or the default allows ``None``."""
        return "None" in self.type or self.type.startswith("Optional[") or self.default == "None"


def inspect_parameters(notebook: Path) -> dict[str, Parameter]:
    """Read what the first cell tagged ``parameters`` declares; empty when there is none.

    Raises
    ------
    RunError
        When the file is not a Python notebook, or that cell is not plain Python.
    """
    book = _read(notebook)
    language = book["metadata"].get("kernelspec", {}).get("language", "python")
    if language != "python":
        raise RunError(notebook.name, f"is written in {language}", "nsbill runs Python notebooks.")
    for cell in book["cells"]:
        if "parameters" in cell["metadata"].get("tags", []):
            return {parameter.name: parameter for parameter in _assignments(notebook.name, "".join(cell["source"]))}
    return {}


def _read(notebook: Path) -> dict[str, Any]:
    """The notebook as JSON. Not by nbformat, whose import takes longer than everything else that is done here."""
    try:
        book = json.loads(notebook.read_text(encoding="utf-8"))
        if book["nbformat"] == 4 and isinstance(book["cells"], list) and isinstance(book["metadata"], dict):
            return dict(book)
        problem = f"its format is {book['nbformat']}"
    except OSError as error:
        problem = str(error.strerror)
    except (ValueError, KeyError, TypeError) as error:
        problem = f"{type(error).__name__}: {error}"
    raise RunError(notebook.name, f"cannot be read as a notebook ({problem})", "Save it again in Jupyter.")


def _assignments(notebook: str, source: str) -> Iterator[Parameter]:
    try:
        statements = ast.parse(source).body
    except SyntaxError as error:
        problem = f"has a parameters cell that is not plain Python (line {error.lineno}: {error.msg})"
        raise RunError(notebook, problem, "Leave only assignments in it.") from error
    lines = source.splitlines()
    for statement in statements:
        match statement:
            case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation, value=ast.expr() as value):
                type_ = ast.unparse(annotation)
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                type_ = ""
            case _:
                continue
        assert value.end_lineno is not None
        rest = lines[value.end_lineno - 1].encode()[value.end_col_offset :].decode()
        _, _, comment = rest.partition("#")
        yield Parameter(name=name, type=type_, default=ast.unparse(value), help=comment.strip())


def checked_parameters(
    notebook: str, declared: Mapping[str, Parameter], given: Mapping[str, object]
) -> dict[str, object]:
    """Return ``given`` as JSON values that fit the notebook's annotations; amounts and dates become text.

    Text is read as the annotated type when it says exactly that (``"50"`` for ``int``), so values may come
    from a command line. Days, months, amounts and choices are held to what the parameter's help says.

    Raises
    ------
    RunError
        For an unknown name (naming the valid ones) or a value of another type; nothing was started.
    """
    for name in given:
        if name not in declared:
            raise RunError(notebook, f"has no parameter '{name}'", _valid_names(name, declared))
    try:
        plain = plain_values({name: value for name, value in given.items() if not isinstance(value, float)})
    except TypeError as error:
        raise RunError(notebook, f"parameter {error}", "Nothing was started.") from error
    values: dict[str, object] = {**given, **plain}
    return {name: _fitting(notebook, declared[name], value) for name, value in values.items()}


def on_workspace(notebook: Path, workspace: Path, given: Mapping[str, object]) -> dict[str, object]:
    """Return ``given``, and the workspace too where the notebook has a parameter for it; a notebook needs none."""
    if "workspace" not in inspect_parameters(notebook):
        return dict(given)
    return {"workspace": str(workspace.resolve()), **given}


def _valid_names(name: str, declared: Mapping[str, Parameter]) -> str:
    if not declared:
        return "It takes none: no cell is tagged 'parameters'. Nothing was started."
    close = difflib.get_close_matches(name, declared, n=1)
    hint = f"Did you mean '{close[0]}'? " if close else ""
    return f"{hint}Valid: {', '.join(declared)}. Nothing was started."


def _fitting(notebook: str, parameter: Parameter, value: Any) -> object:
    """The value as the annotated type, or a RunError."""
    expected = parameter.base_type
    if value is None and parameter.may_be_none:
        return None
    if isinstance(value, float) and expected != "float":
        raise RunError(
            notebook,
            f"parameter '{parameter.name}' got the binary float {value!r}, which is not exact",
            "Give amounts as text such as '1000.00'. Nothing was started.",
        )
    if isinstance(value, str):
        problem = form_problem(value, type_=expected, help_=parameter.help, default=parameter.default)
        if problem:
            raise RunError(
                notebook, f"parameter '{parameter.name}' {problem}, not {value!r}", "Correct it; nothing was started."
            )
    if expected not in _TYPES:
        return value
    fits, found = _read_as(expected, value)
    if not fits:
        raise RunError(
            notebook,
            f"parameter '{parameter.name}' takes {parameter.type}, not {value!r}",
            "Correct it; nothing was started.",
        )
    return found


def _read_as(expected: str, value: Any) -> tuple[bool, object]:
    """Whether ``value`` is, or as text says, an ``expected``; and what it then is."""
    if expected == "str":
        return isinstance(value, str), value
    if expected == "bool":
        found = _BOOLEANS.get(value.lower()) if isinstance(value, str) else value
        return isinstance(found, bool), found
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except json.JSONDecodeError:
            return False, value
    kinds = int if expected == "int" else int | float
    return isinstance(value, kinds) and not isinstance(value, bool), value
