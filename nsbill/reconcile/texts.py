"""Expressions that write text: amounts, lists of document numbers, places in settlement files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import narwhals as nw

from nsbill.money import minor_units
from nsbill.reconcile.engine import Frame

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
    frame: Frame, *, keys: Sequence[str], value: str, order_by: str, into: str, separator: str, most: int
) -> Frame:
    """Return one row per ``keys`` with the texts of ``value`` joined, at most ``most`` of them, then how many more.

    ``order_by`` must be unique within the keys. Written with ranks, because no list join exists on all engines.
    """
    ranked = frame.with_columns(place=nw.col(order_by).rank("ordinal").over(*keys))
    texts = {
        f"text_{place}": nw.when(nw.col("place") == place).then(nw.col(value)).max() for place in range(1, most + 1)
    }
    joined = nw.concat_str([nw.col(name) for name in texts], separator=separator, ignore_nulls=True)
    more = sentence(joined, " and ", (nw.col("texts") - most).cast(nw.String), " more")
    grouped = ranked.group_by(list(keys)).agg(nw.len().alias("texts"), **texts)
    return grouped.select(*keys, nw.when(nw.col("texts") > most).then(more).otherwise(joined).alias(into))


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
