"""Expressions that write text: amounts, lists of document numbers, places in settlement files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import narwhals as nw

from nsbill.money import minor_units
from nsbill.reconcile.engine import Engine, Frame

__all__ = ["Amounts", "in_one_text", "lines_text", "sentence"]


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
        return sentence(self.plain(column), " ", nw.col("currency"))


def sentence(*parts: str | nw.Expr) -> nw.Expr:
    """Join texts and text expressions; a missing part leaves nothing behind."""
    return nw.concat_str([nw.lit(part) if isinstance(part, str) else part for part in parts], ignore_nulls=True)


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
    sums: Mapping[str, nw.Expr] | None = None,
) -> Frame:
    """Return one row per ``keys`` with the texts of ``value`` joined, at most ``most`` of them, then how many more.

    ``order_by`` must be unique within the keys. ``sums`` are added up in the same pass, and come with it.
    """
    named = {"texts": nw.len(), "only_text": nw.col(value).max(), **(sums or {})}
    counted = engine.hold(frame.group_by(list(keys)).agg(**named), grain=keys, what=f"{into} by order", grouped=True)
    several = frame.join(counted.filter(nw.col("texts") > 1).select(*keys), on=list(keys), how="semi")
    joined = _joined_texts(several, keys, value, order_by, separator, most)
    held = engine.hold(joined, grain=keys, what=f"{into} in one text", grouped=True)
    told = counted.join(held, on=list(keys), how="left")
    return told.select(*keys, *(sums or {}), nw.coalesce("joined_text", "only_text", nw.lit("")).alias(into))


def _joined_texts(
    several: Frame, keys: Sequence[str], value: str, order_by: nw.Expr, separator: str, most: int
) -> Frame:
    """The texts of those that have more than one, by ranks: no list join exists on all engines, and ranks are dear."""
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
