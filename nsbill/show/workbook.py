"""The Excel workbook: summary, statement, exceptions by class, settlements with tie-out, and what every column means.

Every frame of the reconciliation has a sheet, by its schema. Columns whose meaning is a formula are live formulas, and
so are all sums; each carries its value too, so that readers that do not recalculate see the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

import nsbill
from nsbill.schemas import OUTCOMES, PLAN_SKIPPED, PLAN_TO_BILL
from nsbill.show.files import writing_aside
from nsbill.show.frames import NamedFrame, facts_of, frames_of
from nsbill.show.names import code_text
from nsbill.show.workbook_package import fill_sheets
from nsbill.show.workbook_sheet import Formats, FrameSheet, add_sheet, frame_sheet
from nsbill.show.workbook_summary import (
    Counted,
    check_totals,
    count_exceptions,
    write_columns,
    write_exceptions,
    write_summary,
)

if TYPE_CHECKING:
    from nsbill.billing.plan import Plan
    from nsbill.reconcile import Reconciliation

__all__ = ["write_workbook"]

_NAME_LENGTH = 31
_IN_A_NAME = str.maketrans(dict.fromkeys("[]:*?/\\'", " "))
_FROZEN = {"statement": 3, "settlements": 1}
_TAKEN = ("summary", "exceptions", "columns", "history")  # Excel keeps the last one for itself


def write_workbook(
    path: Path | str,
    reconciliation: Reconciliation,
    *,
    plan: Plan | None = None,
    outcomes: pd.DataFrame | None = None,
    sources: Mapping[str, str] | None = None,
    title: str = "",
    extra: Sequence[NamedFrame] = (),
    behind: Sequence[NamedFrame] = (),
) -> Path:
    """Write the workbook and return its path; ``sources`` are lines for the summary, such as account or run id.

    ``extra`` frames get sheets of their own after the summary, those ``behind`` at the end.

    Raises
    ------
    ReconcileError
        When the totals are not the sums of the statement, or an amount is not what its formula gives.
    WorkspaceError
        When the file cannot be written, or a frame has more rows than Excel.
    """
    path = Path(path)
    contents = _contents(reconciliation, extra, [*behind, *_of_plan(plan, outcomes)])
    head = title or f"Received versus due as of {reconciliation.as_of:%Y-%m-%d}"
    facts = {
        **facts_of(reconciliation),
        "Made with": f"nsbill {nsbill.__version__}, pandas {version('pandas')}, XlsxWriter {version('xlsxwriter')}",
        **(sources or {}),
    }
    with writing_aside(path) as aside:
        made = aside.with_name(f"{aside.name}.empty")
        try:
            numbers = _make(made, contents, title=head, facts=facts)
            fill_sheets(made, aside, numbers)
        finally:
            made.unlink(missing_ok=True)
    return path


@dataclass(frozen=True)
class _Contents:
    """What goes into a workbook: the sheets of frames in order, and what the summary is made of."""

    statement: FrameSheet
    totals: NamedFrame
    classes: tuple[FrameSheet, ...]
    counted: tuple[Counted, ...]
    before: tuple[FrameSheet, ...]
    after: tuple[FrameSheet, ...]


def _contents(reconciliation: Reconciliation, extra: Sequence[NamedFrame], last: Sequence[NamedFrame]) -> _Contents:
    frames = {named.name: named for named in frames_of(reconciliation)}
    names = _Names()
    own = {"statement", "totals", "exceptions"}
    statement = _sheet(frames["statement"], names)
    check_totals(statement.table, frames["totals"])
    classes = tuple(_classes(frames["exceptions"], names))
    return _Contents(
        statement=statement,
        totals=frames["totals"],
        classes=classes,
        counted=tuple(count_exceptions(classes)),
        before=(*(_sheet(named, names) for named in extra), statement),
        after=tuple(_sheet(n, names) for n in (*(n for n in frames.values() if n.name not in own), *last)),
    )


def _make(path: Path, contents: _Contents, *, title: str, facts: Mapping[str, str]) -> dict[int, FrameSheet]:
    """Let XlsxWriter make the workbook without the rows of frames; return their sheets by number."""
    import xlsxwriter  # imported here so that reading commands start fast

    book = xlsxwriter.Workbook(str(path), {"strings_to_urls": False})
    try:
        formats = Formats(book)
        summary = book.add_worksheet("Summary")
        write_summary(
            summary,
            title=title,
            facts=facts,
            statement=contents.statement,
            totals=contents.totals,
            counted=contents.counted,
            formats=formats,
        )
        sheets = {**_add(book, contents.before, formats, title)}
        write_exceptions(book, contents.counted, formats, title=title)
        sheets |= _add(book, (*contents.classes, *contents.after), formats, title)
        listed = [sheet for sheet in sheets.values() if sheet not in contents.classes]
        listed += [replace(sheet, name="each class of exceptions") for sheet in contents.classes[:1]]
        write_columns(book, listed, formats, title=title)
        book.set_properties({"title": title, "comments": f"Made by nsbill {nsbill.__version__}"})
    finally:
        _close(book)
    return sheets


def _add(book: Any, sheets: Sequence[FrameSheet], formats: Formats, title: str) -> dict[int, FrameSheet]:
    added = {}
    for sheet in sheets:
        add_sheet(book, sheet, formats, title=title)
        added[len(book.worksheets())] = sheet
    return added


def _close(book: Any) -> None:
    """Write the file, or after an error only let go of the temporary ones; XlsxWriter's own error is no OSError."""
    from xlsxwriter.exceptions import FileCreateError

    try:
        book.close()
    except FileCreateError as error:
        raise OSError(str(error)) from error


def _of_plan(plan: Plan | None, outcomes: pd.DataFrame | None) -> Iterator[NamedFrame]:
    if plan is not None:
        yield NamedFrame("to_bill", plan.to_bill, PLAN_TO_BILL)
        yield NamedFrame("skipped", plan.skipped, PLAN_SKIPPED)
    if outcomes is not None:
        yield NamedFrame("outcomes", outcomes, OUTCOMES)


def _sheet(named: NamedFrame, names: _Names) -> FrameSheet:
    return frame_sheet(names.take(named.title), named.frame, named.schema, frozen_columns=_FROZEN.get(named.name, 3))


def _classes(exceptions: NamedFrame, names: _Names) -> Iterator[FrameSheet]:
    """One sheet per exception class that occurs, in the order of the classes' names."""
    whole = pa.Table.from_pandas(exceptions.frame[exceptions.schema.names], preserve_index=False)
    for code in sorted(pc.unique(whole["exception_class"]).to_pylist()):
        mine = whole.filter(pc.equal(whole["exception_class"], code))
        sheet = frame_sheet("", exceptions.frame.iloc[:0], exceptions.schema)
        yield replace(sheet, name=names.take(code_text(code)), table=mine, frozen_columns=3)


class _Names:
    """Gives every sheet a name that Excel takes, once."""

    def __init__(self) -> None:
        self._taken = set(_TAKEN)

    def take(self, wanted: str) -> str:
        plain = " ".join(wanted.translate(_IN_A_NAME).split()) or "Sheet"
        plain = "".join(char if char.isprintable() else " " for char in plain)
        name, number = plain[:_NAME_LENGTH], 1
        while name.lower() in self._taken:
            number += 1
            ending = f" {number}"
            name = plain[: _NAME_LENGTH - len(ending)] + ending
        self._taken.add(name.lower())
        return name
