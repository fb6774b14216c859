"""From a file as it was downloaded to plain UTF-8 text that DuckDB can read in one go.

Accepts plain text, ``.gz`` and ``.zip`` with one member, with or without byte order mark, in UTF-8, cp1252 or
(Japan) cp932. Files that are fine as they are, the usual case, are read where they lie.
"""

from __future__ import annotations

import codecs
import gzip
import hashlib
import re
import shutil
import zipfile
import zlib
from bisect import bisect_left
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import numpy as np

from nsbill.amazon.sniff import refuse_what_is_no_text
from nsbill.errors import SourceFileError

__all__ = ["SourceText", "Span", "open_text"]

_HEAD = 4096
_CHUNK = 4 * 1024 * 1024
_SPAN = 16 * 1024 * 1024
_AGAIN = "Download the file again from Seller Central."
_NO_CELL = np.frombuffer(b" \r\n", dtype=np.uint8)
_BLANK = re.compile(rb"^ *\r?\n", re.MULTILINE)
_BROKEN_ARCHIVE = (EOFError, OSError, zlib.error, zipfile.BadZipFile, RuntimeError, NotImplementedError, ValueError)
"""What damaged archives raise; an OSError of seeking to where nothing is, too."""
_SPACES_ONLY = re.compile(rb"^ +(?=\r?$)", re.MULTILINE)


@dataclass(frozen=True)
class Span:
    """A piece of a text that begins and ends with a line: where its bytes lie, and its lines, empty ones too."""

    offset: int
    size: int
    first_line: int
    lines: int


@dataclass(frozen=True)
class SourceText:
    """A downloaded file as text: ``plain`` is UTF-8 with one kind of line end.

    ``blanks`` are the numbers of its empty lines; ``spans`` are its pieces of some 16 MB, in order.
    """

    name: str
    plain: Path
    digest: str
    content_digest: str
    newline: str
    lines: int
    blanks: tuple[int, ...]
    spans: tuple[Span, ...]

    def head(self, lines: int = 50) -> list[str]:
        """Return the first ``lines`` lines without their ends."""
        with self.plain.open(encoding="utf-8-sig", newline="\n") as file:
            return [line.rstrip("\r\n") for line, _ in zip(file, range(lines), strict=False)]

    def line_numbers(self, first: int, count: int, *, after: int) -> np.ndarray:
        """Return the line numbers of ``count`` rows from the ``first`` row (0-based) below line ``after``.

        Empty lines are no rows but count as lines.
        """
        rows = np.arange(first, first + count, dtype=np.int64)
        below = np.array([line for line in self.blanks if line > after], dtype=np.int64)
        skipped = np.searchsorted(below - after - 1 - np.arange(len(below)), rows, side="right")
        return rows + after + 1 + skipped

    def rows_in(self, span: Span) -> np.ndarray:
        """Return the numbers of the lines of ``span`` that are not empty."""
        end = span.first_line + span.lines
        blanks = self.blanks[bisect_left(self.blanks, span.first_line) : bisect_left(self.blanks, end)]
        lines = np.arange(span.first_line, end, dtype=np.int64)
        return np.delete(lines, np.array(blanks, dtype=np.int64) - span.first_line) if blanks else lines

    def spans_below(self, line: int) -> Iterator[Span]:
        """Yield the pieces of the text below ``line``."""
        for span in self.spans:
            above = line - span.first_line + 1
            if above <= 0:
                yield span
            elif above < span.lines:
                with self.plain.open("rb") as file:
                    file.seek(span.offset)
                    skipped = sum(len(file.readline()) for _ in range(above))
                yield Span(span.offset + skipped, span.size - skipped, line + 1, span.lines - above)

    def beginning(self, span: Span, size: int) -> Span:
        """Return the whole lines in the first ``size`` bytes of ``span``, or all of it when it is short."""
        if span.size <= size:
            return span
        cut = self.read(Span(span.offset, size, span.first_line, 0)).rfind(b"\n") + 1
        part = self.read(Span(span.offset, cut, span.first_line, 0))
        return Span(span.offset, cut, span.first_line, part.count(b"\n")) if cut else span

    def read(self, span: Span) -> bytes:
        """Read the bytes of ``span``."""
        with self.plain.open("rb") as file:
            file.seek(span.offset)
            return file.read(span.size)


