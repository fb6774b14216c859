"""JSON of the Finances API as exact values: amounts as decimals, times in UTC, lists as lists; or the place of what is not.

A file is one document, several after one another (JSON Lines), or a list of them. It is parsed in one go: memory is
bounded by the size of the file, which the API keeps small (pages of at most some megabytes).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from nsbill.amazon.text import SourceText
from nsbill.errors import MoneyError, SourceFileError
from nsbill.money import exact

__all__ = ["At", "JsonFile", "Money", "Node", "is_money"]

_TYPES = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "null"}

_AGAIN = "Fetch it again from the Finances API and store the answer as it comes."
_CURRENCY = re.compile(r"[A-Z]{3}")
_MONEY_KEYS = (("currencyAmount", "currencyCode"), ("CurrencyAmount", "CurrencyCode"))

At = tuple[str | int, ...]
"""A place in a document: names of keys, and numbers (first is 1) of members of a list."""

Node = dict[str, Any]
"""A JSON object."""


@dataclass(frozen=True)
class Money:
    """An amount in its currency."""

    amount: Decimal
    currency: str


@dataclass(frozen=True)
class JsonFile:
    """A source file that holds JSON, and its errors by place."""

    source: SourceText

    def error(self, at: At, *, found: str, expected: str, remedy: str = _AGAIN, line: int | None = None) -> Exception:
        """Build the error about one place of the file."""
        column = " ".join(str(part) for part in at) or None
        return SourceFileError(
            self.source.name, line=line, column=column, found=found, expected=expected, remedy=remedy
        )

    def pages(self) -> Iterator[tuple[At, Node]]:
        """Yield the objects that the file holds, of a list its members, with their place.

        An answer that reports errors instead of data is refused: skipped, it would be a gap that nobody sees.
        """
        number = 0
        for document in self._documents():
            for page in document if isinstance(document, list) else [document]:
                number += 1
                at: At = ("document", number)
                if not isinstance(page, dict):
                    raise self.error(at, found=_named(page), expected="an object")
                if page.get("errors"):
                    raise self.error(at, found="an answer with errors", expected="an answer with data")
                yield at, page

    def payload(self, page: Node, at: At) -> tuple[At, Node]:
        """Return what an answer holds: its ``payload``, or the object itself when only that was stored."""
        inside = page.get("payload")
        return ((*at, "payload"), inside) if isinstance(inside, dict) else (at, page)

    def _documents(self) -> Iterator[Any]:
        text = self.source.plain.read_text(encoding="utf-8-sig")
        decoder = json.JSONDecoder(
            parse_float=Decimal, parse_constant=self._no_constant, object_pairs_hook=self._without_twins
        )
        at = _next(text, 0)
        while at < len(text):
            try:
                document, end = decoder.raw_decode(text, at)
            except json.JSONDecodeError as error:
                remedy = _AGAIN
                if not text[error.pos :].strip():
                    remedy = f"The file is cut off. {_AGAIN}"
                raise self.error(
                    (), found=f"no JSON ({error.msg})", expected="JSON", remedy=remedy, line=error.lineno
                ) from error
            except (ArithmeticError, RecursionError, ValueError) as error:
                line = text.count("\n", 0, at) + 1
                raise self.error((), found=f"JSON that cannot be read ({error})", expected="JSON", line=line) from error
            yield document
            at = _next(text, end)

    def _no_constant(self, name: str) -> Any:
        raise self.error((), found=name, expected="a number")

    def _without_twins(self, pairs: list[tuple[str, Any]]) -> Node:
        node = dict(pairs)
        if len(node) != len(pairs):
            names = [name for name, _ in pairs]
            twin = next(name for name in names if names.count(name) > 1)
            raise self.error((twin,), found="the key twice in one object", expected="it once")
        return node

    def objects(self, node: Node, key: str, at: At) -> list[tuple[At, Node]]:
        """Return the list under ``key`` as objects with their places; absent and null are an empty list.

        A single object stands for a list of one: Amazon's own model gives some lists as an object.
        """
        found = node.get(key)
        if found is None:
            return []
        members = [found] if isinstance(found, dict) else found
        if not isinstance(members, list):
            raise self.error((*at, key), found=_named(members), expected="a list")
        placed: list[tuple[At, Node]] = []
        for number, member in enumerate(members, start=1):
            place = (*at, key, number)
            if not isinstance(member, dict):
                raise self.error(place, found=_named(member), expected="an object")
            placed.append((place, member))
        return placed

    def text(self, node: Node, key: str, at: At) -> str | None:
        """Return the text under ``key``, trimmed; absent, null and blank are None. A whole number is taken as text."""
        found = node.get(key)
        if isinstance(found, int) and not isinstance(found, bool):
            found = str(found)
        if found is not None and not isinstance(found, str):
            raise self.error((*at, key), found=_named(found), expected="a text")
        return (found or "").strip() or None

    def count(self, node: Node, key: str, at: At) -> int | None:
        """Return the whole number under ``key``, also when it is written as text."""
        found = node.get(key)
        if isinstance(found, str) and re.fullmatch(r"-?\d{1,18}", found.strip(), re.ASCII):
            found = int(found)
        if isinstance(found, Decimal) and found == found.to_integral_value():
            found = int(found)
        if found is not None and (not isinstance(found, int) or isinstance(found, bool) or abs(found) >= 10**18):
            raise self.error((*at, key), found=_named(found), expected="a whole number")
        return found

    def instant(self, node: Node, key: str, at: At) -> datetime | None:
        """Return the ISO 8601 time under ``key`` in UTC. One without a zone is refused: its day would be a guess."""
        found = self.text(node, key, at)
        if found is None:
            return None
        try:
            instant = datetime.fromisoformat(found)
            if instant.tzinfo is not None:
                return instant.astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise self.error((*at, key), found=repr(found), expected="a time such as 2026-03-01T10:00:00Z") from error
        raise self.error(
            (*at, key), found=f"{found!r}, without a time zone", expected="a time such as 2026-03-01T10:00:00Z"
        )

    def money(self, node: Node, key: str, at: At) -> Money | None:
        """Return the amount under ``key``; absent and null are None."""
        found = node.get(key)
        if found is None:
            return None
        if not is_money(found):
            raise self.error((*at, key), found=_named(found), expected="an amount with its currency")
        amount_key, currency_key = next(keys for keys in _MONEY_KEYS if found.keys() & {*keys})
        amount, currency = found.get(amount_key), found.get(currency_key)
        if not isinstance(currency, str) or not _CURRENCY.fullmatch(currency):
            expected = "a code of three capital letters such as USD"
            raise self.error((*at, key, currency_key), found=_named(currency), expected=expected)
        if not isinstance(amount, int | Decimal | str) or isinstance(amount, bool):
            raise self.error((*at, key, amount_key), found=_named(amount), expected="a number")
        try:
            return Money(exact(amount), currency)
        except MoneyError as error:
            remedy = f"nsbill does not round: if the API itself gives such an amount, please report it. {_AGAIN}"
            expected = "an amount such as 1234.56, at most two decimals"
            raise self.error(
                (*at, key, amount_key), found=str(amount).strip() or repr(amount), expected=expected, remedy=remedy
            ) from error


def is_money(value: object) -> bool:
    """Say whether a JSON value is an amount with a currency, in the spelling of either version of the API."""
    return isinstance(value, dict) and any(key in value for keys in _MONEY_KEYS for key in keys)


def _next(text: str, at: int) -> int:
    """The position of the next document: white space between documents is nothing."""
    while at < len(text) and text[at] in " \t\r\n":
        at += 1
    return at


def _named(value: object) -> str:
    if isinstance(value, str | int | Decimal) and not isinstance(value, bool):
        return repr(str(value))
    return _TYPES.get(type(value), type(value).__name__)
