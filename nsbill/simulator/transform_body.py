"""The body of a transform: which properties of its target it may carry, read strictly (netsuite 3.1, 3.3, 4.1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from nsbill.simulator.errors import bad_request, invalid_value, unknown_property
from nsbill.simulator.transform_lines import ApplyLine, Line, line_names, read_applies, read_lines
from nsbill.simulator.values import read_day, read_external_id, read_flag, read_money, read_reference, read_text

__all__ = ["RESOURCE", "Body", "read_body"]

RESOURCE = {
    "CustInvc": "invoice",
    "CashSale": "cashSale",
    "ItemShip": "itemFulfillment",
    "CustPymt": "customerPayment",
    "CustCred": "creditMemo",
    "CashRfnd": "cashRefund",
}
"""Transaction type to the name of its record in REST, for what a transform can make."""

_TEXTS = {
    "memo": "memo",
    "otherRefNum": "otherrefnum",
    "checkNumber": "checknum",
    "custbody_celigo_etail_order_id": "etail_order_id",
}
_REFERENCES = {
    "terms": "terms",
    "paymentOption": "paymentoption",
    "paymentMethod": "paymentoption",
    "postingPeriod": "postingperiod",
    "custbody_celigo_etail_channel": "channel",
}
_ALL = frozenset({"externalId", "tranDate", "postingPeriod", "memo"})
_CELIGO = frozenset({"custbody_celigo_etail_order_id", "custbody_celigo_etail_channel"})
_SALE = _ALL | _CELIGO | {"item", "otherRefNum"}
_MONEY = frozenset({"account", "undepFunds", "paymentOption", "paymentMethod"})
_EFFECTIVE = {
    "CustInvc": _SALE | {"dueDate", "terms", "approvalStatus"},
    "CashSale": _SALE | _MONEY,
    "ItemShip": _ALL | _CELIGO | {"item", "shipStatus"},
    "CustPymt": _ALL | _MONEY | {"payment", "apply", "checkNumber"},
    "CustCred": _SALE | {"apply"},
    "CashRfnd": _SALE | _MONEY,
}
_CLASSIFYING = frozenset({"class", "department", "location"})
_WITHOUT_EFFECT = {
    "CustInvc": frozenset({"account", "customForm", "toBeEmailed", "toBePrinted", "billDate", "salesRep"}),
    "CashSale": frozenset({"approvalStatus", "customForm", "toBeEmailed", "toBePrinted", "billDate", "salesRep"}),
    "ItemShip": frozenset({"customForm", "shipMethod", "package"}),
    "CustPymt": frozenset({"arAcct", "autoApply", "customForm", "customer", "currency"}),
    "CustCred": frozenset({"account", "autoApply", "customForm", "toBeEmailed"}),
    "CashRfnd": frozenset({"customForm", "toBeEmailed"}),
}


@dataclass(frozen=True)
class Body:
    """What a transform's body asks for: ``changes`` by column of the books, amounts in hundredths."""

    given: frozenset[str] = frozenset()
    """The names of the properties that have a value."""
    external_id: str | None = None
    tran_date: date | None = None
    due_date: date | None = None
    changes: dict[str, object] = field(default_factory=dict)
    account: int | None = None
    undeposited: bool | None = None
    payment: int | None = None
    approval: str | None = None
    ship_status: str | None = None
    lines: tuple[Line, ...] = ()
    applies: tuple[ApplyLine, ...] = ()
    unknown: tuple[str, ...] = ()


def read_body(content: object, kind: str, *, strict_names: bool) -> Body:
    """Read a body for the target ``kind``; bad values are always refused, unknown names only when ``strict_names``.

    Names that are known and have no effect here are let through. Others come back as ``unknown``.
    """
    if content is None:
        return Body()
    if not isinstance(content, dict):
        raise bad_request()
    unknown = _unknown_names(content, kind)
    if unknown and strict_names:
        raise unknown_property(unknown[0], RESOURCE[kind])
    known = {name: value for name, value in content.items() if name in _EFFECTIVE[kind]}
    return Body(
        given=frozenset(name for name, value in content.items() if value is not None and name not in unknown),
        external_id=read_external_id(known.get("externalId")),
        tran_date=read_day(known.get("tranDate"), "tranDate"),
        due_date=read_day(known.get("dueDate"), "dueDate"),
        changes=_changes(known),
        account=read_reference(known.get("account"), "account"),
        undeposited=read_flag(known.get("undepFunds"), "undepFunds"),
        payment=read_money(known.get("payment"), "payment"),
        approval=_choice(known.get("approvalStatus"), "approvalStatus", "1", "2", "3"),
        ship_status=_choice(known.get("shipStatus"), "shipStatus", "A", "B", "C"),
        lines=read_lines(known.get("item"), kind),
        applies=read_applies(known.get("apply")),
        unknown=unknown,
    )


def _unknown_names(content: Mapping[str, object], kind: str) -> tuple[str, ...]:
    known = _EFFECTIVE[kind] | _WITHOUT_EFFECT[kind] | _CLASSIFYING
    body = [name for name in content if name not in known]
    return (*body, *line_names(content.get("item"), kind)) if "item" in known else tuple(body)


def _changes(known: Mapping[str, object]) -> dict[str, object]:
    changes: dict[str, object] = {}
    for name, column in _TEXTS.items():
        if name in known:
            changes[column] = read_text(known[name], name)
    for name, column in _REFERENCES.items():
        if name in known:
            changes[column] = read_reference(known[name], name)
    return changes


def _choice(value: object, name: str, *allowed: str) -> str | None:
    """Read an enumeration: ``{"id": "2"}`` or its bare id (netsuite 3.2)."""
    if value is None:
        return None
    bare = value.get("id") if isinstance(value, dict) else value
    if isinstance(bare, bool) or str(bare) not in allowed:
        raise invalid_value(name)
    return str(bare)
