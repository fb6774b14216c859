"""A place to drop files on: the browser sends them in pieces, and they are handed on as files of this machine."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anywidget
import traitlets

__all__ = ["Drop", "DropZone"]

_LONGEST_NAME = 150  # characters; file systems take 255 bytes


@dataclass
class Drop:
    """Files that were dropped at once, under their own names, each in a folder of its own.

    ``unreadable``: names of what the browser could not read (a folder). ``discard`` deletes the files.
    """

    files: list[Path] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    folder: tempfile.TemporaryDirectory[str] | None = None

    def begin(self, name: str) -> None:
        """Begin the next file."""
        self.folder = self.folder or tempfile.TemporaryDirectory(prefix="nsbill-dropped-")
        place = Path(self.folder.name) / str(len(self.files) + len(self.unreadable))
        place.mkdir()
        self.files.append(place / plain_name(name))
        self.files[-1].touch()

    def discard(self) -> None:
        """Delete the files."""
        if self.folder is not None:
            self.folder.cleanup()


class DropZone(anywidget.AnyWidget):
    """Take files that are dropped anywhere on the panel around it, or chosen by its button; ``took`` gets each ``Drop``."""

    _esm = Path(__file__).with_name("panel_files.js")

    label = traitlets.Unicode().tag(sync=True)
    enabled = traitlets.Bool(default_value=True).tag(sync=True)

    def __init__(self, label: str, *, took: Callable[[Drop], object]) -> None:
        self._took = took
        self._drop = Drop()
        super().__init__(label=label)
        self.on_msg(self._on_message)

    def _on_message(self, _: object, content: dict[str, Any], buffers: list[Any]) -> None:
        drop, operation = self._drop, content["op"]
        if operation == "begin":
            drop.begin(str(content["name"]))
        elif operation == "piece":
            with drop.files[-1].open("ab") as file:
                file.write(bytes(buffers[0]))
        elif operation == "unreadable":
            drop.unreadable.append(drop.files.pop().name)
        elif operation == "start":  # of a page that went away half-way
            drop.discard()
        if operation in {"start", "done"}:
            self._drop = Drop()
        self.send({"op": "go on"})
        if operation == "done":
            self._took(drop)


def plain_name(name: str) -> str:
    """Return a browser's file name as one that is safe to write: no folders, no control characters, not too long."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    kept = "".join(char if char.isprintable() else "_" for char in last).strip()
    if len(kept.encode()) > _LONGEST_NAME:
        stem, dot, ending = kept.rpartition(".")
        ending = f"{dot}{ending}" if stem and len(ending) <= 6 else ""
        kept = kept.encode()[: _LONGEST_NAME - len(ending)].decode(errors="ignore") + ending
    return kept if kept.strip(".") else "file"
