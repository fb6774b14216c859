"""The bank statements that a workspace keeps, so that every comparison looks for the deposits in them."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from nsbill.amazon.bank import BankLine, BankStatement, looks_like_bank, read_bank
from nsbill.amazon.sniff import SourceFormat, recognise

__all__ = ["BankShelf", "is_bank_statement", "merged"]

_HEAD = 65_536
_HEAD_LINES = 60
_MAY_BE = frozenset({SourceFormat.TABLE, SourceFormat.UNKNOWN})
"""What a file is taken for that is none of Amazon's."""


class BankShelf:
    """The folder ``bank`` of a workspace: each file as it was given, in a folder that is named by its content."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add(self, path: Path) -> tuple[bool, str]:
        """Keep a statement that can be read; returns whether it is new, and what it holds in one sentence.

        Raises
        ------
        SourceFileError
            It cannot be read, or could be read in two ways; it is not kept.
        """
        found = read_bank(path)
        place = self.folder / hashlib.sha256(path.read_bytes()).hexdigest()[:16]
        if place.exists():
            return False, f"The same bank statement is there already: {_holds(found)}."
        self.folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".", dir=self.folder) as aside:
            new = Path(aside) / "new"
            new.mkdir()
            shutil.copyfile(path, new / path.name)
            new.replace(place)
        return True, f"Bank statement kept: {_holds(found)}."

    def files(self) -> list[Path]:
        """The files that are kept, in the order in which they were added."""
        inside = [path for path in self.folder.glob("[!.]*/*") if path.is_file()]
        return sorted(inside, key=lambda path: (path.stat().st_mtime_ns, path.parent.name))

    def statements(self) -> list[BankStatement]:
        """What they hold.

        Raises
        ------
        SourceFileError
            Somebody has changed one, and it can no longer be read.
        """
        return [read_bank(path) for path in self.files()]

    def with_kept(self, given: Sequence[BankStatement]) -> list[BankStatement]:
        """The kept statements and those that are given besides, each movement once."""
        return merged([*self.statements(), *given])


def is_bank_statement(path: Path) -> bool:
    """Say by its content whether a file is a bank statement and none of Amazon's files."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return False
    lines = head.decode("utf-8-sig", errors="replace").splitlines()[:_HEAD_LINES]
    return recognise(lines) in _MAY_BE and looks_like_bank(path)


def merged(statements: Iterable[BankStatement]) -> list[BankStatement]:
    """Make one of the statements that overlap: a movement that two of them have is one movement.

    Movements are the same by day, amount, currency and text. Of those that one file has several times, as many are left
    as the file that has most of them.
    """
    found: list[BankStatement] = []
    for statement in statements:
        there = next((other for other in found if _counted(other).keys() & _counted(statement).keys()), None)
        if there is None:
            found.append(statement)
        else:
            found[found.index(there)] = _together(there, statement)
    return found


def _together(one: BankStatement, other: BankStatement) -> BankStatement:
    known, seen = _counted(one), Counter[object]()
    new: list[BankLine] = []
    for line in other.lines:
        seen[_key(line)] += 1
        if seen[_key(line)] > known[_key(line)]:
            new.append(line)
    return replace(one, lines=(*one.lines, *new))


def _counted(statement: BankStatement) -> Counter[object]:
    return Counter(map(_key, statement.lines))


def _key(line: BankLine) -> object:
    return line.day, line.amount, line.currency, " ".join(line.text.split())


def _holds(statement: BankStatement) -> str:
    lines = statement.lines
    if not lines:
        return "no movement"
    days = sorted(line.day for line in lines)
    currencies = ", ".join(sorted({line.currency for line in lines}))
    amazons = sum(line.of_amazon for line in lines)
    number = f"{len(lines):,} movement{'' if len(lines) == 1 else 's'}"
    return f"{number} from {days[0]} to {days[-1]} in {currencies}; Amazon is named in {amazons:,}"
