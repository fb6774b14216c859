"""The frames of a reconciliation, each with the schema that says what its columns mean.

Sheets and exports go by the dataclass and by the schemas, so a new frame or column appears in them by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa

from nsbill import schemas
from nsbill.schema import Column, Schema
from nsbill.show.names import column_title

if TYPE_CHECKING:
    from nsbill.reconcile import Reconciliation

__all__ = ["NamedFrame", "facts_of", "frames_of", "schema_of"]

_TOLD = {
    "tax_mode": "{} (whether invoices carry facilitator-collected tax)",
    "basis": "{} (which of Amazon's receipts count)",
}


@dataclass(frozen=True)
class NamedFrame:
    """A frame, its name in files and sheets, and its schema."""

    name: str
    frame: pd.DataFrame
    schema: Schema

    @property
    def title(self) -> str:
        """The name for people."""
        words = self.schema.name
        return column_title(self.name) if ":" in words else words[:1].upper() + words[1:]


def frames_of(reconciliation: Reconciliation) -> tuple[NamedFrame, ...]:
    """Return every frame of the reconciliation, in the order of its fields."""
    found = ((field.name, getattr(reconciliation, field.name)) for field in fields(reconciliation))
    return tuple(
        NamedFrame(name, frame, schema_of(name, frame)) for name, frame in found if isinstance(frame, pd.DataFrame)
    )


def facts_of(reconciliation: Reconciliation) -> Mapping[str, str]:
    """Return what else the reconciliation says of itself: as-of date, tax mode, basis."""
    facts: dict[str, str] = {}
    for field in fields(reconciliation):
        value = getattr(reconciliation, field.name)
        if isinstance(value, str | date | int):
            facts[column_title(field.name)] = _TOLD.get(field.name, "{}").format(value)
    if "Basis" not in facts:
        facts["Basis"] = "settled: received is what stands in a closed settlement"
    return facts


def schema_of(name: str, frame: pd.DataFrame) -> Schema:
    """Return the schema that is called like the frame; without one, what the columns' types say."""
    from nsbill.reconcile import result  # it names the schema of each of its frames

    known = getattr(result, name.upper(), None) or getattr(schemas, name.upper(), None)
    if isinstance(known, Schema):
        return known
    arrow = pa.Schema.from_pandas(frame, preserve_index=False)
    return Schema(column_title(name).lower(), tuple(Column(f.name, f.type, "", nullable=True) for f in arrow))
