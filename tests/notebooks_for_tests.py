"""Tiny notebooks made for one purpose each."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import Any

import nbformat


def write_notebook(folder: Path, name: str, *cells: str, parameters: str | None = None) -> Path:
    """Write a notebook of code cells (``# …`` in front makes one a heading) and return its path."""
    book: Any = nbformat.v4.new_notebook()
    book.metadata["kernelspec"] = {"name": "python3", "language": "python", "display_name": "Python 3"}
    if parameters is not None:
        book.cells.append(nbformat.v4.new_code_cell(dedent(parameters).strip(), metadata={"tags": ["parameters"]}))
    for source in cells:
        new: Any = nbformat.v4.new_markdown_cell if source.startswith("# ") else nbformat.v4.new_code_cell
        book.cells.append(new(dedent(source).strip()))
    path = folder / f"{name}.ipynb"
    nbformat.write(book, path)
    return path


def read_notebook(path: Path) -> Any:
    """Read a notebook."""
    return nbformat.read(path, as_version=4)
