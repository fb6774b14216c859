"""The sublists ``item`` and ``apply`` in the body of a transform (netsuite 3.3, 4.1, 5.3)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from nsbill.simulator.errors import invalid_value
from nsbill.simulator.values import read_flag, read_money, read_pieces, read_reference, read_text, read_whole

__all__ = ["ApplyLine", "Line", "line_names", "read_applies", "read_lines"]

_CODE = "custcol_celigo_etail_order_line_id"
_TEXTS = {"description": "description", _CODE: "etail_line_id"}
_SALE = frozenset({"orderLine", "quantity", "item", "rate", "amount", *_TEXTS})
_SHIPMENT = frozenset({"orderLine", "quantity", "itemreceive", "itemReceive", "location", "inventoryLocation", *_TEXTS})
_WITHOUT_EFFECT = {
    "ItemShip": frozenset({"item", "inventoryDetail", "line", "class", "department"}),
    "": frozenset({"line", "class", "department", "location", "taxCode", "units", "price"}),
}


@dataclass(frozen=True)
class Line:
    """One line of ``item.items``: a change to the line that comes from the source's ``order_line``, or a new one."""

    path: str
    order_line: int | None
    item: int | None = None
    quantity: int | None = None
    rate: int | None = None
    amount: int | None = None
    texts: dict[str, str | None] = field(default_factory=dict)
    receive: bool = True
    location: int | None = None


@dataclass(frozen=True)
class ApplyLine:
    """One line of ``apply.items``: how much of a document is settled; no amount: all that is open of it."""

    path: str
    document: int
    apply: bool
    amount: int | None


def line_names(item: object, kind: str) -> tuple[str, ...]:
    """Return the names on lines that the target does not know, as paths such as ``item.items[0].colour``."""
    known = _known(kind) | _WITHOUT_EFFECT.get(kind, _WITHOUT_EFFECT[""])
    return tuple(f"{path}.{name}" for path, line in _lines(item, "item") for name in line if name not in known)


def read_lines(item: object, kind: str) -> tuple[Line, ...]:
    """Read ``item.items``; a line of the source may be named once."""
    found: list[Line] = []
    for path, line in _lines(item, "item"):
        read = _line(line, path, _known(kind))
        if kind == "ItemShip" and read.order_line is None:
            raise invalid_value("orderLine", f"{path}.orderLine")
        if read.order_line is not None and read.order_line in [other.order_line for other in found]:
            raise invalid_value("orderLine", f"{path}.orderLine")
        found.append(read)
    return tuple(found)


def _known(kind: str) -> frozenset[str]:
    return _SHIPMENT if kind == "ItemShip" else _SALE


def _line(line: dict[str, Any], path: str, known: frozenset[str]) -> Line:
    given = {name: value for name, value in line.items() if name in known and value is not None}
    if "orderLine" not in given and "item" not in given:
        raise invalid_value("orderLine", f"{path}.orderLine")
    receive = given.get("itemreceive", given.get("itemReceive"))
    location = given.get("location", given.get("inventoryLocation"))
    quantity = given.get("quantity")
    return Line(
        path,
        order_line=read_whole(given["orderLine"], "orderLine", f"{path}.orderLine") if "orderLine" in given else None,
        item=read_reference(given.get("item"), "item", f"{path}.item"),
        quantity=None if quantity is None else read_pieces(quantity, "quantity", f"{path}.quantity"),
        rate=read_money(given.get("rate"), "rate", f"{path}.rate"),
        amount=read_money(given.get("amount"), "amount", f"{path}.amount"),
        texts={
            column: read_text(line[name], name, f"{path}.{name}")
            for name, column in _TEXTS.items()
            if name in line and name in known
        },
        receive=read_flag(receive, "itemreceive", f"{path}.itemreceive") is not False,
        location=read_reference(location, "location", f"{path}.location"),
    )


def read_applies(apply: object) -> tuple[ApplyLine, ...]:
    """Read ``apply.items``; each document may be named once."""
    found: list[ApplyLine] = []
    for path, line in _lines(apply, "apply"):
        document = read_reference(line.get("doc"), "doc", f"{path}.doc")
        if document is None or document in [other.document for other in found]:
            raise invalid_value("doc", f"{path}.doc")
        wanted = read_flag(line.get("apply"), "apply", f"{path}.apply")
        amount = read_money(line.get("amount"), "amount", f"{path}.amount")
        if amount is not None and amount < 0:
            raise invalid_value("amount", f"{path}.amount")
        # an amount alone applies, an amount of 0 takes back (netsuite 3.3)
        found.append(ApplyLine(path, document, wanted is not False and amount != 0, amount))
    return tuple(found)


def _lines(sublist: object, name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    if sublist is None:
        return
    items = sublist.get("items") if isinstance(sublist, dict) else None
    if not isinstance(items, list):
        raise invalid_value(name)
    for place, line in enumerate(items):
        if not isinstance(line, dict):
            raise invalid_value(name, f"{name}.items[{place}]")
        yield f"{name}.items[{place}]", line
