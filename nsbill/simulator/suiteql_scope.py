"""The names that a SuiteQL expression may use, and the way each kind of node is compiled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from sqlglot import exp

from nsbill.simulator.errors import invalid_query
from nsbill.simulator.suiteql_kinds import Kind, Typed, unsupported

__all__ = ["Handler", "Options", "Scope", "Source"]


@dataclass(frozen=True)
class Options:
    """What a compilation depends on besides the query: today's date, uncertain behaviours, what the role may read."""

    today: str
    status_match: str = "both"
    status_display: str = "with_type"
    missing_tables: frozenset[str] = frozenset()
    """Tables that the account lacks or the role may not read: both look missing."""
    time_zone: str = "UTC"
    """Whose clock shows the date and time of an instant."""
    literal_zone: str = "UTC"
    """On whose clock a date with a time is read that stands in the query."""
    ora_hash: bool = True
    hidden_types: tuple[str, ...] = ()
    """Types of transactions that the role may not read: their rows are silently not there."""


@dataclass(frozen=True)
class Source:
    """One table or subquery of a FROM clause: the table's name and its columns with their kinds."""

    table: str
    columns: dict[str, Kind]


@dataclass
class Scope:
    """The names that an expression may use."""

    options: Options
    compile_query: Callable[[exp.Expr, Scope], list[tuple[str, Kind]]]
    handlers: tuple[Handler, ...]
    sources: dict[str, Source] = field(default_factory=dict)
    ctes: dict[str, Source] = field(default_factory=dict)
    aliases: dict[str, Kind] = field(default_factory=dict)
    outer: Scope | None = None

    def resolve(self, column: exp.Column) -> tuple[str, str, Source]:
        """Find a column: alias, name, source; or refuse with the text of an unknown identifier."""
        name, alias = column.name.lower(), column.table.lower()
        found = [(key, source) for key, source in self.sources.items() if name in source.columns and alias in ("", key)]
        if len(found) > 1:
            raise invalid_query(f"Search error occurred: Field '{name}' is ambiguous.")
        if found:
            return found[0][0], name, found[0][1]
        if self.outer is not None:
            return self.outer.resolve(column)
        known = ", ".join(f"{key}={source.table}" for key, source in self.sources.items())
        shown = name if not alias or alias in self.sources else f"{alias}.{name}"
        raise invalid_query(
            f"Search error occurred: Unknown identifier '{shown}'. Available identifiers are: {{{known}}}."
        )

    def visit(self, node: exp.Expr) -> Typed:
        """Compile one expression; what is not known is refused rather than guessed."""
        for kinds, handler in self.handlers:
            if isinstance(node, kinds):
                return handler(node, self)
        raise unsupported()


Handler = tuple[type[exp.Expr] | tuple[type[exp.Expr], ...], Callable[[exp.Expr, Scope], Typed]]
"""Node classes and the function that compiles them."""
