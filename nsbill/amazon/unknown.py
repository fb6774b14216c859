"""What the vocabulary does not know: each combination of labels with its money, an example, and the row to add."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb
import pandas as pd

from nsbill.amazon.labels import LABELS, Vocabulary
from nsbill.money import MONEY
from nsbill.schemas import COUNT, FLAG, TEXT, Column, Schema
from nsbill.vocabulary import LineKind

__all__ = ["CHOOSE", "UNKNOWN_LABELS", "unknown_labels"]

CHOOSE = "<line kind>"
"""Stands in the row to add where the user has to choose; such a row is refused as it is."""

UNKNOWN_LABELS = Schema(
    "unknown labels",
    (
        *(Column(name, TEXT, "Amazon's label, untouched") for name in LABELS),
        Column("event_class", TEXT, "EventClass that the lines have now"),
        Column("currency", TEXT, "ISO 4217 code"),
        Column("lines", COUNT, "number of lines"),
        Column("amount", MONEY, "Σ of their amounts"),
        Column("files", COUNT, "number of files with such lines"),
        Column(
            "within", TEXT, "settlements, or activity (payments reports and Finances API: the same money once more)"
        ),
        Column("source_name", TEXT, "file of the first such line"),
        Column("source_line", COUNT, "its line number in the raw file"),
        Column("order_reference", TEXT, "its order id, untouched", nullable=True),
        Column("known_by_now", FLAG, "the present vocabulary knows it: reclassify"),
        Column("row", TEXT, "the row to add to the workspace's vocabulary.csv"),
    ),
)
"""Unclassified lines; grain: one row per combination of labels, currency, and place (settlements or activity)."""

_QUERY = """
SELECT transaction_type, amount_type, amount_description, min(event_class), currency, count(*), sum(amount),
       count(DISTINCT source_digest),
       first({'digest': source_digest, 'line': source_line, 'order': order_reference}
             ORDER BY source_digest, source_line)
FROM read_parquet($1, union_by_name = true) WHERE line_kind = 'UNCLASSIFIED'
GROUP BY transaction_type, amount_type, amount_description, currency
ORDER BY count(*) DESC, transaction_type, amount_type, amount_description, currency
"""


def unknown_labels(
    files: Mapping[str, Sequence[Path]], names: Mapping[str, str], vocabulary: Vocabulary
) -> pd.DataFrame:
    """Return UNKNOWN_LABELS, the most frequent first.

    ``files``: Parquet files of LINES or ACTIVITY by where they belong; ``names``: name of each source by its digest.
    """
    rows: list[dict[str, object]] = []
    for within, paths in files.items():
        if not paths:
            continue
        with duckdb.connect() as connection:
            found = connection.execute(_QUERY, [[str(path) for path in paths]]).fetchall()
        for *labels, event, currency, lines, amount, sources, example in found:
            first, second, third = labels
            known = vocabulary.classify(first, second, third)[1] is not LineKind.UNCLASSIFIED
            row = {
                "event_class": event, "currency": currency, "lines": lines, "amount": amount, "files": sources,
                "within": within, "source_name": names.get(example["digest"], example["digest"][:12]),
                "source_line": example["line"], "order_reference": example["order"], "known_by_now": known,
                "row": _csv_row([*labels, "", CHOOSE, ""]),
            }  # fmt: skip
            rows.append(dict(zip(LABELS, labels, strict=True)) | row)
    return UNKNOWN_LABELS.frame(rows)


def _csv_row(cells: Sequence[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(cells)
    return text.getvalue()