@dataclass
class _Survey:
    """What one pass over the bytes finds."""

    lines: int = 0
    size: int = 0
    crlf: int = 0
    carriage_returns: int = 0
    utf8: bool = True
    space_lines: bool = False
    tail: bool = False
    japan: bool = False
    blanks: list[int] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    sha: hashlib._Hash = field(default_factory=hashlib.sha256)


def open_text(path: Path, scratch: Path, *, name: str | None = None) -> SourceText:
    """Return ``path`` as text; what has to be unpacked or recoded is written into the folder ``scratch``.

    ``name`` is what the file is called in messages, when that is not the name of ``path``.

    Raises
    ------
    SourceFileError
        When it is no text, a broken archive, or in no encoding that Amazon uses.
    """
    name = name or path.name
    with path.open("rb") as file:
        head = file.read(_HEAD)
    refuse_what_is_no_text(name, head, whole=len(head) < _HEAD)
    content = _unpacked(name, path, head, scratch)
    survey = _survey(name, content)
    content_digest = survey.sha.hexdigest()
    digest = content_digest if content == path else _digest(path)
    if _needs_rewriting(survey):
        content = _rewritten(name, content, scratch, survey)
        survey = _survey(name, content)
        if survey.carriage_returns:
            raise SourceFileError(
                name,
                line=_line_with(content, lambda line: b"\r" in line),
                found="a carriage return inside a line",
                expected="one kind of line end",
                remedy=_AGAIN,
            )
    return SourceText(
        name,
        content,
        digest,
        content_digest,
        newline="\r\n" if survey.crlf else "\n",
        lines=survey.lines + survey.tail,
        blanks=tuple(survey.blanks),
        spans=tuple(survey.spans),
    )


def _unpacked(name: str, path: Path, head: bytes, scratch: Path) -> Path:
    try:
        if head.startswith(b"\x1f\x8b"):
            with gzip.open(path) as packed:
                return _copied(name, packed, scratch)
        if head.startswith(b"PK\x03\x04"):
            with zipfile.ZipFile(path) as archive:
                members = [m for m in archive.infolist() if not m.filename.endswith("/")]
                members = [m for m in members if not m.filename.startswith("__MACOSX")]
                if len(members) != 1:
                    raise SourceFileError(
                        name,
                        found=f"an archive with {len(members)} files",
                        expected="one file in it",
                        remedy="Unpack it and add the files one by one.",
                    )
                with archive.open(members[0]) as packed:
                    return _copied(name, packed, scratch)
    except _BROKEN_ARCHIVE as error:
        raise SourceFileError(
            name, found=f"a broken archive ({error})", expected="a complete .gz or .zip file", remedy=_AGAIN
        ) from error
    return path


def _copied(name: str, packed: IO[bytes] | gzip.GzipFile, scratch: Path) -> Path:
    target = scratch / "unpacked.txt"
    with target.open("wb") as file:
        shutil.copyfileobj(packed, file, _CHUNK)
    with target.open("rb") as file:
        head = file.read(_HEAD)
    refuse_what_is_no_text(name, head, whole=len(head) < _HEAD, packed_again=True)
    return target


def _chunks(path: Path) -> Iterator[bytes]:
    """Yield large pieces that end with a line."""
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk + file.readline()


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _survey(name: str, path: Path) -> _Survey:
    """Look at all bytes once; the digest is computed beside it."""
    found = _Survey()
    with ThreadPoolExecutor(1) as beside:
        for chunk in _chunks(path):
            large = len(chunk) >= _CHUNK
            digested = beside.submit(found.sha.update, chunk) if large else None
            _look_at(name, chunk, found)
            if digested is None:
                found.sha.update(chunk)
            else:
                digested.result()
    return found


