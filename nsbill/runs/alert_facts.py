"""What an end of a slot says to the alerts: how it ended, and the figures that its run recorded, read as exact amounts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from nsbill.errors import MoneyError
from nsbill.money import exact
from nsbill.runs.folders import RECORD

__all__ = ["End", "UnusableFigure", "amount_in", "amounts_of", "day_of", "number_of", "read_end", "rows_of", "table_of"]


class UnusableFigure(ValueError):
    """A figure in a run's record is not what nsbill writes there; its text says which and what it is."""


@dataclass(frozen=True)
class End:
    """How a slot ended. ``kind``: ended, lost or missed; ``results``: what its run recorded, empty when it ran to no end.

    ``problem``: why the record of a run that ended cannot be read.
    """

    event_id: int
    kind: str
    status: str | None
    slot: datetime
    detail: str | None
    folder: Path | None
    results: Mapping[str, Any]
    leaks: tuple[Mapping[str, str], ...] = ()
    problem: str | None = None

    @property
    def ran(self) -> bool:
        """Whether there was a run, whatever became of it."""
        return self.kind != "missed"

    @property
    def succeeded(self) -> bool:
        """Whether the run did all that it had to."""
        return self.kind == "ended" and self.status == "succeeded"


def read_end(row: Mapping[str, Any]) -> End:
    """Read what an event of a slot (``ended``, ``lost``, ``missed``) and the run's ``run.json`` say."""
    folder = Path(row["folder"]) if row["folder"] else None
    end = End(row["event_id"], row["kind"], row["status"], row["slot"], row["detail"], folder, {})
    if row["kind"] != "ended" or folder is None:
        return end
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"), parse_float=Decimal)
        results, leaks = record["results"], record.get("leaks", [])
        if not isinstance(results, dict):
            raise TypeError("its results are no object")  # noqa: TRY301 -- said like what else may be wrong with it
        told = tuple({"file": str(leak["file"]), "variable": str(leak["variable"])} for leak in leaks)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return replace(end, problem=f"{folder / RECORD} cannot be read ({type(error).__name__}: {error})")
    return replace(end, results=results, leaks=told)


def amounts_of(figures: Mapping[str, Any], name: str) -> dict[str, Decimal]:
    """Amounts by currency (or by whatever the keys are), exact.

    Raises
    ------
    UnusableFigure
        It is something else.
    """
    return {str(key): _amount(f"{name}.{key}", value) for key, value in table_of(figures, name).items()}


def rows_of(figures: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """A list of rows; amounts in them are text still.

    Raises
    ------
    UnusableFigure
        It is something else.
    """
    found = figures[name]
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise UnusableFigure(f"{name} is no list of rows")
    return found


def number_of(figures: Mapping[str, Any], name: str) -> int:
    """A whole number.

    Raises
    ------
    UnusableFigure
        It is something else.
    """
    found = figures[name]
    if isinstance(found, bool) or not isinstance(found, int):
        raise UnusableFigure(f"{name} is {found!r}, not a whole number")
    return found


def day_of(figures: Mapping[str, Any], name: str) -> date:
    """A day.

    Raises
    ------
    UnusableFigure
        It is something else.
    """
    try:
        return date.fromisoformat(figures[name])
    except (TypeError, ValueError) as error:
        raise UnusableFigure(f"{name} is {figures[name]!r}, not a day") from error


def amount_in(row: Mapping[str, Any], name: str) -> Decimal:
    """The amount in a row.

    Raises
    ------
    UnusableFigure
        It is none.
    """
    return _amount(name, row.get(name))


def table_of(figures: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A table: names to values.

    Raises
    ------
    UnusableFigure
        It is something else.
    """
    found = figures[name]
    if not isinstance(found, dict):
        raise UnusableFigure(f"{name} is no table")
    return found


def _amount(name: str, value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise UnusableFigure(f"{name} is {value!r}, not an amount")
    try:
        return exact(value)
    except MoneyError as error:
        raise UnusableFigure(f"{name}: {error}") from error
