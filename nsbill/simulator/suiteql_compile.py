"""SuiteQL (Oracle's dialect) compiled to SQLite: tables become views, every column is checked, output kinds are known."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import lru_cache

import sqlglot
from sqlglot import exp, parse_one
from sqlglot.dialects.oracle import Oracle
from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import TokenType

from nsbill.simulator import suiteql_calls, suiteql_operators, suiteql_oracle
from nsbill.simulator.errors import invalid_query
from nsbill.simulator.suiteql_kinds import Kind, of_column, unsupported
from nsbill.simulator.suiteql_operators import ordered
from nsbill.simulator.suiteql_scope import Options, Scope, Source
from nsbill.simulator.suiteql_views import COLUMNS, view_name

__all__ = ["Compiled", "compile_suiteql"]

logging.getLogger("sqlglot").setLevel(logging.CRITICAL)  # its remarks on odd queries are no business of the console

_HANDLERS = suiteql_operators.HANDLERS + suiteql_calls.HANDLERS + suiteql_oracle.HANDLERS


@dataclass(frozen=True)
class Compiled:
    """A query that SQLite runs: its text, and name and kind of each output column."""

    sql: str
    columns: tuple[tuple[str, Kind], ...]


@lru_cache(maxsize=256)
def compile_suiteql(query: str, params: tuple[str, ...], options: Options) -> Compiled:
    """Compile one SELECT, or refuse it in NetSuite's words (netsuite 6.1)."""
    try:
        statements = sqlglot.parse(_bound(query, params), read="oracle")
    except SqlglotError:
        raise unsupported() from None
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        raise unsupported()
    tree = statements[0]
    columns = _compile(tree, Scope(options, _compile, _HANDLERS))
    return Compiled(tree.sql("sqlite", identify=True), tuple(columns))


def _bound(query: str, params: tuple[str, ...]) -> str:
    """Put the parameters in as literals, in order of the question marks; LIMIT is no SuiteQL."""
    tokens = Oracle().tokenize(query)
    if any(token.token_type == TokenType.LIMIT for token in tokens):
        raise unsupported()
    marks = [token for token in tokens if token.token_type == TokenType.PLACEHOLDER]
    if len(marks) != len(params):
        raise unsupported()
    for mark, value in zip(reversed(marks), reversed(params), strict=True):
        literal = "'" + value.replace("'", "''") + "'"
        query = query[: mark.start] + literal + query[mark.end + 1 :]
    return query


def _compile(tree: exp.Expr, outer: Scope) -> list[tuple[str, Kind]]:
    """Compile a query in place; returns its output columns."""
    scope = Scope(outer.options, _compile, _HANDLERS, ctes=dict(outer.ctes), outer=outer if outer.sources else None)
    with_ = tree.args.get("with_")
    for cte in with_.expressions if with_ is not None else []:
        name = cte.alias.lower()
        columns = _compile(cte.this, scope)
        cte.set("alias", exp.TableAlias(this=exp.to_identifier(name, quoted=True)))
        scope.ctes[name] = Source(name, dict(columns))
    if isinstance(tree, exp.SetOperation):
        return _set_operation(tree, scope)
    if isinstance(tree, exp.Subquery):
        return _compile(tree.this, scope)
    if not isinstance(tree, exp.Select):
        raise unsupported()
    return _select(tree, scope)


def _set_operation(tree: exp.SetOperation, scope: Scope) -> list[tuple[str, Kind]]:
    left, right = (_compile(tree.args[side], scope) for side in ("this", "expression"))
    if len(left) != len(right) or any(
        a[1] != b[1] and "null" not in (a[1].name, b[1].name) for a, b in zip(left, right, strict=True)
    ):
        raise unsupported()
    scope.aliases = dict(left)
    _order_and_fetch(tree, scope)
    return left


