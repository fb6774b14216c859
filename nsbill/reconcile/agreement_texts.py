"""What is said of sources that agree, differ or cannot be compared, and the three columns as evidence."""

from __future__ import annotations

import narwhals as nw

from nsbill.reconcile.agreement_schema import COMPARED, Agreement
from nsbill.reconcile.engine import Frame
from nsbill.reconcile.texts import sentence
from nsbill.vocabulary import ExceptionClass

__all__ = ["DISAGREEMENT_ACTIONS", "disagreements", "reason"]

DISAGREEMENT_ACTIONS: dict[ExceptionClass, str] = {
    ExceptionClass.SOURCE_DISAGREEMENT: "Download both reports again; if they still differ, ask Amazon which is right.",
}
"""The default action of a disagreement."""

_NAMES = {"payments": "The payments reports say", "finances": "The Finances API says"}


def reason() -> nw.Expr:
    """One sentence for the ``state`` of each row of the agreement."""
    both = sentence(*(_said(source) for source in _NAMES)).str.strip_chars()
    agrees = nw.lit("All sources say the same.")
    return nw.when(nw.col("state") == Agreement.AGREES.value).then(agrees).otherwise(both)


def _said(source: str) -> nw.Expr:
    """What is to be said of one source; nothing when it agrees or says nothing."""
    name, agree = _NAMES[source], nw.col(f"{source}_agree")
    net, own = nw.col(f"{source}_net").cast(nw.String), nw.col("settlement_net").cast(nw.String)
    figures = sentence(f"{name} net ", net, ", the settlement ", own)
    waits = (nw.col(f"{source}_open") <= nw.col("closed_day")).fill_null(False)
    why = nw.lit(": it is not known to reach over all of the settlement. ")
    why = nw.when(~nw.col("is_whole")).then(nw.lit(": the settlement is not known to be whole. ")).otherwise(why)
    why = nw.when(waits).then(nw.lit(": some of the order's money is still deferred there. ")).otherwise(why)
    parts = nw.lit(f"{name} the same net, made of other parts. ")
    same = nw.when(nw.col(f"{source}_parts_differ")).then(parts).otherwise(nw.lit(""))
    told = nw.when(agree).then(same).otherwise(sentence(figures, ". "))
    text = nw.when(agree.is_null()).then(sentence(figures, why)).otherwise(told)
    return nw.when(nw.col(f"{source}_rows") > 0).then(text).otherwise(nw.lit(""))


def disagreements(rows: Frame) -> Frame:
    """The rows that differ as exceptions (columns of EXCEPTIONS): the money is the difference, the evidence all figures."""
    name = ExceptionClass.SOURCE_DISAGREEMENT
    where = _places("settlement_first", "settlement_last", "line")
    own = sentence("settlement ", nw.col("settlement_id"), where, ": ", _figures("settlement"))
    evidence = sentence(own, "; payments reports", _of("payments"), "; Finances API", _of("finances"))
    return rows.filter(nw.col("state") == Agreement.DIFFERS.value).select(
        nw.lit(name.value).alias("exception_class"),
        "seller_account",
        "amazon_order_id",
        "settlement_id",
        "currency",
        nw.col("difference").alias("amount"),
        evidence.alias("evidence"),
        nw.lit(DISAGREEMENT_ACTIONS[name]).alias("action"),
    )


def _of(source: str) -> nw.Expr:
    one_file = nw.col(f"{source}_file") == nw.col(f"{source}_other_file")
    file = sentence(", file ", nw.col(f"{source}_file").str.slice(0, 12))
    files = nw.when(one_file).then(sentence(file, _places(f"{source}_first", f"{source}_last", "row")))
    where = files.otherwise(nw.lit(", several files"))
    there = sentence(where, ": ", _figures(source))
    return nw.when(nw.col(f"{source}_rows") > 0).then(there).otherwise(nw.lit(": nothing"))


def _places(first: str, last: str, unit: str) -> nw.Expr:
    low, high = nw.col(first).cast(nw.String), nw.col(last).cast(nw.String)
    one, many = sentence(f", {unit} ", low), sentence(f", {unit}s between ", low, " and ", high)
    text = nw.when(nw.col(first) == nw.col(last)).then(one).otherwise(many)
    return nw.when(nw.col(first).is_null()).then(nw.lit("")).otherwise(text)


def _figures(source: str) -> nw.Expr:
    parts: list[str | nw.Expr] = []
    for name in COMPARED:
        parts += [f"{', ' if parts else ''}{name.replace('_', ' ')} ", nw.col(f"{source}_{name}").cast(nw.String)]
    return sentence(*parts)
