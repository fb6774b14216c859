"""What a notebook says it found: written to a file at its end, never read out of its cells.

The runner names the file in ``NSBILL_RESULT_FILE``. In a notebook that a person runs there is no such
file, and ``record_result`` only hands the values back.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path, PurePath

__all__ = ["RESULT_FILE_VARIABLE", "in_a_run", "plain_values", "read_results", "record_result", "write_atomically"]

RESULT_FILE_VARIABLE = "NSBILL_RESULT_FILE"


def in_a_run() -> bool:
    """Say whether this process is a notebook that the runner started."""
    return bool(os.environ.get(RESULT_FILE_VARIABLE))


def record_result(**values: object) -> dict[str, object]:
    """Hand results to the runner; call it at the end of a notebook. Later calls add to earlier ones.

    Amounts (``Decimal``) become text, dates ISO text, paths text. Returns the values as they were written.

    Raises
    ------
    TypeError
        For a float, which is not exact, or a value that JSON cannot hold.
    """
    written = plain_values(values)
    target = os.environ.get(RESULT_FILE_VARIABLE)
    if target:
        path = Path(target)
        write_atomically(path, json.dumps({**read_results(path), **written}, indent=2, ensure_ascii=False))
    return written


def read_results(path: Path) -> dict[str, object]:
    """Read what a notebook recorded; empty when it recorded nothing. Amounts stay text.

    Raises
    ------
    ValueError
        When the file is not what ``record_result`` writes.
    """
    if not path.exists():
        return {}
    values = json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    if not isinstance(values, dict):
        raise ValueError(f"{path.name} does not hold an object")
    return values


def plain_values(values: Mapping[str, object]) -> dict[str, object]:
    """Return a copy that JSON can hold without loss: ``Decimal`` and dates as text.

    Raises
    ------
    TypeError
        Naming the value that cannot be kept exactly.
    """
    return {name: _plain(name, value) for name, value in values.items()}


def write_atomically(path: Path, text: str) -> None:
    """Write ``text`` so that a reader sees the old file or the new one, whole."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    with aside.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)


def _plain(name: str, value: object) -> object:
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        return str(value)  # members of a StrEnum too
    if isinstance(value, Decimal | PurePath):
        return str(value)
    if isinstance(value, date):  # datetime is one
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): _plain(f"{name}.{key}", part) for key, part in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(name, part) for part in value]
    if isinstance(value, float):
        raise TypeError(f"{name} is the binary float {value!r}; give amounts as Decimal or as text such as '1000.00'")
    raise TypeError(f"{name} is a {type(value).__name__}, which a run record cannot hold; give text, numbers or dates")
