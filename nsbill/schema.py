"""What a DataFrame schema is: columns with type, unit and meaning; and one checker with a clear error."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import pandas as pd
import pyarrow as pa

from nsbill.errors import SchemaError
from nsbill.money import MONEY

__all__ = ["COUNT", "DATE", "DAY", "FLAG", "INSTANT", "TEXT", "Column", "Schema"]

TEXT = pa.string()
DATE = pa.date32()
DAY = pa.int32()
COUNT = pa.int64()
FLAG = pa.bool_()
INSTANT = pa.timestamp("us", tz="UTC")


@dataclass(frozen=True)
class Column:
    """One column: its Arrow type, what it means (with the unit), and whether it may be empty."""

    name: str
    type: pa.DataType
    meaning: str
    nullable: bool = False


@dataclass(frozen=True)
class Schema:
    """A named, ordered set of columns."""

    name: str
    columns: tuple[Column, ...]

    @cached_property
    def arrow(self) -> pa.Schema:
        """The Arrow schema."""
        return pa.schema([pa.field(c.name, c.type, c.nullable) for c in self.columns])

    @property
    def names(self) -> list[str]:
        """The column names in order."""
        return [c.name for c in self.columns]

    @property
    def money(self) -> list[str]:
        """The names of the amount columns."""
        return [c.name for c in self.columns if c.type == MONEY]

    def frame(self, rows: list[dict[str, object]] | None = None) -> pd.DataFrame:
        """Build a frame of this schema from a list of row mappings; absent keys become null."""
        return self.from_arrow(pa.Table.from_pylist(rows or [], schema=_nullable(self.arrow)))

    def from_arrow(self, table: pa.Table) -> pd.DataFrame:
        """Turn an Arrow table that holds at least these columns into a checked frame of exactly these."""
        self._check_names(list(table.column_names))
        try:
            cast = table.select(self.names).cast(_nullable(self.arrow))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise SchemaError(self.name, f"has a column of another type ({error})") from error
        frame: pd.DataFrame = cast.to_pandas(types_mapper=pd.ArrowDtype)
        return self.check(frame)

    def conform(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Take this schema's columns out of ``frame``, cast exactly to their types, and check them."""
        self._check_names([str(c) for c in frame.columns])
        return self.from_arrow(pa.Table.from_pandas(frame[self.names], preserve_index=False))

    def check(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return ``frame`` unchanged when it fits, else raise SchemaError naming every difference."""
        self._check_names([str(c) for c in frame.columns])
        wrong = [
            f"{c.name} is {frame[c.name].dtype}, not {c.type}"
            for c in self.columns
            if frame[c.name].dtype != pd.ArrowDtype(c.type)
        ]
        if wrong:
            raise SchemaError(self.name, "has columns of another type: " + "; ".join(wrong))
        empty = [c.name for c in self.columns if not c.nullable and bool(frame[c.name].isna().any())]
        if empty:
            raise SchemaError(self.name, "has empty cells in " + ", ".join(empty))
        return frame

    def _check_names(self, present: list[str]) -> None:
        missing = [name for name in self.names if name not in present]
        if missing:
            raise SchemaError(self.name, "lacks " + ", ".join(missing), present=present)


def _nullable(schema: pa.Schema) -> pa.Schema:
    """The same schema with every field nullable: emptiness is checked apart, with a better sentence."""
    return pa.schema([field.with_nullable(True) for field in schema])
