"""SuiteQL functions: rounding, texts, dates, conversions, ``BUILTIN.DF``, and subqueries as values."""

from __future__ import annotations

from sqlglot import exp, parse_one

from nsbill.simulator.suiteql_kinds import DATE, INSTANT, REAL, STATUS, TEXT, WHOLE, Kind, Typed, as_text, unsupported
from nsbill.simulator.suiteql_scope import Handler, Scope
from nsbill.simulator.suiteql_texts import is_number_format
from nsbill.simulator.suiteql_views import DISPLAY

__all__ = ["HANDLERS"]


def _numeric(node: exp.Expr, scope: Scope) -> Typed:
    inner, kind = scope.visit(node.this)
    if isinstance(node, exp.Abs):
        return exp.Abs(this=inner), kind
    return _rounded(type(node).__name__.upper(), (inner, kind), node.args.get("decimals"))


def _rounded(mode: str, value: Typed, decimals: exp.Expr | None) -> Typed:
    """ROUND, TRUNC, FLOOR, CEIL: exact, with as many decimals as asked for."""
    digits = int(decimals.this) if isinstance(decimals, exp.Literal) and not decimals.is_string else 0
    if decimals is not None and not isinstance(decimals, exp.Literal):
        raise unsupported()
    node, kind = value
    scale = exp.Literal.number(kind.scale if kind.name == "exact" else 0)
    arguments = [node, scale, exp.Literal.number(digits), exp.Literal.string(mode)]
    return exp.Anonymous(this="ns_round", expressions=arguments), Kind("exact", digits)


def _anonymous(node: exp.Expr, scope: Scope) -> Typed:
    if node.name.upper() == "ORA_HASH" and scope.options.ora_hash:
        return _hashed(node, scope)
    if node.name.upper() != "TRUNC" or len(node.expressions) != 1:
        raise unsupported()
    inner, kind = scope.visit(node.expressions[0])
    if kind.name in ("date", "instant"):
        return exp.Anonymous(this="DATE", expressions=[inner]), DATE
    return _rounded("TRUNC", (inner, kind), None)


def _hashed(node: exp.Expr, scope: Scope) -> Typed:
    """``ORA_HASH(value [, most [, seed]])`` (section_158513731864): a number from 0 to ``most``."""
    value, *numbers = node.expressions
    if len(numbers) > 2 or not all(isinstance(one, exp.Literal) and not one.is_string for one in numbers):
        raise unsupported()
    most = int(numbers[0].this) if numbers else 2**32 - 1
    seed = int(numbers[1].this) if len(numbers) > 1 else 0
    arguments = [as_text(scope.visit(value)), exp.Literal.number(most), exp.Literal.number(seed)]
    return exp.Anonymous(this="ns_hash", expressions=arguments), WHOLE


def _joined(node: exp.Expr, scope: Scope) -> Typed:
    """``||`` and CONCAT: Oracle takes null for an empty text, SQLite would make the whole null."""
    values = node.expressions if isinstance(node, exp.Concat) else _operands(node)
    texts = [
        one.copy()
        if isinstance(one, exp.Literal) and one.is_string
        else exp.Anonymous(this="IFNULL", expressions=[as_text(scope.visit(one)), exp.Literal.string("")])
        for one in values
    ]
    whole: exp.Expr = texts[0]
    for text in texts[1:]:
        whole = exp.DPipe(this=whole, expression=text)
    return exp.Paren(this=whole), TEXT


def _operands(node: exp.Expr) -> list[exp.Expr]:
    """The texts of a chain of ``||``, side by side: SQLite cannot nest as deep as a long chain would."""
    return [*_operands(node.this), node.expression] if isinstance(node, exp.DPipe) else [node]


def _text_function(node: exp.Expr, scope: Scope) -> Typed:
    arguments: dict[str, object] = {}
    for key, value in node.args.items():
        if isinstance(value, list):
            arguments[key] = [as_text(scope.visit(item)) for item in value]
        elif isinstance(value, exp.Expr):
            typed = scope.visit(value)
            arguments[key] = typed[0] if key in ("start", "length", "position", "occurrence") else as_text(typed)
        else:
            arguments[key] = value
    return type(node)(**arguments), WHOLE if isinstance(node, exp.Length | exp.StrPosition) else TEXT


def _cast(node: exp.Expr, scope: Scope) -> Typed:
    inner = scope.visit(node.this)
    target = node.args["to"]
    if target.is_type(*exp.DataType.TEXT_TYPES):
        return as_text(inner), TEXT
    if inner[1].name in ("exact", "real"):
        return inner
    return exp.Cast(this=inner[0], to=exp.DataType.build("REAL")), REAL


def _to_number(node: exp.Expr, scope: Scope) -> Typed:
    inner = scope.visit(node.this)
    return (
        inner if inner[1].name in ("exact", "real") else (exp.Cast(this=inner[0], to=exp.DataType.build("REAL")), REAL)
    )


