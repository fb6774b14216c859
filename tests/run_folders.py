"""Folders of runs as the runner leaves them, written by hand: for what shows and compares runs."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

__all__ = ["BEGIN", "record"]

BEGIN = datetime(2026, 11, 1, 6, tzinfo=UTC)


def record(
    folder: Path, hours: int, job: str | None, *, status: str = "succeeded", workspace: str = "/w", **results: object
) -> str:
    """Write a run's folder; returns its id."""
    at = BEGIN + timedelta(hours=hours)
    run_id = f"{at:%Y%m%dT%H%M%SZ}-{hours:06x}"
    home = folder / ("10_billing" if job is None else f"nb_{job}") / run_id
    home.mkdir(parents=True)
    error = None if status == "succeeded" else {"kind": "output", "sentence": "<script>alert(1)</script> failed."}
    values = {"run_id": run_id, "notebook": home.parent.name, "status": status, "started_at": at.isoformat(), "seconds": 61.4, "parameters": {"workspace": workspace}, "scheduled": {"job": job} if job else None, "results": results, "error": error}  # fmt: skip
    (home / "run.json").write_text(json.dumps(values))
    return run_id
