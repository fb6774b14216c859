"""SuiteQL operators, comparisons, choices and aggregates: each becomes SQLite's, with its kind."""

from __future__ import annotations

from decimal import Decimal

from sqlglot import exp

from nsbill.simulator.suiteql_kinds import (
    DATE,
    NULL,
    REAL,
    STATUS,
    TEXT,
    WHOLE,
    Kind,
    Typed,
    as_real,
    as_text,
    number_literal,
    unify,
    unsupported,
)
from nsbill.simulator.suiteql_scope import Handler, Scope

__all__ = ["HANDLERS", "ordered"]


def _column(node: exp.Expr, scope: Scope) -> Typed:
    assert isinstance(node, exp.Column)
    if isinstance(node.this, exp.Star):
        raise unsupported()
    if not node.table and node.name.lower() in scope.aliases:
        return exp.column(node.name.lower(), quoted=True, copy=False), scope.aliases[node.name.lower()]
    if not node.table and node.name.upper() in ("SYSDATE", "CURRENT_DATE"):
        return exp.Literal.string(scope.options.today), DATE
    alias, name, source = scope.resolve(node)
    return exp.column(name, table=alias, quoted=True, copy=False), source.columns[name]


def _literal(node: exp.Expr, scope: Scope) -> Typed:
    if node.is_string:
        return node.copy(), TEXT
    return number_literal(Decimal(node.this))


def _same(node: exp.Expr, scope: Scope) -> Typed:
    inner, kind = scope.visit(node.this)
    return type(node)(this=inner), kind


def _logic(node: exp.Expr, scope: Scope) -> Typed:
    arguments = {key: scope.visit(value)[0] for key, value in node.args.items() if isinstance(value, exp.Expr)}
    return type(node)(**arguments), TEXT


def _compare(node: exp.Expr, scope: Scope) -> Typed:
    left, right = scope.visit(node.this), scope.visit(node.expression)
    if STATUS in (left[1], right[1]) and isinstance(node, exp.EQ | exp.NEQ):
        column, other = (left, right) if left[1] == STATUS else (right, left)
        if isinstance(other[0], exp.Literal):
            matches = _status_in(column[0], [other[0]], scope)
            return (exp.Not(this=matches) if isinstance(node, exp.NEQ) else matches), TEXT
    (first, second), _ = unify([left, right])
    return type(node)(this=first, expression=second), TEXT


def _like(node: exp.Expr, scope: Scope) -> Typed:
    """Oracle's LIKE minds case, SQLite's does not: GLOB does, with its own wildcards."""
    text = as_text(scope.visit(node.this))
    pattern = scope.visit(node.expression)[0]
    if not isinstance(pattern, exp.Literal):
        raise unsupported()
    escaped = "".join({"[": "[[]", "*": "[*]", "?": "[?]", "%": "*", "_": "?"}.get(c, c) for c in pattern.this)
    return exp.Glob(this=text, expression=exp.Literal.string(escaped)), TEXT


def _in(node: exp.Expr, scope: Scope) -> Typed:
    assert isinstance(node, exp.In)
    left = scope.visit(node.this)
    query = node.args.get("query")
    if query is not None:
        inner = query.this if isinstance(query, exp.Subquery) else query
        scope.compile_query(inner, scope)
        return exp.In(this=left[0], query=exp.Subquery(this=inner)), TEXT
    choices = [scope.visit(choice) for choice in node.expressions]
    if left[1] == STATUS and all(isinstance(choice, exp.Literal) for choice, _ in choices):
        return _status_in(left[0], [choice for choice, _ in choices], scope), TEXT
    (first, *rest), _ = unify([left, *choices])
    return exp.In(this=first, expressions=rest), TEXT


