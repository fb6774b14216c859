"""What the service did: JSON lines in ``schedule.log``, rotated, and short lines for whoever watches the terminal."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path

from nsbill.runs.redaction import Secrets

__all__ = ["ServiceLog"]

_BYTES, _OLDER_FILES = 5_000_000, 5


class ServiceLog:
    """One service's log; secrets of the environment never get into it. ``echo`` gets the short lines."""

    def __init__(self, path: Path, *, echo: Callable[[str], None] = lambda _line: None) -> None:
        self._handler = RotatingFileHandler(path, maxBytes=_BYTES, backupCount=_OLDER_FILES, encoding="utf-8")
        self._echo = echo
        self._secrets = Secrets(dict(os.environ))

    def write(self, event: str, sentence: str, *, at: datetime | None = None, **facts: object) -> None:
        """Write one line; ``at``: the service's time, now when left out. Dates become ISO text, paths text."""
        at = at or datetime.now(UTC)
        values = {"at": at, "event": event, **facts, "sentence": sentence, "pid": os.getpid()}
        line = self._secrets.remove_from(json.dumps(values, default=_plain, ensure_ascii=False))
        self._handler.emit(logging.LogRecord("nsbill", logging.INFO, "", 0, line, None, None))
        self._echo(self._secrets.remove_from(f"{at:%Y-%m-%d %H:%M:%S} UTC  {sentence}"))

    def close(self) -> None:
        """Close the file."""
        self._handler.close()


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
