"""Bring a kept copy of records up to date: what NetSuite says has changed, then the check, then what the check finds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc

from nsbill.netsuite.client import Client
from nsbill.netsuite.marks import MARK, MODIFIED, Members, TooMuchDiffers, differing

__all__ = ["Refreshed", "Source", "refresh"]

OVERLAP = timedelta(hours=2)
"""How far before the newest date of last change is asked: records committed late, and the hour that clocks go back.

What lies further back, and what no date tells, is found by the check.
"""

_ROUNDS = 3


class Source(Protocol):
    """One kind of record in NetSuite: how it is read, and how it is checked."""

    @property
    def members(self) -> Members:
        """What is kept, as NetSuite sees it."""
        ...

    def load_all(self) -> pa.Table:
        """Read everything, in the order of the ids."""
        ...

    def load_since(self, moment: datetime) -> pa.Table | None:
        """Read what NetSuite dates at or after ``moment``, on its own clock; none: nothing of this kind is dated."""
        ...

    def load_units(self, units: list[str]) -> pa.Table:
        """Read these documents; what is gone has no rows."""
        ...


@dataclass(frozen=True)
class Refreshed:
    """The records as NetSuite has them now, and how they were come by.

    ``why_whole``: why everything was read; empty when only what changed was. ``since``: the newest date of last change
    before, by NetSuite's clock. ``changed``: records with a newer date (or new); ``undated``: found by the check
    alone; ``deleted``: no longer in NetSuite; ``moving``: still different at the end, because they change now.
    """

    table: pa.Table
    why_whole: str = ""
    since: datetime | None = None
    changed: int = 0
    undated: int = 0
    deleted: int = 0
    moving: int = 0
    trusted: bool = True
    """Whether the marks can be used again: otherwise nothing is kept."""

    @property
    def untouched(self) -> bool:
        """Whether the table is what was kept before."""
        return not (self.why_whole or self.changed or self.undated or self.deleted)


def refresh(client: Client, source: Source, kept: pa.Table | None, why_whole: str) -> Refreshed:
    """Bring ``kept`` up to date; without it, or when too much of it differs, read everything and say why."""
    if kept is None:
        return _whole(client, source, why_whole)
    since = _newest(kept)
    fresh = source.load_since(since - OVERLAP) if since is not None else None
    table, changed = kept, 0
    if fresh is not None:
        changed = _news(kept, fresh)
        table = _replaced(source.members, kept, set(fresh["id"].to_pylist()), fresh) if changed else kept
    try:
        return _mended(client, source, Refreshed(table, since=since, changed=changed))
    except TooMuchDiffers:
        return _whole(client, source, "more than half of what is kept differs from NetSuite")


def _whole(client: Client, source: Source, why: str) -> Refreshed:
    loaded = Refreshed(source.load_all(), why_whole=why)
    try:
        mended = _mended(client, source, loaded)
    except TooMuchDiffers:
        return replace(loaded, trusted=False)
    return replace(mended, undated=0, deleted=0)  # they changed while everything was read; nothing was kept before


def _mended(client: Client, source: Source, found: Refreshed) -> Refreshed:
    """Check, and read again what differs, until nothing does; a few records may change faster than that."""
    units = differing(client, source.members, found.table)
    for _ in range(_ROUNDS):
        if not units:
            return found
        fresh = source.load_units(units)
        there = set(fresh[source.members.unit].to_pylist())
        before = found.table[source.members.unit].unique().to_pylist()
        gone = sum(unit not in there for unit in set(units).intersection(before))
        found = replace(
            found,
            table=_replaced(source.members, found.table, set(units), fresh),
            undated=found.undated + len(there),
            deleted=found.deleted + gone,
        )
        units = differing(client, source.members, found.table)
    return replace(found, moving=len(units))


def _newest(kept: pa.Table) -> datetime | None:
    if MODIFIED not in kept.column_names:
        return None
    newest: datetime | None = pc.max(kept[MODIFIED]).as_py()
    return newest


def _news(kept: pa.Table, fresh: pa.Table) -> int:
    """How many of the records read again are not as they were kept."""
    place = pc.index_in(fresh["id"], value_set=kept["id"])
    same = pc.equal(kept[MARK].take(place), fresh[MARK])
    kept_still: int = pc.sum(pc.fill_null(same, False)).as_py() or 0
    return int(fresh.num_rows) - kept_still


def _replaced(members: Members, table: pa.Table, units: set[str], fresh: pa.Table) -> pa.Table:
    """Put ``fresh`` in the place of all rows of ``units``."""
    old = pc.is_in(table[members.unit], value_set=pa.array(sorted(units), pa.string()))
    both = pa.concat_tables([table.filter(pc.invert(old)), fresh.select(table.column_names)])
    keys = pa.table({name: pc.cast(both[name], pa.int64()) for name in dict.fromkeys((members.unit, "id"))})
    return both.take(pc.sort_indices(keys, sort_keys=[(name, "ascending") for name in keys.column_names]))
