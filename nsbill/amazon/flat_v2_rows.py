"""From the cells of a piece of a flat V2 file to typed, classified lines, its summary rows and its first fault."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nsbill.amazon.faults import Formats
from nsbill.amazon.flat_v2_cells import KNOWN, Cells, codes, of_rows
from nsbill.amazon.flat_v2_checks import MONEY_ROW, SUMMARY_ROW, Judged, first_fault, judged, kinds_of_rows
from nsbill.amazon.labels import SEPARATOR, Vocabulary
from nsbill.amazon.routes import route_column
from nsbill.vocabulary import OrderRoute

__all__ = ["Rows", "rows_of"]

_LABELS = ("transaction-type", "amount-type", "amount-description")
_SMALL = 1 << 20
_EPOCH = pa.scalar(0, pa.date32())


@dataclass(frozen=True)
class Rows:
    """What a piece holds, in file order, up to its ``fault`` (number and line) if it has one.

    ``lines`` are the money rows with columns of LINES, but without those that are the same for the whole file;
    ``currency`` is the row's own. ``summaries`` are the trimmed texts of summary rows with their ``source_line``.
    """

    lines: pa.Table
    summaries: pa.Table
    fault: tuple[int, int] | None


def rows_of(cells: Cells, formats: Formats, vocabulary: Vocabulary) -> Rows:
    """Judge, type and classify the rows of a piece."""
    found = judged(cells, formats)
    kinds = kinds_of_rows(cells)
    fault = first_fault(cells, kinds, found)
    lines = pa.table(_columns(cells, found, vocabulary))
    if kinds is None:
        return Rows(lines, _summaries(cells, np.zeros(len(cells), dtype=bool)), fault)
    return Rows(lines.filter(pa.array(kinds == MONEY_ROW)), _summaries(cells, kinds == SUMMARY_ROW), fault)


def _summaries(cells: Cells, chosen: np.ndarray) -> pa.Table:
    names = {
        "settlement_id": "settlement-id", "total": "total-amount", "start": "settlement-start-date",
        "end": "settlement-end-date", "deposit": "deposit-date", "currency": "currency",
    }  # fmt: skip
    at = pa.array(np.flatnonzero(chosen))
    columns = {mine: cells[name].take(at).cast(pa.string()) for mine, name in names.items()}
    return pa.table({**columns, "source_line": pa.array(cells.lines[chosen])})


def _columns(cells: Cells, found: Judged, vocabulary: Vocabulary) -> dict[str, pa.Array]:
    classified = _classified(cells, vocabulary)
    goods = classified.pop("counts_units")
    posted = cells["posted-date-time"].indices
    days = found.posted.values.cast(pa.date32()).cast(pa.int32())
    quantity = found.quantities.values.take(cells["quantity-purchased"].indices)
    return {
        "settlement_id": cells["settlement-id"],
        "source_line": pa.array(cells.lines),
        **classified,
        "amount": found.amounts.values.take(cells["amount"].indices),
        "currency": cells["currency"],
        **_order(cells),
        "order_item_code": cells["order-item-code"],
        "shipment_id": cells["shipment-id"],
        "sku": cells["sku"],
        "quantity": pc.if_else(goods, quantity, pa.scalar(None, pa.int64())),
        "posted_at": found.posted.values.take(posted),
        "posted_day": days.take(posted),
        "marketplace": cells["marketplace-name"],
        "fulfilment": cells["fulfillment-id"],
        "adjustment_id": cells["adjustment-id"] if "adjustment-id" in cells.names else _nothing(len(cells)),
        "extra": _extra(cells),
    }


def _classified(cells: Cells, vocabulary: Vocabulary) -> dict[str, pa.Array]:
    """Classify each distinct combination of labels; labels stay as they are in the file, spaces too."""
    labels = [cells.raw[name] for name in _LABELS]
    texts = [[*column.dictionary.to_pylist(), ""] for column in labels]
    rows = _combined([codes(column) for column in labels], [len(of) for of in texts])
    distinct, at = _distinct(rows, int(np.prod([len(of) for of in texts])))
    parts = np.unravel_index(distinct, [len(of) for of in texts])
    keys = [SEPARATOR.join(of[i] for of, i in zip(texts, one, strict=True)) for one in zip(*parts, strict=True)]
    spread = pa.array(at)
    return {name: column.take(spread) for name, column in vocabulary.columns(pa.array(keys, pa.string())).items()}


def _combined(columns: list[np.ndarray], sizes: list[int]) -> np.ndarray:
    """One number per row for the combination of its codes."""
    combined = columns[0].astype(np.int64)
    for column, size in zip(columns[1:], sizes[1:], strict=True):
        combined *= size
        combined += column
    return combined


def _distinct(rows: np.ndarray, bound: int) -> tuple[np.ndarray, np.ndarray]:
    """The distinct numbers, and the position of each row's among them; by counting where they are small."""
    if bound > _SMALL:
        found, at = np.unique(rows, return_inverse=True)
        return found, at.astype(np.int32)
    found = np.flatnonzero(np.bincount(rows, minlength=1))
    position = np.zeros(bound, dtype=np.int32)
    position[found] = np.arange(len(found), dtype=np.int32)
    return found, position[rows]


