"""What one property of a record is: its kind, where the books keep it, and who may set it (netsuite 3.1, 3.3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

__all__ = [
    "TARGETS",
    "Field",
    "Kind",
    "Resource",
    "Sublist",
    "Target",
    "Write",
    "enumeration",
    "flag",
    "instant",
    "money",
    "number",
    "reference",
    "text",
]

Kind = Literal["text", "reference", "enum", "date", "instant", "money", "number", "whole", "flag"]
Write = Literal["no", "create", "always"]


@dataclass(frozen=True)
class Target:
    """What a reference points to: record name in links (none: no record of its own), table, and its display name."""

    path: str
    table: str
    name_sql: str = "name"
    external_table: str = ""
    """Table that maps ``externalid`` to the id, where references by external id work."""


TARGETS: dict[str, Target] = {
    "customer": Target("customer", "customer", "companyname", "customerdetail"),
    "subsidiary": Target("subsidiary", "subsidiary"),
    "currency": Target("currency", "currency"),
    "term": Target("term", "term"),
    "paymentMethod": Target("paymentMethod", "paymentmethod"),
    "accountingPeriod": Target("accountingPeriod", "accountingperiod", "periodname"),
    "account": Target("account", "account", "acctnumber || ' ' || fullname"),
    "channel": Target("", "channel"),
    "form": Target("", "form"),
    "item": Target("item", "item", "itemid"),
    "transaction": Target("transaction", "txn", "tranid", "txn"),
}


@dataclass(frozen=True)
class Field:
    """One property: REST name, label, kind, the row's key that holds it, and when a caller may set it.

    ``value`` computes it from a row where no key holds it; ``sql`` does the same in a filter (none: not filterable).
    """

    name: str
    title: str
    kind: Kind
    column: str = ""
    write: Write = "no"
    target: str = ""
    names: Mapping[str, str] = field(default_factory=dict)
    value: Callable[[Mapping[str, object]], object] | None = None
    sql: str = ""

    @property
    def filterable(self) -> bool:
        """Whether ``q`` may name it: ``x-ns-filterable`` in the metadata."""
        return bool(self.sql)

    def at_creation(self) -> Field:
        """Return the same property, to be set at creation only."""
        return replace(self, write="create")


@dataclass(frozen=True)
class Sublist:
    """One sublist: its name, the property that tells its lines apart, and their properties."""

    name: str
    key: str
    fields: tuple[Field, ...]

    @property
    def by_name(self) -> dict[str, Field]:
        """The line's properties by REST name."""
        return {one.name: one for one in self.fields}


@dataclass(frozen=True)
class Resource:
    """One record type: names, where its rows are, its properties and sublists, and what may be done with it."""

    name: str
    kind: str
    """Transaction type, or the lower-case name of other records."""
    source: str
    """What stands after FROM."""
    condition: str
    fields: tuple[Field, ...]
    sublists: tuple[Sublist, ...] = ()
    without_effect: frozenset[str] = frozenset()
    """Properties that NetSuite has and that are accepted here without being kept."""
    methods: frozenset[str] = frozenset()
    """Writing methods: POST, PATCH, PUT, DELETE."""

    @property
    def by_name(self) -> dict[str, Field]:
        """The properties by REST name."""
        return {one.name: one for one in self.fields}

    def sublist(self, name: str) -> Sublist | None:
        """Return the sublist of that name."""
        return next((one for one in self.sublists if one.name == name), None)


def text(name: str, title: str, column: str, *, write: Write = "no") -> Field:
    """Describe a text."""
    return Field(name, title, "text", column, write, sql=column)


def reference(name: str, title: str, column: str, target: str, *, write: Write = "no") -> Field:
    """Describe a reference to another record."""
    return Field(name, title, "reference", column, write, target=target, sql=column)


def enumeration(name: str, title: str, column: str, names: Mapping[str, str], *, write: Write = "no") -> Field:
    """Describe a choice with fixed ids."""
    return Field(name, title, "enum", column, write, names=names, sql=column)


def instant(name: str, title: str, column: str) -> Field:
    """Describe a date with time that NetSuite sets."""
    return Field(name, title, "instant", column, sql=column)


def flag(name: str, title: str, column: str, *, write: Write = "no") -> Field:
    """Describe a yes or no."""
    return Field(name, title, "flag", column, write, sql=column)


def number(name: str, title: str, column: str, *, write: Write = "no", kind: Kind = "number") -> Field:
    """Describe a number that is no amount."""
    return Field(name, title, kind, column, write, sql=column)


def money(
    name: str,
    title: str,
    column: str = "",
    *,
    write: Write = "no",
    value: Callable[[Mapping[str, object]], object] | None = None,
    sql: str = "",
) -> Field:
    """Describe an amount in hundredths."""
    return Field(name, title, "money", column, write, value=value, sql=sql or column)
