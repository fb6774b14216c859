"""Where notebooks and finished runs are: beside the current folder's notebooks, else in the checkout."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from nsbill.errors import RunError

__all__ = ["find_notebook", "notebooks_folder", "runs_folder"]


def notebooks_folder() -> Path:
    """The folder of the notebooks: beside the current folder's, else that of the checkout.

    Raises
    ------
    RunError
        There is none.
    """
    import nsbill

    places = [Path.cwd() / "notebooks", Path(nsbill.__file__).parents[1] / "notebooks"]
    for place in places:
        if place.is_dir():
            return place
    raise RunError("folder", f"there is no notebooks folder at {' or '.join(map(str, places))}", "Go to the checkout.")


def runs_folder() -> Path:
    """The folder of finished runs, beside the notebooks."""
    return notebooks_folder().parent / "papermill_runs"


def find_notebook(name: str, *, before: Iterable[Path] = ()) -> Path:
    """Find a notebook by its name, such as ``10_scheduled_billing``, or its path; looked for in ``before`` first.

    Raises
    ------
    RunError
        There is no such notebook; says which there are.
    """
    path = Path(name)
    if path.suffix == ".ipynb" and path.exists():
        return path
    inside = f"{path.stem}.ipynb" if path.suffix == ".ipynb" else f"{name}.ipynb"
    folders = [*before, notebooks_folder()]
    for folder in folders:
        if (folder / inside).exists():
            return folder / inside
    known = ", ".join(sorted({p.stem for folder in folders for p in folder.glob("*.ipynb")}))
    raise RunError(name, "there is no such notebook", f"There are: {known}.")
