"""Values of a request's JSON, read strictly; each refuses what it cannot read, naming the property (netsuite 3.1)."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal

from nsbill.simulator.errors import invalid_field_value, invalid_value

__all__ = [
    "HIGHEST_MONEY",
    "read_day",
    "read_external_id",
    "read_flag",
    "read_money",
    "read_pieces",
    "read_reference",
    "read_text",
    "read_whole",
]

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
HIGHEST_MONEY = 10**13
"""Hundredths; far above any amount, and safe in an SQLite integer after sums."""


def read_text(value: object, name: str, path: str | None = None) -> str | None:
    """Read a text; an empty one is null."""
    if value is not None and not isinstance(value, str):
        raise invalid_value(name, path)
    return value or None


def read_external_id(value: object) -> str | None:
    """Read an external id in the characters that may stand in a URL (netsuite 3.5)."""
    text = read_text(value, "externalId")
    if text is not None and not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", text):
        raise invalid_value("externalId")
    return text


def read_day(value: object, name: str) -> date | None:
    """Read a date, ``YYYY-MM-DD``."""
    if value is None:
        return None
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        raise invalid_value(name)
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise invalid_value(name) from None


def read_flag(value: object, name: str, path: str | None = None) -> bool | None:
    """Read true or false; ``undepFunds`` is an enumeration, so ``{"id": "T"}`` and its bare id are read too."""
    if value is None or isinstance(value, bool):
        return value
    bare = value.get("id") if isinstance(value, dict) else value
    if not isinstance(bare, str) or bare not in ("T", "F"):
        raise invalid_value(name, path)
    return bare == "T"


def read_reference(value: object, name: str, path: str | None = None) -> int | None:
    """Read ``{"id": "4"}`` (or a bare id); references by external id or name are not imitated."""
    if value is None:
        return None
    bare = value.get("id") if isinstance(value, dict) else value
    if isinstance(bare, bool) or not isinstance(bare, str | int) or not re.fullmatch(r"\d{1,15}", str(bare), re.ASCII):
        raise invalid_value(name, path)
    return int(bare)


def read_money(value: object, name: str, path: str | None = None) -> int | None:
    """Read a JSON number of at most two decimals as hundredths."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise invalid_value(name, path)
    hundredths = Decimal(value) * 100
    if not hundredths.is_finite() or abs(hundredths) > HIGHEST_MONEY or hundredths != int(hundredths):
        raise invalid_value(name, path)
    return int(hundredths)


def read_whole(value: object, name: str, path: str | None = None) -> int:
    """Read a whole number from 0; ``2.0`` is one too."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or not 0 <= value <= 10**9:
        raise invalid_value(name, path)
    if value != int(value):
        raise invalid_value(name, path)
    return int(value)


def read_pieces(value: object, name: str, path: str) -> int:
    """Read a quantity. These books count whole pieces: a fraction is refused as a value that is not allowed."""
    if isinstance(value, Decimal) and value.is_finite() and 0 <= value <= 10**9 and value != int(value):
        raise invalid_field_value(value, name, path)
    return read_whole(value, name, path)