def _order(cells: Cells) -> dict[str, pa.Array]:
    """The order id untouched, what it is, and the Amazon order id where it is one."""
    column = cells["order-id"]
    routes = list(OrderRoute)
    of_texts = route_column(column.dictionary)
    code = np.array([routes.index(OrderRoute(route)) for route in of_texts.dictionary.to_pylist()], dtype=np.int32)
    of_text = code[np.asarray(of_texts.indices)] if len(of_texts) else np.empty(0, dtype=np.int32)
    rows = of_rows(column, of_text, empty=routes.index(OrderRoute.NONE))
    orders = column.indices
    if (of_text != routes.index(OrderRoute.AMAZON_ORDER)).any():
        is_order = pa.array(rows == routes.index(OrderRoute.AMAZON_ORDER))
        orders = pc.if_else(is_order, orders, pa.scalar(None, pa.int32()))
    return {
        "order_route": pa.DictionaryArray.from_arrays(pa.array(rows), pa.array(map(str, routes), pa.string())),
        "order_reference": cells.raw["order-id"],
        "amazon_order_id": pa.DictionaryArray.from_arrays(orders, column.dictionary),
    }


def _extra(cells: Cells) -> pa.Array:
    """The cells of unknown columns as the text of a JSON object by column name; null where all are empty."""
    unknown = [name for name in cells.names if name not in KNOWN and cells[name].null_count < len(cells)]
    if not unknown:
        return _nothing(len(cells))
    joined: pa.StringArray | None = None
    for name in unknown:
        column = cells[name]
        pair = pc.binary_join_element_wise(
            json.dumps(name, ensure_ascii=False) + ": ", _quoted(column.dictionary), ""
        ).take(column.indices)
        both = pair if joined is None else pc.binary_join_element_wise(joined, pair, ", ")
        joined = pair if joined is None else pc.coalesce(both, joined, pair)
    return pc.dictionary_encode(pc.binary_join_element_wise("{", joined, "}", ""))


def _quoted(texts: pa.StringArray) -> pa.StringArray:
    """Texts as JSON strings."""
    if pc.any(pc.match_substring_regex(texts, r"[\x00-\x1f]")).as_py():
        return pa.array([json.dumps(text, ensure_ascii=False) for text in texts.to_pylist()], pa.string())
    escaped = pc.replace_substring(pc.replace_substring(texts, "\\", "\\\\"), '"', '\\"')
    return pc.binary_join_element_wise('"', escaped, '"', "")


def _nothing(count: int) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.nulls(count, pa.int32()), pa.array([], pa.string()))
