"""One service for each schedule on a machine: a lock that the system drops when its process dies."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from nsbill.errors import WorkspaceError
from nsbill.runs.folders import lock_file

__all__ = ["only_service", "service_of"]

_NAME = ".schedule.lock"


@contextmanager
def only_service(schedule: Path) -> Iterator[None]:
    """Be the one service of this schedule on this machine while the block runs.

    Raises
    ------
    WorkspaceError
        Another process is; says which one, since when.
    """
    path = schedule.with_name(_NAME)
    with path.open("a+", encoding="utf-8") as file:
        if not lock_file(file.fileno(), wait=False):
            who = service_of(schedule) or "another process"
            raise WorkspaceError(schedule, f"{who} runs this schedule already", "Stop that service first.")
        file.seek(0)
        file.truncate()
        now = datetime.now(UTC)
        json.dump({"pid": os.getpid(), "host": platform.node(), "since": now.isoformat(timespec="seconds")}, file)
        file.flush()
        yield


def service_of(schedule: Path) -> str | None:
    """Who runs this schedule on this machine, in words; ``None``: nobody."""
    path = schedule.with_name(_NAME)
    try:
        with path.open("r+", encoding="utf-8") as file:
            if lock_file(file.fileno(), wait=False):
                return None
            holder = json.loads(file.read())
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        return "another process"
    return f"process {holder['pid']} on {holder['host']} (since {holder['since']})"
