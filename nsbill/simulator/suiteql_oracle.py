"""Oracle's further functions: regular expressions, padding, LISTAGG, EXTRACT, neighbours in a window, months."""

from __future__ import annotations

from sqlglot import exp

from nsbill.simulator.suiteql_kinds import DATE, REAL, TEXT, WHOLE, Kind, Typed, as_real, as_text, unify, unsupported
from nsbill.simulator.suiteql_scope import Handler, Scope

__all__ = ["HANDLERS"]

_PARTS = {"YEAR": "YYYY", "MONTH": "MM", "DAY": "DD", "HOUR": "HH24", "MINUTE": "MI", "SECOND": "SS"}


def _call(name: str, *arguments: exp.Expr) -> exp.Expr:
    return exp.Anonymous(this=name, expressions=list(arguments))


def _text_literal(node: exp.Expr | None, default: str) -> exp.Expr:
    """Take a literal text, or a default for one that was left out; anything computed is refused."""
    if node is None:
        return exp.Literal.string(default)
    if not isinstance(node, exp.Literal) or not node.is_string:
        raise unsupported()
    return node.copy()


def _number_literal(node: exp.Expr | None, default: int) -> exp.Expr:
    if node is None:
        return exp.Literal.number(default)
    if not isinstance(node, exp.Literal) or node.is_string:
        raise unsupported()
    return node.copy()


def _regexp(node: exp.Expr, scope: Scope) -> Typed:
    """REGEXP_LIKE, REGEXP_SUBSTR, REGEXP_REPLACE with a literal pattern and flags."""
    text = as_text(scope.visit(node.this))
    pattern = _text_literal(node.expression, "")
    flags = _text_literal(node.args.get("flag") or node.args.get("parameters") or node.args.get("modifiers"), "")
    if isinstance(node, exp.RegexpLike):
        return _call("ns_regexp_like", text, pattern, flags), TEXT
    place = [_number_literal(node.args.get(name), 1) for name in ("position", "occurrence")]
    if isinstance(node, exp.RegexpReplace):
        if node.args.get("position") is not None or node.args.get("occurrence") is not None:
            raise unsupported()
        return _call("ns_regexp_replace", text, pattern, _text_literal(node.args.get("replacement"), ""), flags), TEXT
    return _call("ns_regexp_substr", text, pattern, *place, flags), TEXT


def _pad(node: exp.Expr, scope: Scope) -> Typed:
    text = as_text(scope.visit(node.this))
    width = _number_literal(node.expression, 0)
    side = exp.Literal.string("left" if node.args.get("is_left") else "right")
    return _call("ns_pad", text, width, _text_literal(node.args.get("fill_pattern"), " "), side), TEXT


def _initcap(node: exp.Expr, scope: Scope) -> Typed:
    return _call("ns_initcap", as_text(scope.visit(node.this))), TEXT


def _escape(node: exp.Expr, scope: Scope) -> Typed:
    """``LIKE … ESCAPE``: the pattern becomes a GLOB in which the escaped wildcard stands for itself."""
    like, mark = node.this, node.expression
    if not isinstance(like, exp.Like) or not isinstance(mark, exp.Literal) or len(mark.this) != 1:
        raise unsupported()
    if not isinstance(like.expression, exp.Literal):
        raise unsupported()
    pattern, characters = "", iter(like.expression.this)
    for character in characters:
        literal = character == mark.this
        shown = next(characters, None) if literal else character
        if shown is None:
            raise unsupported()
        wild = {"%": "*", "_": "?"}.get(shown)
        plain = {"[": "[[]", "*": "[*]", "?": "[?]"}.get(shown, shown)
        pattern += plain if literal or wild is None else wild
    return exp.Glob(this=as_text(scope.visit(like.this)), expression=exp.Literal.string(pattern)), TEXT


