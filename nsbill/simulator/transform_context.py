"""What the transformations share: the request's facts, the record to be made, and their common refusals (netsuite 4.2)."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from nsbill.simulator.errors import Refusal, invalid_field_value, please_enter, user_error
from nsbill.simulator.posting_periods import posting_period
from nsbill.simulator.transform_body import RESOURCE, Body

__all__ = ["Context", "NewRecord", "check_mandatory", "common_header", "new_lines_total", "not_valid", "nothing_to_do"]

_LABELS = {
    "memo": "Memo",
    "otherrefnum": "PO #",
    "terms": "Terms",
    "paymentoption": "Payment Method",
    "channel": "eTail Channel",
    "class": "Class",
    "department": "Department",
    "location": "Location",
}
_NOT_ON = {"CustInvc": {"paymentoption"}, "CashSale": {"terms"}}
"""Fields that a bill's form has not, so that they cannot be mandatory there."""
_REFERENCES = (
    ("terms", "term", "terms"),
    ("paymentoption", "paymentmethod", "paymentOption"),
    ("channel", "channel", "custbody_celigo_etail_channel"),
    ("account", "account", "account"),
)


@dataclass(frozen=True)
class Context:
    """One transformation: the books, the source record, what the caller asks for, and the account's preferences."""

    connection: sqlite3.Connection
    source: sqlite3.Row
    target: str
    body: Body
    replaced: frozenset[str]
    """Sublists whose lines the body gives completely (``?replace=item``): others of the source are left out."""
    today: date
    preferences: Mapping[str, str]

    @property
    def smallest(self) -> int:
        """The currency's smallest unit in hundredths: 100 where there are no decimals."""
        row = self.connection.execute(
            "SELECT decimals FROM currency WHERE id = ?", (self.source["currency"],)
        ).fetchone()
        return 1 if row[0] else 100

    def whole_units(self, amount: int, name: str, path: str) -> int:
        """Return an amount, or refuse one with decimals in a currency that has none."""
        if amount % self.smallest:
            raise invalid_field_value(amount / 100, name, path)
        return amount


@dataclass(frozen=True)
class NewRecord:
    """A record before it is saved: header by column of ``txn``, lines by column of ``txnline``, what it settles."""

    header: dict[str, object]
    lines: tuple[dict[str, object], ...] = ()
    applies: tuple[tuple[int, int], ...] = ()
    """``(document, hundredths)``"""
    warnings: tuple[str, ...] = ()


def common_header(context: Context, inherited: tuple[str, ...]) -> tuple[dict[str, object], tuple[str, ...]]:
    """Return what a new record takes from its source and from the body, and the warnings (netsuite 4.3)."""
    source, body = context.source, context.body
    day = body.tran_date or context.today
    header: dict[str, object] = {name: source[name] for name in inherited} | body.changes
    external = body.external_id if context.preferences["transform_externalid"] == "kept" else None
    header |= {"type": context.target, "externalid": external, "trandate": day.isoformat()}
    wanted = body.changes.get("postingperiod")
    period, outside = posting_period(context.connection, day, context.today, context.preferences, wanted)
    header["postingperiod"] = period
    if body.account is not None or body.undeposited is not None:
        header["account"] = body.account
    _check_references(context.connection, header)
    warning = "The transaction date lies outside of its posting period"
    return header, (warning,) if outside else ()


def check_mandatory(context: Context, header: Mapping[str, object]) -> None:
    """Refuse an empty field that the form of a new bill wants, by its label, the first one only."""
    for name in filter(None, context.preferences["mandatory_fields"].split(",")):
        if name in _NOT_ON[context.target]:
            continue
        if header.get(name) is None and name not in context.body.given:
            raise please_enter(_LABELS.get(name, name))


def new_lines_total(lines: list[dict[str, object]]) -> tuple[int, int]:
    """Return total with tax, and tax, in hundredths."""
    tax = sum(int(str(line["tax"])) for line in lines)
    return tax + sum(int(str(line["amount"])) for line in lines), tax


def not_valid(context: Context) -> Refusal:
    """Refuse because the source's state does not allow the target (netsuite 4.2; the code is uncertain)."""
    if context.preferences["transform_refusal_code"] == "USER_ERROR":
        return user_error("That is not a valid record transformation.")
    name = RESOURCE[context.target].lower()
    text = f"You can not initialize {name}: invalid reference {context.source['id']}."
    return Refusal(400, "INVALID_INITIALIZE_REF", text)


def nothing_to_do(context: Context) -> Refusal:
    """Refuse a record without lines (netsuite 4.2; the code is uncertain)."""
    text = "You must enter at least one line item for this transaction."
    if context.preferences["transform_refusal_code"] == "USER_ERROR":
        return user_error(text)
    return Refusal(400, "VALID_LINE_ITEM_REQD", text)


def _check_references(connection: sqlite3.Connection, header: Mapping[str, object]) -> None:
    for name, table, field in _REFERENCES:
        value = header.get(name)
        if value is not None and connection.execute(f"SELECT 1 FROM {table} WHERE id = ?", (value,)).fetchone() is None:
            raise invalid_field_value(value, field, field)
