"""The runs that a runs folder holds, as a DataFrame; a folder that cannot be read is shown as such."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from nsbill.runs.folders import PARTIAL, RECORD, is_under_way, time_of
from nsbill.schemas import INSTANT, Column, Schema

__all__ = ["RUNS", "list_runs"]

RUNS = Schema(
    "runs",
    (
        Column("run_id", pa.string(), "UTC time and a random part"),
        Column("notebook", pa.string(), "name of the notebook"),
        Column("status", pa.string(), "succeeded, failed, running, interrupted (its process died) or broken"),
        Column("started_at", INSTANT, "when it started", nullable=True),
        Column("seconds", pa.float64(), "how long it took", nullable=True),
        Column("problem", pa.string(), "one sentence: why it failed or cannot be read", nullable=True),
        Column("results", pa.string(), "what the notebook recorded, as JSON; amounts are text", nullable=True),
        Column("workspace", pa.string(), "the workspace parameter", nullable=True),
        Column("job", pa.string(), "the schedule's job that it was run for", nullable=True),
        Column("folder", pa.string(), "where its files are"),
    ),
)
"""Notebook runs; grain: one row per run, newest first."""


def list_runs(runs_folder: Path) -> pd.DataFrame:
    """List every run below ``runs_folder`` (schema RUNS), newest first; never fails on a single broken folder."""
    rows = [_row(folder) for folder in _run_folders(runs_folder)]
    rows.sort(key=lambda row: (str(row["run_id"]), str(row["folder"])), reverse=True)
    return RUNS.frame(rows)


def _run_folders(runs_folder: Path) -> Iterator[Path]:
    if not runs_folder.is_dir():
        return
    for home in runs_folder.iterdir():
        if home.is_dir() and not home.name.startswith("."):
            for folder in home.iterdir():
                if folder.is_dir() and (folder.name.startswith(PARTIAL) or not folder.name.startswith(".")):
                    yield folder


def _row(folder: Path) -> dict[str, object]:
    run_id = folder.name.removeprefix(PARTIAL)
    row: dict[str, object] = {
        "run_id": run_id,
        "notebook": folder.parent.name,
        "started_at": time_of(run_id),
        "folder": str(folder),
    }
    if folder.name.startswith(PARTIAL):
        if is_under_way(folder):
            return row | {"status": "running"}
        return row | {"status": "interrupted", "problem": "Its process ended before the run did."}
    try:
        return row | _recorded(json.loads((folder / RECORD).read_text(encoding="utf-8")))
    except FileNotFoundError:
        problem = f"{RECORD} is missing."
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        problem = f"{RECORD} cannot be read: {type(error).__name__}: {error}."
    return row | {"status": "broken", "problem": problem}


def _recorded(record: dict[str, Any]) -> dict[str, object]:
    """The columns that a record gives, checked, because anybody can edit a file."""
    status, error, seconds = record["status"], record["error"], record["seconds"]
    scheduled = record.get("scheduled") or {}
    if status not in {"succeeded", "failed"}:
        raise ValueError(f"status is {status!r}")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise TypeError(f"seconds is {seconds!r}")
    return {
        "notebook": str(record["notebook"]),
        "status": status,
        "started_at": datetime.fromisoformat(record["started_at"]),
        "seconds": seconds,
        "problem": None if error is None else str(error["sentence"]),
        "results": json.dumps(record["results"], ensure_ascii=False),
        "workspace": record["parameters"].get("workspace"),
        "job": scheduled.get("job"),
    }