def _status_in(column: exp.Expr, choices: list[exp.Expr], scope: Scope) -> exp.Expr:
    """A status matches as a bare letter and, where the knob says both, as ``SalesOrd:F`` (netsuite 5.2)."""
    letters = [choice for choice in choices if ":" not in choice.this]
    tests: list[exp.Expr] = [exp.In(this=column.copy(), expressions=letters)] if letters else []
    for choice in choices:
        kind, colon, letter = choice.this.partition(":")
        if colon and scope.options.status_match == "both" and isinstance(column, exp.Column):
            source = next((s for s in _chain(scope) if column.table in s.sources), None)
            is_letter = exp.EQ(this=column.copy(), expression=exp.Literal.string(letter))
            if source is None or "type" not in source.sources[column.table].columns:
                raise unsupported()
            is_type = exp.EQ(
                this=exp.column("type", table=column.table, quoted=True, copy=False),
                expression=exp.Literal.string(kind),
            )
            tests.append(exp.And(this=is_type, expression=is_letter))
    if not tests:
        tests = [exp.In(this=column.copy(), expressions=[exp.Literal.string("")])]
    return exp.Paren(this=exp.or_(*tests))


def _chain(scope: Scope | None) -> list[Scope]:
    scopes = []
    while scope is not None:
        scopes.append(scope)
        scope = scope.outer
    return scopes


def _between(node: exp.Expr, scope: Scope) -> Typed:
    (this, low, high), _ = unify(
        [scope.visit(node.this), scope.visit(node.args["low"]), scope.visit(node.args["high"])]
    )
    return exp.Between(this=this, low=low, high=high), TEXT


def _sum(node: exp.Expr, scope: Scope) -> Typed:
    left, right = scope.visit(node.this), scope.visit(node.expression)
    dates = [kind.name in ("date", "instant") for _, kind in (left, right)]
    if all(dates) and isinstance(node, exp.Sub):
        start, end = (exp.func("JULIANDAY", value) for value, _ in (left, right))
        return exp.Paren(this=exp.Sub(this=start, expression=end)), REAL
    if any(dates):
        if left[1] != DATE or right[1] != WHOLE:
            raise unsupported()
        days = right[0] if isinstance(node, exp.Add) else exp.Neg(this=exp.Paren(this=right[0]))
        shift = exp.DPipe(this=exp.Paren(this=days), expression=exp.Literal.string(" days"))
        return exp.Anonymous(this="DATE", expressions=[left[0], shift]), DATE
    (first, second), kind = unify([left, right])
    return exp.Paren(this=type(node)(this=first, expression=second)), kind


def _product(node: exp.Expr, scope: Scope) -> Typed:
    left, right = scope.visit(node.this), scope.visit(node.expression)
    if isinstance(node, exp.Mul) and left[1].name == right[1].name == "exact":
        return exp.Paren(this=exp.Mul(this=left[0], expression=right[0])), Kind("exact", left[1].scale + right[1].scale)
    if isinstance(node, exp.Mod) and left[1] == right[1] == WHOLE:
        return exp.Paren(this=exp.Mod(this=left[0], expression=right[0])), WHOLE
    unify([left, right])
    product = (
        exp.Div(this=as_real(left), expression=as_real(right), typed=False)
        if isinstance(node, exp.Div)
        else type(node)(this=as_real(left), expression=as_real(right))
    )
    return exp.Paren(this=product), REAL


def _case(node: exp.Expr, scope: Scope) -> Typed:
    assert isinstance(node, exp.Case)
    subject = scope.visit(node.this) if node.this is not None else None
    results = [scope.visit(branch.args["true"]) for branch in node.args["ifs"]]
    default = node.args.get("default")
    results.append(scope.visit(default) if default is not None else (exp.Null(), NULL))
    unified, kind = unify(results)
    branches = []
    for branch, result in zip(node.args["ifs"], unified, strict=False):
        test = scope.visit(branch.this)
        condition = (
            exp.EQ(**dict(zip(("this", "expression"), unify([subject, test])[0], strict=True))) if subject else test[0]
        )
        branches.append(exp.If(this=condition, true=result))
    return exp.Case(ifs=branches, default=unified[-1]), kind


