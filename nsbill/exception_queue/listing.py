"""Choose what of the queue is shown, and in which order."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from nsbill.exception_queue.lifecycle import identity_of
from nsbill.schemas import EXCEPTION_QUEUE, EXCEPTIONS
from nsbill.vocabulary import ExceptionState

__all__ = ["OPEN_STATES", "as_of_then", "chosen", "put_aside"]

OPEN_STATES = frozenset(state.value for state in ExceptionState if state.is_open)


def chosen(
    queue: pd.DataFrame,
    *,
    exception_class: str | None = None,
    states: Collection[str] | None = OPEN_STATES,
    owner: str | None = None,
    order: str | None = None,
) -> pd.DataFrame:
    """Return rows of EXCEPTION_QUEUE, the largest amounts of each currency first; ``None`` leaves nothing out.

    ``owner``: an empty text means of nobody. ``order``: an Amazon order id.
    """
    rows = pa.Table.from_pandas(queue[EXCEPTION_QUEUE.names], preserve_index=False)
    if exception_class is not None:
        rows = rows.filter(pc.equal(rows["exception_class"], exception_class.upper()))
    if states is not None:
        rows = rows.filter(pc.is_in(rows["state"], value_set=pa.array(sorted(states), pa.string())))
    if owner is not None:
        rows = rows.filter(pc.equal(pc.fill_null(rows["owner"], ""), owner))
    if order is not None:
        rows = rows.filter(pc.fill_null(pc.equal(rows["amazon_order_id"], order), False))
    by = [("currency", "ascending"), ("size", "descending"), ("exception_class", "ascending")]
    more = [(name, "ascending") for name in ("amazon_order_id", "settlement_id", "reference")]
    order_of_rows = pc.sort_indices(rows.append_column("size", pc.abs(rows["amount"])), [*by, *more])
    frame: pd.DataFrame = rows.take(order_of_rows).to_pandas(types_mapper=pd.ArrowDtype)
    return frame


def as_of_then(found: pd.DataFrame, queue: pd.DataFrame) -> pd.DataFrame:
    """Return what was found as of another day, with what the queue says of it now; columns of EXCEPTION_QUEUE.

    What the queue has never seen has empty cells there.
    """
    known = {identity_of(row): row for row in _rows(queue)}
    rows = [{**known.get(identity_of(row), {}), **row} for row in _rows(found[EXCEPTIONS.names])]
    table = pa.Table.from_pylist(rows, schema=EXCEPTION_QUEUE.arrow)
    frame: pd.DataFrame = table.to_pandas(types_mapper=pd.ArrowDtype)
    return frame


def put_aside(queue: pd.DataFrame) -> int:
    """Count what somebody closed or accepted and is found all the same."""
    ended = queue["state"].isin([ExceptionState.CLOSED.value, ExceptionState.ACCEPTED.value])
    return int((ended & queue["gone_since"].isna()).sum())


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pa.Table.from_pandas(frame, preserve_index=False).to_pylist()
    return rows
