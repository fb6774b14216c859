"""A small document (JSON, XML) as the fuzz makes it, and the mutations of its tree.

A node is a dict of keys to nodes, a list of nodes, or a text; ``write`` turns the whole into text. A number of JSON is a
``Number``. Mutations are the same for both, since they see the tree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from typing import Any

from benchmarks.fuzz_damage import ODD_AMOUNTS, ODD_CURRENCIES, ODD_DATES, ODD_IDS, ODD_TEXTS
from benchmarks.fuzz_sheet import Bytes, packed

__all__ = ["PAPER_DAMAGES", "PAPER_DRESSES", "Number", "Paper"]


class Number(str):
    """A number of JSON as it stands in the text."""

    __slots__ = ()


@dataclass
class Paper:
    """The document. Attributes beyond the tree are those of ``Sheet`` that mutations of bytes and the harness use."""

    tree: Any
    write: Callable[[Any, str], str]
    lines_total: dict[str, Decimal]
    stated: dict[str, Decimal | None]
    style: str = ""
    newline: str = "\n"
    bom: bool = False
    packed: str = ""
    separator: str = ","
    rows: tuple[str, ...] = ("document",)
    after: list[Bytes] = field(default_factory=list)
    after_packing: list[Bytes] = field(default_factory=list)

    def render(self) -> bytes:
        """The bytes of the file."""
        data = self.write(self.tree, self.style).replace("\n", self.newline).encode("utf-8", errors="replace")
        if self.bom:
            data = b"\xef\xbb\xbf" + data
        for change in self.after:
            data = change(data)
        data = packed(data, self.packed)
        for change in self.after_packing:
            data = change(data)
        return data

    def holders(self) -> list[tuple[Any, Any]]:
        """Every (container, key) of the tree."""
        return list(_holders(self.tree))

    def leaves(self) -> list[tuple[Any, Any]]:
        """Those whose value is a text or a number."""
        return [(box, key) for box, key in self.holders() if isinstance(box[key], str)]


def _holders(node: Any) -> Iterator[tuple[Any, Any]]:
    keys = list(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ()
    for key in keys:
        yield node, key
        yield from _holders(node[key])


def _is_amount(text: str) -> bool:
    return text.lstrip("-").replace(".", "", 1).isdecimal() and "." in text


def _odd_leaf(paper: Paper, rng: Random) -> None:
    if leaves := paper.leaves():
        box, key = rng.choice(leaves)
        values = rng.choice((ODD_AMOUNTS, ODD_DATES, ODD_IDS, ODD_CURRENCIES, ODD_TEXTS))
        box[key] = type(box[key])(rng.choice(values))


def _odd_amount(paper: Paper, rng: Random) -> None:
    if leaves := [(box, key) for box, key in paper.leaves() if _is_amount(box[key])]:
        box, key = rng.choice(leaves)
        box[key] = type(box[key])(rng.choice(ODD_AMOUNTS))


def _other_amount(paper: Paper, rng: Random) -> None:
    if leaves := [(box, key) for box, key in paper.leaves() if _is_amount(box[key])]:
        box, key = rng.choice(leaves)
        text = box[key]
        forms = (
            text + "0", text + "00", text + "1", text.replace(".", ","), "-" + text, "+" + text, text.rstrip("0"), text[:-1],
            f"{text}e0", f"{text}E1", f" {text} ", text.replace("-", "−"), f"${text}", "00" + text,
        )  # fmt: skip
        box[key] = rng.choice((Number, str, type(text)))(rng.choice(forms))


def _dropped(paper: Paper, rng: Random) -> None:
    if holders := paper.holders():
        box, key = rng.choice(holders)
        del box[key]


def _doubled(paper: Paper, rng: Random) -> None:
    if lists := [(box, key) for box, key in paper.holders() if isinstance(box, list)]:
        box, key = rng.choice(lists)
        box.insert(key, box[key])


def _renamed(paper: Paper, rng: Random) -> None:
    if keys := [(box, key) for box, key in paper.holders() if isinstance(box, dict)]:
        box, key = rng.choice(keys)
        box[rng.choice((f"{key}s", key[:-1] or "x", key.lower(), key.upper(), "x", f" {key}"))] = box.pop(key)


def _emptied(paper: Paper, rng: Random) -> None:
    if holders := paper.holders():
        box, key = rng.choice(holders)
        box[key] = rng.choice(({}, [], "", Number("null"), Number("true"), Number("0"), Number("[[]]"), "x"))


def _swapped(paper: Paper, rng: Random) -> None:
    leaves = paper.leaves()
    if len(leaves) > 1:
        (a, x), (b, y) = rng.sample(leaves, 2)
        a[x], b[y] = b[y], a[x]


def _wrapped(paper: Paper, rng: Random) -> None:
    """A value becomes a list of one, or a list of one its value."""
    if holders := paper.holders():
        box, key = rng.choice(holders)
        value = box[key]
        box[key] = value[0] if isinstance(value, list) and value else [value]


def _twin_key(paper: Paper, rng: Random) -> None:
    """The same key twice in one object: the writer adds it again."""
    if keys := [(box, key) for box, key in paper.holders() if isinstance(box, dict)]:
        box, key = rng.choice(keys)
        box[f"\0{key}"] = box[key]


def _style(style: str) -> Callable[[Paper, Random], None]:
    def dress(paper: Paper, rng: Random) -> None:
        paper.style = style

    return dress


def _attribute(name: str, value: object) -> Callable[[Paper, Random], None]:
    def dress(paper: Paper, rng: Random) -> None:
        setattr(paper, name, value)

    return dress


PAPER_DRESSES: dict[str, Callable[[Paper, Random], None]] = {
    "one line": _style("compact"), "indented": _style("indented"), "byte order mark": _attribute("bom", value=True),
    "CRLF": _attribute("newline", "\r\n"), "gz": _attribute("packed", "gz"), "zip": _attribute("packed", "zip"),
}  # fmt: skip
PAPER_DAMAGES: dict[str, Callable[[Paper, Random], object]] = {
    "odd leaf": _odd_leaf, "odd amount in a tree": _odd_amount, "rewritten amount in a tree": _other_amount,
    "dropped node": _dropped, "doubled node": _doubled, "renamed key": _renamed, "emptied node": _emptied,
    "swapped leaves": _swapped, "wrapped node": _wrapped, "key twice": _twin_key,
}  # fmt: skip
