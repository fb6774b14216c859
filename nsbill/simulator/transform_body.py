"""The body of a transform: which properties of an invoice or cash sale it may carry, read strictly (netsuite 3.1, 4.1)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from nsbill.simulator.errors import bad_request, invalid_value, unknown_property

__all__ = ["Body", "read_body"]

_TEXTS = {"memo": "memo", "otherRefNum": "otherrefnum", "custbody_celigo_etail_order_id": "etail_order_id"}
_REFERENCES = {
    "terms": "terms",
    "paymentOption": "paymentoption",
    "paymentMethod": "paymentoption",
    "custbody_celigo_etail_channel": "channel",
}
_WITHOUT_EFFECT = frozenset(
    {"account", "approvalStatus", "class", "customForm", "department", "location", "undepFunds"}
)
_HANDLED = frozenset({"externalId", "tranDate", "dueDate", "item"})
_LINE_NAMES = frozenset({"orderLine", "quantity"})
_RESOURCE = {"CustInvc": "invoice", "CashSale": "cashSale"}
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True)
class Body:
    """What a transform's body asks for; ``changes`` by column of the books, ``unknown`` property names."""

    external_id: str | None = None
    tran_date: date | None = None
    due_date: date | None = None
    changes: dict[str, object] = field(default_factory=dict)
    quantities: tuple[tuple[int, int], ...] = ()
    unknown: tuple[str, ...] = ()


def read_body(content: object, kind: str, *, strict_names: bool) -> Body:
    """Read a body; unknown names are refused when ``strict_names``, else returned; bad values are always refused."""
    if content is None:
        return Body()
    if not isinstance(content, dict):
        raise bad_request()
    unknown = _unknown_names(content, kind)
    if unknown and strict_names:
        raise unknown_property(unknown[0], _RESOURCE[kind])
    changes: dict[str, object] = {}
    for name, column in _TEXTS.items():
        if name in content:
            changes[column] = _text(content[name], name)
    for name, column in _REFERENCES.items():
        if name in content:
            changes[column] = _reference(content[name], name)
    return Body(
        external_id=_external_id(content.get("externalId")),
        tran_date=_day(content.get("tranDate"), "tranDate"),
        due_date=_day(content.get("dueDate"), "dueDate"),
        changes=changes,
        quantities=_quantities(content.get("item")),
        unknown=unknown,
    )


def _unknown_names(content: Mapping[str, object], kind: str) -> tuple[str, ...]:
    known = _HANDLED | _WITHOUT_EFFECT | _TEXTS.keys() | _REFERENCES.keys()
    if kind == "CashSale":
        known -= {"dueDate", "terms"}
    else:
        known -= {"undepFunds", "paymentMethod", "paymentOption"}
    return tuple(name for name in content if name not in known)


def _text(value: object, name: str) -> str | None:
    if value is not None and not isinstance(value, str):
        raise invalid_value(name)
    return value or None


def _external_id(value: object) -> str | None:
    text = _text(value, "externalId")
    if text is not None and not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", text):
        raise invalid_value("externalId")
    return text


def _day(value: object, name: str) -> date | None:
    if value is None:
        return None
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        raise invalid_value(name)
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise invalid_value(name) from None


def _reference(value: object, name: str) -> int | None:
    """Read ``{"id": "4"}`` (or a bare id); references by external id or name are not imitated."""
    if value is None:
        return None
    bare = value.get("id") if isinstance(value, dict) else value
    if isinstance(bare, bool) or not isinstance(bare, str | int) or not str(bare).isascii() or not str(bare).isdigit():
        raise invalid_value(name)
    return int(bare)


def _quantities(item: object) -> tuple[tuple[int, int], ...]:
    if item is None:
        return ()
    if not isinstance(item, dict) or not isinstance(item.get("items"), list):
        raise invalid_value("item")
    found: list[tuple[int, int]] = []
    for index, line in enumerate(item["items"]):
        path = f"item.items[{index}]"
        if not isinstance(line, dict) or set(line) - _LINE_NAMES or "orderLine" not in line:
            raise invalid_value("orderLine", f"{path}.orderLine")
        number = _whole(line["orderLine"], "orderLine", path)
        if number in [seen for seen, _ in found]:
            raise invalid_value("orderLine", f"{path}.orderLine")
        if "quantity" in line:
            found.append((number, _whole(line["quantity"], "quantity", path)))
    return tuple(found)


def _whole(value: object, name: str, path: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or value != int(value) or value < 0:
        raise invalid_value(name, f"{path}.{name}")
    return int(value)
