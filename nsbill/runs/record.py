"""What ``run.json`` says of a run: who ran what when, with which versions and parameters, how it ended, what it found."""

from __future__ import annotations

import getpass
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from importlib.metadata import version
from typing import Any

from nsbill import __version__
from nsbill.runs.redaction import Leak

__all__ = ["EXIT_STATUS", "FORMAT", "record_of", "who_runs"]

FORMAT = 2
"""Version of ``run.json``; 2 has ``who``, ``scheduled``, ``exit_status``, ``leaks`` and ``plan_fingerprint``."""

EXIT_STATUS = {"succeeded": 0, "failed": 2}
"""How ``nsbill run`` ends."""

_VERSIONS_OF = ("papermill", "nbclient", "ipykernel", "pandas", "pyarrow", "duckdb", "narwhals", "plotly", "requests")


def record_of(
    *,
    run_id: str,
    notebook: str,
    status: str,
    started_at: datetime,
    seconds: float,
    parameters: Mapping[str, object],
    results: Mapping[str, object],
    error: Mapping[str, object] | None,
    completed: int,
    total: int,
    leaks: Sequence[Leak] = (),
    scheduled: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Put ``run.json`` together; amounts in it are text. ``scheduled``: job and slot that the run was started for."""
    return {
        "format": FORMAT,
        "run_id": run_id,
        "notebook": notebook,
        "status": status,
        "exit_status": EXIT_STATUS[status],
        "started_at": started_at.isoformat(timespec="seconds"),
        "finished_at": (started_at + timedelta(seconds=seconds)).isoformat(timespec="seconds"),
        "seconds": seconds,
        "who": who_runs(),
        "scheduled": dict(scheduled) if scheduled else None,
        "parameters": parameters,
        "plan_fingerprint": results.get("plan_fingerprint"),
        "results": results,
        "error": error,
        "leaks": [{"file": leak.file, "variable": leak.variable} for leak in leaks],
        "code_cells": {"completed": completed, "of": total},
        "versions": {"nsbill": __version__, "python": platform.python_version()}
        | {name: version(name) for name in _VERSIONS_OF},
    }


def who_runs() -> dict[str, object]:
    """The user, the machine, the process and its command, without its arguments."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        user = f"uid {os.getuid()}" if hasattr(os, "getuid") else "unknown"
    command = os.path.basename(sys.argv[0]) if sys.argv else ""  # noqa: PTH119 -- a name, not a path
    return {"user": user, "host": platform.node(), "pid": os.getpid(), "command": command}
