"""The workspace's own vocabulary: ``vocabulary.csv`` beside its settlements, which extends and overrides nsbill's.

Same columns as the table that comes with nsbill. Of all rules that cover a combination the most specific one decides,
wherever it stands; between equally specific ones the workspace's. So a row with the three labels in full always wins.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from nsbill.amazon.labels import LABELS, Rule, Vocabulary, default_vocabulary, folded
from nsbill.errors import WorkspaceError
from nsbill.vocabulary import EventClass, LineKind

__all__ = ["COLUMNS", "FILE", "load_vocabulary"]

FILE = "vocabulary.csv"
"""Its name in the workspace folder."""

COLUMNS = (*LABELS, "event_class", "line_kind", "why")
"""Its columns; ``why`` may be missing."""

_HEADER = f"Its first line must be: {','.join(COLUMNS)}."


def load_vocabulary(folder: Path) -> Vocabulary:
    """Load the vocabulary of the workspace ``folder``: nsbill's own, with the workspace's rows before it.

    Raises
    ------
    WorkspaceError
        With the line, when a row of the file is not a rule; nothing of the file is used then.
    """
    path = folder / FILE
    if not path.exists():
        return default_vocabulary()
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            own = list(_rules(path, file))
    except UnicodeDecodeError as error:
        raise WorkspaceError(path, "is not UTF-8 text", "Save it as CSV UTF-8.") from error
    except csv.Error as error:
        raise WorkspaceError(path, f"is no CSV ({error})", _HEADER) from error
    return Vocabulary((*own, *default_vocabulary().rules))


def _rules(path: Path, file: TextIO) -> Iterator[Rule]:
    first = file.readline()
    reader = csv.reader(file, delimiter=_delimiter(first), strict=True)
    names = _header(path, first)
    seen: dict[tuple[str, ...], tuple[int, Rule]] = {}
    for cells in reader:
        line = reader.line_num + 1  # the header was read before
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(names):
            raise _bad(
                path,
                line,
                f"has {len(cells)} cells instead of {len(names)}",
                "Put a label that holds a comma in double quotes.",
            )
        rule = _rule(path, line, dict(zip(names, (cell.strip() for cell in cells), strict=True)))
        at, known = seen.setdefault(rule.patterns, (line, rule))
        if (known.event_class, known.line_kind) != (rule.event_class, rule.line_kind):
            raise _bad(path, line, f"gives the labels of line {at} another meaning", "Delete one of the two.")
        if at == line:
            yield rule


def _delimiter(header: str) -> str:
    return ";" if ";" in header and "," not in header else ","


def _header(path: Path, first: str) -> list[str]:
    names = [name.strip().strip('"').casefold() for name in first.rstrip("\r\n").split(_delimiter(first))]
    missing = [name for name in COLUMNS[:-1] if name not in names]
    foreign = [name for name in names if name not in COLUMNS]
    if missing or foreign or len(names) != len(set(names)):
        what = f"lacks the column {', '.join(missing)}" if missing else f"has the column {', '.join(foreign or names)}"
        raise _bad(path, 1, what, _HEADER)
    return names


def _rule(path: Path, line: int, row: dict[str, str]) -> Rule:
    event, kind = row["event_class"].upper(), row["line_kind"].upper()
    if event and event not in set(EventClass):
        raise _bad(
            path, line, f"has the unknown event_class '{row['event_class']}'", f"Valid: {', '.join(EventClass)}."
        )
    if kind and kind not in set(LineKind):
        raise _bad(path, line, f"has the unknown line_kind '{row['line_kind']}'", f"Valid: {', '.join(LineKind)}.")
    if not event and not kind:
        raise _bad(path, line, "says neither event_class nor line_kind", "Fill in one of them or delete the row.")
    first, second, third = (folded(row[name]) for name in LABELS)
    for name, pattern in zip(LABELS, (first, second, third), strict=True):
        if pattern.startswith("*") and pattern != "*":
            raise _bad(
                path, line, f"has '{row[name]}' in {name}: a * stands at the end, or alone", "Write the label in full."
            )
    why = row.get("why", "")
    return Rule((first, second, third), EventClass(event) if event else None, LineKind(kind) if kind else None, why)


def _bad(path: Path, line: int, problem: str, remedy: str) -> WorkspaceError:
    return WorkspaceError(f"{path}, line {line}", problem, remedy)