def _to_char(node: exp.Expr, scope: Scope) -> Typed:
    inner, kind = scope.visit(node.this)
    pattern = node.args.get("format")
    if kind.name in ("date", "instant") and isinstance(pattern, exp.Literal):
        if kind == DATE and pattern.this.upper() == "YYYY-MM-DD":
            return inner, TEXT
        if kind == INSTANT:
            zone = exp.Literal.string(scope.options.time_zone)
            return exp.Anonymous(this="ns_instant_text", expressions=[inner, pattern.copy(), zone]), TEXT
        return exp.Anonymous(this="ns_to_char", expressions=[inner, pattern.copy()]), TEXT
    if pattern is not None:
        if kind.name != "exact" or not isinstance(pattern, exp.Literal) or not is_number_format(pattern.this):
            raise unsupported()
        arguments = [inner, exp.Literal.number(kind.scale), pattern.copy()]
        return exp.Anonymous(this="ns_number_text", expressions=arguments), TEXT
    return as_text((inner, kind)), TEXT


def _to_date(node: exp.Expr, scope: Scope) -> Typed:
    text = as_text(scope.visit(node.this))
    pattern = node.args.get("format")
    if not isinstance(pattern, exp.Literal):
        raise unsupported()
    oracle = pattern.this
    for python, written in (
        ("%Y", "YYYY"),
        ("%m", "MM"),
        ("%d", "DD"),
        ("%H", "HH24"),
        ("%M", "MI"),
        ("%S", "SS"),
        ("%-", "%"),
    ):
        oracle = oracle.replace(python, written)
    timed = any(part in oracle.upper() for part in ("HH", "MI", "SS"))
    arguments = [text, exp.Literal.string(oracle)]
    if timed:
        zone = exp.Literal.string(scope.options.literal_zone)
        return exp.Anonymous(this="ns_instant", expressions=[*arguments, zone]), INSTANT
    return exp.Anonymous(this="ns_to_date", expressions=arguments), DATE


def _today(node: exp.Expr, scope: Scope) -> Typed:
    return exp.Literal.string(scope.options.today), DATE


def _truncate(node: exp.Expr, scope: Scope) -> Typed:
    inner, kind = scope.visit(node.this)
    unit = node.args.get("unit")
    step = unit.name.upper() if unit is not None else "DD"
    if kind.name not in ("date", "instant") or step not in ("DD", "DAY", "MM", "MONTH", "YEAR", "YYYY"):
        raise unsupported()
    start = {"DD": [], "DAY": []}.get(step, ["start of month"] if step in ("MM", "MONTH") else ["start of year"])
    return exp.Anonymous(this="DATE", expressions=[inner, *map(exp.Literal.string, start)]), DATE


def _add_months(node: exp.Expr, scope: Scope) -> Typed:
    inner, kind = scope.visit(node.this)
    months, _ = scope.visit(node.expression)
    if kind != DATE:
        raise unsupported()
    shift = exp.DPipe(this=exp.Paren(this=months), expression=exp.Literal.string(" months"))
    return exp.Anonymous(this="DATE", expressions=[inner, shift]), DATE


def _dot(node: exp.Expr, scope: Scope) -> Typed:
    """``BUILTIN.DF(column)``: the text that people see for a reference, a status, a date."""
    call = node.expression
    if node.this.name.upper() != "BUILTIN" or not isinstance(call, exp.Anonymous) or call.name.upper() != "DF":
        raise unsupported()
    column = call.expressions[0]
    if not isinstance(column, exp.Column):
        raise unsupported()
    shown, kind = scope.visit(column)
    if kind == STATUS and isinstance(shown, exp.Column):
        arguments = [
            exp.column("type", table=shown.table, quoted=True, copy=False),
            shown,
            exp.Literal.string(scope.options.status_display),
        ]
        return exp.Anonymous(this="ns_status_text", expressions=arguments), TEXT
    if shown.name in DISPLAY:
        return parse_one(DISPLAY[shown.name].format(shown.sql("sqlite")), read="sqlite"), TEXT
    return as_text((shown, kind)), TEXT


def _subquery(node: exp.Expr, scope: Scope) -> Typed:
    inner = node.this
    columns = scope.compile_query(inner, scope)
    return (exp.Exists(this=inner) if isinstance(node, exp.Exists) else exp.Subquery(this=inner)), columns[0][1]


HANDLERS: tuple[Handler, ...] = (
    ((exp.Abs, exp.Round, exp.Trunc, exp.Floor, exp.Ceil), _numeric),
    (
        (
            exp.Upper,
            exp.Lower,
            exp.Trim,
            exp.Length,
            exp.Substring,
            exp.StrPosition,
            exp.Replace,
        ),
        _text_function,
    ),
    ((exp.DPipe, exp.Concat), _joined),
    (exp.Cast, _cast),
    (exp.ToNumber, _to_number),
    (exp.Anonymous, _anonymous),
    ((exp.ToChar, exp.TimeToStr), _to_char),
    ((exp.StrToDate, exp.StrToTime), _to_date),
    ((exp.CurrentTimestamp, exp.CurrentDate), _today),
    ((exp.DateTrunc, exp.TimestampTrunc), _truncate),
    (exp.AddMonths, _add_months),
    (exp.Dot, _dot),
    ((exp.Subquery, exp.Exists), _subquery),
)
"""How functions are compiled, tried in order."""
