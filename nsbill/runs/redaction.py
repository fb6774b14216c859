"""No secret stays in a run folder: its files are searched for the values of the secret ``NSBILL_*`` variables."""

from __future__ import annotations

import base64
import html
import json
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

__all__ = ["Leak", "Secrets", "names_a_secret"]

_TELLING = ("SECRET", "TOKEN", "KEY", "PASSWORD", "PASSPHRASE", "CREDENTIAL", "CERTIFICATE", "JOURNAL_URL", "WEBHOOK")
_SHORTEST = 6  # a shorter text stands everywhere by chance
_SHORTEST_LINE = 16  # of a secret of several lines, such as a private key
_MARK = "[removed by nsbill]"


@dataclass(frozen=True)
class Leak:
    """A secret that was found: in which file, and the variable whose value it is."""

    file: str
    variable: str


class Secrets:
    """The values to look for, in each spelling in which they can stand in a text file."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        spellings = {
            spelling: name for name, value in _secret_values(environment) for spelling in sorted(_spellings(value))
        }
        # the longest first, so that a secret that contains another goes as a whole
        self._spellings = dict(sorted(spellings.items(), key=lambda item: -len(item[0])))

    def remove_from(self, text: str) -> str:
        """Return ``text`` without the secrets."""
        for spelling in self._spellings:
            text = text.replace(spelling, _MARK)
        return text

    def remove_from_folder(self, folder: Path) -> list[Leak]:
        """Take the secrets out of every file below ``folder``; a file that is not text is deleted."""
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        return [leak for path in files for leak in self._remove_from_file(path, path.relative_to(folder).as_posix())]

    def _remove_from_file(self, path: Path, name: str) -> list[Leak]:
        content = _content(path)
        found = sorted({variable for text, variable in self._spellings.items() if text.encode() in content})
        if not found:
            return []
        try:
            cleaned = self.remove_from(path.read_bytes().decode())
        except UnicodeDecodeError:
            path.unlink()
        else:
            path.write_text(cleaned, encoding="utf-8", newline="")
        return [Leak(name, variable) for variable in found]

    def __repr__(self) -> str:
        return f"Secrets({sorted(set(self._spellings.values()))})"


def names_a_secret(variable: str) -> bool:
    """Whether the name of a variable says that its value is a secret."""
    return any(part in variable for part in _TELLING)


def _content(path: Path) -> bytes:
    """The bytes of a file; of a workbook, which is a ZIP archive, those of its parts, unpacked."""
    content = path.read_bytes()
    if content.startswith(b"PK"):
        with suppress(zipfile.BadZipFile, zlib.error, RuntimeError, OSError), zipfile.ZipFile(path) as archive:
            return b"\n".join([content, *(archive.read(name) for name in archive.namelist())])
    return content


def _secret_values(environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name, value in environment.items():
        if not name.startswith("NSBILL_"):
            continue
        if names_a_secret(name):
            yield from ((name, part) for part in _parts(value))
        elif "://" in value and urlsplit(value).password:
            yield name, str(urlsplit(value).password)


def _parts(value: str) -> Iterator[str]:
    if len(value) >= _SHORTEST:
        yield value
    if "\n" in value:
        yield from (line for line in map(str.strip, value.splitlines()) if len(line) >= _SHORTEST_LINE)


def _spellings(value: str) -> set[str]:
    """As it is, and as JSON, HTML, a URL and Base64 write it."""
    plain = {value, json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]}
    return {
        *plain,
        *map(html.escape, plain),
        quote(value, safe=""),
        base64.b64encode(value.encode()).decode(),
    }
