"""What every write on a record needs at hand: the transaction on the books, the clock, the knobs; and how rows are stored."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from nsbill.simulator.errors import Refusal, already_exists, invalid_field_value
from nsbill.simulator.posting_periods import posting_period
from nsbill.simulator.record_fields import TARGETS, Field

__all__ = ["Context", "check_external_id", "insert", "period_of", "resolve", "update"]


@dataclass(frozen=True)
class Context:
    """One write: ``connection`` is inside ``Books.writing``."""

    connection: sqlite3.Connection
    now: str
    today: date
    preferences: Mapping[str, str]

    def wrong_reference(self, value: object, field: str, path: str) -> Refusal:
        """Refuse a reference to nothing, in the words that the knob ``invalid_reference`` chooses (netsuite 8.4)."""
        if self.preferences["invalid_reference"] == "invalid_content":
            text = f"Error while accessing resource: You have entered an Invalid Field Value {value} for the following field: {field}"
            return Refusal(400, "INVALID_CONTENT", text, path=path)
        return invalid_field_value(value, field, path)


def insert(connection: sqlite3.Connection, table: str, values: Mapping[str, object]) -> int:
    """Insert a row and return its id."""
    marks = ", ".join("?" for _ in values)
    cursor = connection.execute(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks})", tuple(values.values()))
    return int(cursor.lastrowid or 0)


def update(
    connection: sqlite3.Connection, table: str, values: Mapping[str, object], where: Mapping[str, object]
) -> None:
    """Change the row that ``where`` names."""
    if values:
        pairs, keys = ", ".join(f"{name} = ?" for name in values), " AND ".join(f"{name} = ?" for name in where)
        connection.execute(f"UPDATE {table} SET {pairs} WHERE {keys}", (*values.values(), *where.values()))


def resolve(context: Context, field: Field, value: object, path: str) -> object:
    """Return the internal id of a reference (``int``: internal, ``str``: external id), or refuse one to nothing."""
    target = TARGETS[field.target]
    if isinstance(value, str):
        table = target.external_table
        key = "customer" if table == "customerdetail" else "id"
        statement = f"SELECT {key} FROM {table} WHERE externalid = ?" if table else ""
        row = context.connection.execute(statement, (value,)).fetchone() if table else None
    else:
        row = context.connection.execute(f"SELECT id FROM {target.table} WHERE id = ?", (value,)).fetchone()
    if row is None:
        raise context.wrong_reference(value, field.name, path)
    return row[0]


def check_external_id(context: Context, kind: str, external_id: object, *, own: object = None) -> None:
    """Refuse an external id in use: over all transactions, or within the type by the knob (netsuite 3.5, 4.5)."""
    statement = "SELECT id FROM txn WHERE externalid = ?"
    values: tuple[object, ...] = (external_id,)
    if context.preferences["externalid_namespace"] == "type":
        statement, values = statement + " AND type = ?", (external_id, kind)
    if any(row["id"] != own for row in context.connection.execute(statement, values)):
        raise already_exists()


def period_of(context: Context, day: str, wanted: object = None) -> object:
    """Return the posting period of a date, or of a period that the caller names; a closed one refuses the record."""
    on = date.fromisoformat(day)
    return posting_period(context.connection, on, context.today, context.preferences, wanted)[0]
