"""Mutations of the finished bytes: separators, encodings, cuts, flipped bits, archives."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from benchmarks.fuzz_sheet import Sheet

__all__ = ["BYTES"]

Change = Callable[[bytes], bytes]


def _one_tab(sheet: Sheet, rng: Random) -> Change:
    """One separator becomes something else, or all of one line do."""
    mark = sheet.separator.encode()
    other = rng.choice((b" ", b"    ", b"        ", b",", b";", b"|", b"", b"\t\t", b"\n", b"\\t"))
    place = rng.random()

    def change(data: bytes) -> bytes:
        lines = data.split(b"\n")
        number = int(place * len(lines))
        cells = lines[number].split(mark)
        if len(cells) > 1:
            at = int(place * 7919) % (len(cells) - 1)
            whole = int(place * 104_729) % 3 == 0
            lines[number] = (
                other.join(cells)
                if whole
                else mark.join([*cells[:at], other.join(cells[at : at + 2]), *cells[at + 2 :]])
            )
        return b"\n".join(lines)

    return change


def _all_tabs(sheet: Sheet, rng: Random) -> Change:
    mark = sheet.separator.encode()
    other = rng.choice((b" ", b"    ", b",", b";", b"|", b"\x1f", b"\t\t"))
    return lambda data: data.replace(mark, other)


def _quoted(sheet: Sheet, rng: Random) -> Change:
    """Every cell in quotes, as a spreadsheet or a script writes them."""
    mark = sheet.separator.encode()
    where = rng.random()

    def change(data: bytes) -> bytes:
        lines = data.split(b"\n")
        chosen = range(len(lines)) if where < 0.5 else [int((where - 0.5) * 2 * len(lines))]
        for n in chosen:
            end = b"\r" if lines[n].endswith(b"\r") else b""
            if lines[n].strip():
                lines[n] = mark.join(b'"' + cell + b'"' for cell in lines[n].rstrip(b"\r").split(mark)) + end
        return b"\n".join(lines)

    return change


def _inserted(*pieces: bytes) -> Callable[[Sheet, Random], Change]:
    def make(sheet: Sheet, rng: Random) -> Change:
        piece, place = rng.choice(pieces), rng.choice((0.0, 1.0, rng.random(), rng.random()))

        def change(data: bytes) -> bytes:
            at = int(place * len(data))
            return data[:at] + piece + data[at:]

        return change

    return make


def _cut(sheet: Sheet, rng: Random) -> Change:
    """The file ends early, at any byte."""
    place = rng.choice((rng.random(), 1 - rng.random() ** 3 * 0.2))
    return lambda data: data[: int(place * len(data))]


def _cut_begin(sheet: Sheet, rng: Random) -> Change:
    place = rng.random() ** 2
    return lambda data: data[int(place * len(data)) :]


def _hole(sheet: Sheet, rng: Random) -> Change:
    """A piece is missing in the middle, or stands there twice, or is all zeros, as after a broken download."""
    place, length, how = rng.random(), rng.choice((1, 2, 16, 180, 1024)), rng.randrange(3)

    def change(data: bytes) -> bytes:
        at = int(place * len(data))
        piece = (b"", data[at : at + length] * 2, b"\0" * length)[how]
        return data[:at] + piece + data[at + length :]

    return change


def _flipped(sheet: Sheet, rng: Random) -> Change:
    places = [(rng.random(), 1 << rng.randrange(8)) for _ in range(rng.choice((1, 1, 2, 8)))]

    def change(data: bytes) -> bytes:
        out = bytearray(data)
        for place, bit in places:
            if out:
                out[int(place * len(out))] ^= bit
        return bytes(out)

    return change


def _replaced(sheet: Sheet, rng: Random) -> Change:
    place, new = rng.random(), rng.choice(b"\t\n\r ,.;-+0123456789eE\"'\\\0\x1a\x80\xa0\xc2\xff")

    def change(data: bytes) -> bytes:
        at = int(place * len(data))
        return data[:at] + bytes([new]) + data[at + 1 :]

    return change


def _encoding(sheet: Sheet, rng: Random) -> Change:
    """The whole text in another encoding, or encoded twice."""
    how = rng.choice(
        ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-7", "utf-8-sig", "cp037", "latin-1", "twice", "base64")
    )

    def change(data: bytes) -> bytes:
        text = data.decode("utf-8", errors="replace")
        if how == "twice":
            return data.decode("latin-1").encode("utf-8")
        if how == "base64":
            return b"77u/" + data
        return text.encode(how, errors="replace")

    return change


def _line_ends(sheet: Sheet, rng: Random) -> Change:
    new = rng.choice((b"\r", b"\n\n", b"\r\r\n", b"\r\n", b"\n\r", b"\x0b", b"\x85", b"\xe2\x80\xa8", b"\0", b" "))
    count = rng.choice((1, 2, -1))
    return lambda data: data.replace(b"\n", new, count)


def _damaged_archive(sheet: Sheet, rng: Random) -> Change:
    """The archive, not the text in it, is damaged."""
    sheet.packed = rng.choice(("gz", "gz", "zip"))
    sheet.after_packing.append(rng.choice((_cut, _flipped, _hole, _inserted(b"garbage", b"\0" * 8)))(sheet, rng))
    return lambda data: data


def _small(sheet: Sheet, rng: Random) -> Change:
    """Hardly anything is left."""
    what = rng.choice(("empty", "spaces", "header", "bom", "newline", "tabs", "half header"))

    def change(data: bytes) -> bytes:
        first = data.partition(b"\n")[0]
        return {
            "empty": b"", "spaces": b"  \r\n \n", "header": first, "bom": b"\xef\xbb\xbf", "newline": b"\n",
            "tabs": b"\t" * 23 + b"\n", "half header": first[: len(first) // 2],
        }[what]  # fmt: skip

    return change


def _wrapped(sheet: Sheet, rng: Random) -> Change:
    """Something that is no settlement file around it, before it or behind it."""
    before, behind = rng.choice(
        ((b"<html><body><pre>", b"</pre></body></html>"), (b"", b"\nError: throttled\n"), (b'{"report": "', b'"}'), (b"", b"\x1a"), (b"\n" * 60, b""))
    )  # fmt: skip
    return lambda data: before + data + behind


def _long_line(sheet: Sheet, rng: Random) -> Change:
    """One line of a megabyte."""
    piece = rng.choice((b"x", b"\t", b" ", b"1.00\t", b'"')) * rng.choice((1_000_000, 200_000))
    place = rng.random()

    def change(data: bytes) -> bytes:
        lines = data.split(b"\n")
        number = int(place * len(lines))
        lines.insert(number, piece[:1_000_000])
        return b"\n".join(lines)

    return change


BYTES: dict[str, Callable[[Sheet, Random], Change]] = {
    "one separator": _one_tab, "all separators": _all_tabs, "quoted cells": _quoted,
    "inserted NUL": _inserted(b"\0"), "inserted line end": _inserted(b"\n", b"\r", b"\r\n", b"\n\n"),
    "inserted character": _inserted(b"\x0b", b"\x0c", b"\x1a", b"\x85", b"\xe2\x80\xa8", b"\xef\xbb\xbf", b"\xc2\xa0", b"\t", b'"', b" ", b"-"),
    "inserted bytes": _inserted(b"\x80", b"\xff", b"\xc3", b"\xe2\x82", b"\xf0\x9f\x98", b"\xed\xa0\x80", b"\xc0\x80", b"\x8f\x81"),
    "cut": _cut, "cut at the begin": _cut_begin, "hole": _hole, "flipped bits": _flipped, "replaced byte": _replaced,
    "encoding": _encoding, "line ends": _line_ends, "damaged archive": _damaged_archive, "small": _small, "wrapped": _wrapped,
    "long line": _long_line,
}  # fmt: skip
"""By name; each gives a function from bytes to bytes for a sheet."""
