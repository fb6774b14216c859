"""Check kept records against NetSuite without reading them: numbers, marks and sums by block of internal ids.

NetSuite computes a mark of each record, ``ORA_HASH`` over all the columns that are read (section_158513731864), and
adds marks and amounts up by block. Where a block differs from what is kept, smaller blocks are asked for, down to the
single record. So a change shows whatever the date of last change says: a status that followed from a bill, a payment
that was unapplied, a renamed customer, a deletion, a late commit. Equal marks of different records are possible, one
time in four thousand million; a changed number of records or sum of amounts shows all the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from nsbill.money import ZERO
from nsbill.netsuite.client import Client
from nsbill.netsuite.columns import AMOUNT, DATETIME, ID, WHOLE, Kind
from nsbill.netsuite.suiteql import Query, chunks, query_table

__all__ = ["MARK", "MODIFIED", "Members", "TooMuchDiffers", "differing", "mark_of", "marked"]

MARK, MODIFIED = "mark", "modified"
_MODIFIED = "TO_CHAR(t.lastmodifieddate, 'YYYY-MM-DD HH24:MI:SS')"
_SMALLEST_BLOCK, _MOST_BLOCKS, _FINER = 1_000, 900, 32
_MANY = 5_000
"""Below so many records, differing ones are always looked for one by one."""


class TooMuchDiffers(Exception):
    """More than half of the records stand in places that differ, so that reading all of them is quicker."""


@dataclass(frozen=True)
class Members:
    """What is kept, as NetSuite sees it: a SELECT with ``unit``, ``mark`` and the amounts of each row.

    ``unit``: the column of the kept table with the id of the document that is read again as a whole; ``amounts``: the
    names of its amounts, in the SELECT and in the table.
    """

    what: str
    select: str
    unit: str
    amounts: tuple[str, ...]


_Sums = Mapping[int, tuple[int, int, tuple[Decimal, ...]]]
"""First id of a block to number of rows, sum of marks, sums of amounts."""


def mark_of(columns: Mapping[str, tuple[str, Kind]]) -> str:
    """Write the mark of a row: a hash of all its columns as texts."""
    return "ORA_HASH(" + " || '~|~' || ".join(expression for expression, _ in columns.values()) + ")"


def marked(query: Query) -> Query:
    """Add to a query its mark and NetSuite's date of last change; the date is no part of the mark."""
    added = {MARK: (mark_of(query.columns), WHOLE), MODIFIED: (_MODIFIED, DATETIME)}
    return replace(query, columns={**query.columns, **added})


def differing(client: Client, members: Members, kept: pa.Table) -> list[str]:
    """The units that NetSuite has otherwise than ``kept`` has them: changed, new or gone.

    Raises
    ------
    TooMuchDiffers
        They cannot be told without reading about as much as everything.
    """
    units = pc.cast(kept[members.unit], pa.int64())
    size = _block_size(units)
    ours = _kept_sums(members, kept, units, size)
    theirs = _asked_sums(client, members, size, None)
    records = max(kept.num_rows, sum(count for count, _, _ in theirs.values()))
    places = _places(ours, theirs, records)
    while places and size > 1:
        inside, size = (places, size), max(1, size // _FINER)
        ours = _kept_sums(members, *_within(kept, units, *inside), size)
        theirs = {}
        for some in chunks([str(place) for place in places]):
            theirs.update(_asked_sums(client, members, size, ([int(place) for place in some], inside[1])))
        places = _places(ours, theirs, records)
    return [str(place) for place in places]


def _places(ours: _Sums, theirs: _Sums, records: int) -> list[int]:
    places = sorted(place for place in {*ours, *theirs} if ours.get(place) != theirs.get(place))
    there = sum(max(ours.get(place, (0,))[0], theirs.get(place, (0,))[0]) for place in places)
    if there > _MANY and 2 * there > records:
        raise TooMuchDiffers
    return places


def _block_size(units: pa.ChunkedArray) -> int:
    if not len(units):
        return _SMALLEST_BLOCK * _FINER
    span = pc.max(units).as_py() - pc.min(units).as_py()
    return max(_SMALLEST_BLOCK, int(span) // _MOST_BLOCKS + 1)


def _blocks(units: pa.ChunkedArray, size: int) -> pa.ChunkedArray:
    return pc.multiply(pc.divide(units, size), size)


def _within(kept: pa.Table, units: pa.ChunkedArray, places: list[int], size: int) -> tuple[pa.Table, pa.ChunkedArray]:
    there = pc.is_in(_blocks(units, size), value_set=pa.array(places, pa.int64()))
    return kept.filter(there), units.filter(there)


def _kept_sums(members: Members, kept: pa.Table, units: pa.ChunkedArray, size: int) -> _Sums:
    columns = {"block": _blocks(units, size), MARK: kept[MARK]}
    columns |= {name: pc.fill_null(kept[name], pa.scalar(ZERO, kept[name].type)) for name in members.amounts}
    wanted = [(MARK, "count"), (MARK, "sum"), *((name, "sum") for name in members.amounts)]
    sums = pa.table(columns).group_by("block").aggregate(wanted)
    amounts = [sums[f"{name}_sum"].to_pylist() for name in members.amounts]
    counts, marks = sums[f"{MARK}_count"].to_pylist(), sums[f"{MARK}_sum"].to_pylist()
    rows = zip(sums["block"].to_pylist(), counts, marks, *amounts, strict=True)
    return {block: (count, mark, tuple(rest)) for block, count, mark, *rest in rows}


def _asked_sums(client: Client, members: Members, size: int, inside: tuple[list[int], int] | None) -> _Sums:
    """Ask NetSuite for the sums of all blocks of ``size`` ids, or of those inside some larger blocks."""
    where = ""
    if inside is not None:
        places, larger = inside
        where = f" WHERE m.unit - MOD(m.unit, {larger}) IN ({', '.join(map(str, places))})"
    block = f"m.unit - MOD(m.unit, {size})" if size > 1 else "m.unit"
    added = "".join(f", NVL(SUM(m.{name}), 0) AS {name}" for name in members.amounts)
    query = Query(
        f"{members.what}: compare with what is kept",
        {
            "id": ("b.block", ID),
            "n": ("b.n", WHOLE),
            MARK: ("b.marks", WHOLE),
            **{name: (f"b.{name}", AMOUNT) for name in members.amounts},
        },
        f"(SELECT {block} AS block, COUNT(*) AS n, SUM(m.mark) AS marks{added} "
        f"FROM ({members.select}) m{where} GROUP BY {block}) b",
    )
    found = query_table(client, query)
    amounts = [found[name].to_pylist() for name in members.amounts]
    rows = zip(found["id"].to_pylist(), found["n"].to_pylist(), found[MARK].to_pylist(), *amounts, strict=True)
    return {int(block): (count, mark, tuple(rest)) for block, count, mark, *rest in rows}
