"""The SQL that turns the text of a flat V1 file into one row per amount, each with its class and its fault."""

from __future__ import annotations

from enum import IntEnum

from nsbill.amazon.faults import FlatFile
from nsbill.amazon.flat_v1_columns import FAMILY_OF_QUANTITY, TEXTS, AmountColumn, amount_columns, unknown_columns
from nsbill.amazon.flat_v1_faults import Fault, V1Formats
from nsbill.amazon.labels import SEPARATOR
from nsbill.amazon.routes import route_sql

__all__ = ["RowClass", "quantity_pairs", "raw_rows", "typed_rows"]


class RowClass(IntEnum):
    """What a row is."""

    MONEY = 0
    SUMMARY = 1
    NOTHING = 2
    QUANTITY = 3


def raw_rows(file: FlatFile) -> str:
    """Return the relation of the rows below the header: every column as text, and ``row``, counted from 0."""
    return _SOURCE.format(
        columns=", ".join(f"'c{i}': 'VARCHAR'" for i in range(len(file.columns))),
        path=str(file.source.plain).replace("'", "''"),
        newline=file.source.newline.replace("\r", "\\r").replace("\n", "\\n"),
        skip=file.header_line,
    )


def quantity_pairs(file: FlatFile) -> str:
    """Return the query (quantity row, row of the price of goods or null): of an item the first with the first, and so on.

    A multi-unit item may come as two blocks with one item code, each with its quantity row, or as one block whose
    quantity is 2 (Amazon notes, section 3): paired one to one, every unit counts once.
    """
    return _PAIRS.format(
        source=raw_rows(file),
        key=f" || '{SEPARATOR}' || ".join(f"coalesce({_cell(file, name)}, '')" for name in _ITEM),
        no_amount=f"coalesce({', '.join(_cell(file, a.name) for a in amount_columns(file.columns))}) IS NULL",
        total=_cell(file, "total-amount"),
        quantity=_cell(file, "quantity-purchased"),
        price_type=_cell(file, "price-type"),
        price=_cell(file, "price-amount"),
    )


def typed_rows(file: FlatFile, formats: V1Formats) -> str:
    """Return the query of the typed rows in file order, one per amount, with ``row_class``, ``fault``, ``fault_column``.

    A row without any amount comes once.
    """
    amounts = amount_columns(file.columns)
    mark = formats.decimal_mark
    texts = [f'{_cell(file, name)} AS "{name}"' for name in TEXTS]
    plain_amount = "amount_text" if mark == "." else "replace(amount_text, ',', '.')"
    return _ROWS.format(
        source=raw_rows(file),
        texts=", ".join(texts),
        raw_type=f"coalesce(c{file.columns.index('transaction-type')}, '')",
        raw_order=f"c{file.columns.index('order-id')}",
        parts=", ".join(_part(file, amount) for amount in amounts),
        no_part=_part_text("quantity-purchased", FAMILY_OF_QUANTITY, "''", "NULL", "NULL"),
        same_header=" AND ".join(f"lower({_cell(file, name)}) = '{_quoted(name)}'" for name in file.columns if name),
        all_cells=", ".join(f"c{i}" for i in range(len(file.columns))),
        extra=_extra(file),
        separator=SEPARATOR,
        route=route_sql('"order-id"'),
        plain_amount=plain_amount,
        amount_pattern=f"[+-]?[0-9]{{1,16}}([{mark}][0-9]{{1,2}})?",
        posted=formats.sql_instant('"posted-date"'),
        no_time=" ".join(f"WHEN {_is_no_time(name, formats)} THEN '{name}'" for name in _TIMES),
        **{f"class_{kind.name.lower()}": kind.value for kind in RowClass},
        **{f"fault_{fault.name.lower()}": fault.value for fault in Fault},
    )


_TIMES = ("posted-date", "settlement-start-date", "settlement-end-date", "deposit-date")
_ITEM = ("settlement-id", "transaction-type", "order-id", "adjustment-id", "shipment-id", "order-item-code", "sku")
"""What a quantity row and the price of its goods have in common."""


def _is_no_time(name: str, formats: V1Formats) -> str:
    column = f'"{name}"'
    moment = f"({formats.sql_instant(column)})"
    return f"{column} IS NOT NULL AND coalesce({moment} NOT BETWEEN '2000-01-01' AND '2099-12-31', true)"


def _cell(file: FlatFile, name: str) -> str:
    """A cell without spaces around it; null when it is empty."""
    return f"nullif(trim(c{file.columns.index(name)}), '')"


def _part(file: FlatFile, amount: AmountColumn) -> str:
    position = file.columns.index(amount.name)
    name = "''" if amount.type_column is None else f"coalesce(c{file.columns.index(amount.type_column)}, '')"
    alone = f"nullif(trim({name}), '')" if amount.paired else "NULL"
    return _part_text(amount.name, amount.family, name, f"nullif(trim(c{position}), '')", alone)


def _part_text(column: str, family: str, name: str, amount: str, alone: str) -> str:
    return (
        f"{{'amount_column': '{_quoted(column)}', 'family': '{_quoted(family)}', 'name_text': {name}, "
        f"'amount_text': {amount}::VARCHAR, 'alone': {alone}::VARCHAR}}"
    )


