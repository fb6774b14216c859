"""The SQL that turns the text of a flat V2 file into typed rows, each with its class and its fault."""

from __future__ import annotations

from nsbill.amazon import faults
from nsbill.amazon.faults import FlatFile, Formats
from nsbill.amazon.labels import SEPARATOR
from nsbill.amazon.text import SourceText
from nsbill.vocabulary import OrderRoute

__all__ = ["MONEY_ROW", "NEEDED", "SUMMARY_ROW", "raw_rows", "typed_rows"]

MONEY_ROW, SUMMARY_ROW = 0, 1

NEEDED = (
    "settlement-id", "settlement-start-date", "settlement-end-date", "deposit-date", "total-amount", "currency",
    "transaction-type", "order-id", "shipment-id", "marketplace-name", "amount-type", "amount-description", "amount",
    "fulfillment-id", "posted-date-time", "order-item-code", "sku", "quantity-purchased",
)  # fmt: skip
"""The columns that become lines and headers; the others may be absent, and unknown ones may be present."""

_KNOWN = frozenset(
    (*NEEDED, "merchant-order-id", "adjustment-id", "posted-date", "merchant-order-item-id",
     "merchant-adjustment-item-id", "promotion-id")
)  # fmt: skip
"""The 24 columns of the report (Amazon notes, section 2). The cells of any other column go into ``extra``."""

_UNTOUCHED = ("transaction-type", "amount-type", "amount-description", "order-id")


def raw_rows(file: FlatFile) -> str:
    """Return the relation of the rows below the header as text: the needed columns under their names."""
    named = [f'c{file.columns.index(name)} AS "{name}"' for name in NEEDED]
    adjustment = f"c{file.columns.index('adjustment-id')}" if "adjustment-id" in file.columns else "NULL::VARCHAR"
    return _SOURCE.format(
        named=", ".join([*named, f"nullif(trim({adjustment}), '') AS \"adjustment-id\"", f"{_extra(file)} AS extra"]),
        columns=", ".join(f"'c{i}': 'VARCHAR'" for i in range(len(file.columns))),
        path=str(file.source.plain).replace("'", "''"),
        newline=file.source.newline.replace("\r", "\\r").replace("\n", "\\n"),
        skip=file.header_line,
    )


def _extra(file: FlatFile) -> str:
    """The cells of unknown columns as the text of a JSON object by column name; null when all are empty."""
    unknown = {i: name or f"column {i + 1}" for i, name in enumerate(file.columns) if name not in _KNOWN}
    if not unknown:
        return "NULL::VARCHAR"
    cells = ", ".join(f"c{i}" for i in unknown)
    pairs = ", ".join(f"'{name.replace(chr(39), chr(39) * 2)}', nullif(trim(c{i}), '')" for i, name in unknown.items())
    empty = f"nullif(trim(concat({cells})), '') IS NULL"
    return f"CASE WHEN {empty} THEN NULL ELSE CAST(json_merge_patch('{{}}', json_object({pairs})) AS VARCHAR) END"


def typed_rows(file: FlatFile, formats: Formats) -> str:
    """Return the query of the typed rows in file order, with ``row_class`` (money, summary, neither) and ``fault``."""
    return _QUERY.format(source=raw_rows(file), **_parts(file.source, formats))


def _parts(source: SourceText, formats: Formats) -> dict[str, str]:
    """What the query needs to know of one file. Trimming costs a third of the time, so only where there are spaces."""
    mark = formats.decimal_mark
    trimmed = [f'nullif(trim("{name}"), \'\') AS "{name}"' for name in NEEDED if name not in _UNTOUCHED]
    plain = [f'"{name}"' for name in NEEDED if name not in _UNTOUCHED]
    same = [f"lower(trim(\"{name}\")) = '{name}'" for name in NEEDED if name not in _UNTOUCHED]
    labels = SEPARATOR.join(_UNTOUCHED[:3])
    return {
        "same_header": " AND ".join([*same, f"lower(labels) = '{labels}'", "order_text = 'order-id'"]),
        "cells": ", ".join(trimmed if source.padded else plain),
        "trim": "trim" if source.padded else "",
        "amount_pattern": f"[+-]?\\d{{1,16}}([{mark}]\\d{{1,2}})?",
        "plain_amount": "amount" if mark == "." else "replace(amount, ',', '.')",
        "date_format": formats.strptime,
        **{f"fault_{name.lower()}": str(getattr(faults, name)) for name in faults.NAMES},
        **{f"route_{route.name.lower()}": route.value for route in OrderRoute},
    }