def _select(tree: exp.Select, scope: Scope) -> list[tuple[str, Kind]]:
    joins = tree.args.get("joins") or []
    first = tree.args.get("from_")
    if first is None or any(
        tree.args.get(key) for key in ("laterals", "connect", "pivots", "qualify", "sample", "locks", "into")
    ):
        raise unsupported()
    _take_rownum(tree)
    _source(first.this, scope, _conjuncts(tree.args.get("where")))
    for join in joins:
        if join.args.get("using") or join.method:
            raise unsupported()
        narrowing = _conjuncts(tree.args.get("where"))
        if join.side in ("", "LEFT"):
            narrowing += _conjuncts(join.args.get("on"))
        _source(join.this, scope, narrowing)
    for join in joins:
        if join.args.get("on") is not None:
            join.set("on", scope.visit(join.args["on"])[0])
    for key in ("where", "having"):
        if tree.args.get(key) is not None:
            tree.args[key].set("this", scope.visit(tree.args[key].this)[0])
    groups = tree.args.get("group")
    if groups is not None:
        groups.set("expressions", [scope.visit(key)[0] for key in groups.expressions])
    columns = _projections(tree, scope)
    _check_grouping(tree, groups.expressions if groups is not None else None)
    scope.aliases = dict(columns)
    _order_and_fetch(tree, scope)
    return columns


def _source(node: exp.Expr, scope: Scope, conjuncts: list[exp.Expr]) -> None:
    """Register one table or subquery of a FROM clause and point it to its view."""
    alias = node.alias.lower()
    if isinstance(node, exp.Subquery):
        inner = Scope(scope.options, _compile, _HANDLERS, ctes=scope.ctes)
        columns = _compile(node.this, inner)
        source = Source(alias, dict(columns))
        alias = alias or f"subquery{len(scope.sources) + 1}"
    elif isinstance(node, exp.Table) and not node.db:
        name = node.name.lower()
        alias = alias or name
        source = scope.ctes.get(name) or _table(name, scope.options)
        target = name if name in scope.ctes else view_name(name, _part(name, alias, conjuncts))
        node.set("this", exp.to_identifier(target, quoted=True))
        if name == "transaction" and name not in scope.ctes and scope.options.hidden_types:
            node = _without_types(node, scope.options.hidden_types)
    else:
        raise unsupported()
    if alias in scope.sources:
        raise unsupported()
    node.set("alias", exp.TableAlias(this=exp.to_identifier(alias, quoted=True)))
    scope.sources[alias] = source


def _without_types(table: exp.Expr, hidden: tuple[str, ...]) -> exp.Expr:
    """Leave out the transactions of some types, in place of the table itself."""
    types = ", ".join(f"'{one}'" for one in hidden)
    narrowed = exp.Subquery(this=parse_one(f"SELECT * FROM {table.this.sql('sqlite')} WHERE type NOT IN ({types})"))
    table.replace(narrowed)
    return narrowed


def _table(name: str, options: Options) -> Source:
    if name in options.missing_tables:
        raise invalid_query(f"Search error occurred: Record '{name}' was not found.")
    if name not in COLUMNS:
        raise invalid_query(f"Invalid search type: {name}.")
    return Source(name, {column: of_column(kind) for column, kind in COLUMNS[name].items()})


def _part(table: str, alias: str, conjuncts: list[exp.Expr]) -> str:
    """Tell which part of the lines a query wants, so that it need not read the others."""
    if table != "transactionline":
        return ""
    wanted = {}
    for test in conjuncts:
        column = test.this
        is_test = (
            isinstance(test, exp.EQ) and isinstance(column, exp.Column) and isinstance(test.expression, exp.Literal)
        )
        if is_test and column.table.lower() in ("", alias):
            wanted[column.name.lower()] = test.expression.this
    if wanted.get("mainline") == "T":
        return "main"
    if wanted.get("taxline") == "T":
        return "tax"
    return "item" if wanted.get("mainline") == "F" and wanted.get("taxline") == "F" else ""