def _extra(file: FlatFile) -> str:
    """The cells of unknown columns as the text of a JSON object by column name; null when all are empty."""
    unknown = unknown_columns(file.columns)
    if not unknown:
        return "NULL::VARCHAR"
    pairs = ", ".join(f"'{_quoted(name)}', nullif(trim(c{i}), '')" for i, name in unknown.items())
    empty = f"nullif(trim(concat({', '.join(f'c{i}' for i in unknown)})), '') IS NULL"
    return f"CASE WHEN {empty} THEN NULL ELSE CAST(json_merge_patch('{{}}', json_object({pairs})) AS VARCHAR) END"


def _quoted(text: str) -> str:
    return text.replace("'", "''")


_SOURCE = (
    "(SELECT row_number() OVER () - 1 AS row, * FROM read_csv('{path}', columns = {{{columns}}}, header = false, "
    "auto_detect = false, delim = '\t', quote = '', escape = '', new_line = '{newline}', skip = {skip}))"
)

_PAIRS = """
WITH items AS (
    SELECT row, {key} AS item, {quantity} AS quantity, {no_amount} AS is_quantity
    FROM {source}
    WHERE {total} IS NULL
      AND (({no_amount} AND {quantity} IS NOT NULL) OR (lower({price_type}) = 'principal' AND {price} IS NOT NULL))
), numbered AS (
    SELECT *, row_number() OVER (PARTITION BY item, is_quantity ORDER BY row) AS number FROM items
)
SELECT quantities.row AS quantity_row, prices.row AS price_row, try_cast(quantities.quantity AS BIGINT) AS quantity
FROM (FROM numbered WHERE is_quantity) AS quantities
LEFT JOIN (FROM numbered WHERE NOT is_quantity) AS prices USING (item, number)
ORDER BY quantity_row
"""

_ROWS = """
WITH cells AS (
    SELECT row, {texts}, {raw_type} AS type_text, {raw_order} AS order_reference, {extra} AS extra,
           list_filter([{parts}], lambda part: part.amount_text IS NOT NULL) AS amounts,
           list_filter([{parts}], lambda part: part.amount_text IS NULL AND part.alone IS NOT NULL)[1].amount_column
               AS without_amount,
           lower("settlement-id") = 'settlement-id' AND {same_header} AS is_header,
           nullif(trim(concat({all_cells})), '') IS NULL AS is_empty
    FROM {source}
), parts AS (
    SELECT *,
           len(amounts) AS amount_count,
           unnest(CASE WHEN len(amounts) > 0 THEN amounts ELSE [{no_part}] END, recursive := true)
    FROM cells
), typed AS (
    SELECT * REPLACE (try_cast("quantity-purchased" AS BIGINT) AS "quantity-purchased"),
           "quantity-purchased" AS quantity_text,
           try_cast({plain_amount} AS DECIMAL(18, 2)) AS amount,
           {posted} AS posted_at,
           CASE {no_time} END AS no_time,
           CASE
               WHEN is_empty OR is_header THEN {class_nothing}
               WHEN amount_count > 0 AND "total-amount" IS NULL THEN {class_money}
               WHEN amount_count > 0 OR without_amount IS NOT NULL THEN NULL
               WHEN trim(type_text) = '' AND coalesce("order-id", "adjustment-id", "shipment-id", "marketplace-name",
                   "fulfillment-id", "posted-date", "order-item-code", sku, quantity_text) IS NULL
                   AND coalesce("total-amount", "settlement-start-date", "settlement-end-date", "deposit-date")
                   IS NOT NULL THEN {class_summary}
               WHEN trim(type_text) <> '' AND quantity_text IS NOT NULL AND "total-amount" IS NULL
                   THEN {class_quantity}
           END::TINYINT AS row_class
    FROM parts
)
SELECT row, row_class, "settlement-id" AS settlement_id, "total-amount" AS total, "settlement-start-date" AS "start",
       "settlement-end-date" AS "end", "deposit-date" AS deposit, currency,
       type_text || '{separator}' || family || '{separator}' || name_text AS labels,
       amount, order_reference, {route} AS order_route, "order-item-code" AS order_item_code,
       "shipment-id" AS shipment_id, sku, "quantity-purchased" AS quantity, posted_at,
       date_diff('day', DATE '1970-01-01', posted_at::DATE)::INTEGER AS posted_day,
       "marketplace-name" AS marketplace, "fulfillment-id" AS fulfilment, "adjustment-id" AS adjustment_id, extra,
       CASE
           WHEN row_class = {class_nothing} THEN 0
           WHEN row_class IS NULL AND without_amount IS NOT NULL AND "total-amount" IS NULL THEN {fault_no_amount}
           WHEN row_class IS NULL THEN {fault_layout}
           WHEN type_text LIKE '    %' THEN {fault_padding}
           WHEN NOT coalesce(regexp_full_match("settlement-id", '[0-9]{{5,20}}'), false) THEN {fault_settlement_id}
           WHEN NOT regexp_full_match(currency, '[A-Z]{{3}}') THEN {fault_currency}
           WHEN row_class = {class_summary} THEN 0
           WHEN row_class = {class_money}
               AND (amount IS NULL OR NOT regexp_full_match(amount_text, '{amount_pattern}')) THEN {fault_amount}
           WHEN without_amount IS NOT NULL THEN {fault_no_amount}
           WHEN no_time IS NOT NULL THEN {fault_time}
           WHEN NOT regexp_full_match(quantity_text, '-?[0-9]{{1,9}}') THEN {fault_quantity}
           ELSE 0
       END::TINYINT AS fault,
       amount_column, without_amount, no_time
FROM typed
"""
"""Rows in file order, with their class and their fault (0: none)."""
