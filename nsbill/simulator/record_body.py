"""The body of a write: properties read strictly by their kind, with NetSuite's two validation headers (netsuite 3.1, 3.6)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from nsbill.simulator.errors import Refusal, bad_request, invalid_parameter, invalid_value, unknown_property, user_error
from nsbill.simulator.record_fields import Field, Resource, Sublist

__all__ = ["Body", "Line", "Validation", "read_body", "read_only"]

_ALWAYS_LET_THROUGH = frozenset({"id", "links", "refName"})
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_EXTERNAL_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LARGEST = 10**15


@dataclass(frozen=True)
class Validation:
    """What to do with unknown property names and with values of the wrong form: error, warning or ignore."""

    names: str = "warning"
    values: str = "error"
    read_only: str = "refuse"
    """What to do with properties that cannot be set: refuse or ignore (a knob; no source tells)."""

    @staticmethod
    def of(headers: Mapping[str, str], preferences: Mapping[str, str]) -> Validation:
        """Read the two headers."""
        names = _header(headers, "X-NetSuite-PropertyNameValidation", "warning")
        values = _header(headers, "X-NetSuite-PropertyValueValidation", "error")
        return Validation(names, values, preferences["read_only_fields"])


@dataclass(frozen=True)
class Line:
    """One line of a sublist: its values by property, and its place for errors."""

    values: dict[str, object]
    path: str


@dataclass(frozen=True)
class Body:
    """What a body sets: values by property (``None`` clears), lines by sublist, and what to warn of.

    References are an internal id (``int``) or an external id (``str``); amounts are in hundredths; flags 'T' or 'F'.
    """

    values: dict[str, object] = field(default_factory=dict)
    sublists: dict[str, tuple[Line, ...]] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def read_only(name: str) -> Refusal:
    """Refuse to set a property that cannot be set; the text is that of SOAP, its code over REST is uncertain."""
    text = (
        f"You do not have permissions to set a value for element {name} due to one of the following reasons: "
        "1) The field is read-only; 2) An associated feature is disabled; 3) The field is available either when a "
        "record is created or updated, but not in both cases."
    )
    return user_error(text, path=name)


def read_body(content: object, resource: Resource, validation: Validation, cleared: Iterable[str] = ()) -> Body:
    """Read the JSON of a write; ``cleared`` are properties to empty unless the body sets them."""
    if content is None:
        content = {}
    if not isinstance(content, dict):
        raise bad_request()
    reader = _Reader(resource, validation)
    values = reader.properties(content, resource.by_name, resource.without_effect, "")
    sublists = {one.name: reader.lines(one, content[one.name]) for one in resource.sublists if one.name in content}
    for name in cleared:
        known = resource.by_name.get(name)
        if known is not None and known.write == "always":
            values.setdefault(name, None)
        elif resource.sublist(name) is not None:
            sublists.setdefault(name, ())
        else:
            raise invalid_parameter(f"Invalid value '{name}' for the query parameter 'replace'.", query_param="replace")
    return Body(values, sublists, tuple(reader.warnings))


def _header(headers: Mapping[str, str], name: str, default: str) -> str:
    value = headers.get(name.lower(), default).strip().lower()
    if value not in ("error", "warning", "ignore"):
        raise invalid_parameter(f"Invalid value '{value}' for the header '{name}'.", header=name)
    return value


class _Reader:
    """Reads one body and gathers what to warn of."""

    def __init__(self, resource: Resource, validation: Validation) -> None:
        self._resource, self._validation = resource, validation
        self.warnings: list[str] = []

    def properties(
        self, content: Mapping[str, object], known: Mapping[str, Field], idle: frozenset[str], path: str
    ) -> dict[str, object]:
        """Read the properties of the record, or of one line of it."""
        values: dict[str, object] = {}
        for name, value in content.items():
            where = f"{path}.{name}" if path else name
            if (not path and self._resource.sublist(name) is not None) or name in idle:
                continue
            found = known.get(name)
            if found is None or (found.write == "no" and name in _ALWAYS_LET_THROUGH):
                if name not in _ALWAYS_LET_THROUGH:
                    self._unknown(where)
                continue
            if found.write == "no" and not (path and name == "line"):
                # lines are often sent back as they were read, with everything that NetSuite computes
                if self._validation.read_only == "refuse" and not path:
                    raise read_only(name)
                continue
            try:
                kind = "whole" if name == "line" else found.kind
                values[name] = None if value is None else _READERS[kind](found, value)
            except ValueError:
                self._invalid(name, where)
        return values

    def lines(self, sublist: Sublist, content: object) -> tuple[Line, ...]:
        """Read the lines of a sublist: ``{"items": [...]}``."""
        items = content.get("items", []) if isinstance(content, dict) else None
        if not isinstance(items, list):
            raise invalid_value(sublist.name)
        lines: list[Line] = []
        for index, item in enumerate(items):
            path = f"{sublist.name}.items[{index}]"
            if not isinstance(item, dict):
                raise invalid_value(sublist.name, path)
            idle = frozenset({"price", "taxCode", "taxRate1", "units", "location", "class", "department"})
            lines.append(Line(self.properties(item, sublist.by_name, idle, path), path))
        return tuple(lines)

    def _unknown(self, where: str) -> None:
        if self._validation.names == "error":
            raise unknown_property(where, self._resource.name)
        if self._validation.names == "warning":
            self.warnings.append(where)

    def _invalid(self, name: str, where: str) -> None:
        if self._validation.values == "error":
            raise invalid_value(name, where) from None
        if self._validation.values == "warning":
            self.warnings.append(where)


def _text(field: Field, value: object) -> object:
    if not isinstance(value, str):
        raise ValueError(value)
    if field.name == "externalId" and not _EXTERNAL_ID.fullmatch(value):
        raise ValueError(value)
    return value or None


def _reference(_: Field, value: object) -> object:
    """Read ``{"id": "4"}``, a bare id, or ``{"externalId": "x"}``; the id wins."""
    bare = value
    if isinstance(value, dict):
        external = value.get("externalId")
        bare = value.get("id")
        if bare is None and isinstance(external, str) and external:
            return external
    if isinstance(bare, bool) or not isinstance(bare, str | int) or not re.fullmatch(r"-?[0-9]{1,18}", str(bare)):
        raise ValueError(value)
    return int(bare)


def _enum(_: Field, value: object) -> object:
    bare = value.get("id") if isinstance(value, dict) else value
    if isinstance(bare, bool):
        return "T" if bare else "F"
    if not isinstance(bare, str | int):
        raise ValueError(value)
    return str(bare)


def _date(_: Field, value: object) -> object:
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        raise ValueError(value)
    return date.fromisoformat(value).isoformat()


def _decimal(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ValueError(value)
    number = Decimal(value)
    if abs(number) >= _LARGEST:
        raise ValueError(value)
    return number


def _money(_: Field, value: object) -> object:
    scaled = _decimal(value) * 100
    if scaled != scaled.to_integral_value():
        raise ValueError(value)
    return int(scaled)


def _whole(_: Field, value: object) -> object:
    number = Decimal(value) if isinstance(value, str) and re.fullmatch(r"[0-9]{1,15}", value) else _decimal(value)
    if number != number.to_integral_value() or number < 0:
        raise ValueError(value)
    return int(number)


def _number(_: Field, value: object) -> object:
    number = _decimal(value)
    if number <= 0:
        raise ValueError(value)
    return format(number, "f")


def _flag(_: Field, value: object) -> object:
    if not isinstance(value, bool):
        raise ValueError(value)
    return "T" if value else "F"


_READERS: Mapping[str, Callable[[Field, object], object]] = {
    "text": _text,
    "reference": _reference,
    "enum": _enum,
    "date": _date,
    "money": _money,
    "whole": _whole,
    "number": _number,
    "flag": _flag,
}
