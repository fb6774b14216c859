"""The kept copy of what was read from NetSuite: one Parquet file of the workspace for each kind of record.

A file says in itself what it is a copy of. It is written aside and renamed, so that a reader sees a whole copy or the
one before, however many processes write. Each copy is checked against NetSuite before it is used: a lost, old or
damaged one costs time and nothing else, and the folder may be deleted at any time.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from secrets import token_hex

import pyarrow as pa
import pyarrow.parquet as pq

__all__ = ["VERSION", "kept_path", "read_kept", "write_kept"]

VERSION = "1"
"""Raise it when the columns of a copy, or their meaning, change."""

_KEY = b"nsbill"
_ASIDE = ".aside-"
_LEFT_BEHIND = 3_600.0
"""Seconds after which a file that was begun aside belongs to no living process."""

_OTHERWISE = {
    "version": "what is kept was written by another version of nsbill",
    "account": "what is kept is of another account",
    "address": "what is kept comes from another address",
    "query": "the settings or fields that are asked for have changed",
}


def kept_path(folder: Path, profile: str, account: str, name: str) -> Path:
    """Where the copy of one kind of record of one account is."""
    place = re.sub(r"[^A-Za-z0-9_-]", "-", f"{profile}-{account}")
    return folder / place / f"{name}.parquet"


def read_kept(path: Path, key: Mapping[str, str]) -> tuple[pa.Table | None, str]:
    """Read a copy; or nothing, and why: there is none, it cannot be read, or it is of something else."""
    try:
        table = pq.read_table(path, page_checksum_verification=True, partitioning=None)
        found = json.loads((table.schema.metadata or {})[_KEY])
    except FileNotFoundError:
        return None, "nothing was kept yet"
    except (OSError, pa.ArrowException, KeyError, ValueError) as error:
        return None, f"what is kept cannot be read ({str(error).splitlines()[0]})"
    for part, sentence in _OTHERWISE.items():
        if found.get(part) != key[part]:
            return None, sentence
    return table.replace_schema_metadata(None), ""


def write_kept(path: Path, table: pa.Table, key: Mapping[str, str]) -> None:
    """Put a copy in the place of the one that is there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _tidy(path.parent)
    aside = path.parent / f"{_ASIDE}{path.stem}-{token_hex(8)}.parquet"
    try:
        with aside.open("xb") as file:
            told = table.replace_schema_metadata({_KEY: json.dumps(dict(key))})
            pq.write_table(told, file, compression="zstd", write_page_checksum=True)
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileNotFoundError):  # a clock was put forward, and another process tidied: not kept this time
            aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise


def _tidy(folder: Path) -> None:
    """Remove what killed processes left behind."""
    for aside in folder.glob(f"{_ASIDE}*"):
        with suppress(FileNotFoundError):  # another process tidies, too
            if time.time() - aside.stat().st_mtime > _LEFT_BEHIND:
                aside.unlink()