def _list_of(node: exp.Expr, scope: Scope) -> Typed:
    """LISTAGG … WITHIN GROUP (ORDER BY one key); the rows are put in order by an aggregate of our own."""
    order = node.this
    if not isinstance(order, exp.Order) or len(order.expressions) != 1:
        raise unsupported()
    distinct = isinstance(order.this, exp.Distinct)
    value = as_text(scope.visit(order.this.expressions[0] if distinct else order.this))
    key = order.expressions[0]
    options = exp.Literal.string(("distinct " if distinct else "") + ("desc" if key.args.get("desc") else "asc"))
    separator = _text_literal(node.args.get("separator"), "")
    return _call("ns_listagg", value, separator, scope.visit(key.this)[0], options), TEXT


def _extract(node: exp.Expr, scope: Scope) -> Typed:
    inner, kind = scope.visit(node.expression)
    part = _PARTS.get(node.this.name.upper())
    if part is None or kind.name not in ("date", "instant"):
        raise unsupported()
    shown = _call("ns_to_char", inner, exp.Literal.string(part))
    return exp.Cast(this=shown, to=exp.DataType.build("INTEGER")), WHOLE


def _nvl2(node: exp.Expr, scope: Scope) -> Typed:
    """NVL2(x, when there is one, when there is none); an empty text counts as none, as in Oracle."""
    tested = scope.visit(node.this)
    there, kind = unify([scope.visit(node.args["true"]), scope.visit(node.args["false"])])
    test: exp.Expr = exp.Not(this=exp.Is(this=tested[0], expression=exp.Null()))
    if tested[1] == TEXT:
        test = exp.And(this=test, expression=exp.NEQ(this=tested[0].copy(), expression=exp.Literal.string("")))
    return exp.Case(ifs=[exp.If(this=test, true=there[0])], default=there[1]), kind


def _last_day(node: exp.Expr, scope: Scope) -> Typed:
    inner, kind = scope.visit(node.this)
    if kind.name not in ("date", "instant"):
        raise unsupported()
    steps = [exp.Literal.string(step) for step in ("start of month", "+1 month", "-1 day")]
    return _call("DATE", inner, *steps), DATE


def _months_between(node: exp.Expr, scope: Scope) -> Typed:
    values = [scope.visit(node.this), scope.visit(node.expression)]
    if not all(kind.name in ("date", "instant") for _, kind in values):
        raise unsupported()
    return _call("ns_months_between", *(inner for inner, _ in values)), REAL


def _sign(node: exp.Expr, scope: Scope) -> Typed:
    inner, kind = scope.visit(node.this)
    if kind.name not in ("exact", "real"):
        raise unsupported()
    return _call("ns_sign", inner), WHOLE


def _power(node: exp.Expr, scope: Scope) -> Typed:
    base, power = (as_real(scope.visit(part)) for part in (node.this, node.expression))
    return _call("ns_power", base, power), REAL


def _neighbour(node: exp.Expr, scope: Scope) -> Typed:
    """LAG and LEAD, inside OVER."""
    inner, kind = scope.visit(node.this)
    arguments: dict[str, exp.Expr] = {"this": inner, "offset": _number_literal(node.args.get("offset"), 1)}
    if node.args.get("default") is not None:
        (first, other), kind = unify([(inner, kind), scope.visit(node.args["default"])])
        arguments |= {"this": first, "default": other}
    return type(node)(**arguments), Kind(kind.name, kind.scale)


HANDLERS: tuple[Handler, ...] = (
    ((exp.RegexpLike, exp.RegexpSubstr, exp.RegexpExtract, exp.RegexpReplace), _regexp),
    (exp.Pad, _pad),
    (exp.Initcap, _initcap),
    (exp.Escape, _escape),
    (exp.GroupConcat, _list_of),
    (exp.Extract, _extract),
    (exp.Nvl2, _nvl2),
    (exp.LastDay, _last_day),
    (exp.MonthsBetween, _months_between),
    (exp.Sign, _sign),
    (exp.Pow, _power),
    ((exp.Lag, exp.Lead), _neighbour),
)
"""How these functions are compiled."""