def _conjuncts(condition: exp.Expr | None) -> list[exp.Expr]:
    if isinstance(condition, exp.Where):
        condition = condition.this
    if isinstance(condition, exp.And):
        return [*_conjuncts(condition.this), *_conjuncts(condition.expression)]
    return [condition] if condition is not None else []


def _take_rownum(tree: exp.Select) -> None:
    """Turn ``ROWNUM <= n`` into a row limit; it acts before ORDER BY, so together they are refused."""
    where = tree.args.get("where")
    tests = _conjuncts(where)
    for test in tests:
        if (
            isinstance(test, exp.LTE | exp.LT)
            and isinstance(test.this, exp.Column)
            and test.this.name.upper() == "ROWNUM"
        ):
            if tree.args.get("order") or tree.args.get("group") or not isinstance(test.expression, exp.Literal):
                raise unsupported()
            count = int(test.expression.this) - isinstance(test, exp.LT)
            tree.set("limit", exp.Limit(expression=exp.Literal.number(max(count, 0))))
            others = [other for other in tests if other is not test]
            tree.set("where", exp.Where(this=exp.and_(*others)) if others else None)
            return


def _projections(tree: exp.Select, scope: Scope) -> list[tuple[str, Kind]]:
    columns: list[tuple[str, Kind]] = []
    nodes: list[exp.Expr] = []
    for index, node in enumerate(_without_stars(tree.expressions, scope), 1):
        inner = node.this if isinstance(node, exp.Alias) else node
        name = (node.alias or (inner.name if isinstance(inner, exp.Column) else f"expr{index}")).lower()
        compiled, kind = scope.visit(inner)
        nodes.append(exp.alias_(compiled, name, quoted=True, copy=False))
        columns.append((name, kind))
    tree.set("expressions", nodes)
    return columns


def _without_stars(nodes: list[exp.Expr], scope: Scope) -> list[exp.Expr]:
    found: list[exp.Expr] = []
    for node in nodes:
        if isinstance(node, exp.Star) or (isinstance(node, exp.Column) and isinstance(node.this, exp.Star)):
            wanted = node.table.lower() if isinstance(node, exp.Column) else ""
            for alias, source in scope.sources.items():
                if wanted in ("", alias):
                    found += [exp.column(name, table=alias) for name in source.columns]
        else:
            found.append(node)
    return found


def _check_grouping(tree: exp.Select, keys: list[exp.Expr] | None) -> None:
    """Refuse what Oracle refuses and SQLite does not: a column beside an aggregate that is no group key."""
    aggregated = any(_aggregates(node) for node in tree.expressions)
    if keys is None and not aggregated:
        return
    texts = {key.sql("sqlite") for key in keys or []}
    for node in tree.expressions:
        if not _covered(node.this, texts):
            raise unsupported()


def _aggregates(node: exp.Expr) -> bool:
    if isinstance(node, exp.Window | exp.Subquery):
        return False
    return _is_aggregate(node) or any(_aggregates(child) for child in node.iter_expressions())


def _is_aggregate(node: exp.Expr) -> bool:
    return isinstance(node, exp.AggFunc) or (isinstance(node, exp.Anonymous) and node.name == "ns_listagg")


def _covered(node: exp.Expr, keys: set[str]) -> bool:
    if node.sql("sqlite") in keys or isinstance(node, exp.Subquery | exp.Window) or _is_aggregate(node):
        return True
    return not isinstance(node, exp.Column) and all(_covered(child, keys) for child in node.iter_expressions())


def _order_and_fetch(tree: exp.Expr, scope: Scope) -> None:
    order = tree.args.get("order")
    if order is not None:
        order.set("expressions", [ordered(key, scope) for key in order.expressions])
    limit = tree.args.get("limit")
    if isinstance(limit, exp.Fetch):
        options = limit.args.get("limit_options")
        if options is not None and (options.args.get("percent") or options.args.get("with_ties")):
            raise unsupported()
        tree.set("limit", exp.Limit(expression=limit.args.get("count") or exp.Literal.number(1)))