def _look_at(name: str, chunk: bytes, found: _Survey) -> None:
    if b"\0" in chunk:
        raise SourceFileError(name, found="binary data", expected="tab-separated text", remedy=_AGAIN)
    if found.lines == 0:
        found.japan = b"\tJPY\t" in chunk or b"amazon.co.jp" in chunk.lower()
    if found.utf8 and not chunk.isascii():
        found.utf8 = _is_utf8(chunk)
    if b"\r" in chunk:
        found.carriage_returns += chunk.count(b"\r")
        found.crlf += chunk.count(b"\r\n")
    before = found.lines
    _note_lines(chunk, found)
    _note_span(len(chunk), found.lines + found.tail - before, before + 1, found)
    found.size += len(chunk)


def _note_span(size: int, lines: int, first_line: int, found: _Survey) -> None:
    last = found.spans[-1] if found.spans else None
    if last is None or last.size >= _SPAN:
        found.spans.append(Span(found.size, size, first_line, lines))
    else:
        found.spans[-1] = Span(last.offset, last.size + size, last.first_line, last.lines + lines)


def _note_lines(chunk: bytes, found: _Survey) -> None:
    codes = np.frombuffer(chunk, dtype=np.uint8)
    ends = np.flatnonzero(codes == ord("\n"))
    first = codes[ends[ends < len(codes) - 1] + 1]
    if chunk[0] in b" \r\n" or bool((first <= ord(" ")).any() and np.isin(first, _NO_CELL).any()):
        _note_blanks(chunk, found)
    found.lines += len(ends)
    found.tail = not chunk.endswith(b"\n")


def _note_blanks(chunk: bytes, found: _Survey) -> None:
    found.space_lines = found.space_lines or _SPACES_ONLY.search(chunk) is not None
    line, start = found.lines + 1, 0
    for match in _BLANK.finditer(chunk):
        line += chunk.count(b"\n", start, match.start())
        start = match.start()
        found.blanks.append(line)


def _is_utf8(chunk: bytes) -> bool:
    try:
        chunk.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _needs_rewriting(survey: _Survey) -> bool:
    one_kind_of_end = survey.carriage_returns == 0 or survey.carriage_returns == survey.crlf == survey.lines
    return not (survey.utf8 and one_kind_of_end) or survey.space_lines


def _rewritten(name: str, path: Path, scratch: Path, survey: _Survey) -> Path:
    """Write UTF-8 with plain line ends and empty lines really empty; no line is added or lost."""
    with path.open("rb") as file:
        marked = file.read(3) == codecs.BOM_UTF8
    encodings = ("utf-8",) if survey.utf8 or marked else (*(("cp932",) if survey.japan else ()), "cp1252")
    old_ends = b"\r" if survey.lines == 0 else b"\r\n"
    target = scratch / "recoded.txt"
    for encoding in encodings:
        try:
            with target.open("wb") as file:
                for chunk in _chunks(path):
                    text = codecs.decode(chunk.replace(old_ends, b"\n"), encoding)
                    file.write(_SPACES_ONLY.sub(b"", text.encode("utf-8")))
        except UnicodeDecodeError:
            continue
        return target
    raise SourceFileError(
        name,
        line=_line_with(path, lambda line: not _is_utf8(line)),
        found="a byte that is no UTF-8, which the file says to be" if marked else "bytes of no encoding of Amazon's",
        expected="text in UTF-8" if marked else "text in UTF-8, cp932 or cp1252",
        remedy=_AGAIN,
    )


def _line_with(path: Path, is_it: Callable[[bytes], bool]) -> int | None:
    """Find the number of the first line that ``is_it``; walks the lines, after a failure only."""
    with path.open("rb") as file:
        return next((number for number, line in enumerate(file, start=1) if is_it(line)), None)
