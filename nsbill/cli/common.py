"""Options that all commands share, how results are printed, and how an interruption is passed on."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "as_of_option",
    "as_rows",
    "echo_json",
    "exit_with",
    "full_load_option",
    "json_option",
    "stop_on_signal",
    "utc_today",
    "workspace_option",
]

F = TypeVar("F", bound=Callable[..., Any])


def workspace_option(command: F) -> F:
    """Add ``--workspace``: the folder with settings, journal and settlements."""
    return click.option(
        "--workspace",
        type=click.Path(file_okay=False, path_type=Path),
        default=Path("workspace"),
        show_default=True,
        envvar="NSBILL_WORKSPACE",
        help="Folder with settings, journal and settlements.",
    )(command)


def json_option(command: F) -> F:
    """Add ``--json``: one JSON object on standard output."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")(command)


def full_load_option(command: F) -> F:
    """Add ``--full-load``: read NetSuite's records anew."""
    return click.option(
        "--full-load", is_flag=True, help="Read every record from NetSuite anew, instead of what has changed."
    )(command)


def as_of_option(command: F) -> F:
    """Add ``--as-of``: the date as of which something is computed."""
    return click.option(
        "--as-of",
        type=click.DateTime(["%Y-%m-%d"]),
        callback=lambda _context, _option, value: value.date() if value else None,
        help="Date as of which to compute; today when left out.",
    )(command)


def echo_json(value: Mapping[str, Any]) -> None:
    """Print one JSON object; amounts and dates as text."""
    click.echo(json.dumps(value, default=_plain, ensure_ascii=False))


def as_rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Turn a frame into JSON-ready rows; missing values become null."""
    objects = frame.astype(object)
    return [
        {str(name): value for name, value in row.items()}
        for row in objects.where(objects.notna(), None).to_dict("records")
    ]


def exit_with(code: int) -> NoReturn:
    """End the command with an exit code of the contract."""
    click.get_current_context().exit(code)


@contextmanager
def stop_on_signal() -> Iterator[threading.Event]:
    """Yield an event that Ctrl-C and SIGTERM set, so that what is in flight is finished; a second Ctrl-C ends at once."""
    stop = threading.Event()
    kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def ask_to_stop(number: int, frame: Any) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        # not by print: the signal may have come in the middle of one, which cannot be entered twice
        os.write(2, b"\nStopping: finishing what is in flight. Press Ctrl-C again to end at once.\n")

    for number in kept:
        signal.signal(number, ask_to_stop)
    try:
        yield stop
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


def utc_today() -> date:
    """Today in UTC, the day on which a demo company is made."""
    return datetime.now(UTC).date()


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")