_SOURCE = (
    "(SELECT {named} FROM read_csv('{path}', columns = {{{columns}}}, header = false, auto_detect = false, "
    "delim = '\t', quote = '', escape = '', new_line = '{newline}', skip = {skip}))"
)

_QUERY = r"""
WITH cells AS (
    SELECT {cells},
           "transaction-type" AS type_text,
           coalesce("transaction-type", '') || '\t' || coalesce("amount-type", '') || '\t'
               || coalesce("amount-description", '') AS labels,
           "order-id" AS order_reference,
           "adjustment-id" AS adjustment_id, extra,
           nullif({trim}("order-id"), '') AS order_text
    FROM {source}
), typed AS (
    SELECT * REPLACE (
               try_cast({plain_amount} AS DECIMAL(18, 2)) AS amount,
               try_cast("quantity-purchased" AS BIGINT) AS "quantity-purchased"),
           amount AS amount_text,
           "quantity-purchased" AS quantity_text,
           try_strptime("posted-date-time", '{date_format}') AS posted_at,
           regexp_full_match(order_text, '\d{{3}}-\d{{7}}-\d{{7}}') AS is_order,
           CASE
               WHEN amount_text IS NOT NULL AND "total-amount" IS NULL THEN 0
               WHEN amount_text IS NULL AND nullif(trim(type_text), '') IS NULL AND coalesce("total-amount",
                   "settlement-start-date", "settlement-end-date", "deposit-date") IS NOT NULL THEN 1
               WHEN lower("settlement-id") = 'settlement-id' AND lower(amount_text) = 'amount' THEN
                   CASE WHEN {same_header} THEN 3 END
               WHEN nullif(trim(labels || coalesce(order_text, ''), ' \t'), '') IS NULL AND coalesce(amount_text,
                   "settlement-id", "total-amount", currency, "shipment-id", sku, quantity_text, "posted-date-time",
                   "order-item-code") IS NULL THEN 2
           END::TINYINT AS class
    FROM cells
)
SELECT "settlement-id" AS settlement_id, "total-amount" AS total, "settlement-start-date" AS "start",
       "settlement-end-date" AS "end", "deposit-date" AS deposit, currency, labels, amount, order_reference,
       CASE
           WHEN is_order THEN '{route_amazon_order}'
           WHEN order_text IS NULL THEN '{route_none}'
           WHEN regexp_full_match(order_text, 'S\d{{2}}-\d{{7}}-\d{{7}}') THEN '{route_multi_channel}'
           WHEN regexp_full_match(order_text, 'FBA[0-9A-Z]+') THEN '{route_fba_shipment}'
           ELSE '{route_malformed}'
       END AS order_route,
       CASE WHEN is_order THEN order_text END AS amazon_order_id,
       "order-item-code" AS order_item_code, "shipment-id" AS shipment_id, sku, "quantity-purchased" AS quantity,
       posted_at, date_diff('day', DATE '1970-01-01', posted_at::DATE)::INTEGER AS posted_day,
       "marketplace-name" AS marketplace, "fulfillment-id" AS fulfilment, adjustment_id, extra,
       CASE class WHEN 3 THEN 2 ELSE class END AS row_class,
       CASE
           WHEN class IS NULL THEN {fault_layout}
           WHEN class >= 2 THEN 0
           WHEN type_text LIKE '    %' THEN {fault_padding}
           WHEN NOT coalesce(regexp_full_match("settlement-id", '\d{{5,20}}'), false) THEN {fault_settlement_id}
           WHEN NOT regexp_full_match(currency, '[A-Z]{{3}}') THEN {fault_currency}
           WHEN class = 1 THEN 0
           WHEN amount IS NULL OR NOT regexp_full_match(amount_text, '{amount_pattern}') THEN {fault_amount}
           WHEN "posted-date-time" IS NOT NULL
               AND coalesce(posted_at NOT BETWEEN '2000-01-01' AND '2099-12-31', true) THEN {fault_posted}
           WHEN NOT regexp_full_match(quantity_text, '-?\d{{1,9}}') THEN {fault_quantity}
           ELSE 0
       END::TINYINT AS fault
FROM typed
""".replace(r"\t", "\t")
"""Rows in file order, with their class (0 money, 1 summary, 2 nothing) and their fault (0: none)."""
