"""Apply a changed vocabulary to what is stored, by reading the raw files again.

Each reader knows how the labels of its format are looked up, so the raw files are read anew and not the stored
labels. Only what lines mean may differ from what is stored: when a file gives other lines or other amounts than
before, nothing of it is changed and it is named. Each file is replaced by renaming, so that whoever reads sees the old
or the new; killed in between, some are new already, and the same command does the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import duckdb
import pandas as pd

from nsbill.amazon.activity import ActivityFacts, ActivityShelf
from nsbill.amazon.labels import LABELS, Vocabulary
from nsbill.amazon.parquet import Origin, SettlementFacts, make_durable, write_settlements
from nsbill.amazon.reading import SettlementReader, reader_of
from nsbill.amazon.text import open_text
from nsbill.errors import NsbillError, WorkspaceError
from nsbill.money import MONEY
from nsbill.progress import Progress, silent
from nsbill.schemas import COUNT, TEXT, Column, Schema

__all__ = ["CHANGES", "StoredSource", "reclassify"]

CHANGES = Schema(
    "changed meanings",
    (
        *(Column(name, TEXT, "Amazon's label, untouched") for name in LABELS),
        Column("currency", TEXT, "ISO 4217 code"),
        Column("was_class", TEXT, "EventClass before"),
        Column("was_kind", TEXT, "LineKind before"),
        Column("event_class", TEXT, "EventClass now"),
        Column("line_kind", TEXT, "LineKind now"),
        Column("lines", COUNT, "number of lines"),
        Column("amount", MONEY, "Σ of their amounts"),
        Column("source_name", TEXT, "name of the file as it was added"),
    ),
)
"""What another vocabulary changes; grain: one row per file, labels, currency, old and new meaning."""

_CHANGED = """
SELECT new.transaction_type, new.amount_type, new.amount_description, new.currency, old.event_class, old.line_kind,
       new.event_class, new.line_kind, count(*), sum(new.amount),
       (old.source_line, old.amount, old.currency) IS NOT DISTINCT FROM (new.source_line, new.amount, new.currency) same
FROM read_parquet($1) old POSITIONAL JOIN read_parquet($2) new
WHERE NOT same OR old.event_class != new.event_class OR old.line_kind != new.line_kind
GROUP BY ALL ORDER BY ALL
"""


class Aside(Protocol):
    """Opens a folder for unfinished files on the disk of the store."""

    def __call__(self) -> AbstractContextManager[Path]:
        """Return the folder as a context manager that clears it away."""


@dataclass(frozen=True)
class StoredSource:
    """A raw file and what is stored of it: settlements, or activity, each with its Parquet file."""

    raw: Path
    settlements: tuple[tuple[SettlementFacts, Path], ...]
    activity: tuple[tuple[ActivityFacts, Path], ...]

    @property
    def facts(self) -> SettlementFacts | ActivityFacts:
        """What is known of the first of them; name, account and time of adding are the same for all."""
        return (self.settlements or self.activity)[0][0]


def reclassify(
    sources: Sequence[StoredSource],
    vocabulary: Vocabulary,
    aside: Aside,
    *,
    dry_run: bool = False,
    progress: Progress = silent,
) -> pd.DataFrame:
    """Read each source again with ``vocabulary``, replace what differs, and return CHANGES.

    ``dry_run``: only tell.

    Raises
    ------
    WorkspaceError
        When a raw file does not give the stored lines again; what was before it in the order is done.
    """
    rows: list[dict[str, object]] = []
    for number, source in enumerate(sources):
        progress(number, len(sources), source.facts.source_name)
        with aside() as folder:
            try:
                pairs = _read_again(source, vocabulary, folder)
            except WorkspaceError:
                raise
            except NsbillError as error:
                raise _differs(source, f"cannot be read again ({error})") from error
            changed = [(old, new, _changes(source, old, new)) for old, new in pairs]
            for old, new, found in changed:
                rows += found
                if found and not dry_run:
                    new.replace(old)
                    make_durable(old.parent)
    progress(len(sources), len(sources), "")
    return CHANGES.frame(rows)


def _read_again(source: StoredSource, vocabulary: Vocabulary, folder: Path) -> list[tuple[Path, Path]]:
    """Write what the raw file gives now into ``folder``; return (stored file, new file)."""
    facts = source.facts
    text = replace(open_text(source.raw, folder), name=facts.source_name)
    if text.digest != facts.source_digest:
        raise _differs(source, "has other bytes than when it was added")
    reader = reader_of(text, facts.seller_account, vocabulary)
    if not isinstance(reader, SettlementReader):
        shelf = ActivityShelf(folder / "activity")
        told = shelf.write(reader, text, folder, facts.seller_account, added_at=facts.added_at)
        shelf.place(told, folder)
        return [(path, shelf.folder / told.file_name) for _, path in source.activity]
    origin = Origin(facts.seller_account, facts.source_name, facts.source_digest, facts.content_digest, facts.added_at)
    found = {new.settlement_id: new for new in write_settlements(reader, folder, origin)}
    for old, _ in source.settlements:
        new = found.get(old.settlement_id)
        if new is None or _stated(new) != _stated(old):
            raise _differs(source, f"gives settlement {old.settlement_id} otherwise than it is stored")
    return [(path, folder / f"{old.settlement_id}.parquet") for old, path in source.settlements]


def _stated(facts: SettlementFacts) -> tuple[object, ...]:
    return facts.period_start, facts.period_end, facts.currency, facts.total_amount, facts.lines, facts.lines_total


def _changes(source: StoredSource, old: Path, new: Path) -> list[dict[str, object]]:
    with duckdb.connect() as connection:
        found = connection.execute(_CHANGED, [str(old), str(new)]).fetchall()
    if not all(same for *_, same in found):
        raise _differs(source, "gives other lines or amounts than are stored")
    names = [column.name for column in CHANGES.columns[:-1]]
    return [dict(zip(names, row[:-1], strict=True)) | {"source_name": source.facts.source_name} for row in found]


def _differs(source: StoredSource, problem: str) -> WorkspaceError:
    return WorkspaceError(
        f"{source.facts.source_name} (sources/{source.raw.name[:12]}…)",
        f"{problem}; nothing of it was changed",
        "Add its file to a new workspace and compare: the raw file was changed, or an earlier nsbill read it otherwise.",
    )