def _choice(node: exp.Expr, scope: Scope) -> Typed:
    """COALESCE, NVL, NULLIF, GREATEST, LEAST: the arguments take each other's place."""
    others = [node.expression] if isinstance(node, exp.Nullif) else node.expressions
    unified, kind = unify([scope.visit(value) for value in [node.this, *others]])
    name = {"Coalesce": "COALESCE", "Nullif": "NULLIF", "Greatest": "MAX", "Least": "MIN"}[type(node).__name__]
    return exp.Anonymous(this=name, expressions=unified), kind


def _decode(node: exp.Expr, scope: Scope) -> Typed:
    subject, *rest = node.expressions
    pairs = [exp.If(this=test, true=result) for test, result in zip(rest[::2], rest[1::2], strict=False)]
    default = rest[-1] if len(rest) % 2 else None
    return _case(exp.Case(this=subject, ifs=pairs, default=default), scope)


def _aggregate(node: exp.Expr, scope: Scope) -> Typed:
    if isinstance(node, exp.Count):
        return exp.Count(this=_counted(node.this, scope), big_int=True), WHOLE
    distinct = isinstance(node.this, exp.Distinct)
    inner, kind = scope.visit(node.this.expressions[0] if distinct else node.this)
    if isinstance(node, exp.Avg):
        inner, kind = as_real((inner, kind)), REAL
    return type(node)(this=exp.Distinct(expressions=[inner]) if distinct else inner), kind


def _counted(node: exp.Expr, scope: Scope) -> exp.Expr:
    if isinstance(node, exp.Star):
        return exp.Star()
    if isinstance(node, exp.Distinct):
        return exp.Distinct(expressions=[scope.visit(value)[0] for value in node.expressions])
    return scope.visit(node)[0]


def _window(node: exp.Expr, scope: Scope) -> Typed:
    inner, kind = (
        (node.this.copy(), WHOLE)
        if isinstance(node.this, exp.RowNumber | exp.Rank | exp.DenseRank)
        else scope.visit(node.this)
    )
    order = node.args.get("order")
    return (
        exp.Window(
            this=inner,
            partition_by=[scope.visit(value)[0] for value in node.args.get("partition_by") or []],
            order=exp.Order(expressions=[ordered(value, scope) for value in order.expressions]) if order else None,
            over="OVER",
        ),
        kind,
    )


def ordered(node: exp.Expr, scope: Scope) -> exp.Expr:
    """Compile one key of an ORDER BY; Oracle puts nulls last when ascending, first when descending."""
    descending = bool(node.args.get("desc"))
    key = node.this
    inner = key.copy() if isinstance(key, exp.Literal) and not key.is_string else scope.visit(key)[0]
    return exp.Ordered(this=inner, desc=descending, nulls_first=node.args.get("nulls_first", descending))


HANDLERS: tuple[Handler, ...] = (
    (exp.Column, _column),
    (exp.Literal, _literal),
    (exp.Null, lambda _node, _scope: (exp.Null(), NULL)),
    ((exp.Paren, exp.Neg), _same),
    ((exp.And, exp.Or, exp.Not, exp.Is), _logic),
    ((exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE), _compare),
    (exp.Like, _like),
    (exp.In, _in),
    (exp.Between, _between),
    ((exp.Add, exp.Sub), _sum),
    ((exp.Mul, exp.Div, exp.Mod), _product),
    (exp.DecodeCase, _decode),
    (exp.Case, _case),
    ((exp.Coalesce, exp.Nullif, exp.Greatest, exp.Least), _choice),
    ((exp.Count, exp.Sum, exp.Min, exp.Max, exp.Avg), _aggregate),
    (exp.Window, _window),
)
"""How operators are compiled, tried in order."""
