"""Expressions that write text: amounts, lists of document numbers, places in settlement files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import narwhals as nw

from nsbill.money import minor_units
from nsbill.reconcile.engine import Engine, Frame

__all__ = ["Amounts", "Parts", "in_one_text", "joined_texts", "lines_text", "sentence"]

Parts = tuple[str | nw.Expr, ...]
"""Texts and text expressions that belong together in a sentence."""


class Amounts:
    """Writes amount columns for people, as ``money.format_money`` does but without grouping."""

    def __init__(self, currencies: Iterable[str]) -> None:
        self._whole = sorted(code for code in currencies if minor_units(code) == 0)

    def plain(self, column: str) -> nw.Expr:
        """The amount alone: ``97.00``, in a currency without minor units ``97``."""
        text = nw.col(column).cast(nw.String)
        if not self._whole:
            return text
        whole = text.str.replace_all(".00", "", literal=True)
        return nw.when(nw.col("currency").is_in(self._whole)).then(whole).otherwise(text)

    def money(self, column: str) -> nw.Expr:
        """The amount with its currency: ``97.00 USD``."""
        return sentence(self.money_parts(column))

    def money_parts(self, column: str) -> Parts:
        """The same, to be part of a sentence."""
        return (self.plain(column), " ", nw.col("currency"))


def sentence(*parts: str | nw.Expr | Parts) -> nw.Expr:
    """Join texts and text expressions; a missing part leaves nothing behind.

    Give parts of a sentence as they are (a tuple) rather than joined: every join writes its text once more, for each row.
    """
    flat = [own for part in parts for own in (part if isinstance(part, tuple) else (part,))]
    return nw.concat_str([nw.lit(part) if isinstance(part, str) else part for part in flat], ignore_nulls=True)


def in_one_text(
    engine: Engine,
    frame: Frame,
    *,
    keys: Sequence[str],
    value: str,
    order_by: nw.Expr,
    into: str,
    separator: str,
    most: int,
) -> Frame:
    """Return one row per ``keys`` with the texts of ``value`` joined, at most ``most`` of them, then how many more.

    ``order_by`` must be unique within the keys.
    """
    named = {"texts": nw.len(), "only_text": nw.col(value).max()}
    counted = engine.hold(frame.group_by(list(keys)).agg(**named), grain=keys, what=f"{into} by order", grouped=True)
    several = frame.join(counted.filter(nw.col("texts") > 1).select(*keys), on=list(keys), how="semi")
    joined = joined_texts(several, keys=keys, value=value, order_by=order_by, separator=separator, most=most)
    held = engine.hold(joined, grain=keys, what=f"{into} in one text", grouped=True)
    told = counted.join(held, on=list(keys), how="left")
    return told.select(*keys, nw.coalesce("joined_text", "only_text", nw.lit("")).alias(into))


def joined_texts(
    several: Frame, *, keys: Sequence[str], value: str, order_by: nw.Expr, separator: str, most: int
) -> Frame:
    """The texts of keys that have more than one, as ``joined_text``; ranks are dear, but no engine has the same list join."""
    ranked = several.with_columns(text_order=order_by)
    ranked = ranked.with_columns(place=nw.col("text_order").rank("ordinal").over(*keys))
    texts = {
        f"text_{place}": nw.when(nw.col("place") == place).then(nw.col(value)).max() for place in range(1, most + 1)
    }
    joined = nw.concat_str([nw.col(name) for name in texts], separator=separator, ignore_nulls=True)
    more = sentence(joined, " and ", (nw.col("texts") - most).cast(nw.String), " more")
    grouped = ranked.group_by(list(keys)).agg(nw.len().alias("texts"), **texts)
    return grouped.select(*keys, nw.when(nw.col("texts") > most).then(more).otherwise(joined).alias("joined_text"))


def lines_text() -> nw.Expr:
    """Where lines stand, of ``settlement_id, first_line, last_line, lines``: ``settlement 123, lines 14–19``."""
    first, last = nw.col("first_line"), nw.col("last_line")
    many = sentence(" lines between ", first.cast(nw.String), " and ", last.cast(nw.String))
    return sentence(
        "settlement ",
        nw.col("settlement_id"),
        ", ",
        nw.when(first == last)
        .then(sentence("line ", first.cast(nw.String)))
        .otherwise(
            nw.when(last - first + 1 == nw.col("lines"))
            .then(sentence("lines ", first.cast(nw.String), "–", last.cast(nw.String)))
            .otherwise(sentence(nw.col("lines").cast(nw.String), many))
        ),
    )
