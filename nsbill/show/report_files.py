"""All files of a report: the HTML page, the workbook, every frame as CSV and Parquet, and the charts as PNG.

Each is written aside and renamed when it is complete, so an interrupted report leaves whole files only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from nsbill.errors import WorkspaceError
from nsbill.reconcile.month import MONTH, Month
from nsbill.reconcile.sources import SOURCES
from nsbill.show.files import export_frame
from nsbill.show.frames import NamedFrame, frames_of
from nsbill.show.html import Section, write_report
from nsbill.show.images import chart_places, write_charts
from nsbill.show.tables import money_table
from nsbill.show.workbook import write_workbook
from nsbill.show.workbook_sheet import EXCEL_ROWS

if TYPE_CHECKING:
    from nsbill.reconcile import Reconciliation

__all__ = ["FORMATS", "InMonth", "report_places", "write_report_files"]

FORMATS = ("html", "xlsx", "csv", "parquet", "png")


@dataclass(frozen=True)
class InMonth:
    """The month that a report is about, and its rows (schema ``MONTH``)."""

    month: Month
    rows: pd.DataFrame


def write_report_files(
    folder: Path,
    reconciliation: Reconciliation,
    *,
    formats: Sequence[str] = ("html", "xlsx"),
    in_month: InMonth | None = None,
    sources: pd.DataFrame | None = None,
    facts: Mapping[str, str] | None = None,
) -> dict[str, list[Path]]:
    """Write the report in these ``FORMATS`` into a folder; returns the paths by format.

    The page and the workbook stand in the folder, the files of frames and charts in a folder beside them. ``sources`` (schema
    ``SOURCES``) go into the workbook, when they fit into a sheet, and into the exports.

    Raises
    ------
    MissingExtra
        For charts as PNG without kaleido.
    WorkspaceError
        For an unknown format, or when a file cannot be written; files that were complete before stay.
    """
    unknown = sorted({*formats} - {*FORMATS})
    if unknown:
        raise WorkspaceError(", ".join(unknown), "is no format of a report", f"Choose from {', '.join(FORMATS)}.")
    stem, title = _stem(reconciliation, in_month), _title(reconciliation, in_month)
    known = {**(facts or {}), **({"Month": in_month.month.sentence} if in_month else {})}
    extra = [NamedFrame("month", in_month.rows, MONTH)] if in_month else []
    behind = [] if sources is None else [NamedFrame("sources", sources, SOURCES)]
    if len(sources if sources is not None else ()) >= EXCEL_ROWS:
        known["Sources"] = "have more rows than a sheet; they are in the exports (--formats parquet)"
    written: dict[str, list[Path]] = {}
    for ending in dict.fromkeys(formats):
        if ending == "html":
            first = [_month_section(in_month)] if in_month else []
            told = [f"{name.lower()} {value}" for name, value in known.items() if name not in {"Month", "Sources"}]
            page = write_report(folder / f"{stem}.html", reconciliation, title=title, facts=told, first_sections=first)
            written[ending] = [page]
        elif ending == "xlsx":
            fits = [named for named in behind if len(named.frame) < EXCEL_ROWS]
            path = folder / f"{stem}.xlsx"
            book = write_workbook(path, reconciliation, title=title, sources=known, extra=extra, behind=fits)
            written[ending] = [book]
        elif ending == "png":
            written[ending] = write_charts(folder / stem, reconciliation)
        else:
            written[ending] = list(_exports(folder / stem, [*extra, *frames_of(reconciliation), *behind], ending))
    return written


def report_places(folder: Path, reconciliation: Reconciliation, ending: str) -> list[Path]:
    """Return where ``write_report_files`` writes one of ``FORMATS`` of a report that is about no month."""
    stem = _stem(reconciliation, None)
    if ending in {"html", "xlsx"}:
        return [folder / f"{stem}.{ending}"]
    if ending == "png":
        return chart_places(folder / stem, reconciliation)
    named = [*frames_of(reconciliation), NamedFrame("sources", SOURCES.frame(), SOURCES)]
    return [_export_path(folder / stem, one, ending) for one in named]


def _exports(folder: Path, frames: Sequence[NamedFrame], ending: str) -> Iterator[Path]:
    for named in frames:
        yield export_frame(named.frame, _export_path(folder, named, ending))


def _export_path(folder: Path, named: NamedFrame, ending: str) -> Path:
    return folder / f"{named.name.replace('_', '-')}.{ending}"


def _stem(reconciliation: Reconciliation, in_month: InMonth | None) -> str:
    month = f"{in_month.month.name}-" if in_month else ""
    return (
        f"received-vs-due-{month}as-of-{reconciliation.as_of}" if month else f"received-vs-due-{reconciliation.as_of}"
    )


def _title(reconciliation: Reconciliation, in_month: InMonth | None) -> str:
    as_of = f"Received versus due as of {reconciliation.as_of}"
    return f"{as_of}, {in_month.month.sentence}" if in_month else as_of


def _month_section(in_month: InMonth) -> Section:
    month = in_month.month
    told = (
        f"What came in between {month.first} and {month.as_of}, beside the state at both ends. In the month = at the "
        f"end − at the begin, both computed from the same books."
    )
    over = [] if month.whole else [f"The month is not over: it is looked at up to {month.as_of}."]
    table = money_table(in_month.rows, caption=f"Month {month.name}", limit=None, empty_note="nothing happened")
    return Section(f"Month {month.name}", [*over, told, table])
